"""What a study must be, and how its gaps are dealt with: requirements, missing data, estimands, families."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .base import Identifier, Model, Text, Tier, Where

Counted = Literal["subjects", "pairs", "references"]
Bound = float | Literal["required"]
Handling = Literal["complete_case", "worst_case", "best_case", "multiple_imputation"]
Share = Annotated[float, Field(ge=0, le=1)]


class Requirement(Model):
    """What the study must be for its result to count. One of `count`, `share` and `covers`.

    A requirement that is not met makes every deciding result `not_evaluable`; what would have been decided
    is printed beside it.
    """

    title: Text | None = None
    """Words for the report."""
    count: Counted | None = Field(
        default=None,
        description="Number of subjects, pairs, or reference rows (paired or not) of the population.",
    )
    share: Counted | None = Field(default=None, description="Share of them, from 0 to 1.")
    where: Where | None = Field(default=None, description="Those that count. Default: all.")
    each: str | None = Field(
        default=None,
        description="Column: the requirement holds for every one of its levels or bands. `subject`: for "
        "every subject.",
    )
    bands: tuple[float, ...] | Literal["required"] | None = Field(
        default=None, description="Edges of half-open bands [a, b) of `each`; the last band includes its end."
    )
    levels: tuple[str, ...] | None = Field(
        default=None, description="Levels of `each` that have to be there. Default: the declared ones."
    )
    covers: str | None = Field(
        default=None, description="Column whose smallest and largest value have to span `range`."
    )
    range: tuple[float, float] | Literal["required"] | None = Field(
        default=None,
        description="With `covers`: smallest value at or below the first, largest at or above the second.",
    )
    at_least: Bound | None = None
    """Not below this number."""
    at_least_share: Share | None = Field(
        default=None, description="With `count`: nor below this share of all of them; the larger one holds."
    )
    above: Bound | None = None
    """Above this number."""
    at_most: Bound | None = None
    """Not above this number."""
    equals: Bound | None = None
    """Exactly this number."""
    population: Identifier | None = Field(
        default=None, description="Analysis set. Default: that of the first deciding endpoint."
    )
    pairing: Identifier | None = Field(
        default=None, description="Default: that of the first deciding endpoint."
    )
    endpoints: tuple[Identifier, ...] | None = Field(
        default=None, description="Endpoints that rest on it. Default: all that decide."
    )
    tier: Tier = "study"
    """How sure the source of the number is."""
    source: Text | None = None
    """Where it comes from."""


class Imputation(Model):
    """Multiple imputation by chained equations with predictive mean matching (statsmodels)."""

    imputations: Annotated[int, Field(ge=5, le=200)] = 20
    """Number of completed data sets."""
    predictors: tuple[str, ...] = Field(
        default=(), description="Columns that predict what is missing, beside the reference."
    )


class Missing(Model):
    """What happens to units without a test output or without a reference. Declared before data are seen."""

    primary: Handling = Field(
        default="complete_case", description="How they enter the analysis that decides."
    )
    sensitivity: tuple[
        Literal["complete_case", "worst_case", "best_case", "multiple_imputation", "tipping_point"], ...
    ] = Field(
        default=("worst_case", "best_case", "tipping_point"),
        description="Analyses beside it, for deciding endpoints.",
    )
    rationale: Text | None = None
    """Why, for the report."""
    imputation: Imputation = Imputation()
    """How multiple imputation is done."""


class Verification(Model):
    """Weights where only some units were verified by the reference, chosen by the test's output.

    Each verified unit stands for all units of its stratum: the test's output, and the columns of `within`.
    """

    within: tuple[str, ...] = Field(
        default=(), description="Columns that, with the test's output, decided who was verified."
    )


class IntercurrentEvent(Model):
    """Something that happens and changes what is measured or whether (ICH E9(R1))."""

    strategy: Literal[
        "treatment_policy", "composite", "hypothetical", "while_on_treatment", "principal_stratum"
    ]
    """Strategy of ICH E9(R1)."""
    handling: Text
    """What is done with such units, in words."""


class Estimand(Model):
    """What is estimated, by the attributes of ICH E9(R1)."""

    population: Text
    """Whom the statement is about."""
    condition: Text
    """What they are subject to: the use of the device (E9's treatment)."""
    variable: Text
    """What is determined on each unit."""
    intercurrent_events: dict[Identifier, IntercurrentEvent] = Field(default_factory=dict)
    """Events and their strategies."""
    summary: Text
    """The measure over the population."""


class Family(Model):
    """Hypotheses that share an error rate."""

    title: Text | None = None
    """Words for the report."""
    endpoints: tuple[Identifier, ...]
    """In order, where the procedure has an order."""
    procedure: Literal["co_primary", "bonferroni", "holm", "hochberg", "fixed_sequence", "graphical"]
    """`co_primary`: all have to be met, each at the full alpha."""
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.025
    """One-sided error rate of the family."""
    weights: dict[Identifier, Share] = Field(
        default_factory=dict, description="graphical: share of alpha that each endpoint starts with."
    )
    transitions: dict[Identifier, dict[Identifier, Share]] = Field(
        default_factory=dict,
        description="graphical: share of an endpoint's alpha that goes to each other once it is met.",
    )
    after: Identifier | None = Field(
        default=None, description="Family that has to be met as a whole before this one is tested."
    )


class Disparity(Model):
    """Differences of the metric between groups of subjects, each pair with its interval."""

    between: Identifier
    """A declared subgroup: its levels are the groups."""
    contrast: Literal["difference", "ratio"] = "difference"
    """Later group minus, or over, the earlier one."""
    simultaneous: Literal["none", "bonferroni", "max_t"] = Field(
        default="max_t",
        description="How the pairs' intervals keep their level together; `max_t`: by the shared bootstrap.",
    )
    minimum: Annotated[int, Field(ge=2)] = Field(
        default=5,
        description="Fewest subjects of a group that is compared; smaller ones are shown with their n.",
    )


class SampleSize(Model):
    """The reasoning behind the size of the study, for one endpoint; `plan` computes it."""

    endpoint: Identifier
    """The endpoint it is about."""
    method: Literal["performance_goal", "proportion_precision", "limits_precision", "rmse_precision"]
    """`performance_goal`: exact binomial power against the criterion's limit."""
    expected: float | None = Field(default=None, description="Expected proportion, or expected bias.")
    sd: float | None = Field(default=None, description="Expected standard deviation of differences.")
    power: Annotated[float, Field(gt=0.5, lt=1)] = 0.8
    """Wanted power."""
    half_width: float | None = Field(default=None, description="Wanted half-width of the interval.")
    units_per_subject: Annotated[int, Field(ge=1)] = 1
    """Units of each subject."""
    icc: Share = 0.0
    """How alike the units of a subject are."""
    prevalence: Annotated[float, Field(gt=0, le=1)] = Field(
        default=1.0, description="Share of enrolled subjects that count for the endpoint."
    )
    inconclusive: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Expected share of units without a result."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Expected share of subjects who are lost."""
    planned: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Subjects the study plans to enrol for this endpoint."
    )
    rationale: Text | None = None
    """Why these expectations, for the report."""


class Reads(Model):
    """Truth by readers: where their single readings stand, and how they become the reference."""

    table: Identifier = "reads"
    """Table with one row a reading."""
    unit: tuple[Identifier, ...]
    """Columns that together name what was read."""
    reader: Identifier = "reader"
    """Column that names the reader."""
    value: Identifier
    """Column with the reading."""
    adjudicated: Identifier | None = Field(
        default=None,
        description="Boolean column: the reading is an adjudicator's, not one of the first readers'.",
    )
    rule: Text
    """How readings become the reference, in words."""


class Sites(Model):
    """Results by site, whether sites may be pooled, and the result without each of them."""

    by: Identifier = "site"
    """Column of `subjects`."""
    poolability_level: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.10, description="A p value below this is called out: sites may differ."
    )
    leave_one_out: bool = True
    """Whether each deciding endpoint is also estimated without each site."""
