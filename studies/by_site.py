"""Results by site: each site's own, whether sites may be pooled, and everything without each of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..datasets.pairs import PairFrame
from ..evaluators.comparison.poolability import poolability
from ..evaluators.comparison.results import HypothesisTest
from ..evaluators.comparison.subgroups import Subgroups
from ..evaluators.metric import CannotComputeError, Columns, Counts, Estimate, Metric, Prepared
from ..protocols.model import DECIDING, Endpoint, Protocol
from ..protocols.roles import metric_of
from . import contrasts, slices
from .estimating import columns_over, prepare
from .evaluation import Answerer
from .questions import Batch, Material, Question, material_of
from .rows import Row
from .splits import MISSING, Part

DIFFER = "p = {p:.3g} is below {level:g}: sites may differ, and pooling them needs a reason"
NO_SITE = "{n} subjects have no site and are not in the test"
NO_VALUE = "site {site} has no value and is not in the test: {reason}"
ONE_SITE = "poolability needs at least two sites with rows"


def site_rows(
    answer: Answerer, pairs: Mapping[tuple[str, str], PairFrame], versions: Sequence[str]
) -> list[Row]:
    """Rows by site of the deciding endpoints, for every version, in the primary view."""
    protocol = answer.protocol
    if protocol.sites is None:
        return []
    return [
        row
        for name, endpoint in protocol.endpoints.items()
        if endpoint.role in DECIDING
        for version in versions
        for row in _rows(answer, name, endpoint, version, pairs[str(endpoint.pairing), version])
    ]


def describe(
    protocol: Protocol, pairs: Mapping[tuple[str, str], PairFrame], version: str
) -> list[dict[str, Any]] | None:
    """Sites with their numbers of subjects and units, in the rows of the first deciding endpoint.

    Returns:
        Entries with `site`, `n_subjects`, `n_units`; None where the protocol does not ask for sites.
    """
    deciding = [(name, one) for name, one in protocol.endpoints.items() if one.role in DECIDING]
    if protocol.sites is None or not deciding:
        return None
    name, endpoint = deciding[0]
    frame = pairs[str(endpoint.pairing), version]
    material = material_of(protocol, {name: endpoint}, frame, further=[protocol.sites.by])
    how, view = slices.coding(protocol, endpoint), slices.view_of(protocol, slices.PRIMARY)
    coded = slices.coded(how, material.rows, view)
    entries = []
    for part in contrasts.sites(protocol, endpoint, material.rows):
        rows = coded if part.condition is None else coded.filter(part.condition)
        n = rows.get_column(slices.SUBJECT_NUMBER).n_unique()
        entries.append({"site": part.level, "n_subjects": n, "n_units": rows.height})
    return entries


def _rows(answer: Answerer, name: str, endpoint: Endpoint, version: str, frame: PairFrame) -> list[Row]:
    protocol = answer.protocol
    if protocol.sites is None:
        return []
    by = protocol.sites.by
    material = material_of(protocol, {name: endpoint}, frame, further=[by])
    parts = contrasts.sites(protocol, endpoint, material.rows)
    rows: list[Row] = []
    if by not in (endpoint.subgroups or ()):  # a subgroup of that name has these rows already
        for part in parts:
            rows += _answered(answer, Question(0, name, endpoint, version, slices.PRIMARY, part), material)
    whole = Question(0, name, endpoint, version, slices.PRIMARY, contrasts.pooled(protocol))
    rows += _poolability(answer, whole, parts, material)
    if protocol.sites.leave_one_out:
        for part in parts:
            if part.level != MISSING:
                one = Question(0, name, endpoint, version, slices.PRIMARY, contrasts.without(part))
                rows += _answered(answer, one, material)
    return rows


def _answered(answer: Answerer, question: Question, material: Material) -> list[Row]:
    how = slices.coding(answer.protocol, question.endpoint)
    view = slices.view_of(answer.protocol, question.view)
    return answer(Batch(how, view, question.part, (question,)), material)[0][1]


def _poolability(
    answer: Answerer, question: Question, parts: Sequence[Part], material: Material
) -> list[Row]:
    """One row: whether the statistic that decides is the same at all sites, by a test that knows subjects."""
    protocol, endpoint = answer.protocol, question.endpoint
    metric, rule = metric_of(protocol, endpoint), protocol.sites
    name = next((str(part.statistic) for part in endpoint.judged), metric.headline)
    how, view = slices.coding(protocol, endpoint), slices.view_of(protocol, question.view)
    coded = slices.coded(how, material.rows, view)
    own = {str(part.level): coded.filter(part.condition) for part in parts if part.condition is not None}
    lost = own.pop(MISSING, coded.clear()).get_column(slices.SUBJECT_NUMBER).n_unique()
    rows = {site: one for site, one in own.items() if not one.is_empty()}
    numbers = {site: one.get_column(slices.SUBJECT_NUMBER).to_numpy() for site, one in rows.items()}
    present = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *numbers.values()]))
    columns = {site: columns_over(how, one, present) for site, one in rows.items()}
    keys = tuple(str(key) for key in material.subjects.gather(present).to_list())
    test, problem = None, material.problem_in(how, view)
    notes = [NO_SITE.format(n=lost)] if lost else []
    if problem is None:
        prepared, without = _prepared(metric, endpoint, columns, name)
        notes += [NO_VALUE.format(site=site, reason=reason) for site, reason in without.items()]
        test, problem = _test(Subgroups(metric, keys, prepared), name)
    counts = Counts(len(present), sum(one.height for one in rows.values()))
    estimate = Estimate(metric.statistic(name), math.nan, math.nan, None, counts, error=problem)
    (row,) = answer.rows(question, {name: estimate})
    if test is not None and rule is not None:
        row["p_value"], row["method"] = test.p_value, f"{test.test}: {test.distribution}"
        row["reference"] = " | ".join(citation.text for citation in test.citations)
        if test.p_value < rule.poolability_level:
            notes.append(DIFFER.format(p=test.p_value, level=rule.poolability_level))
        notes += [test.warning] if test.warning else []
    row["warning"] = "; ".join(notes) or None
    return [row]


def _prepared(
    metric: Metric, endpoint: Endpoint, columns: Mapping[str, Columns], statistic: str
) -> tuple[dict[str, Prepared], dict[str, str]]:
    """The metric prepared at each site where the statistic has a value, and why not at the others."""
    found: dict[str, Prepared] = {}
    without: dict[str, str] = {}
    for site, own in columns.items():
        one, trouble = prepare(metric, endpoint, own)
        if one is None:
            without[site] = str(trouble)
        elif not math.isfinite(one.estimate()[one.statistics.index(statistic)]):
            without[site] = one.reason_undefined(statistic)
        else:
            found[site] = one
    return found, without


def _test(sites: Subgroups, statistic: str) -> tuple[HypothesisTest | None, str | None]:
    """The test of poolability, or why there is none."""
    if len(sites.prepared) < 2:
        return None, ONE_SITE
    try:
        return poolability(sites, statistic=statistic), None
    except CannotComputeError as problem:
        return None, str(problem)
