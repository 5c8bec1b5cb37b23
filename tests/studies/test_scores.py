"""Endpoints of a score: a number of the test against positive and negative of the reference."""

from __future__ import annotations

import pytest

from accordance.evaluators import auc
from accordance.protocols.errors import ContractError
from accordance.protocols.load import load
from accordance.studies.explain import explain
from accordance.studies.run import run

AUC = """\
  discrimination:
    title: Rate tells AF from SR
    role: primary
    metric: auc
    reference: rhythm
    test: rate
    positive: [AF]
    interval: {method: cluster_t}
    subgroups: []
    criterion: {compare: point, operator: ">", limit: 0.1, source: Made up.}
"""


def test_a_score_endpoint_runs_to_its_decision(make_study):
    results = run(make_study(endpoints=AUC))
    row = results.rows.filter(version="v2").row(0, named=True)
    behind = results.slice(row["row_id"])
    plain = auc(
        behind["reference"].to_numpy(), behind["test"].to_numpy(), subject=behind["subject"].to_list(),
        ci="cluster_t",
    )["auc"]  # fmt: skip
    assert row["estimate"] == pytest.approx(plain.value, rel=1e-12)
    assert (row["ci_lower"], row["ci_upper"]) == pytest.approx(
        (plain.interval.lower, plain.interval.upper), rel=1e-12
    )
    assert (row["n_units"], row["n_events"], row["view"]) == (12, 6, "primary")
    assert (row["decision"], row["unit"]) == ("met", "proportion")
    assert "direction = higher; positive = AF" in row["definition"]
    assert results.rows["view"].unique().to_list() == ["primary"]
    assert "AF" in str(explain(results, row["row_id"]))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("    positive: [AF]\n", "", "say which levels count as positive: some of `AF`, `SR`"),
        ("test: rate", "test: rhythm", "`auc` needs `number` or `integer` columns"),
        ("reference: rhythm", "reference: rate", "`auc` needs `category` or `boolean` columns"),
        ("positive: [AF]", "positive: [AF, SR]", "every level of the reference column would be positive"),
        ("limit: 0.1", "limit: 90", "is a proportion from 0 to 1"),
    ],
)
def test_what_does_not_fit_is_said(make_study, before, after, said):
    with pytest.raises(ContractError) as caught:
        load(make_study(endpoints=AUC.replace(before, after)) / "protocol.yaml")
    assert said in str(caught.value)
