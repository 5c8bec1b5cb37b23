"""Agreement epoch by epoch: every stage against the rest, error matrices, and all stages at once.

Subjects are the units. Averages over subjects and what the pooled epochs give are different numbers (on the
SRI sample 67% and 58% for the sensitivity to REM), and both stand here under their own names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..classification.binary import Accuracy, Prevalence, Sensitivity, Specificity
from ..classification.f_scores import FFormula
from ..classification.overall_accuracy import MatthewsFormula
from ..classification.predictive_values import NegativePredictiveValue, PositivePredictiveValue
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED
from ..metric import FloatArray, IntArray
from ..raters.kappa import KappaFormula
from ..raters.pabak import indices
from ..result import number
from .averages import AverageInterval, SubjectAverage, averages
from .nights import OUTSIDE, Staging
from .pairing import PairedNights, paired_nights

_PROPORTIONS = (
    Accuracy(),
    Sensitivity(),
    Specificity(),
    PositivePredictiveValue(),
    NegativePredictiveValue(),
    Prevalence(),
)
BY_STAGE = (
    *(metric.name for metric in _PROPORTIONS),
    "f1",
    "mcc",
    "kappa",
    "pabak",
    "prevalence_index",
    "bias_index",
)
"""Statistics of one stage against the rest. `accuracy` there counts every epoch right that is neither."""
OVERALL = ("accuracy", "balanced_accuracy", "kappa", "mcc", "weighted_ppv", "weighted_f1")
"""Statistics of all stages at once."""
_SIGNED = {"mcc", "kappa", "pabak", "prevalence_index", "bias_index"}


def one_against_rest(tables: FloatArray) -> dict[str, FloatArray]:
    """Every statistic of each stage, from (..., k, k) tables with the reference in rows: name -> (..., k)."""
    hit = np.diagonal(tables, axis1=-2, axis2=-1)
    rows, columns = tables.sum(axis=-1), tables.sum(axis=-2)
    total = rows.sum(axis=-1, keepdims=True)
    cells = np.stack([hit, columns - hit, rows - hit, total - rows - columns + hit], axis=-1)
    with np.errstate(all="ignore"):
        found = {metric.name: metric.ratio(cells)[..., 0] for metric in _PROPORTIONS}
        found["f1"] = FFormula(1.0)(cells)[..., 0]
        found["mcc"] = MatthewsFormula()(cells)[..., 0]
        square = cells[..., [0, 2, 1, 3]]  # TP, FN / FP, TN: reference in rows
        found["kappa"] = KappaFormula(2)(square)[..., 0]
        further = indices(cells)
    return found | {
        name: further[..., i] for i, name in enumerate(("pabak", "prevalence_index", "bias_index"))
    }


def all_stages(tables: FloatArray) -> dict[str, FloatArray]:
    """Every statistic of all stages at once, from (..., k, k) tables: name -> (...)."""
    k = tables.shape[-1]
    hit = np.diagonal(tables, axis1=-2, axis2=-1)
    rows, columns = tables.sum(axis=-1), tables.sum(axis=-2)
    total = rows.sum(axis=-1)
    right = hit.sum(axis=-1)
    with np.errstate(all="ignore"):
        recall = hit / rows
        present = rows > 0
        covariance = right * total - (rows * columns).sum(axis=-1)
        spread = (total**2 - (rows**2).sum(axis=-1)) * (total**2 - (columns**2).sum(axis=-1))
        # a stage that only the reference has is never called: it weighs, and its F1 is 0
        ppv = np.where(columns > 0, hit / columns, np.nan)
        f1 = 2 * hit / (rows + columns)
        balanced = np.where(present, recall, 0.0).sum(axis=-1) / present.sum(axis=-1)
        return {
            "accuracy": right / total,
            "balanced_accuracy": balanced,
            "kappa": KappaFormula(k)(tables.reshape(*tables.shape[:-2], k * k))[..., 0],
            "mcc": covariance / np.sqrt(spread),
            "weighted_ppv": _weighted(ppv, rows),
            "weighted_f1": _weighted(f1, rows),
        }


def _weighted(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Mean weighed by the reference's epochs; a stage of weight 0 has none, whatever its value."""
    used = weights > 0
    return np.asarray(np.where(used, weights * values, 0.0).sum(axis=-1) / weights.sum(axis=-1))


@dataclass(frozen=True)
class EpochAgreement:
    """Agreement of two hypnograms, subject by subject, averaged and pooled. All shares are proportions.

    Attributes:
        stages: Names of the stages, by code.
        subjects: The subjects.
        tables: (S, k, k) epochs of each subject, the reference's stage in rows.
        left_out: (S,) epochs that either side did not score.
        cut: Epochs that truncation took from reference and device.
        by_subject: Statistic of one stage -> (S, k).
        averaged: The same averaged over the subjects that have it, (k,).
        pooled: The same of all epochs taken together, (k,); no interval, for epochs are not independent.
        overall_by_subject: Statistic of all stages -> (S,).
        overall_averaged: The same averaged.
        overall_pooled: The same of all epochs taken together.
        error_matrix: (k, k) shares of the reference's epochs of a stage (rows) that the device calls each
            stage, averaged over the subjects that have the stage.
    """

    stages: tuple[str, ...]
    subjects: tuple[str, ...]
    tables: IntArray
    left_out: IntArray
    cut: tuple[int, int]
    by_subject: Mapping[str, FloatArray]
    averaged: Mapping[str, SubjectAverage]
    pooled: Mapping[str, FloatArray]
    overall_by_subject: Mapping[str, FloatArray]
    overall_averaged: Mapping[str, SubjectAverage]
    overall_pooled: Mapping[str, float]
    error_matrix: SubjectAverage

    @property
    def pooled_matrix(self) -> IntArray:
        """(k, k) epochs of all subjects."""
        return np.asarray(self.tables.sum(axis=0))

    def reason(self, statistic: str, stage: str, subject: str | None = None) -> str | None:
        """Why one stage's statistic has no value for a subject, or, without one, in the pooled epochs."""
        place = self.stages.index(stage)
        if subject is None:
            value, table = self.pooled[statistic][place], self.pooled_matrix
        else:
            one = self.subjects.index(subject)
            value, table = self.by_subject[statistic][one, place], self.tables[one]
        if np.isfinite(value):
            return None
        rows, columns, total = table[place].sum(), table[:, place].sum(), table.sum()
        if total == 0:
            who = "There is" if subject is None else f"Subject {subject!r} has"
            return f"{who} no epoch that both sides scored."
        words = {
            "sensitivity": f"The reference never scores {stage}.",
            "specificity": f"The reference scores nothing but {stage}.",
            "ppv": f"The device never calls {stage}.",
            "npv": f"The device calls nothing but {stage}.",
        }
        if statistic in words:
            return words[statistic]
        if rows == columns == 0:
            return f"Neither side ever has {stage}."
        return f"One side has {'nothing but' if max(rows, columns) == total else 'never'} {stage}."

    def __str__(self) -> str:
        epochs, lost = int(self.tables.sum()), int(self.left_out.sum())
        lines = [
            f"{len(self.subjects):,} subjects, {epochs:,} epochs; {lost:,} unscored on either side left out"
        ]
        for name in OVERALL:
            mean, pooled = self.overall_averaged[name], self.overall_pooled[name]
            lines.append(f"{name}: subjects' mean {_ends(mean, 0)}; pooled {number(pooled)}")
        for name in ("sensitivity", "specificity", "ppv", "npv", "kappa"):
            for i, stage in enumerate(self.stages):
                mean = self.averaged[name]
                lines.append(
                    f"{name}, {stage}: subjects' mean {_ends(mean, i)} (n = {int(mean.n[i])}); pooled "
                    f"{number(float(self.pooled[name][i]))}"
                )
        return "\n".join(lines)


def _ends(mean: SubjectAverage, i: int) -> str:
    value, lower, upper = (float(np.ravel(part)[i]) for part in (mean.mean, mean.lower, mean.upper))
    return f"{number(value)} [{number(lower)}, {number(upper)}]"


def epoch_agreement(
    reference: Any,
    device: Any,
    *,
    night: Any = None,
    subject: Any = None,
    staging: Staging = "five",
    device_staging: Staging | None = None,
    into: Staging | None = None,
    lights_off: Any = None,
    lights_on: Any = None,
    truncate: bool = False,
    ci: AverageInterval = "t",
    level: float = 0.95,
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> EpochAgreement:
    """Agreement epoch by epoch of two hypnograms of the same nights.

    An epoch that either side did not score is left out and counted. A statistic that a subject does not have,
    such as the sensitivity to a stage that the reference never scores in it, is left out of the average,
    whose n says so; NPV and specificity of such a subject do exist.

    Args:
        reference: Stage codes; see `hypnogram_measures`.
        device: Stage codes of the device, in the same shape.
        night: Label of each row, where both are columns.
        subject: Subject of each night, or of each row where `night` is given. Default: every night is a
            subject of its own. Nights of one subject are added up.
        staging: What the codes of the reference mean.
        device_staging: What those of the device mean. Default: the same. Both are merged to the coarser one.
        into: Fewer stages to merge both to, such as `two` for sleep and wake.
        lights_off: First epoch of the analysis; see `hypnogram_measures`.
        lights_on: First epoch after it.
        truncate: Whether nights of unequal length are cut to the shorter side; else they are refused.
        ci: Interval of the averages over subjects: `t`, `percentile`, `bca` or `basic` bootstrap of subjects.
        level: Confidence level.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: See `paired_nights`; or `ci` or `level` is not acceptable.

    References:
        Menghini L, Cellini N, Goldstone A, Baker FC, de Zambotti M. Sleep 2021;44:zsaa170. Byrt T, Bishop J,
        Carlin JB. Bias, prevalence and kappa. J Clin Epidemiol 1993;46:423-429. Gorodkin J. Comparing two
        K-category assignments by a K-category correlation coefficient. Comput Biol Chem 2004;28:367-374.

    Example:
        >>> psg = [[0, 0, 1, 1, 1, 1], [0, 1, 1, 1, 0, 1]]
        >>> watch = [[0, 1, 1, 1, 1, 1], [0, 1, 1, 1, 1, 1]]
        >>> found = epoch_agreement(psg, watch, staging="two")
        >>> float(found.pooled["sensitivity"][0]), float(found.averaged["specificity"].mean[0])
        (0.5, 1.0)
    """
    pairs = paired_nights(
        reference, device, night=night, subject=subject, staging=staging, device_staging=device_staging,
        into=into, lights_off=lights_off, lights_on=lights_on, truncate=truncate,
    )  # fmt: skip
    tables, left_out, subjects = subject_tables(pairs)
    cut = tuple(pairs.cut.sum(axis=0).tolist())
    return agreement_of_tables(
        tables, pairs.reference.stages, subjects, left_out=left_out, cut=cut,
        ci=ci, level=level, replicates=replicates, seed=seed,
    )  # fmt: skip


def subject_tables(pairs: PairedNights) -> tuple[IntArray, IntArray, tuple[str, ...]]:
    """(S, k, k) epochs by subject, the epochs left out, and the subjects, sorted."""
    k = len(pairs.reference.stages)
    subjects = tuple(sorted(set(pairs.subjects)))
    position = {name: i for i, name in enumerate(subjects)}
    owner = np.array([position[name] for name in pairs.subjects], dtype=np.int64)
    first, second = pairs.reference.codes, pairs.device.codes
    both = (first >= 0) & (second >= 0)
    cell = (owner[:, None] * k + first) * k + second
    tables = np.bincount(cell[both], minlength=len(subjects) * k * k).reshape(len(subjects), k, k)
    lost = ((first != OUTSIDE) & ~both).sum(axis=1)
    left_out = np.bincount(owner, weights=lost, minlength=len(subjects)).astype(np.int64)
    return tables.astype(np.int64), left_out, subjects


def agreement_of_tables(
    tables: NDArray[Any],
    stages: tuple[str, ...],
    subjects: tuple[str, ...],
    *,
    left_out: IntArray,
    cut: tuple[int, ...],
    ci: AverageInterval,
    level: float,
    replicates: int,
    seed: int,
) -> EpochAgreement:
    """Everything that follows from each subject's table."""
    k, counts = len(stages), tables.astype(np.float64)
    by_stage, overall = one_against_rest(counts), all_stages(counts)
    with np.errstate(all="ignore"):
        shares = counts / counts.sum(axis=2, keepdims=True)
    columns = [*by_stage.values(), *(one[:, None] for one in overall.values()), shares.reshape(-1, k * k)]
    lowest = [-1.0 if name in _SIGNED else 0.0 for name in by_stage for _ in stages]
    lowest += [-1.0 if name in _SIGNED else 0.0 for name in overall] + [0.0] * k * k
    bounds = np.array([lowest, [1.0] * len(lowest)])
    found = averages(
        np.column_stack(columns), subjects, bounds, ci=ci, level=level, replicates=replicates, seed=seed
    )
    start = len(by_stage) * k
    pooled = counts.sum(axis=0)
    return EpochAgreement(
        stages=stages,
        subjects=subjects,
        tables=tables,
        left_out=left_out,
        cut=(cut[0], cut[1]),
        by_subject=by_stage,
        averaged={name: found.reshaped(i * k, (k,)) for i, name in enumerate(by_stage)},
        pooled=one_against_rest(pooled),
        overall_by_subject=overall,
        overall_averaged={name: found.reshaped(start + i, (1,)) for i, name in enumerate(overall)},
        overall_pooled={name: float(value) for name, value in all_stages(pooled).items()},
        error_matrix=found.reshaped(start + len(overall), (k, k)),
    )
