"""The first page: what was shown, on how much, against which goal, and how sure one can be of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from ..protocols.errors import UsageError
from ..protocols.model import DECIDING
from ..studies import slices
from ..studies.config import StudyConfig, Version
from ..studies.results import Results
from . import format as fmt
from . import judged as judging
from . import layouts, validity
from . import rows as words
from .methods import ROLE_WORDS, joined, titles

NOT_RECORDED = "not recorded"
ERROR_VIEW = {"sensitivity": "as_negative", "specificity": "as_positive"}
"""The view in which each indeterminate result is an error, for the metrics that have one."""


@dataclass(frozen=True)
class EndpointLine:
    """One deciding endpoint on the first page.

    Attributes:
        title: Title.
        role: Its role.
        decided_by: The pair or level that decides, of how many; empty where all analysed rows do.
        criteria: (statistic, goal, row in print) of every criterion, the one that decides first; the
            statistic is named where there are several.
    """

    title: str
    role: str
    decided_by: str
    criteria: tuple[tuple[str, str, words.RowText], ...]

    @property
    def text(self) -> words.RowText:
        """The row that decides."""
        return self.criteria[0][2]


@dataclass(frozen=True)
class Front:
    """Everything on the first page.

    Attributes:
        title: Title of the report.
        subtitle: Title of the study.
        status: DRAFT or FINAL.
        identity: Registry, version, sponsor and the like as (term, words).
        answer: Success criterion demonstrated: yes, no, or not evaluable.
        state: The overall decision as a word for the eye.
        conclusion: One sentence.
        reasons: Why the study is not evaluable, a sentence a reason.
        otherwise: What would have been decided, in words; empty where nothing was taken away.
        plan: What was locked, or that nothing was.
        lines: The deciding endpoints (the first ones, where nothing decides).
        interval_title: Heading of the interval column.
        worst: Deciding endpoints with indeterminate results as errors.
        strip: The flow from enrolled to analysed as (words, subjects, units).
        facts: Algorithm, hardware, reference, freeze dates as (term, words).
        counts: Amendments, deviations and so on as (words, count).
        signatures: Who signs as (name, role and affiliation).
        verify: How to verify the report, as sentences.
    """

    title: str
    subtitle: str
    status: str
    identity: tuple[tuple[str, str], ...]
    answer: str
    state: str
    conclusion: str
    reasons: tuple[str, ...]
    otherwise: str
    plan: str
    lines: tuple[EndpointLine, ...]
    interval_title: str
    worst: tuple[tuple[str, words.RowText], ...]
    strip: tuple[tuple[str, str, str], ...]
    facts: tuple[tuple[str, str], ...]
    counts: tuple[tuple[str, str], ...]
    signatures: tuple[tuple[str, str], ...]
    verify: tuple[str, ...]


def front(
    results: Results,
    config: StudyConfig | None,
    *,
    ledger: Sequence[Mapping[str, Any]] | None,
    hashes: Mapping[str, str],
    unwritten: int,
    layout: layouts.Layout = layouts.SPA,
) -> Front:
    """The first page of a report.

    Args:
        results: An opened run.
        config: The study's study.yaml as the run recorded it; None for results without one.
        ledger: Entries of the study's ledger up to this run; None where there is no ledger to read.
        hashes: SHA-256 of the run's files by name.
        unwritten: Sections that somebody still has to write.
        layout: The order of the report, by which sections are referred to.
    """
    document = results.document
    lines = _lines(results)
    version = _version(config, results.deciding_version)
    report = config.report if config else None
    identity = [
        ("Registry number", (report.registry if report else None) or NOT_RECORDED),
        ("Report version", (report.version if report else None) or NOT_RECORDED),
        ("Study", config.id if config else str(document["study"].get("id", NOT_RECORDED))),
        ("Sponsor", (report.sponsor if report else None) or NOT_RECORDED),
        ("Protocol", f"{results.protocol.id}, version {results.protocol.version}"),
        ("Evaluated", str(document["run"]["finished"])[:10]),
    ]
    return Front(
        title=(report.title if report else None) or "Performance evaluation report",
        subtitle=config.title if config else results.protocol.title,
        status="FINAL" if report and report.status == "final" else "DRAFT",
        identity=tuple(identity),
        answer=str(document["decision_words"]),
        state=results.decision,
        conclusion=conclusion(results, lines),
        reasons=tuple(validity.reasons(results)) if results.decision == "not_evaluable" else (),
        otherwise=_otherwise(results),
        plan=plan_words(document),
        lines=lines,
        interval_title=_interval_title(lines),
        worst=tuple(_worst(results)),
        strip=tuple(strip(results)),
        facts=tuple(_facts(results, version)),
        counts=(*_counts(results, ledger), ("Sections still to be written", fmt.count(unwritten))),
        signatures=tuple(
            (person.name, f"{person.role}, {person.affiliation}" if person.affiliation else person.role)
            for person in (config.people if config else ())
        ),
        verify=_verify(results, hashes),
    )


def _otherwise(results: Results) -> str:
    """What the deciding endpoints would have come to, where a decision was taken away."""
    by_state: dict[str, list[str]] = {}
    for name in dict.fromkeys(row["endpoint"] for row in results.deciding()):
        state = judging.otherwise(results, name)
        if state is not None:
            title = slices.endpoint_of(results.protocol, name).title
            by_state.setdefault(state.replace("_", " "), []).append(title)
    return "; ".join(f"{state} for {titles(names)}" for state, names in by_state.items())


def plan_words(document: Mapping[str, Any]) -> str:
    """What was fixed beforehand, in one sentence."""
    locked = document["lock"]
    if locked is None:
        return "No locked plan: nothing in this report can be shown to have been specified beforehand."
    what = "Protocol and data" if locked["with_data"] else "Protocol"
    words_ = f"{what} locked on {str(locked['when'])[:10]} by {locked['who']}"
    if document["decision_pre_specified"]:
        return f"{words_}; the decision follows the locked plan."
    return f"{words_}; the decision does NOT follow the locked plan (Appendix B)."


def _lines(results: Results) -> tuple[EndpointLine, ...]:
    """Deciding endpoints in the protocol's order; without any, the headline rows of all endpoints."""
    overview = results.overview()
    chosen = [row for row in overview if row["role"] in DECIDING and row["criterion"]] or overview
    return tuple(_line(results, row["endpoint"]) for row in chosen)


def _line(results: Results, endpoint: str) -> EndpointLine:
    found = judging.judged(results, endpoint)
    if found is None:  # an overview holds only endpoints that a row speaks for
        raise UsageError(f"no row speaks for endpoint `{endpoint}`")
    rows = judging.each(results, endpoint) or [found.row]
    return EndpointLine(
        title=slices.endpoint_of(results.protocol, endpoint).title,
        role=ROLE_WORDS.get(str(found.row["role"]), str(found.row["role"])),
        decided_by=judging.part_words(results, found),
        criteria=tuple(
            (
                words.statistic_title(row) if len(rows) > 1 else "",
                words.criterion(row) or "no criterion",
                words.text(row),
            )
            for row in rows
        ),
    )


def _interval_title(lines: Sequence[EndpointLine]) -> str:
    notes = [text.interval_note for line in lines for _, _, text in line.criteria]
    levels = {note.partition(",")[0] for note in notes if note}
    return f"{levels.pop()} interval" if len(levels) == 1 else "Interval"


def conclusion(results: Results, lines: Sequence[EndpointLine]) -> str:
    """One sentence on what was shown."""
    version = results.deciding_version
    subject = f"{results.document['algorithm']}, version {version},"
    by_state: dict[str, list[str]] = {}
    for line in lines:
        by_state.setdefault(line.text.state, []).append(line.title)
    clauses = [
        f"{verb} {_of_all(by_state[state], len(lines))}"
        for state, verb in (
            ("met", "met the criterion for"),
            ("not_met", "did not meet the criterion for"),
            ("not_evaluable", "could not be evaluated for"),
        )
        if state in by_state
    ]
    if not clauses:
        return f"{subject} was evaluated without a success criterion."
    return f"{subject} {', and '.join(clauses)}."


NAMED_AT_MOST = 3
"""Endpoints that a sentence names one by one where all share a decision; the table names every one."""


def _of_all(names: Sequence[str], n: int) -> str:
    """Endpoints by their titles; many that all share a decision by their number."""
    if len(names) == n > NAMED_AT_MOST:
        return f"all {n} deciding endpoints"
    return titles(names)


def _worst(results: Results) -> list[tuple[str, words.RowText]]:
    """Each deciding endpoint in the view that counts every indeterminate result as an error."""
    found = []
    for row in results.deciding():
        view = ERROR_VIEW.get(row["metric"])
        if view is None:
            continue
        same = results.endpoint(row["endpoint"]).filter(
            (pl.col("version") == row["version"])
            & (pl.col("view") == view)
            & (pl.col("statistic") == row["statistic"])
            & pl.col("by").is_null()
            & pl.col("subgroup").is_null()
            & pl.col("comparator").is_null()
        )
        if same.height == 1:
            title = slices.endpoint_of(results.protocol, row["endpoint"]).title
            found.append((title, words.text(same.row(0, named=True))))
    return found


def strip(results: Results) -> list[tuple[str, str, str]]:
    """From enrolled to analysed: the stages of the first deciding endpoint as (words, subjects, units)."""
    flow = results.document.get("flow") or []
    return [
        (stage["title"], fmt.count(stage["n_subjects"]), f"{fmt.count(stage['n_units'])} units")
        for stage in (flow[0]["stages"] if flow else ())
    ]


def _version(config: StudyConfig | None, version: str) -> Version | None:
    return config.algorithm.versions.get(version) if config else None


def build_words(version: Version | None) -> str:
    """The evaluated build, and whether it is the one to be released."""
    if version is None or not version.build:
        return NOT_RECORDED
    if not version.release_build:
        return f"{version.build} (release build not recorded)"
    if version.build == version.release_build:
        return f"{version.build} (equals the release build)"
    return f"{version.build} (DIFFERS from the release build {version.release_build})"


def _facts(results: Results, version: Version | None) -> list[tuple[str, str]]:
    days = validity.freeze(results)
    frozen = "; ".join(f"{title.lower()} {day}" for title, day in days)
    if all(day == NOT_RECORDED for _, day in days):
        frozen = "none is recorded"
    problems = validity.freeze_problems(results)
    title = f" ({version.title})" if version and version.title else ""
    return [
        ("Algorithm", f"{results.document['algorithm']}, version {results.deciding_version}{title}"),
        ("Algorithm build", build_words(version)),
        ("Hardware", (version.hardware if version else None) or NOT_RECORDED),
        ("Firmware", (version.firmware if version else None) or NOT_RECORDED),
        ("Reference device", joined(reference_devices(results)) or NOT_RECORDED),
        ("Freeze dates", f"{frozen}. OUT OF ORDER: {'; '.join(problems)}" if problems else frozen),
    ]


def reference_devices(results: Results) -> list[str]:
    """Reference instruments of the pairings that endpoints use."""
    protocol = results.protocol
    used = dict.fromkeys(str(endpoint.pairing) for endpoint in protocol.endpoints.values())
    tables = [
        protocol.tables[protocol.pairings[name].reference] for name in used if name in protocol.pairings
    ]
    return list(
        dict.fromkeys(table.device or table.title or "" for table in tables if table.device or table.title)
    )


def _counts(results: Results, ledger: Sequence[Mapping[str, Any]] | None) -> list[tuple[str, str]]:
    rows = results.rows
    unlocked = results.document["lock"] is None
    post_hoc = "no locked plan" if unlocked else fmt.count(int((~rows["pre_specified"]).sum()))
    changes = "no locked plan" if unlocked else fmt.count(len(results.document["post_hoc"]))
    demanded = results.document.get("requirements") or []
    unmet = sum(not entry["met"] for entry in demanded)
    runs = NOT_RECORDED if ledger is None else fmt.count(sum(entry["what"] == "run" for entry in ledger))
    return [
        ("Differences from the locked plan", changes),
        ("Post hoc rows", post_hoc),
        ("Protocol deviations", _deviations(results)),
        (
            "Requirements not met",
            f"{fmt.count(unmet)} of {fmt.count(len(demanded))}" if demanded else "none declared",
        ),
        ("Runs on these data", runs),
        ("Limits of unverified provenance", fmt.count(len(results.document.get("unverified") or []))),
        ("Rows with an error", fmt.count(rows["error"].count())),
    ]


def _deviations(results: Results) -> str:
    """How many deviations were recorded, and whether exclusions outside the protocol add to them."""
    found = (results.document.get("events") or {}).get("deviations")
    recorded = fmt.count(found["n_rows"]) if found and found["recorded"] else NOT_RECORDED
    return f"{recorded}, and exclusions not listed" if validity.unlisted(results) else recorded


def _verify(results: Results, hashes: Mapping[str, str]) -> tuple[str, ...]:
    return (
        f"Every number here is a row of results.parquet of run {results.run_id}.",
        f"SHA-256 of results.parquet: {hashes.get('results.parquet', NOT_RECORDED)}.",
        f"SHA-256 of the canonical protocol: {results.document['protocol_sha256']}.",
        "Appendix F says how to repeat the evaluation and compare its numbers.",
    )
