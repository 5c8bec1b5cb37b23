"""Cross-checks of families of hypotheses: who shares an error rate, and which family waits for which."""

from __future__ import annotations

from .context import Context
from .model import DECIDING, Endpoint
from .nodes import Path
from .validity import Family

_SUM = 1 + 1e-9


def check_families(context: Context, endpoints: dict[str, Endpoint]) -> None:
    """Each hypothesis belongs to one family, has a test, and no family gives away more than its own alpha."""
    owner: dict[str, str] = {}
    families = context.protocol.families
    for name, family in families.items():
        path: Path = ("families", name)
        if not family.endpoints:
            context.report((*path, "endpoints"), "expected at least one endpoint")
        for index, endpoint in enumerate(family.endpoints):
            place = (*path, "endpoints", index)
            if not context.known(place, endpoint, endpoints, "endpoint"):
                continue
            if endpoint in owner:
                context.report(
                    place, f"this endpoint belongs to family `{owner[endpoint]}` already", endpoint
                )
            owner.setdefault(endpoint, name)
            _check_hypothesis(context, place, family, endpoint, endpoints[endpoint])
        _check_graph(context, path, family)
        if family.after is not None and context.known((*path, "after"), family.after, families, "family"):
            _check_cycle(context, path, name)
    for name, one in endpoints.items() if families else ():
        if one.role in DECIDING and name not in owner:
            message = (
                "this endpoint decides, and belongs to no family; families name every hypothesis that does"
            )
            context.report(("endpoints", name, "role"), message, one.role)


def _check_hypothesis(context: Context, place: Path, family: Family, name: str, endpoint: Endpoint) -> None:
    """There is something to test, at the family's alpha."""
    if not endpoint.judged:
        context.report(place, "a hypothesis needs a criterion, and this endpoint has none", name)
        return
    if family.procedure == "co_primary":
        _check_alpha(context, place, family, name=name, endpoint=endpoint)
        return
    if len(endpoint.judged) > 1 or endpoint.judged[0].compare == "point" or endpoint.disparity is not None:
        message = (
            f"`{family.procedure}` orders p values: the endpoint needs one criterion that compares a bound"
        )
        context.report(place, message, name)


def _check_alpha(context: Context, place: Path, family: Family, *, name: str, endpoint: Endpoint) -> None:
    """A bound that errs more often than the family may would give away more than its alpha."""
    spec = endpoint.interval
    error = (1 - spec.level) / (2 if spec.sides == "two" else 1)
    if error > family.alpha * _SUM and any(part.compare != "point" for part in endpoint.judged):
        needed = 1 - family.alpha * (2 if spec.sides == "two" else 1)
        message = (
            f"the bound of this endpoint errs in {round(error, 12):g} (level {spec.level:g}), and the "
            f"family's alpha is {family.alpha:g}; accepted is an interval of level {round(needed, 12):g} "
            "or more"
        )
        context.report(place, message, name)


def _check_graph(context: Context, path: Path, family: Family) -> None:
    """Weights and transitions are those of a graphical procedure, and give away no more than there is."""
    if family.procedure != "graphical":
        for key in ("weights", "transitions"):
            if getattr(family, key):
                context.report((*path, key), "this belongs to `procedure: graphical`", at_key=True)
        return
    if not family.weights:
        context.report(path, "`graphical` needs `weights`: the share of alpha of each endpoint", at_key=True)
    for name in family.weights:
        context.known(
            (*path, "weights", name), name, family.endpoints, "endpoint of this family", at_key=True
        )
    total = sum(family.weights.values())
    if total > _SUM:
        message = "the endpoints are given more than the family's alpha; the weights add up to"
        context.report((*path, "weights"), message, f"{total:g}", at_key=True)
    for name, row in family.transitions.items():
        place = (*path, "transitions", name)
        context.known(place, name, family.endpoints, "endpoint of this family", at_key=True)
        for other in row:
            context.known((*place, other), other, family.endpoints, "endpoint of this family", at_key=True)
            if other == name:
                context.report(
                    (*place, other), "an endpoint passes its alpha on to others", other, at_key=True
                )
        if sum(row.values()) > _SUM:
            message = "an endpoint passes on more than its own alpha; the shares add up to"
            context.report(place, message, f"{sum(row.values()):g}", at_key=True)


def _check_cycle(context: Context, path: Path, name: str) -> None:
    """Families wait for one another in a line, not in a ring."""
    families = context.protocol.families
    seen, current = [name], families[name].after
    while current is not None and current in families:
        if current in seen:
            ring = " after ".join([*seen, current])
            context.report((*path, "after"), f"families wait for each other in a ring: {ring}", current)
            return
        seen.append(current)
        current = families[current].after
