"""Pairs of tables that are read whole, kept under the name of all that went into them.

What a comparison prepares of pairs with a name is kept, too (`kept_sides`): another level, margin or way to
share an error rate finds it there, and no row is read, of tables or of pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

import polars as pl

from ..datasets import pairing
from ..datasets.pairs import PairFrame, Pairs, all_codes
from ..datasets.read import TableData
from ..datasets.store import Entry, Store, key_of
from ..datasets.stream import Stream
from ..datasets.unread import UnreadTable
from ..protocols.errors import OutputError
from ..protocols.model import Protocol
from . import stream_names
from .analysis import PAIRING_SHARE
from .folder import Study, Tables, store_of
from .program import program
from .slices import SUBJECTS

KIND, KIND_ROWS = "paired tables", "pairs of tables"
AUDITS = ("lone_test", "regrid", "clocks")
Told = Callable[[str, float], None]


class KeptPairs(Pairs):
    """Pairs whose rows lie in the store, and are looked for there when they are asked for.

    Args:
        pairing: The pairing.
        version: The version whose test rows these are.
        codes: Reason codes in the order of their bits.
        key: Name of all that went into them.
        entry: What is known of them.
        rows: Finds their rows.
    """

    def __init__(
        self,
        pairing: str,
        version: str,
        codes: tuple[str, ...],
        *,
        key: str,
        entry: Entry,
        rows: Callable[[], Entry],
    ) -> None:
        facts = entry.facts
        known = {
            "pairing": pairing,
            "version": version,
            "codes": codes,
            "n_reference_rows": int(facts["n_reference_rows"]),
            "n_test_rows": int(facts["n_test_rows"]),
            "without_rows": tuple(facts["without_rows"]),
            **{name: entry.frame(name) if entry.has(name) else None for name in AUDITS},
            "file": None,
            "key": key,
            "height": int(facts["height"]),
            "_rows": rows,
        }
        self.__dict__.update(known)

    _rows: Callable[[], Entry]

    @cached_property
    def data(self) -> PairFrame:
        """Their rows, on disk."""
        return self._rows().scan("pairs")


def pair_tables(
    study: Study, data: Tables, but: Mapping[tuple[str, str], Pairs], tell: Told
) -> dict[tuple[str, str], Pairs]:
    """(pairing, version) -> pairs, of all whose tables have a name; the rows of tables are let go after it.

    Args:
        study: The study.
        data: Its tables.
        but: Pairs that there are already.
        tell: Told what is being done and the share done.

    Raises:
        ContractError: The tables cannot be paired as the protocol says.
    """
    work = _Work(study.protocol, data, store_of(study))
    asked = [
        (name, version)
        for name in study.protocol.pairings
        for version in data.tests
        if (name, version) not in but
    ]
    found: dict[tuple[str, str], Pairs] = {}
    for place, (name, version) in enumerate(asked):
        tell(f"pairing {name}, {version}", PAIRING_SHARE * place / len(asked))
        pairs = work.of(name, version)
        if pairs is not None:
            found[name, version] = pairs
    if len(found) == len(asked):
        for _, table in data.every():
            if isinstance(table, UnreadTable) and table.name != SUBJECTS:
                table.release()
    return found


def rows_read(data: Tables) -> int:
    """Rows of tables that are read whole, as often as they were read; subjects are not counted."""
    return sum(
        table.n_rows * (table.times_read if isinstance(table, UnreadTable) else 1)
        for _, table in data.every()
        if isinstance(table, TableData) and table.name != SUBJECTS
    )


def trim(study: Study, data: Tables) -> int:
    """Keep the store within its limit, where anything was read; how many entries were removed."""
    return store_of(study).trim() if rows_read(data) else 0


class _Work:
    """Pairs at work.

    Args:
        protocol: Resolved protocol.
        data: The study's tables.
        store: Where pairs are kept.
    """

    def __init__(self, protocol: Protocol, data: Tables, store: Store) -> None:
        self.protocol, self.data, self.store = protocol, data, store

    def of(self, name: str, version: str) -> Pairs | None:
        """The pairs of one pairing and version; None where one of the tables has no name."""
        key = self._key(name, version)
        if key is None:
            return None
        entry = self.store.get(KIND, key)
        if entry is None:
            try:
                entry = self._make(name, version, key)
            except OutputError:  # as with tables: not kept, and no failure
                return None

        def rows() -> Entry:
            own = self.store.get(KIND_ROWS, key)
            if own is None:
                self._make(name, version, key)
                own = self.store.get(KIND_ROWS, key)
            if own is None:
                raise OutputError(
                    f"{self.store.folder}: the pairs of {name}, {version} were written and are gone"
                )
            return own

        codes = all_codes(self.protocol.exclusions)
        return KeptPairs(name, version, codes, key=key, entry=entry, rows=rows)

    def _make(self, name: str, version: str, key: str) -> Entry:
        """Pair the rows, and keep them."""
        tables = self._frames(version)
        rule = self.protocol.pairings[name]
        shared = {own: tables[own] for own in self.data.shared if own in tables}
        pairs = pairing.pair(
            self.protocol,
            name,
            reference=tables[rule.reference],
            test=tables[rule.test],
            subjects=shared.get(SUBJECTS),
            version=version,
            tables=shared,
        )
        self.store.put(KIND_ROWS, key, frames={"pairs": pairs.frame})
        audits = {audit: frame for audit in AUDITS if (frame := getattr(pairs, audit)) is not None}
        facts = {
            "n_reference_rows": pairs.n_reference_rows,
            "n_test_rows": pairs.n_test_rows,
            "without_rows": list(pairs.without_rows),
            "height": pairs.height,
        }
        return self.store.put(KIND, key, frames=audits, facts=facts)

    def _frames(self, version: str) -> dict[str, pl.DataFrame]:
        return {
            name: table.frame for name, table in self.data.of(version).items() if isinstance(table, TableData)
        }

    def _key(self, name: str, version: str) -> str | None:
        """Name of the pairs; None where a table is a stream, or has none."""
        every, rule = self.data.of(version), self.protocol.pairings[name]
        if any(isinstance(every.get(side), Stream | None) for side in (rule.reference, rule.test)):
            return None
        whole = {own: table for own, table in every.items() if isinstance(table, TableData)}
        if not all(isinstance(table, UnreadTable) for table in whole.values()):
            return None
        sides = whole[rule.reference], whole[rule.test]
        return key_of(
            KIND,
            program("datasets", "protocols"),
            name,
            stream_names.rules(self.protocol, name, sides, whole),
            [[own, table.identity] for own, table in whole.items() if isinstance(table, UnreadTable)],
        )
