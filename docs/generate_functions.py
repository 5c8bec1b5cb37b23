"""Pages of the public functions, from their docstrings, and the alphabetical list of all statistics."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from accordance import evaluators
from accordance.evaluators import registry
from accordance.evaluators.few_subjects import SIMULATED
from accordance.evaluators.metric import Citation, Metric

DOCS = Path(__file__).resolve().parent
RENAMED = {"yield": "reported_share"}
"""Metric -> its function, where the metric's name is a word of Python."""
SECTIONS = ("Args", "Attributes", "Returns", "Raises", "References", "Example", "Examples")
PROPER = {
    "auc": "AUC",
    "ccc": "CCC",
    "icc": "ICC",
    "iso81060": "ISO 81060",
    "mcnemar": "McNemar",
    "mcc": "MCC",
    "rmse": "RMSE",
    "roc": "ROC",
    "sample_size": "Sample size",
}
LISTED = {"Args": "Arguments", "Attributes": "Attributes", "Raises": "Errors"}


def cell(text: object) -> str:
    """Text that fits a table cell."""
    return str(text).replace("|", "\\|").replace("\n", " ")


def plain_function(metric: Metric) -> Any:
    """The function of the same name, but for the words of Python."""
    return getattr(evaluators, RENAMED.get(metric.name, metric.name), None)


def sections(thing: Any) -> dict[str, str]:
    """A docstring by its sections; what comes before the first is under `""`."""
    found, name = {"": [""]}, ""
    for line in (inspect.getdoc(thing) or "").split("\n"):
        heading = line.removesuffix(":")
        if line.endswith(":") and heading in SECTIONS:
            name = heading
            found[name] = []
        else:
            found[name].append(line)
    return {name: inspect.cleandoc("\n".join(lines)) for name, lines in found.items()}


def first_sentence(thing: Any) -> str:
    """What a docstring says first."""
    return sections(thing)[""].split("\n\n", maxsplit=1)[0].replace("\n", " ")


def entries(text: str) -> list[str]:
    """The `name: words` of a section as list items; continuation lines are joined."""
    items: list[str] = []
    for line in text.split("\n"):
        if line.startswith(" ") and items:
            items[-1] += f" {line.strip()}"
        elif line.strip():
            name, _, words = line.partition(": ")
            items.append(f"- `{name.strip()}`: {words.strip()}")
    return items


def example(text: str) -> str:
    """The runnable lines as code and the words between them as words; the test suite runs the same lines."""
    blocks = re.split(r"\n\s*\n", text)
    return "\n\n".join(f"```python\n{one}\n```" if one.startswith(">>>") else one for one in blocks)


def signature(thing: Any) -> str:
    """A call with every argument and default, without types."""
    words = []
    for one in inspect.signature(thing).parameters.values():
        if one.kind is one.KEYWORD_ONLY and "*" not in words:
            words.append("*")
        words.append(one.name if one.default is one.empty else f"{one.name}={one.default!r}")
    return f"accordance.evaluators.{thing.__name__}({', '.join(words)})"


def described(thing: Any, level: int = 3) -> str:
    """Everything a docstring says, as Markdown: definition, arguments, results, errors, sources, example."""
    found = sections(thing)
    mark = "#" * level
    parts = [found[""]]
    for name, text in found.items():
        if name in LISTED:
            parts.append(f"{mark} {LISTED[name]}\n\n" + "\n".join(entries(text)))
        elif name in {"Example", "Examples"}:
            parts.append(f"{mark} Example\n\n{example(text)}")
        elif name:
            parts.append(f"{mark} {name}\n\n{text}")
    return "\n\n".join(parts)


def members(thing: type) -> list[str]:
    """The public methods and properties of a class, a line each."""
    lines = []
    for name, value in vars(thing).items():
        function = value.fget if isinstance(value, property) else value
        if not name.startswith("_") and inspect.isfunction(function) and function.__doc__:
            lines.append(f"- `{name}`: {first_sentence(function)}")
    return lines


def without_metric() -> dict[str, Any]:
    """Public names that have no page of a metric."""
    theirs = {RENAMED.get(name, name) for name in registry.names()}
    return {name: getattr(evaluators, name) for name in evaluators.__all__ if name not in theirs}


def family(thing: Any) -> str:
    """The page of a public name: the module it comes from, with its folder."""
    return str(thing.__module__).partition(".evaluators.")[2].replace(".", "-")


def families() -> dict[str, dict[str, Any]]:
    """Module -> its public names that have no page of a metric; both in alphabetical order."""
    found: dict[str, dict[str, Any]] = {}
    for name, thing in sorted(without_metric().items(), key=lambda item: (family(item[1]), item[0].lower())):
        found.setdefault(family(thing), {})[name] = thing
    return found


def family_title(module: str) -> str:
    """A module's name as a heading, after that of its folder."""
    folder, _, name = module.rpartition("-")
    words = " ".join(PROPER.get(word, word) for word in name.split("_"))
    title = words[0].upper() + words[1:]
    return f"{PROPER.get(folder, folder.capitalize())}: {title}" if folder else title


def family_page(module: str, things: dict[str, Any]) -> str:
    """The functions and classes of one module."""
    source = inspect.getmodule(next(iter(things.values())))
    parts = [f"# {family_title(module)}", inspect.getdoc(source) or ""]
    for name, thing in things.items():
        parts.append(f"## `{name}` {{ #{name} }}")
        if inspect.isclass(thing):
            lines = members(thing)
            parts += [described(thing), *(["### Methods\n\n" + "\n".join(lines)] if lines else [])]
        else:
            parts += [f"```python\n{signature(thing)}\n```", described(thing)]
    return "\n\n".join(parts) + "\n"


def family_pages() -> dict[str, str]:
    """Module -> page."""
    return {module: family_page(module, things) for module, things in families().items()}


def short(citations: tuple[Citation, ...]) -> str:
    """First authors and years; the pages have the whole."""
    found = []
    for one in citations:
        year = re.findall(r"\b(?:18|19|20)\d\d\b", one.text)
        first = re.match(r"[\w' -]+?(?= [A-Z]{1,3}\b[.,]?|[.,:])", one.text)
        found.append(f"{first[0] if first else one.text.split('.')[0]} {year[-1] if year else ''}".strip())
    return "; ".join(dict.fromkeys(found))


def coverage_link(statistic: str, metric: str) -> str:
    """A link to the simulated coverage of its intervals, where there is one."""
    simulated = any(key[:2] == (metric, statistic) for key in SIMULATED)
    if simulated and (DOCS / "coverage.md").is_file():
        return "[simulated](../coverage.md)"
    return "not simulated"


def listed_sources(thing: Any) -> list[str]:
    """First author and year of each reference that a docstring lists."""
    text = sections(thing).get("References", "").replace("\n", " ")
    found = re.findall(r"([A-Z][\w'\u2019-]+) [A-Z]{1,3}\b[,.].*?\b((?:19|20)\d\d)\b", text)
    return [f"{author} {year}" for author, year in found]


def named_sources(thing: Any) -> list[str]:
    """Sources that a docstring names where it needs them, such as `Fay & Graubard 2001`."""
    return re.findall(
        r"\b(?!Med\b|Biometrics\b)[A-Z][a-z]+(?: (?:&|and|et) [A-Z]?\w+)? (?:19|20)\d\d\b",
        " ".join(text for name, text in sections(thing).items() if name != "References"),
    )


def sources(thing: Any) -> list[str]:
    """Both; of one source, what names more authors comes last."""
    return sorted([*listed_sources(thing), *named_sources(thing)], key=lambda one: len(one.split()))


def rows() -> Iterator[tuple[str, str]]:
    """(what it is sorted by, table row) of every statistic and of every function beside the metrics."""
    for metric in registry.all_metrics():
        function = plain_function(metric)
        call = f"`{function.__name__}`" if function is not None else ""
        for one in metric.statistics:
            intervals = ", ".join(f"[`{name}`](intervals.md#{name})" for name in one.intervals)
            cells = (
                f"[{cell(one.title)}]({metric.name}.md)",
                f"`{metric.name}`: `{one.name}`",
                cell(one.definition),
                intervals or "none",
                coverage_link(one.name, metric.name) if intervals else "none",
                cell(short(metric.citations)),
                call,
            )
            yield one.title.casefold(), "| " + " | ".join(cells) + " |"
    for name, thing in without_metric().items():
        if inspect.isclass(thing):
            continue
        title = " ".join(PROPER.get(word, word) for word in name.split("_"))
        link = f"[{title[0].upper()}{title[1:]}](../functions/{family(thing)}.md#{name})"
        source = "; ".join({(one.split()[0], one[-4:]): one for one in sources(thing)}.values())
        yield (
            title.casefold(),
            f"| {link} | none | {cell(first_sentence(thing))} | its page | not simulated "
            f"| {cell(source) or 'its page'} | `{name}` |",
        )


def alphabetical_list() -> str:
    """Every statistic, and the public classes beside them."""
    titles = ("definition, formula", "intervals, best first", "coverage", "source", "function")
    head = f"| statistic | in a protocol | {' | '.join(titles)} |"
    statistics = [row for _, row in sorted(rows())]
    classes = [
        f"| [`{name}`](../functions/{family(thing)}.md#{name}) | {cell(first_sentence(thing))} |"
        for name, thing in sorted(without_metric().items(), key=lambda item: item[0].lower())
        if inspect.isclass(thing)
    ]
    parts = [head, "|---" * 7 + "|", *statistics, ""]
    parts += ["## Results, inputs and errors\n", "| name | what it is |", "|---|---|", *classes]
    return "\n".join(parts)
