"""What is asked of TMDB: windows, spans, floors, whose details and why; no server needed."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.lakehouse.calendar import Clock, Reach
from tmdb_assets.lakehouse.contracts import Audit
from tmdb_assets.lakehouse.errors import BlockedError
from tmdb_assets.lakehouse.flow.extraction import Asked, Chunk, NothingToObserve
from tmdb_assets.lakehouse.flow.ledger import REAL, SANDBOX, Entry, Ledger
from tmdb_assets.lakehouse.http import Answer, Http, HttpError, Request, SourceUnavailable, Unauthorized
from tmdb_assets.lakehouse.http.pages import Page, PageWalk
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.settings import load_settings
from tmdb_assets.sources.tmdb import answers, changes, contracts, exports, lists, parts, raw, scope
from tmdb_assets.sources.tmdb import details as asking
from tmdb_assets.sources.tmdb.changes import windows
from tmdb_assets_tests.sources.tmdb.films import DAYS, NOON, details, export, film, listed, page, rows

DAY = DAYS[9]


class Nowhere:
    """A sandbox that must not be asked for."""

    @property
    def url(self) -> str:
        raise AssertionError("nothing may be asked")


@dataclass
class Files:
    """A file server: exports by their day; 403 for any other day. `asked` has the days asked for."""

    exports: dict[dt.date, bytes] = field(default_factory=dict)
    asked: list[dt.date] = field(default_factory=list)

    def get_bytes(self, request: Request, **how: Any) -> Answer:
        day = dt.datetime.strptime(request.path[-18:-8], "%m_%d_%Y").date()
        self.asked.append(day)
        if day not in self.exports:
            return Answer(request, 403, {}, NOON)
        return Answer(request, 200, {}, NOON, content=self.exports[day])


def client(*, sandbox: bool = False, exports: dict[dt.date, bytes] | None = None, **settings: Any) -> raw.Tmdb:
    token = {} if sandbox else {"tmdb_api_token": "t"}
    made = load_settings(_env_file=None, **token, **settings)
    tmdb = raw.Tmdb(made, Clock(DAY), Nowhere() if sandbox else None, lambda line: None)
    tmdb.__dict__["files"] = Files(exports or {})
    return tmdb


@dataclass
class Told:
    """The lake and the question."""

    store: DeltaStore
    lines: list[str] = field(default_factory=list)

    def asked(self, reach: Reach = Reach.LIVE, day: dt.date = DAY, since: dt.datetime = NOON) -> Asked:
        return Asked(day, reach, since, self.store, Ledger(self.store, "tmdb"), self.lines.append)

    def keep(self, contract: Any, *frames: pl.DataFrame) -> None:
        self.store.append(contract, pl.concat(frames), {})


@pytest.fixture
def told(lake: DeltaStore) -> Told:
    return Told(lake)


def answer(text: str = "", status: int = 200, key: Any = None, **more: Any) -> Answer:
    said = json.loads(text) if text else None
    return Answer(Request("x", key=key), status, {}, NOON, text=text, json=said, **more)


# -- spans and windows -------------------------------------------------------------------------------------------------


@given(st.dates(dt.date(2020, 1, 1), dt.date(2026, 1, 1)), st.integers(0, 200))
def test_spans_cover_every_day_in_pieces_of_at_most_14_days(start: dt.date, length: int) -> None:
    end = start + dt.timedelta(days=length)
    spans = list(windows(start, end))
    assert (spans[0][0], spans[-1][1]) == (start, end)
    assert all((last - first).days <= 13 and first <= last for first, last in spans)
    assert all(before[1] == after[0] for before, after in pairwise(spans))


def walk(pages: list[Page], promised: int | None = None) -> PageWalk:
    items = sum(len(p.items) for p in pages)
    return PageWalk("e", pages, promised or len(pages), items, items, 0, True, [], 1)


def at_once(walk: PageWalk, *pages: Page) -> Generator[Page, None, PageWalk]:
    """A walk that hands out these pages on its way."""
    yield from pages
    return walk


def one_page(items: list[Any], total_pages: int = 1) -> Page:
    text = json.dumps({"results": items, "total_pages": total_pages})
    return Page(1, answer(text), items, total_pages, 20 * total_pages)


@dataclass
class Catalogue:
    """Answers the first page of a list: so many films were released between two days."""

    films_on: Callable[[dt.date, dt.date], int]

    def get(self, request: Request, **how: Any) -> Answer:
        first, last = (dt.date.fromisoformat(str(request.params[f"primary_release_date.{e}"])) for e in ("gte", "lte"))
        return answer(json.dumps({"results": [], "total_pages": -(-self.films_on(first, last) // 20)}))


def windows_walked(
    told: Told, films_on: Callable[[dt.date, dt.date], int], **settings: Any
) -> list[tuple[str, dict[str, str], float | None]]:
    tmdb = client(**settings)
    tmdb.__dict__["api"] = Catalogue(films_on)
    return list(tmdb.lists.windows(told.asked()))


@pytest.mark.parametrize("scope", ["top:1", "top:9999", "top:10000"])
def test_what_one_list_holds_is_one_window(told: Told, scope: str) -> None:
    found = windows_walked(told, lambda first, last: 10**6, tmdb_scope=scope)
    assert found == [("popularity", {}, None)]


def per_day(first: dt.date, last: dt.date) -> int:
    """Ten films a day since 1990, fewer before."""
    return max(0, (last - max(first, dt.date(1990, 1, 1))).days + 1) * 10 + ((last - first).days + 1) // 9


def test_the_whole_catalogue_is_walked_in_windows_that_a_list_can_hold(told: Told) -> None:
    found = windows_walked(told, per_day, tmdb_scope="all")
    spans = [tuple(map(dt.date.fromisoformat, name.split(".."))) for name, _, _ in found]
    assert len(spans) > 10
    assert spans[0][0] == lists.FIRST_RELEASE
    assert spans[-1][1] == dt.date(DAY.year + 20, 12, 31)
    for (_, before), (after, _) in pairwise(spans):
        assert after == before + dt.timedelta(days=1)
    assert all(per_day(first, last) <= 10_000 for first, last in spans)
    for (first, last), (_, params, floor) in zip(spans, found, strict=True):
        assert params == {"primary_release_date.gte": str(first), "primary_release_date.lte": str(last)}
        assert floor == float("-inf")


def test_windows_without_films_are_left_out_and_a_crowded_day_is_still_walked(told: Told) -> None:
    crowded = dt.date(2020, 1, 1)
    found = windows_walked(told, lambda a, b: 12_000 if a <= crowded <= b else 0, tmdb_scope="all")
    assert [name for name, _, _ in found] == ["2020-01-01..2020-01-01"]


def test_more_than_a_list_holds_is_walked_down_to_the_last_wanted_films_popularity(told: Told) -> None:
    told.keep(contracts.MOVIE_IDS, export(DAY, *[(n, float(n)) for n in range(1, 10_051)]))
    told.keep(contracts.MOVIE_IDS, export(DAY, *[(n, 10.0**9) for n in range(20_000, 20_100)], adult=True))
    found = windows_walked(told, lambda first, last: 5, tmdb_scope="top:10001")
    assert {floor for _, _, floor in found} == {50.0}


def test_without_any_export_there_is_no_floor(told: Told) -> None:
    found = windows_walked(told, lambda first, last: 5, tmdb_scope="top:10001")
    assert {floor for _, _, floor in found} == {float("-inf")}


def test_a_walk_stops_below_the_floor_and_not_at_it(monkeypatch: pytest.MonkeyPatch, told: Told) -> None:
    tmdb = client(tmdb_scope="top:20000")
    tmdb.__dict__["api"] = None
    walked: list[Any] = []
    monkeypatch.setattr(lists, "pages_as_they_come", lambda *_, **how: walked.append(how) or at_once(walk([])))
    dates = {"primary_release_date.gte": "2020-01-01", "primary_release_date.lte": "2020-02-01"}
    tmdb.lists._walk(told.asked(), "w", dates, None, 5.0, fresh=False)
    stop = walked[0]["stop"]
    assert not stop(one_page([listed(1, 7.0), listed(2, 5.0)]))
    assert stop(one_page([listed(1, 7.0), listed(2, 4.9)]))
    assert not stop(one_page([listed(1, 7.0), listed(2, "x"), None]))
    tmdb.lists._walk(told.asked(), "w", dates, None, float("-inf"), fresh=False)
    assert walked[1]["stop"] is None


@pytest.mark.parametrize(("wanted", "pages"), [(1, 1), (20, 1), (21, 2), (9_999, 500), (10_000, 500)])
def test_the_n_most_popular_need_so_many_pages(
    monkeypatch: pytest.MonkeyPatch, told: Told, wanted: int, pages: int
) -> None:
    tmdb = client()
    tmdb.__dict__["api"] = None
    walked: list[Any] = []
    monkeypatch.setattr(lists, "pages_as_they_come", lambda *_, **how: walked.append(how) or at_once(walk([])))
    tmdb.lists._walk(told.asked(), "popularity", {}, wanted, None, fresh=False)
    assert walked[0]["style"].max_page == pages


# -- list pages --------------------------------------------------------------------------------------------------------


def test_a_window_kept_since_the_run_began_is_not_asked_again_but_proved(told: Told) -> None:
    told.keep(contracts.DISCOVER_PAGES, page(DAY, 1, listed(1), listed(2)), page(DAY, 2, listed(3)))
    tmdb = client(tmdb_scope="top:60")
    chunks = list(tmdb.discover_pages(told.asked(since=NOON - dt.timedelta(minutes=1))))
    assert [c.frame.height for c in chunks] == [0]
    receipt = chunks[-1].receipts[0]
    assert (receipt.received_pages, receipt.received_ids, receipt.is_complete) == (2, 3, True)
    assert chunks[0].replaces is None


def test_a_window_kept_before_the_run_began_is_asked_again(monkeypatch: pytest.MonkeyPatch, told: Told) -> None:
    told.keep(contracts.DISCOVER_PAGES, page(DAY, 1, listed(1)))
    tmdb = client(tmdb_scope="top:20")
    tmdb.__dict__["api"] = None
    monkeypatch.setattr(lists, "pages_as_they_come", lambda *_, **how: at_once(walk([one_page([listed(5)])])))
    (chunk,) = tmdb.discover_pages(told.asked(since=NOON + dt.timedelta(minutes=1)))
    assert chunk.replaces == {"window": ["popularity", "popularity (under way)"]}
    assert chunk.frame.select("date_id", "window", "page", "result_count").rows() == [(DAY, "popularity", 1, 1)]
    assert Audit.of(contracts.DISCOVER_PAGES, chunk.frame).kept.height == 1


def test_a_list_is_kept_as_it_comes_and_put_in_its_place_at_the_end(
    monkeypatch: pytest.MonkeyPatch, told: Told
) -> None:
    monkeypatch.setattr(parts, "PAGES_PER_COMMIT", 2)
    pages = [replace(one_page([listed(n)], 5), number=n) for n in range(1, 6)]
    monkeypatch.setattr(lists, "pages_as_they_come", lambda *_, **how: at_once(walk(pages), *pages))
    tmdb = client(tmdb_scope="top:100", tmdb_assets_allow_mass_delete=True)
    tmdb.__dict__["api"] = None
    *on_the_way, last = tmdb.discover_pages(told.asked())
    under_way = "popularity (under way)"
    assert [(c.replaces, c.frame["window"].to_list(), c.frame["page"].to_list()) for c in on_the_way] == [
        (None, [under_way] * 2, [1, 2]),
        (None, [under_way] * 2, [3, 4]),
    ]
    assert [(c.receipts[0].promised_pages, c.receipts[0].received_pages) for c in on_the_way] == [(5, 2), (5, 4)]
    assert (last.replaces, last.frame["window"].to_list()) == (
        {"window": ["popularity", under_way]},
        ["popularity"] * 5,
    )


def cut_page(number: int, *films: Any, day: dt.date = DAY) -> pl.DataFrame:
    """A page that was kept by a run which was cut."""
    return page(day, number, *films).with_columns(window=pl.lit("popularity (under way)"))


def test_what_a_cut_run_kept_of_a_list_is_known_to_the_next_run_of_the_day(
    monkeypatch: pytest.MonkeyPatch, told: Told
) -> None:
    told.keep(contracts.DISCOVER_PAGES, cut_page(1, listed(1)), cut_page(2, listed(2)))
    walked: list[Any] = []
    monkeypatch.setattr(
        lists, "pages_as_they_come", lambda *_, **how: walked.append(how) or at_once(walk([one_page([listed(1)])]))
    )
    tmdb = client(tmdb_scope="top:60", tmdb_assets_allow_mass_delete=True)
    tmdb.__dict__["api"] = None
    began = NOON - dt.timedelta(minutes=1)
    list(tmdb.discover_pages(told.asked(since=began)))
    assert {number: known.json["results"][0]["id"] for number, known in walked[0]["known"].items()} == {1: 1, 2: 2}
    list(tmdb.discover_pages(told.asked(since=NOON + dt.timedelta(minutes=1))))
    assert walked[1]["known"] == {}, "kept by an observation before this one"


def test_a_list_that_stands_is_not_touched_until_another_is_whole(monkeypatch: pytest.MonkeyPatch, told: Told) -> None:
    monkeypatch.setattr(parts, "PAGES_PER_COMMIT", 1)
    entry = Entry(lists.DISCOVER, "sandbox", NOON - dt.timedelta(hours=1), is_complete=True, is_finished=True)
    asked = told.asked(since=NOON + dt.timedelta(minutes=1))
    asked.ledger.write(DAY, [entry], {})
    found = one_page([listed(5)])
    monkeypatch.setattr(lists, "pages_as_they_come", lambda *_, **how: at_once(walk([found]), found))
    tmdb = client(tmdb_scope="top:20")
    tmdb.__dict__["api"] = None
    (chunk,) = tmdb.discover_pages(asked)
    assert chunk.frame["window"].to_list() == ["popularity"]


def test_what_is_kept_of_a_list_that_is_not_believed_goes_before_it_is_said(
    monkeypatch: pytest.MonkeyPatch, told: Told
) -> None:
    told.keep(contracts.DISCOVER_PAGES, cut_page(1, listed(1)))
    monkeypatch.setattr(lists, "pages_as_they_come", lambda *_, **how: at_once(walked(0, 0)))
    tmdb = client(tmdb_scope="top:20")
    tmdb.__dict__["api"] = None
    gone, said = list(tmdb.discover_pages(told.asked(since=NOON - dt.timedelta(minutes=1))))[:2]
    assert (gone.replaces, gone.frame.height) == ({"window": ["popularity (under way)"]}, 0)
    assert gone.receipts[0].is_complete and not said.receipts[0].is_complete


def test_a_list_that_was_cut_is_no_measure_of_the_next_day(told: Told) -> None:
    before = YESTERDAY - dt.timedelta(days=1)
    told.keep(contracts.DISCOVER_PAGES, *[page(before, k, *[listed(n) for n in range(20)]) for k in range(1, 6)])
    told.keep(contracts.DISCOVER_PAGES, cut_page(1, listed(1), day=YESTERDAY))
    assert f"the list of {before} holds 100" in client().lists._disbelief(told.asked(), 69)
    assert client().lists._disbelief(told.asked(), 70) == ""


def walked(shown: int, promised: int) -> PageWalk:
    """A walk over all pages of a list that shows so many of its films."""
    items = [listed(n) for n in range(1, shown + 1)]
    return PageWalk("e", [one_page(items)], 1, promised, shown, 0, True, [], 1)


@pytest.mark.parametrize("promised", [20, 167, 10_000])
def test_before_an_export_names_them_few_films_of_a_list_may_stay_unseen(told: Told, promised: int) -> None:
    few = int(scope.few_of(promised, lists.UNSEEN_SHARE, lists.UNSEEN_AT_LEAST))
    tmdb = client()
    assert tmdb.lists._disbelief_of(told.asked(), walked(promised - few, promised)) == ""
    said = tmdb.lists._disbelief_of(told.asked(), walked(promised - few - 1, promised))
    assert f"of the {promised:,} films that it promises, and no export names the others" in said


def test_films_of_a_list_that_the_export_before_names_may_stay_unseen(told: Told) -> None:
    told.keep(contracts.MOVIE_IDS, export(YESTERDAY, *[(n, 1.0) for n in range(1, 151)]))
    assert client().lists._disbelief_of(told.asked(), walked(120, 160)) == ""
    assert "no export names" in client().lists._disbelief_of(told.asked(), walked(120, 170))


@pytest.mark.parametrize(("shown", "is_believed"), [(0, False), (69, False), (70, True), (100, True)])
@pytest.mark.parametrize("before", ["export", "list"])
def test_a_list_that_shows_far_fewer_films_than_it_should_is_not_believed(
    told: Told, before: str, shown: int, is_believed: bool
) -> None:
    if before == "export":
        told.keep(contracts.MOVIE_IDS, export(DAY, *[(n, 1.0) for n in range(1, 101)]))
    else:
        told.keep(contracts.DISCOVER_PAGES, *[page(YESTERDAY, k, *[listed(n) for n in range(20)]) for k in range(1, 6)])
    said = client().lists._disbelief(told.asked(), shown)
    assert (said == "") == is_believed
    assert is_believed or "so nothing of it is kept" in said
    assert client(tmdb_assets_allow_mass_delete=True).lists._disbelief(told.asked(), shown) == ""


# -- the small lists ---------------------------------------------------------------------------------------------------

GOOD: dict[str, Any] = {
    "genre/movie/list": {"genres": [{"id": n, "name": f"Genre {n}"} for n in range(1, 20)]},
    "configuration/languages": [{"iso_639_1": "en"}, {"iso_639_1": "fr"}],
    "configuration/countries": [{"iso_3166_1": "FR"}],
}


@dataclass
class Small:
    """Answers the small lists as `said` tells, each in turn, and as they are after that."""

    said: dict[str, list[Any]]
    asked: list[str] = field(default_factory=list)

    def get(self, request: Request, **how: Any) -> Answer:
        self.asked.append(request.path)
        told = self.said.get(request.path)
        body = told.pop(0) if told else GOOD[request.path]
        return Answer(request, 200, {}, NOON, text=json.dumps(body), json=body)


def small(told: Told, endpoint: str, *bodies: Any) -> tuple[Small, Iterator[Chunk]]:
    tmdb, server = client(), Small({endpoint: list(bodies)})
    tmdb.__dict__["api"] = server
    return server, tmdb.reference(told.asked())


NO_LIST = [
    None,
    5,
    "busy",
    {},
    [],
    {"success": False, "status_code": 34},
    {"genres": None},
    {"genres": {}},
    [None],
    [{}],
]


@pytest.mark.parametrize("body", NO_LIST, ids=str)
@pytest.mark.parametrize("endpoint", GOOD)
def test_a_small_list_that_is_none_is_named_before_anything_else_is_asked(told: Told, endpoint: str, body: Any) -> None:
    server, chunks = small(told, endpoint, *[body] * raw.TIMES_ASKED)
    with pytest.raises(BlockedError, match=f"^{endpoint} {DAY}: the ") as raised:
        list(chunks)
    assert raised.value.check == "extraction_complete"
    assert server.asked[-raw.TIMES_ASKED :] == [endpoint] * raw.TIMES_ASKED


def test_a_small_list_that_was_false_at_first_is_asked_again(told: Told) -> None:
    server, chunks = small(told, "genre/movie/list", {"genres": None}, {"genres": []})
    (chunk,) = chunks
    assert server.asked.count("genre/movie/list") == 3 and chunk.frame.height == 3


def test_a_small_list_that_lost_most_of_its_entries_is_not_believed(told: Told) -> None:
    (chunk,) = small(told, "genre/movie/list")[1]
    told.keep(contracts.REFERENCE, chunk.frame.with_columns(date_id=pl.lit(YESTERDAY)))
    fewer = {"genres": GOOD["genre/movie/list"]["genres"][:13]}
    with pytest.raises(BlockedError, match="the list has 13 entries with a 'id' where the one kept before has 19"):
        list(small(told, "genre/movie/list", *[fewer] * raw.TIMES_ASKED)[1])
    assert list(small(told, "genre/movie/list", {"genres": GOOD["genre/movie/list"]["genres"][:14]})[1])


# -- the export --------------------------------------------------------------------------------------------------------


def packed(*lines: str) -> bytes:
    return gzip.compress("\n".join(lines).encode())


def exported(*lines: str) -> Answer:
    return answer(content=packed(*lines))


def test_the_lines_of_an_export_become_rows_and_bad_ones_are_set_aside() -> None:
    good = '{"adult":false,"id":3,"original_title":" Ti\\u00e9n ","popularity":2.5,"video":false}'
    frame = answers.export_rows(
        exported(good, "", '{"id": "4"}', '{"id": 5, "popul', '{"id": 6, "popularity": -1.0}'), DAY
    )
    audit = Audit.of(contracts.MOVIE_IDS, frame)
    assert audit.kept.rows() == [(DAY, 3, "Tién", 2.5, False, False), (DAY, 6, None, None, None, None)]
    assert (audit.received, audit.quarantined.height) == (4, 2)
    assert audit.values.select("column_name", "value", "payload").rows() == [
        ("popularity", "-1.0", '{"id": 6, "popularity": -1.0}')
    ]
    first = audit.quarantined.row(0, named=True)
    assert first["reason"].startswith('id = "4": must be a whole number')
    assert first["payload"] == '{"id": "4"}'
    assert first["raw_pointer"].startswith("movie_ids_03_10_2026.json.gz line ")


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, lambda body: gzip.compress(gzip.compress(body)), lambda body: BOM_UTF8 + body]
)
def test_an_export_is_read_packed_and_plain(pack: Callable[[bytes], bytes]) -> None:
    lines = b'{"id": 3, "original_title": "Tien"}\r\n{"id": 4, "original_title": "Am\xe9lie"}\n'
    frame = answers.export_rows(answer(content=pack(lines)), DAY)
    assert frame["movie_id"].drop_nulls()[0] == 3 and frame["_payload"][1] == lines.decode("latin-1").splitlines()[
        1
    ].replace("\xe9", "\\xe9")
    assert answers.export_rows(answer(content=pack(b"\n")), DAY).height == 0


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"<html>busy</html>", r"is no list of films: it begins with '<html>busy</html>'\.$"),
        (gzip.compress(b"<html>busy</html>"), r"is no list of films: it begins with '<html>busy</html>'\.$"),
        (gzip.compress(b'{"id": 1}\n' * 900)[:-12], r"does not unpack: it is a packed body that was cut short\.$"),
    ],
    ids=["no gzip", "no films", "cut"],
)
def test_an_export_that_is_none_blocks(content: bytes, problem: str) -> None:
    with pytest.raises(BlockedError, match=f"^The ID export of {DAY} {problem}") as raised:
        answers.export_rows(answer(content=content), DAY)
    assert raised.value.check == "extraction_complete"


def films_of(count: int) -> bytes:
    return packed(*(f'{{"id": {n}}}' for n in range(1, count + 1)))


def test_a_past_day_with_nothing_kept_and_no_export_fails_in_one_sentence(told: Told) -> None:
    with pytest.raises(NothingToObserve, match=r"2026-03-10: nothing was kept .* TMDB has no ID export of it"):
        list(client().movie_ids(told.asked(Reach.PAST)))


def noted(chunks: Iterator[Chunk]) -> str:
    """The note of a chunk that brings nothing and leaves the endpoint open."""
    (chunk,) = chunks
    (receipt,) = chunk.receipts
    assert (chunk.frame.height, receipt.is_complete, receipt.is_finished) == (0, True, False)
    return receipt.note


def test_a_past_day_of_which_something_is_kept_goes_on_without_its_export(told: Told) -> None:
    told.keep(contracts.DISCOVER_PAGES, page(DAY, 1, listed(1)))
    assert "TMDB has no export of that day" in noted(client().movie_ids(told.asked(Reach.PAST)))


def test_today_goes_on_before_its_export_is_ready(told: Told) -> None:
    assert "not there yet" in noted(client(exports={YESTERDAY: films_of(3)}).movie_ids(told.asked(Reach.LIVE)))


def test_a_server_without_any_export_names_the_setting(told: Told) -> None:
    tmdb = client()
    assert "check TMDB_EXPORT_URL" in noted(tmdb.movie_ids(told.asked(Reach.LIVE)))
    assert len(tmdb.files.asked) == exports.TIMES_ASKED * 4


def test_the_receipt_of_an_export_counts_lines_and_ids(told: Told) -> None:
    tmdb = client(exports={DAY: packed('{"id": 1}', '{"id": 2}', '{"id": 2}')})
    (chunk,) = tmdb.movie_ids(told.asked())
    receipt = chunk.receipts[0]
    assert (receipt.promised_ids, receipt.received_ids, receipt.is_complete, chunk.replaces) == (3, 2, True, {})


NOT_WHOLE = [
    pytest.param(films_of(0), "holds no film", id="empty"),
    pytest.param(films_of(50), "holds 50 films where that of 2026-03-09 holds 100", id="half"),
    pytest.param(films_of(100)[:-9], "does not unpack", id="cut"),
    pytest.param(films_of(89), "holds 89 films where that of", id="eleven short"),
]


@pytest.mark.parametrize(("body", "said"), NOT_WHOLE)
@pytest.mark.parametrize("is_kept", [True, False], ids=["kept", "fetched"])
def test_an_export_that_is_not_whole_is_asked_again_and_then_waited_for(
    told: Told, body: bytes, said: str, is_kept: bool
) -> None:
    if is_kept:
        told.keep(contracts.MOVIE_IDS, export(YESTERDAY, *[(n, 1.0) for n in range(1, 101)]))
    tmdb = client(exports={DAY: body} if is_kept else {DAY: body, YESTERDAY: films_of(100)})
    assert said in noted(tmdb.movie_ids(told.asked()))
    assert tmdb.files.asked.count(DAY) == 2
    trusting = client(exports=dict(tmdb.files.exports), tmdb_assets_allow_mass_delete=True)
    (chunk,) = trusting.movie_ids(told.asked())
    assert bool(chunk.frame.height) == ("where that of" in said), "a catalogue that did shrink is let through"


@pytest.mark.parametrize(("body", "said"), NOT_WHOLE)
def test_a_past_day_of_which_only_half_an_export_is_to_be_had_fails_and_stays_open(
    told: Told, body: bytes, said: str
) -> None:
    told.keep(contracts.MOVIE_IDS, export(YESTERDAY, *[(n, 1.0) for n in range(1, 101)]))
    (chunk,) = client(exports={DAY: body}).movie_ids(told.asked(Reach.PAST))
    (receipt,) = chunk.receipts
    assert (chunk.frame.height, receipt.is_complete, receipt.is_finished) == (0, False, False)
    assert said in receipt.sentence and said in receipt.note


def test_a_past_day_whose_export_nothing_can_be_held_against_stays_open(told: Told) -> None:
    (chunk,) = client(exports={DAY: films_of(60)}).movie_ids(told.asked(Reach.PAST))
    (receipt,) = chunk.receipts
    assert (chunk.frame.height, receipt.is_complete, receipt.is_finished) == (60, True, False)
    assert "no other day's export" in receipt.note
    (chunk,) = client(exports={DAY: films_of(60), YESTERDAY: films_of(60)}).movie_ids(told.asked(Reach.PAST))
    assert chunk.receipts[0].is_finished


@pytest.mark.parametrize("count", [90, 100, 300])
def test_an_export_about_as_large_as_the_last_one_is_believed(told: Told, count: int) -> None:
    told.keep(contracts.MOVIE_IDS, export(YESTERDAY, *[(n, 1.0) for n in range(1, 101)]))
    (chunk,) = client(exports={DAY: films_of(count)}).movie_ids(told.asked())
    assert chunk.frame.height == count and chunk.receipts[0].is_finished


# -- changes -----------------------------------------------------------------------------------------------------------


def spans_asked(
    monkeypatch: pytest.MonkeyPatch, told: Told, reach: Reach, *, end_is_left_out: bool = False
) -> list[tuple[str, str]]:
    asked: list[tuple[str, str]] = []

    def walked(http: Any, path: str, span: dict[str, str], **how: Any) -> PageWalk:
        asked.append((span["start_date"], span["end_date"]))
        if end_is_left_out and span["start_date"] == span["end_date"]:
            return walk([one_page([])])
        return walk([one_page([{"id": 1, "adult": False}, {"id": None}, {"id": 1}])])

    tmdb = client(sandbox=reach is Reach.HISTORY)
    tmdb.__dict__["api"] = None
    monkeypatch.setattr(changes, "walk_pages", walked)
    (chunk,) = tmdb.movie_changes(told.asked(reach))
    audit = Audit.of(contracts.MOVIE_CHANGES, chunk.frame)
    assert set(audit.kept["movie_id"]) == {1}
    answered = [span for span in asked if not end_is_left_out or span[0] != span[1]]
    assert audit.quarantined.height == len(answered), "a null id per answer is set aside"
    return asked


def finished(told: Told, *days: dt.date) -> None:
    for day in days:
        entry = Entry(raw.CHANGES, REAL, NOON, is_complete=True, is_finished=True)
        Ledger(told.store, "tmdb").write(day, [entry], {})


def test_changes_are_asked_since_the_day_last_observed(monkeypatch: pytest.MonkeyPatch, told: Told) -> None:
    finished(told, DAY - dt.timedelta(days=30), DAY - dt.timedelta(days=20), DAY, DAY + dt.timedelta(days=1))
    assert spans_asked(monkeypatch, told, Reach.LIVE) == [
        ("2026-03-09", "2026-03-09"),
        ("2026-02-18", "2026-03-03"),
        ("2026-03-03", "2026-03-08"),
    ]


def test_a_feed_that_leaves_its_end_out_is_asked_up_to_today(monkeypatch: pytest.MonkeyPatch, told: Told) -> None:
    finished(told, DAY - dt.timedelta(days=1))
    asked = spans_asked(monkeypatch, told, Reach.LIVE, end_is_left_out=True)
    assert asked == [("2026-03-09", "2026-03-09"), ("2026-03-09", "2026-03-10")]


@pytest.mark.parametrize("reach", [Reach.LIVE, Reach.HISTORY])
def test_without_an_observed_day_changes_are_asked_since_yesterday(
    monkeypatch: pytest.MonkeyPatch, told: Told, reach: Reach
) -> None:
    assert spans_asked(monkeypatch, told, reach) == [("2026-03-09", "2026-03-09")]


def test_a_source_with_history_is_asked_alike_whatever_is_kept(monkeypatch: pytest.MonkeyPatch, told: Told) -> None:
    finished(told, DAY - dt.timedelta(days=20))
    assert spans_asked(monkeypatch, told, Reach.HISTORY) == [("2026-03-09", "2026-03-09")]


# -- whose details -----------------------------------------------------------------------------------------------------


@given(st.integers(1, 40), st.integers(0, 10**6))
def test_over_the_age_limit_every_film_is_asked_exactly_once(age_limit: int, offset: int) -> None:
    tmdb = client(tmdb_details_max_age_days=age_limit)
    start = DAY + dt.timedelta(days=offset % 400)
    films = pl.DataFrame({"movie_id": range(offset, offset + 97)}).with_columns(
        date_id=pl.lit(start), asked_because=pl.lit("new")
    )
    asked: Counter[int] = Counter()
    a_day: list[int] = []
    for n in range(1, age_limit + 1):
        day = start + dt.timedelta(days=n)
        stale = films.filter(tmdb._is_stale(day)).get_column("movie_id").to_list()
        asked.update(stale)
        a_day.append(len(stale))
        films = films.with_columns(
            date_id=pl.when(pl.col("movie_id").is_in(stale)).then(pl.lit(day)).otherwise("date_id"),
            asked_because=pl.when(pl.col("movie_id").is_in(stale)).then(pl.lit("stale")).otherwise("asked_because"),
        )
    assert asked == Counter(range(offset, offset + 97))
    assert max(a_day) - min(a_day) <= 1, "the work is spread evenly"


def test_details_older_than_the_limit_are_asked_at_once_and_those_of_today_never() -> None:
    tmdb = client(tmdb_details_max_age_days=30)
    ages = pl.DataFrame({"age": [0, 1, 30, 31, 400]}).with_columns(
        movie_id=pl.lit(DAY.toordinal() + 1),
        date_id=pl.lit(DAY) - pl.duration(days="age"),
        asked_because=pl.lit("new"),
    )
    assert ages.filter(tmdb._is_stale(DAY))["age"].to_list() == [31, 400]
    own_turn = ages.with_columns(movie_id=pl.lit(DAY.toordinal()))
    assert own_turn.filter(tmdb._is_stale(DAY))["age"].to_list() == [1, 30, 31, 400]
    refreshed = own_turn.with_columns(asked_because=pl.lit("changed"))
    assert refreshed.filter(tmdb._is_stale(DAY))["age"].to_list() == [31, 400], "only what is new waits for its turn"


def changed(*ids: int) -> pl.DataFrame:
    return rows(contracts.MOVIE_CHANGES, *[(DAY, n, False, DAYS[8], DAY) for n in ids])


def wanted(tmdb: raw.Tmdb, asked: Asked) -> dict[int, str]:
    found, _ = tmdb._wanted_details(asked)
    assert found["movie_id"].is_unique().all()
    return dict(found.sort("movie_id").iter_rows())


YESTERDAY = DAY - dt.timedelta(days=1)


def test_each_film_is_asked_for_once_with_the_first_reason_that_holds(told: Told) -> None:
    told.keep(contracts.DISCOVER_PAGES, page(DAY, 1, *[listed(n) for n in (1, 2, 3, 4, 5)]))
    told.keep(contracts.MOVIE_IDS, export(DAY, *[(n, 1.0) for n in (1, 2, 3, 4, 5, 7, 9)]))
    old = DAY - dt.timedelta(days=40)
    told.keep(contracts.MOVIE_DETAILS, details(old, film(2), film(3), film(6), film(7)))
    told.keep(contracts.MOVIE_DETAILS, details(YESTERDAY, film(4), (5, None), film(8), (10, None)))
    told.keep(contracts.MOVIE_CHANGES, changed(3, 7, 8, 9, 10, 99))
    assert wanted(client(tmdb_details_max_age_days=30, tmdb_scope="top:5"), told.asked()) == {
        1: "new",  # listed, never asked for
        2: "stale",  # listed, asked for too long ago
        3: "changed",  # changed and stale
        5: "new",  # listed again after it was gone
        6: "vanished",  # known, and missing in the export
        7: "changed",  # known, though listed no more
        8: "vanished",  # changed and missing in the export
    }


def test_a_film_merged_into_another_is_not_looked_for_every_day(told: Told) -> None:
    told.keep(contracts.MOVIE_IDS, export(DAY, (1, 1.0)))
    told.keep(contracts.MOVIE_DETAILS, details(YESTERDAY, film(1), (2, film(1))))
    assert 2 not in wanted(client(), told.asked())


def test_without_an_export_no_film_has_vanished(told: Told) -> None:
    told.keep(contracts.MOVIE_DETAILS, details(YESTERDAY, film(1)))
    assert wanted(client(), told.asked()) == {}


def test_a_film_that_could_not_be_had_after_it_changed_is_asked_for_again(told: Told) -> None:
    old = DAY - dt.timedelta(days=20)
    told.keep(contracts.MOVIE_DETAILS, details(old, film(1), film(2), film(3)), details(DAYS[7], film(3)))
    for day, ids in ((DAYS[7], (1, 3)), (old, (2,))):
        told.keep(contracts.MOVIE_CHANGES, rows(contracts.MOVIE_CHANGES, *[(day, n, False, old, day) for n in ids]))
    told.keep(contracts.DISCOVER_PAGES, page(DAY, 1, *[listed(n) for n in (1, 2, 3)]))
    assert wanted(client(tmdb_details_max_age_days=1000), told.asked()) == {1: "changed"}


def test_the_scope_is_the_most_popular_of_list_and_export(told: Told) -> None:
    told.keep(contracts.DISCOVER_PAGES, page(DAY, 1, listed(1, 3.0), listed(2, 9.0), listed(3, 3.0)))
    told.keep(contracts.DISCOVER_PAGES, page(DAY, 2, listed(1, 4.0), listed("x", 99.0), listed(-3, 99.0), None))
    told.keep(contracts.MOVIE_IDS, export(DAY, (77, 3.5), (1, 500.0)))
    told.keep(contracts.MOVIE_IDS, export(DAY, (88, 900.0), adult=True))
    assert wanted(client(tmdb_scope="top:2"), told.asked()) == {1: "new", 2: "new"}, "the list counts before the export"
    assert wanted(client(tmdb_scope="top:3"), told.asked()) == {1: "new", 2: "new", 77: "unlisted"}
    assert set(wanted(client(tmdb_scope="all"), told.asked())) == {1, 2, 3, 77, 88}


@given(st.data())
def test_every_film_of_the_scope_is_listed_or_asked_for_by_id(data: st.DataObject) -> None:
    """Whatever a list leaves out or shows twice, the films asked for by id are those of the scope it did not show."""
    films = data.draw(st.lists(st.integers(1, 60), unique=True, min_size=1))
    shown = data.draw(st.lists(st.sampled_from(films)))
    size = data.draw(st.integers(1, 70))
    listed_ = pl.DataFrame({"movie_id": sorted(set(shown))}, schema={"movie_id": pl.Int64})
    listed_ = listed_.with_columns(popularity=pl.lit(100.0) - pl.col("movie_id"))
    exported_ = pl.DataFrame({"movie_id": films}).with_columns(
        popularity=pl.lit(100.0) - pl.col("movie_id"), adult=pl.lit(False), video=pl.lit(None, dtype=pl.Boolean)
    )
    wanted_ = scope.scope(listed_, exported_.lazy(), size).get_column("movie_id").to_list()
    assert wanted_ == sorted(films)[:size], "the same scope as from a list that did not move"
    last = pl.DataFrame(schema={"movie_id": pl.Int64, "asked_because": pl.String, "is_alive": pl.Boolean})
    missing = scope.unlisted(listed_, pl.DataFrame({"movie_id": wanted_}), last, size)
    assert set(missing["movie_id"]) == set(wanted_) - set(shown)


@pytest.mark.parametrize(
    "changes",
    [
        {"popularity": -1},
        {"popularity": None},
        {"popularity": 1e16},
        {"popularity": "5"},
        {"vote_count": None},
        {"vote_count": 10**30},
        {"vote_average": 11.0},
        {"vote_average": None},
    ],
    ids=str,
)
def test_a_film_whose_row_lacks_a_figure_is_asked_for_by_id(told: Told, changes: dict[str, Any]) -> None:
    told.keep(contracts.DISCOVER_PAGES, page(DAY, 1, listed(1), listed(2, **changes)))
    told.keep(contracts.MOVIE_IDS, export(DAY, (1, 5.0), (2, 4.0)))
    known = details(YESTERDAY, film(1), film(2))
    told.keep(contracts.MOVIE_DETAILS, known)
    assert wanted(client(), told.asked()) == {2: "unlisted"}


def test_a_film_that_no_window_ever_shows_is_left_to_its_age(told: Told) -> None:
    """Windows of release dates never show a film without one: asking for all of these each day would cost thousands."""
    told.keep(contracts.DISCOVER_PAGES, page(DAY, 1, listed(1)))
    told.keep(contracts.MOVIE_IDS, export(DAY, (1, 5.0), (2, 4.0), (3, 3.0)))
    known = details(YESTERDAY, film(1), film(2), film(3)).with_columns(
        asked_because=pl.when(pl.col("movie_id") == 2).then(pl.lit("unlisted")).otherwise(pl.lit("new"))
    )
    told.keep(contracts.MOVIE_DETAILS, known)
    by_windows = wanted(client(tmdb_scope="top:20000", tmdb_details_max_age_days=1000), told.asked())
    assert by_windows == {3: "unlisted"}
    assert set(wanted(client(tmdb_scope="top:3", tmdb_details_max_age_days=1000), told.asked())) == {2, 3}


def test_until_the_days_export_is_there_the_one_before_names_the_films(told: Told) -> None:
    told.keep(contracts.DISCOVER_PAGES, page(DAY, 1, listed(1)))
    tmdb = client(exports={YESTERDAY: packed('{"id": 1, "popularity": 5}', '{"id": 4, "popularity": 5}')})
    assert wanted(tmdb, told.asked()) == {1: "new", 4: "unlisted"}
    told.keep(contracts.MOVIE_IDS, export(DAYS[3], (1, 1.0), (6, 1.0)))
    tmdb = client()
    assert wanted(tmdb, told.asked()) == {1: "new", 6: "unlisted"}, "the newest that is kept"


def test_a_source_with_history_is_observed_whole_and_asked_for_who_left(told: Told) -> None:
    tmdb = client(sandbox=True, exports={YESTERDAY: packed('{"id": 1}', '{"id": 2}', '{"id": 6}')})
    told.keep(contracts.DISCOVER_PAGES, page(DAY, 1, listed(1), listed(2)))
    told.keep(contracts.MOVIE_IDS, export(DAY, (1, 1.0), (2, 1.0)))
    told.keep(contracts.MOVIE_DETAILS, details(YESTERDAY, film(1), film(8)))
    assert wanted(tmdb, told.asked(Reach.HISTORY)) == {1: "history", 2: "history", 6: "vanished"}
    assert tmdb.files.asked == [YESTERDAY]


@dataclass
class Details:
    """Answers for each film, in order, as `said` tells of it (the film itself, if nothing); `requests` has what was
    asked."""

    said: dict[int, list[Any]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def get_each(self, requests: Iterator[Request], **how: Any) -> Iterator[Answer | HttpError]:
        assert how["accepted"] == (200, 404)
        for request in requests:
            self.requests.append(request)
            movie_id = request.key[0]
            told = self.said.get(movie_id, [])
            said = (told.pop(0) if len(told) > 1 else told[0]) if told else film(movie_id)
            if isinstance(said, HttpError):
                said.request = request
                if isinstance(said, Unauthorized):
                    raise said
                yield said
                continue
            status = 404 if said is None else 200
            body = said or {"success": False, "status_code": 34}
            yield Answer(request, status, {}, NOON, text=json.dumps(body), json=body)

    @property
    def asked(self) -> list[int]:
        return [request.key[0] for request in self.requests]


def down(status: int = 500) -> HttpError:
    said = f"movie/{{id}}: x gave no usable answer in 4 attempts; the last one brought HTTP {status}."
    return SourceUnavailable(said, "movie/{id}", status)


NAMELESS = {"success": False, "status_code": 34}


def details_asked(told: Told, count: int, kept: pl.DataFrame | None = None, **said: Any) -> tuple[list[Chunk], Details]:
    """Ask for the details of so many listed films; `said` has what the server says of `film_N`."""
    told.keep(contracts.DISCOVER_PAGES, page(DAY, 1, *[listed(n) for n in range(1, count + 1)]))
    if kept is not None:
        told.keep(contracts.MOVIE_DETAILS, kept)
    tmdb, server = client(), Details({int(name.removeprefix("film_")): list(what) for name, what in said.items()})
    tmdb.__dict__["api"] = server
    return list(tmdb.movie_details(told.asked())), server


@pytest.mark.parametrize(
    ("kept", "together"), [(0, 150), (9_965, 150), (9_966, 151), (65_999, 999), (66_000, 1000), (1_100_000, 1000)]
)
def test_details_are_committed_every_150_answers_and_of_many_thousands_every_1000_at_most(
    kept: int, together: int
) -> None:
    with Http("http://127.0.0.1:1") as nobody:
        assert asking.Asking(nobody, DAY, str, set, set(), 0, kept, 0)._per_commit == together


def test_details_kept_today_are_not_asked_again_and_are_counted(monkeypatch: pytest.MonkeyPatch, told: Told) -> None:
    monkeypatch.setattr(asking, "PER_COMMIT", 3)
    chunks, server = details_asked(told, 5, details(DAY, film(2)))
    assert [r.path for r in server.requests] == [f"movie/{n}" for n in (1, 3, 4, 5)]
    assert [c.frame["movie_id"].to_list() for c in chunks] == [[1, 3, 4], [5], []]
    assert [(c.receipts[0].promised_ids, c.receipts[0].received_ids) for c in chunks] == [(5, 4), (5, 5), (5, 5)]
    assert all(c.replaces is None for c in chunks)
    assert set(chunks[0].frame["asked_because"]) == {"new"}
    assert Audit.of(contracts.MOVIE_DETAILS, chunks[0].frame).kept.height == 3


@pytest.mark.parametrize("wrong", [down(), down(451), NAMELESS, [1], {"id": None}, {"id": "2"}, {"id": 2.5}], ids=str)
def test_a_film_that_fails_is_asked_once_more_then_named_and_takes_no_other_with_it(told: Told, wrong: Any) -> None:
    chunks, server = details_asked(told, 5, film_2=[wrong])
    assert server.asked == [1, 2, 3, 4, 5, 2]
    assert [c.frame["movie_id"].to_list() for c in chunks] == [[1, 3, 4, 5], []]
    receipt = chunks[-1].receipts[0]
    assert (receipt.is_complete, receipt.is_finished) == (True, False)
    assert receipt.note.startswith(f"movie/{{id}} {DAY}: 1 of 5 films could not be had: 2 (")


def test_an_id_that_is_none_is_told_as_it_is() -> None:
    assert answers.id_problem(answer('{"id": "2"}')) == 'an answer whose id is "2"'
    assert answers.id_problem(answer("[1]")) == "an answer without an id"
    assert answers.answered_id(answer('{"id": 2.0}')) == 2


def test_in_a_small_scope_as_in_a_large_one_all_that_fails_stops_the_day(told: Told) -> None:
    chunks, _ = details_asked(told, 10, **{f"film_{n}": [NAMELESS] for n in range(1, 11)})
    assert not chunks[-1].receipts[0].is_complete


@given(st.integers(1, 10**6), st.floats(0.01, 0.2), st.integers(1, 50))
def test_few_of_some_films_are_never_most_of_them(films: int, share: float, at_least: int) -> None:
    few = scope.few_of(films, share, at_least)
    assert few >= 1 or few == share * films
    assert few <= max(1, films / 2)
    assert few >= min(share * films, films / 2)


def test_a_film_that_answers_at_the_second_asking_is_had(told: Told) -> None:
    chunks, server = details_asked(told, 3, film_2=[down(), film(2)], film_3=[NAMELESS, film(3)])
    assert server.asked == [1, 2, 3, 2, 3]
    assert sorted(n for c in chunks for n in c.frame["movie_id"]) == [1, 2, 3]
    assert chunks[-1].receipts[0].is_finished and not chunks[-1].receipts[0].note


def test_too_many_films_that_fail_stop_the_day_and_what_arrived_is_kept(told: Told) -> None:
    chunks, _ = details_asked(told, 20, **{f"film_{n}": [down()] for n in range(1, 12)})
    assert sorted(chunks[0].frame["movie_id"]) == list(range(12, 21)) and chunks[0].receipts[0].is_complete
    last = chunks[-1].receipts[0]
    assert not last.is_complete and "11 of 20 films could not be had" in last.sentence


def test_a_source_of_which_nothing_can_be_had_is_told_as_it_is(told: Told) -> None:
    with pytest.raises(SourceUnavailable, match="HTTP 503"):
        details_asked(told, 3, **{f"film_{n}": [down(503)] for n in range(1, 4)})


def test_what_arrived_before_the_credentials_were_refused_is_kept(told: Told) -> None:
    told.keep(contracts.DISCOVER_PAGES, page(DAY, 1, listed(1), listed(2), listed(3)))
    tmdb = client()
    tmdb.__dict__["api"] = Details({3: [Unauthorized("no", "movie/{id}", 401)]})
    chunks = tmdb.movie_details(told.asked())
    assert next(chunks).frame["movie_id"].to_list() == [1, 2]
    with pytest.raises(Unauthorized):
        next(chunks)


def test_a_404_of_a_film_that_is_listed_is_asked_for_again_before_it_is_believed(told: Told) -> None:
    chunks, server = details_asked(told, 3, film_1=[None, film(1)], film_2=[None])
    assert server.asked == [1, 2, 3, 1, 2]
    assert dict(pl.concat(c.frame for c in chunks).select("movie_id", "http_status").iter_rows()) == {
        1: 200,
        2: 404,
        3: 200,
    }


def test_tombstones_of_the_day_are_asked_for_again_and_a_film_that_is_back_takes_its_place(told: Told) -> None:
    kept = details(DAY, film(1), (2, None), (3, None), (9, None))
    chunks, server = details_asked(told, 3, kept, film_3=[None], film_9=[film(9)])
    assert server.asked == [2, 3, 9, 3]
    back = [c for c in chunks if c.replaces is not None]
    assert [(c.replaces, c.frame["movie_id"].to_list()) for c in back] == [({"movie_id": [2, 9]}, [2, 9])]
    assert sum(c.frame.height for c in chunks) == 2, "one that is still gone stays as it was kept"
    assert (chunks[-1].receipts[0].promised_ids, chunks[-1].receipts[0].received_ids) == (4, 4)


def test_films_asked_for_because_no_page_showed_them_are_counted(told: Told) -> None:
    told.keep(contracts.MOVIE_IDS, export(DAY, *[(n, 1.0) for n in range(1, 6)]))
    chunks, server = details_asked(told, 3)
    assert server.asked == [1, 2, 3, 4, 5]
    assert {c.receipts[0].unlisted_ids for c in chunks} == {2}


def test_who_answered_is_kept_beside_who_was_asked() -> None:
    merged = answer(json.dumps(film(1)), key=(2, "vanished"))
    gone = answer('{"status_code": 34}', 404, key=(3, "vanished"))
    frame = answers.details_rows(DAY, [merged, gone])
    assert frame.select("movie_id", "http_status", "answered_id").rows() == [(2, 200, 1), (3, 404, None)]


# -- mass delete -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("films", "gone", "blocks"),
    [(200, 10, False), (200, 11, True), (40, 5, False), (40, 6, True), (10, 1, False), (10, 5, False), (5, 3, True)],
)
@pytest.mark.parametrize("reach", [Reach.LIVE, Reach.HISTORY])
def test_more_than_one_in_twenty_gone_in_a_day_blocks(
    told: Told, reach: Reach, films: int, gone: int, blocks: bool
) -> None:
    ids = range(1, films + 1)
    told.keep(contracts.MOVIE_DETAILS, details(YESTERDAY, *[film(n) for n in ids]))
    told.keep(contracts.MOVIE_DETAILS, details(DAY, film(films), *[(n, None) for n in ids[:gone]]))
    told.keep(contracts.MOVIE_IDS, export(DAY, *[(n, 1.0) for n in ids[gone:]]))
    if not blocks:
        client().mass_delete(told.asked(reach))
        return
    with pytest.raises(BlockedError, match=f"{gone} of {films} films are gone, more than 5%") as raised:
        client().mass_delete(told.asked(reach))
    assert (raised.value.check, raised.value.figures) == ("mass_delete", {"gone": gone, "known": films})
    client(tmdb_assets_allow_mass_delete=True).mass_delete(told.asked(reach))


@pytest.mark.parametrize("gone", [1, 5, 6, 10])
def test_on_a_newcomers_first_day_only_most_films_gone_block_it(told: Told, gone: int) -> None:
    told.keep(contracts.MOVIE_DETAILS, details(DAY, *[(n, None if n <= gone else film(n)) for n in range(1, 11)]))
    blocked = False
    try:
        client().mass_delete(told.asked(Reach.LIVE))
    except BlockedError:
        blocked = True
    assert blocked == (gone > 5)


# -- paths -------------------------------------------------------------------------------------------------------------


def test_only_a_source_with_history_is_asked_as_of_a_day() -> None:
    real, sandbox = client(), client(sandbox=True)
    assert real.path(DAY, "movie/5") == "movie/5"
    assert sandbox.path(DAY, "movie/5") == "on/2026-03-10/3/movie/5"
    assert real.export_path(YESTERDAY, DAY) == "movie_ids_03_09_2026.json.gz"
    assert sandbox.export_path(YESTERDAY, DAY) == "on/2026-03-10/p/exports/movie_ids_03_09_2026.json.gz"


def test_who_answers_is_unknown_until_someone_does() -> None:
    tmdb, sandbox = (client(sandbox=is_sandbox) for is_sandbox in (False, True))
    for who in (tmdb, sandbox):
        del who.__dict__["files"]
    assert (tmdb.origin(), sandbox.origin(), tmdb.traffic()) == (None, SANDBOX, {})
