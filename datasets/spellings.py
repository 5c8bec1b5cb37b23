"""One subject under two spellings: `S01` here and `s-1` there are one person counted twice, or never paired.

Two names are taken for spellings of one where they have the same letters and numbers in the same order:
without regard to case, to forms of the same character (NFKC), to zeros before a number, and to what stands
between letters and numbers (blanks, hyphens, underscores). `1-12` and `11-2` are two subjects.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

import polars as pl

from ..protocols.errors import Violation, shorten
from .keys import run_starts

SHOWN = 20
"""How many groups of spellings are listed."""

_TOKENS = re.compile(r"[0-9]+|[^\W\d_]+")


def folded(name: str) -> tuple[str, ...]:
    """What all spellings of a name have in common.

    Example:
        >>> folded("S-01 "), folded("s1"), folded("1-12"), folded("11-2")
        (('s', '1'), ('s', '1'), ('1', '12'), ('11', '2'))
    """
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    digits = "".join(str(unicodedata.digit(mark, mark)) if mark.isdigit() else mark for mark in plain)
    tokens = tuple(
        token.lstrip("0") or "0" if token.isdigit() else token for token in _TOKENS.findall(digits)
    )
    return tokens or (plain,)


def subjects(column: pl.Series) -> list[str]:
    """The names in a column, each once; a run of the same name is looked at once."""
    heads = column.gather(run_starts(column)) if len(column) else column
    return [str(name) for name in heads.drop_nulls().unique().to_list()]


def twice(tables: Mapping[str, Iterable[str]]) -> list[list[tuple[str, tuple[str, ...]]]]:
    """Groups of names that are spellings of one, over all tables.

    Args:
        tables: Table -> names of its subjects, each once.

    Returns:
        For each such group its names in order, each with the tables that have it.

    Example:
        >>> twice({"reference": ["S01", "S02"], "test": ["s1", "S02"]})
        [[('S01', ('reference',)), ('s1', ('test',))]]
    """
    where: dict[str, list[str]] = {}
    for table, names in tables.items():
        for name in names:
            where.setdefault(name, []).append(table)
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in sorted(where):
        groups.setdefault(folded(name), []).append(name)
    return [
        [(name, tuple(where[name])) for name in names]
        for _, names in sorted(groups.items())
        if len(names) > 1
    ]


def check(tables: Mapping[str, Iterable[str]], way_out: str) -> list[Violation]:
    """One violation that lists every subject with several spellings; none where each has one.

    Args:
        tables: Table -> names of its subjects, each once.
        way_out: How to say that they are different subjects.
    """
    found = twice(tables)
    if not found:
        return []
    examples = [
        "; ".join(f"`{shorten(name, 40)}` in {', '.join(places)}" for name, places in group)
        for group in found[:SHOWN]
    ]
    if len(found) > SHOWN:
        examples.append(f"and {len(found) - SHOWN:,} more")
    one = len(found) == 1
    message = (
        f"{len(found):,} subject{' seems' if one else 's seem'} to be there under more than one spelling; a "
        f"subject has one. Rename {'it' if one else 'them'} in the data, or, if these are different people, "
        f"say {way_out}."
    )
    return [Violation(message, key="subject", examples=tuple(examples))]
