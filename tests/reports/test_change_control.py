"""Change control in print: every number as the comparison holds it, every result with its reasons."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pikepdf
import pytest

from accordance.app.cli import main
from accordance.protocols.errors import UsageError
from accordance.reports import figures
from accordance.reports.comparison import change_control
from accordance.reports.comparison import history as printed
from accordance.reports.comparison import write as report
from accordance.reports.junit_comparison import comparison_junit
from accordance.reports.summary_comparison import comparison_summary
from accordance.studies.comparing import compare
from accordance.studies.comparison_folder import Comparison
from accordance.studies.gate_comparison import gate_comparison

sys.path.append(str(Path(__file__).parent.parent / "studies"))

import change_control_case as case

Plain = Callable[[str], str]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    folder = case.write(tmp_path_factory.mktemp("studies") / "s")
    compare(folder, baseline="v2", candidates="v3")
    return compare(folder, baseline="v1", candidates=["v2", "v3", "v4"], pccp=True)


def test_page_and_markdown_say_the_same(found: Comparison, plain: Plain) -> None:
    page, text = plain(change_control.page(found)), change_control.markdown(found)
    for candidate, one in found.document["change_control"]["candidates"].items():
        assert one["words"] in page
        assert f"**{one['words']}**" in text
        assert f"## {candidate}: " in text
    for words in ("Sites 1 to 9; site 10 is sequestered.", found.document["protocol_sha256"], "Unit tests."):
        assert words in page
        assert words in text
    assert "nothing is locked" in text


def test_the_report_of_the_comparison_holds_plan_and_history(found: Comparison, plain: Plain) -> None:
    assert found.folder is not None
    made = report(found.folder, formats=["html", "pdf"])
    page = plain(made["report.html"].decode())
    for candidate in change_control.candidates(found):
        assert candidate.result in page
    assert change_control.TITLE in page
    assert "history of versions" in page
    with pikepdf.open(io.BytesIO(made["report.pdf"])) as document, document.open_outline() as outline:
        assert change_control.TITLE in [item.title for item in outline.root]


def test_gate_files_say_what_the_plan_came_to(found: Comparison) -> None:
    outcome = gate_comparison(found.document)
    assert outcome.exit_code == 1
    cases = ElementTree.fromstring(comparison_junit(found.document, outcome)).iter("testcase")
    states = {one.get("classname", "").split(".")[-1]: [kind.tag for kind in one] for one in cases
              if one.get("name") == "within the change control plan"}  # fmt: skip
    assert states == {"v2": ["system-out"], "v3": ["failure"], "v4": ["failure"]}
    text = comparison_summary(found.document, outcome)
    assert "Change control plan" in text
    for one in found.document["change_control"]["candidates"].values():
        assert one["words"].split(";")[0] in text


def test_numbers_are_those_of_the_comparison(found: Comparison) -> None:
    v2 = change_control.candidates(found)[0]
    own = found.of("mae", "v2")
    (line,) = v2.comparisons
    assert line.cells[3] == f"+{own['improvement']['estimate']:.2f}\N{NO-BREAK SPACE}1/min"
    assert line.cells[-1].startswith("Holds: Superior")
    assert [cells.cells[0] for cells in v2.criteria] == ["Error (mae)", "Bias (bias)"]
    criteria = found.document["change_control"]["candidates"]["v2"]["lines"][0]
    assert v2.criteria[0].cells[2].startswith(f"{criteria['rows'][0]['estimate']:.2f}")
    assert {line.state for line in v2.criteria} == {"met"}


def test_what_is_outside_is_not_shown_as_met(found: Comparison) -> None:
    states = {one.name: one.state for one in change_control.candidates(found)}
    assert states == {"v2": "met", "v3": "not_met", "v4": "not_met"}
    text = change_control.markdown(found)
    assert "Does not hold: Inferior" in text
    assert "Not a permitted modification" in text


def test_texts_cannot_break_tables_or_pages(found: Comparison) -> None:
    text = change_control.markdown(found)
    assert "Weights \\| only." in text
    assert "&lt;of the same&gt;" in text
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert tables and all(line.endswith(" |") for line in tables)
    page = change_control.page(found)
    assert "<of the same>" not in page
    assert "&lt;of the same&gt;" in page


def test_the_page_is_well_formed_and_loads_nothing(found: Comparison) -> None:
    class Reader(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []
            self.loaded: list[str] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.loaded += [
                str(v) for k, v in attrs if k in {"src", "href"} and not str(v).startswith(("#", "data:"))
            ]
            if tag in {"section", "table", "tr", "td", "th", "ul", "li", "figure"}:
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            if tag in {"section", "table", "tr", "td", "th", "ul", "li", "figure"}:
                assert self.open.pop() == tag

    reader = Reader()
    reader.feed(change_control.page(found))
    assert reader.open == []
    assert reader.loaded == []


def test_the_figure_draws_what_the_history_holds(found: Comparison) -> None:
    entry = next(one for one in found.document["history"] if one["endpoint"] == "mae")
    model = printed.forest(entry)
    drawn = {row.row_id: row for row in model.rows if row.row_id}
    own = found.of("mae", "v2")
    row = drawn[own["row_id"]]
    assert (row.value, row.lower, row.upper) == tuple(
        own["improvement"][name] for name in ("estimate", "lower", "upper")
    )
    assert model.goal == (-1.0,)
    assert [row.label for row in model.rows if row.heading] == ["v2", "v3", "v4"]
    assert any(row.text == "not compared" for row in model.rows)  # v4 with v3
    assert all(row.value is None for row in model.rows if row.text == "same test set")
    svg = figures.svg(model)
    assert "<svg" in svg and "margin" in svg
    shapes: Any = figures.plotly(model)
    assert list(shapes.data)


def test_ratios_are_drawn_as_ratios(tmp_path: Path) -> None:
    section = case.COMPARISON.replace("mae: {margin: 1.0}", "mae: {margin: 1.1, scale: ratio}")
    found = compare(case.write(tmp_path / "s", comparison=section), baseline="v1", candidates="v2", pccp=True)
    entry = found.document["history"][0]
    model = printed.forest(entry)
    own = found.of("mae", "v2")
    (row,) = [row for row in model.rows if row.row_id]
    assert row.value == pytest.approx(own["baseline_value"] / own["candidate_value"])
    assert (model.null, model.goal) == (1.0, (pytest.approx(1 / 1.1),))


def test_a_comparison_without_the_plan_is_refused(tmp_path: Path) -> None:
    plain = compare(case.write(tmp_path / "s"), baseline="v1", candidates="v2")
    with pytest.raises(UsageError, match="compare again with `--pccp`"):
        change_control.write(plain)


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = case.write(tmp_path / "s")
    assert (
        main(["compare", str(folder), "--baseline", "v1", "--candidate", "v2", "--candidate", "v4", "--pccp"])
        == 0
    )
    said = " ".join(capsys.readouterr().out.split())
    assert "v2 as `retrain`: Within the plan: all 3 requirements hold; no locked plan" in said
    assert "v4: Not a permitted modification study.yaml names no `modification` for `v4`" in said
    (made,) = (folder / "comparisons").iterdir()
    assert (made / "change-control.html").is_file()
    assert (made / "change-control.md").read_text(encoding="utf-8").startswith("# Performance evaluation")
    (folder / "protocol.yaml").write_text(case.PROTOCOL + case.COMPARISON, encoding="utf-8")
    assert main(["compare", str(folder), "--baseline", "v1", "--candidate", "v2", "--pccp"]) == 2
    assert "declares no `change_control`" in capsys.readouterr().err
