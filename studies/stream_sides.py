"""References brought to units of time once, group after group of subjects, for every version.

The groups are cut by the reference alone, so that a version with more rows, or fewer, finds them again. A
batch of pairs takes what it needs of the groups that it touches; none of their rows is read for it.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass

from ..datasets import batches, pairing, reference_side
from ..datasets.handled import Handled, together
from ..datasets.read import TableData
from ..datasets.reference_side import ReferenceSide
from ..datasets.store import Entry, Store, key_of
from ..datasets.stream import Stream
from ..protocols.model import Protocol
from . import stream_names
from .program import program

KIND = "side"
PARTS = 4
"""Groups have a batch's rows over so many: fine enough that a batch takes little that it does not need."""


@dataclass(frozen=True)
class Group:
    """Subjects of a reference that are brought to units of time together.

    Attributes:
        subjects: Who, in order.
        key: Name of what is made of them in the store.
        n_rows: Rows of the reference.
    """

    subjects: tuple[str, ...]
    key: str
    n_rows: int


def groups(
    protocol: Protocol, name: str, reference: Stream, tables: Mapping[str, TableData], target: int
) -> list[Group]:
    """The groups of a reference, in order of their subjects; at least one.

    Args:
        protocol: Resolved protocol.
        name: The pairing.
        reference: Its reference table.
        tables: The tables that are read whole, by name.
        target: Rows of a batch.
    """
    common = {
        "rules": stream_names.side_rules(protocol, name, reference, tables),
        "program": program("datasets", "protocols"),
    }
    counts = reference.counts
    files = reference.mixed
    cut = batches.cut([counts], max(1, target // PARTS), files, reference.ends) or [()]
    return [
        Group(
            subjects,
            key_of(KIND, subjects, {**common, "reference": stream_names.identity(reference, subjects)}),
            sum(counts[subject] for subject in subjects),
        )
        for subjects in cut
    ]


def touched(every: Sequence[Group], subjects: Collection[str]) -> tuple[Group, ...]:
    """The groups that have any of some subjects; where none has, the first, which says what is not there."""
    chosen = set(subjects)
    return tuple(one for one in every if not chosen.isdisjoint(one.subjects)) or (every[0],)


class Sides:
    """The reference sides of a pairing: found in the store, or made and kept.

    Args:
        protocol: Resolved protocol.
        name: The pairing.
        reference: Its reference table.
        tables: The tables that are read whole, by name.
        store: Where they are kept.
    """

    def __init__(
        self,
        protocol: Protocol,
        name: str,
        reference: Stream,
        tables: Mapping[str, TableData],
        store: Store,
    ) -> None:
        self.rows_read = 0
        self._protocol, self._name = protocol, name
        self._reference, self._tables, self._store = reference, tables, store
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def of(
        self, every: Sequence[Group], subjects: Collection[str], *, clock: bool = True
    ) -> tuple[ReferenceSide, tuple[Handled, ...]]:
        """The reference of some subjects, and what rules of reading did to its rows.

        Args:
            every: The groups that have any of them.
            subjects: Whose.
            clock: False leaves aside what estimates of clocks need.

        Raises:
            ContractError: What is wrong with the rows of these groups.
            OutputError: The store cannot be written.
        """
        parts, done = [], []
        for group in every:
            entry = self._entry(group)
            parts.append(ReferenceSide.of(entry, clock=clock).of_subjects(subjects))
            told = entry.facts["handled"]
            done += [Handled(**one) for subject in subjects for one in told.get(subject, ())]
        return reference_side.joined(parts), together(done)

    def _entry(self, group: Group) -> Entry:
        """What is kept of a group; two workers do not make it twice."""
        with self._lock:
            lock = self._locks.setdefault(group.key, threading.Lock())
        with lock:
            return self._store.get(KIND, group.key) or self._made(group)

    def _made(self, group: Group) -> Entry:
        read = self._reference.read(group.subjects)
        frames = {
            name: stream_names.rows_of(table, self._protocol, group.subjects)[0]
            for name, table in self._tables.items()
        }
        made = pairing.reference_side(self._protocol, self._name, read.frame, tables=frames)
        with self._lock:
            self.rows_read += group.n_rows * (2 if read.handled else 1)
        handled: dict[str, list[dict[str, object]]] = {}
        if read.handled:  # rare; a batch tells what was done to the rows of its own subjects
            for subject in group.subjects:
                handled[subject] = [asdict(one) for one in self._reference.read([subject]).handled]
        return self._store.put(
            KIND, group.key, frames=made.frames(), facts={**made.facts(), "handled": handled}
        )
