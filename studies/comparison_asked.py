"""What a comparison is asked for, and whether it makes one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..protocols.comparison import ComparedEndpoint, VersionComparison
from ..protocols.errors import UsageError, nearest
from ..protocols.model import DECIDING, Protocol
from ..protocols.roles import metric_of
from .folder import Study

MOST_CANDIDATES = 50
"""More versions than this at once are a search for the best one, which no margin is made for."""


@dataclass(frozen=True)
class Asked:
    """What a comparison was asked for.

    Attributes:
        baseline: The version compared with.
        candidates: The versions in question.
        overlap: Whether units that one version lacks are left out.
        level: Confidence level in place of the protocol's.
    """

    baseline: str
    candidates: tuple[str, ...]
    overlap: bool = False
    level: float | None = None


def asked_of(
    study: Study, baseline: str, candidates: Sequence[str] | str | None, *, overlap: bool, level: float | None
) -> Asked:
    """What is asked for, if it makes a comparison.

    Raises:
        UsageError: An unknown version, the baseline among the candidates, no candidate, or too many.
    """
    names = [candidates] if isinstance(candidates, str) else candidates
    wanted = tuple(dict.fromkeys(names if names else [v for v in study.versions if v != baseline]))
    problems = []
    for name in (baseline, *wanted):
        if name not in study.versions:
            hint = nearest(name, study.versions)
            more = f". Did you mean `{hint}`?" if hint else ""
            problems.append(f"there is no version `{name}`; there are: {', '.join(study.versions)}{more}")
    if baseline in wanted:
        problems.append(f"`{baseline}` is the baseline and cannot be a candidate, too")
    if not wanted:
        problems.append(f"there is no version to compare with `{baseline}`; the study has no other")
    if len(wanted) > MOST_CANDIDATES:
        problems.append(
            f"{len(wanted)} candidates are more than {MOST_CANDIDATES}; name fewer with `--candidate`"
        )
    if level is not None and not 0.5 < level < 1:
        problems.append(f"the level lies between 0.5 and 1, such as 0.95; found: {level:g}")
    if problems:
        raise UsageError("; ".join(dict.fromkeys(problems)))
    return Asked(baseline, wanted, overlap, level)


def only(study: Study, versions: Sequence[str]) -> Study:
    """The study with these versions alone: nothing of the others is read."""
    algorithm = study.config.algorithm
    chosen = {name: algorithm.versions[name] for name in versions}
    update = {"versions": chosen, "decides": study.deciding_version}
    config = study.config.model_copy(update={"algorithm": algorithm.model_copy(update=update)})
    return replace(study, config=config)


def default_section(protocol: Protocol) -> VersionComparison:
    """What is compared where the protocol says nothing: its deciding endpoints, without margins.

    Raises:
        UsageError: No endpoint decides.
    """
    found = {}
    for name, endpoint in protocol.endpoints.items():
        if endpoint.role in DECIDING:
            judged = [part.statistic for part in endpoint.judged if part.statistic]
            statistic = next(iter(judged), None) or metric_of(protocol, endpoint).headline
            found[name] = ComparedEndpoint(statistic=statistic)
    if not found:
        raise UsageError(
            "no endpoint of the protocol decides, so there is nothing to compare; a section `comparison` "
            "names endpoints and margins"
        )
    return VersionComparison(endpoints=found)
