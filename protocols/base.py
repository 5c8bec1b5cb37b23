"""What every part of the protocol language is made of: base model, identifiers, conditions, quantities."""

from __future__ import annotations

import math
import re
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=64)]
Text = Annotated[str, StringConstraints(min_length=1)]
Scalar = str | int | float | bool
Tier = Literal["study", "primary", "secondary", "unverified"]


class Model(BaseModel):
    """Base: unknown keys are errors, nothing is coerced silently, nothing changes after parsing."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)

    shorthand: ClassVar[str | None] = None
    """Key that a bare value or list in YAML stands for; None: only a mapping is accepted."""
    later: ClassVar[frozenset[str]] = frozenset()
    """Fields that the first version of the language did not have. At their default they stay out of the
    canonical form, so that what was locked before keeps its hash."""


class Quantity(Model):
    """A number with its unit, such as `5 s` (written as text in YAML, or as this mapping)."""

    value: float
    """The number."""
    unit: Text
    """Its unit."""

    @classmethod
    def from_text(cls, text: str) -> Quantity:
        """The quantity written as `5 s`.

        Raises:
            ValueError: The text is not a number followed by a unit.

        Example:
            >>> Quantity.from_text("2.5 min")
            Quantity(value=2.5, unit='min')
        """
        match = re.fullmatch(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^\s\d].*?)\s*", text)
        if match is None:
            raise ValueError("expected a number with its unit, such as `5 s`")
        value = float(match.group(1))
        if not math.isfinite(value):
            raise ValueError("expected a number with its unit, such as `5 s`; this one is too large")
        return cls(value=value, unit=match.group(2))

    def __str__(self) -> str:
        return f"{self.value:g} {self.unit}"


class Condition(Model):
    """What a column must satisfy. A bare value or list in YAML means `is`."""

    shorthand: ClassVar[str | None] = "is"

    is_: tuple[Scalar, ...] | None = Field(default=None, alias="is")
    """Equal to one of these values."""
    is_not: tuple[Scalar, ...] | None = None
    """Equal to none of these values."""
    at_least: float | None = None
    """Not below this number."""
    above: float | None = None
    """Above this number."""
    at_most: float | None = None
    """Not above this number."""
    below: float | None = None
    """Below this number."""
    missing: bool | None = None
    """true: the cell is empty. false: it is not."""


Where = dict[str, Condition]
"""Column -> condition; all must hold. Names: key and subject columns as they are, `reference.x`, `test.x`."""
