"""Every built-in reader does what is asked of plug-ins; a plug-in is found by its entry point."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import device_files
import polars as pl
import pytest

from accordance.datasets.readers import apple_health, edf, open_mhealth, registry, sas, wfdb_records
from accordance.datasets.readers.base import Opened, Reader, Rows, first_bytes, refuse
from accordance.datasets.readers.conformance import ReaderConformance
from accordance.datasets.sources import Reading


class TestEdfSignals(ReaderConformance):
    reader = edf.READER

    def write(self, path: Path) -> None:
        device_files.edf_of_one_rate(path)


class TestEdfAnnotations(TestEdfSignals):
    how = Reading(rows="annotations")


class TestWfdbSignals(ReaderConformance):
    reader = wfdb_records.READER
    # a header is text without a mark at its end; the files it names are held against it
    cut_is_seen = False

    def write(self, path: Path) -> None:
        device_files.wfdb(path)


class TestWfdbBeats(TestWfdbSignals):
    file = "100.hea"
    how = Reading(rows="beats", annotator="atr")


class TestWfdbAnnotations(ReaderConformance):
    reader = wfdb_records.READER
    file = "100.atr"
    how = Reading(rows="annotations")

    def write(self, path: Path) -> None:
        device_files.wfdb(path.with_suffix(".hea"))


class TestSas(ReaderConformance):
    reader = sas.READER

    def write(self, path: Path) -> None:
        device_files.xpt(path)


class TestAppleHealth(ReaderConformance):
    reader = apple_health.READER
    how = Reading(types=("HKQuantityTypeIdentifierHeartRate",))

    def write(self, path: Path) -> None:
        device_files.apple(path)


class TestOpenMHealth(ReaderConformance):
    reader = open_mhealth.READER

    def write(self, path: Path) -> None:
        device_files.mhealth(path)


class LinesReader(Reader):
    """A plug-in: one number a line after a first line `HR`, and `.` at the end."""

    name = "lines"
    title = "Numbers, one a line"
    endings = (".lines",)

    def open(self, path: Path, name: str, how: Reading) -> Opened:
        text = first_bytes(path, name, path.stat().st_size).decode("latin-1")
        if not text.startswith("HR\n") or not text.endswith("\n."):
            raise refuse("is not a file of lines.", name)
        try:
            return _Lines(path, [float(line) for line in text.split("\n")[1:-1]])
        except ValueError as error:
            raise refuse(f"holds a line that is no number: {error}.", name) from error


class _Lines(Opened):
    columns = ("hr",)

    def __init__(self, path: Path, values: list[float]) -> None:
        self.files = (path,)
        self._values = values

    def read(self, columns: Sequence[str]) -> Rows:
        return Rows(pl.DataFrame({"hr": self._values}).select(columns), {"hr": "bpm"})


class TestAPlugIn(ReaderConformance):
    reader = LinesReader()

    def write(self, path: Path) -> None:
        path.write_text("HR\n61\n62.5\n.")


class Careless(LinesReader):
    """What a careless author writes: it takes anything for data."""

    def open(self, path: Path, name: str, how: Reading) -> Opened:
        return _Lines(path, [float(len(line)) for line in path.read_bytes().split(b"\n")])


def test_the_conformance_test_finds_a_careless_reader(tmp_path: Path) -> None:
    class OfCareless(TestAPlugIn):
        reader = Careless()

    with pytest.raises(AssertionError, match="what is no such file was read"):
        OfCareless().test_what_is_no_such_file_is_refused_by_name(tmp_path)
    with pytest.raises(AssertionError, match="cut off after 10% of its bytes, it was read"):
        OfCareless().test_a_file_that_was_cut_off_is_refused(tmp_path)


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """`plugged(name=value, ...)`: as if packages had registered these readers."""

    def go(**points: str) -> None:
        group = registry.ENTRY_POINT_GROUP
        found = EntryPoints(EntryPoint(name, value, group) for name, value in points.items())
        monkeypatch.setattr(registry, "entry_points", lambda group: found)
        registry._table.cache_clear()

    yield go
    monkeypatch.undo()
    registry._table.cache_clear()


def test_a_plug_in_reads_a_table_and_is_sniffed(plugged: Any, take: Any, contract: Any, study: Path) -> None:
    plugged(lines=f"{__name__}:LinesReader")
    (study / "data" / "x.lines").write_text("HR\n61\n62.5\n.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = contract(key=("subject", "hr"), hr={"unit": "1/min", "type": "number"})
    table = table.model_copy(update={"time": "hr"})
    data = take(table, file="data/x.lines")
    assert data.frame["hr"].to_list() == [61.0, 62.5]
    assert "lines" in registry.formats()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("builtins:dict", "it is not an accordance Reader"),
        ("accordance.datasets.readers.edf:EdfReader", "the format `edf` is taken"),
        ("nowhere.at.all:Reader", "ModuleNotFoundError"),
    ],
)
def test_a_plug_in_that_cannot_be_used_is_told_and_leaves_the_others(
    value: str, words: str, plugged: Any
) -> None:
    plugged(bad=value)
    with pytest.warns(registry.ReaderPluginWarning, match=words):
        names = registry.formats()
    assert "edf" in names
