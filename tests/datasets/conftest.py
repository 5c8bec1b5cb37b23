"""Small tables and protocols that the tests of `datasets` share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accordance.datasets.read import TableData, read_table
from accordance.datasets.sources import Source
from accordance.protocols.errors import ContractError, Violation
from accordance.protocols.model import Column, Protocol, Table

sys.path.append(str(Path(__file__).parent))  # so that tests can say `from clock_sessions import session`

HEART_RATE = Column(type="number", unit="1/min", range=(0, 300))


@pytest.fixture
def table() -> Table:
    """Heart rate by subject and epoch."""
    return Table(
        key=("subject", "epoch"),
        columns={"subject": Column(type="text"), "epoch": Column(type="integer"), "hr": HEART_RATE},
    )


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study folder with an empty data folder, its only root."""
    (tmp_path / "data").mkdir()
    return tmp_path


@pytest.fixture
def read(study: Path, table: Table) -> Callable[..., TableData]:
    """`read(content, ...)`: write a file under the root and read it by the table's contract."""

    def go(content: bytes | str, name: str = "hr.csv", contract: Table = table, **source: Any) -> TableData:
        data = content if isinstance(content, bytes) else content.encode()
        (study / "data" / name).write_bytes(data)
        given = {"file": f"data/{name}"} | source
        return read_table(
            "reference", contract, Source(**given), base=study, roots={"data": "data"}, exclusions=("motion",)
        )

    return go


@pytest.fixture
def refused() -> Callable[..., list[Violation]]:
    """`refused(call, ...)`: the violations that a call raises."""

    def go(call: Callable[..., Any], *arguments: Any, **options: Any) -> list[Violation]:
        with pytest.raises(ContractError) as caught:
            call(*arguments, **options)
        return list(caught.value.violations)

    return go


@pytest.fixture
def protocol_of() -> Callable[..., Protocol]:
    """`protocol_of(tables=..., pairings=..., ...)`: a protocol with the rest filled in."""

    def go(**parts: Any) -> Protocol:
        given = {"id": "t", "version": "1", "title": "T", "intended_use": "U", "objective": "O", "seed": 1}
        return Protocol(schema="accordance/protocol/1", **{"endpoints": {}, **given, **parts})

    return go


@pytest.fixture(scope="session")
def protocol_of_session() -> Callable[..., Protocol]:
    """`protocol_of` for property tests, which take no function-scoped fixture."""

    def go(**parts: object) -> Protocol:
        given = {"id": "t", "version": "1", "title": "T", "intended_use": "U", "objective": "O", "seed": 1}
        return Protocol.model_validate({"schema": "accordance/protocol/1", "endpoints": {}, **given, **parts})

    return go
