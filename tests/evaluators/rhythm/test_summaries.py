"""Summaries against every table of `sumstats` of WFDB 10.7.0 in the reference, line by line."""

from __future__ import annotations

import math
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent))

from reference_cases import annotators, oracle, real, records

from accordance.evaluators.rhythm.annotations import Annotations
from accordance.evaluators.rhythm.beats import BeatCounts, compare_beats
from accordance.evaluators.rhythm.episodes import EpisodeCounts, compare_episodes
from accordance.evaluators.rhythm.measurements import MeasurementError, compare_measurements, measurements_of
from accordance.evaluators.rhythm.runs import RunCounts, compare_runs
from accordance.evaluators.rhythm.summaries import (
    Summary,
    summarise_beats,
    summarise_episodes,
    summarise_measurements,
    summarise_runs,
    summarise_shutdowns,
)

ANNOTATORS = ("gqrs", "wqrs", "pa", "pb", "pc", "atr")


@cache
def beats(root: Path, annotator: str, mode: str = "wfdb_compat") -> dict[str, BeatCounts]:
    return {
        case.name.split("/")[0]: compare_beats(case.reference, case.test, case.fs, case.length, mode=mode)
        for case in real(root, "bxb")
        if case.name.endswith(f"/{annotator}")
    }


@cache
def runs(root: Path, annotator: str) -> dict[str, RunCounts]:
    return {
        case.name.split("/")[0]: compare_runs(case.reference, case.test, case.fs, case.length)
        for case in real(root, "rxr")
        if case.name.endswith(f"/{annotator}")
    }


def episodes(root: Path, mode: str = "wfdb_compat") -> dict[str, EpisodeCounts]:
    return {
        case.name: compare_episodes(case.reference, case.test, case.fs, case.length, mode=mode)
        for case in real(root, "epicmp")
    }


def errors(root: Path, mode: str = "wfdb_compat", **options: Any) -> dict[str, MeasurementError]:
    found = {}
    for record in oracle(root)["mxm"]:
        sides = [measurements_of(annotators(root)[record, name]) for name in ("hrr", "hrt")]
        fs, length = records(root)[record]
        found[record] = compare_measurements(sides[0], sides[1], fs, length, mode=mode, **options)
    return found


class Table:
    """A printed table: rows of records, then sums, gross and average values."""

    def __init__(self, lines: list[str]) -> None:
        rule = next(k for k, line in enumerate(lines) if line.startswith("____"))
        rows = [line.split() for line in lines[:rule]]
        self.records = {row[0]: row[1:] for row in rows if row and row[0] not in ("Record", "Measurement")}
        self.records = {
            name: row
            for name, row in self.records.items()
            if (row and row[0].strip("-.").isdigit()) or "." in row[0]
        }
        self.after = {row[0]: row[1:] for row in (line.split() for line in lines[rule + 1 :]) if row}


def cell(value: float, printed: str, digits: int) -> None:
    """A printed number is the value, rounded."""
    if printed == "-":
        assert math.isnan(value)
    else:
        assert abs(value - float(printed)) <= 0.501 * 10.0**-digits, (value, printed)


def hold(found: Summary, lines: list[str], names: list[str], digits: int | list[int]) -> None:
    """Counts of every record, their sums, and gross and average of the named statistics."""
    table = Table(lines)
    width = len(found.columns)
    assert list(table.records) == list(found.records)
    np.testing.assert_array_equal(
        found.counts, [[int(one) for one in row[:width]] for row in table.records.values()]
    )
    assert list(found.sums.values()) == [int(one) for one in table.after["Sum"][:width]]
    digits = [digits] * len(names) if isinstance(digits, int) else digits
    for row, kind in (("Gross", "gross"), ("Average", "average")):
        for name, printed, places in zip(names, table.after[row], digits, strict=False):
            cell(100 * getattr(found.statistics[name], kind), printed, places)


@pytest.mark.parametrize("annotator", ANNOTATORS)
def test_beats(reference_data: Path, annotator: str) -> None:
    given, lines = beats(reference_data, annotator), oracle(reference_data)["sumstats"]
    names = ["qrs_sensitivity", "qrs_ppv", "veb_sensitivity", "veb_ppv", "sveb_sensitivity", "sveb_ppv"]
    found = summarise_beats(given)
    hold(found, lines[f"{annotator}.bxb"], names, 2)
    table = Table(lines[f"{annotator}.bxb"])
    cell(found.statistics["rms_rr_error"].average, table.after["Average"][6], 2)
    for record, row in table.records.items():
        for name, printed in zip(names, row[19:25], strict=True):
            cell(getattr(given[record], name).percent, printed, 2)
        cell(given[record].rms_rr_error, row[25], 2)


@pytest.mark.parametrize("annotator", ANNOTATORS)
def test_beats_without_supraventricular(reference_data: Path, annotator: str) -> None:
    lines = oracle(reference_data)["sumstats"][f"{annotator}.bxbl"]
    names = ["qrs_sensitivity", "qrs_ppv", "veb_sensitivity", "veb_ppv", "veb_fpr"]
    hold(
        summarise_beats(beats(reference_data, annotator), supraventricular=False),
        lines,
        names,
        [2, 2, 2, 2, 3],
    )


@pytest.mark.parametrize("annotator", ANNOTATORS)
@pytest.mark.parametrize("supraventricular", [True, False])
def test_shutdowns(reference_data: Path, annotator: str, supraventricular: bool) -> None:
    lines = oracle(reference_data)["sumstats"][f"{annotator}.{'sd' if supraventricular else 'sdl'}"]
    given = beats(reference_data, annotator)
    found = summarise_shutdowns(given, supraventricular=supraventricular)
    classes = "NSVFQ" if supraventricular else "NVFQ"
    table = Table(lines)
    k = len(classes)
    for record, row in table.records.items():
        counts = found.counts[found.records.index(record)]
        seconds = row.index("seconds")
        printed = [*row[:k], row[seconds - 1], *row[seconds + 1 :]]
        wanted = dict(
            zip([*(f"{one}x" for one in classes), "seconds", *"NSVFQ"], map(int, printed), strict=True)
        )
        assert dict(zip(found.columns, counts.tolist(), strict=True)) == {
            name: wanted[name] for name in found.columns
        }
        for name, share in zip(["beats", *classes[:-1]], row[k:], strict=False):
            own = summarise_shutdowns({record: given[record]}, supraventricular=supraventricular)
            corrected = {record: BeatCounts("corrected", given[record].matrix, 0, 0, 1, 0)}
            assert own.records == (record,)
            cell(
                100 * summarise_shutdowns(corrected, supraventricular=supraventricular)
                .statistics[f"missed_{name}"].average, share, 2,
            )  # fmt: skip
    sums = list(found.sums.values())
    assert [*sums[:k], sums[k]] == [int(one) for one in table.after["Sum"][: k + 1]]
    if supraventricular:
        assert "Gross" not in table.after
        assert all(one.n == 0 for one in found.statistics.values())
        return
    for row, kind in (("Gross", "gross"), ("Average", "average")):
        for name, printed in zip(["beats", "N", "V", "F"], table.after[row], strict=False):
            cell(100 * getattr(found.statistics[f"missed_{name}"], kind), printed, 2)


@pytest.mark.parametrize("annotator", ANNOTATORS)
@pytest.mark.parametrize(("kind", "key"), [("ventricular", "ve"), ("supraventricular", "sve")])
def test_runs(reference_data: Path, annotator: str, kind: str, key: str) -> None:
    lines = oracle(reference_data)["sumstats"][f"{annotator}.{key}"]
    found = summarise_runs(runs(reference_data, annotator), kind=kind)
    hold(found, [line for line in lines if not line.startswith("(")], list(found.statistics), 0)


def test_episodes(reference_data: Path) -> None:
    lines = oracle(reference_data)["sumstats"]["af.epi"]
    found = summarise_episodes(episodes(reference_data))
    hold(found, [line for line in lines if not line.startswith("(")], list(found.statistics), 0)


def test_measurements(reference_data: Path) -> None:
    lines = oracle(reference_data)["sumstats"]["hr.mxm"]
    given = errors(reference_data)
    found = summarise_measurements(given)
    table = Table([line for line in lines if not line.startswith("(")])
    assert list(table.records) == list(found.records)
    for record, (error, mean) in table.records.items():
        cell(given[record].error, error, 4)
        assert f"{given[record].reference_mean:.6g}" == mean
    cell(found.statistics["error"].average, table.after["Average"][0], 4)
    cell(found.statistics["reference_mean"].average, table.after["Average"][1], 4)


def test_corrected_summaries(reference_data: Path) -> None:
    """Fusion beats called S count against S; shutdowns are whole; durations are not rounded."""
    compat, corrected = beats(reference_data, "pb"), beats(reference_data, "pb", "corrected")
    whole = sum(int(one.matrix[0, 6]) for one in corrected.values())
    total = sum(int(one.matrix[0].sum()) for one in corrected.values())
    half = summarise_shutdowns(compat, supraventricular=False).statistics["missed_N"]
    assert half.gross == pytest.approx(551 / 379648 / 2)
    assert summarise_shutdowns(corrected).statistics["missed_N"].gross == whole / total
    assert [summarise_beats(one).statistics["sveb_ppv"].gross for one in (compat, corrected)] == [
        96 / (244 + 96 + 5 + 4351),
        sum(int(one.matrix[1, 1]) for one in corrected.values())
        / sum(one.sveb_ppv.denominator for one in corrected.values()),
    ]
    assert sum(int(one.matrix[3, 1]) for one in corrected.values()) > 0
    found = summarise_episodes(episodes(reference_data, "corrected")).statistics["duration_sensitivity"]
    assert found.gross == pytest.approx(0.9072210364554912, abs=1e-6)  # from the printed seconds
    assert found.average == pytest.approx(0.8432648959165913, abs=1e-6)


def test_what_cannot_be_summarised(reference_data: Path) -> None:
    with pytest.raises(ValueError, match="There are no records"):
        summarise_beats({})
    nothing = Annotations.of([], [])
    mixed = {
        mode: compare_beats(nothing, nothing, 360, 7200, start=0, mode=mode)
        for mode in ("wfdb_compat", "corrected")
    }
    with pytest.raises(ValueError, match="different modes"):
        summarise_beats(mixed)
    with pytest.raises(ValueError, match="accepted: ventricular, supraventricular"):
        summarise_runs(runs(reference_data, "gqrs"), kind="VE")
