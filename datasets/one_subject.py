"""The rows of one subject of a table, as they lie in the study's sources.

For looking at: where Parquet files are read, only the subject's rows are; of a tree with folders such as
`subject=007`, only that folder is opened.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

import polars as pl

from ..protocols.errors import ContractError, Violation
from ..protocols.model import Conversion, Table
from . import alike, partitions
from .finding import folder_of, found
from .located import Located, record
from .opened import from_folders, open_files
from .places import Part, Places
from .provenance import FileRecord
from .read import Raw, TableData, checked, read_table, wanted_columns
from .roots import Format, Roots
from .sources import Source
from .stores import StoreOptions


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
    stores: Mapping[str, StoreOptions] | None = None,
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
        stores: Name of a root in an object store -> how it is reached.

    Returns:
        The subject's rows, none where the table does not know the subject; `row` counts them, and `files` are
        those that were opened.

    Raises:
        ContractError: Files are missing or damaged, or what is wrong with these rows.
        OutputError: A file cannot be read.
    """
    how = {
        "base": base,
        "roots": roots,
        "stores": stores,
        "conversions": conversions,
        "exclusions": exclusions,
    }
    if any(value is not None for value in (source.file, source.glob, source.folder)):
        allowed = Roots.of(base, roots, stores)
        located = found(source, allowed, key=f"sources.{name}")
        if all(form == "parquet" for _, form in located):
            raw = _from_parquet(located, table, source, subject, allowed)
            return checked(
                name, table, source, raw, conversions=conversions, exclusions=exclusions, may_be_empty=True
            )
    whole = read_table(name, table, source, **how)  # type: ignore[arg-type]
    own = whole.frame.filter(pl.col(table.subject).cast(pl.String) == subject)
    return replace(whole, frame=own)


def of_subject(
    located: Sequence[tuple[Located, Format]], above: PurePath | None, column: str, subject: str
) -> list[tuple[Located, Format]]:
    """Files that can hold a subject: in a tree with folders `COLUMN=VALUE`, those of that value.

    Args:
        located: The files of a source.
        above: The folder below which they lie.
        column: The column that names the subject, as the data call it.
        subject: Whose rows.
    """
    return [one for one in located if partitions.below(one[0].place, above).get(column, subject) == subject]


def _from_parquet(
    located: Sequence[tuple[Located, Format]], table: Table, source: Source, subject: str, roots: Roots
) -> Raw:
    """The subject's rows, filtered while the files are read."""
    column = source.columns.get(table.subject, table.subject)
    chosen = of_subject(located, folder_of(source, roots), column, subject) or located[:1]
    opened = open_files(chosen, table, source, roots)
    names = opened[0].names
    if column not in names:
        message = f"there is no column `{column}`, which names the subject of a row."
        raise ContractError([Violation(message, file=opened[0].shown, key=table.subject)])
    wanted = wanted_columns(table, source, names)
    frames: list[pl.DataFrame] = []
    parts: list[Part] = []
    records: list[FileRecord] = []
    for one in opened:
        frame, _ = one.of_subjects([subject], wanted, column)
        if frame.height or not frames:
            frames.append(frame)
            parts.append(Part(one.shown, frame.height))
            records.append(record(one.file))
    return Raw(
        alike.joined(frames),
        names,
        Places(tuple(parts)),
        from_text=False,
        files=tuple(records),
        texts=from_folders(opened, names),
    )
