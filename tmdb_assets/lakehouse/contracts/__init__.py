"""What a table promises: its columns with their rules, how it is kept, and the audit that holds a frame to it."""

from tmdb_assets.lakehouse.contracts.audit import SET_ASIDE, TRACE, Audit, is_value, set_aside
from tmdb_assets.lakehouse.contracts.contract import Column, Contract, ContractError, Duplicates, Stage, col
from tmdb_assets.lakehouse.contracts.kept import ByDay, FewADay, Owned, Whole
from tmdb_assets.lakehouse.contracts.rules import (
    Rule,
    at_least,
    between,
    counting,
    matches,
    not_blank,
    one_of,
    within_days,
    within_instants,
)

__all__ = [
    "SET_ASIDE",
    "TRACE",
    "Audit",
    "ByDay",
    "Column",
    "Contract",
    "ContractError",
    "Duplicates",
    "FewADay",
    "Owned",
    "Rule",
    "Stage",
    "Whole",
    "at_least",
    "between",
    "col",
    "counting",
    "is_value",
    "matches",
    "not_blank",
    "one_of",
    "set_aside",
    "within_days",
    "within_instants",
]  # fmt: skip
