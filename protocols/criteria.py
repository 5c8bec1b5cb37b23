"""Acceptance criteria: which number is compared with which limit, and who stands behind the limit."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from .base import Identifier, Model, Text, Tier

REQUIRED: Literal["required"] = "required"
"""Stands for a number that the study has to set: nothing can be locked before it is."""

Limit = float | tuple[float, float]


class TableLimit(Model):
    """A limit that is looked up in a table of a standard, by the value of another statistic of the metric."""

    table: Identifier = Field(description="Name of a limit table, such as `iso81060-2-criterion-2`.")
    by: Identifier = Field(description="Statistic of the same metric whose absolute value is looked up.")


class Confirmation(Model):
    """Somebody has read the limit in the rule itself."""

    by: Text
    """Who has read it."""
    clause: Text
    """Where: document, edition, clause or page."""
    date: Text | None = None
    """When, such as `2026-03-01`."""


class Criterion(Model):
    """The acceptance criterion: which number is compared with which limit."""

    later: ClassVar[frozenset[str]] = frozenset({"suggestion", "absolute", "applies_to", "confirmed"})

    statistic: Identifier | None = Field(
        default=None, description="Default: the metric's headline statistic."
    )
    compare: Literal["point", "lower", "upper", "both"] = Field(
        description="The point estimate, a bound of the interval, or both bounds (with `within`)."
    )
    operator: Literal[">", ">=", "<", "<=", "within"]
    """What the number has to satisfy."""
    limit: float | tuple[float, float] | Literal["required"] | TableLimit = Field(
        description="A number; two numbers with `within`, both ends inclusive; a table of a standard; or "
        "`required`: the study has to set it, and cannot be locked before it does."
    )
    suggestion: float | tuple[float, float] | None = Field(
        default=None, description="With `limit: required`: a number to start from. It decides nothing."
    )
    absolute: bool = Field(
        default=False,
        description="true: the absolute value of the point estimate is compared (`compare: point`).",
    )
    unit: Text | None = None
    """Unit of the limit; must be the unit of the statistic."""
    applies_to: Literal["whole", "each_level"] = Field(
        default="whole",
        description="`each_level`: every combination of levels of the endpoint's `by` has to satisfy it, "
        "instead of all rows together.",
    )
    tier: Tier = Field(
        default="study",
        description="How sure the source of the limit is; `study`: the study's own. What is `unverified` and "
        "not `confirmed` informs and does not decide.",
    )
    confirmed: Confirmation | None = Field(
        default=None, description="Who has read an `unverified` or `secondary` limit in the rule, and where."
    )
    source: Text | None = None
    """Where the limit comes from."""
    rationale: Text | None = None
    """Why this limit, for the report."""

    @property
    def is_open(self) -> bool:
        """Whether the study still has to set the limit."""
        return self.limit == REQUIRED

    @property
    def trusted(self) -> bool:
        """Whether the limit may decide: not from memory, or confirmed by somebody who read the rule."""
        return self.tier != "unverified" or self.confirmed is not None


class Criteria(Model):
    """Several criteria on the statistics of one endpoint. One of `all_of` and `any_of`."""

    all_of: tuple[Criterion, ...] | None = None
    """The endpoint is met when every one of these is met."""
    any_of: tuple[Criterion, ...] | None = None
    """The endpoint is met when at least one of these is met."""

    @property
    def parts(self) -> tuple[Criterion, ...]:
        """The criteria in the order written."""
        return self.all_of or self.any_of or ()


def fixed_limit(criterion: Criterion) -> Limit:
    """The limit as one number or two.

    Raises:
        ValueError: It is looked up in a table, or the study has to set it.

    Example:
        >>> fixed_limit(Criterion(compare="lower", operator=">", limit=0.9))
        0.9
    """
    if isinstance(criterion.limit, float | int | tuple):
        return criterion.limit
    raise ValueError("the limit is no number yet: it is looked up in a table, or `required`")
