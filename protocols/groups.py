"""Cross-checks and defaults of what divides the pairs: populations, subgroups, strata."""

from __future__ import annotations

from itertools import pairwise

from .conditions import resolve_where
from .context import SPLITTING, SUBJECTS, Context, Scope, common, hint, pair_scope
from .model import DECIDING, Endpoint, Pairing, Population, Subgroup, Where
from .nodes import Path
from .shape import listed

ALL = "all"
"""The population that is added where a protocol declares none."""


def default_population(context: Context) -> Population:
    """Every pair that no exclusion code removes."""
    return Population(title="All analysable pairs", exclude=tuple(context.protocol.exclusions))


def resolve_population(context: Context, name: str, population: Population, scope: Scope) -> Population:
    """The population with its exclusion codes written out and its conditions typed."""
    path: Path = ("populations", name)
    codes = tuple(context.protocol.exclusions)
    exclude = codes if population.exclude is None else population.exclude
    for index, code in enumerate(population.exclude or ()):
        context.known((*path, "exclude", index), code, codes, "exclusion")
    # The order of precedence is that of `exclusions`; here the codes are a set.
    ordered = tuple(code for code in codes if code in exclude)
    return population.model_copy(
        update={"exclude": ordered, "where": _where(context, path, population.where, scope)}
    )


def resolve_subgroup(context: Context, name: str, subgroup: Subgroup, scope: Scope) -> Subgroup:
    """The subgroup with its conditions typed; its column exists and fits the kind of split."""
    path: Path = ("subgroups", name)
    if subgroup.by is None and subgroup.where is None:
        context.report(path, "a subgroup needs `by` (a column) or `where` (conditions)", at_key=True)
    if subgroup.bands is not None:
        _check_bands(context, path, subgroup, scope)
    if subgroup.by is not None and context.known((*path, "by"), subgroup.by, scope, "column"):
        column = scope[subgroup.by]
        if subgroup.bands is None and column.type not in SPLITTING:
            message = f"the column is `{column.type}`; give `bands`, or split by a column with levels"
            context.report((*path, "by"), message, subgroup.by)
    return subgroup.model_copy(update={"where": _where(context, path, subgroup.where, scope)})


def _check_bands(context: Context, path: Path, subgroup: Subgroup, scope: Scope) -> None:
    bands = subgroup.bands or ()
    if subgroup.by is None:
        context.report((*path, "bands"), "bands divide a column; name it in `by`")
    elif subgroup.by in scope and scope[subgroup.by].type not in {"number", "integer"}:
        kind = scope[subgroup.by].type
        context.report((*path, "bands"), f"bands divide numbers, and the column is `{kind}`", subgroup.by)
    if not bands:
        context.report((*path, "bands"), "expected at least one edge")
    if any(low >= high for low, high in pairwise(bands)):
        context.report(
            (*path, "bands"), "expected edges in ascending order", ", ".join(f"{edge:g}" for edge in bands)
        )


def _where(context: Context, path: Path, where: Where | None, scope: Scope) -> Where | None:
    return resolve_where(context, (*path, "where"), where, scope) if where else None


def scope_of_population(context: Context, name: str) -> Scope:
    """The columns that exist in every pairing whose endpoints use the population.

    An endpoint that names no population uses the only one there is. Unused populations may name any column.
    """
    protocol = context.protocol
    only = len(protocol.populations) == 1
    users = [
        endpoint
        for endpoint in protocol.endpoints.values()
        if endpoint.population == name or (endpoint.population is None and only)
    ]
    scopes = [
        pair_scope(protocol, pairing) for one in users if (pairing := pairing_of(context, one)) is not None
    ]
    return common(scopes) if scopes else any_scope(context)


def any_scope(context: Context) -> Scope:
    """The columns of all pairings together."""
    scope: Scope = {}
    for pairing in context.protocol.pairings.values():
        scope = pair_scope(context.protocol, pairing) | scope
    return scope


def pairing_of(context: Context, endpoint: Endpoint) -> Pairing | None:
    """The endpoint's pairing: the named one, or the only one."""
    pairings = {name: one for name, one in context.protocol.pairings.items() if name not in context.broken}
    if endpoint.pairing is None and len(pairings) == 1:
        return next(iter(pairings.values()))
    return pairings.get(endpoint.pairing or "")


def fits(subgroup: Subgroup, scope: Scope) -> bool:
    """Whether all columns that a subgroup names exist in a pairing."""
    return all(name in scope for name in [*([subgroup.by] if subgroup.by else []), *(subgroup.where or {})])


def resolve_endpoint_groups(
    context: Context, path: Path, endpoint: Endpoint, scope: Scope
) -> dict[str, object]:
    """The endpoint's `by`, `subgroups` and `where`, checked and written out."""
    for index, name in enumerate(endpoint.by):
        place = (*path, "by", index)
        if context.known(place, name, scope, "column") and scope[name].type not in SPLITTING:
            message = f"the column is `{scope[name].type}` and has no levels; declare a subgroup with `bands`"
            context.report(place, message, name)
        if name in endpoint.by[:index]:
            context.report(place, "this column is listed twice", name)
    subgroups = context.protocol.subgroups
    chosen = endpoint.subgroups
    for index, name in enumerate(chosen or ()):
        place = (*path, "subgroups", index)
        if context.known(place, name, subgroups, "subgroup") and not fits(subgroups[name], scope):
            context.report(
                place, "this subgroup names columns that the endpoint's pairing does not have", name
            )
        if name in (chosen or ())[:index]:
            context.report(place, "this subgroup is listed twice", name)
    if chosen is None:
        deciding = endpoint.role in DECIDING
        chosen = tuple(name for name, one in subgroups.items() if deciding and fits(one, scope))
    return {"subgroups": chosen, "where": _where(context, path, endpoint.where, scope)}


def check_resampling(context: Context) -> None:
    """Strata are columns of the subjects table that name groups."""
    path: Path = ("resampling", "strata")
    strata = context.protocol.resampling.strata
    subjects = context.protocol.tables.get(SUBJECTS)
    if strata and subjects is None:
        context.report(
            path, "strata are columns of the table `subjects`, and there is no such table", ", ".join(strata)
        )
        return
    columns = subjects.columns if subjects is not None else {}
    offered = [name for name, column in columns.items() if column.type in SPLITTING]
    for index, name in enumerate(strata):
        if name in columns and name not in offered:
            message = (
                f"the column is `{columns[name].type}`; strata are columns with levels: {listed(offered)}"
            )
            context.report((*path, index), message, name, hint(name, offered))
        else:
            context.known((*path, index), name, columns, "column of `subjects`")
        if name in strata[:index]:
            context.report((*path, index), "this column is listed twice", name)
