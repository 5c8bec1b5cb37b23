"""Protocols made from others: `extends` a parent, and `variants` of one file. Works on YAML, before typing.

What stands in the child replaces what stands in the parent; mappings are merged key by key, lists and single
values are replaced whole, and a key without a value (`null`) removes the parent's. Every value remembers the
file it was written in, so that messages point there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any

from .base import Identifier, Model, Text
from .errors import UsageError, Violation, nearest
from .nodes import Document, ListNode, MapNode, Node, Path, Place, ScalarNode, dotted
from .shape import listed
from .source import contract_error, validate

_HEAD = ("extends", "variant", "variants")
Find = Callable[[str, FilePath], FilePath]
Read = Callable[[FilePath], Document]


class Variant(Model):
    """One of several protocols that a file holds."""

    title: Text
    """What distinguishes it."""
    default: bool = False
    """Whether it is meant where nobody says which."""
    changes: Any = None
    """What differs from the file, as a part of a protocol; a key without a value removes it."""


class Head(Model):
    """What a protocol file may say before it is a protocol."""

    extends: Text | None = None
    """The parent: `library:ID`, or a path relative to this file."""
    variant: Identifier | None = None
    """With `extends`: which variant of the parent."""
    variants: dict[Identifier, Variant] | None = None
    """Variants of this protocol; one of them is the default."""


@dataclass(frozen=True)
class Expanded:
    """A document without `extends` and `variants`.

    Attributes:
        document: What the protocol says, with the file of every value.
        parent: The parent's document, expanded itself; None: it extends nothing.
        parent_variant: The variant of the parent that was taken.
    """

    document: Document
    parent: Expanded | None = None
    parent_variant: str | None = None


def expand(
    document: Document,
    base: FilePath,
    *,
    variant: str | None,
    find: Find,
    read: Read,
    line: tuple[str, ...] = (),
) -> Expanded:
    """Merge a document with its parent and with one of its variants.

    Args:
        document: The file.
        base: Folder that relative parents start from.
        variant: Which of its variants; None: the default, where there are any.
        find: From what `extends` says to a file.
        read: From a file to a document.
        line: Files that extend one another, down to this one; for cycles.

    Raises:
        ContractError: `extends`, `variant` or `variants` are wrong, in this file or in a parent.
        UsageError: There is no such variant.
    """
    head = validate(Head, _head(document))
    if head.extends is None:
        name = _choose(document, head, variant)
        own = document if name is None else _apply(document, name)
        return Expanded(own)
    parent, chosen = _parent(document, base, head, find=find, read=read, line=(*line, document.file))
    merged = _merge(
        _without(parent.document.root, ("variant",)), _without(document.root, _HEAD), (), document.file
    )
    whole = Document(document.file, merged)
    name = _choose(document, head, variant)
    if name is not None:
        with_variants = MapNode((*merged.entries, *_variants(document)), merged.place)
        whole = _apply(Document(document.file, with_variants), name)
    return Expanded(whole, parent, chosen)


def variants(document: Document) -> dict[str, Variant]:
    """The variants that a file declares, by name.

    Raises:
        ContractError: They do not fit.
    """
    return validate(Head, _head(document)).variants or {}


def _head(document: Document) -> Document:
    """The part of a document that this module reads."""
    entries = tuple(entry for entry in document.root.entries if entry[0].text in _HEAD)
    return Document(document.file, MapNode(entries, document.root.place))


def _variants(document: Document) -> tuple[tuple[ScalarNode, Node], ...]:
    return tuple(entry for entry in document.root.entries if entry[0].text == "variants")


def _without(root: MapNode, names: tuple[str, ...]) -> MapNode:
    return MapNode(tuple(entry for entry in root.entries if entry[0].text not in names), root.place)


def _parent(
    document: Document, base: FilePath, head: Head, *, find: Find, read: Read, line: tuple[str, ...]
) -> tuple[Expanded, str | None]:
    """The parent, expanded, with its file on every value; and its variant."""
    where: Path = ("extends",)
    try:
        path = find(str(head.extends), base)
    except UsageError as error:
        raise _wrong(document, where, str(error), head.extends) from None
    found = read(path)
    if found.file in line:
        ring = " extends ".join([*line[line.index(found.file) :], found.file])
        raise _wrong(document, where, f"protocols extend one another in a ring: {ring}", head.extends)
    declared = variants(found)
    if head.variant is not None and head.variant not in declared:
        offer = f"it has: {listed(declared)}" if declared else "it has none"
        message = f"the parent has no such variant; {offer}"
        raise _wrong(document, ("variant",), message, head.variant, nearest(head.variant, declared))
    stamped = Document(found.file, _stamp(found.root, found.file))
    parent = expand(stamped, path.parent, variant=head.variant, find=find, read=read, line=line)
    chosen = head.variant or next((name for name, one in declared.items() if one.default), None)
    return parent, chosen


def _choose(document: Document, head: Head, variant: str | None) -> str | None:
    """The variant that is meant; None where the file has none."""
    if not head.variants:
        if variant is not None:
            raise UsageError(f"{document.file} has no variants, so there is no `{variant}`")
        return None
    defaults = [name for name, one in head.variants.items() if one.default]
    if len(defaults) != 1:
        message = "one of the variants must be `default: true`"
        raise _wrong(document, ("variants",), message, f"{len(defaults)} of {len(head.variants)}")
    if variant is None:
        return defaults[0]
    if variant not in head.variants:
        meant = nearest(variant, head.variants)
        hint = f" Did you mean `{meant}`?" if meant else ""
        raise UsageError(
            f"{document.file} has no variant `{variant}`; it has: {', '.join(head.variants)}.{hint}"
        )
    return variant


def _apply(document: Document, name: str) -> Document:
    """The document with the changes of one variant, and that variant's name in it."""
    root = _without(document.root, ("variants",))
    node = _variants(document)[0][1]
    entry = node.entry(name) if isinstance(node, MapNode) else None
    own = entry[1] if entry else None
    changes = own.entry("changes") if isinstance(own, MapNode) else None
    if changes is not None and isinstance(changes[1], MapNode):
        root = _merge(root, changes[1], ("variants", name, "changes"), document.file)
    elif changes is not None:
        raise _wrong(document, ("variants", name, "changes"), "expected a part of a protocol", None)
    place = entry[0].place if entry else root.place
    said = (ScalarNode("variant", True, place), ScalarNode(name, True, place))
    return Document(document.file, MapNode((*root.entries, said), root.place))


def _merge(parent: MapNode, child: MapNode, path: Path, file: str) -> MapNode:
    """The parent's entries with the child's in their place, then what only the child has."""
    entries: list[tuple[ScalarNode, Node]] = []
    for key, value in parent.entries:
        replacement = child.entry(key.text)
        if replacement is None:
            entries.append((key, value))
            continue
        new_key, new = replacement
        if isinstance(new, ScalarNode) and new.is_null:
            continue
        if isinstance(value, MapNode) and isinstance(new, MapNode):
            new = _merge(value, new, (*path, key.text), file)
        entries.append((new_key, new))
    known = {key.text for key, _ in parent.entries}
    for key, value in child.entries:
        if key.text in known:
            continue
        if isinstance(value, ScalarNode) and value.is_null:
            place = key.place
            message = "a key without a value removes what the parent says, and it says nothing here"
            raise contract_error(
                [Violation(message, place.file or file, place.line, place.column, dotted((*path, key.text)))]
            )
        entries.append((key, value))
    return MapNode(tuple(entries), child.place if not path else parent.place)


def _stamp(node: Node, file: str) -> Any:
    """A node whose places all name their file."""
    place = replace(node.place, file=node.place.file or file)
    if isinstance(node, ScalarNode):
        return replace(node, place=place)
    if isinstance(node, ListNode):
        return ListNode(tuple(_stamp(item, file) for item in node.items), place)
    return MapNode(tuple((_stamp(key, file), _stamp(value, file)) for key, value in node.entries), place)


def _wrong(
    document: Document, path: Path, message: str, found: object, suggestion: str | None = None
) -> Exception:
    place: Place = document.place(path)
    return contract_error(
        [
            Violation(
                message,
                place.file or document.file,
                place.line,
                place.column,
                dotted(path),
                None if found is None else str(found),
                suggestion,
            )
        ]
    )
