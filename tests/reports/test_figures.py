"""Figures: what the model holds comes from the results, and both painters show it."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest

from accordance.protocols.errors import UsageError
from accordance.reports import figures
from accordance.reports import rows as words
from accordance.reports.figures import layout
from accordance.studies.results import Results

Axis, Points, Scatter = figures.Axis, figures.Points, figures.Scatter


def row_id(results: Results, endpoint: str) -> str:
    """The row that speaks for an endpoint."""
    found: str = next(entry["row_id"] for entry in results.document["endpoints"] if entry["id"] == endpoint)
    return found


def texts(svg: str) -> str:
    """All text of an SVG."""
    return " ".join(
        "".join(element.itertext()) for element in ElementTree.fromstring(svg).iter() if "text" in element.tag
    )


def test_bland_altman_takes_bias_and_limits_from_the_rows(pefr: Results) -> None:
    model = figures.build(pefr, row_id(pefr, "bias"))
    assert isinstance(model, Scatter)
    rows = {row["statistic"]: row for row in pefr.endpoint("bias").iter_rows(named=True)}
    drawn = {
        level.label.split(" ")[0]: level for level in model.levels if level.label and level.role != "goal"
    }
    assert drawn["Bias"].value == rows["bias"]["estimate"]
    assert (drawn["Upper"].value, drawn["Lower"].value) == (
        rows["loa_upper"]["estimate"],
        rows["loa_lower"]["estimate"],
    )
    assert (drawn["Upper"].lower, drawn["Upper"].upper) == (
        rows["loa_upper"]["ci_lower"],
        rows["loa_upper"]["ci_upper"],
    )
    assert [level.value for level in model.levels if level.role == "goal"] == [-30.0, 30.0]


def test_points_are_the_rows_behind_the_estimate(pefr: Results) -> None:
    model = figures.build(pefr, row_id(pefr, "bias"))
    assert isinstance(model, Scatter)
    # Bland and Altman 1986, Lancet 327:307-310: 17 subjects, first readings, mean difference 2.1 l/min.
    assert len(model.points) == 17
    assert np.mean(model.points.y) == pytest.approx(2.1176470588, rel=1e-9)
    assert "17 pairs of 17 subjects" in model.caption


def test_size_axis_can_be_the_reference(pefr: Results) -> None:
    mean = figures.build(pefr, row_id(pefr, "bias"))
    reference = figures.build(pefr, row_id(pefr, "bias"), size="reference")
    assert isinstance(mean, Scatter)
    assert isinstance(reference, Scatter)
    assert np.allclose(reference.points.x + reference.points.y / 2, mean.points.x)
    assert reference.x.title == "Reference"


def test_svg_has_readable_text_with_limits_and_intervals(pefr: Results) -> None:
    svg = figures.svg(figures.build(pefr, row_id(pefr, "bias")))
    shown = texts(svg)
    assert "Bias 2.1" in shown
    assert "95% CI \u221217.8 to 22.0" in shown
    assert "Upper limit 78.1" in shown
    assert "Lower limit \u221273.9" in shown
    sizes = [float(size) for size in re.findall(r"font(?:-size)?:[^;\"]*?([\d.]+)px", svg)]
    assert sizes
    assert min(sizes) >= 7


def test_svg_is_the_same_every_time(pefr: Results, spa: Results) -> None:
    models = [
        figures.build(pefr, row_id(pefr, "bias")),
        figures.build(spa, row_id(spa, "sensitivity")),
        *figures.forest(spa, "sensitivity"),
        figures.flow(spa.document["accounting"][0], name="flow", title="Flow"),
    ]
    for model in models:
        again = figures.svg(model)
        assert figures.svg(model) == again
        assert "<metadata>" not in again
        assert not re.search(r'(?:href|src)="(?!#|data:)', again)
        ElementTree.fromstring(again)


def test_svg_says_what_it_shows(spa: Results) -> None:
    model = figures.build(spa, row_id(spa, "sensitivity"))
    root = ElementTree.fromstring(figures.svg(model))
    assert root.get("role") == "img"
    assert root.get("aria-label") == model.alt


def many(count: int) -> Scatter:
    points = Points(
        np.arange(count, dtype=float), np.sin(np.arange(count)), ("s",) * count, tuple(range(count))
    )
    return Scatter("many", "Many", "", "Many points", Axis("x"), Axis("y"), points)


def test_many_points_are_a_picture_but_axes_and_text_stay_vectors() -> None:
    few, lots = figures.svg(many(2_000)), figures.svg(many(2_001))
    assert "<image" not in few
    assert "<image" in lots
    assert len(lots) < len(few)
    assert texts(lots)
    assert "<image" in figures.svg(many(10), raster_above=0)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_points_are_drawn(count: int) -> None:
    model = many(count)
    assert figures.svg(model) == figures.svg(model)
    assert len(figures.plotly(model).data) == 1


def test_confusion_shows_every_output_by_reference(spa: Results) -> None:
    row = spa.row(row_id(spa, "sensitivity"))
    model = figures.build(spa, row["row_id"])
    assert isinstance(model, figures.Matrix)
    assert model.rows == ("AF", "SR")
    assert model.columns == ("AF", "SR", "inconclusive", "poor")
    assert model.counts[0][0] == row["n_events"]
    assert sum(model.counts[0][:2]) == row["n_units"]
    analysed = spa.document["accounting"][-1]["steps"][-1]["n_pairs"]
    assert sum(map(sum, model.counts)) == analysed
    assert model.agree[0] == (True, False, None, None)


def test_confusion_of_a_subgroup_shows_its_rows_only(spa: Results) -> None:
    part = spa.endpoint("sensitivity").filter(
        (pl.col("subgroup") == "sex")
        & (pl.col("level") == "female")
        & (pl.col("version") == spa.deciding_version)
    )
    row = part.row(0, named=True)
    model = figures.build(spa, row["row_id"])
    assert isinstance(model, figures.Matrix)
    assert (model.counts[0][0], sum(model.counts[0][:2])) == (row["n_events"], row["n_units"])


def test_forest_lists_declared_subgroups_and_the_goal(spa: Results) -> None:
    (model,) = figures.forest(spa, "sensitivity")
    headings = [row.label for row in model.rows if row.heading]
    assert headings[0] == "Sex"
    assert "Age" in headings
    assert model.rows[0].overall
    assert model.goal == (0.9,)
    svg = figures.svg(model)
    assert "goal 90%" in texts(svg)
    assert words.text(spa.row(row_id(spa, "sensitivity"))).count in texts(svg)


def test_handfuls_of_subjects_are_not_shown(spa: Results) -> None:
    (model,) = figures.forest(spa, "sensitivity")
    parts = spa.endpoint("sensitivity").filter(
        (pl.col("n_subjects") < 5) & (pl.col("n_subjects") > 0) & pl.col("subgroup").is_not_null()
    )
    assert not parts.is_empty(), "the example no longer has a small subgroup; choose another"
    hidden = [row for row in model.rows if row.count == "<5"]
    assert hidden
    assert all(row.value is None and row.text == "fewer than 5 subjects" for row in hidden)
    for row in parts.iter_rows(named=True):
        assert words.text(row).estimate == "not shown"


def test_forest_is_split_over_pages_with_the_whole_on_each(
    spa: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accordance.reports.figures.builders.FOREST_LINES", 10)
    pages = figures.forest(spa, "sensitivity")
    assert len(pages) > 2
    assert all(page.rows[0].overall for page in pages)
    monkeypatch.undo()
    (whole,) = figures.forest(spa, "sensitivity")
    labels = [row.label for page in pages for row in page.rows if not row.heading and not row.overall]
    assert labels == [row.label for row in whole.rows if not row.heading and not row.overall]


def test_one_far_interval_does_not_squeeze_the_others() -> None:
    lines = tuple(figures.ForestRow(str(at), value=0.95, lower=0.9, upper=0.99) for at in range(10))
    far = figures.ForestRow("far", value=0.95, lower=0.02, upper=1.0)
    model = figures.Forest("f", "", "", "", Axis("Sensitivity", percent=True), (*lines, far))
    low, high = layout.forest_range(model)
    assert 0.8 < low < 0.9
    assert 0.95 < high <= 1.005


def test_flow_adds_up_in_print(spa: Results) -> None:
    entry = spa.document["accounting"][0]
    model = figures.flow(entry, name="flow", title="Flow")
    assert [step.leaves for step in model.steps] == [False, *[True] * (len(model.steps) - 2), False]
    assert f"{entry['steps'][0]['n_subjects']} subjects" in model.steps[0].lines


def test_plotly_shows_the_same_numbers(pefr: Results, spa: Results) -> None:
    model = figures.build(pefr, row_id(pefr, "bias"))
    assert isinstance(model, Scatter)
    drawn = figures.plotly(model)
    assert np.array_equal(drawn.data[0].y, model.points.y)
    assert [entry[0] for entry in drawn.data[0].customdata] == list(model.points.subjects)
    assert drawn.layout.meta["alt"] == model.alt
    notes = " ".join(note.text for note in drawn.layout.annotations)
    assert "Upper limit 78.1" in notes
    for other in (figures.build(spa, row_id(spa, "sensitivity")), *figures.forest(spa, "sensitivity")):
        assert (
            figures.plotly(other, appearance="dark").to_json()
            == figures.plotly(other, appearance="dark").to_json()
        )


def test_painters_escape_what_protocols_say() -> None:
    hostile = "<script>alert('$x$')</script> & \"quotes\""
    points = Points(np.array([1.0]), np.array([2.0]), (hostile,), (0,))
    model = Scatter("hostile", hostile, hostile, hostile, Axis(hostile), Axis("y", "$unit$"), points)
    svg = figures.svg(model)
    assert "<script" not in svg
    assert "<script>alert('$x$')</script>" in texts(svg)
    assert "<script" not in figures.plotly(model).to_html(include_plotlyjs=False).split("Plotly.newPlot")[1]


def test_metric_without_a_figure_is_refused_by_name(spa: Results) -> None:
    with pytest.raises(UsageError, match="no figure of its own"):
        figures.build(spa, row_id(spa, "yield"))


def test_labels_move_apart_and_stay_inside() -> None:
    places = layout.spread([1.0, 1.1, 0.9, 9.9], 1.0, 0.5, 10.0)
    ordered = sorted(places)
    assert all(b - a >= 1.0 - 1e-9 for a, b in pairwise(ordered))
    assert ordered[0] >= 0.5
    assert ordered[-1] <= 10.0
