"""The table of proof lists every case, and says where one differs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import proof_table


def test_every_case_is_in_the_table(reference_data: Path) -> None:
    rows = proof_table.table(reference_data)
    assert len(rows) == (112 + 235) + (112 + 206) + (7 + 209)
    assert all(equal for *_, equal in rows)
    assert proof_table.lines(rows)[-3:] == [
        "bxb: 347 of 347 cases equal", "rxr: 318 of 318 cases equal", "epicmp: 216 of 216 cases equal",
    ]  # fmt: skip


def test_a_difference_shows(reference_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def differs(case: object) -> None:
        raise AssertionError

    monkeypatch.setattr(proof_table, "HOLD", {"epicmp": differs})
    rows = proof_table.table(reference_data)
    assert not any(equal for *_, equal in rows)
    assert proof_table.lines(rows)[-1] == "epicmp: 0 of 216 cases equal"
