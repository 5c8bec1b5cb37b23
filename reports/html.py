"""The report as one self-contained HTML page: no network, no scripts, no analysis rows.

Observations appear only as a picture inside their figure; the page holds no row of data.
"""

from __future__ import annotations

import base64
import importlib
import io
from functools import cache

from markupsafe import Markup

from . import figures, layouts
from .assemble import HERE, Material, render

_FACES = (
    ("IBMPlexSans-Regular", "IBM Plex Sans", 400),
    ("IBMPlexSans-SemiBold", "IBM Plex Sans", 600),
)


def html(material: Material, *, layout: layouts.Layout = layouts.SPA) -> str:
    """The page.

    Args:
        material: What `assemble.gather` found.
        layout: The order in which its sections come.
    """
    return render(material, painter, target="screen", css=css(), attachments=False, layout=layout)


def painter(model: figures.AnyFigure) -> Markup:
    """A figure as the page shows it: points as a picture, so that no observation is a mark of its own."""
    return Markup(figures.svg(model, raster_above=0))  # noqa: S704 - the painter escapes every text


@cache
def css() -> str:
    """The style sheet of a page, its fonts within."""
    faces = [
        f'@font-face {{ font-family: "{family}"; font-weight: {weight}; '
        f'src: url("data:font/woff;base64,{_woff(name)}") format("woff"); }}'
        for name, family, weight in _FACES
    ]
    styles = [(HERE / "styles" / name).read_text(encoding="utf-8") for name in ("base.css", "screen.css")]
    return "\n".join([*faces, *styles])


def _woff(name: str) -> str:
    """A whole font, compressed without loss, as base64."""
    ttlib = importlib.import_module("fontTools.ttLib")  # untyped, and only needed where a page is written
    font = ttlib.TTFont(HERE / "fonts" / f"{name}.ttf", recalcBBoxes=False, recalcTimestamp=False)
    font.flavor = "woff"
    buffer = io.BytesIO()
    font.save(buffer)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
