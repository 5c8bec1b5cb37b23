"""DuckDB SQL as a source: one SELECT that can read the study's roots and nothing else.

The query runs in a DuckDB of its own whose file access is limited to the roots, without network, extensions
or access to Python variables, and whose configuration is locked before the query is seen. Literal relative
paths start at the study folder.
"""

from __future__ import annotations

import glob
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from ..protocols.errors import ContractError, Violation, shorten
from .roots import Roots
from .sources import Source
from .stores import is_address

_READERS = {
    "read_csv", "read_csv_auto", "sniff_csv", "read_parquet", "parquet_scan", "parquet_schema",
    "parquet_metadata",
    "read_json", "read_json_auto", "read_json_objects", "read_ndjson", "read_ndjson_auto", "read_text",
    "read_blob", "glob",
}  # fmt: skip
_REMOTE = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+://")


@dataclass(frozen=True)
class Answer:
    """What a query gave, and the files it named."""

    frame: pl.DataFrame
    files: tuple[Path, ...]


def query(source: Source, roots: Roots, *, key: str, name: str) -> Answer:
    """Run a source's SQL.

    Args:
        source: A source with `sql`, perhaps with `database`.
        roots: What may be read.
        key: Dotted path of the source, for messages.
        name: Name of the table, for messages.

    Raises:
        ContractError: Not one SELECT, an error in it, or something it may not read.
    """
    sql = source.sql or ""
    database = _database(source.database, roots, key)
    try:
        with duckdb.connect(
            ":memory:" if database is None else str(database),
            read_only=database is not None,
            config={"python_enable_replacements": "false"},
        ) as connection:
            _confine(connection, roots)
            tree = _parse(connection, sql, key)
            located, files = _locate(sql, tree, roots, key)
            table: Any = connection.sql(located).to_arrow_table()
    except duckdb.Error as error:
        raise ContractError([_explain(error, roots, key)]) from error
    _check_columns(table.column_names, key, name)
    frame = pl.from_arrow(table)
    if not isinstance(frame, pl.DataFrame):  # pragma: no cover - an Arrow table always is a frame
        raise TypeError(f"unexpected {type(frame).__name__}")
    read = (*([database] if database else []), *files)
    return Answer(frame, tuple(dict.fromkeys(read)))


def _database(written: str | None, roots: Roots, key: str) -> Path | None:
    if written is None:
        return None
    place = f"{key}.database"
    roots.check_written(written, key=place)
    path = roots.base / written
    if not roots.contains(path):
        raise ContractError([roots.outside(written, key=place)])
    if not path.is_file():
        raise ContractError([Violation("there is no such database file.", file=written, key=place)])
    return path.resolve()


def _confine(connection: duckdb.DuckDBPyConnection, roots: Roots) -> None:
    """Files under the roots only; no network, no extensions, and no way back."""
    folders = ", ".join(_quoted(str(folder)) for folder in roots.folders.values())
    connection.execute(f"SET allowed_directories = [{folders}]")
    for setting in (
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        "allow_community_extensions = false",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        connection.execute(f"SET {setting}")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _parse(connection: duckdb.DuckDBPyConnection, sql: str, key: str) -> Any:
    """The syntax tree of one SELECT."""
    # Fetched to its end: a connection with an unfinished result refuses the next query.
    [(serialised,)] = connection.execute("SELECT json_serialize_sql($1)", [sql]).fetchall()
    tree: dict[str, Any] = json.loads(serialised)
    if tree["error"]:
        message = str(tree.get("error_message", "cannot be parsed"))
        if tree.get("error_type") == "not implemented":
            message = "only a SELECT is accepted; a source reads and never writes"
        raise ContractError([Violation(f"{message}.", key=f"{key}.sql", found=shorten(sql))])
    if len(list(tree["statements"])) != 1:
        raise ContractError([Violation("one SELECT is accepted.", key=f"{key}.sql", found=shorten(sql))])
    return tree["statements"]


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for inner in tree:
            yield from _nodes(inner)


def _literals(tree: Any) -> list[dict[str, Any]]:
    """Nodes that name files: first arguments of reader functions, and tables that are file names."""
    found: list[dict[str, Any]] = []
    for node in _nodes(tree):
        if node.get("type") == "BASE_TABLE" and re.search(r"[./]", node.get("table_name", "")):
            found.append(
                {
                    "text": node["table_name"],
                    "at": node["query_location"],
                    "length": node["query_location_length"],
                }
            )
        elif node.get("type") == "TABLE_FUNCTION" and node["function"]["function_name"].lower() in _READERS:
            first = node["function"]["arguments"][:1]
            found.extend(
                {
                    "text": inner["literal"]["text"],
                    "at": inner["query_location"],
                    "length": inner["query_location_length"],
                }
                for inner in _nodes(first)
                if inner.get("type") == "VALUE_CONSTANT" and inner["literal"].get("kind") == "STRING"
            )
    return found


def _locate(sql: str, tree: Any, roots: Roots, key: str) -> tuple[str, list[Path]]:
    """The query with literal relative paths made absolute, and the files it names."""
    text = sql.encode()
    files: list[Path] = []
    violations: list[Violation] = []
    for literal in sorted(_literals(tree), key=lambda found: -int(found["at"])):
        written = str(literal["text"])
        start, length = int(literal["at"]), int(literal["length"])
        here = text[start : start + length]
        if is_address(written):
            violations.append(_remote(written, roots, key))
            continue
        if _REMOTE.match(written) or not (here[:1] in (b"'", b'"') and len(here) > 1):
            continue
        if here[:1] == b'"' and not re.search(r"/|\.(csv|parquet|json|ndjson)$", written):
            continue
        if ".." in Path(written).parts:
            violations.append(Violation("a path may not contain `..`.", key=f"{key}.sql", found=written))
            continue
        matches = [Path(match) for match in sorted(glob.glob(str(roots.base / written), recursive=True))]  # noqa: PTH207 - may be absolute
        beyond = [
            match
            for match in matches or [roots.base / written]
            if not glob.has_magic(str(match)) and not roots.contains(match)
        ]
        if beyond:
            violations.append(roots.outside(written, key=f"{key}.sql"))
        files.extend(match for match in matches if match.is_file())
        text = text[:start] + _quoted(str(roots.base / written)).encode() + text[start + length :]
    if violations:
        raise ContractError(violations[::-1])
    return text.decode(), sorted(set(files))


def _remote(written: str, roots: Roots, key: str) -> Violation:
    """DuckDB reads object stores by an extension that it would have to fetch; nothing is fetched."""
    if not any(store.contains(written) for store in roots.stores.values()):
        return roots.outside(written, key=f"{key}.sql")
    message = (
        "a query reads local files; objects in a store are read with `file`, `glob` or `folder` (DuckDB "
        "would need its `httpfs` extension, which is not part of it)."
    )
    return Violation(message, key=f"{key}.sql", found=written)


def _explain(error: duckdb.Error, roots: Roots, key: str) -> Violation:
    first = str(error).splitlines()[0]
    if isinstance(error, duckdb.PermissionException):
        declared = ", ".join(f"{name}: {path}" for name, path in roots.written.items()) or "none"
        return Violation(
            f"the query may read files under the declared roots ({declared}) and nothing else: no network, "
            f"no extensions. DuckDB says: {shorten(first, 200)}",
            key=f"{key}.sql",
        )
    return Violation(f"the query fails: {shorten(first, 300)}", key=f"{key}.sql")


def _check_columns(names: list[str], key: str, name: str) -> None:
    repeated = sorted({column for column in names if names.count(column) > 1})
    if repeated:
        raise ContractError(
            [
                Violation(
                    f"the query for table `{name}` gives this column more than once.",
                    key=f"{key}.sql",
                    found=column,
                )
                for column in repeated
            ]
        )
