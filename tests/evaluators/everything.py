"""Every registered metric with parameters, and awkward columns for it: what tests of all metrics share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from accordance.evaluators import registry
from accordance.evaluators.metric import REQUIRED, Columns, FloatArray, Metric

GIVEN: dict[str, Any] = {
    "level_at": 70.0, "at": 70.0, "tolerance": "5", "allowance": 5.0, "share": 0.9, "percentile": 90.0,
    "prevalence": 0.2, "beta": 2.0, "threshold": 0.5, "category": "a", "low": 0.8, "specificity": 0.9,
    "sensitivity": 0.9, "contrast": 10.0,
}  # fmt: skip
"""Parameters without a default and without choices."""

NAMES = registry.names()
LEVELS = {"beat_detection": ("N", "V", "O"), "beat_classes": ("V", "S", "O")}
"""Categories of metrics that know theirs by name."""
ROLE_LEVELS = {"condition": ("rest", "walk"), "side": ("reference", "test")}
"""Categories of the roles."""


def variants(metric: Metric) -> list[dict[str, Any]]:
    """The metric's parameters: the first choice of each, then every other choice in its turn."""
    base = {
        one.name: one.default
        if one.default is not REQUIRED
        else one.choices[0]
        if one.choices
        else GIVEN[one.name]
        for one in metric.parameters
    }
    others = [
        {**base, one.name: choice}
        for one in metric.parameters
        for choice in one.choices
        if choice != base[one.name]
    ]
    return [one for one in (base, *others) if _allowed(one)]


def _allowed(given: dict[str, Any]) -> bool:
    """Not the bias of subject means where pairs are independent, which is refused."""
    return not (given.get("truth") == "independent" and given.get("bias") == "subject_means")


def offsets_of(sizes: Sequence[int]) -> Any:
    """(S + 1,) offsets of subjects with so many rows."""
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def columns_of(metric: Metric, sizes: Sequence[int], shape: str = "plain", seed: int = 0) -> Columns:
    """Columns of a metric's kind with so many rows a subject, and something odd about them.

    Args:
        metric: The metric.
        sizes: Rows of each subject.
        shape: `plain`, a key of `MEASURED` or of `CALLED`, or of `WEIGHTS`.
        seed: Seed of the values.
    """
    random = np.random.default_rng(seed)
    n, offsets = int(sum(sizes)), offsets_of(sizes)
    weights = WEIGHTS[shape](random, n) if shape in WEIGHTS else None
    if metric.kind == "measurement":
        own = np.repeat(random.normal(0, 2, len(sizes)), sizes)
        x = np.round(random.normal(70, 10, n) * 16) / 16
        y = np.round((x + own + random.normal(1, 3, n)) * 16) / 16
        if metric.one_unit:
            x, y = MEASURED.get(shape, lambda x, y: (x, y))(x, y)
        else:
            x, y = random.uniform(1, 9, n), random.poisson(2, n).astype(float)
            if shape == "constant":
                x, y = np.full(n, 4.0), np.full(n, 3.0)
            if shape == "nothing":
                y = np.zeros(n)
        if metric.name == "episode_detection":
            y = np.minimum(x, y)  # no more of an episode than all of it
        roles = {
            "covariate": random.normal(0, 10, n),
            "condition": np.arange(n) % 2,
            "side": np.arange(n) % 2,
        }
        wanted = {one.name: roles[one.name] for one in metric.columns if one.name in roles}
        levels = {name: words for name, words in ROLE_LEVELS.items() if name in wanted}
        return Columns(x, y, offsets, (), weights, wanted, levels)
    classes = 3 if metric.kind == "categorical" else 2
    truth = random.integers(0, classes, n)
    call = np.where(random.random(n) < 0.85, truth, random.integers(0, classes, n))
    truth, call = CALLED.get(shape, lambda truth, call, classes: (truth, call))(truth, call, classes)
    if shape == "pure subjects":
        truth = np.repeat(np.arange(len(sizes)) % classes, sizes)
    if metric.kind == "score":
        score = (call + random.normal(0, 0.5, n)) if shape in {"plain", *WEIGHTS} else call * 1.0
        values = 0.1 + 0.8 / (1 + np.exp(-4 * (score - 0.5)))
        if shape == "ties":
            values = np.round(values * 2) / 2
        return Columns(truth, values, offsets, (), weights)
    levels_of = LEVELS.get(metric.name, ("a", "b", "c")) if classes == 3 else ("negative", "positive")
    return Columns(truth, call, offsets, levels_of, weights)


MEASURED: dict[str, Any] = {
    "constant reference": lambda x, y: (np.full_like(x, 70.0), y),
    "constant test": lambda x, y: (x, np.full_like(y, 71.0)),
    "constant": lambda x, y: (np.full_like(x, 70.0), np.full_like(y, 71.0)),
    "constant difference": lambda x, y: (x, x + 1.1),
    "equal": lambda x, y: (x, x.copy()),
    "nothing": lambda x, y: (np.zeros_like(x), np.zeros_like(y)),
    "ties": lambda x, y: (np.round(x / 20) * 20, np.round(y / 20) * 20),
    "large": lambda x, y: (1e9 + x * 1e-4, 1e9 + y * 1e-4),
    "negative": lambda x, y: (-x, -y),
}
"""What is odd about measurements."""

CALLED: dict[str, Any] = {
    "constant reference": lambda truth, call, classes: (np.full_like(truth, classes - 1), call),
    "constant test": lambda truth, call, classes: (truth, np.zeros_like(call)),
    "constant": lambda truth, call, classes: (np.zeros_like(truth), np.ones_like(call)),
    "constant difference": lambda truth, call, classes: (truth, (truth + 1) % classes),
    "equal": lambda truth, call, classes: (truth, truth.copy()),
    "nothing": lambda truth, call, classes: (np.zeros_like(truth), np.zeros_like(call)),
}
"""What is odd about calls: one class, all wrong (0 of n), all right (n of n)."""

WEIGHTS: dict[str, Any] = {
    "some weights of zero": lambda random, n: np.where(np.arange(n) % 3 == 0, 0.0, 1.0),
    "all weights zero": lambda random, n: np.zeros(n),
    "unequal weights": lambda random, n: random.exponential(1, n),
}
"""Row weights."""

SHAPES = ("plain", *MEASURED, "pure subjects", *WEIGHTS)

SIZES: dict[str, tuple[int, ...]] = {
    "no subjects": (),
    "subjects without rows": (0, 0, 0),
    "one row": (1,),
    "one subject": (8,),
    "two rows": (1, 1),
    "two subjects": (3, 2),
    "ten subjects": (4,) * 10,
    "one row each": (1,) * 12,
    "very unequal": (200, 1, 1, 2, 1, 30, 1, 1, 4, 1),
    "gaps": (0, 3, 0, 2, 5, 1, 0),
}
"""Rows of each subject."""


def takes_row_weights(metric: Metric, given: dict[str, Any]) -> bool:
    """Whether the metric is defined with row weights; the others refuse them by name."""
    if metric.name.startswith("bland_altman"):
        return given.get("truth") == "independent"
    return metric.name not in {
        "calibration_index", "ccc_longitudinal", "ccc_replicates", "episode_detection", "event_rate",
        "event_rate_negative_binomial", "iso81060_3", "normality_of_differences", "repeatability",
        "sd_of_subject_means", "tolerance_limits",
    }  # fmt: skip


def resampled(replicates: int, subjects: int, seed: int = 1) -> FloatArray:
    """(B, S) multinomial weights."""
    if subjects == 0:
        return np.zeros((replicates, 0))
    draws = np.random.default_rng(seed).integers(0, subjects, (replicates, subjects))
    return np.stack([np.bincount(one, minlength=subjects) for one in draws]).astype(float)
