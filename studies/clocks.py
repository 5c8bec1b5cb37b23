"""What the alignment audits say, as parts of the results: how many clocks are known, how far off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from ..datasets.pairs import Pairs
from ..protocols.model import Protocol

MOST = 20
"""Sessions that are named in each list; the audit beside the pairs has all of them."""
QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)


def describe(protocol: Protocol, pairs: Mapping[tuple[str, str], Pairs]) -> list[dict[str, Any]]:
    """The clocks of every pairing with `alignment`, and version.

    Returns:
        One entry each: `pairing`, `version`, `by`, `search_s`, `drift` and `apply` (what the protocol asks),
        `sessions`, `resolved`, `applied`, `status` (status -> sessions), `offset_s` and `drift_ppm`
        (`quantiles` at 0, 25, 50, 75 and 100% of the resolved sessions, null without any), `half_width_s`
        (`median` and `widest` half width of the offsets' 95% intervals), `uncertain` (`lower`, `upper`:
        seconds by which test times may still be off, see `uncertainty`), `least_sure` (the resolved sessions
        with the widest intervals), `unresolved` (`session`, `status`, `reason`, `n_reference`, `n_test`), and
        `words`. Lists hold the first 20.
    """
    found = []
    for (name, version), own in pairs.items():
        rule, audit = protocol.pairings[name].alignment, own.clocks
        if rule is None or audit is None:
            continue
        resolved = audit.filter(pl.col("status") == "resolved")
        lost = audit.filter(pl.col("status") != "resolved")
        half = (resolved["offset_upper"] - resolved["offset_lower"]) / 2
        entry: dict[str, Any] = {
            "pairing": name,
            "version": version,
            "by": rule.by,
            "search": str(rule.search),
            "drift": rule.drift,
            "apply": rule.apply,
            "unresolved_are": rule.unresolved,
            "sessions": audit.height,
            "resolved": resolved.height,
            "applied": int(audit["applied"].sum()),
            "status": dict(audit.group_by("status").len().sort("status").iter_rows()),
            "offset_s": quantiles(resolved["offset_s"]),
            "drift_ppm": quantiles(resolved["drift_ppm"].drop_nulls()),
            "half_width_s": {"median": _number(half.median()), "widest": _number(half.max())},
            "uncertain": uncertainty(audit, applied=rule.apply),
            "least_sure": [_told(row) for row in resolved.sort(half, descending=True).head(MOST).to_dicts()],
            "unresolved": [_told(row) for row in lost.head(MOST).to_dicts()],
        }
        found.append({**entry, "words": _words(entry)})
    return found


def uncertainty(audit: pl.DataFrame, *, applied: bool) -> dict[str, float | None]:
    """By how many seconds test times may still be off, by the 95% intervals of the resolved sessions.

    Where the estimates were applied, what remains is their own uncertainty, of the widest interval. Where
    they were not, it is the offsets themselves with their intervals.

    Returns:
        `lower` and `upper`, both null where no clock is known.
    """
    known = audit.filter(pl.col("status") == "resolved")
    shift = known["offset_s"] if applied else known["offset_s"] * 0
    return {
        "lower": _number((known["offset_lower"] - shift).min()),
        "upper": _number((known["offset_upper"] - shift).max()),
    }


def quantiles(values: pl.Series) -> dict[str, float] | None:
    """Smallest, quartiles and largest; None of nothing."""
    if values.is_empty():
        return None
    return {f"{q:.0%}": float(values.quantile(q, interpolation="linear") or 0.0) for q in QUANTILES}


def session_name(row: Mapping[str, Any], columns: list[str]) -> str:
    """A session in words.

    Example:
        >>> session_name({"subject": "007", "night": 2}, ["subject", "night"])
        '007, night 2'
    """
    return ", ".join(
        str(row[name]) if name == "subject" else f"{name.replace('_', ' ')} {row[name]}" for name in columns
    )


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    columns = list(row)[: list(row).index("n_reference")]
    kept = (
        "status", "reason", "n_reference", "n_test", "n", "share", "offset_s", "offset_lower", "offset_upper",
        "drift_ppm", "agreement", "applied",
    )  # fmt: skip
    return {"session": session_name(row, columns), **{name: row[name] for name in kept}}


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _words(entry: Mapping[str, Any]) -> str:
    n, known = entry["sessions"], entry["resolved"]
    how = "applied to the test times" if entry["apply"] else "reported only"
    told = f"The clocks of {known:,} of {n:,} sessions could be estimated; the estimates are {how}."
    if known:
        off, half = entry["offset_s"], entry["half_width_s"]
        told += (
            f" Offsets lie from {off['0%']:+.2f} to {off['100%']:+.2f} s, half of them from "
            f"{off['25%']:+.2f} to {off['75%']:+.2f} s; their 95% intervals reach "
            f"{half['median']:.2f} s to each side in the middle session and {half['widest']:.2f} s in the "
            "least sure."
        )
    if entry["drift_ppm"]:
        drift = entry["drift_ppm"]
        told += f" Drifts lie from {drift['0%']:+.1f} to {drift['100%']:+.1f} ppm."
    if known < n:
        left = "are left out" if entry["unresolved_are"] == "excluded" else "stay in as they are"
        told += f" The other {n - known:,} sessions {left}."
    return told
