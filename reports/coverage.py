"""Coverage beside the errors: how much of the reference the device answered at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..protocols.context import EVENTS
from ..studies import slices
from ..studies.results import Results
from . import format as fmt
from . import rows as words


def lines(results: Results) -> list[dict[str, Any]]:
    """Rows of coverage, over all reference units of a set and by declared levels; none in older runs."""
    found = results.document.get("coverage", [])
    return [row for row in found if row["view"] == slices.PRIMARY and row["comparator"] is None]


def beside(results: Results, endpoint_id: str) -> str:
    """The coverage behind an endpoint's figures in a sentence, for the version that decides; empty without.

    Empty for coverage itself, too, and for an endpoint on columns whose coverage was not computed.
    """
    endpoint = slices.endpoint_of(results.protocol, endpoint_id)
    if endpoint.metric == slices.COVERAGE:
        return ""
    for row in lines(results):
        if row["by"] is not None:
            continue
        own = slices.endpoint_of(results.protocol, row["endpoint"])
        if row["version"] != results.deciding_version or (own.pairing, own.test) != (
            endpoint.pairing,
            endpoint.test,
        ):
            continue
        text = words.text(row)
        if row["error"]:
            return f"Coverage: not available ({row['error']})"
        interval = f" ({text.interval})" if row["ci_lower"] is not None else ""
        return (
            f"Coverage: {text.estimate}{interval}. The device gave an output for {text.count} reference "
            f"units of {text.subjects} subjects; the figures here speak of those only."
        )
    return ""


@dataclass(frozen=True)
class UnitsTable:
    """How the rows of one side became units of time, or outcomes of events.

    Attributes:
        title: Pairing and side in words.
        version: Version of the algorithm.
        steps: (title, sessions, rows) with what was read first and what was used last.
        n_units: Units of time that were made.
        without: (measure, reason, units) of units that have no value of a measure.
        became: What they became.
    """

    title: str
    version: str
    steps: tuple[tuple[str, str, str], ...]
    n_units: str
    without: tuple[tuple[str, str, str], ...] = ()
    became: str = "units of time"


def units(results: Results) -> list[UnitsTable]:
    """The accounting of rows that became units or outcomes; the reference's once, where it is the same."""
    entries: list[Mapping[str, Any]] = results.document.get("units", [])
    found: dict[tuple[Any, ...], UnitsTable] = {}
    pairings = results.protocol.pairings
    for entry in entries:
        steps = tuple(
            (step["title"], fmt.count(step["n_sessions"]), fmt.count(step["n_rows"]))
            for step in entry["steps"]
        )
        name = pairings[entry["pairing"]].title or entry["pairing"]
        several = f"{name}: " if len(pairings) > 1 else ""
        titled = results.protocol.tables[entry["table"]].title or entry["table"]
        table = UnitsTable(
            f"{several}{titled} ({entry['side']})",
            entry["version"],
            steps,
            fmt.count(entry["n_units"]),
            tuple(
                (one["title"], one["reason"], fmt.count(one["n_units"])) for one in entry.get("without", [])
            ),
            "outcomes of events" if pairings[entry["pairing"]].method == EVENTS else "units of time",
        )
        same = (entry["pairing"], entry["table"], steps, table.n_units, table.without)
        found.setdefault(same if entry["side"] == "reference" else (*same, entry["version"]), table)
    return list(found.values())
