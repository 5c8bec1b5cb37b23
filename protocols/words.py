"""Pydantic's findings in the words of somebody who writes YAML."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from .errors import Violation, shorten
from .nodes import Document, ListNode, MapNode, Node, Path, ScalarNode, dotted
from .shape import found as found_words

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")

_WORDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "string_pattern_mismatch": lambda _: (
        "an identifier holds letters, digits, `_` and `-` only, `_` and `-` not first (64 characters at most)"
    ),
    "string_too_short": lambda _: "the text must not be empty",
    "string_too_long": lambda context: f"the text has more than {context['max_length']} characters",
    "greater_than": lambda context: f"expected a number above {context['gt']}",
    "greater_than_equal": lambda context: f"expected a number of {context['ge']} or more",
    "less_than": lambda context: f"expected a number below {context['lt']}",
    "less_than_equal": lambda context: f"expected a number of {context['le']} or less",
    "too_short": lambda context: f"expected at least {context['min_length']} in the list",
    "too_long": lambda context: f"expected at most {context['max_length']} in the list",
}


def from_pydantic(
    error: ValidationError, document: Document, failed: Sequence[Path]
) -> list[tuple[Violation, Path]]:
    """Violations and their paths for what pydantic found, without what was already reported at `failed`."""
    by_path: dict[tuple[Path, bool], list[Mapping[str, Any]]] = {}
    for one in error.errors(include_url=False):
        path, is_key = _path(one["loc"], document)
        if not any(_related(path, other) for other in failed):
            by_path.setdefault((path, is_key), []).append(one)
    return [(_violation(path, is_key, errors, document), path) for (path, is_key), errors in by_path.items()]


def _related(one: Path, other: Path) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _path(location: tuple[int | str, ...], document: Document) -> tuple[Path, bool]:
    """The document's path for pydantic's location, which also names union members and dictionary keys."""
    node: Node = document.root
    path: list[str | int] = []
    for part in location:
        if isinstance(node, MapNode) and (entry := node.entry(part)) is not None:
            path.append(part)
            node = entry[1]
        elif isinstance(node, ListNode) and isinstance(part, int) and part < len(node.items):
            path.append(part)
            node = node.items[part]
    return tuple(path), bool(location) and location[-1] == "[key]"


def _violation(
    path: Path, is_key: bool, errors: Sequence[Mapping[str, Any]], document: Document
) -> Violation:
    # A union reports a wrong type for each member that was not meant; what remains is the real complaint.
    telling = [one for one in errors if not str(one["type"]).endswith("_type")] or list(errors)
    first = telling[0]
    words = _WORDS.get(first["type"])
    message = words(first.get("ctx", {})) if words else str(first["msg"]).removeprefix("Value error, ")
    place = document.key_place(path) if is_key else document.place(path)
    text = str(path[-1]) if is_key and path else _found(path, document)
    hint = _identifier_hint(text) if first["type"] == "string_pattern_mismatch" and text else None
    return Violation(message, document.file, place.line, place.column, dotted(path) or None, text, hint)


def _found(path: Path, document: Document) -> str | None:
    node: Node = document.root
    for part in path:
        if isinstance(node, MapNode) and (entry := node.entry(part)) is not None:
            node = entry[1]
        elif isinstance(node, ListNode) and isinstance(part, int):
            node = node.items[part]
    # A model's own rule speaks of several keys; its mapping says nothing new.
    return found_words(node) if isinstance(node, ScalarNode) else None


def _identifier_hint(text: str) -> str | None:
    hint = re.sub(r"[^A-Za-z0-9_-]+", "_", shorten(text)).strip("_-")
    return hint if _IDENTIFIER.fullmatch(hint) else None
