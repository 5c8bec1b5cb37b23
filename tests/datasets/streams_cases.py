"""Contracts and protocols of streams that several tests use."""

from __future__ import annotations

from typing import Any

import polars as pl

from accordance.datasets.pairing import pair
from accordance.datasets.pairs import Pairs
from accordance.protocols.base import Quantity
from accordance.protocols.context import Context
from accordance.protocols.model import Column, Exclusion, Pairing, Protocol, Table
from accordance.protocols.model import Unit as UnitOf
from accordance.protocols.pairings import resolve_pairing

LEVELS = ("wake", "rem", "deep", "unscored")
SCHEMA = {
    "subject": pl.String,
    "time": pl.Float64,
    "rate": pl.Float64,
    "stage": pl.String,
    "site": pl.String,
    "span": pl.Float64,
    "code": pl.String,
}


def table(**changed: Any) -> Table:
    """A stream of rates and stages, each row a second."""
    columns = {
        "subject": Column(type="text"),
        "time": Column(type="number", unit="s"),
        "rate": Column(type="number", unit="1/min", range=(0, 400), missing="allowed"),
        "stage": Column(type="category", levels=LEVELS, indeterminate=("unscored",), missing="allowed"),
        "site": Column(type="text", missing="allowed"),
        "span": Column(type="number", unit="s", missing="allowed"),
        "code": Column(type="text", missing="allowed"),
    }
    usual = {"key": ("subject", "time"), "time": "time", "columns": columns, "exclusion": "code"}
    if "duration" not in changed:
        usual["interval"] = Quantity.from_text("1 s")
    return Table(**{**usual, **changed})


LIGHTS = Table(
    key=("subject", "off"),
    columns={
        "subject": Column(type="text"),
        "off": Column(type="number", unit="s"),
        "on": Column(type="number", unit="s"),
    },
)


def protocol(unit: dict[str, Any] | None = None, *, method: str = "windows", **more: Any) -> Protocol:
    """A protocol whose pairing makes units of time; without endpoints, so that every column is a value."""
    sides = {"reference": more.pop("reference", table()), "test": more.pop("test", table())}
    given: dict[str, Any] = {} if unit is None else {"unit": UnitOf.model_validate(unit)}
    given |= {"on": more.pop("on")} if "on" in more else {}
    draft = Protocol(
        schema="accordance/protocol/1",
        id="streams",
        version="1",
        title="Streams",
        seed=1,
        intended_use="Wear",
        objective="Agreement",
        endpoints={},
        tables={**sides, "lights": LIGHTS},
        pairings={"main": Pairing(method=method, **given)},
        exclusions={
            "artefact": Exclusion(title="Artefact"),
            "moved": Exclusion(title="Moved"),
        },
        **more,
    )
    context = Context(draft)
    found = resolve_pairing(context, "main", draft.pairings["main"])
    assert not context.violations, context.violations
    return draft.model_copy(update={"pairings": {"main": found}})


def rows(*given: tuple[Any, ...]) -> pl.DataFrame:
    """Rows of (subject, time, rate, stage, site, span, code), short ones filled with nothing."""
    filled = [(*row, *[None] * (len(SCHEMA) - len(row))) for row in given]
    return pl.DataFrame(filled, schema=SCHEMA, orient="row")


def made(
    rules: Protocol, reference: pl.DataFrame, test: pl.DataFrame, lights: pl.DataFrame | None = None
) -> Pairs:
    """Pairs of the two tables."""
    tables = None if lights is None else {"lights": lights}
    return pair(rules, "main", reference=reference, test=test, version="1", tables=tables)
