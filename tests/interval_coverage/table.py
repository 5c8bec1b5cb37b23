"""The table of coverage: written as CSV, read back, and summed up over designs."""

from __future__ import annotations

import csv
import datetime
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from .designs import ROWS, SUBJECTS
from .intervals import Tally

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "coverage"
CSV, SETTINGS = "coverage.csv", "settings.json"

STATISTICS = {
    "bias": "Bias",
    "loa_lower": "Lower limit of agreement",
    "loa_upper": "Upper limit of agreement",
    "rmse": "RMSE",
    "rmse_mean": "RMSE, mean over subjects",
    "mae": "MAE",
    "mape": "MAPE",
    "mape_mean": "MAPE, mean over subjects",
    "share_within": "Share within a tolerance",
    "rmse_difference": "Paired difference of two RMSE",
    "slope_least_squares": "Slope, least squares",
    "slope_deming": "Slope, Deming",
    "sensitivity": "Sensitivity",
    "sensitivity_mean": "Sensitivity, mean over subjects",
    "sensitivity_difference": "Paired difference of two sensitivities",
    "kappa": "Cohen's kappa",
    "auc": "Area under the ROC curve",
}


@dataclass(frozen=True)
class Row:
    """What one method did for one statistic in one design.

    `coverage` is the share, among the intervals given, that held the true value; `below` and `above` are the
    shares that lay wholly below or above it. `no_interval` is the share of studies without an interval.
    """

    statistic: str
    method: str
    subjects: int
    rows: str
    icc: float
    case: str
    studies: int
    coverage: float
    below: float
    above: float
    no_interval: float
    median_width: float

    @staticmethod
    def of(statistic: str, method: str, subjects: int, rows: str, icc: float, case: str, tally: Tally) -> Row:
        """From counts."""
        given = tally.studies - tally.missing
        share = 1 / given if given else float("nan")
        return Row(
            statistic, method, subjects, rows, icc, case, tally.studies,
            round(tally.covered * share, 5), round(tally.under * share, 5), round(tally.over * share, 5),
            round(tally.missing / tally.studies, 5),
            float(f"{np.median(tally.widths):.4g}") if given else float("nan"),
        )  # fmt: skip

    @property
    def given(self) -> float:
        """Number of intervals."""
        return self.studies * (1 - self.no_interval)

    @property
    def error(self) -> float:
        """Monte-Carlo standard error of the coverage."""
        return (
            float(np.sqrt(self.coverage * (1 - self.coverage) / self.given)) if self.given else float("nan")
        )


def order(row: Row) -> tuple[object, ...]:
    """Where a row stands in the table."""
    names = [*STATISTICS, row.statistic]
    return (
        names.index(row.statistic), row.method, row.subjects, ROWS.index(row.rows), row.icc, row.case,
    )  # fmt: skip


def write(rows: list[Row], folder: Path, settings: dict[str, int], before: list[Row]) -> None:
    """The CSV, and what it was made with, by statistic; `before` keeps what these rows do not have."""
    done = {row.statistic for row in rows}
    kept = [row for row in before if row.statistic not in done]
    ordered = sorted([*rows, *kept], key=order)
    with (folder / CSV).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [one.name for one in fields(Row)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(_short(row) for row in ordered)
    path = folder / SETTINGS
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() and kept else {}
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    known |= {name: {"date": today, **settings} for name in done}
    path.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _short(row: Row) -> dict[str, object]:
    return {
        name: f"{value:.5g}" if isinstance(value, float) else value for name, value in asdict(row).items()
    }


def read(folder: Path = FOLDER) -> list[Row]:
    """The rows of the CSV; none where there is no such file."""
    if not (folder / CSV).is_file():
        return []
    kinds = {"subjects": int, "studies": int, "statistic": str, "method": str, "rows": str, "case": str}
    with (folder / CSV).open(encoding="utf-8", newline="") as file:
        return [
            Row(**{name: kinds.get(name, float)(text) for name, text in line.items()})
            for line in csv.DictReader(file)
        ]


@dataclass(frozen=True)
class Summary:
    """Coverage of one method over several designs with one number of subjects."""

    mean: float
    worst: float
    worst_no_interval: float


def summary(rows: list[Row], statistic: str, method: str, subjects: int, *, several: bool) -> Summary | None:
    """Over all designs with one row a subject, or with several; None where there are none."""
    chosen = [
        row for row in rows
        if (row.statistic, row.method, row.subjects) == (statistic, method, subjects)
        and (row.rows != "1") == several and row.given > 0
    ]  # fmt: skip
    if not chosen:
        return None
    coverage = [row.coverage for row in chosen]
    return Summary(float(np.mean(coverage)), min(coverage), max(row.no_interval for row in chosen))


def methods(rows: list[Row], statistic: str) -> list[str]:
    """Methods of a statistic, by how they do with several rows a subject; the naive one last."""
    names = {row.method for row in rows if row.statistic == statistic}

    def rank(name: str) -> tuple[bool, float]:
        found = [
            one.worst for n in SUBJECTS for several in (True, False)
            if (one := summary(rows, statistic, name, n, several=several)) is not None
        ]  # fmt: skip
        return name == "naive_rows", -float(np.mean(found))

    return sorted(names, key=lambda name: (*rank(name), name))


def note(rows: list[Row], settings: dict[str, int]) -> str:
    """Size and Monte-Carlo error of a run, in words."""
    near = [row.error for row in rows if row.coverage >= 0.93]
    largest = max((row.error for row in rows if row.given), default=float("nan"))
    nominal = np.sqrt(0.95 * 0.05 / settings["studies"])
    return (
        f"{len(rows):,} lines of {settings['studies']:,} studies each, seed {settings['seed']}, "
        f"{settings['replicates']:,} bootstrap replicates. Monte-Carlo standard error of a coverage of 95%: "
        f"{nominal:.2%}; at most {max(near, default=float('nan')):.2%} where coverage is 93% or more, and "
        f"{largest:.2%} anywhere."
    )


ELSEWHERE = frozenset(
    {"naive_rows", "newcombe_paired", "tango", "bonett_price", "agresti_min", "wald_paired"}
)
"""Methods that no metric, and no comparison of versions, offers."""


def method_floors(rows: list[Row], *, several: bool, claim: float = 0.93) -> dict[str, dict[str, int]]:
    """Smallest number of subjects with which a method reaches the claim, by statistic and method.

    Means are over all designs with several rows a subject, or with one; of measurements, those with normal
    errors. A method that never reaches it has the largest number plus one; what was not simulated with such
    rows is left out. Of the difference of two sensitivities the methods of `compare_versions` are meant:
    intervals of the four counts exist for single units only, and elsewhere.
    """
    found: dict[str, dict[str, int]] = {}
    for statistic in STATISTICS:
        usual = [row for row in rows if row.statistic == statistic and row.case not in ("skewed", "heavy")]
        for name in methods(usual, statistic):
            means = [summary(usual, statistic, name, n, several=several) for n in SUBJECTS]
            if name in ELSEWHERE or all(one is None for one in means):
                continue
            reached = [n for n, one in zip(SUBJECTS, means, strict=True) if one and one.mean >= claim]
            found.setdefault(statistic, {})[name] = min(reached, default=SUBJECTS[-1] + 1)
    return found


def floors(rows: list[Row], *, several: bool, claim: float = 0.93) -> dict[str, int]:
    """Smallest number of subjects with which some method reaches the claim, by statistic."""
    found = method_floors(rows, several=several, claim=claim)
    return {statistic: min(numbers.values()) for statistic, numbers in found.items()}
