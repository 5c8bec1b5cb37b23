"""The ledger: what is written stays as it was written."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from accordance.protocols.errors import IntegrityError
from accordance.studies import ledger


def test_entries_chain(tmp_path):
    first = ledger.append(tmp_path, "lock", {"sha256": "a"}, who="A. Author", when="2026-01-02T03:04:05Z")
    second = ledger.append(tmp_path, "run", {"run": "b"})
    assert [entry["what"] for entry in ledger.read(tmp_path)] == ["lock", "run"]
    assert (first["seq"], first["previous"]) == (0, ledger.START)
    assert (second["seq"], second["previous"]) == (1, first["hash"])
    assert first["who"] == "A. Author"


def test_no_ledger_is_an_empty_one(tmp_path):
    assert ledger.read(tmp_path) == []


def test_bytes_that_are_no_text(tmp_path):
    ledger.append(tmp_path, "lock", {})
    (tmp_path / ledger.FILE).write_bytes(b"\xff\xfe")
    with pytest.raises(IntegrityError, match="no longer the text"):
        ledger.read(tmp_path)


def rewrite(tmp_path, change):
    path = tmp_path / ledger.FILE
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(change(lines)) + "\n", encoding="utf-8")


def edited(lines):
    entry = json.loads(lines[1])
    entry["who"] = "somebody else"
    return [lines[0], json.dumps(entry), lines[2]]


def forged(lines):
    entry = json.loads(lines[1])
    entry["who"] = "somebody else"
    entry["hash"] = ledger.digest(entry)
    return [lines[0], json.dumps(entry), lines[2]]


TAMPERING = {
    "edited": (edited, "ledger.jsonl:2: the line was changed"),
    "edited, with a fitting hash": (forged, "ledger.jsonl:3: the line before it"),
    "removed": (lambda lines: [lines[0], lines[2]], "ledger.jsonl:2: the line before it"),
    "first removed": (lambda lines: lines[1:], "ledger.jsonl:1: the line before it"),
    "swapped": (lambda lines: [lines[1], lines[0], lines[2]], "ledger.jsonl:1: the line before it"),
    "repeated": (lambda lines: [*lines, lines[2]], "ledger.jsonl:4: the line before it"),
    "cut": (lambda lines: [*lines[:2], lines[2][:20]], "ledger.jsonl:3: the line is not readable JSON"),
    "no object": (lambda lines: [lines[0], "[]"], "ledger.jsonl:2: the line was changed"),
}


@pytest.mark.parametrize(("change", "message"), TAMPERING.values(), ids=TAMPERING)
def test_tampering_is_found_on_reading_and_on_appending(tmp_path, change, message):
    for what in ("lock", "run", "run"):
        ledger.append(tmp_path, what, {})
    rewrite(tmp_path, change)
    before = (tmp_path / ledger.FILE).read_bytes()
    with pytest.raises(IntegrityError, match=message) as caught:
        ledger.read(tmp_path)
    assert caught.value.exit_code == 5
    with pytest.raises(IntegrityError):
        ledger.append(tmp_path, "run", {})
    assert (tmp_path / ledger.FILE).read_bytes() == before


APPEND = """
import pathlib, sys
from accordance.studies import ledger
for _ in range(20):
    ledger.append(pathlib.Path(sys.argv[1]), "run", {})
"""


def test_processes_append_one_after_the_other(tmp_path):
    workers = [subprocess.Popen([sys.executable, "-c", APPEND, str(tmp_path)]) for _ in range(3)]
    assert [worker.wait(timeout=60) for worker in workers] == [0, 0, 0]
    assert [entry["seq"] for entry in ledger.read(tmp_path)] == list(range(60))


def test_a_failed_write_leaves_the_ledger_as_it_was(tmp_path, monkeypatch):
    ledger.append(tmp_path, "lock", {})
    before = (tmp_path / ledger.FILE).read_bytes()

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        ledger.append(tmp_path, "run", {})
    assert (tmp_path / ledger.FILE).read_bytes() == before
