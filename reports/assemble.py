"""Everything a report shows, gathered once from a run folder; the templates only lay it out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from pydantic import ValidationError

from ..protocols.canonical import canonical_yaml
from ..protocols.errors import IntegrityError
from ..protocols.model import Protocol
from ..studies import ledger as ledgers
from ..studies.config import StudyConfig
from ..studies.demographics import RULE as SMALL_CELL_RULE
from ..studies.handled import line
from ..studies.manifest import sha256_file
from ..studies.opening import read_json
from ..studies.results import DOCUMENT_FILE, MANIFEST_FILE, ROWS_FILE, Results
from . import (
    artefacts,
    blocks,
    calibrations,
    checklists,
    clocks,
    contents,
    coverage,
    families,
    figures,
    layouts,
    methods,
    missing,
    sections,
    shares,
    sites,
    validity,
)
from . import format as fmt
from . import rows as words
from .front import Front, build_words, front

HERE = Path(__file__).resolve().parent
STUDY_FILE = "study.yaml"
RUNS = "runs"

Painter = Callable[[figures.AnyFigure], Markup]
"""Turns a figure model into the markup that shows it in this format."""


@dataclass(frozen=True)
class Material:
    """What a report is made from.

    Attributes:
        results: The opened run.
        manifest: Its manifest.
        config: The study's study.yaml as the run recorded it; None where it does not hold (results of data
            frames).
        written: Human sections by normalised name.
        ledger: Ledger entries up to this run; None where there is no ledger to read.
        hashes: SHA-256 of the run's own files by name.
        protocol_yaml: The canonical protocol.
        calibration: The study's latest calibration of the same protocol; None where there is none.
    """

    results: Results
    manifest: Mapping[str, Any]
    config: StudyConfig | None
    written: Mapping[str, sections.Written] = field(default_factory=dict)
    ledger: tuple[Mapping[str, Any], ...] | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    protocol_yaml: str = ""
    calibration: Mapping[str, Any] | None = None

    @property
    def finished(self) -> str:
        """When the run finished: the only time in a report, so that it can be made again byte for byte."""
        return str(self.results.document["run"]["finished"])


def gather(run_folder: Path, study: Path | None = None) -> Material:
    """Read a run folder and what people wrote beside it.

    Args:
        run_folder: A finished run.
        study: The study folder with `sections/` and the ledger. Default: the one the run folder lies in.

    Raises:
        UsageError: The folder holds no finished run.
        IntegrityError: A file of the run is not what its manifest says, or the ledger is broken.
        OutputError: A file cannot be read.
    """
    results = Results.open(run_folder)
    manifest = read_json(run_folder / MANIFEST_FILE)
    hashes = {name: sha256_file(run_folder / name) for name in (ROWS_FILE, DOCUMENT_FILE, MANIFEST_FILE)}
    for name, expected in manifest.get("results", {}).items():
        if hashes.get(name, expected) != expected:
            raise IntegrityError(
                f"{run_folder / name} was changed after the run: its SHA-256 is not the manifest's"
            )
    home = study or _study_of(run_folder)
    return Material(
        results=results,
        manifest=manifest,
        config=_config(results),
        written=sections.read(home / "sections") if home else {},
        ledger=_ledger(home, results.run_id) if home else None,
        hashes=hashes,
        protocol_yaml=canonical_yaml(results.protocol),
        calibration=calibrations.of_protocol(home, str(results.document["protocol_sha256"]))
        if home
        else None,
    )


def _study_of(run_folder: Path) -> Path | None:
    """The study folder around `runs/<run>`; None for a run that lies elsewhere."""
    home = run_folder.resolve().parent.parent
    return home if (home / STUDY_FILE).is_file() else None


def _config(results: Results) -> StudyConfig | None:
    try:
        return StudyConfig.model_validate_json(json.dumps(results.document["study"]))
    except ValidationError:  # results of data frames have no study.yaml
        return None


def _ledger(home: Path, run_id: str) -> tuple[Mapping[str, Any], ...] | None:
    """Entries up to this run; later ones would make the same run's report differ from day to day."""
    entries = ledgers.read(home)
    if not entries:
        return None
    last = max(
        (at for at, entry in enumerate(entries) if entry["details"].get("run") == run_id), default=None
    )
    return tuple(entries if last is None else entries[: last + 1])


@dataclass(frozen=True)
class Placed:
    """A section with what people wrote for it.

    Attributes:
        section: The entry of the contents.
        written: Its human parts.
        missing: True where somebody still has to write.
    """

    section: contents.Section
    written: tuple[sections.Written, ...]
    missing: bool


def placed(material: Material, layout: layouts.Layout = layouts.SPA) -> dict[str, Placed]:
    """Every section of a layout, in order, with its human parts."""
    found = {}
    order = layout.sections()
    for section in order:
        own = tuple(sections.belongs(section, dict(material.written), order))
        full = any(not one.empty for one in own)
        needs = {
            name: one for name, one in material.written.items() if name in section.needs and not one.empty
        }
        missing = bool(section.wants) and not (needs if section.needs else full)
        found[section.key] = Placed(section, tuple(one for one in own if not one.empty), missing)
    return found


ABBREVIATIONS: dict[str, str] = {
    "AC1": "Gwet's first agreement coefficient",
    "AF": "atrial fibrillation",
    "Arms": "accuracy root mean square",
    "BCa": "bias-corrected and accelerated (bootstrap)",
    "BMI": "body mass index",
    "CI": "confidence interval",
    "E9(R1)": "ICH guideline on estimands and sensitivity analysis",
    "ECG": "electrocardiogram",
    "FDA": "US Food and Drug Administration",
    "GRRAS": "guidelines for reporting reliability and agreement studies",
    "ICH": "International Council for Harmonisation",
    "MAE": "mean absolute error",
    "MAPE": "mean absolute percentage error",
    "MOVER": "method of variance estimates recovery",
    "NPV": "negative predictive value",
    "PEFR": "peak expiratory flow rate",
    "PPG": "photoplethysmogram",
    "PPV": "positive predictive value",
    "RMSE": "root mean square error",
    "SD": "standard deviation",
    "SHA-256": "secure hash algorithm, 256 bits: a fingerprint of a file",
    "SR": "sinus rhythm",
    "STARD": "standards for reporting diagnostic accuracy studies",
    "UTC": "coordinated universal time",
}
"""Abbreviations that the software writes or that protocols use; a study adds its own in abbreviations.md."""


def abbreviations(text: str) -> list[tuple[str, str]]:
    """The known abbreviations that occur as words in a text.

    Example:
        >>> abbreviations("<p>Bias (95% CI)</p>")
        [('CI', 'confidence interval')]
    """
    bare = re.sub(r"<[^>]*>", " ", text)
    return [
        (short, long)
        for short, long in ABBREVIATIONS.items()
        if re.search(rf"(?<![\w-]){re.escape(short)}(?![\w-])", bare)
    ]


def render(
    material: Material,
    painter: Painter,
    *,
    target: str,
    css: str,
    attachments: bool,
    layout: layouts.Layout = layouts.SPA,
) -> str:
    """The whole report as one HTML document.

    Args:
        material: What `gather` found.
        painter: How figures are shown.
        target: `print` or `screen`.
        css: The style sheet, which the document carries itself.
        attachments: Whether the files are attached to the document (they are named where they are not).
        layout: The order in which its sections come.
    """
    results = material.results
    protocol = in_order(results)
    listed = blocks.listing(results)
    sections_ = placed(material, layout)
    others = _others(material, layout)
    sources = methods.Bibliography()
    context: dict[str, Any] = {
        "target": target,
        "css": Markup(css),  # noqa: S704 - the style sheets of this package
        "material": material,
        "document": results.document,
        "protocol": protocol,
        "config": material.config,
        "manifest": material.manifest,
        "attachments": attachments,
        "layout": layout,
        "clauses": {entry.section.key: entry.clause for entry in layout.entries()},
        "place": layout.place,
        "placed": sections_,
        "other": [one for name, one in material.written.items() if name in others],
        "front": front(
            results,
            material.config,
            ledger=material.ledger,
            hashes=material.hashes,
            unwritten=sum(one.missing for one in sections_.values()),
            layout=layout,
        ),
        "methods": methods.write(protocol, sources, layout),
        "bibliography": sources.entries,
        "goals": blocks.goals(results),
        "flows": blocks.flows(results),
        "participants": blocks.participants(results),
        "demands": validity.demands(results),
        "families": families.families(results),
        "memberships": families.memberships(results),
        "plan": validity.plan(results),
        "readers": validity.readers(results),
        "estimands": validity.estimands(results),
        "without_estimand": validity.without_estimand(results),
        "deviations": validity.events(results, "deviations"),
        "adverse_events": validity.events(results, "adverse_events"),
        "unlisted": validity.unlisted(results),
        "parent": validity.parent(results),
        "freeze": validity.freeze(results),
        "freeze_problems": validity.freeze_problems(results),
        "intended": validity.intended(results),
        "missing_blocks": missing.missing(results),
        "clock_blocks": clocks.clocks(results),
        "clock_tipping": clocks.tipping(results),
        "sites": sites.sites(results),
        "operating": calibrations.operating(material.calibration),
        "unverified": validity.unverified(results),
        "checklists": checklists.checklists(
            results, material.config, {key: bool(one.written) for key, one in sections_.items()}, layout
        ),
        "demographics": blocks.demographics(results),
        "yields": blocks.yields(results),
        "coverages": blocks.coverages(results),
        "handled": [line(entry) for entry in results.document.get("handled", [])],
        "units": coverage.units(results),
        "matrices": blocks.matrices(results),
        "shares": shares.share_tables(results),
        "hypnograms": figures.hypnograms(results),
        "discordant": blocks.discordant(results),
        "primary": blocks.endpoint_blocks(results, deciding=True),
        "secondary": blocks.endpoint_blocks(results, deciding=False),
        "views": blocks.views(results),
        "subgroups": blocks.subgroups(results),
        "listing": listed,
        "printed": blocks.printed(listed),
        "post_hoc": blocks.post_hoc(results),
        "versions": _versions(material),
        "small_cell_rule": SMALL_CELL_RULE,
        "paint": painter,
    }
    return _laid_out(layout, context, further=bool(others))


TEMPLATES = ("status.html.j2", "body.html.j2", "appendices.html.j2")
"""Where the sections are written, each a macro named after its key."""
LAST = ("abbreviations", layouts.CONTENTS)
"""Parts that ask what the others say."""


def _laid_out(layout: layouts.Layout, context: dict[str, Any], *, further: bool) -> str:
    """The page: each part rendered once, and put where the layout has it."""
    environment = templates()
    listed = _with_further(layout.entries()) if further else layout.entries()
    first = Markup(environment.get_template("first.html.j2").render(context))  # noqa: S704 - escaping is on
    modules = _modules(environment, context)
    said = {
        entry.section.key: _section(modules, entry, layout)
        for entry in listed
        if entry.section.key not in {*LAST, layouts.TITLE_PAGE}
    }
    context = {
        **context,
        "abbreviations": abbreviations(first + "".join(said.values())),
        "listed": [
            entry
            for entry in listed
            if layout.chapters or entry.section.key not in {layouts.TITLE_PAGE, layouts.CONTENTS}
        ],
    }
    parts = []
    for entry in listed:
        key = entry.section.key
        if key == layouts.CONTENTS:
            parts.append(Markup(environment.get_template("contents.html.j2").render(context)))  # noqa: S704
        elif key == "abbreviations":
            parts.append(_section(_modules(environment, context), entry, layout))
        elif key != layouts.TITLE_PAGE:
            parts.append(said[key])
    ahead = 1 if listed[1].section.key == layouts.CONTENTS else 0
    return environment.get_template("report.html.j2").render(
        {**context, "first": first, "before": Markup("").join(parts[:ahead]), "parts": parts[ahead:]}
    )


def _modules(environment: Environment, context: dict[str, Any]) -> list[Any]:
    """The templates with the macros of the sections, over a context."""
    return [environment.get_template(name).make_module(context) for name in TEMPLATES]


def _section(modules: list[Any], entry: layouts.Entry, layout: layouts.Layout) -> Markup:
    """One section, its headings one level lower within a chapter; or the heading of a chapter."""
    if entry.chapter:
        clause = f"{standard(layout.title)}, {entry.clause}"
        heading = Markup('<h2 class="chapter" id="{}">{} <span class="clause">{}</span></h2>')
        return heading.format(entry.section.key, entry.section.label, clause)
    name = f"section_{entry.section.key.replace('-', '_')}"
    made = Markup(next(getattr(one, name) for one in modules if hasattr(one, name))())  # noqa: S704 - escaped
    return _lowered(made) if entry.level == 2 else made


def _lowered(markup: Markup) -> Markup:
    """Markup whose headings are one level lower."""
    lower = re.sub(r"<(/?)h([2-5])\b", lambda found: f"<{found[1]}h{int(found[2]) + 1}", markup)
    return Markup(lower)  # noqa: S704 - only the level of headings changed


def _with_further(entries: tuple[layouts.Entry, ...]) -> tuple[layouts.Entry, ...]:
    """The entries with what people wrote beside the contents, before the first appendix."""
    at = next(at for at, entry in enumerate(entries) if entry.section.key == contents.APPENDICES[0].key)
    if entries[at - 1].chapter:
        at -= 1
    return (*entries[:at], layouts.Entry(contents.OTHER, level=entries[at].level), *entries[at:])


def standard(title: str) -> str:
    """The document's name without the part of it: `ISO 14155:2020, Annex D` is named by its clauses."""
    return title.partition(",")[0]


def in_order(results: Results) -> Protocol:
    """The protocol with endpoints and subgroups in the results' order; its canonical form sorts them."""
    protocol = results.protocol
    endpoints = [entry["id"] for entry in results.document["endpoints"] if entry["id"] in protocol.endpoints]
    subgroups = [
        name
        for name in results.rows["subgroup"].drop_nulls().unique(maintain_order=True)
        if name in protocol.subgroups
    ]
    return protocol.model_copy(
        update={
            "endpoints": {
                name: protocol.endpoints[name] for name in dict.fromkeys([*endpoints, *protocol.endpoints])
            },
            "subgroups": {
                name: protocol.subgroups[name] for name in dict.fromkeys([*subgroups, *protocol.subgroups])
            },
        }
    )


def _others(material: Material, layout: layouts.Layout) -> list[str]:
    return sections.place(material.written, layout.sections()).get(contents.OTHER.key, [])


def _versions(material: Material) -> list[dict[str, Any]]:
    """Algorithm versions for section 2."""
    found: list[dict[str, Any]] = []
    trained = material.results.document.get("independence") or []
    produced = material.results.document.get("produced") or []
    for name in material.results.document["versions"]:
        version = material.config.algorithm.versions.get(name) if material.config else None
        found.append(
            {
                "id": name,
                "title": (version.title if version else None) or "\u2013",
                "build": build_words(version),
                "hardware": (version.hardware if version else None) or "not recorded",
                "firmware": (version.firmware if version else None) or "not recorded",
                "decides": "yes" if name == material.results.deciding_version else "no",
                "artefact": artefacts.facts(
                    version.artefact if version else None,
                    [entry for entry in trained if entry["version"] == name],
                    [entry for entry in produced if entry["version"] == name],
                    [
                        run
                        for entry in material.manifest.get("versions", ())
                        if entry["version"] == name
                        for run in entry.get("runs", ())
                    ],
                ),
            }
        )
    return found


@cache
def templates() -> Environment:
    """Templates with escaping always on and unknown names refused."""
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        count=fmt.count,
        level=fmt.level,
        size=fmt.size,
        plain=fmt.plain,
        markup=Markup,  # only for what `sections` rendered with raw HTML off
        breakable=breakable,
        kept=kept,
        statistic_title=words.statistic_title,
        joined=methods.joined,
        titles=methods.titles,
        standard=standard,
    )
    return environment


def breakable(text: object) -> Markup:
    """Text whose long identifiers may break after a separator, and anywhere in a hash.

    Example:
        >>> breakable("a_b<c>")
        Markup('a_<wbr>b&lt;c&gt;')
    """
    return Markup(re.sub(r"([_/@=,:])(?=\S)", r"\1<wbr>", str(Markup.escape(text))))  # noqa: S704


def kept(text: object) -> Markup:
    r"""Text whose numbers stay on one line with their sign and unit.

    Example:
        >>> kept("lower bound >\u00a05\u00a0l/min")
        Markup('lower bound <span class="kept">&gt;\xa05\xa0l/min</span>')
    """
    escaped = str(Markup.escape(text))
    return Markup(  # noqa: S704 - escaped above
        re.sub(
            r"\S*\d\S*(?:\u00a0\S+)+|\S+\u00a0\S*\d\S*(?:\u00a0\S+)*",
            r'<span class="kept">\g<0></span>',
            escaped,
        )
    )


__all__ = ["Front", "Material", "Painter", "Placed", "gather", "render"]
