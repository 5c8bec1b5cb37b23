"""Figures: one model, two painters.

`build` fills a model from a results row; `plotly` draws it for the screen, `svg` for print. Both show the
same numbers, and neither computes one.
"""

from __future__ import annotations

from . import contrasts
from .builders import (
    build,
    confusion,
    differences,
    flow,
    forest,
    group_words,
    has_figure,
    headline,
    scatter,
    whole,
)
from .clocks import clock_tipping
from .clocks import sessions as clock_sessions
from .forest_row import forest_row
from .hypnograms import hypnograms
from .model import (
    AnyFigure,
    Axis,
    Curve,
    CurvePoint,
    Density,
    Figure,
    Flow,
    FlowStep,
    Forest,
    ForestRow,
    Hypnogram,
    Lane,
    Level,
    Matrix,
    Points,
    Scatter,
    Span,
    Turn,
    same_picture,
)
from .paint_plotly import paint as plotly
from .paint_svg import paint as svg
from .participants import participants
from .power import power
from .tipping import tipping

__all__ = [
    "AnyFigure",
    "Axis",
    "Curve",
    "CurvePoint",
    "Density",
    "Figure",
    "Flow",
    "FlowStep",
    "Forest",
    "ForestRow",
    "Hypnogram",
    "Lane",
    "Level",
    "Matrix",
    "Points",
    "Scatter",
    "Span",
    "Turn",
    "build",
    "clock_sessions",
    "clock_tipping",
    "confusion",
    "contrasts",
    "differences",
    "flow",
    "forest",
    "forest_row",
    "group_words",
    "has_figure",
    "headline",
    "hypnograms",
    "participants",
    "plotly",
    "power",
    "same_picture",
    "scatter",
    "svg",
    "tipping",
    "whole",
]
