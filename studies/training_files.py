"""Training manifests read from files: YAML, JSON or CSV, everything that is wrong said at once.

What stands in a malformed entry may be a subject's own key: no message quotes it, only its line.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from ..protocols.errors import ContractError, OutputError, Violation, nearest
from ..protocols.nodes import ListNode, Node, ScalarNode
from ..protocols.source import MAX_BYTES, read_yaml
from .training_manifest import (
    ALGORITHM,
    SCHEMA,
    TrainingManifest,
    date_problems,
    salt_problems,
    salted,
    training_manifest,
)

SINGLE = ("schema", "algorithm", "salt", "check", "from", "to")
NEEDED = ("schema", "algorithm", "salt", "check")
LISTS = ("subjects", "sites")
_SEPARATORS = (",", ";", "\t", "|")
"""What parts cells of a table, and stands in no subject's key of a list."""
_NEARLY = (
    "subject", "subjects", "subject_id", "subjectid", "id", "usubjid", "patient", "patient_id", "participant",
)  # fmt: skip
"""What a column of subjects may be called where it is not called `subject`; nobody's key is one of these."""
_HASH = re.compile(r"[0-9a-fA-F]{64}")
_NO_HASH = "is no HMAC-SHA256 in hex (64 digits); a subject's own key does not belong into a manifest"


@dataclass(frozen=True)
class _Entry:
    """One value of a file: its key, its text (None: no text), and its line where the format has lines."""

    key: str
    text: str | None
    line: int | None = None


def read(path: Path, name: str | None = None) -> TrainingManifest:
    """A training manifest from a file: `.json`, `.csv` (columns `key` and `value`), anything else is YAML.

    Args:
        path: The file.
        name: The file as messages name it. Default: its path.

    Raises:
        ContractError: It cannot be read, or is no manifest; everything that is wrong is listed.
        OutputError: The system refuses to read it.
    """
    shown = name or str(path)
    data = _bytes(path, shown)
    entries, violations = _entries(path, data, shown)
    keys = _by_key(entries)
    violations += [*_keys(keys, shown), *_values(keys, shown)]
    if violations:
        raise ContractError(sorted(violations, key=lambda one: one.line or 0))
    hashes = [str(one.text).lower() for one in keys["subjects"]]
    sites = sorted({str(one.text).strip() for one in keys.get("sites", [])})
    return TrainingManifest(
        salt=str(_text(keys, "salt")),
        subjects=frozenset(hashes),
        sites=tuple(sites),
        first=_text(keys, "from"),
        last=_text(keys, "to"),
        duplicates=len(hashes) - len(set(hashes)),
        name=shown,
        sha256=hashlib.sha256(data).hexdigest(),
    )


def subject_list(path: Path, *, salt: str | None = None) -> TrainingManifest:
    """The manifest of a list: one subject a line, or CSV with a column `subject` (`site`, `date` beside it).

    Args:
        path: The file.
        salt: Salt that both sides use. Default: a random one.

    Raises:
        ContractError: It is no such list, it names nobody, or dates are none.
        OutputError: The system refuses to read it.
    """
    text = _decoded(_bytes(path, str(path), "a list of subjects"), str(path))
    lines = [(n, line) for n, line in enumerate(text.splitlines(), start=1) if line.strip()]
    rows = _cells(lines, str(path))
    if rows is None:
        return training_manifest([line.strip().strip('"') for _, line in lines], salt=salt)
    days = [row["date"].strip() for row in rows if row.get("date", "").strip()]
    wrong = [day for day in days if date_problems(day, None)]
    if wrong:
        message = f"{len(wrong):,} of {len(days):,} dates are none; expected such as 2024-06-30"
        raise ContractError([Violation(message, file=str(path), key="date", found=wrong[0])])
    try:
        return training_manifest(
            [row.get("subject", "") for row in rows],
            salt=salt,
            sites=[row.get("site", "") for row in rows],
            first=min(days, key=date.fromisoformat, default=None),
            last=max(days, key=date.fromisoformat, default=None),
        )
    except ContractError as error:
        raise ContractError([replace(one, file=str(path)) for one in error.violations]) from None


def _cells(lines: list[tuple[int, str]], name: str) -> list[dict[str, str]] | None:
    """The rows of a list that is CSV with a header; None of one that has a subject a line.

    Raises:
        ContractError: It is neither, for example because another character than a comma parts its cells: each
            line would be taken for a subject, and nobody would ever be found.
    """
    wanted = "expected one subject a line, or CSV (a comma between cells) with a column `subject`"
    header = [one.strip() for one in next(csv.reader([lines[0][1]]))]
    if len(header) == 1:
        wrong = [n for n, line in lines if any(mark in line.strip() for mark in _SEPARATORS)]
        message = f"more than a subject in a line; {wanted}"
    elif "subject" not in header or len(set(header)) < len(header):
        wrong, message = [lines[0][0]], f"{wanted} once (`site` and `date` may stand beside it)"
    else:
        wrong = [n for n, line in lines if len(next(csv.reader([line]))) != len(header)]
        message = f"not {len(header)} cells in a line, as in the first one; {wanted}"
    if not wrong and len(header) == 1 and header[0] != "subject" and header[0].casefold() in _NEARLY:
        wrong, message = [lines[0][0]], f"{wanted}; its name is written `subject`"
    if wrong:
        raise ContractError([Violation(message, file=name, line=wrong[0], count=len(wrong))])
    if "subject" not in header:
        return None
    return [dict(zip(header, next(csv.reader([line])), strict=True)) for _, line in lines[1:]]


def _bytes(path: Path, name: str, wanted: str = "a training manifest") -> bytes:
    try:
        data = path.read_bytes()
    except (FileNotFoundError, IsADirectoryError) as error:
        what = "there is no such file" if isinstance(error, FileNotFoundError) else "this is a folder"
        raise ContractError([Violation(f"{what}; {wanted} is expected", file=name)]) from None
    except OSError as error:
        raise OutputError(f"{name}: cannot be read: {error.strerror}") from error
    if not data.strip():
        raise ContractError([Violation("the file is empty", file=name)])
    return data


def _entries(path: Path, data: bytes, name: str) -> tuple[list[_Entry], list[Violation]]:
    """The values of a file, and what is wrong with its form."""
    ending = path.suffix.lower()
    text = _decoded(data, name)
    if ending == ".json":
        return _from_json(text, name)
    if ending == ".csv":
        return _from_csv(text, name)
    if len(text) > MAX_BYTES:
        message = f"a YAML file of {len(text):,} characters; write so many subjects as .json or .csv"
        raise ContractError([Violation(message, file=name)])
    return _from_yaml(path, name)


def _decoded(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ContractError([Violation("the file is not UTF-8 text", file=name)]) from None


def _from_yaml(path: Path, name: str) -> tuple[list[_Entry], list[Violation]]:
    try:
        document = read_yaml(path, file=name)
    except ContractError as error:
        raise ContractError([replace(one, found=None, suggestion=None) for one in error.violations]) from None
    entries = []
    for key, value in document.root.entries:
        items: tuple[Node, ...] = value.items if isinstance(value, ListNode) else (value,)
        for item in items:
            text = item.text if isinstance(item, ScalarNode) and not item.is_null else None
            entries.append(_Entry(key.text, text, item.place.line))
        if not items:
            entries.append(_Entry(key.text, None, value.place.line))
    return entries, []


def _from_json(text: str, name: str) -> tuple[list[_Entry], list[Violation]]:
    try:
        found = json.loads(text, object_pairs_hook=tuple)
    except json.JSONDecodeError as error:
        place = Violation(f"not valid JSON: {error.msg}", file=name, line=error.lineno, column=error.colno)
        raise ContractError([place]) from None
    except RecursionError:
        raise ContractError([Violation("not valid JSON: nested too deeply", file=name)]) from None
    if not isinstance(found, tuple):
        message = "the file must hold one object with keys and values"
        raise ContractError([Violation(message, file=name)])
    entries = []
    for key, value in found:
        items = value if isinstance(value, list) else [value]
        entries += [_Entry(str(key), item if isinstance(item, str) else None) for item in items]
        if not items:
            entries.append(_Entry(str(key), None))
    return entries, []


def _from_csv(text: str, name: str) -> tuple[list[_Entry], list[Violation]]:
    rows = csv.reader(text.splitlines())
    header = [one.strip() for one in next(rows, [])]
    if header != ["key", "value"]:
        message = "a manifest as CSV has the columns `key` and `value`, a comma between, and line 1 says so"
        raise ContractError([Violation(message, file=name, line=1)])
    entries, violations = [], []
    for row in rows:
        if len(row) == 2:
            entries.append(_Entry(row[0].strip(), row[1].strip() or None, rows.line_num))
        elif row:
            message = f"expected a key and a value, found {len(row)} cells"
            violations.append(Violation(message, file=name, line=rows.line_num))
    return entries, violations


def _by_key(entries: list[_Entry]) -> dict[str, list[_Entry]]:
    found: dict[str, list[_Entry]] = {}
    for entry in entries:
        found.setdefault(entry.key, []).append(entry)
    return found


def _text(keys: dict[str, list[_Entry]], key: str) -> str | None:
    return keys[key][0].text if key in keys else None


def _keys(keys: dict[str, list[_Entry]], name: str) -> Iterator[Violation]:
    """Keys that are unknown, missing, or there more than once."""
    known = (*SINGLE, *LISTS)
    for key, entries in keys.items():
        if key not in known:
            accepted = ", ".join(f"`{one}`" for one in known)
            hint = nearest(key, [one for one in known if one not in keys])
            message = f"unknown key; accepted: {accepted}"
            shown = key if hint else None  # in a broken file a key may be a subject's
            yield Violation(message, name, entries[0].line, key=shown, suggestion=hint)
        elif key in SINGLE and len(entries) > 1:
            yield Violation("this key is set more than once; keep one", name, entries[1].line, key=key)
    for key in NEEDED:
        if key not in keys:
            yield Violation("this key is missing", name, key=key)
    if not any(one.text for one in keys.get("subjects", [])):
        message = "no subjects are listed; an algorithm that was trained on nobody has no manifest"
        yield Violation(message, name, key="subjects")


def _values(keys: dict[str, list[_Entry]], name: str) -> Iterator[Violation]:
    """Values that are not what their key needs."""
    line = {key: entries[0].line for key, entries in keys.items()}

    def wrong(key: str, message: str, **more: Any) -> Violation:
        return Violation(message, name, line.get(key), key=key, **more)

    empty = [key for key in (*SINGLE, "sites") if key in keys and not all(one.text for one in keys[key])]
    for key in empty:
        yield wrong(key, "expected text")
    for key, accepted in (("schema", SCHEMA), ("algorithm", ALGORITHM)):
        text = _text(keys, key)
        if text and text.lower() != accepted:
            yield wrong(key, f"expected `{accepted}`", found=text)
    salt, check = _text(keys, "salt"), _text(keys, "check")
    if salt:
        yield from (wrong("salt", one.message) for one in salt_problems(salt))
        if check and check.lower() != salted(SCHEMA, salt):
            message = (
                f"the salt is not the one the hashes were made with: the HMAC-SHA256 of `{SCHEMA}` under it "
                "is not what `check` says, so that no subject could ever be found"
            )
            yield wrong("check", message)
    for problem in date_problems(_text(keys, "from"), _text(keys, "to")):
        yield wrong(str(problem.key), problem.message, found=problem.found)
    yield from _malformed(keys.get("subjects", []), name)


def _malformed(subjects: list[_Entry], name: str) -> Iterator[Violation]:
    """Entries that are no hash, by their lines or places; never what they say."""
    if not any(one.text for one in subjects):
        return
    wrong = [
        (place, one.line)
        for place, one in enumerate(subjects, start=1)
        if one.text is None or not _HASH.fullmatch(one.text)
    ]
    if wrong:
        first = ", ".join(f"line {line}" if line else f"number {place}" for place, line in wrong[:3])
        more = f" and {len(wrong) - 3:,} more" if len(wrong) > 3 else ""
        message = f"{len(wrong):,} of {len(subjects):,} entries ({first}{more}): each {_NO_HASH}"
        yield Violation(message, name, wrong[0][1], key="subjects")
