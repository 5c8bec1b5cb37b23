"""What groups differ by, in the report: the deciding pair, every pair, groups, changes along a covariate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from accordance.reports import disparity, families, figures, judged, missing, report
from accordance.reports import rows as words
from accordance.studies import run as runs
from accordance.studies.results import Results

Plain = Callable[[str], str]
MakeStudy = Callable[..., Path]


@pytest.fixture(scope="module")
def passing(tmp_path_factory: pytest.TempPathFactory, make_study: MakeStudy) -> Results:
    return runs.run(make_study(tmp_path_factory.mktemp("spo2") / "study", "spo2-fda2025"), workers=1)


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory, make_study: MakeStudy) -> Results:
    """The study judged by the version whose bias follows the skin, with a group too small to compare."""

    def smaller(text: str) -> str:
        return f"{text}\nendpoints: {{monk_low: {{disparity: {{minimum: 50}}}}}}\n"

    place = make_study(tmp_path_factory.mktemp("spo2-failing") / "study", "spo2-fda2025", smaller)
    config = place / "study.yaml"
    before = config.read_text(encoding="utf-8")
    config.write_text(before.replace("decides: v1", "decides: v0"), encoding="utf-8")
    return runs.run(place, workers=1)


def first_page(results: Results, folder: Path, plain: Plain) -> str:
    report(results.folder, output=folder, formats=("html",))
    return plain((folder / "report.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def passing_page(passing: Results, tmp_path_factory: pytest.TempPathFactory, plain: Plain) -> str:
    return first_page(passing, tmp_path_factory.mktemp("passing"), plain)


@pytest.fixture(scope="module")
def failing_page(failing: Results, tmp_path_factory: pytest.TempPathFactory, plain: Plain) -> str:
    return first_page(failing, tmp_path_factory.mktemp("failing"), plain)


def of_pairs(results: Results, endpoint: str, margin: float) -> dict[str, float]:
    """Pair -> how far its interval lies inside the margin, from the rows themselves."""
    return {
        row["level"]: margin - max(abs(row["ci_lower"]), abs(row["ci_upper"]))
        for row in results.endpoint(endpoint).iter_rows(named=True)
        if row["criterion"] and row["version"] == results.deciding_version
    }


@pytest.mark.parametrize(("endpoint", "margin"), [("monk_low", 3.5), ("monk_high", 1.5)])
def test_the_pair_nearest_to_the_margin_speaks_for_its_endpoint(
    passing: Results, endpoint: str, margin: float
) -> None:
    room = of_pairs(passing, endpoint, margin)
    found = judged.judged(passing, endpoint)
    assert found is not None
    assert found.row["level"] == min(room, key=lambda level: room[level])
    assert (found.n, found.n_pairs, found.not_compared) == (3, 3, 0)
    assert not found.beyond


def test_first_page_names_the_deciding_pair_and_how_many_were_judged(
    passing: Results, passing_page: str
) -> None:
    first = passing_page.split("Contents", maxsplit=1)[0]
    assert "Success criterion demonstrated: yes" in first
    assert "met the criterion for all 5 deciding endpoints" in first
    for endpoint in ("monk_low", "monk_high"):
        row = judged.deciding_row(passing, endpoint)
        assert row is not None
        text = words.text(row)
        said = f"{row['level']}, the nearest to the limit of 3 pairs judged"
        assert said in first
        assert f"{text.count} {text.estimate} {text.interval} Met" in first


def test_a_pair_beyond_the_margin_is_the_one_that_is_named(failing: Results, failing_page: str) -> None:
    first = failing_page.split("Contents", maxsplit=1)[0]
    assert "Success criterion demonstrated: no" in first
    room = of_pairs(failing, "monk_high", 1.5)
    worst = min(room, key=lambda level: room[level])
    assert room[worst] < 0 < max(room.values())  # the first pair alone would have looked met
    assert f"{worst}, the farthest beyond the limit of 3 pairs judged" in first
    assert "Skin tone (Monk scale): 5–7 − 1–4, the only pair judged; 2 not compared" in first


def test_groups_too_small_stay_visible_with_their_number(failing: Results, failing_page: str) -> None:
    block = disparity.pairs_block(failing, "monk_low")
    assert block is not None
    own = failing.endpoint("monk_low").filter(
        (failing.endpoint("monk_low")["version"] == "v0") & (failing.endpoint("monk_low")["level"] == "8–10")
    )
    assert [(one.name, one.subjects) for one in block.groups] == [
        ("1–4", "54"),
        ("5–7", "55"),
        ("8–10", "47"),
    ]
    assert own["n_subjects"].to_list() == [47]  # counted in the rows as the statistic counts them
    small = [line for line in block.lines if line.version == "v0" and line.reason and not line.largest]
    assert [line.pair for line in small] == ["8–10 − 1–4", "8–10 − 5–7"]
    assert all("group 8–10 has 47 subjects, and groups of fewer than 50" in line.reason for line in small)
    assert "8–10 − 1–4 47 and 54 – – group 8–10 has 47 subjects" in failing_page


def test_the_forest_shows_every_pair_and_the_margin(failing: Results, passing: Results) -> None:
    block = disparity.pairs_block(failing, "monk_low")
    assert block is not None
    (forest,) = block.figures
    lines = [row for row in forest.rows if not row.heading]
    assert forest.goal == (-3.5, 3.5)
    assert forest.null == 0.0
    assert [row.label for row in lines] == ["5–7 − 1–4", "8–10 − 1–4", "8–10 − 5–7"]
    assert [row.value is None for row in lines] == [False, True, True]
    assert lines[1].text == "not compared"
    low, high = figures.svg(forest), figures.plotly(forest)
    assert "8–10 − 1–4" in low
    assert high.layout.shapes  # margin and zero
    whole = disparity.pairs_block(passing, "monk_low")
    assert whole is not None
    estimates = {row["level"]: row["estimate"] for row in passing.endpoint("monk_low").iter_rows(named=True)
                 if row["version"] == "v1"}  # fmt: skip
    assert [row.value for row in whole.figures[0].rows if not row.heading] == [
        estimates[level] for level in ("5–7 − 1–4", "8–10 − 1–4", "8–10 − 5–7")
    ]


def test_the_largest_difference_is_shown_and_marked_as_not_judged(
    passing: Results, passing_page: str
) -> None:
    block = disparity.pairs_block(passing, "monk_low")
    assert block is not None
    (last,) = [line for line in block.lines if line.largest and line.version == "v1"]
    assert last.pair == "Largest: 8–10 and 1–4"
    assert last.text.estimate == "0.25%"  # rounded as its pair, whose difference is −0.25%
    assert not last.decides
    assert "Largest: 8–10 and 1–4 – 0.25% – shown, not judged" in passing_page


def test_changes_along_the_covariate_stand_beside_their_own_margins(
    passing: Results, passing_page: str
) -> None:
    low, high = (disparity.slope_block(passing, name) for name in ("ita_low", "ita_high"))
    assert low is not None
    assert high is not None
    assert low.forest is not None
    assert high.forest is None
    assert high.as_ == passing.protocol.endpoints["ita_low"].title
    assert [row.goal for row in low.forest.rows] == [(-3.5, 3.5), (-1.5, 1.5)]
    assert [row.label for row in low.forest.rows] == [
        "SaO2 of 70 to 85%, margin −3.5 to 3.5%",
        "SaO2 above 85%, margin −1.5 to 1.5%",
    ]
    assert [row.value for row in low.forest.rows] == [
        judged.deciding_row(passing, name)["estimate"]  # type: ignore[index]
        for name in ("ita_low", "ita_high")
    ]
    assert low.along is not None
    data = passing.slice(judged.deciding_row(passing, "ita_low")["row_id"])  # type: ignore[index]
    assert sorted(low.along.points.x) == sorted(data["ita"].to_list())
    assert "Individual typology angle" in low.along.x.label
    assert "Change of the bias per 100 deg of Individual typology angle" in passing_page
    assert disparity.slope_block(passing, "arms") is None
    assert disparity.pairs_block(passing, "arms") is None


def test_hypotheses_say_why_there_is_no_p_value(passing: Results, passing_page: str) -> None:
    (table,) = families.families(passing)
    notes = {line.title: (line.p, line.note) for line in table.lines}
    titles = {name: one.title for name, one in passing.protocol.endpoints.items()}
    reason = "no p value: the criterion compares the point estimate, so there is no test"
    assert notes[titles["arms"]] == ("\u2013", reason)
    of_pairs = "the largest of 3 pairs, all of which have to be met"
    assert notes[titles["monk_low"]] == ("< 0.001", of_pairs)
    assert notes[titles["ita_low"]] == ("< 0.001", "")
    assert "Accuracy and non-disparity: met as a whole" in passing_page


def test_missing_units_name_the_pair_that_decides(passing: Results) -> None:
    told = {one.title: one.decided_by for one in missing.missing(passing)}
    assert "8–10 − 1–4" in told[passing.protocol.endpoints["monk_low"].title]
    assert told[passing.protocol.endpoints["arms"].title] == ""


def test_a_handful_of_subjects_is_hidden_in_words_too() -> None:
    said = "group 8–10 has 3 subjects, and groups of fewer than 5 are not compared"
    assert disparity.masked(said) == "group 8–10 has <5 subjects, and groups of fewer than 5 are not compared"
    assert disparity.masked("group A has 12 subjects") == "group A has 12 subjects"
