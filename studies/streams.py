"""Pairs of streams, batch after batch of subjects: which batches there are, and what makes the pairs of one.

A batch's pairs are named by all that went into them: the subjects, the bytes of the files that hold their
rows, the parts of the protocol that pairing follows, and the program. So nothing is computed twice
(`stream_batches`), and a reference that is brought to units of time serves every version (`stream_sides`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from ..datasets import batches, pairing
from ..datasets.pairs import Pairs
from ..datasets.read import TableData
from ..datasets.reference_side import ReferenceSide
from ..datasets.regrid import makes_units
from ..datasets.store import key_of
from ..datasets.stream import Stream
from ..protocols.errors import ContractError, UsageError, Violation
from ..protocols.model import Protocol
from . import clock_tipping, stream_names, stream_sides
from .folder import Tables
from .program import program
from .slices import SUBJECTS
from .stream_sides import Group

KIND = "pairs"


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
        """Two workers more than there are processors unless said otherwise.

        While some batches wait for their rows, or for the interpreter, the others compute.

        Raises:
            UsageError: The program itself needs more memory than that.
        """
        least = batches.BYTES_AT_REST + batches.SMALLEST_ROWS * batches.BYTES_A_ROW
        if memory is not None and memory < least:
            raise UsageError(f"--memory: the program itself needs some {least / 2**20:,.0f} MB")
        return Budget(workers or (os.cpu_count() or 1) + 2, memory)

    def check(self, rows: Mapping[str, int], table: str) -> None:
        """Refuse a subject whose rows alone are more than memory can hold.

        Args:
            rows: Subject -> rows of both tables.
            table: Name of the test table, for the message.

        Raises:
            ContractError: All of them.
        """
        if self.memory is None:
            return
        room = self.memory - batches.BYTES_AT_REST
        found = [
            Violation(
                f"subject `{subject}` alone has {count:,} rows, which take some "
                f"{count * batches.BYTES_A_ROW / 2**30:,.1f} GB to pair; give `--memory` as much and more.",
                key=table,
                found=f"--memory {self.memory / 2**30:,.1f} GB",
            )
            for subject, count in rows.items()
            if count * batches.BYTES_A_ROW > room
        ]
        if found:
            raise ContractError(found)

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
        inputs: What went into the name, by kind, each as a hash: to say why it has to be computed.
        n_reference: Rows of the reference that would have to be read, 0 where it is held whole.
        n_test: Rows of the test table, likewise.
        groups: The groups of subjects that the reference is brought to units of time in, as far as they have
            any of these subjects; None where the pairing takes the reference's rows.
        moved: Error of the clock in seconds -> name of the pairs with test times moved by it.
    """

    subjects: tuple[str, ...]
    key: str
    inputs: Mapping[str, str]
    n_reference: int
    n_test: int
    groups: tuple[Group, ...] | None = None
    moved: Mapping[float, str] = field(default_factory=dict)


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
        errors: Errors of the clock, in seconds, whose pairs are made while the rows are at hand.
    """

    protocol: Protocol
    name: str
    version: str
    reference: Stream | TableData
    test: Stream | TableData
    tables: Mapping[str, TableData]
    clocks: pl.DataFrame | None = None
    clock_error: float = 0.0
    errors: tuple[float, ...] = ()

    def plan(self, budget: Budget) -> list[Batch]:
        """The batches of this pairing, in order of their subjects."""
        sides = self.reference, self.test
        counts = [stream_names.counts_of(side, self.protocol) for side in sides]
        common = {
            "rules": stream_names.rules(self.protocol, self.name, sides, self.tables),
            "program": program("datasets", "protocols"),
        }
        # the audit itself follows from the other inputs
        error = _moved_by(self.clock_error)
        every = {subject: sum(own.get(subject, 0) for own in counts) for own in counts for subject in own}
        budget.check(every, self.test.name)
        files = [names for side in sides if isinstance(side, Stream) for names in side.mixed]
        groups = self._groups(budget)
        found = []
        ends = self._ends()
        for subjects in batches.cut(counts, budget.target, files, ends):
            inputs = {
                **common,
                "reference": stream_names.identity(self.reference, subjects),
                "test": stream_names.identity(self.test, subjects),
            }
            n_reference, n_test = (
                sum(own.get(subject, 0) for subject in subjects) if isinstance(side, Stream) else 0
                for side, own in zip(sides, counts, strict=True)
            )
            found.append(
                Batch(
                    subjects,
                    key_of(KIND, subjects, inputs | error),
                    inputs | error,
                    n_reference,
                    n_test,
                    groups=None if groups is None else stream_sides.touched(groups, subjects),
                    moved={one: key_of(KIND, subjects, inputs | _moved_by(one)) for one in self.errors},
                )
            )
        return found

    def _ends(self) -> list[str]:
        """The last subject of each file of the longer table."""
        streams = [side for side in (self.reference, self.test) if isinstance(side, Stream)]
        return max(streams, key=lambda stream: stream.n_rows).ends if streams else []

    def _groups(self, budget: Budget) -> list[Group] | None:
        """The groups of subjects that the reference is brought to units of time in, if it is."""
        if not (isinstance(self.reference, Stream) and makes_units(self.protocol.pairings[self.name])):
            return None
        return stream_sides.groups(self.protocol, self.name, self.reference, self.tables, budget.target)

    def pair(self, batch: Batch) -> tuple[Pairs, stream_names.Done]:
        """The audited pairs of one batch, both tables read, and what rules of reading did to their rows.

        Raises:
            ContractError: What is wrong with the rows of these subjects.
        """
        reference, done = stream_names.rows_of(self.reference, self.protocol, batch.subjects)
        taken = self.take(batch)
        return taken.pair(reference), {self.reference.name: done, **taken.handled}

    def take(self, batch: Batch) -> Taken:
        """All of a batch but its reference.

        Raises:
            ContractError: What is wrong with the rows of these subjects.
        """
        chosen = batch.subjects
        frames = {
            name: stream_names.rows_of(table, self.protocol, chosen)[0] for name, table in self.tables.items()
        }
        test, done = stream_names.rows_of(self.test, self.protocol, chosen)
        known = None if self.clocks is None else self.clocks.filter(pl.col("subject").is_in(list(chosen)))
        return Taken(self, test, frames, known, {self.test.name: done})


@dataclass(frozen=True)
class Taken:
    """The rows of a batch, without its reference.

    Attributes:
        work: The pairing.
        test: The test rows.
        tables: The rows of the tables that are read whole, by name.
        clocks: The alignment audit of the batch, where it was made already.
        handled: What rules of reading did to the rows of the test table.
    """

    work: StreamPairing
    test: pl.DataFrame
    tables: Mapping[str, pl.DataFrame]
    clocks: pl.DataFrame | None
    handled: stream_names.Done

    def pair(
        self,
        reference: pl.DataFrame | ReferenceSide,
        *,
        clocks: pl.DataFrame | None = None,
        error: float | None = None,
    ) -> Pairs:
        """Audited pairs.

        Args:
            reference: The reference's rows, or its units of time.
            clocks: An alignment audit in place of the one that is known.
            error: Seconds added to all test times; default as the work says.
        """
        work = self.work
        return pairing.pair(
            work.protocol,
            work.name,
            reference=reference,
            test=self.test,
            subjects=self.tables.get(SUBJECTS),
            version=work.version,
            tables=self.tables,
            clocks=self.clocks if clocks is None else clocks,
            clock_error=work.clock_error if error is None else error,
        )


def _moved_by(error: float) -> dict[str, str]:
    """What an error of the clock adds to the inputs of a batch."""
    return {"clock_error": repr(error)} if error else {}


def pairings(protocol: Protocol, data: Tables, deciding: str | None = None) -> list[StreamPairing]:
    """Every pairing and version that takes its tables some subjects at a time.

    Args:
        protocol: Resolved protocol.
        data: The study's tables.
        deciding: The version whose decision is followed along errors of the clock; None: that of none is.
    """
    found = []
    for name, rule in protocol.pairings.items():
        for version, own in data.tests.items():
            every = data.shared | own
            sides = every[rule.reference], every[rule.test]
            if not any(isinstance(side, Stream) for side in sides):
                continue
            needed = {SUBJECTS, *([rule.stretches.table] if rule.stretches is not None else [])}
            read = {
                key: table for key, table in every.items() if key in needed and isinstance(table, TableData)
            }
            errors = clock_tipping.errors(protocol, name) if version == deciding else ()
            found.append(StreamPairing(protocol, name, version, *sides, read, errors=errors))
    return found
