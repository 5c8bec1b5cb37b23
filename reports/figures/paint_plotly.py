"""The painter for the screen: Plotly figures with the same content, for the app and notebooks."""

from __future__ import annotations

from html import escape
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from . import layout, paint_hypnogram, theme
from .model import AnyFigure, Axis, Curve, Density, Flow, Forest, Hypnogram, Matrix, Ranges, Scatter

MANY = 60
"""Curves of more positions have smaller marks."""
_DASH = {"solid": "solid", "dashed": "dash", "dashdot": "dashdot", "dotted": "dot"}


def paint(model: AnyFigure, *, appearance: Literal["light", "dark"] = "light") -> Any:
    """The figure as a `plotly.graph_objects.Figure`.

    Points carry `customdata` = (subject, position of the row), so that a click can open the subject's data.
    The alternative text is in `layout.meta["alt"]`.
    """
    import plotly.graph_objects as go  # noqa: PLC0415 - takes a moment to load

    colours = theme.DARK if appearance == "dark" else theme.LIGHT
    figure = go.Figure()
    figure.update_layout(
        font={"family": theme.FALLBACK, "size": 13, "color": colours.ink},
        paper_bgcolor=colours.paper,
        plot_bgcolor=colours.paper,
        margin={"l": 64, "r": 24, "t": 24, "b": 56},
        showlegend=False,
        hoverlabel={"font": {"family": theme.FALLBACK}},
        meta={"alt": model.alt, "name": model.name},
    )
    if isinstance(model, Scatter):
        _scatter(figure, model, colours, go)
    elif isinstance(model, Forest):
        _forest(figure, model, colours, go)
    elif isinstance(model, Matrix):
        _matrix(figure, model, colours, go)
    elif isinstance(model, Curve):
        _curve(figure, model, colours, go)
    elif isinstance(model, Density):
        _density(figure, model, colours, go)
    elif isinstance(model, Hypnogram):
        paint_hypnogram.plotly(figure, model, colours, go)
    else:
        _flow(figure, model, colours)
    return figure


def _axis(axis: Axis, colours: theme.Theme, span: tuple[float, float]) -> dict[str, Any]:
    return {
        "title": {"text": escape(axis.label)},
        "range": list(span),
        "tickformat": percents(span) if axis.percent else ",",
        "showgrid": False,
        "zeroline": False,
        "showline": True,
        "linecolor": colours.quiet,
        "ticks": "outside",
        "tickcolor": colours.quiet,
    }


def percents(span: tuple[float, float]) -> str:
    """How percentages are written along an axis: neighbouring ticks must not read the same.

    Example:
        >>> percents((0.8, 1.0)), percents((-0.02, 0.01))
        ('.0%', '.1%')
    """
    return ".0%" if span[1] - span[0] > 0.06 else ".1%"


def _scatter(figure: Any, model: Scatter, colours: theme.Theme, go: Any) -> None:
    horizontal, vertical = layout.scatter_ranges(model)
    unit = f" {escape(model.x.unit)}" if model.x.unit else ""
    many = len(model.points)
    kind = go.Scattergl if many > theme.RASTER_ABOVE else go.Scatter
    custom = np.empty((many, 2), dtype=object)
    custom[:, 0] = [escape(subject) for subject in model.points.subjects]
    custom[:, 1] = model.points.rows
    figure.add_trace(
        kind(
            x=model.points.x,
            y=model.points.y,
            mode="markers",
            name="pairs",
            customdata=custom,
            marker={
                "color": colours.point,
                "size": 7 if many <= 500 else 4,
                "opacity": 0.7 if many <= 500 else 0.4,
            },
            hovertemplate=(
                "subject %{customdata[0]}<br>"
                f"{escape(model.x.title)}: %{{x:,.4g}}{unit}<br>"
                f"{escape(model.y.title)}: %{{y:,.4g}}{unit}<extra></extra>"
            ),
        )
    )
    if model.ranges is not None:
        _ranges(figure, model, model.ranges, colours, kind)
    figure.update_xaxes(**_axis(model.x, colours, horizontal))
    figure.update_yaxes(**_axis(model.y, colours, vertical))
    if model.identity:
        low, high = horizontal
        figure.add_shape(
            type="line",
            x0=low,
            x1=high,
            y0=low,
            y1=high,
            layer="below",
            line={"color": colours.quiet, "width": 1, "dash": "dash"},
        )
    named = [level for level in model.levels if level.label]
    gap = (vertical[1] - vertical[0]) * 0.085
    places = layout.spread(
        [level.value for level in named], gap, vertical[0] + gap / 2, vertical[1] - gap / 2
    )
    for level in model.levels:
        colour = theme.line_colour(colours, level.role)
        if level.lower is not None and level.upper is not None:
            figure.add_hrect(
                y0=level.lower, y1=level.upper, fillcolor=colour, opacity=0.13, line_width=0, layer="below"
            )
        dash = _DASH[theme.DASHES[level.role]]
        figure.add_hline(y=level.value, line={"color": colour, "width": 1.5, "dash": dash})
    for level, place in zip(named, places, strict=True):
        words = f"<b>{escape(level.label)}</b>" + (f"<br>{escape(level.detail)}" if level.detail else "")
        figure.add_annotation(
            x=1.01,
            xref="paper",
            y=place,
            text=words,
            showarrow=False,
            xanchor="left",
            yanchor="middle",
            align="left",
            font={"color": theme.line_colour(colours, level.role), "size": 12},
        )
    if named:
        figure.update_layout(margin={"r": 190})


def _ranges(figure: Any, model: Scatter, ranges: Ranges, colours: theme.Theme, kind: Any) -> None:
    """Intervals around the points, and second values as light open marks that answer a click as well."""
    points = figure.data[0]
    points.update(
        error_y={
            "type": "data",
            "symmetric": False,
            "array": ranges.upper - model.points.y,
            "arrayminus": model.points.y - ranges.lower,
            "width": 0,
            "thickness": 1,
            "color": colours.rule,
        }
    )
    figure.add_trace(
        kind(
            x=model.points.x,
            y=ranges.beside,
            mode="markers",
            name="measured",
            customdata=points.customdata,
            marker={"color": colours.quiet, "size": 5, "opacity": 0.55, "symbol": "circle-open"},
            hovertemplate="subject %{customdata[0]}, measured: %{y:,.4g}<extra></extra>",
        )
    )


def _forest(figure: Any, model: Forest, colours: theme.Theme, go: Any) -> None:
    low, high = layout.forest_range(model)
    marked = [(at, row) for at, row in enumerate(model.rows) if row.value is not None]
    starts = [low if row.lower is None else max(row.lower, low) for _, row in marked]
    ends = [high if row.upper is None else min(row.upper, high) for _, row in marked]
    values = [float(row.value) for _, row in marked if row.value is not None]
    bounded = [row.lower is not None or row.upper is not None for _, row in marked]
    figure.add_trace(
        go.Scatter(
            x=values,
            y=[at for at, _ in marked],
            mode="markers",
            marker={
                "color": colours.point,
                "size": [11 if row.overall else 8 for _, row in marked],
                "symbol": ["diamond" if row.overall else "square" for _, row in marked],
            },
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [
                    end - value if has else 0 for end, value, has in zip(ends, values, bounded, strict=True)
                ],
                "arrayminus": [
                    value - start if has else 0
                    for start, value, has in zip(starts, values, bounded, strict=True)
                ],
                "color": colours.point,
                "thickness": 1.5,
                "width": 0,
            },
            customdata=[[escape(row.label), escape(row.count), escape(row.text)] for _, row in marked],
            hovertemplate="%{customdata[0]}<br>%{customdata[1]}<br>%{customdata[2]}<extra></extra>",
        )
    )
    _forest_extras(figure, model, colours, (low, high))
    for mark in model.goal:
        figure.add_vline(x=mark, line={"color": colours.goal, "width": 1.5, "dash": "dashdot"})
    if model.null is not None:
        figure.add_vline(x=model.null, line={"color": colours.quiet, "width": 1, "dash": "dot"})
    for at, row in enumerate(model.rows):
        for mark in row.goal:
            figure.add_shape(type="line", x0=mark, x1=mark, y0=at - 0.42, y1=at + 0.42,
                             line={"color": colours.goal, "width": 1.5, "dash": "dashdot"})  # fmt: skip
    if model.goal:
        figure.add_annotation(
            x=sum(model.goal) / len(model.goal),
            y=-0.9,
            text=escape(model.goal_label),
            showarrow=False,
            font={"color": colours.goal, "size": 12},
        )
    figure.update_xaxes(**_axis(model.x, colours, (low, high)))
    ticks = [
        f"<b>{escape(row.label)}</b>" if row.heading or row.overall else escape(row.label)
        for row in model.rows
    ]
    figure.update_yaxes(
        range=[len(model.rows) - 0.4, -1.3],
        tickvals=list(range(len(model.rows))),
        ticktext=ticks,
        showgrid=False,
        zeroline=False,
        automargin=True,
    )
    for at, row in enumerate(model.rows):
        if not row.heading:
            figure.add_annotation(
                x=1.01,
                xref="paper",
                y=at,
                xanchor="left",
                showarrow=False,
                align="left",
                text=f"{escape(row.count)}&nbsp;&nbsp;{escape(row.text)}",
                font={"size": 12},
            )
    figure.update_layout(height=110 + 24 * len(model.rows), margin={"r": 270})


def _forest_extras(figure: Any, model: Forest, colours: theme.Theme, shown: tuple[float, float]) -> None:
    """The shaded stretch, and the wider intervals as thin lines behind the others."""
    if model.span is not None:
        figure.add_vrect(
            x0=model.span.low, x1=model.span.high, fillcolor=colours.goal, opacity=0.1, line_width=0,
            layer="below",
        )  # fmt: skip
    for at, row in enumerate(model.rows):
        ends = layout.within(row.wider, shown)
        if row.value is not None and ends is not None:
            figure.add_shape(
                type="line", x0=ends[0], x1=ends[1], y0=at, y1=at, line={"color": colours.point, "width": 1}
            )


def _matrix(figure: Any, model: Matrix, colours: theme.Theme, go: Any) -> None:
    shades: list[list[float]] = []
    for counts, agrees in zip(model.counts, model.agree, strict=True):
        most = max(*counts, 1)
        signs = [0.0 if agree is None else 1.0 if agree else -1.0 for agree in agrees]
        shades.append(
            [sign * (0.25 + 0.75 * count / most) for sign, count in zip(signs, counts, strict=True)]
        )
    figure.add_trace(
        go.Heatmap(
            z=shades,
            zmin=-1,
            zmax=1,
            xgap=2,
            ygap=2,
            showscale=False,
            x=[escape(name) for name in model.columns],
            y=[escape(name) for name in model.rows],
            text=[[f"{count:,}" for count in line] for line in model.counts],
            texttemplate="<b>%{text}</b>",
            textfont={"size": 18, "color": theme.LIGHT.ink},
            customdata=[[[escape(r), escape(c)] for c in model.columns] for r in model.rows],
            colorscale=[[0.0, "#e9b48a"], [0.5, "#eef0f2"], [1.0, "#9dbcd8"]],
            hovertemplate=f"{escape(model.row_title)}: %{{customdata[0]}}<br>"
            f"{escape(model.column_title)}: %{{customdata[1]}}<br>%{{text}}<extra></extra>",
        )
    )
    figure.update_xaxes(
        title={"text": escape(model.column_title)}, side="top", type="category", showgrid=False
    )
    figure.update_yaxes(
        title={"text": escape(model.row_title)}, autorange="reversed", type="category", showgrid=False
    )
    figure.update_layout(margin={"t": 90, "l": 120}, height=190 + 80 * len(model.rows))


def _curve(figure: Any, model: Curve, colours: theme.Theme, go: Any) -> None:
    horizontal, vertical = layout.curve_ranges(model)
    known = [point for point in model.points if point.value is not None]
    lower = [vertical[0] if point.lower is None else point.lower for point in known]
    upper = [vertical[1] if point.upper is None else point.upper for point in known]
    bounded = any(point.lower is not None or point.upper is not None for point in known)
    values = [float(point.value) for point in known if point.value is not None]
    if model.span is not None:
        # a band narrower than a hair is drawn as one
        figure.add_vrect(
            x0=model.span.low,
            x1=model.span.high,
            fillcolor=colours.quiet,
            opacity=0.18,
            line={"color": colours.quiet, "width": 0.5},
            layer="below",
        )
    for stretch in layout.joined_points(model):
        figure.add_trace(
            go.Scatter(
                x=[point.x for point in stretch],
                y=[point.value for point in stretch],
                mode="lines",
                line={"color": colours.point, "width": 1.5},
                hoverinfo="skip",
            )
        )
    figure.add_trace(
        go.Scatter(
            x=[point.x for point in known],
            y=values,
            mode="markers",
            marker={
                "color": colours.point,
                "size": 6 if len(known) <= MANY else 3,
                "symbol": ["square-open" if point.other else "square" for point in known],
            },
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [end - value if bounded else 0 for end, value in zip(upper, values, strict=True)],
                "arrayminus": [
                    value - end if bounded else 0 for end, value in zip(lower, values, strict=True)
                ],
                "color": colours.point,
                "thickness": 1.2,
                "width": 0,
            },
            hovertemplate=f"{escape(model.x.title)}: %{{x:,.4g}}<br>"
            f"{escape(model.y.title)}: %{{y:{'.1%' if model.y.percent else ',.4g'}}}<extra></extra>",
        )
    )
    for mark in model.goal:
        figure.add_hline(
            y=mark,
            line={"color": colours.goal, "width": 1.5, "dash": "dashdot"},
            annotation={"text": escape(model.goal_label), "font": {"color": colours.goal, "size": 12}},
        )
    for turn in model.turns:
        figure.add_vline(
            x=turn.x,
            line={"color": colours.limit, "width": 1.5, "dash": "dash"},
            annotation={"text": escape(turn.label), "font": {"color": colours.limit, "size": 12}},
        )
    figure.update_xaxes(**_axis(model.x, colours, horizontal))
    figure.update_yaxes(**_axis(model.y, colours, vertical))


def _density(figure: Any, model: Density, colours: theme.Theme, go: Any) -> None:
    counts, ends = np.array(model.counts, dtype=np.float64), model.ends
    middles = (np.array(ends[:-1]) + np.array(ends[1:])) / 2
    told = [f"{low:,.4g} to {high:,.4g}" for low, high in pairwise(ends[:-1])] + [f"{ends[-2]:,.4g} and more"]
    figure.add_trace(
        go.Heatmap(
            x=middles,
            y=middles,
            z=np.where(counts > 0, np.log10(np.maximum(counts, 1)), np.nan).T,
            showscale=False,
            colorscale=[[0.0, colours.rule], [1.0, colours.point]],
            customdata=[
                [[across, up, int(count)] for across, count in zip(told, line, strict=True)]
                for up, line in zip(told, counts.T, strict=True)
            ],
            hovertemplate=f"{escape(model.x.title)}: %{{customdata[0]}}<br>"
            f"{escape(model.y.title)}: %{{customdata[1]}}<br>%{{customdata[2]:,}} units<extra></extra>",
        )
    )
    figure.add_shape(
        type="line", x0=ends[0], y0=ends[0], x1=ends[-1], y1=ends[-1],
        line={"color": colours.ink, "width": 1.2, "dash": "dash"},
    )  # fmt: skip
    for text, at, anchors in (
        (model.above, (0.02, 0.98), ("left", "top")),
        (model.below, (0.98, 0.02), ("right", "bottom")),
    ):
        figure.add_annotation(
            text=escape(text), x=at[0], y=at[1], xref="paper", yref="paper", showarrow=False,
            xanchor=anchors[0], yanchor=anchors[1], font={"color": colours.ink, "size": 12},
            bgcolor=colours.paper, opacity=0.85,
        )  # fmt: skip
    figure.update_xaxes(**_axis(model.x, colours, (ends[0], ends[-1])))
    figure.update_yaxes(**_axis(model.y, colours, (ends[0], ends[-1])))
    figure.update_layout(width=480, height=460)


def _flow(figure: Any, model: Flow, colours: theme.Theme) -> None:
    """Boxes and arrows as shapes and annotations, in inches-like units from the top."""
    top, before, spine = 0.0, 0.0, 1.5
    for step in model.steps:
        title = layout.wrapped(step.title, 46, 2)
        height = 0.35 + 0.27 * (len(title) + len(step.lines))
        left, right = (3.6, 7.2) if step.leaves else (0.0, 3.0)
        colour = {"line": {"color": colours.quiet, "width": 1, "dash": "dash" if step.leaves else "solid"}}
        figure.add_shape(type="rect", x0=left, x1=right, y0=top, y1=top + height, **colour)
        text = "<br>".join(
            [f"<b>{escape(line)}</b>" for line in title] + [escape(line) for line in step.lines]
        )
        figure.add_annotation(
            x=left + 0.1,
            y=top + height / 2,
            xanchor="left",
            yanchor="middle",
            align="left",
            text=text,
            showarrow=False,
            font={"size": 12},
        )
        if step.leaves:
            _arrow(figure, (spine, top + height / 2), (left, top + height / 2), colours)
        elif top:
            _arrow(figure, (spine, before), (spine, top), colours)
        before = before if step.leaves else top + height
        top += height + 0.3
    figure.update_xaxes(visible=False, range=[-0.05, 7.3])
    figure.update_yaxes(visible=False, range=[top, -0.05])
    figure.update_layout(height=40 + int(66 * top), margin={"l": 10, "r": 10, "t": 10, "b": 10})


def _arrow(figure: Any, start: tuple[float, float], end: tuple[float, float], colours: theme.Theme) -> None:
    figure.add_annotation(
        x=end[0],
        y=end[1],
        ax=start[0],
        ay=start[1],
        xref="x",
        yref="y",
        axref="x",
        ayref="y",
        text="",
        showarrow=True,
        arrowhead=2,
        arrowsize=1,
        arrowwidth=1,
        arrowcolor=colours.quiet,
    )
