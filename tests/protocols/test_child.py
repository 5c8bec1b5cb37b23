"""A protocol begun from another: it changes nothing, and its comments cannot be switched on unfilled."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from accordance.protocols.child import child_text
from accordance.protocols.derive import changes
from accordance.protocols.errors import ContractError
from accordance.protocols.load import load
from accordance.protocols.model import Protocol

PARENT = """\
schema: accordance/protocol/1
id: parent
version: "1"
title: "A parent: with a colon"
intended_use: Tests.
objective: Tests.
tables:
  subjects:
    key: [subject]
    columns:
      subject: {type: text}
      age: {type: integer, range: [18, 120]}
  reference: &side
    key: [subject]
    columns:
      subject: {type: text}
      rhythm: {type: category, levels: [AF, SR]}
      rate: {type: number, unit: 1/min}
  test:
    key: [subject]
    columns:
      subject: {type: text}
      rhythm: {type: category, levels: [AF, SR]}
      rate: {type: number, unit: 1/min}
pairings: {all: {method: key}}
endpoints:
  sens:
    title: Sensitivity
    role: co_primary
    metric: sensitivity
    average: pooled
    reference: rhythm
    test: rhythm
    positive: [AF]
    interval: {method: clopper_pearson}
    criterion:
      {compare: lower, operator: ">", limit: required, suggestion: 0.9, tier: unverified, source: Memory.}
  spec:
    title: Specificity
    role: co_primary
    metric: specificity
    average: pooled
    reference: rhythm
    test: rhythm
    positive: [AF]
    interval: {method: clopper_pearson}
    criterion: {compare: lower, operator: ">", limit: 0.92, tier: unverified}
  agree:
    title: Agreement
    role: secondary
    metric: bland_altman
    parameters: {truth: independent}
    reference: rate
    test: rate
    criteria:
      all_of:
        - {statistic: bias, compare: point, operator: within, limit: [-5, 5], tier: primary}
        - {statistic: sd, compare: point, operator: "<", limit: required, suggestion: 8}
requirements:
  n: {count: subjects, at_least: required}
  old: {share: subjects, where: {age: {at_least: 65}}, at_least: 0.2, tier: unverified}
  fine: {count: subjects, at_least: 3}
seed: 1
"""


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    file = tmp_path / "parent.yaml"
    file.write_text(PARENT.replace(" &side", ""), encoding="utf-8")
    return file


def child(parent: Path) -> tuple[Protocol, str]:
    loaded = load(parent)
    return loaded, child_text(loaded, extends=parent.name, identifier="mine")


def test_it_says_what_its_parent_says(parent: Path) -> None:
    loaded, text = child(parent)
    file = parent.with_name("child.yaml")
    file.write_text(text, encoding="utf-8")
    found = load(file)
    assert (found.id, found.title) == ("mine", "A parent: with a colon")
    assert found.derived_from is not None
    assert found.derived_from.changes == changes(loaded, found) == ()


def test_a_comment_for_each_open_number_and_each_limit_from_memory(parent: Path) -> None:
    _, text = child(parent)
    notes = [line for line in text.splitlines() if line.startswith("#   ")]
    assert [line.strip("# ").split(":")[0].split(",")[0] for line in notes] == [
        "sens", "spec", "agree", "agree", "n", "old",
    ]  # fmt: skip
    assert "suggestion 0.9 (Memory)" in notes[0]
    assert "from memory" in notes[1]
    assert "sd: required" in notes[2]


def uncommented(text: str, only: str) -> str:
    """The text with one line of its comments switched on, under its block."""
    block = "endpoints" if f"#   {only}" in text.partition("# requirements:")[0] else "requirements"
    line = next(line for line in text.splitlines() if line.startswith(f"#   {only}: {{"))
    head = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    return f"{head}\n{block}:\n  {line.removeprefix('#   ')}\n"


@pytest.mark.parametrize("name", ["sens", "spec", "n", "old"])
def test_a_line_switched_on_without_being_filled_in_is_refused(name: str, parent: Path) -> None:
    _, text = child(parent)
    file = parent.with_name("child.yaml")
    file.write_text(uncommented(text, name), encoding="utf-8")
    with pytest.raises(ContractError):
        load(file)


def test_lines_that_are_filled_in_settle_the_limits(parent: Path) -> None:
    _, text = child(parent)
    file = parent.with_name("child.yaml")
    filled = {
        "sens": lambda line: line.replace("limit: ,", "limit: 0.91,"),
        "spec": lambda line: line.replace("by: , clause: ", "by: A. Reader, clause: Rule 1"),
        "agree": lambda line: line.replace('"limit": "required", "suggestion": 8.0', '"limit": 7.5'),
        "n": lambda line: line.replace("at_least: ", "at_least: 50"),
        "old": lambda line: re.sub(r"tier: TIER, source: ", "tier: primary, source: Rule 2", line),
    }
    found = {}
    for name, fill in filled.items():
        file.write_text(fill(uncommented(text, name)), encoding="utf-8")
        found[name] = load(file)
    sens, spec = found["sens"].endpoints["sens"].judged[0], found["spec"].endpoints["spec"].judged[0]
    assert (sens.limit, sens.suggestion, sens.trusted) == (0.91, None, True)
    assert spec.trusted
    bias, sd = found["agree"].endpoints["agree"].judged
    assert (sd.limit, bias.tier, bias.limit) == (7.5, "primary", (-5.0, 5.0))
    assert found["n"].requirements["n"].at_least == 50
    assert found["old"].requirements["old"].tier == "primary"
