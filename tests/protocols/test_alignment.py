"""What a protocol may say about clocks, and what each mistake is told."""

from __future__ import annotations

import pytest

from accordance.protocols import load
from accordance.protocols.errors import ContractError
from accordance.protocols.model import Protocol

TEXT = """\
schema: accordance/protocol/1
id: clocks
version: "1"
title: Clocks
intended_use: Rest.
objective: To hold clocks against each other.
tables:
  reference:
    key: [subject, time]
    time: time
    columns:
      subject: {type: text}
      time: {type: datetime}
      rate: {type: number, unit: 1/min}
      mark: {type: category, levels: [none, tap]}
  test:
    key: [subject, time]
    time: time
    columns:
      subject: {type: text}
      time: {type: datetime}
      rate: {type: number, unit: 1/min}
      mark: {type: category, levels: [none, tap]}
pairings:
  main:
    method: nearest
    on: [subject]
    tolerance: 2 s
    alignment: {reference: rate, test: rate, search: 2 min, drift: linear, apply: true}
endpoints:
  bias: {title: Bias, role: secondary, metric: mape, average: pooled, reference: rate, test: rate}
seed: 1
"""
RULE = "{reference: rate, test: rate, search: 2 min, drift: linear, apply: true}"


def parsed(rule: str = RULE, **replaced: str) -> Protocol:
    text = TEXT.replace(RULE, rule)
    for old, new in replaced.items():
        text = text.replace(old.replace("_", " "), new)
    return load.parse(text, "clocks.yaml")


def problems(text: str) -> list[str]:
    with pytest.raises(ContractError) as caught:
        load.parse(text, "clocks.yaml")
    return [f"{one.key}: {one.message}" for one in caught.value.violations]


def test_defaults_are_written_out() -> None:
    rule = parsed().pairings["main"].alignment
    assert rule is not None
    assert str(rule.step) == "1 s" and rule.unresolved == "as_is" and rule.tipping is None
    events = parsed("{by: events, reference: mark, test: mark, events: [tap], search: 60 s}")
    rule = events.pairings["main"].alignment
    assert rule is not None and rule.step is None and rule.events == ("tap",)


@pytest.mark.parametrize(
    ("rule", "key", "words"),
    [
        ("{reference: rte, test: rate, search: 2 min}", "reference", "no column of this name"),
        ("{reference: mark, test: rate, search: 2 min}", "reference", "signals are numbers"),
        ("{reference: rate, test: rate, search: 0 s}", "search", "longer than zero"),
        ("{reference: rate, test: rate, search: -5 s}", "search", "longer than zero"),
        ("{reference: rate, test: rate, search: 5 beats}", "search", "unit of time"),
        ("{reference: rate, test: rate, search: 5 s, step: 5 s}", "step", "shorter than the search"),
        ("{reference: rate, test: rate, search: 0.5 s}", "search", "shorter than the search"),
        ("{reference: rate, test: rate, search: 10 d, step: 1 s}", "step", "offsets"),
        ("{reference: rate, test: rate, search: 5 s, events: [tap]}", "events", "by: events"),
        ("{by: events, reference: mark, test: mark, search: 5 s}", "alignment", "needs the levels"),
        ("{by: events, reference: mark, test: mark, events: [tp], search: 5 s}", "events", "tap"),
        ("{by: events, reference: rate, test: mark, events: [tap], search: 5 s}", "reference", "category"),
        (
            "{by: events, reference: mark, test: mark, events: [tap], search: 5 s, step: 1 s}",
            "step",
            "by: signals",
        ),
        (
            "{reference: rate, test: rate, search: 5 s, tipping: {up_to: 2 s, step: 3 s}}",
            "tipping.step",
            "no longer than",
        ),
        (
            "{reference: rate, test: rate, search: 5 s, tipping: {up_to: 1 h, step: 1 s}}",
            "tipping.step",
            "at most 200",
        ),
        (
            "{reference: rate, test: rate, search: 5 s, tipping: {up_to: 2 m, step: 1 s}}",
            "tipping.up_to",
            "unit of time",
        ),
    ],
)
def test_one_mistake_one_answer(rule: str, key: str, words: str) -> None:
    found = problems(TEXT.replace(RULE, rule))
    assert any(key in one.split(": ")[0] and words in one for one in found), found
    # reference and test are judged alike where both are wrong
    assert len(found) == 1 or (len(found) == 2 and "tp" in rule), found


def test_all_mistakes_at_once() -> None:
    rule = "{reference: rte, test: mark, search: 0 s, step: 1 beat, tipping: {up_to: 0 s, step: 1 s}}"
    assert len(problems(TEXT.replace(RULE, rule))) == 5


def test_tables_without_times() -> None:
    found = problems(TEXT.replace("    time: time\n", ""))
    assert sum("names none" in one and ".alignment." in one for one in found) == 2


def test_times_in_samples_are_no_clock() -> None:
    text = TEXT.replace("time: {type: datetime}", "time: {type: number, unit: sample}")
    found = problems(text.replace("tolerance: 2 s", "tolerance: 2 sample"))
    assert len(found) == 2 and all("unit of time" in one for one in found)


def test_dates_against_numbers() -> None:
    text = TEXT.replace("time: {type: datetime}", "time: {type: number, unit: s}", 1)
    assert any("cannot be compared" in one for one in problems(text))


def test_equal_keys_do_not_move() -> None:
    text = TEXT.replace("method: nearest", "method: key").replace("    on: [subject]\n", "")
    found = problems(text.replace("    tolerance: 2 s\n", ""))
    assert len(found) == 1 and "do not move" in found[0]
    report_only = text.replace("    tolerance: 2 s\n", "").replace(", apply: true", "")
    assert load.parse(report_only, "clocks.yaml").pairings["main"].alignment is not None


def test_the_original_times_need_their_name() -> None:
    text = TEXT.replace(
        "      mark: {type: category, levels: [none, tap]}\npairings",
        "      mark: {type: category, levels: [none, tap]}\n      time_as_read: {type: datetime}\npairings",
    )
    found = problems(text)
    assert len(found) == 1 and "time_as_read" in found[0]
