"""Cross-checks of change control: what a modification must show exists, and can be shown at all."""

from __future__ import annotations

from collections.abc import Mapping

from .automatic import automatic_sources
from .change_control import Modification
from .comparison import VersionComparison
from .context import Context
from .model import Endpoint
from .nodes import Path
from .shape import listed

TEXTS = ("title", "description", "changes", "data", "verification", "rollout", "impact")
"""What people write of a modification."""


def check_change_control(
    context: Context, endpoints: Mapping[str, Endpoint], comparison: VersionComparison | None
) -> None:
    """Every permitted modification can be held against results.

    Args:
        context: The pass of checks; violations are reported to it.
        endpoints: Resolved endpoints.
        comparison: The resolved comparison of versions.
    """
    section = context.protocol.change_control
    if section is None:
        return
    if not section.modifications:
        message = "expected at least one permitted modification"
        context.report(("change_control", "modifications"), message, at_key=True)
    for name, one in section.modifications.items():
        path: Path = ("change_control", "modifications", name)
        _check_texts(context, path, one)
        if not one.endpoints and not one.comparison:
            message = (
                "a modification without acceptance criteria would be permitted whatever it does; name "
                "`endpoints` to be met, or a `comparison`"
            )
            context.report(path, message, at_key=True)
        _check_endpoints(context, path, one, endpoints)
        _check_comparison(context, path, one, comparison)


def _check_texts(context: Context, path: Path, one: Modification) -> None:
    """Blanks are no text."""
    for name in TEXTS:
        text = getattr(one, name)
        if text is not None and not text.strip():
            context.report((*path, name), "this text is blank; say it in words", text)


def _check_endpoints(
    context: Context, path: Path, one: Modification, endpoints: Mapping[str, Endpoint]
) -> None:
    """Endpoints exist once each, and have a criterion that they can meet."""
    with_criterion = [name for name, endpoint in endpoints.items() if endpoint.judged]
    automatic = automatic_sources(context.protocol.model_copy(update={"endpoints": dict(endpoints)}))
    for index, name in enumerate(one.endpoints):
        place: Path = (*path, "endpoints", index)
        if name in one.endpoints[:index]:
            context.report(place, "this endpoint is named already", name)
        elif name in automatic or (name in endpoints and not endpoints[name].judged):
            offer = f"with one: {listed(with_criterion)}" if with_criterion else "no endpoint has one"
            context.report(place, f"this endpoint has no criterion that could be met; {offer}", name)
        else:
            context.known(place, name, endpoints, "endpoint")


def _check_comparison(
    context: Context, path: Path, one: Modification, comparison: VersionComparison | None
) -> None:
    """Compared endpoints exist, and non-inferiority has a margin."""
    place: Path = (*path, "comparison")
    if comparison is None:
        if not one.comparison:
            return
        message = "the protocol declares no `comparison`, so there is no margin to hold a version against"
        context.report(place, message, at_key=True)
        return
    for name, required in one.comparison.items():
        here: Path = (*place, name)
        if not context.known(here, name, comparison.endpoints, "compared endpoint", at_key=True):
            continue
        if required == "non_inferior" and comparison.endpoints[name].margin is None:
            message = (
                f"non-inferiority needs a margin, and `comparison.endpoints.{name}` declares none; declare "
                "it, or require"
            )
            context.report(here, f"{message} `superior`", required, "superior")
