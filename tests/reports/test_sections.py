"""What people write enters the report as they wrote it, safely, with its hash."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from accordance.protocols.errors import OutputError
from accordance.reports import contents, sections


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
        ("# Results\n\ntext", "<h3>Results</h3>\n<p>text</p>"),
        ("## Deep", "<h4>Deep</h4>"),
        ("a **b** *c*", "<p>a <strong>b</strong> <em>c</em></p>"),
        ("<!-- what to write -->", ""),
    ],
)
def test_markdown_is_rendered_safely(markdown: str, html: str) -> None:
    assert sections.render(markdown, "notes").strip() == html


def test_images_are_not_loaded() -> None:
    assert "<img" not in sections.render(
        "![a](https://example.org/a.png) ![b](data:image/png;base64,AA)", "notes"
    )


def test_a_heading_that_repeats_the_name_is_left_out() -> None:
    assert sections.render("# Adverse events\n\nNone.", "adverse_events").strip() == "<p>None.</p>"
    assert "<h3>" in sections.render("# Adverse events at site 3\n\nNone.", "adverse_events")


def test_reads_hashes_and_knows_empty_files(tmp_path: Path) -> None:
    (tmp_path / "17-Adverse-Events.md").write_text("None.\n", encoding="utf-8")
    (tmp_path / "limitations.md").write_text("# Limitations\n\n<!-- hint\nmore -->\n", encoding="utf-8")
    (tmp_path / "README.md").write_text("not a section", encoding="utf-8")
    found = sections.read(tmp_path)
    assert list(found) == ["adverse_events", "limitations"]
    assert found["adverse_events"].sha256 == hashlib.sha256(b"None.\n").hexdigest()
    assert not found["adverse_events"].empty
    assert found["limitations"].empty
    assert sections.read(tmp_path / "nowhere") == {}


def test_text_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "design.md").write_bytes(b"caf\xe9")
    with pytest.raises(OutputError, match=r"design\.md"):
        sections.read(tmp_path)


def test_every_file_has_one_place_and_none_is_dropped() -> None:
    names = [name for section in contents.all_sections() for name in section.files]
    assert len(names) == len(set(names))
    placed = sections.place([*names, "poem"])
    assert sorted(name for here in placed.values() for name in here) == sorted([*names, "poem"])
    assert placed[contents.OTHER.key] == ["poem"]


def test_contents_are_numbered_through() -> None:
    assert [section.number for section in contents.BODY] == [str(number) for number in range(1, 20)]
    assert [section.number for section in contents.APPENDICES] == list("ABCDEF")
    assert all(section.author for section in contents.all_sections() if section.wants)
