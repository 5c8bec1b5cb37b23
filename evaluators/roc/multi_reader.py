"""Several readers read the same cases with several versions: areas compared for readers and cases at large.

Obuchowski and Rockette's analysis of variance of the readers' areas, which knows that areas from the same
cases are correlated, with Hillis' degrees of freedom. Readers and cases are both random: what is found holds
for other readers and other cases.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from .. import checks
from ..codes import binary_codes
from ..intervals import t_interval, tail_levels
from ..metric import CannotComputeError, Columns, FloatArray, Interval, Sides
from ..result import interval_label, number
from .area import AUC, AucPrepared
from .counts import Direction

Covariance = Literal["delong", "jackknife"]


@dataclass(frozen=True)
class ReaderMean:
    """Mean area of the readers with one version, or a difference of two.

    Attributes:
        value: The mean, or candidate - baseline.
        standard_error: Of it, readers and cases random.
        df: Degrees of freedom (Hillis).
        p_value: Two-sided p-value of no difference; NaN for a mean, and where the standard error is 0.
        interval: Student's t.
    """

    value: float
    standard_error: float
    df: float
    p_value: float
    interval: Interval


@dataclass(frozen=True, eq=False)
class MultiReader:
    """The analysis of a multi-reader multi-case study.

    Attributes:
        versions: The versions, sorted as text.
        readers: The readers, sorted as text.
        areas: (I, J) area of each reader with each version.
        means: Version -> mean of its readers, from the data of that version only.
        differences: (candidate, baseline) -> difference of their means, for all pairs of versions, the later
            one as candidate; not adjusted for how many they are.
        statistic: F of no difference between versions.
        df: Its degrees of freedom.
        p_value: Its p-value; NaN where the denominator is 0.
        mean_squares: `version`, `reader`, `version:reader`.
        components: Variance components `reader` and `version:reader` (may be negative), and `error`, `cov1`
            (same reader, other version), `cov2` (same version, other reader), `cov3` (both other).
        covariance: How the covariances of the areas were estimated.
        n_cases: Cases.
        n_events: Reference positives among them.
        n_subjects: Subjects of the cases.
    """

    versions: tuple[str, ...]
    readers: tuple[str, ...]
    areas: FloatArray
    means: Mapping[str, ReaderMean]
    differences: Mapping[tuple[str, str], ReaderMean]
    statistic: float
    df: tuple[float, float]
    p_value: float
    mean_squares: Mapping[str, float]
    components: Mapping[str, float]
    covariance: Covariance
    n_cases: int
    n_events: int
    n_subjects: int

    def __str__(self) -> str:
        lines = [
            f"{len(self.readers)} readers, {self.n_cases:,} cases ({self.n_events:,} positive), "
            f"{len(self.versions)} versions; Obuchowski-Rockette, {self.covariance} covariance",
            f"F({self.df[0]:.0f}, {number(self.df[1])}) = {number(self.statistic)}, "
            f"p = {number(self.p_value)}",
        ]
        for name, found in self.means.items():
            lines.append(f"{name}: {_bounds(found)}")
        for (candidate, baseline), found in self.differences.items():
            lines.append(f"{candidate} - {baseline}: {_bounds(found)}, p = {number(found.p_value)}")
        return "\n".join(lines)


def multi_reader_auc(
    reference: ArrayLike,
    score: ArrayLike,
    *,
    version: ArrayLike,
    reader: ArrayLike,
    case: ArrayLike,
    subject: ArrayLike | None = None,
    positive: Any = None,
    direction: Direction = "higher",
    covariance: Covariance = "delong",
    level: float = 0.95,
    sides: Sides = "two",
) -> MultiReader:
    """Areas under ROC curves in a multi-reader multi-case study (Obuchowski & Rockette 1995; Hillis 2007).

    Every reader rates every case with every version (or modality), once. With areas of I versions and J
    readers, MS(T), MS(R) and MS(T:R) their mean squares and Cov2, Cov3 the mean covariances of areas of
    different readers with the same and with another version, F = MS(T) / (MS(T:R) + J max(Cov2 - Cov3, 0)),
    with I - 1 and D^2 / (MS(T:R)^2 / ((I - 1)(J - 1))) degrees of freedom, D being that denominator. Readers
    and cases are random: `readers` who are the only ones of interest need another analysis. Covariances:
    DeLong's, or the jackknife (the default of R's MRMCaov), which is a little larger.

    Args:
        reference: (n,) values of the reference, the same in all rows of a case.
        score: (n,) ratings.
        version: (n,) which version, compared as text.
        reader: (n,) which reader.
        case: (n,) which case.
        subject: (n,) whose case it is; cases of a subject are a cluster. Default: a case is a subject.
        positive: The reference value, or values, that count as positive. Default: values are 0 and 1.
        direction: `higher` ratings (default) or `lower` ones speak for a positive. Never chosen from data.
        covariance: `delong` (default; with several cases a subject Obuchowski's) or `jackknife` (one subject
            left out).
        level: Confidence level.
        sides: `two`, or the one bound wanted.

    Raises:
        CannotComputeError: Fewer than two versions or readers; a class is empty, or has fewer than two cases
            or subjects.
        ValueError: Lengths differ, a value is missing, the design is not fully crossed, a case changes its
            reference or subject, or a parameter is not acceptable.

    References:
        Obuchowski NA, Rockette HE. Commun Stat Simul Comput 1995;24:285-308. Hillis SL. A comparison of
        denominator degrees of freedom methods for multiple observer ROC analysis. Stat Med 2007;26:596-619.

    Example:
        >>> truth = [0, 0, 0, 1, 1, 1] * 4
        >>> ratings = [1, 2, 4, 3, 5, 5] + [1, 3, 2, 2, 4, 5] + [1, 1, 3, 4, 5, 5] + [2, 1, 3, 3, 4, 5]
        >>> found = multi_reader_auc(
        ...     truth, ratings, version=["v1"] * 12 + ["v2"] * 12,
        ...     reader=(["r1"] * 6 + ["r2"] * 6) * 2, case=list(range(6)) * 4,
        ... )
        >>> difference = found.differences["v2", "v1"]
        >>> round(difference.value, 4), found.areas.round(4).tolist()
        (0.1111, [[0.8889, 0.8333], [1.0, 0.9444]])
    """
    if covariance not in get_args(Covariance):
        raise ValueError(
            f"`covariance` must be one of {', '.join(get_args(Covariance))}, not {covariance!r}."
        )
    tail_levels(level, sides)
    truth = binary_codes("reference", reference, positive)
    ratings = checks.measurements("score", score)
    checks.same_length(len(truth), {"score": ratings})
    versions, i = checks.subject_labels(version, len(truth))
    readers, j = checks.subject_labels(reader, len(truth))
    cases, k = checks.subject_labels(case, len(truth))
    for names, what in ((versions, "versions"), (readers, "readers")):
        if len(names) < 2:
            raise CannotComputeError(f"There are {len(names)} {what}; two are needed.")
    place = (i * len(readers) + j) * len(cases) + k
    _crossed(place, (versions, readers, cases))
    table = np.empty((len(versions) * len(readers), len(cases)))
    table.ravel()[place] = ratings
    whose = _whose(subject, k, len(truth), len(cases))
    outcome = _of_case("reference", truth, k, len(cases))
    areas, spread, units = _areas(table, outcome, whose, direction, covariance)
    shape = (len(versions), len(readers))
    return _analysed(
        areas.reshape(shape), spread.reshape(*shape, *shape), versions, readers,
        (len(cases), int(outcome.sum()), units), covariance=covariance, level=level, sides=sides,
    )  # fmt: skip


def _crossed(place: Any, names: tuple[tuple[str, ...], ...]) -> None:
    """Refuse a design in which a reader lacks a case, or reads it twice, with some version."""
    size = len(names[0]) * len(names[1]) * len(names[2])
    counts = np.bincount(place, minlength=size)
    wrong = np.flatnonzero(counts != 1)
    if len(wrong):
        first = np.unravel_index(wrong[0], tuple(len(one) for one in names))
        version, reader, case = (one[at] for one, at in zip(names, first, strict=True))
        raise ValueError(
            f"Every reader has to rate every case once with every version; {len(wrong):,} of {size:,} "
            f"combinations differ, first version {version}, reader {reader}, case {case}: "
            f"{counts[wrong[0]]} ratings."
        )


def _of_case(name: str, values: Any, case: Any, cases: int) -> Any:
    """(C,) the value that all rows of a case share."""
    found = np.empty(cases, dtype=values.dtype)
    found[case] = values
    differs = np.flatnonzero(found[case] != values)
    if len(differs):
        raise ValueError(f"`{name}` differs between rows of one case, first at row {differs[0]}.")
    return found


def _whose(subject: ArrayLike | None, case: Any, rows: int, cases: int) -> Any:
    if subject is None:
        return np.arange(cases)
    _, label = checks.subject_labels(subject, rows)
    return _of_case("subject", label, case, cases)


def _areas(
    table: FloatArray, outcome: Any, whose: Any, direction: Direction, covariance: Covariance
) -> tuple[FloatArray, FloatArray, int]:
    """(K,) areas, (K, K) their covariances, and the number of subjects."""
    order = np.argsort(whose, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.bincount(whose))]).astype(np.int64)
    prepared = [
        AUC.prepare(Columns(outcome[order], row[order], offsets), direction=direction) for row in table
    ]
    parts = [one.components() for one in prepared]
    areas = np.array([part.value for part in parts])
    p, n = parts[0].positives, parts[0].negatives
    if min(np.count_nonzero(p), np.count_nonzero(n)) < 2:
        raise CannotComputeError(
            "The covariances need positives and negatives from at least two subjects each."
        )
    spread = _jackknifed(prepared) if covariance == "jackknife" else _delong(parts)
    return areas, spread, len(p)


def _delong(parts: list[Any]) -> FloatArray:
    """(K, K) DeLong's covariances, or Obuchowski's with several cases a subject."""
    p, n = parts[0].positives, parts[0].negatives
    with_p, with_n, subjects = np.count_nonzero(p), np.count_nonzero(n), len(p)
    beats = np.array([part.beats - p * part.value for part in parts]) / p.sum()
    beaten = np.array([part.beaten - n * part.value for part in parts]) / n.sum()
    cross = beats @ beaten.T
    return np.asarray(
        with_p / (with_p - 1) * beats @ beats.T
        + with_n / (with_n - 1) * beaten @ beaten.T
        + subjects / (subjects - 1) * (cross + cross.T)
    )


def _jackknifed(prepared: list[AucPrepared]) -> FloatArray:
    """(K, K) covariances from areas with one subject left out each."""
    left_out = np.column_stack([one.jackknife() for one in prepared])
    apart = left_out - left_out.mean(axis=0)
    subjects = len(left_out)
    return np.asarray((subjects - 1) / subjects * apart.T @ apart)


def _analysed(
    areas: FloatArray,
    spread: FloatArray,
    versions: tuple[str, ...],
    readers: tuple[str, ...],
    sizes: tuple[int, int, int],
    *,
    covariance: Covariance,
    level: float,
    sides: Sides,
) -> MultiReader:
    count, several = areas.shape
    grand, by_version, by_reader = areas.mean(), areas.mean(axis=1), areas.mean(axis=0)
    rest = areas - by_version[:, None] - by_reader[None, :] + grand
    squares = {
        "version": several * float(np.square(by_version - grand).sum()) / (count - 1),
        "reader": count * float(np.square(by_reader - grand).sum()) / (several - 1),
        "version:reader": float(np.square(rest).sum()) / ((count - 1) * (several - 1)),
    }
    same_version = np.eye(count, dtype=bool)[:, None, :, None]
    same_reader = np.eye(several, dtype=bool)[None, :, None, :]
    everywhere = np.ones(spread.shape, dtype=bool)
    error = float(spread[same_version & same_reader & everywhere].mean())
    cov1 = float(spread[~same_version & same_reader & everywhere].mean())
    cov2 = float(spread[same_version & ~same_reader & everywhere].mean())
    cov3 = float(spread[~same_version & ~same_reader & everywhere].mean())
    between = max(cov2 - cov3, 0.0)
    residual = squares["version:reader"]
    denominator = residual + several * between
    below = residual**2 / ((count - 1) * (several - 1))
    # readers who all differ alike leave nothing that degrees of freedom could be taken from
    df = denominator**2 / below if below > 0 else float("inf")
    statistic = squares["version"] / denominator if denominator > 0 else float("nan")
    p_value = _f_tail(count - 1, df, statistic)
    differences = {
        (versions[b], versions[a]): _mean(
            float(by_version[b] - by_version[a]), 2 / several * denominator, df, level, sides, least=-1.0
        )
        for a, b in combinations(range(count), 2)
    }
    means = {}
    for i, name in enumerate(versions):
        own = float(np.square(areas[i] - by_version[i]).sum()) / (several - 1)
        shared = float(spread[i, :, i, :][~np.eye(several, dtype=bool)].mean())
        total = own + several * max(shared, 0.0)
        freedom = total**2 / (own**2 / (several - 1)) if own > 0 else float("inf")
        means[name] = _mean(float(by_version[i]), total / several, freedom, level, sides, least=0.0)
    components = {
        "reader": (squares["reader"] - residual) / count - cov1 + cov3,
        "version:reader": residual - error + cov1 + between,
        "error": error, "cov1": cov1, "cov2": cov2, "cov3": cov3,
    }  # fmt: skip
    return MultiReader(
        versions, readers, areas, means, differences, statistic, (float(count - 1), df), p_value, squares,
        components, covariance, *sizes,
    )  # fmt: skip


def _f_tail(df1: float, df2: float, statistic: float) -> float:
    if np.isinf(df2):
        return float(special.chdtrc(df1, df1 * statistic))
    return float(special.fdtrc(df1, df2, statistic))


def _mean(
    value: float, variance: float, df: float, level: float, sides: Sides, *, least: float
) -> ReaderMean:
    """A t interval, cut at the range; the p-value belongs to a difference, whose range begins at -1."""
    error = float(np.sqrt(variance))
    degenerate = error <= 1e-14
    lower, upper = t_interval(value, error, df, level, sides)
    p_value = float("nan")
    if least < 0 and not degenerate:
        t = -abs(value / error)
        p_value = float(2 * (special.ndtr(t) if np.isinf(df) else special.stdtr(df, t)))
    interval = Interval(
        max(lower, least), min(upper, 1.0), level, sides, "obuchowski_rockette", degenerate=degenerate,
        warning="The variance is 0; the interval has no width and says nothing." if degenerate else None,
    )  # fmt: skip
    return ReaderMean(value, error, df, p_value, interval)


def _bounds(found: ReaderMean) -> str:
    interval = found.interval
    ends = f"[{number(interval.lower)}, {number(interval.upper)}]"
    return f"{number(found.value)} {ends} ({interval_label(interval)})"
