"""The history of an algorithm's versions: learning, potential and retention, from finished comparisons.

The three measurements are those of Burgon A, Sahiner B, Petrick N, Pennello G, Samala RK, "Learning,
Potential, and Retention: An Approach for Evaluating Adaptive AI-Enabled Medical Devices", arXiv:2604.04878
(2026). With S(M|D) the score of model M on data set D, and D_v the data set that version v was evaluated on:

- learning of V: S(M_V|D_V) - S(M_V-1|D_V), the improvement over the previous version on its own test set;
- potential of V: S(M_V-1|D_V-1) - S(M_V-1|D_V), what the previous version lost by the change of the test
  set, so what there was to learn; 0 where the test set is the same;
- retention of V: the performance that it keeps on earlier test sets.

Three things differ here. Scores are oriented, so that positive is better for errors, too. Retention is not
weighed into one number: each earlier test set is one line, the improvement over the last version that was
introduced on it, beside the score itself. And one measurement is ours: `total`, the improvement over the
first version on the version's own test set. Improvements with their intervals stand as they do in the
comparisons; nothing is estimated again, and what was never compared is a line with its reason. Potential has
no interval: the subjects of two test sets are different people, and no comparison holds them against each
other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..protocols.automatic import automatic_sources
from ..protocols.canonical import endpoint_digest
from ..protocols.errors import IntegrityError, OutputError
from ..protocols.model import Protocol
from .comparison_folder import COMPARISON_FILE, COMPARISON_SCHEMA, deciding_bounds, finished_comparisons
from .manifest import sha256_file, sha256_text
from .opening import read_json
from .results import MANIFEST_FILE

SOURCE = (
    "Burgon A, Sahiner B, Petrick N, Pennello G, Samala RK. Learning, Potential, and Retention: An Approach "
    "for Evaluating Adaptive AI-Enabled Medical Devices. arXiv:2604.04878, 2026."
)
"""Where learning, potential and retention come from."""
NO_INTERVAL = "no interval: the subjects of two test sets are different people"
NOT_QUOTED = "comparison {} {}, so the history does not quote it"
SAME_TEST_SET = "the test set is the same, so nothing changed by it"


@dataclass(frozen=True)
class Past:
    """A finished comparison, or the one at hand.

    Attributes:
        run: Its identifier; None for the one at hand.
        document: Its comparison.json.
        test_set: SHA-256 over what all versions were judged on: reference, subjects.
        outputs: Version -> SHA-256 over its outputs.
    """

    run: str | None
    document: Mapping[str, Any]
    test_set: str
    outputs: Mapping[str, str]


@dataclass
class Chain:
    """What all comparisons say of one endpoint.

    Attributes:
        links: (test set, baseline, candidate) -> the latest object of `comparisons`, with its comparison.
        values: (test set, version) -> what the version reached there, in its latest comparison.
        introduced: Version -> the test set of the first comparison in which it was a candidate, or else was.
        seen: Versions in the order of their appearance.
    """

    links: dict[tuple[str, str, str], tuple[str | None, Mapping[str, Any]]] = field(default_factory=dict)
    values: dict[tuple[str, str], float | None] = field(default_factory=dict)
    introduced: dict[str, str] = field(default_factory=dict)
    seen: dict[str, None] = field(default_factory=dict)


def of(run: str | None, document: Mapping[str, Any], tables: Iterable[tuple[str | None, str, str]]) -> Past:
    """A comparison with what it rests on.

    Args:
        run: Its identifier; None for the one at hand.
        document: Its comparison.json.
        tables: (version, table, content hash) of each table; version None for what all versions share.
    """
    found: dict[str | None, dict[str, str]] = {}
    for version, table, content in tables:
        found.setdefault(version, {})[table] = content
    hashes = {version: sha256_text(json.dumps(dict(sorted(own.items())))) for version, own in found.items()}
    outputs = {version: one for version, one in hashes.items() if version is not None}
    return Past(run, document, hashes.get(None, ""), outputs)


def past(study: Path) -> tuple[list[Past], list[str]]:
    """The finished comparisons of a study, oldest first, and which are not quoted, each with the reason.

    Only a comparison whose document is as it was written, by its manifest, is quoted.
    """
    found, passed_over = [], []
    for folder in finished_comparisons(study):
        try:
            document, manifest = read_json(folder / COMPARISON_FILE), read_json(folder / MANIFEST_FILE)
            as_written = manifest["results"][COMPARISON_FILE] == sha256_file(folder / COMPARISON_FILE)
            if not as_written:
                passed_over.append(NOT_QUOTED.format(folder.name, "was changed after it was written"))
            elif document["schema"] != COMPARISON_SCHEMA:
                passed_over.append(NOT_QUOTED.format(folder.name, f"follows the schema {document['schema']}"))
            else:
                tables = [(one["version"], one["table"], one["content_sha256"]) for one in manifest["inputs"]]
                found.append(of(str(document["run"]["id"]), document, tables))
        except (IntegrityError, OutputError, OSError, KeyError, TypeError):
            passed_over.append(NOT_QUOTED.format(folder.name, "cannot be read"))
    return found, passed_over


def history(earlier: Sequence[Past], present: Past, order: Sequence[str]) -> list[dict[str, Any]]:
    """The history of every endpoint of a comparison.

    Args:
        earlier: Finished comparisons of the study, oldest first.
        present: The one at hand.
        order: Versions in the order of study.yaml, the first one first.

    Returns:
        One object an endpoint: `endpoint`, `title`, `statistic`, `unit`, `better`, `scale`, `margin`,
        `limit`, `first`, `source`, `test_sets` (`name`, `sha256`) and `steps`, one a version after the first:
        `version`, `previous`, `test_set`, `learning`, `total`, `potential`, `retention` (a list). A
        measurement has `baseline`, `candidate`, `test_set`, `estimate`, `lower`, `upper` (those that decided
        there), `ci_level`, `decision`, `words`, `baseline_value`, `candidate_value`, `n_subjects`,
        `comparison` (None: the one at hand), `row_id`, `pre_specified`, and `reason` where it has no estimate
        or no interval, decided nothing, or left units out.
    """
    every = [*earlier, present]
    sets = {one: f"T{n}" for n, one in enumerate(dict.fromkeys(past.test_set for past in every), start=1)}
    definitions = [_definitions(one.document) for one in every]
    first: dict[str, Mapping[str, Any]] = {}
    for entry in present.document["comparisons"]:
        first.setdefault(entry["endpoint"], entry)
    found = []
    for entry in first.values():
        chain = _chain(every, definitions, entry)
        versions = _in_order(chain, order)
        found.append(
            {
                **{key: entry[key] for key in ("endpoint", "title", "statistic", "unit", "better", "scale")},
                "margin": entry["margin"],
                "limit": entry["limit"],
                "first": versions[0],
                "source": SOURCE,
                "test_sets": [{"name": title, "sha256": sha256} for sha256, title in sets.items()],
                "steps": [
                    _step(chain, entry, versions, place, sets=sets) for place in range(1, len(versions))
                ],
            }
        )
    return found


def _definitions(document: Mapping[str, Any]) -> dict[str, str]:
    """Endpoint -> hash of all that it depends on; empty where this version cannot read the protocol."""
    try:
        protocol = Protocol.model_validate_json(json.dumps(document["protocol"]))
    except ValidationError:
        return {}
    own = {name: endpoint_digest(protocol, name) for name in protocol.endpoints}
    automatic = {name: own[source] for name, (_, source) in automatic_sources(protocol).items()}
    return own | automatic


def _chain(
    every: Sequence[Past], definitions: Sequence[Mapping[str, str]], wanted: Mapping[str, Any]
) -> Chain:
    """Everything that comparisons of the same definition say; later ones replace earlier ones.

    A comparison of outputs that a version no longer has on the same test set is left out.
    """
    name, chain = wanted["endpoint"], Chain()
    candidates: dict[str, str] = {}
    current = {(one.test_set, version): own for one in every for version, own in one.outputs.items()}
    for one, defined in zip(every, definitions, strict=True):
        if one.run is not None and defined.get(name) != definitions[-1].get(name):
            continue
        for entry in one.document["comparisons"]:
            if any(entry[key] != wanted[key] for key in ("endpoint", "metric", "statistic", "scale")):
                continue
            baseline, candidate = entry["baseline"], entry["candidate"]
            pair = (baseline, candidate)
            if any(one.outputs.get(version) != current.get((one.test_set, version)) for version in pair):
                continue
            chain.links[one.test_set, baseline, candidate] = (one.run, entry)
            for version, key in ((baseline, "baseline_value"), (candidate, "candidate_value")):
                chain.values[one.test_set, version] = entry[key]
                chain.introduced.setdefault(version, one.test_set)
                chain.seen.setdefault(version)
            candidates.setdefault(candidate, one.test_set)
    chain.introduced |= candidates
    return chain


def _in_order(chain: Chain, order: Sequence[str]) -> list[str]:
    """Versions that were compared: those that the study no longer lists, then the others as it lists them."""
    return [*(one for one in chain.seen if one not in order), *(one for one in order if one in chain.seen)]


def _step(
    chain: Chain,
    entry: Mapping[str, Any],
    versions: Sequence[str],
    place: int,
    *,
    sets: Mapping[str, str],
) -> dict[str, Any]:
    """The measurements of one version."""
    version, previous, first = versions[place], versions[place - 1], versions[0]
    own = chain.introduced[version]
    last: dict[str, str] = {}
    for one in versions[:place]:
        last.pop(chain.introduced[one], None)
        last[chain.introduced[one]] = one
    return {
        "version": version,
        "previous": previous,
        "test_set": sets[own],
        "learning": _link(chain, own, previous, version, sets),
        "total": _link(chain, own, first, version, sets),
        "potential": _potential(chain, entry, previous, own, sets),
        "retention": [_link(chain, test_set, one, version, sets) for test_set, one in last.items()],
    }


def _link(
    chain: Chain, test_set: str, baseline: str, candidate: str, sets: Mapping[str, str]
) -> dict[str, Any]:
    """An improvement as it stands in a comparison; where nobody made it, its reason."""
    found = chain.links.get((test_set, baseline, candidate))
    place = {"baseline": baseline, "candidate": candidate, "test_set": sets[test_set]}
    if found is None:
        reason = f"{candidate} was not compared with {baseline} on test set {sets[test_set]}"
        return {**place, **dict.fromkeys(_READ), "estimate": None, "lower": None, "upper": None,
                "comparison": None, "reason": reason}  # fmt: skip
    run, entry = found
    lower, upper = deciding_bounds(entry)
    return {
        **place,
        **{key: entry.get(key) for key in _READ},
        "estimate": entry["improvement"]["estimate"],
        "lower": lower,
        "upper": upper,
        "comparison": run,
        "reason": entry["error"] or entry["reason"] or _left_out(entry),
    }


def _left_out(entry: Mapping[str, Any]) -> str | None:
    """What a comparison was asked to leave out (`--overlap`); None where that is nothing."""
    left = entry["left_out"]
    units = int(left["baseline"]) + int(left["candidate"])
    return f"{units:,} units that only one version has were left out" if units else None


_READ = (
    "ci_level", "decision", "words", "baseline_value", "candidate_value", "n_subjects", "row_id",
    "pre_specified",
)  # fmt: skip


def _potential(
    chain: Chain, entry: Mapping[str, Any], previous: str, own: str, sets: Mapping[str, str]
) -> dict[str, Any]:
    """What the previous version lost by the change of the test set."""
    before = chain.introduced[previous]
    place = {"version": previous, "from": sets[before], "test_set": sets[own], "lower": None, "upper": None}
    if before == own:
        return {**place, "estimate": 0.0, "reason": SAME_TEST_SET}
    then, now = chain.values.get((before, previous)), chain.values.get((own, previous))
    if then is None or now is None:
        lacking = sets[before] if then is None else sets[own]
        return {**place, "estimate": None, "reason": f"{previous} has no value on test set {lacking}"}
    scores = [oriented(one, str(entry["better"]), str(entry["scale"])) for one in (then, now)]
    if None in scores:
        return {**place, "estimate": None, "reason": "a ratio of these values is not defined"}
    return {**place, "estimate": float(scores[0] or 0) - float(scores[1] or 0), "reason": NO_INTERVAL}


def oriented(value: float, better: str, scale: str) -> float | None:
    """A value so that more is better, on the scale of the improvement; None where it has none there.

    Example:
        >>> oriented(5.0, "lower", "difference"), oriented(-2.0, "near_zero", "difference")
        (-5.0, -2.0)
        >>> oriented(0.0, "higher", "ratio") is None
        True
    """
    size = abs(value) if better == "near_zero" else value
    if scale == "ratio":
        if size <= 0:
            return None
        size = math.log(size)
    return size if better == "higher" else -size
