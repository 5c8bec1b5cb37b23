"""What is asked for where outputs are produced: which subjects, from which input, under which name.

The name (`Job.key`) is a hash of everything that outputs may depend on: the bytes that the program reads of
this subject, the program, how it is called, and the artefact. Outputs with another name are those of another
input or program, and are made again.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from ..datasets.provenance import sha256_file
from ..datasets.roots import ENDINGS, Roots, files
from ..datasets.sources import Source
from ..protocols.errors import ContractError, Violation
from .manifest import sha256_text
from .produce_program import fingerprint
from .producing import FOLDER, Produce

if TYPE_CHECKING:
    from .folder import Study

SCHEMA = "accordance/produced/1"
RECORDS = ".records"
LOGS = ".logs"
_TEXTS = (pl.String, pl.Categorical, pl.Enum)
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}")


@dataclass(frozen=True)
class Job:
    """One subject of one version: where its input is, and what its outputs are named by.

    Attributes:
        subject: Key of the subject.
        key: Name of its outputs.
        rows: Its rows; None where its input is a file of its own.
        form: Format that the rows are handed out in.
        path: Its own file.
    """

    subject: str
    key: str
    rows: pl.DataFrame | None = field(default=None, compare=False)
    form: str = ""
    path: Path | None = None


@dataclass(frozen=True)
class Asked:
    """A version whose outputs are produced: its program, its folders, and where the outputs of a subject lie.

    Attributes:
        study: The study.
        version: The version.
        spec: How its outputs are produced.
        table: Test table that is made.
    """

    study: Study
    version: str
    spec: Produce
    table: str

    @property
    def folder(self) -> Path:
        """Folder of the outputs; nothing else may lie in it, for all of it is read."""
        return self.study.path / FOLDER / self.version / self.table

    @property
    def records(self) -> Path:
        """Folder of what is known of each subject."""
        return self.folder.parent / RECORDS / self.table

    @property
    def logs(self) -> Path:
        """Folder of what the program printed."""
        return self.folder.parent / LOGS / self.table

    @property
    def column(self) -> str:
        """Column of the outputs that names the subject."""
        return self.study.protocol.tables[self.table].subject

    def output(self, subject: str) -> Path:
        """File of a subject's outputs."""
        return self.folder / f"{_name(subject)}.{self.spec.output}"

    def record(self, subject: str) -> Path:
        """File of what is known of a subject."""
        return self.records / f"{_name(subject)}.json"

    def log(self, subject: str) -> Path:
        """File of what the program printed for a subject."""
        return self.logs / f"{_name(subject)}.txt"

    def known(self, job: Job) -> dict[str, Any] | None:
        """What was recorded of a subject under the same name; None where its outputs have to be made."""
        try:
            found = json.loads(self.record(job.subject).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if not isinstance(found, dict) or found.get("key") != job.key:
            return None
        if found.get("reason") is not None:
            return found
        path = self.output(job.subject)
        return found if path.is_file() and sha256_file(path) == found.get("sha256") else None

    def strangers(self, whose: Iterable[str]) -> list[Path]:
        """Files that would be read as outputs and are of none of some subjects."""
        own = {self.output(subject) for subject in whose}
        return [
            path
            for path in sorted(self.folder.rglob("*"))
            if ENDINGS.get(path.suffix.lower()) == self.spec.output
            and path.is_file()
            and path not in own
            and not any(part.startswith(".") for part in path.relative_to(self.folder).parts)
        ]

    def clear(self, jobs: Sequence[Job], todo: Sequence[Job]) -> None:
        """End what is not of this input and program before anything is made, so that nobody reads it.

        Outputs, records and logs of subjects who have no input any more go, outputs that are to be made again
        go, and so does what an interrupted process left half-written.
        """
        again = {job.subject for job in todo}
        kept = [job.subject for job in jobs if job.subject not in again]
        remain = {
            *map(self.output, kept),
            *map(self.record, kept),
            *(self.log(job.subject) for job in jobs),
        }
        for folder in (self.folder, self.records, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
            for path in list(folder.rglob("*")):
                if path not in remain and (path.is_symlink() or not path.is_dir()):
                    path.unlink()


def asked(study: Study) -> Iterator[Asked]:
    """The versions of a study whose outputs are produced, in order."""
    protocol = study.protocol
    tested = {rule.test for rule in protocol.pairings.values()}
    for version, spec in study.config.algorithm.versions.items():
        if spec.produce is not None:
            table = spec.produce.table or next(name for name in protocol.tables if name in tested)
            yield Asked(study, version, spec.produce, table)


def jobs(one: Asked) -> list[Job]:
    """The subjects that have an input, sorted, with the names of their outputs.

    Raises:
        ContractError: The input is not there, or does not name subjects.
        OutputError: It cannot be read.
    """
    key = _naming(one)
    if one.spec.input.from_path is not None:
        found = _by_file(one)
        return [Job(name, key(sha256_file(path)), path=path) for name, path in sorted(found.items())]
    form, parts = _by_rows(one)
    return [Job(name, key(_sha256(rows, form)), rows, form) for name, rows in sorted(parts.items())]


def write_rows(frame: pl.DataFrame, to: Path | io.BytesIO, form: str) -> None:
    """Rows as a file of a format."""
    if form == "csv":
        frame.write_csv(to)
    else:
        frame.write_parquet(to)


def _naming(one: Asked) -> Callable[[str], str]:
    """A function of the hash of a subject's input that gives the name of its outputs."""
    artefact = one.study.config.algorithm.versions[one.version].artefact
    rest = [
        SCHEMA,
        one.spec.model_dump(mode="json", exclude={"timeout"}),
        one.column,
        None if artefact is None else artefact.identity_sha256(),
        fingerprint(one.study, one.spec),
    ]
    return lambda sha256: sha256_text(json.dumps([*rest, sha256], sort_keys=True, ensure_ascii=False))


def _sha256(rows: pl.DataFrame, form: str) -> str:
    """Hash of what a program reads of a subject, the order of rows included: signals are in order."""
    file = io.BytesIO()
    write_rows(rows, file, form)
    return hashlib.sha256(file.getbuffer()).hexdigest()


def _name(subject: str) -> str:
    """A file's name for a subject: its key where that can be one."""
    if _PLAIN.fullmatch(subject):
        return subject
    return hashlib.sha256(subject.encode()).hexdigest()[:24]


def _files(one: Asked, form: str | None) -> list[tuple[Path, str]]:
    given = one.spec.input
    config = one.study.config
    roots = Roots.of(one.study.path, {**config.roots}, config.stores)
    place = f"algorithm.versions.{one.version}.produce.input"
    return files(Source(file=given.file, glob=given.glob, format=form), roots, key=place)


def _violation(one: Asked, message: str, key: str, found: str | None = None) -> ContractError:
    place = f"algorithm.versions.{one.version}.produce.{key}"
    return ContractError([Violation(message, file="study.yaml", key=place, found=found)])


def _by_file(one: Asked) -> dict[str, Path]:
    """Subject -> its file."""
    pattern = str(one.spec.input.from_path)
    before, _, after = pattern.partition("{subject}")
    found: dict[str, Path] = {}
    for path, _ in _files(one, "any"):
        match = re.fullmatch(f"{re.escape(before)}(.+){re.escape(after)}", path.name)
        if match is None:
            raise _violation(one, f"a file is not named like `{pattern}`", "input.from_path", path.name)
        if match[1] in found:
            raise _violation(one, "two files are of the same subject", "input.glob", path.name)
        found[match[1]] = path
    return found


def _by_rows(one: Asked) -> tuple[str, dict[str, pl.DataFrame]]:
    """Format of the files; subject -> its rows. CSV stays the text it is."""
    column = one.spec.input.subject
    frames, form = [], ""
    for path, form in _files(one, None):
        try:
            frame = (
                pl.read_csv(path, infer_schema=False)
                if form == "csv"
                else pl.read_parquet(path, hive_partitioning=False)
            )
        except (pl.exceptions.PolarsError, OSError) as error:
            raise _violation(one, f"cannot be read: {type(error).__name__}", "input", path.name) from None
        if column not in frame.columns:
            accepted = ", ".join(f"`{name}`" for name in frame.columns[:12])
            message = f"{path.name} has no column `{column}` that names the subject; it has {accepted}"
            raise _violation(one, message, "input.subject", column)
        if not (frame.schema[column].is_integer() or frame.schema[column] in _TEXTS):
            message = f"subjects in {path.name} are neither texts nor whole numbers"
            raise _violation(one, message, "input.subject", str(frame.schema[column]))
        frames.append(frame.with_columns(pl.col(column).cast(pl.String)))
    try:
        whole = pl.concat(frames)
    except (pl.exceptions.PolarsError, ValueError):
        raise _violation(one, "the files have not all the same columns and types", "input") from None
    if whole.get_column(column).null_count():
        raise _violation(one, f"rows without a subject in column `{column}`", "input.subject")
    if whole.is_empty():
        raise _violation(one, "the input has no rows", "input")
    if one.spec.onnx is not None:
        _has_columns(one, whole.columns)
    parts = whole.partition_by(column, as_dict=True, maintain_order=True)
    return form, {str(name[0]): rows for name, rows in parts.items()}


def _has_columns(one: Asked, there: Sequence[str]) -> None:
    """A model that needs a column that is absent is refused before it is asked for anybody."""
    if one.spec.onnx is not None:
        missing = [name for name in (*one.spec.onnx.features, *one.spec.onnx.carry) if name not in there]
        if missing:
            names, accepted = (", ".join(f"`{name}`" for name in some) for some in (missing, there))
            message = f"the model needs columns that the input does not have: {names}; it has {accepted}"
            raise _violation(one, message, "onnx")
