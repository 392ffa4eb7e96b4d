"""What a function of a table is given: the tables that it reads, stated beside it.

What belongs here: `reads`, the decorator that states it, and the kinds of inputs. What does not: how inputs are opened
(derived.py), the functions themselves (a source's clean.py and star.py).

    @reads(contracts.MOVIES, every_day(contracts.MOVIES), contracts.DIM_MOVIE)
    def bridge_movie_genre(movies, all_movies, dim_movie): ...

Inputs come in the order in which they are stated, whatever the function calls them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.errors import LakehouseError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class InputsError(LakehouseError):
    """A function does not take what is stated that it reads: a fault of the code."""


@dataclass(frozen=True, eq=False)
class Input:
    """A table: the days of the run where it is kept by the day (all days with `is_whole`), else all of it."""

    contract: Contract
    is_whole: bool = False


@dataclass(frozen=True, eq=False)
class Loaded:
    """Something that is no table, loaded when the function is called."""

    load: Callable[[], Any]


@dataclass(frozen=True, eq=False)
class OwnRows:
    """The rows of the table itself that are about to be published: for checks."""


ROWS = OwnRows()
Read = Input | Loaded | OwnRows


def every_day(contract: Contract) -> Input:
    """A table with all its days, whatever the days of the run."""
    return Input(contract, is_whole=True)


def loaded(load: Callable[[], Any]) -> Loaded:
    """What `load` returns when the function is called."""
    return Loaded(load)


class Reader(Protocol[T_co]):
    """Whatever is called with frames and states which: a `Transform`, or an object made for many tables."""

    @property
    def inputs(self) -> Sequence[Read]:
        """What it is called with, in order."""

    def __call__(self, *inputs: Any) -> T_co:
        """What it makes of its inputs."""


@dataclass(frozen=True, eq=False)
class Transform(Generic[T]):
    """A function and what it reads. It is called as the function is."""

    function: Callable[..., T]
    inputs: tuple[Read, ...]

    def __call__(self, *args: Any, **named: Any) -> T:
        """Call the function."""
        return self.function(*args, **named)

    @property
    def doc(self) -> str:
        """What the function says of itself."""
        return inspect.getdoc(self.function) or ""


def reads(*inputs: Contract | Read) -> Callable[[Callable[..., T]], Transform[T]]:
    """State what a function reads. Raises InputsError for a function that takes another number of inputs."""
    stated = tuple(Input(each) if isinstance(each, Contract) else each for each in inputs)

    def state(function: Callable[..., T]) -> Transform[T]:
        try:
            inspect.signature(function).bind(*stated)
        except TypeError as error:
            name = getattr(function, "__name__", repr(function))
            raise InputsError(f"{name}: {len(stated)} inputs are stated for it, and it takes others: {error}") from None
        return Transform(function, stated)

    return state


def tables_of(reader: Reader[Any]) -> tuple[Contract, ...]:
    """The tables that something reads, in order; none twice."""
    return tuple(dict.fromkeys(each.contract for each in reader.inputs if isinstance(each, Input)))
