"""Who got worse, for print and screen: one panel an endpoint and candidate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from .. import format as fmt
from ..figures.model import Scatter
from . import figures, words
from .material import Material

Row = Mapping[str, Any]

MOST = 5
"""Subjects in a table of a report; the app shows more."""
FIGURES = 6
"""So many panels stand in a report; of more comparisons, those of the first endpoint."""


@dataclass(frozen=True)
class Harmed:
    """One of the subjects for whom a candidate is worst, in print.

    Attributes:
        subject: Its pseudonym, which a report does not print.
        place: Its rank.
        units: Number of its units.
        baseline: What the baseline reached in it.
        candidate: What the candidate reached.
        measured: Its improvement as measured.
        believed: Its improvement as believed.
        interval: The posterior interval.
        p_worse: Posterior probability that the candidate is worse for it.
        p_beyond: That it is worse by more than the margin; a dash without a margin.
        expected_rank: Its expected rank.
    """

    subject: str
    place: str
    units: str
    baseline: str
    candidate: str
    measured: str
    believed: str
    interval: str
    p_worse: str
    p_beyond: str
    expected_rank: str


@dataclass(frozen=True)
class Panel:
    """The subjects of one endpoint and candidate.

    Attributes:
        title: Endpoint and candidate.
        figure: Every subject; None where there are too few, or all are the same.
        words: For how many it is worse, or why nobody is ranked; empty for comparisons that do not say.
        warning: What the reader should know.
        lines: The most harmed, where subjects are ranked.
    """

    title: str
    figure: Scatter | None
    words: str
    warning: str
    lines: tuple[Harmed, ...]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return self.figure is None and not self.words


def panels(material: Material) -> tuple[bool, list[Panel]]:
    """Panels of the primary comparisons; of many only those of the first endpoint, and whether that is so."""
    primary = [row for row in material.comparisons if row["role"] == "primary"]
    made = [(row, panel(material, row)) for row in primary]
    made = [(row, one) for row, one in made if not one.empty]
    if sum(one.figure is not None for _, one in made) <= FIGURES:
        return False, [one for _, one in made]
    return True, [one for row, one in made if row["endpoint"] == primary[0]["endpoint"]]


def panel(material: Material, row: Row, most: int = MOST) -> Panel:
    """The subjects of one endpoint and candidate, the most harmed in a table."""
    entry = told(material, row)
    shown = figures.believed(material.subjects, row)
    enough = bool(shown.width) and shown.height >= figures.FEWEST
    return Panel(
        f"{words.title(row)}, {row['candidate']} against {material.baseline}",
        figures.caterpillar(material.subjects, row, baseline=material.baseline),
        fmt.quoted(str(entry.get("words") or "")),
        fmt.quoted(str(entry.get("warning") or "")),
        harmed(shown, row, most) if enough else (),
    )


def told(material: Material, row: Row) -> Row:
    """What the comparison says of its subjects; empty where it was made before they were ranked."""
    found: Sequence[Row] = material.document.get("who") or ()
    return next(
        (one for one in found if (one["endpoint"], one["candidate"]) == (row["endpoint"], row["candidate"])),
        {},
    )


def harmed(shown: pl.DataFrame, row: Row, most: int) -> tuple[Harmed, ...]:
    """The most harmed of subjects that are ranked, in their order."""
    return tuple(_harmed(one, row) for one in shown.head(most).iter_rows(named=True))


def _harmed(one: Row, row: Row) -> Harmed:
    return Harmed(
        subject=str(one["subject"]),
        place=fmt.count(one["rank"]),
        units=fmt.count(one["n_units"]),
        baseline=words.value(row, one["baseline"]),
        candidate=words.value(row, one["candidate_value"]),
        measured=words.change(row, one["improvement"]),
        believed=words.change(row, one["shrunk"]),
        interval=interval(row, one),
        p_worse=fmt.p_value(one["p_worse"]),
        p_beyond=fmt.p_value(one["p_worse_than_margin"]),
        expected_rank=words.DASH if one["expected_rank"] is None else fmt.fixed(one["expected_rank"], 1),
    )


def interval(row: Row, one: Row) -> str:
    """The posterior interval of one subject; a dash where it has none."""
    return words.bounds(row, {"lower": one["shrunk_lower"], "upper": one["shrunk_upper"]})
