"""A week of wrist heart rate and eight versions of one algorithm, simulated with known truth.

All versions see the same subjects and windows. Some are better, some worse, one only for some, one is another
draw of the same, one a copy: what a comparison of versions has to find out. The numbers are invented; only
their order of magnitude is meant to be plausible.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from . import weekly_versions as world
from .draws import FloatArray, stream
from .study import SimulatedStudy
from .weekly_truth import true_values
from .weekly_versions import BASELINE, VERSIONS, Version, original

NAME = "hr_weekly"
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

DISPLAY = (10.0, 400.0)
"""What a device can show; beyond it lies about one output in 100,000 of the worst version."""


@dataclass(frozen=True)
class _Shared:
    """What no version has to itself; (n,) a subject, (n, windows) a window."""

    tone: IntArray
    activity: IntArray
    hard: BoolArray
    rate: FloatArray
    effect: FloatArray
    bias: FloatArray
    noise: FloatArray
    silence: FloatArray


def hr_weekly(
    *,
    seed: int = 20260914,
    n_subjects: int = 200,
    n_windows: int = 80,
    versions: Mapping[str, Version] = VERSIONS,
) -> SimulatedStudy:
    """Simulate a week of heart rate in windows, measured by several versions of one algorithm.

    The percentage error of a window is normal with mean zero. Its SD is the product of `SPREAD`, of what skin
    tone, activity and hardness of the window and the version multiply it by, and of a log-normal multiplier
    of the subject (SD `BETWEEN` of its logarithm); two errors of a subject are correlated (`BIAS_SHARE`), so
    that each has a bias of its own. Absolute errors so have an intraclass correlation of about 0.3. Subjects'
    effects and the errors of single windows are correlated between versions (`own`, `fresh`), more in some
    than in others. A window has an output with a probability that depends on its hardness.

    Tables (text keys): `subjects`: subject, skin_tone (Fitzpatrick I to VI), age [years], sex, exclusion;
    `reference`: subject, window, day (1 to 7), activity, heart_rate [1/min], exclusion
    (`reference_artefact`); `test` of each version: subject, window, heart_rate [1/min], empty where it
    showed none.

    Args:
        seed: Reproduces everything. The default is the one of the example study.
        n_subjects: Subjects; each is the same however many there are.
        n_windows: Windows a subject. The default makes files of 3 MB for all versions together.
        versions: Version -> how it errs. `v1` has to be there: the others share its draws.

    Returns:
        The tables, and in `truth` what each version does in truth (`weekly_truth.true_values`).

    Raises:
        ValueError: No subjects or fewer windows than days, no version `v1`, or a copy of no version.

    Example:
        >>> study = hr_weekly(n_subjects=3)
        >>> study.reference.height, study.test("v6").equals(study.test("v1"))
        (240, True)
        >>> truth = study.truth["versions"]
        >>> [round(truth[name]["mape"]["overall"], 2) for name in ("v1", "v2", "v3")]
        [4.09, 3.6, 4.09]
    """
    if n_subjects < 1 or n_windows < 7:
        raise ValueError("a study needs at least one subject and a window on each of the seven days")
    if BASELINE not in versions or versions[BASELINE].same_as is not None:
        raise ValueError(f"`versions` must hold {BASELINE}, whose draws the others share")
    lost = [name for name in versions if versions[original(versions, name)].same_as is not None]
    if lost:
        raise ValueError(f"a copy is of a version that is no copy itself: {', '.join(lost)}")
    shared = _shared(seed, n_subjects, n_windows)
    keys = _keys(n_subjects, n_windows)
    outputs = {}
    for name in versions:
        if versions[name].same_as is None:
            outputs[name] = keys.with_columns(_output(seed, shared, name, versions[name]))
    tables = {"subjects": _subjects(seed, shared), "reference": _reference(seed, shared, keys)}
    return SimulatedStudy(
        NAME,
        seed,
        tables,
        {name: {"test": outputs[original(versions, name)]} for name in versions},
        {"n_subjects": n_subjects, "n_windows": n_windows, **true_values(versions)},
    )


def _place(shares: FloatArray, uniform: FloatArray) -> IntArray:
    """Positions drawn with the given shares."""
    edges = np.cumsum(shares)[:-1]
    return np.asarray(np.searchsorted(edges, uniform, side="right"), dtype=np.int64)


def _shared(seed: int, n: int, m: int) -> _Shared:
    """Every array is filled subject by subject from a stream of its own: more subjects change none."""

    def named(purpose: str) -> np.random.Generator:
        return stream(seed, "weekly", purpose)

    tone = _place(world.TONE_SHARES, named("tone").uniform(size=n))
    fit = _place(world.FIT_SHARES, named("fit").uniform(size=n))
    activity = _place(world.ACTIVITY_SHARES, named("activity").uniform(size=(n, m)))
    rate = (
        world.ACTIVITY_RATE[activity]
        + world.RATE_BETWEEN * named("rate of a subject").standard_normal((n, 1))
        + world.RATE_WITHIN * named("rate").standard_normal((n, m))
    )
    return _Shared(
        tone=tone,
        activity=activity,
        hard=named("hard").uniform(size=(n, m)) < world.HARD[fit[:, None], activity],
        rate=np.asarray(np.round(np.clip(rate, *world.RATE_RANGE), 1), dtype=np.float64),
        effect=named("effect").standard_normal(n),
        bias=named("bias").standard_normal(n),
        noise=named("noise").standard_normal((n, m)),
        silence=named("silence").uniform(size=(n, m)),
    )


def _mixed(common: FloatArray, own: FloatArray, share: float) -> FloatArray:
    """Standard normal draws of which the share of the variance is a version's own."""
    return np.asarray(np.sqrt(1.0 - share) * common + np.sqrt(share) * own)


def _output(seed: int, shared: _Shared, name: str, version: Version) -> pl.Series:
    """The heart rate that a version shows in each window, in 0.1/min, or none."""
    n, m = shared.rate.shape
    effect, bias, noise, silence = shared.effect, shared.bias, shared.noise, shared.silence
    if name != BASELINE:
        effect = _mixed(effect, stream(seed, "weekly", name, "effect").standard_normal((n,)), version.own)
        bias = _mixed(bias, stream(seed, "weekly", name, "bias").standard_normal((n,)), version.own)
        noise = _mixed(noise, stream(seed, "weekly", name, "noise").standard_normal((n, m)), version.fresh)
        reasons = stream(seed, "weekly", name, "silence").uniform(size=(n, m, 2))
        silence = np.where(reasons[..., 0] < world.SHARED_ANSWERS, silence, reasons[..., 1])
    spread = world.SPREAD * world.TONE_ERROR * np.where(world.DARK, version.dark, version.light)
    own = spread[shared.tone] * np.exp(world.BETWEEN * effect)
    window = world.ACTIVITY_ERROR[shared.activity] * np.where(shared.hard, world.HARD_ERROR, 1.0)
    error = np.sqrt(world.BIAS_SHARE) * bias[:, None] + np.sqrt(1.0 - world.BIAS_SHARE) * noise
    shown = shared.rate * (1.0 + own[:, None] * window * error / 100.0)
    easy, hard = version.answers
    answered = silence < np.where(shared.hard, hard, easy)
    value = np.where(answered, np.round(np.clip(shown, *DISPLAY), 1), np.nan)
    return pl.Series("heart_rate", value.ravel()).fill_nan(None)


def _keys(n: int, m: int) -> pl.DataFrame:
    subject = pl.Series("subject", [f"s{number:04d}" for number in range(1, n + 1)])
    place = pl.Series(np.repeat(np.arange(n, dtype=np.uint32), m))
    window = np.tile(np.arange(1, m + 1, dtype=np.int64), n)
    return pl.DataFrame([subject.gather(place), pl.Series("window", window)])


def _subjects(seed: int, shared: _Shared) -> pl.DataFrame:
    n = shared.tone.size
    rng = stream(seed, "weekly", "age")
    return pl.DataFrame(
        {
            "subject": [f"s{number:04d}" for number in range(1, n + 1)],
            "skin_tone": [world.TONES[tone] for tone in shared.tone],
            "age": np.floor(18.0 + 65.0 * rng.beta(1.6, 2.0, n)).astype(np.int64),
            "sex": [
                "female" if yes else "male" for yes in stream(seed, "weekly", "sex").uniform(size=n) < 0.5
            ],
            "exclusion": pl.Series([None] * n, dtype=pl.String),
        }
    )


def _reference(seed: int, shared: _Shared, keys: pl.DataFrame) -> pl.DataFrame:
    m = shared.rate.shape[1]
    noisy = stream(seed, "weekly", "artefact").uniform(size=shared.rate.size) < world.ARTEFACTS
    place = pl.Series(shared.activity.ravel().astype(np.uint32))
    return keys.with_columns(
        day=1 + (pl.col("window") - 1) * 7 // m,
        activity=pl.Series(world.ACTIVITIES).gather(place),
        heart_rate=pl.Series(shared.rate.ravel()),
        exclusion=pl.when(pl.Series(noisy)).then(pl.lit("reference_artefact")),
    )
