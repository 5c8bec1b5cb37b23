"""What a gate answers about a comparison, and that nothing passes that was not decided so."""

from __future__ import annotations

import pytest
from comparison_documents import WORDS, WORST_FIRST, comparison, row, write
from hypothesis import given
from hypothesis import strategies as st

from accordance.protocols.errors import ContractError, IntegrityError, UsageError
from accordance.studies import gate_reading
from accordance.studies.comparison_words import IDENTICAL
from accordance.studies.gate_comparison import gate_comparison

CODES = {"superior": 0, "non_inferior": 0, "inferior": 1, "inconclusive": 3, "not_evaluable": 3}


@pytest.mark.parametrize(("decision", "code"), CODES.items())
def test_exit_code_of_one_endpoint(decision, code):
    outcome = gate_comparison(comparison(row(decision)))
    assert (outcome.exit_code, outcome.decision) == (code, decision)
    assert outcome.lines == (f"v2 against v1: {WORDS[decision]}", f"  sensitivity: {WORDS[decision]}")
    assert [check.state for check in outcome.checks] == [{0: "passed", 1: "failed", 3: "open"}[code]]


@pytest.mark.parametrize(
    ("decisions", "code", "worst"),
    [
        (("superior", "non_inferior"), 0, "non_inferior"),
        (("superior", "inconclusive"), 3, "inconclusive"),
        (("inferior", "not_evaluable"), 1, "inferior"),
        (("not_evaluable", "inconclusive"), 3, "not_evaluable"),
    ],
)
def test_the_worst_of_endpoints_and_candidates_counts(decisions, code, worst):
    first, second = decisions
    by_endpoint = gate_comparison(comparison(row(first, "a"), row(second, "b")))
    by_candidate = gate_comparison(comparison(row(first), row(second, candidate="v3")))
    for outcome in (by_endpoint, by_candidate):
        assert (outcome.exit_code, outcome.decision) == (code, worst)


def test_secondary_endpoints_do_not_decide():
    outcome = gate_comparison(comparison(row("superior"), row("inferior", "coverage", role="secondary")))
    assert outcome.exit_code == 0
    assert outcome.check_of("coverage-v2") is None


def test_a_comparison_in_which_nothing_decides_does_not_pass():
    outcome = gate_comparison(comparison(row("superior", role="secondary")))
    assert outcome.exit_code == 3
    assert "no endpoint of the comparison is primary" in outcome.warnings[0]


def test_a_candidate_that_is_worse_than_its_endpoints_does_not_pass():
    document = comparison(row("superior"))
    document["decisions"]["v2"] = {
        "decision": "not_evaluable",
        "words": "Trained on subjects of the test set",
    }
    outcome = gate_comparison(document)
    assert (outcome.exit_code, outcome.decision) == (3, "not_evaluable")
    assert outcome.checks[-1].endpoint is None
    assert outcome.lines[0] == "v2 against v1: Trained on subjects of the test set"
    document["decisions"]["v2"]["decision"] = "inconclusive"
    assert gate_comparison(document, inconclusive="warn").exit_code == 3, (
        "tolerated of an endpoint, not of this"
    )


@pytest.mark.parametrize(
    ("found", "wanted", "code"),
    [
        ("superior", "superior", 0),
        ("superior", "non_inferior", 0),
        ("non_inferior", "superior", 1),
        ("inconclusive", "superior", 3),
        ("not_evaluable", "superior", 3),
        ("inferior", "inferior", 0),  # a control that has to be caught
        ("superior", "inferior", 1),
        ("not_evaluable", "inferior", 3),
        ("inconclusive", "inconclusive", 0),
        ("superior", "inconclusive", 1),
    ],
)
def test_what_is_required_by_name(found, wanted, code):
    outcome = gate_comparison(comparison(row(found)), [f"sensitivity={wanted}"])
    assert outcome.exit_code == code
    assert f"(required: {wanted.replace('non_inferior', 'non-inferior')})" in outcome.lines[1]


def test_a_requirement_of_one_candidate_counts_before_that_of_all():
    document = comparison(row("non_inferior"), row("superior", candidate="v3"))
    assert gate_comparison(document, ["sensitivity=superior"]).exit_code == 1
    assert gate_comparison(document, ["sensitivity=superior", "v2:sensitivity=non_inferior"]).exit_code == 0
    assert gate_comparison(document, ["v3:sensitivity=superior"]).exit_code == 0


def test_a_required_secondary_endpoint_decides_and_is_said_not_to_be_adjusted():
    document = comparison(row("superior"), row("inferior", "coverage", role="secondary"))
    outcome = gate_comparison(document, ["coverage=non_inferior"])
    assert outcome.exit_code == 1
    assert any(text.startswith("coverage, v2: secondary") for text in outcome.warnings)


def test_inconclusive_may_pass_with_a_warning():
    outcome = gate_comparison(comparison(row("inconclusive")), inconclusive="warn")
    assert outcome.exit_code == 0
    assert outcome.decision == "inconclusive"
    assert outcome.warnings == (
        "sensitivity, v2: inconclusive, and let pass because --inconclusive warn says so",
    )


@pytest.mark.parametrize(("decision", "code"), [("inferior", 1), ("not_evaluable", 3)])
def test_a_warning_never_lets_pass_what_is_not_inconclusive(decision, code):
    assert gate_comparison(comparison(row(decision)), inconclusive="warn").exit_code == code


def test_what_is_required_by_name_is_not_tolerated():
    document = comparison(row("inconclusive"))
    assert gate_comparison(document, ["sensitivity=non_inferior"], inconclusive="warn").exit_code == 3


def test_warnings_tell_what_changes_no_code():
    found = row("non_inferior", improvement={"estimate": -0.01, "lower": -0.015, "upper": -0.005}, worse=True)
    document = comparison(
        {**found, "warning": "few subjects"}, identical=[["v1", "v2"], ["v3", "v4"]], overlap=True
    )
    warnings = "\n".join(gate_comparison(document).warnings)
    assert "v1 and v2 gave the same outputs, byte for byte" in warnings
    assert "v3" not in warnings
    assert "worse than v1, though within the margin" in warnings
    assert "few subjects" in warnings
    assert "compared on the units that both versions have" in warnings


def test_everything_that_cannot_be_required_is_said_at_once():
    document = comparison(row("superior"), row("superior", candidate="v3"))
    with pytest.raises(UsageError) as caught:
        gate_comparison(
            document,
            [
                "sensitivty=superior", "sensitivity=superoir", "v4:sensitivity=superior", "sensitivity",
                "sensitivity=not_evaluable", "v3:sensitivity=superior", "v3:sensitivity=non_inferior",
            ],
        )  # fmt: skip
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["--require sensitivty=superior",
        "--require sensitivity=superoir", "--require v4", "--require sensitivity",
        "--require sensitivity=not_evaluable", "--require v3"]  # fmt: skip
    said = str(caught.value)
    assert "Did you mean `sensitivity`?" in said
    assert "Did you mean `superior`?" in said
    assert "there is no candidate `v4`; there are: v2, v3" in said
    assert "expected ENDPOINT=DECISION or CANDIDATE:ENDPOINT=DECISION" in said
    assert "contradicts --require v3:sensitivity=superior" in said
    assert "`not_evaluable` is no decision here" in said


decisions = st.sampled_from(WORST_FIRST)
records = st.lists(
    st.tuples(decisions, st.sampled_from(["a", "b", "c"]), st.sampled_from(["v2", "v3"]),
              st.sampled_from(["primary", "secondary"])),
    min_size=1, max_size=6, unique_by=lambda one: one[1:3],
)  # fmt: skip


@given(records, st.sampled_from(["fail", "warn"]), st.booleans(), st.data())
def test_nothing_passes_that_was_not_decided_so(found, inconclusive, demanding, data):
    document = comparison(*(row(one[0], one[1], one[2], role=one[3]) for one in found))
    required = {}
    if demanding:
        wanted = data.draw(decisions.filter(lambda word: word != "not_evaluable"))
        chosen = data.draw(st.sampled_from(found))
        required[chosen[2], chosen[1]] = wanted
    texts = [f"{name}:{endpoint}={wanted}" for (name, endpoint), wanted in required.items()]
    code = gate_comparison(document, texts, inconclusive=inconclusive).exit_code
    binding = [one for one in found if one[3] == "primary" or (one[2], one[1]) in required]
    without = {one[2] for one in found} - {one[2] for one in found if one[3] == "primary"}
    accepted = []
    for decision, endpoint, candidate, _ in binding:
        wanted = required.get((candidate, endpoint))
        good = {wanted} if wanted else {"superior", "non_inferior"}
        good |= {"superior"} if wanted == "non_inferior" else set()
        good |= {"inconclusive"} if inconclusive == "warn" and wanted is None else set()
        accepted.append(decision in good)
    assert (code == 0) == (bool(binding) and all(accepted)), (without, binding)
    assert code in {0, 1, 3}
    if any(one[0] == "inferior" and (one[2], one[1]) not in required for one in binding):
        assert code == 1
    if any(one[0] == "not_evaluable" for one in binding):
        assert code != 0


def planned(**results: str) -> dict[str, object]:
    """What a comparison says of its candidates and the change control plan."""
    return {
        "change_control": {
            "candidates": {
                name: {"result": result, "words": f"Plan: {result}", "reasons": []}
                for name, result in results.items()
            }
        }
    }


@pytest.mark.parametrize(
    ("result", "code", "state"),
    [
        ("within", 0, "passed"),
        ("outside", 1, "failed"),
        ("not_permitted", 1, "failed"),
        ("not_evaluable", 3, "open"),
    ],
)
def test_a_change_that_the_plan_does_not_permit_does_not_pass(result, code, state):
    outcome = gate_comparison(comparison(row("superior"), **planned(v2=result)))
    assert (outcome.exit_code, outcome.checks[-1].state) == (code, state)
    assert outcome.lines[-1] == f"  change control plan: Plan: {result}"


def test_the_plan_is_asked_of_every_candidate_and_makes_nothing_better():
    rows = row("superior"), row("inferior", candidate="v3")
    outcome = gate_comparison(comparison(*rows, **planned(v2="not_evaluable", v3="within")))
    assert outcome.exit_code == 1
    assert [check.found for check in outcome.checks[2:]] == ["not_evaluable", "within"]


IDENTICAL_PAIR = {"identical": [["v1", "v2"]]}


def test_a_version_with_the_same_outputs_passes_as_unchanged():
    same = row("not_evaluable", reason=IDENTICAL)
    outcome = gate_comparison(comparison(same, **IDENTICAL_PAIR))
    assert (outcome.exit_code, outcome.decision) == (0, "not_evaluable")
    assert outcome.checks[0].state == "warned"
    assert outcome.warnings[-1] == (
        "sensitivity, v2: unchanged: its outputs are those of v1, byte for byte; nothing was compared"
    )
    assert gate_comparison(comparison(same, **IDENTICAL_PAIR), identical="fail").exit_code == 3


@pytest.mark.parametrize(("require", "code"), [("non_inferior", 0), ("superior", 3), ("inferior", 3)])
def test_what_an_unchanged_version_cannot_be(require, code):
    document = comparison(row("not_evaluable", reason=IDENTICAL), **IDENTICAL_PAIR)
    assert gate_comparison(document, [f"sensitivity={require}"]).exit_code == code


@pytest.mark.parametrize(
    ("reason", "groups"),
    [
        (f"{IDENTICAL}; v2 was trained on subjects of the test set", [["v1", "v2"]]),  # withheld
        ("no units in common", [["v1", "v2"]]),
        (IDENTICAL, [["v2", "v3"]]),  # the same as another candidate, not as the baseline
        (IDENTICAL, []),
    ],
)
def test_no_other_reason_passes_as_unchanged(reason, groups):
    document = comparison(row("not_evaluable", reason=reason), identical=groups)
    assert gate_comparison(document).exit_code == 3


def test_what_could_not_be_evaluated_cannot_be_required():
    with pytest.raises(UsageError, match="there are: superior, non_inferior, inconclusive, inferior"):
        gate_comparison(comparison(row("superior")), ["sensitivity=not_evaluable"])


def test_a_finished_comparison_is_read(tmp_path):
    document = comparison(row("superior"))
    place = write(document, tmp_path)
    write(document, tmp_path, ".partial-20260104T000000Z")
    assert gate_reading.read(place) == document
    with pytest.raises(UsageError, match="interrupted"):
        gate_reading.read(tmp_path / "comparisons" / ".partial-20260104T000000Z")
    with pytest.raises(UsageError, match=r"no comparison\.json"):
        gate_reading.read(tmp_path)


def test_another_schema_is_refused_by_name(tmp_path):
    place = write(comparison(row("superior"), schema="accordance/comparison/9"), tmp_path)
    with pytest.raises(ContractError, match="'accordance/comparison/9'; this version reads"):
        gate_reading.read(place)


def test_what_a_comparison_lacks_is_said_at_once(tmp_path):
    document = comparison(row("superior"), row("superior", "mape"))
    del document["comparisons"][0]["role"]
    document["comparisons"][1]["decision"] = "better"
    document["decisions"] = {"v9": {"decision": "superior"}}
    with pytest.raises(ContractError) as caught:
        gate_reading.read(write(document, tmp_path))
    assert [violation.key for violation in caught.value.violations] == [
        "decisions.v2.decision", "comparisons.0.role", "comparisons.1.decision",
    ]  # fmt: skip


def test_a_comparison_that_was_changed_afterwards_is_refused(tmp_path):
    place = write(comparison(row("inferior")), tmp_path)
    text = (place / "comparison.json").read_bytes()
    assert gate_reading.read(place)["decisions"]["v2"]["decision"] == "inferior"
    (place / "comparison.json").write_bytes(text.replace(b'"inferior"', b'"superior"'))
    with pytest.raises(IntegrityError, match=r"comparison\.json changed after the comparison"):
        gate_reading.read(place)
    (place / "comparison.json").write_bytes(text)
    (place / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(IntegrityError, match="not readable as JSON"):
        gate_reading.read(place)


@pytest.mark.parametrize(
    "manifest", ["{}", '{"results": {}}', '{"results": []}', '{"results": "x"}', "[]", None]
)
def test_without_a_manifest_that_speaks_of_it_nothing_passes(tmp_path, manifest):
    place = write(comparison(row("superior")), tmp_path)
    (place / "manifest.json").unlink()
    if manifest is not None:
        (place / "manifest.json").write_text(manifest, encoding="utf-8")
    with pytest.raises(IntegrityError, match=r"manifest\.json"):
        gate_reading.read(place)
