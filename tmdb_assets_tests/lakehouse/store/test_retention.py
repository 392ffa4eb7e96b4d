"""Content that is kept once under its hash, days told against the day before, and a past that is dropped."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.contracts import ByDay, Contract, ContractError, FewADay, Owned, col
from tmdb_assets.lakehouse.errors import BlockedError
from tmdb_assets.lakehouse.flow.derived import DerivedTable
from tmdb_assets.lakehouse.flow.extraction import Asked, Chunk, Extractor, RawTable, Receipt
from tmdb_assets.lakehouse.flow.ledger import Ledger
from tmdb_assets.lakehouse.flow.publishing import publish
from tmdb_assets.lakehouse.flow.run import Run
from tmdb_assets.lakehouse.http import EndpointStats
from tmdb_assets.lakehouse.store import DeltaStore, LakeError, retention
from tmdb_assets.orchestration.tables import preview
from tmdb_assets_tests.stating import by_name

DAYS = [dt.date(2026, 3, n) for n in (1, 2, 3, 4)]

PAGES = Contract(
    "toy",
    "raw",
    "pages",
    "Pages.",
    ("date_id",),
    {"date_id": col(pl.Date, "Day."), "hashes": col(pl.List(pl.Int64), "Contents named.")},
    kept=ByDay("date_id"),
    drift_limit=None,
)
TEXTS = Contract(
    "toy",
    "raw",
    "texts",
    "Contents.",
    ("text_hash",),
    {"text_hash": col(pl.Int64, "Key."), "text": col(pl.String, "Content.")},
    kept=Owned(("text_hash",)),
    kept_for=(PAGES, "hashes"),
    personal=("text",),
    drift_limit=None,
)
GROWTH = Contract(
    "toy",
    "clean",
    "growth",
    "Contents more than on the kept day before.",
    ("date_id",),
    {"date_id": col(pl.Date, "Day."), "more": col(pl.Int64, "How many more.")},
    kept=FewADay("date_id"),
    drift_limit=None,
)


def texts(*rows: tuple[int, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=TEXTS.schema, orient="row")


def page(day: dt.date, *hashes: int) -> pl.DataFrame:
    return pl.DataFrame([(day, list(hashes))], schema=PAGES.schema, orient="row")


def kept(lake: DeltaStore) -> list[tuple[int, str]]:
    return lake.scan(TEXTS).sort("text_hash").collect().rows()


def test_known_content_costs_nothing_and_new_content_is_added(lake: DeltaStore) -> None:
    assert lake.append_new(TEXTS, texts((1, "a"), (2, "b"), (1, "a")), {}).rows_added == 2
    version = lake.version(TEXTS)
    assert not lake.append_new(TEXTS, texts((2, "b")), {}).changed
    assert lake.version(TEXTS) == version
    assert lake.append_new(TEXTS, texts((3, "c"), (2, "b")), {}).rows_added == 1
    assert kept(lake) == [(1, "a"), (2, "b"), (3, "c")]


def test_two_contents_of_one_hash_stop(lake: DeltaStore) -> None:
    lake.append_new(TEXTS, texts((1, "a")), {})
    with pytest.raises(LakeError, match=r"toy/raw/texts: another row .* text_hash 1: two contents share one hash"):
        lake.append_new(TEXTS, texts((2, "b"), (1, "other")), {})
    assert kept(lake) == [(1, "a")]


def test_content_that_nothing_names_any_more_goes(lake: DeltaStore) -> None:
    lake.append_new(TEXTS, texts((1, "a"), (2, "b"), (3, "c")), {})
    for day, hashes in zip(DAYS, ([1], [1, 3], [3]), strict=False):
        lake.replace(PAGES, page(day, *hashes), [day], {})
    assert retention.drop_unnamed(lake, TEXTS, {}) == 1
    assert kept(lake) == [(1, "a"), (3, "c")]
    version = lake.version(TEXTS)
    assert retention.drop_unnamed(lake, TEXTS, {}) == 0
    assert lake.version(TEXTS) == version
    lake.replace(PAGES, PAGES.empty(), DAYS, {})
    assert retention.drop_unnamed(lake, TEXTS, {}) == 2


def test_content_that_came_in_any_order_is_not_written_anew_for_nothing(lake: DeltaStore) -> None:
    assert retention.drop_unnamed(lake, TEXTS, {}) == 0
    for number in (3, 1, 2):
        lake.append_new(TEXTS, texts((number, "a")), {})
    lake.replace(PAGES, page(DAYS[0], 1, 2, 3), DAYS[:1], {})
    version = lake.version(TEXTS)
    assert retention.drop_unnamed(lake, TEXTS, {}) == 0
    assert lake.version(TEXTS) == version


def test_content_that_comes_and_is_named_while_others_go_stays(
    lake: DeltaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.append_new(TEXTS, texts((1, "a"), (2, "b")), {})
    lake.replace(PAGES, page(DAYS[0], 1), DAYS[:1], {})
    other, write, left = DeltaStore(lake.root), DeltaStore._write, [1]

    def overtaken(self: DeltaStore, *arguments: Any, **options: Any) -> None:
        if self is lake and left:
            left.pop()
            other.append_new(TEXTS, texts((3, "c")), {})
            other.replace(PAGES, page(DAYS[1], 3), DAYS[1:2], {})
        write(self, *arguments, **options)

    monkeypatch.setattr(DeltaStore, "_write", overtaken)
    assert retention.drop_unnamed(lake, TEXTS, {}) == 1
    assert kept(lake) == [(1, "a"), (3, "c")]


def test_a_dropped_past_leaves_no_file_no_statistics_and_no_version(lake: DeltaStore, tmp_path: Path) -> None:
    for number in range(25):  # beyond a checkpoint
        lake.overwrite(TEXTS, texts((number, f"secret-{number}")), {})
    commit = sorted((Path(lake.uri(TEXTS)) / "_delta_log").glob("*.json"))[-1]
    commit.with_name(f"{99:020}.json#1").write_bytes(commit.read_bytes())  # as a killed writer leaves it
    lake.overwrite(TEXTS, texts((99, "harmless")), {})
    retention.drop_past(lake, TEXTS)
    retention.drop_past(lake, TEXTS)  # cut or not, it may be run again
    files = [f for f in (tmp_path / "lake").rglob("*") if f.is_file()]
    said = b"".join(
        repr(pl.read_parquet(f).to_dicts()).encode() if f.suffix == ".parquet" else f.read_bytes() for f in files
    )
    assert b"harmless" in said
    assert b"secret" not in said
    assert kept(lake) == [(99, "harmless")]
    with pytest.raises(LakeError, match="has no version 3"):
        lake.open(TEXTS, 3)
    lake.append_new(TEXTS, texts((1, "later")), {})
    assert DeltaStore(lake.root).rows(TEXTS) == 2
    assert (
        dict(DeltaStore(lake.root).open(TEXTS).metadata().configuration)["delta.logRetentionDuration"]
        == "interval 30 days"
    )  # type: ignore[union-attr]  # it was written


def test_a_table_never_written_has_no_past(lake: DeltaStore) -> None:
    retention.drop_past(lake, TEXTS)
    assert lake.version(TEXTS) is None


def test_a_preview_hides_personal_columns() -> None:
    shown = preview(texts((1, "a name")).lazy(), TEXTS.personal)
    assert "a name" not in shown
    assert "| 1 | *** |" in shown
    with pytest.raises(ContractError, match="is named by the contract"):
        Contract("toy", "raw", "x", "X.", ("k",), {"k": col(pl.Int64, "Key.")}, personal=("gone",))


# -- a day told against the day before ---------------------------------------------------------------------------------


def growth(pages: pl.LazyFrame, all_pages: pl.LazyFrame) -> pl.DataFrame:
    """Contents more than on the day before."""
    counts = all_pages.sort("date_id").select("date_id", n=pl.col("hashes").list.len().cast(pl.Int64))
    told = counts.with_columns(more=pl.col("n") - pl.col("n").shift(1).fill_null(0))
    return told.join(pages, on="date_id", how="semi").select("date_id", "more").collect()


def test_a_day_that_arrives_late_changes_what_the_next_one_tells(lake: DeltaStore) -> None:
    table = DerivedTable(GROWTH, by_name(growth, {"pages": PAGES}), follows=PAGES)
    for day, hashes in ((DAYS[0], [1]), (DAYS[3], [1, 2, 3, 4]), (DAYS[2], [1, 2, 3]), (DAYS[1], [1, 2])):
        lake.replace(PAGES, page(day, *hashes), [day], {})
        publish(table, Run(lake, [day]))
    assert lake.scan(GROWTH).sort("date_id").collect().rows() == [(day, 1) for day in DAYS]


def test_without_following_only_the_day_itself_is_published(lake: DeltaStore) -> None:
    table = DerivedTable(GROWTH, by_name(growth, {"pages": PAGES}))
    for day, hashes in ((DAYS[0], [1]), (DAYS[3], [1, 2, 3, 4]), (DAYS[2], [1, 2, 3])):
        lake.replace(PAGES, page(day, *hashes), [day], {})
        publish(table, Run(lake, [day]))
    assert lake.scan(GROWTH).sort("date_id").collect().rows() == [(DAYS[0], 1), (DAYS[2], 2), (DAYS[3], 3)]


# -- contents while a day is kept --------------------------------------------------------------------------------------


class Client:
    """Brings one chunk."""

    has_history = False

    def __init__(self, *chunks: Chunk) -> None:
        self.chunks = chunks

    def fetch(self, asked: Asked) -> Iterator[Chunk]:
        yield from self.chunks

    def tables(self) -> dict[str, RawTable]:
        return {"pages": RawTable(PAGES, self.fetch, ["pages"])}

    def origin(self) -> str:
        return "real"

    def traffic(self) -> dict[str, EndpointStats]:
        return {}


def observe(lake: DeltaStore, client: Client, log: Callable[[str], None]) -> Any:
    extractor = Extractor(
        Run(lake, [DAYS[3]], {"run_id": "r"}, lambda event: log(str(event))),
        Ledger(lake, "toy"),
        Clock(DAYS[3]),
        client,
    )
    return extractor.observe(client.tables()["pages"], DAYS[3])


def test_contents_are_kept_with_the_rows_that_name_them(lake: DeltaStore, log: Callable[[str], None]) -> None:
    chunk = Chunk(
        page(DAYS[3], 1, 2), [Receipt("pages", 1, 1, 2, 2, takes=2)], contents={TEXTS: texts((1, "a"), (2, "b"))}
    )
    observed = observe(lake, Client(chunk), log)
    assert kept(lake) == [(1, "a"), (2, "b")]
    assert [c.rows_added for c in observed.commits] == [2, 1]
    entry = Ledger(lake, "toy").entry(DAYS[3], "pages")
    assert entry is not None
    assert (entry.takes, entry.is_finished) == (2, True)


def test_a_day_that_fell_short_keeps_neither(lake: DeltaStore, log: Callable[[str], None]) -> None:
    short = Receipt("pages", 1, 1, 2, 1, False, "one of two rows came", 3)
    with pytest.raises(BlockedError, match="one of two rows came"):
        observe(lake, Client(Chunk(page(DAYS[3], 1), [short], contents={TEXTS: texts((1, "a"))})), log)
    assert (lake.version(TEXTS), lake.version(PAGES)) == (None, None)
    entry = Ledger(lake, "toy").entry(DAYS[3], "pages")
    assert entry is not None
    assert (entry.takes, entry.is_finished, entry.is_complete) == (3, False, False)


@pytest.mark.parametrize(("files", "left"), [(8, 8), (9, 1)])
def test_a_day_kept_in_many_pieces_ends_in_one_file(lake: DeltaStore, files: int, left: int) -> None:
    for day in DAYS[:2]:
        for n in range(files if day == DAYS[0] else 2):
            lake.append(PAGES, pl.DataFrame({"date_id": [day], "hashes": [[n]]}, schema=PAGES.schema), {})
    before = lake.scan(PAGES).sort("date_id", "hashes").collect()
    retention.compact_day(lake, PAGES, DAYS[0], {"run_id": "r"})
    counted = dict(lake.files(PAGES).group_by("partition.date_id").len().iter_rows())
    assert counted == {DAYS[0]: left, DAYS[1]: 2}
    assert lake.scan(PAGES).sort("date_id", "hashes").collect().equals(before)
    newest = lake.history(PAGES, 1)[0]
    assert left == files or (newest["operation"], newest["run_id"]) == ("OPTIMIZE", "r")


def test_a_table_that_was_never_written_or_lies_in_few_files_is_not_compacted(lake: DeltaStore) -> None:
    retention.compact_day(lake, PAGES, DAYS[0], {})
    assert lake.version(PAGES) is None
    lake.append(GROWTH, pl.DataFrame({"date_id": [DAYS[0]], "more": [1]}, schema=GROWTH.schema), {})
    retention.compact_day(lake, GROWTH, DAYS[0], {})
    assert lake.version(GROWTH) == 1
