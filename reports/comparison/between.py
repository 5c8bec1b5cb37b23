"""Versions against each other in print: how far they agree, how errors moved, where they disagree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from ...studies.between_versions import CATEGORY, NUMBER
from ...studies.disagreeing import OUTCOMES
from .. import format as fmt
from ..figures.forest_row import finite
from ..figures.model import Axis, Curve, CurvePoint, Density, Matrix
from .blocks import shade
from .figures import FEWEST
from .material import Material
from .words import DASH

Row = Mapping[str, Any]

TOLD = (0.1, 0.5, 0.9, 0.95, 0.99)
"""Quantiles of the shift function that stand in the table; the figure has them all."""
WHO = ("baseline_right", "candidate_right", "neither")
MOST_PATTERNS = 5
"""Ways in which categories differ that a report shows, the most frequent ones."""
MOST = 10
"""Units on which versions disagree most that a report shows."""
FIGURES = 6
"""So many shift functions stand in a report; of more, those of the first value of every candidate."""


@dataclass(frozen=True)
class Agreement:
    """One candidate against the baseline, in one value.

    Attributes:
        row: The record behind it.
        candidate: The candidate.
        value: What the output is called, with its unit.
        units: Number of units.
        equal: Share of units with the same output.
        estimates: (estimate, interval) each: for numbers bias, SD, lower and upper limit of agreement; for
            categories kappa.
        counts: Units in which the candidate is nearer and farther; for categories those in which the
            baseline, the candidate and neither were right where they differ.
        notes: Reasons and warnings.
    """

    row: Row
    candidate: str
    value: str
    units: str
    equal: str
    estimates: tuple[tuple[str, str], ...]
    counts: tuple[str, ...]
    notes: tuple[str, ...]


def of_kind(material: Material, kind: str) -> list[Row]:
    """The records of numbers or of categories; none of comparisons from before there were such."""
    every: Sequence[Row] = material.document.get("between_versions") or ()
    return [row for row in every if row.get("kind") == kind]


def numbers(material: Material) -> list[Agreement]:
    """Every candidate in every measured value."""
    return [
        _agreement(row, ("bias", "sd", "loa_lower", "loa_upper"), (row.get("nearer"), row.get("farther")))
        for row in of_kind(material, NUMBER)
    ]


def categories(material: Material) -> list[Agreement]:
    """Every candidate in every value that is a category."""
    return [
        _agreement(row, ("kappa",), tuple(row["outcomes"][name] for name in WHO))
        for row in of_kind(material, CATEGORY)
    ]


def failed(material: Material) -> list[str]:
    """What could not be held against each other, and why, as sentences."""
    every: Sequence[Row] = material.document.get("between_versions") or ()
    return [
        f"{row['candidate']}, {row['value']}: {fmt.quoted(str(row['error']))}."
        for row in every
        if row.get("error")
    ]


def value_words(row: Row) -> str:
    """What the output is called, with its unit."""
    return f"{row['value']} ({row['unit']})" if row.get("unit") else str(row["value"])


def _agreement(row: Row, names: Sequence[str], counts: Sequence[int | None]) -> Agreement:
    told = row["agreement"].values()
    notes = [one[kind] for one in told for kind in ("error", "warning") if one[kind]]
    notes += [row["shift_error"]] if row.get("shift_error") else []
    return Agreement(
        row,
        str(row["candidate"]),
        value_words(row),
        fmt.count(row["n_units"]),
        fmt.percent(row["share_equal"]),
        tuple(_estimate(row["agreement"][name], decimals(row)) for name in names),
        tuple(map(fmt.count, counts)),
        tuple(dict.fromkeys(f"{fmt.quoted(str(note)).rstrip('.')}." for note in notes)),
    )


def decimals(row: Row) -> int:
    """Decimals of differences of the outputs: two significant digits of the bias's interval; two of kappa."""
    if row["kind"] == CATEGORY:
        return 2
    bias = row["agreement"]["bias"]
    if bias["estimate"] is None:
        return 1
    return fmt.decimals_for(bias["estimate"], bias["lower"], bias["upper"], None)


def _estimate(one: Row, places: int) -> tuple[str, str]:
    """An estimate and its interval; a dash where there is none, nothing for a missing interval."""
    text = DASH if one["estimate"] is None else fmt.fixed(one["estimate"], places)
    if one["lower"] is None or one["upper"] is None:
        return text, ""
    return text, f"{fmt.fixed(one['lower'], places)} to {fmt.fixed(one['upper'], places)}"


def bounded(one: Row, places: int) -> str:
    """The same as one text."""
    text, interval = _estimate(one, places)
    return f"{text} ({interval})" if interval else text


@dataclass(frozen=True)
class Quantile:
    """One quantile of the absolute errors.

    Attributes:
        candidate: The candidate.
        value: What the output is called, with its unit.
        quantile: Which.
        baseline: The baseline's.
        own: The candidate's.
        difference: Candidate - baseline with its interval.
    """

    candidate: str
    value: str
    quantile: str
    baseline: str
    own: str
    difference: str


def quantiles(material: Material) -> list[Quantile]:
    """The told quantiles of every candidate and measured value."""
    return [
        Quantile(
            str(row["candidate"]),
            value_words(row),
            f"{point['probability']:.0%}",
            _size(point["baseline"], point),
            _size(point["candidate"], point),
            bounded({**point, "estimate": point["difference"]}, _places(point)),
        )
        for row in of_kind(material, NUMBER)
        if row["disagreeing"]
        for point in row.get("shift") or ()
        if point["probability"] in TOLD
    ]


def _places(point: Row) -> int:
    return fmt.decimals_for(point["difference"] or 0.0, point["lower"], point["upper"], None)


def _size(value: float | None, point: Row) -> str:
    return DASH if value is None else fmt.fixed(value, _places(point))


def figures(material: Material) -> list[Curve | Density]:
    """The shift function of every candidate and measured value, each followed by the errors of both.

    Versions that never differ have none.
    """
    rows = [row for row in of_kind(material, NUMBER) if row.get("shift") and row["disagreeing"]]
    if len(rows) > FIGURES:
        rows = [row for row in rows if row["endpoint"] == rows[0]["endpoint"]][:FIGURES]
    return [one for row in rows for one in (shift(row), density(row))]


def identifier(row: Row) -> str:
    """Name of a record's figures."""
    return f"{row['endpoint']}-{row['candidate']}"


def shift(row: Row) -> Curve:
    """Quantiles of the candidate's absolute errors less those of the baseline's."""
    who = f"{row['candidate']} against {row['baseline']}"
    spoken = "; ".join(
        f"{point['probability']:.0%}: {bounded({**point, 'estimate': point['difference']}, _places(point))}"
        for point in row["shift"]
    )
    return Curve(
        name=f"shift-{identifier(row)}",
        title=f"{row['value']}: how errors moved, {who}",
        caption=f"{row['value']}, {who}: quantiles of the absolute error, candidate less baseline, with "
        f"{fmt.level(row['level'])} intervals, each by itself. Below zero the candidate's errors are "
        "smaller. To the left small errors, to the right large ones.",
        alt=f"Shift function of absolute errors, {value_words(row)}, {who}. Differences by quantile: "
        f"{spoken}.",
        x=Axis("Quantile of the absolute error", percent=True),
        y=Axis("Difference of absolute errors", row.get("unit")),
        points=tuple(
            CurvePoint(
                float(point["probability"]),
                finite(point["difference"]),
                finite(point["lower"]),
                finite(point["upper"]),
            )
            for point in row["shift"]
        ),
        goal=(0.0,),
        goal_label="no difference",
    )


def density(row: Row) -> Density:
    """How many units have which absolute error under either version."""
    who = f"{row['candidate']} and {row['baseline']}"
    found = row["density"]
    least = f"{found['edges'][-1]:.12g} {row.get('unit') or ''}".strip()
    nearer, farther = fmt.count(row["nearer"]), fmt.count(row["farther"])
    return Density(
        name=f"errors-{identifier(row)}",
        title=f"{row['value']}: errors of {who}",
        caption=f"{row['value']}: absolute errors of both versions on {fmt.count(row['n_units'])} units; the "
        "darker, the more units (by the logarithm). The last row and column hold all errors from "
        f"{least} on.",
        alt=f"Density of absolute errors of {who}, {value_words(row)}: {row['candidate']} is nearer to the "
        f"reference in {nearer} units and farther in {farther}, of {fmt.count(row['n_units'])}.",
        x=Axis(f"Absolute error of {row['baseline']}", row.get("unit")),
        y=Axis(f"Absolute error of {row['candidate']}", row.get("unit")),
        edges=tuple(float(edge) for edge in found["edges"]),
        counts=tuple(tuple(int(count) for count in line) for line in found["counts"]),
        below=f"{row['candidate']} nearer: {nearer}",
        above=f"{row['candidate']} farther: {farther}",
    )


def crosses(material: Material) -> list[tuple[Matrix, Moved]]:
    """Baseline by candidate, and how outputs moved, of every candidate and categorical value."""
    rows = of_kind(material, CATEGORY)
    if len(rows) > FIGURES:
        rows = [row for row in rows if row["endpoint"] == rows[0]["endpoint"]][:FIGURES]
    return [(cross(row), moves(row)) for row in rows]


def cross(row: Row) -> Matrix:
    """The outputs of one candidate by those of the baseline."""
    levels = tuple(str(level) for level in row["levels"])
    return Matrix(
        name=f"cross-{identifier(row)}",
        title=f"{row['value']}: {row['candidate']} by {row['baseline']}",
        caption=f"{row['value']}: units by the output of {row['baseline']} (rows) and of {row['candidate']} "
        f"(columns); {fmt.percent(row['share_equal'])} of {fmt.count(row['n_units'])} agree.",
        alt=f"Outputs of {row['candidate']} by those of {row['baseline']}, {row['value']}. {row['words']}",
        row_title=str(row["baseline"]),
        column_title=str(row["candidate"]),
        rows=levels,
        columns=levels,
        counts=tuple(tuple(int(count) for count in line) for line in row["cross"]),
        agree=tuple(tuple(at == place for place in range(len(levels))) for at in range(len(levels))),
        legend="Solid shading: the versions agree; hatching: they do not.",
    )


@dataclass(frozen=True)
class Moved:
    """How outputs moved between classes, by class of the reference.

    Attributes:
        title: Value, candidate and baseline.
        levels: Heads of the columns: outputs.
        lines: (reference, (change in percentage points, shade) an output).
    """

    title: str
    levels: tuple[str, ...]
    lines: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


def moves(row: Row) -> Moved:
    """One candidate's; shaded better where a share moved to where it belongs."""
    levels = tuple(str(level) for level in row["levels"])
    sizes = [abs(share) for line in row["moved"] if line is not None for share in line]
    most = max(sizes, default=0.0)
    lines = []
    for at, line in enumerate(row["moved"]):
        shares = [None] * len(levels) if line is None else line
        cells = tuple(_move(share, most, right=at == place) for place, share in enumerate(shares))
        lines.append((levels[at], cells))
    return Moved(f"{row['value']}: {row['candidate']} less {row['baseline']}", levels, tuple(lines))


def _move(share: float | None, most: float, *, right: bool) -> tuple[str, str]:
    if share is None:
        return DASH, ""
    text = fmt.fixed(100 * share, 1)
    if share == 0:
        return text, ""
    return ("+" if share > 0 else "") + text, shade(abs(share), most, better=(share > 0) == right)


@dataclass(frozen=True)
class Pattern:
    """A way in which versions differ.

    Attributes:
        candidate: The candidate.
        value: What the output is called.
        reference: What the reference said.
        baseline: What the baseline said.
        own: What the candidate said.
        units: In how many units.
        outcome: What that means.
    """

    candidate: str
    value: str
    reference: str
    baseline: str
    own: str
    units: str
    outcome: str


def patterns(material: Material) -> list[Pattern]:
    """The most frequent ways in which categories differ."""
    return [
        Pattern(
            str(row["candidate"]),
            str(row["value"]),
            str(one["reference"]),
            str(one["baseline"]),
            str(one["candidate"]),
            fmt.count(one["units"]),
            OUTCOMES[one["outcome"]],
        )
        for row in of_kind(material, CATEGORY)
        for one in row["patterns"][:MOST_PATTERNS]
    ]


@dataclass(frozen=True)
class Unit:
    """A unit on which two versions disagree.

    Attributes:
        candidate: The candidate.
        value: What the output is called, with its unit.
        reference: The reference's value; a dash where it is a class.
        baseline: The baseline's.
        own: The candidate's.
        difference: Candidate - baseline.
        outcome: Whether the candidate is nearer to the reference.
    """

    candidate: str
    value: str
    reference: str
    baseline: str
    own: str
    difference: str
    outcome: str


def units(material: Material) -> list[Unit]:
    """The measurements that differ most, of nobody by name; none where fewer than `FEWEST` subjects have any.

    Of more than `FIGURES` candidates and values, those of the first value.
    """
    rows = [row for row in of_kind(material, NUMBER) if row["n_subjects"] >= FEWEST]
    if len(rows) > FIGURES:
        rows = [row for row in rows if row["endpoint"] == rows[0]["endpoint"]][:FIGURES]
    return [
        _unit(row, one)
        for row in rows
        for one in listed(material.disagreements, row).head(MOST).iter_rows(named=True)
    ]


def listed(every: pl.DataFrame, row: Row) -> pl.DataFrame:
    """The listed units of one record, the most important first."""
    return every.filter((pl.col("candidate") == row["candidate"]) & (pl.col("endpoint") == row["endpoint"]))


def unit_decimals(row: Row) -> int:
    """Decimals of single outputs: two significant digits of the standard deviation of their differences."""
    spread = row["agreement"]["sd"]["estimate"]
    return 1 if not spread else fmt.decimals_for(spread, None, None, spread)


def _unit(row: Row, one: Row) -> Unit:
    places = unit_decimals(row)

    def told(name: str) -> str:
        return DASH if one[name] is None else fmt.fixed(one[name], places)

    sign = "+" if one["difference"] > 0 else ""
    return Unit(
        str(row["candidate"]),
        value_words(row),
        told("reference_value"),
        told("baseline_value"),
        told("candidate_value"),
        sign + told("difference"),
        DASH if one["outcome"] is None else OUTCOMES[one["outcome"]],
    )


@dataclass(frozen=True)
class Between:
    """All of it, for the template."""

    numbers: list[Agreement]
    categories: list[Agreement]
    failed: list[str]
    quantiles: list[Quantile]
    figures: list[Curve | Density]
    crosses: list[tuple[Matrix, Moved]]
    patterns: list[Pattern]
    units: list[Unit]

    @property
    def any(self) -> bool:
        """Whether the comparison holds anything of this."""
        return bool(self.numbers or self.categories or self.failed)

    @property
    def notes(self) -> list[tuple[str, str]]:
        """(candidate and value, note), each once."""
        every = [*self.numbers, *self.categories]
        told = ((f"{one.candidate}, {one.value}", note) for one in every for note in one.notes)
        return list(dict.fromkeys(told))


def gathered(material: Material) -> Between:
    """Everything that a report shows of versions against each other."""
    return Between(
        numbers(material),
        categories(material),
        failed(material),
        quantiles(material),
        figures(material),
        crosses(material),
        patterns(material),
        units(material),
    )
