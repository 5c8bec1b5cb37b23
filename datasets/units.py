"""Units: conversions that a protocol declares, and the exact units of time.

Nothing converts by guesswork. A measurement changes its unit only by a `conversions` entry of the protocol,
in the direction it is written; units of time are exact by definition and need no entry where a tolerance is
compared.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ..protocols.errors import Violation, nearest
from ..protocols.model import Conversion

MICROSECONDS: dict[str, int] = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "min": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
}
"""Units of time and how many microseconds each has."""

SUBUNITS = 1_000_000
"""Steps into which one unit of any other scale (samples, epochs) is divided before distances are compared."""


def find(conversions: Sequence[Conversion], from_unit: str, to_unit: str) -> Conversion | None:
    """The declared rule from one unit to another, or None. Rules are not inverted and not chained."""
    for rule in conversions:
        if rule.from_ == from_unit and rule.to == to_unit:
            return rule
    return None


def convert(value: pl.Expr, rule: Conversion) -> pl.Expr:
    """The value in the rule's target unit: value * factor + offset."""
    return value * rule.factor + rule.offset


def no_rule(
    conversions: Sequence[Conversion], from_unit: str, to_unit: str, *, file: str | None, key: str
) -> Violation:
    """What is said when data come in a unit that no declared rule converts."""
    declared = "; ".join(f"`{rule.from_}` to `{rule.to}`" for rule in conversions) or "none"
    sources = [rule.from_ for rule in conversions if rule.to == to_unit]
    return Violation(
        f"no declared conversion from `{from_unit}` to `{to_unit}`, the unit of the contract. "
        f"Declared conversions: {declared}.",
        file=file,
        key=key,
        found=from_unit,
        suggestion=nearest(from_unit, [*sources, to_unit]),
    )


def step(unit: str) -> int:
    """Into how many exact steps one unit is divided: microseconds for times, 10^-6 for any other scale.

    Example:
        >>> step("ms"), step("sample")
        (1000, 1000000)
    """
    return MICROSECONDS.get(unit, SUBUNITS)


def comparable(left: str, right: str) -> bool:
    """Whether quantities in these units can be compared: the same unit, or both units of time."""
    return left == right or (left in MICROSECONDS and right in MICROSECONDS)
