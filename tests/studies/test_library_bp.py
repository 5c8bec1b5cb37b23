"""The protocol of ISO 81060-2 on simulated studies: met, missed by either criterion, and no such study."""

from __future__ import annotations

import numpy as np
import pytest

import accordance as ac
from accordance.protocols.load import parse

OWN = """\
extends: library:bp-iso81060
id: our-cuff
version: "1"
title: Our cuff
requirements: {arm: {bands: [22, 27, 32, 37, 42]}}
"""
SUBJECTS, READINGS = 88, 3


def study(seed=5, *, bias=1.0, between=3.0, within=4.0, women=44):
    """Pressures over the ranges that the standard asks for, errors normal between and within subjects."""
    rng = np.random.default_rng(seed)
    names = [f"s{number:02}" for number in range(SUBJECTS)]
    sbp = np.linspace(90, 175, SUBJECTS)
    dbp = np.linspace(52, 110, SUBJECTS)
    subject = np.repeat(names, READINGS)
    reading = np.tile(np.arange(1, READINGS + 1), SUBJECTS)
    reference = {"subject": subject, "reading": reading}
    test = dict(reference)
    for name, level in (("sbp", sbp), ("dbp", dbp)):
        truth = np.repeat(level, READINGS) + rng.normal(0, 1, SUBJECTS * READINGS)
        own = np.repeat(rng.normal(0, between, SUBJECTS), READINGS)
        reference[name] = truth.round(1)
        test[name] = (truth + bias + own + rng.normal(0, within, SUBJECTS * READINGS)).round(1)
    reference["exclusion"] = [None] * len(subject)
    subjects = {
        "subject": names,
        "sex": ["female"] * women + ["male"] * (SUBJECTS - women),
        "age": [int(20 + number % 60) for number in range(SUBJECTS)],
        "arm": [float(value) for value in 22 + (np.arange(SUBJECTS) * 7 % 20)],
        "exclusion": [None] * SUBJECTS,
    }
    return ac.evaluate(reference, test, subjects=subjects, protocol=OWN)


def decisions(found):
    return {
        entry["id"]: entry["decision"]
        for entry in found.document["endpoints"]
        if entry["role"] == "co_primary"
    }


def test_a_good_cuff_meets_both_criteria():
    found = study()
    assert found.decision == "met", found.document["decision_reasons"]
    assert set(decisions(found).values()) == {"met"}
    rows = {
        (row["endpoint"], row["statistic"]): row
        for row in found.rows.iter_rows(named=True)
        if row["criterion"]
    }
    spread = rows["sbp_2", "sd_of_subject_means"]
    table = found.endpoint("sbp_2").filter(found.endpoint("sbp_2")["statistic"] == "bias")["estimate"][0]
    assert spread["criterion"] == f"point <= {spread['margin']:.15g}"
    assert 6.6 < spread["margin"] <= 6.95 and abs(table) < 2.1
    assert rows["sbp_1", "bias"]["criterion"] == "|point| <= 5"


def test_a_biased_cuff_misses_the_first_criterion():
    found = study(bias=-6.0)
    assert found.decision == "not_met"
    assert decisions(found)["sbp_1"] == "not_met"


def test_a_cuff_that_errs_by_subject_misses_the_second_only():
    found = study(bias=4.0, between=6.4, within=2.0)
    assert decisions(found)["sbp_1"] == "met" and decisions(found)["sbp_2"] == "not_met"
    assert found.decision == "not_met"


def test_a_study_of_men_is_no_study_of_this_standard():
    found = study(women=10)
    assert found.decision == "not_evaluable"
    assert "requirement `sex` is not met (At least 30% of each sex): female: 10 of 88" in " ".join(
        found.document["decision_reasons"]
    )
    row = next(row for row in found.endpoint("sbp_1").iter_rows(named=True) if row["criterion"])
    assert row["otherwise"] == "met"


def test_the_bands_of_the_cuff_are_the_studys_to_set():
    without = parse(OWN.replace("requirements: {arm: {bands: [22, 27, 32, 37, 42]}}\n", ""))
    assert without.requirements["arm"].bands == "required"


@pytest.mark.parametrize(("mean", "limit"), [(0.0, 6.95), (4.2, 5.49), (5.0, 4.79)])
def test_known_cells_of_the_table(mean, limit):
    from accordance.protocols.limit_tables import TABLES  # noqa: PLC0415

    assert TABLES["iso81060-2-criterion-2"].limit(mean) == limit
