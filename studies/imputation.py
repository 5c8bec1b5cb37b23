"""Multiple imputation of units without an output or a reference, and the pooled estimate.

Chained equations with predictive mean matching (van Buuren & Groothuis-Oudshoorn 2011, J Stat Softw 45(3), as
statsmodels has it): what is imputed is always a value that was observed. `evaluators.pooling` makes one
estimate of them.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from ..datasets.pairs import PairFrame
from ..evaluators.metric import Counts
from ..evaluators.pooling import pool
from ..protocols.model import Protocol
from ..protocols.roles import metric_of
from . import slices
from .evaluation import Answerer
from .questions import Question, material_of
from .rows import Row

SEVERAL_UNITS = (
    "multiple imputation takes units for independent, and subjects have several each; see the tipping point"
)
BETWEEN = 5
"""Rounds of the chain between two completed data sets, so that one is hardly more like the next than any."""
TOO_FEW = "multiple imputation needs at least 10 complete units; there are {n}"
_LOCK = threading.Lock()
"""statsmodels draws from NumPy's global generator; one imputation at a time, from its own seed."""


def imputed_rows(answer: Answerer, question: Question, frame: PairFrame) -> list[Row]:
    """Pooled estimates of an endpoint's statistics over completed data sets, as rows of results."""
    protocol, endpoint = answer.protocol, question.endpoint
    how = slices.coding(protocol, endpoint)
    own = {question.endpoint_id: endpoint}
    material = material_of(protocol, own, frame, "best_case", further=_predictors(protocol))
    rows = material.rows
    counts = Counts(rows[slices.SUBJECT_NUMBER].n_unique(), rows.height)
    if counts.n_units > counts.n_subjects:
        return answer.failed(question, counts, SEVERAL_UNITS)
    complete = rows.filter(slices.whole(how)).height
    if complete < 10:
        return answer.failed(question, counts, TOO_FEW.format(n=complete))
    view = slices.view_of(protocol, slices.PRIMARY)
    coded = [slices.coded(how, completed, view) for completed in _impute(protocol, how, rows)]
    each = [answer.estimates_on(question, one, material) for one in coded]
    metric = metric_of(protocol, endpoint)
    found = {
        statistic.name: pool(
            statistic,
            [one[statistic.name] for one in each],
            level=endpoint.interval.level,
            sides=endpoint.interval.sides,
        )
        for statistic in metric.statistics
    }
    return answer.rows(question, found)


def _predictors(protocol: Protocol) -> tuple[str, ...]:
    return protocol.missing.imputation.predictors if protocol.missing else ()


def _impute(protocol: Protocol, how: slices.Coding, rows: pl.DataFrame) -> list[pl.DataFrame]:
    """Completed data sets."""
    from statsmodels.imputation.mice import MICEData  # noqa: PLC0415 - brings pandas along

    policy = protocol.missing
    number = policy.imputation.imputations if policy else 0
    numbers, back = _as_numbers(how, rows, _predictors(protocol))
    found = []
    with _LOCK:
        state = np.random.get_state()  # noqa: NPY002
        try:
            np.random.seed(protocol.seed % 2**32)  # noqa: NPY002
            data = MICEData(numbers.to_pandas(), k_pmm=10)
            data.update_all(9)  # a burn-in, so that what was filled in first is forgotten
            for _ in range(number):
                data.update_all(BETWEEN)
                found.append(_restored(rows, how, data.data, back))
        finally:
            np.random.set_state(state)  # noqa: NPY002
    return found


def _as_numbers(
    how: slices.Coding, rows: pl.DataFrame, predictors: Sequence[str]
) -> tuple[pl.DataFrame, dict[str, list[str]]]:
    """Reference, test and predictors as numbers; categories as their place among those that occur."""
    names = list(dict.fromkeys([how.reference, how.test, *predictors]))
    back: dict[str, list[str]] = {}
    columns = {}
    for place, name in enumerate(names):
        values = rows[name]
        if values.dtype.is_numeric():
            columns[f"c{place}"] = values.cast(pl.Float64)
        else:
            texts = values.cast(pl.String)
            back[name] = sorted(texts.drop_nulls().unique().to_list())
            order = {level: float(index) for index, level in enumerate(back[name])}
            columns[f"c{place}"] = texts.replace_strict(order, default=None, return_dtype=pl.Float64)
    return pl.DataFrame(columns), back


def _restored(
    rows: pl.DataFrame, how: slices.Coding, completed: Any, back: dict[str, list[str]]
) -> pl.DataFrame:
    """Rows with the imputed values in their own words and type."""
    changed = []
    for place, name in enumerate((how.reference, how.test)):
        values = completed[f"c{place}"].to_numpy()
        if name in back:
            words = [back[name][round(value)] for value in values]
            changed.append(pl.Series(name, words, dtype=pl.String))
        else:
            changed.append(pl.Series(name, values, dtype=pl.Float64))
    return rows.with_columns(changed)
