"""Produce a version's outputs now: its program over the input of one subject after another, each by itself.

A subject whose program fails or takes too long stops nobody else: it has no outputs, is counted, and its
reason is kept. What was produced is named by the subject's input, the program and the artefact, and
is not made again while these are the same.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from ..datasets.provenance import content_hash, sha256_file
from ..datasets.roots import Roots, files
from ..datasets.sources import Source
from ..protocols.errors import ContractError, Violation
from . import produce_onnx, produce_worker
from .artefact import readable
from .manifest import sha256_text
from .producing import FOLDER, Produce
from .writing import output_errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from .folder import Study

SCHEMA = "accordance/produced/1"
RECORDS = ".records"
LOGS = ".logs"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}")
WORKER = produce_worker.__name__
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
"""Subjects run side by side, so that each takes one thread, unless the environment says otherwise."""


@dataclass(frozen=True)
class Made:
    """What became of one version.

    Attributes:
        version: The version.
        table: Test table that was made.
        subjects: Subjects with an input.
        produced: Of these, produced now.
        kept: Produced before, from the same input by the same artefact.
        failed: Subject -> why there are no outputs.
    """

    version: str
    table: str
    subjects: int
    produced: int
    kept: int
    failed: Mapping[str, str]

    def facts(self) -> dict[str, Any]:
        """As results.json has it."""
        failed = [{"subject": name, "reason": reason} for name, reason in self.failed.items()]
        return {**asdict(self), "failed": failed}


@dataclass(frozen=True)
class _Job:
    """One subject of one version: where its input is, and what its outputs are named by."""

    subject: str
    key: str
    rows: pl.DataFrame | None = field(default=None, compare=False)
    form: str = ""
    path: Path | None = None


@dataclass
class _Version:
    """A version whose outputs are produced: its program, its folders and its subjects."""

    study: Study
    version: str
    spec: Produce
    table: str
    stop: threading.Event = field(default_factory=threading.Event)
    running: set[subprocess.Popen[bytes]] = field(default_factory=set)

    @property
    def folder(self) -> Path:
        return self.study.path / FOLDER / self.version / self.table

    @property
    def column(self) -> str:
        """Column of the outputs that names the subject."""
        return self.study.protocol.tables[self.table].subject

    def output(self, subject: str) -> Path:
        return self.folder / f"{_name(subject)}.{self.spec.output}"

    def record(self, subject: str) -> Path:
        return self.folder.parent / RECORDS / self.table / f"{_name(subject)}.json"

    def log(self, subject: str) -> Path:
        return self.folder.parent / LOGS / self.table / f"{_name(subject)}.txt"

    def known(self, job: _Job) -> dict[str, Any] | None:
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


def tables_of(study: Study, version: str) -> tuple[str, ...]:
    """Test tables of a version that are produced."""
    return tuple(one.table for one in _versions(study) if one.version == version)


def _versions(study: Study) -> Iterator[_Version]:
    protocol = study.protocol
    tested = {rule.test for rule in protocol.pairings.values()}
    for version, spec in study.config.algorithm.versions.items():
        if spec.produce is not None:
            table = spec.produce.table or next(name for name in protocol.tables if name in tested)
            yield _Version(study, version, spec.produce, table)


def lacking(study: Study) -> list[Violation]:
    """Versions whose outputs are not there, or are not those of their input and artefact."""
    found: list[Violation] = []
    for one in _versions(study):
        try:
            jobs = _jobs(one)
        except ContractError as error:
            found.extend(error.violations)
            continue
        missing = sum(one.known(job) is None for job in jobs)
        if missing:
            message = (
                f"outputs of {missing:,} of {len(jobs):,} subjects are not there, or not those of this input "
                "and artefact; `accordance check --produce` and `accordance run` make them"
            )
            found.append(
                Violation(message, file="study.yaml", key=f"algorithm.versions.{one.version}.produce")
            )
    return found


def produce(
    study: Study,
    *,
    workers: int | None = None,
    progress: Callable[[str, float], None] | None = None,
    log: Callable[..., None] | None = None,
) -> list[Made]:
    """Produce what is lacking of every version that says how; subjects that failed before are tried again.

    Args:
        study: The study.
        workers: Subjects at a time; default one a processor.
        progress: Told what is being done and the share done.
        log: Takes events with ids and counts.

    Returns:
        What became of each such version, in order.

    Raises:
        ContractError: Inputs or programs that are not there; everything found is listed, nothing was run. Or
            no subject of a version has outputs.
        OutputError: Outputs cannot be written.
    """
    work: list[tuple[_Version, list[_Job]]] = []
    violations: list[Violation] = []
    for one in _versions(study):
        violations.extend(_no_program(one))
        try:
            work.append((one, _jobs(one)))
        except ContractError as error:
            violations.extend(error.violations)
    if violations:
        raise ContractError(violations)
    made = []
    for place, (one, jobs) in enumerate(work):

        def told(what: str, share: float, place: int = place) -> None:
            if progress:
                progress(what, (place + share) / len(work))

        made.append(_produce(one, jobs, workers or os.cpu_count() or 1, told, log or _silent))
    return made


def _silent(_event: str, **_facts: Any) -> None:
    """A log that keeps nothing."""


def _produce(
    one: _Version,
    jobs: list[_Job],
    workers: int,
    tell: Callable[[str, float], None],
    log: Callable[..., None],
) -> Made:
    """All subjects of one version, some at a time."""
    with output_errors(one.folder):
        for place in (one.folder, one.record("x").parent, one.log("x").parent):
            place.mkdir(parents=True, exist_ok=True)
        todo = [job for job in jobs if (one.known(job) or {"reason": "none"})["reason"] is not None]
        _forget(one, jobs, todo)
    failed: dict[str, str] = {}
    tell(f"producing {one.version}", 0.0)
    with ThreadPoolExecutor(workers) as pool:
        waiting: dict[Future[str | None], _Job] = {pool.submit(_one, one, job): job for job in todo}
        try:
            for done, future in enumerate(as_completed(waiting), start=1):
                subject, reason = waiting[future].subject, future.result()
                if reason is not None:
                    failed[subject] = reason
                    log(
                        "subject failed", version=one.version, table=one.table, subject=subject, reason=reason
                    )
                tell(f"producing {one.version}: {done:,} of {len(todo):,} subjects", done / len(todo))
        except BaseException:
            one.stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(one.running):
                _end(process)
            raise
    kept = len(jobs) - len(todo)
    made = Made(
        one.version, one.table, len(jobs), len(todo) - len(failed), kept, dict(sorted(failed.items()))
    )
    log(
        "produced",
        version=one.version,
        table=one.table,
        subjects=len(jobs),
        produced=made.produced,
        kept=kept,
        failed=len(failed),
    )
    if len(failed) == len(jobs):
        first = next(iter(made.failed.values()))
        logs = f"{FOLDER}/{one.version}/{LOGS}"
        message = f"every subject failed to execute, the first because it {first}; see {logs}"
        raise ContractError(
            [Violation(message, file="study.yaml", key=f"algorithm.versions.{one.version}.produce")]
        )
    return made


def _forget(one: _Version, jobs: list[_Job], todo: list[_Job]) -> None:
    """Remove what is not of this input and artefact before anything is made, so that nobody reads it."""
    keep = {one.output(job.subject).name for job in jobs} - {one.output(job.subject).name for job in todo}
    for path in one.folder.iterdir():
        if path.is_file() and path.name not in keep:
            path.unlink()
    for job in todo:
        one.record(job.subject).unlink(missing_ok=True)


def _one(one: _Version, job: _Job) -> str | None:
    """One subject: its outputs and their record, or the reason why there are none."""
    if one.stop.is_set():
        return "was not started"
    with output_errors(one.folder), tempfile.TemporaryDirectory(prefix="accordance-") as name:
        reason, made = _executed(one, job, Path(name))
        sha256 = None
        if made is not None:
            target = one.output(job.subject)
            partial = target.with_name(f".{target.name}.{os.getpid()}")
            shutil.copyfile(made, partial)
            sha256 = sha256_file(partial)
            partial.replace(target)
        record = {"schema": SCHEMA, "key": job.key, "reason": reason, "sha256": sha256}
        place = one.record(job.subject)
        partial = place.with_name(f".{place.name}.{os.getpid()}")
        partial.write_text(json.dumps(record) + "\n", encoding="utf-8")
        partial.replace(place)
    return reason


def _executed(one: _Version, job: _Job, folder: Path) -> tuple[str | None, Path | None]:
    """(why it failed, None) or (None, the file with the outputs)."""
    output = folder / f"output.{one.spec.output}"
    source = job.path
    if job.rows is not None:
        source = folder / f"input.{job.form}"
        _write(job.rows, source)
    argv = _arguments(one, job, Path(str(source)), output)
    with one.log(job.subject).open("wb") as said:
        try:
            process = subprocess.Popen(  # noqa: S603 - the study's own program, without a shell
                argv,
                cwd=one.study.path,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**ONE_THREAD, **os.environ},
            )
        except OSError as error:
            return f"could not be started: {error.strerror}", None
        one.running.add(process)
        try:
            if one.stop.is_set():
                _end(process)
            code = process.wait(one.spec.seconds)
        except subprocess.TimeoutExpired:
            _end(process)
            return f"took longer than {one.spec.timeout}", None
        finally:
            one.running.discard(process)
    if code != 0:
        return _ended(code, output), None
    return _checked(one, job, output)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _ended(code: int, output: Path) -> str:
    """Why a process failed, in words that quote nothing of its data."""
    raised = output.with_name(output.name + produce_worker.ERROR)
    if raised.is_file():
        return f"raised {raised.read_text(encoding='utf-8')[:80]}"
    if code < 0:
        try:
            return f"was ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"was ended by signal {-code}"
    return f"ended with exit code {code}"


def _arguments(one: _Version, job: _Job, source: Path, output: Path) -> list[str]:
    entry, options = one.spec.python, {}
    if one.spec.onnx is not None:
        entry = f"{produce_onnx.__name__}:{produce_onnx.predict.__name__}"
        options = one.spec.onnx.model_dump(mode="json")
    if entry is not None:
        column = "" if job.rows is None else one.spec.input.subject
        files = [str(source.resolve()), str(output)]
        return [sys.executable, "-m", WORKER, entry, *files, job.subject, column, json.dumps(options)]
    said = {"subject": job.subject, "input": str(source.resolve()), "output": str(output)}
    return [re.sub(r"\{(\w+)\}", lambda found: said[found[1]], part) for part in one.spec.command or ()]


def _checked(one: _Version, job: _Job, output: Path) -> tuple[str | None, Path | None]:
    """Whether the outputs are there, are readable, and speak of this subject."""
    if not output.is_file() or not output.stat().st_size:
        return "wrote no outputs", None
    try:
        frame = (
            pl.read_csv(output, infer_schema=False)
            if one.spec.output == "csv"
            else pl.read_parquet(output, hive_partitioning=False)
        )
    except (pl.exceptions.PolarsError, OSError):
        return f"wrote no readable {one.spec.output}", None
    if frame.is_empty():
        return "wrote no rows", None
    if one.column not in frame.columns:
        _write(frame.select(pl.lit(job.subject).alias(one.column), pl.all()), output)
        return None, output
    subjects = frame.get_column(one.column).cast(pl.String)
    if not (subjects == job.subject).fill_null(value=False).all():
        return "wrote rows of other subjects", None
    return None, output


def _write(frame: pl.DataFrame, path: Path) -> None:
    if path.suffix == ".csv":
        frame.write_csv(path)
    else:
        frame.write_parquet(path)


def _name(subject: str) -> str:
    """A file's name for a subject: its key where that can be one."""
    if _PLAIN.fullmatch(subject):
        return subject
    return hashlib.sha256(subject.encode()).hexdigest()[:24]


def _jobs(one: _Version) -> list[_Job]:
    """The subjects that have an input, sorted, with the names of their outputs.

    Raises:
        ContractError: The input is not there, or does not name subjects.
    """
    artefact = one.study.config.algorithm.versions[one.version].artefact
    rest = [
        SCHEMA,
        one.spec.model_dump(mode="json", exclude={"timeout"}),
        None if artefact is None else artefact.identity_sha256(),
        [sha256_file(path) for path in _program_files(one)],
    ]

    def key(input_sha256: str) -> str:
        return sha256_text(json.dumps([*rest, input_sha256], sort_keys=True, ensure_ascii=False))

    if one.spec.input.from_path is not None:
        found = _by_file(one)
        return [_Job(name, key(sha256_file(path)), path=path) for name, path in sorted(found.items())]
    form, parts = _by_rows(one)
    return [_Job(name, key(content_hash(rows, ())), rows, form) for name, rows in sorted(parts.items())]


def _files(one: _Version, form: str | None) -> list[tuple[Path, str]]:
    asked = one.spec.input
    config = one.study.config
    roots = Roots.of(one.study.path, {**config.roots}, config.stores)
    place = f"algorithm.versions.{one.version}.produce.input"
    return files(Source(file=asked.file, glob=asked.glob, format=form), roots, key=place)


def _violation(one: _Version, message: str, key: str, found: str | None = None) -> ContractError:
    place = f"algorithm.versions.{one.version}.produce.{key}"
    return ContractError([Violation(message, file="study.yaml", key=place, found=found)])


def _by_file(one: _Version) -> dict[str, Path]:
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


def _by_rows(one: _Version) -> tuple[str, dict[str, pl.DataFrame]]:
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


def _has_columns(one: _Version, there: Sequence[str]) -> None:
    """A model that needs a column that is absent is refused before it is asked for anybody."""
    if one.spec.onnx is not None:
        missing = [name for name in (*one.spec.onnx.features, *one.spec.onnx.carry) if name not in there]
        if missing:
            names, accepted = (", ".join(f"`{name}`" for name in some) for some in (missing, there))
            message = f"the model needs columns that the input does not have: {names}; it has {accepted}"
            raise _violation(one, message, "onnx")


def _program_files(one: _Version) -> list[Path]:
    """Files of the study that the program is: those that the command names, or the entry point's module."""
    if one.spec.onnx is not None:
        path = readable(one.study, one.spec.onnx.model)
        return [path] if path is not None and path.is_file() else []
    if one.spec.python is not None:
        path = _module(one)
        return [path] if path is not None else []
    named = [readable(one.study, part) for part in one.spec.command or () if "{" not in part]
    return [path for path in named if path is not None and path.is_file()]


def _module(one: _Version) -> Path | None:
    """File of the entry point's module, if it lies in the study folder."""
    place = one.study.path.joinpath(*str(one.spec.python).partition(":")[0].split("."))
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)


def _no_program(one: _Version) -> list[Violation]:
    """What is wrong where a program is not there."""
    if one.spec.onnx is not None:
        return list(_no_model(one, one.spec.onnx.model))
    if one.spec.python is not None:
        name = str(one.spec.python).partition(":")[0].partition(".")[0]
        if _module(one) is not None or importlib.util.find_spec(name) is not None:
            return []
        message = f"there is no module `{name}` in the study folder, nor is one installed"
        return list(_violation(one, message, "python", one.spec.python).violations)
    program = (one.spec.command or ("",))[0]
    if shutil.which(program) or shutil.which(str(one.study.path / program)):
        return []
    message = f"there is no program `{program}`, or it may not be executed"
    return list(_violation(one, message, "command", program).violations)


def _no_model(one: _Version, name: str) -> Iterator[Violation]:
    """What is wrong where an ONNX model or its runtime is not there."""
    path = readable(one.study, name)
    if path is None or not path.is_file():
        message = "there is no such file in the study folder or below a declared root"
        yield from _violation(one, message, "onnx.model", name).violations
    if importlib.util.find_spec(produce_onnx.RUNTIME) is None:
        message = f"an ONNX model needs {produce_onnx.RUNTIME}: pip install 'accordance[onnx]'"
        yield from _violation(one, message, "onnx").violations
    if one.spec.input.from_path is not None:
        message = "an ONNX model takes rows of a table, not files of subjects as they are"
        yield from _violation(one, message, "input.from_path").violations
