"""Weak spots: groups for whom the candidate is worse, searched on one half and confirmed on the other.

Among a hundred groups some look bad by chance, and the worst of them looks worst for that reason. Whatever is
found by looking is therefore tested on subjects that had no part in the finding (Cox 1975): there, the test
and the interval are those of any group named beforehand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from .. import checks
from ..intervals import t_interval
from ..metric import CannotComputeError, Citation
from ..result import number
from .group_improvements import Evaluate, GroupImprovement, Mask
from .multiplicity import HOLM, adjust

COX = Citation(
    "cox1975",
    "Cox DR. A note on data-splitting for the evaluation of significance levels. Biometrika 1975;62:441-444.",
)

_ALIKE = 0.5  # shared among all of two groups' subjects: beyond, the second is not carried over
_DEEPEST = 2


@dataclass(frozen=True)
class WeakSpot:
    """A group of subjects and what either half says of it.

    Attributes:
        terms: (variable, label) of what the group is made of; several are an intersection.
        search: Improvement in the half that was searched; None where it could not be computed.
        p_search: One-sided p there, before any adjustment: for the order of the groups, not a result.
        carried: Whether it went into the confirmation.
        confirmation: Improvement in the other half; None where it was not carried over, or has none.
        p: One-sided p in the other half that the group is not worse.
        adjusted_p: The same, adjusted by Holm for all that were carried over.
        lower: Lower end of the interval in the other half, which the search does not touch.
        upper: Upper end.
        confirmed: The candidate is worse in this group.
        reason: Why it was not looked at, or has no number; None if nothing.
    """

    terms: tuple[tuple[str, str], ...]
    search: GroupImprovement | None = None
    p_search: float | None = None
    carried: bool = False
    confirmation: GroupImprovement | None = None
    p: float | None = None
    adjusted_p: float | None = None
    lower: float | None = None
    upper: float | None = None
    confirmed: bool = False
    reason: str | None = None

    @property
    def name(self) -> str:
        """Such as `skin=VI & sex=f`."""
        return " & ".join(f"{variable}={label}" for variable, label in self.terms)


@dataclass(frozen=True)
class WeakSpots:
    """What a search for weak spots looked at, carried over and confirmed.

    Attributes:
        looked_at: Groups that were looked at, the worst in the searched half first.
        passed_over: Groups that were not, with their reasons.
        searched: Subjects of the half that was searched.
        held_back: Subjects of the half for confirmation.
        carry: How many groups were allowed into the confirmation.
        min_subjects: Smallest group in either half.
        worse_than: A group counts as weak where its loss is larger than this.
        alpha: Chance of confirming any group where none is weak.
        level: Of the intervals.
        seed: Of the division into halves.
        citations: Sources.
    """

    looked_at: tuple[WeakSpot, ...]
    passed_over: tuple[WeakSpot, ...]
    searched: int
    held_back: int
    carry: int
    min_subjects: int
    worse_than: float
    alpha: float
    level: float
    seed: int
    citations: tuple[Citation, ...] = (COX, HOLM)

    @property
    def carried(self) -> tuple[WeakSpot, ...]:
        """Groups that went into the confirmation."""
        return tuple(spot for spot in self.looked_at if spot.carried)

    @property
    def confirmed(self) -> tuple[WeakSpot, ...]:
        """Groups in which the candidate is worse."""
        return tuple(spot for spot in self.looked_at if spot.confirmed)

    @property
    def words(self) -> str:
        """What was done and found, in sentences."""
        limit = f" by more than {number(self.worse_than)}" if self.worse_than else ""
        passed = f" ({len(self.passed_over):,} more passed over)" if self.passed_over else ""
        start = (
            f"Looked at {len(self.looked_at):,} groups{passed} in {self.searched:,} subjects and carried the "
            f"{len(self.carried)} that looked worst (at most {self.carry}) to the {self.held_back:,} "
            "subjects held back. "
        )
        if not self.looked_at:
            return (
                f"No group had {self.min_subjects} subjects in each half ({self.searched:,} and "
                f"{self.held_back:,} subjects); nothing was looked at."
            )
        if not self.confirmed:
            return (
                f"{start}None was confirmed to be worse{limit}, which does not show that there is none: weak "
                "spots that are small, or of few subjects, are missed."
            )
        found = "; ".join(
            f"{spot.name}: improvement {number(spot.confirmation.estimate)} [{number(spot.lower)}, "
            f"{number(spot.upper)}], adjusted p = {number(spot.adjusted_p)}"
            for spot in self.confirmed
            if spot.confirmation is not None
            and spot.lower is not None
            and spot.upper is not None
            and spot.adjusted_p is not None
        )
        return f"{start}Confirmed to be worse{limit}: {found}."

    def __str__(self) -> str:
        return "\n".join([self.words, *(f"Source: {source.text}" for source in self.citations)])


def weak_spots(
    evaluate: Evaluate,
    groups: Mapping[str, Sequence[object] | NDArray[Any]],
    *,
    subject: Any = None,
    depth: int = 2,
    min_subjects: int = 10,
    carry: int = 3,
    worse_than: float = 0.0,
    alpha: float = 0.05,
    level: float = 0.95,
    seed: int = 0,
) -> WeakSpots:
    """Search declared groups and their intersections for those in which the candidate is worse.

    1. Subjects are divided into two halves by the seed and their keys, whatever their order and groups.
    2. In one half every group is looked at: each label of each variable and, to depth 2, each pair of labels
       of two variables, with at least `min_subjects` subjects in either half. Groups of the same subjects are
       one. They are ordered by the one-sided p of Student's t that the group is not worse.
    3. The first `carry` of those that look worse are carried over, but for groups that share more than half
       of their subjects with one that already is.
    4. In the other half each is tested, one-sided, adjusted by Holm 1979 for all that were carried over. The
       numbers of that half owe nothing to the search. Where no group is weak, any is confirmed in at most
       `alpha` of studies (simulated: docs/version-proofs.md).

    Student's t in groups of few subjects takes their improvements for roughly symmetric. With a long tail of
    gains a weak spot that is none is confirmed more often (in 17% of studies where improvements are
    exponential), with a long tail of losses one that is there is missed more often.

    Half the subjects find and half confirm, so power is that of a study of half the size; a weak spot that
    can be named beforehand is better declared as a subgroup.

    Args:
        evaluate: From `improvement_of_sums` or `improvement_of_prepared`, or a function of its own: (S,)
            which subjects -> estimate, standard error, degrees of freedom.
        groups: Variable -> (S,) labels of the subjects, compared as text; None or NaN: in no group.
        subject: (S,) keys. Default: 1, 2, ...
        depth: 1, or 2 for pairs as well.
        min_subjects: Smallest group in either half, 2 or more. Standard errors of few subjects are not known
            well, and a small group can hardly be confirmed.
        carry: Most groups that go into the confirmation; each makes the test of the others stricter.
        worse_than: 0 for any loss, or the loss beyond which a group counts as weak.
        alpha: Familywise error rate of the one-sided tests.
        level: Of the two-sided intervals in the confirming half, each for itself.
        seed: Of the division.

    Raises:
        ValueError: No variable, labels of another length, keys missing or twice, or a number that is not
            acceptable; all objections at once.

    Example:
        >>> from accordance.evaluators.comparison.group_improvements import improvement_of_sums
        >>> rng = np.random.default_rng(1)
        >>> skin, sex = rng.choice(["I-II", "III-IV", "V-VI"], 200), rng.choice(["f", "m"], 200)
        >>> improvement = rng.normal(0.5, 1, 200) - 1.5 * (skin == "V-VI")
        >>> found = weak_spots(improvement_of_sums(improvement), {"skin": skin, "sex": sex})
        >>> [spot.name for spot in found.confirmed]
        ['skin=V-VI', 'skin=V-VI & sex=m']
    """
    count, keys = _checked(
        groups, subject, depth=depth, min_subjects=min_subjects, carry=carry,
        worse_than=worse_than, alpha=alpha, level=level,
    )  # fmt: skip
    first = first_half(keys, seed)
    looked_at, passed_over, masks = [], [], dict[bytes, str]()
    for terms, mask in _groups(groups, count, depth):
        spot = WeakSpot(terms)
        reason = _too_small(mask, first, min_subjects)
        twin = masks.get(mask.tobytes())
        if reason is None and twin is not None:
            reason = f"The same subjects as {twin}."
        if reason is None:
            masks[mask.tobytes()] = spot.name
            spot, reason = _searched(spot, evaluate, mask & first, worse_than, min_subjects)
        if reason is None:
            looked_at.append((spot, mask))
        else:
            passed_over.append(replace(spot, reason=reason))
    looked_at.sort(key=lambda one: (one[0].p_search, one[0].name))
    carried = _carried(looked_at, first, carry)
    confirmed = iter(
        _confirmed(
            [looked_at[i] for i in carried], evaluate, ~first,
            worse_than=worse_than, least=min_subjects, alpha=alpha, level=level,
        )
    )  # fmt: skip
    return WeakSpots(
        looked_at=tuple(next(confirmed) if i in carried else spot for i, (spot, _) in enumerate(looked_at)),
        passed_over=tuple(passed_over),
        searched=int(np.count_nonzero(first)),
        held_back=int(np.count_nonzero(~first)),
        carry=carry,
        min_subjects=min_subjects,
        worse_than=float(worse_than),
        alpha=alpha,
        level=level,
        seed=seed,
    )


def first_half(keys: Sequence[str], seed: int) -> Mask:
    """(S,) which subjects are searched: those whose hash of seed and key is among the smaller half.

    It follows from the keys and the seed alone, on every platform; of an odd number the larger part is held
    back.

    Example:
        >>> one, two = first_half(["a", "b", "c", "d"], seed=1), first_half(["d", "c", "b", "a"], seed=1)
        >>> int(one.sum()), (one == two[::-1]).all().item()
        (2, True)
    """
    hashes = [hashlib.sha256(f"accordance/halves/1/{seed}/{key}".encode()).hexdigest() for key in keys]
    order = sorted(range(len(keys)), key=hashes.__getitem__)
    result = np.zeros(len(keys), dtype=bool)
    result[order[: len(keys) // 2]] = True
    return result


def _groups(
    groups: Mapping[str, Sequence[object] | NDArray[Any]], count: int, depth: int
) -> Iterator[tuple[tuple[tuple[str, str], ...], Mask]]:
    """Terms and members of every group: labels in alphabetical order, then pairs of two variables."""
    single: dict[str, list[tuple[str, Mask]]] = {}
    for variable, labels in groups.items():
        plain = _plain(labels)
        known = np.fromiter((not _missing(label) for label in plain), dtype=bool, count=count)
        text = np.array([str(label) for label in plain], dtype=np.str_)
        single[variable] = [(str(label), known & (text == label)) for label in np.unique(text[known])]
        for label, mask in single[variable]:
            yield ((variable, label),), mask
    if depth < _DEEPEST:
        return
    for (one, firsts), (two, seconds) in combinations(single.items(), 2):
        for label, mask in firsts:
            for other, second in seconds:
                yield ((one, label), (two, other)), mask & second


def _too_small(mask: Mask, first: Mask, least: int) -> str | None:
    sizes = int(np.count_nonzero(mask & first)), int(np.count_nonzero(mask & ~first))
    if min(sizes) < least:
        return f"{sizes[0]} and {sizes[1]} subjects in the halves; {least} in each are needed."
    return "All subjects are in it." if np.all(mask) else None


def _searched(
    spot: WeakSpot, evaluate: Evaluate, mask: Mask, worse_than: float, least: int
) -> tuple[WeakSpot, str | None]:
    try:
        found = _evaluated(evaluate, mask, least)
    except CannotComputeError as problem:
        return spot, str(problem)
    return replace(spot, search=found, p_search=_p(found, worse_than)), None


def _evaluated(evaluate: Evaluate, mask: Mask, least: int) -> GroupImprovement:
    """The improvement in a half of a group.

    Raises:
        CannotComputeError: There is none, or it rests on too few subjects: some may have no units.
    """
    found = evaluate(mask)
    if found.n_subjects < least:
        raise CannotComputeError(f"Only {found.n_subjects} subjects have units; {least} are needed.")
    return found


def _p(found: GroupImprovement, worse_than: float) -> float:
    """One-sided: the group's improvement is -worse_than or more."""
    t = (found.estimate + worse_than) / found.standard_error
    return float(special.ndtr(t) if np.isinf(found.df) else special.stdtr(found.df, t))


def _carried(looked_at: Sequence[tuple[WeakSpot, Mask]], first: Mask, carry: int) -> list[int]:
    """Positions of the first groups that look worse and are not much the same."""
    chosen: list[int] = []
    for i, (spot, mask) in enumerate(looked_at):
        if len(chosen) == carry or spot.p_search is None or spot.p_search >= 0.5:
            break
        mine = mask & first
        shares = [
            np.count_nonzero(mine & looked_at[j][1]) / np.count_nonzero(mine | (looked_at[j][1] & first))
            for j in chosen
        ]
        if all(share <= _ALIKE for share in shares):
            chosen.append(i)
    return chosen


def _confirmed(
    carried: Sequence[tuple[WeakSpot, Mask]],
    evaluate: Evaluate,
    second: Mask,
    *,
    worse_than: float,
    least: int,
    alpha: float,
    level: float,
) -> list[WeakSpot]:
    if not carried:
        return []
    tested = []
    for spot, mask in carried:
        try:
            found = _evaluated(evaluate, mask & second, least)
        except CannotComputeError as problem:  # it stays in the family
            tested.append(replace(spot, carried=True, p=1.0, reason=str(problem)))
            continue
        lower, upper = t_interval(found.estimate, found.standard_error, found.df, level, "two")
        tested.append(
            replace(
                spot, carried=True, confirmation=found, p=_p(found, worse_than),
                lower=float(lower), upper=float(upper),
            )
        )  # fmt: skip
    adjusted = adjust([spot.p for spot in tested if spot.p is not None], method="holm", alpha=alpha)
    return [
        replace(spot, adjusted_p=p, confirmed=rejected)
        for spot, p, rejected in zip(tested, adjusted.adjusted, adjusted.rejected, strict=True)
    ]


def _checked(
    groups: Mapping[str, Sequence[object] | NDArray[Any]], subject: Any, **given: Any
) -> tuple[int, tuple[str, ...]]:
    """Number of subjects, and their keys.

    Raises:
        ValueError: What was asked is not acceptable; all objections.
    """
    if not groups:
        raise ValueError("`groups` names no variable.")
    sizes = {name: len(labels) for name, labels in groups.items()}
    count = next(iter(sizes.values())) if subject is None else len(subject)
    problems = [
        f"`{name}` has {size} labels for {count} subjects." for name, size in sizes.items() if size != count
    ]
    problems += [
        f"`{name}` is {given[name]!r}; accepted: {words}."
        for name, fits, words in (
            ("depth", given["depth"] in (1, _DEEPEST), "1 or 2"),
            ("min_subjects", given["min_subjects"] >= 2, "2 or more"),
            ("carry", given["carry"] >= 1, "1 or more"),
            ("worse_than", np.isfinite(given["worse_than"]) and given["worse_than"] >= 0, "0 or more"),
            ("alpha", 0 < given["alpha"] < 1, "between 0 and 1"),
            ("level", 0 < given["level"] < 1, "between 0 and 1"),
        )
        if not fits
    ]
    if problems:
        raise ValueError(" ".join(problems))
    if subject is None:
        return count, tuple(str(i + 1) for i in range(count))
    found, place = checks.subject_labels(subject, count)
    if len(found) != count:
        raise ValueError(f"`subject` must hold {count} different keys; it holds {len(found)}.")
    return count, tuple(found[i] for i in place)


def _plain(labels: Sequence[object] | NDArray[Any]) -> list[object]:
    return labels.tolist() if isinstance(labels, np.ndarray) else list(labels)


def _missing(label: object) -> bool:
    return label is None or (isinstance(label, float) and np.isnan(label))
