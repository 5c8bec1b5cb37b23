"""Clocks as figures: offset and drift of each session, and a decision along errors of the clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from ...studies import slices
from ...studies.results import Results
from .. import format as fmt
from .. import rows as words
from .forest_row import finite
from .model import Axis, Curve, CurvePoint, Span, Turn


def sessions(results: Results, entry: Mapping[str, Any]) -> list[Curve]:
    """Offsets, and drifts where they were estimated, of the sessions of one pairing and version, in order.

    Args:
        results: An opened run.
        entry: One entry of `clocks` in results.json.
    """
    audit = results.clocks(entry["pairing"], entry["version"])
    if audit is None:
        return []
    known = audit.filter(pl.col("status") == "resolved")
    found = []
    for name, title, unit in (("offset", "Clock offset", "s"), ("drift", "Clock drift", "ppm")):
        middle = f"{name}_{unit}"
        rows = known.filter(pl.col(middle).is_not_null()).sort(middle)
        if rows.is_empty():
            continue
        numbers = rows.select(middle, f"{name}_lower", f"{name}_upper").rows()
        which = f"{_pairing(results, entry['pairing'])}, version {entry['version']}"
        without = (
            "" if rows.height == audit.height else f" {audit.height - rows.height:,} sessions have none."
        )
        ends = " to ".join(_signed(number[0], unit) for number in (numbers[0], numbers[-1]))
        found.append(
            Curve(
                name=f"clock-{name}-{entry['pairing']}-{entry['version']}",
                title=f"{title} by session: {which}",
                caption=f"{title} of {fmt.count(rows.height)} sessions in order of size with 95% intervals, "
                f"{which}.{without}",
                alt=f"{title} of {fmt.count(rows.height)} sessions in order of size, {which}: from {ends}."
                f"{without}",
                x=Axis("Sessions in order", None),
                y=Axis(title, unit),
                points=tuple(
                    CurvePoint(float(place), float(value), finite(lower), finite(upper))
                    for place, (value, lower, upper) in enumerate(numbers, 1)
                ),
                whole=True,
                joined=False,
            )
        )
    return found


def clock_tipping(results: Results, entry: Mapping[str, Any]) -> Curve | None:
    """The decision of one deciding endpoint along errors of the clock; None where there is no curve.

    Args:
        results: An opened run.
        entry: One entry of `clock_tipping` in results.json.
    """
    row_id = entry.get("row_id")
    if not entry["points"] or row_id is None:
        return None
    row = results.row(str(row_id))
    title, proportion = words.statistic_title(row), words.is_proportion(row)
    endpoint = slices.endpoint_of(results.protocol, entry["endpoint"])
    part = words.slice_words(row)
    which = f"version {entry['version']}" + (f", {part}" if part else "")
    turns = tuple(
        Turn(
            float(turn["at"]),
            f"{_said(turn['from'])} \u2192 {_said(turn['to'])} by {_signed(turn['at'], 's')}",
        )
        for turn in entry["turns"]
    )
    here = next(point for point in entry["points"] if point["at"] == 0)
    said = "; ".join(turn.label for turn in turns) or f"always {_said(here['decision'])}"
    goal = words.limits(row)
    span = _span(entry)
    spoken = "; ".join(
        f"at {_signed(one['at'], 's')}: {words.number(row, one['estimate'])}, {_said(one['decision'])}"
        for one in (entry["points"][0], here, entry["points"][-1])
    )
    return Curve(
        name=f"clock-tipping-{row_id}",
        title=f"{endpoint.title}: alignment tipping point",
        caption=f"{title} along further errors of the test device's clock, {which}. Filled: decided as "
        f"without an error ({_said(here['decision'])}); open: otherwise."
        + (f" Dash-dotted: goal {words.goal(row)}." if goal else "")
        + (f" Shaded: {span.label}." if span else "")
        + f" Decision: {said}.",
        alt=f"Alignment tipping-point plot of {endpoint.title}, {which}. {spoken}. Decision: {said}.",
        x=Axis("Error added to the test device's clock", "s"),
        y=Axis(title, None if proportion else words.unit(row).strip() or None, percent=proportion),
        points=tuple(
            CurvePoint(
                float(one["at"]),
                finite(one["estimate"]),
                finite(one["lower"]),
                finite(one["upper"]),
                other=one["decision"] != here["decision"],
            )
            for one in entry["points"]
        ),
        goal=goal,
        goal_label=f"goal {words.goal(row)}" if goal else "",
        turns=turns,
        span=span,
    )


def _span(entry: Mapping[str, Any]) -> Span | None:
    uncertain = entry["uncertain"]
    if not uncertain or uncertain["lower"] is None or uncertain["upper"] is None:
        return None
    low, high = float(uncertain["lower"]), float(uncertain["upper"])
    label = f"where the clocks may be by their 95% intervals, {_signed(low, 's')} to {_signed(high, 's')}"
    return Span(low, high, label)


def _pairing(results: Results, name: str) -> str:
    return results.protocol.pairings[name].title or name


def _said(decision: str) -> str:
    return str(decision).replace("_", " ")


def _signed(value: float, unit: str) -> str:
    """A number with its sign, to as many decimals as its size asks for.

    Example:
        >>> _signed(-12.345, "s"), _signed(0.1234, "s"), _signed(5.0, "s")
        ('−12.3 s', '+0.12 s', '+5 s')
    """
    text = f"{value:+.0f}" if value == round(value) else f"{value:+.{1 if abs(value) >= 10 else 2}f}"
    return f"{text.replace('-', chr(0x2212))} {unit}"
