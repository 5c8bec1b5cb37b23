"""What is known of one session's clock: offset, drift, their intervals, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal[
    "resolved", "at_boundary", "no_overlap", "too_little_data", "ambiguous", "flat_signal", "too_long"
]

LEVEL = 0.95
"""Confidence level of all intervals."""
PPM = 1e6
MOST_DRIFT = 500.0
"""Drifts are looked for up to this many parts in a million, both ways; quartz clocks differ by up to 100."""


@dataclass(frozen=True)
class Estimate:
    """The clock of one session: reference time = test time + offset + drift * (test time - middle).

    Attributes:
        status: `resolved`, or why there is no estimate.
        reason: The same in words; empty where resolved.
        n: Grid points with both signals, or events matched, at the estimate.
        share: Share of the reference's grid points or events that these are.
        middle: Test time in seconds at which `offset` holds: where estimates of offset and drift do not
            depend on each other.
        offset: Seconds to add to the test clock, with bounds; None where there is none.
        drift: Parts in a million by which the reference clock runs faster, with bounds; None where none is
            estimated.
        agreement: Correlation of the two signals at the estimate, or share of events matched.
        agreement_at_zero: The same with the clocks as they are.
        second: Offset in seconds of the next best peak, None where there is no other.
        second_agreement: Agreement there.
    """

    status: Status
    reason: str = ""
    n: int = 0
    share: float = 0.0
    middle: float | None = None
    offset: tuple[float, float | None, float | None] | None = None
    drift: tuple[float, float | None, float | None] | None = None
    agreement: float | None = None
    agreement_at_zero: float | None = None
    second: float | None = None
    second_agreement: float | None = None

    @property
    def resolved(self) -> bool:
        """Whether the clock is known."""
        return self.status == "resolved"
