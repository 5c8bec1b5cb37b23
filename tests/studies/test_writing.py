"""A run is there whole or not at all."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from accordance.protocols.errors import OutputError, UsageError
from accordance.studies import analysis, ledger, writing
from accordance.studies.results import Results, finished_runs
from accordance.studies.run import run


def left_over(study):
    runs = study / "runs"
    return [place.name for place in runs.iterdir()] if runs.is_dir() else []


@pytest.mark.parametrize("failure", [KeyboardInterrupt, MemoryError, RuntimeError])
def test_an_interrupted_evaluation_leaves_nothing(make_study, monkeypatch, failure):
    study = make_study()

    def interrupted(*_args, **_named):
        raise failure

    monkeypatch.setattr(analysis, "evaluate_protocol", interrupted)
    with pytest.raises(failure):
        run(study)
    assert left_over(study) == []
    assert ledger.read(study) == []
    with pytest.raises(UsageError, match="no finished run"):
        Results.latest(study)


@pytest.mark.parametrize("file", ["results.json", "manifest.json", "log.jsonl"])
def test_a_disk_that_fills_up_leaves_nothing(make_study, monkeypatch, file):
    study = make_study()
    first = run(study)
    entries = ledger.read(study)
    original = Path.write_text

    def full(path, *args, **named):
        if path.name == file:
            original(path, "{", encoding="utf-8")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return original(path, *args, **named)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OutputError, match="No space left on device") as caught:
        run(study)
    assert caught.value.exit_code == 74
    assert left_over(study) == [first.run_id]
    assert ledger.read(study) == entries


SMALL_FILES = """
import pathlib, resource, sys
from accordance.protocols.errors import OutputError
from accordance.studies.run import run
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
try:
    run(pathlib.Path(sys.argv[1]))
except OutputError as error:
    print(error)
    sys.exit(error.exit_code)
"""


def test_a_file_system_that_refuses_to_write_on(make_study):
    """A real limit on the size of files, which the first Parquet file exceeds."""
    study = make_study()
    done = subprocess.run(
        [sys.executable, "-c", SMALL_FILES, str(study)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 74, done.stderr
    assert "cannot be written: " in done.stdout
    assert left_over(study) == []


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES])
def test_a_folder_that_cannot_be_written_to(make_study, monkeypatch, code):
    study = make_study()

    def refused(path, *_args, **_named):
        raise OSError(code, os.strerror(code), str(path))

    monkeypatch.setattr(Path, "mkdir", refused)
    with pytest.raises(OutputError, match="runs cannot be written") as caught:
        run(study)
    assert caught.value.exit_code == 74


def test_an_output_folder_that_is_a_file(make_study, tmp_path):
    (tmp_path / "taken").write_text("", encoding="utf-8")
    with pytest.raises(OutputError):
        run(make_study(), output=tmp_path / "taken")


def test_a_ledger_that_cannot_be_written_leaves_no_run(make_study, monkeypatch):
    study = make_study()

    def full(*_args, **_named):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(ledger, "append", full)
    with pytest.raises(OutputError, match="No space left on device"):
        run(study)
    assert left_over(study) == []


def test_a_ledger_that_cannot_be_read_stops_a_run(make_study):
    study = make_study()
    (study / "ledger.jsonl").mkdir()
    with pytest.raises(OutputError, match="cannot be read"):
        run(study)
    assert left_over(study) == []


KILLED = """
import os, pathlib, signal, sys
from accordance.studies import run as runs
runs.analyse = lambda *args, **named: os.kill(os.getpid(), signal.SIGKILL)
runs.run(pathlib.Path(sys.argv[1]))
"""


def test_what_a_killed_run_leaves_is_never_a_run_and_goes_with_the_next(make_study):
    study = make_study()
    killed = subprocess.run([sys.executable, "-c", KILLED, str(study)], timeout=120, check=False)
    assert killed.returncode == -signal.SIGKILL
    (stale,) = left_over(study)
    assert stale.startswith(".partial-")
    assert finished_runs(study) == []
    with pytest.raises(UsageError, match="interrupted before it became a run"):
        Results.open(study / "runs" / stale)
    results = run(study)
    assert left_over(study) == [results.run_id]


def test_a_partial_folder_of_a_living_process_is_left_alone(tmp_path):
    with writing.PartialFolder(tmp_path) as folder:
        assert writing.remove_stale(tmp_path) == []
        assert folder.path.is_dir()
    assert not folder.path.exists()


INTERRUPTED = """
import pathlib, sys, time
from accordance.studies import run as runs
def wait(*args, **named):
    print("evaluating", flush=True)
    time.sleep(60)
runs.analyse = wait
runs.run(pathlib.Path(sys.argv[1]))
"""


def test_ctrl_c_leaves_nothing(make_study):
    study = make_study()
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(study)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout.readline() == b"evaluating\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert b"KeyboardInterrupt" in errors
    assert left_over(study) == []


def test_two_runs_in_one_second_have_two_names(make_study):
    study = make_study()
    first, second = run(study), run(study)
    assert first.run_id != second.run_id
    assert [place.name for place in finished_runs(study)] == [first.run_id, second.run_id]
    assert Results.latest(study).run_id == second.run_id


def test_half_a_run_folder_is_no_run(make_study):
    study = make_study()
    results = run(study)
    (results.folder / "manifest.json").unlink()
    assert finished_runs(study) == []


@pytest.mark.parametrize("other", ["0123abcd", "ffffffff"])
def test_names_sort_by_time_even_within_a_second(tmp_path, other):
    name = writing.run_name(tmp_path, "0123abcd")
    (tmp_path / name).mkdir()
    began = time.monotonic()
    assert writing.run_name(tmp_path, other).split("_")[0] > name.split("_")[0]
    assert time.monotonic() - began < 2
