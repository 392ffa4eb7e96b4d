"""Spark as an engine, asked of a server in this process: what it is sent, what comes back, what it says when something
is wrong. That every view is answered as DuckDB answers it is another test's (sources/test_parity.py)."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from tmdb_assets.lakehouse.contracts import ByDay, Contract, FewADay, col
from tmdb_assets.lakehouse.engines import EVERYTHING, EngineError, Extended, Readable, Wanted, Written, duckdb, spark
from tmdb_assets.lakehouse.engines.parsing import for_spark
from tmdb_assets.lakehouse.engines.spark import Spark
from tmdb_assets.lakehouse.engines.views import SqlError, View, read_view
from tmdb_assets.lakehouse.errors import BlockedError
from tmdb_assets.lakehouse.flow.derived import DerivedTable
from tmdb_assets.lakehouse.flow.publishing import publish
from tmdb_assets.lakehouse.flow.run import Run
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.lakehouse.store.retention import upkeep
from tmdb_assets_tests.distributions import named
from tmdb_assets_tests.lakehouse.store.object_store import object_store

DAYS = [dt.date(2026, 3, n) for n in (1, 2, 3)]
NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
TOKEN = "tok-of-the-cluster"
HEAT = Contract(
    "toy",
    "star",
    "fact_heat",
    "Heat.",
    ("date_id", "place"),
    {
        "date_id": col(pl.Date, "Day."),
        "place": col(pl.Int64, "Place."),
        "heat": col(pl.Float64, "Heat.", nullable=True),
        "is_dry": col(pl.Boolean, "Whether it is dry.", nullable=True),
        "seen_at": col(pl.Datetime("us", "UTC"), "Moment.", nullable=True),
    },
    kept=ByDay("date_id"),
)
FEW = replace(HEAT, name="few_heats", kept=FewADay("date_id"))
HEAD = """-- Heat.
--
-- Grain: date_id, place
-- Kind: daily
--
-- date_id  Date           Day.
-- place    Int64          Place.
-- heat     Float64{>=0}?  Heat.
"""
SELECT = "SELECT date_id, place, heat * 1.5 AS heat FROM fact_heat\n"


def view(folder: Path, text: str = HEAD + SELECT, *tables: Contract) -> View:
    folder.mkdir(exist_ok=True)
    file = folder / "vw_heat.sql"
    file.write_text(text, encoding="utf-8")
    return read_view(file, "toy", tables or [HEAT])


def whole(select: str, columns: str = "-- n  Int64  Count.\n", grain: str = "n") -> str:
    """A view over everything."""
    return f"-- Some.\n--\n-- Grain: {grain}\n-- Kind: whole\n--\n{columns}{select}\n"


def heats(*days: dt.date, places: int = 4, more: float = 0) -> pl.DataFrame:
    rows = [
        (
            day,
            n,
            n + more + day.day / 10 if n else None,
            bool(n % 2) if n else None,
            NOON,
        )
        for day in days
        for n in range(places)
    ]
    return pl.DataFrame(rows, schema=HEAT.schema, orient="row")


def kept(lake: DeltaStore, *days: dt.date, contract: Contract = HEAT, more: float = 0) -> None:
    for day in days:
        lake.replace(contract, heats(day, more=more), [day], {})


def both(text: View, tables: dict[str, Readable], address: str, wanted: Wanted = EVERYTHING) -> pl.DataFrame:
    """The answer of either engine, which is the same."""
    ours, theirs = (engine.answer(text, tables, wanted) for engine in (duckdb, Spark(address)))
    assert isinstance(theirs, pl.DataFrame)
    grain = text.contract.grain
    assert theirs.sort(grain).to_dicts() == ours.sort(grain).to_dicts()
    return theirs.sort(grain)


# -- the text ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "worded"),
    [
        ("SELECT 1.5 AS a, 2 AS b FROM t", "SELECT CAST(1.5 AS DOUBLE) AS a, 2 AS b FROM t"),
        ("SELECT string_split(a, '; ') AS b FROM t", "SELECT SPLIT(a, '; ') AS b FROM t"),
        ("SELECT string_split(a, '|') AS b FROM t", r"SELECT SPLIT(a, '\\|') AS b FROM t"),
        ("SELECT date_diff('day', a, b) AS c FROM t", "SELECT DATEDIFF(DAY, a, b) AS c FROM t"),
    ],
)
def test_a_text_in_sparks_words(sql: str, worded: str) -> None:
    assert for_spark(sql) == worded


@pytest.mark.parametrize(
    ("select", "sentence"),
    [
        ("SELECT len(string_split(n, m)) AS n FROM fact_heat", "Spark splits by a constant, not by m"),
        ("SELECT n FROM fact_heat WHERE ((", "Line"),
    ],
)
def test_a_text_that_spark_cannot_be_told_is_one_sentence_with_the_file(
    select: str, sentence: str, tmp_path: Path, spark_server: str
) -> None:
    text = replace(view(tmp_path), sql=select)
    with pytest.raises(SqlError, match=sentence) as raised:
        Spark(spark_server).answer(text, {})
    assert "vw_heat.sql" in str(raised.value) and "\n" not in str(raised.value) and "\x1b" not in str(raised.value)


# -- what is sent ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["lake", "a lake, of é's"])
def test_files_are_read_by_the_server_with_their_days(folder: str, tmp_path: Path, spark_server: str) -> None:
    lake = DeltaStore(tmp_path / folder)
    kept(lake, *DAYS)
    text = view(tmp_path / "views")
    assert both(text, {"fact_heat": lake.snapshot(HEAT)}, spark_server).height == 12
    few = both(text, {"fact_heat": lake.snapshot(HEAT, DAYS[:2])}, spark_server)
    assert set(few["date_id"]) == {*DAYS[:2]}
    only = both(text, {"fact_heat": lake.snapshot(HEAT)}, spark_server, Wanted([DAYS[1]]))
    assert set(only["date_id"]) == {DAYS[1]}


def test_days_that_share_files_are_those_asked_for(lake: DeltaStore, tmp_path: Path, spark_server: str) -> None:
    kept(lake, *DAYS, contract=FEW)
    text = view(tmp_path, HEAD.replace("daily", "whole") + SELECT.replace("fact_heat", "few_heats"), FEW)
    assert set(both(text, {"few_heats": lake.snapshot(FEW, DAYS[:1])}, spark_server)["date_id"]) == {DAYS[0]}


def test_a_column_younger_than_the_files_is_null_in_them(lake: DeltaStore, tmp_path: Path, spark_server: str) -> None:
    older = replace(HEAT, columns={name: c for name, c in HEAT.columns.items() if name != "heat"})
    lake.replace(older, heats(DAYS[0]).drop("heat"), [DAYS[0]], {})
    kept(lake, DAYS[1])
    rows = both(view(tmp_path), {"fact_heat": lake.snapshot(HEAT)}, spark_server)
    assert rows.filter(pl.col("date_id") == DAYS[0])["heat"].null_count() == 4


def test_rows_that_lie_in_no_file_are_sent(lake: DeltaStore, tmp_path: Path, spark_server: str) -> None:
    kept(lake, DAYS[1])
    text = view(tmp_path)
    beside = Extended(lake.snapshot(HEAT, [DAYS[1]]), heats(DAYS[0], more=3))
    assert both(text, {"fact_heat": beside}, spark_server).height == 8
    assert both(text, {"fact_heat": Extended(beside.table, HEAT.empty())}, spark_server).height == 4
    assert both(text, {"fact_heat": heats(*DAYS).lazy()}, spark_server).height == 12
    for nothing in (lake.snapshot(FEW), HEAT.empty().lazy(), lake.snapshot(HEAT, [DAYS[2]])):
        assert both(text, {"fact_heat": nothing}, spark_server).height == 0


@pytest.mark.parametrize("contract", [HEAT, FEW], ids=["by the day", "few a day"])
def test_a_value_of_each_type_arrives_as_it_is(
    contract: Contract, lake: DeltaStore, tmp_path: Path, spark_server: str
) -> None:
    kept(lake, *DAYS, contract=contract)
    columns = (
        "-- n  Int64  Count.\n-- names  List(String)?  Names.\n-- is_dry  Boolean?  Dry.\n-- date_id  Date  Day.\n"
        "-- on_day  Date  Day of the moment.\n"
    )
    names = "string_split(CASE WHEN place > 0 THEN 'n1|é' END, '|') AS names"
    select = f"SELECT place AS n, {names}, is_dry, date_id, CAST(seen_at AS DATE) AS on_day FROM {contract.name}"
    text = view(tmp_path, whole(select, columns, "n, date_id"), contract)
    for table in (lake.snapshot(contract), heats(*DAYS).lazy()):
        rows = both(text, {contract.name: table}, spark_server)
        assert rows.row(3) == (1, ["n1", "é"], True, DAYS[0], NOON.date())
        assert rows.row(0) == (0, None, None, DAYS[0], NOON.date())


def test_a_folder_that_means_others_is_refused_in_one_sentence(tmp_path: Path, spark_server: str) -> None:
    lake = DeltaStore(tmp_path / "{a,b}")
    kept(lake, DAYS[0])
    with pytest.raises(EngineError, match=r"holds one of the characters .* give that folder another name"):
        Spark(spark_server).answer(view(tmp_path), {"fact_heat": lake.snapshot(HEAT)})


def test_buckets_are_named_as_hadoop_names_them() -> None:
    assert spark._url("s3://bucket/lake/x.parquet") == "s3a://bucket/lake/x.parquet"
    assert spark._url("gs://bucket/x.parquet") == "gs://bucket/x.parquet"
    assert spark._url("/folder/x.parquet") == spark._url("file:///folder/x.parquet") == "file:///folder/x.parquet"


# -- what comes back ---------------------------------------------------------------------------------------------------


@pytest.fixture
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers of more than five rows are many."""
    monkeypatch.setattr(spark, "ROWS_AT_MOST", 5)


def published(lake: DeltaStore, text: View, engine: Any, *days: dt.date) -> pl.DataFrame:
    publish(DerivedTable(text.contract, text), Run(lake, days, {"run_id": "r"}, engine=engine))
    return lake.scan(text.contract).sort(text.contract.grain).collect()


@pytest.mark.usefixtures("few_rows")
@pytest.mark.parametrize("kind", ["daily", "whole"])
def test_an_answer_of_many_rows_is_written_by_the_server_and_published_by_us(
    kind: str, lake: DeltaStore, tmp_path: Path, spark_server: str
) -> None:
    text = view(tmp_path, HEAD.replace("daily", kind) + SELECT)
    kept(lake, *DAYS)
    by_spark = published(lake, text, Spark(spark_server), *DAYS)
    assert all(path.startswith("answer-") for path in lake.files(text.contract)["path"])
    assert by_spark.equals(duckdb.answer(text, {"fact_heat": lake.snapshot(HEAT)}).sort(text.contract.grain))
    kept(lake, DAYS[1], more=0.123456789012345)
    again = published(lake, text, Spark(spark_server), DAYS[1])
    assert again.equals(duckdb.answer(text, {"fact_heat": lake.snapshot(HEAT)}).sort(text.contract.grain))


@pytest.mark.usefixtures("few_rows")
def test_an_answer_of_few_rows_is_handed_over(lake: DeltaStore, tmp_path: Path, spark_server: str) -> None:
    text = view(tmp_path)
    kept(lake, DAYS[0])
    published(lake, text, Spark(spark_server), DAYS[0])
    assert not [path for path in lake.files(text.contract)["path"] if "answer-" in path]


@pytest.mark.usefixtures("few_rows")
def test_a_row_that_breaks_its_contract_is_never_visible_and_its_files_are_removed_by_upkeep(
    lake: DeltaStore, tmp_path: Path, spark_server: str
) -> None:
    text = view(tmp_path)
    kept(lake, *DAYS)
    before = published(lake, text, Spark(spark_server), *DAYS)
    kept(lake, *DAYS, more=-3)
    with pytest.raises(BlockedError, match=r"values of 12 rows are set aside alone, most often: .*heat"):
        published(lake, text, Spark(spark_server), *DAYS)
    assert lake.scan(text.contract).sort(text.contract.grain).collect().equals(before)
    folder = Path(lake.uri(text.contract))
    assert len(list(folder.glob("answer-*"))) == 2
    upkeep(lake, text.contract, keep_hours=0)
    named_in_the_log = {Path(uri.removeprefix("file://")) for uri in lake.files(text.contract)["uri"]}
    assert set(folder.glob("answer-*/**/*.parquet")) | set(folder.glob("date_id*/*")) == named_in_the_log


def test_a_number_that_is_none_is_left_to_the_audit(tmp_path: Path, lake: DeltaStore, spark_server: str) -> None:
    """In files as well: what is of another type is not made to fit."""
    text = view(tmp_path, whole("SELECT concat('a', CAST(place AS VARCHAR)) AS n FROM fact_heat"))
    kept(lake, DAYS[0])
    left = Spark(spark_server).answer(
        text, {"fact_heat": lake.snapshot(HEAT)}, Wanted(None, lake.new_folder(text.contract), 10**9)
    )
    assert isinstance(left, Written)
    assert lake.handed(text.contract, left.folder).schema == {"n": pl.String}


# -- what it says ------------------------------------------------------------------------------------------------------


def test_what_spark_cannot_run_is_one_sentence_with_the_file(tmp_path: Path, spark_server: str) -> None:
    text = view(tmp_path, whole("SELECT place AS n FROM fact_heat WHERE nowhere = 1"))
    with pytest.raises(SqlError, match=r"vw_heat\.sql: Spark says: .*nowhere") as raised:
        Spark(spark_server).answer(text, {"fact_heat": heats(*DAYS).lazy()})
    assert "\n" not in str(raised.value)


def test_a_division_by_zero_stops_where_duckdb_goes_on(tmp_path: Path, spark_server: str) -> None:
    """A difference that is told of: views divide by nullif."""
    text = view(tmp_path, whole("SELECT place AS n FROM fact_heat WHERE place / (place - place) > 1"))
    given: dict[str, Readable] = {"fact_heat": heats(DAYS[0]).lazy()}
    assert duckdb.answer(text, given).height
    with pytest.raises(SqlError, match=r"(?i)divi(de|sion) by zero|DIVIDE_BY_ZERO"):
        Spark(spark_server).answer(text, given)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow each other at once."""
    monkeypatch.setattr(spark, "APART_MS", 10)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("words", ["", f"/;token={TOKEN}", f"/;use_ssl=false;x-key={TOKEN}"])
def test_no_server_is_one_sentence_that_names_the_setting_and_no_secret(words: str, tmp_path: Path) -> None:
    with pytest.raises(EngineError) as raised:
        Spark(f"sc://127.0.0.1:1{words}", [TOKEN]).answer(view(tmp_path), {"fact_heat": HEAT.empty().lazy()})
    said = str(raised.value)
    assert said.startswith("toy/views/vw_heat: no Spark Connect server answers at SPARK_REMOTE=sc://127.0.0.1:1 (5 tr")
    assert said.endswith("or set TMDB_ASSETS_ENGINE=duckdb.")
    assert TOKEN not in said and TOKEN not in repr(Spark(f"sc://127.0.0.1:1{words}", [TOKEN]))
    assert raised.value.__cause__ is None and raised.value.__suppress_context__


@pytest.mark.parametrize(
    ("code", "condition", "sentence"),
    [
        ("UNAUTHENTICATED", None, "does not let us in (no such ***): correct the token in SPARK_REMOTE."),
        ("PERMISSION_DENIED", None, "does not let us in (no such ***): correct the token in SPARK_REMOTE."),
        (
            "INTERNAL",
            "INVALID_HANDLE.SESSION_NOT_FOUND",
            "no Spark Connect server answers at SPARK_REMOTE=sc://host:1 ",
        ),
        ("INTERNAL", None, "Spark says: no such ***"),
    ],
)
def test_each_way_in_which_a_server_refuses_is_one_sentence(
    code: str, condition: str | None, sentence: str, tmp_path: Path
) -> None:
    class Refusal(SimpleNamespace):
        def getMessage(self) -> str:
            return f"no such {TOKEN};\n'Project [nothing]\n\tat org.apache.spark"

        def getCondition(self) -> str | None:
            return condition

        def getGrpcStatusCode(self) -> SimpleNamespace:
            return SimpleNamespace(name=code)

    said = str(Spark(f"sc://host:1/;token={TOKEN}", [TOKEN])._sentence(view(tmp_path), Refusal()))
    assert sentence in said and TOKEN not in said and "\n" not in said and "Project" not in said


@pytest.mark.parametrize("missing", ["pyspark", "grpc_status", "zstandard"])
def test_no_client_is_one_sentence_that_names_what_to_install(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [name for name in sys.modules if name.partition(".")[0] in {"pyspark", missing}]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(EngineError, match=r"^TMDB_ASSETS_ENGINE=spark cannot be used \(.+\): .+\.$") as raised:
        Spark("sc://127.0.0.1:1").answer(view(tmp_path), {})
    assert f"`pip install {' '.join(sorted(each.name for each in named('spark')))}`" in str(raised.value)


@dataclass
class Server:
    """A server of its own, that may die."""

    process: subprocess.Popen[str]
    address: str


@contextmanager
def served(**variables: str) -> Iterator[Server]:
    """A server of its own, with variables of its own."""
    program = (
        "import sys; from pysail.spark import SparkConnectServer; server = SparkConnectServer('127.0.0.1', 0); "
        "server.start(background=True); print(server.listening_address[1], flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"RUST_LOG": "off"} | variables,
    )
    assert process.stdout is not None
    try:
        yield Server(process, f"sc://127.0.0.1:{process.stdout.readline().strip()}")
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def mortal() -> Iterator[Server]:
    with served() as server:
        yield server


@pytest.mark.usefixtures("few_rows")
def test_a_lake_in_a_bucket_is_read_and_written_by_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Handed over and left in files, audited, taken back, cleared away: as on a disk."""
    text = view(tmp_path)
    with object_store("lake") as variables, served(**variables) as server:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        lake = DeltaStore("s3://lake/some films")
        kept(lake, DAYS[0])
        assert published(lake, text, Spark(server.address), DAYS[0]).height == 4
        kept(lake, *DAYS[1:])
        by_spark = published(lake, text, Spark(server.address), *DAYS[1:])
        assert by_spark.equals(duckdb.answer(text, {"fact_heat": lake.snapshot(HEAT)}).sort(text.contract.grain))
        assert sum("answer-" in path for path in lake.files(text.contract)["path"]) == 2
        kept(lake, *DAYS, more=-3)
        with pytest.raises(BlockedError, match="set aside alone"):
            published(lake, text, Spark(server.address), *DAYS)
        assert upkeep(lake, text.contract, keep_hours=0)["files_deleted"] >= 3
        assert lake.scan(text.contract).sort(text.contract.grain).collect().equals(by_spark)


def test_a_server_killed_in_the_midst_is_one_sentence_and_leaves_the_table_as_it_was(
    lake: DeltaStore, tmp_path: Path, mortal: Server, spark_server: str
) -> None:
    endless = "one.heat * other.heat * third.heat * fourth.heat"
    joins = "".join(f" CROSS JOIN fact_heat AS {name}" for name in ("other", "third", "fourth"))
    slow = SELECT.replace("heat * 1.5", f"max(one.heat + 0 * {endless})").replace(
        "fact_heat", f"fact_heat AS one{joins}"
    )
    slow = slow.replace("date_id, place", "one.date_id, one.place").rstrip() + " GROUP BY one.date_id, one.place\n"
    lake.replace(HEAT, heats(DAYS[0], places=2), [DAYS[0]], {})
    text = view(tmp_path, HEAD + slow)
    before = published(lake, text, Spark(mortal.address), DAYS[0])
    version = lake.version(text.contract)
    lake.replace(HEAT, heats(DAYS[0], places=400), [DAYS[0]], {})
    threading.Timer(1, mortal.process.kill).start()
    started = time.monotonic()
    with pytest.raises(
        EngineError, match=r"^toy/views/vw_heat: no Spark Connect server answers at SPARK_REMOTE=sc://127"
    ):
        published(lake, text, Spark(mortal.address), DAYS[0])
    assert 1 <= time.monotonic() - started < 30, "ten seconds of tries on a machine that is not busy; not ten minutes"
    assert lake.version(text.contract) == version
    assert lake.scan(text.contract).sort(text.contract.grain).collect().equals(before)
    lake.replace(HEAT, heats(DAYS[0], places=3), [DAYS[0]], {})
    assert published(lake, text, Spark(spark_server), DAYS[0]).height == 3, "run again on another one"


def test_the_names_of_one_answer_are_none_of_the_next(lake: DeltaStore, tmp_path: Path, spark_server: str) -> None:
    """Each has a session of its own: none is looked for on a server that was started anew and does not know it."""
    text = view(tmp_path)
    kept(lake, *DAYS)
    for days in ((DAYS[0],), DAYS):
        assert both(text, {"fact_heat": lake.snapshot(HEAT, days)}, spark_server).height == 4 * len(days)
    with pytest.raises(SqlError, match="Spark says"):
        Spark(spark_server).answer(text, {})


def test_the_client_is_found_by_a_program_that_lies_in_no_file() -> None:
    """As those of multiprocessing, of xdist and of `python -c` do not: pyspark ends them."""
    program = (
        "import sys; from tmdb_assets.lakehouse.engines import spark; spark._refuse_without_client(); "
        "sys.exit(hasattr(sys.modules['__main__'], '__file__'))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_duckdb_costs_no_import_of_sparks_client() -> None:
    program = (
        "import sys; from tmdb_assets.settings import load_settings; "
        "from tmdb_assets.assembly import build_definitions; "
        "build_definitions(load_settings(_env_file=None)).resolve_job_def('tmdb_daily'); "
        "sys.exit(any(name.partition('.')[0] in {'pyspark', 'pandas', 'grpc_status'} for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
