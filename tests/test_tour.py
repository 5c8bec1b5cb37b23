"""Every public statistics function is called on published data, and what it prints can be read."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from accordance.evaluators.metric import MetricResult

SCRIPT = Path(__file__).resolve().parent.parent / "docs" / "tour" / "statistics.py"
UNREADABLE = re.compile(r"<[\w.]+ object at|\barray\(|dtype=|MetricResult\(|Estimate\(", re.IGNORECASE)


@pytest.fixture(scope="module")
def tour() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tour_statistics", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["tour_statistics"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def shown(tour: ModuleType, reference_data: Path) -> list[Any]:
    return list(tour.tour(reference_data))


def test_every_function_is_called(tour: ModuleType, shown: list[Any]) -> None:
    called = {one.function for one in shown}
    assert set(tour.functions()) - called == set(tour.NOT_CALLED)
    assert all(len(reason.split()) > 3 for reason in tour.NOT_CALLED.values())


def test_metrics_of_measurements_are_called_on_both_data_sets(tour: ModuleType, shown: list[Any]) -> None:
    called = {(one.function, one.data) for one in shown}
    measured = [name for name, kind in tour.kinds().items() if kind == "measurement"]
    measured = [name for name in measured if name not in tour.NOT_CALLED]
    # the U-statistics need every subject at every time, which 5 of the 61 children of `ox` lack
    missing = {(name, data) for name in measured for data in ("sbp", "ox") if (name, data) not in called}
    # and an event needs a time in which it happens: events of `ox` are not made up
    rates = {("event_rate", "ox"), ("event_rate_negative_binomial", "ox")}
    assert missing <= {("ccc_u_statistics", "ox")} | rates


def test_what_is_printed_can_be_read(tour: ModuleType, shown: list[Any]) -> None:
    for one in shown:
        text = tour.printed(one)
        assert text.strip(), one.function
        assert not UNREADABLE.search(text), f"{tour.heading(one)}\n{text}"
        undefined = re.search(r"\bnan\b", text)
        assert (undefined is not None) == (one.function in tour.NAN_BECAUSE), f"{tour.heading(one)}\n{text}"
        lines = [line for line in text.split("\n") if not line.startswith("Source: ")]
        assert max(map(len, lines)) <= 200, tour.heading(one)


def test_what_has_no_value_or_no_interval_says_why(shown: list[Any]) -> None:
    for one in shown:
        if not isinstance(one.result, MetricResult):
            continue
        flat = " ".join(str(one.result).split())
        for name, estimate in one.result.items():
            without_value = estimate.value != estimate.value
            without_interval = estimate.interval is None and bool(estimate.statistic.intervals)
            if without_value or without_interval:
                assert estimate.error, f"{one.function} on {one.data}: {name}"
                assert " ".join(estimate.error.split()) in flat
            if estimate.interval is not None:
                assert f"{100 * estimate.interval.level:.6g}% " in flat


def test_the_script_says_why_where_the_data_are_absent(
    tour: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ACCORDANCE_REFERENCE", raising=False)
    assert tour.main(()) == 0
    assert capsys.readouterr().out.startswith("Skipped: ACCORDANCE_REFERENCE")


def test_the_script_prints_what_is_asked_for(
    tour: ModuleType,
    reference_data: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ACCORDANCE_REFERENCE", str(reference_data))
    assert tour.main(("mae",)) == 0
    out = capsys.readouterr().out
    assert out.count("Mean absolute error") == 2
    # sbp and ox, survey::svymean of |test - reference| with subjects as clusters (oracle: 17.847, 5.068)
    assert re.search(r"mae +17\.847", out) and re.search(r"mae +5\.0684", out)
