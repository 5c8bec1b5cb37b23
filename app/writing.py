"""Files that a command writes for people to edit: never over one that exists."""

from __future__ import annotations

from pathlib import Path

from .console import shown


def write_new(path: Path, text: str) -> None:
    """Write a file that must not exist yet.

    Raises:
        UsageError: It exists already.
        OutputError: It cannot be written.
    """
    from ..protocols.errors import OutputError, UsageError  # noqa: PLC0415 - heavy; not for --help

    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{shown(path)} exists already, and nothing is overwritten") from None
    except OSError as error:
        raise OutputError(f"{shown(path)} cannot be written: {error.strerror or error}") from error
