"""The size of a study from its protocol: known numbers, steps, what is planned, what cannot be computed."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from accordance.protocols.model import Protocol
from accordance.studies import named, run
from accordance.studies.planning import plan

ENDPOINTS = """\
  sens:
    title: Sensitivity
    role: co_primary
    metric: sensitivity
    average: pooled
    reference: rhythm
    test: rhythm
    positive: [AF]
    subgroups: []
    interval: {method: METHOD}
    criterion: {compare: lower, operator: ">", limit: LIMIT}
  spec:
    title: Specificity
    role: co_primary
    metric: specificity
    average: pooled
    reference: rhythm
    test: rhythm
    positive: [AF]
    subgroups: []
    interval: {method: clopper_pearson}
    criterion: {compare: lower, operator: ">", limit: 0.92}
  share:
    title: Share of results
    role: secondary
    metric: "yield"
    average: pooled
    reference: rhythm
    test: rhythm
    interval: {method: YIELD}
  limits:
    title: Limits of agreement
    role: secondary
    metric: bland_altman
    parameters: {truth: varying}
    reference: rate
    test: rate
    interval: {method: mover}
  rms:
    title: Root mean square error
    role: secondary
    metric: rmse
    average: pooled
    reference: rate
    test: rate
    interval: {method: cluster_t}
"""

MakeStudy = Callable[..., Path]
Planned = Callable[..., dict[str, Any]]


@pytest.fixture
def resolved(make_study: MakeStudy) -> Callable[..., Protocol]:
    """A resolved protocol with `sample_size` entries; `more` is appended to it."""
    number = count()

    def make(*entries: str, limit: str = "0.9", method: str = "clopper_pearson", **other: str) -> Protocol:
        text = ENDPOINTS.replace("LIMIT", limit).replace("METHOD", method)
        text = text.replace("YIELD", other.get("of_yield", "wilson"))
        for old, new in other.items():
            text = text.replace(*new.split(" -> ")) if old.startswith("replace") else text
        size = "".join(f"  s{at}: {{{entry}}}\n" for at, entry in enumerate(entries))
        folder = make_study(
            f"study-{next(number)}", endpoints=f"{text}{other.get('more', '')}sample_size:\n{size}"
        )
        return named.find(str(folder)).protocol

    return make


@pytest.fixture
def planned(resolved: Callable[..., Protocol]) -> Planned:
    """The plan of such a protocol."""
    return lambda *entries, **other: plan(resolved(*entries, **other))


@pytest.mark.parametrize(
    ("goal", "expected", "n", "critical"),
    [("0.90", 0.95, 231, 217), ("0.92", 0.97, 177, 170), ("0.70", 0.80, 155, 120), ("0.80", 0.90, 107, 94)],
)
def test_performance_goals_have_their_known_sizes(
    goal: str, expected: float, n: int, critical: int, planned: Planned
) -> None:
    """Exact one-sided test at 2.5%, power 80%: numbers for the performance goals of cleared ECG and sleep
    software, computed from the binomial distribution; smallest n, and count from which the goal is met."""
    found = planned(
        f"endpoint: sens, method: performance_goal, expected: {expected}, power: 0.8", limit=goal
    )["calculations"][0]
    assert (found["n"], found["critical"], found["enrol"], found["error"]) == (n, critical, n, None)
    # what `critical` and `power` mean, from scipy: the smallest count whose tail at the goal is below 2.5%
    assert (
        stats.binom.sf(critical - 1, n, float(goal)) <= 0.025 < stats.binom.sf(critical - 2, n, float(goal))
    )
    assert found["power"] == pytest.approx(stats.binom.sf(critical - 1, n, expected), rel=1e-10)
    assert found["power"] >= 0.8
    assert found["actual_alpha"] == pytest.approx(stats.binom.sf(critical - 1, n, float(goal)), rel=1e-10)
    assert [step["value"] for step in found["steps"]] == [n, n]


def test_the_saw_tooth_is_there_with_first_and_stable_number(planned: Planned) -> None:
    found = planned("endpoint: sens, method: performance_goal, expected: 0.95")["calculations"][0]
    power = {point["n"]: point["power"] for point in found["curve"]}
    assert (found["n"], found["stable_n"], found["lowest"]["n"]) == (231, 255, 242)
    assert min(power) == 231 - 25
    assert max(power) == 255 + 25
    assert max(power[n] for n in range(206, 231)) < 0.8 <= power[231]
    assert power[254] < 0.8 <= min(power[n] for n in range(255, 281))
    assert power[242] == found["lowest"]["power"] == min(power[n] for n in range(231, 256))


def first_by_search(goal: float, expected: float, alpha: float) -> int:
    """The smallest n whose exact one-sided test has a power of 80%, tried one after the other, from scipy."""
    for n in range(1, 1000):
        critical = next(c for c in range(n + 2) if stats.binom.sf(c - 1, n, goal) <= alpha)
        if stats.binom.sf(critical - 1, n, expected) >= 0.8:
            return n
    raise AssertionError("none below 1000")


def test_what_is_asked_is_the_endpoints_own_interval(planned: Planned) -> None:
    """By Wilson's interval, from `power_performance_goal` itself; with one side, by brute force."""
    goal = "endpoint: sens, method: performance_goal, expected: 0.95"
    wilson = planned(goal, method="wilson")["calculations"][0]
    assert (wilson["n"], wilson["interval"]["method"], wilson["notes"]) == (217, "wilson", [])
    one_sided = planned(goal, method="clopper_pearson, sides: lower")["calculations"][0]
    assert (one_sided["n"], one_sided["interval"]["sides"]) == (first_by_search(0.9, 0.95, 0.05), "lower")


def test_losses_are_added_step_by_step_and_undone_by_the_planned_number(planned: Planned) -> None:
    """By hand: 231 / 0.2 = 1155; / 0.83 = 1391.566; / 0.9 = 1546.185; rounded up 1547."""
    entry = (
        "endpoint: sens, method: performance_goal, expected: 0.95, prevalence: 0.2, inconclusive: 0.17, "
        "dropout: 0.1, planned: "
    )
    found = planned(f"{entry}1547")["calculations"][0]
    assert [round(step["value"], 3) for step in found["steps"]] == [231, 1155, 1391.566, 1546.185, 1547]
    assert found["enrol"] == 1547
    assert 0.4 < found["chance_of_enough"] < 0.6
    kept = found["planned"]
    assert (kept["evaluable"], kept["enough"], kept["short_by"]) == (231, True, 0)
    assert kept["power"] == found["power"]
    short = planned(f"{entry}1500")["calculations"][0]["planned"]
    assert (short["enough"], short["short_by"], short["evaluable"]) == (False, 47, 224)
    assert short["power"] == pytest.approx(stats.binom.sf(211 - 1, 224, 0.95), rel=1e-10)
    assert "too few by 47" in short["words"]


def test_a_planned_number_in_a_dip_is_not_enough(planned: Planned) -> None:
    entry = "endpoint: sens, method: performance_goal, expected: 0.95, planned: 242"
    found = planned(entry)["calculations"][0]["planned"]
    assert (found["enough"], found["short_by"]) == (False, 13), "255 is the stable number"
    assert found["power"] < 0.8
    assert "dip of the saw-tooth" in found["words"]


def test_several_units_a_subject_count_by_their_design_effect(planned: Planned) -> None:
    """By hand: 231 x (1 + 19 x 0.05) = 450.45 units, in 22.5 subjects with 20 each."""
    found = planned(
        "endpoint: sens, method: performance_goal, expected: 0.95, units_per_subject: 20, icc: 0.05, "
        "planned: 22",
        method="cluster_t",
    )["calculations"][0]
    assert [round(step["value"], 6) for step in found["steps"]] == [231, 1.95, 450.45, 23, 23]
    assert found["counted"] == "units"
    assert found["interval"]["method"] == "clopper_pearson"
    assert any("has no formula here" in note for note in found["notes"])
    # 22 subjects: 440 units, worth 225 independent ones
    assert found["planned"]["power"] == pytest.approx(stats.binom.sf(212 - 1, 225, 0.95), rel=1e-10)
    assert found["planned"]["short_by"] == 1


def test_an_interval_that_may_not_decide_is_called_out(planned: Planned) -> None:
    found = planned("endpoint: sens, method: performance_goal, expected: 0.95, units_per_subject: 4")[
        "calculations"
    ][0]
    assert any("may not decide with several units" in note for note in found["notes"])
    assert any("`icc` is 0" in note for note in found["notes"])


def test_precision_of_a_proportion(planned: Planned) -> None:
    """`precision_proportion(0.9, half_width=0.05)` is 139 by Wilson, averaged over outcomes."""
    found = planned("endpoint: share, method: proportion_precision, expected: 0.9, half_width: 0.05")
    one = found["calculations"][0]
    assert (one["n"], one["enrol"], one["power"], one["curve"]) == (139, 139, None, [])
    assert one["half_width"] <= 0.05


def test_precision_of_limits_of_agreement(planned: Planned) -> None:
    """`precision_limits_of_agreement(10, half_width=2, rows_per_subject=3, icc=0.4)` is 142."""
    found = planned(
        "endpoint: limits, method: limits_precision, sd: 10, half_width: 2, units_per_subject: 3, icc: 0.4, "
        "dropout: 0.1, planned: 120"
    )["calculations"][0]
    assert (found["n"], found["evaluable"], found["enrol"]) == (142, 142, 158)
    assert found["planned"]["evaluable"] == 108
    assert found["planned"]["half_width"] > 2
    assert found["planned"]["short_by"] == 38
    assert any("MOVER" in note for note in found["notes"])


def test_precision_of_a_root_mean_square_error(planned: Planned) -> None:
    """`precision_rmse(2.5, bias=0.5, rows_per_subject=20, icc=0.5, half_width=0.3)` is 44; sd^2 = 6."""
    found = planned(
        "endpoint: rms, method: rmse_precision, sd: 2.449489742783178, expected: 0.5, half_width: 0.3, "
        "units_per_subject: 20, icc: 0.5"
    )["calculations"][0]
    assert (found["n"], found["notes"]) == (44, [])
    assert "design effect" in found["steps"][0]["how"]


def test_a_one_sided_interval_is_planned_by_the_two_sided_one_with_its_bound(planned: Planned) -> None:
    found = planned(
        "endpoint: share, method: proportion_precision, expected: 0.9, half_width: 0.05",
        of_yield="wilson, sides: lower",
    )["calculations"][0]
    assert found["interval"]["level"] == 0.9
    assert found["n"] < 139


@pytest.mark.parametrize(
    ("entry", "other", "reason"),
    [
        ("expected: 0.95", {"limit": "required"}, "still to be set"),
        ("expected: 0.95", {"limit": "required, suggestion: 0.9"}, "with the suggestion 0.9 it would be 231"),
        ("expected: 0.89", {"limit": "required, suggestion: 0.9"}, "does not lie beyond the goal 0.9"),
        ("expected: 0.9", {}, "does not lie beyond the goal 0.9"),
        ("expected: 0.90001", {}, "More than 200,000 subjects"),
        ("expected: 0.95, prevalence: 0.0001", {}, "subjects would have to be enrolled"),
        ("expected: 0.95", {"limit": "0"}, "`goal`"),
    ],
)
def test_what_cannot_be_computed_is_a_row_with_its_reason(
    entry: str, other: dict[str, str], reason: str, planned: Planned
) -> None:
    found = planned(
        f"endpoint: sens, method: performance_goal, {entry}, planned: 100",
        "endpoint: spec, method: performance_goal, expected: 0.97",
        **other,
    )
    bad, good = found["calculations"]
    assert reason in bad["error"]
    assert (bad["n"], bad["enrol"], bad["steps"]) == (None, None, [])
    assert bad["planned"]["n"] == 100
    assert bad.keys() == good.keys()
    assert (good["n"], found["total"]["enrol"], found["total"]["missing"]) == (177, 177, ["s0"])
    assert found["without"] == ["sens"]
    assert found["together"] is None


def test_a_metric_that_no_formula_describes_says_so(planned: Planned) -> None:
    found = planned(
        "endpoint: sens, method: performance_goal, expected: 0.95",
        "endpoint: share, method: limits_precision, sd: 1, half_width: 0.5",
        "endpoint: limits, method: proportion_precision, expected: 0.5, half_width: 0.1",
        "endpoint: share, method: rmse_precision, sd: 1, half_width: 0.1",
        "endpoint: limits, method: limits_precision, sd: 0, half_width: 0.5",
        replace_metric="metric: sensitivity -> metric: balanced_accuracy",
        method="bootstrap_bca",
    )["calculations"]
    reasons = [one["error"] for one in found]
    assert "not a plain share of units" in reasons[0]
    assert "gives no limits of agreement" in reasons[1]
    assert "not a plain share of units" in reasons[2]
    assert "gives no root mean square error" in reasons[3]
    assert "`sd` must be a number above 0" in reasons[4]


def test_cohorts_add_up_and_one_population_is_the_larger_number(planned: Planned) -> None:
    sens = "endpoint: sens, method: performance_goal, expected: 0.95"
    spec = "endpoint: spec, method: performance_goal, expected: 0.97"
    apart = planned(f"{sens}, planned: 240", f"{spec}, planned: 200")["total"]
    assert (apart["enrol"], apart["enrol_stable"], apart["planned"]) == (231 + 177, 255 + 194, 440)
    mixed = planned(f"{sens}, prevalence: 0.5", f"{spec}, prevalence: 0.5")["total"]
    assert (mixed["enrol"], mixed["planned"]) == (462, None)
    one_said = planned(f"{sens}, prevalence: 0.5", spec)["total"]
    assert one_said["enrol"] == 462 + 177, "who does not say that they are enrolled together gets both"
    assert "give both endpoints a prevalence below 1" in one_said["words"]
    impossible = planned(f"{sens}, prevalence: 0.5", f"{spec}, prevalence: 0.8")["total"]
    assert "add up to more than 1" in impossible["words"]
    shared = planned(
        sens, "endpoint: rms, method: rmse_precision, sd: 2, half_width: 0.1", f"{spec}, dropout: 0.2"
    )
    rms = shared["calculations"][1]["enrol"]
    assert shared["total"]["enrol"] == max(231 + 222, rms)


def test_the_power_of_all_goals_together(planned: Planned) -> None:
    found = planned(
        "endpoint: sens, method: performance_goal, expected: 0.95",
        "endpoint: spec, method: performance_goal, expected: 0.97",
    )
    powers = [one["power"] for one in found["calculations"]]
    together = found["together"]
    assert together["at"] == "needed"
    assert together["at_least"] == pytest.approx(sum(powers) - 1, rel=1e-12)
    assert together["if_independent"] == pytest.approx(powers[0] * powers[1], rel=1e-12)
    assert together["endpoints"] == ["sens", "spec"]


def test_what_a_number_rests_on_is_noted(planned: Planned) -> None:
    found = planned(
        "endpoint: sens, method: performance_goal, expected: 0.95, inconclusive: 0.1",
        more="families:\n  f: {endpoints: [sens, spec], procedure: holm}\n"
        "missing: {primary: complete_case}\n",
    )["calculations"][0]
    assert any("Family `f` (holm" in note for note in found["notes"])


def test_without_a_block_nothing_is_planned(make_study: MakeStudy) -> None:
    found = plan(named.find(str(make_study())).protocol)
    assert found == {"calculations": [], "total": None, "together": None, "without": ["error"]}


def test_results_hold_the_plan(make_study: MakeStudy) -> None:
    """The report prints it; results.json has it word for word, and as JSON."""
    text = ENDPOINTS.replace("LIMIT", "0.9").replace("METHOD", "clopper_pearson").replace("YIELD", "wilson")
    size = "sample_size:\n  s: {endpoint: sens, method: performance_goal, expected: 0.95, planned: 300}\n"
    study = make_study(endpoints=text + size)
    results = run.run(study, workers=1)
    assert results.folder is not None
    written = json.loads((results.folder / "results.json").read_text(encoding="utf-8"))
    assert written["plan"] == json.loads(json.dumps(plan(results.protocol)))
    assert written["plan"]["calculations"][0]["n"] == 231
