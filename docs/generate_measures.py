"""The page of measures, from what the code declares."""

from __future__ import annotations

from generate_functions import cell
from generate_statistics import parameter_row, table

from accordance.evaluators import measures
from accordance.evaluators.measures import Measure

PARAMETERS = "| name | value | default | meaning |"


def measure_sections() -> str:
    """All measures: definition, unit, what they are made of, options, sources."""
    return "\n\n".join(_section(measures.get(name)) for name in measures.names())


def _section(measure: Measure) -> str:
    made = (
        f"numbers in {' or '.join(f'`{unit}`' for unit in measure.units)}"
        if measure.kind == "number"
        else f"categories that are {', '.join(f'`{name}`' for name in measure.classes)}"
    )
    parts = [
        f"## {measure.title}",
        f"`{measure.name}`, in `{measure.unit}`, of {made}. {cell(measure.definition)}",
    ]
    if measure.parameters:
        parts.append(table(PARAMETERS, [parameter_row(one) for one in measure.parameters]))
    parts += [f"*{cell(citation.text)}*" for citation in measure.citations]
    return "\n\n".join(parts)
