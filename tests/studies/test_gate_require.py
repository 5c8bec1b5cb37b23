"""What `--require` adds to the gate of a run."""

from __future__ import annotations

import pytest

from accordance.protocols.errors import UsageError
from accordance.studies.gate import gate
from accordance.studies.run import run

ENDPOINTS = """\
  error:
    title: Root mean square error
    role: primary
    metric: rmse
    average: pooled
    reference: rate
    test: rate
    interval: {method: bootstrap_bca}
    criterion: {compare: upper, operator: "<", limit: 10, unit: 1/min, source: Made up.}
  close:
    title: Mean absolute error
    role: secondary
    metric: mae
    average: pooled
    reference: rate
    test: rate
    interval: {method: bootstrap_bca}
    criterion: {compare: upper, operator: "<", limit: LIMIT, unit: 1/min, source: Made up.}
  sensitivity:
    title: Sensitivity
    role: secondary
    metric: sensitivity
    average: pooled
    reference: rhythm
    test: rhythm
    positive: [AF]
    interval: {method: cluster_t}
"""


@pytest.mark.parametrize(("limit", "code"), [("10", 0), ("0.1", 1)])
def test_a_secondary_criterion_counts_where_it_is_required(make_study, limit, code):
    results = run(make_study(endpoints=ENDPOINTS.replace("LIMIT", limit)))
    assert gate(results).exit_code == 0
    outcome = gate(results, ["close=met", "error=met"])
    assert outcome.exit_code == code
    assert [(check.endpoint, check.asked) for check in outcome.checks] == [("error", True), ("close", True)]
    assert outcome.lines[-1].startswith("close: mae ") and outcome.lines[-1].endswith("(required)")


def test_a_requirement_opens_no_gate_that_the_study_closes(make_study):
    made = ENDPOINTS.replace("limit: 10,", "limit: 0.1,").replace("LIMIT", "10")
    assert gate(run(make_study(endpoints=made)), ["close=met"]).exit_code == 1


def test_where_nothing_decides_what_is_required_does(make_study):
    made = ENDPOINTS.replace("role: primary", "role: secondary")
    met = run(make_study(endpoints=made.replace("LIMIT", "10")))
    assert (gate(met).exit_code, gate(met, ["close=met"]).exit_code) == (3, 0)
    missed = run(make_study("other", endpoints=made.replace("LIMIT", "0.1")))
    assert gate(missed, ["close=met"]).exit_code == 1


def test_everything_that_cannot_be_required_is_said_at_once(make_study):
    results = run(make_study(endpoints=ENDPOINTS.replace("LIMIT", "10")))
    with pytest.raises(UsageError) as caught:
        gate(results, ["eror=met", "error=superior", "sensitivity=met", "v2:error=met"])
    said = str(caught.value).splitlines()
    assert len(said) == 4
    assert "Did you mean `error`?" in said[0]
    assert "`superior` is no decision here; there are: met" in said[1]
    assert "CANDIDATE: is for comparisons" in said[2]
    assert "endpoint `sensitivity` has no criterion" in said[3]
