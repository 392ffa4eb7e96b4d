"""Persons spelled in every way, run into a lake, a warehouse and a Dagster instance, and then forgotten: no byte and no
decoded value of any file is left of them; what tells nobody takes nobody along."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl
import pytest

from tmdb_assets.lakehouse.contracts import Contract
from tmdb_assets.lakehouse.copies import CopyStays
from tmdb_assets.lakehouse.flow.publishing import publish
from tmdb_assets.lakehouse.flow.run import Run
from tmdb_assets.lakehouse.store import Commit, DeltaStore
from tmdb_assets.lakehouse.store.locks import at_work
from tmdb_assets.sources.moovitamix import contracts, privacy
from tmdb_assets.sources.moovitamix import forget as forget_module
from tmdb_assets.sources.moovitamix.assets import derived_tables
from tmdb_assets.sources.moovitamix.forget import MoreThanConfirmed, forget, look_up
from tmdb_assets.warehouse.contents import Source
from tmdb_assets.warehouse.publish import publish_warehouse
from tmdb_assets.warehouse.targets import targets_of
from tmdb_assets.warehouse.targets.duckdb import DuckDBFile
from tmdb_assets_tests.faulty_server import FaultyServer, Reply, Script, Seen
from tmdb_assets_tests.sources.moovitamix.lakes import (
    KEY,
    TODAY,
    a_few,
    day,
    derive,
    history,
    keep_raw,
    lists,
    observe,
    rows,
    settings_of,
    track,
    user,
)

#: Every id of theirs begins with it; every name and e-mail has the one letter group or the other, in some spelling.
MARKS = ("98700000", "zzq", "zz\\\\u0071", "\\\\u007a\\\\u007a", "ｚｚｑ", "z\\u200bzq")


def wide(text: str) -> str:
    """A text in full-width letters."""
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def said(user_id: str, email: str, more: str = '"gender":"F"') -> str:
    """A row of /users as JSON text; id and e-mail are JSON already."""
    return (
        f'{{"id":{user_id},"first_name":"Azzqa","last_name":"Bzzq\\u00e9","email":{email},{more},'
        '"created_at":"2025-01-02T08:00:00","updated_at":"2025-02-02T08:00:00"}'
    )


def listened(user_id: str, more: str = '"items":[1,2]', at: str = "2025-03-01T20:00:00") -> str:
    return f'{{"user_id":{user_id},"created_at":"{at}",{more}}}'


#: Person -> rows of /users and /listen_history. Each is asked to be forgotten by the first id.
PERSONS: dict[int, tuple[list[str], list[str]]] = {
    # escapes of JSON, in capitals and not, a slash
    987000001: (
        [said("987000001", r'"a\u007A\u007a\u0071\u00e9.one\/x@example.org"')],
        [listened("987000001"), listened('"987000001"', at="2025-03-02T20:00:00")],
    ),
    # a quoted local part, and the same mailbox without the quotation marks under a second id
    987000002: (
        [said("987000002", r'"\"zzq two\"@example.org"'), said("987000012", r'"\"zzq\\ two\"@Example.ORG."')],
        [listened("987000012")],
    ),
    # another Unicode form, full width, letters that are not seen
    987000003: (
        [
            said("987000003", '"zzqe\u0301@example.org"'),
            said("987000013", '"ZZQ\u00c9@example.org"'),
            said("987000023", json.dumps(wide("zzq") + "\u00e9@example.org", ensure_ascii=False)),
            said("987000033", '"z\u200bzq\u00e9@exam\u00adple.org"'),
        ],
        [listened("987000023"), listened("987000033")],
    ),
    # the id as other numbers and texts, in sound rows and in rows that are set aside
    987000004: (
        [
            said("987000004.0", '"zzq.four@example.org"'),
            said('" 987000004 "', '"zzq.four@example.org"', '"gender":{"zzq":[1]}'),
            said('"987000004.0"', "null", '"gender":7').replace("2025-01-02T08:00:00", "zzq"),
        ],
        [
            listened("987000004.0", at="2025-03-01T21:00:00"),
            listened('" 987000004"', at="never zzq"),
            listened("9.87000004e8", '"items":"zzq"', at="2025-03-01T22:00:00"),
        ],
    ),
    # an e-mail where it does not belong: in another column, in a longer text, in another's row, in the name of a field
    987000005: (
        [
            said("987000005", '"zzq.five@example.org"', '"gender":["ZZQ.five@example.org"]'),
            said("55", '"other@example.org"', '"favorite_genres":["as zzq.five@example.org says"]'),
        ],
        [listened("56", '"items":[1,"zzq.five@EXAMPLE.org"]'), listened("57", '"zzq.five@example.org":1')],
    ),
    # rows that are no JSON, or in part, whose e-mail is escaped
    987000006: (
        [
            said("987000006", '"zzq.six@example.org"'),
            said("987000016", r'"zz\u0071.six@example.org"', '"gender":tru e'),
            said("nothing", r'"\u007a\u007aq.six@ex\u0061mple.org"', '"gender":}').replace("}", ";", 1),
            said("01", r'"zz\u0071.six@example.org\ud800"'),
        ],
        [listened("987000006", '"items":[1,,2]'), listened("987000016", '"items":[NaN]')],
    ),
    # a second id with the same e-mail in capitals
    987000007: (
        [said("987000007", '"zzq.seven@example.org"'), said("987000017", '" ZZQ.SEVEN@EXAMPLE.ORG "')],
        [listened("987000017")],
    ),
    # a domain in either form
    987000008: (
        [said("987000008", '"eight@b\u00fccher-zzq.example"'), said("987000018", '"eight@xn--bcher-zzq-q9a.EXAMPLE"')],
        [listened("987000018")],
    ),
}


def as_lists() -> dict[str, list[str]]:
    """JSON texts of all rows of the three lists: a few of others, and those of the persons."""
    texts = {endpoint: [json.dumps(row) for row in found] for endpoint, found in a_few().items()}
    for users, histories in PERSONS.values():
        texts["users"] += users
        texts["listen_history"] += histories
    return texts


def serving(texts: Mapping[str, list[str]]) -> FaultyServer:
    """A server of lists of JSON texts, as they are."""

    def answer(seen: Seen) -> Reply:
        found = texts[seen.target.partition("?")[0].strip("/")]
        number = int(seen.query.get("page", "1"))
        items = ",".join(found if number == 1 else ())
        body = f'{{"items":[{items}],"total":{len(found)},"page":{number},"size":100,"pages":1}}'
        return Reply(200, body.encode("utf-8"), {"Content-Type": "application/json"})

    script: Script = answer
    return FaultyServer(script)


# -- everything that is kept, byte by byte and value by value ----------------------------------------------------------


def everything(folder: Path) -> Iterator[tuple[str, str]]:
    """Every file below a folder: its name, its bytes as text, and every value decoded of Parquet and DuckDB files."""
    for file in folder.rglob("*"):
        yield str(file), str(file)
        if not file.is_file():
            continue
        content = file.read_bytes()
        yield str(file), content.decode("utf-8", errors="replace")
        if content[:4] == b"PAR1":
            yield str(file), repr(pl.read_parquet(file, hive_partitioning=False).to_dicts())
        elif content[8:12] == b"DUCK":
            with duckdb.connect(str(file), read_only=True) as database:
                for schema, name in database.sql("SELECT schema_name, table_name FROM duckdb_tables()").fetchall():
                    yield str(file), repr(database.sql(f'SELECT * FROM "{schema}"."{name}"').fetchall())


def traces(folder: Path) -> set[tuple[str, str]]:
    """(file, mark) of all that is left of the persons."""
    return {(name, mark) for name, text in everything(folder) for mark in MARKS if mark in text.lower()}


# -- forgotten everywhere ----------------------------------------------------------------------------------------------


def under_lock(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lets each commit of a run look whether the lock that forgetting wants is held; the tables where it was not."""
    commit, unlocked = DeltaStore._commit, []

    def watched(self: DeltaStore, contract: Contract, *rest: Any) -> Commit:
        lock = os.open(Path(self.root) / f".{contract.source}.lock", os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            unlocked.append(contract.path)
        except BlockingIOError:
            pass
        finally:
            os.close(lock)
        return commit(self, contract, *rest)

    monkeypatch.setattr(DeltaStore, "_commit", watched)
    return unlocked


def run(root: Path, url: str, instance: dg.DagsterInstance) -> None:
    """The daily job of today, publication included, of the tables that name users or count them."""
    from tmdb_assets.assembly import build_definitions

    settings = settings_of(
        root / "lake",
        moovitamix_url=url,
        tmdb_assets_warehouse=root / "link.duckdb",
        tmdb_assets_reports=root / "reports",
    )
    job = build_definitions(settings).resolve_job_def("moovitamix_daily")
    counts = {contracts.CHANGES, contracts.QUARANTINE, contracts.FACT_COLUMN_QUALITY, contracts.FACT_TABLE_QUALITY}
    tables = [
        dg.AssetKey(c.key) for c in contracts.CONTRACTS if c.stage == "raw" or "user_id" in c.schema or c in counts
    ]
    done = job.execute_in_process(
        partition_key=TODAY.isoformat(),
        asset_selection=[*tables, dg.AssetKey(["warehouse", "moovitamix"])],
        instance=instance,
        raise_on_error=False,
    )
    assert done.success, [e.message for e in done.all_events if e.is_step_failure]


@pytest.mark.usefixtures("only_what_is_filled")
def test_not_a_byte_and_not_a_value_of_anybody_is_left_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, warehouse, link = DeltaStore(tmp_path / "lake"), tmp_path / "at" / "real.duckdb", tmp_path / "link.duckdb"
    (tmp_path / "at").mkdir()
    (tmp_path / "reports").mkdir()
    link.symlink_to(warehouse)
    keep_raw(lake, day(1), a_few())
    derive(lake, [day(1)], views=False)
    home = tmp_path / "dagster"
    home.mkdir()
    with dg.DagsterInstance.local_temp(str(home)) as instance, monkeypatch.context() as patch:
        unlocked = under_lock(patch)
        with serving(as_lists()) as server:
            run(tmp_path, server.url, instance)
        assert unlocked == [], "each step that writes shares the lock that forgetting wants alone"
    for beside in ("at/real.duckdb.next", "at/real.duckdb.wal", "link.duckdb.next", "link.duckdb.wal"):
        (tmp_path / beside).write_text("zzq", encoding="utf-8")  # of a publication that was killed
    (tmp_path / "reports" / "old.html").write_text("<p>ZZQ.five@example&#46;org</p>", encoding="utf-8")
    (tmp_path / "reports" / "films.html").write_text("<p>films</p>", encoding="utf-8")
    before = traces(tmp_path)
    assert {mark for _, mark in before} == set(MARKS)
    assert not [found for found in before if str(home) in found[0]], "no preview, check or log names a person"
    assert any(str(warehouse) in name for name, _ in before)

    settings = settings_of(lake.root, tmdb_assets_warehouse=link, tmdb_assets_reports=tmp_path / "reports")
    places = targets_of(settings)
    first, *others = PERSONS
    with monkeypatch.context() as patch:
        patch.setattr(forget_module, "derived_tables", lambda settings: [])  # with the last of them, once for all
        for asked in others:
            plan = look_up(lake, settings, places, asked)
            assert not any("zzq" in line.lower() for line in plan.lines() if "file" not in line)
            forget(lake, settings, places, asked, lambda line: None, plan)
    forget(lake, settings, places, first, lambda line: None)
    assert traces(tmp_path) == set()
    assert link.is_symlink() and not link.exists()
    assert {p.name for p in (tmp_path / "reports").iterdir()} == {"films.html"}
    assert rows(lake, "dim_user")["user_id"].unique().to_list() == [1, 2, 3, 4]
    assert set(rows(lake, "fact_listen")["user_id"]) == {1, 2, 3, 4}
    with serving(as_lists()) as server:  # the source still serves them
        observe(lake, server.url, TODAY)
    derive(lake, [TODAY], views=False)
    publish_warehouse(lake, DuckDBFile(link), [Source.of(contracts)], None, lambda line: None)
    assert link.is_symlink() and warehouse.exists(), "the link leads to the next warehouse"
    assert traces(tmp_path) == set(), "they do not come back"
    assert rows(lake, "dim_user")["user_id"].unique().to_list() == [1, 2, 3, 4]


# -- who is not taken along --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("only_what_is_filled")
def test_a_placeholder_that_many_share_is_nobody(lake: DeltaStore) -> None:
    placeholders = ("n/a", "hello@shop.example")  # one that tells nobody, and one that only its number gives away
    shared = {100 * number + n: said for number, said in enumerate(placeholders) for n in range(1, 21)}
    many = [user(n, email=said) for n, said in shared.items()]
    keep_raw(lake, day(0), lists([track(1)], many, [history(n, 1) for n in shared]))
    derive(lake, [day(0)], only=["fact_listen"])
    others = dict(shared)
    for number, placeholder in enumerate(placeholders):
        gone = 100 * number + 7
        del others[gone]
        assert forget(lake, settings_of(lake.root), [], gone, lambda line: None).users == 1
        assert rows(lake, "dim_user")["user_id"].to_list() == list(others)
        assert rows(lake, "fact_listen")["user_id"].to_list() == list(others)
        door = privacy.Door(lake, KEY.encode)
        assert not door.is_shut("users", json.dumps(user(30, email=placeholder))), "a newcomer"
        assert door.is_shut("users", json.dumps(user(gone, email=placeholder)))


def test_what_an_older_version_kept_of_a_person_still_shuts_the_door_and_of_a_placeholder_does_not(
    lake: DeltaStore,
) -> None:
    old = [
        privacy.keyed_hash(KEY.encode(), "email", said) for said in ('"ann"@example.org.', "n/a", "weiß@example.org")
    ]
    hashes = pl.DataFrame({"subject_hash": old, "forgotten_on": TODAY}, schema=contracts.FORGOTTEN.schema)
    lake.append_new(contracts.FORGOTTEN, hashes, {})
    door = privacy.Door(lake, KEY.encode)
    shut = {
        email: door.is_shut("users", json.dumps(user(5, email=email)))
        for email in ('"Ann"@example.org. ', "n/a", "N/A", "weiß@example.org", "bob@example.org")
    }
    assert list(shut.values()) == [True, False, False, True, False]


# -- between the steps of a run, and while one waits -------------------------------------------------------------------


#: The fact of listening, and the tables that it is made of.
NEEDED = {"tracks", "users", "listen_histories", "listens", "vanished", "dim_track", "dim_user", "fact_listen"}


@pytest.mark.usefixtures("only_what_is_filled")
def test_a_person_forgotten_between_two_steps_of_a_run_is_not_brought_back_by_the_next(lake: DeltaStore) -> None:
    keep_raw(lake, day(0), lists([track(1)], [user(1), user(987000001)], [history(987000001, 1), history(1, 1)]))
    steps = [t for t in derived_tables(settings_of(lake.root)) if t.contract.name in NEEDED]
    names = [t.contract.name for t in steps]
    for cut in (names.index("users") + 1, names.index("dim_user"), names.index("fact_listen")):
        for step in steps[:cut]:
            publish(step, Run(lake, [day(0)]))
        if cut == names.index("users") + 1:
            other = DeltaStore(lake.root)  # another process
            forget(other, settings_of(lake.root), [], 987000001, lambda line: None)
        for step in steps[cut:]:
            publish(step, Run(lake, [day(0)]))
        assert "987000001" not in {mark for _, mark in traces(Path(lake.root))}
        assert traces(Path(lake.root)) == set()


@pytest.mark.usefixtures("only_what_is_filled")
def test_who_derives_is_waited_for_and_more_than_was_confirmed_is_not_deleted(lake: DeltaStore) -> None:
    keep_raw(lake, day(1), lists([track(1)], [user(1)], [history(1, 1)]))
    settings, told = settings_of(lake.root), []
    plan = look_up(lake, settings, [], 1)
    with ExitStack() as run:
        run.enter_context(at_work(lake, [contracts.SOURCE], told.append))

        def log(line: str) -> None:
            told.append(line)
            keep_raw(lake, day(0), lists([track(1)], [user(1), user(2, email="USER1@example.com")], []))
            run.close()

        with pytest.raises(MoreThanConfirmed, match=r"\(2\): nothing was changed"):
            forget(lake, settings, [], 1, log, plan)
    assert told == [f"Another run is at work on {contracts.SOURCE} in this lake: waiting for it to finish"]
    assert look_up(lake, settings, [], 1).lines()[1] == "  user 2: the same person, by the same e-mail"
    assert lake.version(contracts.FORGOTTEN) is None


def test_looking_up_changes_nothing_and_makes_no_key(tmp_path: Path) -> None:
    lake: Any = DeltaStore(tmp_path / "lake")
    keep_raw(lake, day(0), a_few())
    before = sorted(tmp_path.rglob("*"))
    look_up(lake, settings_of(lake.root, moovitamix_hash_key=None), [], 1)
    with pytest.raises(forget_module.NobodyToForget):
        look_up(lake, settings_of(lake.root, moovitamix_hash_key=None), [], 99)
    assert sorted(tmp_path.rglob("*")) == before


# -- places that have copies -------------------------------------------------------------------------------------------


@dataclass
class Place:
    """A place with copies; `trouble`: why it cannot let go of them."""

    name: str
    trouble: str = ""
    asked: list[str] = field(default_factory=list)

    def copies(self, source: str) -> list[str]:
        """What is there."""
        return [f"the schema {source} of {self.name}"]

    def forget(self, source: str, log: Callable[[str], None]) -> str | None:
        """Let go of it."""
        self.asked.append(source)
        if self.trouble:
            raise CopyStays(self.trouble)
        return f"{self.name} let go."


@pytest.mark.usefixtures("only_what_is_filled")
def test_every_place_is_asked_though_one_cannot_let_go(lake: DeltaStore, tmp_path: Path) -> None:
    keep_raw(lake, day(0), lists([track(1)], [user(1)], [history(1, 1)]))
    derive(lake, [day(0)], only=["fact_listen"])
    reports = tmp_path / "reports"
    reports.mkdir()
    (reports / "old.html").write_text("<p>user1@example.com</p>", encoding="utf-8")
    settings = settings_of(lake.root, tmdb_assets_reports=reports)
    places = [Place("the first", "The first stays."), Place("the second"), Place("the third", "The third stays.")]
    plan = look_up(lake, settings, places, 1)
    assert plan.lines()[-4:] == [
        "  the schema moovitamix of the first, which has copies",
        "  the schema moovitamix of the second, which has copies",
        "  the schema moovitamix of the third, which has copies",
        f"  the file {reports / 'old.html'}, which has copies",
    ]
    assert [place.asked for place in places] == [[], [], []], "looking up changes nothing"
    with pytest.raises(CopyStays, match=r"^The first stays\. The third stays\.$"):
        forget(lake, settings, places, 1, lambda line: None, plan)
    assert [place.asked for place in places] == [["moovitamix"]] * 3
    assert list(reports.iterdir()) == []
    assert rows(lake, "dim_user").is_empty()
    for place in places:
        place.trouble = ""
    assert forget(lake, settings, places, 1, lambda line: None).copies == (
        "the first let go.", "the second let go.", "the third let go.",
    )  # fmt: skip
