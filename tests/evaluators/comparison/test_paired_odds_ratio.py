"""The conditional odds ratio of two results on the same units."""

from __future__ import annotations

import numpy as np
import pytest
from diagnostic import bounds, cases, number
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracle import compare

from accordance.evaluators.comparison.mcnemar import mcnemar
from accordance.evaluators.comparison.paired_counts import PairedCounts
from accordance.evaluators.comparison.paired_odds_ratio import PAIRED_ODDS_RATIOS, paired_odds_ratio
from accordance.evaluators.metric import CannotComputeError

CASES = (
    "pair_bentur2009",
    "pair_tangML_8_3_1_2",
    "pair_no_discordant",
    "pair_equal_discordant",
    "pair_all_discordant_one_way",
    "pair_n1",
)
COUNTS = st.builds(PairedCounts, *([st.integers(0, 30)] * 4)).filter(
    lambda counts: counts.candidate_only + counts.baseline_only > 0
)


@pytest.mark.parametrize("name", CASES)
def test_exact_against_r(reference_data, name):
    """`exact2x2::mcnemar.exact`, exact2x2 1.7.0; without discordant units there is no odds ratio."""
    case = cases(reference_data)[name]
    given, expected = case["inputs"], case["outputs"]["exact2x2_mcnemar_exact"]
    counts = PairedCounts(given["both"], given["only1"], given["only2"], given["neither"])
    compare("McNemar, exact", mcnemar(counts, method="exact").p_value, expected["p"])
    if np.isnan(number(expected["or"])):
        with pytest.raises(CannotComputeError, match="No unit is discordant"):
            paired_odds_ratio(counts)
        return
    found = paired_odds_ratio(counts)
    lower, upper = expected["or_ci"]
    compare(
        "paired odds ratio, clopper_pearson",
        [found.value, found.interval.lower, found.interval.upper],
        [number(expected["or"]), *bounds({"lower": lower, "upper": upper})],
    )


def test_printed_intervals():
    """Fagerland, Lydersen & Laake 2014, for 1 and 7 discordant units; Laud 2025 for 16 and 8 (SCAS)."""
    counts = PairedCounts(1, 1, 7, 12)
    printed = {"clopper_pearson": (0.003, 1.112), "mid_p": (0.006, 0.924), "wilson": (0.023, 0.890)}
    for ci, expected in printed.items():
        found = paired_odds_ratio(counts, ci=ci).interval
        np.testing.assert_allclose((found.lower, found.upper), expected, atol=5e-4)
    found = paired_odds_ratio(PairedCounts(53, 16, 8, 9), ci="scas").interval
    np.testing.assert_allclose((found.lower, found.upper), (0.8718, 4.8816), atol=5e-5)


@settings(max_examples=60, deadline=None)
@given(COUNTS, st.sampled_from(sorted(PAIRED_ODDS_RATIOS)))
def test_swapping_versions_inverts_it(counts, ci):
    one, other = paired_odds_ratio(counts, ci=ci), paired_odds_ratio(counts.swapped(), ci=ci)
    for a, b in (
        (one.value, other.value),
        (one.interval.lower, other.interval.upper),
        (one.interval.upper, other.interval.lower),
    ):
        assert a == pytest.approx(1 / b if b else np.inf, rel=1e-9)
    assert one.interval.lower <= one.value <= one.interval.upper


@settings(max_examples=60, deadline=None)
@given(COUNTS)
def test_the_exact_interval_and_the_exact_test_decide_alike(counts):
    interval, p = paired_odds_ratio(counts).interval, mcnemar(counts, method="exact").p_value
    assume(abs(p - 0.05) > 1e-9)
    assert (interval.lower > 1 or interval.upper < 1) == (p < 0.05)


def test_edges():
    one = paired_odds_ratio(PairedCounts(3, 4, 0, 2), sides="lower")
    assert one.value == one.interval.upper == np.inf and one.standard_error is None
    with pytest.raises(CannotComputeError, match="no units"):
        paired_odds_ratio(PairedCounts(0, 0, 0, 0))
    with pytest.raises(ValueError, match="accepted: clopper_pearson"):
        paired_odds_ratio(PairedCounts(1, 1, 1, 1), ci="wald")
    assert "Conditional odds ratio" in str(one) and "Clopper" in str(one)
