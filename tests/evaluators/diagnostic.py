"""The diagnostic reference (R packages and published tables): cases by id, and rows from counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np


def cases(folder: Path) -> dict[str, dict[str, Any]]:
    """Cases of `diagnostic/oracle.json` by id."""
    document = json.loads((folder / "diagnostic" / "oracle.json").read_text(encoding="utf-8"))
    return {case["id"]: case for case in document["cases"]}


def number(value: Any) -> float:
    """A number of the file, which writes NaN and infinities as text."""
    return float({"NaN": "nan", "NA": "nan", "Inf": "inf", "-Inf": "-inf"}.get(value, value))


def bounds(found: dict[str, Any]) -> tuple[float, float]:
    """(lower, upper) of an interval of the file."""
    return number(found["lower"]), number(found["upper"])


def table(case: dict[str, Any]) -> tuple[int, int, int, int]:
    """TP, FP, FN, TN of a case."""
    counts = case["inputs"]
    return counts["tp"], counts["fp"], counts["fn"], counts["tn"]


def rows(tp: int, fp: int, fn: int, tn: int) -> tuple[list[int], list[int]]:
    """Reference and test, one row a unit."""
    return [1] * (tp + fn) + [0] * (fp + tn), [1] * tp + [0] * fn + [1] * fp + [0] * tn


def clustered(case: dict[str, Any]) -> tuple[list[int], np.ndarray]:
    """Codes of the units and their clusters, from events and units of each cluster."""
    x, n = case["inputs"]["x_per_cluster"], case["inputs"]["n_per_cluster"]
    codes = [code for xi, ni in zip(x, n, strict=True) for code in [1] * xi + [0] * (ni - xi)]
    return codes, np.repeat(np.arange(len(n)), n)
