"""What is asked of moovitamix, and when; the answers are kept verbatim.

What belongs here: endpoints, paging, when a list is walked again, and the proof that all pages of a day are of one
server.
What does not: HTTP itself (lakehouse/http/), the order of keeping and accounting (lakehouse/flow/extraction.py), pages
as rows (answers.py), what a walk can tell (listings.py), who is forgotten (privacy.py).

The API has no history, no filter and nothing incremental: a day is three lists, read whole, and a list may move while
it is walked. A walk whose totals differ between pages, or whose rows are not as many as promised, is mixed: nothing of
it is kept. One in which a name comes twice moved, and one that lacks rows that stood before may have: the list is
walked again, and the union of its walks counts. When the server restarts, nearly every id changes: pages of two servers
must not be mixed, nor lists of two servers, so at the end every list must still begin with rows that it was seen to
have.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import polars as pl

from tmdb_assets.lakehouse.calendar import Clock, Reach
from tmdb_assets.lakehouse.flow.extraction import Asked, Chunk, NothingToObserve, RawTable, Receipt
from tmdb_assets.lakehouse.flow.http_source import HttpSource, Served
from tmdb_assets.lakehouse.http import Http
from tmdb_assets.lakehouse.http.pages import Page, PageStyle, PageWalk, walk_pages
from tmdb_assets.settings import Settings
from tmdb_assets.sources.moovitamix import contracts
from tmdb_assets.sources.moovitamix.answers import UNNAMED, names, page_rows, take_apart
from tmdb_assets.sources.moovitamix.contracts import ENDPOINTS, USERS_ENDPOINT
from tmdb_assets.sources.moovitamix.listings import Listings, repeats
from tmdb_assets.sources.moovitamix.privacy import Door, hash_key

STYLE = PageStyle(
    items="items", total_pages="pages", total_items="total", page_size=100, size_param="size", max_page=None
)
FIRST_PAGE = PageStyle(
    items="items", total_pages="pages", total_items="total", page_size=100, size_param="size", max_page=1
)
TAKES_AT_MOST = 3
RESTARTED = "{}: by the end others are listed than were read, so the server restarted"


class Moovitamix(HttpSource):
    """The music API, real or sandbox. The sandbox keeps its history, so each day is asked as it stood then."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        sandbox: Served | None,
        log: Callable[[str], None],
        **http: Any,
    ) -> None:
        """`http`: options of the connection, for tests that must not wait."""
        super().__init__(
            clock,
            sandbox,
            secrets=settings.secrets,
            credential_hint="check user and password in MOOVITAMIX_URL",
            address_hint="check MOOVITAMIX_URL" if sandbox is None else "",
            quotes_answers=False,  # an error of this API repeats what it holds: rows of persons
            log=log,
            **http,
        )
        self.settings = settings

    @cached_property
    def api(self) -> Http:
        """The API. Never through a cache: a day made of older and newer answers would be no state of the source."""
        return self.connect(self.settings.moovitamix_url or "", requests_per_second=None)

    def path(self, day: dt.date, endpoint: str) -> str:
        """Path of an endpoint, as of `day` where the source can tell."""
        return self.as_of(day, "moovitamix", endpoint)

    def tables(self) -> dict[str, RawTable]:
        """Raw tables by name: the pages bring the others with them."""
        # There is no archive. A past day is looked at all the same, to say why it stays empty.
        return {contracts.PAGES.name: RawTable(contracts.PAGES, self.pages, ENDPOINTS, archived=True)}

    def pages(self, asked: Asked) -> Iterator[Chunk]:
        """The three lists of a day, whole, all of one server; each is walked up to three times until it can be told
        what is there, and again where the server restarted meanwhile.

        Raises NothingToObserve for a past day of which nothing was kept; BlockedError follows from a list of which
        every walk was mixed.
        """
        if asked.reach is Reach.PAST:
            yield self._chunk_of_stored(asked)
            return
        taken: dict[str, Taken] = {}
        again, trouble = [*ENDPOINTS], ""
        for _ in range(TAKES_AT_MOST):
            for endpoint in again:
                taken[endpoint] = self._take(asked, endpoint, taken.get(endpoint))
                if not taken[endpoint].walks:
                    trouble = taken[endpoint].trouble
                    break
            else:
                again = [endpoint for endpoint in ENDPOINTS if self._restarted(asked.day, taken[endpoint])]
                trouble = RESTARTED.format(", ".join(again)) if again else ""
                if trouble:
                    asked.log(f"{trouble}; each is taken again from the start, nothing of this take is kept")
            if not again or not taken[endpoint].walks:
                break
        if not trouble:
            yield self._chunk(asked, taken)
            return
        sentence = f"{trouble}, {TAKES_AT_MOST} takes in a row: nothing of them is kept. Run the day again."
        yield Chunk(contracts.PAGES.empty(), [_receipt(t, sentence) for t in taken.values()], None)

    def _chunk_of_stored(self, asked: Asked) -> Chunk:
        """What was kept of a past day whose run was cut before its end: it was kept whole or not at all."""
        rows = asked.store.scan(contracts.PAGES, [asked.day]).collect()
        if not rows.height:
            raise NothingToObserve(
                f"{asked.day}: nothing was kept on that day, and the music API only knows the present; a past day "
                "cannot be observed any more, so it stays empty."
            )
        receipts = []
        for endpoint in ENDPOINTS:
            of_endpoint = rows.filter(pl.col("endpoint") == endpoint)
            walks = of_endpoint.group_by(pl.col("take").fill_null(1)).agg(pl.len(), pl.col("row_count").sum())
            pages, count = walks.select(pl.col("len", "row_count").max().fill_null(0)).row(0)
            receipts.append(Receipt(endpoint, pages, pages, count, count))
        return Chunk(contracts.PAGES.empty(), receipts, None)

    def _walk(self, day: dt.date, endpoint: str) -> PageWalk:
        path = self.path(day, endpoint)
        return walk_pages(
            self.api, path, {}, endpoint=endpoint, style=STYLE, max_passes=1, progress=f"{endpoint} {day}"
        )

    def _take(self, asked: Asked, endpoint: str, before: Taken | None) -> Taken:
        """Walk a list until its walks can tell what is there, at most three times, and once more to confirm a third
        walk that is the first without repeats. Mixed walks are not kept."""
        stood = before.stood if before else self._stood_before(asked, endpoint)
        taken = Taken(endpoint, stood, takes=before.takes if before else 0)
        while taken.may_go_on():
            walk = self._walk(asked.day, endpoint)
            taken.trouble = _trouble(walk)
            taken.takes += 1
            taken.made += 1
            if taken.trouble:
                taken.mixed = walk
                reason, kept = taken.trouble, "nothing of this take is kept"
            elif taken.add(Walked(endpoint, walk)):
                return taken
            else:
                reason, kept = taken.why_again(), "the union of both takes counts"
            if taken.may_go_on():
                asked.log(f"{reason}; {endpoint} is taken again from the start, {kept}")
        taken.is_doubted = bool(taken.lacking)
        return taken

    def _stood_before(self, asked: Asked, endpoint: str) -> set[str]:
        raw = (asked.store.scan(c) for c in (contracts.PAGES, contracts.LAYOUTS, contracts.RECORDS))
        return Listings(endpoint, *raw).stood_before(asked.day)

    def _restarted(self, day: dt.date, taken: Taken) -> bool:
        """Whether another server answers by now: a list that only moved still begins with rows that it was seen to
        have."""
        path, endpoint = self.path(day, taken.endpoint), taken.endpoint
        again = walk_pages(self.api, path, {}, endpoint=endpoint, style=FIRST_PAGE, max_passes=1).pages[0]
        last = taken.walks[-1]
        return bool(again.items) != bool(last.keys) or not _is_of_one_server(set(_keys(endpoint, [again])), last)

    def _chunk(self, asked: Asked, taken: Mapping[str, Taken]) -> Chunk:
        door = Door(asked.store, lambda: hash_key(self.settings))
        pages = {endpoint: of_endpoint.pages for endpoint, of_endpoint in taken.items()}
        door.learn(text for page in pages[USERS_ENDPOINT] for text in take_apart(page.answer.text)[1])
        rows = page_rows(asked.day, pages, door.is_shut, [e for e, t in taken.items() if t.is_doubted])
        dropped = int(rows.pages.get_column("forgotten_count").sum())
        if dropped:
            asked.log(f"{dropped:,} rows of forgotten persons are not kept")
        receipts = [_receipt(t, note=t.note()) for t in taken.values()]
        # a day asked for again is not worth less because its lists stood still and were walked once
        distinct = pl.struct("endpoint", "page").n_unique()
        return Chunk(rows.pages, receipts, contents=rows.contents, measure=distinct)


# -- what the walks of one list tell -----------------------------------------------------------------------------------


class Walked:
    """A walk that is not mixed: its pages, its names in order, and how many rows came more than once."""

    def __init__(self, endpoint: str, walk: PageWalk) -> None:
        self.walk = walk
        self.pages = _served(walk)
        rows = _rows(endpoint, self.pages)
        self.keys: list[str] = rows.get_column("row_key").to_list()
        self.by_page: list[set[str]] = [set(keys) for _, keys in rows.group_by("page").agg("row_key").iter_rows()]
        self.repeats = int(repeats(rows.with_columns(_walk=0), "_walk").get_column("repeats").sum())

    def stood_still(self, later: Walked) -> bool:
        """Whether all that this walk lists is there in a later one as well: then none of it left while this one was
        made, so at its end, when there were as many rows as it has, it had them all."""
        return not self.repeats and set(self.keys) <= set(later.keys)


@dataclass
class Taken:
    """The walks of one list on one day, beside the names of the rows that `stood` before."""

    endpoint: str
    stood: set[str]
    walks: list[Walked] = field(default_factory=list)
    mixed: PageWalk | None = None
    takes: int = 0
    made: int = 0
    trouble: str = ""
    is_doubted: bool = False

    @property
    def pages(self) -> list[Page]:
        """The pages of all walks, each of the pass that is its walk."""
        return [replace(page, pass_number=n) for n, walked in enumerate(self.walks, 1) for page in walked.pages]

    @property
    def keys(self) -> set[str]:
        """Every name that a walk lists."""
        return {key for walked in self.walks for key in walked.keys}

    @property
    def lacking(self) -> set[str]:
        """What stood before, and no walk lists."""
        return self.stood - self.keys

    def add(self, walked: Walked) -> bool:
        """Take a walk in; whether there is nothing left to walk again for. Walks of another server than this one's
        go."""
        self.walks = [w for w in self.walks if all(_is_of_one_server(page, walked) for page in w.by_page)]
        last = self.walks[-1] if self.walks else None
        has_proof = last is not None and bool(walked.keys) and last.stood_still(walked)  # nothing at all proves nothing
        if last is not None and (last.keys == walked.keys or (has_proof and walked.stood_still(last))):
            self.takes -= 1  # the list stood still, and was read once more to make sure: it says nothing new
        else:
            self.walks.append(walked)
        return has_proof or not (walked.repeats or self.lacking)

    def may_go_on(self) -> bool:
        """Whether the list may be walked once more."""
        is_unconfirmed = bool(self.walks) and not self.trouble and not self.walks[-1].repeats
        return self.made < TAKES_AT_MOST + is_unconfirmed

    def why_again(self) -> str:
        """Why the last walk does not do."""
        if repeated := self.walks[-1].repeats:
            return f"{self.endpoint}: {repeated:,} rows came more than once, so the list moved while it was walked"
        return f"{self.endpoint}: {len(self.lacking):,} rows that stood before were not listed"

    def note(self) -> str:
        """What the ledger says of walks that cannot tell what is gone; empty when they can."""
        if not self.is_doubted and not all(walked.repeats for walked in self.walks):
            return ""
        return (
            f"{self.endpoint}: {self.made} walks cannot tell what is gone, since rows came more than once or not "
            f"in each of them: {len(self.lacking):,} rows that stood before and were not listed stay as they "
            "were; a later day tells"
        )


# -- small steps -------------------------------------------------------------------------------------------------------


def _trouble(walk: PageWalk) -> str:
    """Why the pages of a walk do not tell of one state; empty when they do."""
    totals = {page.total_items: page.number for page in walk.pages}
    if len(totals) > 1:
        (one, first), (other, second) = sorted(totals.items(), key=lambda item: item[1])[:2]
        return f"{walk.endpoint}: page {first:,} says there are {one:,}, page {second:,} says {other:,}"
    if walk.gave_out:
        return f"{walk.endpoint}: {walk.gave_out}"
    if walk.missing_pages:
        return f"{walk.endpoint}: page {walk.missing_pages[0]:,} of {walk.promised_pages:,} did not come"
    rows, total = sum(len(page.items) for page in walk.pages), next(iter(totals))
    return "" if rows == total else f"{walk.endpoint}: {rows:,} rows came of {total:,}"


def _served(walk: PageWalk) -> list[Page]:
    """The pages there are; one past the end, asked for while the list grew shorter, is no page."""
    return [page for page in walk.pages if page.number <= max(walk.promised_pages, 1)]


def _rows(endpoint: str, pages: Sequence[Page]) -> pl.DataFrame:
    """page, row_key and content of the rows of some pages, in order."""
    texts = [(page.number, text) for page in pages for text in take_apart(page.answer.text)[1]]
    rows = pl.DataFrame(texts, schema={"page": pl.Int64, "content": pl.String}, orient="row")
    named = rows.hstack(names(endpoint, rows.get_column("content")))
    return named.select("page", "content", pl.coalesce("row_key", pl.format(f"{UNNAMED}{{}}", "content")))


def _keys(endpoint: str, pages: Sequence[Page]) -> list[str]:
    return _rows(endpoint, pages).get_column("row_key").to_list()


def _is_of_one_server(page: set[str], walked: Walked) -> bool:
    """Whether a page has what a walk lists: rows come and go, after a restart nearly all are others."""
    return 2 * len(page.intersection(walked.keys)) >= len(page)


def _receipt(taken: Taken, trouble: str = "", note: str = "") -> Receipt:
    """What an endpoint promised and brought; `total` counts rows, so rows are counted here, whatever names them. Of a
    list that moved in every walk, different names are."""
    calm = [walked.walk for walked in taken.walks if not walked.repeats]
    walk = calm[-1] if calm else taken.walks[-1].walk if taken.walks else taken.mixed
    if walk is None:
        return Receipt(taken.endpoint, is_complete=False, sentence=trouble)
    rows = sum(len(page.items) for page in walk.pages)
    received = len(taken.keys) if taken.walks and not calm else rows
    pages = max(walk.promised_pages, 1)
    came = min(len({page.number for page in walk.pages}), pages)
    promised = walk.pages[0].total_items
    return Receipt(
        taken.endpoint, pages, came, promised, received, not trouble, trouble, max(taken.takes, 1), note=note
    )
