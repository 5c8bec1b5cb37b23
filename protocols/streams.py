"""Streams in the protocol language: units of time that both sides are brought to, and clocks that differ."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from .base import Identifier, Model, Quantity, Text


class Measured(Model):
    """A number that the data do not have: what the rows of a unit of time amount to."""

    of: Identifier
    """Column of the same table whose rows are measured."""
    name: Identifier
    """Name of the measure, such as `rmssd`."""
    classes: dict[Text, Text] = Field(
        default_factory=dict,
        description="What each level of a category is to the measure. Default: levels that are called like "
        "its classes are these.",
    )
    parameters: dict[Identifier, Any] = Field(default_factory=dict)
    """Options of the measure."""


class Reduction(Model):
    """How the rows of one side become one value a unit of time."""

    numbers: Literal["mean", "median", "time_weighted", "beat_weighted"] = Field(
        default="mean",
        description="`mean`: every row counts the same. `time_weighted`: by the time it stands for (of rates "
        "between beats: beats over time). `beat_weighted`: of rates, by the beats it stands for, the rate "
        "times its time. `median`: the middle row.",
    )
    categories: Literal["majority", "uniform"] = Field(
        default="majority",
        description="`majority`: the level with most time, of equals the first one declared. `uniform`: the "
        "level that all rows have, or none.",
    )
    min_coverage: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.5,
        description="Smallest share of the unit's time that rows with a value have to cover. Below it the "
        "unit has no value: reason code `low_coverage_reference` or `low_coverage_test`.",
    )
    unscored: Literal["counts", "ignored"] = Field(
        default="counts",
        description="Levels that are no result (`indeterminate`). `counts`: they may be the majority. "
        "`ignored`: the majority of the scored rows, as far as they cover the unit.",
    )


class Within(Model):
    """The stretches of time that count, such as lights off to lights on: one row of a table each."""

    table: Identifier
    """Table with one row a stretch; columns that it shares with the pairing's `on` must be equal."""
    start: Identifier
    """Column with the first moment."""
    end: Identifier
    """Column with the first moment after it."""


class Unit(Model):
    """The unit of time that both sides are brought to before they are paired by key."""

    length: Quantity | None = Field(
        default=None,
        description="windows, epochs: length of a unit, such as `30 s`. Sessions have their own.",
    )
    origin: Literal["clock", "session"] | None = Field(
        default=None,
        description="`clock`: units start at whole multiples of their length since midnight UTC of 1970 (or "
        "since zero). `session`: at the start of `within`, or at the session's first reference row. Default: "
        "windows `clock`, epochs `session`.",
    )
    place: Literal["start", "middle"] | None = Field(
        default=None,
        description="Which point of the time that a row stands for decides its unit. Rows that stand for "
        "more than a unit are held: they count in every unit whose point they hold. Default: windows and "
        "sessions `start`, epochs `middle`.",
    )
    partial: Literal["counted", "kept"] = Field(
        default="counted",
        description="A unit cut off by an end of `within`, or (`origin: session`) of the recording. "
        "`counted`: reason code `partial_unit`. `kept`: with the time that it has.",
    )
    within: Within | None = None
    """Stretches of time that count. Rows outside of them are counted and enter nothing."""
    reference: Reduction = Reduction()
    """How reference rows become one value."""
    test: Reduction = Reduction()
    """How test rows become one value."""


class Tipping(Model):
    """At which further clock error an endpoint's decision would change."""

    up_to: Quantity
    """Largest error that is tried, both ways."""
    step: Quantity
    """Distance between the errors tried."""


class Alignment(Model):
    """How the test device's clock is held against the reference's, session by session (`on` columns)."""

    by: Literal["signals", "events"] = Field(
        default="signals",
        description="`signals`: the lag at which the two signals agree best. `events`: moments that both "
        "devices have marked.",
    )
    reference: Identifier
    """Number column of the reference table (`signals`), or category column that marks events (`events`)."""
    test: Identifier
    """The same of the test table."""
    events: tuple[str, ...] = Field(
        default=(), description="events: levels that are events; each is matched with the same level."
    )
    search: Quantity
    """Largest offset looked for, both ways. An estimate at this boundary counts as none."""
    step: Quantity | None = Field(
        default=None, description="signals: grid on which both are laid. Default: 1 s."
    )
    drift: Literal["none", "linear"] = Field(
        default="none", description="`linear`: the clocks' rates differ, too."
    )
    apply: bool = Field(
        default=False,
        description="true: test times are corrected by the estimate before rows are paired. It is estimated "
        "and reported in any case.",
    )
    unresolved: Literal["as_is", "excluded"] = Field(
        default="as_is",
        description="Sessions whose clock could not be estimated: paired uncorrected, or left out with "
        "reason code `clock_unresolved`.",
    )
    tipping: Tipping | None = None
    """Recompute deciding endpoints with further clock errors."""
