"""All designs, and what is computed for each."""

from __future__ import annotations

from typing import Any

from . import areas, classifications, designs, measurements, pairs, table
from .intervals import Tallies

FAMILIES = ("measurements", "sensitivity", "sensitivity_difference", "kappa", "auc")
SLOW_PART = 2  # of areas with 500 rows a subject, one study in so many is drawn
Task = tuple[Any, ...]


def tasks(families: tuple[str, ...]) -> list[Task]:
    """One task a design; the long ones first."""
    found: list[Task] = []
    if "measurements" in families:
        found += [
            ("measurements", subjects, rows, shape)
            for subjects in designs.SUBJECTS
            for rows in designs.ROWS
            for shape in designs.SHAPES
        ]
    cases_of: dict[str, dict[str, Any]] = {
        "sensitivity": classifications.SHARES,
        "sensitivity_difference": pairs.TABLES,
        "kappa": classifications.TABLES,
        "auc": areas.AREAS,
    }
    for kind, cases in cases_of.items():
        if kind in families:
            found += [
                (kind, case, subjects, rows, icc)
                for subjects in designs.SUBJECTS
                for rows in designs.ROWS
                for icc in designs.likenesses(rows)
                for case in cases
            ]
    return sorted(found, key=_cost, reverse=True)


def _cost(task: Task) -> float:
    if task[0] == "measurements":
        return 1e6 + designs.layout(task[1], task[2]).n_rows + 50 * task[1]
    return float(task[2]) * (100.0 if task[0] == "auc" else 1.0)


def run(task: Task, *, studies: int, replicates: int, seed: int) -> list[table.Row]:
    """The rows of one task."""
    options = {"studies": studies, "replicates": replicates, "seed": seed}
    if task[0] == "measurements":
        _, subjects, rows, shape = task
        found = measurements.simulate(subjects, rows, shape, **options)
        return [row for icc, tallies in found.items() for row in rows_of(tallies, subjects, rows, icc, shape)]
    kind, case, subjects, rows, icc = task
    if kind == "auc":
        options["studies"] = max(1, studies // SLOW_PART) if rows == "500" else studies
        found = areas.simulate(case, subjects, rows, icc, **options)
        return rows_of(found, subjects, rows, icc, case)
    if kind == "sensitivity_difference":
        return rows_of(pairs.simulate(case, subjects, rows, icc, **options), subjects, rows, icc, case)
    return rows_of(
        classifications.simulate(kind, case, subjects, rows, icc, **options), subjects, rows, icc, case
    )


def rows_of(tallies: Tallies, subjects: int, rows: str, icc: float, case: str) -> list[table.Row]:
    """A line of the table for every statistic and method."""
    return [
        table.Row.of(statistic, method, subjects, rows, icc, case, tally)
        for (statistic, method), tally in tallies.found.items()
    ]


def work(job: tuple[Task, dict[str, int]]) -> list[table.Row]:
    """`run`, as a pool of processes calls it."""
    return run(job[0], **job[1])
