"""The built-in protocols: complete, commented files to use as they are or to copy and change."""

from __future__ import annotations

from pathlib import Path

from .errors import UsageError, nearest
from .model import Protocol
from .resolve import from_document
from .source import read_yaml

_FOLDER = Path(__file__).with_name("library")


def names() -> tuple[str, ...]:
    """Identifiers of the built-in protocols, sorted.

    Example:
        >>> names()
        ('afib-ecg', 'heart-rate', 'method-comparison')
    """
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.yaml")))


def path(name: str) -> Path:
    """The file of a built-in protocol.

    Raises:
        UsageError: There is none of this name.
    """
    if name not in names():
        meant = nearest(name, names())
        hint = f" Did you mean `{meant}`?" if meant else ""
        raise UsageError(f"there is no built-in protocol `{name}`; there are: {', '.join(names())}.{hint}")
    return _FOLDER / f"{name}.yaml"


def load(name: str) -> Protocol:
    """A built-in protocol, resolved.

    Raises:
        UsageError: There is none of this name.

    Example:
        >>> protocol = load("heart-rate")
        >>> protocol.endpoints["mape"].interval.methods["mape"]
        'cluster_t'
    """
    return from_document(read_yaml(path(name), f"library:{name}"))
