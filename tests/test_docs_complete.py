"""What is public is documented, and what is documented exists."""

from __future__ import annotations

import importlib.util
import re
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
import typer.main

from accordance import evaluators
from accordance.app.cli import app
from accordance.datasets.pairs import STRUCTURAL
from accordance.evaluators import registry
from accordance.evaluators.few_subjects import SIMULATED
from accordance.evaluators.intervals import METHODS
from accordance.protocols import errors, library, load
from accordance.studies.schema import COLUMNS

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def generators() -> dict[str, ModuleType]:
    """The modules that make pages, as the documentation build loads them."""
    found = {}
    for path in DOCS.glob("generate_*.py"):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
        found[path.stem.removeprefix("generate_")] = module
    return found


def test_every_key_of_the_languages_has_words(generators: dict[str, ModuleType]) -> None:
    assert generators["language"].missing_words() == []


@pytest.mark.parametrize("metric", registry.all_metrics(), ids=lambda metric: metric.name)
def test_every_metric_has_a_whole_page(metric: object, generators: dict[str, ModuleType]) -> None:
    statistics = generators["statistics"]
    function = statistics.plain_function(metric)
    assert function is not None, "no plain function of that name in accordance.evaluators"
    assert ">>> " in statistics.docstring_example(function)
    text = statistics.metric_page(metric)
    for heading in ("## Statistics", "## Average", "## In Python", "## Sources"):
        assert heading in text
    for statistic in metric.statistics:  # type: ignore[attr-defined]
        assert statistics.cell(statistic.definition) in text
        assert set(statistic.intervals) <= set(METHODS)


def test_every_public_name_is_in_the_list_of_statistics(generators: dict[str, ModuleType]) -> None:
    functions = generators["functions"]
    text = functions.alphabetical_list()
    assert [name for name in evaluators.__all__ if f"`{name}`" not in text] == []
    titles = [row for row, _ in sorted(functions.rows())]
    assert len(titles) >= sum(len(metric.statistics) for metric in registry.all_metrics())


def test_simulated_coverage_is_linked(generators: dict[str, ModuleType]) -> None:
    functions = generators["functions"]
    simulated = {line.split(",")[0] for line in page("coverage/coverage.csv").splitlines()[1:]}
    # the differences of two versions are no metric's statistic
    assert {name for name in simulated if not name.endswith("_difference")} == set(SIMULATED.values())
    linked = {key[:2] for key in SIMULATED}
    assert functions.alphabetical_list().count("(../coverage.md)") == len(linked)


@pytest.mark.parametrize("name", evaluators.__all__)
def test_every_public_name_has_a_page_with_its_whole_docstring(
    name: str, generators: dict[str, ModuleType]
) -> None:
    functions, statistics = generators["functions"], generators["statistics"]
    thing = getattr(evaluators, name)
    metrics = {functions.RENAMED.get(metric, metric): metric for metric in registry.names()}
    if name in metrics:
        text = statistics.metric_page(registry.get(metrics[name]))
    else:
        text = functions.family_pages()[functions.family(thing)]
    described = functions.sections(thing)
    assert described[""] and described[""] in text
    for section, words in described.items():
        for line in words.split("\n") if section in {"Example", "Examples"} else ():
            assert line in text
    if callable(thing) and not isinstance(thing, type):
        assert functions.signature(thing) in text


def test_every_interval_method_says_what_it_is() -> None:
    assert [method.name for method in METHODS.values() if not (method.words and method.citations)] == []


def test_every_verb_and_option_has_help_with_an_example(generators: dict[str, ModuleType]) -> None:
    found = dict(generators["verbs"].commands())
    assert set(typer.main.get_command(app).commands) <= {name.split()[1] for name in found}
    for name, command in found.items():
        assert f"    {name}" in (command.help or ""), f"no example in `{name} --help`"
        assert [one.name for one in command.params if not getattr(one, "help", None)] == []


def test_protocols_named_in_the_help_exist(generators: dict[str, ModuleType]) -> None:
    helps = " ".join(command.help or "" for _, command in generators["verbs"].commands())
    named = set(re.findall(r"(?:--protocol|protocols show) ([a-z][\w-]+)", helps))
    assert named and named <= set(library.names())


def test_the_results_table_is_described_column_by_column() -> None:
    described = re.findall(r"^\| `(\w+)` \| \S", page("guide/results.md"), re.MULTILINE)
    assert described == list(COLUMNS)


def test_exit_codes_are_those_of_the_errors() -> None:
    described = {int(code) for code in re.findall(r"^\| (\d+) \|", page("guide/errors.md"), re.MULTILINE)}
    raised = {error.exit_code for error in errors.AccordanceError.__subclasses__()}
    assert {0, 1, 3, 6, 70, 130, *raised} == described


def test_reason_codes_are_those_of_pairing() -> None:
    described = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|$", page("guide/errors.md"), re.MULTILINE))
    assert described == {code: words[0].lower() + words[1:] for code, words in STRUCTURAL.items()}


def test_every_dependency_has_its_reason() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[<>=\[; ]", text)[0] for text in project["dependencies"]}
    section = text.split("## Dependencies")[1]
    assert declared == set(re.findall(r"^\| ([a-z][\w.-]+) \| \S", section, re.MULTILINE)) - {"library"}


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.md")), ids=lambda path: str(path.relative_to(DOCS)))
def test_protocols_in_the_documentation_are_protocols(path: Path) -> None:
    found = re.findall(
        r"^```yaml[^\n]*\n(schema: accordance/protocol/1\n.*?)^```", path.read_text(), re.M | re.S
    )
    for text in found:
        assert load.parse(text, str(path)).endpoints


def test_nothing_is_fetched_from_elsewhere() -> None:
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert "font: false" in config
    assert not re.search(r"https?://", config)
