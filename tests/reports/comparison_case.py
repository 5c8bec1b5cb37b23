"""A comparison's folder written by hand after its contract, so that its report is tested by itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from accordance.studies.results import Results, frame
from accordance.studies.schema import COLUMNS, SCHEMA_VERSION

BETTER, SAME, WORSE = 0.6, 0.0, -2.4
"""True improvements of the three candidates, in percentage points of a mean absolute percentage error."""

GROUPS = (("tone", "I-IV", 0.7), ("tone", "V-VI", 0.3), ("sex", "female", 0.5), ("sex", "male", 0.5))
"""Subgroup, level, share of the subjects."""


def numbers(estimate: float, half: float) -> dict[str, float]:
    """An estimate with a symmetric interval."""
    return {"estimate": estimate, "lower": estimate - half, "upper": estimate + half}


def decided(lower: float, upper: float, margin: float | None) -> str:
    """DESIGN.md, part 4."""
    if lower > 0:
        return "superior"
    if margin is not None and lower > -margin:
        return "non_inferior"
    return "inferior" if margin is not None and upper < -margin else "inconclusive"


def record(
    endpoint: str,
    candidate: str,
    values: np.ndarray[Any, Any],
    *,
    margin: float | None,
    unit: str,
    role: str,
    title: str,
    baseline_value: float,
) -> dict[str, Any]:
    """One object of `comparisons`, from the subjects' improvements."""
    estimate, half = float(values.mean()), float(2.0 * values.std(ddof=1) / np.sqrt(len(values)))
    wide = 1.3 * half
    better = "higher" if unit == "proportion" else "lower"
    difference = estimate if better == "higher" else -estimate
    adjusted = {"lower": estimate - wide, "upper": estimate + wide, "method": "max_t",
                "p_superior": 0.2, "p_non_inferior": 0.01}  # fmt: skip
    low, high = (
        (estimate - wide, estimate + wide) if role == "primary" else (estimate - half, estimate + half)
    )
    decision = decided(low, high, margin)
    return {
        "row_id": hashlib.sha256(f"{endpoint}{candidate}".encode()).hexdigest()[:16],
        "endpoint": endpoint, "title": title, "role": role,
        "metric": "mape" if unit == "percent" else endpoint,
        "statistic": endpoint, "unit": unit, "better": better, "scale": "difference", "margin": margin,
        "baseline": "v1", "candidate": candidate,
        "baseline_value": baseline_value, "candidate_value": baseline_value + difference,
        "difference": numbers(difference, half), "improvement": numbers(estimate, half),
        "adjusted": adjusted if role == "primary" else None,
        "ci_level": 0.95, "ci_method": "cluster_t", "standard_error": half / 2, "mc_error": None,
        "decision": decision, "worse": high < 0,
        "words": f"{decision.replace('_', ' ').capitalize()}: the interval says so.",
        "reason": None, "warning": None, "error": None,
        "n_subjects": len(values), "n_units": 120 * len(values),
        "left_out": {"baseline": 14 if candidate == "v4" else 0, "candidate": 0},
        "detectable": {"regression": 1.4 * wide, "power": 0.8},
        "further": None,
        "subgroups": [
            {"subgroup": name, "level": level,
             "improvement": numbers(estimate + (0.5 - share) * half, half / share),
             "n_subjects": int(share * len(values)), "decision": decision, "ci_method": "bootstrap_max_t"}
            for name, level, share in GROUPS
        ] + [{"subgroup": "tone", "level": "X", "improvement": numbers(0.123456, 9.9), "n_subjects": 3,
              "decision": "inconclusive"}],
    }  # fmt: skip


def write(
    folder: Path,
    document: Mapping[str, Any],
    *,
    names: Sequence[str] | None = None,
    endpoint: str = "mape",
    n: int = 80,
    subject_rows: bool = True,
    **changes: Any,
) -> Path:
    """The folder of a comparison of v1 with v2 (better), v3 (the same), and v4 (worse).

    Args:
        folder: Where to write it.
        document: The results.json whose study and protocol it is of.
        names: Subjects.
        endpoint: Identifier of the primary endpoint.
        n: Number of subjects, where they are not named.
        subject_rows: Whether single subjects are told.
        changes: Fields of comparison.json to replace; those of None are left out.
    """
    random = np.random.default_rng(6)
    subjects = [f"S{at:03}" for at in range(n)] if names is None else list(names)
    frames, rows = [], []
    plans = (
        (endpoint, "Mean absolute percentage error", "percent", 1.0, "primary", 6.0, 1.5, 1.0),
        ("within", "Within 5 beats/min", "proportion", 0.02, "secondary", 0.85, 0.02, 0.02),
        ("coverage", "Coverage", "proportion", 0.02, "primary", 0.96, 0.01, 0.001),
    )
    for name, title, unit, margin, role, value, spread, scale in plans:
        for candidate, truth in (("v2", BETTER), ("v3", SAME), ("v4", WORSE)):
            values = truth * scale + spread * random.standard_normal(len(subjects))
            rows.append(record(name, candidate, values, margin=margin, unit=unit, role=role, title=title,
                               baseline_value=value))  # fmt: skip
            frames.append(pl.DataFrame({
                "candidate": candidate, "endpoint": name, "subject": subjects, "n_units": 120,
                "baseline": value, "candidate_value": value - values, "improvement": values,
            }))  # fmt: skip
    order = ["inferior", "not_evaluable", "inconclusive", "non_inferior", "superior"]
    decisions = {}
    for candidate in ("v2", "v3", "v4"):
        own = [row for row in rows if row["candidate"] == candidate and row["role"] == "primary"]
        worst = min(own, key=lambda row: order.index(row["decision"]))
        decisions[candidate] = {
            "decision": worst["decision"], "worse": worst["worse"],
            "words": f"{candidate} is {worst['decision'].replace('_', ' ')} to v1.",
            "reasons": [f"{row['endpoint']}: {row['words']}" for row in own],
        }  # fmt: skip
    made = {
        "schema": "accordance/comparison/1",
        "run": {"id": folder.name, "started": "2026-03-01T10:15:00Z", "finished": "2026-03-01T10:15:09Z",
                "accordance": "0.1.0"},
        "study": document["study"], "protocol": document["protocol"],
        "protocol_sha256": document["protocol_sha256"], "algorithm": document["algorithm"],
        "baseline": "v1", "candidates": ["v2", "v3", "v4"], "overlap": True, "level": 0.95,
        "multiplicity": "max_t", "identical": [["v1", "v3"]], "decisions": decisions, "comparisons": rows,
        "comparability": {"units": [], "notes": ["14 units of v1 have no output in v4."]}, **changes,
    }  # fmt: skip
    folder.mkdir(parents=True)
    made = {key: value for key, value in made.items() if value is not None}
    (folder / "comparison.json").write_text(json.dumps(made), encoding="utf-8")
    (pl.concat(frames) if subject_rows else pl.concat(frames).clear()).write_parquet(
        folder / "subjects.parquet"
    )
    blank = dict.fromkeys(COLUMNS) | {"schema_version": SCHEMA_VERSION, "comparator": "v1"}
    frame([{**blank, "row_id": row["row_id"], "endpoint": row["endpoint"]} for row in rows]).write_parquet(
        folder / "results.parquet"
    )
    files = ("comparison.json", "results.parquet", "subjects.parquet")
    hashes = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files}
    manifest = {
        "results": hashes, "seed": 1,
        "inputs": [{"table": "reference", "version": None, "rows": 9600, "content_sha256": "ab" * 32}],
        "environment": {"packages": {"polars": "2.1.0"}, "python": "3.11.7", "implementation": "CPython",
                        "platform": "Linux"},
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def of(results: Results, folder: Path, **changes: Any) -> Path:
    """A comparison in the study of a run."""
    return write(folder, results.document, **changes)
