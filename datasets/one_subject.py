"""The rows of one subject of a table, as they lie in the study's sources.

For looking at: where Parquet files are read, only the subject's rows are; of a tree with folders such as
`subject=007`, only that folder is opened.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

import polars as pl

from ..protocols.errors import ContractError, OutputError, Violation
from ..protocols.model import Conversion, Table
from . import parquet
from .places import Part, Places
from .provenance import FileRecord, file_record
from .read import Raw, TableData, checked, read_table, wanted_columns
from .roots import Roots, files
from .sources import Source


def read_subject(
    name: str,
    table: Table,
    source: Source,
    subject: str,
    *,
    base: Path,
    roots: Mapping[str, str],
    conversions: Sequence[Conversion] = (),
    exclusions: Collection[str] | None = None,
) -> TableData:
    """All rows of one subject, held against the contract like those of a whole table.

    Args:
        name: Name of the table in the protocol.
        table: Its contract.
        source: Where its rows come from.
        subject: Whose rows.
        base: The study folder, where relative paths start.
        roots: Name -> folder that may be read.
        conversions: Unit conversions that the protocol declares.
        exclusions: Exclusion codes that the protocol declares; None: codes in the data are not checked.

    Returns:
        The subject's rows, none where the table does not know the subject; `row` counts them, and `files` are
        those that were opened.

    Raises:
        ContractError: Files are missing or damaged, or what is wrong with these rows.
        OutputError: A file cannot be read.
    """
    how = {"base": base, "roots": roots, "conversions": conversions, "exclusions": exclusions}
    if any(value is not None for value in (source.file, source.glob, source.folder)):
        allowed = Roots.of(base, roots)
        found = files(source, allowed, key=f"sources.{name}")
        if all(form == "parquet" for _, form in found):
            raw = _from_parquet([path for path, _ in found], table, source, subject, allowed)
            return checked(
                name, table, source, raw, conversions=conversions, exclusions=exclusions, may_be_empty=True
            )
    whole = read_table(name, table, source, **how)  # type: ignore[arg-type]
    own = whole.frame.filter(pl.col(table.subject).cast(pl.String) == subject)
    return TableData(name, own, whole.files, whole.key)


def of_subject(paths: Sequence[Path], column: str, subject: str) -> list[Path]:
    """Files that can hold a subject: in a tree with folders `COLUMN=VALUE`, those of that value.

    Example:
        >>> tree = [Path("a/subject=007/part.parquet"), Path("a/subject=008/part.parquet")]
        >>> [path.as_posix() for path in of_subject(tree, "subject", "008")]
        ['a/subject=008/part.parquet']
        >>> len(of_subject([Path("a/all.parquet")], "subject", "008"))
        1
    """
    head = f"{column}="

    def said(path: Path) -> str | None:
        parts = (part for part in path.parts if part.startswith(head))
        return next((unquote(part.removeprefix(head)) for part in parts), None)

    return [path for path in paths if said(path) in (None, subject)]


def _from_parquet(paths: Sequence[Path], table: Table, source: Source, subject: str, roots: Roots) -> Raw:
    """The subject's rows, filtered while the files are read."""
    column = source.columns.get(table.subject, table.subject)
    chosen = of_subject(paths, column, subject) or list(paths[:1])
    frames: list[pl.DataFrame] = []
    parts: list[Part] = []
    records: list[FileRecord] = []
    names: list[str] = []
    for path in chosen:
        shown = roots.name(path)
        names = list(parquet.schema_of(path, shown))
        wanted = wanted_columns(table, source, names)
        if column not in wanted:
            message = f"there is no column `{column}`, which names the subject of a row."
            raise ContractError([Violation(message, file=shown, key=table.subject)])
        try:
            frame = (
                pl.scan_parquet(path, hive_partitioning=False, glob=False)
                .select(wanted)
                .filter(pl.col(column).cast(pl.String) == subject)
                .collect()
            )
        except (pl.exceptions.PolarsError, OSError) as error:
            raise OutputError(f"{shown}: cannot be read: {error}") from error
        if frame.height or not frames:
            frames.append(frame)
            parts.append(Part(shown, frame.height))
            records.append(file_record(path, shown))
    frame = frames[0] if len(frames) == 1 else pl.concat(frames, how="vertical_relaxed", rechunk=True)
    return Raw(frame, names, Places(tuple(parts)), from_text=False, files=tuple(records))
