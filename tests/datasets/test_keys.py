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
