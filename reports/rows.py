"""One results row as the words and numbers a reader sees, rounded by the stated rule."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..evaluators import registry
from ..evaluators.intervals import METHODS
from ..studies import judge
from ..studies.demographics import SMALL_CELL
from . import format as fmt

Row = Mapping[str, Any]

VIEW_WORDS = {
    "primary": "Primary view",
    "classifiable_only": "Classifiable only",
    "as_positive": "Indeterminate as positive",
    "as_negative": "Indeterminate as negative",
    "complete_case": "Missing units left out",
    "worst_case": "Missing units as errors",
    "best_case": "Missing units as correct",
    "multiple_imputation": "Missing units imputed",
}


@dataclass(frozen=True)
class RowText:
    """A row in print.

    Attributes:
        row_id: The row's identifier in the results.
        statistic: Its title.
        estimate: Rounded estimate with its unit, or a dash.
        interval: Rounded interval, or a dash.
        interval_note: Level, sides and method.
        count: `n/N` or units.
        subjects: Number of subjects.
        criterion: The criterion in words; empty without one.
        decision: Decision with the interval's own word; empty where it is informative.
        brief: The same without the reason, where the study and not the statistic took the decision away: that
            reason holds for many rows and stands on the first page.
        state: `met`, `not_met`, `not_evaluable` or `informative`, for the eye.
        notes: Warnings and errors.
        post_hoc: The row differs from the locked plan or was not in it, and is stamped so.
    """

    row_id: str
    statistic: str
    estimate: str
    interval: str
    interval_note: str
    count: str
    subjects: str
    criterion: str
    decision: str
    brief: str
    state: str
    notes: tuple[str, ...]
    post_hoc: bool


def hidden(row: Row) -> bool:
    """Whether the row speaks of so few subjects of a subgroup that a report shows only how few.

    Example:
        >>> hidden({"subgroup": "race", "by": None, "n_subjects": 2})
        True
        >>> hidden({"subgroup": None, "by": None, "n_subjects": 2})
        False
    """
    part = row["subgroup"] is not None or row["by"] is not None
    return part and row["n_subjects"] is not None and 0 < row["n_subjects"] < SMALL_CELL


def _few(row: Row) -> RowText:
    """A row of a handful of subjects: what it is, not what was found."""
    few = f"<{SMALL_CELL}"
    return RowText(
        str(row["row_id"]), statistic_title(row), "not shown", "\u2013", "", few, few, criterion(row), "", "",
        "informative", (), row["pre_specified"] is False,
    )  # fmt: skip


def text(row: Row) -> RowText:
    """A row in print; rows of a handful of subjects are hidden by the stated rule."""
    if hidden(row):
        return _few(row)
    decision = str(row["decision"] or "informative")
    said = _said(row, decision)
    return RowText(
        row_id=str(row["row_id"]),
        statistic=statistic_title(row),
        estimate=estimate(row),
        interval=interval(row),
        interval_note=interval_note(row),
        count=fmt.fraction(row["n_events"], row["n_units"]),
        subjects=fmt.count(row["n_subjects"]),
        criterion=criterion(row),
        decision=said,
        brief=_brief(row) or said,
        state=decision,
        notes=tuple(fmt.quoted(str(row[name])) for name in ("warning", "error") if row[name]),
        post_hoc=row["pre_specified"] is False,
    )


def _said(row: Row, decision: str) -> str:
    """The decision in words; of rows that inform only, nothing, but for a limit that nobody has confirmed."""
    if decision == "informative" and not row.get("otherwise"):
        return ""
    return fmt.quoted(judge.words(row))


def _brief(row: Row) -> str:
    """A decision that was taken away, without its reason; empty for all others."""
    if not row.get("otherwise") or row["decision"] == row["otherwise"]:
        return ""
    otherwise = f"otherwise: {str(row['otherwise']).replace('_', ' ')}"
    if row["decision"] == "not_evaluable":
        return f"Not evaluable ({otherwise})"
    if row["decision"] == "informative":
        return f"Informs only: limit not confirmed ({otherwise})"
    return f"Not met within its family ({otherwise})"


def statistic_title(row: Row) -> str:
    """The statistic's title as its metric gives it; its identifier where the metric is not installed."""
    try:
        return registry.get(row["metric"]).statistic(row["statistic"]).title
    except KeyError:
        return str(row["statistic"]).replace("_", " ")


def definition(row: Row) -> str:
    """The statistic's definition as its metric gives it; the row's own where the metric is not installed."""
    try:
        return registry.get(row["metric"]).statistic(row["statistic"]).definition
    except KeyError:
        return str(row["definition"] or "")


def is_proportion(row: Row) -> bool:
    """Whether the number is a proportion, printed as a percentage."""
    return str(row["unit"]) == "proportion"


def unit(row: Row) -> str:
    """Unit for print, with the space it wants; nothing for proportions and pure numbers."""
    name = row["unit"]
    if name in (None, "", "none", "proportion", "1"):
        return ""
    return "%" if name in ("percent", "%") else f"\u00a0{name}"


def limits(row: Row) -> tuple[float, ...]:
    """The limits of the row's criterion, which rounding must not hide; an absolute value has two."""
    words = str(row["criterion"] or "")
    if not words:
        return ()
    if "[" in words:
        inside = words[words.index("[") + 1 : words.rindex("]")]
        return tuple(float(part) for part in inside.split(","))
    try:
        limit = float(words.rsplit(maxsplit=1)[-1])
    except ValueError:  # the limit is still to be set, or its table ends before the value
        return ()
    return (-limit, limit) if words.startswith("|") else (limit,)


def number(row: Row, value: float | None, *, with_unit: bool = False) -> str:
    """One of the row's numbers (the estimate or a bound), rounded as the row is."""
    if value is None or math.isnan(value):
        return "\u2013"
    if is_proportion(row):
        return fmt.percent(value, limits(row))
    shown = fmt.measurement(value, decimals(row), limits(row))
    return shown + (unit(row) if with_unit or unit(row) == "%" else "")


def decimals(row: Row) -> int:
    """Decimals that estimate and bounds of the row share."""
    value = row["estimate"]
    ends = [row[name] for name in ("ci_lower", "ci_upper")]
    return fmt.decimals_for(math.nan if value is None else value, ends[0], ends[1], row["se"])


def estimate(row: Row) -> str:
    """The estimate with its unit."""
    return number(row, row["estimate"], with_unit=True)


def interval(row: Row) -> str:
    """The interval; a one-sided one says so by its form."""
    lower, upper = _finite(row["ci_lower"]), _finite(row["ci_upper"])
    sides = row["ci_sides"]
    if sides == "lower" and lower is not None:
        return f"\u2265\u00a0{number(row, lower)}"
    if sides == "upper" and upper is not None:
        return f"\u2264\u00a0{number(row, upper)}"
    if lower is None or upper is None:
        return "\u2013"
    return f"{number(row, lower)} to {number(row, upper)}"


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value


def interval_note(row: Row) -> str:
    """Level, sides and method of the interval in a few words."""
    if row["ci_method"] is None or row["ci_level"] is None:
        return ""
    sides = {"lower": ", one-sided", "upper": ", one-sided"}.get(str(row["ci_sides"]), "")
    error = _finite(row["mc_error"])
    resampled = "" if error is None else f", Monte-Carlo error {_small(row, error)}"
    return f"{fmt.level(row['ci_level'])}{sides}, {method_title(row['ci_method'])}{resampled}"


def _small(row: Row, error: float) -> str:
    """The Monte-Carlo error of the bounds with two significant digits."""
    scaled = error * 100 if is_proportion(row) else error
    decimals_ = fmt.decimals_for(scaled, None, None, scaled) if scaled > 0 else 1
    return fmt.fixed(scaled, decimals_) + ("%" if is_proportion(row) else unit(row))


def method_title(name: str) -> str:
    """Short words for an interval method."""
    return METHODS[name].title if name in METHODS else name.replace("_", " ")


def criterion(row: Row) -> str:
    """The criterion in words: what is compared with which limit."""
    words = str(row["criterion"] or "")
    if not words:
        return ""
    compare, operator, *_ = words.split()
    subject = {
        "point": "point estimate",
        "lower": "lower bound",
        "upper": "upper bound",
        "both": "both bounds",
        "|point|": "absolute value of the estimate",
    }.get(compare, compare)
    shown = [_limit(row, value) for value in limits(row)]
    if not shown:
        return f"{subject} {operator} a limit that is not set"
    if operator == "within":
        return f"{subject} within {shown[0]} to {shown[1]}{unit(row)}"
    sign = {">=": "\u2265", "<=": "\u2264"}.get(operator, operator)
    return f"{subject} {sign}\u00a0{shown[-1]}{unit(row)}"


def goal(row: Row) -> str:
    """The criterion's limit alone, for a chart's label."""
    shown = [_limit(row, value) for value in limits(row)]
    return " to ".join(shown) + unit(row) if shown else ""


def _limit(row: Row, value: float) -> str:
    return f"{fmt.plain(round(value * 100, 10))}%" if is_proportion(row) else fmt.plain(value)


def by_levels(row: Row) -> dict[str, str]:
    """The row's by-levels."""
    found: dict[str, str] = json.loads(row["by"]) if row["by"] else {}
    return found


def slice_words(row: Row) -> str:
    """Which part of the analysed rows the row speaks of; empty for all of them."""
    parts = [
        f"{name.removeprefix('reference.').removeprefix('test.')} {level}"
        for name, level in by_levels(row).items()
    ]
    if row["subgroup"]:
        parts.append(f"{row['subgroup']}: {row['level']}")
    if row["comparator"]:
        parts.append(f"difference against {row['comparator']}")
    return ", ".join(parts)
