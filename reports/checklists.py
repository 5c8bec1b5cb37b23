"""Reporting checklists, filled where the study knows the answer; the rest names who has to write it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..evaluators import registry
from ..protocols import describe_validity
from ..protocols.model import DECIDING, Endpoint
from ..studies.config import StudyConfig
from ..studies.results import Results
from . import layouts
from . import rows as words
from .methods import VIEW_MEANING, joined, titles
from .validity import capital

FILE = Path(__file__).resolve().parent / "checklists.toml"
AGREEMENT_FAMILIES = frozenset({"agreement", "reliability", "raters"})
"""Families of metrics that GRRAS speaks of."""


@dataclass(frozen=True)
class Item:
    """One item of a checklist.

    Attributes:
        number: Its number in the list.
        topic: What it asks, in our words.
        answer: What the study knows; empty where people have to say it.
        section: Key of the section where the answer stands.
        place: The section's label.
        state: `known` (the study says it), `written` (people wrote the section), `open`.
        author: Who writes it where it is open.
    """

    number: str
    topic: str
    answer: str
    section: str
    place: str
    state: str
    author: str


@dataclass(frozen=True)
class Checklist:
    """A checklist with its items."""

    id: str
    title: str
    source: str
    note: str
    items: tuple[Item, ...]

    def count(self, state: str) -> int:
        """Items in a state."""
        return sum(item.state == state for item in self.items)


@cache
def _declared() -> tuple[Mapping[str, Any], ...]:
    return tuple(tomllib.loads(FILE.read_text(encoding="utf-8"))["checklist"])


def checklists(
    results: Results,
    config: StudyConfig | None,
    written: Mapping[str, bool],
    layout: layouts.Layout = layouts.SPA,
) -> tuple[Checklist, ...]:
    """Every checklist.

    Args:
        results: An opened run.
        config: The study's study.yaml.
        written: Section key -> whether people wrote something there.
        layout: The order of the report, which says where a section stands.
    """
    labels = {section.key: section for section in layout.sections()}
    found = []
    for declared in _declared():
        items = []
        for one in declared["items"]:
            answer = FILLS[one["fill"]](results, config) if "fill" in one else None
            key = one["section"]
            if one.get("fill") == "agreement" and any(e.role in DECIDING for e in _agreeing(results)):
                key = "primary"
            state = "known" if answer else "written" if written.get(key) else "open"
            section = labels[key]
            place = section.title if not section.number else capital(layout.place(key))
            items.append(
                Item(
                    number=one["no"],
                    topic=one["topic"],
                    answer=capital(answer or ""),
                    section=key,
                    place=place,
                    state=state,
                    author=one["author"],
                )
            )
        found.append(
            Checklist(declared["id"], declared["title"], declared["source"], declared["note"], tuple(items))
        )
    return tuple(found)


Fill = Callable[[Results, StudyConfig | None], str | None]


def _deciding(results: Results) -> list[str]:
    return [one.title for one in results.protocol.endpoints.values() if one.role in DECIDING]


def _measures(results: Results, _: StudyConfig | None) -> str | None:
    shown = dict.fromkeys(words.statistic_title(row).lower() for row in results.deciding())
    return joined(shown) or None


def _summary(results: Results, _: StudyConfig | None) -> str | None:
    return f"objective, design, deciding endpoints and conclusion of {results.protocol.id}"


def _intended_use(results: Results, _: StudyConfig | None) -> str | None:
    return "intended use as the protocol states it"


def _hypotheses(results: Results, _: StudyConfig | None) -> str | None:
    said = [one.title for one in results.protocol.endpoints.values() if one.hypothesis and one.judged]
    return f"objective; hypotheses of {titles(said)}" if said else None


def _algorithm(results: Results, config: StudyConfig | None) -> str | None:
    version = config.algorithm.versions.get(results.deciding_version) if config else None
    build = f", build {version.build}" if version and version.build else ""
    return f"{results.document['algorithm']}, version {results.deciding_version}{build}"


def _reference(results: Results, _: StudyConfig | None) -> str | None:
    protocol = results.protocol
    used = dict.fromkeys(pairing.reference for pairing in protocol.pairings.values())
    return joined(protocol.tables[name].device or "" for name in used if protocol.tables[name].device) or None


def _positive(results: Results, _: StudyConfig | None) -> str | None:
    levels = dict.fromkeys(
        level
        for one in results.protocol.endpoints.values()
        if one.role in DECIDING
        for level in one.positive or ()
    )
    return f"declared beforehand as positive: {joined(levels, 'or')}" if levels else None


def _reading_rule(results: Results, _: StudyConfig | None) -> str | None:
    return results.protocol.reads.rule if results.protocol.reads else None


def _methods(results: Results, _: StudyConfig | None) -> str | None:
    return "metrics, intervals, resampling and decisions, with sources"


def _indeterminate(results: Results, _: StudyConfig | None) -> str | None:
    declared = results.protocol.indeterminate
    return f"{VIEW_MEANING[declared.primary_view]}; every view beside it" if declared else None


def _missing(results: Results, _: StudyConfig | None) -> str | None:
    policy = results.protocol.missing
    return describe_validity.HANDLING[policy.primary] if policy else None


def _subgroups(results: Results, _: StudyConfig | None) -> str | None:
    declared = results.protocol.subgroups
    names = joined(one.title or name.replace("_", " ") for name, one in declared.items())
    return f"declared in the protocol: {names}" if names else None


def _sample_size(results: Results, _: StudyConfig | None) -> str | None:
    calculated = (results.document.get("plan") or {}).get("calculations")
    return "calculated from the protocol, with its expectations" if calculated else None


def _flow(results: Results, _: StudyConfig | None) -> str | None:
    flow = results.document.get("flow")
    if not flow:
        return None
    first, last = flow[0]["stages"][0], flow[0]["stages"][-1]
    return f"{first['n_subjects']:,} enrolled, {last['n_subjects']:,} analysed; every loss with its reason"


def _demographics(results: Results, _: StudyConfig | None) -> str | None:
    return "analysed subjects, and those not analysed" if results.document.get("demographics") else None


def _pairing(results: Results, _: StudyConfig | None) -> str | None:
    return "rule by which readings of reference and test were paired"


def _matrix(results: Results, _: StudyConfig | None) -> str | None:
    shown = any(row["metric"] in ("sensitivity", "specificity", "cohen_kappa") for row in results.overview())
    return "every output by reference, indeterminate ones included" if shown else None


def _precision(results: Results, _: StudyConfig | None) -> str | None:
    rows = [row for row in results.deciding() if row["ci_level"] is not None]
    return (
        "; ".join(
            f"{words.statistic_title(row).lower()} {words.estimate(row)} ({words.interval(row)})"
            for row in rows
        )
        or None
    )


def _adverse_events(results: Results, _: StudyConfig | None) -> str | None:
    found = (results.document.get("events") or {}).get("adverse_events")
    return f"{found['n_rows']:,} recorded" if found and found["recorded"] else None


def _registry(results: Results, config: StudyConfig | None) -> str | None:
    return config.report.registry if config else None


def _protocol(results: Results, _: StudyConfig | None) -> str | None:
    return f"protocol {results.protocol.id}, version {results.protocol.version}, in full"


def _reader_agreement(results: Results, _: StudyConfig | None) -> str | None:
    found = results.document.get("readers")
    return f"{found['n_readers']} readers; their agreement" if found else None


def _exclusions(results: Results, _: StudyConfig | None) -> str | None:
    return "pairing, reason codes and analysis sets as declared"


def _yield(results: Results, _: StudyConfig | None) -> str | None:
    return "share of outputs that are results" if results.document["yield"] else None


def _intended_users(results: Results, _: StudyConfig | None) -> str | None:
    found = results.document.get("intended_population")
    return f"{joined(entry['title'] for entry in found)} beside the intended users" if found else None


def _files(results: Results, _: StudyConfig | None) -> str | None:
    return "results, protocol and manifest with their hashes; of the model nothing is known here"


def _lock(results: Results, _: StudyConfig | None) -> str | None:
    locked = results.document["lock"]
    return f"plan locked on {str(locked['when'])[:10]} by {locked['who']}" if locked else None


def _agreement_measures(results: Results, _: StudyConfig | None) -> str | None:
    return titles([one.title for one in _agreeing(results)]) or None


def _agreeing(results: Results) -> list[Endpoint]:
    """Endpoints whose metric measures agreement or reliability."""
    return [one for one in results.protocol.endpoints.values() if _family(one.metric) in AGREEMENT_FAMILIES]


def _family(metric: str) -> str:
    try:
        module = type(registry.get(metric)).__module__
    except KeyError:  # a plug-in's metric, where the plug-in is not installed
        return ""
    return module.rpartition("evaluators.")[2].partition(".")[0]


def _listing(results: Results, _: StudyConfig | None) -> str | None:
    return f"{results.rows.height:,} rows, and results.parquet"


FILLS: dict[str, Fill] = {
    "measures": _measures,
    "summary": _summary,
    "intended_use": _intended_use,
    "hypotheses": _hypotheses,
    "algorithm": _algorithm,
    "reference": _reference,
    "positive": _positive,
    "reading_rule": _reading_rule,
    "methods": _methods,
    "indeterminate": _indeterminate,
    "missing": _missing,
    "subgroups": _subgroups,
    "sample_size": _sample_size,
    "flow": _flow,
    "demographics": _demographics,
    "pairing": _pairing,
    "matrix": _matrix,
    "precision": _precision,
    "adverse_events": _adverse_events,
    "registry": _registry,
    "protocol": _protocol,
    "reader_agreement": _reader_agreement,
    "exclusions": _exclusions,
    "yield": _yield,
    "intended_users": _intended_users,
    "files": _files,
    "lock": _lock,
    "agreement_measures": _agreement_measures,
    "agreement": _agreement_measures,
    "listing": _listing,
}
"""What the study may know of an item: words for the table, or None where people have to say it."""
