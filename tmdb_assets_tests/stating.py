"""Toy functions as transforms: what they read is stated by the names of their parameters, which is short in a test.

What belongs here: `by_name`, and `call` for whatever states its inputs. What does not: how the project's own functions
state it (lakehouse/flow/transforms.py).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import polars as pl

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.flow.transforms import ROWS, Input, Read, Reader, Transform, every_day, reads

T = TypeVar("T")


def by_name(function: Any, tables: Mapping[str, Contract], **others: Read) -> Any:
    """A function that reads the tables its parameters are named as (`all_<name>`: every day of it; `rows`: its own);
    what states its reads itself stays as it is."""
    if not isinstance(function, Callable) or isinstance(function, Transform) or hasattr(function, "inputs"):  # type: ignore[arg-type]  # a special form
        return function

    def stated(name: str) -> Read | Contract:
        if name == "rows":
            return ROWS
        if name.startswith("all_"):
            return every_day(tables[name.removeprefix("all_")])
        return others.get(name) or tables[name]

    return reads(*map(stated, inspect.signature(function).parameters))(function)


def call(reader: Reader[T], **tables: pl.LazyFrame) -> T:
    """What it makes of tables, given by their names; one that it reads may not be left out."""
    return reader(*(tables[read.contract.name] for read in reader.inputs if isinstance(read, Input)))
