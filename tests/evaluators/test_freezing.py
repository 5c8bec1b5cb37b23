"""Prepared metrics as bytes: the same numbers after reading them, and nothing else is read."""

from __future__ import annotations

import os
import pickle
from typing import Any

import numpy as np
import pytest

from accordance.evaluators import registry
from accordance.evaluators.freezing import FrozenError, freeze, thaw
from accordance.evaluators.metric import Columns


def prepared(name: str) -> Any:
    random = np.random.default_rng(3)
    reference = random.normal(70, 5, 60)
    columns = Columns(reference, reference + random.normal(0, 2, 60), np.arange(0, 61, 6))
    return registry.get(name).prepare(columns, average="pooled")


@pytest.mark.parametrize("name", ["mae", "rmse", "mape", "median_absolute_error", "pearson", "spearman"])
def test_what_is_read_gives_the_same_numbers_at_any_weights(name: str) -> None:
    before = prepared(name)
    data = freeze(before)
    assert data is not None
    weights = np.random.default_rng(1).integers(0, 3, (20, 10)).astype(float)
    np.testing.assert_array_equal(thaw(data).at(weights), before.at(weights))


def test_what_holds_a_local_function_is_not_written() -> None:
    before = prepared("mae")
    object.__setattr__(before, "formula", lambda totals: totals)
    assert freeze(before) is None


class Runs:
    """Bytes that would run a command when they are read."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.what = (function, arguments)

    def __reduce__(self) -> Any:
        return self.what


@pytest.mark.parametrize(
    "harm",
    [Runs(os.system, "touch harm"), Runs(eval, "1"), Runs(getattr, os, "getcwd"), Runs(pickle.loads, b"")],
)
def test_bytes_that_run_something_are_refused_and_run_nothing(
    harm: Runs, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = pickle.dumps(harm) if harm.what[0] is not getattr else b"cbuiltins\ngetattr\n."
    with pytest.raises(FrozenError, match="no place in a prepared metric"):
        thaw(data)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "named", ["freezing\npickle", "freezing\npickle.loads", "weights\nhashlib", "metric\nnp"]
)
def test_what_a_module_has_imported_is_none_of_the_package(named: str) -> None:
    with pytest.raises(FrozenError, match="no place in a prepared metric"):
        thaw(f"caccordance.evaluators.{named}\n.".encode())


@pytest.mark.parametrize("data", [None, b"", b"nonsense", pickle.dumps(7), pickle.dumps(np.arange(3))])
def test_anything_else_is_no_prepared_metric(data: bytes | None) -> None:
    with pytest.raises(FrozenError):
        thaw(data)
