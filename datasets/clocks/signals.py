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
from numpy.typing import NDArray

from . import parts as parting
from . import phase
from .coarse import coarse
from .estimate import MOST_DRIFT, PPM, Estimate
from .grid import TREND, TREND_ROWS, FloatArray, Laid, Signal, bridged, changes, lay, points
from .parts import Parts

FEWEST_ROWS, FEWEST_POINTS, FEWEST_PARTS = 60, 120, 8
"""Rows of either side, and grid points and parts with both signals, below which nothing is estimated."""
MOST_POINTS = 10_000_000
"""Grid points that a session may span, a third of a year at 1 s; a longer one has wrong times."""
_FEWEST_IN_PART = 10
_USUAL_PARTS, _FEW_PARTS = 40, 10
_SHORTEST_PART, _LONGEST_PART = 100, 1800
_LAYINGS = 4
_NEAR = 0.1
"""The test signal is laid anew until less than this share of a step remains."""
_FLOOR = 0.05
"""Bounds are never nearer than this share of a step: what interpolation between grid points may err by."""


def estimate(
    reference: Signal, test: Signal, *, search: float, step: float = 1.0, drift: bool = False
) -> Estimate:
    """Estimate a session's clock from two signals.

    Args:
        reference: Rows of the reference.
        test: Rows of the test device, by its own clock.
        search: Largest difference of the clocks looked for, both ways, seconds.
        step: Grid on which both are laid, seconds.
        drift: Whether the clocks' rates may differ. A session that cannot tell its drift to 500 ppm has none.

    Returns:
        The estimate, or why there is none.

    Example:
        >>> rng = np.random.default_rng(1)
        >>> rate = np.convolve(rng.normal(size=3600), np.ones(20), "same")
        >>> time = np.arange(3600.0)
        >>> found = estimate(Signal(time, rate), Signal(time - 7.25, rate), search=30)
        >>> found.status, round(found.offset[0], 2)
        ('resolved', 7.25)
    """
    reference, test = reference.known(), test.known()
    for name, rows in (("reference", reference), ("test device", test)):
        if not len(rows.time):
            return Estimate("no_overlap", f"the {name} has no value in this session")
    reference, test = reference.near(test, search), test.near(reference, search)
    if not len(reference.time) or not len(test.time):
        return Estimate("no_overlap", _never(search))
    problem = _unfit(reference, test, step)
    if problem is not None:
        return problem
    left, right = lay(reference, step), lay(test, step)
    width = max(TREND, round(TREND_ROWS * max(left.spacing, right.spacing) / step))
    own, other = changes(left.values, width), changes(right.values, width)
    for name, changed in (("reference", own), ("test", other)):
        if not np.isfinite(changed).any():
            return Estimate("flat_signal", f"the {name} signal is constant")
    parts = parting.compare(
        own,
        other,
        between=left.origin - right.origin,
        step=step,
        search=search,
        length=_part_length(_overlap(left, right, search, step), width),
    )
    if parts is None:
        return Estimate("no_overlap", _never(search))
    session = Session(left, own, test, right.spacing, width, search, step)
    return _from_parts(parts, session, drift=drift)


@dataclass(frozen=True)
class Session:
    """One session: the reference on its grid, the test rows, and how both are to be seen."""

    left: Laid
    own: FloatArray
    test: Signal
    spacing: float
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


def _unfit(reference: Signal, test: Signal, step: float) -> Estimate | None:
    """Why rows that may meet are too few, or too far apart, to be laid on a grid."""
    for name, rows in (("reference", reference), ("test device", test)):
        if len(rows.time) < FEWEST_ROWS:
            words = f"the {name} has {len(rows.time)} values that may meet others; {FEWEST_ROWS} are needed"
            return Estimate("too_little_data", words)
        if (rows.time[-1] - rows.time[0]) / step > MOST_POINTS:
            words = (
                f"the {name}'s rows span more than {MOST_POINTS:,} steps of {step:g} s; sessions are the "
                "pairing's `on` columns, and the grid's `step` may be wider"
            )
            return Estimate("too_long", words)
    return None


def _overlap(left: Laid, right: Laid, search: float, step: float) -> int:
    """Grid points of the reference that the test signal could meet."""
    begin = max(left.origin, right.origin - search)
    end = min(left.origin + step * len(left.values), right.origin + step * len(right.values) + search)
    return int((end - begin) / step)


def _part_length(overlap: int, width: int) -> int:
    """Grid points of a part: as long as changes last, and short enough for parts to tell a spread."""
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


def _refined(base: Estimate, parts: Parts, session: Session, started: Clock, *, drift: bool) -> Estimate:
    """The estimate between whole lags, the test signal laid anew by the clock as far as it is known."""
    clock, step = started, session.step
    reference = _parts_of(session.own, parts)
    place = session.left.origin + parts.place
    for _ in range(_LAYINGS):
        test = _parts_of(_laid_by(clock, session), parts)
        both = reference[1] & test[1]
        known = both.sum(axis=1) >= _FEWEST_IN_PART
        n = int(both.sum())
        base = replace(base, n=n, share=n / max(int(np.isfinite(session.own).sum()), 1))
        if n < FEWEST_POINTS or int(known.sum()) < FEWEST_PARTS:
            return replace(base, status="too_little_data", reason=_few(int(known.sum())))
        found = phase.fit(reference[0][known], test[0][known], place[known], step, drift=drift)
        if found is None:
            words = "the signals agree at one lag, but no frequency tells it to less than a step"
            return replace(base, status="ambiguous", reason=words)
        clock = clock.moved(found)
        if abs(found.at[0]) < _NEAR * step:
            if drift and float(found.half[1]) * PPM >= MOST_DRIFT:
                # too short or too noisy to tell a drift from none
                return _refined(base, parts, session, replace(started, drift=0.0), drift=False)
            return _told(base, clock, found, session, span=float(np.ptp(place)))
    return replace(base, status="ambiguous", reason="the agreement has no single maximum")


def _laid_by(clock: Clock, session: Session) -> FloatArray:
    """Changes of the test signal on the reference's grid, its times corrected."""
    moved = session.test.at(clock.corrected(session.test.time))
    laid = points(moved, session.left.origin, len(session.own), session.step, session.spacing)
    return changes(laid, session.width)


def _parts_of(changed: FloatArray, parts: Parts) -> tuple[FloatArray, NDArray[np.bool_]]:
    """The parts of a signal, with lines over its gaps, and where it has values."""
    known = np.isfinite(changed).astype(np.float64)
    whole, has = (parting.windows(one, parts.start, parts.length) for one in (bridged(changed), known))
    return np.nan_to_num(whole, copy=False), has > 0


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
