"""Cross-checks of a protocol, with itself and with the metrics, and every default written out.

A resolved protocol leaves nothing open: it names each endpoint's pairing, columns, population, subgroups,
parameters, interval methods and compared statistic, so that a later change of a default cannot move a number
of a locked study unseen. Resolving a resolved protocol changes nothing.
"""

from __future__ import annotations

from typing import Any

from ..evaluators.metric import Metric
from . import (
    change_control_checks,
    comparison_checks,
    criteria_checks,
    families,
    groups,
    metrics,
    validity_checks,
)
from .automatic import COVERAGE
from .context import EVENTS, Context, pair_scope
from .errors import ContractError, Violation
from .model import DECIDING, Endpoint, Pairing, Protocol
from .nodes import Document, Locator, Path, dotted
from .pairings import resolve_pairing
from .shape import listed
from .source import attempt, contract_error
from .tables import (
    check_codes,
    check_conversion,
    check_exclusion_levels,
    check_table,
    resolve_exclusion,
    resolve_table,
)

_DATA_KEYS = ("tables", "pairings", "conversions", "exclusions", "unknown_exclusions")
"""What data are read by: where these hold, data can be held against them whatever else is wrong."""


def resolve(protocol: Protocol, locate: Locator | None = None) -> Protocol:
    """Check a protocol as a whole and fill in every default.

    Args:
        protocol: As parsed, or made in Python.
        locate: Where its keys stand (a `Document`); without it messages name keys only.

    Raises:
        ContractError: Every violation, in the order of the file.
    """
    context = Context(protocol, locate)
    for name, table in protocol.tables.items():
        check_table(context, name, table)
        check_exclusion_levels(context, name, table)
    context.protocol = _with(
        context, "tables", {n: resolve_table(context, t) for n, t in protocol.tables.items()}
    )
    for index, conversion in enumerate(protocol.conversions):
        check_conversion(context, index, conversion)
    check_codes(context)
    groups.check_resampling(context)
    _check_roles(context)
    # What follows reads the pairings' columns: from here on they are written out.
    context.protocol = _with(
        context, "pairings", {n: resolve_pairing(context, n, p) for n, p in protocol.pairings.items()}
    )
    exclusions = {code: resolve_exclusion(context, code, one) for code, one in protocol.exclusions.items()}
    populations = {
        name: groups.resolve_population(context, name, one, groups.scope_of_population(context, name))
        for name, one in protocol.populations.items()
    } or {groups.ALL: groups.default_population(context)}
    everywhere = groups.any_scope(context)
    subgroups = {
        name: groups.resolve_subgroup(context, name, one, everywhere)
        for name, one in protocol.subgroups.items()
    }
    context.protocol = context.protocol.model_copy(
        update={"exclusions": exclusions, "populations": populations, "subgroups": subgroups}
    )
    endpoints = {name: _endpoint(context, name, one) for name, one in protocol.endpoints.items()}
    requirements = validity_checks.resolve_requirements(context, endpoints)
    validity_checks.check_missing(context)
    validity_checks.check_study_facts(context)
    validity_checks.check_sample_size(context, endpoints)
    families.check_families(context, endpoints)
    comparison = comparison_checks.resolve_comparison(context, endpoints)
    change_control_checks.check_change_control(context, endpoints, comparison)
    if context.violations:
        error = contract_error(context.violations)
        if not any((one.key or "").startswith(_DATA_KEYS) for one in context.violations):
            error.usable = context.protocol.model_copy(update={"requirements": {}})
        raise error
    return context.protocol.model_copy(
        update={"endpoints": endpoints, "requirements": requirements, "comparison": comparison}
    )


def from_document(document: Document) -> Protocol:
    """The resolved protocol of a YAML document.

    A misspelt key does not hide an unknown metric: where the document does not fit the model, what can be
    checked of the rest is checked all the same, and everything is reported at once.

    Raises:
        ContractError: Every violation, in the order of the file.
    """
    result = attempt(Protocol, document, droppable="endpoints")
    if result.model is not None and not result.violations:
        return resolve(result.model, document)
    violations = list(result.violations)
    if result.model is not None:
        known = [dotted(path) for path in result.failed]
        violations += [
            one for one in _inconsistencies(result.model, document) if not _covered(one.key, known)
        ]
    raise contract_error(violations)


def _inconsistencies(protocol: Protocol, document: Document) -> tuple[Violation, ...]:
    try:
        resolve(protocol, document)
    except ContractError as error:
        return error.violations
    return ()


def _covered(key: str | None, known: list[str]) -> bool:
    """Whether a violation follows from one that is reported already."""
    if key is None or (key == "endpoints" and any(one.startswith("endpoints.") for one in known)):
        return True
    return any(key == one or key.startswith((f"{one}.", f"{one}[")) for one in known)


def _with(context: Context, field: str, value: Any) -> Protocol:
    return context.protocol.model_copy(update={field: value})


def _check_roles(context: Context) -> None:
    """There is something to decide, and it is clear what decides."""
    endpoints = context.protocol.endpoints
    if not endpoints:
        context.report(("endpoints",), "a protocol needs at least one endpoint", at_key=True)
    primary = [name for name, endpoint in endpoints.items() if endpoint.role == "primary"]
    for name in primary[1:]:
        message = f"`{primary[0]}` is `primary` already; endpoints that must all be met are `co_primary`"
        context.report(("endpoints", name, "role"), message, "primary", "co_primary")
    for name, endpoint in endpoints.items():
        if endpoint.role in DECIDING and endpoint.criterion is None and endpoint.criteria is None:
            message = f"a `{endpoint.role}` endpoint decides the study and needs a `criterion`"
            context.report(("endpoints", name), message, at_key=True)


def _endpoint(context: Context, name: str, endpoint: Endpoint) -> Endpoint:
    path: Path = ("endpoints", name)
    protocol = context.protocol
    update: dict[str, Any] = {
        "pairing": _choice(context, (*path, "pairing"), endpoint.pairing, list(protocol.pairings), "pairing"),
        "population": _choice(
            context, (*path, "population"), endpoint.population, list(protocol.populations), "population"
        ),
    }
    metric = metrics.find_metric(context, path, endpoint.metric)
    pairing = None if update["pairing"] in context.broken else protocol.pairings.get(update["pairing"] or "")
    scope = {} if pairing is None else pair_scope(protocol, pairing)
    if pairing is not None:
        update |= groups.resolve_endpoint_groups(context, path, endpoint, scope)
        validity_checks.check_disparity(context, path, endpoint, scope)
    if metric is None:
        return endpoint
    if pairing is not None:
        metric = metrics.resolve_roles(context, path, metric, endpoint, scope)
        validity_checks.check_verification(context, path, endpoint, scope, kind=metric.kind)
    update["parameters"] = metrics.resolve_parameters(context, path, metric, endpoint.parameters)
    update["average"] = metrics.resolve_average(context, path, metric, endpoint)
    update["interval"] = metrics.resolve_interval(context, path, metric, endpoint.interval, endpoint.judged)
    if pairing is not None:
        update |= _columns(context, path, metric, endpoint, pairing)
    return endpoint.model_copy(update=update)


def _columns(
    context: Context, path: Path, metric: Metric, endpoint: Endpoint, pairing: Pairing
) -> dict[str, Any]:
    """Value columns, positive levels and the criterion, which depends on their unit."""
    tables = context.protocol.tables
    update: dict[str, Any] = {}
    sides = {}
    if pairing.method == EVENTS and metric.name == COVERAGE:
        message = "an event that is not found is missed: coverage of events would always be 100%"
        context.report((*path, "metric"), message, metric.name)
    for side, written, table in (
        ("reference", endpoint.reference, pairing.reference),
        ("test", endpoint.test, pairing.test),
    ):
        update[side] = metrics.resolve_column(
            context, (*path, side), written, table, metric, method=pairing.method
        )
        column = tables[table].columns.get(update[side] or "")
        if column is not None:
            sides[side] = column
    if len(sides) == 2:
        metrics.check_columns(context, path, metric, sides["reference"], sides["test"])
        scope = pair_scope(context.protocol, pairing)
        metrics.check_ratings(context, path, metric, endpoint, reference=sides["reference"], scope=scope)
        update["positive"] = metrics.resolve_positive(context, path, metric, endpoint.positive, sides)
    measured = sides.get("test" if metric.kind == "score" else "reference")
    return update | criteria_checks.resolve_criteria(context, path, metric, endpoint, measured)


def _choice(context: Context, path: Path, written: str | None, names: list[str], what: str) -> str | None:
    """The named one, or the only one there is."""
    if written is not None:
        return written if context.known(path, written, names, what) else None
    if len(names) == 1:
        return names[0]
    message = f"there are several; say which: {listed(names)}" if names else f"no {what} is declared"
    context.report(path, message, at_key=True)
    return None
