"""The days of a run, observed one by one: what could be had of them, and what the checks of a raw table say of it.

What belongs here: going on with the other days when one cannot be had, the outcomes of a raw table. What does not: how
one day is observed (lakehouse/flow/extraction.py), how Dagster is told (tables.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from tmdb_assets.lakehouse.contracts import Contract, is_value
from tmdb_assets.lakehouse.errors import BlockedError, LakehouseError
from tmdb_assets.lakehouse.flow.checks import Outcome, accounting, contract_kept, drift, grain_kept
from tmdb_assets.lakehouse.flow.extraction import Extractor, NothingToObserve, Observed
from tmdb_assets.lakehouse.flow.quarantine import quarantine_contract
from tmdb_assets.lakehouse.store import DeltaStore


def observe_days(
    extractor: Extractor,
    contract: Contract,
    days: Sequence[dt.date],
    after: Iterable[Contract],
    warn: Callable[[str], None],
) -> tuple[list[Observed], dict[dt.date, LakehouseError]]:
    """Every day of the run, and those that could not be had with the reason: one day takes no other with it.

    `after`: tables whose rows of the day decide what is asked. Raises when not a single day could be had, and what
    would stop any other day too (no room, no answer at all).
    """
    tables, clock = extractor.client.tables(), extractor.clock
    for day in days:
        clock.reach(day, has_history=extractor.client.has_history, cadence=contract.cadence)
    endpoints = [endpoint for c in after for endpoint in tables[c.name].endpoints]
    fell_short = (
        extractor.ledger.days_short(days).filter(pl.col("endpoint").is_in(endpoints)) if len(days) > 1 else None
    )
    observed: list[Observed] = []
    lost: dict[dt.date, LakehouseError] = {}
    for day in days:
        if fell_short is not None and (short := fell_short.filter(pl.col("date_id") == day)).height:
            what = f"{contract.path} {day}: left out, because {short.item(0, 'endpoint')} fell short"
            lost[day] = BlockedError("extraction_complete", what)
            continue
        try:
            observed.append(extractor.observe(tables[contract.name], day))
        except (NothingToObserve, BlockedError) as error:
            lost[day] = error
    for reason in lost.values() if observed else ():
        warn(str(reason))
    if lost and not observed:
        first = next(iter(lost.values()))
        if len(lost) == 1:
            raise first
        raise NothingToObserve(f"{len(lost)} days cannot be observed; the first: {first}")
    return observed, lost


def raw_outcomes(
    store: DeltaStore,
    contract: Contract,
    observed: Sequence[Observed],
    lost: Mapping[dt.date, LakehouseError],
    names: Sequence[str],
) -> Iterator[Outcome]:
    """The outcomes of the checks `names` of a raw table, over the days observed and those lost."""
    days = [o.day for o in observed]
    yield contract_kept(contract, [tally for o in observed for tally in o.tallies])
    yield grain_kept(contract, store, days)
    yield _accounted(store, contract, observed)
    notes = [*map(str, lost.values()), *(e.note for o in observed for e in o.entries if e.note)]
    arrived = f"{len(notes)} things fell short; the first: {notes[0]}" if len(notes) > 1 else "".join(notes)
    yield Outcome("extraction_complete", not notes, arrived or "what was promised arrived", warns=True)
    if "mass_delete" in names:
        yield Outcome("mass_delete", True, "no more than 5% of the films are gone")
    if contract.drift_limit is not None:
        yield drift(contract, store, days)


def _accounted(store: DeltaStore, contract: Contract, observed: Sequence[Observed]) -> Outcome:
    """Whether what the ledger says came on the days just observed is where it belongs."""
    fetched = [o for o in observed if o.fetched and o.entries]
    days = [o.day for o in fetched]
    rows = store.partition_rows(contract)
    aside = store.scan(quarantine_contract(contract.source), days).filter(
        pl.col("origin") == contract.path, ~is_value()
    )
    return accounting(
        sum(max(e.received_rows or 0 for e in o.entries) for o in fetched),
        kept=sum(rows.get(day, 0) for day in days),
        quarantined=aside.select(pl.len()).collect().item(),
        duplicates=sum(max(e.duplicate_rows or 0 for e in o.entries) for o in fetched),
    )


def ledger_metadata(observed: Sequence[Observed]) -> dict[str, Any]:
    """What observing the days took, by the names it has in metadata."""
    entries = [(o.day, e) for o in observed for e in o.entries]
    total = {
        name: sum(getattr(e, name) for _, e in entries) for name in ("calls", "retries", "throttled", "cache_hits")
    }
    fetched = sum(o.fetched for o in observed)
    return {"days_fetched": fetched, "days_left_as_kept": len(observed) - fetched, **total}
