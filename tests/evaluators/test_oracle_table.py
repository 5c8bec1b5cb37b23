"""The table of proof counts what was compared, and nothing that did not agree."""

from __future__ import annotations

import pytest
from oracle import compare, table, taken


def test_compared_values_are_on_record() -> None:
    taken()
    compare("this table", [1.0, 1e-13, float("nan")], [1.0 + 1e-12, 0.0, float("nan")])
    compare("this table", 2.0, 2.0)
    records = taken()
    assert [(method, count) for method, count, _ in records] == [("this table", 3), ("this table", 1)]
    assert records[0][2] == pytest.approx(1e-12, rel=0.01)
    assert table(records)[1].split() == ["this", "table", "4", "1.0e-12"]


@pytest.mark.parametrize("wrong", [[1.0, 2.001], [1.0], [1.0, float("nan")]])
def test_what_does_not_agree_fails_and_is_not_on_record(wrong: list[float]) -> None:
    taken()
    with pytest.raises(AssertionError, match="this table"):
        compare("this table", wrong, [1.0, 2.0])
    assert taken() == []
