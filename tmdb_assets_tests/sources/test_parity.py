"""Every view of every source is answered by Spark as DuckDB answers it, to the last digit: on what the sandbox makes
up, with its quirks, and on what was recorded.

What belongs here: the lakes whose tables both are asked over, and the comparison. What does not: whether an answer is
right (each source's tests of its views). Where SQL means two things to them, the text of the view is changed, and
docs/architecture.md says so: nothing is excused here. A source without lakes fails as it is collected.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from tmdb_assets.assembly import source_modules
from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.engines import Readable, Wanted, Written, duckdb
from tmdb_assets.lakehouse.engines.kinds import Daily, Periodic
from tmdb_assets.lakehouse.engines.spark import ROWS_AT_MOST, Spark
from tmdb_assets.lakehouse.engines.views import View
from tmdb_assets.lakehouse.errors import BlockedError
from tmdb_assets.lakehouse.flow.view_inputs import ViewInputs
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sandbox.moovitamix.world import World as Music
from tmdb_assets.sources.tmdb import contracts as tmdb
from tmdb_assets_tests.conftest import REAL_DATA
from tmdb_assets_tests.sources.moovitamix import lakes
from tmdb_assets_tests.sources.streamflow.months import World as Months
from tmdb_assets_tests.sources.tmdb.worlds import made_once, recorded_lake, sandbox_lake, shared_by_workers
from tmdb_assets_tests.warehouse.published import MONTHS, REFUSED, spoiled_months

Make = Callable[[Path], object]


def music(folder: Path) -> None:
    """Days on which tracks and users came, changed and went."""
    world, store = Music(7, 40), DeltaStore(folder)
    for on in map(lakes.day, (200, 30, 0)):
        said = lakes.lists(world.tracks(on), world.users(on), world.histories(on))
        lakes.keep_raw(store, on, said)
    lakes.derive(store, [lakes.day(n) for n in (200, 30, 0)])


def recorded_music(folder: Path) -> None:
    """The recorded rows, as of two days between which a few users left."""
    said = lakes.recorded(Path(REAL_DATA or ""))
    store, days = DeltaStore(folder), [lakes.day(1), lakes.day(0)]
    for on, fewer in zip(days, (None, -9), strict=True):
        lakes.keep_raw(store, on, dict(said) | {"users": said["users"][:fewer]})
    lakes.derive(store, days)


def months(folder: Path) -> None:
    """Months of which one has a row that breaks a rule, and the last is refused."""
    world = Months(DeltaStore(folder), folder.with_name("drops_of_parity"))
    spoiled_months(world)
    world.run(*(month for month in MONTHS if month != REFUSED), views=True)
    with contextlib.suppress(BlockedError):
        world.observe(REFUSED)


def recorded_months(folder: Path) -> None:
    """The two recorded months."""
    drops = folder.with_name("recorded_drops_of_parity")
    drops.mkdir(exist_ok=True)
    for month, recorded in (("2024-01", "month_000"), ("2024-02", "month_001")):
        (drops / month).symlink_to(Path(REAL_DATA or "") / "streamflow" / recorded)
    Months(DeltaStore(folder), drops).run("2024-01", "2024-02", views=True)


def once(name: str, make: Make) -> Callable[[Path], Path]:
    """A lake that is made when it is first asked for, for all workers of a run."""
    return lambda shared: made_once(shared / f"parity_{name}", make)


#: Source -> its lakes.
LAKES: dict[str, dict[str, Callable[[Path], Path]]] = {
    "tmdb": {"sandbox": sandbox_lake, "recorded": lambda shared: recorded_lake(shared, Path(REAL_DATA or ""))},
    "moovitamix": {"sandbox": once("music", music), "recorded": once("recorded_music", recorded_music)},
    "streamflow": {"sandbox": once("months", months), "recorded": once("recorded_months", recorded_months)},
}


def cases(*kinds: type) -> Iterator[object]:
    """Every view over every lake of its source; those of some kinds, if any are named."""
    for contracts in source_modules("contracts"):
        for lake, make in LAKES[contracts.SOURCE].items():
            marks = [pytest.mark.real] if lake == "recorded" else []
            for view in contracts.VIEWS:
                if not kinds or isinstance(view.kind, kinds):
                    name = f"{contracts.SOURCE}-{lake}-{view.contract.name}"
                    yield pytest.param(view, make, id=name, marks=marks)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the lakes lie, those of the sandbox made already."""
    folder = shared_by_workers(tmp_path_factory)
    for made in LAKES.values():
        made["sandbox"](folder)
    return folder


@pytest.fixture
def lake(make: Callable[[Path], Path], shared: Path, request: pytest.FixtureRequest) -> DeltaStore:
    """The lake of a case. Read only."""
    if request.node.get_closest_marker("real"):
        request.getfixturevalue("real_data")
    return DeltaStore(make(shared))


def differences(contract: Contract, ours: pl.DataFrame, theirs: pl.DataFrame) -> list[str]:
    """What two answers differ in: a line for each column, with an example."""
    if ours.schema != theirs.schema or ours.height != theirs.height:
        return [f"{ours.height} rows of {ours.schema} and {theirs.height} of {theirs.schema}"]
    one, other = (rows.sort(contract.grain) for rows in (ours, theirs))
    if one.equals(other):
        return []
    pairs = [(column, one[column].to_list(), other[column].to_list()) for column in one.columns]
    return [
        f"{column}: {next((a, b) for a, b in zip(left, right, strict=True) if a != b)}"
        for column, left, right in pairs
        if left != right
    ]


@pytest.mark.parametrize(("view", "make"), [*cases()])
def test_spark_answers_as_duckdb_does(
    view: View, lake: DeltaStore, spark_server: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Handed over, and left in files."""
    tables: dict[str, Readable] = {name: lake.snapshot(contract) for name, contract in view.tables.items()}
    ours, engine = duckdb.answer(view, tables), Spark(spark_server)
    theirs = engine.answer(view, tables)
    assert isinstance(theirs, pl.DataFrame)
    assert differences(view.contract, ours, theirs) == []
    is_recorded = request.node.get_closest_marker("real") is not None
    assert ours.height or is_recorded or view.contract.name == "vw_breakouts", "rows show more than none"
    store = DeltaStore(tmp_path / "lake")
    left = engine.answer(view, tables, Wanted(None, store.new_folder(view.contract), ROWS_AT_MOST + 1))
    assert isinstance(left, Written)
    in_files = store.handed(view.contract, left.folder).lazy().collect()
    assert differences(view.contract, ours, in_files) == []


def test_spark_finds_the_breakouts_that_duckdb_finds(spark_server: str) -> None:
    """They need more days than the lakes have: the tables are sent as rows."""
    day, films = dt.date(2026, 3, 10), range(1, 31)
    rows = [
        (
            day - dt.timedelta(days=n),
            film,
            20 + film + (film * n) % 7 + (400 * (film % 9 == 0) if not n else 0),
            None,
            None,
        )
        for n in range(40)
        for film in films
    ]
    facts = pl.DataFrame(rows, schema=tmdb.FACT_MOVIE_DAILY.schema, orient="row")
    known = [{"movie_id": film, "title": f"Film {film}", "observed_on": day} for film in films]
    star: dict[str, Readable] = {
        "fact_movie_daily": facts.lazy(),
        "dim_movie": pl.DataFrame(known, schema=tmdb.DIM_MOVIE.schema).lazy(),
    }
    views = {view.contract.name: view for view in tmdb.VIEWS}
    star["vw_movie_latest"] = duckdb.answer(views["vw_movie_latest"], star).lazy()
    ours, theirs = (engine.answer(views["vw_breakouts"], star) for engine in (duckdb, Spark(spark_server)))
    assert isinstance(ours, pl.DataFrame) and isinstance(theirs, pl.DataFrame)
    assert ours.get_column("movie_id").to_list() == [9, 18, 27]
    assert differences(views["vw_breakouts"].contract, ours, theirs) == []


@pytest.mark.parametrize(("view", "make"), [*cases(Daily, Periodic)])
def test_spark_answers_a_part_as_duckdb_does(view: View, lake: DeltaStore, spark_server: str) -> None:
    """Over the facts of the part, and the rows that it looks back to."""
    inputs = ViewInputs(view, lake)
    days = sorted(
        {day for contract in view.tables.values() if contract.folders for day in lake.partition_rows(contract)}
    )
    for part in {view.contract.part_of(day) for day in days[1:]}:
        wanted: list[dt.date] = [part]
        tables = inputs.tables(wanted)
        theirs = Spark(spark_server).answer(view, tables, Wanted(wanted))
        assert isinstance(theirs, pl.DataFrame)
        assert differences(view.contract, duckdb.answer(view, tables, Wanted(wanted)), theirs) == []


def test_the_lakes_have_what_views_may_be_asked_differently_about(shared: Path) -> None:
    """Votes that are unknown, films that are gone, lists in an order, values set aside, a drop that was refused."""
    found = {source: DeltaStore(made["sandbox"](shared)) for source, made in LAKES.items()}
    tables = {f"{c.source}.{c.name}": c for module in source_modules("contracts") for c in module.CONTRACTS}

    def some(table: str, column: str, *, null: bool = False) -> bool:
        contract = tables[table]
        values = found[contract.source].scan(contract).select(column).collect().to_series()
        return bool(values.null_count() if null else len(values) - values.null_count())

    assert some("tmdb.fact_movie_daily", "vote_count", null=True)
    assert some("tmdb.dim_movie", "gone_on") and some("moovitamix.dim_user", "gone_on")
    assert some("tmdb.quarantine", "column_name") and some("streamflow.quarantine", "rule")
    assert some("tmdb.dim_movie", "budget_usd", null=True) and some("tmdb.dim_movie", "collection_id")
    ledger = tables["streamflow.extraction_ledger"]
    assert not found["streamflow"].scan(ledger).select(pl.col("is_complete").all()).collect().item()
