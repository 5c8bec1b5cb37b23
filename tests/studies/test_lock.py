"""The lock, and what is pre-specified."""

from __future__ import annotations

import json

import pytest

from accordance.protocols.canonical import digest
from accordance.protocols.errors import ContractError, IntegrityError, UsageError
from accordance.studies import ledger
from accordance.studies.folder import load
from accordance.studies.lock import lock, verify
from accordance.studies.run import run

WHO = "A. Author"


def edit(study, file, old, new):
    path = study / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def stamps(results):
    """(endpoint, version) -> pre_specified; every row of one place says the same."""
    found = {}
    for row in results.rows.iter_rows(named=True):
        place = (row["endpoint"], row["version"])
        assert found.setdefault(place, row["pre_specified"]) == row["pre_specified"]
    return found


def messages(results):
    return {(entry["what"], entry["id"]): entry["message"] for entry in results.document["post_hoc"]}


def test_nothing_is_pre_specified_while_nothing_is_locked(make_study):
    results = run(make_study())
    assert set(stamps(results).values()) == {None}
    assert results.document["lock"] is None
    assert results.document["decision_pre_specified"] is None
    assert results.document["post_hoc"] == []


def test_a_lock_holds_hashes_of_protocol_and_data(make_study):
    study = make_study()
    written = lock(study, who=WHO)
    assert json.loads((study / "study.lock").read_text(encoding="utf-8")) == written
    assert written["protocol_sha256"] == digest(load(study).protocol)
    assert set(written["data"]) == {"subjects", "reference", "test@v1", "test@v2"}
    assert set(written["endpoints"]) == {"error", "sensitivity"}
    assert written["algorithm"]["decides"] == "v2"
    assert (written["who"], written["when"][-1]) == (WHO, "Z")
    entry = ledger.read(study)[-1]
    assert (entry["what"], entry["who"]) == ("lock", WHO)
    assert verify(study)["sha256"] == entry["details"]["sha256"]


def test_after_the_lock_all_rows_are_pre_specified(make_study):
    study = make_study()
    lock(study, who=WHO)
    results = run(study)
    assert set(stamps(results).values()) == {True}
    assert results.document["decision_pre_specified"] is True
    assert results.document["lock"]["who"] == WHO
    assert results.document["post_hoc"] == []


def test_a_changed_criterion_is_post_hoc_and_nothing_else_is(make_study):
    study = make_study()
    lock(study, who=WHO)
    edit(study, "protocol.yaml", "limit: 10,", "limit: 12,")
    results = run(study)
    assert stamps(results) == {
        ("error", "v1"): False,
        ("error", "v2"): False,
        ("sensitivity", "v1"): True,
        ("sensitivity", "v2"): True,
        ("yield", "v1"): True,
        ("yield", "v2"): True,
        ("coverage_epochs_rate", "v1"): False,  # it follows `error`
        ("coverage_epochs_rate", "v2"): False,
        ("coverage_epochs_rhythm", "v1"): True,
        ("coverage_epochs_rhythm", "v2"): True,
    }
    assert results.document["decision_pre_specified"] is False
    found = messages(results)
    assert found["protocol", "endpoints.error.criterion.limit"] == "was 10.0, is 12.0"
    assert ("endpoint", "error") in found


def test_a_comment_in_the_protocol_changes_nothing(make_study):
    study = make_study()
    lock(study, who=WHO)
    edit(study, "protocol.yaml", "seed: 7", "seed: 7  # declared beforehand")
    results = run(study)
    assert set(stamps(results).values()) == {True}
    assert results.document["post_hoc"] == []


def test_an_added_endpoint_is_post_hoc(make_study):
    study = make_study()
    lock(study, who=WHO)
    more = (
        "  mae: {title: MAE, role: exploratory, metric: mae, average: pooled, reference: rate, test: rate}\n"
    )
    path = study / "protocol.yaml"
    path.write_text(path.read_text(encoding="utf-8") + more, encoding="utf-8")
    results = run(study)
    assert stamps(results)["mae", "v2"] is False
    assert stamps(results)["error", "v2"] is True
    assert results.document["decision_pre_specified"] is True
    assert messages(results)["endpoint", "mae"] == "was not in the locked protocol"


def test_a_dropped_deciding_endpoint_takes_the_decision_with_it(make_study):
    study = make_study()
    edit(study, "protocol.yaml", "role: primary", "role: co_primary")
    edit(
        study,
        "protocol.yaml",
        "    role: secondary\n",
        "    role: co_primary\n    criterion: {compare: lower, operator: '>', limit: 0.2, source: None.}\n",
    )
    lock(study, who=WHO)
    text = (study / "protocol.yaml").read_text(encoding="utf-8")
    (study / "protocol.yaml").write_text(text[: text.index("  sensitivity:")], encoding="utf-8")
    results = run(study)
    assert stamps(results)["error", "v2"] is True
    assert results.document["decision_pre_specified"] is False
    assert "no longer there" in messages(results)["endpoint", "sensitivity"]


def test_changed_data_of_one_version_make_its_rows_post_hoc(make_study):
    study = make_study()
    lock(study, who=WHO)
    edit(study, "data/test_v1.csv", "61.0", "61.5")
    results = run(study)
    assert stamps(results)["error", "v1"] is False
    assert stamps(results)["error", "v2"] is True
    assert results.document["decision_pre_specified"] is True
    assert list(messages(results)) == [("data", "test@v1")]


def test_changed_reference_data_make_all_rows_post_hoc(make_study):
    study = make_study()
    lock(study, who=WHO)
    edit(study, "data/reference.csv", "60.0", "60.5")
    results = run(study)
    assert set(stamps(results).values()) == {False}
    assert list(messages(results)) == [("data", "reference")]


def test_the_order_of_rows_is_no_change_of_data(make_study):
    study = make_study()
    lock(study, who=WHO)
    path = study / "data" / "reference.csv"
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([head, *reversed(lines)]) + "\n", encoding="utf-8")
    assert set(stamps(run(study)).values()) == {True}


def test_a_plan_is_locked_before_there_are_data(make_study):
    study = make_study()
    kept = (study / "data" / "reference.csv").read_text(encoding="utf-8")
    (study / "data" / "reference.csv").unlink()
    with pytest.raises(ContractError):
        lock(study, who=WHO)
    assert lock(study, who=WHO, without_data=True)["data"] is None
    (study / "data" / "reference.csv").write_text(kept, encoding="utf-8")
    results = run(study)
    assert set(stamps(results).values()) == {True}
    assert results.document["lock"]["with_data"] is False


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("    v1: {sources", "    v1: {build: abc, sources", ("version", "v1")),
        ("    v1: {sources", "    v3: {sources", ("version", "v3")),
    ],
)
def test_another_build_or_version_is_post_hoc(make_study, old, new, place):
    study = make_study()
    lock(study, who=WHO)
    edit(study, "study.yaml", old, new)
    results = run(study)
    assert stamps(results)["error", place[1]] is False
    assert stamps(results)["error", "v2"] is True
    assert place in messages(results)


def test_another_deciding_version_is_post_hoc(make_study):
    study = make_study()
    lock(study, who=WHO)
    edit(study, "study.yaml", "  name: Algorithm", "  name: Algorithm\n  decides: v1")
    results = run(study)
    assert stamps(results)["error", "v1"] is False
    assert results.document["decision_pre_specified"] is False


def test_a_study_is_locked_once(make_study):
    study = make_study()
    lock(study, who=WHO)
    before = (study / "study.lock").read_bytes()
    with pytest.raises(UsageError, match=r"locked already, by A\. Author"):
        lock(study, who="B. Author")
    assert (study / "study.lock").read_bytes() == before
    assert len(ledger.read(study)) == 1


def test_a_lock_has_a_name(make_study):
    with pytest.raises(UsageError, match="name of the person"):
        lock(make_study(), who="  ")


def tamper_lock(study):
    edit(study, "study.lock", '"limit": 10.0', '"limit": 12.0')


def remove_lock(study):
    (study / "study.lock").unlink()


def remove_ledger(study):
    (study / "ledger.jsonl").unlink()


def tamper_ledger(study):
    edit(study, "ledger.jsonl", WHO, "B. Author")


@pytest.mark.parametrize("change", [tamper_lock, remove_lock, remove_ledger, tamper_ledger])
def test_tampering_stops_a_run_before_it_computes(make_study, change):
    study = make_study()
    lock(study, who=WHO)
    change(study)
    with pytest.raises(IntegrityError) as caught:
        run(study)
    assert caught.value.exit_code == 5
    assert not (study / "runs").exists()
