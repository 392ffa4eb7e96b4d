"""Spark, on a cluster, over Spark Connect: the engine that answers views where one machine is not enough.

What belongs here: a view run on a server that reads the lake's files by itself, answers of many rows that it writes
into the lake, its errors in one sentence. What does not: the text in Spark's words (parsing.py), the types of the
answer (answers.py), what becomes of it (flow/), whether this engine is asked at all (assembly.py).

The server is sent SQL, the names of files, and rows that lie in no file. An answer of few rows comes back; one of many
never passes through here: 8.8 million rows that were fetched took a driver of 2 GB down. The client is an extra, and it
is imported when a view is answered: it takes more than a second.
"""

from __future__ import annotations

import datetime as dt
import re
import sys
import warnings
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Any

import polars as pl

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.engines import (
    EVERYTHING,
    Answer,
    EngineError,
    Extended,
    ParquetFiles,
    Readable,
    Wanted,
    Written,
)
from tmdb_assets.lakehouse.engines.answers import EXACT_DIGITS, SIGNIFICANT_DIGITS, typed
from tmdb_assets.lakehouse.engines.parsing import for_spark
from tmdb_assets.lakehouse.engines.views import SqlError, View
from tmdb_assets.lakehouse.http.redaction import redact

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.connect.session import SparkSession

#: Rows of an answer that is handed over. With more it stays on the cluster, which writes it.
ROWS_AT_MOST = 100_000
#: A call that finds no server is tried again so often, so many milliseconds apart; pyspark itself goes on for minutes.
TRIES, APART_MS = 5, 2000
#: A server that says nothing any more is given up after these: one may not be asked whether it is there more often.
SILENT_MS, SILENT_AT_MOST_MS = 310_000, 20_000

#: What Hadoop is told so that it leaves no empty file beside an answer, to say that all of it is there.
NO_MARK = "mapreduce.fileoutputcommitter.marksuccessfuljobs"

_WHOLE = {"tinyint", "smallint", "int", "bigint"}
_TYPES = {pl.Int64: "BIGINT", pl.Float64: "DOUBLE", pl.String: "STRING", pl.Boolean: "BOOLEAN", pl.Date: "DATE"}
#: What stands in a path for other paths, to whoever lists files as Hadoop does.
_GLOB = re.compile(r"[*?{}\[\]\\]")


@dataclass(frozen=True, eq=False)
class Spark:
    """A Spark server. `address`: as SPARK_REMOTE has it; `secrets`: what of it nobody may see."""

    address: str = field(repr=False)
    secrets: Collection[str] = field(default=(), repr=False)

    @property
    def shown(self) -> str:
        """The address without what may be secret."""
        return redact(self.address.partition("/;")[0].rstrip("/"), self.secrets)

    def answer(self, view: View, tables: Mapping[str, Readable], wanted: Wanted = EVERYTHING) -> Answer:
        """The answer of a view over tables, by the names it reads, and over its bases, in a session of its own.

        Raises SqlError when Spark cannot run it, EngineError when there is no server or no client.
        """
        with self._session(view) as session:
            for name, table in tables.items():
                _frame(session, table).createOrReplaceTempView(name)
            for base in view.bases:
                session.sql(_in_spark(base)).createOrReplaceTempView(base.contract.name)
            found = session.sql(_in_spark(view))
            if wanted.parts is not None and view.contract.partition:
                found = found.where(_within(view.contract.partition, wanted.parts))
            if wanted.folder is None:
                return _fetched(found, view.contract)
            if wanted.rows <= ROWS_AT_MOST:
                answered = _fetched(found.limit(ROWS_AT_MOST + 1), view.contract)
                if answered.height <= ROWS_AT_MOST:
                    return answered
            return _left(found, view.contract, wanted.folder)

    @contextmanager
    def _session(self, view: View) -> Iterator[SparkSession]:
        """A session for one answer: its names are nobody else's, and a server that was started anew is none the
        wiser."""
        _refuse_without_client()
        from pyspark.errors import PySparkException
        from pyspark.sql.connect.client import DefaultChannelBuilder
        from pyspark.sql.connect.client.retries import DefaultPolicy
        from pyspark.sql.connect.session import SparkSession

        options = [("grpc.keepalive_time_ms", SILENT_MS), ("grpc.keepalive_timeout_ms", SILENT_AT_MOST_MS)]
        try:
            session = SparkSession(connection=DefaultChannelBuilder(self.address, options))
        except PySparkException as error:
            raise EngineError(f"SPARK_REMOTE={self.shown} cannot be used: {self._said(error)}.") from None
        again = DefaultPolicy(TRIES, 1.0, APART_MS, APART_MS, 0, recognize_server_retry_delay=False)
        session.client.set_retry_policies([again])
        try:
            session.conf.set("spark.sql.session.timeZone", "UTC")
            yield session
        except PySparkException as error:
            raise self._sentence(view, error) from None
        finally:
            session.client.set_retry_policies([])  # a server that is gone is not looked for once more to say good-bye
            session.stop()

    def _sentence(self, view: View, error: Any) -> EngineError | SqlError:
        """What Spark, or the way to it, says, in a sentence."""
        code = getattr(error, "getGrpcStatusCode", lambda: None)()
        name = getattr(code, "name", "")
        kept = "What was published before stays as it was; run it again once one does"
        if name in {"UNAVAILABLE", "DEADLINE_EXCEEDED"} or "SESSION_" in (error.getCondition() or ""):
            return EngineError(
                f"{view.contract.path}: no Spark Connect server answers at SPARK_REMOTE={self.shown} ({TRIES} tries, "
                f"{APART_MS // 1000} s apart). {kept}, or set TMDB_ASSETS_ENGINE=duckdb."
            )
        if name in {"UNAUTHENTICATED", "PERMISSION_DENIED"}:
            return EngineError(
                f"{view.contract.path}: the server at SPARK_REMOTE={self.shown} does not let us in "
                f"({self._said(error)}): correct the token in SPARK_REMOTE."
            )
        return SqlError(view.file, None, f"Spark says: {self._said(error)}")

    def _said(self, error: Any) -> str:
        """The first line of an error, without the plan and the stack that follow it."""
        told = str(error.getMessage() or error).strip().partition("\n")[0]
        return redact(told.rstrip(";. "), self.secrets)


def _refuse_without_client() -> None:
    """Raises EngineError where the extra is not installed."""
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)  # nor does it use it
    warnings.filterwarnings("ignore", r"\[RETRIES_EXCEEDED\]", UserWarning)  # a sentence says so
    try:
        with _in_a_file():
            import pyspark.sql.connect.session  # noqa: F401  # it looks for what it needs itself
    except ImportError as error:
        raise EngineError(
            f"TMDB_ASSETS_ENGINE=spark cannot be used ({' '.join(str(error).split())}): "
            "`pip install pyspark-client` brings Spark's client, or set TMDB_ASSETS_ENGINE=duckdb."
        ) from None


@contextmanager
def _in_a_file() -> Iterator[None]:
    """pyspark takes a program that lies in no file, as those of multiprocessing do not, for its own doctests, and ends
    it."""
    main = sys.modules["__main__"]
    if hasattr(main, "__file__"):
        yield
        return
    main.__file__ = __file__
    try:
        yield
    finally:
        del main.__file__


def _in_spark(view: View) -> str:
    """The text of a view in Spark's words. Raises SqlError."""
    try:
        return for_spark(view.sql)
    except ValueError as error:
        raise SqlError(view.file, None, str(error)) from None


# -- what is sent ------------------------------------------------------------------------------------------------------


def _frame(session: SparkSession, table: Readable) -> DataFrame:
    """A table as the server reads it."""
    if isinstance(table, Extended):
        return _frame(session, table.table).unionByName(_beside(session, table.rows))
    if isinstance(table, ParquetFiles) and table.files:
        return _files(session, table)
    return _beside(session, table.lazy().collect())


def _beside(session: SparkSession, rows: pl.DataFrame) -> DataFrame:
    """Rows that lie in no file: they are sent."""
    if not rows.height:
        return session.createDataFrame([], ", ".join(f"`{name}` {_type(dtype)}" for name, dtype in rows.schema.items()))
    return session.createDataFrame(rows.to_arrow())


def _files(session: SparkSession, table: ParquetFiles) -> DataFrame:
    """Files that the server opens itself, with the contract's columns, each of which may be null.

    The days that stand in names of folders are told day by day: what a server makes of such names, and from which
    folder on, is not the same everywhere (Sail gives nulls without a word).
    """
    contract, folders = table.contract, table.contract.folders
    columns = ", ".join(f"`{name}` {_type(dtype)}" for name, dtype in contract.schema.items() if name != folders)
    read = session.read.schema(columns)
    if not folders:
        rows = read.parquet(*map(_url, table.files))
        shared = table.days is not None and contract.partition
        return rows.where(_within(str(contract.partition), table.days or ())) if shared else rows
    by_day: dict[str, list[str]] = defaultdict(list)
    for file in table.files:
        by_day[re.findall(rf"/{folders}=([0-9-]+)/", file)[-1]].append(_url(file))
    names = [f"DATE '{{}}' AS `{name}`" if name == folders else f"`{name}`" for name in contract.schema]
    days = [read.parquet(*files).selectExpr(*(n.format(day) for n in names)) for day, files in by_day.items()]
    return reduce(lambda one, other: one.unionAll(other), days)


def _type(dtype: Any) -> str:
    """The type of a column in Spark's words."""
    if isinstance(dtype, pl.List):
        return f"ARRAY<{_type(dtype.inner)}>"
    if isinstance(dtype, pl.Datetime):
        return "TIMESTAMP" if dtype.time_zone else "TIMESTAMP_NTZ"
    return _TYPES[dtype.base_type()]


def _url(place: str) -> str:
    """A file or folder as Spark is told it: Hadoop calls buckets of S3 by another name. Raises EngineError."""
    if _GLOB.search(place):
        raise EngineError(
            f"{place} holds one of the characters * ? {{ }} [ ] or \\, by which Spark means other files: give that "
            "folder another name, or set TMDB_ASSETS_ENGINE=duckdb."
        )
    if place.startswith("/"):
        return f"file://{place}"
    return re.sub(r"^s3://", "s3a://", place)


def _within(column: str, days: Collection[dt.date]) -> str:
    listed = ", ".join(f"DATE '{day.isoformat()}'" for day in sorted(days))
    return f"`{column}` IN ({listed})" if listed else "FALSE"


# -- what comes back ---------------------------------------------------------------------------------------------------


def _fetched(found: DataFrame, contract: Contract) -> pl.DataFrame:
    """An answer that is handed over."""
    frame = pl.from_arrow(found.toArrow())
    assert isinstance(frame, pl.DataFrame)  # a table of Arrow always is one
    return typed(frame, contract)


def _left(found: DataFrame, contract: Contract, folder: str) -> Written:
    """An answer that the server writes."""
    columns = found.selectExpr(*(_typed_there(name, kind, contract) for name, kind in found.dtypes))
    for digits in (EXACT_DIGITS, SIGNIFICANT_DIGITS):  # one after the other, as `typed` does
        columns = columns.selectExpr(*(_rounded(name, kind, digits) for name, kind in columns.dtypes))
    writer = columns.write.option("compression", "zstd").option(NO_MARK, "false")
    if contract.folders:
        writer = writer.partitionBy(contract.folders)
    writer.parquet(_url(folder))
    return Written(folder)


def _typed_there(name: str, kind: str, contract: Contract) -> str:
    """What `typed` makes of the type of a column, in Spark's words."""
    wanted = contract.schema.get(name)
    is_whole = kind in _WHOLE or bool(re.fullmatch(r"decimal\(\d+,0\)", kind))
    is_number = is_whole or kind in {"float", "double"} or kind.startswith("decimal")
    if wanted is not None and ((is_whole and wanted.is_integer()) or (is_number and wanted.is_float())):
        return f"CAST(`{name}` AS {_type(wanted)}) AS `{name}`"
    return f"`{name}`"


def _rounded(name: str, kind: str, digits: int) -> str:
    """What `typed` makes of the digits of a column, in Spark's words."""
    if kind != "double":
        return f"`{name}`"
    scale = f"power(10D, {digits - 1} - floor(log10(abs(`{name}`))))"
    return f"CASE WHEN `{name}` = 0 THEN 0D ELSE round(`{name}` * {scale}) / {scale} END AS `{name}`"
