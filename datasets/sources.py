"""Where a table's rows come from, as a study declares it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..protocols.model import Identifier, Model, Quantity, Text

AS_RECORDED = "as_recorded"
"""What `units` says of a column whose unit each file or record names itself."""


class Reading(Model):
    """What is read of files that hold more than one table: recordings, annotations, health records."""

    rows: Literal["signals", "annotations", "epochs", "beats"] | None = Field(
        default=None,
        description="EDF, WFDB: what becomes rows. `signals`: one row a sample. `annotations`: one row each. "
        "`epochs` (EDF): annotations with a duration, one row an epoch. `beats` (WFDB): annotations that are "
        "beats, with the time since the beat before. Default: `signals`.",
    )
    annotator: Text | None = Field(
        default=None,
        description="WFDB annotations, beats: ending of the annotation file beside the header (`atr`).",
    )
    normal: tuple[Text, ...] = Field(
        default=(),
        description="WFDB beats: symbols between which an interval counts, such as `[N, L, R]`; other "
        "intervals are empty. Default: every interval between two beats counts.",
    )
    epoch: Quantity | None = Field(
        default=None, description="EDF epochs: their length, such as `30 s`. Annotations are multiples of it."
    )
    labels: dict[str, str] = Field(
        default_factory=dict,
        description="EDF annotations, epochs: text -> label, such as `Sleep stage W: wake`. Default: the "
        "texts as they are.",
    )
    other_texts: Literal["refused", "left_out"] = Field(
        default="refused", description="Annotations whose text is not among `labels`."
    )
    types: tuple[Text, ...] = Field(
        default=(),
        description="Apple Health: record types, such as `HKQuantityTypeIdentifierHeartRate`. Open mHealth: "
        "names of schemas, such as `heart-rate`.",
    )
    encoding: Literal["utf-8", "latin-1", "windows-1252"] = Field(
        default="utf-8",
        description="Encoding of annotation texts and SAS text where the file is not in the one its "
        "standard demands.",
    )


class Source(Model):
    """Where one table's rows come from. Exactly one of `file`, `glob`, `folder`, `sql`, `physionet`.

    Paths are relative to the study folder, absolute, or addresses in an object store (`s3://bucket/x.parquet`)
    or tracker (`mlflow://RUN_ID/x.parquet`), and must lie under a declared root.
    """

    file: Text | None = None
    """One file."""
    glob: Text | None = None
    """Files by a pattern, such as `data/device/*.parquet`, read as one table."""
    folder: Text | None = None
    """All files of one format below a folder, read as one table."""
    sql: Text | None = Field(
        default=None, description="A DuckDB SELECT; relative paths in it start at the study folder."
    )
    database: Text | None = Field(
        default=None, description="DuckDB database file that `sql` runs in, read-only."
    )
    physionet: Text | None = Field(
        default=None,
        description="A WFDB record of PhysioNet by project, version and name, such as `mitdb/1.0.0/100`; "
        "downloaded whenever it is read.",
    )
    format: Text | None = Field(
        default=None,
        description="`csv`, `parquet`, `edf` (EDF+ and BDF, too), `wfdb`, `sas` (XPT, sas7bdat), "
        "`apple_health`, `open_mhealth` (IEEE 1752), or that of a plug-in. Default: by the file's ending; a "
        "folder is searched for CSV and Parquet.",
    )
    reader: Reading | None = None
    """What is read of files that hold more than one table."""
    from_path: Text | None = Field(
        default=None,
        description="Pattern of the files' paths (or names); what stands in braces becomes a column, such as "
        "`{subject}_{night}.edf`.",
    )
    constants: dict[Identifier, Text] = Field(
        default_factory=dict,
        description="Columns with one value in every row, such as `subject: '001'`.",
    )
    columns: dict[Identifier, Text] = Field(
        default_factory=dict, description="Contract column -> name in the data, where they differ."
    )
    units: dict[Identifier, Text] = Field(
        default_factory=dict,
        description="Contract column -> unit in the data, where it differs from the contract's. "
        "`as_recorded`: each file or record names its own, and each is converted by its declared rule.",
    )
    zone: Text | None = Field(
        default=None,
        description="Zone of date-times that carry no offset, such as `Europe/Berlin`; they become instants "
        "in UTC.",
    )
    ambiguous: Literal["refused", "earliest", "latest", "in_order"] = Field(
        default="refused",
        description="Times that occur twice because the clocks went back. `in_order`: told from the order of "
        "a session's rows, which has to show both hours.",
    )
    nonexistent: Literal["refused", "shift"] = Field(
        default="refused",
        description="Times that do not occur because the clocks went forward. `shift`: they are moved "
        "forward by the gap.",
    )
    wraps: dict[Identifier, Annotated[float, Field(gt=1)]] = Field(
        default_factory=dict,
        description="Contract column -> how many values its counter has before it begins again, such as "
        "65536. It is counted on in file order within a session.",
    )
    mixed_scales: tuple[Identifier, ...] = Field(
        default=(),
        description="Contract columns whose values truly lie on another scale in some files, and are not to "
        "be taken for a change of unit.",
    )
