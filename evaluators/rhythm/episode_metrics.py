"""The metric of episodes: how many are found, and how much of their time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import checks
from ..additive import subject_sums
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, Method, evaluate
from ..metric import Average, ColumnRole, Columns, FloatArray, Metric, MetricResult, Sides, Statistic
from ..proportions.proportion import proportion_statistic
from .beat_metrics import EC57
from .shares import Share, SharesPrepared, prepare_shares

SIDES = ("reference", "test")
_TIMES = ("cluster_t", "bootstrap_bca", "bootstrap_percentile")


class EpisodeDetection(Metric):
    """The plain function is `episode_detection`.

    In a protocol the reference column is the duration of each episode, of either side, and the test column
    how much of it lies in episodes of the other side; the role `side` says whose episode it is.
    """

    name = "episode_detection"
    title = "Detection of episodes"
    summary = (
        "Sensitivity and positive predictivity by episode and by duration. Rows are episodes of either side: "
        "duration (reference column), overlap with the other side's (test column), whose it is (`side`)."
    )
    kind = "measurement"
    one_unit = False
    route = "additive"
    averages = ("pooled", "subject_mean")
    headline = "episode_sensitivity"
    statistics = (
        proportion_statistic(
            "episode_sensitivity", "Episode sensitivity",
            "Reference episodes of which the test has any part, over all of them.", "higher",
        ),
        proportion_statistic(
            "episode_ppv", "Episode positive predictivity",
            "Test episodes of which the reference has any part, over all of them.", "higher",
        ),
        Statistic(
            "duration_sensitivity", "Duration sensitivity",
            "Time in episodes of both over time in those of the reference.", "proportion", "higher", _TIMES,
        ),
        Statistic(
            "duration_ppv", "Duration positive predictivity",
            "Time in episodes of both over time in those of the test.", "proportion", "higher", _TIMES,
        ),
    )  # fmt: skip
    columns = (ColumnRole("side", "category", "Whose episode the row is: `reference` or `test`."),)
    citations = (EC57,)

    def prepare(self, columns: Columns, *, average: Average = "pooled", **parameters: Any) -> SharesPrepared:
        """Add episodes, matched ones and times up by subject and side.

        Raises:
            ValueError: Row weights, times that are negative, more overlap than duration, a `side` that is
                none, an unknown average, or any parameter.
        """
        checks.parameters(self, parameters)
        if average not in self.averages:
            raise ValueError(f"`average` must be one of {', '.join(self.averages)}, not {average!r}.")
        checked = checks.measurement_columns(columns)
        if columns.weights is not None:
            raise ValueError(f"`{self.name}` is defined without row weights.")
        duration, overlap = checked.reference, checked.test
        _refuse_times(duration, overlap)
        of_reference = _of_reference(columns)
        shares = []
        for name, whose in (("sensitivity", of_reference), ("ppv", ~of_reference)):
            side = SIDES[int(name == "ppv")]
            episodes, matched, time, both = (
                subject_sums(values * whose, checked.offsets)
                for values in (np.ones(len(duration)), overlap > 0, duration, overlap)
            )
            empty = f"The {side} has no episodes."
            shares += [
                Share(f"episode_{name}", matched, episodes, matched, episodes, episodes, empty),
                Share(f"duration_{name}", both, time, matched, episodes, episodes, empty, proportion=False),
            ]
        ordered = [shares[k] for k in (0, 2, 1, 3)]
        return prepare_shares(ordered, units=np.diff(checked.offsets), average=average, weighted=False)


def _refuse_times(duration: FloatArray, overlap: FloatArray) -> None:
    """Refuse times that cannot be.

    Raises:
        ValueError: Negative times, or an overlap longer than its episode.
    """
    bad = np.flatnonzero((duration < 0) | (overlap < 0) | (overlap > duration * (1 + 1e-12)))
    if len(bad):
        raise ValueError(
            f"{len(bad):,} episodes have a negative time, or more overlap (`test`) than duration "
            f"(`reference`), first at row {int(bad[0])}."
        )


def _of_reference(columns: Columns) -> Any:
    """(n,) which episodes are the reference's.

    Raises:
        ValueError: `side` is not given, or is neither of the two.
    """
    if "side" not in columns.roles:
        raise ValueError("`episode_detection` needs `side`: whose episode each row is, reference or test.")
    levels = columns.role_levels.get("side", ())
    strange = [level for level in levels if level not in SIDES]
    codes = np.asarray(columns.roles["side"])
    if strange or (len(codes) and int(codes.min()) < 0):
        raise ValueError(
            f"`side` is {', '.join(strange) or 'missing'} somewhere; accepted: {', '.join(SIDES)}."
        )
    return np.array([level == "reference" for level in levels] or [False], dtype=bool)[codes]


EPISODE_DETECTION = EpisodeDetection()
METRICS: tuple[Metric, ...] = (EPISODE_DETECTION,)


def episode_detection(
    duration: ArrayLike,
    overlap: ArrayLike,
    side: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    average: Average = "pooled",
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Sensitivity and positive predictivity by episode and by duration, with intervals by subject.

    An episode is found if any of it is, so that one long episode of the test finds everything: look at the
    durations, too.

    Args:
        duration: (n,) duration of each episode, of either side, in any unit.
        overlap: (n,) how much of it lies in episodes of the other side.
        side: (n,) whose it is: `reference` or `test`.
        subject: (n,) subjects (or records, where each is of another subject). Default: every row is one.
        average: `pooled` (the *gross* statistics of EC57) or `subject_mean` (its *average* ones, where a
            subject has one record).
        ci: Interval method. By episode as for `sensitivity`, default `korn_graubard`; by duration `cluster_t`
            (default) or the subject bootstrap.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: Columns differ in length, times that cannot be, a side that is none, or another argument.

    References:
        ANSI/AAMI EC57:2012; `epicmp` of the WFDB Software Package 10.7.0.

    Example:
        >>> result = episode_detection([30, 10, 25, 5], [20, 0, 20, 0], ["reference"] * 2 + ["test"] * 2)
        >>> result["episode_sensitivity"].value, result["duration_sensitivity"].value
        (0.5, 0.5)
    """
    time, both = checks.measurements("duration", duration), checks.measurements("overlap", overlap)
    whose = np.asarray(side).astype(np.str_)
    checks.same_length(len(time), {"overlap": both, "side": whose})
    levels, codes = np.unique(whose, return_inverse=True)
    if subject is None:
        label, keys = np.arange(len(time)), tuple(f"{i:012d}" for i in range(len(time)))
    else:
        keys, label = checks.subject_labels(subject, len(time))
    order = np.lexsort((codes, both, time, label))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(label, minlength=len(keys)))]).astype(np.int64)
    names = tuple(str(one) for one in levels)
    columns = Columns(
        time[order], both[order], offsets, (), None, {"side": codes[order].astype(np.int64)}, {"side": names}
    )
    return evaluate(
        EPISODE_DETECTION, columns, keys, average=average, parameters={}, ci=ci, level=level, sides=sides,
        replicates=replicates, seed=seed,
    )  # fmt: skip
