"""Controlled desaturation of a pulse oximeter against arterial blood, simulated.

Subjects are spread over the whole Monk scale, their individual typology angle (ITA) falls with it, and each
gives draws on plateaus from 70 to 100% SaO2. The numbers are invented; only their order of magnitude is meant
to be plausible (an oximeter of the finger with an Arms near 2%).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .draws import FloatArray, stream, truncated_normal
from .study import SimulatedStudy

Tones = NDArray[np.int64]

LIGHTEST, DARKEST = 1, 10  # of the Monk scale
EARLIER: Mapping[str, float] = {"v0": 2.4}
"""Version before `v1` -> its effect of tone: within 3.5% at low saturation, beyond 1.5% at high."""


def spo2_desaturation(
    *,
    seed: int = 20260501,
    n_subjects: int = 156,
    n_draws: int = 22,
    bias: float = 0.3,
    sd_between: float = 0.8,
    sd_within: float = 1.5,
    tone_effect: float = 0.0,
    earlier: Mapping[str, float] = EARLIER,
    dark_share: float = 0.3,
    n_sensor_off: int = 12,
) -> SimulatedStudy:
    """Simulate a desaturation study of an oximeter whose bias may grow with the darkness of the skin.

    The bias of a subject is `bias`, plus `tone_effect` times how far the subject's Monk tone lies on the way
    from the lightest to the darkest, from -1/2 to 1/2, plus a normal deviation of the subject. Each draw adds
    a normal deviation of its own. An oximeter displays no more than 100%.

    Tables (text keys): `subjects`: subject, sex, age [years], dark_skin, monk (1 to 10), ita [deg],
    exclusion; `reference`: subject, sample, sao2 [%], exclusion; `test`: subject, sample, spo2 [%],
    perfusion_index [%], exclusion (`sensor_off`, then without a reading).

    Args:
        seed: Reproduces everything. The default is the one of the example study, which meets all criteria of
            the draft of 2025.
        n_subjects: Subjects.
        n_draws: Arterial draws of each subject, at least 4.
        bias: Mean of SpO2 - SaO2 at a middle tone, in %.
        sd_between: SD of the subjects' own bias, in %.
        sd_within: SD of a single draw's error, in %.
        tone_effect: Difference of the bias of Monk 10 from that of Monk 1, in %.
        earlier: Versions beside `v1`, each with its own `tone_effect`; all else, every deviation included, is
            the same.
        dark_share: Share of subjects of Monk 8 to 10; 0.35 have 5 to 7, the rest 1 to 4.
        n_sensor_off: Draws during which the sensor was off.

    Returns:
        The tables, with the outputs of `v1` and of the earlier versions, and in `truth` every value used.

    Raises:
        ValueError: Fewer than 4 draws or no subjects, a share outside [0, 0.65], or more draws without a
            sensor than there are.

    Example:
        >>> study = spo2_desaturation()
        >>> study.subjects.height, study.reference.height
        (156, 3432)
    """
    if n_subjects < 1 or n_draws < 4:
        raise ValueError("a study needs at least one subject and four draws of each")
    if not 0 <= dark_share <= 0.65:
        raise ValueError(f"dark_share must lie in [0, 0.65], not {dark_share}")
    if not 0 <= n_sensor_off <= n_subjects * n_draws:
        raise ValueError(f"n_sensor_off must lie between 0 and the {n_subjects * n_draws} draws")
    monk = _monk(seed, n_subjects, dark_share)
    subjects = _subjects(seed, monk)
    names = np.repeat(subjects["subject"].to_numpy(), n_draws)
    sample = np.tile(np.arange(1, n_draws + 1), n_subjects)
    sao2 = _plateaus(seed, n_subjects, n_draws)
    darkness = (monk - LIGHTEST) / (DARKEST - LIGHTEST) - 0.5
    own = bias + sd_between * stream(seed, "subject").standard_normal(n_subjects)
    error = np.repeat(own, n_draws) + sd_within * stream(seed, "draw").standard_normal(sao2.size)
    off = np.zeros(sao2.size, dtype=bool)
    off[stream(seed, "off").permutation(sao2.size)[:n_sensor_off]] = True
    perfusion = np.round(np.exp(stream(seed, "perfusion").normal(0.7, 0.5, sao2.size)).clip(0.1, 20.0), 2)
    draws = {"subject": names, "sample": sample}
    reference = pl.DataFrame({**draws, "sao2": sao2}).with_columns(
        pl.lit(None, dtype=pl.String).alias("exclusion")
    )
    versions = {}
    for version, effect in {**earlier, "v1": tone_effect}.items():
        spo2 = np.round(np.clip(sao2 + error + effect * np.repeat(darkness, n_draws), 0.0, 100.0), 1)
        shown = [None if gone else float(value) for gone, value in zip(off, spo2, strict=True)]
        codes = ["sensor_off" if gone else None for gone in off]
        versions[version] = {
            "test": pl.DataFrame(
                {
                    **draws,
                    "spo2": pl.Series(shown, dtype=pl.Float64),
                    "perfusion_index": perfusion,
                    "exclusion": pl.Series(codes, dtype=pl.String),
                }
            )
        }
    truth = {
        "n_subjects": n_subjects,
        "n_draws": n_draws,
        "bias": bias,
        "sd_between": sd_between,
        "sd_within": sd_within,
        "tone_effect": {**earlier, "v1": tone_effect},
        "dark_share": dark_share,
        "n_sensor_off": n_sensor_off,
    }
    return SimulatedStudy(
        "spo2_desaturation",
        seed,
        {"subjects": subjects, "reference": reference},
        versions,
        truth,
    )


def _monk(seed: int, n: int, dark_share: float) -> Tones:
    """Tones by quota, so that the shares of the three bands hold exactly (to one subject)."""
    dark, medium = round(dark_share * n), round(0.35 * n)
    rng = stream(seed, "monk")
    tones = np.concatenate(
        [rng.integers(8, 11, dark), rng.integers(5, 8, medium), rng.integers(1, 5, n - dark - medium)]
    )
    return np.asarray(tones[stream(seed, "order").permutation(n)], dtype=np.int64)


def _subjects(seed: int, monk: Tones) -> pl.DataFrame:
    n = monk.size
    age = truncated_normal(stream(seed, "age"), n, mean=31.0, sd=8.0, low=18.0, high=55.0)
    # From about 60 degrees at Monk 1 to about -60 at Monk 10, as scales of skin colour roughly correspond.
    ita = (
        60.0 - 120.0 * (monk - LIGHTEST) / (DARKEST - LIGHTEST) + 6.0 * stream(seed, "ita").standard_normal(n)
    )
    return pl.DataFrame(
        {
            "subject": [f"s{number:03d}" for number in range(1, n + 1)],
            "sex": ["male" if yes else "female" for yes in stream(seed, "sex").uniform(size=n) < 0.5],
            "age": np.floor(age).astype(np.int64),
            "dark_skin": monk >= 8,
            "monk": monk,
            "ita": np.round(np.clip(ita, -90.0, 90.0), 1),
            "exclusion": pl.Series([None] * n, dtype=pl.String),
        }
    )


def _plateaus(seed: int, n_subjects: int, n_draws: int) -> FloatArray:
    """SaO2 of each draw: steps from 99.5 to 70.5%, and a little noise, inside 70 to 100%."""
    steps = np.linspace(99.5, 70.5, n_draws)
    noise = stream(seed, "sao2").normal(0.0, 0.5, (n_subjects, n_draws))
    return np.asarray(np.round(np.clip(steps + noise, 70.0, 100.0), 1).ravel(), dtype=np.float64)
