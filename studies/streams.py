"""Pairs of streams: batch after batch of subjects, each kept, so that nothing is computed twice.

A batch's pairs are named by all that went into them: the subjects, the bytes of the files that hold their
rows, the parts of the protocol that pairing follows, and the program. A run that was killed goes on where it
was; another criterion or level finds all batches there; another version finds those of its own output missing
and no others.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from ..datasets import batches, pairing
from ..datasets.handled import Handled, together
from ..datasets.pairs import Pairs, all_codes
from ..datasets.read import TableData
from ..datasets.regrid import makes_units
from ..datasets.store import Entry, Store, key_of
from ..datasets.stream import Stream
from ..protocols.canonical import canonical
from ..protocols.errors import ContractError, Violation
from ..protocols.model import Pairing, Protocol
from . import last_inputs
from .folder import Tables
from .program import program
from .slices import SUBJECTS

Told = Callable[[str, float], None]
"""Told what is being done and the share done."""
KIND = "pairs"
_PLACES = {"file", "glob", "folder", "sql", "database", "format"}
"""Keys of a source that say where its rows are, not what they mean."""
_WORDS = frozenset({"title", "description", "device", "source", "note"})
"""Keys of a protocol that are words for people."""


@dataclass(frozen=True)
class Budget:
    """What pairing may take of the machine.

    Attributes:
        workers: Batches at work at the same time.
        memory: Bytes for all of them together; None: as much as full batches take.
    """

    workers: int = 1
    memory: int | None = None

    @staticmethod
    def of(workers: int | None, memory: int | None) -> Budget:
        """One worker a processor unless said otherwise."""
        return Budget(workers or os.cpu_count() or 1, memory)

    @property
    def target(self) -> int:
        """Rows of a batch."""
        return batches.target_rows(self.memory, self.workers)


@dataclass(frozen=True)
class Batch:
    """One piece of work.

    Attributes:
        subjects: Whose rows.
        key: Name of its pairs in the store.
        n_rows: Rows of both tables.
        inputs: What went into the name, by kind, each as a hash: to say why it has to be computed.
    """

    subjects: tuple[str, ...]
    key: str
    n_rows: int
    inputs: Mapping[str, str]


@dataclass(frozen=True)
class StreamPairing:
    """A pairing of one version of which at least one table is a stream.

    Attributes:
        protocol: Resolved protocol.
        name: The pairing.
        version: The version whose test rows these are.
        reference: Its reference table.
        test: Its test table.
        tables: The tables that are read whole (subjects, stretches of time), by name.
        clocks: The alignment audit, where it was made already.
        clock_error: Seconds added to all test times.
    """

    protocol: Protocol
    name: str
    version: str
    reference: Stream | TableData
    test: Stream | TableData
    tables: Mapping[str, TableData]
    clocks: pl.DataFrame | None = None
    clock_error: float = 0.0

    def plan(self, budget: Budget) -> list[Batch]:
        """The batches of this pairing, in order of their subjects."""
        counts = [_counts(side, self.protocol) for side in (self.reference, self.test)]
        common = {"rules": _rules(self), "program": program("datasets", "protocols")}
        if self.clock_error:
            # the audit itself follows from the other inputs
            common["clock_error"] = repr(self.clock_error)
        found = []
        sides = [side for side in (self.reference, self.test) if isinstance(side, Stream)]
        files = [part.counts.keys() for side in sides for part in side.parts]
        for subjects in batches.cut(counts, budget.target, files):
            inputs = {
                **common,
                "reference": _identity(self.reference, subjects),
                "test": _identity(self.test, subjects),
            }
            n_rows = sum(own.get(subject, 0) for own in counts for subject in subjects)
            found.append(Batch(subjects, key_of(KIND, subjects, inputs), n_rows, inputs))
        return found

    def pair(self, batch: Batch) -> tuple[Pairs, dict[str, tuple[Handled, ...]]]:
        """The audited pairs of one batch, and what rules of reading did to the rows of each stream.

        Raises:
            ContractError: What is wrong with the rows of these subjects.
        """
        chosen = batch.subjects
        people = self.tables.get(SUBJECTS)
        frames = {name: _rows(table, self.protocol, chosen)[0] for name, table in self.tables.items()}
        reference, done = _rows(self.reference, self.protocol, chosen)
        test, done_test = _rows(self.test, self.protocol, chosen)
        pairs = pairing.pair(
            self.protocol,
            self.name,
            reference=reference,
            test=test,
            subjects=None if people is None else frames[SUBJECTS],
            version=self.version,
            tables=frames,
            clocks=None if self.clocks is None else self.clocks.filter(pl.col("subject").is_in(list(chosen))),
            clock_error=self.clock_error,
        )
        pairing.verify(pairs)
        return pairs, {self.reference.name: done, self.test.name: done_test}


def pairings(protocol: Protocol, data: Tables) -> list[StreamPairing]:
    """Every pairing and version that takes its tables some subjects at a time."""
    found = []
    for name, rule in protocol.pairings.items():
        for version, own in data.tests.items():
            every = data.shared | own
            sides = every[rule.reference], every[rule.test]
            if not any(isinstance(side, Stream) for side in sides):
                continue
            needed = {SUBJECTS, *([rule.unit.within.table] if rule.unit and rule.unit.within else [])}
            read = {
                key: table for key, table in every.items() if key in needed and isinstance(table, TableData)
            }
            found.append(StreamPairing(protocol, name, version, *sides, read))
    return found


def _counts(side: Stream | TableData, protocol: Protocol) -> Mapping[str, int]:
    """Subject -> rows of a table."""
    if isinstance(side, Stream):
        return side.counts
    column = protocol.tables[side.name].subject
    return dict(side.frame.group_by(column).len().iter_rows())


def _rows(
    side: Stream | TableData, protocol: Protocol, subjects: tuple[str, ...]
) -> tuple[pl.DataFrame, tuple[Handled, ...]]:
    """The rows of some subjects of a table, and what rules of reading did to them just now."""
    if isinstance(side, Stream):
        read = side.read(subjects)
        return read.frame, read.handled
    return side.frame.filter(pl.col(protocol.tables[side.name].subject).is_in(list(subjects))), ()


def _identity(side: Stream | TableData, subjects: tuple[str, ...]) -> str:
    """Hash of what the rows of some subjects come from."""
    if isinstance(side, Stream):
        return key_of([(part.content_sha256, part.first_row) for part in side.touched(subjects)])
    return side.content_sha256


def _rules(work: StreamPairing) -> str:
    """Hash of all in protocol and study that pairing follows, and of the tables that are read whole."""
    protocol = json.loads(canonical(work.protocol))
    rule = protocol["pairings"][work.name]
    if rule.get("alignment"):
        # errors of the clock that are tried move pairs of their own, each with its name
        rule["alignment"] = {key: value for key, value in rule["alignment"].items() if key != "tipping"}
    named = {rule["reference"], rule["test"], *work.tables}
    compared = {
        (str(one.reference), str(one.test))
        for one in work.protocol.endpoints.values()
        if one.pairing == work.name
    }
    sources = [
        side.source.model_dump(mode="json", exclude=_PLACES)
        for side in (work.reference, work.test)
        if isinstance(side, Stream)
    ]
    return key_of(
        _plain(rule),
        {name: _plain(table) for name, table in protocol["tables"].items() if name in named},
        _plain(protocol.get("exclusions", {})),
        protocol.get("unknown_exclusions"),
        protocol.get("conversions"),
        sorted(compared),
        sources,
        {name: table.content_sha256 for name, table in work.tables.items()},
    )


def _plain(part: Any) -> Any:
    """A part of a protocol without the words that are for people."""
    if isinstance(part, dict):
        # a column may be called `device`: its contract is no text
        kept = (key for key, value in part.items() if not (key in _WORDS and isinstance(value, str)))
        return {key: _plain(part[key]) for key in kept}
    return [_plain(value) for value in part] if isinstance(part, list) else part


@dataclass(frozen=True)
class Made:
    """What became of the batches of one pairing.

    Attributes:
        pairs: All of them put together, on disk.
        computed: Batches that were computed.
        found: Batches that were there.
        rows_read: Rows of the streams that were read.
        handled: Stream -> what rules of reading did to its rows, whenever they were read.
    """

    pairs: Pairs
    computed: int
    found: int
    rows_read: int
    handled: Mapping[str, tuple[Handled, ...]]


MOST_PROBLEMS = 20
"""Batches with problems after which no further one is begun."""


def make(work: StreamPairing, store: Store, budget: Budget, tell: Told) -> Made:
    """The pairs of all batches of a pairing, those that are there already unread.

    Raises:
        ContractError: What is wrong with the rows, of all batches (of the first ones, where it is many).
        OutputError: The store cannot be written.
    """
    planned = work.plan(budget)
    entries: dict[str, Entry] = {}
    for batch in planned:
        entry = store.get(KIND, batch.key)
        if entry is not None:
            entries[batch.key] = entry
    missing = [batch for batch in planned if batch.key not in entries]
    found = len(entries)
    violations: list[Violation] = []
    clock = _Clock(work, planned, missing, tell)
    for batch, done in _at_work(work, store, missing, budget.workers):
        if isinstance(done, ContractError):
            violations.extend(one for one in done.violations if one not in violations)
        else:
            entries[batch.key] = done
        clock.done(batch)
    if violations:
        raise ContractError(violations)
    every = [entries[batch.key] for batch in planned]
    pairs = _together(work, store, planned, every)
    if not work.clock_error:
        inputs = {",".join(batch.subjects): batch.inputs for batch in planned}
        last_inputs.remember(store, work.name, work.version, inputs)
    rows_read = sum(batch.n_rows for batch in missing)
    return Made(pairs, len(missing), found, rows_read, _handled(work, every))


def _handled(work: StreamPairing, entries: list[Entry]) -> dict[str, tuple[Handled, ...]]:
    """What rules of reading did to the rows of each stream, over all batches."""
    return {
        side.name: together(
            Handled(**one) for entry in entries for one in entry.facts.get("handled", {}).get(side.name, ())
        )
        for side in (work.reference, work.test)
        if isinstance(side, Stream)
    }


def _at_work(
    work: StreamPairing, store: Store, missing: list[Batch], workers: int
) -> Iterator[tuple[Batch, Entry | ContractError]]:
    """Compute batches, some at a time, and keep each as soon as it is done."""

    def one(batch: Batch) -> Entry | ContractError:
        try:
            return _keep(store, batch.key, *work.pair(batch))
        except ContractError as error:
            return error

    waiting = iter(missing)
    problems = 0
    with ThreadPoolExecutor(workers) as pool:
        running: dict[Future[Entry | ContractError], Batch] = {}
        try:
            while True:
                while len(running) < workers and problems < MOST_PROBLEMS:
                    batch = next(waiting, None)
                    if batch is None:
                        break
                    running[pool.submit(one, batch)] = batch
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


def _keep(store: Store, key: str, pairs: Pairs, handled: Mapping[str, tuple[Handled, ...]]) -> Entry:
    frames: dict[str, pl.DataFrame | pl.LazyFrame] = {"pairs": pairs.frame}
    for name in ("lone_test", "regrid", "clocks"):
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
        known = set(_counts(work.reference, work.protocol)) | set(_counts(work.test, work.protocol))
        unread = set(people.frame[column].to_list()) - known
        without = tuple(sorted(unread.union(*(one["without_rows"] for one in facts))))
    key = whole_key(planned)
    whole = store.get(WHOLE, key) or store.put(
        WHOLE, key, frames={"pairs": pl.concat(_numbered(work.protocol.pairings[work.name], entries))}
    )
    return Pairs(
        work.name,
        work.version,
        whole.scan("pairs"),
        all_codes(work.protocol.exclusions),
        sum(int(one["n_reference_rows"]) for one in facts),
        sum(int(one["n_test_rows"]) for one in facts),
        without,
        _audit(entries, "lone_test"),
        _audit(entries, "regrid"),
        _audit(entries, "clocks"),
        file=whole.file("pairs"),
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


class _Clock:
    """Tells how far the batches of a pairing are, how fast, and how long it will take."""

    def __init__(self, work: StreamPairing, planned: list[Batch], missing: list[Batch], tell: Told) -> None:
        self._what = f"pairing {work.name}, {work.version}"
        self._total = len(planned)
        self._done = self._total - len(missing)
        self._rows_left = self._rows_all = sum(batch.n_rows for batch in missing)
        self._started = time.monotonic()
        self._tell = tell
        self._say()

    def done(self, batch: Batch) -> None:
        """A batch is done."""
        self._done += 1
        self._rows_left -= batch.n_rows
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
