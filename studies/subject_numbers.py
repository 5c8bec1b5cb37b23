"""Each subject's own values and rank by harm, whatever level and margin are asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..evaluators.additive import AdditivePrepared
from ..evaluators.comparison.harm import HarmRanking, rank_by_harm
from ..evaluators.comparison.scales import Scale
from ..evaluators.comparison.time_blocks import FEWEST_UNITS
from ..evaluators.metric import FloatArray, IntArray, Prepared, Statistic
from .own_values import alone, improved
from .within_subjects import Within

EXPECTED = 100
"""So many subjects, the most harmed, have an expected rank: of a thousand, every pair would be looked at."""
NOT_ASKED = "its subjects were not asked for"
NO_VALUE = "no subject has a value of its own with both versions"
NO_VARIANCE = (
    f"no subject has {FEWEST_UNITS} units in order of time, or several sessions, from which it could be seen "
    "what is chance in its own number"
)
NO_DIFFERENCE = "the subjects' improvements do not vary within any subject"


@dataclass(frozen=True, eq=False)
class SubjectNumbers:
    """The subjects of one endpoint and candidate.

    Attributes:
        subjects: Subjects in order.
        units: (S,) units of each.
        baseline: (S,) value with the baseline; NaN where there is none.
        candidate: (S,) value with the candidate.
        improvement: (S,) how much better the candidate is.
        within: What is chance in each improvement; None where it was not asked for.
        ranking: The subjects by harm, at some level and without a margin; None where `reason` says why.
        reason: Why they are not ranked.
    """

    subjects: tuple[str, ...]
    units: IntArray
    baseline: FloatArray
    candidate: FloatArray
    improvement: FloatArray
    within: Within | None
    ranking: HarmRanking | None
    reason: str | None


def subject_numbers(
    subjects: tuple[str, ...],
    units: IntArray,
    versions: tuple[Prepared, Prepared],
    *,
    statistic: Statistic,
    scale: Scale,
    within: Within | None,
) -> SubjectNumbers:
    """The statistic at a weight of one for each subject alone, and the subjects ranked by harm.

    Args:
        subjects: Subjects in order.
        units: (S,) units of each.
        versions: Candidate and baseline, prepared over all common units.
        statistic: Which statistic.
        scale: `difference` or `ratio`.
        within: What is chance in each subject's improvement.
    """
    second, first = (alone(one, statistic.name) for one in versions)
    improvement = improved(first, second, statistic.better, scale)
    columns = [np.where(np.isfinite(one), one, np.nan) for one in (first, second, improvement)]
    values = columns[2]
    reason, ranking = _unknown(values, within), None
    if reason is None and within is not None:
        ranking = rank_by_harm(
            values,
            within.variance,
            n_units=sizes(versions[1], units, statistic.name),
            blocks=within.blocks,
            subject=list(subjects),
            most=EXPECTED,
        )
        if all(one is not None for one in ranking.reasons):
            ranking = None
            varies = not bool((within.variance[np.isfinite(values)] == 0).any())
            reason = NO_VARIANCE if varies else NO_DIFFERENCE
    return SubjectNumbers(
        subjects, units, columns[0], columns[1], values, within=within, ranking=ranking, reason=reason
    )


def _unknown(values: FloatArray, within: Within | None) -> str | None:
    """Why there is nothing to rank."""
    if not np.isfinite(values).any():
        return NO_VALUE
    return NOT_ASKED if within is None else within.problem


def sizes(baseline: Prepared, units: IntArray, statistic: str) -> FloatArray:
    """(S,) units that each subject's value rests on, 1 at least: of a sensitivity those with the condition.

    A subject whose own variance says little takes that of the others for its number of units.
    """
    if not isinstance(baseline, AdditivePrepared):
        return np.maximum(units, 1).astype(np.float64)
    if baseline.counts(statistic).n_units == int(baseline.units.sum()):
        return np.maximum(baseline.units, 1).astype(np.float64)
    each = [
        baseline.subset(np.array([place])).counts(statistic).n_units for place in range(baseline.n_subjects)
    ]
    return np.maximum(np.array(each, dtype=np.float64), 1.0)
