"""Training manifests: made, written, read again, and refused with everything that is wrong at once."""

from __future__ import annotations

import hashlib
import json
import string
import unicodedata
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import accordance
from accordance.protocols.errors import ContractError
from accordance.studies import training_files
from accordance.studies.training_manifest import SCHEMA, salted, training_manifest

SALT = "0123456789abcdef"
SECRET = "Doe-Jane-1970"


def by_definition(key: bytes, message: bytes) -> str:
    """HMAC as RFC 2104 writes it: H((K xor opad) || H((K xor ipad) || text)), block of 64 bytes."""
    block = (key if len(key) <= 64 else hashlib.sha256(key).digest()).ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + message).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in block) + inner).hexdigest()


@given(st.text(string.ascii_letters + string.digits + "-_äöü", min_size=1), st.text(min_size=1, max_size=90))
def test_a_hash_is_the_hmac_of_its_definition(subject, salt):
    name = unicodedata.normalize("NFC", subject)
    assert salted(subject, salt) == by_definition(salt.encode(), name.encode())


def test_a_published_value():
    # RFC 4231, test case 2: key "Jefe", data "what do ya want for nothing?"
    assert (
        salted("what do ya want for nothing?", "Jefe")
        == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


def test_blanks_around_a_key_and_forms_of_a_letter_do_not_matter_but_spelling_does():
    assert salted(" Zo\u00eb ", SALT) == salted("Zoe\u0308", SALT)
    assert salted("S1", SALT) != salted("s1", SALT)


@settings(max_examples=40)
@given(
    st.sets(st.text(string.ascii_letters, min_size=1, max_size=5), min_size=1, max_size=20),
    st.sets(st.text(string.ascii_letters, min_size=1, max_size=5), max_size=20),
    st.sampled_from(["yaml", "json", "csv"]),
)
def test_what_is_written_finds_exactly_the_shared_subjects(tmp_path_factory, trained, tested, form):
    path = tmp_path_factory.mktemp("m") / f"training.{form}"
    made = training_manifest(
        sorted(trained), salt=SALT, sites=["Basel, CH", 'the "old" one'], last="2024-06-30"
    )
    path.write_text(made.text(form), encoding="utf-8")
    read = training_files.read(path)
    assert read.overlap(tested) == sorted(trained & tested)
    assert (read.sites, read.first, read.last) == (made.sites, None, "2024-06-30")
    assert read.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_names_nobody_and_its_order_tells_nothing():
    one = training_manifest([SECRET, "b", "a"], salt=SALT)
    other = training_manifest(["a", "b", SECRET], salt=SALT)
    assert SECRET not in one.text() + one.text("json") + one.text("csv") + repr(one)
    assert one.text() == other.text()


def test_salts_are_random_unless_given():
    first, second = (training_manifest(["a"]) for _ in range(2))
    assert len(first.salt) >= 16 and first.salt != second.salt


def test_it_is_on_the_face_of_the_package():
    made = accordance.training_manifest([7, "7", "8"], salt=SALT, first=date(2024, 1, 2))
    assert (len(made.subjects), made.duplicates, made.first) == (2, 1, "2024-01-02")


def test_everything_wrong_with_a_list_is_said_at_once():
    with pytest.raises(ContractError) as caught:
        training_manifest(["a", " ", ""], salt="short", first="spring", last="2024-13-01")
    said = {(one.key, one.count) for one in caught.value.violations}
    assert said == {("salt", None), ("from", None), ("to", None), ("subjects", 2)}
    with pytest.raises(ContractError, match="there are no subjects"):
        training_manifest([], salt=SALT)
    for keys in ([1.0, 2.0], ["1", None], [float("nan")], np.array([1.5]), [b"1"], [True]):
        with pytest.raises(ContractError, match="expected texts or whole numbers"):
            training_manifest(keys, salt=SALT)
    assert training_manifest(np.array([1, 2]), salt=SALT).overlap(["1", "3"]) == ["1"]
    with pytest.raises(ContractError, match="lies after the last one"):
        training_manifest(["a"], salt=SALT, first="2024-02-01", last="2024-01-01")


def text(**changed) -> dict:
    made = json.loads(training_manifest(["a", "b"], salt=SALT).text("json"))
    return {key: value for key, value in {**made, **changed}.items() if value is not None}


def write(tmp_path, content, name="training.json"):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def violations(path):
    with pytest.raises(ContractError) as caught:
        training_files.read(path, "training")
    return caught.value.violations


@pytest.mark.parametrize(
    ("changed", "key", "message"),
    [
        ({"salt": "another salt than that"}, "check", "the salt is not the one the hashes were made with"),
        ({"check": "0" * 64}, "check", "the salt is not the one the hashes were made with"),
        ({"check": None}, "check", "this key is missing"),
        ({"salt": None}, "salt", "this key is missing"),
        ({"salt": "short", "check": salted(SCHEMA, "short")}, "salt", "the salt has 5 characters"),
        ({"algorithm": "sha256"}, "algorithm", "expected `hmac-sha256`"),
        ({"algorithm": ["hmac-sha256", "hmac-sha256"]}, "algorithm", "this key is set more than once"),
        ({"schema": "accordance/training-manifest/2"}, "schema", "expected `accordance/training-manifest/1`"),
        ({"subjects": []}, "subjects", "no subjects are listed"),
        ({"subjects": None}, "subjects", "no subjects are listed"),
        ({"from": "spring"}, "from", "expected a date"),
        ({"from": "2024-02-01", "to": "2024-01-01"}, "from", "the first day lies after the last one"),
        ({"sites": [7]}, "sites", "expected text"),
        ({"subjects": [7, "0" * 64, {"a": 1}]}, "subjects", "2 of 3 entries (number 1, number 3)"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path, changed, key, message):
    (found,) = violations(write(tmp_path, text(**changed)))
    assert (found.file, found.key) == ("training", key)
    assert message in found.message


def test_everything_is_said_at_once_with_lines_and_no_key_of_a_subject(tmp_path):
    path = write(
        tmp_path,
        f"schema: {SCHEMA}\nalgoritm: hmac-sha256\nsalt: short\nto: soon\n{SECRET}: 1\n"
        f"subjects:\n  - {SECRET}\n  - {'0' * 64}\n  - {SECRET}\n",
        "training.yaml",
    )
    found = violations(path)
    assert {(one.key, one.line) for one in found} == {
        ("algorithm", None),
        ("check", None),
        ("algoritm", 2),
        ("salt", 3),
        ("to", 4),
        (None, 5),
        ("subjects", 7),
    }
    assert next(one for one in found if one.key == "algoritm").suggestion == "algorithm"
    assert SECRET not in "".join(map(str, found))
    assert "2 of 3 entries (line 7, line 9)" in "".join(map(str, found))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.yaml", "", "the file is empty"),
        ("t.yaml", f"{SECRET}\nRoe-Richard\n", "the file must hold keys and values"),
        ("t.yaml", f"subjects: [{SECRET}\n", "not valid YAML"),
        ("t.yaml", f"subjects: {{{SECRET}: 1}}\n", "no subjects are listed"),
        ("t.json", "{", "not valid JSON"),
        ("t.json", "[1]", "the file must hold one object"),
        ("t.json", "[" * 100_000, "nested too deeply"),
        ("t.csv", f"subject\n{SECRET}\n", "has the columns `key` and `value`, a comma"),
        ("t.csv", f"key,value\nsubjects,{SECRET},x\n", "expected a key and a value, found 3 cells"),
        ("t.csv", f"key,value\nsubjects;{SECRET}\n", "expected a key and a value, found 1 cells"),
        ("t.csv", f"key;value\nsubjects;{SECRET}\n", "has the columns `key` and `value`, a comma"),
        ("t.csv", f"key\tvalue\nsubjects\t{SECRET}\n", "has the columns `key` and `value`, a comma"),
        ("t.txt", f"key\tvalue\nsubjects\t{SECRET}\n", "not valid YAML: a tab stands"),
        ("t.txt", f"key;value\nsubjects;{SECRET}\n", "the file must hold keys and values"),
    ],
)
def test_files_that_cannot_be_read_say_why_and_quote_nobody(tmp_path, name, content, message):
    found = violations(write(tmp_path, content, name))
    said = "".join(map(str, found))
    assert message in said
    assert SECRET not in said


def test_a_file_that_is_not_there_a_folder_and_bytes(tmp_path):
    assert "no such file" in violations(tmp_path / "none.yaml")[0].message
    assert "folder" in violations(tmp_path)[0].message
    (tmp_path / "t.csv").write_bytes(b"key,value\n\xff")
    assert "not UTF-8" in violations(tmp_path / "t.csv")[0].message


def test_entries_that_repeat_others_count_once_and_are_counted(tmp_path):
    hashes = text()["subjects"]
    read = training_files.read(write(tmp_path, text(subjects=[*hashes, hashes[0].upper()])))
    assert (len(read.subjects), read.duplicates) == (2, 1)


def test_long_lists_belong_into_json_or_csv(tmp_path):
    made = training_manifest(range(40_000), salt=SALT)
    (found,) = violations(write(tmp_path, made.text(), "t.yaml"))
    assert "as .json or .csv" in found.message
    for form in ("json", "csv"):
        assert len(training_files.read(write(tmp_path, made.text(form), f"t.{form}")).subjects) == 40_000


@pytest.mark.parametrize(
    ("content", "sites", "first"),
    [
        ("007\n 008 \n\n007\n", (), None),
        ("subject\n007\n008\n007\n", (), None),
        ("site,subject,date\nBasel,007,2024-03-01\nBasel,008,2024-01-02\n,007,\n", ("Basel",), "2024-01-02"),
    ],
)
def test_a_list_of_subjects(tmp_path, content, sites, first):
    made = training_files.subject_list(write(tmp_path, content, "ids.csv"), salt=SALT)
    assert made.overlap(["007", "008", "7"]) == ["007", "008"]
    assert (made.sites, made.first, made.duplicates) == (sites, first, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,site\n1,Basel\n", "with a column `subject`"),
        ("subject;site\n007;Basel\n", "more than a subject in a line"),
        ("subject\tsite\n007\tBasel\n", "more than a subject in a line"),
        ("007;Basel\n008;Ulm\n", "more than a subject in a line"),
        ("subject\n007|Basel\n", "more than a subject in a line"),
        ("007\n008,Ulm\n", "more than a subject in a line"),
        ("site,subject\nBasel, CH,007\n", "not 2 cells in a line"),
        ("site,subject\n007\n", "not 2 cells in a line"),
        ("subject,subject\n007,008\n", "a column `subject` once"),
        ("Subject\n007\n", "its name is written `subject`"),
        ("USUBJID\n007\n", "its name is written `subject`"),
        ("subject,date\n1,spring\n2,2024-01-01\n", "1 of 2 dates are none"),
        ("subject,site\n", "there are no subjects"),
        (" \n", "the file is empty"),
    ],
)
def test_a_list_that_is_none(tmp_path, content, message):
    with pytest.raises(ContractError, match=message):
        training_files.subject_list(write(tmp_path, content, "ids.csv"), salt=SALT)
