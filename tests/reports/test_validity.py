"""What the study had to be, in the report: shown where there is something, and who writes it where not."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from accordance.reports import checklists, figures, report, sites, validity
from accordance.reports import format as fmt
from accordance.reports import rows as printed
from accordance.reports.assemble import gather
from accordance.studies import run as runs
from accordance.studies.contrasts import POOLABILITY
from accordance.studies.results import Results

Plain = Callable[[str], str]
MakeStudy = Callable[..., Path]


def section(page: str, number: int | str, title: str, after: str) -> str:
    """The words of one section: from its heading to the next one's, in the body."""
    body = page[page.rindex(f"{number} {title}") :]
    return body[: body.index(after)]


@pytest.fixture(scope="module")
def page(spa_files: dict[str, Path], plain: Plain) -> str:
    return plain(spa_files["report.html"].read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pefr_page(pefr_files: dict[str, Path], plain: Plain) -> str:
    return plain(pefr_files["report.html"].read_text(encoding="utf-8"))


def demanding(text: str) -> str:
    """The example's protocol, but with more subjects in AF than the study has, and a goal it misses."""
    text = text.replace("where: {cohort: AF}, at_least: 231", "where: {cohort: AF}, at_least: 300")
    return text.replace("      limit: 0.90\n", "      limit: 0.98\n")


@pytest.fixture(scope="module")
def unmet(tmp_path_factory: pytest.TempPathFactory, make_study: MakeStudy) -> Results:
    place = make_study(tmp_path_factory.mktemp("unmet") / "study", "spa-afib-ecg", demanding)
    config = place / "study.yaml"
    config.write_text(
        config.read_text(encoding="utf-8").replace('database: "2026-03-20"', 'database: "2026-05-20"'),
        encoding="utf-8",
    )
    return runs.run(place, workers=1)


@pytest.fixture(scope="module")
def unmet_page(unmet: Results, tmp_path_factory: pytest.TempPathFactory, plain: Plain) -> str:
    output = tmp_path_factory.mktemp("unmet-report")
    report(unmet.folder, output=output, formats=("html",))
    return plain((output / "report.html").read_text(encoding="utf-8"))


def test_published_numbers_of_the_example_stay(spa: Results) -> None:
    assert spa.decision == "met"
    rows = {row["endpoint"]: (row["n_events"], row["n_units"]) for row in spa.deciding()}
    assert rows == {"sensitivity": (243, 249), "specificity": (227, 229)}


def test_first_page_of_an_unmet_study_says_why_and_what_otherwise(unmet: Results, unmet_page: str) -> None:
    first = unmet_page.split("Contents", maxsplit=1)[0]
    assert "Success criterion demonstrated: not evaluable" in first
    assert "Requirement “subjects_af” is not met (Subjects in AF with an output): 267;" in first
    assert first.count("subjects_af") == 1  # the reason once, not with every row
    assert "at least 300 needed, 33 too few" in first
    sentence = "Otherwise the decision would have been: not met for Sensitivity for AF; met for Specificity"
    assert sentence in first
    assert "Not evaluable (otherwise: not met)" in first
    assert "Not evaluable (otherwise: met)" in first
    assert "Requirements not met 1 of 5" in first
    assert "OUT OF ORDER: Unblinding (2026-04-03) lies before database (2026-05-20)" in first
    assert unmet.decision == "not_evaluable"


def test_requirements_found_and_missed(page: str, unmet_page: str) -> None:
    design = section(page, 4, "Design, sites, sample size", "5 Reference standard")
    assert "Number of subjects whose cohort is AF: at least 231 267 of 529 yes" in design
    assert "7 to 10: 66 of 529 yes" in design
    missed = section(unmet_page, 4, "Design, sites, sample size", "5 Reference standard")
    assert "267 of 529 no: 267; at least 300 needed, 33 too few" in missed


def test_sites_and_whether_they_may_be_pooled(unmet: Results, unmet_page: str, pefr_page: str) -> None:
    told = section(unmet_page, 15, "Subgroups and sites", "16 Discordant")
    for one in unmet.document["sites"]:
        assert f"{one['site']} {one['n_subjects']} {one['n_units']}" in told
    tests = [
        row
        for row in unmet.rows.iter_rows(named=True)
        if row["version"] == unmet.deciding_version and row["level"] == POOLABILITY
    ]
    assert len(tests) == 2
    for row in tests:
        title = unmet.protocol.endpoints[row["endpoint"]].title
        assert f"{title} {fmt.p_value(row['p_value'])} {row['method']}" in told
    # what could not be tested says why in place of a p value
    untested = {
        **tests[0],
        "p_value": None,
        "method": "",
        "error": "The subjects of subgroup 105 do not differ",
    }
    line = sites.pooling(unmet, untested)
    assert (line.p, line.test, line.note) == ("no test", "", "The subjects of site 105 do not differ")
    assert "Poolability" not in pefr_page  # that example does not ask for sites


def test_discordant_outputs_are_counted(spa: Results, page: str) -> None:
    told = section(page, 16, "Discordant cases", "17 Adverse")
    frame = spa.pairs("recordings", spa.deciding_version)
    both = frame.filter(frame["reference.truth"].is_not_null() & frame["test.rhythm"].is_in(["AF", "SR"]))
    wrong = both.filter((both["reference.truth"] != both["test.rhythm"]) & (both["reasons"] == 0))
    counts = dict(wrong.group_by("reference.truth").len().iter_rows())
    assert counts == {"AF": 6, "SR": 2}
    assert "AF SR 6 267 SR AF 2 262" in told


def test_each_site_is_left_out_in_turn(unmet: Results, unmet_page: str) -> None:
    told = section(unmet_page, 15, "Subgroups and sites", "16 Discordant")
    rows = unmet.endpoint("sensitivity").filter(
        unmet.endpoint("sensitivity")["level"].str.starts_with("without ").fill_null(value=False)
    )
    own = [row for row in rows.iter_rows(named=True) if row["version"] == unmet.deciding_version]
    assert len(own) == 6
    for row in own:
        text = printed.text(row)
        site = row["level"].removeprefix("without ")
        assert f"Without {site} {text.count} {text.subjects} {text.estimate} {text.interval}" in told


def test_a_family_of_an_unmet_study_is_not_evaluable_and_says_what_otherwise(
    unmet: Results, unmet_page: str
) -> None:
    told = section(unmet_page, 3, "Hypotheses", "4 Design")
    assert "The claim: not evaluable (otherwise: not met as a whole)" in told
    assert "Sensitivity for AF computed, and not used: the decision was taken away" in told
    assert "not evaluable (otherwise: no)" in told
    assert "not evaluable (otherwise: yes)" in told
    assert not unmet.document["families"][0]["met"]


def test_sample_size_is_in_the_design(spa: Results, page: str) -> None:
    design = section(page, 4, "Design, sites, sample size", "5 Reference standard")
    calculation = spa.document["plan"]["calculations"][0]
    assert calculation["words"] in design
    assert f"{calculation['enrol']} {calculation['planned']['n']}" in design
    found = validity.plan(spa)
    assert found is not None
    assert [point.value for point in found.figures[0].points] == [
        one["power"] for one in calculation["curve"]
    ]


def test_strip_and_flow_are_the_flow_of_the_results(spa: Results, page: str) -> None:
    stages = spa.document["flow"][0]["stages"]
    strip = " ".join(f"{one['title']} {one['n_subjects']} subjects, {one['n_units']} units" for one in stages)
    assert strip in page.split("Contents", maxsplit=1)[0]
    model = figures.participants(stages, name="flow", title="Flow")
    kept = [step for step in model.steps if not step.leaves]
    assert [step.title for step in kept] == [one["title"] for one in stages]
    assert kept[-1].lines == ("478 subjects, 478 units",)
    lost = {step.title: step.lines for step in model.steps if step.leaves}
    assert lost["No two of three readers agree on a rhythm"] == ("5 subjects, 5 units",)
    assert "478 subjects" in model.alt


def test_families_name_what_belongs_to_them(page: str, unmet_page: str, pefr_page: str) -> None:
    told = section(page, 3, "Hypotheses, performance goals and their rationale", "4 Design")
    assert "The claim: met as a whole Every hypothesis has to be met, each at the full alpha" in told
    assert re.search(r"Sensitivity for AF < 0.001 – yes", told.replace("&lt;", "<"))
    assert "Sensitivity for AF Co-primary The claim" in told
    assert "Agreement beyond chance on the rhythm Secondary none; not adjusted for multiplicity" in told
    assert "not met as a whole" in section(unmet_page, 3, "Hypotheses, performance goals", "4 Design")
    assert "The protocol declares no family of hypotheses" in pefr_page


def test_readers_and_their_agreement(spa: Results, page: str) -> None:
    told = section(page, 5, "Reference standard, readers, adjudication", "6 Independence")
    assert "506 of 539 with several readings" in told
    kappa = spa.document["readers"]["agreement"]["fleiss_kappa"]
    assert f"Fleiss' kappa {kappa['estimate']:.3f} {kappa['lower']:.3f} to {kappa['upper']:.3f}" in (
        told.replace("&#39;", "'")
    )


def test_estimands_and_missing_policy(page: str, pefr_page: str) -> None:
    told = section(page, 7, "Statistical methods and estimands", "8 Amendments")
    for words in (
        "Estimand of “Sensitivity for AF” (attributes of ICH E9(R1))",
        "Intercurrent event: Inconclusive output principal stratum. Recordings that",
        "In the analysis that decides, units without an output or a reference are left out",
    ):
        assert words in told, words
    assert "To be written by Biostatistics: the estimand of" in pefr_page


def test_deviations_and_events_are_counted_or_said_to_be_absent(page: str, pefr_page: str) -> None:
    told = section(page, 8, "Amendments and deviations", "9 Disposition")
    assert "Deviations from the protocol: 4 recorded, of 3 subjects." in told
    assert "major 1 minor 3" in told
    assert "Protocol deviations 4" in page.split("Contents", maxsplit=1)[0]
    events = section(page, 17, "Adverse events and device deficiencies", "18 Test on")
    assert "2 recorded, of 2 subjects" in events
    assert "skin irritation 1" in events
    assert "No table of deviations was recorded with the data" in pefr_page
    assert "No table of adverse events was recorded with the data" in pefr_page
    assert "Protocol deviations not recorded" in pefr_page


def test_those_not_analysed_stand_beside_the_analysed(page: str, pefr_page: str) -> None:
    told = section(page, 10, "Demographics against the intended users", "11 Signal quality")
    assert "Not analysed (N = 11)" in told
    assert "female 257 114 143 7" in told
    assert "male 272 153 119 <5" in told.replace("&lt;", "<")  # a small cell stays hidden
    assert "female 50.0% 257 of 529" in told
    assert "Not analysed" not in pefr_page


def test_missing_units_every_way_and_their_tipping_point(spa: Results, page: str) -> None:
    told = section(page, 13, "Indeterminate and missing results, tipping point", "14 Secondary")
    assert "Specificity (SR recognised as SR) 533 4 0 0 4" in told
    assert "Missing units left out (decides) 227/229" in told
    assert "Missing units as errors 227/232" in told
    assert "Missing units as correct 230/232" in told
    assert "The decision is “met” whether none or all of the 4 missing units are errors." in told
    for entry in spa.document["missing"]:
        model = figures.tipping(spa, entry)
        assert model is not None
        points = entry["tipping_point"]["points"]
        assert [(one.x, one.value, one.lower) for one in model.points] == [
            (one["at"], one["estimate"], one["lower"]) for one in points
        ]
        assert model.turns == ()
        assert "always met" in model.alt


def turned(spa: Results) -> figures.Curve:
    """The curve of a tipping point that turns."""
    entry = dict(spa.document["missing"][0])
    curve = {
        "kind": "errors",
        "turns": [{"from": "met", "to": "not_met", "at": 3}],
        "points": [
            {
                "at": float(k),
                "estimate": 0.95 - k / 50,
                "lower": 0.93 - k / 50,
                "upper": None,
                "decision": "met",
            }
            for k in range(6)
        ],
    }
    model = figures.tipping(spa, {**entry, "tipping_point": curve})
    assert model is not None
    return model


def test_a_turn_is_marked_by_both_painters(spa: Results) -> None:
    model = turned(spa)
    assert [(turn.x, turn.label) for turn in model.turns] == [(3.0, "met → not met at 3")]
    svg = figures.svg(model)
    assert svg == figures.svg(model)
    assert "met → not met at 3" in svg
    assert "goal 90%" in svg
    assert f'aria-label="{model.alt}"' in svg
    drawn = figures.plotly(model)
    assert list(drawn.data[-1].x) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert {note.text for note in drawn.layout.annotations} == {"goal 90%", "met → not met at 3"}
    assert drawn.layout.meta["alt"] == model.alt


def test_a_line_joins_only_what_was_looked_at(spa: Results) -> None:
    calculation = dict(spa.document["plan"]["calculations"][0])
    calculation["curve"] = [
        {"n": n, "power": 0.8, "critical": 1, "actual_alpha": 0.02} for n in (1, 2, 3, 40, 41)
    ]
    model = figures.power(calculation)
    assert model is not None
    assert len(figures.plotly(model).data) == 3  # two stretches of line, and the marks


def test_no_curve_where_nothing_is_missing(pefr: Results) -> None:
    for entry in pefr.document["missing"]:
        assert figures.tipping(pefr, entry) is None


def test_changes_to_the_parent_are_a_table(
    tmp_path: Path, plain: Plain, make_study: MakeStudy, page: str
) -> None:
    place = make_study(tmp_path / "study", "pefr-1986")
    own = (place / "protocol.yaml").read_text(encoding="utf-8")
    (place / "parent.yaml").write_text(own, encoding="utf-8")
    (place / "protocol.yaml").write_text(
        "extends: parent.yaml\nid: pefr-child\nversion: '2'\ntitle: A child\nseed: 77\n", encoding="utf-8"
    )
    results = runs.run(place, workers=1)
    report(results.folder, output=tmp_path / "out", formats=("html",))
    told = plain((tmp_path / "out" / "report.html").read_text(encoding="utf-8"))
    assert "The protocol extends pefr-1986, version" in told
    assert re.search(r"seed \d+ 77", told)
    assert "The protocol extends" not in page


@pytest.fixture(scope="module")
def lists(spa: Results) -> dict[str, checklists.Checklist]:
    material = gather(spa.folder)
    return {one.id: one for one in checklists.checklists(spa, material.config, {"conclusion": True})}


def test_checklists_have_all_their_items(lists: dict[str, checklists.Checklist]) -> None:
    numbers = {re.sub(r"\D", "", item.number) for item in lists["stard-2015"].items}
    assert numbers == {str(number) for number in range(1, 31)}  # STARD 2015: 30 items
    assert [item.number for item in lists["grras"].items] == [str(n) for n in range(1, 16)]  # GRRAS: 15
    for one in lists.values():
        assert one.count("known") + one.count("written") + one.count("open") == len(one.items)
        assert all(item.author for item in one.items)


def test_checklist_answers_are_the_study_s_own(lists: dict[str, checklists.Checklist], page: str) -> None:
    stard = {item.number: item for item in lists["stard-2015"].items}
    assert stard["24"].answer == "Sensitivity 97.6% (94.8% to 99.1%); specificity 99.1% (96.9% to 99.9%)"
    assert stard["19"].answer.startswith("540 enrolled, 478 analysed")
    assert (stard["26"].state, stard["11"].state) == ("written", "open")
    told = page[page.rindex("Appendix C. Reporting checklists") :]
    assert "11 Why this reference standard to be written by Clinical science Section 5" in told
    assert "29 Where the full protocol is Protocol spa-afib-ecg, version 1.0, in full Appendix A" in told


def test_an_agreement_study_points_to_its_primary_results(pefr: Results) -> None:
    lists = {one.id: one for one in checklists.checklists(pefr, None, {})}
    thirteen = next(item for item in lists["grras"].items if item.number == "13")
    assert (thirteen.section, thirteen.state) == ("primary", "known")
    open_ = {item.number for item in lists["stard-2015"].items if item.state == "open"}
    assert {"12a", "15", "25", "28"} <= open_  # nothing of it is known in this study


@pytest.mark.parametrize(
    ("text", "shown"),
    [("The decision is `not_met`.", "The decision is “not met”."), ("table `a_b`", "table “a_b”")],
)
def test_names_are_quoted_for_print(text: str, shown: str) -> None:
    assert fmt.quoted(text) == shown
