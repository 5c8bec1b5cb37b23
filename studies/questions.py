"""What is asked of which rows: a question, the slice it shares with others, and the rows of a group.

The rows of a pairing are read once for each population; questions on the same slice of them are answered
together.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from ..datasets.pairs import PairFrame
from ..evaluators.metric import CannotComputeError
from ..protocols.model import Endpoint, Protocol, View
from ..protocols.validity import Handling
from . import slices
from .slices import Coding, Part
from .verification import weighted


@dataclass(frozen=True)
class Question:
    """One metric, asked of one version's rows in one view and part; `number` is its place in the answer."""

    number: int
    endpoint_id: str
    endpoint: Endpoint
    version: str
    view: str
    part: Part


@dataclass(frozen=True)
class Batch:
    """Questions on the same rows, seen in the same way."""

    how: Coding
    view: View
    part: Part
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class Material:
    """The rows that questions on the same columns and population share.

    Attributes:
        rows: Population rows, results or not, with the subject as a running number in `_subject`.
        subjects: Name of each running number.
        problem: Why nothing can be estimated from these rows, in words.
        uncounted: Why nothing can be estimated in views that count outputs that are no result.
    """

    rows: pl.DataFrame
    subjects: pl.Series
    problem: str | None = None
    uncounted: str | None = None

    def problem_in(self, how: Coding, view: View) -> str | None:
        """Why nothing can be estimated in a view; a share of results counts what is none in every one."""
        left_out = view == "classifiable_only" and not how.reports
        return self.problem or (None if left_out else self.uncounted)


def groups(protocol: Protocol, endpoints: Mapping[str, Endpoint]) -> list[dict[str, Endpoint]]:
    """Endpoints that rest on the same rows, together."""
    groups: dict[str, dict[str, Endpoint]] = {}
    for name, endpoint in endpoints.items():
        where = {c: condition.model_dump(mode="json") for c, condition in (endpoint.where or {}).items()}
        verified = endpoint.verification.model_dump(mode="json") if endpoint.verification else None
        how = slices.coding(protocol, endpoint)
        needed = [[one.role.kind, one.columns] for one in how.further]
        columns = [endpoint.reference, endpoint.test, needed, how.reports_coverage]
        key = [endpoint.pairing, endpoint.population, where, columns, verified]
        groups.setdefault(json.dumps(key, sort_keys=True), {})[name] = endpoint
    return list(groups.values())


def material_of(
    protocol: Protocol,
    group: Mapping[str, Endpoint],
    pairs: PairFrame,
    handling: Handling | None = None,
    further: Sequence[str] = (),
) -> Material:
    """The rows of a group of endpoints, with only the columns they ask for, and further ones."""
    first = next(iter(group.values()))
    how = slices.coding(protocol, first)
    wanted = dict.fromkeys([how.reference, how.test, *how.further_columns, *further])
    for endpoint in group.values():
        wanted.update(dict.fromkeys(endpoint.by))
        wanted.update(dict.fromkeys(endpoint.verification.within if endpoint.verification else ()))
        for name in endpoint.subgroups or ():
            subgroup = protocol.subgroups[name]
            wanted.update(dict.fromkeys([*(subgroup.where or ()), *([subgroup.by] if subgroup.by else [])]))
    subject = pl.col("subject")
    numbered = pairs.with_columns(subject.rle_id().alias(slices.SUBJECT_NUMBER))
    names = pairs.lazy().select(subject.rle().struct.field("value")).collect().to_series()
    rows = slices.population_rows(
        protocol, first, numbered, [slices.SUBJECT_NUMBER, *wanted], handling=handling
    )
    problem, uncounted = None, None
    # where units without a reference are completed, nobody has to stand for them
    if first.verification is not None and not slices.coding(protocol, first, handling).completes:
        try:
            rows, uncounted = weighted(protocol, first, pairs, rows)
        except CannotComputeError as error:
            problem = str(error)
    return Material(rows.rechunk(), names, problem, uncounted)


def batches(
    protocol: Protocol, group: Mapping[str, Endpoint], version: str, material: Material
) -> list[Batch]:
    """All that is asked of a group of endpoints, by the slice of rows that it is asked of."""
    batches: dict[tuple[Coding, View, Part], list[Question]] = {}
    for name, endpoint in group.items():
        how = slices.coding(protocol, endpoint)
        parts = slices.parts(protocol, endpoint, material.rows)
        for number, (view, part) in enumerate(places(how, parts)):
            question = Question(number, name, endpoint, version, view, part)
            batches.setdefault((how, slices.view_of(protocol, view), part), []).append(question)
    return [Batch(*place, tuple(questions)) for place, questions in batches.items()]


def places(how: Coding, parts: Sequence[Part]) -> Iterator[tuple[str, Part]]:
    """Views and parts of an endpoint: the whole and by-levels in each view, subgroups in the first."""
    for view in how.views:
        for part in parts:
            if view == slices.PRIMARY or part.subgroup is None:
                yield view, part
