"""Metrics of beats: detection of QRS complexes, and of ventricular and supraventricular ectopic beats.

Their rows are beats: each with its class in the reference and in the test, `O` where a side has none and `X`
where it has none because it could not read. `outcomes` makes these rows of what `compare_beats` has counted.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import checks
from ..codes import category_codes, check_codes, check_request
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, Method, arrange, evaluate
from ..metric import Average, Citation, Columns, FloatArray, Metric, MetricResult, Sides, Statistic
from ..proportions.bounds import PROPORTION_INTERVALS
from ..proportions.proportion import Weighed, proportion_statistic, rows_that_count, weighed
from .beats import ROWS, BeatCounts
from .shares import Share, SharesPrepared, prepare_shares

EC57 = Citation(
    "ec57",
    "ANSI/AAMI EC57:2012. Testing and reporting performance results of cardiac rhythm and ST segment "
    "measurement algorithms. As counted by the WFDB Software Package 10.7.0 (Moody G, PhysioNet).",
)
NO_BEAT = ("O", "X")
"""Classes that stand for the absence of a beat."""

Mask = NDArray[np.bool_]


class Cells(NamedTuple):
    """Which pairs of classes are above and below the line of a share, and what to say of none."""

    events: Mask
    units: Mask
    empty: str


class BeatMetric(Metric):
    """Shares of pairs of reference and test class. Subclasses say which."""

    kind = "categorical"
    route = "additive"
    averages = ("pooled", "subject_mean")
    citations = (EC57,)
    figure = "confusion"

    @abstractmethod
    def cells(self, levels: tuple[str, ...]) -> list[Cells]:
        """Of each statistic, for the declared classes.

        Raises:
            ParameterError: The classes do not say what the metric needs.
        """

    def prepare(self, columns: Columns, *, average: Average = "pooled", **parameters: Any) -> SharesPrepared:
        """Count the pairs of classes of each subject.

        Raises:
            ValueError: Codes outside `levels`, classes that the metric does not know, an unknown average, or
                any parameter.
        """
        check_request(self, columns, average, parameters)
        cells = self.cells(columns.levels)
        for name, values in (("reference", columns.reference), ("test", columns.test)):
            check_codes(name, values, len(columns.levels))
        pair = columns.reference.astype(np.int64) * len(columns.levels) + columns.test
        masks = [mask.ravel()[pair] for one in cells for mask in (one.events, one.units)]
        found = weighed(columns, masks)
        shares = [self._share(k, one, found) for k, one in enumerate(cells)]
        return prepare_shares(
            shares, units=rows_that_count(columns), average=average, weighted=columns.weights is not None
        )

    def _share(self, k: int, cells: Cells, found: Weighed) -> Share:
        def column(table: FloatArray, which: int) -> FloatArray:
            return table[:, 2 * k + which]

        return Share(
            self.statistics[k].name,
            part=column(found.totals, 0),
            whole=column(found.totals, 1),
            events=column(found.counted, 0),
            units=column(found.counted, 1),
            squares=column(found.squared, 1),
            empty=cells.empty,
        )


def _present(levels: tuple[str, ...]) -> Mask:
    return np.array([level not in NO_BEAT for level in levels], dtype=bool)


class BeatDetection(BeatMetric):
    """The plain function is `beat_detection`."""

    name = "beat_detection"
    title = "Detection of beats"
    summary = (
        "Sensitivity and positive predictivity of QRS complexes, whatever their class. Rows are beats; `O` "
        "(or `X`, unreadable) stands for a beat that one side does not have."
    )
    headline = "qrs_sensitivity"
    statistics = (
        proportion_statistic(
            "qrs_sensitivity",
            "QRS sensitivity",
            "Reference beats that the test has too, over all of them.",
            "higher",
        ),
        proportion_statistic(
            "qrs_ppv",
            "QRS positive predictivity",
            "Test beats that the reference has too, over all of them.",
            "higher",
        ),
    )

    def cells(self, levels: tuple[str, ...]) -> list[Cells]:
        """Both shares.

        Raises:
            ParameterError: No class stands for the absence of a beat.
        """
        present = _present(levels)
        if present.all():
            raise checks.ParameterError(
                f"`levels` are {', '.join(levels) or 'not given'}; `O` or `X` must be one of them, for beats "
                "that one side does not have."
            )
        reference = np.repeat(present[:, None], len(levels), axis=1)
        both = reference & present[None, :]
        return [
            Cells(both, reference, "The reference has no beats."),
            Cells(both, reference.T, "The test has no beats."),
        ]


def _class_statistic(name: str, title: str, definition: str) -> Statistic:
    return proportion_statistic(name, title, definition, "higher")


class BeatClasses(BeatMetric):
    """The plain function is `beat_classes`."""

    name = "beat_classes"
    title = "Classes of beats"
    summary = (
        "Sensitivity and positive predictivity of ventricular (V) and supraventricular (S) ectopic beats, "
        "and the false positive rate of V, by the rules of EC57. Rows are beats: N, S, V, F, Q, O or X."
    )
    headline = "veb_sensitivity"
    statistics = (
        _class_statistic(
            "veb_sensitivity", "VEB sensitivity", "V called V over all V of the reference, missed ones too."
        ),
        _class_statistic(
            "veb_ppv", "VEB positive predictivity",
            "V called V over all beats called V, but for fusion (F) and unclassifiable (Q) beats.",
        ),
        Statistic(
            "veb_fpr", "VEB false positive rate",
            "Beats called V that are N, S or none, over these and all but V that are called N, S, F or Q.",
            "proportion", "lower", PROPORTION_INTERVALS,
        ),
        _class_statistic(
            "sveb_sensitivity", "SVEB sensitivity", "S called S over all S of the reference, missed ones too."
        ),
        _class_statistic(
            "sveb_ppv", "SVEB positive predictivity",
            "S called S over all beats called S, but for unclassifiable (Q) beats; fusion beats are wrong.",
        ),
    )  # fmt: skip

    def cells(self, levels: tuple[str, ...]) -> list[Cells]:
        """The five shares.

        Raises:
            ParameterError: Classes other than those of EC57.
        """
        strange = [level for level in levels if level not in ROWS]
        if strange or not levels:
            raise checks.ParameterError(
                f"`levels` has {', '.join(strange) or 'nothing'}; the classes of beats are {', '.join(ROWS)}."
            )

        def pairs(rows: str, columns: str) -> Mask:
            return np.outer([level in rows for level in levels], [level in columns for level in levels])

        return [
            Cells(
                pairs("V", "V"), pairs("V", "NSVFQOX"), "The reference has no ventricular ectopic beats (V)."
            ),
            Cells(pairs("V", "V"), pairs("NSVOX", "V"), "The test calls no beat V."),
            Cells(
                pairs("NSOX", "V"),
                pairs("NSOX", "V") | pairs("NSFQOX", "NSFQ"),
                "There are no beats other than V.",
            ),
            Cells(
                pairs("S", "S"),
                pairs("S", "NSVFQOX"),
                "The reference has no supraventricular ectopic beats (S).",
            ),
            Cells(pairs("S", "S"), pairs("NSVFOX", "S"), "The test calls no beat S."),
        ]


METRICS: tuple[Metric, ...] = (BeatDetection(), BeatClasses())


def outcomes(counts: BeatCounts) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """One row a beat: (n,) its class in the reference and (n,) in the test, in the order of the matrix.

    Example:
        >>> from accordance.evaluators.rhythm.annotations import Annotations
        >>> from accordance.evaluators.rhythm.beats import compare_beats
        >>> beats = Annotations.of([400, 760, 1120], list("NVN"))
        >>> found = compare_beats(beats, Annotations.of([400, 765], list("NV")), 360, 7200, start=0)
        >>> [column.tolist() for column in outcomes(found)]
        [['N', 'N', 'V'], ['N', 'O', 'V']]
    """
    names = np.array(ROWS)
    rows, columns = np.divmod(np.arange(len(ROWS) ** 2), len(ROWS))
    number = counts.matrix.ravel()
    return np.repeat(names[rows], number), np.repeat(names[columns], number)


def _result(
    metric: BeatMetric,
    columns: tuple[ArrayLike, ArrayLike],
    levels: Iterable[Any],
    subject: ArrayLike | None,
    *,
    average: Average,
    ci: Method,
    level: float,
    sides: Sides,
    replicates: int,
    seed: int,
) -> MetricResult:
    left, right, names = category_codes(*columns, levels)
    arranged, keys = arrange(left, right, subject, None, names)
    return evaluate(
        metric, arranged, keys, average=average, parameters={}, ci=ci, level=level, sides=sides,
        replicates=replicates, seed=seed,
    )  # fmt: skip


def beat_detection(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    levels: Iterable[Any] = ROWS,
    average: Average = "pooled",
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Sensitivity and positive predictivity of QRS detection, with intervals that know the subjects.

    Beats of one recording are not independent of each other: an interval that takes them for it is far too
    narrow.

    Args:
        reference: (n,) class of each beat in the reference; `O` or `X` for a beat that only the test has.
        test: (n,) class in the test; `O` for a missed beat, `X` for one missed while it could not read.
        subject: (n,) subjects (or records, where each is of another subject). Default: every row is one.
        levels: The classes. Default: those of EC57.
        average: `pooled` (the *gross* statistics of EC57) or `subject_mean` (its *average* ones, where a
            subject has one record).
        ci: Interval method, as for `sensitivity`. Default: `korn_graubard`.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: Columns differ in length, a class is none of `levels`, or another argument.

    References:
        ANSI/AAMI EC57:2012; `bxb` of the WFDB Software Package 10.7.0.

    Example:
        >>> result = beat_detection(list("NNNVO"), list("NNOVN"), subject=list("aabbb"))
        >>> round(result["qrs_sensitivity"].value, 4), result["qrs_ppv"].counts.n_units
        (0.75, 4)
    """
    return _result(
        BeatDetection(), (reference, test), levels, subject, average=average, ci=ci, level=level, sides=sides,
        replicates=replicates, seed=seed,
    )  # fmt: skip


def beat_classes(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    average: Average = "pooled",
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Sensitivity and positive predictivity of ectopic beats, with intervals that know the subjects.

    By the rules of EC57: a fusion beat called V is neither right nor wrong; one called S is wrong;
    unclassifiable beats are neither.

    Args:
        reference: (n,) class of each beat in the reference: N, S, V, F, Q, or O or X for none.
        test: (n,) class in the test.
        subject: (n,) subjects (or records, where each is of another subject). Default: every row is one.
        average: `pooled` (the *gross* statistics of EC57) or `subject_mean` (its *average* ones, where a
            subject has one record).
        ci: Interval method, as for `sensitivity`. Default: `korn_graubard`.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: Columns differ in length, a class is none of EC57, or another argument.

    References:
        ANSI/AAMI EC57:2012; `bxb` of the WFDB Software Package 10.7.0.

    Example:
        >>> result = beat_classes(list("NVVFN"), list("NVNVV"), subject=list("aabbb"))
        >>> result["veb_sensitivity"].value, result["veb_ppv"].value, result["sveb_ppv"].error
        (0.5, 0.5, 'The test calls no beat S.')
    """
    return _result(
        BeatClasses(), (reference, test), ROWS, subject, average=average, ci=ci, level=level, sides=sides,
        replicates=replicates, seed=seed,
    )  # fmt: skip
