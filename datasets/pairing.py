"""Pairing: reference and test rows become pairs, one-to-one, and nothing gets lost on the way.

Every row of both tables ends up exactly once in the result, paired or alone with a reason code, and carries
every exclusion code that applies to it. `missing_value` and `indeterminate` are noted for the value columns
that endpoints use; what they remove depends on the endpoint and is decided where it selects its rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..protocols.context import EVENTS, UNIT_METHODS
from ..protocols.errors import ContractError, IntegrityError, Violation
from ..protocols.model import Protocol
from . import event_outcomes, keys, matching, regrid, row_audit, timing
from . import reasons as reasons_of
from .clocks import audit as align
from .contract import ROW
from .keys import IntArray
from .matching import Matches
from .moments import scale_of
from .pairs import (
    CLOCK_UNRESOLVED,
    NO_REFERENCE,
    NOT_NEAREST,
    ORPHAN_SUBJECT,
    OUTSIDE_TOLERANCE,
    REFERENCE,
    STRUCTURAL,
    TEST,
    Pairs,
    all_codes,
    precedence,
)
from .reasons import Bits
from .reference_side import ReferenceSide
from .sides import SUBJECT, SUBJECTS, Side, at, called, check_sides, on_columns, side_of
from .unit_rows import reference_units

RESERVED = ("status", "reason", "reasons", "reference_row", "test_row")
_STATUS = ("paired", "reference_only", "test_only")


def pair(
    protocol: Protocol,
    pairing: str,
    *,
    reference: pl.DataFrame | ReferenceSide,
    test: pl.DataFrame,
    subjects: pl.DataFrame | None = None,
    version: str,
    tables: Mapping[str, pl.DataFrame] | None = None,
    clocks: pl.DataFrame | None = None,
    clock_error: float = 0.0,
) -> Pairs:
    """Pair the rows of a reference and a test table as the protocol says.

    `method: key`: rows whose `on` columns are equal are a pair. `method: nearest`: see `matching.by_time`;
    times are compared as whole microseconds (10^-6 of the unit where the unit is none of time), the tolerance
    is inclusive. `method: windows`, `epochs`, `sessions`: both sides are first brought to one row a unit of
    time (`regrid`), which then pair by key. `method: events`: both are brought to one row an outcome
    (`event_outcomes`), and row i of both is a pair.

    Args:
        protocol: The protocol.
        pairing: Identifier of the pairing in it.
        reference: The reference table in contract columns and types (`TableData.frame`); or what
            `reference_side` made of it, which gives the same pairs.
        test: The test table of one version, likewise.
        subjects: The table of subjects, likewise; None: there is none, and no subject is an orphan.
        version: Identifier of the algorithm version that the test rows come from.
        tables: Further tables of the protocol by name: the one with the stretches that count (`within`).
        clocks: An alignment audit made before, in place of new estimates (`clocks.audit.aligned`).
        clock_error: Seconds added to all test times, to see what such an error would do.

    Returns:
        The pairs, verified: every row is there exactly once.

    Raises:
        ContractError: The tables cannot be paired so (columns missing or of different types, `on` does not
            name one row, times in units that cannot be compared, undeclared exclusion codes).
        IntegrityError: Rows were lost or doubled; a defect of this program.

    Example:
        >>> from accordance.protocols.model import Column, Pairing, Protocol, Table
        >>> hr = Column(type="number", unit="1/min")
        >>> table = Table(key=("subject",), columns={"subject": Column(type="text"), "hr": hr})
        >>> protocol = Protocol(
        ...     schema="accordance/protocol/1", id="hr", version="1", title="Heart rate", seed=1,
        ...     intended_use="Rest", objective="Agreement", endpoints={},
        ...     tables={"reference": table, "test": table}, pairings={"main": Pairing()},
        ... )
        >>> pairs = pair(
        ...     protocol, "main", version="1.0",
        ...     reference=pl.DataFrame({"subject": ["001", "002"], "hr": [61.0, 70.0]}),
        ...     test=pl.DataFrame({"subject": ["002", "003"], "hr": [72.0, 80.0]}),
        ... )
        >>> for row in pairs.frame.select("subject", "reason", "reference.hr", "test.hr").rows():
        ...     print(row)
        ('001', 'no_test', 61.0, None)
        ('002', None, 70.0, 72.0)
        ('003', 'no_reference', None, 80.0)
    """
    spec = protocol.pairings[pairing]
    made = reference if isinstance(reference, ReferenceSide) else None
    if isinstance(reference, ReferenceSide):
        left = Side(spec.reference, protocol.tables[spec.reference], reference.sessions)
    else:
        left = side_of(spec.reference, protocol, reference)
    right = side_of(spec.test, protocol, test)
    key = f"pairings.{pairing}"
    on = on_columns(spec, left.table, right.table)
    check_sides((left, right), on, key)
    session = [name for name in on if name not in (left.time, right.time)]
    known = left if made is None else made.clock
    right, audit = align.aligned(protocol, pairing, known, right, session, clocks=clocks, error=clock_error)
    codes = _codes(protocol)
    units = None
    if spec.method in {EVENTS, *UNIT_METHODS}:
        given: regrid.Given = {"on": on, "codes": codes, "tables": tables or {}}
        units = _regridded(protocol, pairing, (left, right), made, given)
        left, right, on = units.reference, units.test, units.on
        matches = _same_units(*units.codes)
    elif spec.method == "nearest":
        matches = timing.by_time(spec, left, right, on, key)
    else:
        matches = _by_key(left, right, on, key)
    frame = _columns(left, right, on, matches)
    people = None if subjects is None else _people(protocol, subjects)
    subject = None if people is None else _subject_index(frame[SUBJECT], people)
    if people is not None and subject is not None:
        frame = _with_subjects(frame, people, subject)
    reasons = reasons_of.structural(matches, subject, codes)
    if units is None:
        reasons_of.add_declared(reasons, protocol, codes, [(left, matches.reference), (right, matches.test)])
    else:
        reasons_of.add_table(reasons, matches.reference, units.bits[0])
        reasons_of.add_table(reasons, matches.test, units.bits[1])
    if people is not None and subject is not None:
        table = protocol.tables.get(SUBJECTS)
        reasons_of.add_table(reasons, subject, reasons_of.of_table(protocol, codes, SUBJECTS, table, people))
    reasons_of.add_pairs(reasons, protocol, codes, frame)
    reasons_of.add_values(reasons, protocol, pairing, codes, frame)
    if audit is not None and spec.alignment is not None and spec.alignment.unresolved == "excluded":
        lost = align.unresolved(frame, audit, session)
        reasons[lost] |= np.uint64(1 << codes.index(CLOCK_UNRESOLVED))
    frame = _finish(frame, reasons, codes, matches)
    without = () if people is None else _without_rows(people, frame[SUBJECT], right.frame[SUBJECT])
    pairs = Pairs(
        pairing,
        version,
        frame,
        codes,
        left.frame.height,
        right.frame.height,
        without,
        None if matches.lone is None else _lone(right.frame[SUBJECT], *matches.lone, people),
        regrid=None if units is None else units.audit,
        clocks=audit,
    )
    verify(pairs)
    return pairs


def reference_side(
    protocol: Protocol,
    pairing: str,
    reference: pl.DataFrame,
    *,
    tables: Mapping[str, pl.DataFrame] | None = None,
) -> ReferenceSide:
    """All that pairing by units of time takes of a reference, made without a look at any test row.

    Args:
        protocol: The protocol.
        pairing: Identifier of a pairing by windows, epochs or sessions.
        reference: The reference table in contract columns and types.
        tables: Further tables of the protocol by name: the one with the stretches that count (`within`).

    Returns:
        What `pair` takes in place of the table, for any test table of the same contract.

    Raises:
        ContractError: The table cannot be brought to units of time so.
        IntegrityError: Rows were lost or doubled; a defect of this program.
    """
    spec = protocol.pairings[pairing]
    left, test = side_of(spec.reference, protocol, reference), protocol.tables[spec.test]
    on = on_columns(spec, left.table, test)
    check_sides((left,), on, f"pairings.{pairing}")
    times = left.time, None if test.time is None else called(test.time, test)
    clock = align.of_reference(protocol, pairing, left, [name for name in on if name not in times])
    units = reference_units(
        protocol,
        pairing,
        left,
        on=on,
        codes=_codes(protocol),
        tables=tables or {},
        scale=None if test.time is None else scale_of(left),
    )
    return ReferenceSide(units, clock)


def _regridded(
    protocol: Protocol,
    pairing: str,
    sides: tuple[Side, Side],
    made: ReferenceSide | None,
    given: regrid.Given,
) -> regrid.Regridded:
    """Both sides with one row a unit of time, or an outcome of events."""
    left, right = sides
    if protocol.pairings[pairing].method == EVENTS:
        return event_outcomes.outcomes(protocol, pairing, left, right, **given)
    if made is None:
        return regrid.regrid(protocol, pairing, left, right, **given)
    return regrid.with_test(protocol, pairing, made.units, right, **given)


def _codes(protocol: Protocol) -> tuple[str, ...]:
    """All reason codes, in the order of their bits."""
    codes = all_codes(protocol.exclusions)
    if len(codes) > 64:
        message = f"at most {64 - len(STRUCTURAL)} exclusion codes are possible."
        raise ContractError([Violation(message, key="exclusions", found=str(len(protocol.exclusions)))])
    return codes


def _same_units(reference: IntArray, test: IntArray) -> Matches:
    """Units of both sides with the same code are pairs."""
    if np.array_equal(reference, test):
        return matching.identical(len(reference))
    return matching.by_key(reference, test)


def _by_key(left: Side, right: Side, on: Sequence[str], key: str) -> Matches:
    if keys.same(left.frame, right.frame, on) and keys.sorted_unique(left.frame, on):
        return matching.identical(left.frame.height)
    violations: list[Violation] = []
    codes = keys.encode([left.frame, right.frame], on)
    for side, code in zip((left, right), codes, strict=True):
        repeated = keys.count_repeats(code)
        if repeated:
            message = (
                f"{', '.join(f'`{name}`' for name in on)} do not name one row of table `{side.name}`; "
                "pairing is one-to-one. Pair on more columns, or use `method: nearest`."
            )
            violations.append(Violation(message, key=f"{key}.on", count=repeated))
    if violations:
        raise ContractError(violations)
    return matching.by_key(codes[0], codes[1])


def _columns(left: Side, right: Side, on: Sequence[str], matches: Matches) -> pl.DataFrame:
    """Key columns by name, the others as `reference.x` and `test.x`, in output order."""
    reference = at(left.frame, matches.reference, identity=matches.identity)
    alone = bool((matches.reference < 0).any())
    further = right.frame if alone else _without(right.frame, on)
    test = at(further, matches.test, identity=matches.identity)
    shared = reference.select(on)
    if alone:
        shared = shared.with_columns(shared[name].fill_null(test[name]) for name in on)
    own = [name for name in reference.columns if name not in on]
    theirs = [name for name in test.columns if name not in on]
    return shared.hstack(
        [
            *(reference[name].alias("reference_row" if name == ROW else REFERENCE + name) for name in own),
            *(test[name].alias("test_row" if name == ROW else TEST + name) for name in theirs),
        ]
    )


def _without(frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """The other columns, as they are: `drop` would bring all of them into one piece first."""
    return pl.DataFrame([column for column in frame.get_columns() if column.name not in names])


_LONE = {
    matching.NO_PARTNER: NO_REFERENCE,
    matching.OUTSIDE: OUTSIDE_TOLERANCE,
    matching.NOT_NEAREST: NOT_NEAREST,
}


def _lone(
    subject: pl.Series, some: IntArray, counts: NDArray[np.int64], people: pl.DataFrame | None
) -> pl.DataFrame:
    """How many test rows of each subject stay alone, by reason.

    Args:
        subject: Subject of each test row.
        some: Some test row of each group.
        counts: (G, 4) how many rows of the group stay alone for each reason.
        people: The table of subjects: rows of others are those of orphans.
    """
    table = pl.DataFrame({"subject": subject.gather(some)}).with_columns(
        pl.Series(code, counts[:, why]) for why, code in _LONE.items()
    )
    long = table.unpivot(index="subject", variable_name="reason", value_name="n_rows")
    if people is not None:
        known = pl.col("subject").is_in(people[SUBJECT].to_list())
        long = long.with_columns(
            pl.when(known).then("reason").otherwise(pl.lit(ORPHAN_SUBJECT)).alias("reason")
        )
    summed = long.group_by("subject", "reason").agg(pl.col("n_rows").sum())
    return summed.filter(pl.col("n_rows") > 0).sort("subject", "reason")


def _without_rows(people: pl.DataFrame, *rows: pl.Series) -> tuple[str, ...]:
    """Subjects of the table of subjects that no row belongs to."""
    present = {name for one in rows for name in one.gather(keys.run_starts(one)).to_list()}
    return tuple(sorted(name for name in people[SUBJECT].to_list() if name not in present))


def _people(protocol: Protocol, subjects: pl.DataFrame) -> pl.DataFrame:
    """The table of subjects, its subject column called `subject`, one row each."""
    table = protocol.tables.get(SUBJECTS)
    name = SUBJECT if table is None else table.subject
    people = subjects.rename({name: SUBJECT}) if name != SUBJECT else subjects
    if people[SUBJECT].n_unique() != people.height:
        message = "the table of subjects has more than one row for a subject."
        raise ContractError([Violation(message, key=f"tables.{SUBJECTS}")])
    return people.drop(ROW, strict=False)


def _subject_index(subject: pl.Series, people: pl.DataFrame) -> IntArray:
    """Row of each pair's subject in the table of subjects, -1 where it is not."""
    starts = keys.run_starts(subject)
    place = {name: row for row, name in enumerate(people[SUBJECT].to_list())}
    heads = np.array([place.get(name, -1) for name in subject.gather(starts).to_list()], dtype=np.int64)
    return np.repeat(heads, np.diff(starts, append=len(subject)))


def _with_subjects(frame: pl.DataFrame, people: pl.DataFrame, subject: IntArray) -> pl.DataFrame:
    """Add the columns of the table of subjects by their names."""
    clash = [
        name for name in people.columns if name != SUBJECT and (name in frame.columns or name in RESERVED)
    ]
    if clash:
        raise ContractError(
            [
                Violation(
                    "this name is taken in the pairs; call the column otherwise.",
                    key=f"tables.{SUBJECTS}.columns.{name}",
                )
                for name in clash
            ]
        )
    return frame.hstack(at(people.drop(SUBJECT), subject))


def _finish(frame: pl.DataFrame, reasons: Bits, codes: tuple[str, ...], matches: Matches) -> pl.DataFrame:
    """Add status and reasons, columns in their documented order."""
    n = frame.height
    first = np.full(n, -1, dtype=np.int8)
    present = int(np.bitwise_or.reduce(reasons)) if n else 0
    for place in reversed([codes.index(code) for code in precedence(codes)]):
        if present >> place & 1:
            first[(reasons & np.uint64(1 << place)) != 0] = place
    status = np.zeros(n, dtype=np.int8)
    if not matches.identity:
        status[matches.test < 0] = 1
        status[matches.reference < 0] = 2
    new = [
        _words("status", _STATUS, status),
        _words("reason", codes, first),
        pl.Series("reasons", reasons, dtype=pl.UInt64),
    ]
    keyed = [name for name in frame.columns if "." not in name and name not in ("reference_row", "test_row")]
    return frame.select(keyed[0], *new, *[name for name in frame.columns if name != keyed[0]])


def _words(name: str, words: Sequence[str], place: NDArray[np.int8]) -> pl.Series:
    """A text column from places in a list of words, null at -1."""
    low, high = (int(place.min()), int(place.max())) if len(place) else (0, 0)
    if low == high:
        word = words[low] if low >= 0 else None
        return pl.Series(name, [word], dtype=pl.String).new_from_index(0, len(place))
    return at(pl.DataFrame({name: words}, schema={name: pl.String}), place).to_series()


def verify(pairs: Pairs) -> None:
    """Every reference row and every test row is there exactly once, with a status and a reason that fit.

    Raises:
        IntegrityError: They are not; which rows and how many.
    """
    frame = pairs.frame
    told = pairs.n_test_rows - pairs.n_lone_test
    for column, expected in (("reference_row", pairs.n_reference_rows), ("test_row", told)):
        rows = frame[column].drop_nulls()
        if len(rows) != expected:
            raise IntegrityError(
                f"pairing `{pairs.pairing}`: {len(rows):,} of {expected:,} rows in {column}."
            )
        if not _all_different(rows.to_numpy()):
            raise IntegrityError(f"pairing `{pairs.pairing}`: a row appears more than once in {column}.")
    has = frame["reference_row"].is_not_null(), frame["test_row"].is_not_null()
    paired = has[0] & has[1]
    if not (has[0] | has[1]).all():
        raise IntegrityError(f"pairing `{pairs.pairing}`: a row holds neither a reference nor a test row.")
    status = frame["status"]
    if not ((status == "paired") == paired).all() or not ((status == "test_only") == ~has[0]).all():
        raise IntegrityError(f"pairing `{pairs.pairing}`: a row's status is not what it holds.")
    if (frame["reason"].is_null() & ~paired).any() or (
        frame["reason"].is_null() != (frame["reasons"] == 0)
    ).any():
        raise IntegrityError(f"pairing `{pairs.pairing}`: a row without a pair carries no reason code.")
    if pairs.regrid is not None:
        _verify_units(pairs, pairs.regrid)


def _verify_units(pairs: Pairs, audit: pl.DataFrame) -> None:
    """Of every session, the rows read are the rows used and left out."""
    told = (
        audit.group_by(pl.exclude("reason", "n_rows"))
        .agg(
            read=pl.col("n_rows").filter(pl.col("reason") == row_audit.READ).sum(),
            told=pl.col("n_rows").filter(pl.col("reason") != row_audit.READ).sum(),
        )
        .filter(pl.col("read") != pl.col("told"))
    )
    if told.height:
        raise IntegrityError(
            f"pairing `{pairs.pairing}`: in {told.height:,} sessions the rows read are not the rows that "
            "units of time account for."
        )


def _all_different(rows: IntArray) -> bool:
    if keys.strictly_increasing(rows):
        return True
    if len(rows) and rows.min() >= 0 and rows.max() < 4 * len(rows):
        return int(np.bincount(rows).max()) == 1
    return len(np.unique(rows)) == len(rows)
