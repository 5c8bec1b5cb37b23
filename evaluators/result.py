"""How the result of a metric function prints: plain text and, in notebooks, HTML."""

from __future__ import annotations

import textwrap
from html import escape

import numpy as np

from .intervals import METHODS
from .metric import Estimate, Interval, MetricResult

_DIGITS = 5
"""Significant digits shown; the objects keep every one."""
_FEWEST, _MOST = 1e-6, 10**_DIGITS
"""Sizes that are written without a power of ten, whole from the larger one on."""
_WIDTH = 110
_UNITS = {
    "same": "as measured",
    "per_reference": "per unit of exposure",
    "percent": "%",
    "proportion": "proportion",
    "none": "",
}
_NUMBERS = ("estimate", "interval", "Monte-Carlo error")
"""Columns that are set flush right."""


def text(result: MetricResult) -> str:
    """The result as aligned columns, with notes, reasons and sources below."""
    head, rows = _table(result)
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    lines = [_heading(result)]
    for row in (head, *rows):
        cells = [
            cell.rjust(width) if name in _NUMBERS else cell.ljust(width)
            for name, cell, width in zip(head, row, widths, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    for note in _notes(result):
        lines += textwrap.wrap(note, _WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join(lines)


def estimate_text(estimate: Estimate) -> str:
    """One statistic on its own: value, interval and counts in a line, with what there is to know below."""
    interval = estimate.interval
    words = "no interval" if interval is None else f"{_bounds(estimate)} ({interval_label(interval)})"
    counted = f"{estimate.counts.n_subjects:,} subjects, {_units(estimate)} units"
    lines = [f"{estimate.statistic.title}: {_estimate(estimate)} {words}; {counted}"]
    return "\n".join([*lines, *(note for note in (estimate.error, estimate.warning) if note)])


def html(result: MetricResult) -> str:
    """The result as an HTML table."""
    names, table = _table(result)
    sides = ["right" if name in _NUMBERS else "left" for name in names]
    head = "".join(
        f"<th style='text-align:{side}'>{cell}</th>" for cell, side in zip(names, sides, strict=True)
    )
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td style='text-align:{side}'>{escape(cell)}</td>"
            for cell, side in zip(row, sides, strict=True)
        )
        + "</tr>"
        for row in table
    )
    notes = "".join(f"<br><small>{escape(note)}</small>" for note in _notes(result))
    caption = escape(_heading(result))
    whole = f"<caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
    return f"<table>{whole}</table>{notes}"


def _heading(result: MetricResult) -> str:
    given = [f"{name}={value}" for name, value in result.parameters.items()]
    return f"{result.title} ({', '.join([f'average={result.average}', *given])})"


def _table(result: MetricResult) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Names of the columns, and a row a statistic; columns that would be empty are left out."""
    estimates = list(result.estimates.values())
    columns = {
        "statistic": [one.statistic.name for one in estimates],
        "estimate": [_estimate(one) for one in estimates],
        "interval": [_bounds(one) for one in estimates],
        "Monte-Carlo error": [_monte_carlo(one.interval) for one in estimates],
        "method": [_method(one.interval) for one in estimates],
        "unit": [_UNITS[one.statistic.unit] for one in estimates],
        "subjects": [f"{one.counts.n_subjects:,}" for one in estimates],
        "units": [_units(one) for one in estimates],
    }
    names = tuple(name for name, cells in columns.items() if any(cells))
    return names, list(zip(*(columns[name] for name in names), strict=True))


def _units(estimate: Estimate) -> str:
    counts = estimate.counts
    whole = f"{counts.n_units:,}"
    return whole if counts.n_events is None else f"{counts.n_events:,}/{whole}"


def _estimate(estimate: Estimate) -> str:
    return _fixed(estimate.value, _decimals(estimate))


def _bounds(estimate: Estimate) -> str:
    interval = estimate.interval
    if interval is None:
        return "none" if estimate.statistic.intervals else ""
    decimals = _decimals(estimate)
    return f"[{_fixed(interval.lower, decimals)}, {_fixed(interval.upper, decimals)}]"


def _decimals(estimate: Estimate) -> int | None:
    """Decimals that an estimate and its bounds share; None where each number is written for itself.

    The size that counts is that of the estimate, or its distance to the nearer bound where that is larger.
    """
    size = abs(estimate.value)
    if estimate.interval is not None:
        ends = np.array([estimate.interval.lower, estimate.interval.upper])
        distances = np.abs(ends - estimate.value)
        size = max(size, distances[np.isfinite(distances)].min(initial=np.inf))
    if not np.isfinite(size) or not _FEWEST <= size < _MOST:
        return None
    return int(np.clip(_DIGITS - 1 - np.floor(np.log10(size)), 0, 8))


def _fixed(value: float, decimals: int | None) -> str:
    if decimals is None or not np.isfinite(value) or abs(value) >= 1e15:
        return number(value)
    shown = f"{value:.{decimals}f}"
    return shown if float(shown) or not value else number(value)


def _method(interval: Interval | None) -> str:
    return "" if interval is None else interval_label(interval)


def interval_label(interval: Interval) -> str:
    """Level and method of an interval, and which bound a one-sided one is, as they stand beside its ends."""
    sides = "" if interval.sides == "two" else f" {interval.sides} bound"
    return f"{100 * interval.level:.6g}% {METHODS[interval.method].title}{sides}"


def _monte_carlo(interval: Interval | None) -> str:
    """Standard errors of the bounds of a resampling interval: two digits, they are estimates themselves."""
    if interval is None or not interval.mc_error:
        return ""
    rounding = 1e-12 * max(
        (abs(end) for end in (interval.lower, interval.upper) if np.isfinite(end)), default=0
    )
    shown = [error if error > rounding else 0 for error in interval.mc_error if np.isfinite(error)]
    return ", ".join(f"{error:.2g}" for error in shown)


def _notes(result: MetricResult) -> list[str]:
    """Why something is missing and what to know; the same words of several statistics once."""
    about: dict[str, list[str]] = {}
    for name, estimate in result.estimates.items():
        for note in (estimate.error, estimate.warning):
            if note:
                about.setdefault(note, []).append(name)
    notes = [f"{', '.join(names)}: {note}" for note, names in about.items()]
    return [*notes, *(f"Source: {citation.text}" for citation in result.citations)]


def number(value: float) -> str:
    """A number with five significant digits, without a trailing power of ten where it can be avoided.

    Example:
        >>> number(2.11764705882353), number(float("nan")), number(1234567.8)
        ('2.1176', 'no value', '1234568')
    """
    if np.isnan(value):
        return "no value"
    if np.isfinite(value) and 10**_DIGITS <= abs(value) < 1e15:
        return f"{value:.0f}"
    return f"{value:.{_DIGITS}g}"
