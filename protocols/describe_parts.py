"""Words that every description uses: numbers, lists, columns, conditions."""

from __future__ import annotations

from .model import Condition, Scalar, Where


def number(value: float) -> str:
    """A number as a person writes it: no trailing zeros, no exponent where it can be avoided."""
    return f"{value:.15g}"


def joined(words: list[str], last: str = "and") -> str:
    """Words as a list in a sentence.

    Example:
        >>> joined(["a", "b", "c"], "or")
        'a, b or c'
    """
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else ""


def column(name: str) -> str:
    """A column of the pairs in words.

    Example:
        >>> column("reference.heart_rate"), column("age")
        ('heart rate of the reference', 'age')
    """
    for prefix, words in (("reference.", " of the reference"), ("test.", " of the test")):
        if name.startswith(prefix):
            return name.removeprefix(prefix).replace("_", " ") + words
    return name.replace("_", " ")


def condition(name: str, one: Condition) -> str:
    """One condition in words.

    Example:
        >>> condition("age", Condition(at_least=22.0, below=65.0))
        'age is at least 22 and below 65'
        >>> condition("reference.activity", Condition(is_not=("running", "cycling")))
        'activity of the reference is neither running nor cycling'
    """
    parts = []
    if one.is_ is not None:
        parts.append(f"is {joined([scalar(value) for value in one.is_], 'or')}")
    if one.is_not is not None:
        values = [scalar(value) for value in one.is_not]
        parts.append(f"is neither {joined(values, 'nor')}" if len(values) > 1 else f"is not {values[0]}")
    bounds = (
        ("at least", one.at_least),
        ("above", one.above),
        ("at most", one.at_most),
        ("below", one.below),
    )
    limits = [f"{words} {number(bound)}" for words, bound in bounds if bound is not None]
    if limits:
        parts.append(f"is {joined(limits)}")
    if one.missing is not None:
        parts.append("is missing" if one.missing else "is not missing")
    return f"{column(name)} {joined(parts)}"


def scalar(value: Scalar) -> str:
    """A single value as it is written."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else number(value)


def where(conditions: Where) -> str:
    """All conditions in words, joined by semicolons; all must hold.

    Example:
        >>> where({"sex": Condition(**{"is": ("female",)}), "age": Condition(above=40.0)})
        'sex is female; age is above 40'
    """
    return "; ".join(condition(name, one) for name, one in conditions.items())
