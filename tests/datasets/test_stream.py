"""Streams: reading some subjects at a time gives the rows that reading a table whole gives."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accordance.datasets import stream as streams
from accordance.datasets.opened import Opened
from accordance.datasets.read import TableData, read_table
from accordance.datasets.sources import Source
from accordance.datasets.store import Store
from accordance.datasets.stream import Stream, open_stream
from accordance.protocols.errors import ContractError
from accordance.protocols.model import Column, Table

TABLE = Table(
    key=("subject", "t"),
    time="t",
    columns={
        "subject": Column(type="text"),
        "t": Column(type="integer", unit="s"),
        "hr": Column(type="number", unit="1/min", range=(20, 250), missing="allowed"),
    },
)
SOURCE = Source(folder="data")


def rows(subject: str, n: int, first: int = 0) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "subject": [subject] * n,
            "t": range(first, first + n),
            "hr": [None if second % 7 == 3 else 60.0 + second % 50 for second in range(n)],
        }
    )


def write(folder: Path, files: dict[str, pl.DataFrame]) -> None:
    (folder / "data").mkdir(parents=True, exist_ok=True)
    for name, frame in files.items():
        frame.write_parquet(folder / "data" / f"{name}.parquet")


def opened(folder: Path, source: Source = SOURCE, table: Table = TABLE) -> Stream:
    stream = open_stream(
        "test", table, source, base=folder, roots={"data": "data"}, store=Store(folder / "cache")
    )
    assert stream is not None
    return stream


def whole(folder: Path, source: Source = SOURCE) -> TableData:
    return read_table("test", TABLE, source, base=folder, roots={"data": "data"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(
        tmp_path,
        {
            "a": rows("002", 5),
            "b": pl.concat([rows("001", 4), rows("003", 3)]),
            "c": rows("002", 2, first=100),
        },
    )
    return tmp_path


def test_what_is_known_before_rows_are_read(folder: Path) -> None:
    stream = opened(folder)
    assert stream.counts == {"001": 4, "002": 7, "003": 3}
    assert stream.n_rows == 14
    assert [part.first_row for part in stream.parts] == [0, 5, 12]
    assert [record.path_relative for record in stream.files] == [f"data/{n}.parquet" for n in "abc"]
    assert [part.path.name for part in stream.touched(["002"])] == ["a.parquet", "c.parquet"]


@pytest.mark.parametrize(
    "subjects", [["001"], ["002"], ["001", "003"], ["001", "002", "003"], ["002", "003"]]
)
def test_some_subjects_are_the_same_rows_as_of_the_whole(folder: Path, subjects: list[str]) -> None:
    expected = whole(folder).frame.filter(pl.col("subject").is_in(subjects))
    found = opened(folder).read(subjects).frame
    assert found.sort("row").equals(expected.sort("row"))


@pytest.mark.parametrize(
    ("subjects", "in_order"),
    [
        (["001"], True),
        (["002"], True),  # of two files
        (["001", "003"], True),
        (["001", "002"], False),  # 002 stands in the files before and behind that of 001
    ],
)
def test_subjects_in_order_are_known_to_be(folder: Path, subjects: list[str], in_order: bool) -> None:
    column = opened(folder).read(subjects).frame["subject"]
    assert column.flags["SORTED_ASC"] == in_order == column.is_sorted()


def test_of_a_file_in_order_only_the_stretch_that_is_asked_for_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["003", "001", "004", "002"]
    write(tmp_path, {"a": pl.concat([rows(name, 3 + place) for place, name in enumerate(names)])})
    stream = opened(tmp_path)
    (part,) = stream.parts
    assert list(part.counts) == names
    assert part.stretch({"001", "004"}) == (3, 9)
    assert part.stretch({"003", "004"}) is None
    assert part.stretch({"999"}) is None
    monkeypatch.setattr(Opened, "of_subjects", lambda *_: pytest.fail("rows were looked through"))
    expected = whole(tmp_path).frame
    for chosen in (["003"], ["001", "004"], ["002"], ["001", "002", "004"]):
        found = stream.read(chosen).frame
        assert found.equals(expected.filter(pl.col("subject").is_in(chosen)))


@pytest.mark.parametrize("at_once", [1, 2, 5, 1000])
def test_rows_of_subjects_that_lie_among_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(streams, "_AT_ONCE", at_once)
    mixed = pl.concat([rows("001", 4), rows("002", 3), rows("001", 2, first=50), rows("003", 1)])
    write(tmp_path, {"a": mixed, "b": pl.concat([rows("004", 3), rows("005", 4)])})
    stream = opened(tmp_path)
    assert [part.together for part in stream.parts] == [False, True]
    assert stream.counts == {"001": 6, "002": 3, "003": 1, "004": 3, "005": 4}
    expected = whole(tmp_path).frame
    for chosen in (["001"], ["002", "004"], ["003", "005"]):
        found = stream.read(chosen).frame
        assert found.sort("row").equals(expected.filter(pl.col("subject").is_in(chosen)).sort("row"))


def test_a_subject_without_rows_is_an_empty_table(folder: Path) -> None:
    found = opened(folder).read(["999"]).frame
    assert found.height == 0
    assert found.schema == whole(folder).frame.schema


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.tuples(st.sampled_from("ABCD"), st.integers(1, 6)), min_size=1, max_size=6),
    data=st.data(),
)
def test_batches_put_together_are_the_whole(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[tuple[str, int]], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("stream")
    frames = {f"f{i}": rows(subject, n, first=100 * i) for i, (subject, n) in enumerate(sizes)}
    write(folder, frames)
    stream = opened(folder)
    subjects = data.draw(st.permutations(list(stream.counts)))
    cut = data.draw(st.integers(0, len(subjects)))
    parts = [stream.read(part).frame for part in (subjects[:cut], subjects[cut:])]
    assert pl.concat(parts).sort("row").equals(whole(folder).frame.sort("row"))


def test_names_that_differ_and_subjects_that_are_numbers(tmp_path: Path) -> None:
    frame = rows("1", 3).with_columns(pl.col("subject").cast(pl.Int64)).rename({"subject": "id"})
    write(tmp_path, {"a": frame, "b": frame.with_columns(id=pl.lit(2, dtype=pl.Int64))})
    source = Source(folder="data", columns={"subject": "id"})
    stream = opened(tmp_path, source)
    assert stream.counts == {"1": 3, "2": 3}
    assert stream.read(["2"]).frame["subject"].to_list() == ["2"] * 3


def test_the_content_hash_is_that_of_the_files_whatever_their_names(folder: Path, tmp_path: Path) -> None:
    before = opened(folder).content_sha256
    (folder / "data" / "a.parquet").rename(folder / "data" / "z.parquet")
    assert opened(folder).content_sha256 == before
    write(folder, {"z": rows("002", 6)})
    assert opened(folder).content_sha256 != before


def test_counts_are_kept_and_not_counted_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = opened(folder).counts
    monkeypatch.setattr(pl, "scan_parquet", lambda *_, **__: pytest.fail("a file was read"))
    assert opened(folder).counts == first


def test_csv_and_sql_are_no_streams(folder: Path) -> None:
    rows("001", 3).write_csv(folder / "data" / "x.csv")
    for source in (Source(file="data/x.csv"), Source(sql="SELECT 1")):
        store = Store(folder / "cache")
        roots = {"data": "data"}
        assert open_stream("test", TABLE, source, base=folder, roots=roots, store=store) is None


def test_all_damaged_and_different_files_are_named(folder: Path) -> None:
    (folder / "data" / "a.parquet").write_bytes(b"PAR1 and no more")
    (folder / "data" / "c.parquet").write_bytes(b"")
    with pytest.raises(ContractError) as caught:
        opened(folder)
    assert [one.file for one in caught.value.violations] == ["data/a.parquet", "data/c.parquet"]


def test_a_file_with_another_column_is_named(folder: Path) -> None:
    write(folder, {"c": rows("002", 2, first=100).rename({"hr": "rate"})})
    with pytest.raises(ContractError, match=r"data/c\.parquet.*lacks `hr`"):
        opened(folder)


def test_no_subject_column_and_empty_subjects(tmp_path: Path) -> None:
    write(tmp_path, {"a": rows("001", 2).rename({"subject": "who"})})
    with pytest.raises(ContractError, match="names the subject"):
        opened(tmp_path)
    write(tmp_path, {"a": rows("001", 2).with_columns(subject=pl.Series([None, "001"], dtype=pl.String))})
    with pytest.raises(ContractError, match="every row needs its key"):
        opened(tmp_path)


def test_values_outside_the_contract_are_said_with_file_and_row(folder: Path) -> None:
    wrong = rows("002", 2, first=100).with_columns(hr=pl.Series([61.0, 900.0]))
    write(folder, {"c": wrong})
    with pytest.raises(ContractError) as caught:
        opened(folder).read(["002"])
    assert "data/c.parquet" in str(caught.value)
    assert "row 2" in str(caught.value)
    assert opened(folder).read(["001"]).n_rows == 4


def test_a_column_of_another_type_in_one_file_is_said(folder: Path) -> None:
    write(folder, {"c": rows("002", 2, first=100).with_columns(hr=pl.Series(["61", "62"]))})
    with pytest.raises(ContractError, match="text here, numbers in"):
        opened(folder).read(["002"])


def test_a_tree_whose_folders_name_the_subject(tmp_path: Path) -> None:
    """Subjects are counted from the folders; the same rows as when read whole."""
    for subject in ("007", "08"):
        for half in (0, 1):
            path = tmp_path / "data" / f"subject={subject}" / f"{half}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            rows(subject, 3, first=10 * half).drop("subject").write_parquet(path)
    stream = opened(tmp_path)
    assert stream.counts == {"007": 6, "08": 6}
    expected = whole(tmp_path).frame
    assert stream.read(["007", "08"]).frame.equals(expected)
    assert stream.read(["08"]).frame.equals(expected.filter(pl.col("subject") == "08"))


def test_a_file_in_another_subjects_folder_is_another_stream(tmp_path: Path) -> None:
    contents = []
    for subject in ("001", "002"):
        folder = tmp_path / subject
        write(folder, {})
        (folder / "data" / f"subject={subject}").mkdir()
        rows("x", 3).drop("subject").write_parquet(folder / "data" / f"subject={subject}" / "x.parquet")
        contents.append(opened(folder).content_sha256)
    assert contents[0] != contents[1]


def test_folders_and_files_that_disagree_on_the_subject(tmp_path: Path) -> None:
    path = tmp_path / "data" / "subject=001" / "x.parquet"
    path.parent.mkdir(parents=True)
    pl.concat([rows("001", 2), rows("002", 2)]).write_parquet(path)
    stream = opened(tmp_path)
    for subjects in (["001", "002"], ["002"]):
        with pytest.raises(ContractError, match="the folder says `subject=001`"):
            stream.read(subjects)


def test_columns_that_the_contract_does_not_know(tmp_path: Path) -> None:
    write(tmp_path, {"a": rows("001", 3).with_columns(spare=1)})
    with pytest.raises(ContractError, match="not in the contract"):
        opened(tmp_path).read(["001"])
