"""A share that keeps its counts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Ratio:
    """Numerator and denominator of a share.

    Example:
        >>> Ratio(1, 3).value, str(Ratio(1, 3)), str(Ratio(0, 0))
        (0.3333333333333333, '33.33% (1/3)', '- (0/0)')
    """

    numerator: int
    denominator: int

    @property
    def value(self) -> float:
        """The share; NaN where there is no denominator."""
        return self.numerator / self.denominator if self.denominator else float("nan")

    @property
    def percent(self) -> float:
        """The share in percent."""
        return 100 * self.value

    def __str__(self) -> str:
        words = f"{self.percent:.2f}%" if self.denominator else "-"
        return f"{words} ({self.numerator:,}/{self.denominator:,})"

    def __add__(self, other: Ratio) -> Ratio:
        return Ratio(self.numerator + other.numerator, self.denominator + other.denominator)
