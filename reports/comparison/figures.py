"""Figures of a comparison: improvements with the margin shaded, and the improvement of every subject."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from .. import format as fmt
from ..figures import layout
from ..figures.forest_row import finite
from ..figures.model import Axis, FloatArray, Forest, ForestRow, Level, Points, Ranges, Scatter, Span
from . import words

Row = Mapping[str, Any]

FEWEST = 5
"""Subjects of which single improvements are drawn at least: fewer would show a person."""
SHRUNK = "Dark: what is believed, with its posterior interval; light: what was measured."
RAW = (
    "A single subject\u2019s number is uncertain, and the extremes lie farther out than the subjects they "
    "stand for."
)


def identifier(row: Row) -> str:
    """Identifier of a comparison, also as a figure's mark."""
    return f"{row['endpoint']}-{row['candidate']}"


def forest(rows: Sequence[Row], *, baseline: str, level: float) -> Forest:
    """Every candidate's improvement of one endpoint over the baseline, with what the margin tolerates.

    Args:
        rows: The endpoint's records of comparison.json, one a candidate.
        baseline: The version that all are compared with.
        level: Confidence of each interval.
    """
    first = rows[0]
    null, floor = words.null(first), words.floor(first)
    lines = tuple(_line(row) for row in rows)
    adjusted = any(line.wider is not None for line in lines)
    shade = "" if floor is None else f" Shaded: a loss within the margin of {words.margin(first)}."
    thin = " Thin lines: intervals adjusted for multiplicity, which decide." if adjusted else ""
    low, high = _ends(lines, null, floor)
    unit = words.unit(first)
    spoken = "; ".join(f"{line.label}: {line.text}" for line in lines)
    what = "ratio other than 1" if words.is_ratio(first) else "difference"
    return Forest(
        name=f"improvement-{first['endpoint']}",
        title=words.title(first),
        caption=f"{words.title(first)}: improvement over {baseline}, {fmt.level(level)} intervals."
        f"{thin}{shade} Dotted: no {what}.{_nothing(lines)}",
        alt=f"Forest plot of improvements over {baseline}, {words.title(first)}. {spoken}."
        + (f" Margin {words.margin(first)}." if floor is not None else " No margin."),
        x=Axis(
            "\u2190 worse   \u00b7   "
            + ("Ratio, turned so that above 1 is better" if words.is_ratio(first) else "Improvement")
            + (f" ({unit})" if unit and not _percent(first) else "")
            + "   \u00b7   better \u2192",
            percent=_percent(first),
            low=low,
            high=high,
        ),
        rows=lines,
        goal=() if floor is None else (floor,),
        goal_label="" if floor is None else "margin",
        count_title="subjects",
        text_title=f"Improvement ({fmt.level(level)} CI)",
        null=null,
        span=None if floor is None else Span(min(floor, null), max(floor, null), "acceptable loss"),
    )


def _ends(lines: Sequence[ForestRow], null: float, floor: float | None) -> tuple[float, float]:
    """The ends of the axis: no candidate's interval is cut off."""
    marks = [null, *([] if floor is None else [floor])]
    for line in lines:
        marks += [end for end in (line.value, line.lower, line.upper, *(line.wider or ())) if end is not None]
    return layout.padded(min(marks), max(marks), 0.04)


def _percent(row: Row) -> bool:
    return str(row["unit"]) == "proportion" and not words.is_ratio(row)


def _nothing(lines: Sequence[ForestRow]) -> str:
    return "" if any(line.value is not None for line in lines) else " Nothing could be compared."


def _line(row: Row) -> ForestRow:
    """A candidate as a line of the forest plot."""
    text, numbers = words.text(row), words.found(row)
    estimate = _shown(row, numbers.get("estimate"))
    if estimate is None:
        return ForestRow(text.candidate, count=text.subjects, text="not compared", row_id=identifier(row))
    adjusted = row.get("adjusted") or {}
    ends = (_shown(row, adjusted.get("lower")), _shown(row, adjusted.get("upper")))
    bounds = "" if text.interval == words.DASH else f" ({text.interval})"
    return ForestRow(
        f"{text.candidate}: {text.decision.lower()}",
        value=estimate,
        lower=_shown(row, numbers.get("lower")),
        upper=_shown(row, numbers.get("upper")),
        count=text.subjects,
        text=words.change(row, numbers["estimate"], units=False) + bounds,
        row_id=identifier(row),
        wider=None if ends == (None, None) else ends,
    )


def _shown(row: Row, number: float | None) -> float | None:
    """An improvement where it stands on the axis; None where there is none."""
    known = finite(number)
    return None if known is None else words.shown(row, known)


def ordered(subjects: pl.DataFrame, row: Row) -> pl.DataFrame:
    """The subjects of one comparison that have an improvement, the most harmed first.

    By what is believed of them; those of whom nothing is, and all where nobody is ranked, by what was
    measured.
    """
    if not subjects.width:
        return subjects
    return subjects.filter(
        (pl.col("endpoint") == row["endpoint"])
        & (pl.col("candidate") == row["candidate"])
        & pl.col("improvement").is_finite()
    ).sort("rank", "improvement", "subject", nulls_last=True)


def believed(subjects: pl.DataFrame, row: Row) -> pl.DataFrame:
    """The subjects of one comparison that are ranked, the most harmed first."""
    found = ordered(subjects, row)
    return found.filter(pl.col("shrunk").is_not_null()) if found.width else found


def caterpillar(subjects: pl.DataFrame, row: Row, *, baseline: str) -> Scatter | None:
    """Every subject's improvement, from the most harmed to the most helped.

    What is believed of each with its interval, and what was measured as a light mark beside it; where nobody
    is ranked what was measured alone.

    Args:
        subjects: The comparison's subjects.parquet.
        row: The record of an endpoint and candidate.
        baseline: The version compared with.

    Returns:
        None where fewer than `FEWEST` subjects have one (a point could be a known person), or where all have
        the same, as with identical versions.
    """
    found = ordered(subjects, row)
    if found.height < FEWEST or found["improvement"].n_unique() == 1:
        return None
    ranked = believed(subjects, row)
    shrunk = ranked.height >= FEWEST
    found = ranked if shrunk else found
    value = "shrunk" if shrunk else "improvement"
    names = tuple(found["subject"].cast(pl.String).to_list())
    null, floor = words.null(row), words.floor(row)
    levels = [Level(null, "no change", role="zero")]
    if floor is not None:
        levels.append(Level(floor, f"margin {words.margin(row)}", role="goal"))
    harmed = int((found[value] < 0).sum())
    what = f"{words.title(row)}, {row['candidate']} against {baseline}"
    worse = f"more likely worse than better than with {baseline}" if shrunk else f"worse than with {baseline}"
    told = f"{fmt.count(found.height)} subjects, {fmt.count(harmed)} of them {worse}"
    ends = [words.change(row, float(found[value][at])) for at in (0, -1)]
    unit = words.unit(row)
    return Scatter(
        name=f"subjects-{identifier(row)}",
        title=f"{what}: every subject",
        caption=f"{what}: each subject\u2019s own improvement, the most harmed first; {told}. "
        + (SHRUNK if shrunk else RAW),
        alt=f"Sorted improvements of single subjects, {what}: {told}, from {ends[0]} to {ends[1]}.",
        x=Axis("Subjects, the most harmed first"),
        y=Axis(
            "Ratio (above 1 is better)" if words.is_ratio(row) else "Improvement",
            unit if unit and not _percent(row) else None,
            percent=_percent(row),
        ),
        points=Points(
            x=np.arange(1, found.height + 1, dtype=np.float64),
            y=_all_shown(row, found[value]),
            subjects=names,
            rows=tuple(range(found.height)),
        ),
        levels=tuple(levels),
        ranges=Ranges(
            *(_all_shown(row, found[name]) for name in ("shrunk_lower", "shrunk_upper", "improvement"))
        )
        if shrunk
        else None,
    )


def _all_shown(row: Row, values: pl.Series) -> FloatArray:
    """Improvements as they stand on the axis."""
    return np.array([words.shown(row, float(value)) for value in values], dtype=np.float64)
