"""Comparisons claim what is not so no more often than they say: a small part of docs/version-proofs.md.

Source of every expectation: the known truth of the simulated studies (`version_proofs`), here checked on
large samples.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

sys.path.append(str(Path(__file__).resolve().parents[2]))

from version_proofs import families, paired, tally

from accordance.evaluators import compare_versions

SEED = 20_260_201
CLUSTERED = ("jackknife_t", "cluster_t", "bootstrap_percentile")
DESIGN = paired.Design()  # 40 subjects, ICC 0.3


def shares(rows):
    return {row.method: row for row in rows}


def within(row: tally.Row, nominal: float, *, slack: float = 0.0) -> bool:
    """No more than three Monte-Carlo standard errors, of the nominal, above it (and a stated slack)."""
    return row.share <= nominal + slack + 3 * np.sqrt(nominal * (1 - nominal) / row.studies)


def test_the_simulated_truth_is_as_stated():
    rng = np.random.default_rng(1)
    study = paired.draw(paired.Design(subjects=4000), 0.25, rng)
    baseline, candidate = study.scores()
    better = candidate - baseline
    assert better.mean() == pytest.approx(0.25, abs=0.03)
    assert better.var() == pytest.approx(1, abs=0.03)
    assert (study.baseline > study.reference).all() and (study.candidate > study.reference).all()
    means = np.bincount(study.subject, better) / np.bincount(study.subject)
    many = np.bincount(study.subject) > 30
    assert means[many].var() == pytest.approx(0.3 + 0.7 / 33, abs=0.05)
    study = paired.draw(paired.Design(subjects=4000, kind="sensitivity"), 0.05, rng)
    assert (study.baseline.mean(), study.candidate.mean()) == pytest.approx((0.85, 0.9), abs=0.01)


@pytest.fixture(scope="module")
def equal():
    """Equally good versions at ICC 0.3."""
    return {
        kind: shares(
            paired.simulate(
                "level",
                paired.Design(kind=kind),
                0.0,
                studies=400,
                seed=SEED,
                replicates=399,
                methods=(*CLUSTERED, paired.ROW_WISE),
            )
        )
        for kind in ("mae", "sensitivity")
    }


@pytest.mark.parametrize("kind", ["mae", "sensitivity"])
@pytest.mark.parametrize("method", CLUSTERED)
def test_equally_good_versions_differ_in_five_percent(equal, kind, method):
    slack = 0.015 if method == "bootstrap_percentile" else 0.005  # of 40 subjects it is slightly narrow
    assert within(equal[kind][method], 0.05, slack=slack)
    assert equal[kind][method].share >= 0.05 - 3 * np.sqrt(0.05 * 0.95 / 400)


@pytest.mark.parametrize("kind", ["mae", "sensitivity"])
def test_rows_taken_for_independent_differ_far_more_often(equal, kind):
    assert equal[kind][paired.ROW_WISE].share > (0.35 if kind == "mae" else 0.12)


def test_independent_rows_reject_rightly_without_likeness():
    """The contrast is the clustering and nothing else: at ICC 0 the row-wise test holds its level."""
    design = paired.Design(icc=0.0)
    rows = paired.simulate("level", design, 0.0, studies=400, seed=SEED, methods=(paired.ROW_WISE,))
    assert within(rows[0], 0.05)


def test_pairing_finds_what_the_unpaired_test_misses():
    rows = [
        shares(
            paired.simulate(
                "power", DESIGN, size, studies=150, seed=SEED, methods=("jackknife_t", paired.UNPAIRED)
            )
        )
        for size in (0.2, 0.4)
    ]
    assert rows[0]["jackknife_t"].share > rows[0][paired.UNPAIRED].share + 0.25
    assert rows[1]["jackknife_t"].share > 0.9 > rows[1][paired.UNPAIRED].share + 0.2
    # known power: the subjects' means have variance 0.3 + 0.7 / rows
    counts = np.round(DESIGN.rows * np.linspace(0.25, 1.75, DESIGN.subjects))
    error = np.sqrt((np.square(counts / counts.sum()) * (0.3 + 0.7 / counts)).sum())
    power = stats.nct.sf(stats.t.ppf(0.975, 39), 39, 0.2 / error)
    assert rows[0]["jackknife_t"].share == pytest.approx(power, abs=3 * np.sqrt(0.25 / 150) + 0.03)


@pytest.mark.parametrize(("kind", "loss"), [("mae", -0.2), ("sensitivity", -0.05)])
def test_a_loss_of_the_margin_is_called_non_inferior_in_two_and_a_half_percent(kind, loss):
    rows = shares(
        paired.simulate(
            "margin",
            paired.Design(kind=kind),
            loss,
            studies=500,
            seed=SEED,
            replicates=399,
            methods=(*CLUSTERED, paired.ROW_WISE),
        )
    )
    for method in CLUSTERED:
        assert within(rows[method], 0.025, slack=0.012 if method == "bootstrap_percentile" else 0.005)
    assert rows[paired.ROW_WISE].share > 0.06


def test_the_margin_counts_what_the_verdict_says():
    """What the simulation counts as a claim is the decision of the product."""
    rng = np.random.default_rng(9)
    seen = set()
    for _ in range(60):
        study = paired.draw(DESIGN, -0.15, rng)
        found = compare_versions(
            "mae", study.reference, study.baseline, study.candidate, subject=study.subject, margin=0.2
        )
        lower, _ = paired.intervals(study, ("jackknife_t",))["jackknife_t"]
        claimed = found.verdict.decision in ("superior", "non_inferior")
        assert claimed == (lower > -0.2)
        seen.add(claimed)
    assert seen == {True, False}


@pytest.mark.parametrize("truth", families.TRUTHS)
def test_procedures_keep_the_familywise_rate(truth):
    rows = shares(families.simulate(truth, studies=800, seed=SEED))
    for name, row in rows.items():
        if name != "none":
            assert within(row, families.ALPHA), name
    if truth == "no endpoint better":
        assert not within(rows["none"], families.ALPHA)
        assert rows["Holm"].share > 0.01


def test_tables_are_read_as_they_were_written(tmp_path):
    rows = [tally.Row("level", "a", "x", 1, 20), tally.Row("level", "a", "y", 3, 20)]
    tally.write(rows, tmp_path / "table.csv")
    assert tally.read(tmp_path / "table.csv") == rows
    assert tally.markdown(rows).splitlines()[-1] == "| a | 5.0 | 15.0 |"
