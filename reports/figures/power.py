"""Power along the number of units: the saw-tooth of an exact test, and where the plan stands on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import format as fmt
from .model import Axis, Curve, CurvePoint, Turn


def power(calculation: Mapping[str, Any]) -> Curve | None:
    """The power curve of one calculation of `plan`; None where it has none.

    Args:
        calculation: One entry of `plan["calculations"]` in results.json.
    """
    points = calculation["curve"]
    if not points:
        return None
    wanted = float(calculation["expectations"]["power"])
    planned = calculation["planned"]
    turns = [Turn(float(calculation["n"]), f"needed: {fmt.count(calculation['n'])}")]
    if planned and planned["evaluable"] is not None and planned["evaluable"] <= points[-1]["n"]:
        turns.append(Turn(float(planned["evaluable"]), f"planned: {fmt.count(planned['evaluable'])}"))
    said = "; ".join(turn.label for turn in turns)
    title = calculation["title"]
    return Curve(
        name=f"power-{calculation['id']}",
        title=f"{title}: power",
        caption=f"Exact power for {title} along the number of evaluable {calculation['counted']}, around the "
        f"numbers that matter. Dash-dotted: the wanted power, {fmt.percent(wanted)}.",
        alt=f"Power curve for {title}, {fmt.count(points[0]['n'])} to {fmt.count(points[-1]['n'])} "
        f"{calculation['counted']}; {said}; wanted {fmt.percent(wanted)}.",
        x=Axis(f"Evaluable {calculation['counted']}"),
        y=Axis("Power", percent=True),
        points=tuple(CurvePoint(float(one["n"]), float(one["power"]), None, None) for one in points),
        goal=(wanted,),
        goal_label=f"wanted {fmt.percent(wanted)}",
        turns=tuple(turns),
        whole=True,
    )
