"""The tipping-point plot: the estimate along the number of errors, or the shift, among missing units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...studies import slices
from ...studies.results import Results
from .. import format as fmt
from .. import rows as words
from .builders import headline
from .forest_row import finite
from .model import Axis, Curve, CurvePoint, Turn

X_TITLES = {
    "errors": "Missing units that are errors, the others being correct",
    "shift": "Shift of the missing units from the observed mean difference",
}


def tipping(results: Results, entry: Mapping[str, Any]) -> Curve | None:
    """The curve of one deciding endpoint; None where its tipping point has no curve.

    Args:
        results: An opened run.
        entry: One entry of `missing` in results.json.
    """
    found = entry["tipping_point"]
    row = headline(results, entry["endpoint"], entry["version"])
    if not found or not found["points"] or row is None:
        return None
    endpoint = slices.endpoint_of(results.protocol, entry["endpoint"])
    errors = found["kind"] == "errors"
    title = words.statistic_title(row)
    proportion = words.is_proportion(row)
    turns = tuple(
        Turn(
            float(turn["at"]),
            f"{_said(turn['from'])} \u2192 {_said(turn['to'])} at {_place(turn['at'], errors=errors)}",
        )
        for turn in found["turns"]
    )
    said = "; ".join(turn.label for turn in turns) or f"always {_said(found['points'][0]['decision'])}"
    goal = words.limits(row)
    level = f"with its {fmt.level(row['ci_level'])} interval" if row["ci_level"] else "without interval"
    which = f"version {entry['version']}"
    ends = (found["points"][0], found["points"][-1])
    spoken = "; ".join(
        f"at {_place(one['at'], errors=errors)}: {words.number(row, one['estimate'])} "
        f"({words.number(row, one['lower'])} to {words.number(row, one['upper'])})"
        for one in ends
    )
    return Curve(
        name=f"tipping-{row['row_id']}",
        title=f"{endpoint.title}: tipping point",
        caption=f"{title} {level} along what the missing units might have been, {which}."
        + (f" Dash-dotted: goal {words.goal(row)}." if goal else "")
        + f" Decision: {said}.",
        alt=f"Tipping-point plot of {endpoint.title}, {which}. {spoken}. Decision: {said}.",
        x=Axis(X_TITLES[found["kind"]], None if errors else "SD"),
        y=Axis(title, None if proportion else words.unit(row).strip() or None, percent=proportion),
        points=tuple(
            CurvePoint(float(one["at"]), finite(one["estimate"]), finite(one["lower"]), finite(one["upper"]))
            for one in found["points"]
        ),
        goal=goal,
        goal_label=f"goal {words.goal(row)}" if goal else "",
        turns=turns,
        whole=errors,
    )


def _said(decision: str) -> str:
    return str(decision).replace("_", " ")


def _place(at: float, *, errors: bool) -> str:
    return fmt.count(int(at)) if errors else f"{fmt.fixed(float(at), 2)} SD"
