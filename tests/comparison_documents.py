"""comparison.json by hand, as the schema `accordance/comparison/1` says, for tests of those who read it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from accordance.studies.comparison_folder import SUBJECT_COLUMNS
from accordance.studies.results import frame

WORST_FIRST = ("inferior", "not_evaluable", "inconclusive", "non_inferior", "superior")
WORDS = {
    "superior": "Superior: the whole interval lies above 0",
    "non_inferior": "Non-inferior: the interval lies above minus the margin",
    "inferior": "Inferior: the whole interval lies below minus the margin",
    "inconclusive": "Inconclusive: the interval holds minus the margin",
    "not_evaluable": "Not evaluable: no units in common",
}
IMPROVEMENTS = {
    "superior": (0.02, 0.01, 0.03),
    "non_inferior": (0.0, -0.01, 0.01),
    "inferior": (-0.05, -0.06, -0.04),
    "inconclusive": (-0.01, -0.03, 0.01),
    "not_evaluable": (None, None, None),
}


def row(
    decision: str, endpoint: str = "sensitivity", candidate: str = "v2", **changed: Any
) -> dict[str, Any]:
    """One comparison, whose numbers fit its decision at a margin of 0.02."""
    estimate, lower, upper = IMPROVEMENTS[decision]
    made = {
        "row_id": f"{endpoint}-{candidate}",
        "endpoint": endpoint,
        "title": endpoint.capitalize(),
        "role": "primary",
        "metric": "sensitivity",
        "statistic": "sensitivity",
        "unit": "proportion",
        "better": "higher",
        "scale": "difference",
        "margin": 0.02,
        "baseline": "v1",
        "candidate": candidate,
        "baseline_value": 0.95,
        "candidate_value": None if estimate is None else 0.95 + estimate,
        "difference": {"estimate": estimate, "lower": lower, "upper": upper},
        "improvement": {"estimate": estimate, "lower": lower, "upper": upper},
        "adjusted": None,
        "ci_level": 0.95,
        "ci_method": "bootstrap_t",
        "standard_error": 0.005,
        "mc_error": None,
        "decision": decision,
        "worse": upper is not None and upper < 0,
        "words": WORDS[decision],
        "reason": None,
        "warning": None,
        "error": None,
        "n_subjects": 200,
        "n_units": 400,
        "left_out": {"baseline": 0, "candidate": 0},
        "detectable": {"regression": 0.013, "power": 0.8},
        "further": None,
        "subgroups": [],
    }
    return {**made, **changed}


def comparison(*rows: Mapping[str, Any], **changed: Any) -> dict[str, Any]:
    """A comparison of these rows; candidates and their decisions follow from them."""
    candidates = list(dict.fromkeys(one["candidate"] for one in rows))
    decisions = {}
    for name in candidates:
        primary = [one["decision"] for one in rows if one["candidate"] == name and one["role"] == "primary"]
        worst = min(primary, key=WORST_FIRST.index) if primary else "not_evaluable"
        decisions[name] = {"decision": worst, "worse": False, "words": WORDS[worst], "reasons": []}
    made = {
        "schema": "accordance/comparison/1",
        "run": {
            "id": "20260101T000000Z_0a1b2c3d", "started": "2026-01-01T00:00:00Z",
            "finished": "2026-01-01T00:00:05Z", "accordance": "0.1.0",
        },
        "study": {"id": "made", "title": "A study made for a test"},
        "protocol": {"id": "made"},
        "protocol_sha256": "0" * 64,
        "algorithm": "wrist",
        "baseline": "v1",
        "candidates": candidates,
        "overlap": False,
        "level": 0.95,
        "multiplicity": "max_t",
        "family_size": sum(one["role"] == "primary" for one in rows),
        "title": None,
        "identical": [],
        "locked": True,
        "post_hoc": [],
        "decisions": decisions,
        "comparisons": [dict(one) for one in rows],
        "comparability": {"units": [], "notes": []},
    }  # fmt: skip
    return {**made, **changed}


def write(document: Mapping[str, Any], folder: Path, name: str = "20260101T000000Z_0a1b2c3d") -> Path:
    """The document in a comparison folder of a study."""
    place = folder / "comparisons" / name
    place.mkdir(parents=True)
    text = json.dumps(document).encode()
    (place / "comparison.json").write_bytes(text)
    manifest = {"results": {"comparison.json": hashlib.sha256(text).hexdigest()}}
    (place / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    frame([]).write_parquet(place / "results.parquet")
    pl.DataFrame(schema=SUBJECT_COLUMNS).write_parquet(place / "subjects.parquet")
    return place
