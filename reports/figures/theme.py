"""Colours, type and sizes that both painters share.

Every pair of meanings differs in line style or lightness too, so that a grey print and a colour-blind reader
lose nothing. Colours are from the Okabe-Ito set, darkened to keep text contrast on white.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FONT_FOLDER = Path(__file__).resolve().parent.parent / "fonts"
FAMILY = "IBM Plex Sans"
FALLBACK = f"'{FAMILY}', 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"

WIDTH = 6.69
"""Width of a figure in inches: the text width of an A4 page with 20 mm margins, so that 1 pt stays 1 pt."""

SMALL, BODY = 7.5, 8.0
"""Sizes of type in points at print size; nothing is smaller than `SMALL`."""

RASTER_ABOVE = 2_000
"""More points than this are painted as a picture; axes and text stay vectors."""


@dataclass(frozen=True)
class Theme:
    """Colours of one appearance."""

    paper: str
    ink: str
    quiet: str
    rule: str
    point: str
    limit: str
    goal: str
    good: str
    bad: str


LIGHT = Theme(
    paper="#ffffff",
    ink="#1b1f24",
    quiet="#59636e",
    rule="#c9ced4",
    point="#1d4f7c",
    limit="#a34700",
    goal="#00664a",
    good="#1d4f7c",
    bad="#a34700",
)
DARK = Theme(
    paper="#14181d",
    ink="#e6e9ed",
    quiet="#a3adb8",
    rule="#3a424c",
    point="#6fb1e8",
    limit="#f0a04b",
    goal="#4fc9a0",
    good="#6fb1e8",
    bad="#f0a04b",
)

DASHES: dict[str, str] = {"center": "solid", "limit": "dashed", "goal": "dashdot", "zero": "dotted"}


def line_colour(theme: Theme, role: str) -> str:
    """The colour of a level by its role."""
    return {"center": theme.ink, "limit": theme.limit, "goal": theme.goal}.get(role, theme.quiet)
