"""What the study had to be, as tables: requirements, families, estimands, readers, missing units, events.

All of it is read from results.json and from the protocol; the templates lay it out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..datasets.pairs import UNLISTED
from ..protocols.model import DECIDING, Protocol
from ..studies import slices
from ..studies.demographics import shown
from ..studies.results import Results
from . import figures
from . import format as fmt
from .methods import joined

NOT_RECORDED = "not recorded"
FREEZE_WORDS = {
    "algorithm": "Algorithm",
    "protocol": "Protocol",
    "reference_reading": "Reference reading",
    "database": "Database",
    "unblinding": "Unblinding",
}
STRATEGIES = {
    "treatment_policy": "treatment policy",
    "composite": "composite",
    "hypothetical": "hypothetical",
    "while_on_treatment": "while on treatment",
    "principal_stratum": "principal stratum",
}
AGREEMENTS = {"fleiss_kappa": "Fleiss' kappa", "gwet_ac1": "Gwet's AC1"}
EVENT_TITLES = {"deviations": "Protocol deviations", "adverse_events": "Adverse events"}


def capital(text: str) -> str:
    """Text with a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


@dataclass(frozen=True)
class Demand:
    """One requirement on the study.

    Attributes:
        title: Its title.
        demanded: What has to be there, in words.
        source: Where the number comes from; empty where the study set it itself without one.
        found: What is there: (group, n of N), or (empty, words).
        met: Whether it is met.
        reason: By how much it is missed; empty where it is met.
        rests: Titles of the endpoints that rest on it; empty where these are all that decide.
        unverified: Nobody has read its number in the rule.
    """

    title: str
    demanded: str
    source: str
    found: tuple[tuple[str, str], ...]
    met: bool
    reason: str
    rests: str
    unverified: bool


def demands(results: Results) -> list[Demand]:
    """Every requirement with what was found."""
    protocol = results.protocol
    deciding = {name for name, one in protocol.endpoints.items() if one.role in DECIDING}
    entries = []
    for entry in results.document.get("requirements") or []:
        said = str(entry["words"]).removeprefix(f"{entry['title'].rstrip('.')}: ")
        source = f" ({str(entry['source']).rstrip('.')})" if entry["source"] else ""
        entries.append(
            Demand(
                title=entry["title"],
                demanded=capital(said.removesuffix(".").removesuffix(source)),
                source=entry["source"] or "",
                found=tuple(_finding(one, each=_each(protocol, entry["id"])) for one in entry["findings"]),
                met=entry["met"],
                reason="; ".join(
                    f"{one['group']}: {one['missed_by']}" if one["group"] else str(one["missed_by"])
                    for one in entry["findings"]
                    if not one["met"]
                ),
                rests=""
                if set(entry["endpoints"]) == deciding
                else joined(title_of(protocol, name) for name in entry["endpoints"]),
                unverified=entry["tier"] == "unverified",
            )
        )
    return entries


def _each(protocol: Protocol, requirement: str) -> bool:
    """Whether a requirement holds for every subject by itself."""
    one = protocol.requirements.get(requirement)
    return one is not None and one.each == "subject" and one.count is not None


def _finding(one: Mapping[str, Any], *, each: bool) -> tuple[str, str]:
    """What was found, by group; of a requirement for every subject, the subject who is worst off."""
    group = str(one["group"] or "")
    if each and one["count"] is not None:
        return ("Fewest of any subject" if one["met"] else group), fmt.count(one["count"])
    if one["count"] is None:
        return group, "covered" if one["met"] else "not covered"
    return group, f"{fmt.count(one['count'])} of {fmt.count(one['total'])}"


def title_of(protocol: Protocol, endpoint: str) -> str:
    """The title of an endpoint."""
    return slices.endpoint_of(protocol, endpoint).title


def reasons(results: Results) -> list[str]:
    """Why the study is not evaluable: unmet requirements once each, then what is left to say of endpoints."""
    document = results.document
    unmet = [str(entry["reason"]) for entry in document.get("requirements") or [] if not entry["met"]]
    rest = []
    for reason in document.get("decision_reasons") or []:
        left = str(reason)
        for told in unmet:
            left = left.replace(told, "")
        left = re.sub(r"(;\s*)+$", "", re.sub(r":\s*(;\s*)+", ": ", left.strip())).strip()
        if not left.endswith(":"):
            rest.append(left)
    return [capital(fmt.quoted(reason)) for reason in dict.fromkeys([*unmet, *rest])]


def unverified(results: Results) -> list[tuple[str, str]]:
    """Limits and requirements of unverified provenance: (what it is, its key in the protocol)."""
    found = []
    for key in results.document.get("unverified") or []:
        kind, _, name = str(key).partition(".")
        if kind == "endpoints":
            found.append((f"Limit of \u201c{title_of(results.protocol, name)}\u201d", key))
        else:
            one = results.protocol.requirements.get(name)
            title = (one.title if one else None) or name.replace("_", " ")
            found.append((f"Requirement \u201c{title}\u201d", key))
    return found


@dataclass(frozen=True)
class EstimandTable:
    """The estimand of one endpoint, attribute by attribute (ICH E9(R1))."""

    endpoint: str
    attributes: tuple[tuple[str, str], ...]
    events: tuple[tuple[str, str, str], ...]


def estimands(results: Results) -> list[EstimandTable]:
    """Estimands of the endpoints that declare one."""
    found = []
    order = [entry["id"] for entry in results.document["endpoints"]]
    for endpoint in (
        results.protocol.endpoints[name] for name in order if name in results.protocol.endpoints
    ):
        one = endpoint.estimand
        if one is None:
            continue
        events = tuple(
            (capital(name.replace("_", " ")), STRATEGIES[event.strategy], event.handling)
            for name, event in one.intercurrent_events.items()
        )
        attributes = (
            ("Population", one.population),
            ("Condition (the use of the device)", one.condition),
            ("Variable", one.variable),
            ("Population-level summary", one.summary),
        )
        found.append(EstimandTable(endpoint.title, attributes, events))
    return found


def without_estimand(results: Results) -> list[str]:
    """Titles of deciding endpoints that declare no estimand."""
    return [
        endpoint.title
        for entry in results.document["endpoints"]
        if (endpoint := results.protocol.endpoints.get(entry["id"])) is not None
        and endpoint.role in DECIDING
        and endpoint.estimand is None
    ]


def readers(results: Results) -> dict[str, Any] | None:
    """The readers of the reference: the rule, counts as (term, words), and their agreement."""
    found = results.document.get("readers")
    if not found:
        return None
    adjudicated = found["n_adjudicated"]
    facts = (
        ("Readers", fmt.count(found["n_readers"])),
        ("Units read", fmt.count(found["n_units"])),
        ("Readings", fmt.count(found["n_readings"])),
        (
            "Units that all their readers read alike",
            f"{fmt.count(found['n_unanimous'])} of {fmt.count(found['n_repeated'])} with several readings",
        ),
        (
            "Units settled by an adjudicator",
            "none had one: the protocol declares no adjudicator"
            if adjudicated is None
            else fmt.count(adjudicated),
        ),
    )
    lines = [
        (
            AGREEMENTS.get(name, name),
            "\u2013" if one["estimate"] is None else fmt.fixed(one["estimate"], 3),
            f"{fmt.fixed(one['lower'], 3)} to {fmt.fixed(one['upper'], 3)}"
            if one["lower"] is not None and one["upper"] is not None
            else "\u2013",
            one["error"] or "",
        )
        for name, one in found["agreement"].items()
    ]
    return {"rule": found["rule"], "facts": facts, "agreement": lines}


@dataclass(frozen=True)
class EventTable:
    """Recorded deviations or adverse events, counted by every coded column."""

    title: str
    recorded: bool
    sentence: str
    groups: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


def events(results: Results, name: str) -> EventTable | None:
    """The table `deviations` or `adverse_events`; None where the protocol has none."""
    found = (results.document.get("events") or {}).get(name)
    if found is None:
        return None
    title = results.protocol.tables[name].title or EVENT_TITLES[name]
    if not found["recorded"]:
        return EventTable(title, recorded=False, sentence="", groups=())
    n, subjects = found["n_rows"], found["n_subjects"]
    sentence = (
        f"{title}: {fmt.count(n)} recorded, of {fmt.count(subjects)} subject{'s' if subjects != 1 else ''}."
        if n
        else f"{title}: the table was kept, and none was recorded."
    )
    yes_no = {"true": "yes", "false": "no"}
    groups = tuple(
        (
            column["title"],
            tuple(
                (yes_no.get(level["level"], level["level"]), fmt.count(level["n"]))
                for level in column["levels"]
            ),
        )
        for column in found["columns"]
        if column["levels"]
    )
    return EventTable(title, recorded=True, sentence=sentence, groups=groups)


def unlisted(results: Results) -> list[str]:
    """What the flow lost to exclusion codes that the protocol does not declare, in words."""
    found = (
        f"{fmt.count(loss['n_units'])} units carry exclusion codes that the protocol does not declare "
        f"(subjects lost with them: {fmt.count(loss['n_subjects'])}). This is a deviation from the protocol; "
        "what rests on these data cannot be met."
        for entry in results.document.get("flow") or []
        for stage in entry["stages"]
        for loss in stage["losses"]
        if loss["code"] == UNLISTED
    )
    return list(dict.fromkeys(found))


@dataclass(frozen=True)
class ParentTable:
    """The protocol that this one extends, and every key that differs."""

    parent: str
    sha256: str
    changes: tuple[tuple[str, str, str], ...]


def parent(results: Results) -> ParentTable | None:
    """What differs from the protocol that this one extends; None where it extends nothing."""
    derived = results.protocol.derived_from
    if derived is None:
        return None
    variant = f", variant {derived.variant}" if derived.variant else ""
    changes = tuple((one.key, one.parent or "nothing", one.here or "nothing") for one in derived.changes)
    return ParentTable(f"{derived.protocol}, version {derived.version}{variant}", derived.sha256, changes)


def freeze(results: Results) -> list[tuple[str, str]]:
    """(what was frozen, when), in the order in which it has to be."""
    dates = dict(results.document.get("study", {}).get("freeze") or {})
    locked = results.document["lock"]
    if locked is not None:
        day = f"{str(locked['when'])[:10]} (locked)"
        dates["protocol"] = dates.get("protocol") or day
        if locked["with_data"]:
            dates["database"] = dates.get("database") or day
    return [(title, str(dates.get(name) or NOT_RECORDED)) for name, title in FREEZE_WORDS.items()]


def freeze_problems(results: Results) -> list[str]:
    """Freeze dates out of order, in words."""
    return [capital(str(one)) for one in results.document.get("freeze_problems") or []]


def intended(results: Results) -> list[tuple[str, tuple[tuple[str, str, str], ...]]]:
    """Analysed subjects beside the intended users: (characteristic, (level, intended, analysed) lines)."""
    return [
        (
            entry["title"],
            tuple(
                (
                    str(level["level"]),
                    fmt.percent(level["intended"]),
                    f"{shown(level['n'])} of {fmt.count(level['of'])}",
                )
                for level in entry["levels"]
            ),
        )
        for entry in results.document.get("intended_population") or []
    ]


@dataclass(frozen=True)
class PlanTable:
    """The sample size, calculation by calculation.

    Attributes:
        lines: (endpoint, words, rationale and notes, units needed, from where power stays, subjects to enrol,
            planned).
        total: (to enrol, planned, words); None where nothing could be computed.
        together: The power to meet every goal that decides, in words; empty where there is none.
        without: Titles of deciding endpoints without a calculation.
        figures: Power curves.
    """

    lines: tuple[tuple[str, str, str, str, str, str, str], ...]
    total: tuple[str, str, str] | None
    together: str
    without: tuple[str, ...]
    figures: tuple[figures.Curve, ...]


def plan(results: Results) -> PlanTable | None:
    """The sample-size calculations that the run holds; None without any."""
    found = results.document.get("plan")
    if not found or not found["calculations"]:
        return None
    total = found["total"]
    curves = (figures.power(one) for one in found["calculations"])
    return PlanTable(
        lines=tuple(_calculation(one) for one in found["calculations"]),
        total=(fmt.count(total["enrol"]), fmt.count(total["planned"]), capital(total["words"]))
        if total
        else None,
        together=_together(found["together"]) if found["together"] else "",
        without=tuple(title_of(results.protocol, name) for name in found["without"]),
        figures=tuple(curve for curve in curves if curve is not None),
    )


def _together(found: Mapping[str, Any]) -> str:
    """The power to meet every goal that decides, in words."""
    least, independent = (fmt.percent(found[name]) for name in ("at_least", "if_independent"))
    return (
        f"Power to meet every goal that decides, at the {found['at']} numbers: at least {least}; "
        f"{independent} if the endpoints are independent."
    )


def _calculation(one: Mapping[str, Any]) -> tuple[str, str, str, str, str, str, str]:
    """One line of the sample-size table."""
    planned = one["planned"]
    said = [
        one["error"] or one["words"],
        f"Planned: {planned['words']}." if planned and planned["words"] else "",
    ]
    beside = [one["rationale"], *one["notes"]]
    return (
        str(one["title"]),
        fmt.quoted(" ".join(filter(None, said))),
        fmt.quoted(" ".join(filter(None, beside))),
        fmt.count(one["n"]),
        fmt.count(one["stable_n"]),
        fmt.count(one["enrol"]),
        fmt.count(planned["n"]) if planned else "\u2013",
    )
