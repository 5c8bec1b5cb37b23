"""Permitted modifications in plain words, for `protocols show` and a report's methods section."""

from __future__ import annotations

from .automatic import automatic_sources
from .change_control import Modification
from .describe_parts import joined
from .model import Protocol

REQUIRED = {"non_inferior": "non-inferior", "superior": "superior"}
"""Required decisions as a reader's words."""
RULE = (
    "A version that names one of them is within the plan only where every criterion is met and every "
    "comparison reaches the required decision; a version that names none of them is not a permitted "
    "modification."
)
"""What makes a version one of the plan."""


def change_control(protocol: Protocol) -> list[str]:
    """The section as sentences; none where the protocol has none.

    Example:
        >>> from accordance.protocols import library
        >>> from accordance.protocols.change_control import ChangeControl, Modification
        >>> words = dict.fromkeys(("description", "changes", "data", "verification", "rollout"), "Text.")
        >>> one = Modification(title="Training on more skin tones", endpoints=("mape",), **words)
        >>> section = ChangeControl(modifications={"retrain": one})
        >>> protocol = library.load("heart-rate").model_copy(update={"change_control": section})
        >>> for sentence in change_control(protocol)[:2]:
        ...     print(sentence)
        Permitted modifications: 1.
        retrain, training on more skin tones: to be met is Mean absolute ... (mape).
    """
    section = protocol.change_control
    if section is None:
        return []
    told = [_modification(protocol, name, one) for name, one in section.modifications.items()]
    return [f"Permitted modifications: {len(section.modifications)}.", *told, RULE]


def _modification(protocol: Protocol, name: str, one: Modification) -> str:
    parts = []
    if one.endpoints:
        titles = [f"{_title(protocol, key)} ({key})" for key in one.endpoints]
        parts.append(f"to be met {'is' if len(titles) == 1 else 'are'} {joined(titles)}")
    if one.comparison:
        against = [f"{REQUIRED[decision]} on {key}" for key, decision in one.comparison.items()]
        parts.append(f"against the baseline {joined(against)}")
    title = one.title if one.title[1:2].isupper() else one.title[0].lower() + one.title[1:]
    return f"{name}, {title}: {'; '.join(parts)}."


def _title(protocol: Protocol, name: str) -> str:
    return protocol.endpoints[name].title if name not in automatic_sources(protocol) else name
