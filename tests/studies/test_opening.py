"""Finished folders are opened with the same refusals, whatever they hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from accordance.protocols.errors import ContractError, IntegrityError, UsageError
from accordance.studies.calibration_folder import Calibration
from accordance.studies.comparison_folder import Comparison
from accordance.studies.opening import finished
from accordance.studies.results import Results

KINDS = pytest.mark.parametrize(
    ("reader", "what", "names"),
    [
        (Results, "run", ("results.json", "results.parquet")),
        (Comparison, "comparison", ("comparison.json", "results.parquet", "subjects.parquet")),
        (Calibration, "calibration", ("calibration.json",)),
    ],
)


@KINDS
def test_what_is_no_finished_folder_is_refused(tmp_path: Path, reader, what, names) -> None:
    with pytest.raises(UsageError, match=f"interrupted before it became a {what}"):
        reader.open(tmp_path / ".partial-1")
    with pytest.raises(UsageError, match=f"not a {what} folder: it has no {' and no '.join(names)}"):
        reader.open(tmp_path)


@KINDS
@pytest.mark.parametrize("content", [b"{", b"\xff\xfe{}", b"[]"], ids=["broken", "not UTF-8", "no object"])
def test_what_is_no_json_is_said_to_be_none(tmp_path: Path, reader, what, names, content) -> None:
    for name in names:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(IntegrityError, match=rf"{names[0]}.*not readable as JSON"):
        reader.open(tmp_path)


@KINDS
def test_another_schema_is_refused_by_name(tmp_path: Path, reader, what, names) -> None:
    for name in names:
        (tmp_path / name).write_text(json.dumps({"schema": "accordance/other/9"}), encoding="utf-8")
    with pytest.raises(ContractError, match=rf"the {what} follows the schema 'accordance/other/9'; this"):
        reader.open(tmp_path)


def test_finished_folders_are_in_the_order_of_their_times(tmp_path: Path) -> None:
    for name in ("20260102T000000Z_a", "20260101T000000Z_b", ".partial-1", "20260103T000000Z_c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one").touch()
    (tmp_path / "20260101T000000Z_b" / "two").touch()
    (tmp_path / ".partial-1" / "two").touch()
    (tmp_path / "20260102T000000Z_a" / "two").touch()
    assert [one.name[:8] for one in finished(tmp_path, ("one", "two"))] == ["20260101", "20260102"]
    assert finished(tmp_path / "nowhere", ()) == []
