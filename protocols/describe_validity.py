"""What a study must be, in plain words: requirements, missing data, families of hypotheses, estimands."""

from __future__ import annotations

from itertools import pairwise

from .describe_parts import column, joined, number, where
from .model import Protocol
from .validity import Family, Requirement

_UNITS = {"subjects": "subjects", "pairs": "pairs", "references": "reference readings"}
HANDLING = {
    "complete_case": "units without an output or a reference are left out (complete cases)",
    "worst_case": "every unit without an output or a reference counts as an error",
    "best_case": "every unit without an output or a reference counts as correct",
    "multiple_imputation": "what is missing is imputed several times (predictive mean matching)",
    "tipping_point": "how many, or how bad, the missing would have to be to change the decision",
}
"""What each way to deal with missing units does."""
PROCEDURES = {
    "co_primary": "every hypothesis has to be met, each at the full alpha",
    "bonferroni": "each hypothesis is tested at its share of alpha (Bonferroni)",
    "holm": "hypotheses are tested from the smallest p value on (Holm)",
    "hochberg": "hypotheses are tested from the largest p value on (Hochberg)",
    "fixed_sequence": "hypotheses are tested in order, until the first that is not met",
    "graphical": "alpha is passed on along a graph (Bretz et al. 2009)",
}
"""What each procedure does."""


def requirement(protocol: Protocol, name: str) -> str:
    """What the study must have, as one sentence.

    Example:
        >>> from accordance.protocols import library
        >>> protocol = library.load("method-comparison")
        >>> one = Requirement(count="subjects", at_least=40.0)
        >>> requirement(protocol.model_copy(update={"requirements": {"n": one}}), "n")
        'Number of subjects: at least 40.'
    """
    one = protocol.requirements[name]
    source = f" ({one.source.rstrip('.')})" if one.source else ""
    title = f"{one.title.rstrip('.')}: " if one.title else ""
    sentence = f"{title}{_what(one)}: {bounds(one)}{source}."
    return sentence[0].upper() + sentence[1:]


def _what(one: Requirement) -> str:
    if one.covers is not None:
        return f"range of {column(one.covers)}"
    kind = "number of" if one.count else "share of"
    text = f"{kind} {_UNITS[str(one.count or one.share)]}"
    if one.where:
        text += f" whose {where(one.where)}"
    if one.each is not None:
        text += f", for every {groups(one)}"
    return text


def groups(one: Requirement) -> str:
    """The groups that a requirement speaks of one by one."""
    name = column(str(one.each))
    if isinstance(one.bands, str):
        return f"band of {name} (bands still to be set)"
    if one.bands is not None:
        bands = [f"{number(low)} to {number(high)}" for low, high in pairwise(one.bands)]
        return f"band of {name} ({joined(bands)})"
    return f"{name} ({joined(list(one.levels))})" if one.levels else name


def bounds(one: Requirement) -> str:
    """What the number has to be.

    Example:
        >>> bounds(Requirement(share="subjects", at_least=0.3))
        'at least 30%'
        >>> bounds(Requirement(count="subjects", at_least=2.0, at_least_share=0.15))
        'at least 2 and at least 15% of all'
    """
    if one.covers is not None:
        if not isinstance(one.range, tuple):
            return "still to be set"
        return f"from {number(one.range[0])} or below to {number(one.range[1])} or above"
    words = {"at_least": "at least", "above": "above", "at_most": "at most", "equals": "exactly"}
    parts = [
        f"{text} {_bound(one, getattr(one, key))}"
        for key, text in words.items()
        if getattr(one, key) is not None
    ]
    if one.at_least_share is not None:
        parts.append(f"at least {number(round(100 * one.at_least_share, 10))}% of all")
    return joined(parts)


def _bound(one: Requirement, value: float | str) -> str:
    if isinstance(value, str):
        return "a number still to be set"
    return f"{number(round(100 * value, 10))}%" if one.share else number(value)


def missing(protocol: Protocol) -> str:
    """How missing units are dealt with, as one or two sentences; empty where nothing is said."""
    policy = protocol.missing
    if policy is None:
        return ""
    beside = [HANDLING[name] for name in policy.sensitivity if name != policy.primary]
    text = f"In the analysis that decides, {HANDLING[policy.primary]}."
    if beside:
        text += f" Beside it: {'; '.join(beside)}."
    return f"{text} {policy.rationale}" if policy.rationale else text


def family(protocol: Protocol, name: str) -> str:
    """A family of hypotheses as one sentence."""
    one: Family = protocol.families[name]
    titles = joined([protocol.endpoints[key].title for key in one.endpoints])
    after = f", after {protocol.families[one.after].title or one.after}" if one.after else ""
    alpha = f"one-sided alpha {number(one.alpha)}"
    return f"{one.title or name}: {titles}; {PROCEDURES[one.procedure]}, {alpha}{after}."
