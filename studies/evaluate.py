"""Evaluate two data frames under a protocol, without a study folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from ..datasets.read import TableData, from_frame
from ..protocols import library
from ..protocols import load as protocol_files
from ..protocols.errors import ContractError, UsageError, Violation
from ..protocols.model import Protocol
from . import across, ledger
from .analysis import Material, analyse, identified
from .folder import declared_codes, shared_tables, test_tables
from .manifest import tool_version
from .requirements import empty_columns
from .results import Results
from .slices import SUBJECTS

Frame = Any
"""A polars, pandas or pyarrow data frame, or a dict of columns."""


def evaluate(
    reference: Frame,
    test: Frame,
    *,
    protocol: str | Path | Protocol,
    subjects: Frame | None = None,
    tables: Mapping[str, Frame] | None = None,
    variant: str | None = None,
    version: str = "test",
    workers: int | None = None,
    spellings: Literal["checked", "distinct"] = "checked",
) -> Results:
    """Hold the output of an algorithm against a reference, as a protocol says.

    Args:
        reference: Reference rows, columns as the protocol's reference table declares them. A protocol with
            several reference tables takes a mapping of table name to frame.
        test: Rows of the algorithm, likewise.
        protocol: Path of a protocol file, YAML text, identifier of a library protocol, or a `Protocol`.
        subjects: Rows of the subjects table, where the protocol has one.
        tables: Rows of its further tables (readings, deviations, adverse events), by table name.
        variant: Which of the protocol's variants. Default: the one it says.
        version: Name of the algorithm version, for the results.
        workers: Threads; default one a processor. The numbers do not depend on it.
        spellings: "checked" refuses subjects whose names differ in case, blanks, hyphens or zeros before a
            number as one subject spelt twice; "distinct" takes them for different people.

    Returns:
        Results in memory: rows, decision, and the pairs behind them.

    Raises:
        UsageError: No such protocol, or frames that do not fit its tables.
        ContractError: The protocol or the data violate their contract; everything found is listed.

    Example:
        >>> results = evaluate(
        ...     {"subject": ["1", "2", "3", "4"], "rate": [60.0, 72.0, 80.0, 55.0]},
        ...     {"subject": ["1", "2", "3", "4"], "rate": [61.0, 71.0, 83.0, 55.0]},
        ...     protocol='''
        ... schema: accordance/protocol/1
        ... id: heart-rate
        ... version: "1"
        ... title: Heart rate against ECG
        ... intended_use: Heart rate at rest.
        ... objective: To estimate the error of the rate.
        ... tables:
        ...   reference: &rate
        ...     key: [subject]
        ...     columns: {subject: {type: text}, rate: {type: number, unit: 1/min, range: [20, 250]}}
        ...   test:
        ...     key: [subject]
        ...     columns: {subject: {type: text}, rate: {type: number, unit: 1/min, range: [20, 250]}}
        ... pairings: {all: {}}
        ... endpoints:
        ...   bias: {title: Bias, role: primary, metric: bland_altman, parameters: {truth: independent},
        ...          reference: rate, test: rate,
        ...          criterion: {compare: both, operator: within, limit: [-5, 5], unit: 1/min}}
        ... seed: 1
        ... '''.replace(" &rate", ""),
        ... )
        >>> results.decision, round(results.endpoint("bias")["estimate"][0], 4)
        ('met', 0.75)
    """
    resolved = protocol if isinstance(protocol, Protocol) else find_protocol(protocol, variant)
    given = {
        **_named(reference, _tables(resolved, "reference"), "reference"),
        **_named(test, _tables(resolved, "test"), "test"),
    }
    if subjects is not None:
        if SUBJECTS not in resolved.tables:
            raise UsageError("the protocol has no `subjects` table, so it takes no subjects")
        given[SUBJECTS] = subjects
    elif SUBJECTS in resolved.tables:
        raise UsageError("the protocol has a `subjects` table: pass its rows as `subjects=`")
    given.update(_further(resolved, tables or {}))
    data = _read(resolved, given, spellings)
    frames = {name: table.frame for name, table in data.items()}
    own = set(test_tables(resolved))
    found = Material(
        protocol=resolved,
        study={"id": resolved.id, "title": resolved.title},
        algorithm=version,
        deciding_version=version,
        shared={name: frames[name] for name in shared_tables(resolved) if name in frames},
        tests={version: {name: frame for name, frame in frames.items() if name in own}},
        handled=[
            {"table": name, "version": version if name in own else None, **one.facts()}
            for name, table in data.items()
            for one in table.handled
        ],
    )
    started = ledger.utc()
    analysis = analyse(found, workers=workers)
    identity = {"id": None, "started": started, "finished": ledger.utc(), "accordance": tool_version()}
    return Results(
        analysis.rows,
        identified(analysis.document, identity),
        pairs={place: pairs.frame for place, pairs in analysis.pairs.items()},
        clocks={place: own.clocks for place, own in analysis.pairs.items() if own.clocks is not None},
    )


def find_protocol(protocol: str | Path, variant: str | None = None) -> Protocol:
    """A protocol from a path, YAML text, or its identifier in the library.

    Raises:
        UsageError: There is none.
        ContractError: It violates its contract.
    """
    if isinstance(protocol, str) and "\n" in protocol:
        return protocol_files.parse(protocol, variant=variant)
    name = str(protocol).removeprefix("library:")
    if name in library.names():
        return library.load(name, variant)
    path = Path(protocol)
    if not path.is_file():
        raise UsageError(
            f"there is no protocol {name!r}: neither a file nor one of the library, "
            f"which has {', '.join(library.names())}"
        )
    return protocol_files.load(path, variant)


def _tables(protocol: Protocol, side: str) -> tuple[str, ...]:
    """Tables that stand on one side of a pairing, in the order of the protocol; test tables count as test."""
    own = test_tables(protocol)
    if side == "test":
        return own
    used = {pairing.reference for pairing in protocol.pairings.values()}
    return tuple(name for name in protocol.tables if name in used and name not in own)


def _named(given: Frame, tables: tuple[str, ...], argument: str) -> dict[str, Frame]:
    """Frames by the name of their table."""
    if isinstance(given, Mapping) and given and set(given) <= set(tables) and not _is_columns(given):
        return dict(given)
    if len(tables) != 1:
        raise UsageError(
            f"the protocol has {len(tables)} tables for `{argument}`: pass a mapping of table name to frame; "
            f"tables: {', '.join(tables)}"
        )
    return {tables[0]: given}


def _further(protocol: Protocol, tables: Mapping[str, Frame]) -> dict[str, Frame]:
    """Frames of tables beside subjects and the pairings': readings, deviations, adverse events."""
    paired = {side for one in protocol.pairings.values() for side in (one.reference, one.test)}
    accepted = [name for name in protocol.tables if name not in paired and name != SUBJECTS]
    for name in tables:
        if name not in accepted:
            offer = ", ".join(accepted) or "none"
            raise UsageError(f"`tables` takes the protocol's further tables ({offer}); there is no `{name}`")
    return dict(tables)


def _is_columns(given: Mapping[str, Any]) -> bool:
    """Whether a mapping holds columns, not frames."""
    return not all(isinstance(value, Mapping) or hasattr(value, "columns") for value in given.values())


def _read(protocol: Protocol, given: Mapping[str, Frame], spellings: str) -> dict[str, TableData]:
    """Frames held against their contract; the violations of all of them at once."""
    violations: list[Violation] = []
    read: dict[str, TableData] = {}
    for name, table in protocol.tables.items():
        if name not in given and not table.required:
            continue
        if name not in given:
            violations.append(Violation(f"no frame was given for table `{name}`", key=name))
            continue
        try:
            read[name] = from_frame(
                name,
                table,
                given[name],
                conversions=protocol.conversions,
                exclusions=declared_codes(protocol),
            )
        except ContractError as error:
            violations.extend(error.violations)
    violations += empty_columns(protocol, {name: table.frame for name, table in read.items()})
    violations += across.zones_mixed(protocol, read)
    if spellings == "checked":
        violations += across.spelt_twice(protocol, read, 'spellings="distinct"')
    if violations:
        raise ContractError(violations)
    return read
