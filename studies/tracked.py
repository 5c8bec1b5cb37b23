"""What an experiment tracker is told of a comparison: numbers of groups, decisions, hashes, its place.

Nothing of a subject: neither keys nor values of one. What may name subjects (reasons, warnings, units left
out, training manifests) stays in the comparison's folder, and so does a group that is a single subject.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .comparison_folder import COMPARISON_FILE, Comparison
from .manifest import sha256_file
from .results import MANIFEST_FILE

EXTRACT_SCHEMA = "accordance/comparison-extract/1"
FEWEST = 2
"""Subjects of the smallest group whose numbers are told."""

_DOCUMENT = (
    "run", "protocol_sha256", "algorithm", "baseline", "candidates", "overlap", "level", "multiplicity",
    "family_size", "title", "identical", "locked",
)  # fmt: skip
_DECISION = ("decision", "worse", "worse_for")
_COMPARISON = (
    "row_id", "endpoint", "title", "role", "metric", "statistic", "statistic_title", "unit", "better",
    "scale", "margin", "limit", "baseline", "candidate", "baseline_value", "candidate_value", "difference",
    "improvement", "p_superior", "p_non_inferior", "adjusted", "ci_level", "ci_method", "standard_error",
    "mc_error", "decision", "worse", "n_subjects", "n_units", "pre_specified",
)  # fmt: skip
_SUBGROUP = (
    "row_id", "subgroup", "level", "label", "baseline_value", "candidate_value", "difference", "improvement",
    "standard_error", "n_subjects", "n_units", "decision", "worse",
)  # fmt: skip


@dataclass(frozen=True)
class Told:
    """One candidate of a comparison, as a tracker is told of it.

    Attributes:
        candidate: The version.
        decision: Its decision.
        decisions: Endpoint -> decision.
        metrics: (endpoint, statistic, subgroup and level if any, quantity) -> number.
        parameters: What the comparison was asked for and what it rests on.
        place: The comparison's folder, where its report lies, too; "" where it was not written.
    """

    candidate: str
    decision: str
    decisions: Mapping[str, str]
    metrics: Mapping[tuple[str, ...], float]
    parameters: Mapping[str, str | float]
    place: str


def told(found: Comparison) -> list[Told]:
    """What is told of each candidate, in order."""
    return [
        Told(
            candidate=candidate,
            decision=found.decision(candidate),
            decisions={one["endpoint"]: one["decision"] for one in _of(found, candidate)},
            metrics={name: value for one in _of(found, candidate) for name, value in _metrics(one)},
            parameters=_parameters(found, candidate),
            place="" if found.folder is None else str(found.folder.resolve()),
        )
        for candidate in found.candidates
    ]


def extract(found: Comparison) -> dict[str, Any]:
    """The content of comparison.json as far as it goes out: no subjects, no texts that may name them."""
    document = found.document
    return {
        "schema": EXTRACT_SCHEMA,
        "extract_of": _sha256(found, COMPARISON_FILE),
        "study": {name: document["study"].get(name) for name in ("id", "title")},
        **{name: document[name] for name in _DOCUMENT},
        "decisions": {
            name: {key: one[key] for key in _DECISION if key in one} for name, one in found.decisions.items()
        },
        "comparisons": [
            {
                **{key: one[key] for key in _COMPARISON},
                "subgroups": [{key: part[key] for key in _SUBGROUP} for part in _groups(one)],
            }
            for one in found.comparisons
        ],
    }


def names(
    keys: Mapping[tuple[str, ...], float], *, refused: str, joint: str, longest: int = 250
) -> dict[str, float]:
    r"""Metrics by names that a tracker accepts, each by its own.

    Args:
        keys: Parts of the name -> number.
        refused: Regular expression of the characters that it does not accept; they become `_`.
        joint: What stands between parts.
        longest: Characters that a name may have (250 in MLflow); a longer one ends in a hash of the whole.

    Example:
        >>> names({("mae", "age=65+"): 1.0, ("mae", "age=65/"): 2.0}, refused=r"[^\w.]", joint=".")
        {'mae.age_65_': 1.0, 'mae.age_65__2': 2.0}
    """
    found: dict[str, float] = {}
    for parts, value in keys.items():
        whole = joint.join(re.sub(refused, "_", part) for part in parts)
        if len(whole) > longest - 4:  # leaves room for a number that sets it apart
            mark = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
            whole = f"{whole[: longest - 18]}_{mark}"
        name, number = whole, 2
        while name in found:
            name, number = f"{whole}_{number}", number + 1
        found[name] = value
    return found


def _of(found: Comparison, candidate: str) -> list[dict[str, Any]]:
    return [one for one in found.comparisons if one["candidate"] == candidate]


def _groups(one: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Subgroups of an endpoint that are more than one subject."""
    return [part for part in one["subgroups"] if part["n_subjects"] >= FEWEST]


def _metrics(one: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], float]]:
    """Numbers of one endpoint, and of its subgroups; what could not be computed is no metric."""
    head = (one["endpoint"], one["statistic"])
    quantities = [((*head, *name), value) for name, value in _quantities(one)]
    for part in _groups(one):
        below = (*head, part["label"])
        quantities += [((*below, *name), value) for name, value in _quantities(part)]
    for key, value in quantities:
        if value is not None and math.isfinite(value):
            yield key, float(value)


def _quantities(one: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], float | None]]:
    yield ("baseline",), one["baseline_value"]
    yield ("candidate",), one["candidate_value"]
    yield ("improvement",), one["improvement"]["estimate"]
    for end in ("lower", "upper"):
        yield ("improvement", end), one["improvement"][end]
        if one.get("adjusted"):
            yield ("improvement", "adjusted", end), one["adjusted"][end]
    if "margin" in one:
        yield ("margin",), one["margin"]
        yield ("improvement", "limit"), one["limit"]
    yield ("n_subjects",), one["n_subjects"]


def _parameters(found: Comparison, candidate: str) -> dict[str, str | float]:
    document = found.document
    rests_on = {"comparison": found.run_id, "protocol_sha256": document["protocol_sha256"]}
    manifest = _sha256(found, MANIFEST_FILE)
    return {
        "study": document["study"]["id"],
        "algorithm": document["algorithm"],
        "baseline": found.baseline,
        "candidate": candidate,
        "level": document["level"],
        "multiplicity": document["multiplicity"],
        **rests_on,
        **({} if manifest is None else {"manifest_sha256": manifest}),
    }


def _sha256(found: Comparison, file: str) -> str | None:
    return None if found.folder is None else sha256_file(found.folder / file)
