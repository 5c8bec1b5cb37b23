"""Compare versions of a study: from its folder to a comparison folder with a decision for each candidate."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ..datasets.pairs import Pairs
from ..datasets.store import Store, key_of
from ..datasets.unread import Later
from ..evaluators.comparison.verdict import Decision
from ..evaluators.weights import ResamplingWeights
from ..protocols.canonical import canonical, digest
from ..protocols.errors import ContractError, Violation
from ..protocols.model import Endpoint, Protocol
from . import artefact, change_control, handled, history, independence, kept_pairs, ledger, lock, streams
from .analysis import Material, Progress, of_version, pair_all, strata, study_keys
from .between_entries import entries as between_entries
from .between_kept import KeptBetween
from .between_versions import Between
from .comparable import Comparable, Matcher
from .compared import Comparer, Line
from .comparison_asked import Asked, asked_of, default_section, only
from .comparison_folder import (
    COMPARISON_FILE,
    COMPARISON_SCHEMA,
    COMPARISONS_FOLDER,
    SUBJECTS_FILE,
    Comparison,
)
from .comparison_independence import withhold
from .comparison_more import searches, weak_spots
from .comparison_rows import Describer
from .comparison_words import candidate_decision
from .disagreeing import DISAGREEMENTS_FILE
from .folder import Study, Tables, load, tables, test_tables
from .kept import KIND_FACTS, Kept
from .kept_contrasts import KeptContrasts
from .kept_numbers import KeptNumbers
from .kept_sides import KeptSides
from .manifest import manifest, sha256_file, sha256_text, tool_version
from .questions import groups
from .resampling import study_weights
from .results import MANIFEST_FILE, ROWS_FILE, frame
from .run import LOG_FILE, Log, input_hash, inputs, material, pair_streams, study_files
from .slices import endpoint_of
from .who_got_worse import Told, subjects_table, who
from .writing import PartialFolder, output_errors, run_name

NO_MARGINS = (
    "the protocol declares no comparison, so no margin was fixed: only superiority can be shown (a section "
    "`comparison` says which endpoints are compared, with which margins)"
)
PREPARING_SHARE = 0.8
"""Share of a comparison's progress at which everything is prepared, roughly."""


def compare(
    path: Path | str,
    *,
    baseline: str,
    candidates: Sequence[str] | str | None = None,
    overlap: bool = False,
    level: float | None = None,
    pccp: bool = False,
    workers: int | None = None,
    memory: int | None = None,
    output: Path | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Compare versions of a study's algorithm with one of them, and write a comparison folder.

    Args:
        path: The study folder.
        baseline: The version to compare with.
        candidates: The version or versions in question. Default: all others of the study.
        overlap: Compare on the units that both versions have where they have different ones. Otherwise such
            versions are refused.
        level: Confidence level. Default: the protocol's, 0.95 where it declares no comparison.
        pccp: Hold every candidate against the protocol's `change_control`, and follow the history of versions
            through the finished comparisons of the study.
        workers: Threads; default one a processor. The numbers do not depend on it.
        memory: Bytes for reading and pairing streams.
        output: Folder that the comparison folder is created in. Default: `comparisons` in the study folder.
        progress: Told what is being done and the share done, 0 to 1.

    Returns:
        The comparison, read back from what was written.

    Raises:
        UsageError: There is no study there, no such version, or what is asked makes no comparison.
        ContractError: Protocol, study or data violate their contract, or versions have different units.
        IntegrityError: The lock or the ledger were tampered with.
        OutputError: A file could not be read or written; no folder is left.
    """
    started, log = ledger.utc(), Log()
    tell: Progress = progress or (lambda what, share: None)
    tell("reading the study", 0.0)
    whole = load(path)
    asked = asked_of(whole, baseline, candidates, overlap=overlap, level=level)
    if pccp:
        change_control.refuse(whole.protocol, level)
    locked = lock.verify(whole.path)
    study = only(whole, (asked.baseline, *asked.candidates))
    data = tables(study, memory=memory, keep=True)
    for version, table in data.every():
        log("table read", table=table.name, version=version, rows=table.n_rows)
    parent = output if output is not None else study.path / COMPARISONS_FOLDER
    with PartialFolder(parent) as folder:
        budget = streams.Budget.of(workers, memory)
        paired, streamed = pair_streams(study, data, budget, log, tell, tipping=False)
        paired |= kept_pairs.pair_tables(study, data, paired, tell)
        done = handled.of(data, streamed)
        ready = material(study, data, locked, paired, done)
        tell("pairing", 0.0)
        pairs = pair_all(ready, tell)
        for (pairing, version), own in pairs.items():
            log("paired", pairing=pairing, version=version, rows=own.height)
        work = _Work(study, data, ready, pairs, asked=asked, workers=workers, tell=tell)
        outcome = work.compare()
        log("compared", rows=outcome.rows.height, errors=outcome.rows["error"].count(), read=work.rows_read)
        if pccp:
            outcome = work.held_against_plan(outcome, whole)
        log("rows", read=kept_pairs.rows_read(data), removed=kept_pairs.trim(study, data))
        tell("writing", 1.0)
        return _write(study, data, outcome, folder, log, started=started, asked=asked, done=done)


@dataclass(frozen=True)
class Outcome:
    """What a comparison found.

    Attributes:
        document: comparison.json, but for the identity of the run.
        rows: Rows of results.
        subjects: Each subject's own values.
        disagreements: The units on which versions disagree most.
    """

    document: dict[str, Any]
    rows: pl.DataFrame
    subjects: pl.DataFrame
    disagreements: pl.DataFrame


class _Work:
    """One comparison at work."""

    def __init__(
        self,
        study: Study,
        data: Tables,
        ready: Material,
        pairs: Mapping[tuple[str, str], Pairs],
        *,
        asked: Asked,
        workers: int | None,
        tell: Progress,
    ) -> None:
        self.study, self.data, self.ready, self.asked = study, data, ready, asked
        self.protocol = study.protocol
        self.pairs, self.workers, self.tell = pairs, workers, tell
        section = self.protocol.comparison or default_section(self.protocol)
        if asked.level is not None:
            section = section.model_copy(update={"level": asked.level})
        self.section = section
        self.hashes = lock.data_hashes(data)
        self.rows_read = 0
        self._kept = Kept.of(ready.store, self.protocol, pairs)

    def compare(self) -> Outcome:
        """Match, prepare, compare, decide, describe."""
        self._check_references()
        weights = self._weights()
        keys = () if weights is None else weights.keys
        with threadpool_limits(limits=1), ThreadPoolExecutor(self.workers or os.cpu_count() or 1) as pool:
            between, contrasts = self._between(weights), KeptContrasts(self.ready.store, self._kept, weights)
            found = self._match(keys, pool, between, contrasts)
            self.tell("comparing", PREPARING_SHARE)
            versions = (self.asked.baseline, *self.asked.candidates)
            identical = identical_versions(self.protocol, self.hashes, versions)
            same = frozenset(v for group in identical if self.asked.baseline in group for v in group)
            comparer = Comparer(self.protocol, self.section, weights, same, contrasts)
            lines = comparer.lines(found, pool)
            spots = searches(self.protocol, lines, self.ready.subjects, pool)
            told = who(lines, self.section.level, pool, KeptNumbers(contrasts))
        return self._outcome(lines, identical, spots, between, told)

    def held_against_plan(self, outcome: Outcome, whole: Study) -> Outcome:
        """The outcome with the result of change control, and with the history of the study's versions."""
        controlled = change_control.describe(
            self.ready,
            self.pairs,
            outcome.document,
            workers=self.workers,
            progress=lambda what, share: self.tell(f"change control: {what}", 1.0),
        )
        tables_ = [(version, table.name, table.content_sha256) for version, table in self.data.every()]
        present = history.of(None, outcome.document, tables_)
        earlier, passed_over = history.past(whole.path)
        further = {
            "change_control": controlled,
            "history": history.history(earlier, present, whole.versions),
            "history_notes": passed_over,
        }
        return replace(outcome, document={**outcome.document, **further})

    def _weights(self) -> ResamplingWeights | None:
        """The one matrix of subject weights of the study."""
        people = self.ready.subjects
        every = set() if people is None else set(study_keys(self.protocol, people))
        for own in self.pairs.values():
            every.update(subjects_of(own, self.ready.store))
        return study_weights(self.protocol, {}, subjects=sorted(every), strata=strata(self.protocol, people))

    def _check_references(self) -> None:
        """Versions that bring their own reference cannot be held against one another."""
        own = set(test_tables(self.protocol))
        used = {endpoint_of(self.protocol, name).pairing for name in self.section.endpoints}
        violations = [
            Violation(
                f"the reference `{rule.reference}` belongs to each version, so versions were held against "
                "different references here",
                key=f"pairings.{name}.reference",
            )
            for name, rule in self.protocol.pairings.items()
            if name in used and rule.reference in own
        ]
        if violations:
            raise ContractError(violations)

    def _between(self, weights: ResamplingWeights | None) -> Between:
        """Holds the versions against each other while their rows are at hand."""
        kept = KeptBetween(self.ready.store, self._kept, weights)
        return Between(
            self.protocol, self.section, self.asked.baseline, weights,
            lambda pairing, version: self.pairs[pairing, version].data, kept=kept,
        )  # fmt: skip

    def _match(
        self, keys: Sequence[str], pool: ThreadPoolExecutor, between: Between, contrasts: KeptContrasts
    ) -> list[Comparable]:
        endpoints = {name: endpoint_of(self.protocol, name) for name in self.section.endpoints}
        matcher = Matcher(
            self.protocol,
            self.asked.baseline,
            keys,
            lambda pairing, version: self.pairs[pairing, version].data,
            kept=KeptSides(self.ready.store, self._kept),
            contrasts=contrasts,
            overlap=self.asked.overlap,
            besides=between.add,
            ranked=self.section.endpoints,
            people=self.ready.subjects,
        )
        grouped: list[dict[str, Endpoint]] = groups(self.protocol, endpoints)
        found: dict[tuple[str, str], Comparable] = {}
        for step, group in enumerate(grouped):
            self.tell(f"preparing {', '.join(group)}", PREPARING_SHARE * step / len(grouped))
            for one in matcher.group(group, self.asked.candidates, pool):
                found[one.endpoint_id, one.candidate] = one
        if matcher.violations:
            notes = [note for note in (one.note() for one in self.data.produced) if note]
            raise ContractError([*matcher.violations, *(Violation(note) for note in notes)])
        self.rows_read = matcher.rows_read
        return [found[name, candidate] for name in endpoints for candidate in self.asked.candidates]

    def _outcome(
        self,
        lines: Sequence[Line],
        identical: list[list[str]],
        spots: Mapping[str, Any],
        between: Between,
        told: Sequence[Told],
    ) -> Outcome:
        describer = Describer(
            self.protocol,
            self.section,
            self.ready.algorithm,
            self.asked.baseline,
            {
                (name, candidate): self._pre_specified(name, candidate)
                for name in self.section.endpoints
                for candidate in self.asked.candidates
            },
        )
        described = [describer.described(line) for line in lines]
        entries, rows = [entry for entry, _ in described], [row for _, own in described for row in own]
        trained = self._independence()
        withhold(entries, rows, independence.reasons(trained), self.asked.baseline)
        decisions = {
            candidate: candidate_decision(
                [one for one in entries if one["candidate"] == candidate and one["role"] == "primary"],
                weak_spots(entries, spots, candidate),
            )
            for candidate in self.asked.candidates
        }
        document = {
            "schema": COMPARISON_SCHEMA,
            "study": dict(self.ready.study),
            "protocol": json.loads(canonical(self.protocol)),
            "protocol_sha256": digest(self.protocol),
            "algorithm": self.ready.algorithm,
            "baseline": self.asked.baseline,
            "candidates": list(self.asked.candidates),
            "overlap": self.asked.overlap,
            "level": self.section.level,
            "multiplicity": self.section.multiplicity,
            "family_size": len(self.section.primary) * len(self.asked.candidates),
            "title": self.section.title,
            "identical": identical,
            "locked": self.ready.plan.lock is not None,
            "post_hoc": [dict(one) for one in self.ready.plan.differences],
            "decisions": decisions,
            "comparisons": entries,
            "weak_spots": dict(spots),
            "between_versions": between_entries(between, self.asked.candidates, self.section.level),
            "who": [one.entry for one in told],
            "comparability": self._comparability(lines),
            "independence": trained,
            "produced": [one.facts() for one in self.data.produced],
        }
        return Outcome(document, frame(rows), subjects_table(told), between.units(self.asked.candidates))

    def _independence(self) -> list[dict[str, Any]]:
        """Versions with a training manifest, held against the subjects that endpoints analyse."""
        frames = Later(self.pairs, lambda own: own.data)
        tables_ = {version: of_version(self.ready, version) for version in self.ready.tests}
        kept = self._kept
        return independence.analysed(self.protocol, self.ready.training, frames, tables_, kept)

    def _comparability(self, lines: Sequence[Line]) -> dict[str, Any]:
        units = [
            {
                "endpoint": line.comparable.endpoint_id,
                "candidate": line.comparable.candidate,
                "baseline_only": line.comparable.left_out.baseline,
                "candidate_only": line.comparable.left_out.candidate,
                "subjects": [list(one) for one in line.comparable.left_out.subjects],
                "words": line.comparable.left_out.words(self.asked.baseline, line.comparable.candidate),
            }
            for line in lines
            if line.comparable.left_out.any
        ]
        notes = [] if self.protocol.comparison is not None else [NO_MARGINS]
        without = [name for name in self.section.primary if self.section.endpoints[name].margin is None]
        if without and self.protocol.comparison is not None:
            notes.append(
                f"no margin is declared for {', '.join(without)}: only superiority can be shown there"
            )
        notes += [note for note in (one.note() for one in self.data.produced) if note]
        if self.protocol.missing is not None and self.protocol.missing.primary == "multiple_imputation":
            notes.append(
                "missing units are not imputed here: versions are compared on units that have both values"
            )
        return {"units": units, "notes": notes}

    def _pre_specified(self, endpoint: str, candidate: str) -> bool | None:
        """Whether a comparison was fixed beforehand: endpoint, both versions, and the whole section."""
        plan = self.ready.plan
        own = [plan.pre_specified(endpoint, version) for version in (self.asked.baseline, candidate)]
        if plan.lock is None or None in own:
            return None
        now = json.loads(canonical(self.protocol)).get("comparison")
        level = self.asked.level is None or (now is not None and now["level"] == self.asked.level)
        return all(own) and level and now is not None and plan.lock["protocol"].get("comparison") == now


def subjects_of(pairs: Pairs, store: Store | None) -> list[str]:
    """The subjects of pairs; those of pairs with a name are read once."""
    key = None if pairs.key is None else key_of("subjects", pairs.key)
    entry = None if store is None or key is None else store.get(KIND_FACTS, key)
    if entry is not None:
        return [str(name) for name in entry.facts["subjects"]]
    found = pairs.data.lazy().select(pl.col("subject").unique()).collect().to_series().sort().to_list()
    if store is not None and key is not None:
        store.put(KIND_FACTS, key, facts={"subjects": found})
    return found


def identical_versions(
    protocol: Protocol, hashes: Mapping[str, str], versions: Sequence[str]
) -> list[list[str]]:
    """Groups of versions whose outputs have the same content."""
    found: dict[tuple[str, ...], list[str]] = {}
    for version in versions:
        key = tuple(hashes[lock.table_id(table, version)] for table in test_tables(protocol))
        found.setdefault(key, []).append(version)
    return [group for group in found.values() if len(group) > 1]


def _write(
    study: Study,
    data: Tables,
    outcome: Outcome,
    folder: PartialFolder,
    log: Log,
    *,
    started: str,
    asked: Asked,
    done: Sequence[Mapping[str, Any]],
) -> Comparison:
    """Write everything, note the comparison in the ledger, and give the folder its name."""
    hashes = lock.data_hashes(data)
    arguments = {
        "baseline": asked.baseline,
        "candidates": list(asked.candidates),
        "overlap": asked.overlap,
        "level": asked.level,
    }
    own = sha256_text(json.dumps([input_hash(study, hashes), arguments], sort_keys=True))
    name = run_name(folder.parent, own[:8])
    identity = {"id": name, "started": started, "finished": ledger.utc(), "accordance": tool_version()}
    document = {"schema": outcome.document["schema"], "run": identity, **outcome.document}
    folder.write_json(COMPARISON_FILE, document)
    folder.write_frame(ROWS_FILE, outcome.rows)
    folder.write_frame(SUBJECTS_FILE, outcome.subjects)
    folder.write_frame(DISAGREEMENTS_FILE, outcome.disagreements)
    with output_errors(folder.path):
        content = manifest(
            run=identity,
            inputs=inputs(data, hashes, done),
            protocol_sha256=digest(study.protocol),
            study_files=study_files(study),
            seed=study.protocol.seed,
            arguments=arguments,
            versions=artefact.described(study, data),
        )
    files = (COMPARISON_FILE, ROWS_FILE, SUBJECTS_FILE, DISAGREEMENTS_FILE)
    content["results"] = {file: sha256_file(folder.path / file) for file in files}
    folder.write_json(MANIFEST_FILE, content)
    log("written", comparison=name)
    folder.write_text(LOG_FILE, log.text())
    decisions: dict[str, Decision] = {v: one["decision"] for v, one in document["decisions"].items()}
    details = {
        "comparison": name,
        "baseline": asked.baseline,
        "decisions": decisions,
        "protocol_sha256": content["protocol_sha256"],
        "manifest_sha256": sha256_file(folder.path / MANIFEST_FILE),
    }
    with output_errors(study.path / ledger.FILE):
        ledger.append(study.path, "compare", details)
    return Comparison.open(folder.finish(name))
