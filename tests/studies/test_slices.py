"""Which rows an estimate rests on."""

from __future__ import annotations

import polars as pl
import pytest

from accordance.protocols.errors import UsageError
from accordance.protocols.load import parse
from accordance.studies import slices
from accordance.studies.run import run
from accordance.studies.slices import band_label, by_text, rows


@pytest.fixture
def results(make_study):
    return run(make_study())


def triples(frame):
    return list(frame.select("subject", "reference", "test").iter_rows())


def test_rows_are_sorted_and_carry_where_they_come_from(results):
    found = rows(results.protocol, "error", results.pairs("epochs", "v2"))
    assert found.columns[:5] == ["subject", "reference", "test", "reference_row", "test_row"]
    assert {"epoch", "age", "cohort", "reference.rate", "test.rhythm"} <= set(found.columns)
    assert not {"status", "reason", "reasons"} & set(found.columns)
    assert found["subject"].is_sorted()
    assert triples(found)[:3] == [("001", 60.0, 61.2), ("001", 62.0, 62.5), ("002", 70.0, 68.7)]
    assert found["test_row"].to_list() == list(range(12))


@pytest.mark.parametrize(
    ("view", "unclear"),
    [("primary", None), ("classifiable_only", None), ("as_positive", 1), ("as_negative", 0)],
)
def test_views_decide_how_no_result_enters(results, view, unclear):
    """Rows 6 (truth AF) and 11 (truth AF) are unclear."""
    found = rows(results.protocol, "sensitivity", results.pairs("epochs", "v2"), view=view)
    codes = dict(found.select("test_row", "test").iter_rows())
    if unclear is None:
        assert set(codes) == set(range(12)) - {5, 10}
    else:
        assert (codes[5], codes[10]) == (unclear, unclear)
        assert len(codes) == 12
    truth = dict(found.select("test_row", "reference").iter_rows())
    assert (truth[0], truth[2]) == (1, 0)


def test_the_yield_counts_results_among_pairs(results):
    found = rows(results.protocol, "yield", results.pairs("epochs", "v1"))
    assert (found.height, found["test"].sum()) == (12, 10)
    only = results.rows.filter(pl.col("endpoint") == "yield", pl.col("version") == "v1").to_dicts()
    assert [(row["view"], row["n_events"], row["n_units"]) for row in only] == [("primary", 10, 12)]
    assert only[0]["role"] == "supportive"


@pytest.mark.parametrize(
    ("level", "subjects"),
    [
        ("18–64", ["001", "002"]),
        ("65–74", ["003", "004"]),
        ("75 and over", ["005"]),
        ("(missing)", ["006"]),
    ],
)
def test_bands_are_half_open_and_nobody_is_lost(results, level, subjects):
    found = rows(results.protocol, "error", results.pairs("epochs", "v2"), subgroup="age", level=level)
    assert found["subject"].unique().sort().to_list() == subjects


def test_subgroup_rows_are_informative_and_in_declared_order(results):
    found = results.endpoint("error").filter(pl.col("subgroup").is_not_null(), pl.col("version") == "v2")
    assert found.select("subgroup", "level").rows() == [
        ("age", "18–64"),
        ("age", "65–74"),
        ("age", "75 and over"),
        ("age", "(missing)"),
        ("cohort", "A"),
        ("cohort", "B"),
        ("cohort", "C"),
    ]
    assert found["decision"].unique().to_list() == ["informative"]
    assert found["criterion"].null_count() == found.height
    empty = found.row(-1, named=True)
    assert (empty["estimate"], empty["n_units"]) == (None, 0)
    assert empty["error"] == "no analysable rows in this part of the data"


def test_by_rows_in_every_view(results):
    found = results.endpoint("sensitivity").filter(pl.col("by").is_not_null(), pl.col("version") == "v2")
    places = found.select("view", "by").rows()
    assert places[:3] == [
        ("primary", '{"cohort":"A"}'),
        ("primary", '{"cohort":"B"}'),
        ("primary", '{"cohort":"C"}'),
    ]
    assert {view for view, _ in places} == {"primary", "classifiable_only", "as_positive", "as_negative"}
    part = rows(results.protocol, "sensitivity", results.pairs("epochs", "v2"), by='{"cohort":"A"}')
    again = rows(results.protocol, "sensitivity", results.pairs("epochs", "v2"), by={"cohort": "A"})
    assert part.equals(again)
    assert set(part["cohort"].to_list()) == {"A"}


def test_every_row_of_results_opens_its_rows(results):
    for row in results.rows.iter_rows(named=True):
        behind = results.slice(row["row_id"])
        if row["metric"] == "sensitivity":
            behind = behind.filter(pl.col("reference") == 1)
        assert (behind.height, behind["subject"].n_unique()) == (row["n_units"], row["n_subjects"])


def test_exclusions_where_and_missing_values_leave_rows_out(make_study):
    what = "role: exploratory, metric: mae, average: pooled, reference: rate, test: rate"
    endpoints = (
        f"""\
  whole: {{title: All, {what}, population: all}}
  kept: {{title: Included, {what}, population: kept}}
  young: {{title: Young, {what}, population: kept, where: {{age: {{below: 65}}}}}}
  adult: {{title: Adult, {what}, population: adult}}
"""
        + """\
populations:
  all: {title: Everybody, exclude: []}
  kept: {title: All but the withdrawn}
  adult: {title: 65 and over, where: {age: {at_least: 65}}}
"""
    )
    made = make_study(
        endpoints=endpoints,
        tables={
            "subjects": {
                "subject": ["001", "002", "003", "004", "005", "006"],
                "cohort": ["A", "A", "A", "B", "B", "B"],
                "age": [20, 64, 65, 74, 75, None],
                "exclusion": ["withdrawn", None, None, None, None, None],
            },
            "test_v2": {
                "subject": ["001", "002", "003", "004", "005"],
                "epoch": [1, 1, 1, 1, 1],
                "rate": [61.0, 62.0, None, 64.0, 65.0],
                "rhythm": ["AF"] * 5,
            },
        },
    )
    results = run(made)
    subjects = {
        name: rows(results.protocol, name, results.pairs("epochs", "v2"))["subject"].to_list()
        for name in ("whole", "kept", "young", "adult")
    }
    assert subjects == {
        "whole": ["001", "002", "004", "005"],
        "kept": ["002", "004", "005"],
        "young": ["002"],
        "adult": ["004", "005"],
    }


CATEGORIES = """\
  kappa: {title: Kappa, role: exploratory, metric: cohen_kappa, reference: rhythm, test: rhythm}
"""


def test_categories_become_their_index_in_declared_order(make_study):
    results = run(make_study(endpoints=CATEGORIES))
    found = rows(results.protocol, "kappa", results.pairs("epochs", "v1"))
    how = slices.coding(results.protocol, results.protocol.endpoints["kappa"])
    assert how.levels == ("AF", "SR")
    assert found.height == 10
    assert found.filter(pl.col("test_row") == 1).select("reference", "test").row(0) == (0, 1)
    assert results.rows["view"].unique().to_list() == ["primary"]


def test_a_declared_yield_takes_the_place_of_the_automatic_one(make_study):
    declared = CATEGORIES + (
        "  reported: {title: Reported, role: exploratory, metric: yield, average: pooled, reference: rhythm, "
        "test: rhythm}\n"
    )
    results = run(make_study(endpoints=declared))
    assert results.rows["endpoint"].unique(maintain_order=True).to_list() == ["kappa", "reported", "coverage"]


def test_a_subgroup_by_condition_has_one_level(make_study):
    protocol_text = (make_study("text") / "protocol.yaml").read_text(encoding="utf-8")
    old = protocol_text.replace("  cohort: {by: cohort}", "  old: {where: {age: {at_least: 65}}}")
    folder = make_study("old", protocol=old, endpoints="")
    results = run(folder)
    found = rows(results.protocol, "error", results.pairs("epochs", "v2"), subgroup="old", level="yes")
    assert found["subject"].unique().sort().to_list() == ["003", "004", "005"]


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (
            {"endpoint_id": "eror"},
            "there is no endpoint `eror`; there are: error, sensitivity, yield, "
            "coverage_epochs_rate, coverage_epochs_rhythm. Did you mean `error`?",
        ),
        ({"view": "as_postive"}, "there is no view `as_postive`"),
        ({"subgroup": "sex", "level": "f"}, "there is no subgroup `sex`; there are: age, cohort"),
        (
            {"subgroup": "cohort", "level": "D"},
            "there is no level of subgroup `cohort` `D`; there are: A, B, C",
        ),
    ],
)
def test_what_is_not_there_is_said_with_what_is(results, place, message):
    place = {"endpoint_id": "error", **place}
    name = place.pop("endpoint_id")
    with pytest.raises(UsageError) as caught:
        rows(results.protocol, name, results.pairs("epochs", "v2"), **place)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("low", "high", "whole", "text"),
    [
        (18, 65, True, "18–64"),
        (18.0, 65.0, False, "18 to <65"),
        (0.5, 1.25, False, "0.5 to <1.25"),
        (None, 18, True, "under 18"),
        (75, None, True, "75 and over"),
    ],
)
def test_band_labels(low, high, whole, text):
    assert band_label(low, high, whole=whole) == text


def test_by_levels_are_canonical_json():
    assert by_text({"site": "2", "cohort": "Größe"}) == '{"cohort":"Größe","site":"2"}'


def test_an_unresolved_protocol_is_refused(make_study):
    text = (make_study() / "protocol.yaml").read_text(encoding="utf-8")
    protocol = parse(text)
    open_endpoint = protocol.endpoints["error"].model_copy(update={"pairing": None})
    with pytest.raises(ValueError, match="not resolved"):
        slices.coding(protocol, open_endpoint)
