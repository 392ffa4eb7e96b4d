"""Asking the warehouse: every answer is kept until the file is replaced.

What belongs here: the only way from a page to the data. What does not: any question (a page's module), how the file is
opened and checked (warehouse/reader.py). What a user typed or chose goes into `parameters`, never into the text.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import polars as pl
import streamlit as st

from tmdb_assets.settings import load_settings
from tmdb_assets.warehouse.reader import Stamp, Warehouse


@cache
def warehouse() -> Warehouse:
    """The warehouse that the settings name, which are read once: a page asks ten times.

    Raises SettingsError; that the file is there is found out by asking.
    """
    return Warehouse(load_settings().tmdb_assets_warehouse)


def ask(sql: str, **parameters: object) -> pl.DataFrame:
    """The answer of the newest file to one SELECT; `parameters` fill `$name`.

    Raises WarehouseError: no file, not a warehouse of this version, or it lacks what is asked for.
    """
    house = warehouse()
    return _answer(str(house.path), house.stamp, sql, parameters)


def row(sql: str, **parameters: object) -> dict[str, Any]:
    """The one row of an answer, by column."""
    return ask(sql, **parameters).row(0, named=True)


@st.cache_data(max_entries=300, show_spinner=False)
def _answer(path: str, stamp: Stamp, sql: str, parameters: dict[str, object]) -> pl.DataFrame:
    # `stamp` is part of the key: a replaced file is asked again
    return Warehouse(path).query(sql, parameters)
