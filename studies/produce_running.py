"""One subject's outputs by its version's program, in a process of its own, ended with all that it started."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import polars as pl

from ..datasets.provenance import sha256_file
from . import produce_onnx, produce_worker
from .produce_asked import SCHEMA, Asked, Job, write_rows
from .produce_program import program_of
from .writing import output_errors

WORKER = produce_worker.__name__
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
"""Subjects run side by side, so that each takes one thread, unless the environment says otherwise."""
NOT_STARTED = "was not started"


class Runner:
    """Runs subjects of one version, from several threads if need be, until it is stopped.

    Args:
        one: The version.
    """

    def __init__(self, one: Asked) -> None:
        self.one = one
        self._stopped = threading.Event()
        self._running: set[subprocess.Popen[bytes]] = set()

    def stop(self) -> None:
        """Start nobody any more, and end what runs. Nothing is recorded of those that are ended so."""
        self._stopped.set()
        for process in list(self._running):
            _end(process)

    def subject(self, job: Job) -> str | None:
        """Make the outputs of a subject and their record.

        Returns:
            Why there are no outputs; None where there are.

        Raises:
            OutputError: A file cannot be written.
        """
        if self._stopped.is_set():
            return NOT_STARTED
        one = self.one
        temporary = tempfile.TemporaryDirectory(prefix="accordance-", ignore_cleanup_errors=True)
        with output_errors(one.folder), temporary as name:
            reason, made = self._executed(job, Path(name))
            if self._stopped.is_set() and made is None:
                return NOT_STARTED  # it did not fail: it was not let finish
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

    def _executed(self, job: Job, folder: Path) -> tuple[str | None, Path | None]:
        """(why it failed, None) or (None, the file with the outputs)."""
        one = self.one
        output = folder / f"output.{one.spec.output}"
        source = job.path
        if job.rows is not None:
            source = folder / f"input.{job.form}"
            write_rows(job.rows, source, job.form)
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
            self._running.add(process)
            try:
                if self._stopped.is_set():
                    _end(process)
                code = process.wait(one.spec.seconds)
            except subprocess.TimeoutExpired:
                return f"took longer than {one.spec.timeout}", None
            finally:
                _end(process)  # and what it left running, which could still write
                self._running.discard(process)
        if code != 0:
            return _ended(code, output if one.spec.command is None else None), None
        return _checked(one, job, output)


@contextmanager
def told_to_end() -> Iterator[None]:
    """Take being told to end (SIGTERM, as from a build server) for an interruption while programs run.

    Otherwise this process would be gone at once, and what it started would run on, with nobody to end it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals belong to the main thread
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _ended(code: int, output: Path | None) -> str:
    """Why a process failed, in words that quote nothing of its data.

    Args:
        code: Its exit code.
        output: File it was to write, beside which our own worker leaves the name of what was raised; None of
            other programs, which could leave anything there.
    """
    raised = None if output is None else output.with_name(output.name + produce_worker.ERROR)
    if raised is not None and raised.is_file():
        name = raised.read_text(encoding="utf-8")
        return f"raised {name}" if name.isidentifier() and len(name) <= 80 else "raised an error"
    if code < 0:
        try:
            return f"was ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"was ended by signal {-code}"
    return f"ended with exit code {code}"


def _arguments(one: Asked, job: Job, source: Path, output: Path) -> list[str]:
    entry, options = one.spec.python, {}
    if one.spec.onnx is not None:
        entry = f"{produce_onnx.__name__}:{produce_onnx.predict.__name__}"
        options = one.spec.onnx.model_dump(mode="json")
    if entry is not None:
        column = "" if job.rows is None else one.spec.input.subject
        files = [str(source.resolve()), str(output)]
        return [sys.executable, "-m", WORKER, entry, *files, job.subject, column, json.dumps(options)]
    said = {"subject": job.subject, "input": str(source.resolve()), "output": str(output)}
    rest = [re.sub(r"\{(\w+)\}", lambda found: said[found[1]], part) for part in one.spec.command or ()]
    return [program_of(one.study, one.spec), *rest[1:]]


def _checked(one: Asked, job: Job, output: Path) -> tuple[str | None, Path | None]:
    """Whether the outputs are there, are readable, and speak of this subject."""
    if not output.is_file() or not output.stat().st_size:
        return "wrote no outputs", None
    try:
        frame = (
            pl.read_csv(output, infer_schema=False)
            if one.spec.output == "csv"
            else pl.read_parquet(output, hive_partitioning=False)
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        return f"wrote no readable {one.spec.output}", None
    if frame.is_empty():
        return "wrote no rows", None
    if one.column not in frame.columns:
        write_rows(frame.select(pl.lit(job.subject).alias(one.column), pl.all()), output, one.spec.output)
        return None, output
    if not _is_of(job.subject, frame.get_column(one.column)):
        return "wrote rows of other subjects", None
    return None, output


def _is_of(subject: str, column: pl.Series) -> bool:
    """Whether every value of a column is the key of a subject."""
    try:
        return (column.cast(pl.String) == subject).fill_null(value=False).all()
    except pl.exceptions.PolarsError:
        return False
