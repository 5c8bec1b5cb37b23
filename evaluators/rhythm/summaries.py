"""Gross and average statistics over records, as `sumstats` makes them.

*Gross* pools the counts of all records; *average* is the plain mean of the records' own values. Records in
which a statistic has no denominator are left out of its average, which therefore says how many it rests on.
The two may differ by a factor of two: a record with many beats weighs more in the first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..metric import FloatArray, IntArray
from .annotations import Mode
from .beats import BeatCounts
from .episodes import EpisodeCounts
from .measurements import MeasurementError
from .ratios import Ratio
from .runs import RunCounts, RunTable

BEATS = [
    *("Nn", "Sn", "Vn", "Fn", "On", "Ns", "Ss", "Vs", "Fs", "Os"),
    *("Nv", "Sv", "Vv", "Fv", "Ov", "No", "So", "Vo", "Fo"),
]
"""Reference class and test class of the counts of beats: f and q of the test count as n, F and Q of the
reference as F, unreadable segments as O and o."""
BEATS_WITHOUT_S = ["Nn", "Vn", "Fn", "On", "Nv", "Vv", "Fv", "Ov", "No", "Vo", "Fo"]
RUNS = ["CTs", "CFN", "CTp", "CFP", "STs", "SFN", "STp", "SFP", "LTs", "LFN", "LTp", "LFP"]
"""Couplets, short and long runs (C, S, L): matched and missed ones of the reference, matched and extra ones
of the test."""
EPISODES = ["TPs", "FN", "TPp", "FP"]


@dataclass(frozen=True)
class Summarised:
    """One statistic over records.

    Attributes:
        gross: Value of the pooled counts; NaN where they have no denominator, or where the program gives
            none.
        average: Mean of the records' values; NaN where no record has one.
        n: Records that have a value.
    """

    gross: float
    average: float
    n: int


@dataclass(frozen=True, eq=False)
class Summary:
    """Counts of records, and statistics over them.

    Attributes:
        mode: Whose summary this is; see `annotations.Mode`.
        records: Names of the records.
        columns: Names of the counts.
        counts: (records, columns) counts.
        statistics: Statistic -> its gross and average value; shares from 0 to 1.
    """

    mode: Mode
    records: tuple[str, ...]
    columns: tuple[str, ...]
    counts: IntArray
    statistics: Mapping[str, Summarised]

    @property
    def sums(self) -> dict[str, int]:
        """Sum of each count."""
        return dict(zip(self.columns, self.counts.sum(axis=0).tolist(), strict=True))


def _values(ratios: Sequence[Ratio]) -> FloatArray:
    return np.array([ratio.value for ratio in ratios], dtype=np.float64)


def _mean(values: FloatArray) -> tuple[float, int]:
    known = values[np.isfinite(values)]
    return (float(known.mean()) if len(known) else float("nan")), len(known)


def _pooled(ratios: Sequence[Ratio]) -> Summarised:
    """Gross value of the summed numerators and denominators, average of the values."""
    total = Ratio(sum(one.numerator for one in ratios), sum(one.denominator for one in ratios))
    return Summarised(total.value, *_mean(_values(ratios)))


def _checked(records: Mapping[str, Any]) -> Mode:
    """The one mode of all records.

    Raises:
        ValueError: There is no record, or modes differ.
    """
    modes = sorted({one.mode for one in records.values()})
    if not modes:
        raise ValueError("There are no records to summarise.")
    if len(modes) > 1:
        raise ValueError(f"Records of different modes ({', '.join(modes)}); summarise one mode at a time.")
    found: Mode = modes[0]
    return found


def _beat_line(matrix: IntArray, classes: str) -> list[int]:
    """The counts of one record; `classes` are those of the test that have columns of their own, but for o."""
    n, s, v, f, q, o, x = range(7)
    columns = {"n": [n, f, q], "s": [s], "v": [v], "o": [o, x]}
    rows = {"N": [n], "S": [s], "V": [v], "F": [f, q], "O": [o, x]}
    letters = [row for row in rows if row.lower() in classes or row in "FO"]
    return [
        int(matrix[np.ix_(rows[row], columns[column])].sum())
        for column in (*classes, "o")
        for row in letters
        if not (column == "o" and row == "O")
    ]


def summarise_beats(records: Mapping[str, BeatCounts], *, supraventricular: bool = True) -> Summary:
    """Gross and average statistics of beats.

    In `wfdb_compat` the positive predictivity of S leaves out fusion beats, which `bxb` itself counts against
    it, and the average RR error is that of the values rounded to 0.01 ms, as printed.

    Args:
        records: Record -> its counts.
        supraventricular: False: S counts as N, and there is a false positive rate of V instead.

    Raises:
        ValueError: There is no record, or they were compared in different modes.

    Example:
        >>> from accordance.evaluators.rhythm.annotations import Annotations
        >>> from accordance.evaluators.rhythm.beats import compare_beats
        >>> beats = Annotations.of([400, 760, 1120, 1480], list("NNVN"))
        >>> half = Annotations.of([400, 760], "N")
        >>> one = compare_beats(beats, beats, 360, 7200, start=0)
        >>> two = compare_beats(beats, half, 360, 7200, start=0)
        >>> found = summarise_beats({"1": one, "2": two}).statistics
        >>> found["qrs_sensitivity"].gross, found["veb_ppv"].average, found["veb_ppv"].n
        (0.75, 1.0, 1)
    """
    mode = _checked(records)
    given = list(records.values())
    matrices = [one.matrix if supraventricular else one.without_supraventricular for one in given]
    columns = BEATS if supraventricular else BEATS_WITHOUT_S
    lines = [_beat_line(matrix, "nsv" if supraventricular else "nv") for matrix in matrices]
    shares: dict[str, Callable[[BeatCounts], Ratio]] = {
        "qrs_sensitivity": lambda one: one.qrs_sensitivity,
        "qrs_ppv": lambda one: one.qrs_ppv,
        "veb_sensitivity": lambda one: one.veb_sensitivity,
        "veb_ppv": lambda one: one.veb_ppv,
    }
    if supraventricular:
        shares["sveb_sensitivity"] = lambda one: one.sveb_sensitivity
        shares["sveb_ppv"] = lambda one: _sveb_ppv(one, mode)
    else:
        shares["veb_fpr"] = lambda one: one.veb_fpr
    statistics = {name: _pooled([share(one) for one in given]) for name, share in shares.items()}
    errors = np.array([one.rms_rr_error for one in given])
    average = _mean(np.round(errors, 2) if mode == "wfdb_compat" else errors)
    statistics["rms_rr_error"] = Summarised(float("nan"), *average)
    return Summary(mode, tuple(records), tuple(columns), np.array(lines, dtype=np.int64), statistics)


def _sveb_ppv(one: BeatCounts, mode: Mode) -> Ratio:
    if mode == "corrected":
        return one.sveb_ppv
    n, s, v, _, _, o, x = range(7)
    return Ratio(int(one.matrix[s, s]), int(one.matrix[[n, s, v, o, x], s].sum()))


def summarise_shutdowns(records: Mapping[str, BeatCounts], *, supraventricular: bool = True) -> Summary:
    """Beats missed in segments that the test could not read, and the time of these segments.

    In `wfdb_compat` there are gross and average values only without S, and the gross ones are half of what
    they should be, because the program adds the denominators twice. The `corrected` ones are whole, and exist
    with S, too.

    Args:
        records: Record -> its counts.
        supraventricular: False: S counts as N.

    Raises:
        ValueError: There is no record, or they were compared in different modes.
    """
    mode = _checked(records)
    classes = "NSVFQ" if supraventricular else "NVFQ"
    index = ["NSVFQ".index(one) for one in classes]
    matrices = [one.matrix if supraventricular else one.without_supraventricular for one in records.values()]
    missed = np.array([matrix[index, 6] for matrix in matrices])
    total = np.array([matrix[index].sum(axis=1) for matrix in matrices])
    seconds = np.array([[one.shutdown_seconds] for one in records.values()])
    counts = np.column_stack([missed, seconds, total])
    columns = [f"{one}x" for one in classes] + ["seconds"] + list(classes)
    named = {"beats": slice(0, len(classes))} | {
        one: slice(k, k + 1) for k, one in enumerate(classes) if one != "Q"
    }
    statistics = {}
    for name, which in named.items():
        ratios = [Ratio(int(missed[r, which].sum()), int(total[r, which].sum())) for r in range(len(missed))]
        statistics[f"missed_{name}"] = _shutdown_statistic(ratios, mode, supraventricular=supraventricular)
    return Summary(mode, tuple(records), tuple(columns), counts.astype(np.int64), statistics)


def _shutdown_statistic(ratios: list[Ratio], mode: Mode, *, supraventricular: bool) -> Summarised:
    found = _pooled(ratios)
    if mode == "corrected":
        return found
    if supraventricular:
        return Summarised(float("nan"), float("nan"), 0)
    return Summarised(found.gross / 2, found.average, found.n)


def summarise_runs(records: Mapping[str, RunCounts], *, kind: str = "ventricular") -> Summary:
    """Gross and average statistics of runs.

    Args:
        records: Record -> its counts.
        kind: `ventricular` or `supraventricular`.

    Raises:
        ValueError: There is no record, they were compared in different modes, or there is no such kind.
    """
    if kind not in ("ventricular", "supraventricular"):
        raise ValueError(f"`kind` is `{kind}`; accepted: ventricular, supraventricular.")
    mode = _checked(records)
    tables: list[RunTable] = [getattr(one, kind) for one in records.values()]
    names = [f"{length}_{what}" for length in ("couplet", "short", "long") for what in ("sensitivity", "ppv")]
    ratios = {name: [getattr(table, name) for table in tables] for name in names}
    counts = [
        [one for name in names for one in _matched_and_not(ratios[name][r])] for r in range(len(tables))
    ]
    statistics = {name: _pooled(ratios[name]) for name in names}
    return Summary(mode, tuple(records), tuple(RUNS), np.array(counts, dtype=np.int64), statistics)


def _matched_and_not(ratio: Ratio) -> tuple[int, int]:
    return ratio.numerator, ratio.denominator - ratio.numerator


def summarise_episodes(records: Mapping[str, EpisodeCounts]) -> Summary:
    """Gross and average statistics of episodes.

    In `wfdb_compat` those of durations are made of percentages rounded to whole numbers, as printed by
    `epicmp`, and the gross ones weigh them by the longer of the two durations of each record.

    Args:
        records: Record -> its counts.

    Raises:
        ValueError: There is no record, or they were compared in different modes.
    """
    mode = _checked(records)
    given = list(records.values())
    sensitivity, ppv = [one.episode_sensitivity for one in given], [one.episode_ppv for one in given]
    counts = [[*_matched_and_not(a), *_matched_and_not(b)] for a, b in zip(sensitivity, ppv, strict=True)]
    statistics = {"episode_sensitivity": _pooled(sensitivity), "episode_ppv": _pooled(ppv)}
    seconds = np.array([[one.reference_duration / one.fs, one.test_duration / one.fs] for one in given])
    overlap = np.array([[one.overlap / one.fs, one.test_overlap / one.fs] for one in given])
    for k, name in enumerate(("duration_sensitivity", "duration_ppv")):
        shares = _values([getattr(one, name) for one in given])
        if mode == "wfdb_compat":
            shares = np.floor(100 * shares + 0.5) / 100
            weight = seconds.max(axis=1)
            known = np.isfinite(shares)
            gross = float(np.dot(shares[known], weight[known])), float(weight[known].sum())
        else:
            gross = float(overlap[:, k].sum()), float(seconds[:, k].sum())
        value = gross[0] / gross[1] if gross[1] else float("nan")
        statistics[name] = Summarised(value, *_mean(shares))
    return Summary(mode, tuple(records), tuple(EPISODES), np.array(counts, dtype=np.int64), statistics)


def summarise_measurements(records: Mapping[str, MeasurementError]) -> Summary:
    """Average error and average reference of measurements; there is no gross value.

    In `wfdb_compat` the averages are those of the values as printed, with four decimals and six digits.

    Args:
        records: Record -> its error.

    Raises:
        ValueError: There is no record, or they were compared in different modes.
    """
    mode = _checked(records)
    errors = np.array([one.error for one in records.values()])
    means = np.array([one.reference_mean for one in records.values()])
    if mode == "wfdb_compat":
        errors = np.round(errors, 4)
        means = np.array([float(f"{one:.6g}") for one in means])
    statistics = {
        "error": Summarised(float("nan"), *_mean(errors)),
        "reference_mean": Summarised(float("nan"), *_mean(means)),
    }
    counts = np.array([[one.n] for one in records.values()], dtype=np.int64)
    return Summary(mode, tuple(records), ("n",), counts, statistics)
