"""Limits that a standard gives as a table, read by the value of another statistic."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from .base import Tier


@dataclass(frozen=True)
class LimitTable:
    """One table of limits over equally spaced values.

    Attributes:
        title: Words for the report.
        source: Document, clause and page.
        tier: How sure the transcription is.
        decimals: Decimals that the looked-up value is rounded to, half away from zero.
        values: Limit at 0, one step, two steps, ... of 10 ** -decimals.
        unit: Unit of the looked-up value and of the limits.
    """

    title: str
    source: str
    tier: Tier
    decimals: int
    values: tuple[float, ...]
    unit: str

    def limit(self, value: float) -> float | None:
        """The limit at the absolute value; None beyond the table's end, where nothing is accepted.

        Example:
            >>> TABLES["iso81060-2-criterion-2"].limit(-4.2)
            5.49
            >>> TABLES["iso81060-2-criterion-2"].limit(5.05) is None
            True
        """
        step = math.floor(abs(value) * 10**self.decimals + 0.5 + 1e-9)
        return self.values[step] if step < len(self.values) else None


TABLES: Mapping[str, LimitTable] = {
    "iso81060-2-criterion-2": LimitTable(
        title="Largest standard deviation of the subjects' mean errors, by the mean error",
        source="ISO 81060-2:2018, 5.2.4.1.2 b), table 1, as reported by others; confirm against the standard",
        tier="secondary",
        decimals=1,
        values=(
            6.95, 6.95, 6.95, 6.95, 6.93, 6.92, 6.91, 6.90, 6.89, 6.88,
            6.87, 6.86, 6.84, 6.82, 6.80, 6.78, 6.76, 6.73, 6.71, 6.68,
            6.65, 6.62, 6.58, 6.55, 6.51, 6.47, 6.43, 6.39, 6.34, 6.30,
            6.25, 6.20, 6.14, 6.09, 6.03, 5.97, 5.89, 5.83, 5.77, 5.70,
            5.64, 5.56, 5.49, 5.41, 5.33, 5.25, 5.16, 5.08, 5.01, 4.90,
            4.79,
        ),
        unit="mmHg",
    ),
}  # fmt: skip
"""Name -> table. Of ISO 81060-2, the formula Phi((10-m)/s) - Phi((-10-m)/s) = 0.85 comes within 0.024 mmHg of
the cells and is not what the standard asks for."""
