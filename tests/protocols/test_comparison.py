"""The comparison of versions: each inconsistency is said where it stands; old protocols keep their hash."""

from __future__ import annotations

import json

import pytest

from accordance.protocols import describe, describe_comparison, library
from accordance.protocols.canonical import canonical, canonical_yaml, digest, endpoint_digest
from accordance.protocols.errors import ContractError, Violation
from accordance.protocols.load import parse
from accordance.protocols.schema import json_schema

BASE = """\
schema: accordance/protocol/1
id: versions
version: "1"
title: Versions
intended_use: Tests.
objective: To compare versions.
tables:
  reference: &table
    key: [subject, epoch]
    columns:
      subject: {type: text}
      epoch: {type: integer}
      rate: {type: number, unit: 1/min}
      rhythm: {type: category, levels: [AF, SR]}
  test:
    key: [subject, epoch]
    columns:
      subject: {type: text}
      epoch: {type: integer}
      rate: {type: number, unit: 1/min}
      rhythm: {type: category, levels: [AF, SR, unclear], indeterminate: [unclear]}
pairings: {epochs: {}}
indeterminate: {primary_view: classifiable_only}
seed: 1
endpoints:
  mae: {title: Error, role: secondary, metric: mae, average: pooled, reference: rate, test: rate}
  agreement: {title: Agreement, role: secondary, metric: bland_altman, parameters: {truth: constant},
              reference: rate, test: rate,
              criterion: {statistic: bias, compare: both, operator: within, limit: [-5, 5], unit: 1/min}}
  sensitivity: {title: Sensitivity, role: secondary, metric: sensitivity, average: pooled,
                reference: rhythm, test: rhythm, positive: [AF]}
  share: {title: Prevalence, role: secondary, metric: prevalence, average: pooled,
          reference: rhythm, test: rhythm, positive: [AF]}
  kappa: {title: Kappa, role: secondary, metric: cohen_kappa, average: pooled,
          reference: rhythm, test: rhythm}
""".replace(" &table", "")


def violations(section: str) -> tuple[Violation, ...]:
    with pytest.raises(ContractError) as refused:
        parse(BASE + section)
    return refused.value.violations


WRONG = {
    "unknown endpoint": ("{mea: {}}", "mea", "there is no endpoint of this name", "mae"),
    "unknown statistic": (
        "{mae: {statistic: mse}}",
        "mae.statistic",
        "there is no statistic of `mae`",
        "mae",
    ),
    "no direction": ("{share: {}}", "share.statistic", "has no direction", None),
    "margin of nothing": ("{mae: {margin: 0}}", "mae.margin", "above 0", None),
    "margin below zero": ("{mae: {margin: -1.5}}", "mae.margin", "above 0", "1.5"),
    "margin in percent": (
        "{sensitivity: {margin: 2}}",
        "sensitivity.margin",
        "a proportion from 0 to 1",
        "0.02",
    ),
    "ratio as a difference": ("{mae: {scale: ratio, margin: 0.8}}", "mae.margin", "a ratio above 1", "1.25"),
    "ratio of a bias": (
        "{agreement: {scale: ratio}}",
        "agreement.scale",
        "can be 0 or negative",
        "difference",
    ),
    "ratio of kappa": ("{kappa: {scale: ratio}}", "kappa.scale", "can be 0 or negative", "difference"),
    "nothing decides": ("{mae: {role: secondary}}", "", "no endpoint is `primary`", None),
    "no endpoint": ("{}", "", "expected at least one endpoint", None),
    "unknown role": ("{mae: {role: main}}", "mae.role", "expected one of `primary`, `secondary`", None),
    "unknown key": ("{mae: {margn: 1}}", "mae.margn", "unknown key", "margin"),
}


@pytest.mark.parametrize(("endpoints", "key", "message", "hint"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_where_it_stands(
    endpoints: str, key: str, message: str, hint: str | None
) -> None:
    (found,) = violations(f"comparison:\n  endpoints: {endpoints}\n")
    assert found.key == "comparison.endpoints" + (f".{key}" if key else "")
    assert message in found.message
    assert found.suggestion == hint
    assert found.line == BASE.count("\n") + 2


def test_keys_of_the_section() -> None:
    found = violations("comparison:\n  level: 95\n  multiplcity: holm\n  endpoints: {mae: {}}\n")
    assert [one.key for one in found] == ["comparison.level", "comparison.multiplcity"]
    assert found[1].suggestion == "multiplicity"


def test_an_endpoint_that_does_not_hold_is_said_once() -> None:
    broken = BASE.replace("metric: mae", "metric: mea")
    with pytest.raises(ContractError) as refused:
        parse(broken + "comparison:\n  endpoints: {mae: {margin: 1}}\n")
    assert [one.key for one in refused.value.violations] == ["endpoints.mae.metric"]


def test_defaults_are_written_out() -> None:
    section = parse(
        BASE + "comparison:\n  endpoints: "
        "{agreement: {margin: 1}, coverage_epochs_rate: {}, yield: {role: secondary}}\n"
    ).comparison
    assert section is not None
    assert {name: one.statistic for name, one in section.endpoints.items()} == {
        "agreement": "bias", "coverage_epochs_rate": "coverage", "yield": "yield",
    }  # fmt: skip
    assert (section.level, section.multiplicity) == (0.95, "max_t")
    assert section.primary == ("agreement", "coverage_epochs_rate")


def test_a_section_changes_the_protocols_hash_and_no_endpoints() -> None:
    without, with_ = parse(BASE), parse(BASE + "comparison:\n  endpoints: {mae: {margin: 1}}\n")
    assert digest(without) != digest(with_)
    assert endpoint_digest(without, "mae") == endpoint_digest(with_, "mae")
    assert "comparison" not in json.loads(canonical(without))
    assert json.loads(canonical(with_))["comparison"]["endpoints"]["mae"] == {
        "margin": 1.0, "role": "primary", "scale": "difference", "statistic": "mae",
    }  # fmt: skip
    assert digest(parse(canonical_yaml(with_))) == digest(with_)


def test_the_section_in_words() -> None:
    section = (
        "comparison:\n  multiplicity: holm\n  endpoints: "
        "{mae: {scale: ratio, margin: 1.1}, agreement: {}, sensitivity: {margin: 0.05, role: secondary}}\n"
    )
    protocol = parse(BASE + section)
    told = describe_comparison.comparison(protocol)
    assert (
        told[1] == "Primary: mean absolute error (mae) as a ratio, margin 1.1; bias (agreement), no margin."
    )
    assert told[2] == "Secondary: sensitivity (sensitivity), margin 0.05."
    assert told[3] == "Without a margin only superiority can be shown: agreement."
    assert "Comparison of versions" in describe.summary(protocol)
    assert describe_comparison.comparison(library.load("heart-rate")) == []


def test_the_section_is_in_the_schema() -> None:
    definitions = json_schema()["$defs"]
    assert set(definitions["ComparedEndpoint"]["properties"]) == {"margin", "statistic", "scale", "role"}
    assert set(definitions["VersionComparison"]["properties"]) == {
        "title",
        "level",
        "multiplicity",
        "endpoints",
    }
