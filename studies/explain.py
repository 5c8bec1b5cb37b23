"""Where one number comes from: its rows, its rule, its method, its sources, and how it was decided."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..datasets.accounting import ANALYSED, READ
from ..evaluators.intervals import METHODS
from ..evaluators.metric import Metric
from ..protocols.criteria import Confirmation, TableLimit
from ..protocols.describe_validity import HANDLING
from ..protocols.model import DECIDING, Criterion, Endpoint, Protocol
from ..protocols.roles import metric_of
from . import slices
from .judge import decides, words
from .results import MANIFEST_FILE, Results, interval_text, number

VIEW_WORDS: dict[str, str] = {
    "classifiable_only": "outputs that are no result are left out",
    "as_positive": "outputs that are no result count as positive",
    "as_negative": "outputs that are no result count as negative",
}
ROLE_WORDS = {
    "primary": "decides the study",
    "co_primary": "decides the study together with the other co-primary ones",
}
COMPARED = {
    "point": "the point estimate",
    "lower": "the lower bound of the interval",
    "upper": "the upper bound of the interval",
    "both": "both bounds of the interval",
}


def explain(results: Results, row_id: str) -> dict[str, Any]:
    """Everything behind one row of results.

    Args:
        results: Results of a run, or of `evaluate`.
        row_id: `row_id` of the row, or enough of its first digits.

    Returns:
        `row` (its fields); `question`, `statistic`, `rows` (which rows, how many were left out for which
        reason), `interval`, `decision`, `data`, `reproduce`: dictionaries of short texts and numbers, in
        reading order.

    Raises:
        UsageError: No row, or more than one, begins with these digits.
    """
    row = results.row(row_id)
    protocol = results.protocol
    endpoint = slices.endpoint_of(protocol, row["endpoint"])
    return {
        "row": row,
        "question": _question(row, endpoint),
        "statistic": _statistic(row, metric_of(protocol, endpoint)),
        "rows": _rows(results, protocol, endpoint, row),
        "interval": _interval(row, protocol, endpoint),
        "decision": _decision(results, row, _criterion(endpoint, row)),
        "data": _data(results, protocol, endpoint, row),
        "reproduce": _reproduce(results, protocol),
    }


def text(explained: Mapping[str, Any]) -> str:
    """An explanation as lines for a terminal."""
    row = explained["row"]
    head = f"{row['endpoint']}: {row['statistic']} = {number(row['estimate']) or 'no value'}"
    lines = [f"{head} {row['unit'] or ''}".rstrip(), f"row {row['row_id']}"]
    for section in ("question", "statistic", "rows", "interval", "decision", "data", "reproduce"):
        lines += ["", section.capitalize(), *_lines(explained[section])]
    return "\n".join(lines)


def _lines(content: Mapping[str, Any], indent: str = "  ") -> Iterator[str]:
    for name, value in content.items():
        label = name if ":" in name else name.replace("_", " ")
        if isinstance(value, Mapping):
            yield f"{indent}{label}:"
            yield from _lines(value, indent + "  ")
        elif isinstance(value, list):
            yield f"{indent}{label}:"
            yield from (f"{indent}  {item}" for item in value)
        elif value is not None:
            yield f"{indent}{label}: {value}"


def _question(row: Mapping[str, Any], endpoint: Endpoint) -> dict[str, Any]:
    return {
        "endpoint": endpoint.title,
        "role": ": ".join(filter(None, [endpoint.role, ROLE_WORDS.get(endpoint.role)])),
        "hypothesis": endpoint.hypothesis,
        "algorithm": f"{row['algorithm']}, version {row['version']}",
        "pre_specified": {True: "yes", False: "no, post hoc", None: "no plan was locked"}[
            row["pre_specified"]
        ],
    }


def _statistic(row: Mapping[str, Any], metric: Metric) -> dict[str, Any]:
    statistic = metric.statistic(row["statistic"])
    return {
        "name": f"{statistic.title} ({metric.title})",
        "definition": row["definition"],
        "direction": "test minus reference" if metric.kind == "measurement" and metric.one_unit else None,
        "unit": row["unit"],
        "estimate": row["estimate"],
        "standard_error": row["se"],
        "sources": [citation.text for citation in metric.citations],
        "warning": row["warning"],
        "error": row["error"],
    }


def _rows(results: Results, protocol: Protocol, endpoint: Endpoint, row: Mapping[str, Any]) -> dict[str, Any]:
    """Which rows, and what happened to the others."""
    how = slices.coding(protocol, endpoint)
    population = protocol.populations[str(endpoint.population)]
    behind = results.slice(row["row_id"])
    return {
        "population": f"{endpoint.population}: {population.title}",
        "part": _part(row),
        "columns": f"{how.reference} against {how.test}",
        "further_columns": {one.role.name: ", ".join(one.columns) for one in how.further} or None,
        "positive": ", ".join(how.positive) or None if how.kind in {"binary", "score"} else None,
        "view": _view(protocol, row["view"]) if _has_views(row, how) else None,
        "analysed_rows": behind.height,
        "analysed_subjects": behind.get_column("subject").n_unique(),
        "contributing": _contributing(row),
        "left_out": left_out(results, row),
        "in_other_parts": _flow(results, row)[-1]["n_pairs"] - behind.height or None,
    }


def _has_views(row: Mapping[str, Any], how: slices.Coding) -> bool:
    """Whether it needs saying how a row was counted."""
    return slices.handling_of(row["view"]) is not None or (how.kind == "binary" and not how.reports)


def _part(row: Mapping[str, Any]) -> str:
    if row["by"] is not None:
        return ", ".join(f"{column} = {level}" for column, level in json.loads(row["by"]).items())
    return f"subgroup {row['subgroup']}: {row['level']}" if row["subgroup"] else "all"


def _view(protocol: Protocol, view: str) -> str:
    handling = slices.handling_of(view)
    if handling is not None:
        return HANDLING[handling]
    declared = " (the declared primary view)" if view == slices.PRIMARY else ""
    return VIEW_WORDS[slices.view_of(protocol, view)] + declared


def _contributing(row: Mapping[str, Any]) -> str:
    events = "" if row["n_events"] is None else f"{row['n_events']:,} of "
    return f"{events}{row['n_units']:,} rows of {row['n_subjects']:,} subjects"


def left_out(results: Results, row: Mapping[str, Any]) -> dict[str, int]:
    """Rows of both tables that are not behind an endpoint's whole, counted at the step that removes them."""
    counts = {}
    for step in _flow(results, row):
        rows = step["n_reference_rows"] + step["n_test_rows"] - step["n_pairs"]
        if step["code"] not in (READ, ANALYSED) and rows:
            counts[f"{step['code']}: {step['title']}"] = rows
    return counts


def _flow(results: Results, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The accounting that a row's endpoint follows in its version and view."""
    flows = next(e["accounting"] for e in results.document["endpoints"] if e["id"] == row["endpoint"])
    steps: list[dict[str, Any]] = next(
        flow["steps"] for flow in flows if (flow["version"], flow["view"]) == (row["version"], row["view"])
    )
    return steps


def _interval(row: Mapping[str, Any], protocol: Protocol, endpoint: Endpoint) -> dict[str, Any]:
    if row["ci_method"] is None:
        return {"interval": "none"}
    method = METHODS[row["ci_method"]]
    sides = {"two": "two-sided", "lower": "one-sided, lower bound", "upper": "one-sided, upper bound"}
    found = {
        "interval": interval_text(row),
        "lower": row["ci_lower"],
        "upper": row["ci_upper"],
        "level": f"{row['ci_level']:.6g}, {sides[row['ci_sides']]}",
        "method": method.words,
        "monte_carlo_error": row["mc_error"],
        "cluster": f"none: {endpoint.interval.cluster_rationale}"
        if endpoint.interval.cluster == "none"
        else None,
        "sources": [citation.text for citation in method.citations],
    }
    if method.resampling:
        strata = ", ".join(protocol.resampling.strata) or "none"
        found["resampling"] = f"{protocol.resampling.replicates:,} replicates of subjects, strata: {strata}"
        found["seed"] = protocol.seed
    return found


def _criterion(endpoint: Endpoint, row: Mapping[str, Any]) -> Criterion | None:
    """The criterion that a row was judged by."""
    if row["criterion"] is None:
        return None
    return next((part for part in endpoint.judged if part.statistic == row["statistic"]), None)


def _decision(results: Results, row: Mapping[str, Any], criterion: Criterion | None) -> dict[str, Any]:
    if criterion is None or row["criterion"] is None:
        return {"decision": words(row)}
    return {
        "decision": words(row),
        "part": _part_in_decision(results, row),
        "rule": f"{COMPARED[criterion.compare]} must be {criterion.operator} {_limit(criterion, row)}",
        "compared": _compared(row, criterion),
        "source_of_the_limit": criterion.source,
        "how_sure_is_it": row["tier"],
        "confirmed": None if criterion.confirmed is None else _confirmed(criterion.confirmed),
        "rationale": criterion.rationale,
    }


def _part_in_decision(results: Results, row: Mapping[str, Any]) -> str:
    """Whether a judged row takes part in the study's decision, and if not, why."""
    version = results.deciding_version
    if decides(row, version):
        return "takes part in the study's decision"
    if row["role"] not in DECIDING:
        return f"does not decide the study: its role is {row['role']}"
    if row["version"] != version:
        return f"does not decide the study: version {version} does"
    return "does not decide the study: the primary view does"


def _confirmed(one: Confirmation) -> str:
    return f"by {one.by}, {one.clause}" + (f", {one.date}" if one.date else "")


def _limit(criterion: Criterion, row: Mapping[str, Any]) -> str:
    unit = f" {criterion.unit}" if criterion.unit else ""
    limit = criterion.limit
    if isinstance(limit, tuple):
        return f"{limit[0]:.15g} to {limit[1]:.15g}{unit}"
    if isinstance(limit, TableLimit):
        found = "nothing, beyond its end" if row["margin"] is None else f"{row['margin']:.15g}{unit}"
        return f"{found}, by the table {limit.table} at the absolute {limit.by}"
    return "a limit that the study has still to set" if isinstance(limit, str) else f"{limit:.15g}{unit}"


def _compared(row: Mapping[str, Any], criterion: Criterion) -> str:
    """The numbers that were compared, unrounded."""
    names = {"point": ["estimate"], "lower": ["ci_lower"], "upper": ["ci_upper"]}
    values = [row[name] for name in names.get(criterion.compare, ["ci_lower", "ci_upper"])]
    return " and ".join("none" if value is None else repr(value) for value in values)


def _data(results: Results, protocol: Protocol, endpoint: Endpoint, row: Mapping[str, Any]) -> dict[str, Any]:
    """Tables and, for a written run, the files with their hashes."""
    pairing = protocol.pairings[str(endpoint.pairing)]
    wanted = {pairing.reference: None, pairing.test: row["version"]}
    if slices.SUBJECTS in protocol.tables:
        wanted[slices.SUBJECTS] = None
    found: dict[str, Any] = {
        "pairing": f"{endpoint.pairing}: {pairing.method} on {', '.join(pairing.on or ())}"
    }
    if results.folder is None or not (results.folder / MANIFEST_FILE).is_file():
        return {**found, "tables": ", ".join(wanted)}
    manifest = json.loads((results.folder / MANIFEST_FILE).read_text(encoding="utf-8"))
    for entry in manifest["inputs"]:
        if entry["table"] in wanted and entry["version"] in (wanted[entry["table"]], None):
            files = [f"{file['path']} sha256 {file['sha256']}" for file in entry["files"]]
            found[entry["table"]] = [f"{entry['rows']:,} rows", *files]
    return found


def _reproduce(results: Results, protocol: Protocol) -> dict[str, Any]:
    return {
        "protocol": f"{protocol.id} {protocol.version}, sha256 {results.document['protocol_sha256']}",
        "run": results.document["run"]["id"],
        "accordance": results.document["accordance"],
    }
