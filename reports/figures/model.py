"""What a figure shows, before anyone paints it: points, lines, bands, labels, units, and alternative text.

Builders fill these records from results rows and analysis data; two painters draw them (`plotly` for the
screen, `svg` for print and archive). A figure carries numbers
that were computed elsewhere and never computes one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """One axis.

    Attributes:
        title: Words, without the unit.
        unit: Unit, or None.
        low: Smallest value shown; None leaves it to the data.
        high: Largest value shown.
        percent: The values are proportions, printed as percentages.
    """

    title: str
    unit: str | None = None
    low: float | None = None
    high: float | None = None
    percent: bool = False

    @property
    def label(self) -> str:
        """Title with its unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


@dataclass(frozen=True)
class Points:
    """Observations: one mark each.

    Attributes:
        x: Horizontal positions.
        y: Vertical positions.
        subjects: Study pseudonym of each point's subject.
        rows: Position of each point in the analysed rows, so that a click finds its row.
    """

    x: FloatArray
    y: FloatArray
    subjects: tuple[str, ...]
    rows: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Ranges:
    """What stands around and beside each point of a scatter, in the points' order.

    Attributes:
        lower: Lower end of each point's interval.
        upper: Upper end.
        beside: A second value of each point, a light mark: what was measured, beside what is believed.
    """

    lower: FloatArray
    upper: FloatArray
    beside: FloatArray


@dataclass(frozen=True)
class Level:
    """A horizontal line at an estimate, with its interval as a band.

    Attributes:
        value: Where it lies.
        label: What it is, with its printed value.
        lower: Lower bound of its interval; None where it has none (the side is not drawn).
        upper: Upper bound.
        role: `center` for the bias, `limit` for a limit of agreement, `goal` for an acceptance limit, `zero`.
        detail: The interval in words, printed under the label.
    """

    value: float
    label: str
    lower: float | None = None
    upper: float | None = None
    role: Literal["center", "limit", "goal", "zero"] = "limit"
    detail: str = ""


@dataclass(frozen=True)
class Figure:
    """What every figure has: an identifier, a title, a caption under it, and its alternative text."""

    name: str
    title: str
    caption: str
    alt: str


@dataclass(frozen=True)
class Scatter(Figure):
    """Points over two axes with horizontal levels (a Bland-Altman plot), or around the identity line."""

    x: Axis
    y: Axis
    points: Points
    levels: tuple[Level, ...] = ()
    identity: bool = False
    ranges: Ranges | None = None


@dataclass(frozen=True)
class ForestRow:
    """One line of a forest plot.

    Attributes:
        label: The level's name; for a heading, the subgroup's.
        heading: True for a line that only names the subgroup.
        value: Estimate; None where there is none.
        lower: Lower bound; None where there is none or it is infinite.
        upper: Upper bound.
        count: `n/N` or the number of units, as text.
        text: Estimate and interval, as text; or why there is none.
        overall: True for the line of all analysed rows.
        goal: Limits of this line alone, where lines are judged by different ones.
        row_id: The row of the results behind the line; None for headings.
        wider: Bounds of a second, wider interval (adjusted for multiplicity), drawn thin around the first.
    """

    label: str
    heading: bool = False
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    count: str = ""
    text: str = ""
    overall: bool = False
    goal: tuple[float, ...] = ()
    row_id: str | None = None
    wider: tuple[float | None, float | None] | None = None


@dataclass(frozen=True)
class Forest(Figure):
    """Estimates of the declared subgroups under each other, beside the overall estimate and the goal.

    `null` is where nothing differs, for differences and ratios; None for estimates. `span` is a stretch to
    shade: what a margin tolerates.
    """

    x: Axis
    rows: tuple[ForestRow, ...]
    goal: tuple[float, ...] = ()
    goal_label: str = ""
    count_title: str = "n/N"
    text_title: str = "Estimate (interval)"
    null: float | None = None
    span: Span | None = None


@dataclass(frozen=True)
class Matrix(Figure):
    """Counts of reference by output.

    Attributes:
        row_title: What the rows are (the reference).
        column_title: What the columns are (the output).
        rows: Names of the reference levels.
        columns: Names of the outputs, indeterminate ones last.
        counts: Counts, one tuple a row.
        agree: For each cell, whether output and reference agree; None where the output says nothing.
    """

    row_title: str
    column_title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    agree: tuple[tuple[bool | None, ...], ...]
    legend: str = "Solid shading: agreement; hatching: disagreement; no colour: no determinate output."


@dataclass(frozen=True)
class FlowStep:
    """One step of the accounting.

    Attributes:
        title: What remains, or what left.
        lines: Counts, as text, one a line.
        leaves: True for rows that leave the flow here (drawn to the side).
    """

    title: str
    lines: tuple[str, ...]
    leaves: bool = False


@dataclass(frozen=True)
class Flow(Figure):
    """From the rows read to the rows analysed, with every loss and its reason."""

    steps: tuple[FlowStep, ...]


@dataclass(frozen=True)
class CurvePoint:
    """One position of a curve: the estimate there with its interval, and what would be decided.

    `other` marks positions at which it would be decided otherwise than where the curve sets out: open marks.
    """

    x: float
    value: float | None
    lower: float | None
    upper: float | None
    other: bool = False


@dataclass(frozen=True)
class Turn:
    """A position to mark: where the decision becomes another one, or what was planned."""

    x: float
    label: str


@dataclass(frozen=True)
class Span:
    """A stretch of positions to shade, and what it is."""

    low: float
    high: float
    label: str


@dataclass(frozen=True)
class Curve(Figure):
    """A number with its interval along an assumption: a tipping-point plot, or a power curve.

    Attributes:
        points: Positions in order.
        goal: Limits of the criterion.
        goal_label: What they are.
        turns: Marked positions.
        whole: The positions are whole numbers.
        joined: Whether lines join the positions; without them, they are things of their own.
        span: A stretch of positions to shade.
    """

    x: Axis
    y: Axis
    points: tuple[CurvePoint, ...]
    goal: tuple[float, ...] = ()
    goal_label: str = ""
    turns: tuple[Turn, ...] = ()
    whole: bool = False
    joined: bool = True
    span: Span | None = None


@dataclass(frozen=True)
class Density(Figure):
    """How many units lie where, over two axes with the same bins; darker is more, by the logarithm.

    Attributes:
        edges: Lower edges of the bins, equally wide; the last bin holds whatever is larger.
        counts: Units, one tuple a bin of x, one number a bin of y.
        below: What lies below the line of equality.
        above: What lies above it.
    """

    x: Axis
    y: Axis
    edges: tuple[float, ...]
    counts: tuple[tuple[int, ...], ...]
    below: str = ""
    above: str = ""

    @property
    def ends(self) -> tuple[float, ...]:
        """All edges, the last bin drawn as wide as the others."""
        return (*self.edges, self.edges[-1] + self.edges[1] - self.edges[0])


@dataclass(frozen=True)
class Lane:
    """Classes over time by one side.

    Attributes:
        title: Whose they are.
        start: (n,) where each run of one class starts.
        end: (n,) where it ends.
        places: (n,) place of its class among the levels, from the top; -1: it has none.
    """

    title: str
    start: FloatArray
    end: FloatArray
    places: tuple[int, ...]


@dataclass(frozen=True)
class Hypnogram(Figure):
    """Classes over time, one lane above the other on one axis.

    Attributes:
        levels: Classes from top to bottom.
        lanes: The sides.
        apart: Stretches in which both have a class and these are not one.
        without: Stretches that are not used.
    """

    x: Axis
    levels: tuple[str, ...]
    lanes: tuple[Lane, ...]
    apart: tuple[tuple[float, float], ...]
    without: tuple[tuple[float, float], ...]


AnyFigure = Scatter | Forest | Matrix | Flow | Curve | Density | Hypnogram


def same_picture(one: Figure | None, other: Figure | None) -> bool:
    """Whether two scatters show the same points, levels and axes, whatever their names say."""
    if not (isinstance(one, Scatter) and isinstance(other, Scatter)):
        return False
    return (
        (one.x, one.y, one.levels, one.identity) == (other.x, other.y, other.levels, other.identity)
        and one.points.subjects == other.points.subjects
        and np.array_equal(one.points.x, other.points.x)
        and np.array_equal(one.points.y, other.points.y)
    )
