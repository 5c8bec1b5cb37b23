"""Every metric, every interval method, awkward data: a value and an interval, or the reason in words.

0 of n, n of n, one row, one subject, an empty class, constants, ties, subjects with one row, very unequal
subjects, ten subjects, subjects without rows, values near 1e9, row weights of zero. Nothing crashes, no NaN
is silent, no interval is out of order, without its estimate unsaid, or without width and able to decide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from everything import NAMES, SHAPES, SIZES, WEIGHTS, columns_of, resampled, takes_row_weights, variants

from accordance.evaluators import CannotComputeError, Estimate, registry
from accordance.evaluators.estimate import BESIDE, estimates
from accordance.evaluators.intervals import METHODS
from accordance.evaluators.metric import Columns, Metric, Prepared

USUAL = "ten subjects"
"""Where the further choices of the parameters are tried, and one-sided intervals."""
FEW_SHAPES = ("plain", "constant", "ties", "some weights of zero")
FITTED_AGAIN = [[size, shape] for size in ("two subjects", "ten subjects") for shape in FEW_SHAPES]
"""Where models are fitted again for every replicate, which takes long."""
DEFECT = re.compile(r"\b[A-Z]\w+(Error|Warning)\b: ")
"""What the reason of an unforeseen exception looks like."""
REPLICATES = 21
"""Enough for bounds of a level of 0.9."""


def prepared(metric: Metric, columns: Columns, average: str, given: dict[str, Any]) -> Prepared | None:
    try:
        return metric.prepare(columns, average=average, **given)
    except CannotComputeError as reason:
        assert str(reason)
        return None


def studies(metric: Metric) -> Iterator[tuple[str, Metric, Prepared, Columns]]:
    for number, given in enumerate(variants(metric)):
        for size, sizes in SIZES.items():
            if number and size != USUAL:
                continue
            for shape in SHAPES if size == USUAL and not number else FEW_SHAPES:
                if shape in WEIGHTS and not takes_row_weights(metric, given):
                    continue
                columns = columns_of(metric, sizes, shape)
                made = metric.of_levels(dict(columns.role_levels))
                for average in metric.averages:
                    found = prepared(made, columns, average, given)
                    if found is not None:
                        yield f"{size}, {shape}, {average}, {given}", made, found, columns


def objections(found: Estimate, method: str | None) -> Iterator[str]:
    """What a reader of the estimate would have to complain of."""
    for text in (found.error, found.warning):
        if text and DEFECT.search(text):
            yield f"an exception: {text}"
    if not np.isfinite(found.value):
        if not found.error or "The statistic has no value." in found.error:
            yield f"no value without a reason: {found.error}"
        return
    interval = found.interval
    if interval is None:
        if method is not None and not (found.error or "").startswith("No interval: "):
            yield "no interval without a reason"
        return
    lower, upper = interval.lower, interval.upper
    if np.isnan(lower) or np.isnan(upper):
        yield "a bound without a value"
    elif lower > upper:
        yield f"out of order: {lower} {upper}"
    else:
        slack = 1e-12 * max(abs(found.value), abs(lower) if np.isfinite(lower) else 0.0)
        told = (found.warning or "").startswith("The interval lies about") or BESIDE in (found.warning or "")
        if not lower - slack <= found.value <= upper + slack and not told:
            yield f"without its estimate: {lower} {found.value} {upper}"
        if lower == upper and not interval.degenerate:
            yield f"without width, and decides: {lower}"
        if interval.degenerate and not found.warning:
            yield "no width and no word of it"


@pytest.mark.parametrize("name", NAMES)
def test_every_metric_has_an_answer_to_awkward_data(name: str) -> None:
    metric, complaints, seen = registry.get(name), [], 0
    again = metric.route == "refit"
    for label, made, found, columns in studies(metric):
        methods = sorted({one for statistic in made.statistics for one in statistic.intervals})
        weights = resampled(REPLICATES, columns.n_subjects)
        for method in methods or [None]:
            if again and method and METHODS[method].resampling and label.split(", ")[:2] not in FITTED_AGAIN:
                continue
            offering = [one.name for one in made.statistics if method is None or method in one.intervals]
            for sides in ("two", "lower") if label.startswith(USUAL) and not again else ("two",):
                results = estimates(
                    made, found, methods=dict.fromkeys(offering, method) if method else {}, level=0.9,
                    sides=sides, weights=weights, statistics=offering,
                )  # fmt: skip
                for statistic, one in results.items():
                    seen += 1
                    complaints += [
                        f"{statistic}, {method}, {sides}, {label}: {what}" for what in objections(one, method)
                    ]
    assert seen > 30
    assert complaints[:20] == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_every_metric_refuses_what_is_not_finite(name: str, bad: float) -> None:
    """Missing values are the business of the declared policy, before a metric sees the rows."""
    metric = registry.get(name)
    columns = columns_of(metric, SIZES["ten subjects"])
    for part in (
        ("test",) if name in {"yield", "coverage"} else ("reference", "test")
    ):  # they ask what came out
        values = {"reference": columns.reference, "test": columns.test}
        values[part] = np.where(np.arange(40) == 7, bad, values[part].astype(float))
        spoiled = Columns(
            values["reference"], values["test"], columns.offsets, columns.levels, None, columns.roles,
            columns.role_levels,
        )  # fmt: skip
        with pytest.raises(ValueError, match=r"NaN|infinit|finite|codes|integer|whole|levels|numbers"):
            metric.of_levels(dict(columns.role_levels)).prepare(
                spoiled, average=metric.averages[0], **variants(metric)[0]
            )


@pytest.mark.parametrize(
    "name", [name for name in NAMES if not takes_row_weights(registry.get(name), {"truth": "varying"})]
)
def test_row_weights_that_are_not_defined_are_refused(name: str) -> None:
    metric = registry.get(name)
    given = {**variants(metric)[0]}
    if "truth" in given:
        given["truth"] = "varying"
    columns = columns_of(metric, SIZES["ten subjects"], "unequal weights")
    with pytest.raises(ValueError, match="weights"):
        metric.of_levels(dict(columns.role_levels)).prepare(columns, average=metric.averages[0], **given)
