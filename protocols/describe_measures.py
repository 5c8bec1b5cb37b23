"""Measures of units of time, in plain words."""

from __future__ import annotations

from ..evaluators import measures
from .model import Protocol


def measured(protocol: Protocol) -> list[str]:
    """Each measure of a unit of time, its definition and options, as a sentence."""
    return [
        sentence(table, name, column.measure.of, protocol)
        for table, contract in protocol.tables.items()
        for name, column in contract.columns.items()
        if column.measure is not None
    ]


def sentence(table: str, name: str, source: str, protocol: Protocol) -> str:
    """One measure as a sentence."""
    spec = protocol.tables[table].columns[name].measure
    if spec is None:
        raise ValueError(f"`{name}` of `{table}` is no measure")
    measure = measures.get(spec.name)
    said = [
        f"{key.replace('_', ' ')} {value:g}"
        if isinstance(value, float)
        else f"{key.replace('_', ' ')} {value}"
        for key, value in spec.parameters.items()
        if value is not None
    ]
    said += [f"{level} is {meaning}" for level, meaning in spec.classes.items() if level != meaning]
    options = f" ({'; '.join(said)})" if said else ""
    words = measure.said(spec.parameters)
    lowered = words if words[1:2].isupper() else words[0].lower() + words[1:]
    definition = lowered.rstrip(".")
    return (
        f"In `{table}`, `{name}` is {measure.title} of `{source}`, unit of time by unit of time: "
        f"{definition}{options}."
    )
