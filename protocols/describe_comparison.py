"""How versions are compared, in plain words, for `protocols show` and a report's methods section."""

from __future__ import annotations

from ..evaluators import registry
from .automatic import automatic_sources
from .comparison import ComparedEndpoint
from .describe_parts import joined, number
from .model import Protocol

MULTIPLICITY = {
    "none": "Each comparison is decided at its own level; nothing is adjusted for their number.",
    "bonferroni": "The error rate is shared equally among all primary endpoints and candidates (Bonferroni).",
    "holm": "The error rate is shared among all primary endpoints and candidates by the procedure of Holm "
    "(1979): what a claim has used is passed on. In each comparison non-inferiority is claimed before "
    "superiority (Bretz et al. 2009).",
    "max_t": "The intervals of all primary endpoints and candidates hold together (maximal t over the shared "
    "bootstrap of subjects; Westfall and Young 1993).",
}
"""What each way to share the error rate does."""

RULE = (
    "A candidate is superior where the interval of its improvement lies above 0; else non-inferior where it "
    "lies above minus the margin; else inferior where it lies below that; else inconclusive. Its decision is "
    "the worst among its primary endpoints."
)
"""The rule of decision."""


def comparison(protocol: Protocol) -> list[str]:
    """The section as sentences; none where the protocol has none.

    Example:
        >>> from accordance.protocols import library
        >>> from accordance.protocols.comparison import ComparedEndpoint, VersionComparison
        >>> section = VersionComparison(endpoints={"mape": ComparedEndpoint(margin=1.0, statistic="mape")})
        >>> protocol = library.load("heart-rate").model_copy(update={"comparison": section})
        >>> for sentence in comparison(protocol)[:2]:
        ...     print(sentence)
        Versions are compared on the same units, subjects resampled for both at once; 95% intervals.
        Primary: mean absolute percentage error (mape), margin 1%.
    """
    section = protocol.comparison
    if section is None:
        return []
    level = number(round(100 * section.level, 10))
    found = [
        f"Versions are compared on the same units, subjects resampled for both at once; {level}% intervals."
    ]
    for role in ("primary", "secondary"):
        told = [_endpoint(protocol, name, one) for name, one in section.endpoints.items() if one.role == role]
        if told:
            found.append(f"{role.capitalize()}: {'; '.join(told)}.")
    without = [name for name in section.primary if section.endpoints[name].margin is None]
    if without:
        found.append(f"Without a margin only superiority can be shown: {joined(without)}.")
    return [*found, MULTIPLICITY[section.multiplicity], RULE]


def _endpoint(protocol: Protocol, name: str, one: ComparedEndpoint) -> str:
    automatic = automatic_sources(protocol)
    metric = automatic[name][0] if name in automatic else protocol.endpoints[name].metric
    try:
        statistic = registry.get(metric).statistic(str(one.statistic))
        title, unit = statistic.title, statistic.unit
    except KeyError:  # a statistic of the protocol's own levels
        title, unit = str(one.statistic).replace("_", " "), "none"
    lead = title if title[1:2].isupper() else title[0].lower() + title[1:]
    scale = " as a ratio" if one.scale == "ratio" else ""
    return f"{lead} ({name}){scale}, {_margin(protocol, name, one, unit)}"


def _margin(protocol: Protocol, name: str, one: ComparedEndpoint, unit: str) -> str:
    if one.margin is None:
        return "no margin"
    word = ""
    if one.scale == "difference" and unit == "percent":
        word = "%"
    elif one.scale == "difference" and unit == "same" and name in protocol.endpoints:
        endpoint = protocol.endpoints[name]
        table = protocol.tables[protocol.pairings[str(endpoint.pairing)].reference]
        column = table.columns.get(str(endpoint.reference))
        word = f" {column.unit}" if column is not None and column.unit else ""
    return f"margin {number(one.margin)}{word}"
