"""The comparison report as one HTML page and as PDF/A, from one template."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ...protocols.canonical import canonical_yaml
from ...protocols.model import Protocol
from ...studies.comparison_folder import COMPARISON_FILE
from ...studies.demographics import RULE as SMALL_CELL_RULE
from ...studies.results import MANIFEST_FILE, ROWS_FILE
from .. import html as pages
from .. import pdf as pdfs
from ..assemble import Painter, templates
from ..methods import Bibliography, joined
from . import between, blocks, change_control, harmed, methods, words
from .material import Material, gather

NAME = "report"
SIDECAR_FILE = "report-files.zip"

ON_FIRST = 9
"""So many comparisons fit below the decisions on the first page; of more, the table has its own."""


def is_comparison(folder: Path) -> bool:
    """Whether a folder is that of a comparison."""
    return (folder / COMPARISON_FILE).is_file()


def write(folder: Path, *, formats: Sequence[str], attachments: bool = True) -> dict[str, bytes]:
    """The files of a comparison's report, by name.

    Args:
        folder: What `accordance compare` wrote.
        formats: Any of `pdf`, `html`.
        attachments: Attach comparison, results, protocol and manifest to the PDF; without, they come as an
            archive beside it.

    Raises:
        UsageError: The folder holds no finished comparison.
        IntegrityError: A file is not what the manifest says.
        OutputError: A file cannot be read.
    """
    material = gather(folder)
    made: dict[str, bytes] = {}
    if "html" in formats:
        page = render(material, pages.painter, target="screen", css=pages.css(), attachments=False)
        made[f"{NAME}.html"] = page.encode()
    if "pdf" in formats:
        files = attached(material)

        def document(painter: Painter, css: str) -> str:
            return render(material, painter, target="print", css=css, attachments=attachments)

        made[f"{NAME}.pdf"] = pdfs.typeset(document, files if attachments else [], material.finished)
        if not attachments:
            made[SIDECAR_FILE] = pdfs.sidecar(files, material.finished)
    return made


def attached(material: Material) -> list[pdfs.Attached]:
    """What travels with the report, sorted by name; single subjects do not."""
    told = {
        COMPARISON_FILE: ("The comparison: decisions, improvements, subgroups", "Data", "application/json"),
        MANIFEST_FILE: ("Inputs, versions and environment", "Supplement", "application/json"),
        ROWS_FILE: ("All results, one row a statistic", "Data", "application/vnd.apache.parquet"),
    }
    files = [
        pdfs.Attached(name, (material.folder / name).read_bytes(), *words_)
        for name, words_ in told.items()
        if name in material.hashes
    ]
    files.append(
        pdfs.Attached(
            pdfs.PROTOCOL_FILE, protocol_yaml(material).encode(), "The canonical protocol", "Source",
            "application/yaml",
        )
    )  # fmt: skip
    return sorted(files, key=lambda one: one.name)


def protocol_yaml(material: Material) -> str:
    """The canonical protocol."""
    return canonical_yaml(Protocol.model_validate_json(json.dumps(material.document["protocol"])))


def render(material: Material, painter: Painter, *, target: str, css: str, attachments: bool) -> str:
    """The whole report as one HTML document.

    Args:
        material: What `gather` found.
        painter: How figures are shown.
        target: `print` or `screen`.
        css: The style sheet, which the document carries itself.
        attachments: Whether the files are attached to the document.
    """
    cited = Bibliography()
    config = material.config
    first_only, panels = harmed.panels(material)
    context: dict[str, Any] = {
        "target": target,
        "css": Markup(css),  # noqa: S704 - the style sheets of this package
        "document": material.document,
        "manifest": material.manifest,
        "config": config,
        "material": material,
        "status": "FINAL" if config and config.report.status == "final" else "DRAFT",
        "title": str(material.document.get("title") or "Comparison of algorithm versions"),
        "subtitle": str(material.document["study"].get("title", "")),
        "baseline_title": blocks.version_title(material, material.baseline),
        "candidates": blocks.candidates(material),
        "panels": blocks.panels(material),
        "heat_maps": blocks.heat_maps(material),
        "who": panels,
        "first_only": first_only,
        "weak_spots": blocks.weak_spots(material),
        "unsearched": blocks.unsearched(material),
        "between": between.gathered(material),
        "left_out": blocks.left_out(material),
        "notes": blocks.notes(material),
        "coverage": blocks.coverage(material),
        "sensitivity": blocks.sensitivity(material),
        "interim": blocks.interim(blocks.sensitivity(material)),
        "change_control": _change_control(material, painter),
        "plan": blocks.plan(material),
        "pre_specified": blocks.pre_specified(material),
        "remarks": blocks.remarks(material),
        "long": len(material.comparisons) > ON_FIRST,
        "software": blocks.software(material),
        "rests_on": blocks.rests_on(material),
        "multiplicity": words.MULTIPLICITY[str(material.document["multiplicity"])],
        "methods": methods.write(material, cited),
        "bibliography": cited.entries,
        "small_cell_rule": SMALL_CELL_RULE,
        "attachments": attachments,
        "paint": painter,
        "joined": joined,
    }
    body = Markup(templates().get_template("comparison.html.j2").render(context))  # noqa: S704 - escaped
    return templates().get_template("comparison_page.html.j2").render({**context, "body": body})


def _change_control(material: Material, painter: Painter) -> Markup | None:
    """The section on the change control plan and the history of versions, where the comparison has one."""
    found = material.comparison
    return change_control.fragment(found, painter) if "change_control" in found.document else None
