"""Categories that a contract makes from numbers: what is refused, and what the resolved protocol says."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from accordance.protocols import describe
from accordance.protocols.canonical import digest
from accordance.protocols.errors import ContractError
from accordance.protocols.load import parse
from accordance.protocols.schema import json_schema

TEXT = """
schema: accordance/protocol/1
id: apnoea
version: "1.0"
title: Apnoea by a wearable
intended_use: Adults
objective: To find moderate apnoea
tables:
  reference:
    key: [subject]
    columns:
      subject: {type: text}
      ahi: {type: number, unit: 1/h, range: [0, 200], missing: allowed}
      severity:
        type: category
        levels: [none, mild, moderate, severe]
        from: {column: ahi, edges: [5, 15, 30]}
  test:
    key: [subject]
    columns:
      subject: {type: text}
      eahi: {type: number, unit: 1/h}
      severity:
        type: category
        levels: [none, mild, moderate, severe]
        from: {column: eahi, edges: [5, 15, 30]}
pairings: {nights: {on: [subject]}}
endpoints:
  sensitivity:
    title: Sensitivity for at least moderate apnoea
    role: secondary
    metric: sensitivity
    average: pooled
    reference: severity
    test: severity
    positive: [moderate, severe]
seed: 1
"""
BANDS = "from: {column: ahi, edges: [5, 15, 30]}"


def test_is_as_often_empty_as_the_number_it_is_made_of() -> None:
    tables = parse(TEXT).tables
    assert tables["reference"].columns["severity"].missing == "allowed"
    assert tables["test"].columns["severity"].missing == "refused"
    assert tables["reference"].read == ("subject", "ahi")


def test_is_described() -> None:
    words = (
        "made of `ahi`: none below 5, mild from 5 to below 15, moderate from 15 to below 30, severe from 30."
    )
    assert describe.made(parse(TEXT))[0] == f"In `reference`, `severity` is {words}"
    assert words in describe.summary(parse(TEXT))


def test_edges_belong_to_the_hash() -> None:
    assert digest(parse(TEXT)) != digest(parse(TEXT.replace("[5, 15, 30]", "[5, 15, 31]", 1)))


@pytest.mark.parametrize(
    ("old", "new", "key", "message"),
    [
        (BANDS, "from: {column: index, edges: [5, 15, 30]}", "from.column", "no column of this name"),
        (BANDS, "from: {column: subject, edges: [5, 15, 30]}", "from.column", "`subject` is `text`"),
        (BANDS, "from: {column: ahi, edges: [5, 30, 15]}", "from.edges", "edges in rising order"),
        (BANDS, "from: {column: ahi, edges: [5, 5, 15]}", "from.edges", "edges in rising order"),
        (BANDS, "from: {column: ahi, edges: []}", "from.edges", "at least one"),
        (BANDS, "from: {column: ahi, edges: [5, 15]}", "levels", "2 edges make 3 bands"),
        (BANDS, f"indeterminate: [none]\n        {BANDS}", "indeterminate", "leave the number empty"),
        (BANDS, "from: {column: ahi, edges: [5, .nan, 30]}", "from.edges", ""),
    ],
)
def test_what_is_refused(old: str, new: str, key: str, message: str) -> None:
    with pytest.raises(ContractError) as caught:
        parse(TEXT.replace(old, new, 1))
    found = {one.key: one.message for one in caught.value.violations}
    place = f"tables.reference.columns.severity.{key}"
    assert place in found or any(name.startswith(place) for name in found if name)
    assert any(message in text for text in found.values())


def test_the_example_of_the_guide_fits_the_language() -> None:
    page = (Path(__file__).parents[2] / "docs" / "guide" / "protocol.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(columns:\n.*?)```", page, re.DOTALL)
    head, tail = TEXT.split("    columns:\n", 1)
    rest = tail[tail.index("  test:") :]
    named = example.replace("columns:\n", "columns:\n  subject: {type: text}\n")
    found = parse(head + textwrap.indent(named, "    ") + rest)
    assert found.tables["reference"].columns == parse(TEXT).tables["reference"].columns


def test_a_key_is_not_made() -> None:
    text = TEXT.replace("    key: [subject]\n", "    key: [subject, severity]\n", 1)
    with pytest.raises(ContractError, match="a key column comes from the data"):
        parse(text)


def test_another_type_is_refused() -> None:
    text = TEXT.replace("type: category\n        levels: [none, mild, moderate, severe]", "type: text", 1)
    with pytest.raises(ContractError, match="bands make a category"):
        parse(text)


def test_editors_know_it() -> None:
    assert '"edges"' in str(json_schema()).replace("'", '"')
