"""Exit codes and words of the command line, with the command run as a user runs it or in this process."""

from __future__ import annotations

import json
import os
import resource
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accordance.app import cli, failures
from accordance.app.cli import RESERVED, main

Change = Callable[[Path, str, str], None]
COMMAND = [sys.executable, "-m", "accordance.app"]


def accordance(*words: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    return subprocess.run(
        [*COMMAND, *map(str, words)], capture_output=True, text=True, timeout=120, check=False, **options
    )


def test_help_answers_at_once_and_teaches_by_example() -> None:
    accordance("--help")  # byte-compiles
    began = time.perf_counter()
    done = accordance("--help")
    seconds = time.perf_counter() - began
    assert done.returncode == 0
    assert "accordance demo" in done.stdout
    assert seconds < 2.0, "typically 0.3 s; other tests share the machine"


@pytest.mark.parametrize(
    "verb",
    ["init", "check", "plan", "lock", "run", "report", "gate", "explain", "demo", "app",
     "protocols list", "protocols show", "protocols diff",
     "protocols new", "protocols schema"],
)  # fmt: skip
def test_every_verb_shows_examples(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*verb.split(), "--help"]) == 0
    assert f"accordance {verb}" in capsys.readouterr().out.split("Examples:")[1]


def test_help_does_not_load_what_it_does_not_need() -> None:
    heavy = "('polars', 'streamlit', 'plotly', 'pydantic')"
    probe = f"import sys, accordance.app.cli; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def test_from_folder_to_gate(tiny: Path) -> None:
    checked = accordance("check", tiny)
    assert (checked.returncode, "satisfy their contract" in checked.stdout) == (0, True)
    assert accordance("lock", tiny, "--who", "A. Tester").returncode == 0
    ran = accordance("run", tiny)
    assert ran.returncode == 0
    assert "Success criterion demonstrated: yes" in ran.stdout
    assert "Plan locked" in ran.stdout
    assert "bias" in ran.stdout
    gated = accordance("gate", tiny)
    assert (gated.returncode, gated.stdout.splitlines()[0]) == (0, "Success criterion demonstrated: yes")


def test_a_goal_that_is_not_met_gates_with_one_and_runs_with_zero(tiny: Path, change: Change) -> None:
    change(tiny / "protocol.yaml", "limit: [-5, 5]", "limit: [4, 5]")
    assert main(["run", str(tiny)]) == 0
    assert main(["gate", str(tiny)]) == 1


@pytest.mark.parametrize(
    "words", [["run", "--bogus"], ["frobnicate"], ["report", ".", "--format", "docx"], ["lock", "."]]
)
def test_usage_errors(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.err.startswith("error:")
    assert said.out == ""


@pytest.mark.parametrize("verb", RESERVED)
def test_reserved_verbs_say_that_they_are_not_there_yet(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([verb, "x"]) == 2
    assert f"`{verb}` is a reserved name" in capsys.readouterr().err


def test_no_study_and_no_run_are_usage_errors(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(tmp_path / "nowhere")]) == 2
    assert "accordance init" in capsys.readouterr().err
    assert main(["gate", str(tiny)]) == 2
    assert "accordance run" in capsys.readouterr().err


def test_an_endpoint_that_is_not_there_names_those_that_are(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(tiny)]) == 0
    assert main(["explain", str(tiny), "closenes"]) == 2
    assert "closeness, alarms" in capsys.readouterr().err


def test_explain_accepts_an_endpoint_and_a_row(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(tiny), "--json"]) == 0
    row = json.loads(capsys.readouterr().out)["endpoints"][0]
    assert main(["explain", str(tiny), "closeness"]) == 0
    by_endpoint = capsys.readouterr().out
    assert row["row_id"] in by_endpoint
    assert main(["explain", str(tiny), row["row_id"][:8]]) == 0
    assert capsys.readouterr().out == by_endpoint


def test_ctrl_c_is_130_and_leaves_no_run(tiny: Path, change: Change) -> None:
    change(tiny / "protocol.yaml", "interval: {method: cluster_t}", "interval: {method: bootstrap_bca}")
    change(tiny / "protocol.yaml", "seed: 1", "seed: 1\nresampling: {replicates: 200000}")
    many = "".join(
        f"{s:04},{e},{60 + (s * e) % 30},{'true' if e % 3 else 'false'}\n"
        for s in range(2000)
        for e in range(3)
    )
    for table in ("reference", "test"):
        (tiny / "data" / f"{table}.csv").write_text("subject,epoch,hr,alarm\n" + many)
    (tiny / "data" / "subjects.csv").write_text(
        "subject,sex\n" + "".join(f"{s:04},male\n" for s in range(2000))
    )
    running = subprocess.Popen(
        [*COMMAND, "run", str(tiny)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert running.stderr is not None
        for line in running.stderr:
            if line.startswith("evaluating"):
                break
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    finally:
        running.kill()
        running.communicate()
    assert (running.returncode, out) == (130, "")
    assert "Interrupted" in err
    assert not [place for place in (tiny / "runs").glob("*") if not place.name.startswith(".")]
    assert main(["gate", str(tiny)]) == 2, "nothing half-written is taken for a run"


def test_output_that_cannot_be_written_is_74(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["run", str(tiny), "--output", str(tmp_path / "file" / "runs")]) == 74
    assert str(tmp_path / "file") in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_74(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    assert main(["run", str(tiny), "--output", str(tmp_path / "closed")]) == 74


def test_a_full_disk_is_74_and_leaves_no_run(tiny: Path) -> None:
    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))

    done = accordance("run", tiny, preexec_fn=little_room)
    assert done.returncode == 74, done.stderr
    assert not [place for place in (tiny / "runs").glob("*") if not place.name.startswith(".")]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_standard_output_that_is_full_is_74(tiny: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, "check", str(tiny)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 74, done.stderr


def test_a_reader_that_leaves_early_changes_no_exit_code(tiny: Path, change: Change) -> None:
    change(tiny / "protocol.yaml", "limit: [-5, 5]", "limit: [4, 5]")
    assert main(["run", str(tiny)]) == 0
    command = shlex.join([*COMMAND, "gate", str(tiny)])
    done = subprocess.run(
        ["bash", "-c", f"{command} | true; echo ${{PIPESTATUS[0]}}"],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert (done.stdout.strip(), done.stderr) == ("1", "")


def test_an_unforeseen_error_is_70_and_tells_no_data(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def stumble(*_: object, **__: object) -> None:
        raise RuntimeError("subject Zuleika has 61 beats/min")

    monkeypatch.setattr("accordance.studies.run.run", stumble)
    monkeypatch.setattr(failures.tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("ACCORDANCE_DEBUG", raising=False)
    assert main(["run", str(tiny)]) == 70
    said = capsys.readouterr().err
    (trace,) = tmp_path.glob("accordance-*.trace")
    assert str(trace) in said
    for text in (said, trace.read_text()):
        assert "Zuleika" not in text, "a name that no clock and no path writes by chance"
    assert "stumble" in trace.read_text()
    assert Path(cli.__file__).name in trace.read_text()


def test_a_lock_that_was_changed_is_5(tiny: Path, change: Change, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lock", str(tiny), "--who", "A. Tester"]) == 0
    change(tiny / "study.lock", "A. Tester", "B. Tester")
    assert main(["run", str(tiny)]) == 5
    assert "study.lock" in capsys.readouterr().err
