"""Who got worse: the subjects of every comparison ranked by harm, or why they are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..evaluators.comparison.harm import HarmRanking
from ..evaluators.comparison.scales import scaled_margin
from ..evaluators.comparison.time_blocks import BUSING, FEWEST_UNITS, FLEGAL
from . import comparison_words as wording
from .compared import Line, finite
from .comparison_folder import SUBJECT_COLUMNS
from .kept_numbers import KeptNumbers
from .subject_numbers import SubjectNumbers, subject_numbers
from .within_subjects import Within

SURE = 0.95
"""Posterior probability above which a subject is called worse."""
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
        columns: Columns of subjects.parquet, those that are known.
        subjects: Its subjects in order.
    """

    entry: Entry
    columns: Mapping[str, NDArray[Any]]
    subjects: tuple[str, ...] = ()


def who(
    lines: Sequence[Line], level: float, pool: ThreadPoolExecutor, kept: KeptNumbers | None = None
) -> list[Told]:
    """Every comparison's subjects, in the order of the comparisons.

    Args:
        lines: The comparisons.
        level: Confidence level of the comparison, and of the posterior intervals.
        pool: Threads.
        kept: Where the subjects' numbers are kept; None: they are not.
    """
    return list(pool.map(lambda line: _told(line, level, kept), lines))


def _told(line: Line, level: float, kept: KeptNumbers | None) -> Told:
    found, error = line.whole.found, line.whole.error or "nothing was compared"
    if found is None:
        return Told(_entry(line, None, level, None, error.rstrip(".")), {})
    numbers = _numbers(line, kept)
    reason = wording.IDENTICAL if line.whole.verdict.reason == wording.IDENTICAL else numbers.reason
    ranking = None
    if numbers.ranking is not None and reason is None:
        ranking = numbers.ranking.at(level, scaled_margin(line.plan.margin, line.plan.scale))
    return Told(
        _entry(line, numbers, level, ranking, reason),
        _columns(numbers, ranking, reason),
        numbers.subjects,
    )


def _numbers(line: Line, kept: KeptNumbers | None) -> SubjectNumbers:
    """Each subject's own values and rank, as they are known, or worked out and kept."""
    one, ready = line.comparable, line.whole.ready
    if one.numbers is not None:
        return one.numbers
    if line.whole.found is None:
        raise ValueError("nothing was compared")
    numbers = subject_numbers(
        ready.subjects,
        ready.units,
        ready.versions(),
        statistic=line.whole.found.statistic,
        scale=line.plan.scale,
        within=one.within,
    )
    if kept is not None and one.place is not None:
        kept.put(one.place, numbers)
    return numbers


def _entry(
    line: Line,
    numbers: SubjectNumbers | None,
    level: float,
    found: HarmRanking | None,
    reason: str | None = None,
) -> Entry:
    within = None if numbers is None else numbers.within
    beyond = None if found is None else found.p_worse_than_margin
    n = 0 if numbers is None else int(np.isfinite(numbers.improvement).sum())
    ranked = 0 if found is None else int(np.isfinite(found.p_worse).sum())
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
        "blocks": _blocks(within, found),
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


def _blocks(within: Within | None, found: HarmRanking | None) -> dict[str, float] | None:
    """Blocks of time of the subjects that are ranked."""
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


def _columns(
    numbers: SubjectNumbers, found: HarmRanking | None, reason: str | None
) -> dict[str, NDArray[Any]]:
    """The subjects' values with what is believed of each."""
    own: dict[str, NDArray[Any]] = {
        "n_units": numbers.units,
        "baseline": numbers.baseline,
        "candidate_value": numbers.candidate,
        "improvement": numbers.improvement,
    }
    if found is None or numbers.within is None:
        why = f"Not ranked: {reason}."
        return {**own, "reason": np.full(len(numbers.subjects), why, dtype=np.object_)}
    known = np.isfinite(found.p_worse)
    beyond = found.p_worse_than_margin
    return {
        **own,
        "variance": numbers.within.variance,
        "blocks": numbers.within.blocks,
        "shrunk": found.shrunk,
        "shrunk_lower": found.lower,
        "shrunk_upper": found.upper,
        "p_worse": found.p_worse,
        "p_worse_than_margin": np.full(len(known), np.nan) if beyond is None else beyond,
        "rank": np.where(known, found.rank, np.nan),
        "expected_rank": found.expected_rank,
        "reason": np.array(found.reasons, dtype=np.object_),
    }


def subjects_table(told: Sequence[Told]) -> pl.DataFrame:
    """The rows of subjects.parquet of every comparison, in their order.

    Args:
        told: From `who`.
    """
    sizes = [len(one.subjects) for one in told]
    series = [
        pl.Series([one.entry[name] for one in told], dtype=pl.String)
        .gather(np.repeat(np.arange(len(told)), sizes))
        .alias(name)
        for name in ("candidate", "endpoint")
    ]
    every = [subject for one in told for subject in one.subjects]
    series.append(pl.Series("subject", every, dtype=pl.String))
    for name, dtype in list(SUBJECT_COLUMNS.items())[3:]:
        text = dtype == pl.String()
        blank: Any = None if text else np.nan
        parts = [
            one.columns.get(name, np.full(size, blank, dtype=np.object_ if text else np.float64))
            for one, size in zip(told, sizes, strict=True)
        ]
        if text:
            series.append(pl.Series(name, [value for part in parts for value in part], dtype=pl.String))
        else:
            joined = np.concatenate([np.zeros(0), *(part.astype(np.float64) for part in parts)])
            series.append(pl.Series(name, joined, nan_to_null=True).cast(dtype))
    return pl.DataFrame(series)


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
