"""Two data frames and a protocol, without a folder."""

from __future__ import annotations

import subprocess
import sys

import pandas as pd
import polars as pl
import pytest

import accordance as ac
from accordance.protocols.errors import ContractError, UsageError
from accordance.protocols.load import parse
from accordance.studies.run import run


@pytest.fixture
def study(make_study):
    return make_study()


def frames(study, version="v2"):
    types = {"rate": pl.Float64, "epoch": pl.Int64, "age": pl.Int64}
    read = {}
    for name in ("subjects", "reference", f"test_{version}"):
        frame = pl.read_csv(study / "data" / f"{name}.csv", infer_schema=False)
        own = {column: kind for column, kind in types.items() if column in frame.columns}
        read[name.split("_")[0]] = frame.with_columns(pl.all().replace("", None)).cast(own)
    return read


def numbers(results):
    return results.rows.drop("row_id", "version", "algorithm", "pre_specified").to_dicts()


def test_frames_and_files_give_the_same_numbers(study):
    written = run(study)
    given = frames(study)
    results = ac.evaluate(
        given["reference"], given["test"], protocol=study / "protocol.yaml", subjects=given["subjects"]
    )
    only = written.rows.filter(pl.col("version") == "v2")
    assert numbers(results) == only.drop("row_id", "version", "algorithm", "pre_specified").to_dicts()
    assert results.folder is None
    assert results.decision == "met"
    row = results.rows.row(0, named=True)
    assert results.slice(row["row_id"]).height == row["n_units"]


@pytest.mark.parametrize("kind", ["pandas", "dict", "arrow"])
def test_any_make_of_frame_will_do(study, kind):
    given = frames(study)
    convert = {
        "pandas": lambda frame: frame.to_pandas(),
        "dict": lambda frame: frame.to_dict(as_series=False),
        "arrow": lambda frame: frame.to_arrow(),
    }[kind]
    made = {name: convert(frame) for name, frame in given.items()}
    assert kind != "pandas" or isinstance(made["test"], pd.DataFrame)
    protocol = parse((study / "protocol.yaml").read_text(encoding="utf-8"))
    results = ac.evaluate(made["reference"], made["test"], protocol=protocol, subjects=made["subjects"])
    expected = ac.evaluate(given["reference"], given["test"], protocol=protocol, subjects=given["subjects"])
    assert numbers(results) == numbers(expected)


def test_a_protocol_as_text_or_path(study):
    given = frames(study)
    text = (study / "protocol.yaml").read_text(encoding="utf-8")
    for protocol in (text, str(study / "protocol.yaml")):
        results = ac.evaluate(
            given["reference"], given["test"], protocol=protocol, subjects=given["subjects"], version="v9"
        )
        assert results.rows["version"].unique().to_list() == ["v9"]


def test_frames_by_the_name_of_their_table(study):
    given = frames(study)
    results = ac.evaluate(
        {"reference": given["reference"]},
        {"test": given["test"]},
        protocol=study / "protocol.yaml",
        subjects=given["subjects"],
    )
    assert results.decision == "met"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"protocol": "no-such-protocol"}, UsageError, "neither a file nor one of the library"),
        ({"subjects": None}, UsageError, "pass its rows as `subjects=`"),
        ({"test": {"subject": ["001"], "epoch": [1]}}, ContractError, "rate"),
        ({"test": [1, 2, 3]}, ContractError, "table `test` is a list"),
    ],
)
def test_what_does_not_fit_is_refused(study, change, error, message):
    given = {**frames(study), "protocol": study / "protocol.yaml", **change}
    with pytest.raises(error, match=message):
        ac.evaluate(given["reference"], given["test"], protocol=given["protocol"], subjects=given["subjects"])


def test_the_violations_of_all_frames_are_listed(study):
    given = frames(study)
    broken = {name: frame.with_columns(extra=pl.lit(1)) for name, frame in given.items()}
    with pytest.raises(ContractError) as caught:
        ac.evaluate(
            broken["reference"], broken["test"], protocol=study / "protocol.yaml", subjects=broken["subjects"]
        )
    assert len(caught.value.violations) == 3


def test_subjects_without_a_subjects_table(study):
    given = frames(study)
    text = (study / "protocol.yaml").read_text(encoding="utf-8")
    start, end = text.index("  subjects:\n"), text.index("  reference:\n")
    plain = text[:start] + text[end:]
    plain = plain.replace("exclusions:\n  withdrawn: {title: Subject withdrew, table: subjects}\n", "")
    plain = plain.replace(
        "  age: {by: age, bands: [18, 65, 75]}\n  cohort: {by: cohort}\n", "  epoch: {by: epoch}\n"
    )
    plain = plain.replace("    by: [cohort]\n", "")
    with pytest.raises(UsageError, match="takes no subjects"):
        ac.evaluate(given["reference"], given["test"], protocol=plain, subjects=given["subjects"])
    results = ac.evaluate(given["reference"], given["test"], protocol=plain)
    assert results.decision == "met"
    assert results.document["demographics"] == []
    levels = results.endpoint("error").filter(pl.col("subgroup") == "epoch")["level"].to_list()
    assert levels == ["1", "2"]


def test_importing_costs_next_to_nothing():
    code = (
        "import sys; before = set(sys.modules); import accordance; "
        "print(sorted({'numpy', 'polars', 'pydantic', 'scipy', 'plotly'} & (set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_face_names_what_it_has():
    assert {"run", "evaluate", "plot", "Results", "__version__"} <= set(dir(ac))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        ac.nothing  # noqa: B018
