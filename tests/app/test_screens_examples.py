"""Every page on every example study, and on studies that fail for one reason: what a reader has to see."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from screen import page, words
from streamlit import logger as streamlit_logger
from streamlit.testing.v1 import AppTest

from accordance.app import charts, forests
from accordance.app.cli import main
from accordance.app.pages import MENU, PAGES
from accordance.datasets.pairs import UNLISTED
from accordance.reports import figures as report_figures
from accordance.reports import rows as print_rows
from accordance.reports import sites
from accordance.studies.results import Results

MORE = """\
extends: base.yaml
id: demanding
version: "1"
title: A demanding study
requirements:
  size: {title: At least a thousand subjects, count: subjects, at_least: 1000, source: Made up.}
endpoints:
  yield:
    criterion: {compare: lower, operator: ">", limit: 0.8, tier: unverified, source: Remembered.}
  heart_rate_within: {criterion: {compare: lower, operator: ">", limit: 0.9}}
  kappa: {criterion: {compare: lower, operator: ">", limit: 0.8}}
families:
  further:
    title: Further claims
    endpoints: [heart_rate_within, kappa]
    procedure: graphical
    weights: {heart_rate_within: 0.25, kappa: 0.75}
    transitions: {heart_rate_within: {kappa: 1}, kappa: {heart_rate_within: 1}}
    after: success
"""
EXAMPLES = ("pefr-1986", "spa-afib-ecg", "spo2-fda2025", "bp-iso81060", "hr-wear")
STUDIES = (*EXAMPLES, "disparity", "demanding")


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example studies, one that fails only between groups, and one that lacks subjects; each run once."""
    folder = tmp_path_factory.mktemp("studies")
    for name in EXAMPLES:
        assert main(["init", str(folder / name), "--example", name]) == 0
    assert main(["init", str(folder / "disparity"), "--example", "spo2-fda2025"]) == 0
    config = folder / "disparity" / "study.yaml"
    text = config.read_text(encoding="utf-8")
    assert "decides: v1" in text
    config.write_text(text.replace("decides: v1", "decides: v0"), encoding="utf-8")
    assert main(["init", str(folder / "demanding"), "--example", "spa-afib-ecg"]) == 0
    protocol = folder / "demanding" / "protocol.yaml"
    protocol.rename(protocol.with_name("base.yaml"))
    protocol.write_text(MORE, encoding="utf-8")
    for name in STUDIES:
        assert main(["run", str(folder / name)]) == 0
    return folder


def tables(test: AppTest) -> str:
    """The page's own tables and chips, as HTML."""
    return "\n".join(element.proto.body for element in test.get("html"))


def figures(test: AppTest) -> list[dict[str, Any]]:
    """Every Plotly figure of a page."""
    return [json.loads(element.proto.spec) for element in test.get("plotly_chart")]


class Collected(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it; that there is no browser is no fault of a page."""
        message = record.getMessage()
        if "ScriptRunContext" not in message:
            self.messages.append(message)


@contextmanager
def streamlit_warnings() -> Iterator[list[str]]:
    """Whatever Streamlit warns of meanwhile."""
    handler = Collected()
    loggers = list(streamlit_logger._loggers.values())
    for one in loggers:
        one.addHandler(handler)
    try:
        yield handler.messages
    finally:
        for one in loggers:
            one.removeHandler(handler)


def test_the_menu_has_every_page_once() -> None:
    assert [name for names in MENU.values() for name in names] == list(PAGES)


@pytest.mark.parametrize("first", PAGES)
@pytest.mark.parametrize("study", STUDIES)
def test_every_page_opens_without_a_warning(first: str, study: str, studies: Path) -> None:
    with streamlit_warnings() as warned:
        test = page(studies / study, first)
    assert not test.error
    assert test.title
    assert not warned


@pytest.mark.parametrize("study", STUDIES)
def test_every_endpoint_and_its_last_part_open(study: str, studies: Path) -> None:
    for entry in Results.latest(studies / study).document["endpoints"]:
        test = page(studies / study, "endpoint", endpoint=entry["id"])
        assert test.title[0].value == entry["title"]
        test.selectbox(key="part").select(test.selectbox(key="part").options[-1]).run()
        assert not test.exception, entry["id"]


def test_a_failure_between_groups_is_told_from_one_of_accuracy(studies: Path) -> None:
    shown = words(page(studies / "disparity"))
    assert "✕ Success criterion demonstrated: no" in shown
    assert (
        "Fails only in what groups of subjects differ by: Difference of the bias between Monk groups, "
        "SaO2 above 85% and Change of the bias per 100 degrees of ITA, SaO2 above 85%. "
        "Of 5 endpoints that decide, 3 are met."
    ) in shown
    other = words(page(studies / "pefr-1986"))
    assert "Fails only" not in other
    assert "Of 3 endpoints that decide, 1 is met." in other


def test_every_pair_of_groups_stands_on_the_first_page(studies: Path) -> None:
    results = Results.latest(studies / "disparity")
    entry = next(one for one in results.document["endpoints"] if one["id"] == "monk_high")
    assert len(entry["judged_rows"]) == 3
    shown = words(page(studies / "disparity"))
    for row_id in entry["judged_rows"]:
        row = results.row(row_id)
        text = print_rows.text(row)
        sign = "✕" if row["decision"] == "not_met" else "✓"
        assert f"{sign} <b>{text.estimate}</b> &nbsp;{text.interval}".replace("&nbsp;", "\xa0") in shown
        assert f"{row['level']} · n {text.count}" in shown


def test_an_unmet_requirement_is_said_once_with_by_how_much(studies: Path) -> None:
    test = page(studies / "demanding")
    shown = words(test)
    assert "? Success criterion demonstrated: not evaluable" in shown
    said = "(At least a thousand subjects): 529; at least 1000 needed, 471 too few"
    assert shown.count(said) == 1
    assert "5 of 6 requirements are met." in shown
    assert tables(test).count("? Not evaluable (otherwise: met)") >= 2
    assert "1 number that nobody has read in the rule: Limit of “Share of recordings that" in shown


def test_met_requirements_are_counted_on_the_first_page_and_listed_on_another(studies: Path) -> None:
    demanded = Results.latest(studies / "bp-iso81060").document["requirements"]
    assert f"✓ All {len(demanded)} requirements are met." in words(page(studies / "bp-iso81060"))
    shown = words(page(studies / "bp-iso81060", "study"))
    assert len(demanded) > 10
    assert all(one["title"] in shown for one in demanded)
    assert "88 of 88" in shown


def test_unmet_requirements_come_first(studies: Path) -> None:
    shown = tables(page(studies / "demanding", "study"))
    titles = [one["title"] for one in Results.latest(studies / "demanding").document["requirements"]]
    assert min(titles, key=shown.index) == "At least a thousand subjects"


def test_several_criteria_of_one_endpoint_stand_together(studies: Path) -> None:
    shown = words(page(studies / "bp-iso81060", "endpoint", endpoint="sbp_1"))
    assert "All of these have to be met." in shown
    assert "absolute value of the estimate ≤\xa05\xa0mmHg".replace("\xa0", " ") in shown.replace("\xa0", " ")
    assert "point estimate ≤ 8 mmHg" in shown.replace("\xa0", " ")


def test_pairs_of_groups_lie_inside_their_margin_and_lead_to_their_rows(studies: Path) -> None:
    results = Results.latest(studies / "disparity")
    (model,) = forests.between(results, "monk_high", "v0")
    assert model.goal == (-1.5, 1.5)
    heading, *lines = model.rows
    assert heading.heading and heading.row_id is None
    assert [line.label for line in lines] == [
        "5–7 − 1–4", "8–10 − 1–4", "8–10 − 5–7", "Largest (not judged)",
    ]  # fmt: skip
    for line in lines:
        row = results.row(str(line.row_id))
        assert (line.value, line.lower, line.upper) == (row["estimate"], row["ci_lower"], row["ci_upper"])
    assert lines[-1].lower is None, "the largest is biased upward: it has no interval"
    chart = charts.clickable(model, "light")
    assert chart.rows == tuple(data[1] for data in chart.figure.data[0].customdata)
    assert chart.rows == tuple(line.row_id for line in lines)
    label = next(one for one in chart.figure.layout.annotations if one.text == "margin −1.5 to 1.5%")
    assert label.xanchor == "left"


def test_the_page_of_subgroups_shows_pairs_slopes_groups_and_parts(studies: Path) -> None:
    test = page(studies / "disparity", "subgroups")
    drawn = figures(test)
    assert len(drawn) == 5, "two of pairs, two along ITA, one of subgroups"
    shown = words(test)
    assert "margin −1.5 to 1.5%" in shown
    assert "Groups of fewer than 5 subjects are shown with their number, and not compared." in shown
    results = Results.latest(studies / "disparity")
    groups = forests.rows_of(results, "monk_high", "v0", ("level",))
    assert [row["level"] for row in groups] == ["1–4", "5–7", "8–10"]
    assert sum(row["n_subjects"] for row in groups) == 156
    html_ = tables(test)
    assert all(f"<td class='num'>{row['n_subjects']}</td>" in html_ for row in groups)


def test_the_other_version_has_its_own_pairs(studies: Path) -> None:
    test = page(studies / "disparity", "subgroups", version="v1")
    results = Results.latest(studies / "disparity")
    row = next(row for row in forests.rows_of(results, "monk_high", "v1", ("pair",)))
    spoken = [element.proto.alt for element in test.get("plotly_chart")]
    assert any(print_rows.text(row).interval in alt for alt in spoken)
    assert "✕ Not met" not in words(test), "only the version that decides has a decision here"


def test_lines_of_a_forest_know_their_rows(studies: Path) -> None:
    results = Results.latest(studies / "spa-afib-ecg")
    for model in report_figures.forest(results, "sensitivity", version="v1_1"):
        for line in model.rows:
            assert (line.row_id is None) == line.heading
            if line.row_id is not None and line.value is not None:
                row = results.row(line.row_id)
                assert line.value == row["estimate"]
                assert line.overall or line.label == row["level"]


def test_missing_results_have_all_ways_and_tipping_points(studies: Path) -> None:
    test = page(studies / "spa-afib-ecg", "missing")
    shown = words(test)
    for said in (
        "Classifiable only (primary view)", "Indeterminate as positive", "478/529", "Missing units as errors",
        "The decision is “met” whether none or all of the 4 missing units are errors.",
    ):  # fmt: skip
        assert said in shown
    drawn = figures(test)
    assert len(drawn) == 2
    assert drawn[0]["layout"]["xaxis"]["tickvals"] == [0, 1, 2, 3, 4]


def test_empty_parts_say_what_to_declare(studies: Path) -> None:
    declared = {
        "missing": ("indeterminate:", "sensitivity: [worst_case"),
        "subgroups": ("disparity:", "subgroups:"),
        "study": ("requirements:", "sites:", "reads:", "deviations:", "adverse_events:"),
        "plan": ("families:", "estimand:"),
    }
    for first, parts in declared.items():
        code = "\n".join(str(element.value) for element in page(studies / "pefr-1986", first).code)
        assert all(part in code for part in parts), first


def test_the_study_page_has_subjects_readers_events_and_dates(studies: Path) -> None:
    shown = words(page(studies / "spa-afib-ecg", "study"))
    for said in (
        "Intended users", "257 of 529", "Not analysed (N = 11)", "Counts of 1 to 4 subjects",
        "506 of 539 with several readings", "Fleiss' kappa", "0.894 to 0.946",
        "Deviations from the protocol: 4 recorded, of 3 subjects.", "recording stopped",
        "Freeze dates", "simulated-1.1.0",
        "May the sites be pooled?",
    ):  # fmt: skip
        assert said in shown, said


def test_sites_are_shown_one_by_one_and_without_each(studies: Path) -> None:
    test = page(studies / "demanding", "study", tab="Sites")
    shown = words(test)
    results = Results.latest(studies / "demanding")
    found = sites.sites(results)
    assert found is not None
    assert len(found.poolability) == 2
    for line in found.poolability:
        assert "; ".join(filter(None, (line.test or "Could not be tested", line.note))) in shown
    model = forests.sites(results, "sensitivity", "v1_1")
    assert model is not None
    labels = [line.label for line in model.rows]
    assert labels[:3] == ["All analysed", "At each site", "101"]
    assert labels[-1] == "without 106"
    assert len(labels) == 1 + 2 * (1 + 6)
    assert len(figures(test)) == 1


def test_families_have_their_order_and_what_was_not_tested(studies: Path) -> None:
    test = page(studies / "demanding", "plan")
    shown = words(test)
    assert "? not tested: “The claim” was not evaluable" in shown
    assert "✕" not in tables(test), "an unmet requirement is no failed hypothesis"
    assert "75.0%" in shown and "100.0% to Heart rate within" in shown
    assert "one-sided alpha 0.025" in shown
    assert any("Further claims" in element.proto.alt for element in test.get("plotly_chart"))
    assert "? decides nothing until confirmed" in shown
    assert "Extends **spa-afib-ecg, version 1.0**" in shown


def test_the_plan_has_estimands_and_the_calculation(studies: Path) -> None:
    test = page(studies / "spa-afib-ecg", "plan")
    shown = words(test)
    for said in (
        "✓ met as a whole", "< 0.001", "Population-level summary", "Intercurrent event: Recording lost",
        "231", "Power to meet every goal that decides",
    ):  # fmt: skip
        assert said in shown, said
    assert len(figures(test)) == 2, "a power curve for each of the two"


def test_participants_are_followed_stage_by_stage(studies: Path) -> None:
    test = page(studies / "spa-afib-ecg", "accounting")
    shown = tables(test)
    (flow, *_) = Results.latest(studies / "spa-afib-ecg").document["flow"]
    for stage in flow["stages"]:
        assert f"<b>{stage['title']}</b>" in shown
        for loss in stage["losses"]:
            line = next(part for part in shown.split("<tr>") if f"<code>{loss['code']}</code>" in part)
            assert f"<td class='num'>{loss['n_subjects']}</td><td class='num'>{loss['n_units']}</td>" in line
    texts = [one.get("text", "") for one in figures(test)[0]["layout"]["annotations"]]
    assert "<b>Analysed</b><br>478 subjects, 478 units" in texts


def test_exclusions_that_are_not_listed_are_called_out(studies: Path) -> None:
    (run,) = (studies / "pefr-1986" / "runs").iterdir()
    path = run / "results.json"
    before = path.read_text(encoding="utf-8")
    document = json.loads(before)
    loss = {"code": UNLISTED, "title": "x", "n_subjects": 2, "n_units": 5}
    document["flow"][0]["stages"][1]["losses"].append(loss)
    path.write_text(json.dumps(document), encoding="utf-8")
    try:
        for first in ("decision", "study"):
            assert "5 units carry exclusion codes that the protocol does not declare" in words(
                page(studies / "pefr-1986", first)
            )
    finally:
        path.write_text(before, encoding="utf-8")
