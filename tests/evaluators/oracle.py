"""The table of proof: what was matched against which reference, with how many values and how closely.

Tests call `compare`; `conftest.py` attaches the records to the reports, which worker processes send home, and
`tests/conftest.py`, which every run loads at its start, calls `summary` at the end of the run.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import numpy as np

if TYPE_CHECKING:
    from ledger import Ledger

Record = tuple[str, int, float, list[float]]
"""Method, number of values, worst relative error, and the finite reference values without their signs."""

NEAR_ZERO = 1e-12
"""Absolute errors up to this are none; a wider allowance (of a Monte-Carlo value) does not hide them."""

_records: list[Record] = []


def compare(method: str, got: Any, expected: Any, rel: float = 1e-8, abs: float = 1e-12) -> None:
    """Assert that numbers agree, and put them on record.

    Args:
        method: The line of the table they count in, such as `limits of agreement, MOVER`.
        got: A number, or a (nested) sequence of numbers.
        expected: The reference values, of the same shape. NaN is matched by NaN only.
        rel: Largest accepted relative error.
        abs: Accepted error where the reference is near zero.
    """
    found, wanted = np.asarray(got, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    assert found.shape == wanted.shape, f"{method}: shapes {found.shape} and {wanted.shape}"
    np.testing.assert_allclose(found, wanted, rtol=rel, atol=abs, err_msg=method)
    drawn = hypothesis.currently_in_test_context()  # other numbers in every run, and none of a reference
    values = [] if drawn else np.unique(np.abs(wanted[np.isfinite(wanted)])).tolist()
    _records.append((method, wanted.size, _worst(found, wanted, min(abs, NEAR_ZERO)), values))


def _worst(found: np.ndarray, wanted: np.ndarray, near_zero: float) -> float:
    """Largest relative error; near zero only the absolute error means something, and nothing is counted."""
    usable = np.isfinite(wanted) & np.isfinite(found) & (np.abs(wanted) > near_zero)
    error = np.abs(found[usable] - wanted[usable]) / np.abs(wanted[usable])
    return float(error.max(initial=0.0))


def taken() -> list[Record]:
    """Records since the last call."""
    records = list(_records)
    _records.clear()
    return records


def compared(passed: Iterable[Any]) -> dict[str, list[float]]:
    """File of tests -> the reference values that its tests compared with; of tests that passed."""
    found: dict[str, list[float]] = {}
    for report in passed:
        for *_, values in _of(report):
            found.setdefault(report.nodeid.split("::")[0], []).extend(values)
    return found


def summary(
    passed: Iterable[Any], skipped: Iterable[Any], file: Path, ledger: Ledger | None = None
) -> list[str]:
    """Lines for the end of a run, none where nothing was compared; the same goes into `file` as JSON.

    Args:
        passed: Reports of tests that passed.
        skipped: Reports of tests that were skipped, whose reasons belong below the table.
        file: Where the JSON goes.
        ledger: What became of every reference value, where all tests of statistics have run.
    """
    records = [record for report in passed for record in _of(report)]
    if not records:
        return []
    sums = _sums(records)
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in skipped
        if "tests/evaluators" in report.nodeid and isinstance(report.longrepr, tuple)
    )
    methods = [
        {"method": method, "values": count, "worst_relative_error": worst}
        for method, (count, worst) in sorted(sums.items())
    ]
    document: dict[str, Any] = {"methods": methods, "skipped": dict(sorted(reasons.items()))}
    if ledger is not None:
        document["ledger"] = ledger.document()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    values = sum(count for count, _ in sums.values())
    lines = [*_lines(sums), "", f"{len(sums)} methods, {values:,} values; {file.parent.name}/{file.name}"]
    lines += [f"skipped {count}: {reason}" for reason, count in sorted(reasons.items())]
    lines += [] if reasons else ["no test of a statistic was skipped"]
    return [*lines, *(["", *ledger.lines()] if ledger is not None else [])]


def table(records: Iterable[Record]) -> list[str]:
    """Lines of the table, one a method, in alphabetical order."""
    return _lines(_sums(records))


def _of(report: Any) -> list[Record]:
    """The records that came home with the report of a test."""
    return [tuple(value) for name, value in getattr(report, "user_properties", []) if name == "oracle"]


def _sums(records: Iterable[Record]) -> dict[str, tuple[int, float]]:
    """Method -> number of values, worst relative error."""
    sums: dict[str, tuple[int, float]] = {}
    for method, count, worst, _ in records:
        before = sums.get(method, (0, 0.0))
        sums[method] = (before[0] + count, max(before[1], worst))
    return sums


def _lines(sums: Mapping[str, tuple[int, float]]) -> list[str]:
    width = max([len("method"), *(len(method) for method in sums)])
    lines = [f"{'method':<{width}}  {'values':>6}  worst relative error"]
    lines += [
        f"{method:<{width}}  {count:>6}  {worst:.1e}" for method, (count, worst) in sorted(sums.items())
    ]
    return lines
