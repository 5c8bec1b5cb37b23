"""The error matrix in shares: against SciPy, subject by subject; none where there are two classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

from accordance.datasets.simulate import sleep_psg
from accordance.reports.shares import share_table, share_tables
from accordance.studies.run import run
from accordance.studies.start import init

STAGES = ("wake", "rem", "n1", "n2", "n3")


def test_each_subject_counts_once(tmp_path: Path) -> None:
    init(tmp_path / "nights", example="sleep-psg")
    sleep_psg(n_subjects=6).write(tmp_path / "nights" / "data")
    results = run(tmp_path / "nights")
    (table,) = share_tables(results)  # the endpoints of one pair of columns have one table
    assert table.columns == STAGES and [row[0] for row in table.rows] == list(STAGES)
    pairs = results.pairs("epochs", "v2").filter(
        pl.col("reasons") == 0, pl.col("reference.stage") != "unscored", pl.col("test.stage").is_not_null()
    )
    for name, n, cells in table.rows:
        own = pairs.filter(pl.col("reference.stage") == name)
        assert n == str(own["subject"].n_unique())
        for column, (share, ends) in zip(STAGES, cells, strict=True):
            right = (pl.col("test.stage") == column).mean().alias("share")
            values = own.group_by("subject").agg(right)["share"].to_numpy()
            assert share == f"{values.mean():.1%}"
            reach = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
            low, high = max(values.mean() - reach, 0), min(values.mean() + reach, 1)
            assert ends == f"{low * 100:.1f} to {high * 100:.1f}"
    rows = np.array([[float(share.rstrip("%")) for share, _ in cells] for _, _, cells in table.rows])
    assert rows.sum(axis=1) == pytest.approx(100, abs=0.3)


def test_two_classes_and_events_have_none(tmp_path: Path) -> None:
    for example in ("spa-afib-ecg", "beat-detector"):
        init(tmp_path / example, example=example)
        assert share_tables(run(tmp_path / example)) == []


def test_the_app_shows_it_for_the_version_that_is_looked_at(tmp_path: Path) -> None:
    init(tmp_path / "nights", example="sleep-psg")
    sleep_psg(n_subjects=6).write(tmp_path / "nights" / "data")
    results = run(tmp_path / "nights")
    first, second = (share_table(results, "kappa", version) for version in ("v1", "v2"))
    assert first is not None and second is not None and first.rows != second.rows
    assert "version v1" in first.caption
    assert share_table(results, "tst", "v2") is None
