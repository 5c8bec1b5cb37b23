"""The registry of sleep measures as tables."""

from __future__ import annotations

from generate_functions import cell
from generate_statistics import table

from accordance.evaluators.sleep.definitions import DEFINITIONS, UNITS

TITLES = {
    "trt": "Total recording time",
    "tst": "Total sleep time",
    "sol": "Sleep onset latency",
    "lps": "Latency to persistent sleep",
    "spt": "Sleep period time",
    "waso": "Wake after sleep onset",
    "se": "Sleep efficiency",
    "sme": "Sleep maintenance efficiency",
    "rem_latency": "REM latency",
    "awakenings": "Awakenings",
    "transitions": "Transitions between stages",
    "sfi": "Sleep fragmentation index",
    "minutes": "Minutes of each stage",
    "percent": "Percentage of each stage",
}


def definitions() -> str:
    """One section a measure: its definitions, the default first and why."""
    parts = []
    for measure, group in DEFINITIONS.items():
        rows = [f"| `{one.id}` | {cell(one.words)} | {cell(one.source)} |" for one in group]
        title = f"## {TITLES[measure]} (`{measure}`, {UNITS[measure]})"
        parts += [title, table("| id | what | source |", rows), f"Default `{group[0].id}`: {group[0].why}"]
    return "\n\n".join(parts)
