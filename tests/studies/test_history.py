"""The history of versions: numbers as they stand in comparisons, published definitions, nothing invented."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accordance.reports.comparison.change_control import markdown
from accordance.studies.comparing import compare
from accordance.studies.comparison_folder import Comparison
from accordance.studies.history import Past, history, oriented, past

sys.path.append(str(Path(__file__).parent))

import change_control_case as case

NAMED = {"v1": None, "v2": "retrain", "v3": "port"}


def of(found: Comparison, endpoint: str = "mae") -> dict[str, Any]:
    return next(one for one in found.document["history"] if one["endpoint"] == endpoint)


def test_numbers_stand_as_in_the_comparisons(tmp_path: Path) -> None:
    folder = case.write(tmp_path / "s", modifications=NAMED)
    first = compare(folder, baseline="v1", candidates="v2")
    second = compare(folder, baseline="v2", candidates="v3")
    last = compare(folder, baseline="v1", candidates="v3", pccp=True)
    entry = of(last)
    assert [step["version"] for step in entry["steps"]] == ["v2", "v3"]
    assert [one["name"] for one in entry["test_sets"]] == ["T1"]
    v2, v3 = entry["steps"]
    for measured, comparison, candidate in (
        (v2["learning"], first, "v2"),
        (v3["learning"], second, "v3"),
        (v3["retention"][0], second, "v3"),
        (v3["total"], last, "v3"),
    ):
        own = comparison.of("mae", candidate)
        assert measured["comparison"] == (None if comparison is last else comparison.run_id)
        for name in ("estimate", "lower", "upper"):
            assert measured[name] == own["improvement"][name]
        assert measured["decision"] == own["decision"]
        assert measured["candidate_value"] == own["candidate_value"]
    assert (v3["potential"]["estimate"], v3["potential"]["lower"]) == (0.0, None)


def test_what_nobody_compared_has_no_number(tmp_path: Path) -> None:
    folder = case.write(tmp_path / "s", modifications=NAMED)
    entry = of(compare(folder, baseline="v1", candidates=["v2", "v3"], pccp=True))
    learning = entry["steps"][1]["learning"]
    assert learning["estimate"] is learning["lower"] is learning["decision"] is None
    assert learning["reason"] == "v3 was not compared with v2 on test set T1"


def test_units_that_were_left_out_are_told(tmp_path: Path) -> None:
    tables = case.outputs()
    tables["v2"] = tables["v2"].slice(5)
    folder = case.write(tmp_path / "s", modifications=NAMED, tables=tables)
    compare(folder, baseline="v1", candidates="v2", overlap=True)
    found = compare(folder, baseline="v1", candidates="v3", pccp=True)
    learning = of(found)["steps"][0]["learning"]
    assert learning["estimate"] is not None
    assert learning["reason"] == "5 units that only one version has were left out"
    assert learning["reason"] in markdown(found)


def test_two_test_sets_follow_the_published_definitions(tmp_path: Path) -> None:
    """Learning S(V|D_V) - S(V-1|D_V); potential S(V-1|D_V-1) - S(V-1|D_V); retention on D_V-1; turned."""
    folder = case.write(tmp_path / "s", modifications=NAMED)
    old = compare(folder, baseline="v1", candidates="v2")
    case.put(folder, case.outputs(seed=2))
    new = compare(folder, baseline="v2", candidates="v3")
    case.put(folder, case.outputs(seed=1))
    last = compare(folder, baseline="v2", candidates="v3", pccp=True)
    entry = of(last)
    v2, v3 = entry["steps"]
    assert (v2["test_set"], v3["test_set"]) == ("T1", "T2")
    scores = new.of("mae", "v3")
    assert v3["learning"]["estimate"] == scores["improvement"]["estimate"]
    assert v3["learning"]["estimate"] == pytest.approx(-scores["candidate_value"] + scores["baseline_value"])
    then, now = old.of("mae", "v2")["candidate_value"], scores["baseline_value"]
    assert v3["potential"]["estimate"] == pytest.approx(-then + now)
    assert v3["potential"]["lower"] is None
    assert "different people" in v3["potential"]["reason"]
    (kept,) = v3["retention"]
    assert (kept["test_set"], kept["baseline"]) == ("T1", "v2")
    assert kept["candidate_value"] == last.of("mae", "v3")["candidate_value"]
    assert v3["total"]["reason"] == "v3 was not compared with v1 on test set T2"


def test_other_definitions_and_replaced_outputs_do_not_count(tmp_path: Path) -> None:
    folder = case.write(tmp_path / "s", modifications=NAMED)
    compare(folder, baseline="v1", candidates="v2")
    tables = case.outputs()
    tables["v2"] = tables["v4"]
    case.put(folder, tables)
    entry = of(compare(folder, baseline="v2", candidates="v3", pccp=True))
    assert [step["version"] for step in entry["steps"]] == ["v3"]  # v1 against another v2 is of no use
    other = case.write(
        tmp_path / "t", modifications=NAMED, protocol=case.PROTOCOL.replace("seed: 11", "seed: 12")
    )
    compare(other, baseline="v1", candidates="v2")
    case.write(other, modifications=NAMED)
    entry = of(compare(other, baseline="v2", candidates="v3", pccp=True))
    assert [step["version"] for step in entry["steps"]] == ["v3"]


def test_comparisons_that_cannot_be_read_or_were_changed_are_not_quoted_and_named(tmp_path: Path) -> None:
    folder = case.write(tmp_path / "s", modifications=NAMED)
    found = compare(folder, baseline="v1", candidates="v2")
    assert [one.run for one in past(folder)[0]] == [found.run_id]
    assert found.folder is not None
    file = found.folder / "comparison.json"
    text = file.read_text(encoding="utf-8")
    unreadable = dict.fromkeys(("{", "[]"), "cannot be read")
    changed = (text.replace('"non_inferior"', '"superior"'), text + " ")
    for broken, why in (unreadable | dict.fromkeys(changed, "was changed after it was written")).items():
        file.write_text(broken, encoding="utf-8")
        said = f"comparison {found.run_id} {why}, so the history does not quote it"
        assert past(folder) == ([], [said])
    last = compare(folder, baseline="v1", candidates="v3", pccp=True)
    assert last.document["history_notes"] == [said]
    assert said in markdown(last)
    file.write_text(text, encoding="utf-8")
    assert [one.run for one in past(folder)[0]] == [found.run_id, last.run_id]


def test_the_order_is_that_of_the_study(tmp_path: Path) -> None:
    folder = case.write(tmp_path / "s", modifications=NAMED)
    document = json.loads(json.dumps(compare(folder, baseline="v1", candidates=["v2", "v3"]).document))
    one = Past(None, document, "t", {})
    steps = history([], one, ["v1", "v3", "v2"])[0]["steps"]
    assert [step["version"] for step in steps] == ["v3", "v2"]
    steps = history([], one, ["v2", "v3"])[0]["steps"]  # v1 has left the study: it was before the others
    assert [step["previous"] for step in steps] == ["v1", "v2"]


@given(
    st.floats(0.01, 100), st.floats(0.01, 100), st.sampled_from(["higher", "lower", "near_zero"]),
    st.sampled_from(["difference", "ratio"]),
)  # fmt: skip
def test_more_is_better_once_turned(one: float, other: float, better: str, scale: str) -> None:
    first, second = oriented(one, better, scale), oriented(other, better, scale)
    assert first is not None and second is not None
    assert math.copysign(1, first - second) == math.copysign(
        1, (one - other) * (1 if better == "higher" else -1)
    ) or (first == second)
