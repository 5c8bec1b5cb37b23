"""The first text of a protocol that extends another: what has to be set or confirmed, as comments to fill in.

No line can be switched on by removing its `#` alone: what people have to decide is left empty, so that the
file is refused until it is filled in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from .criteria import REQUIRED, Criterion
from .describe_parts import number
from .describe_validity import requirement as requirement_words
from .model import Endpoint, Protocol
from .validity import Requirement

_OPEN = ("at_least", "above", "at_most", "equals", "bands", "range")


def child_text(parent: Protocol, *, extends: str, identifier: str) -> str:
    """A protocol file that extends another and changes nothing yet.

    Args:
        parent: The parent, resolved.
        extends: How the file names it: `library:ID`, or a path relative to the file.
        identifier: Identifier of the new protocol.

    Example:
        >>> from accordance.protocols import library
        >>> text = child_text(library.load("heart-rate"), extends="library:heart-rate", identifier="mine")
        >>> print(text.split("id:")[0].splitlines()[-1])
        extends: library:heart-rate
    """
    lines = [
        "# What stands here replaces what the parent says, key by key; lists are replaced whole, and a key",
        "# without a value removes the parent's. `accordance protocols diff PARENT FILE` shows what differs.",
        f"extends: {_quoted(extends)}",
        *([f"variant: {parent.variant}"] if parent.variant else []),
        f"id: {identifier}",
        'version: "0.1"',
        f"title: {_quoted(parent.title)}",
    ]
    for block, found in (
        ("endpoints", [line for name in parent.endpoints for line in _endpoint(parent, name)]),
        ("requirements", [line for name in parent.requirements for line in _requirement(parent, name)]),
    ):
        if found:
            lines += ["", "# To be set or confirmed: fill in and remove the `#`.", f"# {block}:"]
            lines += [f"#   {line}" for line in found]
    return "\n".join(lines) + "\n"


def identifier_of(name: str) -> str:
    """A file's name as an identifier.

    Example:
        >>> identifier_of("my afib (v2)"), identifier_of("_")
        ('my-afib-v2', 'my-protocol')
    """
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-_")[:64] or "my-protocol"


def _quoted(text: str) -> str:
    """Text as YAML that reads as nothing else: JSON is."""
    return json.dumps(text, ensure_ascii=False) if not re.fullmatch(r"[A-Za-z][\w./:-]*", text) else text


def _endpoint(protocol: Protocol, name: str) -> Iterator[str]:
    """One line for each limit of an endpoint that is not settled."""
    endpoint = protocol.endpoints[name]
    unsettled = [one for one in endpoint.judged if one.is_open or not one.trusted]
    if endpoint.criteria is None:
        for one in unsettled:
            yield f"{name}: {{criterion: {_blank(one)}}}  # {_why(one)}"
        return
    for one in unsettled:
        yield f"# {name}, {one.statistic}: {_why(one)}"
    if unsettled:
        yield f"{name}: {{criteria: {_written(endpoint)}}}  # a list is replaced whole"


def _blank(one: Criterion) -> str:
    """What has to be filled in."""
    if not one.is_open:
        return "{confirmed: {by: , clause: }}"
    aside = ["suggestion: null"] if one.suggestion is not None else []
    aside += ["tier: study"] if one.tier != "study" else []
    return f"{{{', '.join(['limit: ', *aside])}}}"


def _why(one: Criterion) -> str:
    source = f" ({one.source.rstrip('.')})" if one.source else ""
    if not one.is_open:
        return (
            f"`{one.compare} {one.operator} {_limit(one.limit)}` is from memory{source}: read it in the rule"
        )
    suggested = "" if one.suggestion is None else f", suggestion {_limit(one.suggestion)}{source}"
    return (
        f"required: the limit of `{one.compare} {one.operator}`{suggested}; say `source` and `rationale`, too"
    )


def _limit(limit: object) -> str:
    if isinstance(limit, tuple):
        return f"[{', '.join(number(end) for end in limit)}]"
    return number(limit) if isinstance(limit, float | int) else str(limit)


def _written(endpoint: Endpoint) -> str:
    """All criteria of an endpoint as they stand, in one line."""
    if endpoint.criteria is None:
        return "{}"
    said = endpoint.criteria.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    return json.dumps(said, ensure_ascii=False)


def _requirement(protocol: Protocol, name: str) -> Iterator[str]:
    one: Requirement = protocol.requirements[name]
    blanks = [f"{key}: " for key in _OPEN if getattr(one, key) == REQUIRED]
    unread = one.tier == "unverified"
    # an empty `tier` would fall back to the study's own; this one is refused until it is replaced
    blanks += ["tier: TIER", "source: "] if unread else []
    if blanks:
        memory = "from memory, read it in the rule: " if unread else "required: "
        yield f"{name}: {{{', '.join(blanks)}}}  # {memory}{requirement_words(protocol, name)}"
