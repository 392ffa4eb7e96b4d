"""s. The views over many facts answered by Spark, over what DuckDB takes for them.

What belongs here: facts of eight days of a catalogue of TMDB's size, the views over them published by DuckDB, by Sail
(a Spark Connect server without a JVM) and by Apache Spark with one worker and with two, one of which is killed in the
midst. What does not: whether their answers are right (test_parity.py); here it is only looked whether they are the
same.

Apache Spark is measured where SPARK_HOME names one, such as the folder `pyspark` of an environment of its own into
which `pip install 'pyspark[connect]'` went: it cannot stand beside the client. All of it runs on this one machine, so
that workers share its cores: what is shown is what a cluster costs, not what it gains.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import polars as pl
import psutil

from benchmarks.figure import Child, Figure, run_child
from tmdb_assets.lakehouse.engines import duckdb
from tmdb_assets.lakehouse.engines.spark import Spark
from tmdb_assets.lakehouse.flow.publishing import publish
from tmdb_assets.lakehouse.flow.run import Run
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.sources.tmdb import contracts
from tmdb_assets.sources.tmdb.assets import derived_tables

FILMS, LISTED = 1_100_000, 10_000
NEWEST, DAYS = dt.date(2026, 11, 20), 8
VIEWS = ("vw_daily_popularity", "vw_movie_history", "vw_movie_weeks")
PORT = 15_102
MASTER_MEMORY, WORKER_MB = "2g", 2048
KILLED_AFTER = 20  # seconds


def measure() -> Figure:
    """Each engine publishes the views into an empty lake, in a process of its own; servers are not counted in it."""
    with tempfile.TemporaryDirectory() as folder:
        origin = Path(folder) / "facts"
        _fill(origin)
        ours = _published(origin, "duckdb")
        told = {"facts": f"{FILMS * DAYS:,} of {DAYS} days", "DuckDB": _cost(ours)}
        with _sail() as address:
            sail = _published(origin, address)
        told["Sail, in a process of its own"] = _against(sail, ours)
        for workers, kills in ((1, False), (2, False), (2, True)) if "SPARK_HOME" in os.environ else ():
            with _apache(workers, Path(folder)) as (address, server):
                _published(origin, address)  # a JVM is slow at first
                done = _published(origin, address, server if kills else None)
            name = f"Apache Spark, {workers} worker{'s' * (workers > 1)}"
            told[name + ", one of them killed in the midst" * kills] = _against(done, ours)
    if "SPARK_HOME" not in os.environ:
        told["Apache Spark"] = "not measured: SPARK_HOME names none"
    return Figure(
        f"s. {', '.join(VIEWS)} of {FILMS * DAYS / 1e6:.1f} million facts by Sail over DuckDB",
        sail.wall / ours.wall,
        None,
        details=told,
    )


def _cost(child: Child) -> str:
    return f"{child.wall:.0f} s, {child.cpu:.0f} s of CPU, peak memory {child.peak_mb:.0f} MB"


def _against(child: Child, ours: Child) -> str:
    same = "the same rows" if child.output == ours.output else "**other rows than DuckDB's**"
    return f"{child.wall:.0f} s; of it here {child.cpu:.0f} s of CPU, peak memory {child.peak_mb:.0f} MB; {same}"


def _published(origin: Path, engine: str, kills: psutil.Process | None = None) -> Child:
    """The views published by an engine (`duckdb`, or the address of a server) into a copy of the facts."""
    lake = origin.with_name("lake")
    shutil.rmtree(lake, ignore_errors=True)
    shutil.copytree(origin, lake)
    if kills:
        threading.Timer(KILLED_AFTER, _kill_a_worker, [kills]).start()
    done = run_child([sys.executable, "-W", "ignore", "-m", __name__, str(lake), engine])
    return replace(done, output=_summed(str(lake)))  # by whom it was computed, it is looked at alike


def _kill_a_worker(server: psutil.Process) -> None:
    started = server.children(recursive=True)
    workers = [each for each in started if "CoarseGrainedExecutorBackend" in " ".join(each.cmdline())]
    workers[0].kill()
    print(f"(killed worker {workers[0].pid} of {len(workers)})", flush=True)


# -- facts -------------------------------------------------------------------------------------------------------------


def _fill(root: Path) -> None:
    """Facts in which the votes of listed films alone are known, as a day of the whole catalogue has them."""
    store, films = DeltaStore(root), pl.int_range(1, FILMS + 1, dtype=pl.Int64, eager=True)
    for back in range(DAYS):
        day = NEWEST - dt.timedelta(days=back)
        is_listed = pl.col("movie_id") <= LISTED
        rows = pl.DataFrame({"movie_id": films}).select(
            date_id=pl.lit(day),
            movie_id="movie_id",
            popularity=(900 / (pl.col("movie_id") + 9) + pl.col("movie_id") * (7 + back) % 1000 / 1000).round(4),
            vote_average=pl.when(is_listed).then((pl.col("movie_id") % 83 / 10 + 1).round(3)),
            vote_count=pl.when(is_listed).then(pl.col("movie_id") % 5000 + 1000 - back),
        )
        store.replace(contracts.FACT_MOVIE_DAILY, rows.select(list(contracts.FACT_MOVIE_DAILY.schema)), [day], {})
    known = [{"movie_id": film, "title": f"Film {film}", "observed_on": NEWEST} for film in range(1, LISTED + 1)]
    store.merge(contracts.DIM_MOVIE, pl.DataFrame(known, schema=contracts.DIM_MOVIE.schema), {})


def _publish(root: str, engine: str) -> None:
    """Publishes the views."""
    store = DeltaStore(root)
    if engine != "duckdb":
        store.bytes_per_batch = 10**9  # the cluster has room for all days at once
    answers = duckdb if engine == "duckdb" else Spark(engine)
    tables = {table.contract.name: table for table in derived_tables()}
    for name in VIEWS:
        publish(tables[name], Run(store, [NEWEST], engine=answers))


def _summed(root: str) -> str:
    """A sum over the rows of the largest view, by which they are known. In a process of its own: all of them use the
    same memory over and over."""
    program = (
        "import sys, polars as pl; from benchmarks.cluster import DeltaStore, contracts; "
        "views = {view.contract.name: view.contract for view in contracts.VIEWS}; "
        "rows = DeltaStore(sys.argv[1]).scan(views['vw_movie_history']).select(pl.struct(pl.all()).hash(1)); "
        "print(rows.cast(pl.Int128).sum().collect(engine='streaming').item())"
    )
    return subprocess.check_output([sys.executable, "-W", "ignore", "-c", program, root], text=True).strip()


# -- servers -----------------------------------------------------------------------------------------------------------


@contextmanager
def _sail() -> Iterator[str]:
    command = [sys.executable, "-W", "ignore", "-m", __name__, "serve"]
    process = subprocess.Popen(command, env=os.environ | {"RUST_LOG": "off"}, stdout=subprocess.DEVNULL)
    try:
        _wait_for(process)
        yield f"sc://127.0.0.1:{PORT}"
    finally:
        process.kill()
        process.wait()


@contextmanager
def _apache(workers: int, folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Spark Connect over so many workers, each a process with a core and memory of its own."""
    home = Path(os.environ["SPARK_HOME"])
    of_loopback = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    conf = of_loopback | {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(PORT),
        "spark.executor.memory": f"{WORKER_MB - 512}m",
        "spark.local.dir": str(folder / "spark"),
        "spark.sql.shuffle.partitions": "8",
        "spark.ui.enabled": "false",
    }
    command = [str(home / "bin" / "spark-submit"), "--master", f"local-cluster[{workers},1,{WORKER_MB}]"]
    command += ["--driver-memory", MASTER_MEMORY]
    command += [word for name, value in conf.items() for word in ("--conf", f"{name}={value}")]
    command += ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal"]
    with (folder / "spark.log").open("wb") as log:
        environment = os.environ | {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_WORKER_DIR": str(folder / "work")}
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
    server = psutil.Process(process.pid)
    try:
        _wait_for(process)
        yield f"sc://127.0.0.1:{PORT}", server
    finally:
        for each in [*server.children(recursive=True), server]:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        process.wait()


def _wait_for(process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", PORT), 1):
            return
        time.sleep(0.2)
    raise SystemExit(f"no Spark Connect server listens on port {PORT}")


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        from pysail.spark import SparkConnectServer  # the others would have it in their memory

        SparkConnectServer("127.0.0.1", PORT).start(background=False)
    else:
        _publish(*sys.argv[1:])
