"""Write a run's reports into its folder, each whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from ..protocols.errors import OutputError, UsageError
from . import comparison
from . import pdf as pdfs
from .assemble import gather
from .html import html
from .junit import junit
from .junit_comparison import comparison_junit
from .layouts import LAYOUTS, Layout

FORMATS = ("pdf", "html")
NAME = "report"
JUNIT_FILE = "junit.xml"
SIDECAR_FILE = "report-files.zip"


def report(
    run_folder: Path,
    *,
    output: Path | None = None,
    formats: Sequence[str] = FORMATS,
    attachments: bool = True,
    study: Path | None = None,
    template: str | None = None,
) -> list[Path]:
    """Write report.pdf, report.html and junit.xml for a finished run or comparison.

    Args:
        run_folder: The run folder, or the folder of a comparison of versions.
        output: Folder to write into. Default: the run folder.
        formats: Any of `pdf`, `html`; junit.xml is always written.
        attachments: Attach results, protocol and manifest to the PDF. False writes them as report-files.zip
            beside it, for electronic submissions that refuse attachments.
        study: The study folder with the human sections. Default: the one that the run folder lies in.
        template: Order of the report: `spa`, `iso14155` or `ich-e3`. Default: what study.yaml says under
            `report.template`, or `spa`.

    Returns:
        The files written.

    Raises:
        UsageError: The folder holds no finished run, or a format or template is unknown.
        IntegrityError: The run's files are not what its manifest says.
        OutputError: A file cannot be read or written.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise UsageError(f"unknown report format {', '.join(unknown)}; there are: {', '.join(FORMATS)}")
    folder = Path(run_folder)
    if comparison.is_comparison(folder):
        if template is not None:
            raise UsageError("a comparison's report has one order; --template is for the report of a run")
        made = comparison.write(folder, formats=formats, attachments=attachments)
        made[JUNIT_FILE] = comparison_junit(comparison.gather(folder).document).encode()
        return sorted(_write((output or folder) / name, data) for name, data in made.items())
    material = gather(folder, study)
    layout = _layout(template or (material.config.report.template if material.config else "spa"))
    target = Path(output) if output is not None else folder
    written = [_write(target / JUNIT_FILE, junit(material.results).encode())]
    if "html" in formats:
        written.append(_write(target / f"{NAME}.html", html(material, layout=layout).encode()))
    if "pdf" in formats:
        written.append(
            _write(target / f"{NAME}.pdf", pdfs.pdf(material, attachments=attachments, layout=layout))
        )
        if not attachments:
            archive = pdfs.sidecar(pdfs.attached(material), material.finished)
            written.append(_write(target / SIDECAR_FILE, archive))
    return sorted(written)


def _layout(name: str) -> Layout:
    """A layout by its name."""
    if name not in LAYOUTS:
        raise UsageError(f"unknown report template `{name}`; there are: {', '.join(LAYOUTS)}")
    return LAYOUTS[name]


def _write(path: Path, data: bytes) -> Path:
    """A file that is there whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_bytes(data)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error
    return path
