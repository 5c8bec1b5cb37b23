"""Every way in which a data file can be broken has one clear message, and nothing is guessed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from accordance.datasets.csv_text import MAX_FIELD
from accordance.datasets.read import read_table
from accordance.datasets.sources import Source
from accordance.protocols.errors import ContractError, OutputError, Violation
from accordance.protocols.model import Column, Table

HEAD = "subject,epoch,hr\n"

CASES = {
    "empty file": (b"", "data/hr.csv: the file is empty; a header line and at least one row are needed."),
    "blank lines only": (
        b"\n\r\n  \n",
        "data/hr.csv: the file is empty; a header line and at least one row are needed.",
    ),
    "header only": (HEAD.encode(), "data/hr.csv:1: holds a header but no rows."),
    "header without newline": (b"subject,epoch,hr", "data/hr.csv:1: holds a header but no rows."),
    "UTF-16": (
        (HEAD + "a,1,2\n").encode("utf-16"),
        "data/hr.csv:1: is UTF-16, not UTF-8; save the file as UTF-8.",
    ),
    "NUL byte": (
        HEAD.encode() + b"a,1,\x002\n",
        "data/hr.csv:2: holds a NUL byte, so it is not a text file.",
    ),
    "duplicate header": (
        b"subject,epoch,hr,hr\na,1,2,3\n",
        "data/hr.csv:1: hr: column name appears 2 times in the header.",
    ),
    "open quotation mark": (
        (HEAD + 'a,1,60\nb,1,"60\nc,1,61\n').encode(),
        "data/hr.csv:3: a quotation mark is never closed.",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_broken_file(case: str, read: Callable, refused: Callable) -> None:
    content, message = CASES[case]
    (violation,) = refused(read, content)
    assert str(violation) == message


def test_not_utf8_names_line_and_byte(read: Callable, refused: Callable) -> None:
    content = (HEAD + "a,1,60\n").encode() + "Müller,1,61\n".encode("latin-1")
    (violation,) = refused(read, content)
    assert (violation.line, violation.found) == (3, "byte 0xFC")
    assert "is not UTF-8 (perhaps Windows-1252 or Latin-1)" in str(violation)


def test_not_utf8_beyond_the_first_chunk(
    read: Callable, refused: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accordance.datasets.csv_text._CHUNK", 64)
    rows = "".join(f"é{number:03d},1,60\n" for number in range(100))
    (violation,) = refused(read, (HEAD + rows).encode() + b"\xff,1,2\n")
    assert violation.line == 102


def test_ragged_lines_are_counted_and_shown(read: Callable, refused: Callable) -> None:
    (violation,) = refused(read, HEAD + "a,1,60\nb,1\nc,1,61,9\nd,1,62\n" + "e,1\n" * 5)
    assert violation.count == 7
    assert violation.line == 3
    assert violation.examples[:2] == ("line 3: 2 fields", "line 4: 4 fields")
    assert violation.examples[-1] == "and 2 more"


def test_semicolons_are_said_to_be_no_separator(read: Callable, refused: Callable) -> None:
    (violation,) = refused(read, "subject;epoch;hr\na;1;60\n")
    assert str(violation) == (
        "data/hr.csv:1: fields are separated by commas; the header has none (found `subject;epoch;hr`)."
    )


def test_field_of_a_million_characters(read: Callable, refused: Callable) -> None:
    (violation,) = refused(read, HEAD + "a,1,60\n" + "x" * 10**6 + ",2,60\n")
    assert violation.line == 3
    assert str(violation).startswith(
        f"data/hr.csv:3: a field of 1,000,000 characters; at most {MAX_FIELD:,} are accepted."
    )
    assert len(str(violation)) < 300


def test_string_in_a_numeric_column(read: Callable, refused: Callable) -> None:
    (violation,) = refused(read, HEAD + "a,1,60\nb,1,high\nc,1,\u0661\nd,1,1_000\n")
    assert (violation.key, violation.line, violation.count) == ("hr", 3, 3)
    assert violation.examples == ("line 3: 'high'", "line 4: '\u0661'", "line 5: '1_000'")
    assert "accepted: a number such as 72.5" in violation.message


def test_string_in_a_numeric_column_of_a_typed_source(table: Table, study: Path, refused: Callable) -> None:
    frame = pl.DataFrame({"subject": ["a"], "epoch": [1], "hr": ["60"]})
    frame.write_parquet(study / "data" / "hr.parquet")
    (violation,) = refused(
        read_table, "reference", table, Source(file="data/hr.parquet"), base=study, roots={"data": "data"}
    )
    assert str(violation).startswith("data/hr.parquet: hr: holds text; the contract says number")


def test_missing_words_are_explained(read: Callable, refused: Callable) -> None:
    (violation,) = refused(read, HEAD + "a,1,N/A\n")
    assert "leave a missing value empty" in str(violation)


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("NaN", "not a finite number"),
        ("inf", "not a finite number"),
        ("-1", "outside the accepted range 0 to 300 1/min"),
        ("300.1", "outside the accepted range"),
    ],
)
def test_number_that_is_no_heart_rate(cell: str, words: str, read: Callable, refused: Callable) -> None:
    (violation,) = refused(read, f"{HEAD}a,1,60\nb,1,{cell}\n")
    assert (violation.line, violation.key) == (3, "hr")
    assert words in str(violation)


def test_duplicate_keys(read: Callable, refused: Callable) -> None:
    (violation,) = refused(read, HEAD + "a,1,60\nb,1,60\na,1,61\n")
    assert (violation.line, violation.key, violation.count) == (4, "subject, epoch", 1)
    assert violation.examples == ("line 4: subject 'a', epoch 1",)


def test_everything_wrong_is_said_at_once(read: Callable, refused: Callable) -> None:
    violations = refused(
        read,
        "subject,Epoch,hr,note\n 007,1,60\n,2,x\nb,y,-5\n".replace(",x\n", ",x,\n")
        .replace("60\n", "60,\n")
        .replace("-5\n", "-5,\n"),
    )
    text = "\n".join(str(violation) for violation in violations)
    assert "epoch: column is missing; found: `subject`, `Epoch`, `hr`, `note`" in text
    assert "Did you mean `Epoch`?" in text
    assert "note: column is not in the contract of table `reference`" in text
    assert "subject: empty in a key column" in text
    assert "blanks before or after" in text
    assert "hr: not a number" in text
    assert "hr: outside the accepted range" in text


def test_truncated_parquet(table: Table, study: Path, refused: Callable) -> None:
    whole = study / "data" / "whole.parquet"
    pl.DataFrame({"subject": ["a"] * 1000, "epoch": range(1000), "hr": [60.0] * 1000}).write_parquet(whole)
    content = whole.read_bytes()
    for size, words in (
        (len(content) // 2, "truncated or damaged"),
        (4, "truncated or damaged"),
        (0, "empty"),
    ):
        broken = study / "data" / "broken.parquet"
        broken.write_bytes(content[:size])
        (violation,) = refused(
            read_table,
            "reference",
            table,
            Source(file="data/broken.parquet"),
            base=study,
            roots={"data": "data"},
        )
        assert violation.file == "data/broken.parquet"
        assert words in violation.message


def test_damaged_inside_parquet(table: Table, study: Path, refused: Callable) -> None:
    path = study / "data" / "hr.parquet"
    values = {
        "subject": [f"s{i}" for i in range(5000)],
        "epoch": range(5000),
        "hr": [60.0 + i / 7 % 9 for i in range(5000)],
    }
    pl.DataFrame(values).write_parquet(path)
    content = bytearray(path.read_bytes())
    content[4:2000] = bytes(1996)
    path.write_bytes(content)
    (violation,) = refused(
        read_table, "reference", table, Source(file="data/hr.parquet"), base=study, roots={"data": "data"}
    )
    assert "truncated or damaged" in violation.message


def test_parquet_that_is_a_csv(table: Table, study: Path, refused: Callable) -> None:
    (study / "data" / "hr.parquet").write_text(HEAD)
    (violation,) = refused(
        read_table, "reference", table, Source(file="data/hr.parquet"), base=study, roots={"data": "data"}
    )
    assert "is not a Parquet file" in violation.message


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"file": "data/no.csv"}, "there is no such file"),
        ({"file": "data"}, "is a folder; use `folder`"),
        ({"glob": "data/*.csv"}, "no file matches this pattern"),
        ({"folder": "data"}, "the folder holds no file ending in .csv, .parquet, .pq"),
        ({"folder": "data/none"}, "there is no such folder"),
        ({"file": "data/x.csv", "glob": "data/*"}, "exactly one of"),
        ({}, "exactly one of"),
    ],
)
def test_source_that_gives_nothing(
    source: dict, words: str, table: Table, study: Path, refused: Callable
) -> None:
    (violation,) = refused(
        read_table, "reference", table, Source(**source), base=study, roots={"data": "data"}
    )
    assert words in str(violation)


def test_unknown_ending(table: Table, study: Path, refused: Callable) -> None:
    (study / "data" / "hr.xlsx").write_bytes(b"x")
    (violation,) = refused(
        read_table, "reference", table, Source(file="data/hr.xlsx"), base=study, roots={"data": "data"}
    )
    assert "names no known format" in violation.message


def test_every_broken_file_of_a_folder_is_named(table: Table, study: Path, refused: Callable) -> None:
    for name, text in (("a.csv", HEAD + "a,1,60\n"), ("b.csv", ""), ("c.csv", HEAD)):
        (study / "data" / name).write_text(text)
    violations = refused(
        read_table, "reference", table, Source(folder="data"), base=study, roots={"data": "data"}
    )
    assert [violation.file for violation in violations] == ["data/b.csv", "data/c.csv"]


def test_files_with_different_columns_and_types(table: Table, study: Path, refused: Callable) -> None:
    (study / "data" / "a.csv").write_text(HEAD + "a,1,60\n")
    (study / "data" / "b.csv").write_text("subject,epoch,rate\na,1,60\n")
    (violation,) = refused(
        read_table, "reference", table, Source(glob="data/*.csv"), base=study, roots={"data": "data"}
    )
    assert str(violation) == "data/b.csv: has other columns than data/a.csv: lacks `hr`, has `rate` besides."

    pl.DataFrame({"subject": ["a"], "epoch": [1], "hr": [60.0]}).write_parquet(study / "data" / "a.parquet")
    pl.DataFrame({"subject": ["b"], "epoch": [1], "hr": ["60"]}).write_parquet(study / "data" / "b.parquet")
    (violation,) = refused(
        read_table, "reference", table, Source(glob="data/*.parquet"), base=study, roots={"data": "data"}
    )
    assert str(violation).startswith("data/b.parquet: hr: holds text here, numbers in data/a.parquet")


def test_rows_of_several_files_are_shown_with_their_file(
    table: Table, study: Path, refused: Callable
) -> None:
    (study / "data" / "a.csv").write_text(HEAD + "a,1,60\n")
    (study / "data" / "b.csv").write_text(HEAD + "b,1,61\n\nb,2,x\n")
    (violation,) = refused(
        read_table, "reference", table, Source(folder="data"), base=study, roots={"data": "data"}
    )
    assert (violation.file, violation.line) == ("data/b.csv", 4)
    assert violation.examples == ("data/b.csv, line 4: 'x'",)


def test_mixed_formats(table: Table, study: Path, refused: Callable) -> None:
    (study / "data" / "a.csv").write_text(HEAD + "a,1,60\n")
    pl.DataFrame({"subject": ["a"]}).write_parquet(study / "data" / "b.parquet")
    (violation,) = refused(
        read_table, "reference", table, Source(folder="data"), base=study, roots={"data": "data"}
    )
    assert "CSV and Parquet files are mixed" in violation.message
    only = read_table(
        "reference", table, Source(folder="data", format="csv"), base=study, roots={"data": "data"}
    )
    assert only.n_rows == 1


def test_unknown_unit_names_both_and_the_declared(read: Callable, refused: Callable) -> None:
    (violation,) = refused(read, HEAD + "a,1,1.2\n", units={"hr": "Hz"})
    assert str(violation) == (
        "data/hr.csv: source.units.hr: no declared conversion from `Hz` to `1/min`, the unit of the "
        "contract. Declared conversions: none (found `Hz`)."
    )


def test_undeclared_exclusion_code(read: Callable, refused: Callable) -> None:
    contract = Table(
        key=("subject",),
        exclusion="excluded",
        columns={"subject": Column(type="text"), "excluded": Column(type="text")},
    )
    (violation,) = refused(read, "subject,excluded\na,\nb,motion\nc,moton\n", contract=contract)
    assert (violation.line, violation.key) == (4, "excluded")
    assert "declared: `motion`" in str(violation)
    assert violation.suggestion == "motion"


def test_unreadable_file_is_an_output_error(
    table: Table, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (study / "data" / "hr.csv").write_text(HEAD + "a,1,60\n")

    def fail(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(OutputError, match=r"data/hr.csv: cannot be read: Permission denied"):
        read_table("reference", table, Source(file="data/hr.csv"), base=study, roots={"data": "data"})


def test_violations_end_with_exit_code_4() -> None:
    assert ContractError([Violation("x")]).exit_code == 4
