"""Who got worse: the subjects of every comparison ranked by harm, or why they are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from ..evaluators.additive import AdditivePrepared
from ..evaluators.comparison.harm import HarmRanking, rank_by_harm
from ..evaluators.comparison.time_blocks import BUSING, FEWEST_UNITS, FLEGAL
from ..evaluators.comparison.versions import scaled_margin
from ..evaluators.metric import FloatArray
from . import comparison_words as wording
from .comparable import PreparedPart
from .compared import Line, finite, per_subject
from .comparison_folder import subjects_in_full

SURE = 0.95
"""Posterior probability above which a subject is called worse."""
EXPECTED = 100
"""So many subjects, the most harmed, have an expected rank: of a thousand, every pair would be looked at."""
NOT_ASKED = "its subjects were not asked for"
NO_VALUE = "no subject has a value of its own with both versions"
NO_VARIANCE = (
    f"no subject has {FEWEST_UNITS} units in order of time, or several sessions, from which it could be seen "
    "what is chance in its own number"
)
NO_DIFFERENCE = "the subjects' improvements do not vary within any subject"
SINGLE = (
    f"No subject has {FEWEST_UNITS} units, so every unit is taken for independent of those before and after "
    "it; where they are not, the subjects' intervals are too narrow."
)

Entry = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """The subjects of one endpoint and candidate.

    Attributes:
        entry: One object of `who` in comparison.json; it names no subject.
        subjects: Rows of subjects.parquet.
    """

    entry: Entry
    subjects: pl.DataFrame


def who(lines: Sequence[Line], level: float, pool: ThreadPoolExecutor) -> list[Told]:
    """Every comparison's subjects, in the order of the comparisons.

    Args:
        lines: The comparisons.
        level: Confidence level of the comparison, and of the posterior intervals.
        pool: Threads.
    """
    return list(pool.map(lambda line: _told(line, level), lines))


def _told(line: Line, level: float) -> Told:
    own = per_subject(line.whole, line)
    values = own.get_column("improvement").cast(pl.Float64).fill_null(float("nan")).to_numpy()
    reason = _unknown(line, values)
    if reason is None:
        found = _ranking(line, values, level)
        if all(one is not None for one in found.reasons):
            within = line.comparable.within
            varies = within is None or not bool((within.variance[np.isfinite(values)] == 0).any())
            reason = NO_VARIANCE if varies else NO_DIFFERENCE
        else:
            return Told(_entry(line, values, level, found), _columns(own, line, found))
    entry = _entry(line, values, level, None, reason)
    blank = own.with_columns(reason=pl.lit(f"Not ranked: {reason}.", dtype=pl.String))
    return Told(entry, subjects_in_full(blank))


def _unknown(line: Line, values: FloatArray) -> str | None:
    """Why there is nothing to rank."""
    found, within = line.whole.found, line.comparable.within
    if found is None:
        return (line.whole.error or "nothing was compared").rstrip(".")
    if line.whole.verdict.reason == wording.IDENTICAL:
        return wording.IDENTICAL
    if not np.isfinite(values).any():
        return NO_VALUE
    if within is None:
        return NOT_ASKED
    return within.problem


def _ranking(line: Line, values: FloatArray, level: float) -> HarmRanking:
    within, found = line.comparable.within, line.whole.found
    if within is None or found is None:
        raise ValueError("there is nothing to rank")
    return rank_by_harm(
        values,
        within.variance,
        n_units=sizes(line.whole.ready, found.statistic.name),
        blocks=within.blocks,
        subject=list(line.whole.ready.subjects),
        margin=scaled_margin(line.plan.margin, line.plan.scale),
        level=level,
        most=EXPECTED,
    )


def sizes(ready: PreparedPart, statistic: str) -> FloatArray:
    """(S,) units that each subject's value rests on, 1 at least: of a sensitivity those with the condition.

    A subject whose own variance says little takes that of the others for its number of units.
    """
    prepared = ready.baseline
    if not isinstance(prepared, AdditivePrepared):
        return np.maximum(ready.units, 1).astype(np.float64)
    if prepared.counts(statistic).n_units == int(prepared.units.sum()):
        return np.maximum(prepared.units, 1).astype(np.float64)
    each = [
        prepared.subset(np.array([place])).counts(statistic).n_units for place in range(prepared.n_subjects)
    ]
    return np.maximum(np.array(each, dtype=np.float64), 1.0)


def _entry(
    line: Line, values: FloatArray, level: float, found: HarmRanking | None, reason: str | None = None
) -> Entry:
    within, beyond = line.comparable.within, None if found is None else found.p_worse_than_margin
    n, ranked = int(np.isfinite(values).sum()), 0 if found is None else int(np.isfinite(found.p_worse).sum())
    worse = None if found is None else int((found.p_worse > SURE).sum())
    by_more = None if beyond is None else int((beyond > SURE).sum())
    notes = [] if found is None else [found.warning]
    if found is not None and within is not None and within.single:
        notes.append(SINGLE)
    return {
        "candidate": line.comparable.candidate,
        "endpoint": line.comparable.endpoint_id,
        "scale": line.plan.scale,
        "n_subjects": n,
        "ranked": ranked,
        "blocks": _blocks(line, found),
        "mean": None if found is None else finite(found.mean),
        "between_sd": None if found is None else finite(found.between_sd),
        "between": None if found is None else found.between,
        "within": None if found is None else found.within,
        "level": level,
        "margin": line.plan.margin,
        "sure": SURE,
        "worse": worse,
        "worse_than_margin": by_more,
        "warning": " ".join(note for note in notes if note) or None,
        "reason": reason,
        "words": _words(line.comparable.candidate, ranked, worse, by_more, reason),
        "citations": [] if found is None else [one.text for one in (*found.citations, BUSING, FLEGAL)],
    }


def _blocks(line: Line, found: HarmRanking | None) -> dict[str, float] | None:
    """Blocks of time of the subjects that are ranked."""
    within = line.comparable.within
    if found is None or within is None:
        return None
    known = within.blocks[np.isfinite(found.p_worse)]
    return {"fewest": int(known.min()), "median": float(np.median(known)), "most": int(known.max())}


def _words(candidate: str, ranked: int, worse: int | None, by_more: int | None, reason: str | None) -> str:
    """One sentence.

    Example:
        >>> _words("v2", 200, 3, 1, None)
        'Worse with v2 with a probability above 95%: 3 of 200 subjects, 1 of them by more than the margin.'
        >>> _words("v2", 200, 0, 0, None)
        'Worse with v2 with a probability above 95%: none of 200 subjects.'
    """
    if worse is None:
        return f"Subjects are not ranked: {reason}."
    if not worse:
        return f"Worse with {candidate} with a probability above {SURE:.0%}: none of {ranked:,} subjects."
    more = "" if by_more is None else f", {by_more or 'none':} of them by more than the margin"
    return (
        f"Worse with {candidate} with a probability above {SURE:.0%}: {worse:,} of {ranked:,} subjects{more}."
    )


def _columns(own: pl.DataFrame, line: Line, found: HarmRanking) -> pl.DataFrame:
    """The subjects' rows with what is believed of each."""
    within = line.comparable.within
    if within is None:
        raise ValueError("there is nothing to rank")
    known = np.isfinite(found.p_worse)
    beyond = found.p_worse_than_margin
    numbers = {
        "variance": within.variance,
        "shrunk": found.shrunk,
        "shrunk_lower": found.lower,
        "shrunk_upper": found.upper,
        "p_worse": found.p_worse,
        "p_worse_than_margin": np.full(len(known), np.nan) if beyond is None else beyond,
        "expected_rank": found.expected_rank,
    }
    added = [pl.Series(name, values, nan_to_null=True) for name, values in numbers.items()]
    added += [
        pl.Series("blocks", within.blocks, dtype=pl.Int64),
        pl.Series("rank", np.where(known, found.rank, np.nan), nan_to_null=True).cast(pl.Int64),
        pl.Series("reason", found.reasons, dtype=pl.String),
    ]
    return subjects_in_full(own.with_columns(added))


def worst(document: Mapping[str, Any], subjects: pl.DataFrame) -> list[tuple[Entry, list[str]]]:
    """Of every comparison with subjects that are surely worse: its object of `who`, and they, by rank.

    Args:
        document: The content of comparison.json.
        subjects: Of the same comparison.
    """
    found = []
    for entry in document.get("who") or []:
        if entry["worse"]:
            own = subjects.filter(
                pl.col("candidate") == entry["candidate"],
                pl.col("endpoint") == entry["endpoint"],
                pl.col("p_worse") > entry["sure"],
            ).sort("rank")
            found.append((entry, own.get_column("subject").cast(pl.String).to_list()))
    return found
