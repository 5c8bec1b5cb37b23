"""The painter for print and archive: matplotlib, as SVG with real text and the same bytes every time."""

from __future__ import annotations

import io
import re
import threading
from functools import cache
from html import escape
from typing import Any

import numpy as np

from . import layout, paint_hypnogram, theme
from .model import (
    AnyFigure,
    Curve,
    CurvePoint,
    Density,
    Flow,
    FlowStep,
    Forest,
    ForestRow,
    Hypnogram,
    Level,
    Matrix,
    Ranges,
    Scatter,
)

_LOCK = threading.Lock()  # matplotlib's settings are global to the process
_LIGHT = theme.LIGHT
_SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "accordance",
    "svg.image_inline": True,
    "text.parse_math": False,
    "axes.unicode_minus": True,
    "font.family": [theme.FAMILY],
    "font.size": theme.BODY,
    "axes.edgecolor": _LIGHT.quiet,
    "axes.labelcolor": _LIGHT.ink,
    "axes.labelsize": theme.BODY,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": _LIGHT.ink,
    "xtick.color": _LIGHT.quiet,
    "ytick.color": _LIGHT.quiet,
    "xtick.labelcolor": _LIGHT.ink,
    "ytick.labelcolor": _LIGHT.ink,
    "xtick.labelsize": theme.SMALL,
    "ytick.labelsize": theme.SMALL,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "path.simplify": False,
}


def paint(model: AnyFigure, *, raster_above: int = theme.RASTER_ABOVE) -> str:
    """The figure as one SVG element, identical for identical models.

    Args:
        model: What to show.
        raster_above: More points than this become a picture inside the vector figure; 0 always does so.
    """
    import matplotlib as mpl  # noqa: PLC0415 - half a second to load, only where figures are painted
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415
    from matplotlib.figure import Figure as Canvas  # noqa: PLC0415

    _fonts()
    buffer = io.StringIO()
    with _LOCK, mpl.rc_context(_SETTINGS):
        canvas = Canvas(dpi=300)
        FigureCanvasSVG(canvas)
        _PAINTERS[type(model)](canvas, model, raster_above)
        canvas.savefig(
            buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
        )
    return _clean(buffer.getvalue(), model)


@cache
def _fonts() -> None:
    """Tell matplotlib of the report's own fonts; it measures text with them."""
    from matplotlib import font_manager  # noqa: PLC0415

    for path in sorted(theme.FONT_FOLDER.glob("*.ttf")):
        font_manager.fontManager.addfont(str(path))


def _clean(svg: str, model: AnyFigure) -> str:
    """One `svg` element with a name of its own, alternative text, and nothing that points elsewhere."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # Several figures share one HTML page: their identifiers must differ.
    prefix = re.sub(r"[^A-Za-z0-9_-]", "-", model.name)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}.\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}.\1)", svg)
    svg = re.sub(r'xlink:href="#([^"]+)"', rf'xlink:href="#{prefix}.\1"', svg)
    head = f'<svg role="img" aria-label="{escape(model.alt)}"'
    return re.sub(r"^<svg", lambda _: head, svg, count=1)


def _axis_numbers(axis: Any, *, percent: bool) -> None:
    """Ticks at round numbers, printed with a true minus sign."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator  # noqa: PLC0415

    axis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))

    def text(value: float, _: int | None = None) -> str:
        ticks = np.asarray(axis.get_majorticklocs())
        step = float(np.min(np.diff(ticks))) if len(ticks) > 1 else 1.0
        return layout.tick_text(value, percent=percent, step=step)

    axis.set_major_formatter(FuncFormatter(text))


def _scatter(canvas: Any, model: Scatter, raster_above: int) -> None:
    """Points with levels; the levels' words stand in the right margin, moved apart where they collide."""
    width, height = (3.7, 3.45) if model.identity else (theme.WIDTH, 2.5 if model.ranges else 3.4)
    canvas.set_size_inches(width, height)
    left, bottom = 0.62 / width, 0.42 / height
    right = 0.72 if any(level.label for level in model.levels) else 0.97
    axes = canvas.add_axes((left, bottom, right - left, 0.98 - bottom))
    (x_low, x_high), (y_low, y_high) = layout.scatter_ranges(model)
    axes.set_xlim(x_low, x_high)
    axes.set_ylim(y_low, y_high)
    axes.set_xlabel(model.x.label)
    axes.set_ylabel(model.y.label)
    _axis_numbers(axes.xaxis, percent=model.x.percent)
    _axis_numbers(axes.yaxis, percent=model.y.percent)
    if model.identity:
        axes.plot(
            [x_low, x_high], [x_low, x_high], color=_LIGHT.quiet, linewidth=0.9, linestyle="dashed", zorder=1
        )
    for level in model.levels:
        _level(axes, level)
    many = len(model.points)
    if model.ranges is not None:
        _ranges(axes, model, model.ranges, rasterized=many > raster_above)
    axes.scatter(
        model.points.x,
        model.points.y,
        s=18 if many <= 200 else 7 if many <= raster_above else 3,
        color=_LIGHT.point,
        alpha=0.75 if many <= 200 else 0.45 if many <= 5_000 else 0.2,
        linewidths=0,
        zorder=3,
        rasterized=many > raster_above,
    )
    _level_words(axes, model, y_low, y_high, height)


def _ranges(axes: Any, model: Scatter, ranges: Ranges, *, rasterized: bool) -> None:
    """Intervals as thin lines and second values as light open marks, under the points."""
    many = len(model.points)
    axes.vlines(
        model.points.x, ranges.lower, ranges.upper, color=_LIGHT.point, alpha=0.35,
        linewidth=1.0 if many <= 200 else 0.5, zorder=2.4, rasterized=rasterized,
    )  # fmt: skip
    axes.scatter(
        model.points.x, ranges.beside, s=10 if many <= 200 else 4, facecolors="none",
        edgecolors=_LIGHT.quiet, alpha=0.7, linewidths=0.6, zorder=2.6, rasterized=rasterized,
    )  # fmt: skip


def _level(axes: Any, level: Level) -> None:
    colour = theme.line_colour(_LIGHT, level.role)
    if level.lower is not None and level.upper is not None:
        axes.axhspan(level.lower, level.upper, color=colour, alpha=0.13, linewidth=0, zorder=0.5)
    width = 0.8 if level.role == "zero" else 1.3
    axes.axhline(level.value, color=colour, linewidth=width, linestyle=theme.DASHES[level.role], zorder=2)


def _level_words(axes: Any, model: Scatter, low: float, high: float, height: float) -> None:
    named = [level for level in model.levels if level.label]
    if not named:
        return
    per_inch = (high - low) / (height - 0.49)
    lines = [1 + bool(level.detail) for level in named]
    gap = max(lines) * 0.15 * per_inch + 0.03 * per_inch
    places = layout.spread([level.value for level in named], gap, low + gap / 2, high - gap / 2)
    for level, place, count in zip(named, places, lines, strict=True):
        colour = theme.line_colour(_LIGHT, level.role)
        x_low, x_high = axes.get_xlim()
        step = (x_high - x_low) * 0.012
        axes.plot(
            [x_high, x_high + step, x_high + 2 * step],
            [level.value, level.value, place],
            color=colour,
            linewidth=0.7,
            clip_on=False,
            zorder=2,
        )
        offset = 0.075 * per_inch if count > 1 else 0.0
        axes.text(
            x_high + 3 * step, place + offset, level.label, color=colour, va="center", fontweight="semibold",
            fontsize=theme.SMALL,
        )  # fmt: skip
        if level.detail:
            axes.text(
                x_high + 3 * step,
                place - offset,
                level.detail,
                color=colour,
                va="center",
                fontsize=theme.SMALL,
            )


EDGE = 0.12
"""Nearer to an end of the axis than this share of it, a goal's words stand inside instead of around it."""


def _forest(canvas: Any, model: Forest, _: int) -> None:
    """Names, counts, intervals and numbers in one line each; the goal as a vertical line through all."""
    row_height, top, bottom = 0.19, 0.3, 0.5
    height = top + bottom + row_height * len(model.rows)
    canvas.set_size_inches(theme.WIDTH, height)
    left, right = 0.41, 0.72
    axes = canvas.add_axes((left, bottom / height, right - left, 1 - (top + bottom) / height))
    low, high = layout.forest_range(model)
    axes.set_xlim(low, high)
    axes.set_ylim(len(model.rows) - 0.4, -0.6)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(model.x.label)
    _axis_numbers(axes.xaxis, percent=model.x.percent)
    if model.span is not None:
        axes.axvspan(model.span.low, model.span.high, color=_LIGHT.goal, alpha=0.1, linewidth=0, zorder=0)
    for mark in (mark for mark in model.goal if np.isfinite(mark)):
        axes.axvline(mark, color=_LIGHT.goal, linewidth=1.1, linestyle=theme.DASHES["goal"], zorder=1)
    if model.null is not None:
        axes.axvline(model.null, color=_LIGHT.quiet, linewidth=0.8, linestyle=theme.DASHES["zero"], zorder=1)
    across = axes.get_yaxis_transform()
    reach = 1 / (right - left)

    def write(at: float, row: float, text: str, **style: Any) -> None:
        axes.text((at - left) * reach, row, text, transform=across, va="center", **style)

    bold: dict[str, Any] = {"fontweight": "semibold"}
    write(0.395, -0.95, model.count_title, ha="right", **bold)
    write(1.0, -0.95, model.text_title, ha="right", **bold)
    if model.goal_label and model.goal:
        middle = sum(model.goal) / len(model.goal)
        share = (middle - low) / (high - low)
        side = "left" if share < EDGE else "right" if share > 1 - EDGE else "center"
        axes.text(middle, -0.95, model.goal_label, color=_LIGHT.goal, ha=side, va="center", **bold)
    for index, row in enumerate(model.rows):
        weight = "semibold" if row.heading or row.overall else "normal"
        indent = 0.0 if row.heading or row.overall else 0.018
        write(indent, index, layout.shortened(row.label, 42), fontweight=weight)
        write(0.395, index, row.count, ha="right", fontweight=weight)
        write(1.0, index, layout.shortened(row.text, 34), ha="right", fontweight=weight)
        for mark in (mark for mark in row.goal if np.isfinite(mark)):
            axes.plot([mark, mark], [index - 0.42, index + 0.42], color=_LIGHT.goal, linewidth=1.1,
                      linestyle=theme.DASHES["goal"], zorder=1)  # fmt: skip
        _forest_mark(axes, row, index, low, high)
    if model.rows and model.rows[0].overall:
        axes.plot([-left * reach, (1 - left) * reach], [0.5, 0.5], transform=across, color=_LIGHT.rule,
                  linewidth=0.7, clip_on=False)  # fmt: skip


def _forest_mark(axes: Any, row: ForestRow, at: int, low: float, high: float) -> None:
    """An interval with its estimate; where it reaches beyond the axis, an arrow says so."""
    if row.value is None or not np.isfinite(row.value):
        return
    wider = layout.within(row.wider, (low, high))
    if wider is not None:
        axes.plot(wider, [at, at], color=_LIGHT.point, linewidth=0.6, zorder=2, solid_capstyle="butt")
        inside = [end for end in wider if low < end < high]
        axes.plot(inside, [at] * len(inside), color=_LIGHT.point, marker="|", markersize=4.5,
                  markeredgewidth=0.8, linestyle="none", zorder=2)  # fmt: skip
    if row.lower is not None or row.upper is not None:
        start = low if row.lower is None else max(row.lower, low)
        end = high if row.upper is None else min(row.upper, high)
        width = 2.0 if row.overall else 1.2
        axes.plot(
            [start, end], [at, at], color=_LIGHT.point, linewidth=width, zorder=2, solid_capstyle="butt"
        )
        beyond = (
            (row.lower is None or row.lower < low, low, "<"),
            (row.upper is None or row.upper > high, high, ">"),
        )
        for reaches, edge, marker in beyond:
            if reaches:
                axes.scatter(
                    [edge], [at], marker=marker, s=16, color=_LIGHT.point, linewidths=0, clip_on=False
                )
    if low <= row.value <= high:
        marker, size = ("D", 26) if row.overall else ("s", 16)
        axes.scatter([row.value], [at], marker=marker, s=size, color=_LIGHT.point, linewidths=0, zorder=3)


def _matrix(canvas: Any, model: Matrix, _: int) -> None:
    """Counts in cells; agreement is shaded solid, disagreement is hatched, indeterminate stays plain."""
    columns, rows = len(model.columns), len(model.rows)
    cell_width, cell_height, names, head = min(1.15, 4.6 / max(columns, 1)), 0.5, 1.95, 0.72
    width = names + columns * cell_width + 0.05
    height = head + rows * cell_height + 0.05
    canvas.set_size_inches(width, height)
    place = (names / width, 0.05 / height, columns * cell_width / width, rows * cell_height / height)
    axes = canvas.add_axes(place)
    axes.set_xlim(0, columns)
    axes.set_ylim(rows, 0)
    axes.set_axis_off()
    for i, counts in enumerate(model.counts):
        most = max(*counts, 1)
        for j, count in enumerate(counts):
            _cell(axes, (j, i), count, model.agree[i][j], count / most)
    for i, name in enumerate(model.rows):
        axes.text(-0.08, i + 0.5, layout.shortened(name, 30), ha="right", va="center")
    for j, name in enumerate(model.columns):
        lines = layout.wrapped(name, max(8, int(cell_width * 14)), 2)
        axes.text(j + 0.5, -0.08, "\n".join(lines), ha="center", va="bottom", linespacing=1.15)
    top = -0.95 * (head - 0.13) / cell_height
    axes.text(columns / 2, top, model.column_title, ha="center", va="center", fontweight="semibold")
    title = "\n".join(layout.wrapped(model.row_title, 28, 2))
    axes.text(-0.08, -0.08, title, ha="right", va="bottom", fontweight="semibold", linespacing=1.15)


def _cell(axes: Any, place: tuple[int, int], count: int, agree: bool | None, share: float) -> None:
    from matplotlib.patches import Rectangle  # noqa: PLC0415

    colour = _LIGHT.rule if agree is None else _LIGHT.good if agree else _LIGHT.bad
    axes.add_patch(Rectangle(place, 1, 1, facecolor=colour, alpha=0.10 + 0.30 * share, linewidth=0))
    hatch = "////" if agree is False else None
    axes.add_patch(
        Rectangle(place, 1, 1, facecolor="none", edgecolor=_LIGHT.rule, linewidth=0.8, hatch=hatch)
    )
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5, "alpha": 0.85} if hatch else None
    middle = (place[0] + 0.5, place[1] + 0.5)
    axes.text(*middle, f"{count:,}", ha="center", va="center", fontsize=10, fontweight="semibold", bbox=box)


def _flow(canvas: Any, model: Flow, _: int) -> None:
    """Boxes down the left for what remains, boxes to the right for what leaves, arrows between."""
    main_width, side_left, side_width, gap, line = 2.75, 3.45, 3.2, 0.2, 0.145
    heights = [_flow_height(step, line) for step in model.steps]
    height = sum(heights) + gap * max(len(heights) - 1, 0) + 0.06
    canvas.set_size_inches(theme.WIDTH, height)
    axes = canvas.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, theme.WIDTH)
    axes.set_ylim(height, 0)
    axes.set_axis_off()
    top, bottom_of_main, spine = 0.03, 0.0, 0.03 + main_width / 2
    seen_main = False
    for step, tall in zip(model.steps, heights, strict=True):
        middle = top + tall / 2
        if step.leaves:
            _arrow(axes, (spine, middle), (side_left, middle))
            _box(axes, (side_left, top, side_width, tall), step, line)
        else:
            if seen_main:
                _arrow(axes, (spine, bottom_of_main), (spine, top))
            _box(axes, (0.03, top, main_width, tall), step, line)
            bottom_of_main, seen_main = top + tall, True
        top += tall + gap


def _flow_title(step: FlowStep) -> list[str]:
    return layout.wrapped(step.title, 50 if step.leaves else 42, 2)


def _flow_height(step: FlowStep, line: float) -> float:
    return 0.13 + line * (len(_flow_title(step)) + len(step.lines))


def _box(axes: Any, place: tuple[float, float, float, float], step: FlowStep, line: float) -> None:
    """A box at (left, top, width, height) with its words."""
    from matplotlib.patches import Rectangle  # noqa: PLC0415

    left, top, width, height = place
    face, dashes = ("white", "dashed") if step.leaves else ("#f2f5f8", "solid")
    axes.add_patch(
        Rectangle(
            (left, top),
            width,
            height,
            edgecolor=_LIGHT.quiet,
            facecolor=face,
            linewidth=0.8,
            linestyle=dashes,
            zorder=2,
        )
    )
    at = top + 0.065 + line / 2
    titles = _flow_title(step)
    for index, text in enumerate([*titles, *step.lines]):
        weight = "semibold" if index < len(titles) else "normal"
        axes.text(left + 0.1, at, text, va="center", fontweight=weight, zorder=3, fontsize=theme.BODY)
        at += line


def _arrow(axes: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate(
        "", xy=end, xytext=start, zorder=1,
        arrowprops={"arrowstyle": "-|>", "color": _LIGHT.quiet, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0,
                    "mutation_scale": 8},
    )  # fmt: skip


FEW_POINTS = 30
"""Curves of at most so many positions show each as a mark with its interval; others as a band."""
MANY_POINTS = 400
"""The same of things of their own that no line joins."""


def _curve(canvas: Any, model: Curve, _: int) -> None:
    """Estimates and intervals along the assumption; the goal across, each turn of the decision upright."""
    width, height = theme.WIDTH, 2.6
    canvas.set_size_inches(width, height)
    left, right, bottom, top = (
        0.62 / width,
        0.86,
        0.42 / height,
        1 - (0.24 if len(model.turns) < 2 else 0.36) / height,
    )
    axes = canvas.add_axes((left, bottom, right - left, top - bottom))
    (x_low, x_high), (y_low, y_high) = layout.curve_ranges(model)
    axes.set_xlim(x_low, x_high)
    axes.set_ylim(y_low, y_high)
    axes.set_xlabel(model.x.label)
    axes.set_ylabel(model.y.label)
    _axis_numbers(axes.xaxis, percent=model.x.percent)
    _axis_numbers(axes.yaxis, percent=model.y.percent)
    if model.whole:
        axes.xaxis.get_major_locator().set_params(integer=True)
    known = [point for point in model.points if point.value is not None]
    x = [point.x for point in known]
    lower = [y_low if point.lower is None else point.lower for point in known]
    upper = [y_high if point.upper is None else point.upper for point in known]
    bounded = any(point.lower is not None or point.upper is not None for point in known)
    few = len(known) <= (FEW_POINTS if model.joined else MANY_POINTS) and not all(
        point.lower is point.upper is None for point in known
    )
    if bounded and few:
        axes.vlines(x, lower, upper, color=_LIGHT.point, linewidth=1.2, zorder=2)
    elif bounded:
        axes.fill_between(x, lower, upper, color=_LIGHT.point, alpha=0.16, linewidth=0, zorder=1)
    if model.span is not None:
        axes.axvspan(model.span.low, model.span.high, color=_LIGHT.quiet, alpha=0.18, linewidth=0.5, zorder=0)
    others = [point for point in known if point.other]
    if others or not model.joined:
        _marks(axes, known, small=len(known) > FEW_POINTS)
    for stretch in layout.joined_points(model):
        axes.plot(
            [point.x for point in stretch],
            [point.value for point in stretch],
            color=_LIGHT.point,
            linewidth=0.8 if few else 1.5,
            marker="s" if few and not others else None,
            markersize=4,
            zorder=3,
        )
    for mark in (mark for mark in model.goal if np.isfinite(mark)):
        axes.axhline(mark, color=_LIGHT.goal, linewidth=1.1, linestyle=theme.DASHES["goal"], zorder=1.5)
        axes.text(
            x_high, mark, f"  {model.goal_label}", color=_LIGHT.goal, va="center", fontweight="semibold",
            fontsize=theme.SMALL,
        )  # fmt: skip
    for index, turn in enumerate(model.turns):
        axes.axvline(turn.x, color=_LIGHT.limit, linewidth=1.1, linestyle=theme.DASHES["limit"], zorder=1.5)
        right_of_middle = turn.x > (x_low + x_high) / 2
        axes.text(
            turn.x, y_high + (0.03 + 0.05 * (index % 2)) * (y_high - y_low), turn.label, color=_LIGHT.limit,
            ha="right" if right_of_middle else "left", va="bottom", fontweight="semibold",
            fontsize=theme.SMALL,
        )  # fmt: skip


def _marks(axes: Any, points: list[CurvePoint], *, small: bool) -> None:
    """Each position as a mark, open where it would be decided otherwise."""
    size = 1.5 if small else 4.0
    for other, filled in ((False, _LIGHT.point), (True, _LIGHT.paper)):
        own = [point for point in points if point.other == other]
        axes.plot(
            [point.x for point in own],
            [point.value for point in own],
            linestyle="none",
            marker="s",
            markersize=size,
            color=_LIGHT.point,
            markerfacecolor=filled,
            zorder=4,
        )


def _density(canvas: Any, model: Density, _: int) -> None:
    """Cells from white to the colour of points, the line of equality, and what lies on either side of it."""
    from matplotlib.colors import LinearSegmentedColormap, LogNorm  # noqa: PLC0415

    width, height = 3.9, 3.6
    canvas.set_size_inches(width, height)
    left, bottom = 0.62 / width, 0.42 / height
    axes = canvas.add_axes((left, bottom, 0.97 - left, 0.98 - bottom))
    ends, counts = np.array(model.ends), np.array(model.counts, dtype=np.float64)
    colours = LinearSegmentedColormap.from_list("units", ["#dbe5ee", _LIGHT.point])
    axes.pcolormesh(
        ends, ends, np.ma.masked_less(counts.T, 1), cmap=colours, norm=LogNorm(1, max(counts.max(), 2)),
        edgecolors="face", linewidth=0.2, zorder=1,
    )  # fmt: skip
    axes.plot(ends[[0, -1]], ends[[0, -1]], color=_LIGHT.ink, linewidth=0.9, linestyle="dashed", zorder=2)
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5, "alpha": 0.8}
    for words, at, vertical in ((model.above, (0.03, 0.97), "top"), (model.below, (0.97, 0.03), "bottom")):
        axes.text(
            *at, words, transform=axes.transAxes, ha="left" if at[0] < 0.5 else "right", va=vertical,
            color=_LIGHT.quiet, fontsize=theme.SMALL, fontweight="semibold", bbox=box,
        )  # fmt: skip
    axes.set_xlabel(model.x.label)
    axes.set_ylabel(model.y.label)
    _axis_numbers(axes.xaxis, percent=model.x.percent)
    _axis_numbers(axes.yaxis, percent=model.y.percent)


_PAINTERS: dict[type, Any] = {
    Hypnogram: lambda canvas, model, _: paint_hypnogram.svg(canvas, model),
    Density: _density,
    Scatter: _scatter,
    Forest: _forest,
    Matrix: _matrix,
    Flow: _flow,
    Curve: _curve,
}
