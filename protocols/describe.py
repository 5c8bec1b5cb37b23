"""A resolved protocol in plain words: for `protocols show`, `explain`, and a report's methods section.

Every function takes a resolved protocol (or a part of one) and returns text; none reads data.
"""

from __future__ import annotations

from itertools import pairwise

from ..evaluators import intervals, registry
from . import (
    describe_change_control,
    describe_comparison,
    describe_events,
    describe_measures,
    describe_units,
    describe_validity,
)
from .context import EVENTS, UNIT_METHODS
from .criteria import TableLimit
from .describe_parts import column, joined, number, scalar, where
from .limit_tables import TABLES
from .model import Criterion, Endpoint, IntervalSpec, Pairing, Protocol, Tier, View

TIERS: dict[Tier, str] = {
    "study": "the study's own limit",
    "primary": "read in the rule's own text",
    "secondary": "read in a text that reports the rule; confirm against the rule",
    "unverified": "from memory, not verified",
}
"""What each tier says about the source of a limit."""

ROLES = {
    "primary": "primary",
    "co_primary": "co-primary",
    "key_secondary": "key secondary",
    "secondary": "secondary",
    "exploratory": "exploratory",
    "supportive": "supportive",
}

VIEWS: dict[View, str] = {
    "classifiable_only": "outputs that are no result are left out",
    "as_positive": "outputs that are no result count as positive",
    "as_negative": "outputs that are no result count as negative",
}
"""What each view does with outputs that are no result."""

AVERAGES = {
    "pooled": "each pair counts once, whichever subject it belongs to",
    "subject_mean": "the mean over subjects of each subject's own value",
}


def interval(spec: IntervalSpec) -> str:
    """The kind of interval in words, without its method.

    Example:
        >>> interval(IntervalSpec(level=0.9)), interval(IntervalSpec(sides="lower"))
        ('two-sided 90% interval', 'one-sided 95% interval')
    """
    sides = "two-sided" if spec.sides == "two" else "one-sided"
    return f"{sides} {number(round(100 * spec.level, 10))}% interval"


def criterion(endpoint: Endpoint) -> str:
    """The acceptance criteria of a resolved endpoint as one sentence; empty where there are none.

    Example:
        >>> from accordance.protocols import library
        >>> criterion(library.load("afib-ecg").endpoints["sensitivity"])
        'Lower bound of the two-sided 95% interval of sensitivity > a limit that the study has still to set'
        >>> criterion(library.load("heart-rate").endpoints["mape"])
        'Mean absolute percentage error <= 10% (point estimate)'
    """
    parts = [_criterion(endpoint, rule) for rule in endpoint.judged]
    if not parts:
        return ""
    any_of = endpoint.criteria is not None and endpoint.criteria.any_of is not None
    sentence = (" or " if any_of else " and ").join(parts)
    return sentence[0].upper() + sentence[1:]


def _criterion(endpoint: Endpoint, rule: Criterion) -> str:
    name = _title(endpoint, rule.statistic)
    spec, limit = interval(endpoint.interval), _limit(rule)
    sentence = {
        "point": f"{'absolute value of ' if rule.absolute else ''}{name} {limit} (point estimate)",
        "lower": f"lower bound of the {spec} of {name} {limit}",
        "upper": f"upper bound of the {spec} of {name} {limit}",
        "both": f"{spec} of {name} {limit}",
    }[rule.compare]
    if endpoint.disparity is not None:
        return f"{sentence}, for every pair of groups"
    if rule.applies_to == "each_level":
        return f"{sentence}, for every {joined([column(split) for split in endpoint.by])}"
    return sentence


def _title(endpoint: Endpoint, name: str | None) -> str:
    """A statistic's title inside a sentence; its own name where it exists for the protocol's levels only."""
    metric = registry.get(endpoint.metric)
    try:
        return _lower(metric.statistic(name or metric.headline).title)
    except KeyError:
        return str(name).replace("_", " ")


def _lower(title: str) -> str:
    """A title inside a sentence; abbreviations and names of units keep their capitals."""
    return title if title[1:2].isupper() or not title[1:2].isalpha() else title[0].lower() + title[1:]


def _limit(rule: Criterion) -> str:
    proportion = rule.unit == "proportion"
    if isinstance(rule.limit, TableLimit):
        table = TABLES[rule.limit.table]
        return (
            f"{rule.operator} the limit that the table of {table.source} gives for {_spaced(rule.limit.by)}"
        )
    if isinstance(rule.limit, str):
        return f"{rule.operator} a limit that the study has still to set"
    limits = rule.limit if isinstance(rule.limit, tuple) else (rule.limit,)
    texts = [_proportion(limit) if proportion else number(limit) for limit in limits]
    unit = "" if proportion or rule.unit is None else rule.unit if rule.unit == "%" else f" {rule.unit}"
    if len(texts) == 2:
        return f"within {texts[0]} to {texts[1]}{unit}"
    return f"{rule.operator} {texts[0]}{unit}"


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _proportion(value: float) -> str:
    """A proportion with two decimals or more, as such goals are written."""
    return f"{value:.2f}" if round(value, 2) == value else number(value)


def pairing(protocol: Protocol, name: str) -> str:
    """How rows become pairs, in words.

    Example:
        >>> from accordance.protocols import library
        >>> pairing(library.load("afib-ecg"), "recordings")
        'A row of reference and a row of test with equal subject and recording form a pair.'
    """
    one: Pairing = protocol.pairings[name]
    equal = joined([column(on) for on in one.on or ()])
    if one.method in UNIT_METHODS and one.unit is not None:
        return " ".join(describe_units.sentences(protocol, one))
    if one.method == EVENTS:
        return " ".join(describe_events.sentences(protocol, one))
    rows = f"A row of {one.reference} and a row of {one.test} with equal {equal} form a pair"
    if one.method == "nearest":
        nearest = f"{rows} if each is the other's nearest in time and they differ by at most {one.tolerance}."
        counted = f"Rows of {one.test} without a partner are counted by subject and reason, not listed."
        clocks = [describe_units.clocks(one.alignment)] if one.alignment else []
        return " ".join([nearest, *([counted] if one.lone_test == "counted" else []), *clocks])
    return f"{rows}."


def _upper(text: str) -> str:
    return text[0].upper() + text[1:]


def population(protocol: Protocol, name: str) -> str:
    """Who is in an analysis set, as one or two sentences.

    Example:
        >>> from accordance.protocols import library
        >>> population(library.load("method-comparison"), "all")
        'All subjects measured with both methods.'
    """
    one = protocol.populations[name]
    sentences = [one.definition or one.title]
    if one.where:
        sentences.append(f"Condition: {where(one.where)}")
    codes = [_lower(protocol.exclusions[code].title) for code in one.exclude or ()]
    if codes:
        sentences.append(f"Excluded: {'; '.join(codes)}")
    return " ".join(sentence.rstrip(".") + "." for sentence in sentences)


def exclusion(protocol: Protocol, code: str) -> str:
    """When a reason code removes rows.

    Example:
        >>> from accordance.protocols import library
        >>> exclusion(library.load("afib-ecg"), "withdrawn")
        'Subject withdrew consent (rows of subjects that carry the code `withdrawn`).'
    """
    one = protocol.exclusions[code]
    rows = f"rows of {one.table}" if one.table else "pairs" if one.where else "rows"
    rule = f"{rows} where {where(one.where)}" if one.where else f"{rows} that carry the code `{code}`"
    return f"{one.title} ({rule})."


def subgroup(protocol: Protocol, name: str) -> str:
    """How a subgroup divides the pairs.

    Example:
        >>> from accordance.protocols import library
        >>> subgroup(library.load("heart-rate"), "skin_tone")
        'Skin tone (Monk scale): skin tone from 1 to below 5, from 5 to below 8, from 8 to below 11.'
    """
    one = protocol.subgroups[name]
    title = one.title or name
    parts = []
    if one.by and one.bands:
        bands = [f"from {number(low)} to below {number(high)}" for low, high in pairwise(one.bands)]
        if not bands:
            bands = [f"below {number(one.bands[0])}", f"{number(one.bands[0])} and above"]
        parts.append(f"{column(one.by)} {', '.join(bands)}")
    elif one.by:
        parts.append(f"each {column(one.by)}")
    if one.where:
        parts.append(where(one.where))
    return f"{title}: {'; '.join(parts)}."


def indeterminate(protocol: Protocol) -> str:
    """What decides where an output is no result; empty where the protocol has no such policy."""
    policy = protocol.indeterminate
    if policy is None:
        return ""
    reason = f" {policy.rationale}" if policy.rationale else ""
    return f"In the view that decides, {VIEWS[policy.primary_view]}; all three views are reported.{reason}"


def resampling(protocol: Protocol) -> str:
    """The subject bootstrap in one sentence.

    Example:
        >>> from accordance.protocols import library
        >>> resampling(library.load("afib-ecg"))
        'Subjects are resampled with replacement 10,000 times within cohort, seed 20260101.'
    """
    one = protocol.resampling
    strata = f" within {joined([column(name) for name in one.strata])}" if one.strata else ""
    return f"Subjects are resampled with replacement {one.replicates:,} times{strata}, seed {protocol.seed}."


def made(protocol: Protocol) -> list[str]:
    """Each column that the data do not have, as a sentence: measures, and categories made from numbers.

    Example:
        >>> from accordance.protocols import library
        >>> print(made(library.load("spo2-iso80601"))[0])
        In `reference`, `hypoxaemia` is made of `sao2`: present below 88, absent from 88.
    """
    return (
        describe_measures.measured(protocol)
        + describe_events.columns(protocol)
        + [
            f"In `{table}`, `{name}` is made of `{column.from_.column}`: "
            + ", ".join(
                f"{level}{_band(low, high)}"
                for level, low, high in zip(
                    column.levels or (), (None, *column.from_.edges), (*column.from_.edges, None), strict=True
                )
            )
            + "."
            for table, contract in protocol.tables.items()
            for name, column in contract.columns.items()
            if column.from_ is not None
        ]
    )


def _band(low: float | None, high: float | None) -> str:
    start = f" from {low:g}" if low is not None else ""
    end = f"{' to' if start else ''} below {high:g}" if high is not None else ""
    return f"{start}{end}"


def endpoint(protocol: Protocol, name: str) -> list[str]:
    """One endpoint as sentences: what, on whom, by which columns, with which interval, judged how.

    Example:
        >>> from accordance.protocols import library
        >>> for sentence in endpoint(library.load("method-comparison"), "agreement")[:3]:
        ...     print(sentence)
        Bias and 95% limits of agreement: secondary endpoint.
        Bland-Altman agreement of test `value` against reference `value`.
        Population: All subjects measured with both methods.
    """
    one = protocol.endpoints[name]
    metric = registry.get(one.metric)
    positive = f", positive: {joined(list(one.positive), 'or')}" if one.positive else ""
    average = f"; {AVERAGES[one.average]}" if one.average and len(metric.averages) > 1 else ""
    sides = protocol.pairings[one.pairing or ""]
    sentences = [
        f"{one.title.rstrip('.')}: {ROLES[one.role]} endpoint.",
        f"{metric.title} of {sides.test} `{one.test}` against {sides.reference} `{one.reference}`"
        f"{positive}{average}.",
        f"Population: {protocol.populations[one.population or ''].title.rstrip('.')}.",
    ]
    if one.parameters:
        given = [
            f"{key.replace('_', ' ')} {scalar(value)}"
            for key, value in one.parameters.items()
            if value is not None
        ]
        sentences.append(f"Parameters: {joined(given)}.")
    if one.where:
        sentences.append(f"Condition: {where(one.where)}.")
    if one.by:
        sentences.append(f"Also for each {joined([column(split) for split in one.by])}.")
    if one.subgroups:
        sentences.append(f"Subgroups: {joined([protocol.subgroups[s].title or s for s in one.subgroups])}.")
    sentences.append(_interval_sentence(one))
    if one.hypothesis:
        sentences.append(f"Hypothesis: {one.hypothesis.rstrip('.')}.")
    if not one.judged:
        sentences.append("No acceptance criterion: the result informs and does not decide.")
    else:
        sources = dict.fromkeys(_provenance(rule) for rule in one.judged)
        sentences.append(f"Criterion: {criterion(one)}. Limit: {'; '.join(sources)}.")
    return sentences


def _provenance(rule: Criterion) -> str:
    source = f" ({rule.source.rstrip('.')})" if rule.source else ""
    confirmed = f", confirmed by {rule.confirmed.by} in {rule.confirmed.clause}" if rule.confirmed else ""
    return f"{TIERS[rule.tier]}{source}{confirmed}"


def _interval_sentence(one: Endpoint) -> str:
    methods = one.interval.methods or {}
    by_method: dict[str, list[str]] = {}
    for statistic, method in methods.items():
        by_method.setdefault(method, []).append(_title(one, statistic))
    if len(by_method) == 1:
        words = intervals.METHODS[next(iter(by_method))].title
    else:
        words = "; ".join(
            f"{intervals.METHODS[m].title} for {joined(names)}" for m, names in by_method.items()
        )
    independent = (
        f"; rows are taken as independent: {one.interval.cluster_rationale}"
        if one.interval.cluster == "none"
        else ""
    )
    return f"{_upper(interval(one.interval))}: {words}{independent}."


def summary(protocol: Protocol) -> str:
    """The whole protocol as plain text, a heading a section.

    Example:
        >>> from accordance.protocols import library
        >>> print(summary(library.load("method-comparison")).splitlines()[0])
        Agreement of a new measurement method with a reference method (method-comparison, version 1.0)
    """
    lines = [f"{protocol.title} ({protocol.id}, version {protocol.version})", ""]
    lines += [f"Intended use: {protocol.intended_use}", f"Objective: {protocol.objective}"]
    if protocol.design:
        lines.append(f"Design: {protocol.design}")
    for standard in protocol.standards:
        clause = f", {standard.clause}" if standard.clause else ""
        lines.append(f"Standard: {standard.name}{clause}.{' ' + standard.note if standard.note else ''}")
    lines += ["", "Pairing", *(f"  {pairing(protocol, name)}" for name in protocol.pairings)]
    if protocol.exclusions:
        lines += ["", "Exclusions", *(f"  {exclusion(protocol, code)}" for code in protocol.exclusions)]
    if made(protocol):
        lines += ["", "Columns made from others", *(f"  {sentence}" for sentence in made(protocol))]
    lines += ["", "Populations"]
    for name, one in protocol.populations.items():
        title = f"{one.title}: " if one.definition else ""
        lines.append(f"  {title}{population(protocol, name)}")
    if protocol.indeterminate:
        lines += ["", "Outputs that are no result", f"  {indeterminate(protocol)}"]
    for heading, found in (
        (
            "Requirements on the study",
            [describe_validity.requirement(protocol, r) for r in protocol.requirements],
        ),
        ("Missing data", [describe_validity.missing(protocol)] if protocol.missing else []),
        ("Families of hypotheses", [describe_validity.family(protocol, name) for name in protocol.families]),
    ):
        lines += ["", heading, *(f"  {sentence}" for sentence in found)] if found else []
    lines += ["", "Endpoints"]
    for name in protocol.endpoints:
        first, *rest = endpoint(protocol, name)
        lines += [f"  {name}: {first}", *(f"    {sentence}" for sentence in rest)]
    if protocol.comparison:
        told = describe_comparison.comparison(protocol)
        lines += ["", "Comparison of versions", *(f"  {sentence}" for sentence in told)]
    if protocol.change_control:
        told = describe_change_control.change_control(protocol)
        lines += ["", "Change control", *(f"  {sentence}" for sentence in told)]
    if protocol.subgroups:
        lines += ["", "Subgroups", *(f"  {subgroup(protocol, name)}" for name in protocol.subgroups)]
    lines += ["", "Resampling", f"  {resampling(protocol)}"]
    return "\n".join(lines)
