"""Files that a command writes: drafts, never over one that exists; answers, whole or not at all."""

from __future__ import annotations

import os
import secrets
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


def write_anew(path: Path, text: str) -> None:
    """Write a file that tells an answer, in the place of an earlier one; whole or not at all.

    Raises:
        OutputError: It cannot be written.
    """
    from ..protocols.errors import OutputError  # noqa: PLC0415 - heavy; not for --help

    partial = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() or (path.exists() and not path.is_file()):
            path.write_text(text, encoding="utf-8")  # a terminal, a pipe: nothing to put in its place
            return
        try:
            partial.write_text(text, encoding="utf-8")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{shown(path)} cannot be written: {error.strerror or error}") from error
