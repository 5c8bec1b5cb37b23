"""Families: what a procedure takes away, and what is not tested because a family before it was not met."""

from __future__ import annotations

import pytest
from scipy import stats

from accordance.studies.run import run

N = 100
ROLES = ("co_primary", "co_primary", "key_secondary")


def endpoint(name, role, limit):
    return f"""\
  {name}:
    title: {name}
    role: {role}
    metric: sensitivity
    average: pooled
    reference: rhythm
    test: rhythm
    positive: [{"AF" if name != "b" else "SR"}]
    interval: {{method: clopper_pearson}}
    criterion: {{compare: lower, operator: ">", limit: {limit}}}
"""


def study(make_study, families, limits, *, name="made", compare="lower"):
    """Sensitivity 92/100 for AF (endpoints a and c) and 95/100 for SR (endpoint b)."""
    names = [f"s{number:03}" for number in range(2 * N)]
    truth = ["AF"] * N + ["SR"] * N
    call = ["SR"] * 8 + ["AF"] * (N - 8) + ["AF"] * 5 + ["SR"] * (N - 5)
    rate = [60.0] * (2 * N)
    table = {"subject": names, "rate": rate, "rhythm": truth}
    endpoints = "endpoints:\n" + "".join(
        endpoint(name, role, limit) for name, role, limit in zip("abc", ROLES, limits, strict=True)
    ).replace("compare: lower", f"compare: {compare}")
    return run(
        make_study(
            name,
            protocol=make_study.plain.protocol,
            study=make_study.plain.study,
            endpoints=endpoints + "families:\n" + families,
            tables={
                "subjects": {"subject": names, "age": [50] * len(names)},
                "reference": table,
                "test": {**table, "rhythm": call},
            },
        )
    )


def exact(hits, limit):
    return stats.binomtest(hits, N, limit, alternative="greater").pvalue


def rows(found):
    return {
        row["endpoint"]: row
        for row in found.rows.iter_rows(named=True)
        if row["criterion"] is not None and row["view"] == "primary"
    }


def test_co_primary_hypotheses_take_the_whole_alpha_each(make_study):
    found = study(make_study, "  f: {endpoints: [a, b, c], procedure: co_primary}\n", (0.84, 0.88, 0.9))
    (family,) = found.document["families"]
    assert [one["rejected"] for one in family["hypotheses"]] == [True, True, False]
    assert [one["p"] for one in family["hypotheses"]] == pytest.approx(
        [exact(92, 0.84), exact(95, 0.88), exact(92, 0.9)], rel=1e-6
    )
    assert found.decision == "met" and not family["met"]
    assert {row["family"] for row in rows(found).values()} == {"f"}


def test_holm_takes_away_what_passes_by_itself_only(make_study):
    # Both p values lie between 0.0125 and 0.025: each passes alone; Holm asks 0.0125 of the smaller one.
    limits = (0.845, 0.885, 0.99)
    assert (
        min(exact(92, 0.845), exact(95, 0.885)) > 0.0125 and max(exact(92, 0.845), exact(95, 0.885)) < 0.025
    )
    families = "  f: {endpoints: [a, b], procedure: holm}\n"
    found = study(make_study, families, limits)
    row = rows(found)["b"]
    assert (row["decision"], row["otherwise"], row["evidence"]) == ("not_met", "met", "open")
    assert "met by itself, but not within family `f` (holm, adjusted p =" in row["warning"]
    assert found.decision == "not_met"
    hochberg = study(make_study, families.replace("holm", "hochberg"), limits, name="b")
    assert hochberg.decision == "met", "the larger p is below alpha, so Hochberg rejects both"


def test_a_family_behind_one_that_was_not_met_is_not_tested(make_study):
    families = (
        "  first: {endpoints: [a, b], procedure: co_primary}\n"
        "  second: {endpoints: [c], procedure: fixed_sequence, after: first}\n"
    )
    open_gate = study(make_study, families, (0.84, 0.88, 0.8))
    assert rows(open_gate)["c"]["decision"] == "met"
    closed = study(make_study, families, (0.84, 0.93, 0.8), name="b")
    row = rows(closed)["c"]
    assert (row["decision"], row["otherwise"]) == ("not_evaluable", "met")
    assert "not tested: family `first` before it was not met" in row["error"]
    assert [family["tested"] for family in closed.document["families"]] == [True, False]
    assert closed.decision == "not_met"


def test_a_graph_passes_alpha_on(make_study):
    families = (
        "  f: {endpoints: [a, b, c], procedure: graphical, weights: {a: 1},"
        " transitions: {a: {b: 1}, b: {c: 1}}}\n"
    )
    found = study(make_study, families, (0.84, 0.88, 0.84))
    (family,) = found.document["families"]
    assert all(one["rejected"] for one in family["hypotheses"])
    stopped = study(make_study, families, (0.91, 0.88, 0.84), name="b")
    (family,) = stopped.document["families"]
    assert not any(one["rejected"] for one in family["hypotheses"])
    assert rows(stopped)["b"]["otherwise"] == "met"


UNMET = "requirements:\n  r: {count: subjects, at_least: 500, endpoints: [a, b, c]}\n"


def test_what_the_study_lacks_makes_a_family_not_evaluable_and_its_p_values_stay(make_study):
    families = "  f: {endpoints: [a, b], procedure: co_primary}\n"
    found = study(make_study, families + UNMET, (0.84, 0.88, 0.9))
    (family,) = found.document["families"]
    assert (family["decision"], family["otherwise"], family["met"]) == ("not_evaluable", "met", False)
    assert family["reasons"] == [
        "requirement `r` is not met (r): 200; at least 500 needed, 300 too few",
    ]
    assert [one["p"] for one in family["hypotheses"]] == pytest.approx(
        [exact(92, 0.84), exact(95, 0.88)], rel=1e-6
    )
    assert [(one["decision"], one["otherwise"]) for one in family["hypotheses"]] == [
        ("not_evaluable", "met")
    ] * 2
    assert not any(one["rejected"] for one in family["hypotheses"])
    assert found.decision == "not_evaluable"


def test_a_family_that_lacks_nothing_says_no_otherwise(make_study):
    found = study(make_study, "  f: {endpoints: [a, b], procedure: co_primary}\n", (0.84, 0.93, 0.9))
    (family,) = found.document["families"]
    assert (family["decision"], family["otherwise"], family["reasons"]) == ("not_met", None, [])


def test_otherwise_knows_the_procedure_of_the_family(make_study):
    """By itself `b` is met, within Holm it is not: the study would not have been met otherwise either."""
    families = "  f: {endpoints: [a, b], procedure: holm}\n"
    found = study(make_study, families + UNMET, (0.845, 0.885, 0.99))
    assert (rows(found)["b"]["decision"], rows(found)["b"]["otherwise"]) == ("not_evaluable", "not_met")
    (family,) = found.document["families"]
    assert (family["decision"], family["otherwise"]) == ("not_evaluable", "not_met")
    assert [one["adjusted"] for one in family["hypotheses"]] == [1.0, 1.0], "what lacks its study is no proof"


def test_a_family_behind_one_that_is_not_evaluable_says_so(make_study):
    families = (
        "  first: {endpoints: [a, b], procedure: co_primary}\n"
        "  second: {endpoints: [c], procedure: fixed_sequence, after: first}\n"
    )
    found = study(make_study, families + UNMET.replace(", c]", "]"), (0.84, 0.88, 0.8))
    row = rows(found)["c"]
    assert (row["decision"], row["otherwise"]) == ("not_evaluable", "met")
    assert "not tested: family `first` before it is not evaluable" in row["error"]
    second = found.document["families"][1]
    assert (second["tested"], second["decision"], second["otherwise"]) == (False, "not_evaluable", "met")
    assert second["hypotheses"][0]["p"] == pytest.approx(exact(92, 0.8), rel=1e-6)


def test_a_hypothesis_without_a_p_value_says_why(make_study):
    families = "  f: {endpoints: [a, b, c], procedure: co_primary}\n"
    found = study(make_study, families, (0.84, 0.88, 0.9), compare="point")
    (family,) = found.document["families"]
    assert family["met"]
    assert [(one["p"], one["reason"]) for one in family["hypotheses"]] == [
        (None, "the criterion compares the point estimate, so there is no test")
    ] * 3
