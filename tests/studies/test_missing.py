"""Units without an output or a reference: counted, treated every declared way, and where it turns."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from scipy.stats import beta, t

from accordance.studies.missing import like, spread
from accordance.studies.run import run

SENSITIVITY = """\
endpoints:
  sensitivity:
    title: Sensitivity
    role: primary
    metric: sensitivity
    average: pooled
    reference: rhythm
    test: rhythm
    positive: [AF]
    interval: {method: clopper_pearson}
    criterion: {compare: lower, operator: ">", limit: 0.8}
"""
BIAS = """\
endpoints:
  bias:
    title: Bias
    role: primary
    metric: bland_altman
    parameters: {truth: independent}
    reference: rate
    test: rate
    interval: {methods: {bias: cluster_t}}
    criterion: {statistic: bias, compare: both, operator: within, limit: [-2, 2]}
"""
N = 60
"""Subjects: 40 in AF, 20 in SR. 5 in AF and 1 in SR have no output, 2 have no reference, 1 has neither."""


def tables(**changed):
    names = [f"s{number:02}" for number in range(N)]
    truth = ["AF"] * 40 + ["SR"] * 20
    call = list(truth)
    call[0] = "SR"  # the one miss
    for lost in (1, 2, 3, 4, 5, 41):
        call[lost] = None
    truth[6], truth[42] = None, None  # outputs AF and SR, the reference failed
    truth[43], call[43] = None, None
    rng = np.random.default_rng(1)
    rate = [float(value) for value in rng.normal(70, 8, N).round(1)]
    test = [float(value) for value in (np.array(rate) + rng.normal(0.2, 3, N)).round(1)]
    for lost in (1, 2, 3):
        test[lost] = None
    rate[4] = None
    reference = {"subject": names, "rate": rate, "rhythm": truth}
    keep = [place for place in range(N) if place != 41]  # one has no row at all
    output = {"subject": names, "rate": test, "rhythm": call}
    return {
        "subjects": {"subject": names, "age": [int(40 + place % 30) for place in range(N)]},
        "reference": reference,
        "test": {name: [values[place] for place in keep] for name, values in output.items()},
        **changed,
    }


def results(make_study, missing, endpoints=SENSITIVITY, **changed):
    protocol = make_study.plain.protocol + (f"missing: {missing}\n" if missing else "")
    return run(
        make_study(
            protocol=protocol, endpoints=endpoints, study=make_study.plain.study, tables=tables(**changed)
        )
    )


def by_view(found, statistic):
    return {
        row["view"]: row
        for row in found.rows.iter_rows(named=True)
        if row["statistic"] == statistic and row["subgroup"] is None and row["endpoint"] != "yield"
    }


def clopper_pearson(successes, n):
    low = beta.ppf(0.025, successes, n - successes + 1)
    high = beta.ppf(0.975, successes + 1, n - successes) if successes < n else 1.0
    return low, high


def test_the_missing_are_counted(make_study):
    (entry,) = results(make_study, "{}").document["missing"]
    assert {key: entry[key] for key in ("units", "without_output", "without_reference", "without_both")} == {
        "units": N,
        "without_output": 6,
        "without_reference": 2,
        "without_both": 1,
    }
    assert entry["subjects_concerned"] == 9


def test_every_way_by_hand(make_study):
    rows = by_view(results(make_study, "{sensitivity: [worst_case, best_case]}"), "sensitivity")
    # 40 in AF, one of them without reference: 39, of which 5 without output and 1 missed.
    expected = {
        "primary": (33, 34),
        # no output: a miss; output SR without reference: a miss; output AF without reference: in SR
        "worst_case": (33, 40),
        # no output: a hit; output AF without reference: a hit
        "best_case": (39, 40),
    }
    for view, (hits, n) in expected.items():
        row = rows[view]
        assert (row["n_events"], row["n_units"]) == (hits, n), view
        assert (row["ci_lower"], row["ci_upper"]) == pytest.approx(clopper_pearson(hits, n))
    assert rows["worst_case"]["decision"] == "not_met" and rows["primary"]["decision"] == "met"


def test_the_analysis_that_decides_may_count_the_missing_as_errors(make_study):
    found = results(make_study, "{primary: worst_case, sensitivity: [tipping_point]}")
    rows = by_view(found, "sensitivity")
    assert (rows["primary"]["n_events"], rows["primary"]["n_units"]) == (33, 40)
    assert (rows["complete_case"]["n_events"], rows["complete_case"]["n_units"]) == (33, 34)
    assert found.decision == "not_met"
    steps = {step["code"]: step for step in found.document["endpoints"][0]["accounting"][0]["steps"]}
    assert steps["analysed"]["n_reference_rows"] == N - 1  # all but the unit with neither value
    assert "no_test" not in steps


def test_a_measurement_beside_it_keeps_its_complete_units(make_study):
    second = BIAS.replace("endpoints:\n", "").replace("role: primary", "role: secondary")
    found = results(make_study, "{primary: worst_case, sensitivity: []}", endpoints=SENSITIVITY + second)
    row = next(row for row in found.rows.iter_rows(named=True) if row["statistic"] == "bias")
    assert row["n_units"] == N - 5 and row["error"] is None


def test_rows_behind_a_view(make_study):
    found = results(make_study, "{sensitivity: [worst_case, best_case]}")
    for view, row in by_view(found, "sensitivity").items():
        behind = found.slice(row["row_id"])
        positive = behind.filter(behind["reference"] == 1)
        assert (positive["test"].sum(), positive.height) == (row["n_events"], row["n_units"]), view


def test_the_tipping_point_of_a_proportion_is_the_first_count_that_changes_the_decision(make_study):
    (entry,) = results(make_study, "{sensitivity: [tipping_point]}").document["missing"]
    tipping = entry["tipping_point"]
    # By hand: 8 units can be completed. With k errors among them, hits and cases lie between the two ends.
    assert (tipping["kind"], tipping["total"]) == ("errors", 8)
    assert [point["at"] for point in tipping["points"]] == list(range(9))
    assert tipping["points"][0]["estimate"] == pytest.approx(39 / 40)
    assert tipping["points"][8]["estimate"] == pytest.approx(33 / 40)
    lowest = [point["lower"] > 0.8 for point in tipping["points"]]
    assert [point["decision"] == "met" for point in tipping["points"]] == lowest
    (turn,) = tipping["turns"]
    assert turn == {"from": "met", "to": "not_met", "at": lowest.index(False)}
    assert turn["at"] == soonest(0.8), "no other choice of as few errors changes the decision"
    assert f"fewer than {turn['at']} of the 8" in tipping["words"]


def soonest(limit):
    """Fewest errors that turn the decision, over every choice of them.

    5 cases and 1 other have no output, one called AF and one called SR no reference.
    """
    turning = []
    for cases, others, called, not_called in product(range(6), range(2), range(2), range(2)):
        hits, n = 39 - cases - called, 40 - called + not_called
        if clopper_pearson(hits, n)[0] <= limit:
            turning.append(cases + others + called + not_called)
    return min(turning)


def test_units_that_can_not_touch_the_number_do_not_put_the_tipping_point_off(make_study):
    """16 more of SR without an output say nothing of the sensitivity, whichever of them are errors."""
    own = tables()
    for place in range(44, 60):
        own["test"]["rhythm"][own["test"]["subject"].index(f"s{place:02}")] = None
    found = results(make_study, "{sensitivity: [tipping_point]}", test=own["test"])
    tipping = found.document["missing"][0]["tipping_point"]
    assert tipping["total"] == 24
    assert [turn["at"] for turn in tipping["turns"]] == [soonest(0.8)]


def test_the_tipping_point_of_a_measurement_is_a_shift(make_study):
    found = results(make_study, "{sensitivity: [worst_case, tipping_point]}", endpoints=BIAS)
    rows = by_view(found, "bias")
    assert "no worst value" in rows["worst_case"]["error"]
    (entry,) = found.document["missing"]
    assert (entry["without_output"], entry["without_reference"]) == (4, 1)
    tipping = entry["tipping_point"]
    assert tipping["kind"] == "shift" and tipping["total"] == 5
    middle = tipping["points"][len(tipping["points"]) // 2]
    assert middle["at"] == 0 and middle["estimate"] == pytest.approx(rows["primary"]["estimate"])
    # as spread out as the 55 observed, not all at their mean: t interval of 60 with the observed SD
    reach = t.ppf(0.975, 59) * tipping["sd"] / math.sqrt(60)
    assert (middle["lower"], middle["upper"]) == pytest.approx(
        (tipping["mean"] - reach, tipping["mean"] + reach), rel=1e-9
    )
    assert [turn["to"] for turn in tipping["turns"]] == ["not_met", "not_met"]
    below, above = (turn["at"] for turn in tipping["turns"])
    assert below < 0 < above and abs(below) != abs(above)
    assert "it turns to `not met` at" in tipping["words"]


def test_nothing_missing_has_no_tipping_point(make_study):
    names = ["a", "b", "c", "d"]
    whole = {"subject": names, "rate": [1.0, 2, 3, 4], "rhythm": ["AF", "AF", "SR", "SR"]}
    found = results(
        make_study,
        "{sensitivity: [tipping_point]}",
        subjects={"subject": names, "age": [50] * 4},
        reference=whole,
        test=whole,
    )
    assert found.document["missing"][0]["tipping_point"]["words"] == "No unit lacks an output or a reference."


def test_multiple_imputation_is_reproducible_and_close_where_little_is_missing(make_study):
    missing = "{sensitivity: [multiple_imputation], imputation: {imputations: 20, predictors: [age]}}"
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    first = by_view(results(make_study, missing, endpoints=BIAS), "bias")
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    row, primary = first["multiple_imputation"], first["primary"]
    assert row["ci_method"] == "rubin" and row["n_units"] == N
    assert row["estimate"] == pytest.approx(primary["estimate"], abs=0.5)
    assert row["ci_lower"] < row["estimate"] < row["ci_upper"]
    assert row["se"] > 0.9 * primary["se"]


def test_an_order_that_is_spread_evenly():
    for total in (0, 1, 2, 7, 64, 100):
        order = spread(total).tolist()
        assert sorted(order) == list(range(total))
    assert max(np.diff(np.sort(spread(64)[:8]))) == 8
    assert not math.isnan(float(spread(3).sum()))


EXCLUSIONS = """\
exclusions:
  unreadable: {title: Nobody could read it, table: reference}
  unread: {title: Nobody has read it, stage: reference}
  late: {title: Came after the end, table: reference, stage: eligibility}
  failed: {title: The device failed, table: test}
"""


def with_exclusions(make_study, reference_codes, test_codes, endpoints=SENSITIVITY, missing=None):
    own = tables()
    own["reference"]["why"] = [reference_codes.get(name) for name in own["reference"]["subject"]]
    own["test"]["why"] = [test_codes.get(name) for name in own["test"]["subject"]]
    protocol = make_study.plain.protocol
    for table in ("reference", "test"):
        protocol = protocol.replace(
            f"  {table}:\n    key: [subject]\n    columns:\n",
            f"  {table}:\n    key: [subject]\n    exclusion: why\n    columns:\n"
            "      why: {type: text, missing: allowed}\n",
        )
    protocol += EXCLUSIONS + (f"missing: {missing}\n" if missing else "")
    return run(make_study(protocol=protocol, study=make_study.plain.study, endpoints=endpoints, tables=own))


def test_units_excluded_for_want_of_a_reference_are_counted_as_missing(make_study):
    """By hand, of 60: one came late and is no unit; s10, s11 unreadable, s12 unread; s06, s42, s43 empty."""
    codes = {"s10": "unreadable", "s11": "unreadable", "s12": "unread", "s13": "late"}
    found = with_exclusions(make_study, codes, {"s14": "failed", "s10": "failed"})
    (entry,) = found.document["missing"]
    reference, output = entry["reference_unavailable"], entry["output_unavailable"]
    assert (reference["units"], reference["of_units"]) == (6, 59)
    assert (reference["subjects"], reference["of_subjects"]) == (6, 59)
    assert [(one["code"], one["units"], one["subjects"]) for one in reference["causes"]] == [
        ("unreadable", 2, 2),
        ("unread", 1, 1),
        ("missing_value", 3, 3),
    ]
    assert reference["words"] == (
        "6 of 59 units, of 6 of 59 subjects, have no reference. 2: Nobody could read it (`unreadable`); "
        "1: Nobody has read it (`unread`); 3: No value of the reference (`missing_value`)."
    )
    # s41 has no row; s01 to s05 and s43 an empty one; s10 and s14 failed, and s10 lacks the reference as well
    assert [(one["code"], one["units"]) for one in output["causes"]] == [
        ("failed", 2),
        ("no_test", 1),
        ("missing_value", 6),
    ]
    assert (entry["units"], entry["without_reference"]) == (55, 2), "units that the analysis can still use"


def test_the_flow_and_the_count_of_missing_references_agree(make_study):
    codes = {"s10": "unreadable", "s11": "unreadable", "s12": "unread", "s13": "late"}
    found = with_exclusions(make_study, codes, {})
    (entry,) = found.document["missing"]
    stage = next(one for one in found.document["flow"][0]["stages"] if one["stage"] == "reference")
    assert sum(loss["n_units"] for loss in stage["losses"]) == entry["reference_unavailable"]["units"]


def test_the_tipping_point_names_the_excluded_that_are_not_in_it(make_study):
    policy = "{sensitivity: [tipping_point]}"
    found = with_exclusions(make_study, {"s10": "unreadable"}, {"s14": "failed"}, missing=policy)
    words = found.document["missing"][0]["tipping_point"]["words"]
    assert words.endswith(
        "Units that the protocol excludes are not among them: 1 as `unreadable`, 1 as `failed`."
    )


def test_nothing_missing_is_said_so(make_study):
    names = [f"s{number:02}" for number in range(N)]
    table = {"subject": names, "rate": [70.0] * N, "rhythm": ["AF"] * 40 + ["SR"] * 20}
    found = results(make_study, None, reference=table, test=table)
    (entry,) = found.document["missing"]
    assert entry["reference_unavailable"]["words"] == "Every unit has a reference."
    assert entry["output_unavailable"]["causes"] == []


@pytest.mark.parametrize("n", [2, 3, 10, 57])
def test_missing_differences_are_as_spread_out_as_those_observed(n):
    observed = np.random.default_rng(2).gamma(2, 1, 40)
    observed -= observed.mean()
    together = np.concatenate([observed, like(observed, n)])
    assert together.mean() == pytest.approx(0, abs=1e-12)
    assert together.std(ddof=1) == pytest.approx(observed.std(ddof=1), rel=1e-12)
    ties = np.array([0.0] * 30 + [-1.0, 1.0])
    assert np.concatenate([ties, like(ties, n)]).std(ddof=1) == pytest.approx(ties.std(ddof=1), rel=1e-12)
    assert like(observed, 1).tolist() == [0.0] and like(observed, 0).tolist() == []
