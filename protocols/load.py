"""From a file, a text or a library name to a resolved protocol."""

from __future__ import annotations

from pathlib import Path

from .derive import derive
from .library import find, read
from .model import Protocol
from .source import read_yaml

__all__ = ["find", "load", "parse"]


def load(path: Path, variant: str | None = None) -> Protocol:
    """Read, check and resolve a protocol file, with the protocol it extends.

    Args:
        path: The file.
        variant: Which of its variants; default the one the file says.

    Returns:
        The protocol with every default written out.

    Raises:
        ContractError: Every violation found, with file, line and column.
        UsageError: There is no such variant.
    """
    return derive(read(Path(path)), Path(path).parent, find=find, read=read, variant=variant)


def parse(text: str, file: str = "protocol.yaml", variant: str | None = None) -> Protocol:
    """Read, check and resolve a protocol given as YAML text; `file` names it in messages.

    Args:
        text: The protocol; parents that it `extends` are found from the working directory.
        file: Its name in messages.
        variant: Which of its variants; default the one the text says.

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
    return derive(read_yaml(text, file), Path(), find=find, read=read, variant=variant)
