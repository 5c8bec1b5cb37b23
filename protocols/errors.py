"""What is said when input violates its contract: where, what was found, what would be accepted."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Violation:
    """One thing wrong with an input, in words its author can act on.

    Attributes:
        message: What is wrong and what would be accepted, one sentence or two.
        file: The file (or source) it was found in.
        line: Line in the file, from 1; None where there is none (a Parquet column).
        column: Column in the line, from 1.
        key: Dotted path of the protocol key, or name of the table column.
        found: The value found, as text, shortened.
        suggestion: The nearest valid name, or a fix.
        count: How many rows (or places) are affected.
        examples: First affected rows, as text.
    """

    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    key: str | None = None
    found: str | None = None
    suggestion: str | None = None
    count: int | None = None
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        """`file:line:column: key: message (found ...). Did you mean ...?`, then example rows.

        Example:
            >>> print(Violation("expected a number", "protocol.yaml", 7, 12, "seed", found="soon"))
            protocol.yaml:7:12: seed: expected a number (found `soon`).
        """
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        head = ": ".join(part for part in (place, self.key, self.message.removesuffix(".")) if part)
        if self.found is not None:
            head += f" (found `{self.found}`)"
        if self.count is not None and self.count > 1:
            head += f" [{self.count:,} rows]"
        head += "."
        if self.suggestion:
            head += f" Did you mean `{self.suggestion}`?"
        return "\n".join([head, *(f"    {example}" for example in self.examples)])


class AccordanceError(Exception):
    """Base of the errors that end a command with a clear message; `exit_code` is the contract's."""

    exit_code: int = 70


class UsageError(AccordanceError):
    """The command was asked for something that does not exist or does not fit together."""

    exit_code = 2


class ContractError(AccordanceError):
    """A protocol, a study or data violate their contract; every violation found is listed.

    Attributes:
        violations: What is wrong.
        summary: One line above them.
        usable: The part that holds all the same, with which more that is wrong can be looked for: of a
            protocol whose tables and pairings hold, the protocol; of a study with such a protocol, the study.
    """

    exit_code = 4
    usable: object = None

    def __init__(self, violations: Sequence[Violation], summary: str | None = None) -> None:
        self.violations = tuple(violations)
        self.summary = summary
        lines = ([summary] if summary else []) + [str(violation) for violation in self.violations]
        super().__init__("\n".join(lines))


class IntegrityError(AccordanceError):
    """Something written earlier is no longer what its hash says."""

    exit_code = 5


class OutputError(AccordanceError):
    """A file could not be read or written (full disk, read-only folder)."""

    exit_code = 74


def nearest(name: str, accepted: Iterable[str]) -> str | None:
    """The accepted name closest to a misspelt one, or None when nothing is close."""
    matches = difflib.get_close_matches(name, list(accepted), n=1, cutoff=0.6)
    return matches[0] if matches else None


def shorten(value: object, limit: int = 60) -> str:
    """A found value as text that fits a message; a 10^6-character field does not flood the screen."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text):,} characters)"


def relative(path: Path, base: Path | None = None) -> str:
    """A path as the user knows it: relative to the study where possible."""
    try:
        return str(path.resolve().relative_to((base or Path.cwd()).resolve()))
    except ValueError:
        return str(path)
