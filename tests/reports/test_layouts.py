"""The orders of ISO 14155 Annex D and ICH E3: the same sections, numbered and in place, none lost."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from accordance.protocols.errors import UsageError
from accordance.reports import contents, layouts, report
from accordance.studies.results import Results

Plain = Callable[[str], str]
GUIDELINES = ("iso14155", "ich-e3")


@pytest.fixture(scope="module")
def pages(spa: Results, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    found = {}
    for name in layouts.LAYOUTS:
        output = tmp_path_factory.mktemp(name)
        report(spa.folder, output=output, formats=("html",), template=name)
        found[name] = (output / "report.html").read_text(encoding="utf-8")
    return found


@pytest.mark.parametrize("name", layouts.LAYOUTS)
def test_every_default_section_is_in_every_layout_once(name: str) -> None:
    keys = [section.key for section in layouts.LAYOUTS[name].sections()]
    assert len(keys) == len(set(keys))
    assert {section.key for section in contents.all_sections()} <= set(keys)


def test_the_default_layout_is_the_default_contents() -> None:
    assert layouts.SPA.sections() == contents.all_sections()


def test_chapters_answer_the_clauses_in_their_order() -> None:
    iso = [one.clause for one in layouts.ISO14155.entries() if one.level == 1]
    assert iso == [f"D.{number}" for number in range(2, 14)]
    ich = [one for one in layouts.ICH_E3.entries() if one.level == 1]
    assert [one.clause for one in ich] == [str(number) for number in range(1, 17)]
    assert [one.section.number for one in ich] == [one.clause for one in ich]


@pytest.mark.parametrize("name", GUIDELINES)
def test_sections_stand_in_the_order_of_the_layout(name: str, pages: dict[str, str]) -> None:
    layout = layouts.LAYOUTS[name]
    wanted = [one.section.key for one in layout.entries()]
    there = re.findall(r'\bid="([\w-]+)"', pages[name])
    assert [key for key in there if key in wanted] == wanted


@pytest.mark.parametrize("name", GUIDELINES)
def test_headings_carry_number_and_clause(name: str, pages: dict[str, str], plain: Plain) -> None:
    layout = layouts.LAYOUTS[name]
    document = layout.title.partition(",")[0]
    for entry in layout.entries():
        if entry.section.key in {layouts.TITLE_PAGE, layouts.CONTENTS}:
            continue
        level = 3 if entry.level == 2 else 2
        found = re.search(rf'<h{level}[^>]* id="{entry.section.key}">(.*?)</h{level}>', pages[name])
        assert found is not None, entry
        assert plain(found[1]).strip() == f"{entry.section.label} {document}, {entry.clause}"


@pytest.mark.parametrize("name", GUIDELINES)
def test_no_table_and_no_figure_is_lost(name: str, pages: dict[str, str]) -> None:
    for tag in ("<figure", "<caption", 'class="missing"'):
        assert pages[name].count(tag) >= pages["spa"].count(tag) > 0
    captions = re.findall(r"<figcaption>.*?</figcaption>", pages["spa"], flags=re.DOTALL)
    assert all(caption in pages[name] for caption in captions)


@pytest.mark.parametrize("name", GUIDELINES)
def test_headings_never_skip_a_level(name: str, pages: dict[str, str]) -> None:
    levels = [int(found) for found in re.findall(r"<h([1-6])\b", pages[name])]
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_what_a_guideline_asks_of_people_says_who_writes_it(pages: dict[str, str], plain: Plain) -> None:
    told = plain(pages["iso14155"])
    assert "9 Ethics ISO 14155:2020, D.10 To be written by Clinical operations: which ethics" in told
    assert "Ethics" not in plain(pages["spa"])


def test_references_to_sections_follow_the_layout(pages: dict[str, str], plain: Plain) -> None:
    assert "the counts add up to the rows read (section 9)" in plain(pages["spa"])
    assert "the counts add up to the rows read (section 6.2)" in plain(pages["iso14155"])
    assert "the counts add up to the rows read (section 10.1)" in plain(pages["ich-e3"])
    assert "§" not in plain("".join(pages.values()))
    number = next(one.number for one in layouts.ICH_E3.sections() if one.key == "disposition")
    assert f'<a href="#disposition" class="onpage">Section {number}</a>' in pages["ich-e3"]


def test_written_parts_find_their_section_or_stay_visible(spa: Results, tmp_path: Path, plain: Plain) -> None:
    study = tmp_path / "study"
    shutil.copytree(spa.folder.parent.parent, study) if spa.folder else None
    (study / "sections" / "ethics.md").write_text("The committee of Springfield approved.", encoding="utf-8")
    run = study / "runs" / spa.run_id
    config = study / "study.yaml"
    assert config.is_file()
    found = {}
    for name in ("spa", "ich-e3"):
        report(run, output=tmp_path / name, formats=("html",), template=name)
        found[name] = plain((tmp_path / name / "report.html").read_text(encoding="utf-8"))
    assert "5 Ethics ICH E3, 5 The committee of Springfield approved." in found["ich-e3"]
    assert "Further sections ethics.md The committee of Springfield approved." in found["spa"]


def test_an_unknown_template_is_refused_by_name(spa: Results, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown report template `iso`; there are: spa, iso14155, ich-e3"):
        report(spa.folder, output=tmp_path, template="iso")


def test_page_numbers_of_the_contents_are_those_of_the_headings(spa: Results, tmp_path: Path) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed (apt-get install poppler-utils)")
    report(spa.folder, output=tmp_path, formats=("pdf",), template="iso14155")
    done = subprocess.run(
        ["pdftotext", "-layout", tmp_path / "report.pdf", "-"], capture_output=True, text=True, check=True
    )
    pages = done.stdout.split("\f")
    told = {}
    for line in pages[1].splitlines():
        found = re.match(r"\s*(Appendix [A-F]|[\d.]+)\s+(.+?)\s+(D\.[\d.]+).*?(\d+)$", line)
        if found is not None:
            told[found[1]] = (found[2], int(found[4]))
    entries = [one for one in layouts.ISO14155.entries() if one.section.key not in {"first-page", "contents"}]
    assert {one.section.prefix for one in entries} <= set(told)
    for entry in entries:
        title, number = told[entry.section.prefix]
        assert title == entry.section.title
        assert entry.section.label in pages[number - 1], (entry, number)
