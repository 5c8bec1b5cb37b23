"""The content hash sees content and nothing else."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accordance.datasets.provenance import content_hash, file_record, sha256_file
from accordance.protocols.errors import OutputError

FRAME = pl.DataFrame(
    {
        "subject": ["b", "a", "a", "ü"],
        "epoch": [1, 2, 1, 1],
        "hr": [60.5, None, 0.0, -1.0],
        "note": ["x", "", None, "long text that is not stored inline"],
        "ok": [True, False, None, True],
        "at": [datetime(2026, 1, 1), None, datetime(2026, 1, 2, 3, 4, 5, 6), datetime(1900, 1, 1)],
        "on": [date(2026, 1, 1), None, date(2026, 1, 2), date(1900, 1, 1)],
    }
)
KEY = ["subject", "epoch"]


def test_order_encoding_and_position_are_no_content() -> None:
    expected = content_hash(FRAME, KEY)
    same = [
        FRAME.sample(fraction=1, shuffle=True, seed=3),
        FRAME.select(FRAME.columns[::-1]),
        FRAME.with_row_index("row"),
        FRAME.with_columns(pl.col("subject").cast(pl.Categorical), pl.col("epoch").cast(pl.UInt8)),
        FRAME.with_columns(pl.col("hr") * -1.0 * -1.0, pl.col("at").cast(pl.Datetime("ns"))),
        pl.concat([FRAME.head(1), FRAME.tail(3)], rechunk=False),
        pl.concat([FRAME, FRAME]).slice(4),
        FRAME.with_columns(pl.when(pl.col("hr") == 0).then(-0.0).otherwise("hr").alias("hr")),
    ]
    assert [content_hash(frame, KEY) for frame in same] == [expected] * len(same)


def test_every_change_is_content() -> None:
    changed = [
        FRAME.with_columns(pl.col("hr").fill_null(0.0)),
        FRAME.with_columns(pl.col("note").fill_null("")),
        FRAME.with_columns(pl.col("ok").fill_null(False)),
        FRAME.rename({"hr": "HR"}),
        FRAME.head(3),
        FRAME.drop("ok"),
        FRAME.with_columns(pl.col("epoch").cast(pl.Float64)),
        FRAME.with_columns(pl.col("epoch").cast(pl.String)),
        FRAME.with_columns(pl.col("hr") + 1e-13),
        FRAME.with_columns(pl.col("at").dt.replace_time_zone("UTC")),
        FRAME.with_columns(note=pl.col("note").shift(1)),
    ]
    hashes = [content_hash(frame, KEY) for frame in (FRAME, *changed)]
    assert len(set(hashes)) == len(hashes)


def test_text_does_not_run_together() -> None:
    left, right = pl.DataFrame({"k": [1, 2], "s": ["ab", "c"]}), pl.DataFrame({"k": [1, 2], "s": ["a", "bc"]})
    assert content_hash(left, ["k"]) != content_hash(right, ["k"])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.text(max_size=4), st.integers(-5, 5), st.none() | st.floats(allow_nan=False)),
        max_size=12,
    ),
    st.integers(0, 99),
)
def test_shuffled_rows_also_where_the_key_names_none(rows: list, seed: int) -> None:
    schema = {"subject": pl.String, "epoch": pl.Int64, "x": pl.Float64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    shuffled = frame.sample(fraction=1, shuffle=True, seed=seed)
    assert content_hash(frame, ["subject"]) == content_hash(shuffled, ["subject"])


@pytest.mark.parametrize("compression", ["zstd", "uncompressed", "snappy"])
def test_parquet_compression_is_no_content(tmp_path: Path, compression: str) -> None:
    FRAME.write_parquet(tmp_path / "x.parquet", compression=compression)
    assert content_hash(pl.read_parquet(tmp_path / "x.parquet"), KEY) == content_hash(FRAME, KEY)


def test_the_hash_of_a_content_never_changes() -> None:
    """A lock written today holds tomorrow: change this value only with the version in the hash's header."""
    expected = "aba78a89f5d03cf9aaa61ce5621fb3070d0b4a53daf062bdfda88195513ea8aa"
    assert content_hash(FRAME, KEY) == expected


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(b"abc")
    # FIPS 180-2, appendix B.1.
    assert sha256_file(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    record = file_record(path, "data/x.bin")
    assert (record.path_relative, record.bytes) == ("data/x.bin", 3)
    assert record.sha256 == hashlib.sha256(b"abc").hexdigest()
    with pytest.raises(OutputError, match="cannot be read"):
        sha256_file(tmp_path / "none")
