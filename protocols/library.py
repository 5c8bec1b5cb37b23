"""The built-in protocols: complete, commented files to use as they are or to copy and change."""

from __future__ import annotations

from pathlib import Path

from .derive import derive
from .errors import UsageError, nearest
from .inherit import Variant, variants
from .model import Protocol
from .nodes import Document
from .source import read_yaml

LIBRARY = "library:"
"""Prefix that names a built-in protocol instead of a path."""
_FOLDER = Path(__file__).with_name("library")


def names() -> tuple[str, ...]:
    """Identifiers of the built-in protocols, sorted.

    Example:
        >>> names()
        ('afib-ecg', 'bp-iso81060', 'heart-rate', 'heart-rate-wear', 'method-comparison', 'spo2-iso80601')
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


def find(reference: str, base: Path) -> Path:
    """The file a study means by its `protocol:`.

    Args:
        reference: `library:ID`, or a path relative to `base`.
        base: The study folder.

    Raises:
        UsageError: No such built-in protocol, or no such file.
    """
    if reference.startswith(LIBRARY):
        return path(reference.removeprefix(LIBRARY))
    file = base / reference
    if not file.is_file():
        built_in = ", ".join(f"{LIBRARY}{name}" for name in names())
        raise UsageError(
            f"there is no protocol file {file}; give a path from the study folder, or one of {built_in}"
        )
    return file


def holds(file: Path) -> bool:
    """Whether a file is one of the library."""
    return file.parent == _FOLDER


def read(file: Path) -> Document:
    """A protocol file; one of the library goes by its own name in messages.

    Raises:
        ContractError: It cannot be read as YAML.
    """
    return read_yaml(file, f"{LIBRARY}{file.stem}" if holds(file) else None)


def variants_of(name: str) -> dict[str, Variant]:
    """The variants of a built-in protocol, by name; empty where it has none.

    Raises:
        UsageError: There is none of this name.
    """
    return variants(read(path(name)))


def load(name: str, variant: str | None = None) -> Protocol:
    """A built-in protocol, resolved.

    Args:
        name: Its identifier.
        variant: Which of its variants; default the one it says.

    Raises:
        UsageError: There is none of this name, or no such variant.

    Example:
        >>> protocol = load("heart-rate")
        >>> protocol.endpoints["mape"].interval.methods["mape"]
        'cluster_t'
    """
    return derive(read(path(name)), _FOLDER, find=find, read=read, variant=variant)
