"""What a reader is: it opens one file and gives the asked columns of it, with units and places.

A reader decodes; it judges no values. The contract is checked afterwards, as for every source.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ...protocols.errors import ContractError, OutputError, Violation
from ..sources import Reading


@dataclass(frozen=True)
class Rows:
    """What was read of one file.

    Attributes:
        frame: The asked columns, in that order, in types of their own (numbers as numbers, times as
            `Datetime('us')`, with zone UTC where the file knows an offset). Missing values are null.
        units: Column -> the unit that the file names: one for all rows, or one a row (a String series).
            Columns whose unit the file does not name are absent.
        lines: Line of the file on which each row starts, where it is text; None otherwise.
    """

    frame: pl.DataFrame
    units: Mapping[str, str | pl.Series] = field(default_factory=dict)
    lines: NDArray[np.int64] | None = None


class Opened(ABC):
    """One file, opened: what it holds is known, its rows are not yet read.

    Attributes:
        columns: Names of all columns that can be asked for.
        files: Every file the rows come from; the first is the one that was opened.
    """

    columns: tuple[str, ...]
    files: tuple[Path, ...]

    @abstractmethod
    def read(self, columns: Sequence[str]) -> Rows:
        """The asked columns.

        Raises:
            ContractError: The file is damaged, or its rows do not fit together.
        """


class Reader(ABC):
    """A format. Plug-ins register a subclass or an instance in the entry point group `accordance.readers`.

    Attributes:
        name: Word for `format` in study.yaml.
        title: The format in words.
        endings: Endings of its files, lower case, with the dot.
        keys: Keys of `reader` in study.yaml that mean something to it.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    endings: ClassVar[tuple[str, ...]]
    keys: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def open(self, path: Path, name: str, how: Reading) -> Opened:
        """Open a file and look at what it holds.

        Args:
            path: The file.
            name: The file as the study knows it, for messages.
            how: What of it is read.

        Raises:
            ContractError: Not such a file, or damaged, or it does not hold what `how` asks for.
            OutputError: The file cannot be read.
        """

    def describe(self, path: Path, name: str) -> dict[str, Any]:
        """What is in a file, for `accordance sniff`.

        Returns:
            `facts` (word -> value) and `tables`, each with a `title` and the `reader` keys that read it;
            perhaps with `columns` (those that belong into one table), `words` on them, `interval_s` between
            rows, and a `name`.
        """
        return {"facts": {}, "tables": [{"title": self.title, "reader": {}}]}


def signals(names: Sequence[str], rate: float, time: str, *, alone: bool) -> dict[str, Any]:
    """Signals of one rate as a table of `Reader.describe`.

    Args:
        names: The signals.
        rate: Samples a second.
        time: Column with their time.
        alone: Whether the file has signals of no other rate.
    """
    title = f"{len(names)} signal{'s' if len(names) > 1 else ''} at {rate:g} Hz"
    name = "" if alone else f"{rate:g}_hz"
    return {"title": title, "reader": {}, "columns": [time, *names], "interval_s": 1 / rate, "name": name}


def refuse(
    message: str,
    name: str,
    *,
    line: int | None = None,
    key: str | None = None,
    found: str | None = None,
    suggestion: str | None = None,
    examples: Iterable[str] = (),
    count: int | None = None,
) -> ContractError:
    """One violation as the error to raise."""
    violation = Violation(
        message,
        file=name,
        line=line,
        key=key,
        found=found,
        suggestion=suggestion,
        count=count,
        examples=tuple(examples),
    )
    return ContractError([violation])


def unreadable(name: str, error: OSError) -> OutputError:
    """What is said when the operating system refuses a file."""
    return OutputError(f"{name}: cannot be read: {error.strerror or error}")


def first_bytes(path: Path, name: str, n: int) -> bytes:
    """The beginning of a file.

    Raises:
        ContractError: The file is empty.
        OutputError: The file cannot be read.
    """
    try:
        with path.open("rb") as handle:
            head = handle.read(n)
    except OSError as error:
        raise unreadable(name, error) from error
    if not head:
        raise refuse("the file is empty.", name)
    return head


def listed(names: Iterable[str], limit: int = 20) -> str:
    """Names in ticks, with commas, the first few of them."""
    names = list(names)
    more = f" and {len(names) - limit:,} more" if len(names) > limit else ""
    return ", ".join(f"`{name}`" for name in names[:limit]) + more or "none"


def distinct(names: Iterable[str], taken: Iterable[str] = ()) -> tuple[str, ...]:
    """Names of which none stands twice: `EEG`, `EEG` become `EEG#1`, `EEG#2`.

    Args:
        names: Names as a file has them.
        taken: Names that mean something else already.

    Example:
        >>> distinct(["EEG", "EOG", "EEG", "time"], taken=["time"])
        ('EEG#1', 'EOG', 'EEG#2', 'time#1')
    """
    names = list(names)
    repeated = {name for name in names if names.count(name) > 1} | set(taken)
    seen: dict[str, int] = {}
    given = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        given.append(f"{name}#{seen[name]}" if name in repeated else name)
    return tuple(given)


def exact_quotient(whole: pl.Series, divisor: int) -> pl.Series:
    """Whole numbers over a whole number, rounded once (Polars multiplies by the reciprocal).

    Example:
        >>> exact_quotient(pl.Series([3_729_000_000_000, None]), 1_000_000_000).to_list()
        [3729.0, None]
    """
    filled = whole.fill_null(0).to_numpy() / divisor
    return pl.Series(whole.name, filled).set(whole.is_null(), None)


def seconds_to_datetime(start_us: int, seconds_us: NDArray[np.int64], name: str) -> pl.Series:
    """Moments, from a start (microseconds since 1970, no zone) and microseconds after it."""
    return pl.Series(name, start_us + seconds_us, dtype=pl.Int64).cast(pl.Datetime("us"))
