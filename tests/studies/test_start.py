"""The first files of a study, and that what is drafted can be checked, run and explained."""

from __future__ import annotations

import polars as pl
import pytest

from accordance.protocols import library
from accordance.protocols.errors import ContractError, OutputError, UsageError
from accordance.studies.check import check
from accordance.studies.folder import load
from accordance.studies.run import run
from accordance.studies.start import examples, init, simulate


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("example", examples())
def test_an_example_is_ready(tmp_path, example):
    made = init(tmp_path / "study", example=example)
    assert set(made["files"]) == set(contents(tmp_path / "study"))
    assert check(tmp_path / "study").config.id == example
    left = set(contents(tmp_path / "study")) - set(made["files"])
    assert all(name.startswith(".accordance/cache/") for name in left)
    assert "data/" in (tmp_path / "study" / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "runs/" in (tmp_path / "study" / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert ".accordance/" in (tmp_path / "study" / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_simulated_data_are_the_same_each_time(tmp_path):
    init(tmp_path / "first", example="spa-afib-ecg")
    init(tmp_path / "second", example="spa-afib-ecg")
    assert contents(tmp_path / "first") == contents(tmp_path / "second")


@pytest.mark.parametrize("name", library.names())
def test_a_library_protocol_asks_for_its_tables(tmp_path, name):
    init(tmp_path / "study", protocol=name)
    study = load(tmp_path / "study")
    assert study.protocol.id == name
    with pytest.raises(ContractError) as caught:
        check(tmp_path / "study")
    assert len(caught.value.violations) == len(study.protocol.tables)
    again = init(tmp_path / "again", protocol=f"library:{name}")
    assert again["from"] == f"library:{name}"


def test_a_draft_without_data_holds_but_for_the_data(tmp_path):
    made = init(tmp_path / "my study")
    assert made["from"] == "a draft"
    assert load(tmp_path / "my study").config.id == "my_study"
    with pytest.raises(ContractError) as caught:
        check(tmp_path / "my study")
    assert len(caught.value.violations) == 2


NUMBERS = {
    "reference.csv": {
        "pid": ["007", "007", "012", "012"],
        "epoch": [1, 2, 1, 2],
        "hr": [60.5, 61.0, 72.0, 75.5],
    },
    "test_1.2.csv": {
        "pid": ["007", "007", "012", "012"],
        "epoch": [1, 2, 1, 2],
        "hr": [61.0, 61.5, None, 74.0],
    },
    "subjects.csv": {"pid": ["007", "012"], "age": [33, 58], "sex": ["f", "m"]},
}
CLASSES = {
    "ecg_truth.csv": {"subject": list("abcdef"), "rhythm": ["AF", "SR"] * 3},
    "v1.csv": {
        "subject": list("abcdef"),
        "output": ["AF", "SR", "SR", "SR", "AF", "AF"],
        "odd name": [1] * 6,
    },
    "v2.csv": {"subject": list("abcdef"), "output": ["AF", "SR"] * 3},
}


@pytest.mark.parametrize("place", [".", "data"])
def test_ones_own_numbers_are_drafted_for(tmp_path, place):
    folder = tmp_path / place
    folder.mkdir(exist_ok=True)
    for name, columns in NUMBERS.items():
        pl.DataFrame(columns).write_csv(folder / name)
    made = init(tmp_path)
    assert made["from"] == "the tables found"
    study = check(tmp_path)
    assert study.versions == ("v1_2",)
    assert study.protocol.tables["test"].key == ("pid", "epoch")
    results = run(tmp_path)
    assert results.rows["metric"].unique(maintain_order=True).to_list() == [
        "bland_altman",
        "rmse",
        "coverage",
    ]
    assert results.endpoint("agreement")["n_units"].unique().to_list() == [3]
    assert results.decision == "informative"
    assert results.pairs("pairs", "v1_2")["subject"].to_list() == ["007", "007", "012", "012"]


def test_ones_own_classes_are_drafted_for(tmp_path):
    for name, columns in CLASSES.items():
        pl.DataFrame(columns).write_csv(tmp_path / name)
    init(tmp_path)
    study = check(tmp_path)
    assert study.versions == ("v1", "v2")
    endpoint = study.protocol.endpoints["sensitivity"]
    assert (endpoint.reference, endpoint.test, endpoint.positive) == ("rhythm", "output", ("AF",))
    assert "odd name" in (tmp_path / "protocol.yaml").read_text(encoding="utf-8")
    found = run(tmp_path).endpoint("sensitivity").filter(pl.col("view") == "primary")
    assert found.select("version", "n_events", "n_units").rows() == [("v1", 2, 3), ("v2", 3, 3)]


def test_parquet_is_looked_at_too(tmp_path):
    for name, columns in NUMBERS.items():
        pl.DataFrame(columns).write_parquet((tmp_path / name).with_suffix(".parquet"))
    init(tmp_path)
    assert check(tmp_path).versions == ("v1_2",)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.csv": "subject,x\n1,2\n", "b.csv": "subject,x\n1,2\n"}, "not which is which"),
        ({"reference.csv": "subject,x\n1,2\n"}, "not which is which"),
        ({"reference.csv": "who,x\n1,2\n", "test.csv": "whom,x\n1,2\n"}, "no column that names the subject"),
        ({"reference.csv": "subject\n1\n", "test.csv": "subject\n1\n"}, "no two columns to compare"),
        ({"reference.csv": "subject,x\n1,2\n", "t_1.csv": "", "t 1.csv": ""}, "names too alike"),
        ({"reference.csv": "", "test.csv": "subject,x\n1,2\n"}, "reference.csv cannot be read as a table"),
    ],
)
def test_tables_whose_parts_are_unclear(tmp_path, files, message):
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        init(tmp_path)
    assert set(contents(tmp_path)) == set(files)


@pytest.mark.parametrize(
    "existing", ["study.yaml", "protocol.yaml", "sections/background.md", ".gitignore", "data/x"]
)
def test_nothing_is_overwritten(tmp_path, existing):
    path = tmp_path / existing
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="nothing is overwritten"):
        init(tmp_path, example="pefr-1986")
    assert contents(tmp_path) == {existing: b"mine"}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"example": "pefr"},
            "there are: beat-detector, bp-iso81060, hr-wear, hr-weekly, pefr-1986, sleep-psg, spa-afib-ecg, "
            "spo2-fda2025. Did you mean `pefr-1986`",
        ),
        ({"protocol": "heart-rat"}, "Did you mean `heart-rate`"),
        ({"example": "pefr-1986", "protocol": "heart-rate"}, "not from both"),
    ],
)
def test_what_there_is_to_begin_from(tmp_path, asked, message):
    with pytest.raises(UsageError) as caught:
        init(tmp_path / "study", **asked)
    assert message in str(caught.value)
    assert not (tmp_path / "study").exists()


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="is a file"):
        init(tmp_path / "file")
    with pytest.raises(OutputError):
        init(tmp_path / "file" / "study")


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("simulator: nobody\nseed: 1\n", "names no simulator"),
        ("simulator: spa_afib_ecg\nseed: x\n", "whole number"),
    ],
)
def test_a_recipe_names_simulator_and_seed(tmp_path, recipe, message):
    (tmp_path / "simulate.yaml").write_text(recipe, encoding="utf-8")
    with pytest.raises(ContractError, match=message):
        simulate(tmp_path / "simulate.yaml", tmp_path / "data")
