"""A cuff monitor against two observers, same arm, three pairs a subject, simulated.

Subjects' pressures are spread over the ranges that ISO 81060-2 asks for. The numbers are invented.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from .draws import stream
from .study import SimulatedStudy

READINGS = 3  # pairs of each subject that ISO 81060-2 asks for
ARMS = (22.0, 42.0)  # cm, the range of the simulated cuff


def bp_cuff(
    *,
    seed: int = 20260401,
    n_subjects: int = 88,
    bias: float = 1.0,
    sd_between: float = 3.0,
    sd_within: float = 4.0,
    female_share: float = 0.5,
) -> SimulatedStudy:
    """Simulate the investigation of a cuff blood pressure monitor.

    Each subject's error is the `bias` plus a normal deviation of the subject, which its three readings share,
    plus one of each reading; systolic and diastolic errors are drawn apart with the same values.

    Tables (text keys): `subjects`: subject, sex, age [years], arm [cm], exclusion; `reference` and `test`:
    subject, reading (1 to 3), sbp and dbp [mmHg], `reference` with exclusion.

    Args:
        seed: Reproduces everything. The default is the one of the example study, which meets both criteria.
        n_subjects: Subjects, at least 8.
        bias: Mean of device minus observers, mmHg.
        sd_between: SD of the subjects' own mean error, mmHg.
        sd_within: SD of a single reading around it, mmHg.
        female_share: Share of women, to the nearest subject.

    Returns:
        The tables of one version, `v1`, and in `truth` every value used.

    Raises:
        ValueError: Fewer than 8 subjects, or a share outside [0, 1].

    Example:
        >>> study = bp_cuff()
        >>> study.subjects.height, study.test("v1").height
        (88, 264)
    """
    if n_subjects < 8:
        raise ValueError(f"n_subjects must be at least 8, not {n_subjects}")
    if not 0 <= female_share <= 1:
        raise ValueError(f"female_share must lie in [0, 1], not {female_share}")
    names = [f"s{number:03d}" for number in range(1, n_subjects + 1)]
    subjects = _subjects(seed, names, round(female_share * n_subjects))
    place = {
        "subject": np.repeat(names, READINGS),
        "reading": np.tile(np.arange(1, READINGS + 1), n_subjects),
    }
    reference, test = dict(place), dict(place)
    # From below the lowest to above the highest band of the standard, evenly over the subjects.
    for name, low, high in (("sbp", 90.0, 175.0), ("dbp", 52.0, 110.0)):
        level = np.linspace(low, high, n_subjects)[stream(seed, name).permutation(n_subjects)]
        size = n_subjects * READINGS
        truth = np.repeat(level, READINGS) + stream(seed, name, "reading").standard_normal(size)
        own = np.repeat(sd_between * stream(seed, name, "subject").standard_normal(n_subjects), READINGS)
        error = bias + own + sd_within * stream(seed, name, "error").standard_normal(size)
        reference[name] = np.round(truth, 1)
        test[name] = np.rint(truth + error)
    found = pl.DataFrame(reference).with_columns(pl.lit(None, dtype=pl.String).alias("exclusion"))
    values = {
        "n_subjects": n_subjects,
        "bias": bias,
        "sd_between": sd_between,
        "sd_within": sd_within,
        "female_share": female_share,
    }
    return SimulatedStudy(
        "bp_cuff",
        seed,
        {"subjects": subjects, "reference": found},
        {"v1": {"test": pl.DataFrame(test)}},
        values,
    )


def _subjects(seed: int, names: list[str], women: int) -> pl.DataFrame:
    """Sex by quota; arms evenly over the cuff's range, as its quarters have to be filled."""
    n = len(names)
    sex = np.array(["female"] * women + ["male"] * (n - women))[stream(seed, "sex").permutation(n)]
    arm = np.linspace(*ARMS, n)[stream(seed, "arm").permutation(n)]
    return pl.DataFrame(
        {
            "subject": names,
            "sex": sex.tolist(),
            "age": stream(seed, "age").integers(18, 85, n),
            "arm": np.round(arm, 1),
            "exclusion": pl.Series([None] * n, dtype=pl.String),
        }
    )
