"""Opening what a finished folder holds: one set of refusals for runs, comparisons and calibrations."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..protocols.errors import ContractError, IntegrityError, OutputError, UsageError, Violation

PARTIAL = ".partial-"
"""How the name of a folder begins until everything in it is written."""


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file that this program wrote.

    Raises:
        OutputError: It cannot be read.
        IntegrityError: It is no JSON, or no object.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OutputError(f"{path} cannot be read: {error.strerror or error}") from error
    except json.JSONDecodeError as error:
        raise IntegrityError(f"{path}:{error.lineno}: not readable as JSON") from error
    except UnicodeDecodeError as error:
        raise IntegrityError(f"{path}: not readable as JSON: not UTF-8") from error
    if not isinstance(found, dict):
        raise IntegrityError(f"{path}: not readable as JSON: no object")
    return found


def document_of(folder: Path, what: str, schema: str, names: Sequence[str]) -> dict[str, Any]:
    """The document of a finished folder, if it is one that this version reads.

    Args:
        folder: The folder.
        what: What it is, such as `run`.
        schema: What the document has to follow.
        names: Files that it has to hold; the first is the document.

    Raises:
        UsageError: It was interrupted, or files are missing; all of them are named.
        IntegrityError: The document is not readable as JSON.
        ContractError: It follows another schema; it is named.
        OutputError: It cannot be read.
    """
    if folder.name.startswith(PARTIAL):
        raise UsageError(f"{folder} was interrupted before it became a {what}")
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise UsageError(f"{folder} is not a {what} folder: it has no {' and no '.join(missing)}")
    file = folder / names[0]
    document = read_json(file)
    found = document.get("schema")
    if found != schema:
        message = f"the {what} follows the schema {found!r}; this version reads {schema!r}"
        raise ContractError([Violation(message, file=str(file), key="schema")])
    return document


def finished(folder: Path, names: Sequence[str]) -> list[Path]:
    """Folders that hold all of these files, oldest first; partial ones never appear."""
    if not folder.is_dir():
        return []
    found = [
        place
        for place in folder.iterdir()
        if not place.name.startswith(".") and all((place / name).is_file() for name in names)
    ]
    # the sortable time at the head of the name, then the rest
    return sorted(found, key=lambda place: (place.name.split("_", maxsplit=1)[0], place.name))
