"""The lock: what was fixed before the results were seen, and whether a row still follows it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..protocols.canonical import canonical, digest, endpoint_digest
from ..protocols.errors import ContractError, IntegrityError, OutputError, UsageError, Violation
from ..protocols.model import Protocol
from ..protocols.validity_checks import open_items
from . import ledger
from .check import examine
from .config import Version
from .folder import Study, Tables, load, shared_tables, test_tables
from .independence import manifests
from .manifest import tool_version
from .slices import automatic_sources
from .training_manifest import TrainingManifest

FILE = "study.lock"
SCHEMA = "accordance/lock/1"
LOCK = "lock"


def lock(path: Path | str, *, who: str, without_data: bool = False) -> dict[str, Any]:
    """Fix a study's plan: write study.lock and record it in the ledger.

    What the lock holds: the canonical protocol with every default written out and its hash, a hash of each
    endpoint with all that it depends on, the algorithm versions and which one decides, a content hash of each
    table (independent of row order and file format), who, and when.

    Args:
        path: The study folder.
        who: Name of the person who locks.
        without_data: True locks the plan before there are data; otherwise the data must hold their contract.

    Returns:
        The content of study.lock.

    Raises:
        UsageError: The study is locked already, or `who` is empty.
        ContractError: Protocol, study or data violate their contract, or the protocol leaves numbers open.
        IntegrityError: The ledger was tampered with, or files of data were, without a trace in their time.
        OutputError: The files cannot be written.
    """
    if not who.strip():
        raise UsageError("a lock needs the name of the person who locks")
    study, data = (load(path), None) if without_data else _examined(path)
    _refuse_open(study)
    existing = verify(study.path)
    if existing is not None:
        raise UsageError(f"{study.path} is locked already, by {existing['who']} on {existing['when']}")
    content = describe(study, data, trained_on(study) if data is None else data.training)
    content["who"], content["when"] = who.strip(), ledger.utc()
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    try:
        _write_once(study.path / FILE, text)
        details = {"file": FILE, "sha256": sha256, "protocol_sha256": content["protocol_sha256"]}
        ledger.append(study.path, LOCK, details, who=content["who"], when=content["when"])
    except OSError as error:
        raise OutputError(f"{study.path / FILE} cannot be written: {error.strerror or error}") from error
    return content


def _refuse_open(study: Study) -> None:
    """A plan with numbers that are still to be set is no plan.

    Raises:
        ContractError: Some limit, bound or band says `required`.
    """
    message = "this number has to be set before the plan is locked; the protocol says `required`"
    missing = [
        Violation(message, file=study.protocol_path.name, key=key) for key in open_items(study.protocol)
    ]
    if missing:
        raise ContractError(missing)


def _examined(path: Path | str) -> tuple[Study, Tables]:
    checked = examine(path, rehash=True)
    return checked.study, checked.tables


def _write_once(path: Path, text: str) -> None:
    """Write a file that must not exist yet, whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_text(text, encoding="utf-8")
        os.link(partial, path)
    except FileExistsError:
        raise UsageError(f"{path} exists already") from None
    finally:
        partial.unlink(missing_ok=True)


def trained_on(study: Study) -> dict[str, TrainingManifest]:
    """Version -> training manifest, of a study whose data are not there yet: manifests can be all the same.

    Raises:
        ContractError: Manifests that do not hold.
    """
    found, violations = manifests(study)
    if violations:
        raise ContractError(violations)
    return found


def describe(
    study: Study, data: Tables | None, training: Mapping[str, TrainingManifest] | None = None
) -> dict[str, Any]:
    """What a lock fixes, without who and when.

    Args:
        study: The study.
        data: Its tables; None before there are data.
        training: Version -> training manifest.
    """
    known = training or {}
    algorithm = study.config.algorithm
    return {
        "schema": SCHEMA,
        "study": study.config.id,
        "accordance": tool_version(),
        "protocol_sha256": digest(study.protocol),
        "endpoints": {name: endpoint_digest(study.protocol, name) for name in study.protocol.endpoints},
        "algorithm": {
            "name": algorithm.name,
            "decides": study.deciding_version,
            "versions": {
                name: _locked(version, known.get(name)) for name, version in algorithm.versions.items()
            },
        },
        "data": None if data is None else data_hashes(data),
        "protocol": json.loads(canonical(study.protocol)),
    }


def _locked(version: Version, training: TrainingManifest | None) -> dict[str, Any]:
    """What a lock fixes of a version; code, model files and training manifest where it names them."""
    artefact = version.artefact.identity_sha256() if version.artefact else None
    return {
        "build": version.build,
        **({"artefact_sha256": artefact} if artefact else {}),
        **({"training_manifest_sha256": training.sha256} if training else {}),
    }


def data_hashes(tables: Tables) -> dict[str, str]:
    """Content hash of each table; test tables as `table@version`."""
    return {table_id(data.name, version): data.content_sha256 for version, data in tables.every()}


def table_id(table: str, version: str | None) -> str:
    """How the lock names a table.

    Example:
        >>> table_id("reference", None), table_id("test", "v2")
        ('reference', 'test@v2')
    """
    return table if version is None else f"{table}@{version}"


def verify(study: Path) -> dict[str, Any] | None:
    """The lock of a study, if it is what the ledger says; None where nothing is locked.

    Raises:
        IntegrityError: The ledger's chain is broken, study.lock was changed or removed, or the ledger does
            not know it.
    """
    recorded = [entry for entry in ledger.read(study) if entry["what"] == LOCK]
    path = study / FILE
    if not path.exists():
        if recorded:
            raise IntegrityError(f"{FILE} is missing, but {ledger.FILE} records that the study was locked")
        return None
    data = path.read_bytes()
    if not recorded:
        raise IntegrityError(
            f"{FILE} is not recorded in {ledger.FILE}: it was not written by `accordance lock`"
        )
    sha256 = hashlib.sha256(data).hexdigest()
    if recorded[-1]["details"].get("sha256") != sha256:
        raise IntegrityError(f"{FILE} was changed after the study was locked on {recorded[-1]['when']}")
    content: dict[str, Any] = json.loads(data)
    return {**content, "sha256": sha256}


@dataclass(frozen=True)
class Plan:
    """What was fixed beforehand, held against what is run now.

    Attributes:
        lock: Content of study.lock, or None.
        differences: What differs from it; each has `what`, `id` and `message`.
        endpoints: Endpoints that still follow it.
        versions: Algorithm versions that still follow it, their data included.
    """

    lock: Mapping[str, Any] | None
    differences: tuple[dict[str, str], ...] = ()
    endpoints: frozenset[str] = frozenset()
    versions: frozenset[str] = frozenset()

    def pre_specified(self, endpoint: str, version: str) -> bool | None:
        """Whether a row was fixed beforehand; None while nothing is locked."""
        if self.lock is None:
            return None
        return endpoint in self.endpoints and version in self.versions


def plan(study: Study, tables: Tables, locked: Mapping[str, Any] | None) -> Plan:
    """Compare a study and its data with its lock."""
    if locked is None:
        return Plan(None)
    endpoints = _same_endpoints(study.protocol, locked)
    differences = [*_protocol_differences(study.protocol, locked, endpoints)]
    versions = set(study.versions)
    for difference, affected in _algorithm_differences(study, tables, locked):
        differences.append(difference)
        versions -= affected
    for difference, affected in _data_differences(study, tables, locked):
        differences.append(difference)
        versions -= affected
    return Plan(locked, tuple(differences), endpoints, frozenset(versions))


def _same_endpoints(protocol: Protocol, locked: Mapping[str, Any]) -> frozenset[str]:
    """Endpoints whose hash is the locked one; an automatic one follows the endpoint it goes with."""
    known = locked["endpoints"]
    same = {name for name in protocol.endpoints if known.get(name) == endpoint_digest(protocol, name)}
    automatic = automatic_sources(protocol).items()
    return frozenset(same | {name for name, (_, source) in automatic if source in same})


def _difference(what: str, name: str, message: str) -> dict[str, str]:
    return {"what": what, "id": name, "message": message}


def _protocol_differences(
    protocol: Protocol, locked: Mapping[str, Any], same: frozenset[str]
) -> Iterator[dict[str, str]]:
    for name in protocol.endpoints:
        if name not in locked["endpoints"]:
            yield _difference("endpoint", name, "was not in the locked protocol")
        elif name not in same:
            yield _difference("endpoint", name, "or something it depends on differs from the locked protocol")
    for name in locked["endpoints"]:
        if name not in protocol.endpoints:
            yield _difference("endpoint", name, "was in the locked protocol and is no longer there")
    if digest(protocol) != locked["protocol_sha256"]:
        for key, message in changes(locked["protocol"], json.loads(canonical(protocol))):
            yield _difference("protocol", key, message)


def _algorithm_differences(
    study: Study, tables: Tables, locked: Mapping[str, Any]
) -> Iterator[tuple[dict[str, str], frozenset[str]]]:
    known = locked["algorithm"]
    if study.deciding_version != known["decides"]:
        message = f"decides now; the lock says {known['decides']}"
        affected = frozenset({study.deciding_version})
        yield _difference("algorithm", study.deciding_version, message), affected
    for name, version in study.config.algorithm.versions.items():
        if name not in known["versions"]:
            yield _difference("version", name, "was not among the locked versions"), frozenset({name})
            continue
        if version.build != known["versions"][name]["build"]:
            yield _difference("version", name, "is another build than the locked one"), frozenset({name})
        before, now = known["versions"][name], _locked(version, tables.training.get(name))
        if now.get("artefact_sha256") != before.get("artefact_sha256"):
            message = "has other code or model files than the locked ones"
            yield _difference("version", name, message), frozenset({name})
        trained = before.get("training_manifest_sha256")  # one that is named later can only take away
        if trained and now.get("training_manifest_sha256") != trained:
            message = "has another training manifest than the locked one"
            yield _difference("version", name, message), frozenset({name})


def _data_differences(
    study: Study, tables: Tables, locked: Mapping[str, Any]
) -> Iterator[tuple[dict[str, str], frozenset[str]]]:
    if locked["data"] is None:
        return
    now = data_hashes(tables)
    for table in shared_tables(study.protocol):
        if locked["data"].get(table) != now[table]:
            yield (
                _difference("data", table, "differs from the data that were locked"),
                frozenset(study.versions),
            )
    for version in study.versions:
        for table in test_tables(study.protocol):
            name = table_id(table, version)
            if name in locked["data"] and locked["data"][name] != now[name]:
                yield (
                    _difference("data", name, "differs from the data that were locked"),
                    frozenset({version}),
                )


def changes(before: Any, after: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Where two JSON values differ, as (dotted key, what was and what is).

    Example:
        >>> list(changes({"seed": 1, "id": "a"}, {"seed": 2, "id": "a"}))
        [('seed', 'was 1, is 2')]
    """
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys([*before, *after]):
            inner = f"{key}.{name}" if key else str(name)
            if name not in before:
                yield inner, "was added"
            elif name not in after:
                yield inner, "was removed"
            else:
                yield from changes(before[name], after[name], inner)
    elif before != after:
        yield key, f"was {_short(before)}, is {_short(after)}"


def _short(value: Any, limit: int = 80) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else text[:limit] + "..."
