"""The byte scan of CSV files, against Python's own csv reader, with chunks of a few bytes.

Oracle: the standard library's `csv` module.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accordance.datasets import csv_text

cells = st.text(st.sampled_from('ab,"\n é;'), max_size=6)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.integers(1, 3).flatmap(
        lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=6)
    ),
    ending=st.sampled_from(["\n", "\r\n"]),
    chunk=st.integers(1, 40),
    blank=st.booleans(),
)
def test_scan_agrees_with_the_csv_module(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rows: list[list[str]],
    ending: str,
    chunk: int,
    blank: bool,
) -> None:
    monkeypatch.setattr(csv_text, "_CHUNK", chunk)
    width = len(rows[0])
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=ending, quoting=csv.QUOTE_ALL)
    header = [f"c{number}" for number in range(width)]
    lines = []
    for row in [header, *rows]:
        lines.append(out.getvalue().count("\n") + 1)
        writer.writerow(row)
        out.write(ending if blank else "")
    path = tmp_path / "x.csv"
    path.write_bytes(out.getvalue().encode())
    found = csv_text.open_csv(path, "x.csv")
    assert found.header == tuple(header)
    assert found.part.n_rows == len(rows)
    starts = found.part.starts
    assert lines[1:] == [n + 2 if starts is None else int(starts[n]) for n in range(len(rows))]
    frame = found.read(header)
    assert frame.rows() == [tuple(cell or None for cell in row) for row in rows]
    assert set(frame.dtypes) == {pl.String}


def test_columns_that_are_not_asked_for_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,,b\n1,2,3\n")
    found = csv_text.open_csv(path, "x.csv")
    assert found.header == ("a", "(column 2)", "b")
    assert found.read(["b", "a"]).rows() == [("3", "1")]
