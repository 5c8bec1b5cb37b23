"""The Compare page: decisions, improvements, and from a subject to its data under both versions."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl
import pytest
from browser import MARKS, click_mark, serving, settled, visit
from screen import page, words

from accordance.app.cli import main
from accordance.reports import comparison
from accordance.reports.comparison import blocks, figures, harmed
from accordance.studies.results import Results

sys.path.append(str(Path(__file__).parent.parent / "reports"))
import comparison_case as case

if TYPE_CHECKING:
    from playwright.sync_api import Page

SUBJECTS = [f"S{number:03}" for number in range(12)]
LATEST, EARLIER = "20260301T101500Z_1a2b3c4d", "20260201T101500Z_00000000"
PROTOCOL = """\
schema: accordance/protocol/1
id: versions
version: "1"
title: Heart rate on the wrist
intended_use: Heart rate at rest.
objective: Is it close enough?
tables:
  reference:
    key: [subject, epoch]
    columns:
      subject: {type: text}
      epoch: {type: integer}
      hr: {type: number, unit: beats/min, range: [20, 250]}
  test:
    key: [subject, epoch]
    columns:
      subject: {type: text}
      epoch: {type: integer}
      hr: {type: number, unit: beats/min, range: [20, 250]}
pairings:
  epochs: {reference: reference, test: test, method: key, on: [subject, epoch]}
endpoints:
  mape:
    title: Mean absolute percentage error
    role: secondary
    average: pooled
    metric: mape
    pairing: epochs
    reference: hr
    test: hr
comparison:
  endpoints:
    mape: {margin: 1.0}
    coverage: {margin: 0.02}
seed: 1
"""
STUDY = """\
schema: accordance/study/1
id: versions
title: Versions of a heart rate algorithm
protocol: protocol.yaml
roots: {data: data}
sources:
  reference: {file: data/reference.csv}
algorithm:
  name: Wrist
  versions:
    v1: {title: released, sources: {test: {file: data/v1.csv}}}
    v4: {title: smaller model, sources: {test: {file: data/v4.csv}}}
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions, run once, and two comparisons beside the run; one more that was interrupted."""
    folder = tmp_path_factory.mktemp("compared") / "versions"
    (folder / "data").mkdir(parents=True)
    (folder / "protocol.yaml").write_text(PROTOCOL, encoding="utf-8")
    (folder / "study.yaml").write_text(STUDY, encoding="utf-8")
    random = np.random.default_rng(6)
    keys = pl.DataFrame({"subject": np.repeat(SUBJECTS, 5), "epoch": np.tile(np.arange(5), len(SUBJECTS))})
    truth = random.normal(75, 10, keys.height).round(1)
    for name, spread in (("reference", 0.0), ("v1", 2.0), ("v4", 6.0)):
        values = (truth + spread * random.standard_normal(keys.height)).round(1)
        keys.with_columns(pl.Series("hr", values)).write_csv(folder / "data" / f"{name}.csv")
    assert main(["run", str(folder)]) == 0
    results = Results.latest(folder)
    for name in (LATEST, EARLIER, ".partial-20260302T101500Z_ffffffff"):
        case.of(results, folder / "comparisons" / name, names=SUBJECTS)
    return folder


def test_every_candidate_has_its_banner(study: Path) -> None:
    test = page(study, "compare")
    shown = words(test)
    material = comparison.gather(study / "comparisons" / LATEST)
    for one in blocks.candidates(material):
        assert f"{one.id}{f' ({one.title})' if one.title else ''}: {one.decision}" in shown
        assert all(reason in shown for reason in one.reasons)
    assert "v4 (smaller model): Inferior" in shown
    assert "Baseline v1 (released) · 12 subjects, 1,440 units" in shown
    assert "No locked plan" in shown


def test_the_latest_comparison_comes_first_and_others_can_be_chosen(study: Path) -> None:
    test = page(study, "compare")
    box = test.selectbox(key="comparison")
    assert box.value == LATEST
    assert len(box.options) == 2, "what was interrupted never appears"
    box.select(EARLIER).run()
    assert not test.exception
    assert "2026-02-01 10:15:00" in words(test)


def test_every_comparison_stands_in_the_table(study: Path) -> None:
    shown = words(page(study, "compare"))
    material = comparison.gather(study / "comparisons" / LATEST)
    for one in blocks.candidates(material):
        for text in one.lines:
            assert text.interval in shown
            assert text.improvement.replace("\u00a0", " ") in shown
            assert text.decision in shown
    assert "fewer than 5 subjects" in shown
    assert "Units of v1 alone" in shown


def test_a_link_opens_a_subject_under_both_versions(study: Path) -> None:
    test = page(study, "compare", candidate="v4", subject="S003")
    shown = words(test)
    assert "**Subject S003**, v4 against v1" in shown
    links = [element.proto.label for element in test.get("page_link")]
    assert {"Pairs of S003, v4", "Pairs of S003, v1"} <= set(links)
    own = comparison.gather(study / "comparisons" / LATEST).subjects.filter(
        (pl.col("subject") == "S003") & (pl.col("candidate") == "v4") & (pl.col("endpoint") == "mape")
    )
    assert f"{abs(own['improvement'][0]):.1f}" in shown


def test_a_click_opens_the_most_harmed(study: Path) -> None:
    test = page(study, "compare", candidate="v4")
    material = comparison.gather(study / "comparisons" / LATEST)
    (row,) = material.of(endpoint="mape", candidate="v4")
    first = figures.ordered(material.subjects, row)["subject"][0]
    assert test.selectbox(key="compared-subject").options[0] == first
    test.selectbox(key="compared-subject").select(first).run()
    assert not test.exception
    assert f"**Subject {first}**" in words(test)
    assert test.query_params["subject"] in (first, [first])


def test_a_version_that_the_run_does_not_have_is_said(study: Path) -> None:
    shown = words(page(study, "compare", candidate="v2", subject="S003"))
    assert "The chosen run has no version v2" in shown


def test_the_report_is_rendered_and_downloaded(study: Path) -> None:
    test = page(study, "compare", comparison=EARLIER)
    assert "This comparison has no report yet" in words(test)
    (button,) = [one for one in test.button if one.label == "Render the report"]
    button.click().run(timeout=120)
    assert not test.exception
    assert (study / "comparisons" / EARLIER / "report.pdf").is_file()
    assert "no report yet" not in words(test)


def test_what_the_engine_compares_is_shown_and_reported(study: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    shutil.copytree(study, own, ignore=shutil.ignore_patterns("comparisons"))
    assert main(["compare", str(own), "--baseline", "v1", "--candidate", "v4"]) == 0
    (place,) = (own / "comparisons").iterdir()
    assert main(["report", str(place)]) == 0
    assert (place / "report.pdf").read_bytes().startswith(b"%PDF")
    material = comparison.gather(place)
    shown = words(page(own, "compare", subject="S003"))
    (one,) = blocks.candidates(material)
    assert f"v4 (smaller model): {one.decision}" in shown
    html = (place / "report.html").read_text(encoding="utf-8")
    for text in one.lines:
        assert text.interval in shown
        assert text.interval in html
    assert "**Subject S003**, v4 against v1" in shown
    assert "S003" not in html
    (row,) = material.of(endpoint="mape", candidate="v4")
    panel = harmed.panel(material, row)
    assert "of 12 subjects" in panel.words and panel.words in shown and panel.words in html
    for one in panel.lines:
        assert one.interval in shown
        assert one.interval in html
        assert one.subject in shown
        assert one.subject not in html
    own = harmed.harmed(figures.believed(material.subjects, row), row, 12)
    assert next(one.interval for one in own if one.subject == "S003") in shown


def test_a_study_without_comparisons_says_how_to_make_one(tiny: Path) -> None:
    shown = words(page(tiny, "compare"))
    assert "no comparison of versions yet" in shown
    assert f"accordance compare {tiny}" in shown


def test_a_comparison_without_subjects_or_subgroups(study: Path, tmp_path: Path) -> None:
    results = Results.latest(study)
    place = case.of(results, tmp_path / "lone" / "comparisons" / LATEST, names=SUBJECTS[:4])
    document = json.loads((place / "comparison.json").read_text())
    for row in document["comparisons"]:
        row |= {"subgroups": [], "detectable": None, "further": None}
    (place / "comparison.json").write_text(json.dumps(document))
    (place / "manifest.json").write_text("{}")
    (place.parent.parent / "study.yaml").write_text(STUDY)
    test = page(place.parent.parent, "compare")
    shown = words(test)
    assert "no improvements of single subjects, or of too few" in shown
    assert "Subgroups" not in [element.value for element in test.subheader]


def test_a_changed_comparison_says_so(study: Path, tmp_path: Path) -> None:
    place = case.of(Results.latest(study), tmp_path / "lone" / "comparisons" / LATEST, names=SUBJECTS)
    (place / "comparison.json").write_text((place / "comparison.json").read_text() + " ")
    (place.parent.parent / "study.yaml").write_text(STUDY)
    assert "was changed after the comparison" in words(page(place.parent.parent, "compare"))


@pytest.fixture(scope="module")
def address(study: Path) -> Iterator[str]:
    with serving(study) as where:
        yield where


class TestInABrowser:
    """Clicks, links and both appearances in Chromium."""

    pytestmark = MARKS

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_a_click_on_a_subject_leads_to_its_pairs(
        self, scheme: Literal["light", "dark"], address: str
    ) -> None:
        def body(page: Page) -> None:
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": 1280, "height": 3600})
            page.goto(f"{address}/compare?candidate=v4")
            page.get_by_text("v4 (smaller model): Inferior").wait_for()
            settled(page)
            click_mark(page, marks(page))
            page.get_by_role("link", name="Pairs of S").first.wait_for()
            name = str(page.evaluate("() => new URLSearchParams(location.search).get('subject')"))
            assert name in SUBJECTS
            wide = page.evaluate(
                "() => [...document.querySelectorAll('.stMainBlockContainer')]"
                ".some(one => one.scrollWidth > one.clientWidth + 1)"
            )
            assert not wide
            page.get_by_role("link", name=f"Pairs of {name}, v4").click()
            page.wait_for_url(f"**/endpoint?**subject={name}*")
            page.get_by_text("5 rows, 5 analysed here").wait_for()

        visit(body)


def marks(page: Any) -> int:
    """The number of the first mark of the subjects' figure: the forest plots come before it."""
    return int(
        page.evaluate(
            "() => { const all = [...document.querySelectorAll('.js-plotly-plot')];"
            "return all.slice(0, -1).reduce("
            "(n, one) => n + one.querySelectorAll('.scatterlayer .point').length, 0) }"
        )
    )
