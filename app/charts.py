"""The report's figures made to be clicked, and binned where there are too many marks."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape, unescape
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go

from ..reports import figures
from ..reports.figures import Curve, Forest, Matrix, Points, Scatter, theme

BIN_ABOVE = 5_000
"""More points than this reach the browser as bins: a million points would be 12 MB and several seconds."""
BINS = 60
"""Bins along each axis."""

FAMILY = "'Source Sans', sans-serif"
"""The app's own face, so that figures and words around them look alike."""

Appearance = Literal["light", "dark"]
HIGHLIGHT = {"light": "#d6336c", "dark": "#ff8fb1"}

RINGS = 60
"""A subject with more points than this gets plain ones: rings would hide what they mark."""

CELL = 76
"""Size of the mark that makes a cell of the matrix clickable, in pixels; the painter gives a row 80."""


@dataclass(frozen=True)
class Chart:
    """A figure for the screen, and what lies behind each mark that can be clicked.

    Attributes:
        figure: For the screen.
        bins: Mark -> positions of its rows in the analysed rows (of a difference plot with very many points).
        cells: Mark -> reference level and output (of a confusion matrix).
        rows: Identifiers of the results rows behind the marks of a forest plot.
    """

    figure: go.Figure
    bins: Mapping[str, Sequence[int]] = field(default_factory=dict)
    cells: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    rows: tuple[str, ...] = ()


def clickable(model: figures.AnyFigure, appearance: Appearance, *, subject: str | None = None) -> Chart:
    """A figure whose points, bins or cells answer a click; the points of `subject` stand out.

    Args:
        model: Figure model of a results row.
        appearance: The reader's theme.
        subject: Pseudonym of the subject to show among the others.
    """
    if isinstance(model, Matrix):
        return _matrix(model, appearance)
    if isinstance(model, Forest):
        return _forest(model, appearance)
    if isinstance(model, Scatter) and len(model.points) > BIN_ABOVE:
        return _bins(model, appearance, subject)
    figure = _painted(model, appearance)
    if not isinstance(model, Scatter):
        return Chart(figure)
    _highlight(figure, model, appearance, subject)
    return Chart(figure)


def _painted(model: figures.AnyFigure, appearance: Appearance) -> go.Figure:
    """On the page's own background, with room above for the chart's buttons."""
    figure = figures.plotly(model, appearance=appearance)
    _tidy(figure, model)
    clear = "rgba(0,0,0,0)"
    return figure.update_layout(
        paper_bgcolor=clear, plot_bgcolor=clear, font_family=FAMILY, clickmode="event+select", dragmode="pan"
    )


LONGEST = 40
"""Letters of a name that stand on one line beside a figure."""
MOST_WHOLE = 15
"""A range of so few whole numbers has a tick at each of them."""


def _tidy(figure: go.Figure, model: figures.AnyFigure) -> None:
    """Labels beside their line instead of on it; no ticks between whole numbers; names on several lines."""
    if isinstance(model, Forest):
        figure.for_each_annotation(
            lambda one: one.update(xanchor="left", xshift=5), selector={"text": escape(model.goal_label)}
        )
        names = [
            textwrap.wrap(text, LONGEST, break_long_words=False) for text in figure.layout.yaxis.ticktext
        ]
        figure.update_yaxes(ticktext=["<br>".join(lines) for lines in names])
    if isinstance(model, Curve) and model.whole and len(model.points) <= MOST_WHOLE:
        figure.update_xaxes(tickvals=[point.x for point in model.points], tickformat=",d")


def _highlight(figure: go.Figure, model: Scatter, appearance: Appearance, subject: str | None) -> None:
    """The subject's own points, ringed, above the others."""
    at = [number for number, name in enumerate(model.points.subjects) if name == subject]
    if not at:
        return
    colour = HIGHLIGHT[appearance]
    figure.add_trace(
        go.Scatter(
            x=model.points.x[at],
            y=model.points.y[at],
            mode="markers",
            name="chosen subject",
            marker=_ring(colour) if len(at) <= RINGS else {"color": colour, "size": 4},
            customdata=[[escape(str(subject)), model.points.rows[number]] for number in at],
            hovertemplate="subject %{customdata[0]}<extra></extra>",
        )
    )


def _ring(colour: str) -> dict[str, Any]:
    return {"color": colour, "size": 11, "line": {"color": colour, "width": 2}, "symbol": "circle-open-dot"}


def _bins(model: Scatter, appearance: Appearance, subject: str | None) -> Chart:
    """Points counted in a grid on this side, so that the browser draws at most BINS x BINS marks."""
    nothing = np.empty(0)
    figure = _painted(replace(model, points=Points(nothing, nothing, (), ()), ranges=None), appearance)
    figure.update_xaxes(range=_span(model.points.x)).update_yaxes(range=_span(model.points.y, model))
    members = grid(model.points.x, model.points.y)
    counts = np.array([len(rows) for rows in members.values()])
    colours = theme.DARK if appearance == "dark" else theme.LIGHT
    figure.add_trace(
        go.Scatter(
            x=[float(model.points.x[list(rows)].mean()) for rows in members.values()],
            y=[float(model.points.y[list(rows)].mean()) for rows in members.values()],
            mode="markers",
            name="bins",
            marker={
                "color": colours.point,
                "size": 4 + 12 * np.sqrt(counts / counts.max()),
                "opacity": 0.25 + 0.75 * np.log1p(counts) / np.log1p(counts.max()),
            },
            customdata=[[f"{len(rows):,}", mark] for mark, rows in members.items()],
            hovertemplate="%{customdata[0]} pairs<extra></extra>",
        )
    )
    _highlight(figure, model, appearance, subject)
    rows = {mark: tuple(model.points.rows[number] for number in at) for mark, at in members.items()}
    return Chart(figure, bins=rows)


def grid(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> dict[str, tuple[int, ...]]:
    """Points by the cell of an even grid: mark `bin-column-line` -> positions, in order.

    Example:
        >>> grid(np.array([0.0, 10.0, 10.0]), np.array([0.0, 5.0, 5.0]))
        {'bin-0-0': (0,), 'bin-59-59': (1, 2)}
    """
    column, line = _cells(x), _cells(y)
    flat = column * BINS + line
    order = np.argsort(flat, kind="stable")
    starts = np.flatnonzero(np.diff(flat[order], prepend=-1))
    groups = np.split(order, starts[1:])
    return {f"bin-{column[at[0]]}-{line[at[0]]}": tuple(int(number) for number in at) for at in groups}


def _cells(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    low, high = float(values.min()), float(values.max())
    width = (high - low) or 1.0
    return np.minimum(((values - low) / width * BINS).astype(np.int64), BINS - 1)


def _span(values: np.ndarray[Any, Any], model: Scatter | None = None) -> list[float]:
    """From the smallest to the largest value shown, lines included, with some air."""
    shown = [
        float(values.min()),
        float(values.max()),
        *(level.value for level in (model.levels if model else ())),
    ]
    low, high = min(shown), max(shown)
    air = 0.04 * ((high - low) or 1.0)
    return [low - air, high + air]


def _matrix(model: Matrix, appearance: Appearance) -> Chart:
    """Unseen square marks over the cells: the browser lets marks be chosen, cells of a heat map not."""
    figure = _painted(model, appearance)
    cells = {
        f"cell-{line}-{column}": (row, output)
        for line, row in enumerate(model.rows)
        for column, output in enumerate(model.columns)
    }
    counts = [count for line in model.counts for count in line]
    figure.add_trace(
        go.Scatter(
            x=[escape(output) for _, output in cells.values()],
            y=[escape(row) for row, _ in cells.values()],
            mode="markers",
            name="cells",
            marker={"size": CELL, "symbol": "square", "opacity": 0, "color": "#888888"},
            customdata=[
                [f"{escape(row)}: {escape(output)}, {count:,} pairs", mark]
                for (mark, (row, output)), count in zip(cells.items(), counts, strict=True)
            ],
            hovertemplate="%{customdata[0]}<extra></extra>",
        )
    )
    figure.update_layout(dragmode=False)
    return Chart(figure, cells=cells)


def _forest(model: Forest, appearance: Appearance) -> Chart:
    """Marks that know the row of the results behind them."""
    figure = _painted(model, appearance)
    marked = [row for row in model.rows if row.value is not None]
    figure.data[0].update(
        customdata=[
            ["<br>".join(escape(text) for text in (row.label, row.count, row.text)), row.row_id]
            for row in marked
        ],
        hovertemplate="%{customdata[0]}<extra></extra>",
    )
    figure.update_layout(dragmode=False)
    return Chart(figure, rows=tuple(str(row.row_id) for row in marked))


def picked(event: Any) -> tuple[str | None, str | None]:
    """What a click on a chart means: a subject, or the mark of a bin or cell with several rows behind it.

    Example:
        >>> picked({"selection": {"points": [{"customdata": ["S07", 12]}]}})
        ('S07', None)
        >>> picked({"selection": {"points": [{"customdata": ["AF: SR, 3 pairs", "cell-0-1"]}]}})
        (None, 'cell-0-1')
        >>> picked(None)
        (None, None)
    """
    points = (event or {}).get("selection", {}).get("points", [])
    data = points[0].get("customdata") if points else None
    if data is None or len(data) < 2:
        return None, None
    if isinstance(data[1], str):
        return None, data[1]
    return unescape(str(data[0])), None
