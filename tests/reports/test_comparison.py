"""The comparison report: every number as the comparison holds it, nothing invented, nobody named."""

from __future__ import annotations

import io
import json
import math
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import comparison_case as case
import numpy as np
import pikepdf
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accordance.app.cli import main
from accordance.protocols.errors import ContractError, IntegrityError, UsageError
from accordance.reports import comparison, figures, report
from accordance.reports.comparison import blocks, harmed, words
from accordance.reports.comparison import figures as pictures
from accordance.studies.results import Results

Plain = Callable[[str], str]


@pytest.fixture(scope="session")
def folder(pefr: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A comparison of a baseline with three candidates: better, the same, worse."""
    return case.of(pefr, tmp_path_factory.mktemp("comparisons") / "20260301T101500Z_1a2b3c4d")


@pytest.fixture(scope="session")
def material(folder: Path) -> comparison.Material:
    return comparison.gather(folder)


@pytest.fixture(scope="session")
def files(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Its report in both formats."""
    output = tmp_path_factory.mktemp("comparison-report")
    return {path.name: path for path in report(folder, output=output)}


@pytest.fixture(scope="session")
def page(files: dict[str, Path], plain: Plain) -> str:
    return plain(files["report.html"].read_text(encoding="utf-8"))


def row(material: comparison.Material, endpoint: str, candidate: str) -> dict[str, Any]:
    (found,) = material.of(endpoint=endpoint, candidate=candidate)
    return dict(found)


# Numbers in words


def make(**changes: Any) -> dict[str, Any]:
    """A comparison of a measurement in beats/min, better where lower."""
    return {
        "endpoint": "mae", "title": "Mean absolute error", "candidate": "v2", "role": "primary",
        "metric": "mae", "unit": "beats/min", "scale": "difference", "margin": 1.0,
        "baseline_value": 5.1, "candidate_value": 4.8,
        "improvement": {"estimate": 0.3, "lower": 0.1, "upper": 0.5}, "adjusted": None,
        "decision": "superior", "worse": False, "words": "Superior.", "n_subjects": 200, "n_units": 48_000,
        "standard_error": 0.1, **changes,
    }  # fmt: skip


def test_a_comparison_in_print() -> None:
    text = words.text(make())
    assert (text.improvement, text.interval) == ("+0.30\u00a0beats/min", "+0.10 to +0.50")
    assert (text.margin, text.adjusted, text.decision) == ("1\u00a0beats/min", words.DASH, "Superior")
    assert (text.subjects, text.units, text.state) == ("200", "48,000", "met")


def test_differences_of_percentages_are_points() -> None:
    share = make(
        unit="proportion", margin=0.02, improvement={"estimate": -0.013, "lower": -0.02, "upper": -0.006}
    )
    assert words.text(share).improvement == "\u22121.30\u00a0pp"
    assert words.text(share).margin == "2\u00a0pp"
    assert words.unit(share) == "percentage points"
    assert words.text(make(unit="percent")).improvement == "+0.30\u00a0pp"


def test_ratios_are_analysed_as_logarithms_and_read_as_ratios() -> None:
    ends = {"estimate": math.log(1.2), "lower": math.log(0.95), "upper": math.log(1.5)}
    ratio = make(scale="ratio", margin=1.25, improvement=ends, decision="non_inferior")
    text = words.text(ratio)
    assert (text.improvement, text.interval, text.margin) == (
        "\u00d71.20",
        "\u00d70.95 to \u00d71.50",
        "\u00d71.25",
    )
    panel = pictures.forest([ratio], baseline="v1", level=0.95)
    assert (panel.null, panel.goal) == (1.0, (0.8,))
    assert panel.rows[0].value == pytest.approx(1.2)
    assert panel.span == figures.Span(0.8, 1.0, "acceptable loss")
    assert blocks.cell(ratio, {"n_subjects": 9, "improvement": ends}, math.log(1.25)).side == ""


@given(
    lower=st.floats(-3, 3, allow_nan=False),
    width=st.floats(1e-3, 3, allow_nan=False),
    margin=st.floats(0.01, 2, allow_nan=False),
)
def test_print_never_carries_a_bound_across_a_limit(lower: float, width: float, margin: float) -> None:
    margin = round(margin, 3)
    shown = words.bounds(
        make(
            margin=margin, improvement={"estimate": lower + width / 2, "lower": lower, "upper": lower + width}
        ),
        {"lower": lower, "upper": lower + width},
    )
    for text, exact in zip(shown.split(" to "), (lower, lower + width), strict=True):
        said = float(text.replace("\u2212", "-").replace(",", ""))
        for limit in (0.0, -margin):
            if abs(exact - limit) > 1e-7:
                assert (said > limit) == (exact > limit), (text, exact, limit)


@pytest.mark.parametrize(
    ("decision", "worse", "said", "state"),
    [
        ("superior", False, "Superior", "met"),
        ("non_inferior", False, "Non-inferior", "met"),
        ("non_inferior", True, "Non-inferior, worse", "met"),
        ("inferior", True, "Inferior", "not_met"),
        ("inconclusive", True, "Inconclusive, worse", "not_evaluable"),
        ("not_evaluable", False, "Not evaluable", "not_evaluable"),
    ],
)
def test_every_decision_has_its_words(decision: str, worse: bool, said: str, state: str) -> None:
    text = words.text(make(decision=decision, worse=worse))
    assert (text.decision, text.state) == (said, state)


def test_a_comparison_without_numbers_is_a_visible_row() -> None:
    text = words.text(make(improvement=None, adjusted=None, candidate_value=None, decision="not_evaluable",
                           reason="No subject has both.", error="No subject has both."))  # fmt: skip
    assert (text.improvement, text.interval, text.candidate_value) == (words.DASH,) * 3
    assert text.notes == ("No subject has both.",)
    line = pictures.forest([text.row], baseline="v1", level=0.95).rows[0]
    assert (line.value, line.text) == (None, "not compared")


# Figures


def test_a_panel_shades_what_the_margin_tolerates(material: comparison.Material) -> None:
    (panel, *_) = blocks.panels(material)
    assert panel.span == figures.Span(-1.0, 0.0, "acceptable loss")
    assert (panel.goal, panel.null) == ((-1.0,), 0.0)
    for line, own in zip(panel.rows, material.of(endpoint="mape"), strict=True):
        assert (line.value, line.lower, line.upper) == tuple(own["improvement"].values())
        assert line.wider == (own["adjusted"]["lower"], own["adjusted"]["upper"])
        assert own["candidate"] in line.label
    assert "\u2190 worse" in panel.x.label
    assert "better \u2192" in panel.x.label
    assert all(line.text in panel.alt for line in panel.rows)


def test_without_a_margin_nothing_is_shaded() -> None:
    panel = pictures.forest([make(margin=None, decision="superior")], baseline="v1", level=0.95)
    assert (panel.span, panel.goal, panel.goal_label) == (None, (), "")
    assert "No margin" in panel.alt


def test_both_painters_show_the_margin_and_the_adjusted_interval(material: comparison.Material) -> None:
    (panel, *_) = blocks.panels(material)
    drawn = figures.plotly(panel)
    (area,) = [shape for shape in drawn.layout.shapes if shape.type == "rect"]
    assert (area.x0, area.x1) == (-1.0, 0.0)
    thin = [shape for shape in drawn.layout.shapes if shape.type == "line" and shape.y0 == shape.y1]
    low, high = figures.layout.forest_range(panel)
    wanted = [(max(low, line.wider[0]), min(high, line.wider[1])) for line in panel.rows if line.wider]
    assert [(shape.x0, shape.x1) for shape in thin] == wanted
    svg = figures.svg(panel)
    bare = figures.svg(figures.Forest(**{**panel.__dict__, "span": None}))
    assert svg != bare, "the shade is drawn"
    assert svg == figures.svg(panel), "the same bytes every time"


def test_the_axis_holds_margin_and_intervals(material: comparison.Material) -> None:
    for panel in blocks.panels(material):
        low, high = figures.layout.forest_range(panel)
        assert panel.span is not None
        assert low < panel.span.low
        assert high > 0
        assert all(low < line.value < high for line in panel.rows if line.value is not None)


def test_subjects_are_sorted_from_the_most_harmed(material: comparison.Material) -> None:
    own = row(material, "mape", "v4")
    drawn = pictures.caterpillar(material.subjects, own, baseline="v1")
    assert drawn is not None
    found = material.subjects.filter((pl.col("endpoint") == "mape") & (pl.col("candidate") == "v4"))
    assert np.array_equal(drawn.points.y, np.sort(found["improvement"].to_numpy()))
    by_name = dict(found.select("subject", "improvement").iter_rows())
    assert [by_name[name] for name in drawn.points.subjects] == drawn.points.y.tolist()
    assert [level.value for level in drawn.levels] == [0.0, -1.0]
    harmed = sum(value < 0 for value in by_name.values())
    assert f"{harmed} of them worse" in drawn.caption


def test_a_handful_of_subjects_is_not_drawn(material: comparison.Material) -> None:
    own = row(material, "mape", "v4")
    few = material.subjects.filter(pl.col("subject").is_in(["S000", "S001", "S002", "S003"]))
    assert pictures.caterpillar(few, own, baseline="v1") is None
    assert pictures.caterpillar(pl.DataFrame(), own, baseline="v1") is None


# Subgroups


def test_cells_of_the_heat_map_are_the_subgroups(material: comparison.Material) -> None:
    (heat, *_) = blocks.heat_maps(material)
    assert heat.candidates == ("v2", "v3", "v4")
    levels = [level for _, lines in heat.groups for level, _ in lines]
    assert levels == ["I-IV", "V-VI", "X", "female", "male"]
    own = row(material, "mape", "v4")
    part = own["subgroups"][0]
    cell = heat.groups[0][1][0][1][2]
    assert cell.improvement == words.change(own, part["improvement"]["estimate"], part=part, units=False)
    assert (cell.side, cell.shade) == ("worse", "worse-3"), "a loss beyond the margin has the deepest shade"


def test_a_small_subgroup_shows_only_how_small(material: comparison.Material, page: str) -> None:
    cells = [line for heat in blocks.heat_maps(material) for _, lines in heat.groups for line in lines]
    for level, own in cells:
        assert all((cell.improvement == "fewer than 5 subjects") == (level == "X") for cell in own)
    assert "0.12" not in page, "the number of the three subjects is nowhere"


def test_many_candidates_are_split_into_tables(material: comparison.Material) -> None:
    split = blocks.heat_maps(material, across=2)
    assert [one.candidates for one in split[:2]] == [("v2", "v3"), ("v4",)]


# The document


def test_first_page_carries_what_it_must(material: comparison.Material, page: str) -> None:
    first = page.split("Decisions An improvement", maxsplit=1)[0]
    for name in material.candidates:
        decided = material.document["decisions"][name]
        assert f"{name}: {words.decision(decided)}" in first
        assert all(reason in first for reason in decided["reasons"])
    for wanted in (
        "Baseline",
        "80 subjects, 9,600 units",
        "No locked plan",
        "byte for byte those of v1",
        material.document["protocol_sha256"],
        "95%; multiplicity: maximal t",
    ):
        assert wanted in first, wanted


def test_every_comparison_is_in_the_table(material: comparison.Material, page: str) -> None:
    table = page.split("Decisions An improvement")[1].split(" Improvements ", maxsplit=1)[0]
    for own in material.comparisons:
        text = words.text(own)
        shown = f"{text.improvement} {text.interval} {text.adjusted} {text.margin} {text.decision}"
        assert re.sub(r"\s+", " ", shown) in table, own["endpoint"]


def test_what_was_left_out_is_counted(page: str) -> None:
    part = page.split("What was left out, and coverage")[1].split("What could be detected", maxsplit=1)[0]
    assert part.count("v4 14 0") == 3
    assert "14 units of v1 have no output in v4." in part
    assert "a missing output is no score" in part


def test_how_much_more_warns_of_the_interim(pefr: Results, tmp_path: Path, plain: Plain) -> None:
    place = case.of(pefr, tmp_path / "c")
    document = json.loads((place / "comparison.json").read_text())
    more = {
        "subjects": 61.2,
        "lower": 20.0,
        "upper": 240.0,
        "words": "About 62 more subjects would settle it.",
    }
    document["comparisons"][0] |= {"decision": "inconclusive", "further": more}
    rewritten(place, document)
    text = plain(comparison.write(place, formats=("html",))["report.html"].decode())
    assert "62 (20 to 240)" in text
    assert "About 62 more subjects would settle it." in text
    assert "unplanned interim" in text


def rewritten(place: Path, document: dict[str, Any]) -> None:
    """Change comparison.json as its writer would have written it."""
    (place / "comparison.json").write_text(json.dumps(document))
    manifest = json.loads((place / "manifest.json").read_text())
    del manifest["results"]["comparison.json"]
    (place / "manifest.json").write_text(json.dumps(manifest))


def test_absent_parts_are_left_out_or_said_not_to_be_computed(
    pefr: Results, tmp_path: Path, plain: Plain
) -> None:
    place = case.of(pefr, tmp_path / "c", subject_rows=False)
    document = json.loads((place / "comparison.json").read_text())
    for own in document["comparisons"]:
        own |= {
            "subgroups": [],
            "detectable": None,
            "further": None,
            "left_out": {"baseline": 0, "candidate": 0},
        }
    document["comparisons"] = [own for own in document["comparisons"] if own["endpoint"] != "coverage"]
    del document["comparability"], document["identical"]
    rewritten(place, document)
    text = plain(comparison.write(place, formats=("html",))["report.html"].decode())
    assert "Subgroups" not in text
    assert text.count("Not computed") == 3
    assert "Nothing was left out" in text
    assert "Coverage is not among the endpoints" in text
    assert "unplanned interim" not in text


def test_weak_spots_are_listed_confirmed_first_and_small_ones_hidden(
    pefr: Results, tmp_path: Path, plain: Plain
) -> None:
    spot = {"n_subjects": 14, "lower": -1.7, "upper": -0.51, "adjusted_p": 0.0019, "reason": None}
    carried = [
        {**spot, "name": "age=18-39", "confirmed": False, "estimate": 0.2},
        {**spot, "name": "tone=VI", "confirmed": True, "estimate": -1.1},
        {**spot, "name": "tone=X", "confirmed": False, "estimate": -7.77, "n_subjects": 3},
    ]
    search = {"candidate": "v2", "endpoint": "mape", "carried": carried}
    place = case.of(pefr, tmp_path / "c", weak_spots={"searches": [search], "notes": []})
    lines = blocks.weak_spots(comparison.gather(place))
    assert [one.name for one in lines] == ["tone=VI", "age=18-39", "tone=X"]
    text = plain(comparison.write(place, formats=("html",))["report.html"].decode())
    assert "tone=VI 14 \u22121.10\u00a0pp" in text.replace(" pp", "\u00a0pp")
    assert "7.77" not in text
    assert "the searches (1) confirm what is not there in one study of twenty" in text
    material = comparison.gather(place)
    for row in material.comparisons:
        row["worse"] = row["candidate"] == "v2"  # as a whole, so every group of it is
    assert blocks.weak_spots(material) == []


def test_a_locked_plan_is_said(material: comparison.Material) -> None:
    stamps = pl.DataFrame({"pre_specified": [True, True, False]})
    locked = comparison.Material(**{**material.__dict__, "rows": stamps})
    assert blocks.plan(locked) == "The plan was locked, but 1 of 3 results are POST HOC."
    assert not blocks.pre_specified(locked)
    kept = comparison.Material(**{**material.__dict__, "rows": stamps.head(2)})
    assert "every result follows it" in blocks.plan(kept)
    assert blocks.pre_specified(kept)
    assert "No locked plan" in blocks.plan(material)


def test_methods_name_rules_and_sources(page: str) -> None:
    methods = page.split("Rules of decision")[1].split("Files, and how", maxsplit=1)[0]
    for wanted in ("Superior.", "Non-inferior.", "Inconclusive.", "6 primary comparisons",
                   "Westfall PH, Young SS", "percentage points (pp)"):  # fmt: skip
        assert wanted in methods, wanted


def test_nobody_is_named_and_nothing_is_loaded(
    material: comparison.Material, files: dict[str, Path], page: str
) -> None:
    text = files["report.html"].read_text(encoding="utf-8")
    assert not set(material.subjects["subject"]) & set(re.findall(r"\w+", page))
    assert text.count("<use ") < sum(one.figure is not None for one in harmed.panels(material)[1]) * 80, (
        "subjects are a picture"
    )
    assert "<script" not in text
    assert all(target.startswith(("data:", '"data:', "#")) for target in re.findall(r"url\(([^)]*)\)", text))


class Balanced(HTMLParser):
    """Open tags, and what identifies them."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in {"meta", "wbr", "br", "link", "img", "input", "hr"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag


def test_the_page_is_well_formed_and_accessible(files: dict[str, Path]) -> None:
    text = files["report.html"].read_text(encoding="utf-8")
    parser = Balanced()
    parser.feed(text)
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))
    tables = re.findall(r"<table\b.*?</table>", text, flags=re.DOTALL)
    assert tables
    assert all("<caption>" in table or 'class="facts' in table for table in tables)
    assert all('scope="' in table for table in tables)
    assert text.count('<svg role="img" aria-label="') == text.count("<figure ")


def test_the_pdf_is_archivable_and_carries_no_subject(files: dict[str, Path], folder: Path) -> None:
    with pikepdf.open(files["report.pdf"]) as document:
        with document.open_metadata() as metadata:
            assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("3", "A")
        names = document.Root.Names.EmbeddedFiles.Names
        attached = {str(names[at]): names[at + 1] for at in range(0, len(names), 2)}
        assert set(attached) == {"comparison.json", "manifest.json", "protocol.yaml", "results.parquet"}
        assert attached["comparison.json"].EF.F.read_bytes() == (folder / "comparison.json").read_bytes()
        told = [str(one.get("/Alt", "")) for one in document.objects
                if isinstance(one, pikepdf.Dictionary) and one.get("/S") == "/Figure"]  # fmt: skip
        assert all(told)
        assert any("Forest plot of improvements over v1" in text for text in told)
        with document.open_outline() as outline:
            assert [item.title for item in outline.root][:3] == ["Decisions", "Improvements", "Subgroups"]


def test_the_pages_of_the_pdf(files: dict[str, Path]) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed (apt-get install poppler-utils)")
    done = subprocess.run(
        ["pdftotext", "-layout", files["report.pdf"], "-"], capture_output=True, text=True, check=True
    )
    pages = done.stdout.split("\f")
    assert "v4: Inferior" in pages[0]
    assert "How to verify this report" in pages[0]


def test_same_bytes_every_time(folder: Path, files: dict[str, Path], tmp_path: Path) -> None:
    again = {path.name: path for path in report(folder, output=tmp_path)}
    assert set(again) == set(files) == {"junit.xml", "report.html", "report.pdf"}
    for name, path in files.items():
        assert again[name].read_bytes() == path.read_bytes(), name


def test_without_attachments_the_files_come_beside(folder: Path) -> None:
    made = comparison.write(folder, formats=("pdf",), attachments=False)
    assert set(made) == {"report.pdf", "report-files.zip"}
    with pikepdf.open(io.BytesIO(made["report.pdf"])) as document:
        assert "/Names" not in document.Root or "/EmbeddedFiles" not in document.Root.Names


# Bad input


def test_the_command_writes_into_the_comparison(
    pefr: Results, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = case.of(pefr, tmp_path / "c")
    assert main(["report", str(place), "--format", "html", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"] == [
        str(place / "junit.xml"),
        str(place / "report.html"),
    ]
    assert main(["report", str(place), "--template", "ich-e3"]) == 2


def test_a_changed_file_is_refused(pefr: Results, tmp_path: Path) -> None:
    place = case.of(pefr, tmp_path / "c")
    (place / "comparison.json").write_text(
        (place / "comparison.json").read_text().replace("superior", "inferior")
    )
    with pytest.raises(IntegrityError, match="changed after the comparison"):
        comparison.gather(place)


def test_another_schema_is_named(pefr: Results, tmp_path: Path) -> None:
    place = case.of(pefr, tmp_path / "c", schema="accordance/comparison/99")
    with pytest.raises(ContractError, match="accordance/comparison/99"):
        comparison.gather(place)
    with pytest.raises(UsageError, match="not a comparison folder"):
        comparison.gather(tmp_path)
