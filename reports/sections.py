"""The parts that people write: Markdown files of a study's `sections/` folder, hashed and rendered safely."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..protocols.errors import OutputError
from .contents import OTHER, Section, all_sections

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
HEADING_SHIFT = 2
"""A file's first-level heading becomes a third-level one, under the section's own."""


@dataclass(frozen=True)
class Written:
    """One human section.

    Attributes:
        name: File name.
        html: Rendered text; raw HTML in the file shows as text and never acts.
        sha256: Hash of the file.
        empty: The file holds no words yet (headings and comments aside).
    """

    name: str
    html: str
    sha256: str
    empty: bool


def read(folder: Path) -> dict[str, Written]:
    """Every Markdown file of a sections folder by normalised name; none where the folder is absent.

    Raises:
        OutputError: A file is not readable or not UTF-8.
    """
    found: dict[str, Written] = {}
    if not folder.is_dir():
        return found
    for path in sorted(folder.glob("*.md")):
        try:
            data = path.read_bytes()
            text = data.decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise OutputError(f"{path.name}: cannot be read as UTF-8 text: {error}") from error
        key = normal(path.stem)
        if key == "readme":
            continue
        found[key] = Written(
            path.name, render(text, path.stem), hashlib.sha256(data).hexdigest(), _is_empty(text)
        )
    return found


def normal(name: str) -> str:
    """A file's name without order numbers, hyphens or capitals.

    Example:
        >>> normal("17-Adverse-Events"), normal("adverse_events")
        ('adverse_events', 'adverse_events')
    """
    return re.sub(r"^\d+[\W_]+", "", name).strip().lower().replace("-", "_").replace(" ", "_")


def _is_empty(text: str) -> bool:
    bare = _COMMENT.sub("", text)
    return not any(line.strip() and not line.lstrip().startswith("#") for line in bare.splitlines())


def place(written: Iterable[str], order: Sequence[Section] | None = None) -> dict[str, list[str]]:
    """Which files belong to which section, in the section's order; the rest under `other`.

    Example:
        >>> place(["limitations", "adverse_events", "poem"])
        {'adverse-events': ['adverse_events'], 'conclusion': ['limitations'], 'other': ['poem']}
    """
    names = list(written)
    placed: dict[str, list[str]] = {}
    for section in all_sections() if order is None else order:
        here = [name for name in section.files if name in names]
        if here:
            placed[section.key] = here
    taken = {name for here in placed.values() for name in here}
    rest = [name for name in names if name not in taken]
    return {**placed, OTHER.key: rest} if rest else placed


def belongs(
    section: Section, written: dict[str, Written], order: Sequence[Section] | None = None
) -> list[Written]:
    """The written parts of a section, in its order."""
    names = place(written, order).get(section.key, [])
    return [written[name] for name in names]


def render(text: str, stem: str) -> str:
    """Markdown as safe HTML: no raw HTML, no images, no script links; headings moved below the section's own.

    A first heading that only repeats the file's name is left out: the section has its own.
    """
    parser = _parser()
    tokens = parser.parse(_COMMENT.sub("", text))
    if len(tokens) >= 3 and tokens[0].type == "heading_open" and tokens[0].tag == "h1":
        said = normal(re.sub(r"[^\w\s-]", "", tokens[1].content))
        if said in (normal(stem), *(normal(section.title) for section in all_sections())):
            tokens = tokens[3:]
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + HEADING_SHIFT, 6)}"
    rendered: str = parser.renderer.render(tokens, parser.options, {})
    return rendered


@cache
def _parser() -> Any:
    """CommonMark with tables; raw HTML and images are off."""
    from markdown_it import MarkdownIt  # noqa: PLC0415 - only reports need it

    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
