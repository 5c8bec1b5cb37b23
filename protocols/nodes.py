"""YAML as a tree that remembers where everything stands and how it was written.

Values are not converted here: `007` under a text field has to stay `007`, and only the model knows which
fields are text. Plain scalars follow the YAML 1.2 core schema with one exception, stated in `natural`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Protocol as Interface
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Keys and list positions from the root to a value, such as `("endpoints", "bias", "by", 0)`."""

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_CANONICAL_INTEGER = re.compile(r"0|-?[1-9][0-9]*")
_CANONICAL_NUMBER = re.compile(r"-?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")


@dataclass(frozen=True)
class Place:
    """Line and column, both from 1; `file` only where it is not the document's own."""

    line: int
    column: int
    file: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class ScalarNode:
    """A single value as it was written; `plain` means without quotes."""

    text: str
    plain: bool
    place: Place

    @property
    def is_null(self) -> bool:
        """Nothing was written, or `null`."""
        return self.plain and self.text in _NULL

    def boolean(self) -> bool | None:
        """The truth value, or None when it is not `true` or `false` (`yes` and `no` are text in YAML 1.2)."""
        return _BOOLEAN.get(self.text) if self.plain else None

    def integer(self) -> int | None:
        """The whole number, or None when the text is not one."""
        return int(self.text) if self.plain and _INTEGER.fullmatch(self.text) else None

    def number(self) -> float | None:
        """The number, or None when the text is not a finite decimal number."""
        if not (self.plain and _NUMBER.fullmatch(self.text)):
            return None
        value = float(self.text)
        return value if abs(value) != float("inf") else None

    def natural(self) -> str | int | float | bool | None:
        """The value where the model leaves the type open.

        As the YAML 1.2 core schema reads it, except that a number with leading zeros, a plus sign or a base
        prefix, or beyond the finite numbers, stays text: it is a name (`007`) more often than a quantity.
        """
        if self.is_null:
            return None
        if (truth := self.boolean()) is not None:
            return truth
        if self.plain and _CANONICAL_INTEGER.fullmatch(self.text):
            return int(self.text)
        if self.plain and _CANONICAL_NUMBER.fullmatch(self.text) and (number := self.number()) is not None:
            return number
        return self.text


@dataclass(frozen=True)
class ListNode:
    """A list."""

    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True)
class MapNode:
    """A mapping; keys are kept as nodes for their positions."""

    entries: tuple[tuple[ScalarNode, Node], ...]
    place: Place

    def entry(self, key: str | int) -> tuple[ScalarNode, Node] | None:
        """Key and value nodes of a key, or None."""
        return next((entry for entry in self.entries if entry[0].text == key), None)


Node: TypeAlias = ScalarNode | ListNode | MapNode


class Locator(Interface):
    """What cross-checks need from a source: where a path stands, and how its value was written."""

    @property
    def file(self) -> str | None:
        """Name for messages."""

    def place(self, path: Path) -> Place | None:
        """Where the value at a path stands; for a path that was not written, its nearest written ancestor."""

    def key_place(self, path: Path) -> Place | None:
        """Where the key of a path stands."""

    def written(self, path: Path) -> str | None:
        """The text of the scalar at a path as written; None where there is none."""


@dataclass(frozen=True)
class Document:
    """A parsed YAML file. Implements `Locator`."""

    file: str
    root: MapNode

    def _walk(self, path: Path) -> tuple[Node, Place, bool]:
        """Node at a path, its key's place, and whether all of the path was found.

        A path may be longer than what was written where a shorthand was used (`sex: female` is
        `sex: {is: [female]}`); the parts that were left out are passed over.
        """
        node: Node = self.root
        key_place = self.root.place
        for part in path:
            if isinstance(node, MapNode):
                entry = node.entry(part)
                if entry is None:
                    return node, key_place, False
                key_place, node = entry[0].place, entry[1]
            elif isinstance(node, ListNode) and isinstance(part, int) and 0 <= part < len(node.items):
                node = node.items[part]
                key_place = node.place
        return node, key_place, True

    def place(self, path: Path) -> Place:
        """See `Locator.place`."""
        node, key_place, complete = self._walk(path)
        return node.place if complete else key_place

    def key_place(self, path: Path) -> Place:
        """See `Locator.key_place`."""
        return self._walk(path)[1]

    def written(self, path: Path) -> str | None:
        """See `Locator.written`."""
        node, _, complete = self._walk(path)
        return node.text if complete and isinstance(node, ScalarNode) else None


def dotted(path: Path) -> str:
    """A path as text.

    Example:
        >>> dotted(("endpoints", "bias", "by", 0))
        'endpoints.bias.by[0]'
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
