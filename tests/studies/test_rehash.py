"""Hashes of data files are remembered between commands, and not believed where a plan is to rest on them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from accordance.app.cli import main
from accordance.datasets import located
from accordance.protocols.errors import IntegrityError
from accordance.studies.check import examine
from accordance.studies.lock import FILE, lock

OLD = 1_700_000_000_000_000_000


@pytest.fixture
def study(make_study, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("ACCORDANCE_CACHE", raising=False)
    folder: Path = make_study()
    for path in (folder / "data").iterdir():
        os.utime(path, ns=(OLD, OLD))
    return folder


def swap(path: Path) -> None:
    """Other bytes in the same file, size and time."""
    text = path.read_text()
    before = path.stat()
    with path.open("r+") as file:
        file.write(text.replace("61.0", "61.5"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.read_text() != text
    assert path.stat().st_size == before.st_size


def test_files_are_hashed_once(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = [table.files for _, table in examine(study).tables.every()]

    def never(path: Path) -> str:
        raise AssertionError(f"{path} was hashed again")

    monkeypatch.setattr(located, "sha256_file", never)
    assert [table.files for _, table in examine(study).tables.every()] == first
    with pytest.raises(AssertionError, match="hashed again"):
        examine(study, rehash=True)


def test_lock_refuses_what_changed_without_a_trace(study: Path) -> None:
    examine(study)
    swap(study / "data" / "test_v1.csv")
    with pytest.raises(IntegrityError, match=r"data/test_v1\.csv"):
        lock(study, who="A. Author")
    assert not (study / FILE).exists()


def test_check_with_rehash(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(study)]) == 0
    assert main(["check", str(study), "--rehash"]) == 0
    swap(study / "data" / "test_v1.csv")
    assert main(["check", str(study)]) == 0
    capsys.readouterr()
    assert main(["check", str(study), "--rehash", "--json"]) == 5
    said = json.loads(capsys.readouterr().out)["error"]
    assert said["kind"] == "integrity"
    assert "data/test_v1.csv" in said["message"]
    assert "data/test_v2.csv" not in said["message"]


def test_the_cache_lies_where_the_environment_says(study: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("ACCORDANCE_CACHE", str(tmp_path / "elsewhere"))
    examine(study)
    assert not (study / ".accordance").exists()
    assert len(list((tmp_path / "elsewhere").rglob("*.json"))) == 4
