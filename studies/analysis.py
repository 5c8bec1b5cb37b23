"""From tables to results: pair, account, estimate, decide, describe. Nothing here knows of folders.

`run` reads a study folder and writes the outcome; `evaluate` takes data frames and keeps it in memory.
"""

from __future__ import annotations

import json
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import polars as pl
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ..datasets import accounting, pairing
from ..datasets.pairs import Pairs
from ..datasets.store import Store
from ..datasets.unread import Later
from ..evaluators import registry
from ..protocols.canonical import canonical, digest
from ..protocols.model import DECIDING, Endpoint, Protocol
from . import (
    by_site,
    clock_tipping,
    clocks,
    disparity,
    facts,
    hypotheses,
    independence,
    missing,
    planning,
    requirements,
    slices,
    units,
)
from .decide import Outcome, outcome, overall, reasons, unverified
from .demographics import RULE, analysed_subjects, demographics, excluded
from .evaluation import answerer, evaluate_protocol
from .judge import OVERALL_WORDS, decides, headline, words
from .kept import Kept
from .lock import Plan
from .manifest import tool_version
from .results import DOCUMENT_SCHEMA, frame
from .rows import Row
from .training_manifest import TrainingManifest

Progress = Callable[[str, float], None]
PAIRING_SHARE = 0.4
"""Share of a run's progress that reading and pairing take, roughly."""
AFTERWARDS = 0.99
"""Share done once everything is estimated; what errors of the clock would do is looked at after it."""


@dataclass(frozen=True)
class Material:
    """Everything an analysis rests on.

    Attributes:
        protocol: Resolved protocol.
        study: study.yaml as JSON, or what stands for it.
        algorithm: Name of the algorithm.
        deciding_version: The version that decides.
        shared: Table -> frame, the tables that all versions share.
        tests: Version -> test table -> frame.
        plan: What was locked.
        paired: (pairing, version) -> pairs that were made already, of tables too long to hold.
        store: Where it is kept what was made of them.
        repair: Makes those pairs again with test times moved by so many seconds.
        handled: What reading did to rows by declared rules, as `handled.of` gives it.
        training: Version -> training manifest, of versions that have one.
        produced: What became of versions whose outputs were produced (`produce.Made.facts`).
    """

    protocol: Protocol
    study: Mapping[str, Any]
    algorithm: str
    deciding_version: str
    shared: Mapping[str, pl.DataFrame]
    tests: Mapping[str, Mapping[str, pl.DataFrame]]
    plan: Plan = field(default_factory=lambda: Plan(None))
    paired: Mapping[tuple[str, str], Pairs] = field(default_factory=dict)
    store: Store | None = None
    repair: clock_tipping.Repair | None = None
    handled: Sequence[Mapping[str, Any]] = ()
    training: Mapping[str, TrainingManifest] = field(default_factory=dict)
    produced: Sequence[Mapping[str, Any]] = ()

    @property
    def subjects(self) -> pl.DataFrame | None:
        """The subjects table, where the protocol has one."""
        return self.shared.get(slices.SUBJECTS)


@dataclass(frozen=True)
class Analysis:
    """What an analysis found.

    Attributes:
        rows: The results table.
        document: results.json, but for the run's own identity (`run`).
        pairs: (pairing, version) -> audited pairs.
    """

    rows: pl.DataFrame
    document: dict[str, Any]
    pairs: dict[tuple[str, str], Pairs]


def analyse(material: Material, *, workers: int | None = None, progress: Progress | None = None) -> Analysis:
    """Pair, evaluate and judge every endpoint for every version."""
    protocol = material.protocol
    pairs = pair_all(material, progress)
    frames = Later(pairs, lambda found: found.data)
    kept = Kept.of(material.store, protocol, pairs)
    answer = answerer(
        protocol,
        material.algorithm,
        frames,
        strata=strata(protocol, material.subjects),
        subjects=None if material.subjects is None else study_keys(protocol, material.subjects),
        kept=kept,
    )
    versions = list(material.tests)
    rows = evaluate_protocol(answer, frames, versions, workers=workers, progress=_later(progress))
    with threadpool_limits(limits=1):
        further = [
            *missing.sensitivity_rows(answer, frames, versions),
            *disparity.disparity_rows(answer, frames, versions),
            *by_site.site_rows(answer, frames, versions),
        ]
        rows = in_order(protocol, versions, [*rows, *further])
        lacking = missing.describe(answer, frames, material.deciding_version)
        tipping = clock_tipping.describe(
            answer,
            pairs,
            material.deciding_version,
            repairer(material, pairs),
            store=material.store,
            tell=_last(progress),
        )
    deciding = material.deciding_version
    demanded = kept.fact("requirements", deciding, lambda: requirements.check(protocol, frames, deciding))
    lacks: list[tuple[list[str], str]] = [
        (entry["endpoints"], entry["reason"]) for entry in demanded if not entry["met"]
    ]
    unlisted = kept.fact("unlisted", deciding, lambda: facts.unlisted(protocol, pairs, deciding))
    for name, count in unlisted.items():
        resting = [key for key, one in protocol.endpoints.items() if one.pairing == name]
        reason = (
            f"{count:,} rows of pairing `{name}` carry exclusion codes that the protocol does not declare"
        )
        lacks.append((resting, reason))
    tables = {version: of_version(material, version) for version in material.tests}
    trained = independence.analysed(protocol, material.training, frames, tables, kept)
    tested = hypotheses.apply(protocol, rows, material.deciding_version, lacks, independence.reasons(trained))
    for row in rows:
        row["pre_specified"] = material.plan.pre_specified(row["endpoint"], row["version"])
    table = frame(rows)
    document = describe(
        material,
        rows,
        pairs,
        kept,
        found={
            "requirements": demanded,
            "independence": trained,
            "missing": lacking,
            "families": tested,
            "clocks": clocks.describe(protocol, pairs),
            "clock_tipping": tipping,
            "sites": by_site.describe(protocol, frames, material.deciding_version),
        },
    )
    return Analysis(table, document, pairs)


def in_order(protocol: Protocol, versions: list[str], rows: list[Row]) -> list[Row]:
    """Rows by endpoint, in the protocol's order, then by version; otherwise in the order they came."""
    every = (*protocol.endpoints, *slices.automatic_endpoints(protocol))
    endpoints = {name: place for place, name in enumerate(every)}
    return sorted(rows, key=lambda row: (endpoints[row["endpoint"]], versions.index(row["version"])))


def _later(progress: Progress | None) -> Progress | None:
    """Progress of the part after pairing."""
    if progress is None:
        return None
    return lambda what, share: progress(f"evaluating {what}", PAIRING_SHARE + (1 - PAIRING_SHARE) * share)


def _last(progress: Progress | None) -> Progress | None:
    """Progress of what is done after evaluating, of which nobody knows how long it takes."""
    return (
        None
        if progress is None
        else lambda what, share: progress(what, AFTERWARDS + (1 - AFTERWARDS) * share)
    )


def of_version(material: Material, version: str) -> Mapping[str, pl.DataFrame]:
    """Table -> frame, of all tables that one version's results rest on; read when they are asked for."""
    return ChainMap({}, cast(Any, material.tests[version]), cast(Any, material.shared))


def study_keys(protocol: Protocol, subjects: pl.DataFrame) -> list[str]:
    """Names of all subjects of the subjects table."""
    column = protocol.tables[slices.SUBJECTS].subject
    return [str(key) for key in subjects.get_column(column).unique().to_list()]


def pair_all(material: Material, progress: Progress | None = None) -> dict[tuple[str, str], Pairs]:
    """Audited pairs of every pairing and version."""
    protocol = material.protocol
    found: dict[tuple[str, str], Pairs] = {}
    total = max(1, len(protocol.pairings) * len(material.tests))
    for name in protocol.pairings:
        for version in material.tests:
            if (name, version) in material.paired:
                found[name, version] = material.paired[name, version]
                continue
            if progress:
                progress(f"pairing {name}, {version}", PAIRING_SHARE * len(found) / total)
            found[name, version] = _pair(material, name, version)
    return found


def _pair(
    material: Material, name: str, version: str, *, audit: pl.DataFrame | None = None, error: float = 0.0
) -> Pairs:
    """Audited pairs of one pairing and version, of tables that are held whole."""
    rule, tests = material.protocol.pairings[name], material.tests[version]
    reference = material.shared.get(rule.reference)
    pairs = pairing.pair(
        material.protocol,
        name,
        reference=tests[rule.reference] if reference is None else reference,
        test=tests[rule.test],
        subjects=material.subjects,
        version=version,
        tables=material.shared,
        clocks=audit,
        clock_error=error,
    )
    pairing.verify(pairs)
    return pairs


def repairer(material: Material, pairs: Mapping[tuple[str, str], Pairs]) -> clock_tipping.Repair:
    """What makes pairs again with test times moved, by the clocks as they were estimated the first time."""

    def repair(name: str, version: str, error: float) -> Pairs:
        if (name, version) in material.paired and material.repair is not None:
            return material.repair(name, version, error)
        return _pair(material, name, version, audit=pairs[name, version].clocks, error=error)

    return repair


def strata(protocol: Protocol, subjects: pl.DataFrame | None) -> dict[str, str] | None:
    """Subject -> resampling stratum, where the protocol declares strata."""
    columns = protocol.resampling.strata
    if not columns or subjects is None:
        return None
    key = protocol.tables[slices.SUBJECTS].subject
    texts = subjects.select(
        pl.col(key), *(slices.label(column).alias(f"stratum {column}") for column in columns)
    )
    return {row[0]: json.dumps(row[1:], ensure_ascii=False) for row in texts.iter_rows()}


def describe(
    material: Material,
    rows: list[Row],
    pairs: Mapping[tuple[str, str], Pairs],
    kept: Kept,
    *,
    found: Mapping[str, Any],
) -> dict[str, Any]:
    """The document of results, but for the run's identity; `found` are parts that were found on the way."""
    protocol = material.protocol
    subjects, version = material.subjects, material.deciding_version
    frames = Later(pairs, lambda own: own.data)
    decided = outcomes(protocol, rows, version)
    decision = overall(protocol, decided)

    def known(what: str, compute: Callable[[], Any]) -> Any:
        return kept.fact(what, version, compute)

    analysed = known("analysed", lambda: analysed_subjects(protocol, frames, version))
    return {
        "schema": DOCUMENT_SCHEMA,
        "accordance": tool_version(),
        "study": dict(material.study),
        "protocol": json.loads(canonical(protocol)),
        "protocol_sha256": digest(protocol),
        "algorithm": material.algorithm,
        "versions": list(material.tests),
        "deciding_version": material.deciding_version,
        "lock": _lock_facts(material.plan),
        "post_hoc": [dict(difference) for difference in material.plan.differences],
        "decision": decision,
        "decision_words": OVERALL_WORDS[decision],
        "decision_reasons": reasons(protocol, rows, material.deciding_version),
        "unverified": unverified(protocol),
        **found,
        "plan": planning.plan(protocol),
        "decision_pre_specified": _decision_pre_specified(material, rows),
        "accounting": known("accounting", lambda: accounts(protocol, pairs)),
        "units": units.describe(protocol, pairs),
        "demographics": known("demographics", lambda: demographics(protocol, subjects, frames)),
        "demographics_rule": RULE,
        "excluded": known("excluded", lambda: excluded(protocol, subjects, frames, version)),
        "flow": known("flow", lambda: facts.flows(protocol, pairs, version)),
        "readers": facts.readers(protocol, material.shared),
        "events": facts.events(protocol, material.shared),
        "intended_population": facts.intended(protocol, subjects, analysed),
        "handled": [dict(entry) for entry in material.handled],
        "produced": [dict(entry) for entry in material.produced],
        "freeze_problems": facts.freeze_problems(material.study.get("freeze") or {}),
        "yield": [row for row in rows if row["metric"] == slices.YIELD and row["subgroup"] is None],
        "coverage": [row for row in rows if row["metric"] == slices.COVERAGE and row["subgroup"] is None],
        "endpoints": endpoints(protocol, rows, decided, pairs, kept=kept, version=version),
    }


def identified(document: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, Any]:
    """The document with the run's own identity, after its schema."""
    return {"schema": document["schema"], "run": dict(run), **document}


def _lock_facts(plan: Plan) -> dict[str, Any] | None:
    """Who locked what and when; the hashes themselves stay in study.lock and the manifest."""
    if plan.lock is None:
        return None
    kept = ("who", "when", "accordance", "protocol_sha256")
    return {**{name: plan.lock[name] for name in kept}, "with_data": plan.lock["data"] is not None}


def _decision_pre_specified(material: Material, rows: list[Row]) -> bool | None:
    """Whether the study's decision is the one that was locked: the same deciding endpoints, none dropped."""
    locked = material.plan.lock
    if locked is None:
        return None
    deciding = [row for row in rows if decides(row, material.deciding_version)]
    before = {
        name for name, endpoint in locked["protocol"]["endpoints"].items() if endpoint["role"] in DECIDING
    }
    now = {name for name, endpoint in material.protocol.endpoints.items() if endpoint.role in DECIDING}
    return before == now and all(row["pre_specified"] for row in deciding)


def accounts(protocol: Protocol, pairs: Mapping[tuple[str, str], Pairs]) -> list[dict[str, Any]]:
    """The flow of subjects and rows for each pairing, version and population that an endpoint uses."""
    found = []
    for (name, version), own in pairs.items():
        used = {
            str(endpoint.population) for endpoint in protocol.endpoints.values() if endpoint.pairing == name
        }
        for population in protocol.populations:
            if population in used:
                steps = accounting.accounting(own, protocol, population).to_dicts()
                place = {"pairing": name, "version": version, "population": population}
                found.append({**place, "steps": steps})
    return found


def endpoint_accounts(
    protocol: Protocol, endpoint: Endpoint, pairs: Mapping[tuple[str, str], Pairs]
) -> list[dict[str, Any]]:
    """The flow of subjects and rows down to an endpoint's own values, for each version and view."""
    usual = slices.coding(protocol, endpoint)
    views = (*usual.views, *slices.missing_views(protocol, endpoint))
    found = []
    for (name, version), own in pairs.items():
        for view in views if name == endpoint.pairing else ():
            how = slices.coding(protocol, endpoint, slices.handling_of(view))
            steps = accounting.accounting(
                own,
                protocol,
                str(endpoint.population),
                reference=endpoint.reference,
                test=endpoint.test,
                where=endpoint.where,
                # a share of results asks for no result: what is none stays in
                view="as_negative" if how.reports else slices.view_of(protocol, view),
                completed=_completed(protocol, endpoint, how),
                further=slices.has_further(how.further) if how.further else None,
            )
            found.append({"version": version, "view": view, "steps": steps.to_dicts()})
    return found


def _completed(protocol: Protocol, endpoint: Endpoint, how: slices.Coding) -> pl.Expr | None:
    """Rows that an endpoint analyses although one of their values is missing."""
    if how.reports_coverage:
        return slices.has_reference(protocol, endpoint)
    return slices.filled_in(protocol, endpoint) if how.completes else None


def outcomes(protocol: Protocol, rows: list[Row], version: str) -> dict[str, Outcome]:
    """Endpoint -> its decision."""
    return {
        name: outcome(endpoint, [row for row in rows if row["endpoint"] == name], version)
        for name, endpoint in protocol.endpoints.items()
    }


def endpoints(
    protocol: Protocol,
    rows: list[Row],
    decided: Mapping[str, Outcome],
    pairs: Mapping[tuple[str, str], Pairs],
    *,
    kept: Kept,
    version: str,
) -> list[dict[str, Any]]:
    """Endpoints in order: their decision and the row that speaks for each, the flow of its rows, all rows."""
    by_endpoint: dict[str, list[Row]] = {}
    for row in rows:
        by_endpoint.setdefault(row["endpoint"], []).append(row)
    found = []
    for name, own in by_endpoint.items():
        endpoint = slices.endpoint_of(protocol, name)
        own_outcome = decided.get(name, Outcome("informative", ()))
        speaking = _speaking(own, own_outcome, version)
        found.append(
            {
                "id": name,
                "title": endpoint.title,
                "role": endpoint.role,
                "decision": own_outcome.decision,
                "decision_words": words(speaking) if speaking else "No criterion",
                "row_id": speaking["row_id"] if speaking else None,
                "judged_rows": list(own_outcome.rows),
                "accounting": kept.fact(
                    f"accounting of {name}",
                    version,
                    partial(endpoint_accounts, protocol, endpoint, pairs),
                ),
                "rows": own,
            }
        )
    return found


def _speaking(rows: list[Row], decided: Outcome, version: str) -> Row | None:
    """The row that speaks for an endpoint: the one that settled its decision, or its headline statistic."""
    if decided.rows:
        return next(row for row in rows if row["row_id"] == decided.rows[0])
    whole = [row for row in rows if headline(row, version)]
    name = registry.get(rows[0]["metric"]).headline
    return next((row for row in whole if row["statistic"] == name), None)
