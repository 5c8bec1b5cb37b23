"""The app's pages, run without a browser: what they show, and what they say when there is nothing to show."""

from __future__ import annotations

import html
import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from screen import page, words

from accordance.app import charts, drill
from accordance.app.cli import main
from accordance.app.pages import PAGES
from accordance.studies.results import Results


@pytest.mark.parametrize("first", PAGES)
@pytest.mark.parametrize("study", ["pefr-1986", "spa-afib-ecg"])
def test_every_page_shows_every_example(first: str, study: str, examples: Path) -> None:
    test = page(examples / study, first)
    assert not test.exception
    assert not test.error
    assert test.title


def test_the_first_screen_is_the_decision(examples: Path) -> None:
    test = page(examples, study="spa-afib-ecg")
    shown = words(test)
    assert "Success criterion demonstrated: yes" in shown
    assert "the decision is pre-specified" in shown
    assert "243/249" in shown
    assert "Indeterminate outputs counted each way" in shown
    assert "529 subjects" in shown


def test_an_unlocked_study_says_so(examples: Path) -> None:
    shown = words(page(examples / "pefr-1986"))
    assert "Success criterion demonstrated: no" in shown
    assert "No locked plan" in shown


def test_a_link_opens_a_subject(examples: Path) -> None:
    test = page(examples / "pefr-1986", "endpoint", endpoint="bias", subject="7")
    assert not test.exception
    assert "**Subject 7**: 2 rows, 1 analysed here" in words(test)
    rows = test.dataframe[0].value
    assert rows["reference"].to_list() == [413, 415], "Bland and Altman 1986, table 1, subject 7"
    assert rows["test"].to_list() == [364, 460]
    assert rows["difference"].to_list() == [-49, 45]
    assert rows["why not"].to_list() == ["", "Not in this part"]


def test_a_link_to_a_subject_that_is_not_there_says_so(examples: Path) -> None:
    test = page(examples / "pefr-1986", "endpoint", subject="99")
    assert not test.exception
    assert "There is no subject 99" in words(test)


def test_choosing_an_endpoint_changes_the_page_and_the_address(examples: Path) -> None:
    test = page(examples / "pefr-1986", "endpoint")
    test.selectbox(key="endpoint").select("mae").run()
    assert test.title[0].value == "Mean absolute error, both readings"
    assert test.query_params["endpoint"] in ("mae", ["mae"])


@pytest.mark.parametrize("study", ["pefr-1986", "spa-afib-ecg"])
def test_every_endpoint_and_part_has_its_page(study: str, examples: Path) -> None:
    results = Results.latest(examples / study)
    for entry in results.document["endpoints"]:
        test = page(examples / study, "endpoint", endpoint=entry["id"])
        assert not test.exception, entry["id"]
        parts = test.selectbox(key="part").options
        test.selectbox(key="part").select(parts[-1]).run()
        assert not test.exception, (entry["id"], parts[-1])


def test_accounting_opens_the_rows_of_a_reason(examples: Path) -> None:
    test = page(examples / "spa-afib-ecg", "accounting", reason="unreadable_reference")
    rows = test.dataframe[0].value
    assert set(rows["reason"]) == {"unreadable_reference"}
    assert len(rows) == 5


def test_a_folder_without_a_study(tmp_path: Path) -> None:
    shown = words(page(tmp_path))
    assert "There is no study" in shown
    assert "accordance init" in shown


def test_a_study_without_a_run(tiny: Path) -> None:
    shown = words(page(tiny))
    assert "no finished run yet" in shown
    assert f"accordance run {tiny}" in shown


def test_a_run_with_errors_shows_them(tiny: Path) -> None:
    (tiny / "data" / "test.csv").write_bytes((tiny / "data" / "reference.csv").read_bytes())
    path = tiny / "data" / "reference.csv"
    path.write_text(path.read_text().replace("true", "false"))
    assert main(["run", str(tiny)]) == 0
    test = page(tiny)
    assert not test.exception
    shown = words(test)
    assert "Success criterion demonstrated: not evaluable" in shown
    rows = Results.latest(tiny).overview()
    reasons = [row["error"] for row in rows if row["error"]]
    assert len(reasons) >= 2
    assert all(html.escape(reason) in shown for reason in reasons)
    for endpoint in ("closeness", "alarms"):
        assert not page(tiny, "endpoint", endpoint=endpoint).exception


def test_results_of_another_schema_are_refused_by_name(tiny: Path) -> None:
    assert main(["run", str(tiny)]) == 0
    (run,) = (tiny / "runs").iterdir()
    document = json.loads((run / "results.json").read_text())
    document["schema"] = "accordance/results/99"
    (run / "results.json").write_text(json.dumps(document))
    test = page(tiny)
    assert not test.exception
    assert "accordance/results/99" in words(test)


def test_a_new_run_is_found_without_a_restart(tiny: Path) -> None:
    assert main(["run", str(tiny)]) == 0
    test = page(tiny)
    before = words(test)
    (run,) = (tiny / "runs").iterdir()
    shutil.copytree(run, run.with_name(run.name.replace(run.name[:4], "2999")))
    after = test.run()
    assert not after.exception
    assert "2999-" in words(after)
    assert "2999-" not in before


def test_a_report_that_cannot_be_written_says_why(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_folder: Path) -> None:
        raise OSError(28, "No space left on device")

    assert main(["run", str(tiny)]) == 0
    monkeypatch.setattr("accordance.reports.report", full)
    test = page(tiny, "report")
    assert "no report yet" in words(test)
    test.button[0].click().run()
    assert not test.exception
    assert "No space left on device" in words(test)


def click(*data: Any) -> dict[str, Any]:
    """A chart's selection as Streamlit hands it over."""
    return {"selection": {"points": [{"customdata": list(data)}]}}


def test_a_click_names_a_subject_or_a_mark() -> None:
    assert charts.picked(click("A&amp;B", 3)) == ("A&B", None)
    assert charts.picked(click("12 pairs", "bin-3-4")) == (None, "bin-3-4")
    assert charts.picked({"selection": {"points": []}}) == (None, None)
    assert charts.picked(None) == (None, None)


def test_every_cell_of_the_matrix_opens_as_many_rows_as_it_counts(examples: Path) -> None:
    results = Results.latest(examples / "spa-afib-ecg")
    row = next(row for row in results.overview() if row["endpoint"] == "sensitivity")
    from accordance.reports import figures  # noqa: PLC0415

    model = figures.build(results, row["row_id"])
    assert isinstance(model, figures.Matrix)
    chart = charts.clickable(model, "light")
    counts = [count for line in model.counts for count in line]
    assert len(chart.cells) == len(counts)
    for (reference, output), count in zip(chart.cells.values(), counts, strict=True):
        assert drill.cell_rows(results, row, reference, output).height == count


def test_many_points_are_binned_and_none_is_lost() -> None:
    from accordance.reports.figures import Axis, Points, Scatter  # noqa: PLC0415

    n = charts.BIN_ABOVE + 1
    frame = pl.DataFrame({"at": range(n)}).with_columns(x=pl.col("at") % 97, y=(pl.col("at") * 7) % 101 / 10)
    points = Points(
        x=frame["x"].cast(pl.Float64).to_numpy(),
        y=frame["y"].to_numpy(),
        subjects=tuple(f"S{at % 50:02}" for at in range(n)),
        rows=tuple(range(n)),
    )
    model = Scatter("many", "Many", "", "", Axis("x"), Axis("y"), points)
    chart = charts.clickable(model, "dark", subject="S07")
    assert sorted(row for rows in chart.bins.values() for row in rows) == list(range(n))
    marks = next(trace for trace in chart.figure.data if trace.name == "bins")
    assert len(marks.x) == len(chart.bins) <= charts.BINS**2
    chosen = next(trace for trace in chart.figure.data if trace.name == "chosen subject")
    assert len(chosen.x) == sum(subject == "S07" for subject in points.subjects)
