"""What stands beside the endpoints: the flow, readers, deviations, intended users, freeze dates."""

from __future__ import annotations

import pytest

from accordance.protocols.errors import ContractError
from accordance.studies.run import run

ENDPOINT = """\
endpoints:
  sensitivity:
    title: Sensitivity
    role: primary
    metric: sensitivity
    average: pooled
    reference: rhythm
    test: rhythm
    positive: [AF]
    interval: {method: clopper_pearson}
    criterion: {compare: lower, operator: ">", limit: 0.5}
"""
NAMES = [f"s{number:02}" for number in range(30)]
TRUTH = ["AF"] * 20 + ["SR"] * 10


def tables(exclusion=None, **changed):
    call = list(TRUTH)
    call[3], call[4] = "poor", None
    truth = list(TRUTH)
    truth[5] = None
    rate = [60.0] * 30
    return {
        "subjects": {"subject": NAMES, "age": [40] * 30, "exclusion": exclusion or [None] * 30},
        "reference": {"subject": NAMES, "rate": rate, "rhythm": truth},
        "test": {"subject": NAMES[:-1], "rate": rate[:-1], "rhythm": call[:-1]},
        **changed,
    }


def results(make_study, extra="", exclusion=None, *, study="", sources="", name="made", **changed):
    protocol = make_study.plain.protocol.replace(
        "    key: [subject]\n    columns:\n      subject: {type: text}\n      age:",
        "    key: [subject]\n    exclusion: exclusion\n    columns:\n      subject: {type: text}\n"
        "      exclusion: {type: text, missing: allowed}\n      age:",
        1,
    ).replace("pairings: {all: {}}\n", "EXTRA_TABLESpairings: {all: {}}\n")
    body, _, further = extra.partition("TABLES:\n")
    text = make_study.plain.study.replace("algorithm:\n", sources + "algorithm:\n", 1) + study
    return run(
        make_study(
            name,
            protocol=protocol.replace("EXTRA_TABLES", further) + body,
            study=text,
            endpoints=ENDPOINT,
            tables=tables(exclusion, **changed),
        )
    )


def test_the_flow_adds_up_and_every_loss_has_its_code(make_study):
    exclusion = ["withdrawn", *[None] * 29]
    found = results(
        make_study, "exclusions: {withdrawn: {title: Withdrew, table: subjects}}\n", exclusion=exclusion
    )
    (entry,) = found.document["flow"]
    told = [
        (stage["stage"], stage["n_subjects"], [(loss["code"], loss["n_units"]) for loss in stage["losses"]])
        for stage in entry["stages"]
    ]
    assert told == [
        ("enrolled", 30, []),
        ("eligible", 29, [("withdrawn", 1)]),
        ("reference", 28, [("missing_value", 1)]),
        ("test", 26, [("no_test", 1), ("missing_value", 1)]),
        ("analysed", 25, [("indeterminate", 1)]),
    ]
    for before, after in zip(entry["stages"], entry["stages"][1:], strict=False):
        lost = sum(loss["n_units"] for loss in after["losses"])
        assert after["n_units"] == before["n_units"] - lost
    row = next(row for row in found.rows.iter_rows(named=True) if row["view"] == "primary")
    assert entry["stages"][-1]["n_units"] == 25
    assert row["n_units"] == 16  # those in AF among the 25


def test_a_declared_stage_moves_a_loss(make_study):
    exclusion = ["withdrawn", *[None] * 29]
    text = "exclusions: {withdrawn: {title: Withdrew, table: subjects, stage: analysis}}\n"
    (entry,) = results(make_study, text, exclusion=exclusion).document["flow"]
    stages = {stage["stage"]: stage["n_subjects"] for stage in entry["stages"]}
    assert (stages["eligible"], stages["analysed"]) == (30, 25)


def test_an_undeclared_code_is_an_error_or_a_deviation_that_decides_nothing(make_study):
    exclusion = ["withdrawn", "wthdrawn", *[None] * 28]
    text = "exclusions: {withdrawn: {title: Withdrew, table: subjects}}\n"
    with pytest.raises(ContractError, match="does not declare"):
        results(make_study, text, exclusion=exclusion)
    protocol = text + "unknown_exclusions: deviation\n"
    found = results(make_study, protocol, exclusion=exclusion, name="b")
    assert found.decision == "not_evaluable"
    row = next(row for row in found.rows.iter_rows(named=True) if row["view"] == "primary")
    assert (row["decision"], row["otherwise"]) == ("not_evaluable", "met")
    assert "1 rows of pairing `all` carry exclusion codes that the protocol does not declare" in row["error"]
    codes = [loss["code"] for stage in found.document["flow"][0]["stages"] for loss in stage["losses"]]
    assert "unlisted_exclusion" in codes


READS = """\
reads: {unit: [subject], value: rhythm, adjudicated: adjudicated, rule: Majority of three.}
TABLES:
  reads:
    required: false
    key: [subject, reader]
    columns:
      subject: {type: text}
      reader: {type: text}
      rhythm: {type: category, levels: [AF, SR], missing: allowed}
      adjudicated: {type: boolean}
  deviations:
    required: false
    key: [subject, number]
    columns:
      subject: {type: text}
      number: {type: integer}
      kind: {type: category, levels: [minor, major]}
"""


def test_readers_and_deviations(make_study):
    reads = {
        "subject": [name for name in NAMES for _ in range(3)] + [NAMES[0]],
        "reader": ["r1", "r2", "r3"] * 30 + ["r4"],
        "rhythm": [level for level in TRUTH for _ in range(3)] + ["AF"],
        "adjudicated": [False] * 90 + [True],
    }
    reads["rhythm"][1] = "SR"  # one reader disagrees once
    found = results(
        make_study,
        READS,
        sources="  reads: {file: data/reads.csv}\n  deviations: {file: data/deviations.csv}\n",
        reads=reads,
        deviations={
            "subject": [NAMES[0], NAMES[0], NAMES[2]],
            "number": [1, 2, 1],
            "kind": ["minor", "major", "minor"],
        },
    )
    readers = found.document["readers"]
    wanted = ("n_units", "n_readers", "n_repeated", "n_unanimous", "n_adjudicated")
    counts = {key: readers[key] for key in wanted}
    assert counts == {"n_units": 30, "n_readers": 3, "n_repeated": 30, "n_unanimous": 29, "n_adjudicated": 1}
    kappa = readers["agreement"]["fleiss_kappa"]
    # By hand: observed 1 - (1/30)(2/3); shares 59/90 and 31/90.
    expected = 1 - (1 / 30 * 2 / 3) / (1 - (59 / 90) ** 2 - (31 / 90) ** 2)
    assert kappa["estimate"] == pytest.approx(expected) and kappa["lower"] < expected
    events = found.document["events"]["deviations"]
    assert (events["recorded"], events["n_rows"], events["n_subjects"]) == (True, 3, 2)
    assert events["columns"][0]["levels"] == [{"level": "major", "n": 1}, {"level": "minor", "n": 2}]


def test_tables_that_a_study_does_not_have_are_said_to_be_missing(make_study):
    found = results(make_study, READS)
    assert found.document["readers"] is None
    assert found.document["events"]["deviations"]["recorded"] is False


def test_freeze_dates_in_the_wrong_order(make_study):
    found = results(make_study, study="freeze: {algorithm: 2026-03-01, unblinding: 2026-02-01}\n")
    assert found.document["freeze_problems"] == ["unblinding (2026-02-01) lies before algorithm (2026-03-01)"]
    with pytest.raises(ContractError, match="expected a date"):
        results(make_study, study="freeze: {algorithm: soon}\n", name="b")


def test_excluded_subjects_are_described_beside_the_analysed(make_study):
    exclusion = ["withdrawn", *[None] * 29]
    found = results(
        make_study, "exclusions: {withdrawn: {title: Withdrew, table: subjects}}\n", exclusion=exclusion
    )
    ages = [entry for entry in found.document["excluded"] if entry["column"] == "age"]
    assert ages[0]["group"] == "excluded" and ages[0]["n"] >= 1
