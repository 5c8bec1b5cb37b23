"""The JSON Schema for editors accepts what the reader accepts and knows the metrics."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ruamel.yaml import YAML

from accordance.evaluators import intervals, registry
from accordance.protocols import library
from accordance.protocols.canonical import canonical_yaml
from accordance.protocols.schema import DIALECT, json_schema


@pytest.fixture(scope="module")
def validator() -> Any:
    jsonschema = pytest.importorskip("jsonschema", reason="no JSON Schema validator is installed")
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def load(text: str) -> Any:
    return json.loads(json.dumps(YAML(typ="safe", pure=True).load(text), default=str))


def errors(validator: Any, text: str) -> list[str]:
    return [".".join(map(str, error.absolute_path)) for error in validator.iter_errors(load(text))]


@pytest.mark.parametrize("name", library.names())
def test_built_in_protocols_are_valid(validator: Any, name: str) -> None:
    assert errors(validator, library.path(name).read_text(encoding="utf-8")) == []
    assert errors(validator, canonical_yaml(library.load(name))) == []


def test_a_file_may_say_only_what_differs(validator: Any) -> None:
    child = "extends: library:afib-ecg\nid: a\nendpoints: {sensitivity: {criterion: {limit: 0.9}}}\n"
    assert errors(validator, child + "requirements: {cohorts: }\n") == []
    assert errors(validator, child + "requirement: {cohorts: }\n") == [""]
    assert errors(validator, child + "variants: {a: {title: A, change: {}}}\n") == ["variants.a"]
    assert "" in errors(validator, child.replace("extends: library:afib-ecg\n", ""))


def test_shorthands_are_valid(validator: Any, base: str) -> None:
    assert errors(validator, base) == []
    for old, new in (
        ("key: [subject]", "key: subject"),
        ('version: "1"', "version: 1.0"),
        ("levels: [good, bad]", "levels: [1, 2, true]"),
        ("where: {sex: female}", "where: {sex: [female, male], age: 30}"),
        ("where: {sex: female}", "where: {sex: {is: female}}"),
        ("tolerance: 5 s", "tolerance: {value: 5, unit: s}"),
        ('"max(5, 10%)"', "5"),
    ):
        assert base.count(old) == 1
        assert errors(validator, base.replace(old, new)) == [], new


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("metric: bland_altman", "metric: bland_altmann", "endpoints.limit.metric"),
        ("truth: varying", "truth: variing", "endpoints.limit.parameters.truth"),
        (
            "{truth: varying}",
            "{truth: varying, agreement_level: 95}",
            "endpoints.limit.parameters.agreement_level",
        ),
        ("{truth: varying}", "{agreement_level: 0.9}", "endpoints.limit.parameters"),
        ("    average: subject_mean\n", "", "endpoints.share"),
        ("average: subject_mean", "average: both", "endpoints.share.average"),
        ("statistic: loa_upper", "statistic: loa", "endpoints.limit.criterion.statistic"),
        ("method: wilson", "method: wilsen", "endpoints.sens.interval.method"),
        ("method: wilson", "methods: {sensitivity: t}", "endpoints.sens.interval.methods.sensitivity"),
        ("tolerance: 5 s", "tolerance: 5", "pairings.by_time.tolerance"),
        ("where: {sex: female}", "where: {sex: {isnt: female}}", "endpoints.share.where"),
        ("seed: 1\n", "seed: -1\n", "seed"),
        ("seed: 1\n", "", ""),
        ("title: Base", "titel: Base", ""),
    ],
)
def test_slips_are_seen(validator: Any, base: str, old: str, new: str, where: str) -> None:
    assert base.count(old) == 1
    assert where in errors(validator, base.replace(old, new))


def test_it_knows_every_metric_and_method() -> None:
    schema = json_schema()
    assert schema["$schema"] == DIALECT
    endpoint = schema["$defs"]["Endpoint"]
    assert endpoint["properties"]["metric"]["enum"] == list(registry.names())
    assert set(intervals.METHODS) < set(schema["$defs"]["IntervalSpec"]["properties"]["method"]["enum"])
    for metric in registry.all_metrics():
        assert f"{metric.name}: {metric.summary}" in endpoint["properties"]["metric"]["description"]
        [rule] = [
            one for one in endpoint["allOf"] if one["if"]["properties"]["metric"]["const"] == metric.name
        ]
        parameters = rule["then"]["properties"]["parameters"]["properties"]
        assert {parameter.name: parameter.doc for parameter in metric.parameters} == {
            name: one["description"] for name, one in parameters.items()
        }


def test_every_key_has_words() -> None:
    """Editors show them; a key without words teaches nothing."""
    schema = json_schema()
    for name, definition in schema["$defs"].items():
        bodies = [definition, *definition.get("anyOf", [])]
        for body in bodies:
            for key, value in body.get("properties", {}).items():
                assert value.get("description") or "$ref" in value or "enum" in value, f"{name}.{key}"
