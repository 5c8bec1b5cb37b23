"""The protocol as typed, frozen models: what YAML is parsed into and what every later room reads.

Mappings (tables, pairings, populations, endpoints, ...) are keyed by identifier and keep their written order.
`None` in a field means "not said"; `protocols.resolve` writes every default out, so a resolved protocol says
all.
The language is extended by adding fields and blocks whose defaults mean what silence meant before.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from .base import Condition, Identifier, Model, Quantity, Scalar, Text, Tier, Where
from .change_control import ChangeControl
from .comparison import ComparedEndpoint, VersionComparison
from .criteria import Criteria, Criterion
from .events import Event, Matching
from .streams import Alignment, Measured, Unit, Within
from .validity import (
    Disparity,
    Estimand,
    Family,
    Missing,
    Reads,
    Requirement,
    SampleSize,
    Share,
    Sites,
    Verification,
)

__all__ = [
    "DECIDING",
    "SCHEMA",
    "Alignment",
    "Bands",
    "Change",
    "Column",
    "ComparedEndpoint",
    "Condition",
    "Conversion",
    "Criteria",
    "Criterion",
    "Derivation",
    "Endpoint",
    "Exclusion",
    "Identifier",
    "Indeterminate",
    "IntervalSpec",
    "Measured",
    "Model",
    "Pairing",
    "Population",
    "Protocol",
    "Quantity",
    "Resampling",
    "Role",
    "Scalar",
    "Standard",
    "Subgroup",
    "Table",
    "Text",
    "Tier",
    "Unit",
    "VersionComparison",
    "View",
    "Where",
]

SCHEMA = "accordance/protocol/1"

ColumnType = Literal["text", "number", "integer", "boolean", "category", "datetime", "date"]
Role = Literal["primary", "co_primary", "key_secondary", "secondary", "exploratory", "supportive"]
DECIDING: tuple[Role, ...] = ("primary", "co_primary")
View = Literal["classifiable_only", "as_positive", "as_negative"]


class Standard(Model):
    """A standard, regulation or guidance the protocol follows."""

    name: Text
    """Name, with the edition."""
    clause: Text | None = None
    """Clause or page."""
    note: Text | None = None
    """What the protocol takes from it."""


class Bands(Model):
    """How a category is made from a number: half-open bands [a, b), as those of subgroups."""

    column: Identifier
    """Column of the same table."""
    edges: tuple[float, ...]
    """Inner edges, in order: a value at an edge belongs to the band above it. One fewer than the levels."""


class Column(Model):
    """One column of a table: its type, unit, accepted values."""

    later: ClassVar[frozenset[str]] = frozenset({"from_", "measure", "event"})

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
    from_: Bands | None = Field(
        default=None,
        alias="from",
        description="A category that the data do not have: bands of a number of the same table, such as a "
        "severity from an index. Where the number is missing, so is the category.",
    )
    measure: Measured | None = Field(
        default=None,
        description="A number that the data do not have: what the rows of a unit of time amount to, such as "
        "the RMSSD of a window's beats. For pairings by `windows`, `epochs` and `sessions`.",
    )

    event: Event | None = Field(
        default=None,
        description="A category that the data do not have: the class of each event, or that a side has none. "
        "For pairings by `events`.",
    )

    @property
    def made(self) -> bool:
        """Whether the column is made of another one of its table; the data do not have it."""
        return self.from_ is not None or self.measure is not None or self.event is not None


class Table(Model):
    """The data contract of one table: long format, one row an observation."""

    later: ClassVar[frozenset[str]] = frozenset(
        {"required", "interval", "duration", "stamp", "order", "repeated"}
    )

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
    interval: Quantity | None = Field(
        default=None,
        description="Time that one row stands for, where all stand for the same: `1 s` at 1 Hz, `30 s` of a "
        "sleep stage. Coverage is counted with it.",
    )
    duration: Identifier | None = Field(
        default=None,
        description="In place of `interval`: column with the time that each row stands for, such as an RR "
        "interval.",
    )
    stamp: Literal["start", "end"] = Field(
        default="start",
        description="Whether `time` is the start or the end of the time that a row stands for (an RR "
        "interval ends at its beat).",
    )
    order: Literal["any", "sorted"] = Field(
        default="any",
        description="`any`: rows are brought into order before they are paired. `sorted`: rows of a session "
        "(what the key names without its time) that are not in order of time are refused.",
    )
    repeated: Literal["refused", "first", "last"] = Field(
        default="refused",
        description="Rows that repeat a key, such as a second that a logger wrote twice. `first`, `last`: "
        "that row as read is kept, the others are counted.",
    )
    exclusion: Identifier | None = Field(
        default=None,
        description="Column holding an exclusion reason code, or empty where the row is included.",
    )
    required: bool = Field(
        default=True, description="false: the study may have no such data; the report says so."
    )
    extra_columns: Literal["refused", "ignored"] = "refused"
    """What happens to columns that the contract does not name."""
    columns: dict[Identifier, Column]
    """Contract of each column."""

    @property
    def read(self) -> tuple[str, ...]:
        """The columns that the data have to bring; the others are made from them."""
        return tuple(name for name, column in self.columns.items() if not column.made)

    @property
    def of_units(self) -> frozenset[str]:
        """The columns that are there once rows became units of time: measures, and bands of measures."""
        measured = {name for name, column in self.columns.items() if column.measure is not None}
        banded = {
            name
            for name, column in self.columns.items()
            if column.from_ is not None and column.from_.column in measured
        }
        return frozenset(measured | banded)

    @property
    def of_events(self) -> frozenset[str]:
        """The columns that are there once events are matched."""
        return frozenset(name for name, column in self.columns.items() if column.event is not None)


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


class Pairing(Model):
    """How a reference row and a test row become one pair. One-to-one and audited."""

    later: ClassVar[frozenset[str]] = frozenset({"unit", "alignment", "lone_test", "match"})

    title: Text | None = None
    """Words for the report."""
    reference: Identifier = "reference"
    """Name of the reference table."""
    test: Identifier = "test"
    """Name of the test table."""
    method: Literal["key", "nearest", "windows", "epochs", "sessions", "events"] = Field(
        default="key",
        description="`key`: equal keys. `nearest`: equal keys, and nearest in time. `windows`, `epochs`, "
        "`sessions`: both sides are first brought to one row a unit of time (`unit`). `events`: events of "
        "both sides are matched (`match`), and each row is an outcome: matched, missed or extra.",
    )
    on: tuple[Identifier, ...] | None = Field(
        default=None,
        description="Columns that must be equal. Default: the subject and what is in both tables' keys "
        "(with `nearest`, time aside).",
    )
    tolerance: Quantity | None = Field(
        default=None, description="nearest: largest accepted distance in time."
    )
    lone_test: Literal["listed", "counted"] = Field(
        default="listed",
        description="nearest: test rows without a partner. `counted`: by subject and reason, not row by row; "
        "for devices that write far more rows than the reference.",
    )
    unit: Unit | None = None
    """windows, epochs, sessions: the unit of time and how rows become one value of it."""
    alignment: Alignment | None = None
    """How the two clocks are held against each other."""
    match: Matching | None = None
    """events: which events of the two sides belong together."""

    @property
    def stretches(self) -> Within | None:
        """The stretches of time that count, where they are those of a further table."""
        if self.match is not None and self.match.within is not None:
            return self.match.within
        return None if self.unit is None else self.unit.within


class Exclusion(Model):
    """A reason code that may remove rows. Applied before any result is looked at."""

    later: ClassVar[frozenset[str]] = frozenset({"stage"})

    title: Text
    """The reason in words, for the accounting."""
    table: Identifier | None = Field(default=None, description="Table whose rows `where` speaks of.")
    where: Where | None = Field(default=None, description="Rule; without it the code comes in the data only.")
    stage: Literal["eligibility", "reference", "test", "analysis"] | None = Field(
        default=None,
        description="Where in the flow of participants the loss belongs. Default: by its table (`subjects`: "
        "eligibility; reference; test), and `analysis` for rules about pairs.",
    )


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


class Endpoint(Model):
    """One question the study answers with one metric."""

    later: ClassVar[frozenset[str]] = frozenset(
        {"criteria", "columns", "disparity", "verification", "estimand"}
    )

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
    criteria: Criteria | None = None
    """In place of `criterion`: several of them."""
    columns: dict[Identifier, str | tuple[str, ...]] = Field(
        default_factory=dict,
        description="Further columns that the metric takes, by their part in it: a condition, a covariate, "
        "more raters.",
    )
    disparity: Disparity | None = None
    """Differences between groups of subjects. The criterion, if any, then speaks of every pair of groups."""
    verification: Verification | None = None
    """Weights where only some units have a reference."""
    estimand: Estimand | None = None
    """What exactly is estimated (ICH E9(R1))."""
    hypothesis: Text | None = None
    """The hypothesis in words, for the report."""

    @property
    def judged(self) -> tuple[Criterion, ...]:
        """Its criteria: none, the one, or several."""
        if self.criteria is not None:
            return self.criteria.parts
        return () if self.criterion is None else (self.criterion,)


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


class Change(Model):
    """One key in which a protocol differs from the one it extends."""

    key: Text
    """Dotted key."""
    parent: Text | None = None
    """What the parent says; null: nothing."""
    here: Text | None = None
    """What this protocol says; null: nothing."""


class Derivation(Model):
    """The protocol that this one extends. Written by resolving `extends`, never by hand."""

    protocol: Text
    """Identifier of the parent."""
    version: Text
    """Its version."""
    variant: Identifier | None = None
    """Its variant."""
    sha256: Text
    """Hash of the parent's canonical form."""
    changes: tuple[Change, ...] = ()
    """Every key that differs."""


class Protocol(Model):
    """A whole study protocol."""

    later: ClassVar[frozenset[str]] = frozenset(
        {
            "variant",
            "derived_from",
            "unknown_exclusions",
            "requirements",
            "missing",
            "families",
            "reads",
            "sites",
            "intended_population",
            "sample_size",
            "comparison",
            "change_control",
        }
    )

    schema_: Literal["accordance/protocol/1"] = Field(alias="schema")
    """Which version of the language this is."""
    id: Identifier
    """Identifier of the protocol."""
    version: Text
    """Version of the protocol, as text: `"1.0"`."""
    title: Text
    """One line for the report's first page."""
    variant: Identifier | None = None
    """Which of its variants this is."""
    derived_from: Derivation | None = None
    """The protocol this one extends, and what differs."""
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
    unknown_exclusions: Literal["refused", "deviation"] = Field(
        default="refused",
        description="A reason code in the data that is not declared. `refused`: an error. `deviation`: the "
        "row is left out and counted as a protocol deviation, and nothing that rests on it can be met.",
    )
    populations: dict[Identifier, Population] = Field(default_factory=dict)
    """Analysis sets."""
    requirements: dict[Identifier, Requirement] = Field(default_factory=dict)
    """What the study must be for its result to count."""
    indeterminate: Indeterminate | None = None
    """How outputs that are no result enter. Mandatory where a column has `indeterminate` levels."""
    missing: Missing | None = None
    """What happens to units without an output or without a reference."""
    endpoints: dict[Identifier, Endpoint]
    """The questions of the study."""
    families: dict[Identifier, Family] = Field(default_factory=dict)
    """Hypotheses that share an error rate, and in which order families are tested."""
    comparison: VersionComparison | None = None
    """How versions of the algorithm are compared with each other."""
    change_control: ChangeControl | None = None
    """Modifications of the algorithm that are permitted beforehand, and what each must show."""
    subgroups: dict[Identifier, Subgroup] = Field(default_factory=dict)
    """Declared splits."""
    reads: Reads | None = None
    """Truth by readers, for the report."""
    sites: Sites | None = None
    """Results by site."""
    intended_population: dict[Identifier, dict[str, Share]] = Field(
        default_factory=dict,
        description="Column of `subjects` -> level -> share among the intended users, for the report.",
    )
    sample_size: dict[Identifier, SampleSize] = Field(default_factory=dict)
    """The reasoning behind the size of the study."""
    resampling: Resampling = Resampling()
    """The subject bootstrap."""
    seed: Annotated[int, Field(ge=0)] = Field(
        description="Start of the bootstrap's random numbers; any number, fixed before data are seen."
    )
