"""The error matrix in shares: how often a class of the reference is called what, each subject counting once.

Counts added up over subjects hide whose they are; here a cell is the mean over the subjects that have the
class (Menghini et al. 2021), with the t interval of that mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from ..evaluators.sleep.averages import averages
from ..protocols.context import UNIT_METHODS
from ..protocols.model import Endpoint
from ..studies import lanes, slices
from ..studies.results import Results
from . import format as fmt

LEVEL = 0.95
FEWEST = 3
"""Classes; the two of a binary test have sensitivity and specificity."""


@dataclass(frozen=True)
class ShareTable:
    """Shares of each class of the reference.

    Attributes:
        caption: What it shows.
        row_title: What the rows are.
        column_title: What the columns are.
        columns: Classes of the device.
        rows: Class of the reference, subjects that have it, and for each column the share and its interval as
            text.
    """

    caption: str
    row_title: str
    column_title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]


def share_table(results: Results, name: str, version: str) -> ShareTable | None:
    """The table of one endpoint's columns; None where they have fewer classes, or are no units of time.

    Args:
        results: An opened run.
        name: Identifier of the endpoint.
        version: Algorithm version.
    """
    if name not in lanes.shown(results):
        return None
    endpoint = slices.endpoint_of(results.protocol, name)
    how = slices.coding(results.protocol, endpoint)
    method = results.protocol.pairings[str(endpoint.pairing)].method
    if how.kind != "categorical" or len(how.levels) < FEWEST or method not in UNIT_METHODS or endpoint.where:
        return None
    return _table(results, endpoint, lanes.levels(results.protocol, endpoint), version)


def share_tables(results: Results) -> list[ShareTable]:
    """One table a pair of columns with three classes or more that are compared by units of time.

    Args:
        results: An opened run; the version that decides is shown.
    """
    found: dict[tuple[str, ...], ShareTable] = {}
    for name in lanes.shown(results):
        endpoint = slices.endpoint_of(results.protocol, name)
        key = (str(endpoint.pairing), str(endpoint.reference), str(endpoint.test), str(endpoint.population))
        if key not in found:
            table = share_table(results, name, results.deciding_version)
            found |= {} if table is None else {key: table}
    return list(found.values())


def _table(results: Results, endpoint: Endpoint, levels: tuple[str, ...], version: str) -> ShareTable:
    protocol = results.protocol
    pairing = protocol.pairings[str(endpoint.pairing)]
    tables, subjects = _counts(results, endpoint, levels, version)
    k = len(levels)
    with np.errstate(all="ignore"):
        shares = tables / tables.sum(axis=2, keepdims=True)
    bounds = np.repeat([[0.0], [1.0]], k * k, axis=1)
    found = averages(
        shares.reshape(-1, k * k), subjects, bounds, ci="t", level=LEVEL, replicates=1, seed=0
    ).reshaped(0, (k, k))
    rows = tuple(
        (
            level,
            fmt.count(int(np.count_nonzero(tables[:, i].sum(axis=1)))),
            tuple(_cell(found.mean[i, j], found.lower[i, j], found.upper[i, j]) for j in range(k)),
        )
        for i, level in enumerate(levels)
    )
    return ShareTable(
        caption=f"Share of each class of the reference that is called what, version {version}: mean over the "
        f"subjects that have the class, with its {LEVEL:.0%} t interval.",
        row_title=protocol.tables[pairing.reference].columns[str(endpoint.reference)].title or "Reference",
        column_title=protocol.tables[pairing.test].columns[str(endpoint.test)].title or "Output",
        columns=levels,
        rows=rows,
    )


def _counts(
    results: Results, endpoint: Endpoint, levels: tuple[str, ...], version: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    """(S, k, k) units of each subject that are used, by class of reference and device."""
    frame = results.pairs(str(endpoint.pairing), version)
    used = slices.population_rows(results.protocol, endpoint, frame)
    place = {level: at for at, level in enumerate(levels)}
    first, second = (
        used[f"{side}.{getattr(endpoint, side)}"]
        .cast(pl.String)
        .replace_strict(place, default=-1, return_dtype=pl.Int64)
        .to_numpy()
        for side in ("reference", "test")
    )
    subjects = used["subject"].cast(pl.String)
    names = subjects.unique().sort().to_list()
    owner = subjects.replace_strict(
        {one: at for at, one in enumerate(names)}, return_dtype=pl.Int64
    ).to_numpy()
    known, k = (first >= 0) & (second >= 0), len(levels)
    cell = ((owner * k + first) * k + second)[known]
    counts = np.bincount(cell, minlength=len(names) * k * k).reshape(len(names), k, k)
    return counts.astype(np.float64), tuple(names)


def _cell(mean: float, lower: float, upper: float) -> tuple[str, str]:
    """A share and its interval; nothing where no subject has the class.

    Example:
        >>> _cell(0.5, 0.4123, 0.5877), _cell(0.5, float("nan"), float("nan"))
        (('50.0%', '41.2 to 58.8'), ('50.0%', ''))
    """
    if not np.isfinite(mean):
        return "", ""
    ends = "" if not np.isfinite(lower) else f"{lower * 100:.1f} to {upper * 100:.1f}"
    return fmt.percent(float(mean)), ends
