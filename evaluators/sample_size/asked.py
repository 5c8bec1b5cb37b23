"""Checks of what is asked, all objections at once, and the search for the smallest number that suffices."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from scipy import optimize

from ..checks import ParameterError
from ..metric import CannotComputeError

LARGEST = 1_000_000
"""The largest number of subjects that is searched; a study that needs more is not planned by formula."""


class Asked:
    """Objections to the parameters of one calculation, raised together."""

    def __init__(self) -> None:
        self._objections: list[str] = []

    def that(self, holds: bool, otherwise: str) -> None:
        """Note an objection unless something holds."""
        if not holds:
            self._objections.append(otherwise)

    def number(
        self,
        name: str,
        value: Any,
        *,
        above: float = -np.inf,
        below: float = np.inf,
        least: float = -np.inf,
        most: float = np.inf,
    ) -> None:
        """A finite number within bounds: `above` and `below` are exclusive, `least` and `most` inclusive."""
        words = [
            f"{word} {bound:g}"
            for word, bound in (
                ("above", above), ("at least", least), ("below", below), ("at most", most)
            )
            if np.isfinite(bound)
        ]  # fmt: skip
        wanted = " and ".join(words) or "finite"
        fits = _is_number(value) and above < value < below and least <= value <= most
        self.that(fits, f"`{name}` must be a number {wanted}, not {value!r}.")

    def share(self, name: str, value: Any) -> None:
        """Strictly between 0 and 1."""
        self.number(name, value, above=0, below=1)

    def whole(self, name: str, value: Any, least: int) -> None:
        """A whole number that is large enough and not above `LARGEST`."""
        fits = _is_number(value) and float(value).is_integer() and least <= value <= LARGEST
        self.that(fits, f"`{name}` must be a whole number from {least} to {LARGEST:,}, not {value!r}.")

    def one_of(self, name: str, value: Any, accepted: Collection[str]) -> None:
        """One of some words."""
        self.that(value in accepted, f"`{name}` is {value!r}; accepted: {', '.join(accepted)}.")

    def level(self, level: Any) -> None:
        """A confidence level."""
        self.number("level", level, above=0.5, below=1)

    def test(self, alpha: Any, sides: Any) -> None:
        """Significance level and sides of a test."""
        self.number("alpha", alpha, above=0, below=0.5)
        self.one_of("sides", sides, ("two", "one"))

    def power_or_n(self, power: Any, n: Any, least: int = 2) -> None:
        """The number of subjects where it is given, or else the power that is wanted."""
        if n is None:
            self.share("power", power)
        else:
            self.whole("n", n, least)

    def half_width_or_n(self, half_width: Any, n: Any, least: int = 2) -> None:
        """Exactly one of both."""
        self.that(
            (half_width is None) != (n is None),
            "Give either `half_width`, to learn the number needed, or `n`, to learn the half-width.",
        )
        if half_width is not None:
            self.number("half_width", half_width, above=0)
        if n is not None:
            self.whole("n", n, least)

    def settle(self) -> None:
        """Raise what was noted.

        Raises:
            ParameterError: There are objections; the message has one a line.
        """
        if self._objections:
            raise ParameterError("\n".join(self._objections))


def _is_number(value: Any) -> bool:
    fits = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    return fits and bool(np.isfinite(value))


def smallest_with_power(
    power_at: Callable[[int], float], power: float, *, least: int = 2, counted: str = "subjects"
) -> int:
    """The smallest number whose power reaches what is wanted, where power grows with the number.

    Raises:
        CannotComputeError: `LARGEST` does not reach it; the message says what that has.
    """
    most = power_at(LARGEST)
    if not most >= power:
        raise CannotComputeError(
            f"More than {LARGEST:,} {counted} would be needed for a power of {power:g}; that number has "
            f"{most:.4g}. Accepted is a power up to that, or a larger distance between what is expected and "
            "what is to be excluded."
        )
    return _smallest(lambda n: power_at(n) >= power, least)


def smallest_with_half_width(
    half_width_at: Callable[[int], float], half_width: float, *, least: int = 2, counted: str = "subjects"
) -> int:
    """The smallest number whose interval is narrow enough, where it narrows with the number.

    Raises:
        CannotComputeError: `LARGEST` is not enough; the message says what half-width that has.
    """
    best = half_width_at(LARGEST)
    if not best <= half_width:
        raise CannotComputeError(
            f"More than {LARGEST:,} {counted} would be needed for a half-width of {half_width:g}; accepted "
            f"is {best:.4g} or more, which that number has."
        )
    return _smallest(lambda n: half_width_at(n) <= half_width, least)


def crossing(value_at: Callable[[float], float], target: float, whole: int, least: float) -> float:
    """The real number at which a smooth function of n reaches its target, between `whole` - 1 and `whole`.

    `whole` itself where the smallest number accepted does already.
    """
    low = max(whole - 1.0, least)
    if low >= whole or (value_at(low) - target) * (value_at(float(whole)) - target) >= 0:
        return float(whole)
    found = optimize.brentq(lambda n: value_at(n) - target, low, float(whole), xtol=1e-12, rtol=1e-14)
    return float(found)


def _smallest(enough: Callable[[int], bool], least: int) -> int:
    if enough(least):
        return least
    below, above = least, min(2 * least, LARGEST)
    while above < LARGEST and not enough(above):
        below, above = above, min(2 * above, LARGEST)
    while above - below > 1:
        middle = (below + above) // 2
        below, above = (below, middle) if enough(middle) else (middle, above)
    return above
