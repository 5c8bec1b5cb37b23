"""From a document to a resolved protocol: parents and variants merged, and what differs written down."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any

from .canonical import ORDER, canonical, differences, digest
from .inherit import Expanded, Find, Read, expand
from .model import Change, Derivation, Protocol
from .nodes import Document
from .resolve import from_document

_OWN = frozenset({"id", "version", "title", "variant"})
"""Keys that every protocol has for itself; they are no difference to its parent."""
_LONGEST = 300
_NOTHING = object()


def derive(
    document: Document, base: FilePath, *, find: Find, read: Read, variant: str | None = None
) -> Protocol:
    """The resolved protocol of a document that may extend another and may have variants.

    Args:
        document: The file.
        base: Folder that relative parents start from.
        find: From what `extends` says to a file.
        read: From a file to a document.
        variant: Which of its variants; None: its default, where it has any.

    Raises:
        ContractError: Every violation, each with its file.
        UsageError: There is no such variant.
    """
    return _typed(expand(document, base, variant=variant, find=find, read=read))


def _typed(expanded: Expanded) -> Protocol:
    protocol = from_document(expanded.document)
    if expanded.parent is None:
        return protocol
    parent = _typed(expanded.parent)
    return protocol.model_copy(
        update={
            "derived_from": Derivation(
                protocol=parent.id,
                version=parent.version,
                variant=expanded.parent_variant,
                sha256=digest(parent),
                changes=changes(parent, protocol),
            )
        }
    )


def changes(parent: Protocol, child: Protocol, *, longest: int | None = _LONGEST) -> tuple[Change, ...]:
    """Every key in which a protocol differs from another, with what both say.

    Args:
        parent: The one protocol.
        child: The other one.
        longest: What is said is cut after so many characters; None: never.

    Example:
        >>> from accordance.protocols import library
        >>> old = library.load("heart-rate")
        >>> [(one.key, one.parent, one.here) for one in changes(old, old.model_copy(update={"seed": 7}))]
        [('seed', '20260101', '7')]
    """
    first, second = (json.loads(canonical(protocol)) for protocol in (parent, child))
    return tuple(
        Change(key=key, parent=_text(first, key, longest), here=_text(second, key, longest))
        for key in differences(parent, child)
        if key.split(".")[0] not in {*_OWN, "derived_from"}
    )


def _text(data: Any, dotted: str, longest: int | None) -> str | None:
    """The value at a dotted key as text; None where there is none."""
    if dotted.endswith(ORDER):
        return ", ".join(data[dotted.removesuffix(ORDER)])
    value = _at(data, dotted.replace("[", ".").replace("]", "").split("."))
    if value is _NOTHING:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if longest is None or len(text) <= longest else f"{text[:longest].rstrip()} ..."


def _at(data: Any, parts: Sequence[str]) -> Any:
    """The value below keys of which some contain a dot themselves, such as `test.rhythm`."""
    if not parts:
        return data
    if isinstance(data, list):
        place = int(parts[0]) if parts[0].isdigit() else len(data)
        return _at(data[place], parts[1:]) if place < len(data) else _NOTHING
    for end in range(1, len(parts) + 1) if isinstance(data, Mapping) else ():
        key = ".".join(parts[:end])
        if key in data:
            return _at(data[key], parts[end:])
    return _NOTHING
