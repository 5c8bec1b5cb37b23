"""The report as PDF/A-3a: tagged, bookmarked, with embedded fonts and, unless refused, the data attached.

The same run folder and human sections give the same bytes: the identifier and every date derive from the run.
"""

from __future__ import annotations

import hashlib
import io
import logging
import threading
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from markupsafe import Markup

from ..protocols.errors import AccordanceError, OutputError
from ..studies.results import DOCUMENT_FILE, MANIFEST_FILE, ROWS_FILE
from . import figures, layouts
from .assemble import HERE, Material, Painter, render

PROTOCOL_FILE = "protocol.yaml"
VARIANT = "pdf/a-3a"
LIBRARIES = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
_SCHEME = "accordance"
_DRAWN_POINTS = "data:image/png;base64,"
_LOCK = threading.Lock()  # warnings are gathered on a logger that all threads share


class RenderingError(AccordanceError):
    """The PDF engine reported something it could not honour; a report with silent losses is no report."""


@dataclass(frozen=True)
class Attached:
    """A file that travels with the report."""

    name: str
    data: bytes
    description: str
    relationship: str
    media_type: str


def attached(material: Material) -> list[Attached]:
    """The files that travel with a report, sorted by name as a PDF wants them: manifest, protocol, results.

    Raises:
        OutputError: One cannot be read.
    """
    folder = material.results.folder
    if folder is None:
        raise OutputError("these results were never written to a run folder; there is nothing to attach")
    try:
        rows, document, manifest = (
            (folder / name).read_bytes() for name in (ROWS_FILE, DOCUMENT_FILE, MANIFEST_FILE)
        )
    except OSError as error:
        raise OutputError(f"{folder} cannot be read: {error}") from error
    return [
        Attached(
            MANIFEST_FILE,
            manifest,
            "Inputs, versions and environment of the run",
            "Supplement",
            "application/json",
        ),
        Attached(
            PROTOCOL_FILE,
            material.protocol_yaml.encode(),
            "The canonical protocol",
            "Source",
            "application/yaml",
        ),
        Attached(
            DOCUMENT_FILE, document, "Results with study, protocol and decision", "Data", "application/json"
        ),
        Attached(
            ROWS_FILE, rows, "All results, one row a statistic", "Data", "application/vnd.apache.parquet"
        ),
    ]


def sidecar(files: list[Attached], finished: str) -> bytes:
    """The same files as an archive, for submissions that refuse attachments. Same bytes every time."""
    moment = _moment(finished)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            entry = zipfile.ZipInfo(file.name, date_time=moment.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.data)
    return buffer.getvalue()


def pdf(material: Material, *, attachments: bool = True, layout: layouts.Layout = layouts.SPA) -> bytes:
    """The report's PDF.

    Args:
        material: What `assemble.gather` found.
        attachments: Attach results, protocol and manifest; without, they belong in a `sidecar`.
        layout: The order in which its sections come.

    Raises:
        OutputError: The PDF engine's system libraries are absent, or a file cannot be read.
        RenderingError: The engine could not honour something.
    """
    files = attached(material) if attachments else []

    def made(painter: Painter, css: str) -> str:
        return render(material, painter, target="print", css=css, attachments=attachments, layout=layout)

    return typeset(made, files, material.finished)


def typeset(made: Callable[[Painter, str], str], files: list[Attached], finished: str) -> bytes:
    """A document of this package as PDF/A-3a, whatever it is about.

    Args:
        made: The document as HTML, given how figures are shown and the style sheet.
        files: What to attach, sorted by name.
        finished: When its results were finished, as in the run: the date of every attachment.

    Raises:
        OutputError: The PDF engine's system libraries are absent.
        RenderingError: The engine could not honour something.
    """
    weasyprint = _engine()
    drawn: dict[str, str] = {}

    def painter(model: figures.AnyFigure) -> Markup:
        drawn[f"{model.name}.svg"] = figures.svg(model)
        return Markup(f'<img src="{_SCHEME}:figure/{escape(model.name)}.svg" alt="{escape(model.alt)}">')  # noqa: S704

    html = made(painter, _css())
    with _LOCK, _warnings_are_errors(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the engine leaves its own colour profile open
        data: bytes = weasyprint.HTML(
            string=html, base_url=f"{_SCHEME}:/", url_fetcher=_fetcher(weasyprint, drawn)
        ).write_pdf(
            pdf_variant=VARIANT,
            pdf_identifier=hashlib.sha256(html.encode()).hexdigest()[:32].encode(),
            attachments=[_attachment(weasyprint, file, finished) for file in files] or None,
        )
    return _finished(data, files)


def _css() -> str:
    faces = (
        ("Sans-Regular", "Sans", 400, "normal"),
        ("Sans-Italic", "Sans", 400, "italic"),
        ("Sans-SemiBold", "Sans", 600, "normal"),
        ("Sans-SemiBoldItalic", "Sans", 600, "italic"),
        ("Mono-Regular", "Mono", 400, "normal"),
    )
    rules = [
        f'@font-face {{ font-family: "IBM Plex {family}"; font-weight: {weight}; font-style: {style}; '
        f'src: url("{_SCHEME}:font/IBMPlex{name}.ttf"); }}'
        for name, family, weight, style in faces
    ]
    styles = [(HERE / "styles" / name).read_text(encoding="utf-8") for name in ("base.css", "print.css")]
    return "\n".join([*rules, *styles])


def _engine() -> Any:
    """WeasyPrint; where its libraries are absent, what to install."""
    try:
        import weasyprint  # noqa: PLC0415 - needs system libraries, and only PDFs need them
    except OSError as error:
        raise OutputError(
            f"the PDF engine cannot start: {error}. On Debian or Ubuntu: apt-get install {LIBRARIES}"
        ) from error
    return weasyprint


def _fetcher(weasyprint: Any, drawn: Mapping[str, str]) -> Any:
    """Gives the engine the report's own figures and fonts, and nothing else from anywhere."""

    class OwnFiles(weasyprint.urls.URLFetcher):  # type: ignore[misc]
        def fetch(self, url: str, headers: Any = None) -> Any:
            if url.startswith(_DRAWN_POINTS):  # the points of a large figure, written inside its own SVG
                return super().fetch(url, headers)
            kind, _, name = url.removeprefix(f"{_SCHEME}:").partition("/")
            if kind == "figure" and name in drawn:
                body, media = drawn[name].encode(), "image/svg+xml"
            elif kind == "font" and name in {path.name for path in (HERE / "fonts").glob("*.ttf")}:
                body, media = (HERE / "fonts" / name).read_bytes(), "font/ttf"
            else:
                raise ValueError(f"a report loads nothing from outside: {url}")
            return weasyprint.urls.URLFetcherResponse(url, body, {"Content-Type": media})

    return OwnFiles()


def _attachment(weasyprint: Any, file: Attached, finished: str) -> Any:
    moment = _moment(finished)
    return weasyprint.Attachment(
        file_obj=io.BytesIO(file.data),
        name=file.name,
        description=file.description,
        relationship=file.relationship,
        created=moment,
        modified=moment,
    )


def _moment(finished: str) -> datetime:
    return datetime.fromisoformat(finished.replace("Z", "+00:00"))


def _finished(data: bytes, files: list[Attached]) -> bytes:
    """The engine's output with what it leaves out: media types of attachments, each associated once."""
    if not files:
        return data
    import pikepdf  # noqa: PLC0415 - only where there are attachments

    known = {file.name: file for file in files}
    with pikepdf.open(io.BytesIO(data)) as document:
        names = document.Root.Names.EmbeddedFiles.Names
        associated = pikepdf.Array()
        for at in range(1, len(names), 2):
            # The engine writes each specification twice, once inside the list of associated files.
            specification = document.make_indirect(names[at])
            names[at] = specification
            associated.append(specification)
            file = known[str(specification.get("/UF", specification.get("/F", "")))]
            specification.AFRelationship = pikepdf.Name("/" + file.relationship)
            specification.EF.F.Subtype = pikepdf.Name("/" + file.media_type)
        document.Root.AF = associated
        out = io.BytesIO()
        document.save(out, static_id=False, deterministic_id=True, linearize=False)
    return out.getvalue()


@contextmanager
def _warnings_are_errors() -> Iterator[None]:
    """Gather what the engine complains of; any complaint fails the report."""
    logger = logging.getLogger("weasyprint")
    gathered: list[str] = []

    class Gather(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            gathered.append(record.getMessage())

    handler = Gather(level=logging.WARNING)
    before = (logger.level, logger.propagate)
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.level, logger.propagate = before
    if gathered:
        raise RenderingError("the PDF engine could not honour: " + "; ".join(dict.fromkeys(gathered)))
