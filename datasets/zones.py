"""Naive date-times of a declared zone, as instants in UTC.

Twice a year local time is no time: an hour is skipped, or occurs twice. Such rows are refused and shown,
unless the source says what they mean. The rules of the zones are those of the time zone database that Polars
carries.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..protocols.errors import Violation, nearest
from .handled import Handled
from .keys import IntArray
from .places import SHOWN, Places
from .sources import Source

UTC = pl.Datetime("us", "UTC")
_WELL_BEFORE = timedelta(hours=25)
"""Local time so long before a skipped one exists: no zone ever skipped more than a day."""


@dataclass(frozen=True)
class Localized:
    """A column of instants, what was done to get there, and what stands in the way."""

    series: pl.Series
    handled: tuple[Handled, ...] = ()
    violations: tuple[Violation, ...] = ()
    bad: pl.Series | None = None


def unknown(zone: str) -> Violation | None:
    """What is wrong with the name of a zone, if anything is."""
    try:
        pl.Series([datetime(2000, 1, 1)]).dt.replace_time_zone(zone)
    except pl.exceptions.PolarsError:
        names = sorted(zoneinfo.available_timezones())
        last = {name.rpartition("/")[2].casefold(): name for name in reversed(names)}
        hint = last.get(zone.casefold().replace(" ", "_")) or nearest(zone, names)
        message = "is no zone of the time zone database; accepted: such as `Europe/Berlin` or `UTC`."
        return Violation(message, key="source.zone", found=zone, suggestion=hint)
    return None


def localize(naive: pl.Series, source: Source, groups: IntArray | None, places: Places) -> Localized:
    """Naive date-times of the source's zone as instants.

    Args:
        naive: Date-times without a zone.
        source: Its `zone`, `ambiguous` and `nonexistent`.
        groups: For each row the session it belongs to (rows of one are compared in file order); None where it
            is not known.
        places: Where the rows came from.

    Returns:
        Instants in UTC, null where a time cannot be resolved.
    """
    zone = str(source.zone)
    first, last = (
        naive.dt.replace_time_zone(zone, ambiguous=which, non_existent="null").cast(UTC)
        for which in ("earliest", "latest")
    )
    found = first
    handled: list[Handled] = []
    violations: list[Violation] = []
    bad: list[pl.Series] = []
    skipped = naive.is_not_null() & first.is_null()
    twice = (first != last).fill_null(False)
    if twice.any():
        found, open_ = _twice(naive, (first, last), twice, source.ambiguous, groups)
        resolved = int(twice.sum()) - int(open_.sum())
        if resolved:
            handled.append(Handled("ambiguous", source.ambiguous, naive.name, resolved))
        if open_.any():
            why = (
                " The order of the rows does not tell: a session has to show both hours, one after the other."
                if source.ambiguous == "in_order"
                else ""
            )
            message = (
                f"the clocks of {zone} went back, and this time occurs twice.{why} Say what is meant: "
                "`ambiguous: earliest`, `latest`, or `in_order` where rows are in the order of recording."
            )
            violations.append(_shown(naive, open_, message, places))
            bad.append(open_)
    if skipped.any():
        if source.nonexistent == "shift":
            moved = (naive.filter(skipped) - _WELL_BEFORE).dt.replace_time_zone(
                zone, ambiguous="latest", non_existent="null"
            )
            found = found.clone().scatter(skipped.arg_true(), moved.cast(UTC) + _WELL_BEFORE)
            handled.append(Handled("nonexistent", "shift", naive.name, int(skipped.sum())))
        else:
            message = (
                f"the clocks of {zone} went forward, and this time does not exist: is it the right zone? "
                "`nonexistent: shift` takes such times for the hour after."
            )
            violations.append(_shown(naive, skipped, message, places))
            bad.append(skipped)
    wrong = bad[0] if len(bad) == 1 else bad[0] | bad[1] if bad else None
    return Localized(found.alias(naive.name), tuple(handled), tuple(violations), wrong)


def _twice(
    naive: pl.Series, either: tuple[pl.Series, pl.Series], twice: pl.Series, how: str, groups: IntArray | None
) -> tuple[pl.Series, pl.Series]:
    """Times that occur twice resolved by a rule, and those that stay open (null in the result)."""
    first, last = either
    rows = twice.arg_true()
    if how == "in_order" and groups is not None:
        later = _second_pass(
            naive.gather(rows).to_physical().to_numpy(),
            groups[rows.to_numpy()],
            # the transition: both times an instant apart name the same one
            (last.gather(rows) - first.gather(rows)).to_physical().to_numpy(),
        )
    else:
        later = np.full(len(rows), {"earliest": 0, "latest": 1}.get(how, -1), dtype=np.int8)
    chosen = pl.Series(later)
    values = (
        pl.select(
            pl.when(chosen == 0)
            .then(first.gather(rows))
            .when(chosen == 1)
            .then(last.gather(rows))
            .otherwise(None)
        )
        .to_series()
        .cast(UTC)
    )
    open_ = pl.Series([False]).new_from_index(0, len(naive)).scatter(rows.filter(chosen < 0), True)
    return first.clone().scatter(rows, values), open_


def _second_pass(local: NDArray[np.int64], groups: IntArray, lengths: NDArray[np.int64]) -> NDArray[np.int8]:
    """Of times that occur twice, in file order: 0 in the first pass, 1 in the second, -1 where it is mute.

    Within a session and one change of the clocks, local time runs up, falls back once, and runs up again.
    A session whose time never falls back shows one of the two passes, and nothing says which.
    """
    order = np.argsort(groups, kind="stable")
    time, group, length = local[order], groups[order], lengths[order]
    # Two changes of the clocks lie months apart, the two passes of one only hours.
    fresh = (group[1:] != group[:-1]) | (np.abs(time[1:] - time[:-1]) > length[1:])
    starts = np.concatenate(([0], np.flatnonzero(fresh) + 1))
    run = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(time)))
    falls = np.zeros(len(time), dtype=np.int64)
    falls[1:] = (time[1:] < time[:-1]) & ~fresh
    fallen = np.cumsum(falls)
    so_far = fallen - fallen[starts][run]
    total = np.bincount(run, weights=falls, minlength=len(starts)).astype(np.int64)[run]
    found = np.full(len(time), -1, dtype=np.int8)
    once = total == 1
    found[once] = so_far[once]
    result = np.empty_like(found)
    result[order] = found
    return result


def _shown(naive: pl.Series, rows: pl.Series, message: str, places: Places) -> Violation:
    where = rows.arg_true()
    first = where.head(SHOWN).to_list()
    values: Sequence[object] = [str(value) for value in naive.gather(first).to_list()]
    return places.violation(message, first, values, key=naive.name, count=len(where))
