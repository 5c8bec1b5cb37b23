"""A comparison as a gate trusts it: as it was written, by its manifest, with all that decides.

`comparison_folder` opens a comparison for everyone who shows it; this holds it against more before anything
passes by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..protocols.errors import ContractError, IntegrityError, OutputError, Violation
from .comparison_folder import COMPARISON_FILE, Comparison
from .comparison_words import ORDER
from .manifest import sha256_file
from .opening import read_json
from .results import MANIFEST_FILE


def read(folder: Path | str) -> dict[str, Any]:
    """The content of a comparison folder's comparison.json.

    Raises:
        UsageError: The folder holds no finished comparison.
        ContractError: The file follows another schema, or lacks what decides.
        IntegrityError: A file is not readable, or not what the manifest says.
        OutputError: A file cannot be read.
    """
    place = Path(folder)
    _verify(place)
    document = Comparison.open(place).document
    file = str(place / COMPARISON_FILE)
    violations = _violations(document, file)
    if violations:
        raise ContractError(violations, f"{file} is not a comparison that this version reads")
    return document


def _violations(document: Mapping[str, Any], file: str) -> list[Violation]:
    """What a gate needs and the file does not have."""
    kinds = {"baseline": str, "candidates": list, "decisions": dict, "comparisons": list}
    wrong = [
        Violation(f"expected {_KINDS[kind]}", file=file, key=key)
        for key, kind in kinds.items()
        if not isinstance(document.get(key), kind) or not document[key]
    ]
    if wrong:
        return wrong
    for name in document["candidates"]:
        own = document["decisions"].get(name)
        decision = own.get("decision") if isinstance(own, dict) else None
        wrong += _decision(decision, file, f"decisions.{name}")
    for at, row in enumerate(document["comparisons"]):
        if not isinstance(row, dict):
            wrong.append(Violation("expected an object", file=file, key=f"comparisons.{at}"))
            continue
        texts = ("row_id", "endpoint", "candidate", "role")
        absent = [key for key in texts if not isinstance(row.get(key), str)]
        wrong += [Violation("expected a text", file=file, key=f"comparisons.{at}.{key}") for key in absent]
        wrong += _decision(row.get("decision"), file, f"comparisons.{at}")
    return wrong


_KINDS = {str: "a text", list: "a list that is not empty", dict: "an object that is not empty"}


def _decision(found: object, file: str, key: str) -> list[Violation]:
    if found in ORDER:
        return []
    accepted = ", ".join(ORDER)
    return [Violation(f"expected one of {accepted}", file=file, key=f"{key}.decision", found=str(found))]


def _verify(place: Path) -> None:
    """Hold the files against the hashes that the manifest has of them.

    A folder that never held a comparison is left to `Comparison.open`, which says so.
    """
    file = place / MANIFEST_FILE
    if not file.is_file():
        if (place / COMPARISON_FILE).is_file() and not place.name.startswith("."):
            raise IntegrityError(f"{place}: {MANIFEST_FILE} is gone, so nothing says what was compared")
        return
    try:
        hashes = read_json(file).get("results") or {}
        if COMPARISON_FILE not in hashes:
            raise IntegrityError(
                f"{file} says nothing of {COMPARISON_FILE}, which it does of every comparison"
            )
        changed = [name for name, sha256 in hashes.items() if sha256_file(place / name) != sha256]
    except (AttributeError, TypeError) as error:
        raise IntegrityError(f"{file}: `results` is no object") from error
    except OSError as error:
        raise OutputError(f"{error.filename} cannot be read: {error.strerror or error}") from error
    if changed:
        raise IntegrityError(f"{place}: {', '.join(changed)} changed after the comparison")
