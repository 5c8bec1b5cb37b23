"""Candidates held against the predetermined change control: a permitted modification, and within the plan?

A candidate names in study.yaml the modification that it implements. Its acceptance criteria are judged by the
machinery of `run` with the candidate as the version that decides, so requirements on the study, sensitivity
to missing data, families and doubtful limits count as they do there; its comparisons are those of the
comparison at hand. Whatever is missing, doubtful, decided otherwise than planned, or planned after the lock
never makes a pass.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from ..datasets.pairs import Pairs
from ..protocols.canonical import canonical
from ..protocols.change_control import ChangeControl, Modification
from ..protocols.describe import criterion
from ..protocols.errors import UsageError, nearest
from ..protocols.model import Protocol
from .analysis import Analysis, Material, Progress, analyse
from .comparison_words import TITLES as DECISIONS
from .decide import deciding
from .judge import words
from .lock import Plan
from .schema import COLUMNS

Result = Literal["within", "outside", "not_evaluable", "not_permitted"]
TITLES: Mapping[Result, str] = {
    "within": "Within the plan",
    "outside": "Outside the plan",
    "not_evaluable": "Not evaluable",
    "not_permitted": "Not a permitted modification",
}
"""Results as a reader's words."""
ENOUGH: Mapping[str, frozenset[str]] = {
    "non_inferior": frozenset({"non_inferior", "superior"}),
    "superior": frozenset({"superior"}),
}
"""Required decision -> decisions that reach it."""
HOLDS: Mapping[str, bool | None] = {"met": True, "not_met": False}
"""Decision of a criterion -> whether it holds; None for every other."""


def refuse(protocol: Protocol, level: float | None) -> ChangeControl:
    """The section, where a comparison can be held against it.

    Raises:
        UsageError: The protocol declares none, or the comparison was asked for at another level than planned.
    """
    section = protocol.change_control
    if section is None:
        raise UsageError(
            "the protocol declares no `change_control`, so there is no plan that a version could be held "
            "against; a section `change_control` lists the permitted modifications"
        )
    planned = None if protocol.comparison is None else protocol.comparison.level
    if level is not None and planned is not None and level != planned:
        raise UsageError(
            f"the plan fixes the level {planned:g}, and {level:g} was asked for; leave `--level` out"
        )
    return section


def describe(
    ready: Material,
    pairs: Mapping[tuple[str, str], Pairs],
    document: Mapping[str, Any],
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """What `comparison.json` says under `change_control`.

    Args:
        ready: Tables and plan of the study; `study` says which modification a version implements.
        pairs: (pairing, version) -> its audited pairs.
        document: The comparison, with `candidates`, `baseline`, `comparisons` and `level`.
        workers: Threads; the numbers do not depend on it.
        progress: Told what is being done.

    Returns:
        `title`, `baseline`, `locked`, and `candidates`: candidate -> `modification`, `declared` (its texts),
        `result`, `words`, `reasons`, `pre_specified` (whether modification, criteria, margins, demands on the
        study and baseline are those that were locked; None while nothing is), `version_locked` (whether the
        version itself was among the locked ones) and `lines`. A line is a `criterion` (`endpoint`, `title`,
        `role`, `required` in words, `decision`, `holds`, `words`, `reason`, `rows`: those that decide it) or
        a `comparison` (besides, `row_id` of the object in `comparisons`). `holds` is None where nothing can
        be said.
    """
    protocol = ready.protocol
    section = refuse(protocol, float(document["level"]))

    def own(candidate: str) -> Analysis:
        return _judged(ready, pairs, candidate, workers, progress)

    versions = ready.study["algorithm"]["versions"]
    found = {
        candidate: candidate_result(
            protocol,
            candidate,
            versions[candidate].get("modification"),
            [one for one in document["comparisons"] if one["candidate"] == candidate],
            baseline=document["baseline"],
            judged=own,
            plan=ready.plan,
        )
        for candidate in document["candidates"]
    }
    return {
        "title": section.title,
        "baseline": document["baseline"],
        "locked": ready.plan.lock is not None,
        "candidates": found,
    }


def candidate_result(
    protocol: Protocol,
    candidate: str,
    name: str | None,
    compared: Sequence[Mapping[str, Any]],
    *,
    baseline: str,
    judged: Callable[[str], Analysis],
    plan: Plan,
) -> dict[str, Any]:
    """One candidate against the modification that it names.

    Args:
        protocol: Resolved protocol with a change control.
        candidate: The version.
        name: The modification that study.yaml names; None where it names none.
        compared: Its objects of `comparisons`.
        baseline: The version compared with.
        judged: Evaluates a version as a run would that it decides; not called where nothing is permitted.
        plan: What was locked.
    """
    section = protocol.change_control or ChangeControl(modifications={})
    one = section.modifications.get(name or "")
    if one is None:
        return _not_permitted(candidate, name, section)
    analysis = judged(candidate)
    lines = [_criterion(protocol, key, analysis, candidate) for key in one.endpoints]
    # of a study that lacks what the protocol demands no comparison makes a pass, either
    reasons = [
        f"the study does not satisfy what the protocol demands of it: {entry['reason']}"
        for entry in analysis.document["requirements"]
        if not entry["met"]
    ]
    reasons += [entry["reason"] for entry in analysis.document["independence"] if not entry["independent"]]
    by_endpoint = {entry["endpoint"]: entry for entry in compared}
    lines += [
        _comparison(section, key, required, by_endpoint.get(key)) for key, required in one.comparison.items()
    ]
    changed = since_locked(protocol, str(name), one, plan, baseline)
    beforehand = None if plan.lock is None else not changed
    reasons += [f"post hoc: {told}" for told in changed]
    result = overall([line["holds"] for line in lines], doubts=bool(reasons))
    reasons = [*(f"{line['endpoint']}: {line['reason']}" for line in lines if line["reason"]), *reasons]
    return {
        "modification": name,
        "declared": one.model_dump(mode="json"),
        "result": result,
        "words": _words(result, lines) + _BEFOREHAND[beforehand],
        "reasons": list(dict.fromkeys(reasons)),
        "pre_specified": beforehand,
        "version_locked": None if plan.lock is None else candidate in plan.versions,
        "lines": lines,
    }


_BEFOREHAND: Mapping[bool | None, str] = {
    True: "",
    False: "; post hoc, it differs from the locked plan",
    None: "; no locked plan",
}


def overall(holds: Sequence[bool | None], *, doubts: bool = False) -> Result:
    """The result of a candidate from its lines.

    Args:
        holds: Of each line; None where nothing can be said.
        doubts: Something else that the plan rests on is missing.

    Example:
        >>> overall([True, True]), overall([True, None]), overall([False, None]), overall([])
        ('within', 'not_evaluable', 'outside', 'not_evaluable')
        >>> overall([True], doubts=True)
        'not_evaluable'
    """
    if any(one is False for one in holds):
        return "outside"
    complete = bool(holds) and all(one is True for one in holds)
    return "within" if complete and not doubts else "not_evaluable"


OF_THE_STUDY = ("requirements", "missing", "families", "unknown_exclusions")
"""Sections of a protocol that no endpoint's own definition holds, and that results under a plan rest on."""


def since_locked(protocol: Protocol, name: str, one: Modification, plan: Plan, baseline: str) -> list[str]:
    """What a result under a modification rests on and is not as it was locked; nothing without a lock.

    The version itself is later than the plan as a rule, and need not be among the locked ones; nor need the
    test set. The baseline has to be the locked one where it was locked at all.
    """
    if plan.lock is None:
        return []
    now, then = json.loads(canonical(protocol)), plan.lock["protocol"]
    before = then.get("change_control") or {}
    found = []
    if now["change_control"]["modifications"][name] != (before.get("modifications") or {}).get(name):
        found.append(f"the modification `{name}` differs from the locked plan")
    if now["change_control"].get("baseline") != before.get("baseline"):
        found.append("the plan's `baseline` differs from the locked plan")
    found += [
        f"the endpoint `{key}` differs from the locked plan"
        for key in dict.fromkeys([*one.endpoints, *one.comparison])
        if key not in plan.endpoints
    ]
    if one.comparison and now["comparison"] != then.get("comparison"):
        found.append("the section `comparison` differs from the locked plan")
    found += [
        f"the section `{key}` differs from the locked plan"
        for key in OF_THE_STUDY
        if now.get(key) != then.get(key)
    ]
    return [*found, *_replaced(plan, plan.lock, baseline)]


def _replaced(plan: Plan, locked: Mapping[str, Any], baseline: str) -> list[str]:
    """Why the baseline is not the locked one: another build, or other outputs on the same test set."""
    if baseline not in locked["algorithm"]["versions"]:
        return []
    data = [one for one in plan.differences if one["what"] == "data"]
    same_test_set = all("@" in one["id"] for one in data)
    found = [one for one in plan.differences if one["what"] == "version" and one["id"] == baseline]
    found += [one for one in data if same_test_set and one["id"].endswith(f"@{baseline}")]
    return [f"the baseline is not the locked one: `{one['id']}` {one['message']}" for one in found]


def _judged(
    ready: Material,
    pairs: Mapping[tuple[str, str], Pairs],
    candidate: str,
    workers: int | None,
    progress: Progress | None,
) -> Analysis:
    """The candidate evaluated and judged as a run would that it decides, on the pairs that there are."""
    alone = replace(
        ready,
        protocol=_without_tipping(ready.protocol),
        deciding_version=candidate,
        tests={candidate: ready.tests[candidate]},
        paired={place: own for place, own in pairs.items() if place[1] == candidate},
        training={version: one for version, one in ready.training.items() if version == candidate},
        repair=None,
    )
    return analyse(alone, workers=workers, progress=progress)


def _without_tipping(protocol: Protocol) -> Protocol:
    """The protocol without its tipping points, which decide nothing and would read every table again."""
    pairings = {
        name: rule
        if rule.alignment is None
        else rule.model_copy(update={"alignment": rule.alignment.model_copy(update={"tipping": None})})
        for name, rule in protocol.pairings.items()
    }
    return protocol.model_copy(update={"pairings": pairings})


def _criterion(protocol: Protocol, name: str, analysis: Analysis, candidate: str) -> dict[str, Any]:
    """One acceptance criterion of the candidate by itself."""
    endpoint = protocol.endpoints[name]
    entry = next((one for one in analysis.document["endpoints"] if one["id"] == name), None)
    line = {
        "kind": "criterion",
        "endpoint": name,
        "title": endpoint.title,
        "role": endpoint.role,
        "required": criterion(endpoint),
    }
    if entry is None:
        lacking: dict[str, Any] = {"decision": "not_evaluable", "holds": None, "rows": []}
        return {**line, **lacking, "words": "Not evaluable", "reason": "it was not evaluated"}
    rows = [row for row, _ in deciding(endpoint, entry["rows"], candidate)]
    settling = {row["row_id"]: row for row in entry["rows"]}.get(entry["row_id"])
    decision = entry["decision"] if rows else "not_evaluable"
    holds = HOLDS.get(decision)
    told = words(settling) if settling is not None else "Not evaluable"
    return {
        **line,
        "decision": decision,
        "holds": holds,
        "words": told,
        "reason": None if holds else told[0].lower() + told[1:],
        "rows": [{key: row.get(key) for key in (*COLUMNS, "otherwise")} for row in rows],
    }


def _comparison(
    section: ChangeControl, name: str, required: str, entry: Mapping[str, Any] | None
) -> dict[str, Any]:
    """One required decision against the baseline."""
    line: dict[str, Any] = {
        "kind": "comparison",
        "endpoint": name,
        "title": name if entry is None else entry["title"],
        "role": None if entry is None else entry["role"],
        "required": f"{DECISIONS[required]} to the baseline",
    }
    if entry is None:
        lacking = {"decision": "not_evaluable", "holds": None, "row_id": None}
        return {**line, **lacking, "words": "Not evaluable", "reason": "it was not compared"}
    decision, left = entry["decision"], entry["left_out"]
    units = int(left["baseline"]) + int(left["candidate"])
    holds: bool | None = None if decision == "not_evaluable" else decision in ENOUGH[required]
    reason = None if holds else f"{DECISIONS[required].lower()} is required: {entry['words']}"
    if holds is not None and section.baseline not in {None, entry["baseline"]}:
        holds = None
        reason = f"the plan names `{section.baseline}` as the baseline, and this is against another version"
    if holds and units:
        holds = None
        reason = (
            f"{units:,} units that only one version has were left out (`--overlap`), which the plan does not "
            "provide for"
        )
    return {
        **line,
        "decision": decision,
        "holds": holds,
        "words": entry["words"],
        "reason": reason,
        "row_id": entry["row_id"],
    }


def _not_permitted(candidate: str, name: str | None, section: ChangeControl) -> dict[str, Any]:
    """A candidate that names no permitted modification."""
    if name is None:
        reason = f"study.yaml names no `modification` for `{candidate}`"
    else:
        hint = nearest(name, section.modifications)
        meant = f". Did you mean `{hint}`?" if hint else ""
        permitted = ", ".join(f"`{key}`" for key in section.modifications)
        reason = f"`{name}` is not declared; permitted are {permitted}{meant}"
    return {
        "modification": name,
        "declared": None,
        "result": "not_permitted",
        "words": TITLES["not_permitted"],
        "reasons": [reason],
        "pre_specified": None,
        "version_locked": None,
        "lines": [],
    }


def _words(result: Result, lines: Sequence[Mapping[str, Any]]) -> str:
    """A result in one line: what it comes down to.

    Example:
        >>> _words("outside", [{"endpoint": "mape", "holds": False}, {"endpoint": "within", "holds": True}])
        'Outside the plan: 1 of 2 requirements does not hold (mape)'
        >>> _words("not_evaluable", [{"endpoint": "mape", "holds": True}])
        'Not evaluable: the requirements hold, but something that they rest on does not'
    """
    total = len(lines)
    if result == "within":
        told = "the one requirement holds" if total == 1 else f"all {total} requirements hold"
        return f"{TITLES[result]}: {told}"
    wanted = False if result == "outside" else None
    names = list(dict.fromkeys(line["endpoint"] for line in lines if line["holds"] is wanted))
    count = sum(line["holds"] is wanted for line in lines)
    if not names:
        return f"{TITLES[result]}: the requirements hold, but something that they rest on does not"
    verb = ("does not hold" if count == 1 else "do not hold") if result == "outside" else "cannot be judged"
    return f"{TITLES[result]}: {count} of {total} requirements {verb} ({', '.join(names)})"
