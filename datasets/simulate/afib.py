"""A software performance assessment of an atrial fibrillation classifier on single-lead ECG, simulated.

The design follows what cleared ECG features were assessed with: a cohort in atrial fibrillation (AF) and a
cohort in sinus rhythm (SR), one 30 s single-lead recording beside a simultaneous 12-lead ECG that three
blinded readers judge, several sites. The numbers are invented; only their order of magnitude is meant to be
plausible (published accounts of such features put 10 to 20% of recordings as not classifiable).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .draws import FloatArray, correlated_uniform, pick, probabilities, stream, truncated_normal
from .study import SimulatedStudy

Rows = NDArray[Any]

AF, SR = "AF", "SR"
INCONCLUSIVE, POOR, UNREADABLE = "inconclusive", "poor", "unreadable"

RACES = (
    ("White", 0.70), ("Black or African American", 0.15), ("Asian", 0.08),
    ("American Indian or Alaska Native", 0.01), ("Native Hawaiian or Other Pacific Islander", 0.01),
    ("More than one race", 0.05),
)  # fmt: skip
ETHNICITIES = (("Not Hispanic or Latino", 0.84), ("Hispanic or Latino", 0.16))
SKIN_TONE: Mapping[str, tuple[float, float]] = {  # mean and SD on the 10-point Monk scale
    "White": (3.2, 1.3),
    "Black or African American": (7.8, 1.2),
    "Asian": (4.4, 1.2),
    "American Indian or Alaska Native": (5.2, 1.2),
    "Native Hawaiian or Other Pacific Islander": (5.8, 1.2),
    "More than one race": (5.0, 1.8),
}
HARDWARE = (("gen3", 0.6), ("gen4", 0.4))
FIRMWARE: Mapping[str, str] = {"gen3": "3.8.1", "gen4": "4.2.0"}
POOR_BELOW = 0.55  # signal quality under which an output without a rhythm says `poor`


@dataclass(frozen=True)
class VersionTruth:
    """True behaviour of one algorithm version.

    Attributes:
        sensitivity: P(output AF | AF, a rhythm was output).
        specificity: P(output SR | SR, a rhythm was output).
        indeterminate_af: P(inconclusive or poor | AF), averaged over the simulated subjects.
        indeterminate_sr: P(inconclusive or poor | SR), likewise.
        heart_rate_bias: Mean of device minus 12-lead heart rate, beats/min.
        heart_rate_sd_af: SD of that difference in AF, beats/min (irregular intervals make it larger).
        heart_rate_sd_sr: SD of that difference in SR, beats/min.
    """

    sensitivity: float
    specificity: float
    indeterminate_af: float
    indeterminate_sr: float
    heart_rate_bias: float
    heart_rate_sd_af: float
    heart_rate_sd_sr: float


VERSIONS: Mapping[str, VersionTruth] = {
    "v1_0": VersionTruth(0.945, 0.965, 0.085, 0.125, -0.6, 5.0, 2.2),
    "v1_1": VersionTruth(0.975, 0.990, 0.065, 0.100, -0.2, 3.6, 1.6),
}
"""Default truth: version 1.1 is better than 1.0 in everything."""

SITES: Mapping[str, tuple[float, float]] = {
    "101": (0.24, 0.3), "102": (0.20, 0.1), "103": (0.18, 0.0),
    "104": (0.15, -0.1), "105": (0.13, -0.3), "106": (0.10, -0.6),
}  # fmt: skip
"""Site -> share of the subjects, and effect on the logit of signal quality."""


def spa_afib_ecg(
    *,
    seed: int = 20260403,
    n_af: int = 270,
    n_sr: int = 270,
    versions: Mapping[str, VersionTruth] = VERSIONS,
    sites: Mapping[str, tuple[float, float]] = SITES,
    reader_error: tuple[float, float, float] = (0.006, 0.010, 0.015),
    reader_unreadable: float = 0.004,
    version_correlation: float = 0.7,
    n_no_output: int = 4,
    n_unreadable: int = 5,
    n_withdrawn: int = 2,
) -> SimulatedStudy:
    """Simulate the assessment of a single-lead ECG rhythm classifier against 12-lead truth by three readers.

    Every subject gives one recording. Signal quality depends on site, BMI and age and moves the probability
    that the device outputs no rhythm; given a rhythm, its error probability is the same for everybody, so the
    stated sensitivity and specificity are the true ones in every subgroup. Each of the versions runs on the
    same recordings. The reference is the rhythm on which at least two of three readers agree, each of whom
    errs independently; where no two agree the recording has no reference (`unreadable_reference`).

    Tables (text keys; `exclusion` is a reason code or empty):
        `subjects`: subject, cohort, site, age [years], sex, race, ethnicity, skin_tone (Monk scale 1 to 10),
        bmi [kg/m2], wrist_circumference [mm], hardware, firmware, exclusion (`withdrawn`).
        `reference`: subject, recording, reader_1 to reader_3, truth, heart_rate [beats/min],
        exclusion (`unreadable_reference`).
        `test`: subject, recording, rhythm (AF, SR, inconclusive, poor), heart_rate [beats/min; none where
        poor], signal_quality (0 to 1).

    Args:
        seed: Reproduces everything. The default is the one of the example study, in which version 1.1 meets
            both goals (0.90 and 0.92) on classifiable recordings.
        n_af: Subjects enrolled in AF.
        n_sr: Subjects enrolled in SR.
        versions: Version -> its true behaviour.
        sites: Site -> (share of subjects, effect on the logit of signal quality).
        reader_error: Probability that each reader calls the other rhythm.
        reader_unreadable: Probability that a reader calls a readable recording unreadable.
        version_correlation: Correlation of the versions' latent error and indecision on one recording.
        n_no_output: Recordings that the device lost (no row in any version's test table).
        n_unreadable: Reference recordings that at least two readers cannot read.
        n_withdrawn: Subjects who withdrew; the first of them before any recording, the rest after it.

    Returns:
        The tables, and in `truth` every value used; `truth["versions"]` by version.

    Raises:
        ValueError: A probability is not inside (0, 1), site shares do not add up to 1, or more losses are
            asked for than there are subjects.

    Example:
        >>> study = spa_afib_ecg()
        >>> study.subjects.height, study.reference.height, study.test("v1_1").height
        (540, 539, 535)
        >>> study.truth["versions"]["v1_1"]["sensitivity"]
        0.975
    """
    _check(
        n_af=n_af,
        n_sr=n_sr,
        versions=versions,
        sites=sites,
        reader_error=reader_error,
        reader_unreadable=reader_unreadable,
        version_correlation=version_correlation,
    )
    n = n_af + n_sr
    if min(n_no_output, n_unreadable, n_withdrawn) < 0 or n_no_output + n_unreadable + n_withdrawn > n:
        raise ValueError(f"losses must be non-negative and at most the {n} subjects together")
    subjects = _subjects(seed, n_af, n_sr, sites)
    is_af = (subjects["cohort"] == AF).to_numpy()
    lost = stream(seed, "losses").permutation(n)
    withdrawn, no_output = lost[:n_withdrawn], lost[n_withdrawn : n_withdrawn + n_no_output]
    unreadable = lost[n_withdrawn + n_no_output :][:n_unreadable]
    subjects = subjects.with_columns(_code("withdrawn", withdrawn, n))
    recorded = np.setdiff1d(np.arange(n), withdrawn[:1])
    heart_rate = _heart_rate(seed, is_af)
    reference = _reference(
        seed,
        subjects=subjects,
        is_af=is_af,
        heart_rate=heart_rate,
        unreadable=unreadable,
        reader_error=reader_error,
        reader_unreadable=reader_unreadable,
    )
    quality_logit = _quality(seed, subjects, sites)
    has_output = np.setdiff1d(recorded, no_output)
    tests = {}
    for version, true in versions.items():
        outputs = _test(
            seed,
            version,
            true=true,
            subjects=subjects,
            is_af=is_af,
            heart_rate=heart_rate,
            quality_logit=quality_logit,
            correlation=version_correlation,
        )
        tests[version] = {"test": outputs[has_output]}
    truth: dict[str, Any] = {
        "n": {AF: n_af, SR: n_sr},
        "versions": {version: asdict(true) for version, true in versions.items()},
        "site_share": {site: share for site, (share, _) in sites.items()},
        "site_effect_on_logit_signal_quality": {site: effect for site, (_, effect) in sites.items()},
        "reader_error": list(reader_error),
        "reader_unreadable": reader_unreadable,
        "version_correlation": version_correlation,
        "losses": {"withdrawn": n_withdrawn, "no_output": n_no_output, "unreadable_reference": n_unreadable},
    }
    shared = {"subjects": subjects, "reference": reference[recorded]}
    return SimulatedStudy("spa_afib_ecg", seed, shared, tests, truth)


def _check(
    *,
    n_af: int,
    n_sr: int,
    versions: Mapping[str, VersionTruth],
    sites: Mapping[str, tuple[float, float]],
    reader_error: tuple[float, float, float],
    reader_unreadable: float,
    version_correlation: float,
) -> None:
    wrong = [
        f"{name} must be at least 1, not {count}"
        for name, count in (("n_af", n_af), ("n_sr", n_sr))
        if count < 1
    ]
    chances = {f"reader_error[{i}]": p for i, p in enumerate(reader_error)} | {
        "reader_unreadable": reader_unreadable
    }
    for version, true in versions.items():
        for name in ("sensitivity", "specificity", "indeterminate_af", "indeterminate_sr"):
            chances[f"{version}.{name}"] = getattr(true, name)
    wrong += [f"{name} must lie inside (0, 1), not {p}" for name, p in chances.items() if not 0 < p < 1]
    if len(reader_error) != 3:
        wrong.append(f"reader_error needs one probability for each of three readers, not {len(reader_error)}")
    if not 0 <= version_correlation <= 1:
        wrong.append(f"version_correlation must lie in [0, 1], not {version_correlation}")
    total = sum(share for share, _ in sites.values())
    if abs(total - 1) > 1e-9:
        wrong.append(f"site shares must add up to 1, not {total:g}")
    if not versions:
        wrong.append("versions must name at least one algorithm version")
    if wrong:
        raise ValueError("; ".join(wrong))


def _code(code: str, rows: Any, n: int) -> pl.Series:
    marked = np.zeros(n, dtype=bool)
    marked[rows] = True
    return pl.Series("exclusion", [code if yes else None for yes in marked], dtype=pl.String)


def _subjects(seed: int, n_af: int, n_sr: int, sites: Mapping[str, tuple[float, float]]) -> pl.DataFrame:
    """Demographics; subjects in AF are older, and cohorts come interleaved as they would be enrolled."""
    n = n_af + n_sr
    cohort = np.array([AF] * n_af + [SR] * n_sr)[stream(seed, "order").permutation(n)]
    is_af = cohort == AF
    site = pick(stream(seed, "site"), [(name, share) for name, (share, _) in sites.items()], n)
    age = truncated_normal(
        stream(seed, "age"), n, mean=np.where(is_af, 71.0, 55.0), sd=12.0, low=22.0, high=94.0
    )
    male = stream(seed, "sex").uniform(size=n) < np.where(is_af, 0.57, 0.49)
    race = pick(stream(seed, "race"), RACES, n)
    tone_mean = np.array([SKIN_TONE[name][0] for name in race])
    tone_sd = np.array([SKIN_TONE[name][1] for name in race])
    tone = np.clip(np.rint(tone_mean + tone_sd * stream(seed, "tone").standard_normal(n)), 1, 10).astype(
        np.int64
    )
    bmi = truncated_normal(
        stream(seed, "bmi"), n, mean=np.where(is_af, 29.5, 27.8), sd=5.2, low=17.0, high=52.0
    )
    wrist = 165.0 + 12.0 * male + 1.3 * (bmi - 28.0) + 7.0 * stream(seed, "wrist").standard_normal(n)
    hardware = pick(stream(seed, "hardware"), HARDWARE, n)
    number = dict.fromkeys(sites, 0)
    identifiers = []
    for name in site:
        number[name] += 1
        identifiers.append(f"{name}-{number[name]:03d}")
    return pl.DataFrame(
        {
            "subject": identifiers,
            "cohort": cohort.tolist(),
            "site": site,
            "age": np.floor(age).astype(np.int64),
            "sex": ["male" if yes else "female" for yes in male],
            "race": race,
            "ethnicity": pick(stream(seed, "ethnicity"), ETHNICITIES, n),
            "skin_tone": tone,
            "bmi": np.round(bmi, 1),
            "wrist_circumference": np.rint(np.clip(wrist, 125, 245)).astype(np.int64),
            "hardware": hardware,
            "firmware": [FIRMWARE[name] for name in hardware],
        }
    )


def _heart_rate(seed: int, is_af: Rows) -> FloatArray:
    """12-lead heart rate over the 30 s, beats/min, to one decimal."""
    n = is_af.size
    values = truncated_normal(stream(seed, "heart rate af"), n, mean=88.0, sd=19.0, low=48.0, high=165.0)
    sinus = truncated_normal(stream(seed, "heart rate sr"), n, mean=70.0, sd=11.0, low=44.0, high=110.0)
    return np.asarray(np.round(np.where(is_af, values, sinus), 1), dtype=np.float64)


def _reference(
    seed: int,
    *,
    subjects: pl.DataFrame,
    is_af: Rows,
    heart_rate: FloatArray,
    unreadable: Rows,
    reader_error: tuple[float, float, float],
    reader_unreadable: float,
) -> pl.DataFrame:
    n = is_af.size
    rng = stream(seed, "readers")
    called_af = np.stack([is_af ^ (rng.uniform(size=n) < error) for error in reader_error], axis=1)
    cannot_read = rng.uniform(size=(n, 3)) < reader_unreadable
    # On an unreadable recording at most one reader still ventures a rhythm.
    venturing = rng.integers(0, 6, size=n)
    cannot_read[unreadable] = venturing[unreadable, None] != np.arange(3)
    n_af = (called_af & ~cannot_read).sum(axis=1)
    n_sr = (~called_af & ~cannot_read).sum(axis=1)
    truth = [AF if af >= 2 else SR if sr >= 2 else None for af, sr in zip(n_af, n_sr, strict=True)]
    readers = np.where(cannot_read, UNREADABLE, np.where(called_af, AF, SR))
    no_truth = np.array([value is None for value in truth])
    return pl.DataFrame(
        {
            "subject": subjects["subject"],
            "recording": ["1"] * n,
            **{f"reader_{i + 1}": readers[:, i].tolist() for i in range(3)},
            "truth": pl.Series(truth, dtype=pl.String),
            "heart_rate": pl.Series(heart_rate),
            "exclusion": _code("unreadable_reference", no_truth, n),
        }
    )


def _quality(seed: int, subjects: pl.DataFrame, sites: Mapping[str, tuple[float, float]]) -> FloatArray:
    """Logit of the recording's signal quality: lower at some sites, with higher BMI, with age (tremor)."""
    site = np.array([sites[name][1] for name in subjects["site"]])
    bmi = subjects["bmi"].to_numpy()
    age = subjects["age"].to_numpy()
    noise = stream(seed, "quality").standard_normal(subjects.height)
    return np.asarray(1.6 + site - 0.05 * (bmi - 28.0) - 0.012 * (age - 60.0) + 0.9 * noise, dtype=np.float64)


def _test(
    seed: int,
    version: str,
    *,
    true: VersionTruth,
    subjects: pl.DataFrame,
    is_af: Rows,
    heart_rate: FloatArray,
    quality_logit: FloatArray,
    correlation: float,
) -> pl.DataFrame:
    n = is_af.size
    common, own = (
        stream(seed, "recording").standard_normal((3, n)),
        stream(seed, version).standard_normal((3, n)),
    )
    effect = -0.9 * (quality_logit - quality_logit.mean())
    p_indeterminate = np.empty(n)
    p_indeterminate[is_af] = probabilities(true.indeterminate_af, effect[is_af])
    p_indeterminate[~is_af] = probabilities(true.indeterminate_sr, effect[~is_af])
    indeterminate = correlated_uniform(common[0], own[0], correlation) < p_indeterminate
    p_correct = np.where(is_af, true.sensitivity, true.specificity)
    correct = correlated_uniform(common[1], own[1], correlation) < p_correct
    quality = np.round(1.0 / (1.0 + np.exp(-quality_logit)), 3)
    poor = indeterminate & (quality < POOR_BELOW)
    rhythm = np.where(is_af == correct, AF, SR)
    rhythm = np.where(poor, POOR, np.where(indeterminate, INCONCLUSIVE, rhythm))
    sd = np.where(is_af, true.heart_rate_sd_af, true.heart_rate_sd_sr)
    error = np.sqrt(correlation) * common[2] + np.sqrt(1.0 - correlation) * own[2]
    device_rate = np.rint(np.clip(heart_rate + true.heart_rate_bias + sd * error, 30.0, 220.0))
    return pl.DataFrame(
        {
            "subject": subjects["subject"],
            "recording": ["1"] * n,
            "rhythm": rhythm.tolist(),
            "heart_rate": pl.Series(
                [None if bad else int(v) for bad, v in zip(poor, device_rate, strict=True)], dtype=pl.Int64
            ),
            "signal_quality": quality,
        }
    )
