"""How numbers become text in a report, by one stated rule. Files keep full precision; only print rounds.

The rule, as every report prints it, is `RULE`. Nothing here computes a statistic: a value comes in, text goes
out.
"""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_EVEN, Decimal

MINUS = "\u2212"
NARROW = "\u202f"  # narrow no-break space

MAX_DECIMALS = 8

RULE = (
    "Numbers are rounded for print only; the attached results keep full precision. A number in measurement "
    "units has as many decimals as give the half-width of its interval (or, without an interval, its "
    "standard "
    "error) two significant digits, and one decimal at least; estimate and bounds share the decimals. "
    "Without "
    "either, four significant digits are printed. Proportions are percentages with one decimal; n/N are the "
    "events and units behind them, and a single number under n/N is N. P values have three decimals, and "
    "below "
    "0.001 read < 0.001. Where rounding would carry a number onto or across its limit, or a percentage "
    "that is "
    "not 0 or 100 onto one of them, decimals are added until the order shows. Means of characteristics "
    "have one "
    "decimal. Halves are rounded to even, on the stored binary value. Decisions are always taken on "
    "unrounded "
    "numbers."
)


def typographic(text: str) -> str:
    """ASCII hyphens that are minus signs become minus signs.

    Example:
        >>> typographic("-1.5")
        '−1.5'
    """
    return text.replace("-", MINUS)


def fixed(value: float, decimals: int) -> str:
    """A number with that many decimals, thousands separated, a true minus sign, and no negative zero.

    Example:
        >>> fixed(-38765.06, 1), fixed(-0.004, 2), fixed(float("inf"), 1)
        ('−38,765.1', '0.00', '∞')
    """
    if math.isnan(value):
        return "\u2013"
    if math.isinf(value):
        return "\u221e" if value > 0 else MINUS + "\u221e"
    rounded = _rounded(value, decimals)
    return typographic(f"{rounded:,.{decimals}f}")


def _rounded(value: float, decimals: int) -> Decimal:
    """The exact stored value, rounded half to even; a negative zero loses its sign."""
    rounded = Decimal(value).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_EVEN)
    return abs(rounded) if rounded == 0 else rounded


def decimals_for(value: float, lower: float | None, upper: float | None, se: float | None) -> int:
    """Decimals of a measurement: two significant digits of the interval's half-width, at least one decimal.

    Args:
        value: The estimate.
        lower: Lower bound; None or infinite where there is none.
        upper: Upper bound, likewise.
        se: Standard error, used where the interval has no finite width.

    Example:
        >>> decimals_for(2.1176, -17.81, 22.05, 9.40)
        1
        >>> decimals_for(-0.43, -0.61, -0.25, None)
        2
    """
    spread = _half_width(value, lower, upper) or (se if se and math.isfinite(se) else 0.0)
    if spread > 0:
        return min(max(1 - math.floor(math.log10(spread)), 1), MAX_DECIMALS)
    if value == 0 or not math.isfinite(value):
        return 1
    return min(max(3 - math.floor(math.log10(abs(value))), 1), MAX_DECIMALS)


def _half_width(value: float, lower: float | None, upper: float | None) -> float:
    """Half the interval's width; a one-sided interval's distance from the estimate."""
    ends = [end for end in (lower, upper) if end is not None and math.isfinite(end)]
    if len(ends) == 2:
        return abs(ends[1] - ends[0]) / 2
    if ends and math.isfinite(value):
        return abs(ends[0] - value)
    return 0.0


def distinguishing(value: float, decimals: int, limits: tuple[float, ...]) -> int:
    """Decimals, raised until rounding no longer hides on which side of a limit the value lies.

    Example:
        >>> distinguishing(0.8999, 2, (0.9,))
        4
        >>> distinguishing(0.9, 2, (0.9,))
        2
    """
    if not math.isfinite(value):
        return decimals
    while decimals < MAX_DECIMALS and any(_hidden(value, decimals, limit) for limit in limits):
        decimals += 1
    return decimals


def _hidden(value: float, decimals: int, limit: float) -> bool:
    """Whether the printed value stands otherwise to the limit than the value does."""
    if not math.isfinite(limit):
        return False
    shown, bound = _rounded(value, decimals), Decimal(repr(limit))
    exact = Decimal(repr(value))
    return (shown > bound) != (exact > bound) or (shown < bound) != (exact < bound)


def measurement(value: float | None, decimals: int, limits: tuple[float, ...] = ()) -> str:
    """A number in measurement units, with decimals added where a limit would hide.

    Example:
        >>> measurement(2.11764, 1), measurement(4.97, 1, (5.0,)), measurement(4.996, 1, (5.0,))
        ('2.1', '4.97', '4.996')
    """
    if value is None:
        return "\u2013"
    return fixed(value, distinguishing(value, decimals, limits))


def percent(value: float | None, limits: tuple[float, ...] = (), decimals: int = 1) -> str:
    """A proportion (0 to 1) as a percentage.

    Example:
        >>> percent(0.98342), percent(0.89996, (0.9,)), percent(0.9999), percent(1.0)
        ('98.3%', '89.996%', '99.99%', '100.0%')
    """
    if value is None or math.isnan(value):
        return "\u2013"
    marks = (*(100 * limit for limit in limits), 0.0, 100.0)
    scaled = float(Decimal(repr(value)) * 100) if math.isfinite(value) else value
    return fixed(scaled, distinguishing(scaled, decimals, tuple(round(mark, 10) for mark in marks))) + "%"


def p_value(value: float | None) -> str:
    """A P value.

    Example:
        >>> p_value(0.00012), p_value(0.0416), p_value(0.9997)
        ('< 0.001', '0.042', '> 0.999')
    """
    if value is None or math.isnan(value):
        return "\u2013"
    if value < 0.001:
        return "< 0.001"
    return "> 0.999" if value > 0.999 else f"{value:.3f}"


def count(value: int | None) -> str:
    """A count with thousands separated; a dash where there is none.

    Example:
        >>> count(12345), count(None)
        ('12,345', '–')
    """
    return "\u2013" if value is None else f"{value:,}"


def fraction(events: int | None, units: int | None) -> str:
    """`n/N`, or N alone where there are no events to count.

    Example:
        >>> fraction(182, 185), fraction(None, 4000)
        ('182/185', '4,000')
    """
    return count(units) if events is None else f"{count(events)}/{count(units)}"


def plain(value: float) -> str:
    """A declared number (a limit, a level, a tolerance) exactly as declared, with a true minus sign.

    Example:
        >>> plain(0.9), plain(-5.0), plain(0.05)
        ('0.9', '−5', '0.05')
    """
    return typographic(f"{value:.12g}") if math.isfinite(value) else fixed(value, 0)


def quoted(text: str) -> str:
    """Words of the engine for print: names in quotation marks, decisions without underscores.

    Example:
        >>> quoted("The decision is `not_met`.")
        'The decision is “not met”.'
    """
    return re.sub(
        r"`([^`]*)`",
        lambda found: (
            f"\u201c{found[1].replace('_', ' ') if found[1].startswith('not_') else found[1]}\u201d"
        ),
        text,
    )


def level(value: float | None) -> str:
    """A confidence level as a percentage without useless decimals.

    Example:
        >>> level(0.95), level(0.975)
        ('95%', '97.5%')
    """
    return "" if value is None else f"{value * 100:.6g}%"


def size(bytes_: int) -> str:
    """A file's size.

    Example:
        >>> size(812), size(12_345), size(3_400_000)
        ('812 bytes', '12.3 kB', '3.4 MB')
    """
    if bytes_ < 1000:
        return f"{bytes_} bytes"
    return f"{bytes_ / 1000:.1f} kB" if bytes_ < 1_000_000 else f"{bytes_ / 1_000_000:.1f} MB"
