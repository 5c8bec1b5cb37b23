"""Nights of sleep, simulated: what the simulator says in truth is what it draws."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scipy import stats

from accordance.datasets.simulate import SIMULATORS, sleep_psg
from accordance.datasets.simulate.sleep import (
    CALLS,
    CHAIN,
    HOURS,
    LATENCY,
    NO_OUTPUT,
    STAGES,
    UNSCORED,
    shares,
)
from accordance.evaluators import one_vs_rest

MANY = 400


@pytest.fixture(scope="module")
def many():
    return sleep_psg(seed=5, n_subjects=MANY)


def by_subject(study, version, stage):
    """Sensitivity to a stage of each subject, of epochs with a stage on both sides."""
    both = study.reference.with_columns(call=study.test(version)["stage"]).filter(
        pl.col("stage") == stage, pl.col("call").is_not_null()
    )
    return both.group_by("subject").agg(own=(pl.col("call") == stage).mean())["own"].to_numpy()


def test_a_subject_is_the_same_however_many_there_are():
    few, more = sleep_psg(n_subjects=4), sleep_psg(n_subjects=9)
    names = few.subjects["subject"].implode()
    assert_frame_equal(more.subjects.head(4), few.subjects)
    assert_frame_equal(more.reference.filter(pl.col("subject").is_in(names)), few.reference)
    for version in CALLS:
        assert_frame_equal(more.test(version).filter(pl.col("subject").is_in(names)), few.test(version))
    alone = sleep_psg(n_subjects=4, calls={"v2": CALLS["v2"]})
    assert_frame_equal(alone.test("v2"), few.test("v2"))


def test_another_seed_is_another_study():
    first, other = SIMULATORS["sleep_psg"](n_subjects=3), sleep_psg(seed=1, n_subjects=3)
    assert not first.reference.equals(other.reference)
    assert first.truth == other.truth


def test_shares_are_those_that_the_chain_leaves_as_they_are(many):
    found = shares()
    np.testing.assert_allclose(found @ CHAIN, found, atol=1e-12)
    assert found.sum() == pytest.approx(1)
    late = many.reference.with_columns(number=pl.int_range(pl.len()).over("subject", "night")).filter(
        pl.col("number") >= 360, pl.col("stage") != UNSCORED
    )  # three hours after lights off the chain has forgotten how it began
    own = late.group_by("subject").agg(*((pl.col("stage") == one).mean().alias(one) for one in STAGES))
    for stage, share in zip(STAGES, found, strict=True):
        values = own[stage].to_numpy()
        assert abs(values.mean() - share) < 4.5 * values.std(ddof=1) / np.sqrt(MANY), stage


def test_nights_are_epochs_in_a_row_and_every_third_subject_has_two(many):
    nights = many.reference.group_by("subject", "night", maintain_order=True).agg(
        n=pl.len(),
        steps=pl.col("time").diff().drop_nulls().unique(),
        latency=(pl.col("stage") == "n1").arg_max(),
    )
    assert nights["steps"].list.len().max() == 1
    assert nights["n"].min() >= HOURS[0] * 120 and nights["n"].max() <= HOURS[1] * 120
    assert nights["latency"].max() <= LATENCY[1] * 2
    twice = nights.group_by("subject").len()
    assert twice.filter(pl.col("len") == 2).height == -(-MANY // 3)
    for version in CALLS:
        assert (
            many.test(version)
            .select("subject", "night", "time")
            .equals(many.reference.select("subject", "night", "time"))
        )
        silent = many.test(version)["stage"].is_null().mean()
        assert silent == pytest.approx(NO_OUTPUT, rel=0.05)


@pytest.mark.parametrize("version", list(CALLS))
def test_calls_have_the_probabilities_that_are_said(many, version):
    """Each cell of the error matrix, subjects as the units: within 4.5 standard errors."""
    both = many.reference.with_columns(call=many.test(version)["stage"]).drop_nulls()
    for i, stage in enumerate(STAGES):
        own = both.filter(pl.col("stage") == stage).group_by("subject")
        table = own.agg(*((pl.col("call") == one).mean().alias(one) for one in STAGES))
        for j, call in enumerate(STAGES):
            values, expected = table[call].to_numpy(), CALLS[version][i, j]
            error = values.std(ddof=1) / np.sqrt(len(values))
            assert abs(values.mean() - expected) < 4.5 * error, (stage, call)
        assert many.truth["versions"][version]["sensitivity"][stage] == CALLS[version][i, i]


def test_versions_share_their_subjects_and_epochs(many):
    """A subject that is hard for one is hard for the other."""
    for stage in ("n2", "rem"):
        first, second = (
            many.reference.with_columns(call=many.test(version)["stage"])
            .filter(pl.col("stage") == stage)
            .group_by("subject", maintain_order=True)
            .agg(own=(pl.col("call") == stage).mean())["own"]
            .to_numpy()
            for version in CALLS
        )
        assert np.corrcoef(first, second)[0, 1] > 0.3


def test_intervals_of_sensitivity_hold_the_truth_as_often_as_they_say():
    """95% intervals with subjects as clusters, 60 studies of 30 subjects; 99.9% band of the hits."""
    seeds = range(60)
    hits = dict.fromkeys(STAGES, 0)
    for seed in seeds:
        study = sleep_psg(seed=seed, n_subjects=30, calls={"v1": CALLS["v1"]})
        both = study.reference.with_columns(call=study.test("v1")["stage"]).filter(
            pl.col("call").is_not_null(), pl.col("stage") != UNSCORED
        )
        for stage in STAGES:
            found = one_vs_rest(
                both["stage"].to_numpy(), both["call"].to_numpy(), category=stage,
                subject=both["subject"].to_numpy(), levels=list(STAGES), ci="cluster_t",
            )["sensitivity"].interval  # fmt: skip
            hits[stage] += found.lower <= study.truth["versions"]["v1"]["sensitivity"][stage] <= found.upper
    low, high = stats.binom.interval(0.999, len(seeds), 0.95)
    assert all(low <= count <= high for count in hits.values()), hits


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"n_subjects": 0}, "at least one subject"),
        ({"calls": {"v1": np.eye(4)}}, r"must be \(5, 5\)"),
        ({"calls": {"v1": np.ones((5, 5))}}, "add up to 1"),
        ({"calls": {"v1": np.eye(5)}}, "each stage must be right"),
    ],
)
def test_what_cannot_be_drawn_is_refused(asked, message):
    with pytest.raises(ValueError, match=message):
        sleep_psg(**asked)
