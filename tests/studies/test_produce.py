"""Outputs produced now: subject by subject, each by itself, kept by the content of input and artefact."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

import polars as pl
import pytest

from accordance.app.cli import main
from accordance.protocols.errors import ContractError
from accordance.reports import report
from accordance.studies import produce
from accordance.studies.check import check, produce_and_examine
from accordance.studies.folder import load
from accordance.studies.run import run

from .conftest import RHYTHM_V2, STUDY, SUBJECTS, V2, rows

VERSION = "    v2: {sources: {test: {file: data/test_v2.csv}}}\n"
MODEL = """\
import os, signal, subprocess, sys, time
import polars as pl

def same(rows, subject):
    with open("calls.txt", "a") as calls:
        calls.write(subject + "\\n")
    return rows

def one_raises(rows, subject):
    if subject == "002":
        raise ValueError("the value 61.2 of 002")
    return rows

def one_is_killed(rows, subject):
    if subject == "002":
        os.kill(os.getpid(), signal.SIGKILL)
    return rows.drop("subject")

def one_hangs(rows, subject):
    if subject == "002":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        with open("child.txt", "w") as file:
            file.write(str(child.pid))
        time.sleep(600)
    return rows

def one_is_empty(rows, subject):
    return rows.head(0) if subject == "002" else rows

def one_is_of_others(rows, subject):
    return rows.with_columns(subject=pl.lit("001"))

def one_lacks_a_column(rows, subject):
    return rows.select("nothing") if subject == "002" else rows

def all_raise(rows, subject):
    raise KeyError("x")
"""
SCRIPT = """\
import pathlib, sys
source, target, subject = sys.argv[1:]
if subject == "005":
    sys.exit(3)
if subject != "006":
    pathlib.Path(target).write_text(pathlib.Path(source).read_text())
"""


def producing(make_study, how: str, *, given: str = "data/signals.csv", more: str = "", **parts) -> Path:
    """A study whose version v2 is produced; its input holds what v2 puts out."""
    block = f"    v2:\n      produce:\n        input: {given}\n        {how}\n{more}"
    tables = {"signals": rows(rate=V2, rhythm=RHYTHM_V2), **parts.pop("tables", {})}
    folder = make_study(study=STUDY.replace(VERSION, block), tables=tables, **parts)
    (folder / "model.py").write_text(MODEL)
    (folder / "script.py").write_text(SCRIPT)
    return folder


def failed(made) -> dict[str, str]:
    (one,) = made
    return dict(one.failed)


def test_the_outputs_become_the_test_table(make_study):
    results, plain = run(producing(make_study, "python: model:same")), run(make_study("plain"))
    assert results.rows.drop("row_id").equals(plain.rows.drop("row_id"))
    (made,) = results.document["produced"]
    assert made == {"version": "v2", "table": "test", "subjects": 6, "produced": 6, "kept": 0, "failed": []}
    source = results.document["study"]["algorithm"]["versions"]["v2"]["sources"]["test"]
    assert (source["folder"], source["format"]) == ("produced/v2/test", "csv")
    hashes = {
        name: {(one["table"], one["version"]): one["content_sha256"] for one in manifest["inputs"]}
        for name, manifest in (
            (name, json.loads((one.folder / "manifest.json").read_text()))
            for name, one in (("made", results), ("plain", plain))
        )
    }
    assert hashes["made"] == hashes["plain"]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_command_reads_and_writes_files_without_a_shell(make_study, form):
    how = f'command: [{sys.executable}, script.py, "{{input}}", "{{output}}", "{{subject}}"]'
    folder = producing(make_study, how)
    assert failed(produce.produce(load(folder))) == {
        "005": "ended with exit code 3",
        "006": "wrote no outputs",
    }
    echo = f'command: [{sys.executable}, -c, "import sys; sys.exit(len(sys.argv) - 2)", "$(x); {{output}}"]'
    study = load(producing(make_study, echo, tables={}, name="quoted"))
    assert set(failed_all(study)) == {"wrote no outputs"}


def failed_all(study) -> list[str]:
    with pytest.raises(ContractError) as caught:
        produce.produce(study)
    (violation,) = caught.value.violations
    assert "every subject failed to execute" in violation.message
    records = sorted((study.path / "produced" / "v2" / ".records" / "test").glob("*.json"))
    return [json.loads(path.read_text())["reason"] for path in records]


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("one_raises", "raised ValueError"),
        ("one_is_killed", "was ended by SIGKILL"),
        ("one_is_empty", "wrote no rows"),
        ("one_lacks_a_column", "raised ColumnNotFoundError"),
    ],
)
def test_one_subject_that_fails_stops_nobody_else(make_study, capsys, function, reason):
    folder = producing(make_study, f"python: model:{function}")
    assert main(["run", str(folder), "--json"]) == 6
    answer = json.loads(capsys.readouterr().out)
    folder_of_run = Path(answer["run"]["folder"] if isinstance(answer["run"], dict) else answer["folder"])
    document = json.loads((folder_of_run / "results.json").read_text())
    (made,) = document["produced"]
    assert made["failed"] == [{"subject": "002", "reason": reason}]
    assert (made["produced"], made["kept"]) == (5, 0)
    log = [json.loads(line) for line in (folder_of_run / "log.jsonl").read_text().splitlines()]
    (event,) = [one for one in log if one["event"] == "subject failed"]
    assert (event["subject"], event["reason"], event["version"]) == ("002", reason, "v2")
    assert "61.2" not in json.dumps(log) + json.dumps(document["produced"])
    pairs = pl.read_parquet(next((folder_of_run / "pairs").glob("*v2*.parquet")))
    report(folder_of_run, output=folder / "out", formats=("html",))
    assert f"1: 002 {reason}" in (folder / "out" / "report.html").read_text(encoding="utf-8").replace(
        "<wbr>", ""
    )
    lost = pairs.filter(pl.col("test_row").is_null())
    assert lost["subject"].unique().to_list() == ["002"]  # accounted for, as rows without an output
    capsys.readouterr()
    assert main(["run", str(folder)]) == 6
    printed = " ".join(capsys.readouterr().out.split())
    assert f"Produced, v2: 0 of 6 subjects; 5 were there; 1 failed to execute: 002 {reason}" in printed


def test_one_subject_that_takes_too_long_is_ended_with_all_it_started(make_study):
    folder = producing(make_study, "python: model:one_hangs", more="        timeout: 3 s\n")
    before = time.monotonic()
    assert failed(produce.produce(load(folder))) == {"002": "took longer than 3 s"}
    assert time.monotonic() - before < 60
    child = int((folder / "child.txt").read_text())
    for _ in range(100):
        state = Path(f"/proc/{child}/stat")
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            break
        time.sleep(0.05)
    else:
        pytest.fail("what the program started is still running")


def test_rows_of_other_subjects_are_refused(make_study):
    folder = producing(make_study, "python: model:one_is_of_others")
    reasons = failed(produce.produce(load(folder)))
    assert reasons == dict.fromkeys(SUBJECTS["subject"][1:], "wrote rows of other subjects")


def calls(folder: Path) -> list[str]:
    path = folder / "calls.txt"
    found = sorted(path.read_text().split()) if path.exists() else []
    path.unlink(missing_ok=True)
    return found


def test_what_was_produced_is_kept_by_its_content(make_study):
    folder = producing(make_study, "python: model:same")
    first = run(folder)
    assert calls(folder) == SUBJECTS["subject"]
    again = run(folder)
    assert calls(folder) == []
    assert again.document["produced"][0]["kept"] == 6
    assert again.rows.equals(first.rows)
    signals = folder / "data" / "signals.csv"
    frame = pl.read_csv(signals, infer_schema=False)
    frame.reverse().write_csv(signals)  # another order, the same content
    produce.produce(load(folder))
    assert calls(folder) == []
    frame.with_columns(
        rate=pl.when(pl.col("subject") == "003").then(pl.lit("88")).otherwise("rate")
    ).write_csv(signals)
    produce.produce(load(folder))
    assert calls(folder) == ["003"]
    (folder / "produced" / "v2" / "test" / "004.csv").write_text("tampered with")
    produce.produce(load(folder))
    assert calls(folder) == ["004"]
    frame.filter(pl.col("subject") != "006").write_csv(signals)
    produce.produce(load(folder))
    assert calls(folder) == ["003"]
    assert not (folder / "produced" / "v2" / "test" / "006.csv").exists()  # of nobody in the input
    (folder / "model.py").write_text(MODEL + "# another program\n")
    produce.produce(load(folder))
    assert calls(folder) == SUBJECTS["subject"][:5]
    text = (folder / "study.yaml").read_text()
    (folder / "study.yaml").write_text(text + "      artefact: {code: https://x.example.org/2}\n")
    produce.produce(load(folder))
    assert calls(folder) == SUBJECTS["subject"][:5]


def test_outputs_of_another_program_are_never_read(make_study):
    folder = producing(make_study, "python: model:same")
    run(folder)
    (folder / "model.py").write_text(
        MODEL.replace("    return rows\n\ndef one_raises", "    1 / 0\n\ndef one_raises")
    )
    with pytest.raises(ContractError, match="outputs of 6 of 6 subjects are not there"):
        check(folder)
    with pytest.raises(ContractError, match="every subject failed to execute"):
        run(folder)
    assert list((folder / "produced" / "v2" / "test").iterdir()) == []


def test_check_asks_for_outputs_and_produces_them_when_told(make_study, capsys):
    folder = producing(make_study, "python: model:one_raises")
    assert main(["check", str(folder)]) == 4
    assert "accordance check --produce" in " ".join(capsys.readouterr().err.split())
    assert main(["check", str(folder), "--produce", "--json"]) == 6
    answer = json.loads(capsys.readouterr().out)
    assert answer["produced"][0]["failed"] == [{"subject": "002", "reason": "raised ValueError"}]
    assert main(["check", str(folder)]) == 0
    checked, made = produce_and_examine(folder)  # the one that failed is tried again
    assert (made[0].kept, dict(made[0].failed)) == (5, {"002": "raised ValueError"})
    assert checked.study.versions == ("v1", "v2")


def test_a_file_a_subject_goes_in_as_it_is(make_study):
    how = f'command: [{sys.executable}, -c, "{COPY}", "{{input}}", "{{output}}"]'
    given = "{glob: 'data/night_*.bin', from_path: 'night_{subject}.bin'}"
    folder = producing(make_study, how, given=given)
    for name, part in (
        pl.DataFrame(rows(rate=V2, rhythm=RHYTHM_V2)).partition_by("subject", as_dict=True).items()
    ):
        part.drop("subject").write_csv(folder / "data" / f"night_{name[0]}.bin")
    results, plain = run(folder), run(make_study("plain"))
    assert results.rows.drop("row_id").equals(plain.rows.drop("row_id"))
    (folder / "data" / "night_002.bin").unlink()
    assert produce.produce(load(folder))[0].subjects == 5


COPY = "import shutil, sys; shutil.copyfile(*sys.argv[1:])"


def test_the_numbers_do_not_depend_on_workers(make_study):
    found = [
        run(producing(make_study, "python: model:one_raises", name=f"w{n}"), workers=n).rows for n in (1, 3)
    ]
    assert found[0].equals(found[1])


def test_an_interruption_ends_what_runs_and_keeps_what_is_done(make_study):
    folder = producing(make_study, "python: model:one_hangs", more="        timeout: 10 min\n")
    seen = threading.Event()

    def progress(what: str, _share: float) -> None:
        if "5 of 6" in what:
            seen.set()
            raise KeyboardInterrupt

    before = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        produce.produce(load(folder), workers=6, progress=progress)
    assert seen.is_set() and time.monotonic() - before < 60
    assert len(list((folder / "produced" / "v2" / ".records" / "test").glob("[!.]*.json"))) >= 5
    assert len(list((folder / "produced" / "v2" / "test").iterdir())) == 5


WRONG = {
    "two programs": (
        "command: ['x', '{output}']\n        python: a:b",
        "produce",
        "exactly one of `command`",
    ),
    "no program": ("output: csv", "produce", "exactly one of `command`"),
    "an unknown placeholder": ("command: [x, '{out}']", "produce.command", "there is no `{out}`"),
    "no output": ("command: [x]", "produce.command", "has to name the file it writes"),
    "no entry point": ("python: model", "produce.python", "expected a module and a function"),
    "no time": ("python: a:b\n        timeout: 3 days", "produce.timeout", "expected a time above 0"),
    "no such program": ("command: [no-such-program, '{output}']", "produce.command", "there is no program"),
    "no such module": ("python: no_such_module:f", "produce.python", "there is no module"),
    "no such table": ("python: model:same\n        table: tests", "produce.table", "there is no test table"),
    "an unknown key": ("python: model:same\n        time_out: 3 s", "produce.time_out", "unknown key"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_with_its_key(make_study, name):
    how, key, message = WRONG[name]
    with pytest.raises(ContractError) as caught:
        run(producing(make_study, how))
    (violation,) = caught.value.violations
    assert violation.key == f"algorithm.versions.v2.{key}"
    assert message in violation.message


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("data/none.csv", "there is no such file"),
        ("../other.csv", "may not contain"),
        ("{file: data/signals.csv, subject: person}", "has no column `person` that names the subject"),
        ("{glob: 'data/*.csv', from_path: 'night_{subject}.csv'}", "a file is not named like"),
        ("{file: a.csv, glob: b}", "exactly one of `file`, `glob`"),
        ("{glob: 'data/*', from_path: x}", "a pattern with `{subject}` in it"),
    ],
)
def test_inputs_that_are_none(make_study, given, message):
    with pytest.raises(ContractError) as caught:
        run(producing(make_study, "python: model:same", given=given))
    assert message in "".join(map(str, caught.value.violations))
