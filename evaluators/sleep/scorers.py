"""Several scorers of one night: who agrees with the others, their consensus, and device beside human.

The rules are those of the Dreem Open Datasets (Guillot et al. 2020): scorers are ranked on every night by
their soft agreement with the others; the consensus is the majority, and where stages are tied the stage of
the best-ranked scorer among the tied. A scorer is held against the consensus of the others, a device against
that of all but the worst-ranked, so that both face as many votes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..metric import FloatArray, IntArray
from ..result import number
from .epochs import all_stages, one_against_rest
from .nights import OUTSIDE, STAGES, Staging, nights_of

Missing = Literal["left_out", "as_vote"]
Absent = Literal["undefined", "zero"]

MEASURES = ("f1", "accuracy", "kappa")
"""What is computed of every night: of all stages, and of each (`accuracy` there is the sensitivity)."""


@dataclass(frozen=True)
class Consensus:
    """A hypnogram made from several, night by night.

    Attributes:
        codes: (N, E) stage of the consensus; -1 where there is none, -9 beyond the night.
        share: (N, E) votes for it, as a share of those counted; 0 where there is none.
        tied: (N,) epochs in which stages had equally many votes.
        votes: (N, E) scorers whose votes counted.
    """

    codes: NDArray[np.int8]
    share: FloatArray
    tied: IntArray
    votes: IntArray


@dataclass(frozen=True)
class ScorerAgreement:
    """Scorers and devices against the consensus of scorers. All shares are proportions.

    Attributes:
        scorers: Names of the scorers.
        devices: Names of the devices.
        nights: Names of the nights.
        stages: Names of the stages.
        soft_agreement: (N, R) soft agreement of each scorer with the others, by night.
        ranking: (N, R) positions of the scorers, the best first.
        consensus: Of all scorers but the worst-ranked of the night: what devices are held against.
        by_night: Name of a scorer or device -> measure -> (N, 1 + k): all stages, then each.
        left_out: Name -> epochs of consensus that it did not score.
        missing: What an unscored epoch of a scorer was.
    """

    scorers: tuple[str, ...]
    devices: tuple[str, ...]
    nights: tuple[str, ...]
    stages: tuple[str, ...]
    soft_agreement: FloatArray
    ranking: IntArray
    consensus: Consensus
    by_night: Mapping[str, Mapping[str, FloatArray]]
    left_out: Mapping[str, int]
    missing: Missing

    def average(self, name: str, measure: str, stage: str | None = None) -> tuple[float, float, int]:
        """Mean, population SD (as the source has it) and number of the nights that have a value.

        `name` may also be `scorers`: every scorer's nights together, the human ceiling.
        """
        column = 0 if stage is None else 1 + self.stages.index(stage)
        names = self.scorers if name == "scorers" else (name,)
        values = np.concatenate([self.by_night[one][measure][:, column] for one in names])
        known = values[np.isfinite(values)]
        if not len(known):
            return float("nan"), float("nan"), 0
        return float(known.mean()), float(known.std()), len(known)

    def beside(
        self, device: str, measure: str = "kappa", stage: str | None = None
    ) -> tuple[float, float, float]:
        """Mean of the device, and the lowest and highest mean among the scorers."""
        humans = [self.average(one, measure, stage)[0] for one in self.scorers]
        return self.average(device, measure, stage)[0], min(humans), max(humans)

    def __str__(self) -> str:
        lines = [f"{len(self.nights):,} nights, {len(self.scorers)} scorers; unscored epochs {self.missing}"]
        for name in (*self.scorers, *self.devices):
            parts = [f"{one} {number(self.average(name, one)[0])}" for one in MEASURES]
            lines.append(f"{name}: {', '.join(parts)}")
        return "\n".join(lines)


def soft_agreement(codes: NDArray[np.int8], stages: int, missing: Missing = "left_out") -> FloatArray:
    """Each scorer's agreement with the others on each night.

    The mean over epochs of the votes of the others for this scorer's stage over the votes for their most
    voted stage.

    Args:
        codes: (R, N, E) stage codes of every scorer; negative where unscored, -9 beyond the night.
        stages: Number of stages.
        missing: An unscored epoch is `left_out`, or counts `as_vote` for a stage of its own.

    Returns:
        (N, R); NaN where a scorer shares no epoch with any other.

    Example:
        >>> night = np.array([[[1, 1]], [[1, 2]], [[2, 2]]], dtype=np.int8)
        >>> soft_agreement(night, 3).tolist()
        [[0.5, 1.0, 0.5]]
    """
    votes = _votes(codes, stages, missing)
    total, place = votes.sum(axis=0), _place(codes, stages, missing)
    found = np.empty((codes.shape[1], len(codes)))
    for j in range(len(codes)):
        others = total - votes[j]
        most = others.max(axis=0)
        mine = np.take_along_axis(others, np.maximum(place[j], 0)[None], axis=0)[0]
        used = (place[j] >= 0) & (most > 0)
        with np.errstate(all="ignore"):
            found[:, j] = np.where(used, mine / most, 0.0).sum(axis=1) / used.sum(axis=1)
    return found


def consensus(codes: NDArray[np.int8], stages: int, missing: Missing = "left_out") -> Consensus:
    """Majority of scorers that are in order of rank on every night, the best first.

    Args:
        codes: (R, N, E) stage codes, in each night the best-ranked scorer first.
        stages: Number of stages.
        missing: As for `soft_agreement`; with `as_vote` the consensus may be that nobody can tell.

    Example:
        >>> night = np.array([[[2, 1]], [[1, 1]]], dtype=np.int8)
        >>> found = consensus(night, 3)
        >>> found.codes.tolist(), found.share.tolist(), found.tied.tolist()
        ([[2, 1]], [[0.5, 1.0]], [1])
    """
    votes = _votes(codes, stages, missing).sum(axis=0, dtype=np.int64)
    most, cast = votes.max(axis=0), votes.sum(axis=0)
    best = votes == most
    chosen = best.argmax(axis=0)
    tied = (best.sum(axis=0) > 1) & (most > 0)
    place = _place(codes, stages, missing)
    open_ = tied.copy()
    for one in place:  # the first in rank whose stage is among the tied
        among = open_ & (one >= 0) & np.take_along_axis(best, np.maximum(one, 0)[None], axis=0)[0]
        chosen = np.where(among, one, chosen)
        open_ &= ~among
    outside = (codes == OUTSIDE).all(axis=0)
    stage = np.where(most > 0, np.where(chosen == stages, -1, chosen), -1)
    with np.errstate(all="ignore"):
        share = np.where(most > 0, most / cast, 0.0)
    return Consensus(
        np.where(outside, OUTSIDE, stage).astype(np.int8), share, tied.sum(axis=1), cast.astype(np.int64)
    )


def scorer_agreement(
    scorers: Mapping[str, Any],
    devices: Mapping[str, Any] | None = None,
    *,
    night: Any = None,
    staging: Staging = "five",
    missing: Missing = "left_out",
    absent: Absent = "undefined",
) -> ScorerAgreement:
    """Every scorer against the consensus of the others, and devices against that of the scorers.

    Every epoch weighs as much as its consensus is sure (the share of votes for it). A device reads beside the
    human ceiling: the range of what scorers reach against each other.

    Args:
        scorers: Name -> stage codes of the nights; see `hypnogram_measures` for the shapes. Three or more.
        devices: Name -> stage codes of the same nights.
        night: Label of each row, where they are columns.
        staging: What the codes mean.
        missing: An epoch that a scorer left unscored is `left_out`: no vote, and not held against anybody; or
            it is `as_vote`, a stage of its own that loses against every other (the source's program).
        absent: F1 of a stage that neither has in a night is `undefined`, or `zero` (the source's program).

    Raises:
        ValueError: Fewer than three scorers, a name twice, or nights that differ in number or length.

    References:
        Guillot A, Sauvet F, During EH, Thorey V. Dreem Open Datasets: multi-scored sleep datasets to compare
        human and automated sleep staging. IEEE Trans Neural Syst Rehabil Eng 2020;28:1955-1965.

    Example:
        >>> found = scorer_agreement(
        ...     {"a": [[0, 1, 2, 2]], "b": [[0, 1, 2, 2]], "c": [[0, 0, 2, 2]]}, {"watch": [[0, 2, 2, 2]]}
        ... )
        >>> found.average("a", "accuracy")[0], found.average("watch", "accuracy")[0]
        (1.0, 0.75)
    """
    given = devices or {}
    twice = sorted(set(scorers) & set(given))
    if len(scorers) < 3 or twice or "scorers" in {*scorers, *given}:
        raise ValueError(
            f"`scorers` needs three names or more, other than those of `devices` and than 'scorers'; it has "
            f"{', '.join(scorers) or 'none'}{' and shares ' + ', '.join(twice) if twice else ''}."
        )
    for name, value, known in (
        ("missing", missing, ("left_out", "as_vote")),
        ("absent", absent, ("undefined", "zero")),
    ):
        if value not in known:
            raise ValueError(f"`{name}` must be {' or '.join(known)}, not {value!r}.")
    tables = {
        name: nights_of(name, codes, staging=staging, night=night)
        for name, codes in {**scorers, **given}.items()
    }
    first = next(iter(tables.values()))
    for name, one in tables.items():
        if one.codes.shape != first.codes.shape or np.any(one.lengths != first.lengths):
            raise ValueError(f"{name!r} has other nights, or nights of other lengths, than the first scorer.")
    k, names = len(STAGES[staging]), tuple(scorers)
    codes = np.stack([tables[name].codes for name in names])
    soft = soft_agreement(codes, k, missing)
    ranking = np.argsort(-np.where(np.isfinite(soft), soft, -1.0), axis=1, kind="stable")
    ranked = np.take_along_axis(codes, ranking.T[:, :, None], axis=0)
    judge = consensus(ranked[:-1], k, missing)
    by_night, lost = {}, {}
    for j, name in enumerate(names):
        position = (ranking != j).T  # (R, N): in rank order, everybody but this scorer
        others = np.stack([ranked[position[:, i], i] for i in range(len(first.names))], axis=1)
        by_night[name], lost[name] = _against(codes[j], consensus(others, k, missing), k, missing, absent)
    for name in given:
        by_night[name], lost[name] = _against(tables[name].codes, judge, k, missing, absent)
    return ScorerAgreement(
        names, tuple(given), first.names, STAGES[staging], soft, ranking, judge, by_night, lost, missing
    )


def _place(codes: NDArray[np.int8], stages: int, missing: Missing) -> NDArray[np.int64]:
    """Row of the votes of each epoch: the stage; one more for unscored ones that vote; else negative."""
    wide = codes.astype(np.int64)
    if missing == "left_out":
        return wide
    return np.where((wide < 0) & (wide != OUTSIDE), stages, wide)


def _votes(codes: NDArray[np.int8], stages: int, missing: Missing) -> NDArray[np.int16]:
    """(R, k or k + 1, N, E) one where a scorer votes for a stage."""
    rows = stages + (missing == "as_vote")
    place = _place(codes, stages, missing)
    return np.stack([place == row for row in range(rows)], axis=1).astype(np.int16)


def _against(
    codes: NDArray[np.int8], judge: Consensus, k: int, missing: Missing, absent: Absent
) -> tuple[dict[str, FloatArray], int]:
    """Measures by night (N, 1 + k) against a consensus, epochs weighed by its share of votes."""
    used = (judge.codes >= 0) & ((codes >= 0) | ((missing == "as_vote") & (codes != OUTSIDE)))
    lost = int(((judge.codes >= 0) & (codes < 0)).sum())
    call = np.where(codes < 0, k, codes).astype(np.int64)  # unscored is a wrong call
    nights, size = len(codes), k + 1
    cell = (np.arange(nights)[:, None] * size + judge.codes) * size + call
    counts = np.bincount(cell[used], weights=judge.share[used], minlength=nights * size * size)
    tables = np.asarray(counts, dtype=np.float64).reshape(nights, size, size)
    single, whole = one_against_rest(tables), all_stages(tables)
    f1 = single["f1"][:, :k]
    if absent == "zero":
        f1 = np.where((tables.sum(axis=(1, 2)) > 0)[:, None] & np.isnan(f1), 0.0, f1)
    return {
        "f1": np.column_stack([whole["weighted_f1"], f1]),
        "accuracy": np.column_stack([whole["accuracy"], single["sensitivity"][:, :k]]),
        "kappa": np.column_stack([whole["kappa"], single["kappa"][:, :k]]),
    }, lost
