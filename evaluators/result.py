"""How the result of a metric function prints: plain text and, in notebooks, HTML."""

from __future__ import annotations

from html import escape

import numpy as np

from .intervals import METHODS
from .metric import Estimate, Interval, MetricResult

_HEAD = ("statistic", "estimate", "interval", "method", "subjects", "units")
_DIGITS = 5
"""Significant digits shown; the objects keep every one."""


def text(result: MetricResult) -> str:
    """The result as aligned columns, with notes, reasons and sources below."""
    table = [_HEAD, *(_cells(estimate) for estimate in result.estimates.values())]
    widths = [max(len(row[i]) for row in table) for i in range(len(_HEAD))]
    lines = [_heading(result)]
    lines += [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]
    lines += _notes(result)
    return "\n".join(lines)


def html(result: MetricResult) -> str:
    """The result as an HTML table."""
    head = "".join(f"<th style='text-align:left'>{cell}</th>" for cell in _HEAD)
    rows = "".join(
        "<tr>"
        + "".join(f"<td style='text-align:left'>{escape(cell)}</td>" for cell in _cells(estimate))
        + "</tr>"
        for estimate in result.estimates.values()
    )
    notes = "".join(f"<br><small>{escape(note)}</small>" for note in _notes(result))
    caption = escape(_heading(result))
    table = f"<caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
    return f"<table>{table}</table>{notes}"


def _heading(result: MetricResult) -> str:
    given = [f"{name}={value}" for name, value in result.parameters.items()]
    return f"{result.title} ({', '.join([f'average={result.average}', *given])})"


def _cells(estimate: Estimate) -> tuple[str, ...]:
    interval = estimate.interval
    counts = estimate.counts
    units = f"{counts.n_units:,}" if counts.n_events is None else f"{counts.n_events:,}/{counts.n_units:,}"
    return (
        estimate.statistic.name,
        number(estimate.value),
        _bounds(interval) if interval else "none",
        _method(interval) if interval else "",
        f"{counts.n_subjects:,}",
        units,
    )


def _bounds(interval: Interval) -> str:
    return f"[{number(interval.lower)}, {number(interval.upper)}]"


def _method(interval: Interval) -> str:
    sides = "" if interval.sides == "two" else f" {interval.sides} bound"
    return f"{interval.level:.6g} {METHODS[interval.method].title}{sides}"


def _notes(result: MetricResult) -> list[str]:
    notes = []
    for name, estimate in result.estimates.items():
        notes += [f"{name}: {note}" for note in (estimate.error, estimate.warning) if note]
        if estimate.interval and estimate.interval.mc_error:
            errors = [number(error) for error in estimate.interval.mc_error if np.isfinite(error)]
            notes.append(f"{name}: Monte-Carlo standard error of the bounds: {', '.join(errors)}")
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
