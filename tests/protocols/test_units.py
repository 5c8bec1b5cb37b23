"""Streams in the language: time that rows stand for, units of time; each slip is one violation."""

from __future__ import annotations

import pytest

from accordance.protocols import describe
from accordance.protocols.canonical import canonical_yaml, digest
from accordance.protocols.context import pair_scope
from accordance.protocols.errors import ContractError, Violation
from accordance.protocols.load import parse
from accordance.protocols.model import Protocol
from accordance.protocols.resolve import resolve

METHOD = "    method: windows\n    unit: {length: 30 s, test: {numbers: median, min_coverage: 0.8}}"
CLOCKS = f"{METHOD}\n    alignment: "
WITHIN = "within: {table: lights, start: off, end: on}"
STREAMS = """
schema: accordance/protocol/1
id: streams
version: "1"
title: Streams
intended_use: Wear.
objective: To estimate the error.
tables:
  reference:
    key: [subject, time]
    time: time
    duration: rr
    stamp: end
    columns:
      subject: {type: text}
      time: {type: datetime}
      rr: {type: number, unit: ms}
      rate: {type: number, unit: 1/min, range: [0, 300]}
      beats: {type: integer}
      stage: {type: category, levels: [wake, sleep]}
  test:
    key: [subject, time]
    time: time
    interval: 1 s
    columns:
      subject: {type: text}
      time: {type: datetime}
      rate: {type: number, unit: 1/min, range: [0, 300]}
      stage: {type: category, levels: [wake, sleep]}
  lights:
    key: [subject, off]
    columns: {subject: {type: text}, off: {type: datetime}, on: {type: datetime}}
pairings:
  main:
    method: windows
    unit: {length: 30 s, test: {numbers: median, min_coverage: 0.8}}
endpoints:
  error: {title: Error, role: primary, metric: mae, average: pooled, reference: rate, test: rate,
          criterion: {compare: point, operator: "<", limit: 5, unit: 1/min}}
seed: 1
"""


def edited(*edits: tuple[str, str]) -> str:
    """The protocol with some text replaced."""
    text = STREAMS
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def found(*edits: tuple[str, str]) -> tuple[Violation, ...]:
    """What is said of the protocol after edits."""
    with pytest.raises(ContractError) as caught:
        parse(edited(*edits))
    return caught.value.violations


def parsed(*edits: tuple[str, str]) -> Protocol:
    """The protocol after edits."""
    return parse(edited(*edits))


EPOCHS = (METHOD, "    method: epochs\n    unit: {length: 30 s}")
SESSIONS = (METHOD, "    method: sessions")
REFERENCE = "    duration: rr\n    stamp: end\n"
TEST = "    interval: 1 s\n"
NUMBERS = ("{type: datetime}", "{type: number, unit: samples}")


def test_defaults_are_written_out_and_stay() -> None:
    protocol = parsed()
    unit = protocol.pairings["main"].unit
    assert unit is not None
    assert (unit.origin, unit.place, unit.partial) == ("clock", "start", "counted")
    assert protocol.pairings["main"].on == ("subject",)
    assert resolve(protocol) == protocol
    assert digest(parse(canonical_yaml(protocol))) == digest(protocol)
    epochs = parsed(EPOCHS, (REFERENCE, "    interval: 60 s\n")).pairings["main"].unit
    assert epochs is not None
    assert (epochs.origin, epochs.place) == ("session", "middle")
    sessions = parsed(SESSIONS).pairings["main"].unit
    assert sessions is not None
    assert (sessions.length, sessions.origin) == (None, "session")


def test_columns_of_units() -> None:
    protocol = parsed()
    scope = pair_scope(protocol, protocol.pairings["main"])
    assert scope["time"].type == "datetime"
    assert scope["reference.beats"].type == "number"
    assert scope["test.coverage"].unit == "proportion"
    assert {"reference.n_rows", "test.n_rows", "reference.coverage"} <= set(scope)
    assert not {"reference.time", "test.time"} & set(scope)


def test_sessions_without_times_have_no_start() -> None:
    protocol = parsed(
        (METHOD, "    method: sessions\n    unit: {reference: {min_coverage: 0}, test: {min_coverage: 0}}"),
        ("    time: time\n    interval: 1 s\n", ""),
    )
    assert "time" not in pair_scope(protocol, protocol.pairings["main"])


SLIPS = {
    "no unit": ((METHOD, "    method: windows"), "pairings.main", "need a `unit` with its `length`"),
    "no length": (
        (METHOD, "    method: windows\n    unit: {origin: clock}"),
        "pairings.main.unit",
        "need the `length` of a unit",
    ),
    "length of a session": (
        (METHOD, "    method: sessions\n    unit: {length: 30 s}"),
        "pairings.main.unit.length",
        "a session is as long as it is",
    ),
    "unit of another method": (
        (METHOD, "    method: nearest\n    tolerance: 1 s\n    unit: {length: 30 s}"),
        "pairings.main.unit",
        "belongs to `windows`, `epochs`, `sessions`",
    ),
    "tolerance": ((METHOD, f"{METHOD}\n    tolerance: 1 s"), "pairings.main.tolerance", "`method: nearest`"),
    "lone test": (
        (METHOD, f"{METHOD}\n    lone_test: counted"),
        "pairings.main.lone_test",
        "`method: nearest`",
    ),
    "nothing long": (("length: 30 s", "length: 0 s"), "pairings.main.unit.length", "above 0"),
    "ages": (("length: 30 s", "length: 4000000 d"), "pairings.main.unit.length", "less than 10,000 years"),
    "another unit": (
        ("length: 30 s", "length: 30 beats"),
        "pairings.main.unit.length",
        "needs a unit of time",
    ),
    "both": (
        (TEST, "    interval: 1 s\n    duration: rate\n"),
        "tables.test.duration",
        "keep one",
    ),
    "no coverage": ((TEST, ""), "pairings.main.test", "does not say how much of it a row stands for"),
    "interval of what": (
        (TEST, "    interval: 1 beats\n"),
        "tables.test.interval",
        "needs a unit of time",
    ),
    "duration in another unit": (
        ("rr: {type: number, unit: ms}", "rr: {type: number, unit: mmHg}"),
        "tables.reference.columns.rr.unit",
        "can be compared with the time's",
    ),
    "duration is text": (
        ("rr: {type: number, unit: ms}", "rr: {type: text}"),
        "tables.reference.duration",
        "a duration is a number",
    ),
    "duration is the time": (
        ("duration: rr", "duration: subject"),
        "tables.reference.duration",
        "a duration is a number",
    ),
    "no such duration": (
        ("duration: rr", "duration: rrr"),
        "tables.reference.duration",
        "no column of this name",
    ),
    "on time": ((METHOD, f"{METHOD}\n    on: [subject, time]"), "pairings.main.on[1]", "cut into units"),
    "taken name": (
        (
            "      stage: {type: category, levels: [wake, sleep]}\n  lights",
            "      coverage: {type: number}\n  lights",
        ),
        "tables.test.columns.coverage",
        "units of time use this name",
    ),
    "beats of no rate": (
        ("test: {numbers: median, min_coverage: 0.8}", "reference: {numbers: beat_weighted}"),
        "pairings.main.unit.reference.numbers",
        "only rates between beats",
    ),
    "no such table": (
        ("length: 30 s", "length: 30 s, within: {table: light, start: off, end: on}"),
        "pairings.main.unit.within.table",
        "no further table of this name",
    ),
    "no such bound": (
        ("length: 30 s", "length: 30 s, within: {table: lights, start: off, end: onn}"),
        "pairings.main.unit.within.end",
        "no column of this name",
    ),
    "bound of another kind": (
        ("length: 30 s", "length: 30 s, within: {table: lights, start: subject, end: on}"),
        "pairings.main.unit.within.start",
        "moments like the reference's times (datetime)",
    ),
}


@pytest.mark.parametrize("name", list(SLIPS))
def test_a_slip_is_one_violation_where_it_can_be_mended(name: str) -> None:
    edit, key, message = SLIPS[name]
    violations = found(edit)
    assert [one.key for one in violations] == [key]
    assert message in violations[0].message
    assert violations[0].line is not None


def test_rates_can_be_weighted_by_beats_if_they_are_never_negative() -> None:
    assert parsed(("numbers: median", "numbers: beat_weighted")).pairings["main"].unit is not None
    rate, stage = "rate: {type: number, unit: 1/min", "stage: {type: category, levels: [wake, sleep]}"
    tail = f"}}\n      {stage}\n  lights"
    weights = ("numbers: median", "numbers: beat_weighted")
    (one,) = found(weights, (f"{rate}, range: [0, 300]{tail}", f"{rate}{tail}"))
    assert one.key == "tables.test.columns.rate"
    assert "never negative" in one.message


def test_epochs_have_declared_lengths_that_fit() -> None:
    violations = found(EPOCHS)
    assert [one.key for one in violations] == ["pairings.main.reference"]
    assert "add `interval` to `tables.reference`" in violations[0].message
    (one,) = found(EPOCHS, (REFERENCE, "    interval: 20 s\n"))
    assert one.key == "pairings.main.unit.length"
    assert "epochs of 20 s (`reference`) do not fit units of 30 s" in one.message
    assert "write `place`" in one.message
    resolved = parsed(
        (METHOD, "    method: epochs\n    unit: {length: 30 s, place: middle}"),
        (REFERENCE, "    interval: 20 s\n"),
    )
    assert resolved.pairings["main"].unit is not None


def test_no_time_at_all() -> None:
    violations = found(("    time: time\n    duration: rr\n    stamp: end\n", ""))
    assert {one.key for one in violations} == {"pairings.main.reference"}
    assert "need the table's `time` column" in violations[0].message
    untimed = found(("    time: time\n    interval: 1 s\n", "    interval: 1 s\n"))
    assert "tables.test.interval" in {one.key for one in untimed}


def test_times_of_two_kinds() -> None:
    old = "      time: {type: datetime}\n      rr"
    violations = found((old, "      time: {type: number, unit: samples}\n      rr"))
    assert "pairings.main" in {one.key for one in violations}
    assert any("measure time differently" in one.message for one in violations)


def test_the_name_of_the_units_start_is_free() -> None:
    test = "    interval: 1 s\n    columns:\n      subject: {type: text}\n"
    (one,) = found(
        (f"    time: time\n{test}", f"    time: moment\n{test}      moment: {{type: datetime}}\n"),
    )
    assert one.key == "tables.test.columns.time"
    assert "the unit's start has this name" in one.message


def test_order_without_time() -> None:
    (one,) = found(("    key: [subject, off]\n", "    key: [subject, off]\n    order: sorted\n"))
    assert one.key == "tables.lights.order"


def test_the_end_of_what() -> None:
    (one,) = found(
        (REFERENCE, "    stamp: end\n"), ("test: {numbers", "reference: {min_coverage: 0}, test: {numbers")
    )
    assert one.key == "tables.reference.stamp"
    assert "the end of what?" in one.message


def test_a_table_of_stretches_is_required() -> None:
    (one,) = found(
        ("    key: [subject, off]\n", "    key: [subject, off]\n    required: false\n"),
        ("length: 30 s", "length: 30 s, " + WITHIN),
    )
    assert one.key == "tables.lights.required"


def test_units_in_words() -> None:
    words = describe.pairing(parsed(), "main")
    assert words == (
        "Rows of reference and rows of test with equal subject are first brought to one row a unit of time: "
        "windows of 30 s, counted from midnight UTC; units with the same start form a pair. "
        "A row belongs to the unit that holds the start of the time it stands for (`rr` and 1 s); a row that "
        "stands for more than a unit counts in every unit whose own point it holds. "
        "In reference, a number is the mean of its rows and a category is the level with most time (of "
        "equals the first one declared). "
        "In reference, rows with a value have to cover at least 0.5 of the unit's time; otherwise it has "
        "none. "
        "In test, a number is the median of its rows and a category is the level with most time (of equals "
        "the first one declared). "
        "In test, rows with a value have to cover at least 0.8 of the unit's time; otherwise it has none."
    )
    within = describe.pairing(
        parsed(
            (
                METHOD,
                "    method: epochs\n    unit: {length: 30 s, within: {table: lights, start: off, end: on}}",
            ),
            (REFERENCE, "    interval: 60 s\n"),
        ),
        "main",
    )
    assert "epochs of 30 s, counted from the start of the stretch" in within
    assert "Only time within the stretches of `lights` counts, from `off` to `on`" in within
    assert "Units that are cut off at the end are left out and counted." in within
    clocks = (
        METHOD,
        CLOCKS + "{reference: rate, test: rate, search: 5 s, drift: linear, apply: true}",
    )
    assert describe.pairing(parsed(clocks), "main").endswith(
        "The offset of the test device's clock and its linear drift is estimated by the signals, up to 5 s "
        "either way, and corrected before pairing."
    )
    assert "first brought to one row a session" in describe.pairing(parsed(SESSIONS), "main")
