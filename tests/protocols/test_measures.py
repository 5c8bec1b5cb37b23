"""Measures as columns of a protocol: what is refused, what is written out, and what is said of them."""

from __future__ import annotations

import pytest

from accordance.protocols import describe
from accordance.protocols.errors import ContractError
from accordance.protocols.load import parse
from accordance.protocols.schema import json_schema

TEXT = """
schema: accordance/protocol/1
id: variability
version: "1.0"
title: Variability by a wearable
intended_use: Adults
objective: Agreement of RMSSD
tables:
  ecg:
    key: [subject, time]
    time: time
    duration: rr
    stamp: end
    columns:
      subject: {type: text}
      time: {type: number, unit: s}
      rr: {type: number, unit: ms, range: [0, 10000]}
      rmssd: {type: number, measure: {name: rmssd, of: rr}}
  ppg:
    key: [subject, time]
    time: time
    duration: rr
    stamp: end
    columns:
      subject: {type: text}
      time: {type: number, unit: s}
      rr: {type: number, unit: ms, range: [0, 10000]}
      rmssd: {type: number, measure: {name: rmssd, of: rr}}
pairings:
  windows: {method: windows, reference: ecg, test: ppg, unit: {length: 5 min}}
endpoints:
  error:
    title: Error of RMSSD
    role: secondary
    metric: bland_altman
    parameters: {truth: varying}
    reference: rmssd
    test: rmssd
seed: 1
"""
MEASURE = "measure: {name: rmssd, of: rr}"


def problems(text: str) -> list[tuple[str | None, str, str | None]]:
    with pytest.raises(ContractError) as error:
        parse(text)
    return [(one.key, one.message, one.suggestion) for one in error.value.violations]


def test_unit_parameters_and_emptiness_are_written_out() -> None:
    column = parse(TEXT).tables["ecg"].columns["rmssd"]
    assert (column.unit, column.missing) == ("ms", "allowed")
    assert column.measure is not None
    assert column.measure.parameters == {
        "lowest": 300.0, "highest": 2000.0, "largest_gap": 100.0,
    }  # fmt: skip


def test_is_said_in_words() -> None:
    words = describe.made(parse(TEXT))[0]
    assert words.startswith("In `ecg`, `rmssd` is RMSSD of `rr`, unit of time by unit of time: square root")
    assert words.endswith("(lowest 300; highest 2000; largest gap 100).")


def test_the_schema_knows_it() -> None:
    assert "measure" in json_schema()["$defs"]["Column"]["properties"]


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        (MEASURE, "measure: {name: rmsd, of: rr}", "measure.name", "no measure of this name"),
        (MEASURE, "measure: {name: rmssd, of: r}", "measure.of", "no column of this name"),
        (MEASURE, "measure: {name: rmssd, of: time}", "measure.of", "a value column that the data bring"),
        ("type: number, measure", "type: integer, measure", "rmssd", "a measure is a number"),
        ("type: number, measure", "type: number, unit: s, measure", "unit", "RMSSD is in `ms`"),
        (MEASURE, MEASURE.replace("rr}", "rr, classes: {a: b}}"), "classes", "only categories have classes"),
        (MEASURE, MEASURE.replace("rr}", "rr, parameters: {low: 1}}"), "low", "no such parameter"),
        (MEASURE, MEASURE.replace("rr}", "rr, parameters: {lowest: -1}}"), "lowest", "at least 0"),
    ],
)  # fmt: skip
def test_what_cannot_be(old: str, new: str, key: str, words: str) -> None:
    found = problems(TEXT.replace(old, new))
    assert any(str(one[0]).endswith(key) and words in one[1] for one in found), found


def test_needs_units_of_time() -> None:
    text = TEXT.replace("{method: windows, reference", "{method: nearest, tolerance: 1 s, reference").replace(
        ", unit: {length: 5 min}", ""
    )
    found = problems(text)
    assert {one[0] for one in found} == {"endpoints.error.reference", "endpoints.error.test"}
    assert all("pair by `windows`, `epochs` or `sessions`" in one[1] for one in found)


def test_needs_to_know_how_long_a_row_lasts() -> None:
    text = TEXT.replace("    duration: rr\n    stamp: end\n", "").replace(
        "unit: {length: 5 min}",
        "unit: {length: 5 min, reference: {min_coverage: 0}, test: {min_coverage: 0}}",
    )
    assert any("`interval` or `duration`" in one[1] for one in problems(text))


def test_a_rule_for_rows_cannot_speak_of_it() -> None:
    rule = "exclusions:\n  noisy: {title: Noisy, table: ecg, where: {rmssd: {above: 100}}}\n"
    assert any(one[0] == "exclusions.noisy.where.rmssd" for one in problems(TEXT + rule))
