"""The lake: Delta tables under one root, what is kept of them, and who may be at work on them."""

from tmdb_assets.lakehouse.store.delta import Commit, DeltaStore, OvertakenError
from tmdb_assets.lakehouse.store.root import LakeError, without_secrets

__all__ = ["Commit", "DeltaStore", "LakeError", "OvertakenError", "without_secrets"]
