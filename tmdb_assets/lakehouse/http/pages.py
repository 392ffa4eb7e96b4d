"""Walking a list that a source serves in numbered pages, and proving what was received.

What belongs here: the walk and its proof. What does not: what a page and a walk are (paged.py), one request and its
retries (client.py), which lists to walk (a source's raw.py).
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from tmdb_assets.lakehouse.http.client import Http
from tmdb_assets.lakehouse.http.exchange import Answer, HttpError, Request
from tmdb_assets.lakehouse.http.pacing import Progress
from tmdb_assets.lakehouse.http.paged import Page as Page
from tmdb_assets.lakehouse.http.paged import PageStyle as PageStyle
from tmdb_assets.lakehouse.http.paged import PageWalk as PageWalk
from tmdb_assets.lakehouse.http.paged import finish as finish
from tmdb_assets.lakehouse.http.paged import walk_of as walk_of
from tmdb_assets.lakehouse.payloads.json_text import write

GIVE_UP_AFTER = 16  # pages that fail in a row: the source is down, and what it would say later is another list
IDLE_PAGES = 5  # pages in a row that bring nothing new: the source promises more than it has
MOST = 10**12  # rows or pages that a source may promise: beyond, it is no count
MISSING_TOLD = 10_000  # of the missing pages: whatever is promised, a walk holds no longer list of what did not come
SHORT_PAGE_TRIES = 1  # a page may be short without being the last: asking again tells a hiccup from a habit


def pages_as_they_come(
    http: Http,
    path: str,
    params: Mapping[str, str | int],
    *,
    endpoint: str,
    style: PageStyle | None = None,
    tolerance: float = 0.01,
    repeat_above: float | None = None,
    wordings: Sequence[Mapping[str, str | int]] = ({},),
    stop: Callable[[Page], bool] | None = None,
    progress: str | None = None,
    max_passes: int = 3,
    fresh: bool = False,
    known: Mapping[int, Answer] | None = None,
) -> Generator[Page, None, PageWalk]:
    """Walk as `walk_pages` does; hands out each page of the first pass that was asked for, as it comes.

    `known` are answers to the first pass that were had before, by page: they are not asked for again, unless `fresh`.
    """
    known = {} if fresh else dict(known or {})
    walk = _Walk(
        http, path, params, endpoint, style or PageStyle(), stop, Progress(progress, http.say), wordings, known
    )
    yield from walk.first_pass(fresh=fresh)
    passes = 1
    repeat = tolerance if repeat_above is None else repeat_above
    while passes < max_passes and not walk.has_enough(repeat):
        passes += 1
        if not walk.another_pass(passes, repeat):
            break
    rows, missing = sum(len(page.items) for page in walk.pages), walk.missing_pages()
    return PageWalk(
        endpoint=endpoint,
        pages=sorted(walk.pages, key=lambda page: (page.number, page.pass_number)),
        promised_pages=walk.promised_pages,
        promised_items=walk.promised_items,
        received_items=len(walk.seen),
        duplicates=rows - len(walk.seen),
        complete=walk.has_enough(tolerance),
        missing_pages=missing,
        passes=passes,
        trouble=walk.trouble,
        gave_out=walk.gave_out if missing else "",
    )


def walk_pages(
    http: Http,
    path: str,
    params: Mapping[str, str | int],
    *,
    endpoint: str,
    style: PageStyle | None = None,
    tolerance: float = 0.01,
    repeat_above: float | None = None,
    wordings: Sequence[Mapping[str, str | int]] = ({},),
    stop: Callable[[Page], bool] | None = None,
    progress: str | None = None,
    max_passes: int = 3,
    fresh: bool = False,
) -> PageWalk:
    """Fetch every page the source promises, again if too many rows moved between pages meanwhile, and keep the union.

    Pages that brought nothing new on a later pass are dropped. `stop(page)` true ends the walk after that page. The
    walk is complete when every promised page came and at most `tolerance` (a fraction) of the promised items is absent.
    It is made again while pages are missing, or more than `repeat_above` (by default the tolerance) of the items, and
    each pass brings something. A pass ends where pages bring nothing any more, or far more than was promised, however
    many are promised. `wordings` are parameters that change nothing but the words of the question, one set a pass: a
    source that keeps its answers page by page gives the same ones to the same words. `fresh` passes our own cache by on
    the first pass too.

    Raises as `Http.get`, and HttpError naming the field when an answer is not a page.
    """
    walking = pages_as_they_come(
        http,
        path,
        params,
        endpoint=endpoint,
        style=style,
        tolerance=tolerance,
        repeat_above=repeat_above,
        wordings=wordings,
        stop=stop,
        progress=progress,
        max_passes=max_passes,
        fresh=fresh,
    )
    return finish(walking)


@dataclass
class _Walk:
    """The state of one walk: what was promised so far, what was kept, which items were seen."""

    http: Http
    path: str
    params: Mapping[str, str | int]
    endpoint: str
    style: PageStyle
    stop: Callable[[Page], bool] | None
    progress: Progress
    wordings: Sequence[Mapping[str, str | int]]
    known: dict[int, Answer]  # answers of the first pass that were had before
    pages: list[Page] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    totals: Counter[int] = field(default_factory=Counter)  # how many answers stated each total
    largest_total_pages: int = 0
    fullest_page: int = 0
    stopped_at: int | None = None  # the page at which `stop` said enough
    trouble: str = ""
    shown: set[str] = field(default_factory=set)  # items of all answers, kept or not
    came: int = 0  # rows of this pass
    furthest: int = 1  # the last page that showed something new
    idle: list[int] = field(default_factory=list)  # the pages since, in a row
    ended_at: int | None = None  # the page after which there was nothing, when all promised rows had come
    gave_out: str = ""
    unusable: int = 0  # answers in a row that are no page

    @property
    def promised_pages(self) -> int:
        ends = [end for end in (self.stopped_at or self.style.max_page, self.ended_at) if end]
        return min([self.largest_total_pages, *ends])

    @property
    def promised_items(self) -> int:
        """The total stated most often (ties: the larger), as far as the promised pages can hold it."""
        stated = max(self.totals, key=lambda total: (self.totals[total], total))
        if self.style.page_size is not None:
            return min(stated, self.promised_pages * self.style.page_size)
        cut_off = self.promised_pages < self.largest_total_pages
        return min(stated, self.promised_pages * self.fullest_page) if cut_off else stated

    def missing_pages(self) -> list[int]:
        """The first of them."""
        return list(itertools.islice(self.not_received(), MISSING_TOLD))

    def not_received(self) -> Iterator[int]:
        received = {page.number for page in self.pages}
        return (number for number in range(1, self.promised_pages + 1) if number not in received)

    def has_enough(self, tolerance: float) -> bool:
        return len(self.seen) >= (1 - tolerance) * self.promised_items and not self.missing_pages()

    def first_pass(self, *, fresh: bool) -> Iterator[Page]:
        """Page 1, then the others; with `stop`, in blocks, so that little is fetched beyond the end. Hands out those
        that were not known before."""
        had = {*self.known}
        first = self.known.pop(1, None) or self.http.get(self.request(1, 1), endpoint=self.endpoint, fresh=fresh)
        pages = {1: self.read(first, 1)}
        if 1 not in had:
            yield pages[1]
        asked, ended = 1, self.ends_at(pages[1]) or self.is_beyond_all(pages[1])
        while asked < self.promised_pages and not ended:
            from_page, at_most = asked + 1, self.http.concurrency if self.stop else self.likely_pages(asked)
            asked = min(self.promised_pages, asked + at_most)
            with closing(self.ask(range(from_page, asked + 1), 1, fresh=fresh)) as came:
                for page in came:
                    pages[page.number] = page
                    if page.number not in had:
                        yield page
                    if ended := self.ends_at(page) or self.is_beyond_all(page):
                        break
            ended = ended or self.is_at_an_end()
        self.known.clear()  # whatever is asked from here on is asked once more
        for _ in range(SHORT_PAGE_TRIES):
            self.seen = {key for page in pages.values() for key in self.keys(page)}
            short = [] if len(self.seen) >= self.promised_items else [n for n, p in pages.items() if self.is_short(p)]
            for page in self.ask(short, 1, fresh=True) if short else ():
                if len(page.items) > len(pages[page.number].items):
                    pages[page.number] = page
        self.seen = set()  # a row that only a page not kept had is missing: another pass asks for it
        for page in pages.values():
            self.keep(page)

    def another_pass(self, pass_number: int, repeat_above: float) -> bool:
        """Ask again, for the pages that are missing if only those are, until nothing is; False when it brought nothing
        new."""
        brought_something = False
        moved = len(self.seen) < (1 - repeat_above) * self.promised_items
        received = {page.number for page in self.pages}
        again = range(1, self.promised_pages + 1) if moved else self.not_received()
        self.idle.clear()
        self.came = 0
        for page in self.ask(again, pass_number, fresh=True):
            is_beyond = self.is_beyond_all(page)
            if page.number not in received or not self.keys(page) <= self.seen:
                self.keep(page)
                received.add(page.number)
                brought_something = True
            if is_beyond or self.has_enough(0):
                break
        return brought_something

    def likely_pages(self, asked: int) -> int:
        """How many pages to ask for in one go: those that the total needs, or, beyond what seems to be the end, few."""
        needed = -(-max(self.totals) // max(self.fullest_page, 1)) - asked
        return IDLE_PAGES if self.idle else max(needed, IDLE_PAGES)

    def is_beyond_all(self, page: Page) -> bool:
        """Whether the source has no more, whatever it promises: an empty page when all promised rows have come, or
        several pages in a row that show nothing new."""
        self.came += len(page.items)
        if not self.keys(page) <= self.shown:
            self.shown |= self.keys(page)
            self.furthest, self.ended_at = max(self.furthest, page.number), None
            self.idle.clear()
            return self.is_far_more_than_promised(page)
        if page.number >= self.furthest:
            self.idle.append(page.number)
        promised, pages = max(self.totals), self.promised_pages
        if not page.items and max(len(self.shown), self.came) >= promised:
            self.ended_at = self.furthest
        elif len(self.idle) >= IDLE_PAGES and page.number < pages:
            told = "is empty" if not page.items else "lists only what had come"
            self.gave_out = (
                f"page {self.idle[0]:,} of {pages:,} {told}, and so do those after it, though {promised:,} rows "
                f"are promised and {len(self.shown):,} came"
            )
            return True
        return self.ended_at is not None

    def is_far_more_than_promised(self, page: Page) -> bool:
        """Whether pages go on long after all that was promised has come."""
        promised, pages = max(self.totals), self.promised_pages
        if page.number < pages and len(self.shown) > promised + max(promised, IDLE_PAGES * max(self.fullest_page, 1)):
            self.gave_out = (
                f"{len(self.shown):,} different rows came up to page {page.number:,} of {pages:,}, though "
                f"{promised:,} are promised"
            )
        return bool(self.gave_out)

    def is_at_an_end(self) -> bool:
        """Whether what came last says that there is no more: answers that are no page, when all promised rows have
        come, or many of them in a row."""
        if self.unusable and max(len(self.shown), self.came) >= max(self.totals):
            self.ended_at = self.furthest
        elif self.unusable >= GIVE_UP_AFTER:
            self.gave_out = f"{self.unusable} answers in a row are no page: {self.trouble.rstrip('.')}"
        return bool(self.gave_out) or self.ended_at is not None

    def ends_at(self, page: Page) -> bool:
        ended = self.stop is not None and self.stop(page)
        if ended:
            self.stopped_at = page.number
        return ended

    def is_short(self, page: Page) -> bool:
        size = self.style.page_size
        return size is not None and len(page.items) < size and page.number < self.largest_total_pages

    def keep(self, page: Page) -> None:
        self.pages.append(page)
        self.seen |= self.keys(page)

    def keys(self, page: Page) -> set[str]:
        def key(item: Any) -> str:
            own = item.get(self.style.item_key) if isinstance(item, dict) else None
            return write([None, item] if own is None else [own])

        return {key(item) for item in page.items}

    def request(self, number: int, pass_number: int) -> Request:
        size = {self.style.size_param: self.style.page_size or 0} if self.style.size_param else {}
        words = self.wordings[(pass_number - 1) % len(self.wordings)]
        return Request(self.path, {**self.params, **words, **size, self.style.page: number}, key=number)

    def ask(self, numbers: Iterable[int], pass_number: int, *, fresh: bool) -> Generator[Page, None, None]:
        """Pages by number. One that fails, is refused or is no page, though page 1 was, is left out: it is missing."""
        numbers = list(numbers) if self.known else numbers
        answers = self.http.get_each(
            (self.request(number, pass_number) for number in numbers if number not in self.known),
            endpoint=self.endpoint,
            fresh=fresh,
            give_up_after=GIVE_UP_AFTER,
        )
        with closing(answers):
            for answer in self._with_known(numbers, answers) if self.known else answers:
                self.progress.step(self.promised_pages)
                try:
                    if isinstance(answer, HttpError):
                        raise answer
                    page = self.read(answer, pass_number)
                except HttpError as error:
                    self.trouble = str(error)
                    self.unusable += not isinstance(answer, HttpError)
                    if self.is_at_an_end():
                        return
                else:
                    self.unusable = 0
                    yield page

    def _with_known(
        self, numbers: Iterable[int], answers: Iterator[Answer | HttpError]
    ) -> Iterator[Answer | HttpError]:
        """The answers in the order of their numbers, those that are known in their places."""
        for number in numbers:
            known = self.known.get(number)
            answer = known if known is not None else next(answers, None)
            if answer is None:
                return
            yield answer

    def read(self, answer: Answer, pass_number: int) -> Page:
        body, style = answer.json, self.style
        items = body.get(style.items) if isinstance(body, dict) else None
        if not isinstance(items, list):
            raise self.malformed(answer, style.items, "a list")
        totals = [body.get(name) for name in (style.total_pages, style.total_items)]
        for name, value in zip((style.total_pages, style.total_items), totals, strict=True):
            if type(value) is not int or not 0 <= value <= MOST:  # a bool is an int to isinstance
                raise self.malformed(answer, name, f"a whole number from 0 to {MOST:,}")
        page = Page(answer.request.key, answer, items, totals[0], totals[1], pass_number)
        self.largest_total_pages = max(self.largest_total_pages, page.total_pages)
        self.fullest_page = max(self.fullest_page, len(items))
        self.totals[page.total_items] += 1
        return page

    def malformed(self, answer: Answer, name: str, wanted: str) -> HttpError:
        where = f"{self.endpoint}: page {answer.request.key} of {self.path}"
        return HttpError(f"{where} has no field {name!r} with {wanted}.", self.endpoint, answer.status, self.path)
