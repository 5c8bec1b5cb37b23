"""Weights where only some units were verified by the reference, chosen by the test's output.

Verified units stand for all units of their stratum: the test's output, and whatever else decided who was
verified. With the output alone this is the estimator of Begg & Greenes (1983, Biometrics 39:207-215). It
rests on the assumption that, within a stratum, who was verified does not depend on the truth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from ..datasets.pairs import PairFrame
from ..evaluators.metric import CannotComputeError
from ..protocols.model import Endpoint, Protocol
from . import slices
from .splits import label


def weighted(
    protocol: Protocol, endpoint: Endpoint, pairs: PairFrame, rows: pl.DataFrame
) -> tuple[pl.DataFrame, str | None]:
    """The verified rows with the weight of each: units of its stratum over those of them that were verified.

    Args:
        protocol: Resolved protocol.
        endpoint: An endpoint with `verification`.
        pairs: Frame of `Pairs`.
        rows: Its population rows, with the test column and those of `within`.

    Returns:
        The rows, and why nothing can be said in a view that counts outputs that are no result: none of a
        stratum of them was verified. Views that leave them out do not need it.

    Raises:
        CannotComputeError: No unit of some other stratum was verified: nothing can stand for it.
    """
    how = slices.coding(protocol, endpoint)
    names = [how.test, *(endpoint.verification.within if endpoint.verification else ())]
    keys = [f"_stratum {name}" for name in names]
    strata = [label(name).alias(key) for name, key in zip(names, keys, strict=True)]
    units = pairs.lazy().filter(
        slices.in_population(protocol, endpoint, lacking=True) & pl.col(how.test).is_not_null()
    )
    # a reference that is no result verifies nothing, and its unit is not among the rows
    verified = pl.col(how.reference).is_not_null() & ~slices.among(how.reference, how.reference_indeterminate)
    counts = (
        units.select(*strata, verified.alias("verified"))
        .collect()
        .group_by(keys)
        .agg(pl.len().alias("n"), pl.col("verified").sum().alias("n_verified"))
    )
    empty = counts.filter(pl.col("n_verified") == 0).sort(keys)
    uncounted = pl.col(keys[0]).is_in(list(how.test_indeterminate))
    for lacking in empty.filter(~uncounted).iter_rows(named=True):
        raise CannotComputeError(_unverified(lacking, names, keys))
    problem = next((_unverified(row, names, keys) for row in empty.iter_rows(named=True)), None)
    weight = (pl.col("n") / pl.col("n_verified")).alias(slices.WEIGHT)
    found = (
        rows.with_columns(strata)
        .join(counts.select(*keys, weight), on=keys, how="left", maintain_order="left")
        .drop(keys)
    )
    return found, problem


def _unverified(row: Mapping[str, Any], names: Sequence[str], keys: Sequence[str]) -> str:
    """That a stratum has no verified unit."""
    stratum = ", ".join(f"{name} = {row[key]}" for name, key in zip(names, keys, strict=True))
    return f"none of {row['n']:,} units with {stratum} was verified, so nothing stands for them"
