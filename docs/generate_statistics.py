"""Pages of the metrics, the interval methods and the library's protocols, from what the code declares."""

from __future__ import annotations

from typing import Any

from generate_functions import cell, described, example, plain_function, sections, signature

from accordance.evaluators import registry
from accordance.evaluators.intervals import METHODS
from accordance.evaluators.metric import REQUIRED, Citation, Metric, Parameter, Statistic
from accordance.protocols import library

KINDS = {
    "measurement": "numbers with a unit",
    "binary": "positive or negative",
    "categorical": "two or more categories",
    "score": "a number of the test against a reference that is positive or negative",
}
BETTER = {
    "higher": "higher is better",
    "lower": "lower is better",
    "near_zero": "zero is best",
    "none": "neither is better",
}
ROUTES = {
    "additive": "additive: per-subject totals, so any reweighting of subjects is one matrix product",
    "ordered": "ordered: the rows are sorted once",
    "refit": "refit: the model is fitted again for every replicate",
}


def table(head: str, rows: list[str]) -> str:
    """A Markdown table; `head` is its first line."""
    return "\n".join([head, "|" + "---|" * (head.count("|") - 1), *rows])


def metrics() -> list[Metric]:
    """All metrics, by the kind of values they take, then by title."""
    kinds = list(KINDS)
    return sorted(registry.all_metrics(), key=lambda metric: (kinds.index(metric.kind), metric.title))


def metric_table() -> str:
    """All metrics, by the kind of values they take."""
    parts = []
    for kind, words in KINDS.items():
        rows = [
            f"| [{cell(metric.title)}]({metric.name}.md) | `{metric.name}` | {cell(metric.summary)} |"
            for metric in metrics()
            if metric.kind == kind
        ]
        head = "| metric | name in a protocol | in one sentence |"
        parts.append(f"## {words[0].upper()}{words[1:]}\n\n{table(head, rows)}\n")
    return "\n".join(parts)


def statistic_rows(statistics: tuple[Statistic, ...]) -> list[str]:
    """One row a statistic."""
    return [
        f"| `{one.name}` | {cell(one.title)} | {cell(one.definition)} | {one.unit} | {BETTER[one.better]} "
        f"| {', '.join(f'[`{name}`](intervals.md#{name})' for name in one.intervals)} |"
        for one in statistics
    ]


def parameter_row(parameter: Parameter) -> str:
    """One row a parameter."""
    default = "**mandatory**" if parameter.default is REQUIRED else f"`{parameter.default}`"
    accepted = ", ".join(f"`{choice}`" for choice in parameter.choices) or parameter.kind
    if parameter.minimum is not None or parameter.maximum is not None:
        accepted += f" from {parameter.minimum} to {parameter.maximum}"
    return f"| `{parameter.name}` | {accepted} | {default} | {cell(parameter.doc)} |"


def citation_lines(citations: tuple[Citation, ...]) -> str:
    """Sources as a list."""
    return "\n".join(f"- {citation.text}" for citation in citations)


def docstring_example(thing: Any) -> str:
    """The runnable example of a docstring; the test suite runs the same lines."""
    return example(sections(thing).get("Example", ""))


def metric_page(metric: Metric) -> str:
    """Everything a protocol's author or a reviewer asks of a metric."""
    function = plain_function(metric)
    parts = [
        f"# {metric.title}\n\n{metric.summary}\n",
        f"In a protocol: `metric: {metric.name}`. Values: {KINDS[metric.kind]}. "
        f"Without `statistic`, a criterion speaks of `{metric.headline}`. "
        f"Computed by the route {ROUTES[metric.route]}.\n",
        "## Statistics\n",
        table(
            "| name | title | definition | unit | direction | intervals |", statistic_rows(metric.statistics)
        ),
        "",
    ]
    if metric.parameters:
        parts += ["## Parameters\n", table(
            "| name | value | default | meaning |", [parameter_row(one) for one in metric.parameters]
        ), ""]  # fmt: skip
    parts += ["## Average\n"]
    if len(metric.averages) > 1:
        parts.append(
            "`average` is mandatory in a protocol: `pooled` takes all rows together, so a subject with many "
            "rows weighs more; `subject_mean` is the mean of the subjects' own values.\n"
        )
    else:
        parts.append(f"Only `{metric.averages[0]}`.\n")
    if function is not None:
        parts.append(f"## In Python\n\n```python\n{signature(function)}\n```\n\n{described(function)}\n")
    if metric.citations:
        parts.append(f"## Sources\n\n{citation_lines(metric.citations)}\n")
    return "\n".join(parts)


def metric_pages() -> dict[str, str]:
    """Name -> page."""
    return {metric.name: metric_page(metric) for metric in metrics()}


def interval_table() -> str:
    """All interval methods, each under its anchor."""
    parts = []
    for method in METHODS.values():
        notes = ["Resamples subjects." if method.resampling else "Analytic."]
        if method.two_sided_only:
            notes.append("Two-sided only.")
        users = ", ".join(f"[{one.title}]({one.name}.md)" for one in metrics() if offers(one, method.name))
        parts.append(
            f"## {method.title} {{ #{method.name} }}\n\n"
            f"`method: {method.name}`. {method.words} {' '.join(notes)}\n\n"
            f"Offered by: {users or 'no built-in metric'}.\n\n{citation_lines(method.citations)}\n"
        )
    return "\n".join(parts)


def offers(metric: Metric, method: str) -> bool:
    """Whether a statistic of the metric has that interval."""
    return any(method in statistic.intervals for statistic in metric.statistics)


def protocol_names() -> tuple[str, ...]:
    """Identifiers of the built-in protocols."""
    return tuple(library.names())


def protocol_table() -> str:
    """All built-in protocols."""
    rows = []
    for name in protocol_names():
        protocol = library.load(name)
        words = (f"[`{name}`]({name}.md)", protocol.title, protocol.version, protocol.objective)
        rows.append("| " + " | ".join(cell(word) for word in words) + " |")
    return table("| id | title | version | objective |", rows)


def limit_words(criterion: Any) -> str:
    """A criterion, short."""
    limit = criterion.limit
    words = "a limit that the study sets"
    if isinstance(limit, tuple):
        words = f"{limit[0]:g} to {limit[1]:g}"
    elif isinstance(limit, float | int):
        words = f"{limit:g}"
    elif not criterion.is_open:
        words = f"the table `{limit.table}`, read by `{limit.by}`"
    name = f"`{criterion.statistic}`" if criterion.statistic else "headline statistic"
    what = {"point": "estimate", "both": "whole interval"}.get(
        criterion.compare, f"{criterion.compare} bound"
    )
    return f"{name}: {what} {criterion.operator} {words} {criterion.unit or ''}".strip()


def protocol_page(name: str) -> str:
    """A built-in protocol for its reader."""
    protocol = library.load(name)
    parts = [
        f"# {protocol.title}\n\n`library:{name}`, version {protocol.version}.\n",
        f"**Intended use.** {protocol.intended_use}\n",
        f"**Objective.** {protocol.objective}\n",
    ]
    if protocol.standards:
        parts.append("## Standards\n")
        for standard in protocol.standards:
            words = [standard.name, standard.clause, standard.note]
            parts.append("- " + ". ".join(word.rstrip(".") for word in words if word) + ".")
        parts.append("")
    parts.append("## Endpoints\n")
    parts.append(table("| id | title | role | metric | criterion |", [
        f"| `{key}` | {cell(one.title)} | {one.role.replace('_', '-')} "
        f"| [`{one.metric}`](../metrics/{one.metric}.md) "
        f"| {'; '.join(map(limit_words, one.judged)) or 'informative'} |"
        for key, one in protocol.endpoints.items()
    ]))  # fmt: skip
    parts.append("\n## Tables\n")
    for key, contract in protocol.tables.items():
        parts.append(
            f"### `{key}`\n\n{contract.title or key}. Key: {', '.join(f'`{one}`' for one in contract.key)}.\n"
        )
        parts.append(table("| column | type | unit | accepted |", [
            f"| `{column}` | {one.type} | {one.unit or ''} | {accepted(one)} |"
            for column, one in contract.columns.items()
        ]) + "\n")  # fmt: skip
    if protocol.references:
        parts.append("## References\n\n" + "\n".join(f"- {text}" for text in protocol.references) + "\n")
    source = library.path(name).read_text(encoding="utf-8")
    indented = "\n".join(f"    {line}" for line in source.rstrip().split("\n"))
    parts.append(f'## The file\n\n??? quote "{name}.yaml"\n\n    ```yaml\n{indented}\n    ```\n')
    return "\n".join(parts)


def accepted(column: Any) -> str:
    """Levels or range of a column."""
    if column.levels:
        return ", ".join(f"`{level}`" for level in column.levels)
    if column.range:
        low, high = ("any" if end is None else f"{end:g}" for end in column.range)
        return f"{low} to {high}"
    return ""


def protocol_pages() -> dict[str, str]:
    """Name -> page."""
    return {name: protocol_page(name) for name in protocol_names()}
