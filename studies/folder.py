"""A study folder: study.yaml, the protocol it names, and the tables it points to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..datasets.cache_folder import cache_folder, cache_limit
from ..datasets.hash_cache import HashCache
from ..datasets.read import TableData, read_table
from ..datasets.roots import Roots
from ..datasets.sources import Source
from ..datasets.store import Store
from ..datasets.stream import Stream, open_stream
from ..protocols import load as protocol_files
from ..protocols.canonical import digest
from ..protocols.context import UNIT_METHODS
from ..protocols.errors import ContractError, UsageError, Violation, nearest
from ..protocols.model import Protocol
from ..protocols.nodes import Document
from ..protocols.source import read_yaml, validate
from . import across, artefact, produce
from .config import StudyConfig, Version
from .independence import manifests
from .kept_tables import KIND_AGREED, KeptTables
from .producing import FOLDER as PRODUCED
from .requirements import empty_columns
from .training_manifest import TrainingManifest

CONFIG_FILE = "study.yaml"
SECTIONS_FOLDER = "sections"


@dataclass(frozen=True)
class Study:
    """A study whose study.yaml and protocol hold.

    Attributes:
        path: The study folder.
        config: Its study.yaml.
        protocol: The resolved protocol.
        protocol_path: The file the protocol was read from.
    """

    path: Path
    config: StudyConfig
    protocol: Protocol
    protocol_path: Path

    @property
    def versions(self) -> tuple[str, ...]:
        """Algorithm versions in the order of study.yaml."""
        return tuple(self.config.algorithm.versions)

    @property
    def deciding_version(self) -> str:
        """The version that decides: the one named, or the last one listed."""
        return self.config.algorithm.decides or self.versions[-1]

    @property
    def protocol_sha256(self) -> str:
        """Hash of the canonical protocol."""
        return digest(self.protocol)


@dataclass(frozen=True)
class Tables:
    """The tables of a study, as read and checked; of streams, what is known before their rows are read.

    Attributes:
        shared: Table -> data that every version shares (subjects, reference tables).
        tests: Version -> test table -> data.
        training: Version -> the training manifest that its artefact names.
        produced: What was produced of versions whose outputs are, and whose program failed.
    """

    shared: dict[str, TableData | Stream]
    tests: dict[str, dict[str, TableData | Stream]] = field(default_factory=dict)
    training: dict[str, TrainingManifest] = field(default_factory=dict)
    produced: tuple[produce.Made, ...] = ()

    def every(self) -> Iterator[tuple[str | None, TableData | Stream]]:
        """(version or None, data) of every table, shared ones first."""
        for data in self.shared.values():
            yield None, data
        for version, tables_ in self.tests.items():
            for data in tables_.values():
                yield version, data

    def of(self, version: str) -> dict[str, TableData | Stream]:
        """All tables that one version's results rest on."""
        return {**self.shared, **self.tests[version]}


def load(path: Path | str) -> Study:
    """A study from its folder (or from the path of its study.yaml).

    Raises:
        UsageError: There is no study there.
        ContractError: study.yaml or the protocol violates its contract; everything found is listed. Where
            data could be read all the same, `usable` is the study to read them with.
    """
    folder = Path(path)
    if folder.name == CONFIG_FILE:
        folder = folder.parent
    file = folder / CONFIG_FILE
    if not file.is_file():
        raise UsageError(
            f"{folder} is not a study folder: it has no {CONFIG_FILE}; `accordance init` starts one"
        )
    document = read_yaml(file)
    try:
        config = validate(StudyConfig, document)
    except ContractError as error:
        variant = document.written(("variant",))
        _, _, more, _ = _protocol(document.written(("protocol",)), variant, folder)
        raise ContractError([*error.violations, *more]) from None
    violations = _within_config(config, document)
    protocol, found_at, more, usable = _protocol(config.protocol, config.variant, folder)
    protocol_path = found_at or file
    violations.extend(more)
    known = protocol or usable
    if known is not None:
        violations.extend(_against_protocol(config, known, document))
    if violations or protocol is None:
        problem = ContractError(violations)
        if usable is not None and len(violations) == len(more):  # nothing is wrong but the protocol
            problem.usable = Study(folder, config, usable, protocol_path)
        raise problem
    return Study(folder, produced_sources(config, protocol), protocol, protocol_path)


def produced_sources(config: StudyConfig, protocol: Protocol) -> StudyConfig:
    """study.yaml with the sources of what is produced: the folders that outputs are written to."""
    versions, own = dict(config.algorithm.versions), test_tables(protocol)
    for name, version in versions.items():
        if version.produce is not None:
            table = version.produce.table or own[0]
            source = Source(folder=f"{PRODUCED}/{name}/{table}", format=version.produce.output)
            versions[name] = version.model_copy(update={"sources": {**version.sources, table: source}})
    if all(version.produce is None for version in versions.values()):
        return config
    algorithm = config.algorithm.model_copy(update={"versions": versions})
    roots = {**config.roots, PRODUCED: PRODUCED}
    return config.model_copy(update={"algorithm": algorithm, "roots": roots})


def _protocol(
    reference: str | None, variant: str | None, folder: Path
) -> tuple[Protocol | None, Path | None, tuple[Violation, ...], Protocol | None]:
    """The protocol that a study names, where it is, what is wrong with it, and what data can be read by."""
    if reference is None:
        return None, None, (), None
    path: Path | None = None
    try:
        path = protocol_files.find(reference, folder)
        return protocol_files.load(path, variant), path, (), None
    except ContractError as error:
        usable = error.usable if isinstance(error.usable, Protocol) else None
        return None, path, error.violations, usable


def test_tables(protocol: Protocol) -> tuple[str, ...]:
    """Tables that each algorithm version supplies, in the order of the protocol."""
    used = {pairing.test for pairing in protocol.pairings.values()}
    return tuple(name for name in protocol.tables if name in used)


def shared_tables(protocol: Protocol) -> tuple[str, ...]:
    """Tables that all versions share, in the order of the protocol."""
    own = set(test_tables(protocol))
    return tuple(name for name in protocol.tables if name not in own)


def streamed_tables(protocol: Protocol) -> frozenset[str]:
    """Tables that pairing can take some subjects at a time.

    Those whose pairings all bring their rows to units of time, or count the device's further rows.
    """
    whole: set[str] = set()
    some: set[str] = set()
    for rule in protocol.pairings.values():
        by_batch = rule.method in UNIT_METHODS or rule.lone_test == "counted"
        (some if by_batch else whole).update({rule.reference, rule.test})
    return frozenset(some - whole)


def store_of(study: Study) -> Store:
    """Where a study keeps what was computed once."""
    return Store(cache_folder(study.path) / "store", limit=cache_limit())


def tables(study: Study, *, rehash: bool = False, memory: int | None = None, keep: bool = False) -> Tables:
    """Every table of a study, read and held against its contract; streams are opened and not read.

    Args:
        study: The study.
        rehash: True hashes every file again, whatever is remembered of it.
        memory: Bytes that a table may take that is read whole; None: what the system has.
        keep: True keeps what is found out of tables that are read whole. Those that were read before are not
            read until their rows are asked for.

    Raises:
        ContractError: Tables violate their contract; the violations of all tables are listed.
        IntegrityError: With `rehash`: files changed without a trace in their size and time.
    """
    hashes = HashCache(cache_folder(study.path), rehash=rehash)
    kept = _kept(study, hashes) if keep else None
    made, violations = produce.standing(study)
    there = {one.version for one in made}
    shared: dict[str, TableData | Stream] = {}
    tests: dict[str, dict[str, TableData | Stream]] = {version: {} for version in study.versions}
    for name in shared_tables(study.protocol):
        if name in study.config.sources:
            source = study.config.sources[name]
            _read(study, name, source, shared, violations, hashes=hashes, memory=memory, kept=kept)
    for version, spec in study.config.algorithm.versions.items():
        for name in test_tables(study.protocol):
            if version not in there and name in produce.tables_of(study, version):
                continue
            own, source = tests[version], spec.sources[name]
            _read(study, name, source, own, violations, hashes=hashes, memory=memory, kept=kept)
    agreed = kept.agreed(Tables(shared, tests).every()) if kept is not None and not violations else None
    if kept is None or agreed is None or kept.store.get(KIND_AGREED, agreed) is None:
        violations.extend(one for one in _disagreeing(study, shared, tests) if one not in violations)
        if kept is not None and agreed is not None and not violations:
            kept.store.put(KIND_AGREED, agreed)
    violations.extend(artefact.wrong_files(study, hashes))
    training, wrong = manifests(study)
    violations.extend(wrong)
    hashes.verify()
    if violations:
        raise ContractError(violations)
    return Tables(shared, tests, training, tuple(made))


def _kept(study: Study, hashes: HashCache) -> KeptTables | None:
    """What is kept of tables; nothing where the roots cannot be found, which reading says."""
    try:
        roots = Roots.of(study.path, study.config.roots, study.config.stores)
    except ContractError:
        return None
    return KeptTables(store_of(study), study.protocol, study.config, roots, hashes)


def _disagreeing(
    study: Study,
    shared: Mapping[str, TableData | Stream],
    tests: Mapping[str, Mapping[str, TableData | Stream]],
) -> list[Violation]:
    """What can only be seen across tables."""
    violations: list[Violation] = []
    for own in tests.values():
        every = {**shared, **own}
        frames = {name: table.frame for name, table in every.items() if isinstance(table, TableData)}
        files = {name: table.files[0].path_relative for name, table in every.items() if table.files}
        empty = empty_columns(study.protocol, frames, files)
        mixed = across.zones_mixed(study.protocol, every)
        violations.extend(found for found in (*empty, *mixed) if found not in violations)
    if study.config.spellings == "checked":
        whole = Tables(dict(shared), {version: dict(own) for version, own in tests.items()})
        named = {_for_people(data.name, version): data for version, data in whole.every()}
        way_out = "`spellings: distinct` in study.yaml"
        violations.extend(across.spelt_twice(study.protocol, named, way_out))
    return violations


def _read(
    study: Study,
    name: str,
    source: Source,
    into: dict[str, TableData | Stream],
    violations: list[Violation],
    *,
    hashes: HashCache,
    memory: int | None,
    kept: KeptTables | None,
) -> None:
    """Read one table, or open it as a stream, or note what is wrong with it."""
    table, codes = study.protocol.tables[name], declared_codes(study.protocol)

    def read() -> TableData:
        return read_table(
            name,
            table,
            source,
            base=study.path,
            roots=study.config.roots,
            stores=study.config.stores,
            conversions=study.protocol.conversions,
            exclusions=codes,
            hashes=hashes,
            memory=memory,
        )

    try:
        stream = None
        if name in streamed_tables(study.protocol):
            stream = open_stream(
                name,
                table,
                source,
                base=study.path,
                roots=study.config.roots,
                stores=study.config.stores,
                store=store_of(study),
                conversions=study.protocol.conversions,
                exclusions=codes,
                hashes=hashes,
            )
        if stream is not None:
            into[name] = stream
        else:
            into[name] = read() if kept is None else kept.table(name, source, codes, read)
    except ContractError as error:
        violations.extend(error.violations)


def _for_people(table: str, version: str | None) -> str:
    return table if version is None else f"{table} ({version})"


def declared_codes(protocol: Protocol) -> tuple[str, ...] | None:
    """The exclusion codes that data may carry; None where others are counted as deviations, not refused."""
    return tuple(protocol.exclusions) if protocol.unknown_exclusions == "refused" else None


def _place(
    document: Document, path: tuple[str | int, ...], message: str, suggestion: str | None = None
) -> Violation:
    """A violation at a key of study.yaml."""
    place = document.key_place(path)
    key = ".".join(str(part) for part in path)
    return Violation(
        message, file=document.file, line=place.line, column=place.column, key=key, suggestion=suggestion
    )


def _within_config(config: StudyConfig, document: Document) -> list[Violation]:
    """What is wrong inside study.yaml itself, whatever the protocol."""
    found = []
    algorithm = config.algorithm
    if not algorithm.versions:
        found.append(_place(document, ("algorithm", "versions"), "at least one version is needed"))
    elif algorithm.decides is not None and algorithm.decides not in algorithm.versions:
        message = f"there is no version `{algorithm.decides}`; there are: {', '.join(algorithm.versions)}"
        hint = nearest(algorithm.decides, algorithm.versions)
        found.append(_place(document, ("algorithm", "decides"), message, hint))
    return found


def _against_protocol(config: StudyConfig, protocol: Protocol, document: Document) -> list[Violation]:
    """Whether each table of the protocol has its source, and each source its table."""
    own, shared = test_tables(protocol), shared_tables(protocol)
    found = _sources(
        document,
        ("sources",),
        config.sources,
        wanted=shared,
        optional=tuple(name for name in shared if not protocol.tables[name].required),
        elsewhere=own,
        why="is a test table: it belongs to each version",
    )
    for version, spec in config.algorithm.versions.items():
        made, wrong = _produced(spec, own, document, version)
        found += wrong
        path = ("algorithm", "versions", version, "sources")
        found += _sources(
            document,
            path,
            spec.sources,
            wanted=tuple(name for name in own if name not in made),
            optional=(),
            elsewhere=shared,
            why="is shared by all versions: it belongs to `sources`",
        )
    return found


def _produced(
    spec: Version, own: tuple[str, ...], document: Document, version: str
) -> tuple[tuple[str, ...], list[Violation]]:
    """The test table that a version's program makes, and what is wrong with how it names it."""
    if spec.produce is None:
        return (), []
    path, table = ("algorithm", "versions", version, "produce", "table"), spec.produce.table
    if table is None and len(own) > 1:
        return own, [_place(document, path, f"say which table is produced: {', '.join(own)}")]
    if table is not None and table not in own:
        message = f"there is no test table `{table}`; there are: {', '.join(own)}"
        return own, [_place(document, path, message, nearest(table, own))]
    return (table or own[0],), []


def _sources(
    document: Document,
    path: tuple[str | int, ...],
    sources: Mapping[str, Source],
    *,
    wanted: tuple[str, ...],
    optional: tuple[str, ...],
    elsewhere: tuple[str, ...],
    why: str,
) -> list[Violation]:
    """Sources that are missing, unknown or in the wrong place."""
    found = []
    for name in sources:
        if name in elsewhere:
            found.append(_place(document, (*path, name), f"`{name}` {why}"))
        elif name not in wanted:
            message = (
                f"the protocol has no table `{name}` for this place; expected: {', '.join(wanted) or 'none'}"
            )
            found.append(_place(document, (*path, name), message, nearest(name, wanted)))
    missing = [name for name in wanted if name not in sources and name not in optional]
    return found + [_place(document, path, f"a source for table `{name}` is missing") for name in missing]
