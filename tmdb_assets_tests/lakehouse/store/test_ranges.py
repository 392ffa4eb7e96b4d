"""Owned rows in files by ranges: whatever is merged, the table is what one merge of the whole would be, and a merge
touches only files that can hold an owner it names."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import WriterProperties, write_deltalake
from deltalake.transaction import AddAction
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.lakehouse.contracts import Contract, col
from tmdb_assets.lakehouse.store import DeltaStore, delta, ranges, retention
from tmdb_assets.lakehouse.store.owned import in_order, merged
from tmdb_assets.lakehouse.store.ranges import OwnedFiles, cut, groups_of, lie_apart
from tmdb_assets.lakehouse.store.swaps import statistics
from tmdb_assets_tests.effort import examples
from tmdb_assets_tests.lakehouse.store.test_delta import DAYS, PARTS, THINGS, rows

#: Owners whose beginnings are longer than what Delta states of a text.
LONG = "x" * 200
TEXT_PARTS = replace(PARTS, name="text_parts", columns={**PARTS.columns, "thing_id": col(pl.String, "Thing.")})


@pytest.fixture(autouse=True)
def _small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "ROWS_OF_A_FILE", 4)


def things(*numbers: int, day: dt.date = DAYS[0], parts: int = 1) -> pl.DataFrame:
    return rows(PARTS, *[(n, part, "x", day) for n in numbers for part in range(parts)])


def files(lake: DeltaStore, contract: Contract = PARTS) -> pl.DataFrame:
    """The files of a table in the order of their ranges."""
    owner = contract.owner[0]
    kept = lake.files(contract).select("path", "num_records", pl.col(f"min.{owner}", f"max.{owner}").name.keep())
    return kept.sort(f"min.{owner}").rename({f"min.{owner}": "low", f"max.{owner}": "high", "num_records": "rows"})


def actions(lake: DeltaStore, contract: Contract = PARTS) -> dict[str, list[dict[str, Any]]]:
    """What the newest commit says."""
    log = Path(lake.uri(contract)) / "_delta_log"
    lines = [json.loads(line) for line in max(log.glob("*.json")).read_text().splitlines()]
    return {kind: [line[kind] for line in lines if kind in line] for kind in ("add", "remove", "commitInfo")}


# -- any order, any cut ------------------------------------------------------------------------------------------------


class Memory(OwnedFiles):
    """Files of a table in memory, as the log would list them."""

    def __init__(self, contract: Contract) -> None:
        super().__init__(contract, "", "")
        self.kept: dict[str, tuple[dict[str, Any], pl.DataFrame]] = {}
        self.written: dict[str, tuple[dict[str, Any], pl.DataFrame]] = {}
        self.opened: set[str] = set()

    def read(self, uris: Sequence[str]) -> pl.DataFrame:
        self.opened |= set(uris)
        return pl.concat([self.contract.empty(), *[self.kept[uri][1] for uri in uris]])

    def write(self, rows: pl.DataFrame) -> AddAction:
        name, stated = f"file {len(self.written)}", statistics(self.contract, rows)
        owner = self.contract.owner[0]
        listed = {"path": name, "uri": name, "num_records": rows.height, "size_bytes": 1}
        for of, bound in (("minValues", "min"), ("maxValues", "max"), ("nullCount", "null_count")):
            listed[f"{bound}.{owner}"] = stated[of].get(owner)
        self.written[name] = listed, rows
        return AddAction(name, 1, {}, 0, True, "")

    def files(self) -> pl.DataFrame:
        owner, type_ = self.contract.owner[0], self.contract.schema[self.contract.owner[0]]
        types = {f"min.{owner}": type_, f"max.{owner}": type_, f"null_count.{owner}": pl.Int64}
        return pl.DataFrame([listed for listed, _ in self.kept.values()], schema_overrides=types)

    def apply(self, frame: pl.DataFrame, retracted: pl.DataFrame | None) -> None:
        swap = self.merge(self.files(), frame, retracted)
        for gone in swap.removes:
            assert gone.path in self.opened, "what is replaced was read"
            del self.kept[gone.path]
        for new in swap.adds:
            self.kept[new.path] = self.written[new.path]

    def rows(self) -> pl.DataFrame:
        in_range = self.files().sort(f"min.{self.contract.owner[0]}", nulls_last=True) if self.kept else pl.DataFrame()
        return self.read(in_range.get_column("uri").to_list() if self.kept else [])


OWNER = st.integers(-3, 25)
#: An owner's parts (none: it was observed without any), and the day of that.
SAID = st.dictionaries(OWNER, st.tuples(st.sets(st.integers(1, 4), max_size=4), st.integers(0, 3)), max_size=9)
TAKEN_BACK = st.lists(st.tuples(OWNER, st.integers(0, 3)), max_size=4)
MERGES = st.lists(st.tuples(SAID, TAKEN_BACK), min_size=1, max_size=8)


def frames(
    contract: Contract, said: dict[int, tuple[set[int], int]], taken_back: list[tuple[int, int]]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    def named(owner: int) -> Any:
        return owner if contract is PARTS else f"{LONG}{owner % 3}{LONG}{owner}"

    observed = [(named(o), p, "r", DAYS[d]) for o, (parts, d) in said.items() for p in (parts or {None})]
    gone = [(named(o), DAYS[d]) for o, d in taken_back]
    kept_as = {name: contract.schema[name] for name in (*contract.owner, *contract.order)}
    return rows(contract, *observed), pl.DataFrame(gone, schema=kept_as, orient="row")


@pytest.mark.parametrize("contract", [PARTS, TEXT_PARTS], ids=["numbers", "texts"])
@given(merges=MERGES)
@examples(25)
def test_merges_by_files_end_as_merges_of_the_whole(contract: Contract, merges: list[Any]) -> None:
    there, whole = Memory(contract), contract.empty()
    for said, taken_back in merges:
        frame, gone = frames(contract, said, taken_back)
        before = set(there.kept)
        there.apply(frame, gone)
        was, whole = whole, merged(contract, whole, frame, gone)
        assert there.rows().equals(whole), "the same rows in the same order"
        assert lie_apart(contract, there.files()) or not there.kept
        assert (set(there.kept) == before) == whole.equals(was), "files change when rows do"
        longest = whole.group_by(contract.owner).len().get_column("len").max() or 0
        assert all(part.height <= 4 + longest for _, part in there.kept.values())


@given(MERGES)
@examples(5)
def test_a_table_by_files_is_that_of_merges_of_the_whole(
    fresh_lake: Callable[[], DeltaStore], merges: list[Any]
) -> None:
    lake, whole = fresh_lake(), PARTS.empty()
    for said, taken_back in merges[:4]:
        frame, gone = frames(PARTS, said, taken_back)
        lake.merge(PARTS, frame, {}, gone)
        whole = merged(PARTS, whole, frame, gone)
        assert lake.scan(PARTS).collect().equals(whole)
    assert DeltaStore(lake.root).scan(PARTS).collect().equals(whole)


@given(st.lists(st.integers(1, 9), max_size=40), st.integers(1, 20))
@examples(50)
def test_rows_are_cut_between_owners_into_parts_that_are_neither_large_nor_many(sizes: list[int], full: int) -> None:
    whole = rows(PARTS, *[(owner, part, None, DAYS[0]) for owner, size in enumerate(sizes) for part in range(size)])
    parts = list(cut(PARTS, whole, full))
    assert pl.concat([PARTS.empty(), *parts]).equals(whole)
    owners = [set(part.get_column("thing_id")) for part in parts]
    assert sum(map(len, owners)) == len(sizes), "an owner lies in one part"
    assert all(0 < part.height <= full + max(sizes) for part in parts)
    assert len(parts) <= max(1, -(-4 * sum(sizes) // (3 * full)))
    assert sum(sizes) > full or len(parts) <= 1


# -- what a merge touches ----------------------------------------------------------------------------------------------


def test_a_merge_swaps_the_files_of_its_owners_in_one_commit_and_no_other(lake: DeltaStore) -> None:
    lake.merge(PARTS, things(*range(0, 40, 2)), {})
    before = files(lake)
    assert before.height == 7
    frame = things(4, day=DAYS[1]).vstack(things(31, day=DAYS[1]))
    commit = lake.merge(PARTS, frame, {"run_id": "r7"})
    holds = pl.any_horizontal([pl.col("low").le(n) & pl.col("low").shift(-1).gt(n).fill_null(True) for n in (4, 31)])
    touched, said = before.filter(holds), actions(lake)
    assert {remove["path"] for remove in said["remove"]} == set(touched.get_column("path"))
    assert len(said["remove"]) == len(said["add"]) == 2
    assert set(before.get_column("path")) - set(files(lake).get_column("path")) == set(touched.get_column("path"))
    assert said["commitInfo"][0]["run_id"] == "r7"
    assert (commit.version, commit.rows_added, commit.rows_removed) == (
        2,
        touched["rows"].sum() + 1,
        touched["rows"].sum(),
    )
    assert commit.bytes_added == sum(add["size"] for add in said["add"])


def test_of_a_merge_that_changes_one_file_the_other_stays(lake: DeltaStore) -> None:
    lake.merge(PARTS, things(*range(20)), {})
    before = set(files(lake).get_column("path"))
    same_and_new = things(1).vstack(things(19, day=DAYS[1]))
    assert lake.merge(PARTS, same_and_new, {}).changed
    assert len(before - set(files(lake).get_column("path"))) == 1
    assert not lake.merge(PARTS, same_and_new, {}).changed


def test_new_owners_go_into_the_last_file_until_it_is_full(lake: DeltaStore) -> None:
    heights = []
    for n in range(8):
        lake.merge(PARTS, things(n), {})
        heights.append(files(lake).get_column("rows").to_list())
    assert heights[3:] == [[4], [2, 3], [2, 4], [2, 2, 3], [2, 2, 4]]


def test_files_that_lose_their_rows_join_their_neighbours(lake: DeltaStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "ROWS_OF_A_FILE", 8)
    lake.merge(PARTS, things(*range(18)), {})
    assert files(lake).get_column("rows").to_list() == [6, 6, 6]
    nothing = rows(PARTS, *[(n, None, None, DAYS[1]) for n in (6, 7, 8, 9, 10)])
    lake.merge(PARTS, nothing, {})
    assert files(lake).get_column("rows").to_list() == [7, 6]
    lake.merge(PARTS, rows(PARTS, *[(n, None, None, DAYS[1]) for n in range(18)]), {})
    assert files_of_nothing(lake)
    lake.merge(PARTS, things(3, day=DAYS[2]), {})
    assert lake.scan(PARTS).collect().rows() == [(3, 0, "x", DAYS[2])]


def files_of_nothing(lake: DeltaStore) -> bool:
    return lake.files(PARTS).is_empty() and lake.rows(PARTS) == 0 and lake.scan(PARTS).collect().is_empty()


def test_a_table_of_many_rows_has_not_more_files(lake: DeltaStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "FILES", 5)
    monkeypatch.setattr(ranges, "CROWDED", 15)
    counts = []
    for n in range(12):
        lake.merge(PARTS, things(*range(n * 40, n * 40 + 40)), {})
        counts.append(files(lake).height)
    assert max(counts) <= 15 + 2
    assert any(after < before for before, after in itertools.pairwise(counts)), "they were joined"
    assert lake.scan(PARTS).collect().equals(things(*range(480)))
    monkeypatch.setattr(ranges, "CROWDED", 1)
    assert not lake.merge(PARTS, things(7), {}).changed, "what changes nothing joins nothing"


def test_the_log_states_what_readers_ask_it_for(lake: DeltaStore) -> None:
    unusual = (1, "ab" * 40, DAYS[2], None), (2, 'a "quoted"\n name', DAYS[1], DAYS[4])
    lake.merge(THINGS, rows(THINGS, *unusual), {})
    (add,) = actions(lake, THINGS)["add"]
    assert json.loads(add["stats"]) == {
        "numRecords": 2,
        "minValues": {"thing_id": 1, "seen_on": "2026-03-02", "listed_on": "2026-03-05"},
        "maxValues": {"thing_id": 2, "seen_on": "2026-03-03", "listed_on": "2026-03-05"},
        "nullCount": {"thing_id": 0, "name": 0, "seen_on": 0, "listed_on": 1},
    }
    assert (lake.rows(THINGS), lake.largest(THINGS, "seen_on")) == (2, DAYS[2])
    assert add["size"] == (Path(lake.uri(THINGS)) / add["path"]).stat().st_size


def test_a_column_added_to_the_contract_comes_with_the_next_merge(lake: DeltaStore) -> None:
    lake.merge(PARTS, things(*range(8)), {})
    wider = replace(PARTS, columns={**PARTS.columns, "note": col(pl.String, "Note.", nullable=True)})
    assert not lake.merge(wider, rows(wider, (7, 0, "x", DAYS[0], None)), {}).changed
    lake.merge(wider, rows(wider, (7, 0, "x", DAYS[1], "new")), {})
    assert lake.scan(wider).collect().get_column("note").to_list() == [None] * 7 + ["new"]
    table = lake.open(wider)
    assert table is not None
    assert [f.name for f in table.schema().fields][-1] == "note"
    assert lake.scan(PARTS).collect().height == 8


def test_a_long_history_of_merges_is_checkpointed(lake: DeltaStore) -> None:
    for n in range(delta.CHECKPOINT_EVERY + 1):
        lake.merge(PARTS, things(n), {})
    assert list((Path(lake.uri(PARTS)) / "_delta_log").glob("*.checkpoint.parquet"))
    assert DeltaStore(lake.root).scan(PARTS).collect().equals(things(*range(delta.CHECKPOINT_EVERY + 1)))


# -- files that others have written ------------------------------------------------------------------------------------


def by_another(lake: DeltaStore, contract: Contract, frame: pl.DataFrame, mode: str = "append", **how: Any) -> None:
    """Rows as any other program writes them."""
    lake.create(contract)
    write_deltalake(lake.uri(contract), frame, mode=mode, **how)  # type: ignore[call-overload]  # one of its modes


def test_a_table_of_one_file_is_read_as_it_is_and_cut_at_its_first_merge(lake: DeltaStore) -> None:
    by_another(lake, PARTS, things(*range(20)))
    assert not lake.merge(PARTS, things(3), {}).changed
    assert files(lake).height == 1
    lake.merge(PARTS, things(3, day=DAYS[1]), {})
    assert files(lake).get_column("rows").to_list() == [2, 3, 3, 3, 3, 3, 3]
    assert lake.scan(PARTS).collect().get_column("thing_id").to_list() == list(range(20))


@pytest.mark.parametrize("contract", [PARTS, TEXT_PARTS], ids=["numbers", "texts"])
@pytest.mark.parametrize("stated", ["all", "cut short", "no bounds", "nothing"])
def test_files_of_other_programs_are_merged_like_our_own(lake: DeltaStore, contract: Contract, stated: str) -> None:
    """In any order, over each other's ranges, texts cut short in the log, or nothing said of the owners."""
    properties = WriterProperties(statistics_truncate_length=8 if stated == "cut short" else None)
    whole = contract.empty()
    for numbers in ([5, 3, 9], [14, 4], [30, 31, 32, 33, 34]):
        frame, _ = frames(contract, {n: ({1, 2}, 0) for n in numbers}, [])
        by_another(lake, contract, frame, writer_properties=properties)
        whole = in_order(contract, pl.concat([whole, frame]))
    if stated in ("no bounds", "nothing"):
        forget_statistics(Path(lake.uri(contract)) / "_delta_log", rows_too=stated == "nothing")
    lake = DeltaStore(lake.root)
    for number, day in ((4, 1), (33, 1), (5, 2), (12, 0)):
        frame, gone = frames(contract, {number: ({7}, day)}, [])
        lake.merge(contract, frame, {}, gone)
        whole = merged(contract, whole, frame, gone)
        assert in_order(contract, lake.scan(contract).collect()).equals(whole)
    assert lake.scan(contract).collect().equals(whole), "each file was rewritten, or lay apart"


def forget_statistics(log: Path, *, rows_too: bool) -> None:
    for commit in log.glob("*.json"):
        lines = [json.loads(line) for line in commit.read_text().splitlines()]
        for add in (line["add"] for line in lines if "add" in line):
            kept = {} if rows_too else {"numRecords": json.loads(add["stats"])["numRecords"]}
            add["stats"] = json.dumps(kept) if kept else None
        commit.write_text("\n".join(map(json.dumps, lines)) + "\n")


def test_rows_without_an_owner_stay_and_are_the_last(lake: DeltaStore) -> None:
    nobody = pl.DataFrame([(None, 1, "x", DAYS[0])], schema=PARTS.schema, orient="row")
    loose = replace(PARTS, columns={**PARTS.columns, "thing_id": col(pl.Int64, "Thing.", nullable=True)})
    for frame in (things(1, 2, 3), things(4, 5).vstack(nobody), things(6, 7, 8, 9)):
        by_another(lake, loose, frame)
    lake.merge(loose, things(1, 10, day=DAYS[1]), {})
    lake.merge(loose, things(9, day=DAYS[1]), {})
    assert lake.scan(loose).collect().get_column("thing_id").to_list() == [*range(1, 11), None]


def test_a_file_of_any_name_is_replaced(lake: DeltaStore) -> None:
    by_another(lake, PARTS, things(1, 2))
    table = lake.open_anew(PARTS)
    (path,) = table.files.get_column("path")
    folder, odd = Path(lake.uri(PARTS)), "a b%é.parquet"
    (folder / path).rename(folder / odd)
    log = folder / "_delta_log" / f"{1:020}.json"
    log.write_text(log.read_text().replace(path, "a%20b%25%C3%A9.parquet"))
    fresh = DeltaStore(lake.root)
    fresh.merge(PARTS, things(2, day=DAYS[1]), {})
    assert fresh.scan(PARTS).collect().rows() == [(1, 0, "x", DAYS[0]), (2, 0, "x", DAYS[1])]
    assert DeltaStore(lake.root).scan(PARTS).collect().height == 2


# -- upkeep and accidents ----------------------------------------------------------------------------------------------


def test_upkeep_leaves_files_by_ranges_as_they_are_and_removes_old_ones(lake: DeltaStore) -> None:
    for day in DAYS[:3]:
        lake.merge(PARTS, things(*range(20), day=day), {})
    before = files(lake)
    done = retention.upkeep(lake, PARTS, keep_hours=0)
    assert (done["files_compacted"], done["files_deleted"]) == (0, 14)
    assert files(lake).equals(before)
    retention.drop_past(lake, PARTS)
    assert files(lake).equals(before)
    lake.merge(PARTS, things(25, day=DAYS[3]), {})
    assert lake.scan(PARTS).collect().get_column("thing_id").to_list() == [*range(20), 25]


def test_upkeep_joins_files_that_were_appended_over_each_other(lake: DeltaStore) -> None:
    for numbers in ((1, 5), (2, 6), (3, 7)):
        lake.append_new(PARTS, things(*numbers), {})
    assert retention.upkeep(lake, PARTS)["files_compacted"] == 3
    lake.merge(PARTS, things(4), {})
    assert lake.scan(PARTS).collect().get_column("thing_id").to_list() == [1, 2, 3, 4, 5, 6, 7]
    assert lie_apart(PARTS, lake.files(PARTS))


def test_a_merge_that_is_cut_before_its_commit_leaves_the_table_as_it_was(
    lake: DeltaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.merge(PARTS, things(*range(20)), {})

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(delta, "commit_swap", killed)
        with pytest.raises(KeyboardInterrupt):
            lake.merge(PARTS, things(*range(20), day=DAYS[1]), {})
    assert DeltaStore(lake.root).scan(PARTS).collect().equals(things(*range(20)))
    assert lake.merge(PARTS, things(*range(20), day=DAYS[1]), {}).version == 2
    assert retention.upkeep(lake, PARTS, keep_hours=0)["files_deleted"] == 14, "replaced ones, and those of the cut one"
    assert lake.scan(PARTS).collect().equals(things(*range(20), day=DAYS[1]))


def test_groups_of_no_files_are_none() -> None:
    assert groups_of(PARTS, pl.DataFrame(), lambda uris: PARTS.empty()) == []
