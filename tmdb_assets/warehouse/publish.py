"""Publishing the lake to a target: what it holds is brought up to date, checked, and made visible all at once.

What belongs here: the order of things, what is loaded and what is left as it was, the proof that the target holds what
the lake has. What does not: what a target is to hold (contents.py), what it must be able to do (target.py) and how it
does it (targets/), how Dagster shows it (assets.py).

Nobody sees a publication before its proof. One that fails or is killed at any moment leaves what was published before.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.errors import BlockedError
from tmdb_assets.lakehouse.flow.checks import Outcome
from tmdb_assets.lakehouse.flow.ledger import Ledger
from tmdb_assets.lakehouse.store import DeltaStore, without_secrets
from tmdb_assets.lakehouse.store.locks import at_work
from tmdb_assets.warehouse.contents import Layout, Source, Wanted, definitions_of, fact_days_of, lay_out, look_up
from tmdb_assets.warehouse.reader import FORMAT, Info, WarehouseError
from tmdb_assets.warehouse.recorded import Recorded, own_tables
from tmdb_assets.warehouse.target import Draft, Target

ROWS_PER_BATCH = 2_000_000  # read from the lake at once: a long history must fit a laptop's memory


def checks_of(target: Target) -> dict[str, str]:
    """The checks of a publication, with what each of them finds out."""
    before = f"checked before the {target.noun} is swapped in."
    return {
        "rows": f"Every table has as many rows as the lake has for it; {before}",
        "views": f"Every view answers in the {target.noun}, with the columns its contract promises; {before}",
    }


@dataclass(frozen=True)
class Copied:
    """What became of one table: its rows in the target, how many of them were loaded now, and its Delta version."""

    name: str
    rows: int
    loaded: int
    version: int | None
    changed: bool


@dataclass(frozen=True)
class Publication:
    """What a publication to the target of that name did.

    `swapped`: whether anything had changed, so that something new is to be seen. `rebuilt`: why it was made anew rather
    than brought up to date, else None.
    """

    target: str
    swapped: bool
    rebuilt: str | None
    tables: tuple[Copied, ...]
    outcomes: tuple[Outcome, ...]
    bytes: int
    seconds: float


def publish_warehouse(
    store: DeltaStore,
    target: Target,
    sources: Sequence[Source],
    fact_days: int | None,
    log: Callable[[str], None],
    clock: Clock | None = None,
) -> Publication:
    """Bring a target up to what the lake has now, loading only what has changed since.

    `fact_days`: keep the newest so many days of the facts (None: as many as `fact_days_of` says). One publication runs
    at a time; another waits.

    Raises WarehouseError when there is nothing to publish, or the target cannot be written or holds what is none of
    ours; BlockedError naming the check that did not hold; SqlError naming the view's file and line. What was published
    before stays then.
    """
    started = time.monotonic()
    names = [source.name for source in sources]
    target.refuse_unfit(names)
    with at_work(store, names, log), target.publication(log) as draft:
        layouts = [lay_out(s, fact_days_of(store, s, fact_days), target.can_answer) for s in sources]
        days_kept = min((layout.fact_days for layout in layouts if layout.fact_days), default=None)
        wanted = look_up(store, layouts)
        if all(table.version is None for table in wanted):
            root = without_secrets(store.root)
            raise WarehouseError(
                f"The lake {root} holds no table yet: run `make demo` first, or materialize its tables."
            )
        rebuilt = draft.begin()
        info = Info(FORMAT, (clock or Clock()).now(), without_secrets(store.root), _origin(store, sources), days_kept)
        definitions = definitions_of(layouts, info.lake, info.origin, days_kept)
        recorded = draft.recorded()
        tasks = [_Task(table, recorded, draft.has(table.contract)) for table in wanted]
        is_redefined = recorded.definitions != definitions
        is_new = is_redefined or any(task.changed for task in tasks)
        if is_new:
            _fill(draft, store, layouts, tasks, is_redefined=is_redefined)
            versions = [_version_row(store, task, recorded) for task in tasks]
            parts = {task.key: task.table.parts for task in tasks}
            draft.record(own_tables(info, definitions, versions, parts, target.noun))
        outcomes = _proof(draft, layouts, wanted)
        if is_new:
            draft.finish(info.published_at)
        done = Publication(
            target.name,
            is_new,
            rebuilt if is_new else None,
            tuple(task.outcome for task in tasks),
            outcomes,
            target.size(),
            time.monotonic() - started,
        )
    log(_sentence(done, target.noun))
    return done


# -- what is loaded ----------------------------------------------------------------------------------------------------


@dataclass
class _Task:
    """What must be done to one table to bring it from what the target recorded to what the lake has."""

    table: Wanted
    recorded: Recorded
    is_there: bool
    loaded: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.key = (self.table.contract.source, self.table.contract.name)
        was = self.recorded.parts.get(self.key, {}) if self.is_there else {}
        now = self.table.parts
        #: Parts to load, and those whose rows in the target are no longer true.
        self.to_load = [part for part, digest in now.items() if was.get(part) != digest]
        self.to_delete = [part for part, digest in was.items() if now.get(part) != digest]
        #: Whether nothing of what the target has is kept, so that the table is made anew.
        self.is_anew = not self.is_there or (bool(was) and len(self.to_delete) == len(was))

    @property
    def same_version(self) -> bool:
        """Whether the target already names the Delta version that the lake has."""
        return self.key in self.recorded.versions and (
            self.recorded.versions[self.key]["delta_version"] == self.table.version
        )

    @property
    def changed(self) -> bool:
        """Whether the target must be written for this table."""
        return not self.is_there or bool(self.to_load or self.to_delete) or not self.same_version

    @property
    def outcome(self) -> Copied:
        """What became of it."""
        table = self.table
        return Copied(table.name, table.height, self.loaded, table.version, bool(self.to_load or self.to_delete))


def _fill(
    draft: Draft,
    store: DeltaStore,
    layouts: Sequence[Layout],
    tasks: Sequence[_Task],
    *,
    is_redefined: bool,
) -> None:
    """Load what changed. Only when something is said differently than at the last publication are views made anew."""
    if is_redefined:
        draft.drop_all_but(layouts)
    for task in tasks:
        if task.is_anew:
            draft.create(task.table.contract)
        elif days := [day for day in task.to_delete if day is not None]:
            draft.delete_days(task.table.contract, days)
    for task in tasks:
        _load(draft, store, task)
    for layout in layouts:
        if is_redefined:
            draft.create_views(layout)
        draft.describe(layout, None if is_redefined else [t.table.contract for t in tasks if t.is_anew])


def _load(draft: Draft, store: DeltaStore, task: _Task) -> None:
    """Load the parts that changed, so many rows at a time."""
    for days in _batches(task):
        frame = task.table.scan(store, days).collect()
        draft.append(task.table.contract, frame)
        task.loaded += frame.height


def _batches(task: _Task) -> Iterator[list[dt.date] | None]:
    """Days to read together; None for a table that is read as a whole."""
    batch: list[dt.date] = []
    rows = 0
    for part in task.to_load:
        if part is None:
            yield None
            continue
        if batch and rows + task.table.rows[part] > ROWS_PER_BATCH:
            yield batch
            batch, rows = [], 0
        batch.append(part)
        rows += task.table.rows[part]
    if batch:
        yield batch


def _version_row(store: DeltaStore, task: _Task, recorded: Recorded) -> dict[str, object]:
    """The row of `lake_versions`; what a commit says is asked of the lake only when it is another one."""
    contract, version = task.table.contract, task.table.version
    if task.same_version and not task.outcome.changed:
        return dict(recorded.versions[task.key])
    commits = store.history(contract, 10) if version is not None else []
    commit = next((c for c in commits if c.get("version") == version), {})
    at = commit.get("timestamp")
    return {
        "source": contract.source,
        "table_name": contract.name,
        "table_path": contract.path,
        "delta_version": version,
        "rows": task.table.height,
        "committed_at": dt.datetime.fromtimestamp(at / 1000, dt.UTC) if at else None,
        "run_id": commit.get("run_id"),
    }


def _origin(store: DeltaStore, sources: Sequence[Source]) -> str | None:
    """Who answered for what the lake holds of any source."""
    origins = {origin for source in sources for origin in Ledger(store, source.name).origins()}
    return " and ".join(sorted(origins, reverse=True)) or None


# -- the proof ---------------------------------------------------------------------------------------------------------


def _proof(draft: Draft, layouts: Sequence[Layout], wanted: Collection[Wanted]) -> tuple[Outcome, ...]:
    """The checks, made while nobody sees the draft yet. Raises BlockedError naming the first that does not hold."""
    counted = {table.name: draft.count(table.contract) for table in wanted}
    short = [
        f"{t.name} has {counted[t.name]:,} rows, the lake {t.height:,}" for t in wanted if counted[t.name] != t.height
    ]
    rows = sum(counted.values())
    views = [view for layout in layouts for view in layout.views]
    mute = [problem for view in views if (problem := draft.columns_apart(view))]
    outcomes = (
        Outcome(
            "rows",
            not short,
            "; ".join(short) or f"{len(counted)} tables, {rows:,} rows, as many as the lake has",
            {"tables": len(counted), "rows": rows},
        ),
        Outcome("views", not mute, "; ".join(mute) or f"{len(views)} views answer", {"views": len(views)}),
    )
    for outcome in outcomes:
        if not outcome.passed:
            raise BlockedError(outcome.check, f"The warehouse is not published: {outcome.sentence}.", **outcome.figures)
    return outcomes


def _sentence(done: Publication, noun: str) -> str:
    if not done.swapped:
        return f"{done.target}: nothing has changed, the {noun} stays as it is"
    how = f"made anew ({done.rebuilt})" if done.rebuilt else "brought up to date"
    changed = sum(table.changed for table in done.tables)
    loaded = sum(table.loaded for table in done.tables)
    return (
        f"{done.target}: {how}, {changed} of {len(done.tables)} tables changed, {loaded:,} rows loaded, "
        f"{done.bytes / 1e6:.1f} MB, {done.seconds:.1f} s"
    )
