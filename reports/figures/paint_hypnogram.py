"""Classes over time, for print and for the screen: reference above device, and where they are not one."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import theme
from .model import Hypnogram, Lane

_LANE, _STRIP, _GAP = 1.05, 0.16, 0.3
"""Heights in inches: of a lane, of the strip of disagreement, and of what is between."""


def steps(lane: Lane) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(2n,) times and places of a line that steps from class to class; NaN where there is none."""
    places = np.array([place if place >= 0 else np.nan for place in lane.places], dtype=np.float64)
    return np.column_stack([lane.start, lane.end]).ravel(), np.repeat(places, 2)


def svg(canvas: Any, model: Hypnogram) -> None:
    """For print: lanes of one height on one axis, the strip below, nothing by colour alone.

    Args:
        canvas: A figure of matplotlib.
        model: What to show.
    """
    colours, width = theme.LIGHT, theme.WIDTH
    height = len(model.lanes) * (_LANE + _GAP) + _STRIP + 0.5
    canvas.set_size_inches(width, height)
    left, right = 0.75 / width, 0.99
    top = height - 0.22
    for number, lane in enumerate(model.lanes):
        bottom = top - _LANE
        axes = canvas.add_axes((left, bottom / height, right - left, _LANE / height))
        axes.plot(*steps(lane), color=colours.ink if number == 0 else colours.point, linewidth=0.8)
        axes.set_ylim(len(model.levels) - 0.5, -0.5)
        axes.set_yticks(range(len(model.levels)), model.levels)
        axes.set_title(lane.title, loc="left", fontsize=theme.BODY, fontweight="semibold", pad=3)
        _bare(axes, model)
        axes.tick_params(labelbottom=False)
        top = bottom - _GAP
    axes = canvas.add_axes((left, (top - _STRIP + 0.12) / height, right - left, _STRIP / height))
    for low, high in model.apart:
        axes.axvspan(low, high, facecolor=colours.bad, edgecolor="none")
    for low, high in model.without:
        axes.axvspan(low, high, facecolor="white", edgecolor=colours.quiet, hatch="/////", linewidth=0)
    axes.set_ylim(0, 1)
    axes.set_yticks([0.5], ["apart"])
    _bare(axes, model)
    axes.set_xlabel(model.x.label)


def _bare(axes: Any, model: Hypnogram) -> None:
    axes.set_xlim(model.x.low, model.x.high)
    axes.grid(axis="both", color=theme.LIGHT.rule, linewidth=0.4)
    axes.set_axisbelow(True)
    axes.tick_params(length=2)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def plotly(figure: Any, model: Hypnogram, colours: theme.Theme, go: Any) -> None:
    """For the screen.

    Args:
        figure: A figure of Plotly.
        model: What to show.
        colours: The reader's theme.
        go: `plotly.graph_objects`.
    """
    n, share = len(model.lanes), 0.84 / len(model.lanes)
    for number, lane in enumerate(model.lanes):
        x, y = steps(lane)
        axis = "y" if number == 0 else f"y{number + 1}"
        high = 1 - number * share
        figure.add_trace(
            go.Scatter(
                x=x, y=y, yaxis=axis, mode="lines", name=escape(lane.title), connectgaps=False,
                line={"width": 1.6, "color": colours.ink if number == 0 else colours.point},
                text=[None if np.isnan(at) else escape(model.levels[int(at)]) for at in y],
                hovertemplate=f"{escape(lane.title)}: %{{text}}<extra></extra>",
            )
        )  # fmt: skip
        figure.update_layout({
            f"yaxis{'' if number == 0 else number + 1}": {
                "domain": [high - share + 0.07, high - 0.03], "range": [len(model.levels) - 0.5, -0.5],
                "tickvals": list(range(len(model.levels))), "ticktext": [escape(one) for one in model.levels],
                "gridcolor": colours.rule, "zeroline": False, "title": {"text": escape(lane.title)},
            }
        })  # fmt: skip
    strip = f"y{n + 1}"
    for spans, colour, pattern, name in (
        (model.apart, colours.bad, "", "Another class"), (model.without, colours.quiet, "/", "Not used"),
    ):  # fmt: skip
        if spans:
            figure.add_trace(
                go.Bar(
                    x=[low for low, _ in spans], width=[high - low for low, high in spans], offset=0,
                    y=[1] * len(spans), yaxis=strip, name=name,
                    marker={"color": colour, "pattern": {"shape": pattern}, "line": {"width": 0}},
                    hovertemplate=f"{name}<extra></extra>",
                )
            )  # fmt: skip
    figure.update_layout({
        f"yaxis{n + 1}": {"domain": [0, 0.08], "range": [0, 1], "visible": False},
        "barmode": "overlay", "bargap": 0, "height": 150 * n + 130,
        "xaxis": {"anchor": strip, "title": {"text": escape(model.x.label)}, "gridcolor": colours.rule,
                  "range": [model.x.low, model.x.high], "zeroline": False},
    })  # fmt: skip
