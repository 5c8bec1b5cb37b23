"""Keys as integers: one order-preserving code for the key columns of one or several frames.

Rows with equal keys get equal codes, also across frames, and codes order as the columns do (text by its
bytes), so that sorting, comparing and merging happen on plain int64 arrays. Tables of a wearable study arrive
sorted by subject more often than not; runs of equal text are encoded once a run.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

IntArray = NDArray[np.int64]

_LIMIT = 2**62


def encode(frames: Sequence[pl.DataFrame], columns: Sequence[str]) -> list[IntArray]:
    """One int64 code a row, joint over the frames.

    Args:
        frames: Frames that all have the columns, without nulls in them and with the same types.
        columns: Key columns, most significant first.

    Returns:
        For each frame an array of codes: equal exactly where all columns are equal, ordered as the columns
        are.
    """
    codes = [np.zeros(frame.height, dtype=np.int64) for frame in frames]
    size = 1
    for column in columns:
        parts, span = _column_codes([frame[column] for frame in frames])
        if size * span >= _LIMIT:
            codes, size = _dense(codes)
        if size * span >= _LIMIT:
            parts, span = _dense(parts)
        if size == 1:
            codes, size = parts, span
        else:
            codes = [_combined(code, span, part) for code, part in zip(codes, parts, strict=True)]
            size *= span
    return codes


def encode_runs(
    frames: Sequence[pl.DataFrame], columns: Sequence[str]
) -> tuple[list[IntArray], list[IntArray]]:
    """Codes as those of `encode`, one for each run of rows with the same, and where these runs start.

    Args:
        frames: Frames that all have the columns, without nulls in them and with the same types.
        columns: Key columns, most significant first.
    """
    if len(columns) == 1 and frames[0].schema[columns[0]] == pl.String:
        starts = [run_starts(frame[columns[0]]) for frame in frames]
        heads = [heads_of(frame, columns, start) for frame, start in zip(frames, starts, strict=True)]
        return encode(heads, columns), starts
    codes = encode(frames, columns)
    starts = [starts_of(code) for code in codes]
    return [code[start] for code, start in zip(codes, starts, strict=True)], starts


def heads_of(frame: pl.DataFrame, columns: Sequence[str], rows: IntArray) -> pl.DataFrame:
    """Some columns of a few rows."""
    return pl.DataFrame([frame[name].gather(rows) for name in columns])


def starts_of(codes: IntArray) -> IntArray:
    """Where each run of equal codes starts, the first row included."""
    if not len(codes):
        return np.zeros(0, dtype=np.int64)
    return np.concatenate(([0], np.flatnonzero(codes[1:] != codes[:-1]) + 1)).astype(np.int64)


def _combined(code: IntArray, span: int, part: IntArray) -> IntArray:
    """Code * span + part; in place where the array is no view of a data frame's memory."""
    result = np.multiply(code, span, out=code if code.flags.writeable else None)
    result += part
    return result


def _dense(codes: list[IntArray]) -> tuple[list[IntArray], int]:
    """The same order with consecutive codes."""
    distinct, inverse = np.unique(np.concatenate(codes), return_inverse=True)
    return np.split(inverse.astype(np.int64), np.cumsum([len(code) for code in codes])[:-1]), len(distinct)


def _column_codes(series: list[pl.Series]) -> tuple[list[IntArray], int]:
    """Codes of one column and the number that all of them lie below."""
    dtype = series[0].dtype
    if dtype == pl.String:
        return _text_codes(series)
    if dtype.is_float():
        return _dense_series(series)
    values = [
        one.cast(pl.Int64).to_numpy() if dtype == pl.Boolean else one.to_physical().cast(pl.Int64).to_numpy()
        for one in series
    ]
    filled = [one for one in values if len(one)]
    if not filled:
        return values, 1
    low = min(int(one.min()) for one in filled)
    high = max(int(one.max()) for one in filled)
    if high - low >= _LIMIT:
        return _dense(values)
    return [one - low if low else one for one in values], high - low + 1


def _dense_series(series: list[pl.Series]) -> tuple[list[IntArray], int]:
    """Dense ranks over all the series: floats (0.0 equals -0.0), and text with many distinct values."""
    both = pl.concat([one.rename("x") for one in series])
    ranks = both.rank("dense").cast(pl.Int64).to_numpy() - 1
    return np.split(ranks, np.cumsum([len(one) for one in series])[:-1]), int(ranks.max(initial=0)) + 1


def _text_codes(series: list[pl.Series]) -> tuple[list[IntArray], int]:
    """Codes of text, encoding each run of equal values once."""
    starts = [run_starts(one) for one in series]
    heads = [one.gather(start) for one, start in zip(series, starts, strict=True)]
    distinct = pl.concat([head.rename("x") for head in heads]).unique().sort()
    if len(distinct) * 8 > sum(len(one) for one in series) > 10_000:
        return _dense_series(series)
    levels = pl.Enum(distinct)
    codes = []
    for one, start, head in zip(series, starts, heads, strict=True):
        lengths = np.diff(start, append=len(one))
        codes.append(np.repeat(head.cast(levels).to_physical().cast(pl.Int64).to_numpy(), lengths))
    return codes, max(len(distinct), 1)


def run_starts(series: pl.Series) -> IntArray:
    """Where each run of equal values starts, the first row included.

    In a column that is known to be sorted (Polars' own flag) the ends of runs are searched for: of millions
    of rows of some subjects, hundreds are looked at.
    """
    if len(series) == 0:
        return np.zeros(0, dtype=np.int64)
    if series.flags["SORTED_ASC"] and not series.null_count():
        starts = _searched(series)
        if starts is not None:
            return starts
    changed = series.ne_missing(series.shift(1))
    starts = changed.arg_true().cast(pl.Int64).to_numpy()
    return starts if len(starts) and starts[0] == 0 else np.concatenate(([0], starts)).astype(np.int64)


_MOST = 200
"""Runs in a sorted column up to which searching for their ends is quicker than looking at every row."""


def _searched(series: pl.Series) -> IntArray | None:
    """Where runs start in a sorted column; None where there are many."""
    n, start, length = len(series), 0, 0
    starts = [0]
    while len(starts) <= _MOST:
        value, end = series[start], start + length
        # recordings are often of one length: what was the last run's is tried before it is searched for
        if not (length and end <= n and series[end - 1] == value and (end == n or series[end] != value)):
            end = bisect.bisect_right(series, value, lo=start)
        if end == n:
            return np.array(starts, dtype=np.int64)
        start, length = end, end - start
        starts.append(start)
    return None


def strictly_increasing(codes: IntArray) -> bool:
    """Whether the codes are sorted and unique."""
    return bool((codes[1:] > codes[:-1]).all())


def count_repeats(codes: IntArray) -> int:
    """How many rows repeat the code of another; codes are not negative."""
    if strictly_increasing(codes):
        return 0
    top = int(codes.max(initial=-1)) + 1
    if top <= 4 * len(codes):
        return len(codes) - int(np.count_nonzero(np.bincount(codes, minlength=top)))
    return len(codes) - len(np.unique(codes))


def sorted_unique(frame: pl.DataFrame, columns: Sequence[str]) -> bool:
    """Whether the rows are sorted by the columns and no two have the same, found without encoding text.

    Args:
        frame: A frame without nulls in the columns.
        columns: Key columns, most significant first.
    """
    first, rest = frame[columns[0]], columns[1:]
    if first.dtype != pl.String:
        return strictly_increasing(encode([frame], columns)[0])
    starts = run_starts(first)
    heads = first.gather(starts)
    if not bool((heads.slice(1) > heads.slice(0, max(len(heads) - 1, 0))).all()):
        return False
    if not rest:
        return len(starts) == frame.height
    values = _ordered(frame[rest[0]]) if len(rest) == 1 else encode([frame], rest)[0]
    rising = values[1:] > values[:-1]
    rising[starts[1:] - 1] = True
    return bool(rising.all())


def _ordered(series: pl.Series) -> IntArray:
    """One column as integers that order as it does; as it is where it is integers or times already."""
    if series.dtype.is_integer() or series.dtype.is_temporal():
        physical: IntArray = series.to_physical().to_numpy()
        return physical
    return encode([series.to_frame()], [series.name])[0]


def same(left: pl.DataFrame, right: pl.DataFrame, columns: Sequence[str]) -> bool:
    """Whether two frames hold the same values in the columns, row by row."""
    if left.height != right.height:
        return False
    return all(bool((left[column] == right[column]).all()) for column in columns)


def duplicates(frame: pl.DataFrame, columns: Sequence[str]) -> IntArray:
    """Rows, in order, whose key an earlier row already has."""
    if sorted_unique(frame, columns):
        return np.zeros(0, dtype=np.int64)
    codes = encode([frame], columns)[0]
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    return np.sort(order[1:][ordered[1:] == ordered[:-1]])
