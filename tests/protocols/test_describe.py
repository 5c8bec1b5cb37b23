"""The protocol in plain words."""

from __future__ import annotations

import pytest

from accordance.protocols import describe, describe_parts
from accordance.protocols.load import parse
from accordance.protocols.model import Condition, Protocol


@pytest.fixture(scope="module")
def resolved(base: str) -> Protocol:
    return parse(base)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (Condition(**{"is": ("run",)}), "activity is run"),
        (Condition(**{"is": ("run", "walk", 3)}), "activity is run, walk or 3"),
        (Condition(**{"is": (True,)}), "activity is true"),
        (Condition(is_not=("run",)), "activity is not run"),
        (Condition(is_not=("run", "walk")), "activity is neither run nor walk"),
        (Condition(at_least=1.0, below=2.5), "activity is at least 1 and below 2.5"),
        (Condition(above=0.1, at_most=1e6), "activity is above 0.1 and at most 1000000"),
        (Condition(missing=True), "activity is missing"),
        (Condition(missing=False, above=1.0), "activity is above 1 and is not missing"),
    ],
)
def test_conditions(condition: Condition, words: str) -> None:
    assert describe_parts.condition("activity", condition) == words
    assert describe_parts.condition("test.activity", condition) == words.replace(
        "activity", "activity of the test"
    )


RULES = [
    (
        'compare: lower, operator: ">", limit: 0.9',
        "",
        "Lower bound of the two-sided 95% interval of sensitivity > 0.90",
    ),
    (
        'compare: lower, operator: ">=", limit: 0.925',
        "sides: lower, level: 0.975",
        "Lower bound of the one-sided 97.5% interval of sensitivity >= 0.925",
    ),
    ('compare: point, operator: ">", limit: 1', "", "Sensitivity > 1.00 (point estimate)"),
    (
        "compare: both, operator: within, limit: [0.1, 0.2]",
        "level: 0.9",
        "Two-sided 90% interval of sensitivity within 0.10 to 0.20",
    ),
]


@pytest.mark.parametrize(("rule", "interval", "sentence"), RULES, ids=[rule[2] for rule in RULES])
def test_criterion(base: str, rule: str, interval: str, sentence: str) -> None:
    start, end = base.index("    interval:\n      method: wilson"), base.index("  limit:\n    title")
    text = f"{base[:start]}    interval: {{{interval}}}\n    criterion: {{{rule}}}\n{base[end:]}"
    assert describe.criterion(parse(text).endpoints["sens"]) == sentence


def test_criterion_of_a_measurement(base: str, resolved: Protocol) -> None:
    assert describe.criterion(resolved.endpoints["limit"]) == (
        "Upper bound of the two-sided 95% interval of upper limit of agreement < 10 beats/min"
    )
    assert describe.criterion(resolved.endpoints["share"]) == ""
    text = base.replace(
        'compare: upper\n      operator: "<"\n      limit: 10',
        "compare: point\n      operator: within\n      limit: [-5, 5]",
    )
    assert describe.criterion(parse(text).endpoints["limit"]) == (
        "Upper limit of agreement within -5 to 5 beats/min (point estimate)"
    )


def test_parts(resolved: Protocol) -> None:
    assert describe.pairing(resolved, "by_key") == (
        "A row of reference and a row of test with equal subject and epoch form a pair."
    )
    assert describe.pairing(resolved, "by_time") == (
        "A row of reference and a row of test with equal subject and epoch form a pair if each is the "
        "other's nearest in time and they differ by at most 5 s."
    )
    assert (
        describe.population(resolved, "adults")
        == "Adults. Condition: age is at least 21. Excluded: withdrew."
    )
    assert describe.exclusion(resolved, "artefact") == "Artefact (rows of reference where rate is above 220)."
    assert describe.subgroup(resolved, "age") == "age: age from 18 to below 65, from 65 to below 101."
    assert describe.subgroup(resolved, "running") == "running: activity of the reference is run."
    assert describe.indeterminate(resolved) == (
        "In the view that decides, outputs that are no result are left out; all three views are reported."
    )
    assert describe.resampling(resolved) == (
        "Subjects are resampled with replacement 1,000 times within sex, seed 1."
    )


def test_a_single_band_edge(base: str) -> None:
    protocol = parse(base.replace("bands: [18, 65, 101]", "bands: [65]"))
    assert describe.subgroup(protocol, "age") == "age: age below 65, 65 and above."


def test_endpoint(resolved: Protocol) -> None:
    assert describe.endpoint(resolved, "sens") == [
        "Sensitivity: co-primary endpoint.",
        "Sensitivity of test `ecg` against reference `rhythm`, positive: AF; each pair counts once, "
        "whichever subject it belongs to.",
        "Population: All.",
        "Also for each activity of the reference.",
        "Subgroups: sex, age and running.",
        "Two-sided 95% interval: Wilson score.",
        "Criterion: Lower bound of the two-sided 95% interval of sensitivity > 0.90. Limit: the study's own "
        "limit.",
    ]
    share = describe.endpoint(resolved, "share")
    assert "Parameters: tolerance max(5, 0.1*ref)." in share
    assert "Condition: sex is female." in share
    assert share[-1] == "No acceptance criterion: the result informs and does not decide."


def test_rows_taken_as_independent_are_said(base: str) -> None:
    text = base.replace(
        "method: wilson", "method: wilson\n      cluster: none\n      cluster_rationale: One row each"
    )
    sentences = describe.endpoint(parse(text), "sens")
    assert "Two-sided 95% interval: Wilson score; rows are taken as independent: One row each." in sentences


def test_summary_names_everything(resolved: Protocol) -> None:
    text = describe.summary(resolved)
    for heading in (
        "Pairing",
        "Exclusions",
        "Populations",
        "Outputs that are no result",
        "Endpoints",
        "Subgroups",
        "Resampling",
    ):
        assert f"\n{heading}\n" in text
    for endpoint in resolved.endpoints.values():
        assert endpoint.title in text
    assert "None" not in text
