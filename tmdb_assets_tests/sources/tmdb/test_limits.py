"""Where each limit of TMDB's lists, exports and details lies: one below it, on it, one above."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from tmdb_assets.lakehouse.calendar import Reach
from tmdb_assets.lakehouse.flow.extraction import Asked
from tmdb_assets.lakehouse.flow.ledger import REAL, Entry, Ledger
from tmdb_assets.lakehouse.http import Answer, HttpError, Request
from tmdb_assets.lakehouse.http.pages import Page, PageWalk
from tmdb_assets.lakehouse.store import DeltaStore
from tmdb_assets.settings import load_settings
from tmdb_assets.sources.tmdb import answers, contracts, details, exports, lists, raw, scope, whole_exports
from tmdb_assets_tests.sources.tmdb.films import DAYS, NOON, export, listed, page

DAY = DAYS[9]


def asked(store: DeltaStore, day: dt.date = DAY) -> Asked:
    return Asked(day, Reach.LIVE, NOON, store, Ledger(store, "tmdb"), lambda line: None)


def films(*ids: int, **columns: Any) -> pl.DataFrame:
    return pl.DataFrame({"movie_id": ids}, schema={"movie_id": pl.Int64}).with_columns(**columns)


FEW = [
    # a share of many, a number of some, half of a handful, and always one
    (lists.UNSEEN_SHARE, lists.UNSEEN_AT_LEAST, {1: 1, 2: 1, 3: 1.5, 19: 9.5, 20: 10, 21: 10, 200: 10, 201: 10.05}),
    (details.FAILED_SHARE, details.FAILED_AT_LEAST, {1: 1, 20: 10, 200: 10, 220: 11, 10_000: 500}),
    (raw.MASS_DELETE_SHARE, raw.MASS_DELETE_AT_LEAST, {1: 1, 9: 4.5, 10: 5, 11: 5, 100: 5, 120: 6}),
    (whole_exports.SET_ASIDE_SHARE, whole_exports.SET_ASIDE_FEW, {2: 1, 20: 10, 1000: 10, 1100: 11}),
]


@pytest.mark.parametrize(("share", "at_least", "few"), FEW)
def test_how_many_are_few(share: float, at_least: int, few: dict[int, float]) -> None:
    assert {of: scope.few_of(of, share, at_least) for of in few} == pytest.approx(few)


@pytest.mark.parametrize(
    ("films", "than", "is_less"),
    [
        (0, 10, False), (0, 11, True), (90, 100, False), (89, 100, True), (88, 100, True), (91, 101, False),
        (900, 1000, False), (899, 1000, True), (100, 100, False), (110, 100, False),
    ],
)  # fmt: skip
def test_far_fewer_is_more_than_a_tenth_and_more_than_ten(films: int, than: int, is_less: bool) -> None:
    assert exports.is_much_less(films, than) == is_less


@pytest.mark.parametrize(
    ("before", "entries", "is_believed"),
    [(3, 0, False), (4, 1, True), (5, 1, False), (10, 7, True), (10, 6, False), (20, 14, True),
     (20, 13, False), (0, 1, True)],
)  # fmt: skip
def test_a_small_list_may_lose_three_entries_and_three_in_ten(before: int, entries: int, is_believed: bool) -> None:
    body = [{"iso_639_1": f"l{n}"} for n in range(entries)]
    assert (answers.reference_problem("configuration/languages", body, "", before) == "") == is_believed


@pytest.mark.parametrize(("back", "is_near"), [(1, True), (29, True), (30, True), (31, False)])
def test_an_export_of_thirty_days_ago_stands_in_and_an_older_one_does_not(
    lake: DeltaStore, back: int, is_near: bool
) -> None:
    then = DAY - dt.timedelta(days=back)
    lake.append(contracts.MOVIE_IDS, export(then, (1, 1.0), (2, 1.0)), {})
    near = exports.NEAR_DAYS
    assert exports.stored_exports_near(asked(lake), before=near, after=near) == ({then: 2} if is_near else {})
    assert exports.stored_exports_near(asked(lake, then - dt.timedelta(days=back)), before=near, after=near) == (
        {then: 2} if is_near else {}
    )
    assert exports.stored_exports_near(asked(lake), before=back - 1, after=0) == {}


@pytest.mark.parametrize(("back", "is_held_against"), [(0, False), (1, True), (30, True), (31, False)])
def test_a_list_is_held_against_one_of_the_thirty_days_before(
    lake: DeltaStore, back: int, is_held_against: bool
) -> None:
    lake.append(contracts.DISCOVER_PAGES, page(DAY - dt.timedelta(days=back), 1, *[listed(n) for n in range(20)]), {})
    assert bool(scope.too_few_listed(asked(lake), 13, None, None)) == is_held_against
    assert scope.too_few_listed(asked(lake), 14, None, None) == ""


@pytest.mark.parametrize(
    ("size", "shown", "is_believed"),
    [(50, 35, True), (50, 34, False), (100, 35, False), (100, 70, True), (10_000, 69, False),
     (10_001, 1, True), (None, 1, True)],
)  # fmt: skip
def test_of_a_small_scope_no_more_films_are_expected_than_are_wanted(
    lake: DeltaStore, size: int | None, shown: int, is_believed: bool
) -> None:
    exported = (DAY, export(DAY, *[(n, 1.0) for n in range(1, 101)]).lazy())
    assert (scope.too_few_listed(asked(lake), shown, size, exported) == "") == is_believed


@pytest.mark.parametrize(
    ("lacking", "exported", "is_finished", "is_doubted"),
    [(10, 90, True, False), (11, 89, True, True), (11, 89, False, False), (100, 0, True, False), (0, 100, True, False)],
)
def test_an_export_that_lacks_many_films_of_the_list_is_asked_for_again(
    lake: DeltaStore, lacking: int, exported: int, is_finished: bool, is_doubted: bool
) -> None:
    """A tenth, and ten, of the films that the list shows."""
    films = range(1, lacking + exported + 1)
    if exported:
        lake.append(contracts.MOVIE_IDS, export(DAY, *[(n, 1.0) for n in films[lacking:]]), {})
    entry = Entry(exports.EXPORT, REAL, NOON, is_finished=is_finished, is_complete=True)
    Ledger(lake, "tmdb").write(DAY, [entry], {})
    said: list[str] = []
    day = replace(asked(lake), log=said.append)
    text = json.dumps({"results": [listed(n) for n in films], "total_pages": 1})
    answer = Answer(Request("x"), 200, {}, NOON, text=text)
    seen = PageWalk("e", [Page(1, answer, [], 1, len(films))], 1, len(films), len(films), 0, True, [], 1)
    nobody: Any = None
    lists.Lists(nobody, nobody, nobody, load_settings(_env_file=None))._doubt_export(day, seen)
    after = Ledger(lake, "tmdb").entry(DAY, exports.EXPORT)
    assert after is not None and after.is_finished == (is_finished and not is_doubted)
    note = f"exports/movie_ids {DAY}: it lacks {lacking} of {len(films)} films that the list shows, so it is not whole"
    assert [line.partition(";")[0] for line in said] == ([note] if is_doubted else [])
    assert (after.note or "").startswith(note if is_doubted else "")


@pytest.mark.parametrize(("size", "floor"), [(1, 5.0), (4, 2.0), (5, 1.0), (6, float("-inf"))])
def test_the_floor_is_the_popularity_of_the_last_film_wanted(size: int, floor: float) -> None:
    exported = export(DAY, *[(n, float(n)) for n in range(1, 6)])
    assert scope.popularity_floor(exported.lazy(), size) == floor


@pytest.mark.parametrize(("size", "missing"), [(9_999, [2, 3]), (10_000, [2, 3]), (10_001, [3]), (None, [3])])
def test_beyond_ten_thousand_films_one_that_is_never_listed_is_left_to_its_age(
    size: int | None, missing: list[int]
) -> None:
    last = films(2, is_alive=pl.lit(value=True), asked_because=pl.lit("unlisted"))
    assert scope.unlisted(films(1), films(1, 2, 3), last, size)["movie_id"].to_list() == missing


@pytest.mark.parametrize(("told_on", "is_asked"), [(0, False), (1, True), (2, True), (9, True), (10, False)])
def test_a_change_counts_from_the_oldest_day_to_the_asked_one(lake: DeltaStore, told_on: int, is_asked: bool) -> None:
    day = DAYS[0] + dt.timedelta(days=told_on)
    frame = pl.DataFrame([{"date_id": day, "movie_id": 1}], schema=contracts.MOVIE_CHANGES.schema)
    known = {c: t for c, t in contracts.MOVIE_CHANGES.schema.items() if c not in {"date_id", "movie_id"}}
    lake.append(contracts.MOVIE_CHANGES, frame.with_columns(_filler(c, t) for c, t in known.items()), {})
    alive = films(1, date_id=pl.lit(DAYS[0] - dt.timedelta(days=9)))
    changed = scope.changed_since_seen(asked(lake), alive, DAYS[1])
    assert changed.height == is_asked
    seen_then = films(1, date_id=pl.lit(day))
    assert not scope.changed_since_seen(asked(lake), seen_then, DAYS[1]).height, "details of the day have it"


def _filler(column: str, dtype: Any) -> pl.Expr:
    values: dict[Any, Any] = {pl.String: "x", pl.Boolean: False, pl.Int64: 1}
    return pl.lit(values.get(dtype, NOON), dtype=dtype).alias(column)


def asking(known: int, failed: int, *, came: bool = True) -> details.Asking:
    nobody: Any = None
    made = details.Asking(nobody, DAY, str, lambda: (), set(), promised=known, received=known - failed, known=known)
    made.failed, made.came = dict.fromkeys(range(1, failed + 1), "HTTP 500"), came
    return made


@pytest.mark.parametrize(
    ("known", "failed", "came", "is_complete"),
    [
        (20, 10, True, True), (20, 11, True, False), (19, 9, True, True), (19, 10, True, False), (1, 1, True, True),
        (400, 20, True, True), (400, 21, True, False), (400, 10, False, True), (400, 11, False, False),
    ],
)  # fmt: skip
def test_so_many_films_may_fail(known: int, failed: int, came: bool, is_complete: bool) -> None:
    receipt = asking(known, failed, came=came)._verdict()
    assert (receipt.is_complete, receipt.is_finished) == (is_complete, False)
    at_most = int(scope.few_of(known, details.FAILED_SHARE, details.FAILED_AT_LEAST))
    assert f"More than {at_most} failed" in receipt.sentence


@pytest.mark.parametrize(("failed", "more"), [(9, ""), (10, ""), (11, " and 1 more"), (12, " and 2 more")])
def test_ten_films_that_failed_are_named(failed: int, more: str) -> None:
    note = asking(400, failed)._verdict().note or ""
    assert note.startswith(f"movie/{{id}} {DAY}: {failed} of 400 films could not be had: 1 (HTTP 500); 2 (HTTP 500)")
    assert note.count("HTTP 500") == min(failed, 10)
    assert note.endswith(f"(HTTP 500){more}; they are asked for again by the next run")


def test_a_day_on_which_nothing_failed_is_finished() -> None:
    receipt = asking(20, 0)._verdict()
    assert (receipt.is_complete, receipt.is_finished, receipt.note, receipt.promised_ids) == (True, True, "", 20)


@pytest.mark.parametrize(("films", "raises"), [(1, False), (2, True)])
def test_a_single_film_that_cannot_be_had_is_no_source_that_is_down(films: int, raises: bool) -> None:
    def get_each(requests: Any, **how: Any) -> Any:
        for request in requests:
            yield HttpError("x; the last one brought HTTP 500.", "movie/{id}", 500, request=request)

    made = asking(films, 0)
    made.api = SimpleNamespace(get_each=get_each)  # type: ignore[assignment]  # all that is asked of it
    wanted = [(n, "new") for n in range(1, films + 1)]
    if raises:
        with pytest.raises(HttpError):
            list(made.chunks(wanted))
        return
    last = list(made.chunks(wanted))[-1].receipts[0]
    assert (last.is_complete, last.is_finished, made.came) == (True, False, False)


def test_a_list_holds_so_many_pages_and_a_full_page_ends_a_scope() -> None:
    assert (lists.MAX_PAGE * lists.STYLE.page_size, scope.LISTED_AT_MOST) == (10_000, 10_000)
    assert Request("x") == Request("x", {}, None)


@pytest.mark.parametrize(("told", "stands"), [(88, False), (89, False), (90, True), (100, True)])
def test_an_export_of_which_few_rows_were_set_aside_stands_as_a_whole(told: int, stands: bool) -> None:
    ledger = pl.DataFrame(
        {"endpoint": [exports.EXPORT], "is_finished": [True], "received_ids": [100], "date_id": [DAY]}
    )
    stats = pl.DataFrame({"date_id": [DAY] * told, "movie_id": range(told)})
    assert (whole_exports.WholeExports(ledger.lazy(), stats.lazy()).newest == DAY) == stands
