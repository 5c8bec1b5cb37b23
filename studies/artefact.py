"""A version of an algorithm as an artefact: which code and model made its outputs, and from which data.

What people say of it is carried along as it is; hashes of model files are held against the files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator, model_validator

from ..datasets.hash_cache import HashCache
from ..datasets.provenance import file_record
from ..protocols.errors import Violation
from ..protocols.model import Model, Text
from .manifest import sha256_text

if TYPE_CHECKING:
    from ..datasets.read import TableData
    from ..datasets.stream import Stream
    from .config import Algorithm
    from .folder import Study, Tables

_SHA256 = re.compile(r"[0-9a-f]{64}")


def checked_date(value: str | None) -> str | None:
    """A date as written, or None.

    Raises:
        ValueError: It is no date.
    """
    if value is not None:
        try:
            date.fromisoformat(value)
        except ValueError:
            raise ValueError("expected a date, such as 2026-03-01") from None
    return value


class Code(Model):
    """Where the code is that made the outputs. A text alone is its address (`url`)."""

    shorthand: ClassVar[str | None] = "url"

    repository: Text | None = None
    """Repository, as an address or a name."""
    commit: Text | None = None
    """Commit or tag in it."""
    url: Text | None = None
    """Address of exactly this code, such as a release or an entry of a model registry."""


class Training(Model):
    """What the version was trained on."""

    statement: Text | None = None
    """Which data it was trained and tuned on, in words, for the report."""
    manifest: Text | None = Field(
        default=None,
        description="Training manifest (YAML, JSON or CSV): salted hashes of the subjects it was trained on. "
        "Every run holds them against the subjects that it analyses; path relative to the study folder.",
    )
    from_: Text | None = Field(
        default=None, alias="from", description="First day of the training data, such as `2023-01-01`."
    )
    to: Text | None = None
    """Last day of the training data."""

    @field_validator("from_", "to")
    @classmethod
    def _is_a_date(cls, value: str | None) -> str | None:
        return checked_date(value)

    @model_validator(mode="after")
    def _in_order(self) -> Training:
        if self.from_ and self.to and date.fromisoformat(self.from_) > date.fromisoformat(self.to):
            raise ValueError(f"`from` ({self.from_}) lies after `to` ({self.to})")
        return self


class Card(Model):
    """What a model card says (Mitchell et al. 2019, Proc. FAT* 19, 220-229), as far as it is known."""

    intended_use: Text | None = None
    """What it is for, and for whom."""
    out_of_scope: Text | None = None
    """Uses that it is not for."""
    factors: Text | None = None
    """Groups and conditions that its performance may depend on."""
    limitations: Text | None = None
    """What it is known not to do well."""
    ethics: Text | None = None
    """Ethical considerations."""
    kind: Text | None = None
    """What kind of model or algorithm it is."""
    owner: Text | None = None
    """Who answers for it."""
    contact: Text | None = None
    """Where to ask."""
    date: Text | None = None
    """The day it was made."""
    license: Text | None = None
    """Its licence."""
    reference: Text | None = None
    """A paper or document that describes it."""

    @field_validator("date")
    @classmethod
    def _is_a_date(cls, value: str | None) -> str | None:
        return checked_date(value)


class Artefact(Model):
    """What a version is made of: code, model files, training data, model card."""

    code: Code | None = None
    """Where its code is."""
    sha256: dict[Text, Text] = Field(
        default_factory=dict,
        description="Model file -> SHA-256 of its bytes, in hex. Files that lie in the study folder or below "
        "a root are hashed and compared; of others the hash is recorded.",
    )
    training: Training | None = None
    """What it was trained on."""
    card: Card | None = None
    """Its model card."""

    @field_validator("sha256")
    @classmethod
    def _are_hashes(cls, value: dict[str, str]) -> dict[str, str]:
        wrong = [name for name, found in value.items() if not _SHA256.fullmatch(found.lower())]
        if wrong:
            listed = ", ".join(f"`{name}`" for name in wrong)
            raise ValueError(f"expected a SHA-256 of 64 hexadecimal digits for {listed}")
        return {name: found.lower() for name, found in value.items()}

    def identity(self) -> dict[str, Any]:
        """Code and model files: what makes it this artefact and no other, whatever is said of it."""
        code = None if self.code is None else self.code.model_dump(mode="json")
        return {"code": code, "sha256": dict(sorted(self.sha256.items()))}

    def identity_sha256(self) -> str | None:
        """One hash of code and model files; None where neither is named.

        Example:
            >>> made = Artefact(code=Code(commit="4f2c91a"))
            >>> made.identity_sha256() == Artefact(code=Code(commit="4f2c91a"), card=Card()).identity_sha256()
            True
        """
        if self.code is None and not self.sha256:
            return None
        return sha256_text(json.dumps(self.identity(), sort_keys=True, ensure_ascii=False))


@dataclass(frozen=True)
class Outputs:
    """The outputs of one version.

    Attributes:
        id: `algorithm@version`.
        version: The version.
        sha256: Hash of their content, whatever file it came in; of several tables, of all their hashes.
        files: Model file -> `verified`, or `not here` where it lies elsewhere.
        same_as: An earlier version with the same content; None without.
        runs: What experiment trackers say of the files that they come in: run, commit, parameters.
    """

    id: str
    version: str
    sha256: str
    files: Mapping[str, str]
    same_as: str | None = None
    runs: tuple[Mapping[str, Any], ...] = ()


def output_id(algorithm: str, version: str) -> str:
    """How the outputs of a version are named.

    Example:
        >>> output_id("wrist", "v2")
        'wrist@v2'
    """
    return f"{algorithm}@{version}"


def outputs(study: Study, tables: Tables) -> list[Outputs]:
    """The outputs of each version with their content hash, in the order of study.yaml."""
    algorithm = study.config.algorithm
    found: list[Outputs] = []
    for version in study.versions:
        hashes = {name: data.content_sha256 for name, data in tables.tests[version].items()}
        sha256 = (
            next(iter(hashes.values()))
            if len(hashes) == 1
            else sha256_text(json.dumps(hashes, sort_keys=True))
        )
        same = next((one.version for one in found if one.sha256 == sha256), None)
        found.append(
            Outputs(
                id=output_id(algorithm.name, version),
                version=version,
                sha256=sha256,
                files={name: _state(study, name) for name in _declared(algorithm, version)},
                same_as=same,
                runs=tuple(runs(tables.tests[version].values())),
            )
        )
    return found


def runs(tables: Iterable[TableData | Stream]) -> list[dict[str, Any]]:
    """What experiment trackers say of the files of tables; files of one run are put together."""
    found: list[dict[str, Any]] = []
    for record in (record for table in tables for record in table.files):
        if record.origin is None:
            continue
        said = {key: value for key, value in record.origin.items() if key != "file"}
        known = next((one for one in found if {**one, "files": None} == {**said, "files": None}), None)
        if known is None:
            found.append({**said, "files": [record.origin["file"]]})
        elif record.origin["file"] not in known["files"]:
            known["files"].append(record.origin["file"])
    return found


def described(study: Study, tables: Tables) -> list[dict[str, Any]]:
    """One entry a version, for the manifest: identity, hash of its outputs, artefact as declared, runs."""
    versions = study.config.algorithm.versions
    return [
        {
            "id": one.id,
            "version": one.version,
            "outputs_sha256": one.sha256,
            "artefact_sha256": artefact.identity_sha256() if artefact else None,
            "artefact": artefact.model_dump(mode="json", by_alias=True) if artefact else None,
            "files": dict(one.files),
            "training_manifest_sha256": manifest.sha256 if manifest else None,
            **({"runs": list(one.runs)} if one.runs else {}),
        }
        for one in outputs(study, tables)
        for artefact, manifest in [(versions[one.version].artefact, tables.training.get(one.version))]
    ]


def _declared(algorithm: Algorithm, version: str) -> Mapping[str, str]:
    artefact = algorithm.versions[version].artefact
    return artefact.sha256 if artefact is not None else {}


def readable(study: Study, name: str) -> Path | None:
    """Where a file lies that study.yaml names, if that is in the study folder or below a root.

    Args:
        study: The study.
        name: Its path, relative to the study folder or absolute.
    """
    path = (study.path / name).resolve()
    roots = [study.path, *(study.path / root for root in study.config.roots.values() if "://" not in root)]
    return path if any(path.is_relative_to(root.resolve()) for root in roots) else None


def _place(study: Study, name: str) -> Path | None:
    """Where a model file lies, if it may be read and is there."""
    path = readable(study, name)
    return path if path is not None and path.is_file() else None


def _state(study: Study, name: str) -> str:
    return "not here" if _place(study, name) is None else "verified"


def wrong_files(study: Study, hashes: HashCache | None = None) -> Iterator[Violation]:
    """Model files that are there, and are not what study.yaml says.

    Args:
        study: The study.
        hashes: Remembered hashes; None hashes every file.
    """
    for version in study.versions:
        for name, declared in _declared(study.config.algorithm, version).items():
            path = _place(study, name)
            found = None if path is None else file_record(path, name, hashes).sha256
            if found not in {None, declared}:
                yield Violation(
                    f"the file is not the one that study.yaml names: accepted is SHA-256 {declared}",
                    file=name,
                    key=f"algorithm.versions.{version}.artefact.sha256",
                    found=found,
                )
