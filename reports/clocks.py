"""The clocks of a study in print: what is known of them, and what an error of them would do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..studies.results import Results
from . import figures
from . import format as fmt
from .validity import title_of

STATUS: dict[str, str] = {
    "resolved": "estimated",
    "at_boundary": "at the end of the search",
    "no_overlap": "no overlap",
    "too_little_data": "too little data",
    "ambiguous": "ambiguous",
    "flat_signal": "constant signal",
    "too_long": "too long to be one session",
}


@dataclass(frozen=True)
class ClockBlock:
    """The clocks of one pairing and version.

    Attributes:
        title: Pairing in words.
        version: Version of the algorithm.
        words: What there is to say, in sentences.
        counts: (status in words, sessions).
        least_sure: (session, offset, its interval, drift, agreement), the widest intervals first.
        unresolved: (session, status, reason).
        more: Sessions without a clock that the list does not name.
        figures: Offset and drift of each session.
    """

    title: str
    version: str
    words: str
    counts: tuple[tuple[str, str], ...]
    least_sure: tuple[tuple[str, ...], ...]
    unresolved: tuple[tuple[str, str, str], ...]
    more: int
    figures: tuple[figures.Curve, ...]


@dataclass(frozen=True)
class TippingBlock:
    """A deciding endpoint along errors of the clock.

    Attributes:
        title: Endpoint.
        words: Where it turns, held against what is known of the clocks.
        figure: Its curve; None where there is none.
    """

    title: str
    words: str
    figure: figures.Curve | None


SHOWN = 8
"""Sessions that print lists of each kind; the audit beside the pairs has all."""


def clocks(results: Results) -> list[ClockBlock]:
    """The clocks of every pairing with `alignment`, the version that decides first; none in older runs."""
    entries = results.document.get("clocks") or []
    return [
        _block(results, entry)
        for entry in sorted(entries, key=lambda entry: entry["version"] != results.deciding_version)
    ]


def _block(results: Results, entry: Mapping[str, Any]) -> ClockBlock:
    lost = entry["unresolved"][:SHOWN]
    return ClockBlock(
        title=results.protocol.pairings[entry["pairing"]].title or str(entry["pairing"]),
        version=str(entry["version"]),
        words=fmt.typographic(str(entry["words"])),
        counts=tuple((STATUS.get(name, name), fmt.count(n)) for name, n in entry["status"].items()),
        least_sure=tuple(_cells(one) for one in entry["least_sure"][:SHOWN]),
        unresolved=tuple(
            (str(one["session"]), STATUS.get(one["status"], str(one["status"])), str(one["reason"]))
            for one in lost
        ),
        more=entry["sessions"] - entry["resolved"] - len(lost),
        figures=tuple(figures.clock_sessions(results, entry)),
    )


def _cells(one: Mapping[str, Any]) -> tuple[str, ...]:
    """A session in print."""
    offset, lower, upper = (fmt.fixed(one[name], 2) for name in ("offset_s", "offset_lower", "offset_upper"))
    drift = "\u2013" if one["drift_ppm"] is None else fmt.fixed(one["drift_ppm"], 1)
    agreement = "\u2013" if one["agreement"] is None else fmt.fixed(one["agreement"], 2)
    return str(one["session"]), offset, f"{lower} to {upper}", drift, agreement


def tipping(results: Results) -> list[TippingBlock]:
    """Deciding endpoints along errors of the clock, where the protocol asks for it."""
    return [
        TippingBlock(
            title_of(results.protocol, entry["endpoint"]),
            fmt.typographic(fmt.quoted(str(entry["words"]))),
            figures.clock_tipping(results, entry),
        )
        for entry in results.document.get("clock_tipping") or []
    ]
