"""Keys as integers: equal and ordered exactly as the columns are."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accordance.datasets import keys

KINDS = {
    "text": (pl.String, st.text("ab é", max_size=3)),
    "integer": (pl.Int64, st.integers(-3, 3) | st.integers(-(2**63), 2**63 - 1)),
    "number": (pl.Float64, st.sampled_from([0.0, -0.0, 1.5, -2.0, 1e300])),
    "boolean": (pl.Boolean, st.booleans()),
    "date": (pl.Date, st.dates(date(2020, 1, 1), date(2020, 1, 5))),
    "datetime": (pl.Datetime("us"), st.datetimes(datetime(1, 1, 1), datetime(9999, 1, 1))),
}


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_codes_equal_and_order_as_the_columns(data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=3))
    schema = {f"c{i}": KINDS[kind][0] for i, kind in enumerate(kinds)}
    rows = st.lists(st.tuples(*(KINDS[kind][1] for kind in kinds)), max_size=10)
    tables = [data.draw(rows), data.draw(rows)]
    frames = [pl.DataFrame(table, schema=schema, orient="row") for table in tables]
    codes = np.concatenate(keys.encode(frames, list(schema)))
    plain = [tuple(v.encode() if isinstance(v, str) else v for v in row) for table in tables for row in table]
    for i in range(len(plain)):
        for j in range(i):
            assert (codes[i] < codes[j]) == (plain[i] < plain[j])
            assert (codes[i] == codes[j]) == (plain[i] == plain[j])
    assert (codes >= 0).all()
    # Repeats and sortedness of the first table, told by looping.
    first = plain[: len(tables[0])]
    repeated = [i for i, row in enumerate(first) if row in first[:i]]
    assert keys.duplicates(frames[0], list(schema)).tolist() == repeated
    assert keys.count_repeats(codes[: len(first)]) == len(repeated)
    rising = all(a < b for a, b in pairwise(first))
    assert keys.sorted_unique(frames[0], list(schema)) == rising


@pytest.mark.parametrize("distinct", [10, 20_000])
def test_text_codes_of_long_columns(distinct: int) -> None:
    rng = np.random.default_rng(1)
    names = pl.Series("s", [f"n{value}" for value in rng.integers(0, distinct, 30_000)])
    codes = keys.encode([pl.DataFrame([names])], ["s"])[0]
    assert (pl.Series(codes).rank("dense") == names.rank("dense")).all()


def test_wide_columns_do_not_overflow() -> None:
    start = datetime(2026, 1, 1)
    frame = pl.DataFrame(
        {
            "a": [0, 2**62, -(2**63), 2**63 - 1],
            "b": [-(2**63), 0, 5, 2**63 - 1],
            "at": [start + timedelta(days=300 * i) for i in range(4)],
        }
    )
    codes = keys.encode([frame], ["a", "b", "at"])[0]
    assert np.argsort(codes).tolist() == [2, 0, 1, 3]


def test_a_frame_is_never_changed() -> None:
    frame = pl.DataFrame({"a": [0, 1, 2], "b": [0, 1, 2]})
    keys.encode([frame], ["a", "b"])
    assert frame.rows() == [(0, 0), (1, 1), (2, 2)]


@settings(max_examples=200, deadline=None)
@given(lengths=st.lists(st.integers(1, 40), min_size=1, max_size=30), pieces=st.integers(1, 4))
def test_runs_of_a_sorted_column_are_searched_for_and_found(lengths: list[int], pieces: int) -> None:
    names = [f"{place:02d}" for place, length in enumerate(lengths) for _ in range(length)]
    parts = [names[len(names) * one // pieces : len(names) * (one + 1) // pieces] for one in range(pieces)]
    whole = pl.concat([pl.Series("x", part, dtype=pl.String) for part in parts], rechunk=False)
    expected = keys.run_starts(pl.Series(names))
    found = keys.run_starts(whole.set_sorted())
    assert found.dtype == expected.dtype
    assert found.tolist() == expected.tolist() == (np.cumsum(lengths) - lengths).tolist()


def test_many_runs_of_a_sorted_column_are_not_searched_for() -> None:
    names = pl.Series([f"{place:04d}" for place in range(1000)])
    assert keys.run_starts(names.set_sorted()).tolist() == list(range(1000))


@given(data=st.data())
def test_codes_of_runs_are_the_codes_of_their_rows(data: st.DataObject) -> None:
    kinds = {"a": st.sampled_from(["x", "y", "zz"]), "b": st.integers(0, 2)}
    columns = data.draw(st.sampled_from([["a"], ["b"], ["a", "b"]]))
    frames = [
        pl.DataFrame(
            {name: data.draw(st.lists(kinds[name], min_size=n, max_size=n)) for name in ("a", "b")},
            schema={"a": pl.String, "b": pl.Int64},
        )
        for n in (data.draw(st.integers(0, 12)), data.draw(st.integers(0, 12)))
    ]
    rows = keys.encode(frames, columns)
    codes, starts = keys.encode_runs(frames, columns)
    spread = [
        np.repeat(code, np.diff(start, append=frame.height))
        for code, start, frame in zip(codes, starts, frames, strict=True)
    ]
    every = np.concatenate(spread)
    assert np.array_equal(
        np.unique(every, return_inverse=True)[1], np.unique(np.concatenate(rows), return_inverse=True)[1]
    )
    for start, one in zip(starts, spread, strict=True):
        assert start.tolist() == keys.starts_of(one).tolist()
