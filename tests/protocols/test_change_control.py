"""Change control in the protocol: what is wrong is said where it stands; old protocols keep their hash."""

from __future__ import annotations

import json

import pytest

from accordance.protocols import describe, describe_change_control, library
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
objective: To control changes.
tables:
  reference:
    key: [subject, epoch]
    columns: {subject: {type: text}, epoch: {type: integer}, rate: {type: number, unit: 1/min}}
  test:
    key: [subject, epoch]
    columns: {subject: {type: text}, epoch: {type: integer}, rate: {type: number, unit: 1/min}}
pairings: {epochs: {}}
seed: 1
endpoints:
  mae: {title: Error, role: secondary, metric: mae, average: pooled,
        criterion: {compare: upper, operator: "<", limit: 10, unit: 1/min}}
  median: {title: Median error, role: secondary, metric: median_absolute_error, average: pooled}
"""
COMPARISON = """\
comparison:
  endpoints: {mae: {margin: 1.0}, median: {}, coverage: {margin: 0.02, role: secondary}}
"""
SECTION = """\
change_control:
  modifications:
    retrain:
      title: Training on more data
      description: More recordings of the same devices.
      changes: Weights only.
      data: Sites 1 to 9; subjects of site 10 are sequestered.
      verification: Unit tests.
      rollout: In steps of a tenth.
      endpoints: [mae]
      comparison: {mae: superior, coverage: non_inferior}
"""
WHOLE = BASE + COMPARISON + SECTION
RETRAIN = "change_control.modifications.retrain"


def violations(text: str) -> tuple[Violation, ...]:
    with pytest.raises(ContractError) as refused:
        parse(text)
    return refused.value.violations


def line_of(text: str, part: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), start=1) if part in line)


WRONG = {
    "unknown endpoint": ("[mae]", "[maee]", "endpoints[0]", "there is no endpoint of this name", "mae"),
    "no criterion": (
        "[mae]",
        "[median]",
        "endpoints[0]",
        "no criterion that could be met; with one: `mae`",
        None,
    ),
    "automatic": ("[mae]", "[coverage]", "endpoints[0]", "no criterion that could be met", None),
    "named twice": ("[mae]", "[mae, mae]", "endpoints[1]", "named already", None),
    "no such comparison": (
        "mae: superior",
        "maee: superior",
        "comparison.maee",
        "there is no compared endpoint of this name; accepted: `mae`, `median`, `coverage`",
        "mae",
    ),
    "no margin": (
        "mae: superior",
        "median: non_inferior",
        "comparison.median",
        "non-inferiority needs a margin",
        "superior",
    ),
    "unknown decision": (
        "mae: superior",
        "mae: superb",
        "comparison.mae",
        "expected one of `non_inferior`, `superior`",
        "superior",
    ),
    "blank text": ("rollout: In steps of a tenth.", 'rollout: " "', "rollout", "this text is blank", None),
}


@pytest.mark.parametrize(("old", "new", "key", "message", "hint"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_where_it_stands(
    old: str, new: str, key: str, message: str, hint: str | None
) -> None:
    assert SECTION.count(old) == 1
    text = BASE + COMPARISON + SECTION.replace(old, new)
    (found,) = violations(text)
    assert found.key == f"{RETRAIN}.{key}"
    assert message in found.message
    assert found.suggestion == hint
    assert found.line == line_of(text, new)


@pytest.mark.parametrize("key", ["title", "description", "changes", "data", "verification", "rollout"])
def test_every_text_is_asked_for(key: str) -> None:
    lines = [line for line in WHOLE.splitlines(keepends=True) if not line.startswith(f"      {key}:")]
    (found,) = violations("".join(lines))
    assert found.key in {RETRAIN, f"{RETRAIN}.{key}"}
    assert key in f"{found.key} {found.message}"


def test_a_modification_needs_criteria() -> None:
    text = "".join(
        line
        for line in WHOLE.splitlines(keepends=True)
        if not line.startswith(("      endpoints:", "      comparison:"))
    )
    (found,) = violations(text)
    assert found.key == RETRAIN
    assert "would be permitted whatever it does" in found.message
    assert found.line == line_of(text, "    retrain:")


def test_an_identifier_stands_once() -> None:
    again = SECTION.split("modifications:\n")[1]
    found = violations(WHOLE + again)
    assert any("retrain" in f"{one.key} {one.found} {one.message}" for one in found)
    assert found[0].line == line_of(WHOLE, "    retrain:") + again.count("\n")


def test_nothing_is_permitted() -> None:
    (found,) = violations(BASE + COMPARISON + "change_control: {modifications: {}}\n")
    assert (found.key, found.message) == (
        "change_control.modifications",
        "expected at least one permitted modification",
    )


def test_a_comparison_without_the_section() -> None:
    (found,) = violations(BASE + SECTION)
    assert found.key == f"{RETRAIN}.comparison"
    assert "declares no `comparison`" in found.message


def test_all_problems_at_once() -> None:
    text = BASE + COMPARISON + SECTION.replace("[mae]", "[maee]").replace("mae: superior", "maee: superior")
    assert [one.key for one in violations(text)] == [f"{RETRAIN}.endpoints[0]", f"{RETRAIN}.comparison.maee"]


def test_silence_keeps_the_hash_and_the_section_changes_it() -> None:
    without, with_section = parse(BASE + COMPARISON), parse(WHOLE)
    assert "change_control" not in json.loads(canonical(without))
    assert digest(without) != digest(with_section)
    assert endpoint_digest(without, "mae") == endpoint_digest(with_section, "mae")
    assert all("change_control" not in canonical(library.load(name)) for name in library.names())


def test_it_reads_back_the_same() -> None:
    protocol = parse(WHOLE)
    assert parse(canonical_yaml(protocol)) == protocol
    assert type(protocol).model_validate_json(canonical(protocol)).change_control == protocol.change_control


def test_the_schema_knows_it() -> None:
    definitions = json_schema()["$defs"]
    (decisions,) = definitions["Modification"]["properties"]["comparison"]["patternProperties"].values()
    assert decisions["enum"] == ["non_inferior", "superior"]
    assert set(definitions["Modification"]["required"]) == {
        "title", "description", "changes", "data", "verification", "rollout",
    }  # fmt: skip


def test_described_in_words() -> None:
    told = describe_change_control.change_control(parse(WHOLE))
    assert told[1] == (
        "retrain, training on more data: to be met is Error (mae); against the baseline superior on mae and "
        "non-inferior on coverage."
    )
    assert told[-1] == describe_change_control.RULE
    assert describe_change_control.change_control(parse(BASE)) == []
    assert told[1] in describe.summary(parse(WHOLE))
