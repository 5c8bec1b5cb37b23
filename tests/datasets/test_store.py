"""The content-addressed store: whole, verified, bounded, safe to delete."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from accordance.datasets.store import Store, key_of
from accordance.protocols.errors import OutputError

FRAME = pl.DataFrame({"subject": ["001", "002"], "hr": [61.0, None]})
KEY = key_of("pairs", 1)


def put(store: Store, key: str = KEY, frame: pl.DataFrame = FRAME) -> None:
    store.put("pairs", key, frames={"pairs": frame}, facts={"n": frame.height})


def test_what_is_put_is_got(tmp_path: Path) -> None:
    put(Store(tmp_path))
    entry = Store(tmp_path).get("pairs", KEY)
    assert entry is not None
    assert entry.facts == {"n": 2}
    assert entry.frame("pairs").equals(FRAME)
    assert entry.has("pairs")
    assert not entry.has("clocks")


def test_other_names_and_kinds_are_not_there(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store)
    assert store.get("pairs", key_of("pairs", 2)) is None
    assert store.get("prepared", KEY) is None
    assert store.has("pairs", KEY)
    assert not store.has("prepared", KEY)


@pytest.mark.parametrize("name", ["pairs.parquet", "entry.json"])
@pytest.mark.parametrize("how", ["flip", "cut", "remove"])
def test_a_damaged_entry_is_removed_and_none(tmp_path: Path, name: str, how: str) -> None:
    store = Store(tmp_path)
    put(store)
    (file,) = tmp_path.rglob(name)
    data = bytearray(file.read_bytes())
    if how == "remove":
        file.unlink()
    elif how == "cut":
        file.write_bytes(data[: len(data) // 2])
    else:
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
    assert store.get("pairs", KEY) is None
    put(store)
    entry = store.get("pairs", KEY)
    assert entry is not None
    assert entry.frame("pairs").equals(FRAME)


def test_facts_that_were_changed_are_noticed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store)
    (file,) = tmp_path.rglob("entry.json")
    file.write_text(file.read_text().replace('"n": 2', '"n": 3'))
    assert store.get("pairs", KEY) is None


def test_deleting_everything_harms_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "cache")
    put(store)
    shutil.rmtree(tmp_path / "cache")
    assert store.get("pairs", KEY) is None
    assert store.trim() == 0
    put(store)
    assert store.get("pairs", KEY) is not None


def test_trimming_removes_what_was_used_longest_ago_and_keeps_what_this_run_used(tmp_path: Path) -> None:
    writer = Store(tmp_path)
    keys = [key_of(number) for number in range(4)]
    for age, key in enumerate(keys):
        put(writer, key)
        (file,) = (tmp_path / "pairs" / key[:2] / key).glob("entry.json")
        os.utime(file, (1_000_000 + age, 1_000_000 + age))
    size = sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file()) // 4
    reader = Store(tmp_path, limit=2 * size + size // 2)
    assert reader.get("pairs", keys[0]) is not None  # the oldest, and in use
    assert reader.trim() == 2
    assert [reader.has("pairs", key) for key in keys] == [True, False, False, True]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    child = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    left = tmp_path / f".partial-{child.stdout.strip()}-abcd"
    left.mkdir()
    mine = tmp_path / f".partial-{os.getpid()}-abcd"
    mine.mkdir()
    Store(tmp_path).trim()
    assert not left.exists()
    assert mine.exists()


def test_putting_the_same_twice_is_one_entry(tmp_path: Path) -> None:
    put(Store(tmp_path))
    put(Store(tmp_path))
    assert len(list(tmp_path.rglob("entry.json"))) == 1
    assert not list(tmp_path.glob(".partial-*"))


def test_a_folder_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder")
    with pytest.raises(OutputError, match="the cache cannot be written"):
        put(Store(tmp_path / "cache"))
