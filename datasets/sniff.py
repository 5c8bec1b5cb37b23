"""What a file seems to be, and the YAML that would read it: for people who have a file and no study yet.

Everything here is a guess for somebody to confirm. Of subjects' data it tells names of columns, types, units,
labels, counts, smallest and largest values; no rows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from ..protocols.errors import ContractError, OutputError, UsageError
from ..protocols.model import Quantity
from . import guess, parquet, propose
from .csv_text import open_csv
from .guess import ColumnGuess
from .located import LocalFile
from .readers import registry
from .readers.base import Reader, first_bytes, refuse
from .sources import Reading

LOOKED_AT = 1_000_000
"""Rows of a Parquet file or database table that are looked at."""
DETAILED = 4
"""Tables of a file that are looked into unless somebody names others."""
LARGE = 200_000_000
"""Bytes of a file of which only the first table is looked into unless somebody names others."""
DATABASES = (".duckdb", ".db")


@dataclass(frozen=True)
class Looked:
    """One table that can be read of a file.

    Attributes:
        title: What it is, with counts.
        name: A name for it.
        rows: Its rows; None: not looked into.
        columns: Its columns, those first that name a row.
        key: Contract columns that name a row.
        time: Contract column with the time of a row.
        interval_s: Seconds between rows, where they are even.
        notes: What somebody should know.
        source: `sources` entry for study.yaml.
        table: Table for the protocol.
    """

    title: str
    name: str
    rows: int | None = None
    columns: tuple[ColumnGuess, ...] = ()
    key: tuple[str, ...] = ()
    time: str | None = None
    interval_s: float | None = None
    notes: tuple[str, ...] = ()
    source: str = ""
    table: str = ""


@dataclass(frozen=True)
class Sniffed:
    """What a file seems to be.

    Attributes:
        file: The file.
        format: Word for the format.
        title: The format in words.
        bytes: Its size.
        facts: What it says of itself: word -> value.
        tables: What can be read of it, the likeliest first.
    """

    file: str
    format: str
    title: str
    bytes: int
    facts: Mapping[str, Any]
    tables: tuple[Looked, ...]


@dataclass(frozen=True)
class _Candidate:
    """A table before it is looked into."""

    title: str
    given: Mapping[str, Any]
    rows: int | None = None
    columns: tuple[str, ...] = ()
    words: Mapping[str, str] | None = None
    interval_s: float | None = None
    name: str = ""


def sniff(path: Path, *, form: str | None = None, tables: str | None = None) -> Sniffed:
    """Look into a file.

    Args:
        path: The file.
        form: Its format, where the ending does not tell.
        tables: Look into the tables whose title holds this text, and no others.

    Raises:
        ContractError: The file is damaged, or not what its ending says.
        OutputError: It cannot be read.
        UsageError: There is no such file, no such format, or no such table.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder; sniff one of its files")
    if not path.is_file():
        raise UsageError(f"{path}: there is no such file")
    word = form or _format(path)
    reader = registry.get(word)
    if reader is None and word not in ("csv", "parquet", "duckdb"):
        accepted = ", ".join([*registry.formats(), "duckdb"])
        raise UsageError(f"--format: there is no format `{word}`; there are: {accepted}")
    if word == "wfdb" and path.suffix.lower() == ".dat" and path.with_suffix(".hea").is_file():
        path = path.with_suffix(".hea")  # a record is named by its header
    name = _written(path)
    if reader is not None:
        found = reader.describe(path, name)
        facts, candidates = found["facts"], [_from_reader(one) for one in found["tables"]]
        title = reader.title
    else:
        facts, candidates = _PLAIN[word](path, name)
        title = {"csv": "CSV table", "parquet": "Parquet table", "duckdb": "DuckDB database"}[word]
    chosen = [one for one in candidates if tables is None or tables.lower() in one.title.lower()]
    if tables is not None and not chosen:
        raise UsageError(f"--table: nothing here is called `{tables}`; there are: {_titles(candidates)}")
    limit = len(chosen)
    if tables is None:
        limit = DETAILED if path.stat().st_size < LARGE else 1
    looked = [
        _look(path, name, word, reader, one) if at < limit else Looked(one.title, "")
        for at, one in enumerate(chosen)
    ]
    return Sniffed(name, word, title, path.stat().st_size, facts, tuple(looked))


def _titles(candidates: Sequence[_Candidate]) -> str:
    return "; ".join(one.title for one in candidates[:10])


def _format(path: Path) -> str:
    reader = registry.by_ending(path)
    if reader is not None:
        return reader.name
    ending = path.suffix.lower()
    head = first_bytes(path, str(path), 12)
    if ending in (".parquet", ".pq") or head.startswith(b"PAR1"):
        return "parquet"
    if ending in DATABASES or head[8:12] == b"DUCK":
        return "duckdb"
    if path.with_suffix(".hea").is_file() or (ending not in (".csv", ".txt") and _annotations(path)):
        return "wfdb"
    return "csv"


def _annotations(path: Path) -> bool:
    """Whether a file ends as WFDB annotation files do, and is no text."""
    size = path.stat().st_size
    if size < 4 or size % 2:
        return False
    with path.open("rb") as handle:
        handle.seek(size - 2)
        return handle.read(2) == b"\0\0"


def _written(path: Path) -> str:
    """The path as a study would write it: from its `data` folder on, or as if it lay there."""
    parts = path.parts
    if "data" in parts:
        return Path(*parts[len(parts) - 1 - parts[::-1].index("data") :]).as_posix()
    return f"data/{path.name}"


def _from_reader(given: Mapping[str, Any]) -> _Candidate:
    return _Candidate(
        given["title"],
        {"reader": given["reader"]},
        columns=tuple(given.get("columns", ())),
        words=given.get("words"),
        interval_s=given.get("interval_s"),
        name=given.get("name", ""),
    )


def _csv(path: Path, name: str) -> tuple[dict[str, Any], list[_Candidate]]:
    text = open_csv(path, name)
    return {"rows": text.part.n_rows, "columns": len(text.header)}, [
        _Candidate(path.stem, {}, text.part.n_rows)
    ]


def _parquet(path: Path, name: str) -> tuple[dict[str, Any], list[_Candidate]]:
    columns = parquet.schema_of(LocalFile(path, name))
    rows = int(pl.scan_parquet(path, glob=False).select(pl.len()).collect().item())
    return {"rows": rows, "columns": len(columns)}, [_Candidate(path.stem, {}, rows)]


def _database(path: Path, name: str) -> tuple[dict[str, Any], list[_Candidate]]:
    query = (
        "SELECT schema_name, table_name, estimated_size FROM duckdb_tables() WHERE NOT internal "
        "UNION ALL SELECT schema_name, view_name, NULL FROM duckdb_views() WHERE NOT internal ORDER BY 1, 2"
    )
    with _connected(path, name) as connection:
        found = connection.execute(query).fetchall()
        counted = [
            (
                schema,
                table,
                connection.table(_quoted(schema, table)).shape[0],
            )
            for schema, table, _ in found
        ]
    if not counted:
        raise refuse("the database holds no tables.", name)
    candidates = [
        _Candidate(
            table if schema == "main" else f"{schema}.{table}",
            {"sql": f"SELECT * FROM {_quoted(schema, table)}", "database": name},  # noqa: S608
            rows,
        )
        for schema, table, rows in counted
    ]
    return {"tables": len(candidates)}, candidates


_PLAIN = {"csv": _csv, "parquet": _parquet, "duckdb": _database}


def _quoted(schema: str, table: str) -> str:
    words = [table] if schema == "main" else [schema, table]
    return ".".join(
        word if re.fullmatch(r"[a-z_][a-z0-9_]*", word) else '"' + word.replace('"', '""') + '"'
        for word in words
    )


def _connected(path: Path, name: str) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(str(path), read_only=True)
    except duckdb.Error as error:
        words = str(error).splitlines()[0]
        raise refuse(f"is not a DuckDB database, or it is damaged: {words}", name) from error


def _look(path: Path, name: str, form: str, reader: Reader | None, one: _Candidate) -> Looked:
    """Look into one table; where its rows do not fit together, that is what is said of it."""
    try:
        frame, columns, rows = _guesses(path, name, form, reader, one)
    except (ContractError, OutputError) as error:
        words = error.violations[0].message if isinstance(error, ContractError) else str(error)
        return Looked(one.title, "", notes=(words,))
    partial = rows > frame.height
    columns = [
        replace(found, notes=(*found.notes, one.words[found.in_data]))
        if one.words and found.in_data in one.words
        else found
        for found in columns
    ]
    notes = [f"{found.in_data}: {note}" for found in columns for note in found.notes]
    if partial:
        notes.insert(0, f"looked at the first {frame.height:,} of {rows:,} rows")
    subject, whose = _subject(columns, frame, path)
    if whose.get("constants"):
        notes.append("nothing tells whose the rows are; say so by `constants` or `from_path`")
    time = guess.time_of([found for found in columns if found != subject])
    if time is not None and time.type != "datetime" and time.unit is None:
        notes.append(f"{time.in_data}: perhaps the time of a row; say its unit, and name it as `time`")
        time = None
    interval = one.interval_s or (guess.rate_of(frame, time, subject) if time is not None else None)
    columns, subject, time = _named_subject(columns, subject, time)
    first = [found for found in (subject, time) if found is not None]
    key = guess.key_of(frame, columns, first)
    if key is None:
        notes.append("no columns name a row, so the key has to be made: a counter, or a finer time")
        key = first
    columns = sorted(columns, key=lambda found: found not in key)
    chosen = tuple(dict.fromkeys(["subject", *(found.name for found in key)]))
    shown = columns if subject is not None else [ColumnGuess("subject", "subject", "text"), *columns]
    given = {
        **({} if "database" in one.given else {"file": name}),
        **_format_key(path, form),
        **_as_written(one.given),
    }
    table = _identifier(one.title if form == "duckdb" else path.stem, one)
    return Looked(
        title=one.title,
        name=table,
        rows=rows,
        columns=tuple(shown),
        key=chosen,
        time=time.name if time is not None else None,
        interval_s=interval,
        notes=tuple(notes),
        source=propose.source(table, given, columns, whose),
        table=propose.table(
            table,
            shown,
            key=chosen,
            time=time.name if time is not None else None,
            interval=f"{interval:.9g} s" if interval else None,
            partial=partial,
            extra=reader is None,
        ),
    )


def _format_key(path: Path, form: str) -> dict[str, str]:
    known = registry.by_ending(path) is not None or path.suffix.lower() in (".csv", ".parquet", ".pq")
    return {} if known or form == "duckdb" else {"format": form}


def _guesses(
    path: Path, name: str, form: str, reader: Reader | None, one: _Candidate
) -> tuple[pl.DataFrame, list[ColumnGuess], int]:
    """Rows to look at, a guess a column, and how many rows there are."""
    if reader is None:
        frame, rows = _frame(path, name, form, one)
        names = guess.contract_names(frame.columns)
        return frame, guess.columns(frame, {}, names=names, partial=rows > frame.height), rows
    opened = reader.open(path, name, Reading.model_validate_json(json.dumps(one.given["reader"])))
    asked = list(one.columns) or list(opened.columns)
    names = guess.contract_names(asked)
    # a night's signals side by side are gigabytes: each is looked at on its own, and only times are kept
    parts = [[asked[0], column] for column in asked[1:]] if one.interval_s else [asked]
    kept, columns = pl.DataFrame(), list[ColumnGuess]()
    for part in parts:
        found = opened.read(part)
        columns += guess.columns(found.frame.drop(kept.columns), found.units, names=names, partial=False)
        if not kept.width:
            kept = found.frame.select(asked[0]) if one.interval_s else found.frame
    return kept, columns, kept.height


def _frame(path: Path, name: str, form: str, one: _Candidate) -> tuple[pl.DataFrame, int]:
    """Rows of a table to look at, and how many there are."""
    if form == "csv":
        text = open_csv(path, name)
        frame = text.read([column for column in text.header if not column.startswith("(column ")])
        return frame.select(guess.typed_text(column) for column in frame.iter_columns()), frame.height
    if form == "parquet":
        frame = pl.scan_parquet(path, glob=False, hive_partitioning=False).head(LOOKED_AT).collect()
        return frame, one.rows or frame.height
    with _connected(path, name) as connection:
        table: Any = connection.sql(f"{one.given['sql']} LIMIT {LOOKED_AT}").to_arrow_table()
    made = pl.from_arrow(table)
    if not isinstance(made, pl.DataFrame):  # pragma: no cover - an Arrow table always is a frame
        raise TypeError(f"unexpected {type(made).__name__}")
    return made, one.rows or made.height


def _as_written(given: Mapping[str, Any]) -> dict[str, Any]:
    """Keys of a source as YAML has them: a length of time as text."""
    reader = dict(given.get("reader", {}))
    if "epoch" in reader:
        reader["epoch"] = str(Quantity(**reader["epoch"]))
    return {**given, "reader": reader}


def _subject(
    columns: Sequence[ColumnGuess], frame: pl.DataFrame, path: Path
) -> tuple[ColumnGuess | None, dict[str, Any]]:
    """The column that says whose a row is; without one, how the file's name could say it."""
    found = guess.subject_of(columns, frame)
    if found is not None:
        return found, {}
    parts = list(_parts(path.stem))
    if len(parts) > 1:
        return None, {"from_path": "{subject}" + parts[1] + "{rest}" + path.suffix}
    if re.search(r"\d", path.stem):
        return None, {"from_path": "{subject}" + path.suffix}
    return None, {"constants": {"subject": "001"}}


def _parts(stem: str) -> Iterator[str]:
    """First word of a file's name, and what parts it from the rest, where the word may be a subject's."""
    match = re.match(r"([A-Za-z]{0,8}-?\d[A-Za-z0-9]*)([_. -])(.+)", stem)
    if match:
        yield from (match[1], match[2])


def _named_subject(
    columns: Sequence[ColumnGuess], subject: ColumnGuess | None, time: ColumnGuess | None
) -> tuple[list[ColumnGuess], ColumnGuess | None, ColumnGuess | None]:
    """The columns with the subject's as `subject`, which is text whatever it looks like."""
    renamed = None
    made = []
    for one in columns:
        if one == subject:
            renamed = replace(
                one, name="subject", type="text", unit=None, unit_from=None, low=None, high=None, levels=()
            )
            made.append(renamed)
        elif one.name == "subject":  # a column of that name that is none
            made.append(replace(one, name="subject_2"))
        else:
            made.append(one)
    return made, renamed, time


def _identifier(text: str, one: _Candidate) -> str:
    """A name for a table, from the file's name and what is read of it."""
    reader = one.given.get("reader", {})
    more = str(one.name or reader.get("rows") or (reader.get("types") or [""])[0])
    more = re.sub(r"^HK(Quantity|Category)TypeIdentifier", "", more)
    words = "_".join(part for part in (text, more) if part)
    cleaned = re.sub(r"[^A-Za-z0-9]+", "_", words).strip("_").lower()[:60]
    return cleaned if cleaned[:1].isalpha() else f"t_{cleaned}"
