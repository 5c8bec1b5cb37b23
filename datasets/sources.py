"""Where a table's rows come from, as a study declares it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..protocols.model import Identifier, Model, Text


class Source(Model):
    """Where one table's rows come from. Exactly one of `file`, `glob`, `folder`, `sql`.

    Paths are relative to the study folder and must lie under a declared root.
    """

    file: Text | None = None
    """One file."""
    glob: Text | None = None
    """Files by a pattern, such as `data/device/*.parquet`, read as one table."""
    folder: Text | None = None
    """All CSV or Parquet files below a folder, read as one table."""
    sql: Text | None = Field(
        default=None, description="A DuckDB SELECT; relative paths in it start at the study folder."
    )
    database: Text | None = Field(
        default=None, description="DuckDB database file that `sql` runs in, read-only."
    )
    format: Literal["csv", "parquet"] | None = Field(
        default=None, description="Default: by the file's ending."
    )
    columns: dict[Identifier, Text] = Field(
        default_factory=dict, description="Contract column -> name in the data, where they differ."
    )
    units: dict[Identifier, Text] = Field(
        default_factory=dict,
        description="Contract column -> unit in the data, where it differs from the contract's.",
    )
