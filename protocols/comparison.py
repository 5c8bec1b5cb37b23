"""How algorithm versions are compared: endpoints, margins, scale, and one error rate for all of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .base import Identifier, Model, Text

Scale = Literal["difference", "ratio"]
Multiplicity = Literal["none", "bonferroni", "holm", "max_t"]
ComparisonRole = Literal["primary", "secondary"]


class ComparedEndpoint(Model):
    """How two versions are compared on one endpoint."""

    margin: float | None = Field(
        default=None,
        description="Non-inferiority margin: a loss that is still acceptable. In the unit of the statistic "
        "and above 0; on the ratio scale a ratio above 1. Default: none, and only superiority can be shown.",
    )
    statistic: Identifier | None = Field(
        default=None,
        description="Statistic of the endpoint's metric. Default: the one its criterion names, else the "
        "metric's headline.",
    )
    scale: Scale = Field(
        default="difference",
        description="`difference`: candidate - baseline. `ratio`: candidate / baseline, analysed as a "
        "logarithm.",
    )
    role: ComparisonRole = Field(
        default="primary", description="`primary`: counts for the decision. `secondary`: informs."
    )


class VersionComparison(Model):
    """Rules by which versions of the algorithm are compared, fixed before the results are seen."""

    title: Text | None = None
    """Words for the report."""
    level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Confidence level of each two-sided interval; 0.95 decides one-sided at 2.5%."""
    multiplicity: Multiplicity = Field(
        default="max_t",
        description="One error rate for all primary endpoints and candidates together. `max_t`: from the "
        "shared subject weights, knows how endpoints move together. `bonferroni`, `holm`: for any "
        "dependence. `none`: each decides at its own level.",
    )
    endpoints: dict[Identifier, ComparedEndpoint]
    """Endpoint -> how it is compared; also those that are always reported, such as `coverage`."""

    @property
    def primary(self) -> tuple[str, ...]:
        """The endpoints that count for the decision."""
        return tuple(name for name, one in self.endpoints.items() if one.role == "primary")
