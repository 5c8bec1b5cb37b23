"""Offset and drift from two signals: the lag at which they agree best, and how sure that is.

First the best whole lag of the session by the correlation of what changes in both signals within minutes.
Then the test signal is laid anew by that clock, and the phase of the two tells what remains, to a small part
of a step. The session's parts say how sure that is: each has a score, the slope of its own agreement at the
common maximum, and parts are independent of each other while the values within one are not. The variance is
the sandwich of those scores (Huber 1967; Liang & Zeger 1986, Biometrika 73:13) with each score enlarged by
its part's leverage; bounds use Student's t with degrees of freedom after Satterthwaite, from how evenly the
parts inform.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from . import parts as parting
from . import phase
from .coarse import coarse
from .estimate import MOST_DRIFT, PPM, Estimate
from .grid import TREND, TREND_ROWS, FloatArray, Laid, changes, lay, points
from .parts import Parts

FEWEST_POINTS = 120
FEWEST_PARTS = 8
"""Grid points and parts with both signals below which nothing is estimated."""
_FEWEST_IN_PART = 10
_USUAL_PARTS, _FEW_PARTS = 40, 10
_SHORTEST_PART, _LONGEST_PART = 100, 1800
_LAYINGS = 4
_NEAR = 0.1
"""The test signal is laid anew until less than this share of a step remains."""
_FLOOR = 0.05
"""Bounds are never nearer than this share of a step: what interpolation between grid points may err by."""

Rows = tuple[FloatArray, FloatArray]
"""Times in seconds, in order, and values."""


def estimate(
    reference: Rows, test: Rows, *, search: float, step: float = 1.0, drift: bool = False
) -> Estimate:
    """Estimate a session's clock from two signals.

    Args:
        reference: Times in seconds, in order (the middle of the time that each row stands for), and values.
        test: The same by the test device's clock.
        search: Largest difference of the clocks looked for, both ways, seconds.
        step: Grid on which both are laid, seconds.
        drift: Whether the clocks' rates may differ. A session that cannot tell its drift to 500 ppm has none.

    Returns:
        The estimate, or why there is none.

    Example:
        >>> rng = np.random.default_rng(1)
        >>> rate = np.convolve(rng.normal(size=3600), np.ones(20), "same")
        >>> time = np.arange(3600.0)
        >>> found = estimate((time, rate), (time - 7.25, rate), search=30)
        >>> found.status, round(found.offset[0], 2)
        ('resolved', 7.25)
    """
    left, right = lay(*reference, step), lay(*test, step)
    if left is None or right is None:
        which = "reference" if left is None else "test device"
        return Estimate("no_overlap", f"the {which} has no value in this session")
    overlap = _overlap(left, right, search, step)
    if overlap <= 0:
        return Estimate("no_overlap", _never(search))
    width = max(TREND, round(TREND_ROWS * max(left.spacing, right.spacing) / step))
    own, other = changes(left.values, width), changes(right.values, width)
    for name, laid, changed in (("reference", left, own), ("test", right, other)):
        if int(np.isfinite(laid.values).sum()) < FEWEST_POINTS:
            words = f"the {name} signal covers fewer than {FEWEST_POINTS} grid points"
            return Estimate("too_little_data", words)
        if not np.isfinite(changed).any():
            return Estimate("flat_signal", f"the {name} signal is constant")
    parts = parting.compare(
        own,
        other,
        between=left.origin - right.origin,
        step=step,
        search=search,
        length=_part_length(overlap, width),
    )
    if parts is None:
        return Estimate("no_overlap", _never(search))
    session = Session(left, own, test, width, search, step)
    return _from_parts(parts, session, drift=drift)


@dataclass(frozen=True)
class Session:
    """One session: the reference on its grid, the test rows, and how both are to be seen."""

    left: Laid
    own: FloatArray
    test: Rows
    width: int
    search: float
    step: float


@dataclass(frozen=True)
class Clock:
    """Reference time = test time + offset + drift * (reference time - middle)."""

    middle: float
    offset: float
    drift: float

    def corrected(self, time: FloatArray) -> FloatArray:
        """Test times on the reference's clock."""
        return np.asarray((time + self.offset - self.drift * self.middle) / (1 - self.drift))

    def moved(self, found: phase.Fit) -> Clock:
        """The clock with what remained after it was applied."""
        here = self.offset + self.drift * (found.middle - self.middle)
        rate = float(found.at[1]) if len(found.at) > 1 else 0.0
        return Clock(found.middle, here + float(found.at[0]), self.drift + rate)


def _overlap(left: Laid, right: Laid, search: float, step: float) -> int:
    """Grid points of the reference that the test signal could meet."""
    begin = max(left.origin, right.origin - search)
    end = min(left.origin + step * len(left.values), right.origin + step * len(right.values) + search)
    return int((end - begin) / step)


def _part_length(overlap: int, width: int) -> int:
    """Grid points of a part: as long as changes last, as short as leaves enough parts to tell their spread."""
    wanted = max(overlap // _USUAL_PARTS, min(width, overlap // _FEW_PARTS))
    return int(np.clip(wanted, _SHORTEST_PART, max(_LONGEST_PART, width)))


def _from_parts(parts: Parts, session: Session, *, drift: bool) -> Estimate:
    """The best whole lag, whether it stands out, and then the estimate between lags."""
    found = coarse(parts, session.step, drift=drift)
    base = Estimate(
        "resolved",
        agreement=found.agreement,
        agreement_at_zero=found.agreement_at_zero,
        second=found.second,
        second_agreement=found.second_agreement,
    )
    if len(parts.start) < FEWEST_PARTS:
        return replace(base, status="too_little_data", reason=_few(len(parts.start)))
    if found.agreement <= 0 or not found.above_chance:
        words = "at no lag do the two signals agree better than chance would have it"
        return replace(base, status="ambiguous", reason=words)
    if found.at_edge:
        return replace(base, status="at_boundary", reason=_edge(session.search))
    if not found.above_second:
        words = f"the signals agree nearly as well at an offset of {found.second:.1f} s"
        return replace(base, status="ambiguous", reason=words)
    middle = session.left.origin + float(parts.place.mean())
    return _refined(base, parts, session, Clock(middle, found.offset, found.drift), drift=drift)


def _refined(base: Estimate, parts: Parts, session: Session, clock: Clock, *, drift: bool) -> Estimate:
    """The estimate between whole lags, the test signal laid anew by the clock as far as it is known."""
    started, step = clock, session.step
    reference = parting.windows(session.own, parts.start, parts.length)
    place = session.left.origin + parts.place
    for _ in range(_LAYINGS):
        test = parting.windows(_laid_by(clock, session), parts.start, parts.length)
        both = np.isfinite(reference) & np.isfinite(test)
        known = both.sum(axis=1) >= _FEWEST_IN_PART
        n = int(both.sum())
        base = replace(base, n=n, share=n / max(int(np.isfinite(session.own).sum()), 1))
        if n < FEWEST_POINTS or int(known.sum()) < FEWEST_PARTS:
            return replace(base, status="too_little_data", reason=_few(int(known.sum())))
        found = phase.fit(reference[known], test[known], place[known], step, drift=drift)
        if found is None:
            words = "the signals agree at one lag, but no frequency tells it to less than a step"
            return replace(base, status="ambiguous", reason=words)
        clock = clock.moved(found)
        if abs(found.at[0]) < _NEAR * step:
            break
    if drift and float(found.half[1]) * PPM >= MOST_DRIFT:
        # too short or too noisy to tell a drift from none
        return _refined(base, parts, session, replace(started, drift=0.0), drift=False)
    return _told(base, clock, found, session, span=float(np.ptp(place)))


def _laid_by(clock: Clock, session: Session) -> FloatArray:
    """Changes of the test signal on the reference's grid, its times corrected."""
    time, value = session.test
    laid = points(clock.corrected(time), value, session.left.origin, len(session.own), session.step)
    return changes(laid, session.width)


def _told(base: Estimate, clock: Clock, found: phase.Fit, session: Session, *, span: float) -> Estimate:
    """The estimate with its bounds, unless they say that there is none."""
    search, step = session.search, session.step
    reach = max(float(found.half[0]), _FLOOR * step)
    if reach >= search:
        words = f"the offset is uncertain by {reach:.1f} s, more than was searched"
        return replace(base, status="ambiguous", reason=words)
    if abs(clock.offset) >= search - 1e-9:
        return replace(base, status="at_boundary", reason=_edge(search))
    rate = None
    if len(found.at) > 1:
        ppm = clock.drift * PPM
        wide = max(float(found.half[1]), 2 * _FLOOR * step / max(span, step)) * PPM
        rate = (ppm, ppm - wide, ppm + wide)
        if abs(ppm) >= MOST_DRIFT:
            words = f"the drift lies at the end of what is looked for, {MOST_DRIFT:g} ppm"
            return replace(base, status="at_boundary", reason=words)
    offset = clock.offset
    return replace(
        base,
        middle=clock.middle - offset,
        offset=(offset, offset - reach, offset + reach),
        drift=rate,
    )


def _few(parts: int) -> str:
    return f"{parts} parts of the session have both signals; at least {FEWEST_PARTS} are needed"


def _never(search: float) -> str:
    return f"no offset within {search:g} s makes the two signals meet"


def _edge(search: float) -> str:
    return f"the best offset lies at the end of the search, {search:g} s"
