"""The HTML report: one file that asks nothing of the network and holds no row of data."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

from accordance.reports import contents, figures
from accordance.reports import rows as words
from accordance.studies.results import Results

Plain = Callable[[str], str]

VOID = {"meta", "wbr", "br", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """Gathers identifiers, references and unbalanced tags."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.loads: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            if name in ("src", "href", "xlink:href", "srcset", "data") and value:
                (self.links if tag == "a" else self.loads).append(value)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag


def parsed(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def test_loads_nothing_from_outside(spa_files: dict[str, Path], pefr_files: dict[str, Path]) -> None:
    for files in (spa_files, pefr_files):
        text = files["report.html"].read_text(encoding="utf-8")
        page = parsed(files["report.html"])
        assert all(target.startswith(("data:", "#")) for target in page.loads)
        assert "<script" not in text
        assert "@import" not in text
        assert all(
            target.startswith(("data:", '"data:', "#")) for target in re.findall(r"url\(([^)]*)\)", text)
        )


def test_is_well_formed_with_working_anchors(spa_files: dict[str, Path]) -> None:
    page = parsed(spa_files["report.html"])
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert {link.removeprefix("#") for link in page.links if link.startswith("#")} <= set(page.ids)


def test_holds_no_row_of_data(spa: Results, spa_files: dict[str, Path], plain: Plain) -> None:
    text = spa_files["report.html"].read_text(encoding="utf-8")
    data = spa.slice(
        next(e["row_id"] for e in spa.document["endpoints"] if e["id"] == "heart_rate_agreement")
    )
    words_of = set(re.findall(r"[\w.-]+", plain(text)))
    assert not set(data["subject"].to_list()) & words_of
    # each observation would be a vector mark; a picture holds them all
    assert text.count("<use ") < data.height


def test_every_section_is_there_in_order(spa_files: dict[str, Path]) -> None:
    ids = parsed(spa_files["report.html"]).ids
    wanted = [section.key for section in contents.all_sections()]
    assert [key for key in ids if key in wanted] == wanted


def test_a_section_without_words_says_who_writes_it(spa_files: dict[str, Path], plain: Plain) -> None:
    text = plain(spa_files["report.html"].read_text(encoding="utf-8"))
    assert "To be written by Algorithm development: which data trained and tuned the algorithm" in text
    assert "File: sections/independence.md" in text
    assert "to be written by Quality assurance" in text  # in the contents
    assert "To be written by Safety" not in text  # adverse_events.md is there
    assert "Four recordings were lost" in text


def test_first_page_carries_what_it_must(spa: Results, spa_files: dict[str, Path], plain: Plain) -> None:
    page = plain(spa_files["report.html"].read_text(encoding="utf-8")).split("Contents")[0]
    for wanted in (
        "DRAFT",
        "Registry number",
        "Success criterion demonstrated: yes",
        "No locked plan",
        "Worst case: indeterminate results counted as errors",
        "Enrolled 540",
        "simulated-1.1.0 (equals the release build)",
        "gen3, gen4",
        "12-lead ECG, simultaneous",
        "Freeze dates",
        "Post hoc rows",
        "Limits of unverified provenance 0",
        "Signatures",
        "How to verify this report",
        spa.document["protocol_sha256"],
    ):
        assert wanted in page, wanted
    for row in spa.deciding():
        shown = words.text(row)
        assert f"{shown.count} {shown.estimate} {shown.interval} {shown.decision}" in page


def test_specificity_misses_in_the_worst_case(spa_files: dict[str, Path], plain: Plain) -> None:
    page = plain(spa_files["report.html"].read_text(encoding="utf-8")).split("Contents")[0]
    worst = page.split("Worst case")[1]
    assert worst.count("Not met") == 2


def test_results_of_every_row_are_listed(pefr: Results, pefr_files: dict[str, Path], plain: Plain) -> None:
    text = plain(pefr_files["report.html"].read_text(encoding="utf-8")).split("Appendix D. Listing")[-1]
    for row in pefr.rows.iter_rows(named=True):
        shown = words.text(row)
        assert f"{row['row_id'][:8]} {row['endpoint']} {shown.statistic}" in text
        assert shown.estimate.replace("\u00a0", " ") in text


def test_endpoints_that_share_a_figure_show_it_once(pefr: Results, pefr_files: dict[str, Path]) -> None:
    text = pefr_files["report.html"].read_text(encoding="utf-8")
    assert "Figure: as for" in text
    rows = [entry["row_id"] for entry in pefr.document["endpoints"]]
    drawn = [name for name in re.findall(r'<figure id="([^"]+)"', text) if name.split("-")[-1] in rows]
    models = [figures.build(pefr, name.split("-")[-1]) for name in drawn]
    assert not any(
        figures.same_picture(one, other) for at, one in enumerate(models) for other in models[at + 1 :]
    )


def test_methods_are_sentences_with_numbered_sources(spa_files: dict[str, Path], plain: Plain) -> None:
    text = plain(spa_files["report.html"].read_text(encoding="utf-8"))
    methods = text.split("7 Statistical methods and estimands")[-1].split("8 Amendments")[0]
    assert "paired one to one by equal subject and recording" in methods
    assert "are no result" in methods
    assert re.search(r"Clopper-Pearson exact\. Clopper-Pearson exact interval .*?\[\d+\]\.", methods)
    assert "Halves are rounded to even" in methods
    references = text.split("References")[-1].split("Appendix A")[0]
    cited = {int(number) for group in re.findall(r"\[([\d, ]+)\]", methods) for number in group.split(",")}
    assert cited == set(range(1, len(cited) + 1))
    assert (
        references.count("Clopper CJ, Pearson ES") == 1
    )  # cited by the method and by the protocol, listed once
