"""Columns that the data do not have: from the paths of the files, and constants of the source."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

import polars as pl

from ..protocols.errors import ContractError, Violation, nearest
from ..protocols.model import Table
from .places import Part, Places
from .sources import Source

_FIELD = re.compile(r"\{([A-Za-z0-9][A-Za-z0-9_-]*)\}")


def pattern(text: str) -> re.Pattern[str]:
    """What a path pattern means: `{name}` is as little as fits, without a slash; twice, it is the same text.

    Raises:
        ValueError: It names no column, or has a brace too many.

    Example:
        >>> pattern("{subject}_{night}.edf").fullmatch("P 07_n1.edf").groups()
        ('P 07', 'n1')
    """
    parts, at, seen = [], 0, dict[str, int]()
    for match in _FIELD.finditer(text):
        parts.append(re.escape(text[at : match.start()]))
        name = match[1]
        parts.append(f"\\{seen[name]}" if name in seen else "([^/]+?)")
        seen.setdefault(name, len(seen) + 1)
        at = match.end()
    rest = text[at:]
    if not seen or re.search(r"[{}]", _FIELD.sub("", text)):
        raise ValueError("expected columns in braces, such as `data/{subject}_{night}.edf`")
    return re.compile("".join([*parts, re.escape(rest)]))


def fields(text: str) -> tuple[str, ...]:
    """Columns that a path pattern names, in order."""
    return tuple(dict.fromkeys(_FIELD.findall(text)))


def named(source: Source) -> tuple[str, ...]:
    """Contract columns that a source gives beside its data."""
    return (*(fields(source.from_path) if source.from_path else ()), *source.constants)


def columns(
    names: Sequence[str], places: Places, table: Table, source: Source, *, key: str
) -> list[pl.Series]:
    """The columns that paths and constants give, as text, named as in the data.

    Args:
        names: Names of all columns in the data.
        places: Where its rows came from.
        table: The contract.
        source: The source, with `from_path` and `constants`.
        key: Dotted path of the source, for messages.

    Raises:
        ContractError: A path that does not fit, a column that the data have already, or unknown to the table.
    """
    violations: list[Violation] = []
    texts = _from_paths(places.parts, source, key, violations)
    texts |= _constants(len(places.parts), table, source, key, violations)
    made: list[pl.Series] = []
    for column, values in texts.items():
        in_data = source.columns.get(column, column)
        if column not in table.columns:
            continue  # a part of the path that nobody asks for
        if in_data in names:
            message = "the data have a column of that name; take it from one place."
            violations.append(Violation(message, file=places.parts[0].name, key=column))
            continue
        each = pl.Series(in_data, values, dtype=pl.String)
        made.append(
            pl.concat([each[i : i + 1].new_from_index(0, part.n_rows) for i, part in enumerate(places.parts)])
        )
    if violations:
        raise ContractError(violations)
    return made


def _from_paths(
    parts: tuple[Part, ...], source: Source, key: str, violations: list[Violation]
) -> dict[str, list[str]]:
    if source.from_path is None:
        return {}
    try:
        wanted = pattern(source.from_path)
    except ValueError as error:
        violations.append(Violation(f"{error}.", key=f"{key}.from_path", found=source.from_path))
        return {}
    found: dict[str, list[str]] = {name: [] for name in fields(source.from_path)}
    for part in parts:
        whole = part.name if "/" in source.from_path else PurePosixPath(part.name).name
        match = wanted.fullmatch(whole)
        if match is None:
            message = f"the path does not fit `{source.from_path}`, which names its columns."
            violations.append(Violation(message, file=part.name, key=f"{key}.from_path", found=whole))
            continue
        for name, value in zip(found, match.groups(), strict=True):
            found[name].append(value)
    return {} if violations else found


def _constants(
    n_parts: int, table: Table, source: Source, key: str, violations: list[Violation]
) -> dict[str, list[str]]:
    for column in source.constants:
        if column not in table.columns:
            message = "names a column that the table does not declare."
            hint = nearest(column, table.columns)
            violations.append(
                Violation(message, key=f"{key}.constants.{column}", found=column, suggestion=hint)
            )
    return {column: [value] * n_parts for column, value in source.constants.items()}
