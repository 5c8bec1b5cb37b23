"""The statistical methods section, in sentences from the resolved protocol, with numbered citations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..datasets.pairs import STRUCTURAL
from ..evaluators import registry
from ..evaluators.intervals import METHODS
from ..evaluators.metric import Metric
from ..protocols import describe, describe_validity
from ..protocols.context import EVENTS, UNIT_METHODS
from ..protocols.model import Condition, Endpoint, Pairing, Protocol, Table, Where
from . import format as fmt
from . import layouts

VIEW_MEANING = {
    "classifiable_only": "they are left out, and their share is reported as the yield",
    "as_positive": "they count as positive outputs",
    "as_negative": "they count as negative outputs",
}
ROLE_WORDS = {
    "primary": "Primary",
    "co_primary": "Co-primary",
    "key_secondary": "Key secondary",
    "secondary": "Secondary",
    "exploratory": "Exploratory",
    "supportive": "Supportive",
}


@dataclass
class Bibliography:
    """Sources in the order of their first citation."""

    entries: list[str] = field(default_factory=list)

    def cite(self, *sources: str) -> str:
        """The numbers of these sources, as ` [1, 2]`; nothing for none."""
        numbers = []
        for source in sources:
            keys = [_work(entry) for entry in self.entries]
            if _work(source) not in keys:
                self.entries.append(source)
                keys.append(_work(source))
            numbers.append(keys.index(_work(source)) + 1)
        return f"\u00a0[{', '.join(str(number) for number in sorted(set(numbers)))}]" if numbers else ""


def _work(source: str) -> str:
    """Author and title without punctuation: the same work, however its journal is abbreviated."""
    return re.sub(r"\W+", "", " ".join(source.split(". ")[:2])).casefold()


@dataclass(frozen=True)
class Paragraph:
    """A heading with a list of (lead, words), and sentences after it."""

    heading: str
    sentences: tuple[str, ...] = ()
    listed: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """The sentences as running text."""
        return " ".join(self.sentences)


def write(protocol: Protocol, sources: Bibliography, layout: layouts.Layout = layouts.SPA) -> list[Paragraph]:
    """The methods, paragraph by paragraph; references to other sections are those of the layout."""
    paragraphs = [
        Paragraph("Data", tuple(_data(protocol))),
        Paragraph("Pairing", tuple(_pairings(protocol))),
        Paragraph("Exclusions and analysis sets", tuple(_populations(protocol))),
        Paragraph("Results that are no result", tuple(_indeterminate(protocol))),
        Paragraph("Missing data", tuple(_missing(protocol))),
        Paragraph(
            "Endpoints and estimands",
            tuple(_estimand_notes(protocol, sources)),
            tuple(_estimands(protocol, sources)),
        ),
        Paragraph("Intervals", tuple(_interval_notes(protocol)), tuple(_intervals(protocol, sources))),
        Paragraph("Resampling", tuple(_resampling(protocol))),
        Paragraph("Subgroups", tuple(_subgroups(protocol))),
        Paragraph("Families of hypotheses", tuple(_families(protocol))),
        Paragraph("Decisions", tuple(_decisions(protocol))),
        Paragraph("Rounding", (fmt.RULE,)),
    ]
    return [
        replace(paragraph, sentences=tuple(layout.refer(sentence) for sentence in paragraph.sentences))
        for paragraph in paragraphs
        if paragraph.sentences or paragraph.listed
    ]


def joined(names: Iterable[str], word: str = "and") -> str:
    """A list in words.

    Example:
        >>> joined(["age", "sex", "site"])
        'age, sex and site'
    """
    parts = list(names)
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {word} {parts[-1]}" if parts else ""


def titles(names: Sequence[str]) -> str:
    """Titles as a list in words, quoted where one of them holds a comma.

    Example:
        >>> titles(["Bias, first readings", "Upper limit"])
        '“Bias, first readings” and “Upper limit”'
    """
    return (
        joined(f"\u201c{name}\u201d" for name in names)
        if any("," in name for name in names)
        else joined(names)
    )


def _data(protocol: Protocol) -> Iterable[str]:
    for name, table in protocol.tables.items():
        device = f" ({table.device})" if table.device else ""
        keys = joined(_column_title(table, key).lower() for key in table.key)
        yield f"The table \u201c{table.title or name}\u201d{device} holds one row for each {keys}."
    yield (
        "Before anything was computed, every table was checked against its declared contract: columns, "
        "types, units, "
        "accepted ranges and levels, duplicate keys, and subjects without an entry."
    )
    yield from map(fmt.quoted, describe.made(protocol))
    for rule in protocol.conversions:
        offset = f" plus {fmt.plain(rule.offset)}" if rule.offset else ""
        by = f"{fmt.plain(rule.factor)}{offset}"
        yield f"Values in {rule.from_} were converted to {rule.to} by the factor {by}."
    yield "All differences are test minus reference."


def _column_title(table: Table, column: str) -> str:
    found = table.columns.get(column)
    return (found.title if found else None) or column.replace("_", " ")


def _pairings(protocol: Protocol) -> Iterable[str]:
    several = len(protocol.pairings) > 1
    for name, pairing in protocol.pairings.items():
        if pairing.method in {EVENTS, *UNIT_METHODS}:
            lead = f"For \u201c{pairing.title or name}\u201d: " if several else ""
            yield fmt.quoted(f"{lead}{describe.pairing(protocol, name)}")
            continue
        head = f"For \u201c{pairing.title or name}\u201d, rows" if several else "Rows"
        yield f"{head} of reference and test were paired one to one {_pairing_rule(protocol, pairing)}."
    yield (
        "Every row of both tables ended as a member of one pair or carries a reason code; the counts add "
        "up to the "
        "rows read (§disposition)."
    )
    methods = {pairing.method for pairing in protocol.pairings.values()}
    if not methods.isdisjoint({EVENTS, *UNIT_METHODS}):
        what = "units of time" if EVENTS not in methods else "outcomes of events"
        one = "a unit" if EVENTS not in methods else "an outcome"
        yield (
            f"Where rows became {what}, this holds for these; before that, every row that was read was used "
            f"in {one} or left out for one reason, and these counts add up, too (§disposition)."
        )


def _pairing_rule(protocol: Protocol, pairing: Pairing) -> str:
    table = protocol.tables[pairing.reference]
    on = joined(_column_title(table, key).lower() for key in pairing.on or ())
    if pairing.method == "key":
        return f"by equal {on}" if on else "by equal keys"
    reach = (
        f", at most {fmt.plain(pairing.tolerance.value)} {pairing.tolerance.unit} apart"
        if pairing.tolerance
        else ""
    )
    return (
        f"within equal {on}, each with the row nearest in time{reach}"
        if on
        else f"with the row nearest in time{reach}"
    )


def _populations(protocol: Protocol) -> Iterable[str]:
    if protocol.exclusions:
        listed = "; ".join(f"{rule.title} (code {code})" for code, rule in protocol.exclusions.items())
        yield f"Reason codes for exclusion were fixed beforehand: {listed}."
    for name, population in protocol.populations.items():
        definition = f": {population.definition.rstrip('.')}" if population.definition else ""
        words = f"({name}){definition}{_where(population.where)}"
        yield f"The analysis set \u201c{population.title}\u201d {words}."
        out = population.exclude
        if out is not None:
            left = joined(
                protocol.exclusions[code].title if code in protocol.exclusions else STRUCTURAL[code]
                for code in out
            )
            yield f"Excluded from it: {left}." if out else "No reason code excludes rows from it."


def _where(where: Where | None) -> str:
    return f"; rows where {conditions(where)}" if where else ""


def conditions(where: Where) -> str:
    """Declared conditions in words."""
    return joined(f"{name.replace('_', ' ')} {_condition(condition)}" for name, condition in where.items())


def _condition(condition: Condition) -> str:
    parts = []
    if condition.is_:
        parts.append("is " + joined((str(value) for value in condition.is_), "or"))
    if condition.is_not:
        parts.append("is not " + joined((str(value) for value in condition.is_not), "or"))
    bounds = (("at least", condition.at_least), ("above", condition.above), ("at most", condition.at_most))
    parts += [
        f"is {word} {fmt.plain(value)}"
        for word, value in (*bounds, ("below", condition.below))
        if value is not None
    ]
    if condition.missing is not None:
        parts.append("is missing" if condition.missing else "is present")
    return joined(parts)


def _indeterminate(protocol: Protocol) -> Iterable[str]:
    for name, table in protocol.tables.items():
        for column, declared in table.columns.items():
            if declared.indeterminate:
                levels = joined(f"\u201c{level}\u201d" for level in declared.indeterminate)
                where = declared.title or column.replace("_", " ")
                yield f"In \u201c{where}\u201d ({table.title or name}), {levels} are no result."
    if protocol.indeterminate:
        view = protocol.indeterminate.primary_view
        reason = f" Rationale: {protocol.indeterminate.rationale}" if protocol.indeterminate.rationale else ""
        yield f"In the view that decides, {VIEW_MEANING[view]}.{reason}"
        yield "Every view (left out, as positive, as negative) is always computed (§indeterminate)."


def _missing(protocol: Protocol) -> Iterable[str]:
    said = describe_validity.missing(protocol)
    if said:
        yield said
    else:
        yield (
            "The protocol declares no way to deal with units without an output or without a reference; pairs "
            "need both, so that such units are left out (complete cases), and §disposition accounts for them."
        )


def _families(protocol: Protocol) -> Iterable[str]:
    for name in protocol.families:
        yield describe_validity.family(protocol, name)


def _estimands(protocol: Protocol, sources: Bibliography) -> Iterable[tuple[str, str]]:
    asked: dict[str, list[str]] = {}
    for endpoint in protocol.endpoints.values():
        asked.setdefault(endpoint.metric, []).append(endpoint.title)
    for name, titles in asked.items():
        metric = _metric(name)
        if metric is None:
            yield name, f"A metric of a plug-in that is not installed here (for {joined(titles)})."
            continue
        cited = sources.cite(*(citation.text for citation in metric.citations))
        if len(metric.statistics) == 1:
            yield metric.title, f"{sentence(metric.statistics[0].definition)[:-1]}{cited}."
        else:
            parts = " ".join(f"{one.title}: {sentence(one.definition)}" for one in metric.statistics)
            yield metric.title, f"{sentence(metric.summary)[:-1]}{cited}. {parts}"


def _estimand_notes(protocol: Protocol, sources: Bibliography) -> Iterable[str]:
    if any(endpoint.average == "subject_mean" for endpoint in protocol.endpoints.values()):
        yield "Endpoints averaged over subjects give every subject the same weight; pooled ones, every row."
    cited = sources.cite(*protocol.references)
    if protocol.references:
        yield f"The protocol itself cites{cited}."


def sentence(text: str) -> str:
    """A definition as a sentence in print: quoted words for code, true minus signs between terms."""
    shown = re.sub(r"`([^`]*)`", "\u201c\\1\u201d", text).replace(" - ", f" {fmt.MINUS} ")
    return shown if shown.endswith((".", "!", "?")) else shown + "."


def _metric(name: str) -> Metric | None:
    try:
        return registry.get(name)
    except KeyError:  # a plug-in's metric, where the plug-in is not installed
        return None


def _intervals(protocol: Protocol, sources: Bibliography) -> Iterable[tuple[str, str]]:
    for name, endpoints in _by_method(protocol).items():
        method = METHODS.get(name)
        if method is not None:
            cited = sources.cite(*(citation.text for citation in method.citations))
            yield (
                method.title,
                f"{sentence(method.words)[:-1]}{cited}. For: {'; '.join(dict.fromkeys(endpoints))}.",
            )


def _interval_notes(protocol: Protocol) -> Iterable[str]:
    for name, endpoint in protocol.endpoints.items():
        if endpoint.interval.cluster == "none":
            reason = endpoint.interval.cluster_rationale or "no reason is given"
            words = f"\u201c{endpoint.title}\u201d ({name})"
            yield f"For {words} rows are taken for independent: {reason.rstrip('.')}."


def _by_method(protocol: Protocol) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for endpoint in protocol.endpoints.values():
        methods: Mapping[str, str] = endpoint.interval.methods or {}
        names = dict.fromkeys(
            [*methods.values(), *([endpoint.interval.method] if endpoint.interval.method else [])]
        )
        for name in names:
            found.setdefault(name, []).append(endpoint.title)
    return found


def _resampling(protocol: Protocol) -> Iterable[str]:
    if not any(METHODS[name].resampling for name in _by_method(protocol) if name in METHODS):
        return
    strata = protocol.resampling.strata
    within = f" within strata of {joined(name.replace('_', ' ') for name in strata)}" if strata else ""
    yield (
        f"Bootstrap intervals resample whole subjects{within}, never rows, "
        f"{protocol.resampling.replicates:,} times with "
        f"the declared seed {protocol.seed}."
    )
    yield (
        "One matrix of subject weights serves all endpoints, versions and levels, so that differences are "
        "paired. Each "
        "resampled bound carries its Monte-Carlo standard error; a decision within two of them is flagged."
    )


def _subgroups(protocol: Protocol) -> Iterable[str]:
    if not protocol.subgroups:
        return
    names = joined(sub.title or name.replace("_", " ") for name, sub in protocol.subgroups.items())
    yield f"Subgroups were declared beforehand: {names}."
    bands = [(name, sub) for name, sub in protocol.subgroups.items() if sub.bands]
    if bands:
        yield "Bands include their lower end and exclude their upper end."
    yield "Subgroup results are descriptive; their intervals are not adjusted for multiplicity."


def _decisions(protocol: Protocol) -> Iterable[str]:
    deciding = [
        e.title for e in protocol.endpoints.values() if e.judged and e.role in ("primary", "co_primary")
    ]
    if deciding:
        yield (
            "The success criterion is demonstrated when "
            f"{'all of ' if len(deciding) > 1 else ''}{titles(deciding)} "
            f"{'are' if len(deciding) > 1 else 'is'} met, in the view that decides and over all analysed "
            "rows."
        )
    else:
        yield "The protocol declares no criterion for a primary endpoint; the study decides nothing."
    yield (
        "Beside each decision stands what its interval says: that the whole interval lies on one side of "
        "the limit, or "
        "that the limit lies inside. An interval without spread, or one that takes the rows of a subject for "
        "independent, never supports a decision; the result is then not evaluable."
    )


def endpoint_words(protocol: Protocol, endpoint: Endpoint) -> Sequence[tuple[str, str]]:
    """Facts of one endpoint as (term, words), for the head of its results."""
    metric = _metric(endpoint.metric)
    name = next((key for key, one in protocol.endpoints.items() if one is endpoint), "")
    facts: list[tuple[str, str]] = [("Role", ROLE_WORDS[endpoint.role])]
    facts.append(("Metric", metric.title if metric else endpoint.metric))
    if endpoint.parameters:
        facts.append(
            (
                "Parameters",
                "; ".join(f"{k.replace('_', ' ')}: {_value(v)}" for k, v in endpoint.parameters.items()),
            )
        )
    if endpoint.positive:
        facts.append(("Counted as positive", joined(endpoint.positive, "or")))
    if endpoint.average and metric and len(metric.averages) > 1:
        words = {"pooled": "every row weighs the same", "subject_mean": "every subject weighs the same"}
        facts.append(("Average", words[endpoint.average]))
    if endpoint.population:
        population = protocol.populations.get(endpoint.population)
        facts.append(("Analysis set", population.title if population else endpoint.population))
    if endpoint.where:
        facts.append(("Rows", conditions(endpoint.where)))
    family = next((one for one in protocol.families.values() if name in one.endpoints), None)
    if family is not None:
        facts.append(("Family of hypotheses", family.title or "as declared"))
    if endpoint.hypothesis:
        facts.append(("Hypothesis", endpoint.hypothesis))
    return facts


def _value(value: Any) -> str:
    return (
        fmt.plain(float(value))
        if isinstance(value, int | float) and not isinstance(value, bool)
        else str(value)
    )
