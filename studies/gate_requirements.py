"""What `accordance gate --require` asks for: `ENDPOINT=DECISION`, or `CANDIDATE:ENDPOINT=DECISION` of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..protocols.errors import nearest, shorten


@dataclass(frozen=True)
class Requirement:
    """A decision that an endpoint must have.

    Attributes:
        endpoint: The endpoint.
        decision: The decision.
        candidate: The version it is asked of; None for all.
        text: The requirement as it was typed.
    """

    endpoint: str
    decision: str
    candidate: str | None
    text: str


def parse(
    texts: Sequence[str], *, endpoints: Sequence[str], candidates: Sequence[str], decisions: Sequence[str]
) -> tuple[tuple[Requirement, ...], list[str]]:
    r"""Requirements as typed, and everything that is wrong with them, in words.

    Args:
        texts: `ENDPOINT=DECISION` or `CANDIDATE:ENDPOINT=DECISION`.
        endpoints: Endpoints there are.
        candidates: Candidates there are; none for a run, in which one version decides.
        decisions: Decisions that can be asked for.

    Returns:
        The requirements that hold, and the problems of all others.

    Example:
        >>> found, problems = parse(
        ...     ["v2:mape=superior", "maep=met"],
        ...     endpoints=["mape"], candidates=["v2"], decisions=["superior", "non_inferior"],
        ... )
        >>> found[0].candidate, found[0].endpoint, found[0].decision
        ('v2', 'mape', 'superior')
        >>> print("\n".join(problems))
        --require maep=met: there is no endpoint `maep`; there are: mape. Did you mean `mape`?
        --require maep=met: `met` is no decision here; there are: superior, non_inferior.
    """
    found: list[Requirement] = []
    problems: list[str] = []
    for text in texts:
        one, own = _parse(text, endpoints, candidates, decisions)
        problems += [f"--require {shorten(text)}: {problem}" for problem in own]
        if one is not None and not own:
            found.append(one)
    problems += _contradictions(found)
    return tuple(found), problems


def _parse(
    text: str, endpoints: Sequence[str], candidates: Sequence[str], decisions: Sequence[str]
) -> tuple[Requirement | None, list[str]]:
    place, equals, decision = (part.strip() for part in text.partition("="))
    if not (equals and place and decision):
        return None, [
            "expected ENDPOINT=DECISION" + (" or CANDIDATE:ENDPOINT=DECISION" if candidates else "")
        ]
    candidate, colon, endpoint = (part.strip() for part in place.rpartition(":"))
    problems = []
    if colon and not candidates:
        problems.append("in a run one version decides; CANDIDATE: is for comparisons")
    elif colon and candidate not in candidates:
        problems.append(_unknown("candidate", candidate, candidates))
    if endpoint not in endpoints:
        problems.append(_unknown("endpoint", endpoint, endpoints))
    if decision not in decisions:
        hint = nearest(decision, decisions)
        tail = f" Did you mean `{hint}`?" if hint else ""
        problems.append(
            f"`{shorten(decision)}` is no decision here; there are: {', '.join(decisions)}.{tail}"
        )
    return Requirement(endpoint, decision, candidate or None, text), problems


def _unknown(what: str, name: str, accepted: Sequence[str]) -> str:
    hint = nearest(name, accepted)
    tail = f". Did you mean `{hint}`?" if hint else ""
    return f"there is no {what} `{shorten(name)}`; there are: {', '.join(accepted) or 'none'}{tail}"


def _contradictions(found: Sequence[Requirement]) -> list[str]:
    """Requirements of the same thing that ask for different decisions."""
    first: dict[tuple[str | None, str], Requirement] = {}
    problems = []
    for one in found:
        other = first.setdefault((one.candidate, one.endpoint), one)
        if other.decision != one.decision:
            problems.append(f"--require {one.text}: contradicts --require {other.text}")
    return problems
