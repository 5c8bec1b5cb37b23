"""Classes over time, one lane above the other: what the reference says and what the device says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import polars as pl
from plotly.subplots import make_subplots

from ..reports.figures import theme
from ..studies.lanes import AGREE, EXTRA, MISSED, OTHER, UNUSED
from ..studies.signals import SIDES
from . import charts
from .traces import Axis, Range, Words

MOST = 4_000
"""So many units or events are drawn one by one; of more, those that disagree alone, thinned."""

LOOKS: dict[str, tuple[str, str, str, float]] = {
    AGREE: ("Both, of one class", "circle", "point", 6),
    OTHER: ("Both, of another class", "diamond", "goal", 9),
    MISSED: ("Missed by the device", "x", "bad", 9),
    EXTRA: ("In excess: the device alone", "triangle-down", "bad", 10),
    UNUSED: ("Not used", "line-ns-open", "quiet", 7),
}
"""Status of an event -> its words, the shape of its mark, its colour in the theme, its size: never colour
alone."""
UNIT_WORDS = {OTHER: "Another class", UNUSED: "Not used"}
PATTERNS = {OTHER: "x", UNUSED: "/"}


@dataclass(frozen=True)
class _Canvas:
    """Where lanes are drawn."""

    figure: go.Figure
    axis: Axis
    colours: theme.Theme


def within(found: pl.DataFrame, between: Range) -> pl.DataFrame:
    """The units or events of which some part is shown; events without an extent count where they are."""
    return found.filter((pl.col("end") >= between[0]) & (pl.col("start") <= between[1]))


def thinned(inside: pl.DataFrame) -> pl.DataFrame:
    """So few that a browser draws them: of more than `MOST`, those that disagree, every so many-th."""
    if inside.height <= MOST:
        return inside
    apart = inside.filter("outside")
    return apart.gather_every(-(-apart.height // MOST)) if apart.height > MOST else apart


def drawn(
    found: pl.DataFrame,
    between: Range,
    words: Words,
    levels: Sequence[str],
    *,
    events: bool,
    appearance: charts.Appearance,
    dates: bool,
    chosen: int | None = None,
) -> go.Figure:
    """The lanes: reference, device, and a strip of what is not one.

    Args:
        found: Units or events of the session, see `studies.lanes.outcomes`.
        between: Stretch shown, in ticks.
        words: Titles.
        levels: Classes from top to bottom.
        events: Rows are events, not units of time.
        appearance: The reader's theme.
        dates: Ticks are microseconds since 1970, not numbers.
        chosen: Start of what is looked at.
    """
    colours = theme.DARK if appearance == "dark" else theme.LIGHT
    axis, inside = Axis(dates), within(found, between)
    titles = [words.reference, words.test, "Disagreement"]
    figure = make_subplots(
        rows=3, cols=1, shared_xaxes=True, row_heights=[0.45, 0.45, 0.1], vertical_spacing=0.07,
        subplot_titles=[f"<b>{title}</b>" for title in titles],
    )  # fmt: skip
    canvas = _Canvas(figure, axis, colours)
    present = {*found["reference"].drop_nulls().unique(), *found["test"].drop_nulls().unique()}
    lanes = [level for level in levels if level in present or not events]  # of beats most classes are rare
    for row, side in enumerate(SIDES, start=1):
        if events:
            _events(canvas, thinned(inside), side, row)
        else:
            known = pl.when(pl.col(side).is_in(lanes)).then(side)  # a level that is no result has no lane
            _steps(canvas, inside.with_columns(known.alias(side)), side, row)
        figure.update_yaxes(
            type="category", categoryorder="array", categoryarray=lanes[::-1],
            range=[-0.6, len(lanes) - 0.4], row=row, col=1,
        )  # fmt: skip
    _strip(canvas, inside, events=events)
    if chosen is not None:
        for one in inside.filter(pl.col("start") == chosen).head(1).iter_rows(named=True):
            ends = axis.one(one["start"]), axis.one(max(one["end"], one["start"] + 1))
            figure.add_vrect(
                *ends, fillcolor=colours.goal, opacity=0.25, line={"color": colours.ink, "width": 1}
            )
    _layout(canvas, between, words)
    return figure


def _events(canvas: _Canvas, inside: pl.DataFrame, side: str, row: int) -> None:
    """A mark an event, in the lane of the side that has it; a missed one also where it is missed."""
    for status, (name, symbol, colour, size) in LOOKS.items():
        own = inside.filter(pl.col("status") == status).drop_nulls(side)
        if own.is_empty():
            continue
        shade = getattr(canvas.colours, colour)
        if bool((own["end"] > own["start"]).any()):
            _extents(canvas, own, side, row, shade)
        canvas.figure.add_scatter(
            x=canvas.axis.at(own["start"].to_numpy()), y=own[side].to_list(), mode="markers", row=row, col=1,
            name=name, legendgroup=status, showlegend=row == 1,
            marker={"symbol": symbol, "size": size, "color": shade, "line": {"width": 1, "color": shade}},
            customdata=own["start"].to_list(), text=_told(own),
            hovertemplate="%{text}<extra></extra>",
        )  # fmt: skip


def _extents(canvas: _Canvas, own: pl.DataFrame, side: str, row: int, shade: str) -> None:
    """How long events last, as lines."""
    x = np.column_stack([own["start"].to_numpy(), own["end"].to_numpy(), own["end"].to_numpy()])
    y = [value for level in own[side].to_list() for value in (level, level, None)]
    canvas.figure.add_scatter(
        x=canvas.axis.at(x.ravel()), y=y, mode="lines", row=row, col=1, showlegend=False, hoverinfo="skip",
        line={"width": 4, "color": shade},
    )  # fmt: skip


def _steps(canvas: _Canvas, inside: pl.DataFrame, side: str, row: int) -> None:
    """One line that steps from class to class; broken where there is none."""
    runs = _runs(inside, side)
    x = np.column_stack([runs["start"].to_numpy(), runs["end"].to_numpy()]).ravel()
    y = [value for level in runs[side].to_list() for value in (level, level)]
    canvas.figure.add_scatter(
        x=canvas.axis.at(x), y=y, mode="lines", row=row, col=1, showlegend=False, connectgaps=False,
        name="Reference" if side == "reference" else "Device",
        line={"width": 1.6, "color": canvas.colours.ink if row == 1 else canvas.colours.point},
        hovertemplate="%{x}: %{y}<extra></extra>",
    )  # fmt: skip


def _runs(inside: pl.DataFrame, side: str) -> pl.DataFrame:
    """Neighbouring units of one class as one; a gap in time is a run without a class."""
    gaps = inside.select(
        pl.col("end").shift().alias("start"),
        pl.col("start").alias("end"),
        pl.lit(None, pl.String).alias(side),
    ).filter(pl.col("end") > pl.col("start"))
    whole = pl.concat([inside.select("start", "end", side), gaps]).sort("start", "end")
    begins = pl.col(side).ne_missing(pl.col(side).shift()).fill_null(value=True)
    return (
        whole.with_columns(begins.cum_sum().alias("_run"))
        .group_by("_run", maintain_order=True)
        .agg(pl.col("start").first(), pl.col("end").max(), pl.col(side).first())
    )


def _strip(canvas: _Canvas, inside: pl.DataFrame, *, events: bool) -> None:
    """Where the two sides are not one, and what is not used."""
    for status in (OTHER, MISSED, EXTRA, UNUSED):
        own = inside.filter(pl.col("status") == status)
        if own.is_empty():
            continue
        name, symbol, colour, _ = LOOKS[status]
        shade = getattr(canvas.colours, colour if events or status == UNUSED else "bad")
        if events:
            own = own.gather_every(max(1, -(-own.height // MOST)))
            canvas.figure.add_scatter(
                x=canvas.axis.at(own["start"].to_numpy()), y=np.full(own.height, 0.5), mode="markers",
                row=3, col=1, showlegend=False, customdata=own["start"].to_list(), text=_told(own),
                marker={"symbol": symbol, "size": 8, "color": shade},
                hovertemplate="%{text}<extra></extra>",
            )  # fmt: skip
            continue
        joined = _alike(own)
        width = joined["end"].to_numpy() - joined["start"].to_numpy()
        canvas.figure.add_bar(
            x=canvas.axis.at(joined["start"].to_numpy()), y=np.ones(joined.height),
            width=canvas.axis.width(width), offset=0,
            row=3, col=1, name=UNIT_WORDS.get(status, name), customdata=joined["start"].to_list(),
            marker={"color": shade, "pattern": {"shape": PATTERNS.get(status, ""), "size": 5},
                    "line": {"width": 0}},
            text=_told(joined), textposition="none", hovertemplate="%{text}<extra></extra>",
        )  # fmt: skip


def _alike(own: pl.DataFrame) -> pl.DataFrame:
    """Neighbouring units with the same two classes as one."""
    begins = (
        (pl.col("start") != pl.col("end").shift())
        | pl.col("reference").ne_missing(pl.col("reference").shift())
        | pl.col("test").ne_missing(pl.col("test").shift())
        | pl.col("why").ne_missing(pl.col("why").shift())
    ).fill_null(value=True)
    return (
        own.with_columns(begins.cum_sum().alias("_run"))
        .group_by("_run", maintain_order=True)
        .agg(
            pl.col("start").first(), pl.col("end").last(),
            pl.col("reference", "test", "status", "why").first(),
        )
    )  # fmt: skip


def _told(own: pl.DataFrame) -> list[str]:
    """What is said of each when it is pointed at."""
    return [
        f"{LOOKS[status][0]}: reference {first or 'none'}, device {second or 'none'}"
        + (f" ({why})" if why else "")
        for status, first, second, why in own.select("status", "reference", "test", "why").iter_rows()
    ]


def _layout(canvas: _Canvas, between: Range, words: Words) -> None:
    figure, axis, colours = canvas.figure, canvas.axis, canvas.colours
    clear = "rgba(0,0,0,0)"
    figure.update_layout(
        paper_bgcolor=clear, plot_bgcolor=clear,
        font={"family": charts.FAMILY, "color": colours.ink, "size": 13},
        height=600, margin={"l": 80, "r": 16, "t": 34, "b": 90}, bargap=0, barmode="overlay",
        dragmode="select", selectdirection="h", clickmode="event+select", hovermode="closest",
        legend={"orientation": "h", "y": -0.14, "yanchor": "top", "x": 0, "xanchor": "left",
                "itemclick": False, "itemdoubleclick": False},
        newselection={"line": {"color": colours.ink, "dash": "dot"}},
    )  # fmt: skip
    figure.update_annotations(x=0, xanchor="left", font={"size": 13, "color": colours.ink})
    figure.update_xaxes(
        range=[axis.one(between[0]), axis.one(between[1])], showgrid=True, gridcolor=colours.rule,
        griddash="dot", zeroline=False, linecolor=colours.rule, color=colours.quiet,
    )  # fmt: skip
    figure.update_xaxes(title={"text": words.clock, "font": {"size": 12}}, row=3, col=1)
    figure.update_yaxes(gridcolor=colours.rule, griddash="dot", zeroline=False, color=colours.quiet)
    figure.update_yaxes(visible=False, range=[0, 1], fixedrange=True, row=3, col=1)
