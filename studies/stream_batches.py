"""Batches of pairs at work: each is kept as soon as it is made, so that nothing is computed twice.

A run that was killed goes on where it was; another criterion or level finds all batches there; another
version finds those of its own output missing, and reads no row of a reference that was brought to units of
time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass

import polars as pl

from ..datasets.handled import Handled, together
from ..datasets.pairs import Pairs, all_codes
from ..datasets.reference_side import ReferenceSide
from ..datasets.regrid import makes_units
from ..datasets.store import Entry, Store, key_of
from ..datasets.stream import Stream
from ..protocols.errors import ContractError, Violation
from ..protocols.model import Pairing
from . import last_inputs, stream_sides
from .slices import SUBJECTS
from .stream_names import Done, counts_of, rows_of
from .stream_sides import Sides
from .streams import KIND, Batch, Budget, StreamPairing

Told = Callable[[str, float], None]
"""Told what is being done and the share done."""


@dataclass(frozen=True)
class Made:
    """What became of the batches of one pairing.

    Attributes:
        pairs: All of them put together, on disk.
        computed: Batches that were computed.
        found: Batches that were there.
        moved: Batches that were computed with an error of the clock.
        reference_rows_read: Rows of the reference that were read.
        test_rows_read: Rows of the test table that were read.
        handled: Stream -> what rules of reading did to its rows, whenever they were read.
    """

    pairs: Pairs
    computed: int
    found: int
    moved: int
    reference_rows_read: int
    test_rows_read: int
    handled: Done

    @property
    def counts(self) -> dict[str, int]:
        """Batches and rows, for the log."""
        return {
            "computed": self.computed,
            "found": self.found,
            "moved": self.moved,
            "rows_read": self.reference_rows_read + self.test_rows_read,
            "reference_rows_read": self.reference_rows_read,
            "test_rows_read": self.test_rows_read,
        }


MOST_PROBLEMS = 20
"""Batches with problems after which no further one is begun."""


@dataclass(frozen=True)
class Lacking:
    """What is not there of a batch.

    Attributes:
        batch: Which.
        entry: Its pairs, where they are there.
        errors: Errors of the clock whose pairs are not there.
    """

    batch: Batch
    entry: Entry | None
    errors: tuple[float, ...]


def lacking(batch: Batch, store: Store) -> bool:
    """Whether something of a batch is not there, unverified."""
    return not all(store.has(KIND, key) for key in (batch.key, *batch.moved.values()))


def rows_to_read(batches: Sequence[Batch], store: Store, claimed: set[str]) -> list[tuple[int, int]]:
    """Rows of the reference and of the test table that would be read for each batch.

    Args:
        batches: Of which something is not there.
        store: Where reference sides are kept.
        claimed: Names of reference sides that are made before, by other batches; those of these are added.
    """
    found = []
    for batch in batches:
        n_reference = batch.n_reference
        if batch.groups is not None:
            made = [
                group
                for group in batch.groups
                if group.key not in claimed and not store.has(stream_sides.KIND, group.key)
            ]
            claimed.update(group.key for group in made)
            n_reference = sum(group.n_rows for group in made)
        found.append((n_reference, batch.n_test))
    return found


def make(work: StreamPairing, store: Store, budget: Budget, tell: Told) -> Made:
    """The pairs of all batches of a pairing, those that are there already unread.

    Raises:
        ContractError: What is wrong with the rows, of all batches (of the first ones, where it is many).
        OutputError: The store cannot be written.
    """
    planned = work.plan(budget)
    entries: dict[str, Entry] = {}
    missing: list[Lacking] = []
    for batch in planned:
        entry = store.get(KIND, batch.key)
        errors = tuple(error for error, key in batch.moved.items() if store.get(KIND, key) is None)
        if entry is not None:
            entries[batch.key] = entry
        if entry is None or errors:
            missing.append(Lacking(batch, entry, errors))
    found = len(entries)
    violations: list[Violation] = []
    at_hand = _Work(work, store)
    to_read = rows_to_read([one.batch for one in missing], store, set())
    clock = _Clock(work, len(planned), [sum(rows) for rows in to_read], tell)
    for place, done in _at_work(at_hand, missing, budget.workers):
        if isinstance(done, ContractError):
            violations.extend(one for one in done.violations if one not in violations)
        else:
            entries[missing[place].batch.key] = done
        clock.done(place)
    if violations:
        raise ContractError(violations)
    every = [entries[batch.key] for batch in planned]
    pairs = _together(work, store, planned, every)
    if not work.clock_error:
        inputs = {",".join(batch.subjects): batch.inputs for batch in planned}
        last_inputs.remember(store, work.name, work.version, inputs)
    n_reference = sum(one.batch.n_reference for one in missing)
    return Made(
        pairs,
        computed=len(planned) - found,
        found=found,
        moved=sum(len(one.errors) for one in missing),
        reference_rows_read=n_reference if at_hand.sides is None else at_hand.sides.rows_read,
        test_rows_read=sum(one.batch.n_test for one in missing),
        handled=_handled(work, every),
    )


class _Work:
    """What makes batches of one pairing."""

    def __init__(self, work: StreamPairing, store: Store) -> None:
        self.work, self.store = work, store
        self.sides: Sides | None = None
        if isinstance(work.reference, Stream) and makes_units(work.protocol.pairings[work.name]):
            self.sides = Sides(work.protocol, work.name, work.reference, work.tables, store)

    def keep(self, one: Lacking) -> Entry:
        """Make what is not there of a batch, and keep it.

        Raises:
            ContractError: What is wrong with its rows.
            OutputError: The store cannot be written.
        """
        work, batch, entry = self.work, one.batch, one.entry
        clocks = None if entry is None or not entry.has("clocks") else entry.frame("clocks")
        reference: pl.DataFrame | ReferenceSide
        if self.sides is not None and batch.groups is not None:
            align = work.clocks is None and clocks is None
            reference, done = self.sides.of(batch.groups, batch.subjects, clock=align)
        else:
            reference, done = rows_of(work.reference, work.protocol, batch.subjects)
        taken = work.take(batch)
        if entry is None:
            pairs = taken.pair(reference)
            clocks = pairs.clocks
            entry = _keep(self.store, batch.key, pairs, {work.reference.name: done, **taken.handled})
            del pairs
        for error in one.errors:
            moved = taken.pair(reference, clocks=clocks, error=error)
            _keep(self.store, batch.moved[error], moved, {}, audits=("lone_test",))
        return entry


def _at_work(
    at_hand: _Work, missing: Sequence[Lacking], workers: int
) -> Iterator[tuple[int, Entry | ContractError]]:
    """Make batches, some at a time; each one's place, and its entry or what is wrong with its rows."""

    def one(lacking: Lacking) -> Entry | ContractError:
        try:
            return at_hand.keep(lacking)
        except ContractError as error:
            return error

    waiting = iter(enumerate(missing))
    problems = 0
    with ThreadPoolExecutor(workers) as pool:
        running: dict[Future[Entry | ContractError], int] = {}
        try:
            while True:
                while len(running) < workers and problems < MOST_PROBLEMS:
                    place, lacking = next(waiting, (-1, None))
                    if lacking is None:
                        break
                    running[pool.submit(one, lacking)] = place
                if not running:
                    return
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    answer = future.result()
                    problems += isinstance(answer, ContractError)
                    yield running.pop(future), answer
        finally:
            for future in running:
                future.cancel()


AUDITS = ("lone_test", "regrid", "clocks")


def _keep(store: Store, key: str, pairs: Pairs, handled: Done, audits: Collection[str] = AUDITS) -> Entry:
    """Keep the pairs of a batch and some of its audits."""
    frames: dict[str, pl.DataFrame | pl.LazyFrame] = {"pairs": pairs.frame}
    for name in audits:
        audit = getattr(pairs, name)
        if audit is not None:
            frames[name] = audit
    facts = {
        "n_reference_rows": pairs.n_reference_rows,
        "n_test_rows": pairs.n_test_rows,
        "without_rows": list(pairs.without_rows),
        "handled": {name: [asdict(one) for one in done] for name, done in handled.items()},
    }
    return store.put(KIND, key, frames=frames, facts=facts)


WHOLE = "paired"


def whole_key(planned: list[Batch]) -> str:
    """Name of the pairs of all batches together."""
    return key_of(WHOLE, [batch.key for batch in planned])


def _together(work: StreamPairing, store: Store, planned: list[Batch], entries: list[Entry]) -> Pairs:
    """The pairs of all batches in one file, read when they are asked for."""
    facts = [entry.facts for entry in entries]
    people = work.tables.get(SUBJECTS)
    without: tuple[str, ...] = ()
    if people is not None:
        column = work.protocol.tables[SUBJECTS].subject
        known = set(counts_of(work.reference, work.protocol)) | set(counts_of(work.test, work.protocol))
        unread = set(people.frame[column].to_list()) - known
        without = tuple(sorted(unread.union(*(one["without_rows"] for one in facts))))
    key = whole_key(planned)
    frames, file = pl.concat(_numbered(work.protocol.pairings[work.name], entries)), None
    if not work.clock_error:  # with an error of the clock they serve one question, and stay in their batches
        whole = store.get(WHOLE, key) or store.put(WHOLE, key, frames={"pairs": frames})
        frames, file = whole.scan("pairs"), whole.file("pairs")
    return Pairs(
        work.name,
        work.version,
        frames,
        all_codes(work.protocol.exclusions),
        sum(int(one["n_reference_rows"]) for one in facts),
        sum(int(one["n_test_rows"]) for one in facts),
        without,
        _audit(entries, "lone_test"),
        _audit(entries, "regrid"),
        _audit(entries, "clocks"),
        file=file,
        key=key,
    )


def _numbered(rule: Pairing, entries: list[Entry]) -> list[pl.LazyFrame]:
    """The pairs of each batch; units of time, from 0 in every batch, numbered through all."""
    frames: list[pl.LazyFrame] = []
    firsts = [0, 0]
    for entry in entries:
        frame = entry.scan("pairs")
        if makes_units(rule):
            sides = zip(("reference_row", "test_row"), firsts, strict=True)
            frame = frame.with_columns(pl.col(name) + first for name, first in sides)
            counts = entry.facts["n_reference_rows"], entry.facts["n_test_rows"]
            firsts = [first + int(count) for first, count in zip(firsts, counts, strict=True)]
        frames.append(frame)
    return frames


def _audit(entries: list[Entry], name: str) -> pl.DataFrame | None:
    found = [entry.frame(name) for entry in entries if entry.has(name)]
    return pl.concat(found) if found else None


def _handled(work: StreamPairing, entries: list[Entry]) -> Done:
    """What rules of reading did to the rows of each stream, over all batches."""
    return {
        side.name: together(
            Handled(**one) for entry in entries for one in entry.facts.get("handled", {}).get(side.name, ())
        )
        for side in (work.reference, work.test)
        if isinstance(side, Stream)
    }


class _Clock:
    """Tells how far the batches of a pairing are, how fast, and how long it will take."""

    def __init__(self, work: StreamPairing, total: int, rows: Sequence[int], tell: Told) -> None:
        self._what = f"pairing {work.name}, {work.version}"
        self._total = total
        self._done = self._total - len(rows)
        self._rows = rows
        self._rows_left = self._rows_all = sum(rows)
        self._started = time.monotonic()
        self._tell = tell
        self._say()

    def done(self, place: int) -> None:
        """The batch at this place is done."""
        self._done += 1
        self._rows_left -= self._rows[place]
        self._say()

    def _say(self) -> None:
        taken = time.monotonic() - self._started
        rows = self._rows_all - self._rows_left
        pace = ""
        if rows and taken > 0:
            speed = rows / taken
            pace = f", {speed / 1e6:.1f} million rows/s, {_duration(self._rows_left / speed)} left"
        share = self._done / self._total if self._total else 1.0
        self._tell(f"{self._what}: batch {self._done} of {self._total}{pace}", share)


def _duration(seconds: float) -> str:
    """A time in words.

    Example:
        >>> _duration(42.3), _duration(190)
        ('42 s', '3 min 10 s')
    """
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"
