"""What was done to rows on reading them, counted: no row is dropped and no time moved in silence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Rule = Literal["repeated", "ambiguous", "nonexistent", "wraps"]


@dataclass(frozen=True)
class Handled:
    """Rows that a declared rule was applied to.

    Attributes:
        rule: `repeated`: rows dropped because another row has their key. `ambiguous`: times that occur twice
            in their zone, resolved. `nonexistent`: times that do not occur in their zone, moved. `wraps`:
            times that a counter began again, undone.
        how: The rule's value, such as `first`, `earliest` or `65536`.
        column: Column concerned, or the key's columns.
        rows: Rows concerned; for `wraps`, how often the counter began again.
    """

    rule: Rule
    how: str
    column: str
    rows: int

    @property
    def words(self) -> str:
        """In one sentence.

        Example:
            >>> Handled("repeated", "first", "subject, time", 12).words
            '12 rows that repeat a key (subject, time) were left out; the first of each was kept'
        """
        rows = f"{self.rows:,} row{'' if self.rows == 1 else 's'}"
        if self.rule == "repeated":
            verb = "repeats" if self.rows == 1 else "repeat"
            were = "was" if self.rows == 1 else "were"
            return (
                f"{rows} that {verb} a key ({self.column}) {were} left out; the {self.how} of each was kept"
            )
        if self.rule == "ambiguous":
            taken = (
                "by their order in the file" if self.how == "in_order" else f"as the {self.how} of the two"
            )
            return f"{rows} with a time (`{self.column}`) that occurs twice in the zone; taken {taken}"
        if self.rule == "nonexistent":
            return f"{rows} with a time (`{self.column}`) that the zone skips; moved forward by the gap"
        return f"counter `{self.column}` began again after {self.how} {self.rows:,} times; counted on"

    def facts(self) -> dict[str, Any]:
        """As JSON, with the sentence."""
        return {**asdict(self), "words": self.words}


def together(handled: Iterable[Handled]) -> tuple[Handled, ...]:
    """Counts of the same rule and column added up, in order of their first appearance."""
    found: dict[tuple[Rule, str, str], int] = {}
    for one in handled:
        place = (one.rule, one.how, one.column)
        found[place] = found.get(place, 0) + one.rows
    return tuple(Handled(rule, how, column, rows) for (rule, how, column), rows in found.items())
