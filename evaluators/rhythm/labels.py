"""What annotation symbols mean: tables from the symbols of annotation files to classes of beats.

The five classes are those of ANSI/AAMI EC57: N (any beat that is none of the others), S (supraventricular
ectopic), V (ventricular ectopic), F (fusion of a ventricular and a normal beat) and Q (paced or
unclassifiable).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

CLASSES = ("N", "S", "V", "F", "Q")
"""Classes of beats, in the order of every table."""

NO_BEAT, UNKNOWN = -1, -2
"""Codes of symbols that are no beats, and of symbols that the table does not have."""
FLUTTER = 5
"""Code of a flutter wave: read as a beat, counted as the absence of one (O)."""

_TABLE_SIZE = 256  # symbols of annotation files are ASCII; others are looked up one by one


NON_BEATS: frozenset[str] = frozenset(' "()*+=@D[]^`psTtux|~' + "'")
"""Symbols of WFDB annotations that are no beats: rhythm and signal quality changes, waves, notes, isolated
QRS-like artefacts, measurements and more (WFDB Programmer's Guide, annotation codes)."""


@dataclass(frozen=True)
class LabelMap:
    """Which symbols are beats, of which class, and which are known to be something else.

    Attributes:
        name: Names the table in results.
        beats: Symbol -> class: one of `CLASSES`, or `O` for what is read as a beat and counted as none.
        others: Symbols that are no beats. Symbols that are neither here nor in `beats` are refused.

    Raises:
        ValueError: A class that does not exist, or a symbol that is a beat and something else.

    Example:
        >>> LabelMap("own", {"N": "N", "V": "V", "A": "S"}).class_of("A")
        'S'
    """

    name: str
    beats: Mapping[str, str]
    others: frozenset[str] = field(default_factory=lambda: NON_BEATS)

    def __post_init__(self) -> None:
        accepted = (*CLASSES, "O")
        wrong = [f"`{symbol}`: `{found}`" for symbol, found in self.beats.items() if found not in accepted]
        both = sorted(set(self.beats) & self.others)
        problems = []
        if wrong:
            problems.append(f"No classes of beats: {', '.join(wrong)}; accepted: {', '.join(accepted)}.")
        if both:
            problems.append(f"Beats and no beats at once: {', '.join(f'`{one}`' for one in both)}.")
        if problems:
            raise ValueError(" ".join(problems))
        object.__setattr__(self, "beats", MappingProxyType(dict(self.beats)))

    def class_of(self, symbol: str) -> str | None:
        """The class of a symbol; None where it is no beat.

        Raises:
            KeyError: The table does not have the symbol.
        """
        if symbol in self.beats:
            return self.beats[symbol]
        if symbol in self.others:
            return None
        raise KeyError(symbol)

    @cached_property
    def _codes(self) -> dict[str, int]:
        found = dict.fromkeys(self.others, NO_BEAT)
        return found | {symbol: (*CLASSES, "O").index(name) for symbol, name in self.beats.items()}

    @cached_property
    def _table(self) -> NDArray[np.int8]:
        table = np.full(_TABLE_SIZE, UNKNOWN, dtype=np.int8)
        for symbol, code in self._codes.items():
            if len(symbol) == 1 and ord(symbol) < _TABLE_SIZE:
                table[ord(symbol)] = code
        return table

    def codes(self, symbols: NDArray[np.str_]) -> NDArray[np.int8]:
        """(n,) index into `CLASSES`, or `FLUTTER`, or `NO_BEAT` of each symbol.

        Raises:
            ValueError: Symbols that the table does not have; the message lists them.
        """
        points = code_points(symbols)
        if points is not None:
            found: NDArray[np.int8] = self._table[points]
        else:
            names, inverse = np.unique(symbols, return_inverse=True)
            each = [self._codes.get(str(name), UNKNOWN) for name in names]
            found = np.array(each, dtype=np.int8)[inverse]
        unknown = found == UNKNOWN
        if unknown.any():
            names = np.unique(symbols[unknown])
            listed = ", ".join(f"`{name}`" for name in names[:8]) + (", ..." if len(names) > 8 else "")
            raise ValueError(
                f"{np.count_nonzero(unknown):,} annotations have symbols that the labels `{self.name}` do "
                f"not have, first at index {int(np.argmax(unknown))}: {listed}. Add them to the beats or to "
                "the others of a `LabelMap`."
            )
        return found


def code_points(symbols: NDArray[np.str_]) -> NDArray[Any] | None:
    """(n,) code points of symbols of one character each, None where some are longer or not Latin-1."""
    if symbols.dtype.itemsize != 4 or not symbols.dtype.isnative:
        return None
    points = np.ascontiguousarray(symbols).view(np.uint32)
    if len(points) and int(points.max()) >= _TABLE_SIZE:
        return None
    return points


WFDB = LabelMap(
    "wfdb",
    {
        **dict.fromkeys("NLRB", "N"),
        **dict.fromkeys("aJASjen", "S"),
        **dict.fromkeys("VrE", "V"),
        "F": "F",
        **dict.fromkeys("Q/f?", "Q"),
        "!": "O",
    },
)
"""The table of `bxb` and `rxr` of WFDB 10.7.0: bundle branch block beats are N, escape beats (e, j, n) S."""

DE_CHAZAL = LabelMap("de_chazal", {**WFDB.beats, "e": "N", "j": "N"})
"""The table of most papers on classifiers of beats, in which atrial and nodal escape beats are N (de Chazal
P, O'Dwyer M, Reilly RB. IEEE Trans Biomed Eng 2004;51:1196-1206, Table I)."""
