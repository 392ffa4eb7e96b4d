"""n. What a day of 6,000 changed films writes into the bridges of 200,000, over the bytes of these bridges.

What belongs here: bridges of any number of films, made of real ones; days of changed films, spread as TMDB's are or
evenly; merges by files beside a rewrite of the whole. What does not: how the star is made (raw_to_star.py).
"""

from __future__ import annotations

import bisect
import datetime as dt
import functools
import itertools
import json
import math
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable

import polars as pl

from benchmarks.figure import Child, Figure, run_child, seconds
from benchmarks.lake import derive, fill_raw, films
from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.lakehouse.store.owned import merged
from tmdb_assets.lakehouse.store.ranges import FILES, ROWS_OF_A_FILE
from tmdb_assets.sources.tmdb import contracts

DAY = dt.date(2026, 11, 1)
FILMS, CATALOGUE, CHANGED = 200_000, 1_100_000, 6_000
BRIDGES = [contract for contract in contracts.CONTRACTS if contract.name.startswith("bridge_")]
#: Changed ids of one page of /movie/changes, recorded on a day with 7,199 of them: every fifth of a hundred, sorted.
#: The newest film was the last of them.
RECORDED = (
    588_520, 1_396_772, 1_517_794, 1_578_079, 1_698_104, 1_706_178, 1_723_405, 1_729_643, 1_733_105, 1_735_594,
    1_736_288, 1_739_194, 1_739_962, 1_741_409, 1_742_386, 1_742_712, 1_742_844, 1_742_965, 1_743_167, 1_743_303,
    1_743_316,
)  # fmt: skip
NEWEST = RECORDED[-1]
SPREADS = ("as recorded", "evenly")
#: Of the changed films, those that a bridge has to be rewritten for: all, as each row says when its film was observed;
#: if it did not, those whose members are others than before (nobody has recorded how many).
SHARES = (1, 0.2, 0.05)


def kept_ids(count: int) -> list[int]:
    """Ids of the films that are kept, all over the catalogue."""
    return sorted(random.Random(1).sample(range(1, NEWEST + 1), count))


def changed_places(ids: list[int], spread: str) -> list[int]:
    """Which of the kept films a day changes, by their places in `ids`."""
    drawing = random.Random(2)
    if spread == "evenly":
        return sorted(drawing.sample(range(len(ids)), CHANGED))
    places: set[int] = set()
    while len(places) < CHANGED:
        step, part = divmod(drawing.random() * (len(RECORDED) - 1), 1)
        low, high = RECORDED[int(step)], RECORDED[int(step) + 1]
        places.add(min(bisect.bisect_left(ids, low + part * (high - low)), len(ids) - 1))
    return sorted(places)


# -- the lake to measure on --------------------------------------------------------------------------------------------


def build(folder: str) -> None:
    """Bridges of all films by files, the same in one file each, and the days of changed films."""
    known, _ = films(1_000)
    with tempfile.TemporaryDirectory() as small:
        fill_raw(DeltaStore(small), [DAY], known, lambda n: known)
        derive(DeltaStore(small), [DAY])
        of_few = {contract.name: DeltaStore(small).scan(contract).collect() for contract in BRIDGES}
    ids = kept_ids(FILMS)
    for contract in BRIDGES:
        rows = _repeated(contract, of_few[contract.name], len(known), ids)
        DeltaStore(f"{folder}/files").merge(contract, rows, {})
        DeltaStore(f"{folder}/whole").overwrite(contract, rows, {})
        number = itertools.count(1)
        for spread in SPREADS:
            for share in SHARES:
                changed = changed_places(ids, spread)
                some = random.Random(3).sample(changed, round(CHANGED * share))
                day = rows.join(pl.DataFrame({"movie_id": [ids[n] for n in some]}), on="movie_id", how="semi")
                later = day.with_columns(observed_on=pl.lit(DAY + dt.timedelta(days=next(number))))
                later.write_parquet(f"{folder}/{contract.name} {spread} {share}.parquet")


def _repeated(contract: Contract, rows: pl.DataFrame, films_of_rows: int, ids: list[int]) -> pl.DataFrame:
    """The rows of few films as those of many; ids of credits are drawn anew, so that they compress no better."""
    times = -(-len(ids) // films_of_rows)
    copies = pl.DataFrame({"_copy": range(times)})
    place = (pl.col("_copy") * films_of_rows + pl.col("movie_id") - 1).alias("_place")
    many = rows.join(copies, how="cross").with_columns(place).filter(pl.col("_place") < len(ids))
    many = many.with_columns(movie_id=pl.Series(ids).gather(many.get_column("_place")).cast(pl.Int64))
    if "credit_id" in contract.schema:
        drawn = os.urandom(12 * many.height).hex()
        many = many.with_columns(credit_id=pl.Series([drawn[n : n + 24] for n in range(0, len(drawn), 24)]))
    return many.select(list(contract.schema)).sort(contract.grain)


def read(folder: str, how: str) -> None:
    """Print the seconds that reading every row of every bridge takes, at best of three."""
    store = DeltaStore(f"{folder}/{how}")
    print(sum(min(seconds(lambda c=c: store.scan(c).collect()) for _ in range(3)) for c in BRIDGES))  # type: ignore[misc]


def merge(folder: str, how: str, spread: str, share: str) -> None:
    """Merge a day into every bridge, by files or as a whole; print the seconds it took and the bytes it wrote."""
    store, took, written = DeltaStore(f"{folder}/{how}"), 0.0, 0
    for contract in BRIDGES:
        frame = pl.read_parquet(f"{folder}/{contract.name} {spread} {share}.parquet")
        started = time.perf_counter()
        if how == "files":
            commit = store.merge(contract, frame, {})
        else:
            commit = store.rewrite(contract, functools.partial(merged_whole, contract, frame), {})
        took += time.perf_counter() - started
        written += commit.bytes_added
    print(json.dumps({"seconds": took, "bytes": written}))


def merged_whole(contract: Contract, frame: pl.DataFrame, there: pl.DataFrame) -> pl.DataFrame:
    """The whole table after a merge, as it was written before tables lay in files by ranges."""
    return merged(contract, there, frame)


# -- the figure --------------------------------------------------------------------------------------------------------


def measure() -> Figure:
    """Each day is merged by a process of its own; the bytes are those of the files that the commits added."""
    with tempfile.TemporaryDirectory() as folder:
        _in_a_process(build.__name__, folder)
        store, whole = DeltaStore(f"{folder}/files"), DeltaStore(f"{folder}/whole")
        size, of_whole = _sizes(store), sum(_sizes(whole).values())
        rows = {contract.name: store.rows(contract) for contract in BRIDGES}
        number = sum(store.files(contract).height for contract in BRIDGES)
        reading = {how: float(_in_a_process(read.__name__, folder, how).output) for how in ("files", "whole")}
        days = {
            (how, spread, share): _in_a_process(merge.__name__, folder, how, spread, str(share))
            for spread in SPREADS
            for share in SHARES
            for how in (("files", "whole") if share == 1 else ("files",))
        }
    bytes_ = sum(size.values())
    said = {at: json.loads(child.output) for at, child in days.items()}

    def told(how: str, spread: str) -> str:
        child, one = days[how, spread, 1], said[how, spread, 1]
        return (
            f"{one['bytes'] / 1e6:.0f} MB ({one['bytes'] / (bytes_ if how == 'files' else of_whole):.0%}), "
            f"{one['seconds']:.1f} s, {child.cpu:.1f} s of CPU, peak memory {child.peak_mb:.0f} MB"
        )

    few = {
        share: ", ".join(f"{said['files', spread, share]['bytes'] / bytes_:.0%} {spread}" for spread in SPREADS)
        for share in SHARES[1:]
    }
    return Figure(
        f"n. bytes that a day of {CHANGED:,} changed films writes into the bridges of {FILMS:,}, over theirs",
        said["files", SPREADS[0], 1]["bytes"] / bytes_,
        0.1,
        details={
            "bridges": f"{sum(rows.values()):,} rows, {bytes_ / 1e6:.0f} MB in {number} files "
            f"({of_whole / 1e6:.0f} MB in one each)",
            "reading all of them": f"{reading['files']:.2f} s, in one file each {reading['whole']:.2f} s",
            **{
                f"changed {spread}, {what}": told(how, spread)
                for spread in SPREADS
                for how, what in (("files", "by files"), ("whole", "rewriting the whole"))
            },
            **{
                f"if the members of {share:.0%} of the changed films changed, and `observed_on` were elsewhere": text
                for share, text in few.items()
            },
            f"computed for {CATALOGUE:,} films": ", ".join(f"{_at(CATALOGUE, rows, size, s):.0%} {s}" for s in SPREADS)
            + f" (the same for {FILMS:,}: "
            + ", ".join(f"{_at(FILMS, rows, size, s):.0%} {s}" for s in SPREADS)
            + ")",
            "why no cut of ids does better": _arithmetic(rows),
        },
    )


def _sizes(store: DeltaStore) -> dict[str, int]:
    return {c.name: int(store.files(c).get_column("size_bytes").sum()) for c in BRIDGES}


def _at(count: int, rows: dict[str, int], size: dict[str, int], spread: str) -> float:
    """The share of the bridges' bytes that a day rewrites, from how many files there are and where the films lie."""
    places = changed_places(kept_ids(count), spread)
    return sum(
        size[name] * len({place * files // count for place in places}) / files
        for name, of_now in rows.items()
        if (files := _files(of_now * count // FILMS))
    ) / sum(size.values())


def _files(rows: int) -> int:
    """Files of a table that was written at once."""
    full = max(ROWS_OF_A_FILE, -(-rows // FILES))
    return 1 if rows <= full else -(-rows * 4 // (full * 3))


def _arithmetic(rows: dict[str, int]) -> str:
    """How small files would have to be for changes that lie anywhere."""
    # of files of f films each a share of 1 - (1 - c)^f is hit, if c is the share of changed films
    a_file = math.log(0.9) / math.log(1 - CHANGED / FILMS)
    return (
        f"a file is rewritten for any one of its films; with 1 film in {FILMS // CHANGED} changed, evenly, a tenth of "
        f"the files is hit only if a file has {a_file:.1f} films: {FILMS / a_file:,.0f} files a bridge, of "
        f"{a_file * rows['bridge_movie_cast'] / FILMS:.0f} rows of cast"
    )


def _in_a_process(*words: str) -> Child:
    return run_child([sys.executable, "-W", "ignore", "-m", "benchmarks.proportion", *words])


if __name__ == "__main__":
    commands: dict[str, Callable[..., None]] = {"build": build, "read": read, "merge": merge}
    commands[sys.argv[1]](*sys.argv[2:])
