"""Conditions select exactly the rows they speak of; a missing value satisfies nothing but `missing: true`."""

from __future__ import annotations

import polars as pl
import pytest

from accordance.datasets.conditions import check, expression
from accordance.protocols.model import Condition

FRAME = pl.DataFrame(
    {"x": [1.0, 2.0, 3.0, None], "s": ["a", "b", None, "007"], "t": [True, False, None, True]}
)


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ({}, [0, 1, 2, 3]),
        ({"x": {"is": (1, 3.0)}}, [0, 2]),
        ({"x": {"is_not": (1,)}}, [1, 2]),
        ({"x": {"at_least": 2.0}}, [1, 2]),
        ({"x": {"above": 2.0}}, [2]),
        ({"x": {"at_most": 2.0}}, [0, 1]),
        ({"x": {"below": 2.0}}, [0]),
        ({"x": {"above": 1.0, "below": 3.0}}, [1]),
        ({"x": {"missing": True}}, [3]),
        ({"x": {"missing": False}}, [0, 1, 2]),
        ({"x": {"missing": True, "above": 0.0}}, []),
        ({"s": {"is": ("007",)}}, [3]),
        ({"s": {"is_not": ("007",)}}, [0, 1]),
        ({"t": {"is": (True,)}}, [0, 3]),
        ({"x": {"above": 1.0}, "s": {"is": ("b", "007")}}, [1]),
        ({"x": {"is": ()}}, []),
    ],
    ids=str,
)
def test_where(where: dict, kept: list[int]) -> None:
    conditions = {name: Condition.model_validate(condition) for name, condition in where.items()}
    held = FRAME.with_columns(held=expression(conditions))["held"]
    assert held.null_count() == 0
    assert held.arg_true().to_list() == kept
    assert check(conditions, FRAME.schema, key="where") == []


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ({"y": {"above": 1.0}}, "names a column that is not there"),
        ({"s": {"is": (7,)}}, 'compares a column of text with 7; write text in quotes, such as "7"'),
        ({"x": {"is": ("1",)}}, "compares a column of numbers with '1'; write a number without quotes"),
        ({"x": {"is_not": (True,)}}, "compares a column of numbers with True"),
        ({"t": {"is": ("yes",)}}, "write `true` or `false`"),
        ({"s": {"above": 1.0}}, "only numbers have an order here"),
    ],
    ids=str,
)
def test_conditions_that_do_not_fit(where: dict, words: str) -> None:
    conditions = {name: Condition.model_validate(condition) for name, condition in where.items()}
    (violation,) = check(conditions, FRAME.schema, key="where")
    assert words in violation.message
    assert violation.key == f"where.{next(iter(where))}"
