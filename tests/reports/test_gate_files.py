"""What a gate writes for people and build servers: Markdown and JUnit XML."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree

import pytest
from comparison_documents import comparison, row
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from accordance.reports.junit import clean, junit
from accordance.reports.junit_comparison import comparison_junit
from accordance.reports.markdown import JOINER, code, escape, table
from accordance.reports.summary import summary
from accordance.reports.summary_comparison import comparison_summary
from accordance.studies.gate import gate
from accordance.studies.gate_comparison import gate_comparison
from accordance.studies.results import Results

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def cells(text: str) -> list[list[str]]:
    """The rows of the table in a summary, read by a parser of Markdown."""
    found: list[list[str]] = []
    for token in MARKDOWN.parse(text):
        if token.type == "tr_open":
            found.append([])
        if token.type == "inline" and found and token.level >= 4:
            found[-1].append("".join(child.content for child in token.children or []))
    return found


def suites(text: str) -> dict[str, ElementTree.Element]:
    root = ElementTree.fromstring(text)
    return {str(suite.get("name")): suite for suite in root}


@given(st.text(max_size=60))
def test_words_stay_words(text: str) -> None:
    shown = cells(table(("Head", "Next"), [(escape(text), "x")]))[-1]
    assert shown[-1] == "x", "no word opens or closes a cell"
    assert shown[0].replace(JOINER, "") == " ".join(clean(text).replace(JOINER, "").split())
    for line in (f"a {escape(text)}", f"- {escape(text)}"):
        blocks = MARKDOWN.parse(line)
        assert {child.type for token in blocks for child in token.children or []} <= {"text", "text_special"}
        assert not {token.type for token in blocks} & {"heading_open", "ordered_list_open", "hr", "fence"}
        assert [token.type for token in blocks].count("bullet_list_open") == line.startswith("-")


@pytest.mark.parametrize(
    "text", ["@alice", "see #12", "org/repo#3", "!7", "https://a.b", "www.a.b", "x@y.org"]
)
def test_nobody_is_called_and_nothing_linked(text: str) -> None:
    assert JOINER in escape(text)


@given(st.text(alphabet="a`| ", min_size=1, max_size=12).filter(lambda text: text.strip()))
def test_code_stays_code(text: str) -> None:
    shown = cells(table(("Head",), [(code(text),)]))[-1][0]
    assert shown.strip() == " ".join(text.split())


def test_a_comparison_in_markdown() -> None:
    document = comparison(
        row("inferior",
            adjusted={"lower": -0.062, "upper": -0.038, "method": "max_t"}),
        row("inconclusive", "mape", unit="percent", margin=1.0, baseline_value=5.0, candidate_value=5.2,
            improvement={"estimate": -0.2, "lower": -1.3, "upper": 0.9},
            further={"subjects": 60, "lower": 20, "upper": 240, "words": "About 60 more subjects"}),
        row("superior", "ratio", role="secondary", scale="ratio", margin=1.1, unit="",
            improvement={"estimate": math.log(1.2), "lower": math.log(1.05), "upper": math.log(1.4)}),
        comparability={
            "units": [{"endpoint": "sensitivity", "candidate": "v2", "words": "`v2` lacks 3 units"}],
            "notes": ["no margin is declared for mape"],
        },
        locked=False,
        post_hoc=[{"message": "the margin of `mape` was 0.5"}],
    )  # fmt: skip
    text = comparison_summary(document, gate_comparison(document), files=[Path("out/report.html")])
    assert text.splitlines()[2] == "**The gate is closed.** `v2` is **inferior**."
    head, first, second, third = cells(text)
    assert head == ["Gate", "Endpoint", "Baseline", "Candidate", "Improvement", "Margin", "Decision"]
    assert first[:6] == [
        "fails", "Sensitivity (sensitivity)", "95.0%", "90.0%",
        "−5.0 pp (−6.2 to −3.8)", "2 pp",
    ]  # fmt: skip
    assert first[6].startswith("Inferior:")
    assert second[4:6] == ["−0.2 pp (−1.3 to +0.9)", "1 pp"]
    assert third[0] == "informs"
    assert third[1].endswith("secondary")
    assert third[4:6] == ["×1.20 (×1.05 to ×1.40)", "×1.1"]
    assert "- sensitivity, v2: “v2” lacks 3 units" in text
    assert "- mape, v2: About 60 more subjects" in text
    assert "smallest regression that this study detects with power 80%" in text
    assert "- no margin is declared for mape" in text
    assert "- no plan was locked: nothing here is pre-specified" in text
    assert "- post hoc: the margin of “mape” was 0.5" in text
    assert text.endswith("Report: `out/report.html`\n")


def test_several_candidates_have_a_column() -> None:
    document = comparison(row("superior"), row("not_evaluable", candidate="v3", reason="no units in common"))
    text = comparison_summary(document, gate_comparison(document), folder=Path("study/comparisons/x"))
    assert [line[2] for line in cells(text)] == ["Version", "v2", "v3"]
    assert [line[0] for line in cells(text)][1:] == ["passes", "not decided"]
    assert cells(text)[2][5] == "–"
    assert "- sensitivity, v3: no units in common" in text
    assert "`accordance report study/comparisons/x` writes one" in text


def test_hostile_words_stay_words() -> None:
    hostile = "</td>|<script>alert(1)</script> @alice [x](http://y) `z`\n# head"
    document = comparison(row("inferior", title=hostile, words=hostile, warning=hostile))
    document["study"]["title"] = hostile
    text = comparison_summary(document, gate_comparison(document))
    shown = cells(text)
    assert [len(line) for line in shown] == [7, 7]
    html = MARKDOWN.render(text)
    for tag in ("<script", "<a ", "<h1"):
        assert tag not in html
    assert f"@{JOINER}alice" in text
    assert ElementTree.fromstring(comparison_junit(document)) is not None


@pytest.mark.parametrize(
    ("decision", "tag", "counts"),
    [
        ("superior", None, (0, 0, 0)),
        ("non_inferior", None, (0, 0, 0)),
        ("inferior", "failure", (1, 0, 0)),
        ("inconclusive", "error", (0, 1, 0)),
        ("not_evaluable", "error", (0, 1, 0)),
    ],
)
def test_a_case_a_primary_comparison(decision: str, tag: str | None, counts: tuple[int, ...]) -> None:
    document = comparison(row(decision), row("inferior", "coverage", role="secondary"))
    found = suites(comparison_junit(document))
    deciding, other = found["deciding"], found["other"]
    assert tuple(int(deciding.get(name, "")) for name in ("failures", "errors", "skipped")) == counts
    (case,) = deciding
    assert case.get("name") == "sensitivity: non-inferior to v1"
    assert {child.tag for child in case} == ({tag} if tag else {"system-out"})
    (told,) = other
    assert {child.tag for child in told} == {"system-out"}, "secondary endpoints never fail a build"
    assert [other.get(name) for name in ("tests", "failures", "errors")] == ["1", "0", "0"]


def test_tolerated_is_skipped_and_required_counts() -> None:
    document = comparison(row("inconclusive"), row("inferior", "coverage", role="secondary"))
    outcome = gate_comparison(document, ["coverage=superior"], inconclusive="warn")
    first, second = suites(comparison_junit(document, outcome))["deciding"]
    assert [first[0].tag, second[0].tag] == ["skipped", "failure"]
    assert second.get("name") == "coverage: superior to v1"


def test_the_decision_of_a_whole_candidate_is_a_case() -> None:
    document = comparison(row("superior"))
    document["decisions"]["v2"] = {"decision": "not_evaluable", "words": "Trained on\x00 test subjects"}
    deciding = suites(comparison_junit(document))["deciding"]
    assert [case.get("name") for case in deciding] == ["sensitivity: non-inferior to v1",
                                                       "decision: non-inferior to v1"]  # fmt: skip
    assert deciding.get("errors") == "1"


def test_a_run_in_markdown(pefr: Results) -> None:
    text = summary(pefr, gate(pefr))
    assert "**The gate is closed. Success criterion demonstrated: no.**" in text
    shown = cells(text)
    assert len(shown) > len(pefr.deciding())
    assert [line[0] for line in shown].count("fails") == [r["decision"] for r in pefr.deciding()].count(
        "not_met"
    )
    assert "Not met; the interval leaves the goal open" in text
    assert "no plan was locked: nothing here is pre-specified" in text
    assert "**Left out**" in text
    assert f"`accordance report {pefr.folder}` writes one" in text


def test_what_a_run_requires_is_in_the_suite_that_decides(pefr: Results) -> None:
    before = suites(junit(pefr))
    others = {str(case.get("name")).split(".")[0] for case in before["other"]}
    after = suites(junit(pefr, others))
    assert len(after["deciding"]) == len(before["deciding"]) + len(before["other"])
    assert len(after["other"]) == 0
