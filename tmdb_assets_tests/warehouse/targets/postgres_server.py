"""A PostgreSQL server of the tests' own, on loopback.

What belongs here: starting one, databases in it, reading them back. What does not: assertions. It needs the server's
programs (Debian's package postgresql); where they are not, the tests that ask for it are skipped.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest
from psycopg import sql

from tmdb_assets.lakehouse.contracts import Contract

ROLE = "publisher"
_NO_PROMISES = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c shared_buffers=32MB"


@dataclass(frozen=True)
class Server:
    """A running server. `programs`: the folder of its programs; `data`: its own folder."""

    port: int
    programs: Path
    data: Path

    def url(self, database: str, role: str = ROLE, password: str = "") -> str:
        """The address of a database."""
        secret = f":{password}" if password else ""
        return f"postgresql://{role}{secret}@127.0.0.1:{self.port}/{database}"

    def database(self, name: str, *options: str) -> str:
        """Makes a database, in place of one of that name, and returns its address."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            made = sql.SQL("CREATE DATABASE {} ").format(sql.Identifier(name))
            connection.execute(made + sql.SQL(" ").join(map(sql.SQL, options)))
        return self.url(name)

    def stop(self, how: str = "immediate") -> None:
        """Stop it; `immediate` as one that falls over."""
        _run(self.programs / "pg_ctl", "-D", str(self.data), "-m", how, "-w", "stop")

    def start(self) -> None:
        """Start it."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' {_NO_PROMISES}"
        _run(self.programs / "pg_ctl", "-D", str(self.data), "-l", str(self.data / "log"), "-o", options, "-w", "start")


@contextmanager
def running() -> Iterator[Server]:
    """A server while the context lasts; skips where there are no programs of one."""
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL server to be had: install the package postgresql")
    folder = Path(tempfile.mkdtemp(prefix="tmdb_assets_postgres_"))
    if os.geteuid() == 0:
        shutil.chown(folder, _owner())
    server = Server(_free_port(), programs, folder / "data")
    try:
        _run(programs / "initdb", "-D", str(server.data), "-U", ROLE, "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path | None:
    """The newest server's programs on this machine."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: float(file.parts[-3]))
    return found[-1].parent if found else None


def _owner() -> str | None:
    """PostgreSQL refuses to run as root: the user that its package makes, or nobody."""
    return "postgres" if Path("/usr/lib/postgresql").exists() else "nobody"


def _run(*command: str | Path) -> None:
    user = _owner() if os.geteuid() == 0 else None
    done = subprocess.run(
        [str(part) for part in command],
        user=user,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        close_fds=True,
    )
    assert done.returncode == 0, done.stdout


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


# -- reading back ------------------------------------------------------------------------------------------------------


def ask(url: str, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """The answer of a database, in a connection of its own."""
    with psycopg.connect(url) as connection:
        connection.execute("SET timezone = 'UTC'")
        return connection.execute(statement.encode(), parameters or None).fetchall()


def do(url: str, *statements: str) -> None:
    """Run statements."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def rows_of(url: str, contract: Contract) -> pl.DataFrame:
    """The rows of a table or view in the order of its grain, typed by its contract; without what is kept as JSON."""
    columns = [name for name, dtype in contract.schema.items() if not isinstance(dtype, pl.Struct)]
    listed = ", ".join(f'"{name}"' for name in columns)
    found = ask(url, f'SELECT {listed} FROM "{contract.source}"."{contract.name}"')
    schema = {name: contract.schema[name] for name in columns}
    return pl.DataFrame(found, schema=schema, orient="row").sort(contract.grain)
