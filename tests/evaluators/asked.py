"""What a metric has to be told, so that tests can go through every metric of the registry."""

from __future__ import annotations

from typing import Any

from accordance.evaluators.metric import REQUIRED, Metric

USUAL: dict[str, Any] = {"truth": "varying", "tolerance": 5.0, "level_at": 80.0, "category": "positive"}


def required(metric: Metric) -> dict[str, Any]:
    """A value for each parameter without a default: a usual one, a choice, or a share."""
    given: dict[str, Any] = {}
    for parameter in metric.parameters:
        if parameter.default is not REQUIRED:
            continue
        usual = USUAL.get(parameter.name, 0.3)
        given[parameter.name] = (
            usual if not parameter.choices or usual in parameter.choices else parameter.choices[0]
        )
    return given
