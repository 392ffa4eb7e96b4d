"""Views over facts, built a few days at a time: whatever is filled, in whatever order, the tables are what one answer
over all facts is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.lakehouse.contracts import Contract, Whole, col
from tmdb_assets.lakehouse.engines import duckdb
from tmdb_assets.lakehouse.engines.views import View
from tmdb_assets.lakehouse.flow.derived import DerivedTable
from tmdb_assets.lakehouse.flow.publishing import publish
from tmdb_assets.lakehouse.flow.run import Run
from tmdb_assets.lakehouse.store import DeltaStore, retention
from tmdb_assets.sources.tmdb import contracts
from tmdb_assets.sources.tmdb.assets import derived_tables
from tmdb_assets_tests.effort import examples

FIRST = dt.date(2026, 11, 5)  # a Thursday: twelve days touch three weeks
DAYS = [FIRST + dt.timedelta(days=n) for n in range(12)]
FILMS = range(1, 6)

TABLES = {table.contract.name: table for table in derived_tables()}
#: Built by a run of a day in this order.
BUILT = (
    "fact_movie_daily_last",
    "vw_daily_popularity",
    "vw_movie_history",
    "vw_movie_weeks",
    "vw_movie_latest",
    "vw_observed_days",
    "vw_trending",
    "vw_genre_trend",
)
Day = Mapping[int, tuple[float, int | None]]


@dataclass(frozen=True)
class Step:
    """What one run brings: the facts of a day anew (None: no new facts), when films are gone, and what it builds."""

    day: dt.date
    facts: Day | None
    gone: Mapping[int, dt.date | None]
    builds: bool


FACTS = st.dictionaries(
    st.sampled_from(FILMS),
    st.tuples(st.sampled_from([0.0, 1.0, 2.5, 4.0]), st.none() | st.integers(0, 9)),
    min_size=1,
)
STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from(DAYS),
        st.none() | FACTS,
        st.dictionaries(st.sampled_from(FILMS), st.none() | st.sampled_from(DAYS), max_size=2),
        st.booleans(),
    ),
    min_size=1,
    max_size=9,
)


@given(STEPS)
@examples(12)
def test_whatever_is_filled_in_whatever_order_the_tables_are_one_answer_over_all_facts(steps: list[Step]) -> None:
    with TemporaryDirectory() as folder:
        store, gone = DeltaStore(Path(folder)), dict[int, dt.date | None]()
        _keep_films(store, gone)
        for step in (*steps, Step(steps[-1].day, None, {}, builds=True)):
            if step.gone:
                gone |= step.gone
                _keep_films(store, gone)
            if step.facts is not None:
                _keep_facts(store, step.day, step.facts)
            if step.builds:
                _build(store, step.day)
        _hold_against_one_answer(store)


def _keep_films(store: DeltaStore, gone: Mapping[int, dt.date | None]) -> None:
    rows = [
        {"movie_id": film, "title": f"Film {film}", "observed_on": FIRST, "gone_on": gone.get(film)} for film in FILMS
    ]
    store.merge(contracts.DIM_MOVIE, _frame(contracts.DIM_MOVIE, rows), {})
    genres = [{"movie_id": film, "genre_id": film % 2, "observed_on": FIRST} for film in FILMS if film < 5]
    store.merge(contracts.BRIDGE_MOVIE_GENRE, _frame(contracts.BRIDGE_MOVIE_GENRE, genres), {})


def _keep_facts(store: DeltaStore, day: dt.date, facts: Day) -> None:
    rows = [
        {"date_id": day, "movie_id": film, "popularity": popularity, "vote_count": votes}
        for film, (popularity, votes) in sorted(facts.items())
    ]
    store.merge(contracts.DIM_DATE, _frame(contracts.DIM_DATE, [{"date_id": day}]), {})
    store.replace(contracts.FACT_MOVIE_DAILY, _frame(contracts.FACT_MOVIE_DAILY, rows), [day], {})


def _build(store: DeltaStore, day: dt.date) -> None:
    for name in BUILT:
        publish(TABLES[name], Run(store, [day]))


def _frame(contract: Contract, rows: list[dict[str, object]]) -> pl.DataFrame:
    """Rows of a table; what is not said and may not be null is something."""
    something = {pl.Int64: 1, pl.Float64: 1.0, pl.String: "x", pl.Boolean: False}
    filled = [
        {
            name: row.get(name, None if column.nullable else something.get(column.dtype))
            for name, column in contract.columns.items()
        }
        for row in rows
    ]
    return pl.DataFrame(filled, schema=contract.schema)


def _hold_against_one_answer(store: DeltaStore) -> None:
    """Each view's table is the answer over all rows of the facts and of the views before it."""
    answered: dict[str, pl.LazyFrame] = {}
    for table in (TABLES[name] for name in BUILT[1:]):
        view = table.build
        assert isinstance(view, View)
        tables = {
            name: answered[name] if name in answered else store.scan(_as_named(name, contract))
            for name, contract in view.tables.items()
        }
        truth = duckdb.answer(view, tables)
        grain = list(view.contract.grain)
        there = store.scan(view.contract).sort(grain).collect()
        assert there.to_dicts() == truth.select(there.columns).sort(grain).to_dicts(), view.contract.name
        answered[view.contract.name] = truth.select(there.columns).lazy()


def _as_named(name: str, contract: Contract) -> Contract:
    """The table of a name, of which a `current` view is handed another one."""
    return contracts.FACT_MOVIE_DAILY if name == "fact_movie_daily" else contract


def test_a_view_that_this_lake_keeps_otherwise_is_answered_anew(lake: DeltaStore) -> None:
    """As a lake does that was filled before a view was kept by the day, or had another column."""
    _keep_films(lake, {})
    for number in (0, 1, 3):
        _keep_facts(lake, DAYS[number], {1: (1.0, number), 2: (2.0, None)})
    history = TABLES["vw_movie_history"].contract
    before = replace(history, kept=Whole(), columns=dict(history.columns) | {"title": col(pl.String, "Title.")})
    lake.overwrite(before, _frame(before, [{"date_id": DAYS[0], "movie_id": 1}]), {})
    lines: list[str] = []
    for name in BUILT:
        publish(TABLES[name], Run(lake, [DAYS[3]], tell=lambda event: lines.append(str(event))))
    assert f"{history.path}: it was kept with other columns or folders, and is answered anew" in lines
    _hold_against_one_answer(lake)


def test_only_what_changed_is_built(lake: DeltaStore) -> None:
    _keep_films(lake, {})
    for number in range(6):
        _keep_facts(lake, DAYS[number], {1: (1.0, number), 2: (2.0, None)})
        _build(lake, DAYS[number])
    history, weeks = TABLES["vw_movie_history"], TABLES["vw_movie_weeks"]

    def built(table: DerivedTable, day: dt.date) -> set[object]:
        """The parts whose files are other ones after a run for a day."""
        was = lake.files(table.contract)
        publish(table, Run(lake, [day]))
        now = lake.files(table.contract).join(was, on="path", how="anti")
        return set(now.get_column(f"partition.{table.contract.folders}"))

    assert built(history, DAYS[5]) == set(), "nothing changed"
    _keep_facts(lake, DAYS[8], {1: (3.0, 9)})
    assert built(history, DAYS[8]) == {DAYS[8]}
    assert built(weeks, DAYS[8]) == {dt.date(2026, 11, 9)}
    _keep_facts(lake, DAYS[2], {1: (5.0, 7), 2: (2.0, None)})
    assert built(history, DAYS[2]) == {DAYS[2], DAYS[3]}, "the day that was filled again, and the one that looks back"
    assert built(weeks, DAYS[2]) == {dt.date(2026, 11, 2)}
    _keep_films(lake, {2: DAYS[4]})
    assert built(history, DAYS[8]) == {DAYS[4], DAYS[5]}, "the days on which the film is seen though it is gone by then"


def test_where_an_old_version_is_no_longer_kept_everything_is_built(lake: DeltaStore) -> None:
    _keep_films(lake, {})
    for number in range(3):
        _keep_facts(lake, DAYS[number], {1: (1.0, number), 2: (2.0, None)})
        _build(lake, DAYS[number])
    _keep_films(lake, {2: DAYS[1]})
    retention.drop_past(lake, contracts.DIM_MOVIE)
    _build(lake, DAYS[2])
    _hold_against_one_answer(lake)


def test_days_that_change_no_row_are_looked_at_once(lake: DeltaStore) -> None:
    """Older days say nothing new of what is last known of a film; the run after must not read them again."""
    last = TABLES["fact_movie_daily_last"]
    _keep_films(lake, {})
    for number in (9, 10, 11):
        _keep_facts(lake, DAYS[number], {1: (1.0, number), 2: (2.0, number)})
        _build(lake, DAYS[number])
    for number in range(9):
        _keep_facts(lake, DAYS[number], {1: (1.0, number), 2: (2.0, number)})
    lake.bytes_per_batch = 1
    kept = lake.scan(last.contract).collect()
    first = publish(last, Run(lake, [DAYS[8]]))
    assert sum(tally.received for tally in first.tallies) > 9, "every day was looked at"
    assert lake.scan(last.contract).collect().equals(kept)
    assert last.parts_to_build(lake, [DAYS[11]]) == [DAYS[11]]
    _build(lake, DAYS[11])
    for name in BUILT:
        assert set(TABLES[name].parts_to_build(lake, [DAYS[11]])) <= {DAYS[11]}, name
    _hold_against_one_answer(lake)
