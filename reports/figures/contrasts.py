"""Forest plots of what groups differ by: signed differences with the margin that they are judged by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from ...protocols.model import Endpoint
from ...studies.results import Results
from .. import format as fmt
from .. import rows as words
from .builders import measured_unit
from .forest_row import forest_row
from .model import Axis, Forest, ForestRow, Points, Scatter

Row = Mapping[str, Any]
NOT_COMPARED = "not compared"


def pairs(
    endpoint: Endpoint, rows: Sequence[Row], *, between: str, labels: Sequence[str], counts: Sequence[str]
) -> Forest:
    """Every pair of groups with its interval, and the margin.

    Args:
        endpoint: An endpoint with a disparity.
        rows: Its pairs, of one statistic and version.
        labels: Name of each.
        between: What the groups are, in words.
        counts: Subjects of the two groups of each pair, in words.
    """
    first = rows[0]
    ratio = endpoint.disparity is not None and endpoint.disparity.contrast == "ratio"
    what = "Ratio" if ratio else "Difference"
    title = words.statistic_title(first)
    lines = tuple(
        forest_row(row, label, count=count, absent=NOT_COMPARED)
        for row, label, count in zip(rows, labels, counts, strict=True)
    )
    judged = next((row for row in rows if row["criterion"]), None)
    goal = words.limits(judged) if judged else ()
    level = next((fmt.level(row["ci_level"]) for row in rows if row["ci_level"]), "no")
    adjusted = (
        "simultaneous over the pairs"
        if endpoint.disparity is not None and endpoint.disparity.simultaneous != "none"
        else "one by one: all have to lie inside the margin, so none is widened"
    )
    spoken = "; ".join(f"{line.label}: {line.text}" for line in lines)
    scaled = words.is_proportion(first) and not ratio
    return Forest(
        name=f"pairs-{first['row_id']}",
        title=f"{endpoint.title}: pairs of groups",
        caption=f"{title} of one group {'divided by' if ratio else 'minus'} that of another, for every pair "
        f"of groups of \u201c{between}\u201d, version {first['version']}. Intervals are taken {adjusted}."
        + (f" Dash-dotted: margin {words.goal(judged)}." if judged else "")
        + (" Dotted: no difference." if not ratio else " Dotted: equal.")
        + (" Post hoc." if first["pre_specified"] is False else ""),
        alt=f"Forest plot of {title}, {what.lower()} of two groups of {between}, version {first['version']}. "
        f"{spoken}.",
        x=Axis(
            f"{what} between two groups",
            None if scaled or ratio else words.unit(first).strip() or None,
            percent=scaled,
        ),
        rows=(ForestRow(between, heading=True), *lines),
        goal=goal,
        goal_label=f"margin {words.goal(judged)}" if judged else "",
        count_title="subjects",
        text_title=f"{what} ({level} CI)",
        null=1.0 if ratio else 0.0,
    )


def slopes(lines: Sequence[tuple[str, Row]], *, contrast: str, subject: str) -> Forest:
    """Changes along a covariate under each other, each with the margin of its own endpoint.

    Args:
        lines: (stratum, row) in order.
        contrast: The contrast in words, such as `100 deg of ITA`.
        subject: What changes, in words.
    """
    first = lines[0][1]
    rows = tuple(
        forest_row(
            row, label, count=fmt.count(row["n_subjects"]), goal=words.limits(row), absent=NOT_COMPARED
        )
        for label, row in lines
    )
    spoken = "; ".join(f"{line.label}: {line.text}" for line in rows)
    level = next((fmt.level(row["ci_level"]) for _, row in lines if row["ci_level"]), "no")
    judged = any(line.goal for line in rows)
    return Forest(
        name=f"slopes-{first['row_id']}",
        title=f"{subject} per {contrast}",
        caption=f"{subject} per {contrast}, version {first['version']}."
        + (" Short dash-dotted lines: the margin of each endpoint." if judged else "")
        + " Dotted: no change."
        + (" Post hoc." if any(row["pre_specified"] is False for _, row in lines) else ""),
        alt=f"Forest plot of the {subject.lower()} per {contrast}, version {first['version']}. {spoken}.",
        x=Axis(f"{subject} per {contrast}", words.unit(first).strip() or None),
        rows=rows,
        count_title="subjects",
        text_title=f"Change ({level} CI)",
        null=0.0,
    )


def along(
    results: Results, row: Row, endpoint: Endpoint, *, column: str, title: str, unit: str | None
) -> Scatter:
    """Differences against the covariate that the endpoint asks about."""
    data = results.slice(row["row_id"]).drop_nulls(column)
    reference, test, x = (
        data.get_column(name).to_numpy().astype(np.float64) for name in ("reference", "test", column)
    )
    own = measured_unit(results.protocol, endpoint)
    subjects = data.get_column("subject").cast(pl.String).to_list()
    what = f"{data.height:,} pairs of {len(set(subjects)):,} subjects, version {row['version']}"
    return Scatter(
        name=f"along-{row['row_id']}",
        title=f"{endpoint.title}: differences along {title}",
        caption=f"Difference (test \u2212 reference) against {title}, {what}.",
        alt=f"Difference plot of {endpoint.title} against {title}: {what}.",
        x=Axis(title, unit),
        y=Axis("Test \u2212 reference", own),
        points=Points(x, test - reference, tuple(subjects), tuple(range(data.height))),
    )
