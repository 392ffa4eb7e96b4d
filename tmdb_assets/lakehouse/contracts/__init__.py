"""What a table promises: its columns with their rules, how it is kept, and the audit that holds a frame to it."""

from tmdb_assets.lakehouse.contracts.audit import TRACE, Audit, Tally, is_value, set_aside
from tmdb_assets.lakehouse.contracts.columns import Column, ContractError, col
from tmdb_assets.lakehouse.contracts.contract import Contract, Duplicates, Stage
from tmdb_assets.lakehouse.contracts.kept import ByDay, ByPeriod, FewADay, Kept, Owned, Whole
from tmdb_assets.lakehouse.contracts.rules import (
    Rule,
    counting,
    ge,
    in_range,
    isin,
    not_blank,
    str_matches,
    within_days,
    within_instants,
)
from tmdb_assets.lakehouse.contracts.verdict import holds

__all__ = [
    "TRACE",
    "Audit",
    "ByDay",
    "ByPeriod",
    "Column",
    "Contract",
    "ContractError",
    "Duplicates",
    "FewADay",
    "Kept",
    "Owned",
    "Rule",
    "Stage",
    "Tally",
    "Whole",
    "col",
    "counting",
    "ge",
    "holds",
    "in_range",
    "is_value",
    "isin",
    "not_blank",
    "set_aside",
    "str_matches",
    "within_days",
    "within_instants",
]  # fmt: skip
