"""The PDF: archivable, accessible, with its data attached, and the same bytes every time."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import shutil
import subprocess
import zipfile
from functools import partial
from pathlib import Path

import pikepdf
import polars as pl
import pytest

from accordance.protocols.errors import OutputError
from accordance.reports import pdf as pdfs
from accordance.reports import report
from accordance.reports.assemble import gather
from accordance.studies.results import Results

ATTACHED = {"results.parquet", "results.json", "protocol.yaml", "manifest.json"}


@pytest.fixture
def document(spa_files: dict[str, Path]) -> pikepdf.Pdf:
    return pikepdf.open(spa_files["report.pdf"])


def attachments(document: pikepdf.Pdf) -> dict[str, pikepdf.Dictionary]:
    """File specifications by name."""
    names = document.Root.Names.EmbeddedFiles.Names
    return {str(names[at + 1].UF): names[at + 1] for at in range(0, len(names), 2)}


def test_claims_pdf_a_3a_and_is_tagged(document: pikepdf.Pdf) -> None:
    with document.open_metadata() as metadata:
        assert metadata["pdfaid:part"] == "3"
        assert metadata["pdfaid:conformance"] == "A"
        assert "Software performance assessment" in str(metadata["dc:title"])
        assert "Accordance" in str(metadata.get("xmp:CreatorTool", ""))
    assert document.Root.MarkInfo.Marked
    assert "/StructTreeRoot" in document.Root
    assert str(document.Root.Lang) == "en"
    assert "/OutputIntents" in document.Root
    assert str(document.docinfo["/Author"]) == "Example Devices"


def test_every_font_is_embedded(document: pikepdf.Pdf) -> None:
    fonts = [
        one
        for one in document.objects
        if isinstance(one, pikepdf.Dictionary) and one.get("/Type") == "/FontDescriptor"
    ]
    assert fonts
    assert all(any(key in font for key in ("/FontFile", "/FontFile2", "/FontFile3")) for font in fonts)
    assert all("IBM-Plex" in str(font.FontName) for font in fonts)


def test_figures_have_alternative_text(document: pikepdf.Pdf, spa: Results) -> None:
    told = [
        str(one.get("/Alt", ""))
        for one in document.objects
        if isinstance(one, pikepdf.Dictionary) and one.get("/S") == "/Figure"
    ]
    assert told
    assert all(told)
    assert any("Forest plot of Sensitivity" in text for text in told)
    assert any("output by reference" in text for text in told)


def test_bookmarks_follow_the_contents(document: pikepdf.Pdf) -> None:
    with document.open_outline() as outline:
        titles = [item.title for item in outline.root]
    assert titles[:4] == ["Contents", "Status and signatures", "Synopsis", "Abbreviations"]
    assert "12 Primary results" in titles
    assert titles[-1] == "Appendix F. Reproduction guide"


def test_attachments_are_the_run_files_with_their_relationship(document: pikepdf.Pdf, spa: Results) -> None:
    found = attachments(document)
    assert set(found) == ATTACHED
    assert list(found) == sorted(found)  # a PDF's name tree is sorted
    relationships = {name: str(one.AFRelationship) for name, one in found.items()}
    assert relationships["results.parquet"] == "/Data"
    assert relationships["protocol.yaml"] == "/Source"
    for name in ATTACHED - {"protocol.yaml"}:
        assert found[name].EF.F.read_bytes() == (spa.folder / name).read_bytes()
        assert "/ModDate" in found[name].EF.F.Params
    assert {str(one.EF.F.Subtype) for one in found.values()} == {
        "/application/vnd.apache.parquet", "/application/json", "/application/yaml",
    }  # fmt: skip
    assert len(document.Root.AF) == len(ATTACHED)
    frame = pl.read_parquet(io.BytesIO(found["results.parquet"].EF.F.read_bytes()))
    assert frame.equals(spa.rows)


def test_structure_holds_for_qpdf(spa_files: dict[str, Path]) -> None:
    if shutil.which("qpdf") is None:
        pytest.skip("qpdf is not installed (apt-get install qpdf)")
    done = subprocess.run(
        ["qpdf", "--check", spa_files["report.pdf"]], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_text_of_the_pages(spa_files: dict[str, Path]) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed (apt-get install poppler-utils)")
    done = subprocess.run(
        ["pdftotext", "-layout", spa_files["report.pdf"], "-"], capture_output=True, text=True, check=True
    )
    pages = done.stdout.split("\f")
    assert "Success criterion demonstrated: yes" in pages[0]
    assert f"Page 1 of {len(pages) - 1}" in pages[0]
    numbers = {line.rsplit(maxsplit=1)[-1] for line in pages[1].splitlines() if "Appendix F" in line}
    assert numbers == {
        str(1 + next(at for at, page in enumerate(pages) if "Appendix F. Reproduction guide" in page))
    }
    # "equivocal results both ways": the figures stand on the first page
    assert "Worst case: indeterminate results counted as errors" in pages[0]


def test_same_bytes_every_time_and_no_complaint(
    pefr: Results, pefr_files: dict[str, Path], tmp_path: Path
) -> None:
    again = {path.name: path for path in report(pefr.folder, output=tmp_path)}
    for name, path in pefr_files.items():
        assert again[name].read_bytes() == path.read_bytes(), name


def test_without_attachments_the_files_come_beside(pefr: Results, tmp_path: Path) -> None:
    written = report(pefr.folder, output=tmp_path, formats=("pdf",), attachments=False)
    assert {path.name for path in written} == {"report.pdf", "report-files.zip", "junit.xml"}
    with pikepdf.open(tmp_path / "report.pdf") as document:
        assert "/Names" not in document.Root or "/EmbeddedFiles" not in document.Root.Names
        with document.open_metadata() as metadata:
            assert metadata["pdfaid:part"] == "3"
    with zipfile.ZipFile(tmp_path / "report-files.zip") as archive:
        assert set(archive.namelist()) == ATTACHED
        assert json.loads(archive.read("manifest.json"))["run"]["id"] == pefr.run_id
    first = hashlib.sha256((tmp_path / "report-files.zip").read_bytes()).hexdigest()
    files = pdfs.attached(gather(pefr.folder))
    assert hashlib.sha256(pdfs.sidecar(files, gather(pefr.folder).finished)).hexdigest() == first


def test_points_of_a_large_figure_are_drawn_as_an_image(
    pefr: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdfs.figures, "svg", partial(pdfs.figures.svg, raster_above=5))
    found = pikepdf.open(io.BytesIO(pdfs.pdf(gather(pefr.folder), attachments=False)))
    images = [
        one for one in found.objects if isinstance(one, pikepdf.Stream) and one.get("/Subtype") == "/Image"
    ]
    assert images


@pytest.mark.parametrize("url", ["https://example.org/a.png", "file:///etc/passwd", "data:text/css,a{}"])
def test_nothing_else_is_loaded(url: str) -> None:
    with pytest.raises(ValueError, match="loads nothing from outside"):
        pdfs._fetcher(pdfs._engine(), {}).fetch(url)


def test_engine_complaints_fail_the_report() -> None:
    with pytest.raises(pdfs.RenderingError, match="no such property"), pdfs._warnings_are_errors():
        logging.getLogger("weasyprint").warning("no such property")
    with pdfs._warnings_are_errors():
        pass


def test_missing_engine_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str, *args: object, **kwargs: object) -> object:
        if name == "weasyprint":
            raise OSError("cannot load library 'libpango-1.0-0'")
        return original(name, *args, **kwargs)

    original = __builtins__["__import__"] if isinstance(__builtins__, dict) else __builtins__.__import__
    monkeypatch.setattr("builtins.__import__", absent)
    with pytest.raises(OutputError, match="apt-get install libpango"):
        pdfs._engine()
