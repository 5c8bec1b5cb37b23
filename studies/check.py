"""Does everything hold before anything is computed? Study, protocol and data against their contracts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..datasets.read import TableData
from ..datasets.stream import Stream
from ..protocols.errors import ContractError, Violation
from . import artefact, handled, independence, produce
from .folder import Study, Tables, load, tables
from .independence import TestSet
from .training_manifest import TrainingManifest, training_manifest

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Checked:
    """A study that holds, with what was read.

    Attributes:
        study: The study.
        tables: Its tables.
    """

    study: Study
    tables: Tables

    @property
    def produced(self) -> tuple[produce.Made, ...]:
        """What was produced of versions whose outputs are, and whose program failed."""
        return self.tables.produced

    def summary(self) -> list[dict[str, Any]]:
        """One entry a table and version: its rows, subjects and files."""
        return [
            {
                "table": data.name,
                "version": version,
                "rows": data.n_rows,
                "subjects": _subjects(data, self.study.protocol.tables[data.name].subject),
                "files": [record.path_relative for record in data.files],
                "handled": [one.facts() for one in data.handled] if isinstance(data, TableData) else [],
            }
            for version, data in self.tables.every()
        ]

    def outputs(self) -> list[artefact.Outputs]:
        """The outputs of each version with their content hash."""
        return artefact.outputs(self.study, self.tables)

    def independence(self, further: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Each version with a training manifest, held against its test data (`independence.compared`).

        Args:
            further: Manifests beside those of study.yaml: `FILE` for every version, or `VERSION=FILE`.

        Raises:
            UsageError: Two of these for a version.
            ContractError: Manifests that do not hold.
        """
        named = independence.given(self.study, further)
        return [
            independence.compared(manifest, self._test_set(version), version)
            for version in self.study.versions
            for manifest in (self.tables.training.get(version), named.get(version))
            if manifest is not None
        ]

    def training_manifest(self, salt: str | None = None) -> TrainingManifest:
        """A manifest of everybody in the reference and test tables, for data that something was trained on.

        Args:
            salt: Salt that both sides use. Default: a random one.

        Raises:
            ContractError: The salt is short.
        """
        every = [self._test_set(version, whole=True) for version in self.study.versions]
        return training_manifest(
            {one for test in every for one in test.subjects},
            salt=salt,
            sites=[one for test in every for one in test.sites or ()],
            first=min((test.first for test in every if test.first), default=None),
            last=max((test.last for test in every if test.last), default=None),
        )

    def _test_set(self, version: str, *, whole: bool = False) -> TestSet:
        return independence.of_tables(self.study.protocol, self.tables, version, whole=whole)

    def handled(self) -> list[str]:
        """What rules of reading did to rows, a line each. Streams are not read here."""
        return [handled.line(entry) for entry in handled.of(self.tables, {})]


def produce_and_examine(
    path: Path | str, *, workers: int | None = None, progress: Progress | None = None, rehash: bool = False
) -> tuple[Checked, list[produce.Made]]:
    """As `examine`, after outputs that are lacking were produced (`produce.produce`).

    Args:
        path: The study folder.
        workers: Subjects at a time; default one a processor.
        progress: Told what is being done and the share done.
        rehash: As for `examine`.

    Returns:
        What was checked, and what became of each version that is produced.
    """
    made = produce.produce(load(path), workers=workers, progress=progress)
    return examine(path, rehash=rehash), made


def _subjects(data: TableData | Stream, column: str) -> int:
    return len(data.counts) if isinstance(data, Stream) else data.frame.get_column(column).n_unique()


def check(path: Path | str) -> Study:
    """The study in a folder, if its study.yaml, protocol and data hold.

    Raises:
        UsageError: There is no study there.
        ContractError: Something violates its contract; everything found is listed, nothing is computed.
    """
    return examine(path).study


def examine(path: Path | str, *, rehash: bool = False) -> Checked:
    """As `check`, with the tables that were read.

    Args:
        path: The study folder.
        rehash: True hashes every file again, whatever is remembered of it.

    Raises:
        IntegrityError: With `rehash`: files changed without a trace in their size and time.
        UsageError: There is no study there.
        ContractError: Something violates its contract; everything found is listed. Data are held against the
            tables of a protocol that contradicts itself elsewhere, too.
    """
    try:
        study = load(path)
    except ContractError as error:
        raise ContractError([*error.violations, *_of_data(error.usable)], error.summary) from None
    return Checked(study, tables(study, rehash=rehash))


def _of_data(usable: object) -> tuple[Violation, ...]:
    """What is wrong with the data of a study whose protocol has the tables, but does not hold."""
    if isinstance(usable, Study):
        try:
            tables(usable)
        except ContractError as error:
            return error.violations
    return ()
