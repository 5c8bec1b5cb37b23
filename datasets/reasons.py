"""Reason codes of the rows of a pairing, as bits: what pairing found, what data and rules say."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..protocols.errors import ContractError, Violation, nearest
from ..protocols.model import Exclusion, Protocol, Table
from . import conditions, matching
from .keys import IntArray
from .matching import Matches
from .pairs import NO_REFERENCE, NO_TEST, NOT_NEAREST, ORPHAN_SUBJECT, OUTSIDE_TOLERANCE, STRUCTURAL
from .sides import Side, called

Bits = NDArray[np.uint64]


def structural(matches: Matches, subject: IntArray, codes: tuple[str, ...]) -> Bits:
    """Codes that follow from pairing itself."""
    bit = {code: np.uint64(1 << codes.index(code)) for code in STRUCTURAL}
    reasons = np.zeros(len(subject), dtype=np.uint64)
    reasons[subject < 0] |= bit[ORPHAN_SUBJECT]
    if matches.identity:
        return reasons
    lone_reference = matches.why == matching.NO_PARTNER
    reasons[lone_reference & (matches.test < 0)] |= bit[NO_TEST]
    reasons[lone_reference & (matches.reference < 0)] |= bit[NO_REFERENCE]
    reasons[matches.why == matching.OUTSIDE] |= bit[OUTSIDE_TOLERANCE]
    reasons[matches.why == matching.NOT_NEAREST] |= bit[NOT_NEAREST]
    return reasons


def declared(protocol: Protocol, codes: tuple[str, ...], left: Side, right: Side, matches: Matches) -> Bits:
    """Codes that the rows of the reference and the test table carry or satisfy."""
    reasons = np.zeros(len(matches.reference), dtype=np.uint64)
    for side, index in ((left, matches.reference), (right, matches.test)):
        bits = of_table(protocol, codes, side.name, side.table, side.frame)
        if bits.any():
            reasons |= np.where(index >= 0, bits[np.maximum(index, 0)], np.uint64(0))
    return reasons


def of_table(
    protocol: Protocol, codes: tuple[str, ...], name: str, table: Table | None, frame: pl.DataFrame
) -> Bits:
    """Exclusion codes of each row of one table: from its exclusion column and from rules about this table."""
    bits = np.zeros(frame.height, dtype=np.uint64)
    if table is not None and table.exclusion is not None and table.exclusion in frame.columns:
        column = frame[table.exclusion]
        for code in column.unique().drop_nulls().to_list():
            if code not in codes:
                listed = ", ".join(f"`{declared}`" for declared in protocol.exclusions) or "none"
                message = f"exclusion code `{code}` is not declared in the protocol; declared: {listed}."
                raise ContractError(
                    [Violation(message, key=f"{name}.{table.exclusion}", suggestion=nearest(code, codes))]
                )
            bits[(column == code).fill_null(False).to_numpy()] |= np.uint64(1 << codes.index(code))
    for code, rule in protocol.exclusions.items():
        if rule.where is not None and rule.table == name:
            where = (
                rule.where
                if table is None
                else {called(column, table): test for column, test in rule.where.items()}
            )
            bits[_holds(Exclusion(title=rule.title, where=where), code, frame)] |= np.uint64(
                1 << codes.index(code)
            )
    return bits


def of_pairs(protocol: Protocol, codes: tuple[str, ...], frame: pl.DataFrame) -> Bits:
    """Codes of rules that speak of the pair: no table named, columns as `reference.x`, `test.x`."""
    bits = np.zeros(frame.height, dtype=np.uint64)
    for code, rule in protocol.exclusions.items():
        if rule.where is not None and rule.table is None:
            bits[_holds(rule, code, frame)] |= np.uint64(1 << codes.index(code))
    return bits


def _holds(rule: Exclusion, code: str, frame: pl.DataFrame) -> NDArray[np.bool_]:
    """Rows for which a rule's conditions hold."""
    where = rule.where or {}
    violations = conditions.check(where, frame.schema, key=f"exclusions.{code}.where")
    if violations:
        raise ContractError(violations)
    held: NDArray[np.bool_] = frame.select(held=conditions.expression(where))["held"].to_numpy()
    return np.broadcast_to(held, (frame.height,))
