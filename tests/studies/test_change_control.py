"""Candidates held against the plan: within only where everything holds, never where something is missing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import accordance as ac
from accordance.protocols.errors import UsageError
from accordance.studies import lock
from accordance.studies.change_control import overall
from accordance.studies.comparing import compare
from accordance.studies.training_manifest import training_manifest

sys.path.append(str(Path(__file__).parent))

import change_control_case as case


def held(folder: Path, *names: str, **asked: Any) -> dict[str, Any]:
    found = compare(folder, baseline="v1", candidates=names or None, pccp=True, **asked)
    control: dict[str, Any] = found.document["change_control"]
    return control


def test_within_and_outside_and_not_permitted(tmp_path: Path) -> None:
    control = held(case.write(tmp_path / "s"))
    found = control["candidates"]
    assert {name: one["result"] for name, one in found.items()} == {
        "v2": "within", "v3": "outside", "v4": "not_permitted", "v5": "not_permitted",
    }  # fmt: skip
    assert found["v2"]["words"] == "Within the plan: all 3 requirements hold; no locked plan"
    assert found["v2"]["reasons"] == []
    assert found["v3"]["reasons"][0].startswith("mae: not met")
    assert any("superior is required: Inferior" in reason for reason in found["v3"]["reasons"])
    assert found["v4"]["reasons"] == ["study.yaml names no `modification` for `v4`"]
    assert found["v5"]["reasons"] == [
        "`retrian` is not declared; permitted are `retrain`, `port`. Did you mean `retrain`?"
    ]
    assert found["v2"]["declared"]["data"] == "Sites 1 to 9; site 10 is sequestered."
    assert (control["locked"], found["v2"]["pre_specified"]) == (False, None)


def test_criteria_are_those_of_a_run_that_the_candidate_decides(tmp_path: Path) -> None:
    folder = case.write(tmp_path / "s")
    control = held(folder, "v2", "v3")
    for version in ("v2", "v3"):
        config = (folder / "study.yaml").read_text(encoding="utf-8").replace(
            "  versions:\n", f"  decides: {version}\n  versions:\n"
        )  # fmt: skip
        single = tmp_path / version
        case.write(single)
        (single / "study.yaml").write_text(config, encoding="utf-8")
        ran = ac.run(single)
        decisions = {one["id"]: one["decision"] for one in ran.document["endpoints"]}
        lines = [one for one in control["candidates"][version]["lines"] if one["kind"] == "criterion"]
        assert [line["endpoint"] for line in lines] == ["mae", "bias"]
        for line in lines:
            assert line["decision"] == decisions[line["endpoint"]]
            assert line["holds"] is (line["decision"] == "met")
            (row,) = line["rows"]
            other = ran.rows.filter(pl.col("row_id") == row["row_id"]).row(0, named=True)
            for name in ("estimate", "ci_lower", "ci_upper", "criterion", "n_subjects"):
                assert row[name] == other[name]


def test_superiority_is_asked_where_the_plan_asks_it(tmp_path: Path) -> None:
    named = {**case.MODIFICATIONS, "v4": "retrain"}
    found = held(case.write(tmp_path / "a", modifications=named), "v4")["candidates"]["v4"]
    (line,) = [one for one in found["lines"] if one["kind"] == "comparison"]
    assert (line["decision"], line["holds"], found["result"]) == ("non_inferior", False, "outside")
    named = {**case.MODIFICATIONS, "v4": "port"}
    found = held(case.write(tmp_path / "b", modifications=named), "v4")["candidates"]["v4"]
    assert (found["result"], [one["holds"] for one in found["lines"]]) == ("within", [True])


def test_identical_outputs_are_not_evaluable(tmp_path: Path) -> None:
    named = {**case.MODIFICATIONS, "v5": "port"}
    found = held(case.write(tmp_path / "s", modifications=named), "v5")["candidates"]["v5"]
    assert found["result"] == "not_evaluable"
    assert "identical" in found["reasons"][0]


def test_units_left_out_make_no_pass(tmp_path: Path) -> None:
    tables = case.outputs()
    tables["v2"] = tables["v2"].slice(5)
    found = held(case.write(tmp_path / "s", tables=tables), "v2", overlap=True)["candidates"]["v2"]
    (line,) = [one for one in found["lines"] if one["kind"] == "comparison"]
    assert (line["decision"], line["holds"], found["result"]) == ("superior", None, "not_evaluable")
    assert "5 units that only one version has were left out" in line["reason"]


def test_a_study_that_lacks_what_the_protocol_demands(tmp_path: Path) -> None:
    demands = "requirements: {many: {count: subjects, at_least: 100}}\n"
    named = {**case.MODIFICATIONS, "v4": "port"}  # which asks for a comparison only
    folder = case.write(tmp_path / "s", protocol=case.PROTOCOL + demands, modifications=named)
    for found in (held(folder, "v2", "v4")["candidates"][name] for name in ("v2", "v4")):
        assert found["result"] == "not_evaluable"
        assert any("does not satisfy what the protocol demands" in reason for reason in found["reasons"])


def test_another_baseline_than_the_planned_one(tmp_path: Path) -> None:
    control = case.CONTROL.replace("change_control:\n", "change_control:\n  baseline: v1\n")
    folder = case.write(tmp_path / "s", control=control)
    assert held(folder, "v2")["candidates"]["v2"]["result"] == "within"
    against = compare(folder, baseline="v3", candidates="v2", pccp=True).document["change_control"]
    found = against["candidates"]["v2"]
    assert found["result"] == "not_evaluable"
    assert "the plan names `v1` as the baseline" in found["reasons"][0]


def test_what_is_asked_beside_the_plan_is_refused(tmp_path: Path) -> None:
    folder = case.write(tmp_path / "s")
    with pytest.raises(UsageError, match=r"the plan fixes the level 0\.95, and 0\.8 was asked for"):
        held(folder, "v2", level=0.8)
    with pytest.raises(UsageError, match="declares no `change_control`"):
        held(case.write(tmp_path / "t", control=""), "v2")
    assert not (folder / "comparisons").exists() or not list((folder / "comparisons").iterdir())


def test_locked_before_and_changed_afterwards(tmp_path: Path) -> None:
    folder = case.write(tmp_path / "s", modifications={"v1": None})
    lock.lock(folder, who="A. Tester")
    case.write(folder)  # later versions come
    found = held(folder, "v2")["candidates"]["v2"]
    assert (found["pre_specified"], found["version_locked"]) == (True, False)
    assert found["words"] == "Within the plan: all 3 requirements hold"
    for old, new in (
        ("mae: superior", "mae: non_inferior"),
        ("Weights", "Anything"),
        ("margin: 1.0", "margin: 2.0"),
    ):
        case.write(
            folder, control=case.CONTROL.replace(old, new), comparison=case.COMPARISON.replace(old, new)
        )
        found = held(folder, "v2")["candidates"]["v2"]
        assert found["pre_specified"] is False, new
        assert found["result"] == "not_evaluable", new
        assert found["words"].endswith("post hoc, it differs from the locked plan")


DEMANDS = "requirements: {many: {count: subjects, at_least: 10}}\n"
PLANNED = case.CONTROL.replace("change_control:\n", "change_control:\n  baseline: v1\n")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({}, None),
        ({"control": PLANNED.replace("baseline: v1", "baseline: v4")}, "the plan's `baseline` differs"),
        ({"protocol": case.PROTOCOL}, "the section `requirements` differs"),
        ({"tables": case.outputs() | {"v1": case.outputs()["v3"]}}, "the baseline is not the locked one"),
        ({"tables": case.outputs(2)}, None),
    ],
    ids=["nothing", "baseline", "requirement", "outputs of the baseline", "test set"],
)
def test_a_plan_made_after_the_lock_makes_no_pass(
    tmp_path: Path, changed: dict[str, Any], reason: str | None
) -> None:
    planned: dict[str, Any] = {"protocol": case.PROTOCOL + DEMANDS, "control": PLANNED}
    folder = case.write(tmp_path / "s", **planned, modifications={"v1": None, "v4": None})
    lock.lock(folder, who="A. Tester")
    case.write(folder, **(planned | changed))
    baseline = "v4" if "control" in changed else "v1"
    document = compare(folder, baseline=baseline, candidates="v2", pccp=True).document
    found = document["change_control"]["candidates"]["v2"]
    assert all(line["holds"] for line in found["lines"])
    assert found["result"] == ("within" if reason is None else "not_evaluable")
    assert found["pre_specified"] is (reason is None)
    assert [reason in told for told in found["reasons"]] == ([] if reason is None else [True])


def test_without_the_option_nothing_of_it_is_written(tmp_path: Path) -> None:
    document = compare(case.write(tmp_path / "s"), baseline="v1", candidates="v2").document
    assert "change_control" not in document
    assert "history" not in document


@given(st.lists(st.sampled_from([True, False, None]), max_size=6), st.booleans())
def test_within_only_where_everything_holds(holds: list[bool | None], doubts: bool) -> None:
    result = overall(holds, doubts=doubts)
    assert (result == "within") == (bool(holds) and set(holds) == {True} and not doubts)
    assert (result == "outside") == (False in holds)


@pytest.mark.parametrize("knew", ["v1", "v2", None])
def test_a_version_that_knew_test_subjects_makes_no_pass(tmp_path: Path, knew: str | None) -> None:
    """Both versions have a training manifest; one test subject in either takes the result away."""
    folder = case.write(tmp_path / "s")
    text = (folder / "study.yaml").read_text(encoding="utf-8")
    for version in ("v1", "v2"):
        made = training_manifest(["s1-03" if version == knew else "nobody"], salt="0123456789abcdef")
        (folder / f"{version}.yaml").write_text(made.text(), encoding="utf-8")
        named = f"    {version}: {{artefact: {{training: {{manifest: {version}.yaml}}}}, "
        text = text.replace(f"    {version}: {{", named)
    (folder / "study.yaml").write_text(text, encoding="utf-8")
    found = held(folder, "v2")["candidates"]["v2"]
    assert found["result"] == ("within" if knew is None else "not_evaluable")
    (compared,) = [line for line in found["lines"] if line["kind"] == "comparison"]
    assert compared["holds"] is (True if knew is None else None)
    assert any("trained on" in reason for reason in found["reasons"]) is (knew is not None)
