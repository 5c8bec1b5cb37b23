"""Units without a measure, counted by reason, in the report's accounting."""

from __future__ import annotations

import numpy as np
import polars as pl

from accordance.reports import coverage
from accordance.studies.evaluate import evaluate

from ..datasets.test_measured_sleep import STAGES, TEXT


def nights(seed: int, *, awake: int = 0) -> pl.DataFrame:
    """Eight nights, the first few of them without any sleep."""
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        [
            {"subject": f"s{name}", "time": 30.0 * epoch, "stage": STAGES[0 if name < awake else code]}
            for name in range(8)
            for epoch, code in enumerate(rng.integers(0, 4, 100))
        ]
    )


def test_the_accounting_says_how_many_units_have_no_measure_and_why() -> None:
    results = evaluate(nights(1, awake=2), nights(2), protocol=TEXT)
    reference, test = coverage.units(results)
    assert reference.without == (("Wake after sleep onset", "No sleep was scored.", "2"),)
    assert test.without == ()
    assert reference.n_units == "8"
    own = results.rows.filter(pl.col("statistic") == "bias")
    assert dict(own.select("endpoint", "n_units").iter_rows()) == {"tst": 8, "waso": 6}
