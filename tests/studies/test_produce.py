"""Outputs produced now: subject by subject, each by itself, kept by the content of input and artefact."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import polars as pl
import pytest

import accordance as ac
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
    assert is_gone(int((folder / "child.txt").read_text()))


def is_gone(process: int) -> bool:
    for _ in range(100):
        state = Path(f"/proc/{process}/stat")
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


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
    pl.concat(reversed(frame.partition_by("subject", maintain_order=True))).write_csv(signals)
    produce.produce(load(folder))  # subjects in another order, each one's rows as they were
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
    assert main(["check", str(folder), "--json"]) == 6  # there, and said
    answer = json.loads(capsys.readouterr().out)
    assert (answer["exit_code"], answer["produced"][0]["kept"]) == (6, 5)
    assert answer["produced"][0]["failed"] == [{"subject": "002", "reason": "raised ValueError"}]
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


def outputs_of(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "produced" / "v2" / "test").rglob("*") if path.is_file())


def test_outputs_of_nobody_with_an_input_are_neither_read_nor_kept(make_study):
    folder = producing(make_study, "python: model:same")
    produce.produce(load(folder))
    home, signals = folder / "produced" / "v2", folder / "data" / "signals.csv"
    frame = pl.read_csv(signals, infer_schema=False)
    frame.filter(pl.col("subject") != "006").write_csv(signals)
    for act in (check, lambda path: ac.compare(path, baseline="v1", candidates="v2")):
        with pytest.raises(ContractError) as caught:
            act(folder)
        (violation,) = caught.value.violations
        assert "1 file in produced/v2/test belong to no subject" in violation.message
        assert violation.found == "006.csv"
    (home / "test" / "deeper").mkdir()
    for left in ("test/deeper/x.csv", "test/.005.csv.4711", ".records/test/.005.json.4711"):
        (home / left).write_text("half")  # left by somebody, and by processes that were killed
    (made,) = produce.produce(load(folder))
    assert (made.subjects, made.produced, made.kept) == (5, 0, 5)
    assert outputs_of(folder) == [f"{name}.csv" for name in SUBJECTS["subject"][:5]]
    for hidden, ending in ((".records", "json"), (".logs", "txt")):
        names = sorted(path.name for path in (home / hidden / "test").iterdir())
        assert names == [f"{name}.{ending}" for name in SUBJECTS["subject"][:5]]
    check(folder)


def test_outputs_of_a_subject_whose_program_failed_are_not_read_either(make_study):
    folder = producing(make_study, "python: model:one_raises")
    produce.produce(load(folder))
    (folder / "produced" / "v2" / "test" / "002.csv").write_text("subject,epoch,rate,rhythm\n002,1,70,SR\n")
    with pytest.raises(ContractError, match="belong to no subject"):
        check(folder)


def test_another_order_of_a_subject_s_rows_is_another_input(make_study):
    folder = producing(make_study, "python: model:same")
    produce.produce(load(folder))
    calls(folder)
    signals = folder / "data" / "signals.csv"
    pl.read_csv(signals, infer_schema=False).reverse().write_csv(signals)
    produce.produce(load(folder))
    assert calls(folder) == SUBJECTS["subject"]  # signals are in order


CALL = 'import polars as pl\n\ndef f(rows, subject):\n    with open("calls.txt", "a") as calls:\n'
CALL += '        calls.write(subject + "\\n")\n    return rows.with_columns(pl.col("rate") + shift())\n'
SHIFT = "def shift():\n    return {}\n"
RUN = "import sys\nimport polars as pl\nfrom {} import shift\nsource, target = sys.argv[1:]\n"
RUN += "frame = pl.read_csv(source, schema_overrides={{'subject': pl.String}})\n"
RUN += "frame.with_columns(pl.col('rate') + shift()).write_csv(target)\n"
PROGRAMS = {
    "beside it in a package": ("python: pkg.algo:f", {"pkg/algo.py": "from .filters import shift\n" + CALL}),
    "by its whole name, in a folder that says of itself nothing": (
        "python: pkg.algo:f",
        {"pkg/algo.py": "from pkg.filters import *\n" + CALL, "pkg/__init__.py": None},
    ),
    "by way of another module": (
        "python: entry:f",
        {
            "entry.py": "def f(rows, subject):\n    import between\n    return between.f(rows, subject)\n",
            "between.py": "from pkg import filters\nshift = filters.shift\n" + CALL,
        },
    ),
    "by a name in a text": (
        "python: entry:f",
        {
            "entry.py": "import importlib\nshift = importlib.import_module('pkg.filters').shift\n" + CALL,
            "pkg/__init__.py": None,
        },
    ),
    "from a script": (
        f'command: [{sys.executable}, bin/x.py, "{{input}}", "{{output}}"]',
        {
            "bin/x.py": RUN.format("near"),
            "bin/near.py": "from deep.filters import *\n",
            "bin/deep/filters.py": SHIFT,
        },
    ),
    "from a module that a command runs": (
        f'command: [{sys.executable}, -m, pkg.main, "{{input}}", "{{output}}"]',
        {"pkg/main.py": RUN.format(".filters")},
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_outputs_are_made_again_where_a_module_changed_that_the_program_imports(make_study, name):
    how, files = PROGRAMS[name]
    given = {"pkg/__init__.py": "", "pkg/filters.py": SHIFT, **files}
    folder = producing(make_study, how)
    for place, text in given.items():
        if text is not None:
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            (folder / place).write_text(text.format(0) if text == SHIFT else text)
    (made,) = produce.produce(load(folder))
    assert (made.produced, dict(made.failed)) == (6, {})
    (folder / "unrelated.py").write_text("x = 1\n")
    assert produce.produce(load(folder))[0].kept == 6
    changed = folder / ("bin/deep/filters.py" if "bin/deep/filters.py" in given else "pkg/filters.py")
    changed.write_text(SHIFT.format(1))
    with pytest.raises(ContractError, match="outputs of 6 of 6 subjects"):
        check(folder)
    assert produce.produce(load(folder))[0].produced == 6
    first = pl.read_csv(folder / "produced" / "v2" / "test" / "001.csv")["rate"].to_list()
    assert first == pytest.approx([V2[0] + 1, V2[1] + 1])


def test_nothing_is_produced_with_a_model_file_that_is_another_one(make_study):
    folder = producing(make_study, "python: model:same")
    (folder / "weights.bin").write_bytes(b"right")
    sha256 = hashlib.sha256(b"right").hexdigest()
    text = (folder / "study.yaml").read_text()
    (folder / "study.yaml").write_text(text + f"      artefact: {{sha256: {{weights.bin: {sha256}}}}}\n")
    (folder / "weights.bin").write_bytes(b"wrong")
    with pytest.raises(ContractError, match=r"not the one that study\.yaml names"):
        run(folder)
    assert calls(folder) == []  # or else they would be kept, and pass for those of the right file
    (folder / "weights.bin").write_bytes(b"right")
    assert produce.produce(load(folder))[0].produced == 6


def test_numbers_become_numbers_and_names_stay_names(make_study):
    signals = {**rows(rate=V2, rhythm=RHYTHM_V2), "night": ["01", "10"] * 6, "count": [0, 7] * 6}
    folder = producing(make_study, "python: model:types", tables={"signals": signals})
    (folder / "model.py").write_text(
        "import polars as pl\n\ndef types(rows, subject):\n"
        "    assert rows['rate'].dtype == pl.Float64 and rows['count'].dtype == pl.Int64\n"
        "    assert rows['night'].to_list() == ['01', '10'] and rows['subject'][0] == subject\n"
        "    return rows.drop('night', 'count')\n"
    )
    assert failed(produce.produce(load(folder))) == {}


def test_what_a_program_leaves_running_is_ended_with_it(make_study):
    folder = producing(make_study, "python: model:leaves_something")
    (folder / "model.py").write_text(
        "import subprocess, sys\n\ndef leaves_something(rows, subject):\n"
        "    child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "    if subject == '002':\n        open('child.txt', 'w').write(str(child.pid))\n    return rows\n"
    )
    assert failed(produce.produce(load(folder))) == {}
    assert is_gone(int((folder / "child.txt").read_text()))


def test_a_command_is_what_it_says(make_study):
    """Spaces in paths, a program of the study without its folder, long code in a line, a file that lies."""
    folder = producing(make_study, 'command: [my tool, "{input}", "{output}", "--text=a b"]', name="a b")
    tool = folder / "my tool"
    tool.write_text('#!/bin/sh\n[ "$3" = "--text=a b" ] && cp "$1" "$2"\n')
    tool.chmod(0o755)
    assert failed(produce.produce(load(folder))) == {}
    tool.write_text(tool.read_text() + "# another one\n")
    assert produce.produce(load(folder))[0].produced == 6
    code = "import sys; open(sys.argv[1] + '.error', 'w').write('rate 61.2'); sys.exit(1)" + " " * 300
    study = load(producing(make_study, f"command: [{sys.executable}, -c, \"{code}\", '{{output}}']"))
    assert set(failed_all(study)) == {"ended with exit code 1"}  # and nothing that it says of its data


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
    assert len(list((folder / "produced" / "v2" / ".records" / "test").iterdir())) == 5
    assert len(list((folder / "produced" / "v2" / "test").iterdir())) == 5
    with pytest.raises(ContractError, match="outputs of 1 of 6 subjects are not there"):
        check(folder)  # whoever was interrupted did not fail, and is not left out
    text = (folder / "study.yaml").read_text()
    (folder / "study.yaml").write_text(text.replace("timeout: 10 min", "timeout: 2 s"))
    (made,) = produce.produce(load(folder))  # resumed
    assert (made.produced, made.kept, dict(made.failed)) == (0, 5, {"002": "took longer than 2 s"})


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_told_to_end_leaves_nothing_running(make_study, number):
    folder = producing(make_study, "python: model:one_hangs")
    code = "from accordance.app.cli import main; main()"
    words = [sys.executable, "-c", code, "run", str(folder), "--workers", "1"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        child = folder / "child.txt"
        until = time.monotonic() + 120
        while not (child.exists() and child.read_text()) and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted" in said
    assert is_gone(int(child.read_text()))
    assert outputs_of(folder) == ["001.csv"]
    assert not (folder / "runs").exists()


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


def test_a_comparison_says_whose_outputs_are_not_there_because_a_program_failed(make_study, capsys):
    folder = producing(make_study, "python: model:one_raises")
    produce.produce(load(folder))
    words = ["compare", str(folder), "--baseline", "v1", "--candidate", "v2"]
    note = "he program of v2 failed for 1 of 6 subjects, who have no outputs: 002 raised ValueError"
    assert main(words) == 4  # the others are compared where that is asked for
    assert note in " ".join(capsys.readouterr().err.split())
    assert main([*words, "--overlap"]) == 6
    assert note in " ".join(capsys.readouterr().out.split())
    assert main([*words, "--overlap", "--json"]) == 6
    answer = json.loads(capsys.readouterr().out)
    assert (answer["exit_code"], answer["produced"][0]["failed"][0]["subject"]) == (6, "002")
    assert f"t{note}" in answer["comparability"]["notes"]
    text = (Path(answer["folder"]) / "comparison.json").read_text() + (
        Path(answer["folder"]) / "log.jsonl"
    ).read_text()
    assert "61.2 of 002" not in text
    report(Path(answer["folder"]), output=folder / "out", formats=("html",))
    html = (folder / "out" / "report.html").read_text(encoding="utf-8").replace("<wbr>", "")
    assert f"T{note}" in html


def test_a_comparison_where_every_output_is_there_says_nothing_of_it(make_study):
    folder = producing(make_study, "python: model:same")
    produce.produce(load(folder))
    found = ac.compare(folder, baseline="v1", candidates="v2")
    assert found.document["produced"][0]["failed"] == []
    assert not any("program failed" in note for note in found.document["comparability"]["notes"])


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("pl.concat([rows, rows])", "the row repeats the key of an earlier row"),
        ("rows.drop('rate')", "rate"),
        ("rows.with_columns(rate=pl.lit('fast'))", "rate"),
        ("rows.with_columns(rate=pl.lit(-1))", "rate"),
        ("rows.with_columns(further=1)", "further"),
    ],
)
def test_outputs_that_violate_the_contract_stop_the_study_and_name_the_file(make_study, code, message):
    folder = producing(make_study, "python: model:f")
    (folder / "model.py").write_text(
        f"import polars as pl\n\ndef f(rows, subject):\n    return {code} if subject == '002' else rows\n"
    )
    with pytest.raises(ContractError) as caught:
        run(folder)
    said = "".join(map(str, caught.value.violations))
    assert message in said
    assert "produced/v2/test" in said
