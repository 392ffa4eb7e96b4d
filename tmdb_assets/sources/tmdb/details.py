"""Asking for the details of many films, so that one that fails takes nothing else with it.

What belongs here: the order in which films are asked for, twice where the first answer fails or contradicts the lists,
what is kept of it in what pieces, and the verdict on the films that could not be had. What does not: whose details are
wanted (scope.py), answers as rows (answers.py).
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from tmdb_assets.lakehouse.flow.extraction import Chunk, Receipt
from tmdb_assets.lakehouse.http import Answer, Http, HttpError, Request
from tmdb_assets.sources.tmdb.answers import answered_id, details_rows, id_problem
from tmdb_assets.sources.tmdb.scope import few_of

DETAILS = "movie/{id}"
APPENDED = "credits,keywords,external_ids,release_dates"
#: Answers that are committed together, so many at least; of many thousands a share of those kept, up to the larger
#: number: whoever is cut loses seconds of asking, and a first load of a million films no more than 1,300 commits.
PER_COMMIT, PER_COMMIT_AT_MOST, COMMITS_SO_FAR = 150, 1000, 66
#: A film is asked for with so few attempts at first, so that one that fails holds nobody up, and once more at the end.
ATTEMPTS_AT_FIRST, ATTEMPTS_AT_LAST = 4, 6
#: Films that fail in a row, with no answer in between: the source is down.
GIVE_UP_AFTER = 100
#: The day stops when more films cannot be had than this share and this number (`few_of`: the larger counts).
FAILED_SHARE, FAILED_AT_LEAST = 0.05, 10
NAMED_AT_MOST = 10

#: movie_id, and why its details are asked for.
Film = tuple[int, str]


@dataclass
class Asking:
    """One day's asking.

    `path` tells where a film is asked for; `shown` which films list or export of the day show; `again` are films of
    which a tombstone of the day is kept; `promised` films are asked for or kept, `received` counts those kept. The day
    is about `known` films; `unlisted` of the asked are so because the list did not show them; `unnamed` says which
    films cannot be asked for yet. Filled on the way: `failed`, films that could not be had and why; `came`, whether any
    could.
    """

    api: Http
    day: dt.date
    path: Callable[[str], str]
    shown: Callable[[], Iterable[int]]
    again: set[int]
    promised: int
    received: int
    known: int
    unlisted: int = 0
    unnamed: str = ""
    failed: dict[int, str] = field(default_factory=dict)
    came: bool = True

    def chunks(self, films: Sequence[Film]) -> Iterator[Chunk]:
        """The answers about the films, in pieces, then the verdict. What arrived before an error is kept before it is
        raised. Raises HttpError when nothing can be had any more."""
        batch: list[Answer] = []
        trouble: HttpError | None = None
        try:
            for answer in self._answers(films):
                batch.append(answer)
                if len(batch) >= self._per_commit:
                    yield from self._keep(batch)
                    batch = []
        except HttpError as error:
            trouble = error
        yield from self._keep(batch)
        if trouble:
            raise trouble
        if self.promised:
            yield Chunk(details_rows(self.day, []), [self._verdict()], replaces=None)

    @property
    def _per_commit(self) -> int:
        return max(PER_COMMIT, min(PER_COMMIT_AT_MOST, self.received // COMMITS_SO_FAR))

    def _answers(self, films: Sequence[Film]) -> Iterator[Answer]:
        """Films that fail are asked for once more at the end, and those that are gone though list or export show
        them."""
        shown: set[int] | None = None
        doubtful: list[Film] = []
        for outcome in self._ask(films, ATTEMPTS_AT_FIRST):
            if isinstance(outcome, Answer) and outcome.status == 404 and shown is None:
                shown = set(self.shown())
            if _failure(outcome) or (shown and outcome.status == 404 and _film(outcome)[0] in shown):
                doubtful.append(_film(outcome))
            elif isinstance(outcome, Answer):
                yield outcome
        came, last = len(doubtful) < len(films), None
        for outcome in self._ask(doubtful, ATTEMPTS_AT_LAST):
            if why := _failure(outcome):
                self.failed[_film(outcome)[0]] = why
                last = outcome if isinstance(outcome, HttpError) else last
            elif isinstance(outcome, Answer):
                came = True
                yield outcome
        if last and not came and len(films) > 1:
            raise last
        self.came = came

    def _ask(self, films: Sequence[Film], attempts: int) -> Iterator[Answer | HttpError]:
        requests = (
            Request(self.path(f"movie/{movie_id}"), {"append_to_response": APPENDED}, key=(movie_id, why))
            for movie_id, why in films
        )
        yield from self.api.get_each(
            requests,
            endpoint=DETAILS,
            accepted=(200, 404),
            fresh=attempts == ATTEMPTS_AT_LAST,
            attempts=attempts,
            give_up_after=GIVE_UP_AFTER,
            progress=f"{DETAILS} {self.day}",
            total=len(films),
        )

    def _keep(self, batch: Sequence[Answer]) -> Iterator[Chunk]:
        """New films are appended; one that came back takes the place of its tombstone."""
        new = [a for a in batch if _film(a)[0] not in self.again]
        back = [a for a in batch if _film(a)[0] in self.again and a.status == 200]
        self.received += len(new)
        proof = [self._proof()]
        if new:
            yield Chunk(details_rows(self.day, new), proof, replaces=None)
        if back:
            yield Chunk(details_rows(self.day, back), proof, replaces={"movie_id": [_film(a)[0] for a in back]})

    def _proof(self) -> Receipt:
        return Receipt(DETAILS, promised_ids=self.promised, received_ids=self.received, unlisted_ids=self.unlisted)

    def _verdict(self) -> Receipt:
        """What the ledger says at the end: films that could not be had are named, too many of them stop the day."""
        whole = self._proof()
        said = [self.unnamed] if self.unnamed else []
        at_most = math.floor(few_of(self.known, FAILED_SHARE, FAILED_AT_LEAST))
        if self.failed:
            named = "; ".join(f"{movie_id} ({why})" for movie_id, why in sorted(self.failed.items())[:NAMED_AT_MOST])
            more = f" and {len(self.failed) - NAMED_AT_MOST:,} more" if len(self.failed) > NAMED_AT_MOST else ""
            said.append(f"{len(self.failed):,} of {self.promised:,} films could not be had: {named}{more}")
        if not said:
            return whole
        return replace(
            whole,
            is_complete=len(self.failed) <= (at_most if self.came else min(at_most, FAILED_AT_LEAST)),
            sentence=f"{said[-1]}. More than {at_most:,} failed, so nothing of the day is published: run it again.",
            note=f"{DETAILS} {self.day}: {'; '.join(said)}; they are asked for again by the next run",
            is_finished=False,
        )


def _film(outcome: Answer | HttpError) -> Film:
    asked = outcome.request
    if asked is None:
        raise TypeError("an outcome of get_each names its request")
    film: Film = asked.key
    return film


def _failure(outcome: Answer | HttpError) -> str:
    """Why what came about a film is no answer, in few words; nothing when it is: the film, another one, or its
    absence."""
    if isinstance(outcome, HttpError):
        return outcome.message.rpartition("the last one brought ")[2].rstrip(".")
    if outcome.status == 200 and answered_id(outcome) is None:
        return id_problem(outcome)
    return ""
