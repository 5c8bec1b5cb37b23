"""The tolerance language: how large a difference may be, as a function of the reference value.

    5                   five units of the measurement
    10%                 ten percent of the reference
    max(5, 0.1*ref)     whichever is larger; `min` likewise, with two or more parts
    2 + 5%              a sum

`ref` is the size of the reference value, so a tolerance never becomes negative. Numbers are not negative.
Nothing is ever executed: the text is parsed into a small tree.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .metric import FloatArray

_TOKEN = re.compile(r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|(?P<word>[A-Za-z_]\w*)|(?P<mark>[-+*%(),]))")  # fmt: skip  # noqa: E501
_GRAMMAR = "numbers, 10%, ref, +, *, min(..., ...), max(..., ...)"
_LONGEST = 200
_DEEPEST = 20
_FOLDS: dict[str, Callable[[Any, Any], Any]] = {
    "+": np.add,
    "*": np.multiply,
    "min": np.minimum,
    "max": np.maximum,
}


class ToleranceError(ValueError):
    """A tolerance that cannot be read; the message points at the place.

    Attributes:
        position: Index of the offending character, from 0.
    """

    def __init__(self, message: str, text: str, position: int) -> None:
        self.position = position
        shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
        super().__init__(f"{message} at character {position + 1} of `{shown}`. Accepted: {_GRAMMAR}.")


@dataclass(frozen=True)
class Tolerance:
    """A parsed tolerance.

    Attributes:
        operation: `number`, `ref`, `+`, `*`, `min` or `max`.
        parts: What the operation applies to.
        number: The value of a `number`.
    """

    operation: str
    parts: tuple[Tolerance, ...] = ()
    number: float = 0.0

    def at(self, reference: FloatArray) -> FloatArray:
        """The largest accepted difference at each reference value, in the unit of the measurement."""
        size = np.abs(np.asarray(reference, dtype=np.float64))
        return np.asarray(self._value(size)) * np.ones_like(size)

    def allowed(self, reference: FloatArray) -> FloatArray | float:
        """The same, as one number where it is that of every row."""
        found: FloatArray | float = self._value(np.abs(reference))
        return found

    def _value(self, size: FloatArray) -> Any:
        if self.operation == "number":
            return self.number
        if self.operation == "ref":
            return size
        return reduce(_FOLDS[self.operation], [part._value(size) for part in self.parts])

    def __str__(self) -> str:
        """Canonical text: the same tolerance written in another way gives the same text."""
        if self.operation == "number":
            return f"{self.number:.15g}"
        if self.operation == "ref":
            return "ref"
        if self.operation in ("min", "max"):
            return f"{self.operation}({', '.join(str(part) for part in self.parts)})"
        if self.operation == "*":
            return "*".join(f"({part})" if part.operation == "+" else str(part) for part in self.parts)
        return " + ".join(str(part) for part in self.parts)


def parse(tolerance: str | float | Tolerance) -> Tolerance:
    """Read a tolerance.

    Args:
        tolerance: Text in the language above, or a number in the unit of the measurement.

    Raises:
        ToleranceError: It cannot be read, is negative, or is too long; the message points at the place.

    Example:
        >>> parse("max(5, 10%)").at(np.array([20.0, 100.0]))
        array([ 5., 10.])
        >>> str(parse("max( 5,10% )"))
        'max(5, 0.1*ref)'
        >>> parse("max(5, ref / 10)")
        Traceback (most recent call last):
        accordance.evaluators.tolerance.ToleranceError: `/` is not known at character 12 of ...
    """
    if isinstance(tolerance, Tolerance):
        return tolerance
    if isinstance(tolerance, int | float) and not isinstance(tolerance, bool):
        if not (np.isfinite(tolerance) and tolerance >= 0):
            raise ToleranceError("A tolerance is a finite number, 0 or more", str(tolerance), 0)
        return Tolerance("number", number=float(tolerance))
    if not isinstance(tolerance, str):
        raise ToleranceError("A tolerance is a number or text", repr(tolerance), 0)
    if len(tolerance) > _LONGEST:
        raise ToleranceError(f"Longer than {_LONGEST} characters", tolerance, _LONGEST)
    return _Parser(tolerance).whole()


class _Parser:
    """Recursive descent over: sum = product {+ product}; product = part {* part}."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = [*_tokens(text), ("end", "", len(text.rstrip()))]
        self.next = 0
        self.depth = 0

    def whole(self) -> Tolerance:
        result = self.sum()
        if self.kind() != "end":
            raise self.error(f"`{self.word()}` is not expected")
        return result

    def sum(self) -> Tolerance:
        return self.chain("+", self.product)

    def product(self) -> Tolerance:
        return self.chain("*", self.part)

    def chain(self, mark: str, inner: Callable[[], Tolerance]) -> Tolerance:
        parts = [inner()]
        while self.word() == mark:
            self.next += 1
            parts.append(inner())
        flat = [leaf for part in parts for leaf in (part.parts if part.operation == mark else (part,))]
        return Tolerance(mark, tuple(flat)) if len(parts) > 1 else parts[0]

    def part(self) -> Tolerance:
        kind, word = self.kind(), self.word()
        if kind == "number":
            return self.number()
        if word == "ref":
            self.next += 1
            return Tolerance("ref")
        if word in ("min", "max"):
            self.next += 1
            return Tolerance(word, self.arguments(word))
        if word == "(":
            return self.bracketed()
        if kind == "end":
            raise self.error("A number, `ref`, `min` or `max` is missing")
        if word == "-":
            raise self.error("A tolerance is never negative: `-` is not known")
        raise self.error(f"`{word}` is not known")

    def number(self) -> Tolerance:
        value = float(self.word())
        if not np.isfinite(value):
            raise self.error(f"`{self.word()}` is too large")
        share = float(Decimal(self.word()).scaleb(-2))  # decimal, so that 7% is the float nearest to 0.07
        self.next += 1
        if self.word() != "%":
            return Tolerance("number", number=value)
        self.next += 1
        return Tolerance("*", (Tolerance("number", number=share), Tolerance("ref")))

    def arguments(self, word: str) -> tuple[Tolerance, ...]:
        self.expect("(")
        self.deeper()
        parts = [self.sum()]
        while self.word() == ",":
            self.next += 1
            parts.append(self.sum())
        if len(parts) < 2:
            raise self.error(f"`{word}` needs two parts or more, separated by commas")
        self.expect(")")
        self.depth -= 1
        return tuple(parts)

    def bracketed(self) -> Tolerance:
        self.expect("(")
        self.deeper()
        inner = self.sum()
        self.expect(")")
        self.depth -= 1
        return inner

    def expect(self, mark: str) -> None:
        if self.word() != mark:
            raise self.error(f"`{mark}` is missing")
        self.next += 1

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.error("Nested too deeply")

    def kind(self) -> str:
        return self.tokens[self.next][0]

    def word(self) -> str:
        return self.tokens[self.next][1]

    def error(self, message: str) -> ToleranceError:
        return ToleranceError(message, self.text, self.tokens[self.next][2])


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            place = position + len(text[position:]) - len(text[position:].lstrip())
            raise ToleranceError(f"`{text[place]}` is not known", text, place)
        yield match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)
        position = match.end()


@dataclass(frozen=True, eq=False)
class Gaps:
    """Differences of the same rows, to be held against several tolerances.

    Attributes:
        reference: (n,) reference values.
        test: (n,) values held against them.
        gaps: (n,) sizes of the differences.
        size: The largest size of any value.
    """

    reference: FloatArray
    test: FloatArray
    gaps: FloatArray
    size: float

    @staticmethod
    def of(reference: FloatArray, test: FloatArray) -> Gaps:
        """Of two columns of finite numbers."""
        gaps = np.abs(test - reference)
        largest = max(float(np.abs(one).max(initial=0.0)) for one in (reference, test))
        return Gaps(reference, test, gaps, largest)

    def within(self, tolerance: Tolerance) -> NDArray[np.bool_]:
        """(n,) whether each difference is at most the tolerance; see `within`."""
        excess = self.gaps - tolerance.allowed(self.reference)
        inside = excess <= 0
        rounding = 4 * float(np.finfo(float).eps)
        possible = excess <= rounding * self.size
        if np.count_nonzero(possible) > np.count_nonzero(inside):
            near = np.flatnonzero(possible & ~inside)  # few: only these need their own allowance
            own = np.maximum(np.abs(self.reference[near]), np.abs(self.test[near]))
            inside[near] = excess[near] <= rounding * own
        return np.asarray(inside)


def within(reference: FloatArray, test: FloatArray, tolerance: Tolerance) -> NDArray[np.bool_]:
    """(n,) whether each difference is at most the tolerance.

    A difference equal to the tolerance up to floating-point rounding is within: 37.2 - 37.0 is 0.2.

    Example:
        >>> within(np.array([37.0, 37.0]), np.array([37.2, 37.21]), parse(0.2))
        array([ True, False])
    """
    return Gaps.of(reference, test).within(tolerance)
