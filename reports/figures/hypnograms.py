"""Which nights are drawn as hypnograms: the usual one, and the one with the least agreement."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from ...protocols.model import Endpoint
from ...studies import lanes, signals, slices
from ...studies.results import Results
from .. import format as fmt
from .model import Axis, Hypnogram, Lane

_HOUR = 3600 * signals.SECOND
_WAKE = ("wake", "w")
FEWEST = 10
"""Epochs that a night needs to be one of those that are compared with each other."""


def hypnograms(results: Results, version: str | None = None) -> list[Hypnogram]:
    """Two nights of the first endpoint of sleep stages: with the median agreement, and with the least.

    Agreement is the share of the epochs used in which both sides have one stage. Of an even number of nights
    the lower one of the middle stands for the median; equal ones are taken in order of their names.

    Args:
        results: An opened run.
        version: Which version. Default: the one that decides.
    """
    shown = version or results.deciding_version
    for name in lanes.shown(results):
        endpoint = slices.endpoint_of(results.protocol, name)
        levels = lanes.levels(results.protocol, endpoint)
        if results.protocol.pairings[str(endpoint.pairing)].method == "epochs" and any(
            level.casefold() in _WAKE for level in levels
        ):
            return _two(results, name, shown, endpoint, levels)
    return []


def _two(
    results: Results, name: str, version: str, endpoint: Endpoint, levels: Sequence[str]
) -> list[Hypnogram]:
    shares = _shares(results, endpoint, version)
    if shares.is_empty():
        return []
    chosen = {(shares.height - 1) // 2: "the median agreement", 0: "the least agreement"}
    found = []
    for place, words in chosen.items():
        row = shares.row(place, named=True)
        session = tuple((key, row[key]) for key in signals.session_columns(results.protocol, endpoint))
        night = lanes.outcomes(results, signals.Asked(name, version, session))
        if not night.is_empty():
            label = f"{words} of {fmt.count(shares.height)} nights" if shares.height > 1 else "the only night"
            found.append(_drawn(results, night, levels, endpoint, label=label, version=version, row=row))
        if shares.height == 1:
            break
    return found


def _shares(results: Results, endpoint: Endpoint, version: str) -> pl.DataFrame:
    """Sessions by the share of their used epochs in which both sides have one class, the least first."""
    frame = results.pairs(str(endpoint.pairing), version).with_row_index("_place")
    used = slices.population_rows(results.protocol, endpoint, frame, ["_place"])["_place"]
    names = signals.session_columns(results.protocol, endpoint)
    same = pl.col(f"reference.{endpoint.reference}") == pl.col(f"test.{endpoint.test}")
    return (
        frame.filter(pl.col("_place").is_in(used.implode()))
        .group_by(pl.col(name).cast(pl.String) for name in names)
        .agg(same.mean().alias("share"), pl.len().alias("n"))
        .filter(pl.col("n") >= FEWEST)
        .sort("share", *names)
    )


def _drawn(
    results: Results,
    night: pl.DataFrame,
    levels: Sequence[str],
    endpoint: Endpoint,
    *,
    label: str,
    version: str,
    row: dict[str, object],
) -> Hypnogram:
    pairing = results.protocol.pairings[str(endpoint.pairing)]
    titles = [results.protocol.tables[name] for name in (pairing.reference, pairing.test)]
    first = int(night["start"].to_numpy().min())
    hours = night.with_columns((pl.col("start", "end") - first) / _HOUR)
    names = [str(row[key]) for key in signals.session_columns(results.protocol, endpoint)]
    share = fmt.percent(float(str(row["share"])))
    apart = hours.filter(pl.col("status") == lanes.OTHER)
    return Hypnogram(
        name=f"hypnogram-{'-'.join(names)}-{version}",
        title="Hypnogram",
        caption=f"Night with {label} ({', '.join(names)}), version {version}: one class in {share} of "
        f"{fmt.count(int(str(row['n'])))} epochs. Solid strip: the classes are not one; hatched: not used.",
        alt=f"Hypnograms of reference and device, {', '.join(names)}, version {version}: one class in "
        f"{share} of the epochs.",
        x=Axis("Time from the first epoch", "h", low=0.0, high=float(hours["end"].to_numpy().max())),
        levels=tuple(levels),
        lanes=tuple(
            _lane(hours, side, table.device or table.title or side, levels)
            for side, table in zip(signals.SIDES, titles, strict=True)
        ),
        apart=_spans(apart),
        without=_spans(hours.filter(pl.col("status") == lanes.UNUSED)),
    )


def _lane(hours: pl.DataFrame, side: str, title: str, levels: Sequence[str]) -> Lane:
    place = {level: at for at, level in enumerate(levels)}
    own = hours[side].replace_strict(place, default=-1, return_dtype=pl.Int64)
    begins = own.ne_missing(own.shift(1)).fill_null(value=True)
    runs = (
        hours.select("start", "end", own.alias("place"), begins.cum_sum().alias("run"))
        .group_by("run", maintain_order=True)
        .agg(pl.col("start").first(), pl.col("end").last(), pl.col("place").first())
    )
    start, end = (runs[name].to_numpy().astype(np.float64) for name in ("start", "end"))
    return Lane(title, start, end, tuple(runs["place"].to_list()))


def _spans(rows: pl.DataFrame) -> tuple[tuple[float, float], ...]:
    """Neighbouring epochs as one stretch."""
    found: list[tuple[float, float]] = []
    for start, end in rows.select("start", "end").iter_rows():
        if found and abs(found[-1][1] - start) < 1e-9:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return tuple(found)
