"""Signals over a day as so few points as a screen can show: what is visible, with its peaks and its gaps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
import polars as pl
from plotly.subplots import make_subplots
from tsdownsample import MinMaxLTTBDownsampler

from ..reports.figures import theme
from ..studies.signals import SECOND, Side, Trace
from . import charts

POINTS = 2_000
"""Points of a trace that reach the browser; more than a screen has columns."""
MARKS = 2_000
"""Windows that are drawn one by one; of more, those within the tolerance are thinned."""
GAP = 3.5
"""A line is broken where rows are further apart than so many usual distances."""
FEW = 80
"""So few windows beyond the tolerance are drawn large."""
COLUMNS = 500
"""Bars that the strip of windows has at most; beyond, a bar shows what most of its windows are."""
EACH = 60
"""So few windows are marked one by one: their edges, their means in both strips, their differences."""
EDGES = 25
"""So few edges of windows are drawn."""
BEATS = 400
"""So few points of a trace are marked one by one."""

STATES: dict[str, tuple[str, str, str]] = {
    "used": ("Used", "", "point"),
    "outside": ("Used, beyond the tolerance", "x", "bad"),
    "coverage": ("Left out: too little of it covered", ".", "quiet"),
    "alone": ("Left out: no partner", "-", "quiet"),
    "excluded": ("Left out by a reason", "/", "limit"),
}
"""State of a window -> its words, the pattern of its bar, its colour in the theme: never colour alone."""

Range = tuple[int, int]

SIGNALS = ("Reference", "Device")
"""Names of the traces that set the scale of both strips."""

BAND = {"type": "rect", "xref": "x", "yref": "paper", "y0": 0, "y1": 1, "layer": "below"}
"""What all marks through all strips have in common."""


@dataclass(frozen=True)
class Line:
    """What is drawn of a trace.

    Attributes:
        time: Times in ticks.
        value: Values, NaN where the line breaks.
        n_rows: Rows that are visible, thinned out or not.
        out_time: Times of rows that carry an exclusion code; they are no part of the line.
        out_value: Their values.
    """

    time: np.ndarray[Any, Any]
    value: np.ndarray[Any, Any]
    n_rows: int
    out_time: np.ndarray[Any, Any]
    out_value: np.ndarray[Any, Any]


def visible(trace: Trace, between: Range, *, points: int = POINTS, shift: Any = None) -> Line:
    """The rows of a trace in a stretch of time, thinned to what a screen can show.

    MinMaxLTTB keeps the smallest and largest values of every bucket, so that no peak is lost; a row beyond
    each end lets the line reach the edge.

    Args:
        trace: The rows.
        between: Stretch shown, in ticks.
        points: Points at most, breaks aside.
        shift: Function of the times, such as the clock's correction.

    Example:
        >>> rows = pl.DataFrame({"time": [0, 1, 2, 50, 51, 52], "value": [5.0, 6.0, None, 7.0, 8.0, 99.0]})
        >>> rows = rows.with_columns(excluded=pl.Series([None] * 5 + ["artefact"]))
        >>> line = visible(Trace("t", "v", rows), (0, 60))
        >>> line.value.tolist(), line.out_value.tolist()
        ([5.0, 6.0, nan, 7.0, 8.0], [99.0])
    """
    rows = trace.rows.drop_nulls("value")
    out = rows["excluded"].is_not_null()
    time, value, n_rows, usual = _cut(rows.filter(~out), between, shift)
    out_time, out_value, n_out, _ = _cut(rows.filter(out), between, shift)
    if out_time.size > points:
        chosen = thin(out_time, out_value, points)
        out_time, out_value = out_time[chosen], out_value[chosen]
    stretch = np.concatenate([[0], np.cumsum(np.diff(time) > GAP * usual)]) if time.size else np.empty(0)
    if time.size > points:
        chosen = thin(time, value, points)
        time, value, stretch = time[chosen], value[chosen], stretch[chosen]
    breaks = np.flatnonzero(np.diff(stretch) > 0) + 1
    middle = (time[breaks] + time[breaks - 1]) // 2 if breaks.size else np.empty(0, dtype=np.int64)
    return Line(
        np.insert(time, breaks, middle), np.insert(value, breaks, np.nan), n_rows + n_out, out_time, out_value
    )


def _cut(
    rows: pl.DataFrame, between: Range, shift: Any
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], int, float]:
    """Times and values in a stretch and one beyond each end, how many lie inside, and the usual distance."""
    time, value = rows["time"].to_numpy(), rows["value"].to_numpy()
    if shift is not None:
        time = shift(time)
    usual = float(np.median(np.diff(time))) if time.size > 1 else 0.0
    low, high = np.searchsorted(time, between[0]), np.searchsorted(time, between[1], side="right")
    at = slice(max(0, int(low) - 1), int(high) + 1)
    return np.ascontiguousarray(time[at]), np.ascontiguousarray(value[at]), int(high - low), usual


def thin(time: np.ndarray[Any, Any], value: np.ndarray[Any, Any], most: int) -> np.ndarray[Any, Any]:
    """Places of the points kept, in order; times and values lie one after the other in memory."""
    downsampler = MinMaxLTTBDownsampler()  # type: ignore[no-untyped-call]
    return np.asarray(downsampler.downsample(time, value, n_out=most))


def states(windows: pl.DataFrame) -> pl.Series:
    """The state of each window, a key of `STATES`."""
    code = pl.col("code").fill_null("")
    return windows.select(
        pl.when("outside")
        .then(pl.lit("outside"))
        .when("used")
        .then(pl.lit("used"))
        .when(code.str.starts_with("low_coverage") | code.is_in(["missing_value", "partial_unit"]))
        .then(pl.lit("coverage"))
        .when(code.is_in(["no_test", "no_reference", "outside_tolerance", "not_nearest", "no_overlap"]))
        .then(pl.lit("alone"))
        .otherwise(pl.lit("excluded"))
        .alias("state")
    )["state"]


def runs(windows: pl.DataFrame) -> pl.DataFrame:
    """Neighbouring windows of one state and reason as one: start, end, state, why, n."""
    marked = windows.with_columns(states(windows), pl.col("why").fill_null(""))
    new = (
        (pl.col("state") != pl.col("state").shift())
        | (pl.col("why") != pl.col("why").shift())
        | (pl.col("start") > pl.col("end").shift())
    )
    return (
        marked.with_columns(new.fill_null(value=True).cum_sum().alias("run"))
        .group_by("run", maintain_order=True)
        .agg(
            pl.col("start").first(),
            pl.col("end").max(),
            pl.col("state").first(),
            pl.col("why").first(),
            pl.len().alias("n"),
        )
        .drop("run")
    )


def columns(windows: pl.DataFrame, between: Range, n: int = COLUMNS) -> pl.DataFrame:
    """As `runs`, for very many windows: `n` equal columns of time, each with its most frequent state."""
    width = max(1, -(-(between[1] - between[0]) // n))
    cell = ((pl.col("start") + pl.col("end")) // 2 - between[0]) // width
    counted = (
        windows.with_columns(states(windows), pl.col("why").fill_null(""), cell.alias("cell"))
        .group_by("cell", "state", "why")
        .len("n")
        .sort(["cell", "n", "state", "why"], descending=[False, True, False, False])
        .unique("cell", keep="first", maintain_order=True)
    )
    start = between[0] + pl.col("cell") * width
    return counted.select(start.alias("start"), (start + width).alias("end"), "state", "why", "n")


@dataclass(frozen=True)
class Words:
    """What the strips are called."""

    reference: str
    test: str
    unit: str
    clock: str


def drawn(
    lines: Mapping[Side, Line],
    windows: pl.DataFrame,
    between: Range,
    words: Words,
    *,
    appearance: charts.Appearance,
    dates: bool,
    chosen: int | None = None,
) -> go.Figure:
    """The strips, one above the other on one axis of time: reference, device, windows, differences.

    Args:
        lines: `reference` and `test` -> what is drawn of it; without any, the windows' values are.
        windows: Windows of the session, see `studies.signals.windows`.
        between: Stretch shown, in ticks.
        words: Titles.
        appearance: The reader's theme.
        dates: Ticks are microseconds since 1970, not numbers.
        chosen: Start of the window that is looked at.
    """
    colours = theme.DARK if appearance == "dark" else theme.LIGHT
    axis = Axis(dates)
    inside = within(windows, between)
    titles = [words.reference, words.test, "Windows", f"Test \N{MINUS SIGN} reference ({words.unit})"]
    figure = make_subplots(
        rows=4, cols=1, shared_xaxes=True, row_heights=[0.34, 0.34, 0.06, 0.26], vertical_spacing=0.055,
        subplot_titles=[f"<b>{title}</b>" for title in titles],
    )  # fmt: skip
    _signals(figure, lines, inside, axis, colours)
    if are_marked(windows, between):
        _each(figure, inside, axis, colours)
    _strip(figure, inside, between, axis, colours)
    _differences(figure, inside, axis, colours)
    if not overlapping(inside):
        _shade(figure, inside, between, axis, colours)
    _mark(figure, inside, chosen, axis, colours)
    _layout(figure, between, words, axis, colours)
    return figure


class Axis:
    """Ticks as Plotly wants them."""

    def __init__(self, dates: bool) -> None:
        self.dates = dates

    def at(self, ticks: Any) -> Any:
        """Moments."""
        ticks = np.asarray(ticks, dtype=np.int64)
        return ticks.astype("datetime64[us]") if self.dates else ticks / SECOND

    def width(self, ticks: Any) -> Any:
        """Lengths: Plotly counts milliseconds on an axis of dates."""
        return np.asarray(ticks) / (1_000 if self.dates else SECOND)

    def one(self, tick: int) -> Any:
        """One moment."""
        return str(np.datetime64(tick, "us")) if self.dates else tick / SECOND


def _signals(
    figure: go.Figure, lines: Mapping[Side, Line], inside: pl.DataFrame, axis: Axis, colours: theme.Theme
) -> None:
    names: tuple[tuple[Side, str, str], ...] = (
        ("reference", "Reference", colours.ink),
        ("test", "Device", colours.point),
    )
    behind = lines.get("reference")
    if behind is not None and "test" in lines:
        # Faint, behind the device: what the clocks and the algorithm make different shows at once.
        figure.add_trace(
            go.Scatter(
                x=axis.at(behind.time), y=behind.value, mode="lines", showlegend=False, connectgaps=False,
                line={"color": colours.ink, "width": 1}, opacity=0.28, hoverinfo="skip",
                name="Reference, for comparison",
            ),
            row=2, col=1,
        )  # fmt: skip
    for row, (side, name, colour) in enumerate(names, start=1):
        line = lines.get(side)
        if line is None:
            values = inside.drop_nulls(side)
            middle = (values["start"] + values["end"]) // 2
            x, y, mode, size = axis.at(middle), values[side].to_numpy(), "markers", 5
        else:
            x, y, mode = axis.at(line.time), line.value, "lines+markers"
            size = 4 if line.n_rows <= BEATS else 1
        figure.add_trace(
            go.Scatter(
                x=x, y=y, mode=mode, name=name, showlegend=False, connectgaps=False,
                line={"color": colour, "width": 1.2}, marker={"color": colour, "size": size},
                hovertemplate="%{y:.4g}<extra>" + name + "</extra>",
            ),
            row=row, col=1,
        )  # fmt: skip
        out = (line.out_time, line.out_value) if line is not None else (np.empty(0), np.empty(0))
        figure.add_trace(
            go.Scatter(
                x=axis.at(out[0]), y=out[1], mode="markers", name=f"{name}, excluded", showlegend=False,
                marker={"color": colours.quiet, "size": 5, "symbol": "x-thin-open"},
                hovertemplate="%{y:.4g}<extra>" + name + ", excluded</extra>",
            ),
            row=row, col=1,
        )  # fmt: skip


def _stretched(windows: pl.DataFrame, column: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """A value of each window from its start to its end, and a break after it."""
    ends = np.column_stack([windows["start"], windows["end"], windows["end"]]).ravel()
    values = np.repeat(windows[column].to_numpy().astype(np.float64), 3)
    values[2::3] = np.nan
    return ends, values


def _each(figure: go.Figure, inside: pl.DataFrame, axis: Axis, colours: theme.Theme) -> None:
    """Each window: its value in both strips, its difference, over the time that it stands for; its edges."""
    for row, side, name in ((1, "reference", "Window, reference"), (2, "test", "Window, device"),
                            (4, "difference", "Difference")):  # fmt: skip
        ends, values = _stretched(inside.drop_nulls(side), side)
        figure.add_trace(
            go.Scatter(
                x=axis.at(ends), y=values, mode="lines", name=name, showlegend=False, connectgaps=False,
                line={"color": colours.goal if row < 4 else colours.point, "width": 2.5},
                opacity=0.75, hovertemplate="%{y:.4g}<extra>" + name + "</extra>",
            ),
            row=row, col=1,
        )  # fmt: skip
    edges = {*inside["start"].to_list(), *inside["end"].to_list()}
    for edge in sorted(edges) if len(edges) <= EDGES else ():
        line = {"color": colours.rule, "width": 1}
        figure.add_shape({**BAND, "type": "line", "x0": axis.one(edge), "x1": axis.one(edge), "line": line})


def _strip(figure: go.Figure, inside: pl.DataFrame, between: Range, axis: Axis, colours: theme.Theme) -> None:
    """One bar a run of windows: pattern and words say its state, and colour too."""
    found = runs(inside)
    if found.height > COLUMNS:
        found = columns(inside, between)
    for state, (words, pattern, colour) in STATES.items():
        own = found.filter(pl.col("state") == state)
        shown = getattr(colours, colour)
        figure.add_trace(
            go.Bar(
                x=axis.at((own["start"] + own["end"]) // 2),
                y=np.ones(own.height),
                width=axis.width((own["end"] - own["start"]).to_numpy()),
                name=words,
                showlegend=own.height > 0,
                marker={
                    "color": shown if state == "used" else colours.paper,
                    "line": {"color": shown, "width": 0.5},
                    "opacity": 0.85,
                    "pattern": {"shape": pattern, "fgcolor": shown, "size": 6, "solidity": 0.35},
                },
                customdata=[
                    [f"{words}: {why}" if why else words, f"{n:,} window{'' if n == 1 else 's'}"]
                    for why, n in own.select("why", "n").iter_rows()
                ],
                hovertemplate="%{customdata[0]}<br>%{customdata[1]}<extra></extra>",
            ),
            row=3, col=1,
        )  # fmt: skip


def thinned(windows: pl.DataFrame, most: int = MARKS) -> pl.DataFrame:
    """Windows within the tolerance, so many as a screen can show, the extreme differences among them."""
    if windows.height <= most:
        return windows
    time, value = (np.ascontiguousarray(windows[name].to_numpy()) for name in ("start", "difference"))
    chosen = pl.Series(thin(time, value, most).astype(np.int64))
    return windows.select(pl.all().gather(chosen))


def _differences(figure: go.Figure, inside: pl.DataFrame, axis: Axis, colours: theme.Theme) -> None:
    """Differences by window, and what is tolerated as two lines; the signs differ, not the colour alone."""
    known = inside.drop_nulls("difference")
    far = thinned(known.filter("outside"))
    kinds: tuple[tuple[str, pl.DataFrame, str, str, int], ...] = (
        ("Within", thinned(known.filter(pl.col("used") & ~pl.col("outside"))), "circle", "point", 4),
        ("Not used", thinned(known.filter(~pl.col("used"))), "x-thin-open", "quiet", 6),
        ("Beyond the tolerance", far, "diamond", "bad", 9 if far.height <= FEW else 5),
    )
    for name, own, symbol, colour, size in kinds:
        figure.add_trace(
            go.Scatter(
                x=axis.at((own["start"] + own["end"]) // 2), y=own["difference"].to_numpy(), mode="markers",
                name=name, showlegend=False,
                marker={"symbol": symbol, "color": getattr(colours, colour), "size": size},
                # Microseconds are exact in a double for centuries, and an array of them is sent as bytes.
                customdata=own["start"].to_numpy().astype(np.float64),
                hovertemplate="%{y:+.4g}<extra>" + name + "</extra>",
            ),
            row=4, col=1,
        )  # fmt: skip
    limits = known.drop_nulls("allowed")
    if limits.height > MARKS:
        limits = limits.gather_every(limits.height // MARKS + 1)
    x, y = ((limits["start"] + limits["end"]) // 2).to_numpy(), limits["allowed"].to_numpy()
    if limits.height <= EACH:
        x, y = _stretched(limits, "allowed")
    for sign in (1.0, -1.0):
        figure.add_trace(
            go.Scatter(
                x=axis.at(x), y=sign * y, connectgaps=False,
                mode="lines", line={"color": colours.goal, "width": 1.2, "dash": "dash", "shape": "hvh"},
                name="Tolerance", showlegend=False, hoverinfo="skip",
            ),
            row=4, col=1,
        )  # fmt: skip
    figure.add_hline(y=0, line={"color": colours.rule, "width": 1}, row=4, col=1, layer="below")


SHADED = 300
"""Runs of windows left out that are shaded behind the signals; more would be a grey wall."""


def _mark(
    figure: go.Figure, inside: pl.DataFrame, chosen: int | None, axis: Axis, colours: theme.Theme
) -> None:
    """An outline around the window looked at, through all strips."""
    own = inside.filter(pl.col("start") == chosen) if chosen is not None else inside.head(0)
    for start, end in own.select("start", "end").head(1).iter_rows():
        line = {"color": colours.bad, "width": 1.5, "dash": "dot"}
        figure.add_shape({**BAND, "x0": axis.one(start), "x1": axis.one(end), "line": line})


def _shade(figure: go.Figure, inside: pl.DataFrame, between: Range, axis: Axis, colours: theme.Theme) -> None:
    """Grey bands behind all strips where windows are left out."""
    out = runs(inside).filter(~pl.col("state").is_in(["used", "outside"])).head(SHADED)
    shapes = [
        {"x0": axis.one(max(start, between[0])), "x1": axis.one(min(end, between[1])),
         "fillcolor": colours.quiet, "opacity": 0.14, "line": {"width": 0}}
        for start, end in out.select("start", "end").iter_rows()
    ]  # fmt: skip
    figure.update_layout(shapes=[*(figure.layout.shapes or ()), *({**BAND, **one} for one in shapes)])


def _layout(figure: go.Figure, between: Range, words: Words, axis: Axis, colours: theme.Theme) -> None:
    clear = "rgba(0,0,0,0)"
    figure.update_layout(
        paper_bgcolor=clear, plot_bgcolor=clear,
        font={"family": charts.FAMILY, "color": colours.ink, "size": 13},
        height=720, margin={"l": 64, "r": 16, "t": 34, "b": 96}, bargap=0, barmode="overlay",
        dragmode="select", selectdirection="h", clickmode="event+select", hovermode="closest",
        legend={"orientation": "h", "y": -0.13, "yanchor": "top", "x": 0, "xanchor": "left",
                "title": {"text": "Windows: ", "font": {"size": 13}},
                "itemclick": False, "itemdoubleclick": False},
        newselection={"line": {"color": colours.ink, "dash": "dot"}},
    )  # fmt: skip
    figure.update_annotations(x=0, xanchor="left", font={"size": 13, "color": colours.ink})
    figure.update_xaxes(
        range=[axis.one(between[0]), axis.one(between[1])], showgrid=True, gridcolor=colours.rule,
        griddash="dot", zeroline=False, linecolor=colours.rule, color=colours.quiet,
    )  # fmt: skip
    figure.update_xaxes(title={"text": words.clock, "font": {"size": 12}}, row=4, col=1)
    figure.update_yaxes(gridcolor=colours.rule, griddash="dot", zeroline=False, color=colours.quiet)
    figure.update_yaxes(visible=False, range=[0, 1], fixedrange=True, row=3, col=1)
    # One scale for both, so that they can be compared by eye.
    values = [np.asarray(one.y, dtype=np.float64) for one in figure.data if one.name in SIGNALS]
    known = np.concatenate([one[np.isfinite(one)] for one in values])
    scale = {"range": _with_air(known)} if known.size else {}
    for row in (1, 2):
        figure.update_yaxes(title={"text": words.unit, "font": {"size": 12}}, row=row, col=1, **scale)


def _with_air(values: np.ndarray[Any, Any]) -> list[float]:
    low, high = float(values.min()), float(values.max())
    air = 0.06 * (high - low or 1.0)
    return [low - air, high + air]


def asked(event: Any, dates: bool) -> tuple[Literal["range", "window"], Any] | None:
    """What a selection in the chart asks for: a stretch of time (ticks), or the window of a clicked mark.

    Example:
        >>> asked({"selection": {"box": [{"x": [2.0, 1.0]}], "points": []}}, dates=False)
        ('range', (1000000, 2000000))
        >>> asked({"selection": {"box": [], "points": [{"customdata": 7.0}]}}, dates=True)
        ('window', 7)
        >>> asked(None, dates=True)
    """
    selection = (event or {}).get("selection", {})
    boxes = selection.get("box") or []
    if boxes:
        ends = [_tick(value, dates) for value in boxes[0]["x"]]
        return ("range", (min(ends), max(ends))) if max(ends) > min(ends) else None
    for point in selection.get("points") or []:
        data = point.get("customdata")
        data = data[0] if isinstance(data, list) and len(data) == 1 else data
        if isinstance(data, (int, float)):
            return "window", int(data)
    return None


def _tick(value: Any, dates: bool) -> int:
    if dates:
        return int(np.datetime64(str(value).replace(" ", "T"), "us").astype(np.int64))
    return round(float(value) * SECOND)


def within(windows: pl.DataFrame, between: Range) -> pl.DataFrame:
    """The windows of which some part is shown."""
    return windows.filter((pl.col("end") > between[0]) & (pl.col("start") < between[1]))


def are_marked(windows: pl.DataFrame, between: Range) -> bool:
    """Whether each window shown is marked on its own."""
    inside = within(windows, between)
    return 0 < inside.height <= EACH and not overlapping(inside)


def overlapping(windows: pl.DataFrame) -> bool:
    """Whether windows overlap, as the stretches around rows that pair nearest in time do."""
    return bool((windows["start"] < windows["end"].shift()).any())
