"""Hashes are remembered by size, time and inode, and held against the bytes where that is asked for."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from accordance.datasets.hash_cache import SETTLED, HashCache, state_of
from accordance.datasets.provenance import file_record, sha256_file
from accordance.protocols.errors import IntegrityError, OutputError

OLD = 1_700_000_000_123_456_789


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "x.bin"
    settled(path, b"abc")
    return path


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def settled(path: Path, content: bytes, when: int = OLD) -> None:
    path.write_bytes(content)
    os.utime(path, ns=(when, when))


def entries(cache: Path) -> list[Path]:
    return sorted(path for path in cache.rglob("*") if path.is_file())


def counting(path: Path, done: list[int]) -> Callable[[], str]:
    def compute() -> str:
        done.append(1)
        return sha256_file(path)

    return compute


def asked(cache: HashCache, path: Path, done: list[int]) -> str:
    return cache.sha256(path.name, lambda: state_of(path), counting(path, done))


def test_bytes_are_read_once(data: Path, cache: Path) -> None:
    done: list[int] = []
    for _ in range(3):
        assert asked(HashCache(cache), data, done) == hashlib.sha256(b"abc").hexdigest()
    assert len(done) == 1
    assert len(entries(cache)) == 1


def test_without_a_folder_nothing_is_remembered(data: Path) -> None:
    done: list[int] = []
    known = HashCache()
    assert asked(known, data, done) == asked(known, data, done)
    assert len(done) == 2


@pytest.mark.parametrize("change", ["size", "time", "inode"])
def test_a_change_that_shows_is_seen(data: Path, cache: Path, change: str) -> None:
    done: list[int] = []
    asked(HashCache(cache), data, done)
    if change == "size":
        settled(data, b"abcd")
    elif change == "time":
        settled(data, b"abd", OLD + 1)
    else:
        other = data.with_name("other")
        settled(other, b"abd")
        other.replace(data)
    assert asked(HashCache(cache), data, done) == hashlib.sha256(data.read_bytes()).hexdigest()
    assert len(done) == 2
    HashCache(cache, rehash=True).verify()


def test_a_change_that_does_not_show_is_found_by_hashing_again(data: Path, cache: Path) -> None:
    before = file_record(data, "data/x.bin", HashCache(cache)).sha256
    settled(data, b"abd")
    assert file_record(data, "data/x.bin", HashCache(cache)).sha256 == before, "same size, time and inode"
    for _ in range(2):  # refused again, until somebody acts on it
        again = HashCache(cache, rehash=True)
        assert file_record(data, "data/x.bin", again).sha256 == hashlib.sha256(b"abd").hexdigest()
        with pytest.raises(IntegrityError, match=r"data/x\.bin") as caught:
            again.verify()
        assert caught.value.exit_code == 5
    os.utime(data, ns=(OLD + 5, OLD + 5))
    again = HashCache(cache, rehash=True)
    file_record(data, "data/x.bin", again)
    again.verify()


def test_all_changed_files_are_named(tmp_path: Path, cache: Path) -> None:
    paths = [tmp_path / f"{name}.bin" for name in "abc"]
    for path in paths:
        settled(path, b"1")
        file_record(path, path.name, HashCache(cache))
    for path in paths[:2]:
        settled(path, b"2")
    again = HashCache(cache, rehash=True)
    for path in paths:
        file_record(path, path.name, again)
    with pytest.raises(IntegrityError) as caught:
        again.verify()
    assert "a.bin, b.bin." in str(caught.value)


DAMAGE = {
    "empty": lambda text: "",
    "cut": lambda text: text[: len(text) // 2],
    "no object": lambda text: "[1, 2]",
    "binary": lambda text: "\0\1\2",
    "another hash": lambda text: text.replace(json.loads(text)["sha256"], "0" * 64),
    "another size": lambda text: text.replace('"size": 3', '"size": 4'),
    "no hash": lambda text: text.replace('"sha256"', '"sha"'),
    "odd type": lambda text: text.replace('"' + json.loads(text)["sha256"] + '"', "17"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("rehash", [False, True])
def test_a_damaged_entry_is_no_entry(
    data: Path, cache: Path, damage: Callable[[str], str], rehash: bool
) -> None:
    done: list[int] = []
    asked(HashCache(cache), data, done)
    (entry,) = entries(cache)
    whole = entry.read_text()
    entry.write_text(damage(whole))
    again = HashCache(cache, rehash=rehash)
    assert asked(again, data, done) == hashlib.sha256(b"abc").hexdigest()
    again.verify()
    assert len(done) == 2
    assert entry.read_text() == whole, "written again"


def test_a_file_just_written_is_not_remembered(data: Path, cache: Path) -> None:
    """A second change within the clock's step would leave no trace."""
    data.write_bytes(b"abc")
    file_record(data, "x", HashCache(cache))
    assert entries(cache) == []
    long_ago = time.time_ns() - 2 * SETTLED
    os.utime(data, ns=(long_ago, long_ago))
    file_record(data, "x", HashCache(cache))
    assert len(entries(cache)) == 1


def test_a_file_that_changes_while_it_is_hashed_is_not_remembered(data: Path, cache: Path) -> None:
    def compute() -> str:
        found = sha256_file(data)
        settled(data, b"abcdef")
        return found

    HashCache(cache).sha256("x", lambda: state_of(data), compute)
    assert entries(cache) == []


def test_a_cache_that_cannot_be_written_is_no_failure(data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert file_record(data, "x", HashCache(tmp_path / "file")).sha256 == hashlib.sha256(b"abc").hexdigest()


def test_the_folder_may_vanish_at_any_time(data: Path, cache: Path) -> None:
    known = HashCache(cache)
    file_record(data, "x", known)
    for entry in entries(cache):
        entry.unlink()
    assert file_record(data, "x", known).sha256 == hashlib.sha256(b"abc").hexdigest()
    assert len(entries(cache)) == 1


def test_a_link_is_the_file_it_points_to(data: Path, cache: Path) -> None:
    link = data.with_name("link.bin")
    link.symlink_to(data)
    assert state_of(link) == state_of(data)


def test_a_missing_file(tmp_path: Path, cache: Path) -> None:
    with pytest.raises(OutputError, match="cannot be read"):
        file_record(tmp_path / "none", "none", HashCache(cache))


MANY = """
import hashlib, sys
from pathlib import Path
from accordance.datasets.hash_cache import HashCache
from accordance.datasets.provenance import file_record

cache, deletes, paths = Path(sys.argv[1]), sys.argv[2] == "deletes", [Path(name) for name in sys.argv[3:]]
for _ in range(50):
    for path in paths:
        found = file_record(path, "x", HashCache(cache)).sha256
        assert found == hashlib.sha256(path.read_bytes()).hexdigest()
        for entry in cache.rglob("*.json") if deletes else ():
            entry.unlink(missing_ok=True)
"""


def test_two_processes(tmp_path: Path, cache: Path) -> None:
    paths = [tmp_path / f"{number}.bin" for number in range(6)]
    for number, path in enumerate(paths):
        settled(path, bytes([number]) * 100)
    workers = [
        subprocess.Popen([sys.executable, "-c", MANY, str(cache), what, *map(str, paths)])
        for what in ("keeps", "keeps", "deletes")
    ]
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    assert not [path for path in entries(cache) if path.suffix != ".json"]
