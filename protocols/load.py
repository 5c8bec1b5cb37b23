"""From a file, a text or a library name to a resolved protocol."""

from __future__ import annotations

from pathlib import Path

from . import library
from .errors import UsageError
from .model import Protocol
from .resolve import from_document
from .source import read_yaml

LIBRARY = "library:"
"""Prefix that names a built-in protocol instead of a path."""


def load(path: Path) -> Protocol:
    """Read, check and resolve a protocol file.

    Args:
        path: The file.

    Returns:
        The protocol with every default written out.

    Raises:
        ContractError: Every violation found, with file, line and column.
    """
    return from_document(read_yaml(Path(path)))


def parse(text: str, file: str = "protocol.yaml") -> Protocol:
    """Read, check and resolve a protocol given as YAML text; `file` names it in messages.

    Raises:
        ContractError: Every violation found, with file, line and column.

    Example:
        >>> from accordance.protocols import library
        >>> parse(library.path("method-comparison").read_text(encoding="utf-8")).id
        'method-comparison'
        >>> parse("id: [")
        Traceback (most recent call last):
        accordance.protocols.errors.ContractError: protocol.yaml:1:6: not valid YAML: a value is missing ...
    """
    return from_document(read_yaml(text, file))


def find(reference: str, base: Path) -> Path:
    """The file a study means by its `protocol:`.

    Args:
        reference: `library:ID`, or a path relative to `base`.
        base: The study folder.

    Raises:
        UsageError: No such built-in protocol, or no such file.
    """
    if reference.startswith(LIBRARY):
        return library.path(reference.removeprefix(LIBRARY))
    path = base / reference
    if not path.is_file():
        names = ", ".join(f"{LIBRARY}{name}" for name in library.names())
        raise UsageError(
            f"there is no protocol file {path}; give a path from the study folder, or one of {names}"
        )
    return path
