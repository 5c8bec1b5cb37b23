"""Which protocol somebody means: a study folder, a file, or one of the library, and which of its variants."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..protocols import library
from ..protocols import load as protocol_files
from ..protocols.errors import UsageError, nearest
from ..protocols.model import Protocol
from . import folder

AT = "@"
"""Stands between a protocol and its variant."""


@dataclass(frozen=True)
class Named:
    """A protocol, and how it was found.

    Attributes:
        protocol: Resolved.
        file: The file it was read from.
        words: How a reader would name it again, its variant included where one was asked for.
        study: The study folder; None where a protocol was named by itself.
    """

    protocol: Protocol
    file: Path
    words: str
    study: Path | None = None


def find(text: str, variant: str | None = None) -> Named:
    """The protocol that a text names.

    Args:
        text: A study folder, a protocol file, `library:ID`, or the ID alone where no file has that name; each
            may be followed by `@VARIANT`.
        variant: Which variant, instead of that.

    Raises:
        UsageError: There is no such protocol or variant, or two variants are named.
        ContractError: The protocol (or the study) violates its contract.

    Example:
        >>> find("library:heart-rate").protocol.id
        'heart-rate'
    """
    name, own = split(text)
    if own is not None and variant is not None and own != variant:
        raise UsageError(f"{text} names the variant `{own}`, and `{variant}` is asked for; name one")
    chosen = variant or own
    words = f"{name}{AT}{chosen}" if chosen else name
    place = Path(name)
    if place.is_dir() or place.name == folder.CONFIG_FILE:
        study = folder.load(place)
        found = study.protocol if chosen is None else protocol_files.load(study.protocol_path, chosen)
        return Named(found, study.protocol_path, words, study.path)
    file = place if place.is_file() else _of_library(name)
    return Named(protocol_files.load(file, chosen), file, words)


def reference(found: Named, file: Path) -> str:
    """What `extends` has to say in a file, to mean a protocol."""
    if library.holds(found.file):
        return f"{library.LIBRARY}{found.file.stem}"
    return Path(os.path.relpath(found.file, file.parent)).as_posix()


def split(text: str) -> tuple[str, str | None]:
    """A name and its variant; a file whose own name has the sign is not divided.

    Example:
        >>> split("library:spo2@fda"), split("protocol.yaml")
        (('library:spo2', 'fda'), ('protocol.yaml', None))
    """
    name, sign, variant = text.rpartition(AT)
    if not sign or not name or not variant or "/" in variant or Path(text).exists():
        return text, None
    return name, variant


def _of_library(name: str) -> Path:
    identifier = name.removeprefix(library.LIBRARY)
    if name.startswith(library.LIBRARY) or identifier in library.names():
        return library.path(identifier)
    meant = nearest(identifier, library.names())
    hint = f" Did you mean `{library.LIBRARY}{meant}`?" if meant else ""
    raise UsageError(
        f"there is no file or folder {name}, and no built-in protocol of that name; there are: "
        f"{', '.join(library.LIBRARY + one for one in library.names())}.{hint}"
    )
