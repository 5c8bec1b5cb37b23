"""Partial verification: the verified stand for all, by the formulas of Begg & Greenes (1983)."""

from __future__ import annotations

import pytest

from accordance.studies.run import run

ENDPOINT = """\
endpoints:
  sensitivity:
    title: Sensitivity
    role: primary
    metric: sensitivity
    average: pooled
    reference: rhythm
    test: rhythm
    positive: [AF]
    verification: {WITHIN}
    interval: {method: korn_graubard}
    criterion: {compare: lower, operator: ">", limit: 0.1}
  ppv:
    title: Positive predictive value
    role: secondary
    metric: ppv
    average: pooled
    reference: rhythm
    test: rhythm
    positive: [AF]
    interval: {method: clopper_pearson}
"""
# 40 alarms, all verified: 30 in AF. 400 without an alarm, 50 of them verified: 5 in AF.
CALL = ["AF"] * 40 + ["SR"] * 400
TRUTH = ["AF"] * 30 + ["SR"] * 10 + ["AF"] * 5 + ["SR"] * 45 + [None] * 350


def study(make_study, within="", truth=TRUTH, protocol=None, call=CALL, **parts):
    names = [f"s{number:03}" for number in range(len(CALL))]
    rate = [60.0] * len(CALL)
    return run(
        make_study(
            protocol=protocol or make_study.plain.protocol,
            study=make_study.plain.study,
            endpoints=ENDPOINT.replace("WITHIN", within),
            tables={
                "subjects": {"subject": names, "age": [50] * len(names)},
                "reference": {"subject": names, "rate": rate, "rhythm": truth},
                "test": {"subject": names, "rate": rate, "rhythm": call},
            },
            **parts,
        )
    )


def row(found, endpoint):
    rows = found.endpoint(endpoint).filter(found.endpoint(endpoint)["view"] == "primary")
    return rows.row(0, named=True)


def test_the_verified_stand_for_all(make_study):
    found = study(make_study)
    # P(AF | alarm) = 30/40, P(AF | none) = 5/50; P(alarm) = 40/440.
    expected = (30 / 40 * 40) / (30 / 40 * 40 + 5 / 50 * 400)
    weighted = row(found, "sensitivity")
    assert weighted["estimate"] == pytest.approx(expected)
    # Begg & Greenes 1983: var of the log odds, 1/(n P(1-P)) + (1-p)/(p n1) + q/((1-q) n0)
    alarm, in_alarm, in_none = 40 / 440, 30 / 40, 5 / 50
    variance = (
        1 / (440 * alarm * (1 - alarm)) + (1 - in_alarm) / (in_alarm * 40) + (1 - in_none) / (in_none * 50)
    )
    error = expected * (1 - expected) * variance**0.5
    assert weighted["se"] == pytest.approx(error, rel=0.25), "weights are taken for known: somewhat too wide"
    assert weighted["ci_lower"] < expected < weighted["ci_upper"]
    naive = 30 / 35
    assert weighted["ci_upper"] < naive, "without weights the estimate would be far off"
    assert row(found, "ppv")["n_units"] == 40, "the other endpoints stay as they are"


def test_nobody_stands_for_a_stratum_without_verified_units(make_study):
    truth = [*TRUTH[:40], *[None] * 400]
    found = study(make_study, truth=truth)
    assert found.decision == "not_evaluable"
    reason = row(found, "sensitivity")["error"]
    assert reason == "none of 400 units with test.rhythm = SR was verified, so nothing stands for them"


def test_a_reference_that_is_no_result_verifies_nothing(make_study):
    """10 of the 40 alarms were read without a result: the other 30, 24 of them in AF, stand for all 40."""
    truth = ["AF"] * 24 + ["SR"] * 6 + ["unsure"] * 10 + TRUTH[40:]
    protocol = make_study.plain.protocol.replace(
        "levels: [AF, SR], missing", "levels: [AF, SR, unsure], indeterminate: [unsure], missing", 1
    )
    found = study(make_study, truth=truth, protocol=protocol)
    in_alarm, in_none = 24 / 30 * 40, 5 / 50 * 400
    assert row(found, "sensitivity")["estimate"] == pytest.approx(in_alarm / (in_alarm + in_none))


def test_where_the_unverified_are_completed_nobody_stands_for_them(make_study):
    """350 without an alarm and without a reference: at worst all in AF, at best none; without weights."""
    protocol = make_study.plain.protocol + "missing: {sensitivity: [worst_case, best_case]}\n"
    found = study(make_study, protocol=protocol)
    rows = {
        one["view"]: one["estimate"]
        for one in found.endpoint("sensitivity").iter_rows(named=True)
        if one["subgroup"] is None
    }
    assert rows["worst_case"] == pytest.approx(30 / (30 + 5 + 350))
    assert rows["best_case"] == pytest.approx(30 / 35)
    in_alarm, in_none = 30, 5 / 50 * 400
    assert rows["primary"] == pytest.approx(in_alarm / (in_alarm + in_none))


def test_outputs_that_are_no_result_need_verification_only_where_they_count(make_study):
    """20 poor outputs were never verified: the view without them has a value, the others say why not."""
    call = CALL[:420] + ["poor"] * 20
    found = study(make_study, call=call)
    rows = {one["view"]: one for one in found.endpoint("sensitivity").iter_rows(named=True)}
    in_none = 5 / 50 * 380
    assert rows["primary"]["estimate"] == pytest.approx(30 / (30 + in_none))
    reason = "none of 20 units with test.rhythm = poor was verified, so nothing stands for them"
    assert [rows[view]["error"] for view in ("as_positive", "as_negative")] == [reason] * 2
    (share,) = [one for one in found.rows.iter_rows(named=True) if one["endpoint"] == "yield"]
    assert share["error"] == reason, "the share of results counts them"
