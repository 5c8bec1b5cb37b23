"""Metrics by name, built in and from plug-ins."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from accordance.evaluators import registry
from accordance.evaluators.agreement import measurement_errors
from accordance.evaluators.intervals import METHODS
from accordance.evaluators.metric import Columns, Metric, Prepared


class Plugged(measurement_errors.MeanAbsoluteError):
    name = "plugged"


class Usurper(measurement_errors.MeanAbsoluteError):
    """Takes a built-in name."""


class Unfinished(Metric):
    name = "unfinished"


NOT_A_METRIC = "text"


class Raising:
    def __init__(self) -> None:
        raise RuntimeError("cannot start")

    def prepare(self, columns: Columns, **parameters: Any) -> Prepared:
        raise NotImplementedError


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    def install(*names: str) -> None:
        points = [
            _Point(name=name, value=f"plugin:{name}", group=registry.ENTRY_POINT_GROUP) for name in names
        ]
        monkeypatch.setattr(registry, "entry_points", lambda group: points)
        registry._table.cache_clear()

    yield install
    monkeypatch.undo()
    registry._table.cache_clear()


class _Point(EntryPoint):
    def load(self) -> Any:
        return globals()[self.name]


def test_built_in_names() -> None:
    assert {"bland_altman", "mae", "rmse", "mape", "share_within"} <= set(registry.names())
    assert list(registry.names()) == sorted(registry.names())
    assert registry.get("rmse") is measurement_errors.RMSE
    with pytest.raises(KeyError):
        registry.get("nothing")


@pytest.mark.parametrize("metric", registry.all_metrics(), ids=lambda metric: metric.name)
def test_every_metric_declares_what_protocols_and_reports_need(metric: Metric) -> None:
    assert metric.statistic(metric.headline)
    assert metric.summary.endswith(".")
    assert metric.citations
    for statistic in metric.statistics:
        assert statistic.definition.endswith(".")
        tested = statistic.unit == "none" or metric.name == "tolerance_limits"
        assert statistic.intervals or tested, "only tests, p-values and bounds have no interval of their own"
        assert set(statistic.intervals) <= set(METHODS)
    for parameter in metric.parameters:
        assert metric.parameter(parameter.name) is parameter
        assert parameter.doc


def test_plugin_is_added(plugins: Any) -> None:
    plugins("Plugged")
    assert registry.get("plugged").title == "Mean absolute error"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Usurper", "the name `mae` is taken"),
        ("NOT_A_METRIC", "not an accordance Metric"),
        ("Raising", "RuntimeError: cannot start"),
        ("Missing", "KeyError"),
        ("Unfinished", "TypeError"),
    ],
)
def test_plugin_that_fails_is_said_and_the_rest_works(plugins: Any, name: str, words: str) -> None:
    plugins(name, "Plugged")
    with pytest.warns(registry.PluginWarning, match=words):
        names = registry.names()
    assert "plugged" in names
    assert registry.get("mae") is measurement_errors.MAE
