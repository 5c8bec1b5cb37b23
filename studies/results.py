"""Results: the rows and the document of one run, from memory or from its folder."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from ..protocols.errors import ContractError, OutputError, UsageError, Violation
from ..protocols.model import Protocol
from .judge import decides, words
from .opening import document_of, finished
from .schema import COLUMNS, NOT_RECORDED, SCHEMA_VERSION

if TYPE_CHECKING:
    from rich.console import RenderableType

DOCUMENT_SCHEMA = "accordance/results/1"
ROWS_FILE = "results.parquet"
DOCUMENT_FILE = "results.json"
MANIFEST_FILE = "manifest.json"
PAIRS_FOLDER = "pairs"
RUNS_FOLDER = "runs"


def pairs_file(pairing: str, version: str) -> str:
    """Name of the analysis data of one pairing and version inside a run folder."""
    return f"{PAIRS_FOLDER}/{pairing}@{version}.parquet"


def units_file(pairing: str, version: str) -> str:
    """Name of the audit of rows that became units of time, beside their pairs."""
    return f"{PAIRS_FOLDER}/{pairing}@{version}.units.parquet"


def clocks_file(pairing: str, version: str) -> str:
    """Name of the alignment audit of one pairing and version inside a run folder."""
    return f"{PAIRS_FOLDER}/{pairing}@{version}.clocks.parquet"


def lone_file(pairing: str, version: str) -> str:
    """Name of the counts of test rows without a partner, where they are counted and not told."""
    return f"{PAIRS_FOLDER}/{pairing}@{version}.lone.parquet"


class Results:
    """What a run found: a long table of statistics, and the document that says what they mean.

    Attributes:
        rows: One row a statistic, columns as in `studies.schema.COLUMNS`, in the protocol's order.
        document: The content of results.json: study, protocol, decision, accounting, endpoints.
        folder: The run folder, or None for results that were never written.
    """

    def __init__(
        self,
        rows: pl.DataFrame,
        document: Mapping[str, Any],
        *,
        folder: Path | None = None,
        pairs: Mapping[tuple[str, str], pl.DataFrame] | None = None,
        clocks: Mapping[tuple[str, str], pl.DataFrame] | None = None,
    ) -> None:
        self.rows = conform(rows, "the rows of a result")
        self.document = dict(document)
        self.folder = folder
        self._pairs = dict(pairs or {})
        self._clocks = dict(clocks or {})

    @classmethod
    def open(cls, folder: Path | str) -> Results:
        """The results in a run folder.

        Raises:
            UsageError: The folder holds no finished run.
            ContractError: The files follow another schema; it is named.
            IntegrityError: The document is not readable as JSON.
            OutputError: A file cannot be read.
        """
        place = Path(folder)
        document = document_of(place, "run", DOCUMENT_SCHEMA, (DOCUMENT_FILE, ROWS_FILE))
        try:
            rows = pl.read_parquet(place / ROWS_FILE)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise OutputError(f"{place} cannot be read: {error}") from error
        return cls(conform(rows, str(place / ROWS_FILE)), document, folder=place)

    @classmethod
    def latest(cls, study: Path | str) -> Results:
        """The most recent finished run of a study folder.

        Raises:
            UsageError: The study has no finished run.
        """
        runs = finished_runs(Path(study))
        if not runs:
            raise UsageError(f"{study} has no finished run yet; start one with `accordance run {study}`")
        return cls.open(runs[-1])

    @property
    def decision(self) -> str:
        """The study's decision: `met`, `not_met`, `not_evaluable` or `informative`."""
        return str(self.document["decision"])

    @cached_property
    def protocol(self) -> Protocol:
        """The resolved protocol that these results follow."""
        return Protocol.model_validate_json(json.dumps(self.document["protocol"]))

    @property
    def deciding_version(self) -> str:
        """The algorithm version that decides."""
        return str(self.document["deciding_version"])

    @property
    def run_id(self) -> str:
        """Identifier of the run."""
        return str(self.document["run"]["id"])

    def endpoint(self, endpoint: str) -> pl.DataFrame:
        """The rows of one endpoint.

        Raises:
            UsageError: There is no such endpoint; the message lists those there are.
        """
        found = self.rows.filter(pl.col("endpoint") == endpoint)
        if found.is_empty():
            names = ", ".join(self.rows["endpoint"].unique(maintain_order=True).to_list())
            raise UsageError(f"there is no endpoint `{endpoint}` in these results; there are: {names}")
        return found

    def row(self, row_id: str) -> dict[str, Any]:
        """One row by its id, or by the first digits of it where they are enough.

        Raises:
            UsageError: No row, or more than one, begins with these digits.
        """
        found = self.rows.filter(pl.col("row_id").str.starts_with(row_id))
        if not row_id or found.height != 1:
            what = "no row" if found.is_empty() else f"{found.height} rows"
            raise UsageError(f"{what} with an id that begins with `{row_id}`")
        return found.row(0, named=True)

    def pairs(self, pairing: str, version: str) -> pl.DataFrame:
        """The audited pairs of one pairing and version: every row of both tables, each with its reason code.

        Raises:
            UsageError: There are none in these results.
        """
        key = (pairing, version)
        if key not in self._pairs:
            path = None if self.folder is None else self.folder / pairs_file(pairing, version)
            if path is None or not path.is_file():
                raise UsageError(
                    f"these results hold no pairs of pairing `{pairing}` and version `{version}`"
                )
            self._pairs[key] = pl.read_parquet(path)
        return self._pairs[key]

    def clocks(self, pairing: str, version: str) -> pl.DataFrame | None:
        """The alignment audit of one pairing and version, one row a session; None where there is none."""
        key = (pairing, version)
        path = None if self.folder is None else self.folder / clocks_file(pairing, version)
        if key not in self._clocks and path is not None and path.is_file():
            self._clocks[key] = pl.read_parquet(path)
        return self._clocks.get(key)

    def slice(self, row_id: str) -> pl.DataFrame:
        """The exact analysed rows behind one results row."""
        from .slices import rows_behind  # noqa: PLC0415 - slices read what results hold, not the reverse

        return rows_behind(self, self.row(row_id))

    def deciding(self) -> list[dict[str, Any]]:
        """The rows that take part in the decision, in order."""
        version = self.deciding_version
        return [row for row in self.rows.iter_rows(named=True) if decides(row, version)]

    def overview(self) -> list[dict[str, Any]]:
        """One row an endpoint: the deciding version, the primary view, the statistic that counts."""
        return [row for entry in self.document["endpoints"] if (row := self._headline(entry)) is not None]

    def _headline(self, entry: Mapping[str, Any]) -> dict[str, Any] | None:
        row_id = entry.get("row_id")
        return self.row(row_id) if row_id else None

    def __repr__(self) -> str:
        study = self.document["study"].get("id", "")
        return f"<Results of {study}: {self.document['decision_words']}; {self.rows.height} rows>"

    def __rich__(self) -> RenderableType:
        """A table for terminals and notebooks."""
        from rich.console import Group  # noqa: PLC0415 - only where something is shown
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        table = Table(title=str(self.document["study"].get("title", "")), title_justify="left")
        for name in _OVERVIEW:
            table.add_column(name, justify="right" if name in _RIGHT else "left", no_wrap=name != "decision")
        for row in self.overview():
            table.add_row(*(Text(cell) for cell in _cells(row)))
        return Group(Text(str(self.document["decision_words"]), style="bold"), table)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(name)}</th>" for name in _OVERVIEW)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in _cells(row)) + "</tr>"
            for row in self.overview()
        )
        words_ = escape(str(self.document["decision_words"]))
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f"<p><strong>{words_}</strong></p>{table}"


_OVERVIEW = ("endpoint", "statistic", "n", "estimate", "interval", "criterion", "decision")
_RIGHT = {"n", "estimate", "interval"}


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    events = "" if row["n_events"] is None else f"{row['n_events']:,}/"
    return (
        row["endpoint"],
        row["statistic"],
        f"{events}{row['n_units']:,}" if row["n_units"] is not None else "",
        number(row["estimate"]),
        interval_text(row),
        row["criterion"] or "",
        words(row),
    )


def number(value: float | None) -> str:
    """A number for a first look, four decimals or four significant digits; files keep full precision.

    Example:
        >>> number(38.765136), number(0.00001234), number(None)
        ('38.7651', '1.234e-05', '')
    """
    if value is None or math.isnan(value):
        return ""
    return f"{value:.4g}" if value != 0 and abs(value) < 1e-3 else f"{value:,.4f}"


def interval_text(row: Mapping[str, Any]) -> str:
    """The interval of a row for a first look.

    Example:
        >>> interval_text({"ci_lower": 0.9, "ci_upper": None, "ci_sides": "lower"})
        'from 0.9000'
    """
    lower, upper = number(row["ci_lower"]), number(row["ci_upper"])
    if lower and upper:
        return f"{lower} to {upper}"
    return f"from {lower}" if lower else f"up to {upper}" if upper else ""


def frame(rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Result rows as the long table."""
    return pl.DataFrame(list(rows), schema=COLUMNS, strict=True)


def conform(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """A table of rows, refused by name where it follows another schema.

    Raises:
        ContractError: Unknown or absent columns, another type, or another schema version; all at once.
    """
    rows = _from_older(rows)
    violations = [
        Violation("unknown column", file=name, key=column) for column in rows.columns if column not in COLUMNS
    ]
    for column, dtype in COLUMNS.items():
        if column not in rows.columns:
            violations.append(Violation("column is absent", file=name, key=column))
        elif rows.schema[column] != dtype:
            found = str(rows.schema[column])
            violations.append(
                Violation(f"column has type {found}, not {dtype}", file=name, key=column, found=found)
            )
    versions = rows["schema_version"].unique().to_list() if "schema_version" in rows.columns else []
    for version in versions:
        if version != SCHEMA_VERSION:
            message = (
                f"rows follow version {version} of the results schema; this version reads {SCHEMA_VERSION}"
            )
            violations.append(Violation(message, file=name, key="schema_version", found=str(version)))
    if violations:
        raise ContractError(violations, f"{name} is not a results table that this version reads")
    return rows.select(list(COLUMNS))


def _from_older(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows written before `otherwise` (1) or `contrast` (2) was a column; all others as they are."""
    if "contrast" in rows.columns or "schema_version" not in rows.columns:
        return rows
    (version, *others) = rows["schema_version"].unique().to_list() or [SCHEMA_VERSION]
    if others or version not in {1, 2}:
        return rows
    if version == 1 and "otherwise" not in rows.columns:
        rows = rows.with_columns(pl.lit(None, dtype=pl.String).alias("otherwise"))
    return rows.with_columns(
        pl.lit(SCHEMA_VERSION, dtype=pl.Int64).alias("schema_version"), pl.lit(NOT_RECORDED).alias("contrast")
    )


def finished_runs(study: Path) -> list[Path]:
    """The finished runs of a study (or of a folder of runs), oldest first; partial ones never appear."""
    folder = study / RUNS_FOLDER if (study / RUNS_FOLDER).is_dir() else study
    return finished(folder, (MANIFEST_FILE, DOCUMENT_FILE, ROWS_FILE))
