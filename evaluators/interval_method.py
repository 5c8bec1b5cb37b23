"""What an interval method is, as protocols and reports name it; `intervals.METHODS` lists all of them."""

from __future__ import annotations

from dataclasses import dataclass

from .metric import Citation


@dataclass(frozen=True)
class IntervalMethod:
    """An interval method as protocols and reports name it.

    Attributes:
        name: Identifier in protocols and results.
        title: Short words for a table heading.
        words: One sentence for the methods section.
        citations: Where it comes from.
        resampling: It needs resampling weights.
        two_sided_only: One-sided bounds are not defined.
    """

    name: str
    title: str
    words: str
    citations: tuple[Citation, ...]
    resampling: bool
    two_sided_only: bool = False
