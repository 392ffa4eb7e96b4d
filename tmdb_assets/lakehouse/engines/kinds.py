"""What a view reads of tables that grow with every day: its kind, as the head of its file says it.

What belongs here: the kinds, the lines of a head that name them, and which views may read facts at all. What does not:
which rows a kind is handed (flow/view_inputs.py), heads as a whole (views.py).

A table that grows by many rows a day (facts) is not to be read as a whole, or each day would cost more than the one
before. So a view over one says in its head what it needs of it, in a line below the grain:

    -- Kind: daily                             a day's rows come of that day's facts; kept by the day
    -- Kind: daily, few rows                   the same, of an answer that has few rows a day: kept in few files
    -- Kind: periodic, by the week             a week's rows come of its days' facts (or: by the month)
    -- Kind: windowed, 0 to 60 days back       answered of the newest days (or: 0, 1 and 7 days back)
    -- Kind: current                           answered of the last rows of each key, which a star table keeps
    -- Kind: whole                             answered of all rows: of facts that stay few

What a daily or a periodic view may need beside the facts of its days is said in further lines:

    -- After: the last row of movie_id with vote_count     the last row before them, of each key, where that is known
    -- Dated: dim_movie.gone_on by movie_id                a value of another table, which counts from that day on

Of other tables than facts a daily or a periodic view reads only dated ones: whatever else changed in them would change
days that nobody builds again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tmdb_assets.lakehouse.calendar import Period
from tmdb_assets.lakehouse.contracts import ByDay, ByPeriod, Contract, FewADay, Kept, Whole


class KindError(ValueError):
    """A line of a head that names no kind, or a view that reads what its kind may not. The message says which."""


@dataclass(frozen=True)
class LastKnown:
    """The last row of each `key` in which `column` is not null."""

    key: str
    column: str


@dataclass(frozen=True)
class Dated:
    """A column of a table, one row for each `key`, whose value is the day from which it counts."""

    table: str
    column: str
    key: str


@dataclass(frozen=True)
class Plain:
    """Answered of all rows of tables that are not facts: what a view without a kind is."""


@dataclass(frozen=True)
class All:
    """Answered of all rows of facts that stay few, as the author of the view says."""


@dataclass(frozen=True)
class Daily:
    """A day's rows come of that day's facts, and of what `after` and `dated` add."""

    has_few_rows: bool = False
    after: LastKnown | None = None
    dated: tuple[Dated, ...] = ()


@dataclass(frozen=True)
class Periodic:
    """A period's rows come of its days' facts, and of what `dated` adds."""

    period: Period
    dated: tuple[Dated, ...] = ()


@dataclass(frozen=True)
class Windowed:
    """Answered of the facts of some days: `days_back` counts from the newest one, which is 0."""

    days_back: tuple[int, ...]


@dataclass(frozen=True)
class Current:
    """Answered of the last rows of each key: of `fact_x` those that the star table `fact_x_last` keeps."""


Kind = Plain | All | Daily | Periodic | Windowed | Current

_LISTED = re.compile(r"windowed, (?P<days>\d+(?:, \d+)*(?: and \d+)?) days? back")
_SPAN = re.compile(r"windowed, (?P<first>\d+) to (?P<last>\d+) days back")
_PERIODIC = re.compile(r"periodic, by the (?P<period>week|month)")
_AFTER = re.compile(r"the last row of (?P<key>\w+) with (?P<column>\w+)")
_DATED = re.compile(r"(?P<table>\w+)\.(?P<column>\w+) by (?P<key>\w+)")
_PLAIN: dict[str, Kind] = {
    "whole": All(),
    "daily": Daily(),
    "daily, few rows": Daily(has_few_rows=True),
    "current": Current(),
}


@dataclass
class KindLines:
    """What the lines of a head say of a kind."""

    kind: Kind = field(default_factory=Plain)
    after: LastKnown | None = None
    dated: tuple[Dated, ...] = ()

    def read(self, words: str) -> bool:
        """Take a line of the head, if it is one of these. Raises KindError when it is not of the form it should be."""
        name, colon, rest = (part.strip() for part in words.partition(":"))
        if not colon or name not in {"Kind", "After", "Dated"}:
            return False
        if name == "Kind":
            self.kind = _kind(rest)
        elif name == "After" and (found := _AFTER.fullmatch(rest)):
            self.after = LastKnown(found["key"], found["column"])
        elif name == "Dated" and (found := _DATED.fullmatch(rest)):
            self.dated += (Dated(found["table"], found["column"], found["key"]),)
        else:
            form = "the last row of <key> with <column>" if name == "After" else "<table>.<column> by <key>"
            raise KindError(f"`{words}` is not of the form `{name}: {form}`")
        return True

    def stated(self) -> Kind:
        """The kind with all that its lines say. Raises KindError for a line that does not go with the kind."""
        if isinstance(self.kind, Daily):
            return Daily(self.kind.has_few_rows, self.after, self.dated)
        if self.after:
            raise KindError("`After:` goes with `Kind: daily`")
        if isinstance(self.kind, Periodic):
            return Periodic(self.kind.period, self.dated)
        if self.dated:
            raise KindError("`Dated:` goes with `Kind: daily` and `Kind: periodic`")
        return self.kind


def _kind(words: str) -> Kind:
    if words in _PLAIN:
        return _PLAIN[words]
    if found := _PERIODIC.fullmatch(words):
        return Periodic(Period(found["period"]))
    if found := _LISTED.fullmatch(words):
        return Windowed(tuple(sorted({int(number) for number in re.findall(r"\d+", found["days"])})))
    if (found := _SPAN.fullmatch(words)) and int(found["first"]) <= int(found["last"]):
        return Windowed(tuple(range(int(found["first"]), int(found["last"]) + 1)))
    known = "whole; daily; daily, few rows; periodic, by the week; windowed, 0 to 60 days back; current"
    raise KindError(f"the kind `{words}` is none of: {known}")


def kept_as(kind: Kind, grain: tuple[str, ...]) -> Kept:
    """How the answers of a kind are kept. The first column of the grain is their day."""
    if isinstance(kind, Daily):
        return FewADay(grain[0]) if kind.has_few_rows else ByDay(grain[0])
    return ByPeriod(grain[0], kind.period) if isinstance(kind, Periodic) else Whole()


def is_fact(contract: Contract) -> bool:
    """Whether a table grows by many rows a day: one that lies in a folder for each day or period, or is named so."""
    return contract.folders is not None or (
        contract.name.startswith("fact_") and not isinstance(contract.kept, FewADay)
    )


def read_by(kind: Kind, tables: Mapping[str, Contract], known: Mapping[str, Contract]) -> dict[str, Contract]:
    """The tables that a view of a kind is handed, by the names that it reads.

    `tables` are those that its text names, `known` all there are. A view that looks back for last rows is handed the
    table that keeps them, too: it finds most of them there. Raises KindError for a table that it may not read.
    """
    facts = {name: contract for name, contract in tables.items() if is_fact(contract)}
    if isinstance(kind, Current):
        return dict(tables) | {name: _last_of(c, known) for name, c in facts.items() if c.folders}
    for name, contract in facts.items():
        _refuse_unfit(kind, name, contract)
    if isinstance(kind, Daily | Periodic):
        dated = {each.table for each in kind.dated}
        for name in tables:
            if not (tables[name].partition or name in dated):
                raise KindError(
                    f"it reads {name}, whose rows may change without a day being built again: a daily or periodic view "
                    f"reads facts, and of other tables those with a line `Dated: {name}.<day> by <key>`"
                )
    after = isinstance(kind, Daily) and kind.after is not None
    last = [known[f"{name}_last"] for name in tables if after and f"{name}_last" in known]
    return dict(tables) | {contract.name: contract for contract in last}


def _refuse_unfit(kind: Kind, name: str, contract: Contract) -> None:
    """Raises KindError when a kind may not read a table of facts."""
    if isinstance(kind, All):
        return
    if isinstance(kind, Daily | Periodic | Windowed) and isinstance(contract.kept, ByDay):
        return
    if isinstance(kind, Plain):
        raise KindError(f"it reads the facts of {name} and has no line `Kind:` that says how many of them it needs")
    raise KindError(f"it reads the facts of {name}, which are not kept by the day: only `Kind: whole` can")


def _last_of(contract: Contract, known: Mapping[str, Contract]) -> Contract:
    last = known.get(f"{contract.name}_last")
    if last is None:
        raise KindError(f"it is `current`, and no table {contract.name}_last keeps the last rows of {contract.name}")
    return last
