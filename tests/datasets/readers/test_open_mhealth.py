"""Open mHealth and IEEE 1752: arrays, single data points and lines; times, units, nesting."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest


def point(hr: Any = 61, start: str = "2026-03-01T08:30:00+01:00", **more: Any) -> dict[str, Any]:
    return {
        "header": {
            "id": "243c773b-8936-407e-9c23-270d0ea49cc4",
            "creation_date_time": "2026-03-01T08:31:00Z",
            "acquisition_provenance": {"source_name": "Watch", "modality": "sensed"},
            "schema_id": {"namespace": "omh", "name": "heart-rate", "version": "2.0"},
            "user_id": "u7",
        },
        "body": {
            "heart_rate": {"value": hr, "unit": "beats/min"},
            "effective_time_frame": {"date_time": start},
            "temporal_relationship_to_physical_activity": "at rest",
            **more,
        },
    }


IEEE = {
    "header": {
        "uuid": "1",
        "schema_id": {"namespace": "ieee", "name": "blood-pressure", "version": "1.0"},
        "source_creation_date_time": "2026-03-01T08:31:00Z",
        "modality": "self-reported",
    },
    "body": {
        "systolic_blood_pressure": {"value": 121, "unit": "mmHg"},
        "diastolic_blood_pressure": {"value": 81.5, "unit": "mmHg"},
        "position_during_measurement": "sitting",
        "effective_time_frame": {
            "time_interval": {
                "start_date_time": "2026-03-01T08:30:00Z",
                "duration": {"value": 2, "unit": "min"},
            }
        },
    },
}
POINTS = [point(), point(72.5, "2026-03-01T09:30:00.250+02:00"), point(58, "2026-03-01T07:45:00Z")]
TABLE = {"start": "datetime", "hr": {"unit": "1/min"}}
COLUMNS = {"hr": "heart_rate"}


def lines(points: list) -> str:
    return "\n".join(json.dumps(one) for one in points) + "\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.json", json.dumps(POINTS)),
        ("p.json", json.dumps(POINTS, indent=2)),
        ("p.json", lines(POINTS)),
        ("p.ndjson", lines(POINTS)),
        ("p.jsonl", "\ufeff" + lines(POINTS).replace("\n", "\n\n")),
    ],
    ids=["array", "indented", "lines as json", "ndjson", "bom and empty lines"],
)
def test_every_form_gives_the_same(
    name: str, content: str, study: Path, take: Callable, contract: Callable
) -> None:
    (study / "data" / name).write_text(content)
    table = contract(
        key=("subject", "start"), **TABLE, user="text", source="text", modality="text", created="datetime"
    )
    frame = take(table, file=f"data/{name}", columns=COLUMNS).frame
    assert frame["hr"].to_list() == [61.0, 72.5, 58.0]
    assert frame["start"].to_list() == [
        datetime(2026, 3, 1, 7, 30, tzinfo=UTC),
        datetime(2026, 3, 1, 7, 30, 0, 250_000, tzinfo=UTC),
        datetime(2026, 3, 1, 7, 45, tzinfo=UTC),
    ]
    assert frame.select("user", "source", "modality").row(0) == ("u7", "Watch", "sensed")


def test_one_data_point_of_ieee_1752(study: Path, take: Callable, contract: Callable) -> None:
    (study / "data" / "bp.json").write_text(json.dumps(IEEE, indent=1))
    mmhg = {"unit": "mmHg"}
    table = contract(
        key=("subject", "start"),
        start="datetime",
        end="datetime",
        sbp=mmhg,
        dbp=mmhg,
        modality="text",
        id="text",
    )
    columns = {"sbp": "systolic_blood_pressure", "dbp": "diastolic_blood_pressure"}
    frame = take(table, file="data/bp.json", columns=columns).frame
    assert frame.select("start", "end", "sbp", "dbp", "modality", "id").row(0) == (
        datetime(2026, 3, 1, 8, 30, tzinfo=UTC),
        datetime(2026, 3, 1, 8, 32, tzinfo=UTC),
        121.0,
        81.5,
        "self-reported",
        "1",
    )


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        ({"start_date_time": "2026-03-01T08:30:00Z", "end_date_time": "2026-03-01T08:31:00Z"}, (30, 31)),
        ({"end_date_time": "2026-03-01T08:31:00Z", "duration": {"value": 60, "unit": "sec"}}, (30, 31)),
        ({"start_date_time": "2026-03-01T08:30:00Z"}, (30, None)),
        ({"date": "2026-03-01", "part_of_day": "morning"}, None),
        ({"start_date_time": "2026-03-01T08:30:00Z", "duration": {"value": 1, "unit": "Mo"}}, None),
    ],
)
def test_intervals(
    interval: dict, expected: tuple | None, study: Path, take: Callable, contract: Callable, refused: Callable
) -> None:
    one = copy.deepcopy(IEEE)
    one["body"]["effective_time_frame"]["time_interval"] = interval
    (study / "data" / "x.json").write_text(json.dumps(one))
    table = contract(key=("subject", "start"), start="datetime", end="datetime")
    if expected is None:
        violations = refused(take, table, file="data/x.json")
        assert "times that cannot be read" in violations[0].message
        return
    start, end = take(table, file="data/x.json").frame.select("start", "end").row(0)
    assert (start.minute, end and end.minute) == expected


def test_which_schema_has_to_be_said_where_there_are_several(
    study: Path, take: Callable, contract: Callable, refused: Callable
) -> None:
    (study / "data" / "x.json").write_text(json.dumps([*POINTS, IEEE]))
    table = contract(key=("subject", "start"), **TABLE)
    (violation,) = refused(take, table, file="data/x.json", columns=COLUMNS)
    assert "several schemas (`heart-rate`, `blood-pressure`)" in violation.message
    assert take(table, file="data/x.json", columns=COLUMNS, types=("heart-rate",)).n_rows == 3
    (violation,) = refused(take, table, file="data/x.json", columns=COLUMNS, types=("heart-rat",))
    assert violation.suggestion == "heart-rate"


def test_a_unit_that_changes_names_the_line(
    study: Path, take: Callable, contract: Callable, refused: Callable
) -> None:
    second = point(1.2, "2026-03-01T07:45:00Z")
    second["body"]["heart_rate"]["unit"] = "Hz"
    (study / "data" / "x.ndjson").write_text(lines([point(), second]))
    table = contract(key=("subject", "start"), **TABLE)
    (violation,) = refused(take, table, file="data/x.ndjson", columns=COLUMNS)
    assert (violation.line, violation.examples[1]) == (2, "data/x.ndjson, line 2: `Hz`")
    given = {"units": {"hr": "as_recorded"}, "conversions": [("Hz", "1/min", 60.0)]}
    assert take(table, file="data/x.ndjson", columns=COLUMNS, **given).frame["hr"].to_list() == [61.0, 72.0]


@pytest.mark.parametrize(
    ("name", "content", "words", "line"),
    [
        ("x.json", "", "the file is empty", None),
        ("x.json", "[]", "holds an empty array", None),
        ("x.json", json.dumps(POINTS)[:-30], "the file is cut off", 1),
        ("x.json", json.dumps(POINTS, indent=1)[:-30], "the file is cut off", None),
        ("x.json", json.dumps([*POINTS, 7]), "holds what is no data point", None),
        ("x.json", json.dumps([{"heart_rate": 7}]), "holds what is no data point", None),
        ("x.ndjson", lines(POINTS)[:-30], "holds what is no data point", 3),
        ("x.ndjson", lines([POINTS[0]]) + "{bad}\n" + lines(POINTS[1:]), "holds what is no data point", 2),
        ("x.json", json.dumps([point(), point("fast")]), "holds values of different kinds", None),
        ("x.json", json.dumps([point(start="yesterday")]), "times that cannot be read", None),
        ("x.json", json.dumps([point(start="2026-03-01T08:30:00")]), "times that cannot be read", None),
    ],
)
def test_damaged_files(
    name: str,
    content: str,
    words: str,
    line: int | None,
    study: Path,
    take: Callable,
    contract: Callable,
    refused: Callable,
) -> None:
    (study / "data" / name).write_text(content)
    violation = refused(
        take, contract(key=("subject", "start"), **TABLE), file=f"data/{name}", columns=COLUMNS
    )[0]
    assert words in violation.message
    assert violation.file == f"data/{name}"
    assert line is None or violation.line == line


def test_bytes_that_are_not_utf_8(study: Path, take: Callable, contract: Callable, refused: Callable) -> None:
    (study / "data" / "x.json").write_bytes(json.dumps(POINTS).encode()[:-3] + b"\xff}]")
    (violation,) = refused(
        take, contract(key=("subject", "start"), **TABLE), file="data/x.json", columns=COLUMNS
    )
    assert "UTF-8" in violation.message
