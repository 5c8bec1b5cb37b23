"""Reason codes of the rows of a pairing, as bits: what pairing found, what data and rules say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..protocols.errors import ContractError, Violation, nearest
from ..protocols.model import Protocol, Table, Where
from . import conditions, matching
from .keys import IntArray
from .matching import Matches
from .pairs import (
    INDETERMINATE,
    MISSING_VALUE,
    NO_REFERENCE,
    NO_TEST,
    NOT_NEAREST,
    ORPHAN_SUBJECT,
    OUTSIDE_TOLERANCE,
    REFERENCE,
    STRUCTURAL,
    TEST,
    UNLISTED,
)
from .sides import Side, called

Bits = NDArray[np.uint64]


def structural(matches: Matches, subject: IntArray | None, codes: tuple[str, ...]) -> Bits:
    """Codes that follow from pairing itself.

    Args:
        matches: What pairing found.
        subject: Each row's place in the table of subjects, -1 where it is not; None: there is no such table.
        codes: All codes, in order.
    """
    bit = {code: np.uint64(1 << codes.index(code)) for code in STRUCTURAL}
    reasons = np.zeros(len(matches.reference), dtype=np.uint64)
    if subject is not None:
        reasons[subject < 0] |= bit[ORPHAN_SUBJECT]
    if matches.identity:
        return reasons
    lonely = matches.why == matching.NO_PARTNER
    reasons[lonely & (matches.test < 0)] |= bit[NO_TEST]
    reasons[lonely & (matches.reference < 0)] |= bit[NO_REFERENCE]
    reasons[matches.why == matching.OUTSIDE] |= bit[OUTSIDE_TOLERANCE]
    reasons[matches.why == matching.NOT_NEAREST] |= bit[NOT_NEAREST]
    return reasons


def add_declared(
    reasons: Bits, protocol: Protocol, codes: tuple[str, ...], sides: Sequence[tuple[Side, IntArray]]
) -> None:
    """Add the codes that the rows of the reference and the test table carry or satisfy."""
    for side, index in sides:
        add_table(reasons, index, of_table(protocol, codes, side.name, side.table, side.frame))


def add_table(reasons: Bits, index: IntArray, bits: Bits | None) -> None:
    """Add a table's codes to the rows that hold a row of it."""
    if bits is not None and bits.any():
        reasons |= np.where(index >= 0, bits[np.maximum(index, 0)], np.uint64(0))


def of_table(
    protocol: Protocol, codes: tuple[str, ...], name: str, table: Table | None, frame: pl.DataFrame
) -> Bits | None:
    """Exclusion codes of each row of one table: from its exclusion column and from rules about this table.

    Raises:
        ContractError: A code that the protocol does not declare, or a rule that does not fit the table.
    """
    rules = {
        code: rule.where for code, rule in protocol.exclusions.items() if rule.table == name and rule.where
    }
    column = None if table is None or table.exclusion is None else called(table.exclusion, table)
    if not rules and (column is None or column not in frame.columns):
        return None
    bits = np.zeros(frame.height, dtype=np.uint64)
    if column is not None and column in frame.columns:
        _add_carried(bits, frame[column], protocol, codes, name)
    for code, where in rules.items():
        if table is not None:
            where = {called(key, table): condition for key, condition in where.items()}  # noqa: PLW2901
        bits[_holds(where, code, frame)] |= np.uint64(1 << codes.index(code))
    return bits


def _add_carried(
    bits: Bits, column: pl.Series, protocol: Protocol, codes: tuple[str, ...], name: str
) -> None:
    """Add the codes that an exclusion column carries."""
    for code in column.unique().drop_nulls().sort().to_list():
        if code not in codes and protocol.unknown_exclusions == "deviation":
            bits[(column == code).fill_null(value=False).to_numpy()] |= np.uint64(1 << codes.index(UNLISTED))
            continue
        if code not in codes:
            listed = ", ".join(f"`{declared}`" for declared in protocol.exclusions) or "none"
            message = f"exclusion code that the protocol does not declare; declared: {listed}."
            hint = nearest(code, codes)
            raise ContractError(
                [Violation(message, key=f"{name}.{column.name}", found=code, suggestion=hint)]
            )
        bits[(column == code).fill_null(value=False).to_numpy()] |= np.uint64(1 << codes.index(code))


def add_pairs(reasons: Bits, protocol: Protocol, codes: tuple[str, ...], frame: pl.DataFrame) -> None:
    """Add the codes of rules that speak of the pair: no table named, columns as `reference.x`, `test.x`."""
    for code, rule in protocol.exclusions.items():
        if rule.where and rule.table is None:
            reasons[_holds(rule.where, code, frame)] |= np.uint64(1 << codes.index(code))


def add_values(
    reasons: Bits, protocol: Protocol, pairing: str, codes: tuple[str, ...], frame: pl.DataFrame
) -> None:
    """Note pairs in which a value column that an endpoint uses is empty or holds no result.

    Nothing is removed by these codes alone: an endpoint leaves out what its own columns and its view say.
    """
    paired = (frame["reference_row"].is_not_null() & frame["test_row"].is_not_null()).to_numpy()
    for name, levels in _value_columns(protocol, pairing).items():
        if name not in frame.columns:
            continue
        values = frame[name]
        if values.null_count():
            reasons[paired & values.is_null().to_numpy()] |= np.uint64(1 << codes.index(MISSING_VALUE))
        if levels:
            none = values.is_in(list(levels)).fill_null(value=False).to_numpy()
            reasons[paired & none] |= np.uint64(1 << codes.index(INDETERMINATE))


def _value_columns(protocol: Protocol, pairing: str) -> dict[str, tuple[str, ...]]:
    """Value columns of a pairing's endpoints as the pairs name them, with the levels that are no result."""
    rule = protocol.pairings[pairing]
    found: dict[str, tuple[str, ...]] = {}
    for endpoint in protocol.endpoints.values():
        if endpoint.pairing != pairing:
            continue
        for prefix, table, column in (
            (REFERENCE, rule.reference, endpoint.reference),
            (TEST, rule.test, endpoint.test),
        ):
            spec = protocol.tables[table].columns.get(column) if column else None
            if spec is not None:
                found[f"{prefix}{column}"] = spec.indeterminate
    return found


def _holds(where: Where, code: str, frame: pl.DataFrame) -> NDArray[np.bool_]:
    """Rows for which a rule's conditions hold."""
    violations = conditions.check(where, frame.schema, key=f"exclusions.{code}.where")
    if violations:
        raise ContractError(violations)
    return frame.select(held=conditions.expression(where))["held"].to_numpy()
