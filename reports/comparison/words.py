"""One comparison of two versions as the words and numbers a reader sees. Rounded here, computed elsewhere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...studies.comparison_words import TITLES
from ...studies.demographics import SMALL_CELL
from .. import format as fmt
from .. import rows as printed

Row = Mapping[str, Any]

STATES = {
    "superior": "met",
    "non_inferior": "met",
    "inferior": "not_met",
    "inconclusive": "not_evaluable",
    "not_evaluable": "not_evaluable",
}
"""The colour and sign of a decision: that of a criterion that is met, not met, or undecided."""

MULTIPLICITY = {
    "none": "none",
    "bonferroni": "Bonferroni",
    "holm": "Holm",
    "max_t": "maximal t",
}
POINTS = "\N{NO-BREAK SPACE}pp"
"""Unit of a difference of two percentages: 2 pp more is not 2% more."""
DASH = "\N{EN DASH}"


@dataclass(frozen=True)
class Text:
    """A comparison in print.

    Attributes:
        row: The record behind it.
        title: Title of the endpoint.
        candidate: The candidate.
        role: `primary` or `secondary`.
        baseline_value: What the baseline reached, with its unit.
        candidate_value: What the candidate reached.
        improvement: Oriented estimate; positive is better, of ratios above 1.
        interval: Its interval, one endpoint at a time.
        adjusted: The interval that decides where several endpoints do; a dash where none was adjusted.
        margin: Loss that is still acceptable; a dash where none was declared.
        decision: One of the words of `TITLES`, with "worse" where the whole interval lies below 0.
        state: For the eye: `met`, `not_met` or `not_evaluable`.
        words: The decision with its reason, in a sentence.
        subjects: Number of subjects.
        units: Number of units.
        notes: Reason, warning and error.
    """

    row: Row
    title: str
    candidate: str
    role: str
    baseline_value: str
    candidate_value: str
    improvement: str
    interval: str
    adjusted: str
    margin: str
    decision: str
    state: str
    words: str
    subjects: str
    units: str
    notes: tuple[str, ...]


def text(row: Row) -> Text:
    """A record of comparison.json in print."""
    adjusted = row.get("adjusted") or {}
    return Text(
        row=row,
        title=title(row),
        candidate=str(row["candidate"]),
        role=str(row["role"]),
        baseline_value=value(row, row.get("baseline_value")),
        candidate_value=value(row, row.get("candidate_value")),
        improvement=change(row, found(row).get("estimate")),
        interval=bounds(row, found(row)),
        adjusted=bounds(row, adjusted),
        margin=margin(row),
        decision=decision(row),
        state=STATES[str(row["decision"])],
        words=fmt.quoted(str(row.get("words") or "")),
        subjects=fmt.count(row.get("n_subjects")),
        units=fmt.count(row.get("n_units")),
        notes=tuple(
            dict.fromkeys(fmt.quoted(str(row[key])) for key in ("reason", "warning", "error") if row.get(key))
        ),
    )


def title(row: Row) -> str:
    """The endpoint's title; its identifier where it has none."""
    return str(row.get("title") or str(row["endpoint"]).replace("_", " ").capitalize())


def found(row: Row) -> Mapping[str, Any]:
    """Estimate and interval of the improvement; empty where there is none."""
    return row.get("improvement") or {}


def decision(row: Row) -> str:
    """The decision in one or two words.

    Example:
        >>> decision({"decision": "non_inferior", "worse": True})
        'Non-inferior, worse'
        >>> decision({"decision": "inferior", "worse": True})
        'Inferior'
    """
    said = str(row["decision"])
    worse = row.get("worse") and said != "inferior"
    return TITLES[said] + (", worse" if worse else "")


def is_ratio(row: Row) -> bool:
    """Whether versions are compared by their ratio."""
    return str(row.get("scale")) == "ratio"


def shown(row: Row, improvement: float) -> float:
    """An improvement as it is shown: ratios are analysed as logarithms, and read as ratios.

    Example:
        >>> shown({"scale": "difference"}, -0.5), round(shown({"scale": "ratio"}, 0.0953), 3)
        (-0.5, 1.1)
    """
    return math.exp(improvement) if is_ratio(row) else improvement


def null(row: Row) -> float:
    """Where nothing differs, as it is shown."""
    return 1.0 if is_ratio(row) else 0.0


def floor(row: Row) -> float | None:
    """The largest loss that is still acceptable, as it is shown."""
    declared = row.get("margin")
    if declared is None:
        return None
    return 1.0 / float(declared) if is_ratio(row) else -float(declared)


def limits(row: Row) -> tuple[float, ...]:
    """What rounding must not hide: no difference, and the margin."""
    low = floor(row)
    return (null(row),) if low is None else (null(row), low)


def hidden(part: Row) -> bool:
    """Whether a subgroup has so few subjects that a report shows only how few."""
    n = part.get("n_subjects")
    return n is not None and 0 < n < SMALL_CELL


def in_points(row: Row) -> bool:
    """Whether the difference is one of percentages."""
    return not is_ratio(row) and (printed.is_proportion(row) or printed.unit(row) == "%")


def unit(row: Row) -> str:
    """Unit of the improvement, for an axis; empty for a pure number."""
    if is_ratio(row):
        return ""
    return "percentage points" if in_points(row) else printed.unit(row).strip()


def value(row: Row, number: float | None) -> str:
    """What one version reached, with its unit."""
    if number is None or math.isnan(number):
        return DASH
    if printed.is_proportion(row):
        return fmt.percent(number)
    spread = None if is_ratio(row) else row.get("standard_error")
    return fmt.fixed(number, fmt.decimals_for(number, None, None, spread)) + printed.unit(row)


def _scaled(row: Row, number: float) -> float:
    """A shown improvement in the unit of print: proportions in percentage points."""
    return number * 100.0 if printed.is_proportion(row) and not is_ratio(row) else number


def decimals(row: Row, part: Row | None = None) -> int:
    """Decimals that an improvement and its bounds share: two digits of the interval's half-width."""
    numbers = found(row if part is None else part)
    estimate, lower, upper = (
        None if (end := numbers.get(name)) is None else _scaled(row, shown(row, end))
        for name in ("estimate", "lower", "upper")
    )
    return fmt.decimals_for(math.nan if estimate is None else estimate, lower, upper, None)


def change(row: Row, number: float | None, *, part: Row | None = None, units: bool = True) -> str:
    r"""One improvement or bound: signed on the scale of differences, plain on that of ratios.

    Args:
        row: The comparison, which knows unit, scale and margin.
        number: The improvement.
        part: The subgroup that it is of, where its interval gives the decimals.
        units: Whether the unit stands behind it.

    Example:
        >>> row = {"unit": "proportion", "scale": "difference", "margin": 0.02,
        ...        "improvement": {"estimate": -0.013, "lower": -0.0198, "upper": -0.006}}
        >>> change(row, -0.013), change(row, -0.0198, units=False)
        ('−1.30\xa0pp', '−1.98')
    """
    if number is None or math.isnan(number):
        return DASH
    value_ = _scaled(row, shown(row, number))
    marks = tuple(round(_scaled(row, mark), 10) for mark in limits(row))
    text_ = fmt.measurement(round(value_, 12), decimals(row, part), marks)
    if is_ratio(row):
        return "\u00d7" + text_
    signed = "+" + text_ if number > 0 else text_
    if not units:
        return signed
    return signed + (POINTS if in_points(row) else printed.unit(row))


def bounds(row: Row, numbers: Mapping[str, Any] | None, *, part: Row | None = None) -> str:
    """An interval of the improvement; a dash where there is none."""
    ends = [(numbers or {}).get(side) for side in ("lower", "upper")]
    if any(end is None or not math.isfinite(end) for end in ends):
        return DASH
    return " to ".join(change(row, end, part=part, units=False) for end in ends)


def margin(row: Row) -> str:
    """The margin as it was declared, with its unit."""
    declared = row.get("margin")
    if declared is None:
        return DASH
    return _with_unit(row, fmt.plain(round(_scaled(row, float(declared)), 10)))


def _with_unit(row: Row, text_: str) -> str:
    if is_ratio(row):
        return "\u00d7" + text_
    return text_ + (POINTS if in_points(row) else printed.unit(row))


def loss(row: Row, size: float | None) -> str:
    """The size of a loss on the scale of the improvement, with its unit; unsigned, as a margin is."""
    if size is None or not math.isfinite(size):
        return DASH
    number = abs(_scaled(row, float(size)))
    places = decimals(row) if found(row) else fmt.decimals_for(number, None, None, None)
    return _with_unit(row, fmt.fixed(number, places))


def method_title(name: str) -> str:
    """Short words for an interval method."""
    return printed.method_title(name)
