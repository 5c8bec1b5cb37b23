"""Pairs: the audited analysis data that cross from `datasets` to `studies`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import polars as pl

REFERENCE = "reference."
TEST = "test."

# Codes that pairing itself gives. A protocol adds its own in `exclusions`.
NO_TEST = "no_test"
NO_REFERENCE = "no_reference"
OUTSIDE_TOLERANCE = "outside_tolerance"
NOT_NEAREST = "not_nearest"
ORPHAN_SUBJECT = "orphan_subject"
UNLISTED = "unlisted_exclusion"
MISSING_VALUE = "missing_value"
INDETERMINATE = "indeterminate"
NO_OVERLAP = "no_overlap"
LOW_COVERAGE_REFERENCE = "low_coverage_reference"
LOW_COVERAGE_TEST = "low_coverage_test"
PARTIAL_UNIT = "partial_unit"
CLOCK_UNRESOLVED = "clock_unresolved"

STRUCTURAL: dict[str, str] = {
    ORPHAN_SUBJECT: "Subject is not in the subjects table",
    NO_TEST: "Reference row without a test row",
    NO_REFERENCE: "Test row without a reference row",
    OUTSIDE_TOLERANCE: "Nearest row lies outside the time tolerance",
    NOT_NEAREST: "Another row was nearer to the same partner",
    UNLISTED: "Exclusion code that the protocol does not declare (protocol deviation)",
    MISSING_VALUE: "Reference or test value is missing",
    INDETERMINATE: "The algorithm gave no determinate result",
    NO_OVERLAP: "The two devices share no time in the session",
    PARTIAL_UNIT: "Unit of time cut off by the end of the stretch or the recording",
    LOW_COVERAGE_REFERENCE: "Reference rows with a value cover too little of the unit of time",
    LOW_COVERAGE_TEST: "Test rows with a value cover too little of the unit of time",
    CLOCK_UNRESOLVED: "Clock of the session could not be estimated",
}
"""Reason codes of every study with their words."""

COVERAGE_CODES = (LOW_COVERAGE_REFERENCE, LOW_COVERAGE_TEST)
"""Codes of units of time of which one side has rows, and too few of them for a value."""

UNIT_CODES = (NO_OVERLAP, PARTIAL_UNIT, *COVERAGE_CODES)
"""Codes of units of time."""

LATER_CODES = (*UNIT_CODES, CLOCK_UNRESOLVED)
"""Codes whose bits come after those of the protocol's codes, in this order, so that a declared code keeps the
bit that it had in pairs written before there were any of these."""

VALUE_CODES = (MISSING_VALUE, INDETERMINATE)
"""Codes that speak of one value of a pair: what they remove depends on the endpoint and the view. They are
noted for every value column that an endpoint uses, and give way to any other reason."""


def all_codes(declared: Iterable[str]) -> tuple[str, ...]:
    """All reason codes of a study, in the order of their bits.

    Args:
        declared: Codes of the protocol.

    Example:
        >>> all_codes(["artefact"])[7:10]
        ('indeterminate', 'artefact', 'no_overlap')
    """
    own = [code for code in STRUCTURAL if code not in LATER_CODES]
    return (*own, *(code for code in declared if code not in STRUCTURAL), *LATER_CODES)


def precedence(codes: Iterable[str]) -> list[str]:
    """Codes in the order in which they speak for a row.

    What pairing found comes first, then what is declared, then units with too little covered time, then
    single values.

    Example:
        >>> precedence(["missing_value", "artefact", "low_coverage_test", "no_test", "no_overlap"])
        ['no_overlap', 'no_test', 'artefact', 'low_coverage_test', 'missing_value']
    """
    place = {ORPHAN_SUBJECT: 0, NO_OVERLAP: 1, CLOCK_UNRESOLVED: 1}
    place |= {code: 2 for code in STRUCTURAL if code not in (*VALUE_CODES, *LATER_CODES, ORPHAN_SUBJECT)}
    place |= dict.fromkeys(UNIT_CODES[1:], 4) | dict.fromkeys(VALUE_CODES, 5)
    return sorted(codes, key=lambda code: place.get(code, 3))


Status = Literal["paired", "reference_only", "test_only"]

PairFrame = pl.DataFrame | pl.LazyFrame
"""The rows of `Pairs`: in memory, or on disk where there are too many. `.lazy()` serves both."""


@dataclass(frozen=True)
class Pairs:
    """Every reference row and every test row of one pairing and one version, each exactly once.

    `data` columns:
        `subject` (text), the other key columns by name,
        `status` (`paired`, `reference_only`, `test_only`),
        `reason` (text; null where every endpoint can use the row): the first code in `codes` that applies,
            `missing_value` and `indeterminate` after all others,
        `reasons` (UInt64): all codes that apply, bit i for `codes[i]`,
        `reference_row`, `test_row` (Int64; null where there is none): 0-based row in its table as read,
        `reference.<column>`, `test.<column>` for each other contract column, subject columns by name.
    Where rows became units of time (`windows`, `epochs`, `sessions`), a row is a unit: the unit's start
    stands in the time column, rows are numbered by unit, and both sides have `coverage` and `n_rows`
    (`datasets.regrid`).
    Sorted by subject, then the other key columns, then (pairing by time) time: an order that the order of the
    input rows does not change.

    Attributes:
        pairing: Identifier of the pairing.
        version: Identifier of the algorithm version whose test rows these are.
        data: See above. A lazy frame where the pairs lie on disk: ask for the columns that are needed
            (`columns`, `scan`) and not for all of them at once (`frame`).
        codes: Reason codes in the order of their bits (`all_codes`).
        n_reference_rows: Rows read from the reference table; units of time, where rows became units.
        n_test_rows: Rows read from the test table, likewise.
        without_rows: Subjects of the subjects table that have no row at all (where rows became units of time:
            no unit), sorted.
        lone_test: Where test rows without a partner are counted and not told: `subject`, `reason`, `n_rows`,
            and they are not in `data`. None where each has a row of its own.
        regrid: Where units of time were made: one row a side, session and reason with counts of rows `read`,
            `used` and left out (`datasets.regrid`). None for pairings by key or nearest.
        clocks: The alignment audit, one row a session (`datasets.clocks`). None without `alignment`.
        file: The Parquet file that `data` is read from, where the pairs lie on disk.
        key: Name of all that went into them, where that is known before they are made.
    """

    pairing: str
    version: str
    data: PairFrame
    codes: tuple[str, ...]
    n_reference_rows: int
    n_test_rows: int
    without_rows: tuple[str, ...] = ()
    lone_test: pl.DataFrame | None = None
    regrid: pl.DataFrame | None = None
    clocks: pl.DataFrame | None = None
    file: Path | None = None
    key: str | None = None

    @cached_property
    def frame(self) -> pl.DataFrame:
        """All of it in memory."""
        return self.data.collect() if isinstance(self.data, pl.LazyFrame) else self.data

    def scan(self) -> pl.LazyFrame:
        """All of it, to be read when it is asked for."""
        return self.data.lazy()

    def columns(self, *wanted: str | pl.Expr | Iterable[str]) -> pl.DataFrame:
        """Some columns or expressions in memory, no others."""
        return self.scan().select(*wanted).collect()

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return self.scan().collect_schema().names()

    @property
    def n_lone_test(self) -> int:
        """Test rows that are counted and not told."""
        return 0 if self.lone_test is None else int(self.lone_test["n_rows"].sum())

    @cached_property
    def height(self) -> int:
        """Number of rows."""
        return int(self.scan().select(pl.len()).collect().item())

    def bits(self, codes: tuple[str, ...]) -> int:
        """The bit mask of these codes in `reasons`."""
        return sum(1 << self.codes.index(code) for code in codes)
