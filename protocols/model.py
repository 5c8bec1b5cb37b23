"""The protocol as typed, frozen models: what YAML is parsed into and what every later room reads.

Mappings (tables, pairings, populations, endpoints, ...) are keyed by identifier and keep their written order.
`None` in a field means "not said"; `protocols.resolve` writes every default out, so a resolved protocol says
all.
The language is extended by adding fields and blocks whose defaults mean what silence meant before.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

SCHEMA = "accordance/protocol/1"

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=64)]
Text = Annotated[str, StringConstraints(min_length=1)]
Scalar = str | int | float | bool

ColumnType = Literal["text", "number", "integer", "boolean", "category", "datetime", "date"]
Role = Literal["primary", "co_primary", "key_secondary", "secondary", "exploratory", "supportive"]
DECIDING: tuple[Role, ...] = ("primary", "co_primary")
View = Literal["classifiable_only", "as_positive", "as_negative"]
Tier = Literal["study", "primary", "secondary", "unverified"]


class Model(BaseModel):
    """Base: unknown keys are errors, nothing is coerced silently, nothing changes after parsing."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)

    shorthand: ClassVar[str | None] = None
    """Key that a bare value or list in YAML stands for; None: only a mapping is accepted."""


class Standard(Model):
    """A standard, regulation or guidance the protocol follows."""

    name: Text
    """Name, with the edition."""
    clause: Text | None = None
    """Clause or page."""
    note: Text | None = None
    """What the protocol takes from it."""


class Column(Model):
    """One column of a table: its type, unit, accepted values."""

    type: ColumnType
    """Type of the values. `text` stays as written: `007` is not 7."""
    title: Text | None = None
    """Words for the report."""
    unit: Text | None = None
    """Unit of the values."""
    range: tuple[float | None, float | None] | None = Field(
        default=None,
        description="Smallest and largest accepted value, both included; null: open.",
    )
    levels: tuple[str, ...] | None = Field(
        default=None, description="Accepted values of a category, in order."
    )
    indeterminate: tuple[str, ...] = Field(
        default=(),
        description="Levels that are no result (inconclusive, poor signal): reason code `indeterminate`.",
    )
    required: bool = Field(default=True, description="false: the column may be absent from the data.")
    missing: Literal["refused", "allowed"] = Field(
        default="refused",
        description="allowed: empty cells are rows without a value, reason code `missing_value`.",
    )


class Table(Model):
    """The data contract of one table: long format, one row an observation."""

    title: Text | None = None
    """What the table holds, for the report."""
    device: Text | None = Field(
        default=None, description="The instrument the rows come from, for the report."
    )
    subject: Identifier = Field(default="subject", description="Column that names the subject.")
    key: tuple[Identifier, ...] = Field(
        description="Columns that together identify a row; duplicates are refused."
    )
    time: Identifier | None = Field(
        default=None, description="Column with the time of the row, for pairing by time."
    )
    exclusion: Identifier | None = Field(
        default=None,
        description="Column holding an exclusion reason code, or empty where the row is included.",
    )
    extra_columns: Literal["refused", "ignored"] = "refused"
    """What happens to columns that the contract does not name."""
    columns: dict[Identifier, Column]
    """Contract of each column."""


class Conversion(Model):
    """A declared rule between two units: to = from * factor + offset."""

    from_: Text = Field(alias="from")
    """Unit in the data."""
    to: Text
    """Unit in the contract."""
    factor: float
    """Multiplied with the value."""
    offset: float = 0.0
    """Added afterwards."""
    source: Text | None = None
    """Where the rule comes from."""


class Quantity(Model):
    """A number with its unit, such as `5 s` (written as text in YAML, or as this mapping)."""

    value: float
    """The number."""
    unit: Text
    """Its unit."""

    @classmethod
    def from_text(cls, text: str) -> Quantity:
        """The quantity written as `5 s`.

        Raises:
            ValueError: The text is not a number followed by a unit.

        Example:
            >>> Quantity.from_text("2.5 min")
            Quantity(value=2.5, unit='min')
        """
        match = re.fullmatch(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^\s\d].*?)\s*", text)
        if match is None:
            raise ValueError("expected a number with its unit, such as `5 s`")
        return cls(value=float(match.group(1)), unit=match.group(2))

    def __str__(self) -> str:
        return f"{self.value:g} {self.unit}"


class Pairing(Model):
    """How a reference row and a test row become one pair. One-to-one and audited."""

    title: Text | None = None
    """Words for the report."""
    reference: Identifier = "reference"
    """Name of the reference table."""
    test: Identifier = "test"
    """Name of the test table."""
    method: Literal["key", "nearest"] = "key"
    """`key`: equal keys. `nearest`: equal keys, and nearest in time."""
    on: tuple[Identifier, ...] | None = Field(
        default=None,
        description="Columns that must be equal. Default: the subject and what is in both tables' keys "
        "(with `nearest`, time aside).",
    )
    tolerance: Quantity | None = Field(
        default=None, description="nearest: largest accepted distance in time."
    )


class Condition(Model):
    """What a column must satisfy. A bare value or list in YAML means `is`."""

    shorthand: ClassVar[str | None] = "is"

    is_: tuple[Scalar, ...] | None = Field(default=None, alias="is")
    """Equal to one of these values."""
    is_not: tuple[Scalar, ...] | None = None
    """Equal to none of these values."""
    at_least: float | None = None
    """Not below this number."""
    above: float | None = None
    """Above this number."""
    at_most: float | None = None
    """Not above this number."""
    below: float | None = None
    """Below this number."""
    missing: bool | None = None
    """true: the cell is empty. false: it is not."""


Where = dict[str, Condition]
"""Column -> condition; all must hold. Names: key and subject columns as they are, `reference.x`, `test.x`."""


class Exclusion(Model):
    """A reason code that may remove rows. Applied before any result is looked at."""

    title: Text
    """The reason in words, for the accounting."""
    table: Identifier | None = Field(default=None, description="Table whose rows `where` speaks of.")
    where: Where | None = Field(default=None, description="Rule; without it the code comes in the data only.")


class Population(Model):
    """An analysis set."""

    title: Text
    """Name of the set, for the report."""
    definition: Text | None = None
    """The set in words."""
    where: Where | None = None
    """Rows that belong to the set. Default: all."""
    exclude: tuple[Identifier, ...] | None = Field(
        default=None, description="Exclusion codes that remove rows from this set. Default: all declared."
    )


class Indeterminate(Model):
    """How outputs that are no result enter the performance figures. All views are always computed."""

    primary_view: View
    """The view that decides."""
    rationale: Text | None = None
    """Why this view, for the report."""


class IntervalSpec(Model):
    """The interval of an endpoint."""

    method: Text | None = Field(
        default=None, description="Applies to every statistic that offers it; the others keep their first."
    )
    methods: dict[Identifier, Text] | None = Field(
        default=None, description="Statistic -> method. A resolved protocol names every statistic's here."
    )
    level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Coverage of the whole interval."""
    sides: Literal["two", "lower", "upper"] = "two"
    """`lower` and `upper`: one-sided, the other end is open."""
    cluster: Literal["subject", "none"] = "subject"
    """`subject`: an interval that takes rows for independent may not decide where a subject has several."""
    cluster_rationale: Text | None = Field(default=None, description="Mandatory with `cluster: none`.")
    degenerate: Literal["not_evaluable", "exact_subject"] = Field(
        default="not_evaluable",
        description="What decides when resampling yields no spread (10 of 10): nothing, or the exact "
        "Clopper-Pearson bound that counts subjects as successes only if all their rows are.",
    )


class Criterion(Model):
    """The acceptance criterion: which number is compared with which limit."""

    statistic: Identifier | None = Field(
        default=None, description="Default: the metric's headline statistic."
    )
    compare: Literal["point", "lower", "upper", "both"] = Field(
        description="The point estimate, a bound of the interval, or both bounds (with `within`)."
    )
    operator: Literal[">", ">=", "<", "<=", "within"]
    """What the number has to satisfy."""
    limit: float | tuple[float, float] = Field(description="Two numbers with `within`, both ends inclusive.")
    unit: Text | None = None
    """Unit of the limit; must be the unit of the statistic."""
    tier: Tier = Field(
        default="study", description="How sure the source of the limit is; `study`: the study's own."
    )
    source: Text | None = None
    """Where the limit comes from."""
    rationale: Text | None = None
    """Why this limit, for the report."""


class Endpoint(Model):
    """One question the study answers with one metric."""

    title: Text
    """The question in words."""
    role: Role
    """Primary and co-primary endpoints decide."""
    metric: Identifier
    """Name of a metric."""
    parameters: dict[Identifier, Any] = Field(default_factory=dict)
    """Options of the metric."""
    pairing: Identifier | None = None
    """Default: the only pairing."""
    reference: Identifier | None = Field(default=None, description="Value column of the reference table.")
    test: Identifier | None = Field(default=None, description="Value column of the test table.")
    positive: tuple[str, ...] | None = Field(
        default=None, description="Levels that count as positive (binary metrics)."
    )
    population: Identifier | None = None
    """Analysis set. Default: the only one, or all rows."""
    where: Where | None = None
    """Rows of the population that this endpoint speaks of."""
    average: Literal["pooled", "subject_mean"] | None = None
    """Mandatory where the metric has both: rows pooled, or the mean of the subjects' own values."""
    by: tuple[str, ...] = ()
    """Columns: one row of results a level, beside the whole."""
    subgroups: tuple[Identifier, ...] | None = Field(
        default=None,
        description="Default: all declared subgroups for deciding endpoints, none for the others.",
    )
    interval: IntervalSpec = IntervalSpec()
    """The interval."""
    criterion: Criterion | None = None
    """Without one, the endpoint is informative."""
    hypothesis: Text | None = None
    """The hypothesis in words, for the report."""


class Subgroup(Model):
    """A declared split: `by`, a subgroup per level; with `bands`, half-open [a, b); or `where`."""

    title: Text | None = None
    """Words for the report."""
    by: str | None = None
    """Column of the split."""
    bands: tuple[float, ...] | None = None
    """Edges of half-open bands of a number."""
    where: Where | None = None
    """Rows that form a subgroup by rule."""


class Resampling(Model):
    """The subject bootstrap, shared by every endpoint and version of a run."""

    replicates: Annotated[int, Field(ge=200, le=200_000)] = 10_000
    """Number of bootstrap replicates."""
    strata: tuple[Identifier, ...] = Field(
        default=(), description="Columns of `subjects` that form the strata."
    )


class Protocol(Model):
    """A whole study protocol."""

    schema_: Literal["accordance/protocol/1"] = Field(alias="schema")
    """Which version of the language this is."""
    id: Identifier
    """Identifier of the protocol."""
    version: Text
    """Version of the protocol, as text: `"1.0"`."""
    title: Text
    """One line for the report's first page."""
    domain: Text | None = None
    """Field of measurement, such as `cardiac rhythm`."""
    intended_use: Text
    """Who uses the device, for what, and when."""
    objective: Text
    """What the study is to show."""
    design: Text | None = None
    """How the study was done, for the report."""
    standards: tuple[Standard, ...] = ()
    """Standards, regulations and guidance that the protocol follows."""
    references: tuple[Text, ...] = ()
    """Literature, as it is to be printed."""
    tables: dict[Identifier, Table]
    """Data contracts: one a table. `subjects` is optional; the others are named by the pairings."""
    conversions: tuple[Conversion, ...] = ()
    """Declared rules between units. A unit is converted by one of these or not at all."""
    pairings: dict[Identifier, Pairing]
    """How reference rows and test rows become pairs."""
    exclusions: dict[Identifier, Exclusion] = Field(default_factory=dict)
    """Reason codes that may remove rows, in order of precedence."""
    populations: dict[Identifier, Population] = Field(default_factory=dict)
    """Analysis sets."""
    indeterminate: Indeterminate | None = None
    """How outputs that are no result enter. Mandatory where a column has `indeterminate` levels."""
    endpoints: dict[Identifier, Endpoint]
    """The questions of the study."""
    subgroups: dict[Identifier, Subgroup] = Field(default_factory=dict)
    """Declared splits."""
    resampling: Resampling = Resampling()
    """The subject bootstrap."""
    seed: Annotated[int, Field(ge=0)] = Field(
        description="Start of the bootstrap's random numbers; any number, fixed before data are seen."
    )
