"""Markdown for pull requests: words that others wrote stay words, whatever characters they hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from .format import quoted
from .junit import clean

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~&#$])")
_CALLS = re.compile(r"[@#!%~$&](?=\w)")
_FIRST = re.compile(r"^(\d*)([-+=.)])(?!\d)")
_LINKS = re.compile(r"(?i)\b(?:https?|ftp|mailto)(?=:)|\bwww(?=\.)")
JOINER = "\u2060"
"""Takes no room; behind an `@` or a `#`, or before a colon, it keeps a forge from calling and linking."""


def escape(text: object) -> str:
    r"""Words inside a line or a cell: no markup, no HTML, no mention of people, no link, no line break.

    Example:
        >>> escape("a|b *c* <script>")
        'a\\|b \\*c\\* \\<script\\>'
        >>> escape("by @alice").replace(JOINER, "+"), escape("two\n  lines")
        ('by @+alice', 'two lines')
    """
    words = " ".join(clean(str(text)).split())
    words = _CALLS.sub(lambda found: f"{found[0]}{JOINER}", words)
    words = _LINKS.sub(lambda found: f"{found[0]}{JOINER}", words)
    words = _SPECIAL.sub(r"\\\1", words)
    return _FIRST.sub(r"\1\\\2", words)


def code(text: object) -> str:
    r"""Words as code, backticks and all; inside a table, too.

    Example:
        >>> code("v1"), code("a`b"), code("a|b")
        ('`v1`', '`` a`b ``', '`a\\|b`')
    """
    words = " ".join(clean(str(text)).split()).replace("|", "\\|")
    if "`" not in words:
        return f"`{words}`" if words else ""
    fence = "`" * (max(map(len, re.findall("`+", words))) + 1)
    return f"{fence} {words} {fence}"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()) -> str:
    """A table of cells that are Markdown already.

    Args:
        columns: Heads.
        rows: Cells.
        right: Places of columns of numbers.

    Example:
        >>> print(table(("Endpoint", "n"), [("`mape`", "12")], right=[1]))
        | Endpoint | n |
        |---|--:|
        | `mape` | 12 |
    """
    numbers = set(right)
    rule = "|".join("--:" if at in numbers else "---" for at in range(len(columns)))
    lines = [f"| {' | '.join(cells)} |" for cells in (columns, *rows)]
    return "\n".join([lines[0], f"|{rule}|", *lines[1:]])


def bullets(title: str, lines: Sequence[str]) -> str:
    """A titled list of plain words, names in quotation marks; nothing where there are none.

    Example:
        >>> print(bullets("Warnings", ["few subjects in `v2`"]))
        **Warnings**
        <BLANKLINE>
        - few subjects in “v2”
        >>> bullets("Warnings", [])
        ''
    """
    told = list(dict.fromkeys(lines))
    return "\n".join([f"**{title}**", "", *(f"- {escape(quoted(line))}" for line in told)]) if told else ""


def page(parts: Iterable[str]) -> str:
    r"""Paragraphs with an empty line between; empty ones are left out.

    Example:
        >>> page(["a", "", "b"])
        'a\n\nb\n'
    """
    return "\n\n".join(part for part in parts if part) + "\n"
