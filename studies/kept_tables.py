"""What is kept of the tables that a study reads whole, so that a comparison need not read their rows again.

As with all that is kept, a table's name is made of all that reading it depends on. That tables hold their
contract, and agree with one another, is kept too: what was refused is read and refused again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..datasets.hash_cache import HashCache
from ..datasets.provenance import FileRecord
from ..datasets.read import TableData
from ..datasets.roots import Roots
from ..datasets.sources import Source
from ..datasets.store import Store, key_of
from ..datasets.stream import Stream
from ..datasets.unread import Known, UnreadTable, as_text, records
from ..protocols.errors import AccordanceError, OutputError
from ..protocols.model import Protocol
from .config import StudyConfig
from .program import program

KIND, KIND_AGREED = "tables", "agreed"
CODE = ("evaluators", "protocols", "datasets", "studies")


class KeptTables:
    """Knows tables that were read before.

    Args:
        store: Where that is kept.
        protocol: Resolved protocol.
        config: study.yaml.
        roots: What may be read.
        hashes: Remembered hashes of files.
    """

    def __init__(
        self, store: Store, protocol: Protocol, config: StudyConfig, roots: Roots, hashes: HashCache
    ) -> None:
        self.store, self.protocol, self.config = store, protocol, config
        self.roots, self.hashes = roots, hashes

    def table(
        self,
        name: str,
        source: Source,
        codes: tuple[str, ...] | None,
        read: Callable[[], TableData],
    ) -> TableData:
        """A table, its rows unread where all else is known of it.

        Args:
            name: Its name in the protocol.
            source: Where its rows come from.
            codes: Exclusion codes that it may carry; None: any.
            read: Reads it.

        Raises:
            ContractError: Everything that is wrong with this table.
            OutputError: A file cannot be read.
        """
        files = self._files(name, source)
        if files is None:
            return read()
        key = self._key(name, source, codes, files)
        columns = self.protocol.tables[name].key
        entry = self.store.get(KIND, key)
        if entry is not None:
            return UnreadTable(name, columns, Known.from_facts(key, files, entry.facts), read)
        table = read()
        if table.files != files:  # they were changed meanwhile: what was read has no name
            return table
        known = Known.of(key, table)
        try:
            self.store.put(KIND, key, facts=known.facts())
        except OutputError:  # a study whose cache cannot be written is compared as well, only not faster
            return table
        return UnreadTable(name, columns, known, read, table)

    def agreed(self, tables: Iterable[tuple[str | None, TableData | Stream]]) -> str | None:
        """Name of what is held between tables; None where one of them has no name.

        Args:
            tables: (version or None, table) of all of them.
        """
        places = []
        for version, table in tables:
            if not isinstance(table, UnreadTable):
                return None
            places.append([version, table.name, table.identity])
        data = self.protocol.model_dump(mode="json", by_alias=True)
        rules = as_text([data[part] for part in ("tables", "pairings", "requirements")])
        return key_of(KIND_AGREED, program(*CODE), rules, self.config.spellings, places)

    def _files(self, name: str, source: Source) -> tuple[FileRecord, ...] | None:
        """Its files; None where they are not known, or something is wrong with them: reading says what."""
        try:
            return records(source, self.roots, self.hashes, key=f"sources.{name}")
        except AccordanceError:
            return None

    def _key(
        self, name: str, source: Source, codes: tuple[str, ...] | None, files: tuple[FileRecord, ...]
    ) -> str:
        dumped = [
            self.protocol.tables[name].model_dump(mode="json", by_alias=True),
            source.model_dump(mode="json", by_alias=True),
            [one.model_dump(mode="json", by_alias=True) for one in self.protocol.conversions],
            codes,
            self.config.roots,
        ]
        named = [[one.path_relative, one.sha256, one.bytes] for one in files]
        return key_of(KIND, program("datasets", "protocols"), name, as_text(dumped), named)
