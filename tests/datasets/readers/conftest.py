"""Files of devices, and the study that reads them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from accordance.datasets.read import TableData, read_table
from accordance.datasets.sources import Reading, Source
from accordance.protocols.model import Column, Conversion, Table

sys.path.append(str(Path(__file__).parent))  # so that tests can say `import device_files`


@pytest.fixture
def contract() -> Callable[..., Table]:
    """`contract(hr={"unit": "1/min"}, time="datetime")`: a table of these columns; all may be empty."""

    def go(key: Sequence[str] = (), **columns: str | dict[str, Any]) -> Table:
        made = {}
        for name, given in columns.items():
            spec: dict[str, Any] = {"type": given} if isinstance(given, str) else dict(given)
            spec.setdefault("type", "number")
            if name not in key and name != "subject":
                spec.setdefault("missing", "allowed")
            made[name] = Column(**spec)
        made.setdefault("subject", Column(type="text"))
        return Table(key=tuple(key) or ("subject", next(iter(made))), columns=made)

    return go


@pytest.fixture
def take(study: Path) -> Callable[..., TableData]:
    """`take(table, file="data/x.edf", rows="epochs", ...)`: words of `reader` and of the source mixed."""

    def go(
        table: Table,
        conversions: Sequence[tuple[str, str, float]] = (),
        roots: dict[str, str] | None = None,
        **given: Any,
    ) -> TableData:
        how = {name: given.pop(name) for name in list(given) if name in Reading.model_fields}
        given.setdefault("constants", {"subject": "001"})
        source = Source(**given, reader=Reading(**how) if how else None)
        rules = [
            Conversion.model_validate({"from": a, "to": b, "factor": factor}) for a, b, factor in conversions
        ]
        return read_table("t", table, source, base=study, roots=roots or {"data": "data"}, conversions=rules)

    return go
