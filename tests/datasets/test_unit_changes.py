"""A change of unit between files is found, and people who differ are not taken for one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accordance.datasets import unit_changes
from accordance.datasets.places import Part, Places
from accordance.datasets.read import from_frame, read_table
from accordance.datasets.sources import Source
from accordance.protocols.errors import Violation
from accordance.protocols.model import Column, Table
from accordance.studies.check import examine
from accordance.studies.start import examples, init


def table(unit: str | None = "u") -> Table:
    return Table(
        key=("subject", "n"),
        columns={
            "subject": Column(type="text"),
            "n": Column(type="integer"),
            "x": Column(type="number", unit=unit),
        },
    )  # fmt: skip


def check(files: list[np.ndarray], unit: str | None = "u", **source: object) -> list[Violation]:
    frame = pl.DataFrame(
        {
            "subject": [f"{number}" for number, values in enumerate(files) for _ in values],
            "n": [row for values in files for row in range(len(values))],
            "x": np.concatenate(files),
        }
    )
    parts = Places(tuple(Part(f"{number}.csv", len(values)) for number, values in enumerate(files)))
    return unit_changes.check(frame, table(unit), Source(**source), parts)  # type: ignore[arg-type]


def people(centres: list[float], spread: float, seed: int = 0, rows: int = 200) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(centre, spread, rows) for centre in centres]


WARM, WARM_F = [36.1, 36.4, 36.5, 36.7, 36.8, 37.2], [97.0, 97.5, 98.0, 98.5, 99, 100.4]
RATES = [52.0, 61, 66, 70, 72, 75, 78, 84, 90, 105]
CASES = {
    "heart rate in Hz": ("1/min", RATES, 8, lambda x: x / 60, "`Hz`"),
    "temperature in Fahrenheit": ("degC", WARM, 0.3, lambda x: 1.8 * x + 32, "`degF`"),
    "temperature in Kelvin": ("degC", WARM, 0.3, lambda x: x + 273.15, "`K`"),
    "temperature in Celsius": ("degF", WARM_F, 0.5, lambda x: (x - 32) / 1.8, "`degC`"),
    "glucose in mmol/L": ("mg/dL", [90.0, 100, 110, 130, 150, 180], 25, lambda x: x / 18.016, "`mmol/L`"),
    "glucose in mg/dL": ("mmol/L", [5.0, 5.5, 6, 7.2, 8.3, 10], 1.4, lambda x: x * 18.016, "`mg/dL`"),
    "creatinine in umol/L": ("mg/dL", [0.7, 0.8, 0.9, 1.0, 1.1, 1.3], 0.1, lambda x: x * 88.42, "`umol/L`"),
    "pressure in kPa": ("mmHg", [105.0, 112, 120, 128, 135, 150], 9, lambda x: x * 0.133322, "`kPa`"),
    "saturation of 1": ("%", [95.0, 96, 96.5, 97, 97.5, 98], 1, lambda x: x / 100, "`fractions of 1`"),
    "milliseconds": ("s", [0.7, 0.75, 0.8, 0.85, 0.9, 1.1], 0.06, lambda x: x * 1000, "`ms`"),
    "anything": ("u", [3.0, 4, 5, 6, 7], 0.5, lambda x: x / 1000, "a unit 1,000 times as large"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("odd", [[0], [2], [1, 3]])
def test_files_in_another_unit_are_named(case: tuple, odd: list[int]) -> None:
    unit, centres, spread, convert, seems = case
    for seed in range(5):
        files = people(centres, spread, seed)
        changed = [convert(values) if number in odd else values for number, values in enumerate(files)]
        (violation,) = check(changed, unit)
        assert violation.examples == tuple(f"{number}.csv" for number in odd)
        assert f"as if in {seems}" in violation.message
        assert "`mixed_scales: [x]`" in violation.message
        assert check(files, unit) == []
        assert check(changed, unit, mixed_scales=("x",)) == []


def test_the_half_of_the_files() -> None:
    files = people(RATES, 8)
    (violation,) = check(
        [values / 60 if number % 2 else values for number, values in enumerate(files)], "1/min"
    )
    assert "5 of 10 files hold" in violation.message


def test_no_measurement_is_told() -> None:
    files = people(RATES, 8)
    files[3] = files[3] / 60
    (violation,) = check(files, "1/min")
    assert violation.found is None
    assert f"{np.median(files[3]):.1f}" not in str(violation)


SOUND = {
    "two files say nothing": ([60 + np.arange(50) / 10, 1 + np.arange(50) / 600], "1/min"),
    "a heavy person": (people([70.0, 72, 75, 77, 79, 165], 2), "kg"),
    "a restless subject": (people([4.0, 5, 6, 7, 9, 300], 1), "u"),
    "step counts from bed-bound to athlete": (people([0.5, 3, 10, 40, 100, 600, 3000], 0.2), "u"),
    "constant files": ([np.full(20, value) for value in (1.0, 1.0, 1.0, 1000.0)], "u"),
    "few rows": ([*people(RATES[:5], 8), np.array([1.0, 1.1])], "1/min"),
    "values around zero": (people([-0.1, 0.2, 0.0, 0.1, 100.0], 1), "u"),
    "no unit": ([*people(RATES[:5], 8), np.linspace(0.9, 1.2, 30)], None),
    "the same centre and another spread": ([*people(RATES[:5], 8), np.linspace(1.1749, 1.1751, 50)], "1/min"),
    "twice as large": (people([10.0, 11, 12, 24], 1), "u"),
    "all missing": ([np.full(20, np.nan)] * 4, "u"),
}  # fmt: skip


@pytest.mark.parametrize("case", SOUND.values(), ids=SOUND)
def test_files_that_are_right(case: tuple) -> None:
    files, unit = case
    clean = [values[np.isfinite(values)] for values in files]
    assert check(clean if any(map(len, clean)) else [np.array([1.0])] * 3, unit) == []


@settings(max_examples=150, deadline=None)
@given(
    unit=st.sampled_from([*unit_changes.SCALES, "u"]),
    centre=st.floats(0.1, 1000),
    between=st.floats(0.05, 0.4),
    within=st.floats(0.02, 0.4),
    files=st.integers(3, 30),
    seed=st.integers(0, 10_000),
)
def test_people_who_differ_are_no_change_of_unit(
    unit: str, centre: float, between: float, within: float, files: int, seed: int
) -> None:
    """Log-normal people, who differ by up to a factor of two or three."""
    rng = np.random.default_rng(seed)
    centres = centre * np.exp(rng.normal(0, between, files))
    assert check([one * np.exp(rng.normal(0, within, 60)) for one in centres], unit) == []


@pytest.mark.parametrize("csv", [True, False])
def test_on_reading(study: Path, refused: Callable, csv: bool) -> None:
    for number, values in enumerate(people(RATES, 8, rows=3000)):
        name = f"{number}.{'csv' if csv else 'parquet'}"
        scaled = values / 60 if number == 4 else values
        frame = pl.DataFrame({"subject": [str(number)] * 3000, "n": range(3000), "x": scaled})
        if csv:
            frame.write_csv(study / "data" / name)
        else:
            frame.write_parquet(study / "data" / name)
    how = {"base": study, "roots": {"data": "data"}}
    (violation,) = refused(read_table, "r", table("1/min"), Source(folder="data"), **how)
    assert str(violation.file).startswith("data/4.")
    source = Source(folder="data", mixed_scales=("x",))
    assert read_table("r", table("1/min"), source, **how).n_rows == 30_000


def test_a_frame_is_one_part() -> None:
    values = np.concatenate([np.full(50, 60.0), np.full(50, 1.0)])
    frame = pl.DataFrame({"subject": ["a"] * 100, "n": range(100), "x": values})
    assert from_frame("r", table("1/min"), frame).n_rows == 100


@pytest.mark.parametrize("name", [name for name in examples() if name != "hr-wear"])
def test_the_examples_file_by_file(tmp_path: Path, name: str) -> None:
    """Every subject of every example in a file of its own: none is taken for another unit."""
    init(tmp_path / name, example=name)
    checked = examine(tmp_path / name)
    looked_at = 0
    for _, data in checked.tables.every():
        contract = checked.study.protocol.tables[data.name]
        frame = data.frame.sort(contract.subject)  # type: ignore[union-attr]
        counts = frame.group_by(contract.subject, maintain_order=True).len()["len"].to_list()
        places = Places(tuple(Part(f"{number}.csv", count) for number, count in enumerate(counts)))
        assert unit_changes.check(frame, contract, Source(), places) == []
        looked_at += len(counts)
    assert looked_at > 10
