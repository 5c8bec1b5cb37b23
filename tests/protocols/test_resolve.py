"""What resolving writes out where a protocol is silent."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accordance.datasets.pairs import STRUCTURAL
from accordance.datasets.units import MICROSECONDS
from accordance.protocols.context import BOOKKEEPING, RESERVED_CODES, TIME_UNITS, pair_scope
from accordance.protocols.load import parse
from accordance.protocols.model import Condition, Protocol
from accordance.protocols.resolve import resolve
from accordance.protocols.source import read_yaml, validate


@pytest.fixture(scope="module")
def resolved(base: str) -> Protocol:
    return parse(base)


def test_pairings_name_their_columns(resolved: Protocol) -> None:
    assert resolved.pairings["by_key"].on == ("subject", "epoch")
    assert resolved.pairings["by_time"].on == ("subject", "epoch")


def test_nearest_sets_the_time_aside(base: str) -> None:
    text = base.replace("key: [subject, epoch]", "key: [subject, time]")
    text = text.replace("      epoch: {type: integer}\n", "")
    protocol = parse(text)
    assert protocol.pairings["by_time"].on == ("subject",)
    assert protocol.pairings["by_key"].on == ("subject", "time")


def test_a_key_without_the_subject_still_pairs_within_subjects(base: str) -> None:
    protocol = parse(base.replace("key: [subject, epoch]", "key: [epoch]"))
    assert protocol.pairings["by_key"].on == ("subject", "epoch")


def test_exclusions_of_pairs(base: str) -> None:
    text = base.replace(
        "    table: reference\n    where: {rate: {above: 220}}", "    where: {reference.rate: {above: 220}}"
    )
    assert parse(text).exclusions["artefact"].where == {"reference.rate": Condition(above=220.0)}


def test_an_empty_where_says_nothing(base: str) -> None:
    protocol = parse(base.replace("where: {sex: female}", "where: {}"))
    assert protocol.endpoints["share"].where is None


def test_populations_name_their_exclusions(resolved: Protocol) -> None:
    assert resolved.populations["full"].exclude == ("withdrawn", "artefact")
    assert resolved.populations["adults"].exclude == ("withdrawn",)


def test_exclusions_of_a_population_are_a_set(base: str) -> None:
    text = base.replace("exclude: [withdrawn]", "exclude: [artefact, withdrawn]")
    assert parse(text).populations["adults"].exclude == ("withdrawn", "artefact")


def test_a_population_is_added_where_there_is_none(base: str) -> None:
    start, end = base.index("populations:\n"), base.index("indeterminate:\n")
    text = base[:start] + base[end:].replace("    population: full\n", "").replace(
        "    population: adults\n", ""
    )
    protocol = parse(text)
    assert list(protocol.populations) == ["all"]
    assert protocol.populations["all"].exclude == ("withdrawn", "artefact")
    assert {endpoint.population for endpoint in protocol.endpoints.values()} == {"all"}


def test_the_only_pairing_and_population_need_no_name(base: str) -> None:
    text = base.replace("  by_time:\n    method: nearest\n    tolerance: 5 s\n", "")
    text = text.replace("    pairing: by_key\n", "").replace("    pairing: by_time\n", "")
    assert {endpoint.pairing for endpoint in parse(text).endpoints.values()} == {"by_key"}


def test_columns(resolved: Protocol) -> None:
    limit, share = resolved.endpoints["limit"], resolved.endpoints["share"]
    assert (limit.reference, limit.test) == ("rate", "heart_rate")
    assert (share.reference, share.test) == ("rate", "heart_rate")


def test_parameters(resolved: Protocol) -> None:
    assert resolved.endpoints["limit"].parameters["truth"] == "varying"
    assert resolved.endpoints["limit"].parameters["agreement_level"] == 0.95
    assert resolved.endpoints["kappa"].parameters == {"weighting": "unweighted"}


def test_a_tolerance_has_one_way_to_be_written(base: str, resolved: Protocol) -> None:
    assert resolved.endpoints["share"].parameters == {"tolerance": "max(5, 0.1*ref)"}
    again = parse(base.replace('"max(5, 10%)"', '"max( 5,ref*0.1 )"'))
    assert again.endpoints["share"].parameters["tolerance"] in {"max(5, 0.1*ref)", "max(5, ref*0.1)"}
    assert parse(base.replace('"max(5, 10%)"', "5")).endpoints["share"].parameters == {"tolerance": "5"}


def test_average(resolved: Protocol) -> None:
    assert {name: endpoint.average for name, endpoint in resolved.endpoints.items()} == {
        "sens": "pooled",
        "limit": "pooled",
        "share": "subject_mean",
        "kappa": "pooled",
        "reported": "pooled",
    }


def test_interval_methods(base: str, resolved: Protocol) -> None:
    sens = resolved.endpoints["sens"].interval
    assert (sens.method, sens.methods) == ("wilson", {"sensitivity": "wilson"})
    limit = resolved.endpoints["limit"].interval
    assert limit.methods is not None
    assert set(limit.methods) == {"bias", "sd", "loa_lower", "loa_upper"}
    # `method` is that of the compared statistic.
    assert limit.method == limit.methods["loa_upper"] == "mover"
    chosen = (
        parse(
            base.replace(
                "{truth: varying}\n",
                "{truth: varying}\n    interval: {method: bootstrap_bca, methods: {bias: t}}\n",
            )
        )
        .endpoints["limit"]
        .interval.methods
    )
    assert chosen == {
        "bias": "t",
        "sd": "bootstrap_bca",
        "loa_lower": "bootstrap_bca",
        "loa_upper": "bootstrap_bca",
    }


def test_a_method_goes_to_the_statistics_that_offer_it(base: str) -> None:
    text = base.replace("{truth: varying}\n", "{truth: varying}\n    interval: {method: mover}\n")
    methods = parse(text).endpoints["limit"].interval.methods
    assert methods is not None
    assert methods["loa_upper"] == "mover"
    assert methods["bias"] != "mover"


def test_criteria(resolved: Protocol) -> None:
    sens, limit = resolved.endpoints["sens"].criterion, resolved.endpoints["limit"].criterion
    assert sens is not None
    assert limit is not None
    assert (sens.statistic, sens.unit, sens.tier) == ("sensitivity", "proportion", "study")
    assert (limit.statistic, limit.unit) == ("loa_upper", "beats/min")


def test_subgroups_of_deciding_endpoints(resolved: Protocol) -> None:
    assert resolved.endpoints["sens"].subgroups == ("sex", "age", "running")
    assert resolved.endpoints["share"].subgroups == ("age",)
    assert resolved.endpoints["kappa"].subgroups == ()


def test_positive_of_true_or_false_columns(base: str) -> None:
    text = base.replace("rhythm: {type: category, levels: [AF, SR]}", "rhythm: {type: boolean}")
    text = text.replace(
        "ecg: {type: category, levels: [AF, SR, poor], indeterminate: [poor]}", "ecg: {type: boolean}"
    )
    text = text.replace("    positive: [AF]\n", "")
    start, end = text.index("  reported:\n"), text.index("subgroups:\n  sex")
    assert parse(text[:start] + text[end:]).endpoints["sens"].positive == ("true",)


def test_values_take_the_type_of_their_column(base: str) -> None:
    where = "where: {sex: female, site: [007, 7, 1.50, true], bmi: 25, age: [30, 40.0], pregnant: false}"
    found = parse(base.replace("where: {sex: female}", where)).endpoints["share"].where
    assert found is not None
    values = {name: condition.is_ for name, condition in found.items()}
    assert values == {
        "sex": ("female",),
        "site": ("007", "7", "1.50", "true"),
        "bmi": (25.0,),
        "age": (30, 40),
        "pregnant": (False,),
    }
    assert [type(value) for value in values["age"] or ()] == [int, int]
    assert [type(value) for value in values["bmi"] or ()] == [float]


def test_values_made_in_python(base: str) -> None:
    protocol = validate(Protocol, read_yaml(base))
    where = {"site": Condition(**{"is": (7,)})}
    endpoints = {
        **protocol.endpoints,
        "share": protocol.endpoints["share"].model_copy(update={"where": where}),
    }
    found = resolve(protocol.model_copy(update={"endpoints": endpoints})).endpoints["share"].where
    assert found == {"site": Condition(**{"is": ("7",)})}


def test_columns_of_pairs(resolved: Protocol) -> None:
    scope = pair_scope(resolved, resolved.pairings["by_key"])
    assert {"subject", "epoch", "sex", "reference.rate", "reference.time", "test.ecg"} <= set(scope)
    assert not {"rate", "reference.epoch", "test.subject", "reference.subject"} & set(scope)


def test_a_subject_column_of_another_name(base: str) -> None:
    text = base.replace("      subject: {type: text}", "      patient: {type: text}")
    text = text.replace("key: [subject", "subject: patient\n    key: [patient")
    protocol = parse(text)
    assert protocol.pairings["by_key"].on == ("patient", "epoch")
    scope = pair_scope(protocol, protocol.pairings["by_key"])
    assert "subject" in scope
    assert "patient" not in scope


def test_names_agree_with_the_rooms_that_use_them() -> None:
    assert set(STRUCTURAL) == RESERVED_CODES
    assert tuple(MICROSECONDS) == TIME_UNITS
    assert set(BOOKKEEPING) >= {"status", "reason", "reasons", "reference_row", "test_row", "row"}


OPTIONAL = {
    "by": "    by: [reference.activity]\n",
    "method": "    interval:\n      method: wilson\n",
    "view": "    positive: [AF]\n",
    "where": "    where: {sex: female}\n",
    "subgroups": "    subgroups: [age]\n",
    "exclude": "    exclude: [withdrawn]\n",
    "strata": ", strata: [sex]",
    "conversions": "conversions:\n  - {from: 1/s, to: beats/min, factor: 60}\n",
    "statistic": "      statistic: loa_upper\n",
}


@settings(deadline=None, max_examples=40)
@given(
    removed=st.sets(st.sampled_from(sorted(set(OPTIONAL) - {"view"}))),
    level=st.floats(0.51, 0.999),
    limit=st.floats(0, 1),
    sides=st.sampled_from(["two", "lower"]),
    seed=st.integers(0, 2**63),
)
def test_resolving_twice_changes_nothing(
    base: str, removed: set[str], level: float, limit: float, sides: str, seed: int
) -> None:
    text = base
    for name in removed:
        text = text.replace(OPTIONAL[name], "")
    text = text.replace("limit: 0.9", f"limit: {limit!r}").replace("seed: 1\n", f"seed: {seed}\n")
    text = text.replace(
        "    criterion:\n      compare: lower",
        f"    criterion:\n      compare: lower\n      tier: {'primary'}",
    )
    if "method" in removed:
        text = text.replace(
            "    positive: [AF]\n",
            f"    positive: [AF]\n    interval: {{level: {level!r}, sides: {sides}}}\n",
        )
    once = parse(text)
    assert resolve(once) == once
