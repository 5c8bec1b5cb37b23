"""Text that is not acceptable YAML: one clear message at the right place."""

from __future__ import annotations

from pathlib import Path

import pytest

from accordance.protocols.errors import ContractError, Violation
from accordance.protocols.nodes import Place, ScalarNode
from accordance.protocols.source import MAX_BYTES, MAX_SCALAR, read_yaml


def violations(text: str) -> tuple[Violation, ...]:
    with pytest.raises(ContractError) as caught:
        read_yaml(text, "study.yaml")
    assert caught.value.exit_code == 4
    return caught.value.violations


CASES = {
    "tab": ("a:\n\tb: 1\n", 2, 1, "a tab stands where only spaces can indent", None),
    "tab deeper": ("a:\n  b: 1\n\tc: 1\n", 3, 1, "a tab stands where only spaces can indent", None),
    "colon in text": ("title: a: b\n", 1, 9, "quote a text that contains `: `", None),
    "uneven indentation": ("a: 1\n  b: 2\n", 2, 4, "indent the keys of a block evenly", None),
    "mapping after list": ("- a\nb: c\n", 2, 1, "the indentation does not fit", None),
    "open list": ("a: [1, 2\nb: 3\n", 1, 4, "starts with `[` is not closed", None),
    "open mapping": ("a: {b: 1\n", 1, 4, "starts with `{` is not closed", None),
    "open at the end": ("a: [", 1, 5, "a value is missing here, or a `[`", None),
    "open quote": ("a: 'x\n", 1, 4, "a quote is opened and never closed", None),
    "no colon": ("a: 1\nb\nc: 1\n", 3, 1, "a key without its colon", None),
    "at sign": ("a: @x\n", 1, 4, "cannot start with `@`", None),
    "percent": ("a: %x\n", 1, 4, "cannot start with `%`", None),
    "control character": ("a: b\nc: x\x00\n", 2, 5, "control character", "U+0000"),
    "empty": ("", 1, 1, "the file is empty", None),
    "only a comment": ("# nothing\n", 1, 1, "the file is empty", None),
    "a list": ("- a\n- b\n", 1, 1, "must hold keys and values", "a list"),
    "a word": ("hello\n", 1, 1, "must hold keys and values", "hello"),
    "duplicate key": ("a: 1\nb:\n  c: 1\n  c: 2\n", 4, 3, "already set in line 3", "c"),
    "anchor": ("a: &x 1\n", 1, 4, "anchors are not accepted", "&x"),
    "alias": ("a: *x\n", 1, 4, "aliases are not accepted", "*x"),
    "merge key": ("a:\n  <<: {b: 1}\n", 2, 3, "merge keys are not accepted", "<<"),
    "tag": (
        "a: !!python/name:os.system x\n",
        1,
        4,
        "tags are not accepted",
        "tag:yaml.org,2002:python/name:os.system",
    ),
    "second document": ("a: 1\n---\nb: 1\n", 2, 1, "one file holds one document", "---"),
    "list as a key": ("? [a]\n: 3\n", 1, 3, "a key must be a single word", None),
    "too deep": ("a: " + "[" * 60 + "]" * 60, 1, 43, "nested deeper than 40 levels", None),
}


@pytest.mark.parametrize(("text", "line", "column", "message", "found"), CASES.values(), ids=CASES)
def test_refused_text(text: str, line: int, column: int, message: str, found: str | None) -> None:
    [violation] = violations(text)
    assert (violation.file, violation.line, violation.column) == ("study.yaml", line, column)
    assert message in violation.message
    assert violation.found == found
    assert str(violation).startswith(f"study.yaml:{line}:{column}: ")


@pytest.mark.parametrize("quote", ["", '"'], ids=["plain", "quoted"])
def test_a_field_of_a_million_characters(quote: str) -> None:
    [violation] = violations(f"a: {quote}{'x' * 1_000_000}{quote}\n")
    assert (violation.line, violation.column) == (1, 4)
    assert f"1,000,000 characters; {MAX_SCALAR:,} is the most" in violation.message
    assert len(str(violation)) < 300


def test_a_file_beyond_any_protocol(tmp_path: Path) -> None:
    [violation] = violations("a: 1\n" * (MAX_BYTES // 5 + 1))
    assert "2,000,000 is the most" in violation.message
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (4 * MAX_BYTES + 1))
    with pytest.raises(ContractError, match="is the most"):
        read_yaml(large)


def test_all_refusals_at_once() -> None:
    found = violations("a: &x 1\nb: *x\nb: 2\nc: !t 3\n")
    assert [(one.line, one.column) for one in found] == [(1, 4), (2, 4), (3, 1), (4, 4)]


def test_not_utf8(tmp_path: Path) -> None:
    file = tmp_path / "latin.yaml"
    file.write_bytes("title: für\nnote: caf".encode() + b"\xe9\n")
    with pytest.raises(ContractError) as caught:
        read_yaml(file, "latin.yaml")
    [violation] = caught.value.violations
    assert (violation.file, violation.line, violation.column) == ("latin.yaml", 2, 10)
    assert "not UTF-8" in violation.message
    assert violation.found == "byte 0xe9"


def test_byte_order_mark_is_not_content(tmp_path: Path) -> None:
    file = tmp_path / "mark.yaml"
    file.write_bytes(b"\xef\xbb\xbfid: x\n")
    assert read_yaml(file).written(("id",)) == "x"


def test_absent_folder_and_unreadable(tmp_path: Path) -> None:
    for path, message in ((tmp_path / "absent.yaml", "no such file"), (tmp_path, "this is a folder")):
        with pytest.raises(ContractError, match=message):
            read_yaml(path)
    with pytest.raises(ContractError, match="cannot be read"):
        read_yaml(tmp_path / ("n" * 300))


def test_yaml_version_directive_changes_nothing() -> None:
    document = read_yaml("%YAML 1.1\n---\nanswer: no\n")
    node = document.root.entry("answer")
    assert node is not None
    assert isinstance(node[1], ScalarNode)
    assert node[1].natural() == "no"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("-7", -7),
        ("0", 0),
        ("1.50", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("", None),
        ("null", None),
        ("~", None),
        ("007", "007"),
        ("+7", "+7"),
        ("00.5", "00.5"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("no", "no"),
        ("yes", "yes"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
        ("2026-01-01", "2026-01-01"),
    ],
)
def test_value_of_a_plain_scalar(text: str, value: object) -> None:
    natural = ScalarNode(text, True, Place(1, 1)).natural()
    assert natural == value
    assert type(natural) is type(value)
    quoted = ScalarNode(text, False, Place(1, 1))
    assert (quoted.natural(), quoted.is_null, quoted.number(), quoted.boolean()) == (text, False, None, None)


def test_places() -> None:
    document = read_yaml("a:\n  - {b: 1}\n  - x\nc: {sex: [f, m], age: 3}\n")
    assert document.place(("a", 1)) == Place(3, 5)
    assert document.key_place(("a", 0, "b")) == Place(2, 6)
    assert document.place(("a", 0, "absent")) == Place(2, 5)
    assert document.place(("absent",)) == Place(1, 1)
    # A shorthand's place is that of the value it stands for.
    assert document.place(("c", "sex", "is", 1)) == Place(4, 14)
    assert document.written(("c", "age", "is", 0)) == "3"
    assert document.written(("c", "sex")) is None


def test_the_break_that_ends_a_block_is_layout() -> None:
    document = read_yaml("a: >-\n  x\n  y\nb: |\n  x\n\nc: 'x '\n")
    assert [document.written((key,)) for key in "abc"] == ["x y", "x", "x "]
