"""Cross-checks and defaults of what a study must be: requirements, missing data, disparity, sample size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .conditions import resolve_where
from .context import SPLITTING, SUBJECT, SUBJECTS, TEST, Context, Scope, levels_of, pair_scope
from .criteria import REQUIRED
from .groups import any_scope
from .model import DECIDING, Column, Endpoint, Protocol
from .nodes import Path
from .shape import listed
from .validity import Requirement, SampleSize

_BOUNDS = ("at_least", "above", "at_most", "equals")
_NUMBERS = ("number", "integer")
_NEEDS: dict[str, tuple[str, ...]] = {
    "performance_goal": ("expected",),
    "proportion_precision": ("expected", "half_width"),
    "limits_precision": ("sd", "half_width"),
    "rmse_precision": ("sd", "half_width"),
}
"""What each method of a sample size has to be told."""


def resolve_requirements(context: Context, endpoints: dict[str, Endpoint]) -> dict[str, Requirement]:
    """Requirements with population, pairing and endpoints written out; `endpoints` are resolved ones."""
    deciding = tuple(name for name, one in endpoints.items() if one.role in DECIDING)
    leading = next(iter(deciding), next(iter(endpoints), ""))
    found = {}
    for name, one in context.protocol.requirements.items():
        path: Path = ("requirements", name)
        _check_kind(context, path, one)
        update: dict[str, object] = {
            "endpoints": deciding if one.endpoints is None else one.endpoints,
            "population": one.population or (endpoints[leading].population if leading else None),
            "pairing": one.pairing or (endpoints[leading].pairing if leading else None),
        }
        for index, endpoint in enumerate(one.endpoints or ()):
            context.known((*path, "endpoints", index), endpoint, endpoints, "endpoint")
        if one.population is not None:
            context.known((*path, "population"), one.population, context.protocol.populations, "population")
        pairings = context.protocol.pairings
        if one.pairing is not None and not context.known(
            (*path, "pairing"), one.pairing, pairings, "pairing"
        ):
            continue
        pairing = pairings.get(str(update["pairing"]))
        if pairing is not None and str(update["pairing"]) not in context.broken:
            scope = pair_scope(context.protocol, pairing)
            update["where"] = _check_columns(context, path, one, scope)
            if one.levels is None and one.each in scope and one.bands is None:
                update["levels"] = levels_of(scope[one.each]) or None
        found[name] = one.model_copy(update=update)
    return found


def _check_kind(context: Context, path: Path, one: Requirement) -> None:
    """It says what is counted, and what the count has to be."""
    kinds = [name for name in ("count", "share", "covers") if getattr(one, name) is not None]
    if len(kinds) != 1:
        message = "give one of `count` (a number of), `share` (a part of) and `covers` (a range of a column)"
        context.report(path, message, ", ".join(kinds) or None, at_key=True)
        return
    given = [name for name in (*_BOUNDS, "at_least_share") if getattr(one, name) is not None]
    if kinds == ["covers"]:
        if one.range is None:
            context.report(path, "`covers` needs the `range` that has to be spanned", at_key=True)
        elif isinstance(one.range, tuple) and one.range[0] >= one.range[1]:
            context.report(
                (*path, "range"),
                "the first number must lie below the second",
                f"{one.range[0]:g}, {one.range[1]:g}",
            )
        for name in [*given, *(["each"] if one.each else [])]:
            context.report((*path, name), "`covers` takes a `range` only; remove this key", at_key=True)
        return
    if one.range is not None:
        context.report((*path, "range"), "a range goes with `covers`", at_key=True)
    if not given:
        context.report(path, f"give a bound: one of {listed((*_BOUNDS, 'at_least_share'))}", at_key=True)
    if one.at_least_share is not None and one.share is not None:
        context.report((*path, "at_least_share"), "with `share`, the bound is `at_least`", at_key=True)
    for name in _BOUNDS if one.share is not None else ():
        bound = getattr(one, name)
        if isinstance(bound, float | int) and not 0 <= bound <= 1:
            meant = f"{bound / 100:g}" if 1 < bound <= 100 else None
            context.report((*path, name), "a share lies between 0 and 1", f"{bound:g}", meant)


def _check_columns(context: Context, path: Path, one: Requirement, scope: Scope) -> object:
    """Its columns exist and serve; the conditions, typed."""
    if one.covers is not None and context.known((*path, "covers"), one.covers, scope, "column"):
        kind = scope[one.covers].type
        if kind not in _NUMBERS:
            context.report(
                (*path, "covers"), f"a range needs numbers, and the column is `{kind}`", one.covers
            )
    if (
        one.each is not None
        and one.each != SUBJECT
        and context.known((*path, "each"), one.each, scope, "column")
    ):
        _check_each(context, path, one, scope)
    elif one.each == SUBJECT and (one.count or one.share) == "subjects":
        context.report((*path, "each"), "each subject has pairs; count `pairs` or `references`", one.each)
    if one.each is None and (one.bands is not None or one.levels is not None):
        key = "bands" if one.bands is not None else "levels"
        context.report((*path, key), "these belong to a column: name it in `each`", at_key=True)
    if (one.count or one.share) == "references":
        for name in [*(one.where or {}), *([one.each] if one.each else [])]:
            if name.startswith(TEST):
                message = "reference rows are counted whether or not they have a test row; use `pairs`"
                context.report((*path, "count" if one.count else "share"), message, name)
    return resolve_where(context, (*path, "where"), one.where, scope) if one.where else None


def _check_each(context: Context, path: Path, one: Requirement, scope: Scope) -> None:
    column = scope[str(one.each)]
    if one.bands is not None:
        if column.type not in _NUMBERS:
            context.report(
                (*path, "bands"), f"bands divide numbers, and the column is `{column.type}`", one.each
            )
        elif isinstance(one.bands, tuple) and (
            len(one.bands) < 2 or any(a >= b for a, b in zip(one.bands, one.bands[1:], strict=False))
        ):
            context.report((*path, "bands"), "expected two edges or more, in ascending order")
    elif column.type not in SPLITTING:
        message = f"the column is `{column.type}` and has no levels; give `bands`"
        context.report((*path, "each"), message, one.each)
    elif not levels_of(column) and one.levels is None:
        message = "the column declares no levels; name those that have to be there in `levels`"
        context.report((*path, "each"), message, one.each)
    for index, level in enumerate(one.levels or ()):
        if levels_of(column):
            context.known((*path, "levels", index), level, levels_of(column), "level")


def check_missing(context: Context) -> None:
    """Predictors of an imputation exist."""
    missing = context.protocol.missing
    if missing is None:
        return
    path: Path = ("missing", "imputation", "predictors")
    scope = any_scope(context)
    for index, name in enumerate(missing.imputation.predictors):
        context.known((*path, index), name, scope, "column")
    imputed = "multiple_imputation" in (missing.primary, *missing.sensitivity)
    if missing.imputation.predictors and not imputed:
        context.report(
            path, "nothing is imputed: neither `primary` nor `sensitivity` asks for it", at_key=True
        )


def check_disparity(context: Context, path: Path, endpoint: Endpoint, scope: Scope) -> None:
    """Its groups are the levels of a declared subgroup of subjects."""
    one = endpoint.disparity
    if one is None:
        return
    place = (*path, "disparity", "between")
    if not context.known(place, one.between, context.protocol.subgroups, "subgroup"):
        return
    subgroup = context.protocol.subgroups[one.between]
    if subgroup.by is None:
        context.report(
            place, "this subgroup has one group only; name one that divides `by` a column", one.between
        )
    elif subgroup.by not in scope:
        message = "this subgroup names a column that the endpoint's pairing does not have"
        context.report(place, message, one.between)


def check_verification(context: Context, path: Path, endpoint: Endpoint, scope: Scope, *, kind: str) -> None:
    """Weights of verification belong to a classification; their columns name groups."""
    if endpoint.verification is None:
        return
    if kind != "binary":
        message = "verification weights correct a classification; this metric is none"
        context.report((*path, "verification"), message, at_key=True)
    for index, name in enumerate(endpoint.verification.within):
        place = (*path, "verification", "within", index)
        if context.known(place, name, scope, "column") and scope[name].type not in SPLITTING:
            context.report(
                place, f"strata are columns with levels, and this one is `{scope[name].type}`", name
            )


def check_study_facts(context: Context) -> None:
    """Sites, readers and intended users speak of columns that exist."""
    protocol = context.protocol
    subjects = protocol.tables.get(SUBJECTS)
    columns = subjects.columns if subjects is not None else {}
    if protocol.sites is not None:
        _check_sites(context, protocol.sites.by, columns)
    for name, shares in protocol.intended_population.items():
        path: Path = ("intended_population", name)
        if not context.known(path, name, columns, "column of `subjects`", at_key=True):
            continue
        levels = levels_of(columns[name])
        for level in shares if levels else ():
            context.known((*path, level), level, levels, "level", at_key=True)
        if sum(shares.values()) > 1 + 1e-9:
            context.report(path, "the shares add up to more than 1", f"{sum(shares.values()):g}", at_key=True)
    _check_reads(context)


def _check_sites(context: Context, by: str, columns: Mapping[str, Column]) -> None:
    """The column exists, names groups, and no other subgroup bears its name."""
    path: Path = ("sites", "by")
    if not context.known(path, by, columns, "column of `subjects`"):
        return
    if columns[by].type not in (*SPLITTING, "text"):
        context.report(path, f"sites are names, and the column is `{columns[by].type}`", by)
    namesake = context.protocol.subgroups.get(by)
    if namesake is not None and (namesake.by != by or namesake.bands or namesake.where):
        message = "results by site carry this name, and a subgroup of the same name is something else"
        context.report(("subgroups", by), message, at_key=True)


def _check_reads(context: Context) -> None:
    reads = context.protocol.reads
    if reads is None or not context.known(("reads", "table"), reads.table, context.protocol.tables, "table"):
        return
    columns = context.protocol.tables[reads.table].columns
    for index, name in enumerate(reads.unit):
        context.known(("reads", "unit", index), name, columns, f"column of `{reads.table}`")
    for key in ("reader", "value", "adjudicated"):
        name = getattr(reads, key)
        if name is not None:
            context.known(("reads", key), name, columns, f"column of `{reads.table}`")
    if reads.adjudicated in columns and columns[str(reads.adjudicated)].type != "boolean":
        context.report(("reads", "adjudicated"), "expected a boolean column", reads.adjudicated)


def check_sample_size(context: Context, endpoints: dict[str, Endpoint]) -> None:
    """Each calculation has what its method needs."""
    for name, one in context.protocol.sample_size.items():
        path: Path = ("sample_size", name)
        missing = [key for key in _NEEDS[one.method] if getattr(one, key) is None]
        if missing:
            context.report(path, f"`{one.method}` needs {listed(missing)}", at_key=True)
        if context.known((*path, "endpoint"), one.endpoint, endpoints, "endpoint"):
            _check_goal(context, path, one, endpoints[one.endpoint])


def _check_goal(context: Context, path: Path, one: SampleSize, endpoint: Endpoint) -> None:
    if one.method == "performance_goal" and not any(
        part.operator in {">", ">="} and part.compare == "lower" for part in endpoint.judged
    ):
        message = "a performance goal is a lower bound above a limit, and this endpoint has no such criterion"
        context.report((*path, "endpoint"), message, one.endpoint)
    proportion = one.method in {"performance_goal", "proportion_precision"}
    if proportion and one.expected is not None and not 0 < one.expected < 1:
        meant = f"{one.expected / 100:g}" if 1 < one.expected < 100 else None
        context.report((*path, "expected"), "a proportion lies between 0 and 1", f"{one.expected:g}", meant)


def open_items(protocol: Protocol) -> tuple[str, ...]:
    """Dotted keys of a resolved protocol that say `required`: the study has to set them before it is locked.

    Example:
        >>> from accordance.protocols import library
        >>> open_items(library.load("method-comparison"))
        ()
    """
    found = [
        f"endpoints.{name}.{_place_of(endpoint, index)}.limit"
        for name, endpoint in protocol.endpoints.items()
        for index, part in enumerate(endpoint.judged)
        if part.is_open
    ]
    for name, one in protocol.requirements.items():
        keys: Iterable[str] = (*_BOUNDS, "bands", "range")
        found += [f"requirements.{name}.{key}" for key in keys if getattr(one, key) == REQUIRED]
    return tuple(found)


def _place_of(endpoint: Endpoint, index: int) -> str:
    if endpoint.criteria is None:
        return "criterion"
    return f"criteria.{'all_of' if endpoint.criteria.all_of is not None else 'any_of'}[{index}]"
