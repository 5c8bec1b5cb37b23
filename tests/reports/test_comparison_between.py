"""Versions against each other in the report: the numbers of the comparison, and nobody's name."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from accordance.app.cli import main
from accordance.protocols.errors import IntegrityError
from accordance.reports import comparison, figures, report
from accordance.reports.comparison import between, methods
from accordance.reports.figures import paint_plotly, paint_svg
from accordance.reports.methods import Bibliography
from accordance.studies.disagreeing import DISAGREEMENTS_FILE

sys.path.append(str(Path(__file__).resolve().parents[2]))

Plain = Callable[[str], str]

PROTOCOL = """\
schema: accordance/protocol/1
id: {kind}
version: "1"
title: Versions
intended_use: Tests.
objective: To compare versions.
tables:
  reference:
    key: [subject, recording]
    columns: {{subject: {{type: text}}, recording: {{type: integer}}, value: {column}}}
  test:
    key: [subject, recording]
    columns: {{subject: {{type: text}}, recording: {{type: integer}}, value: {column}}}
pairings: {{recordings: {{on: [subject, recording]}}}}
endpoints:
  first: {{title: First endpoint, role: secondary, average: pooled, metric: {metric}}}
comparison: {{endpoints: {{first: {{margin: 0.5}}}}}}
seed: 4
"""
STUDY = """\
schema: accordance/study/1
id: versions
title: Versions
protocol: protocol.yaml
sources: {reference: {file: data/reference.csv}}
algorithm:
  name: Wrist
  versions: {VERSIONS}
"""


def study(folder: Path, kind: str, *, subjects: int = 12, candidates: int = 2) -> Path:
    """A study of numbers or of categories: twelve subjects with five recordings, and made versions."""
    import numpy as np  # noqa: PLC0415 - only where a study is made

    random, n = np.random.default_rng(8), 5 * subjects
    names = ["v1", *(f"v{number}" for number in range(2, 2 + candidates))]
    if kind == "numbers":
        column, metric = "{type: number, title: Heart rate, unit: beats/min}", "mae"
        truth = random.normal(70, 8, n).round(1)
        made = {name: (truth + random.normal(0, 2 + at, n)).round(1) for at, name in enumerate(names)}
    else:
        column, metric = "{type: category, title: Rhythm, levels: [AF, SR, other]}", "cohen_kappa"
        levels = np.array(["AF", "SR", "other"])
        truth = levels[random.choice(3, n, p=[0.4, 0.5, 0.1])]
        made = {
            name: np.where(random.random(n) < 0.1 + 0.1 * at, levels[random.choice(3, n)], truth)
            for at, name in enumerate(names)
        }
    (folder / "data").mkdir(parents=True)
    (folder / "protocol.yaml").write_text(PROTOCOL.format(kind=kind, column=column, metric=metric))
    listed = ", ".join(f"{name}: {{sources: {{test: {{file: data/{name}.csv}}}}}}" for name in names)
    (folder / "study.yaml").write_text(STUDY.replace("VERSIONS", listed))
    keys = pl.DataFrame(
        {"subject": [f"S{at // 5:03}" for at in range(n)], "recording": [at % 5 for at in range(n)]}
    )
    for name, values in {"reference": truth, **made}.items():
        keys.with_columns(pl.Series("value", values.tolist())).write_csv(folder / "data" / f"{name}.csv")
    return folder


def compared(folder: Path) -> Path:
    assert main(["compare", str(folder), "--baseline", "v1"]) == 0
    (place,) = (folder / "comparisons").iterdir()
    return place


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("between")
    return {kind: compared(study(root / kind, kind)) for kind in ("numbers", "categories")}


@pytest.fixture(scope="module")
def pages(places: dict[str, Path], plain: Plain) -> dict[str, str]:
    found = {}
    for kind, place in places.items():
        report(place, formats=["html"])
        found[kind] = plain((place / "report.html").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("kind", ["numbers", "categories"])
def test_every_record_stands_in_its_table(kind: str, places: dict[str, Path], pages: dict[str, str]) -> None:
    material = comparison.gather(places[kind])
    lines = getattr(between, kind)(material)
    assert [one.candidate for one in lines] == ["v2", "v3"]
    assert "Agreement between versions" in pages[kind]
    for one in lines:
        row = " ".join([one.candidate, one.value, one.units, one.equal])
        assert row in pages[kind]
        for text, interval in one.estimates:
            assert f"{text} {interval}" in pages[kind]
        assert " ".join(one.counts) in pages[kind]


def test_numbers_are_those_of_the_comparison(places: dict[str, Path]) -> None:
    material = comparison.gather(places["numbers"])
    (row, _), (one, _) = between.of_kind(material, "number"), between.numbers(material)
    assert one.value == "Heart rate (beats/min)"
    assert one.units == "60"
    assert one.equal == f"{100 * row['share_equal']:.1f}%"
    bias = row["agreement"]["bias"]
    assert float(one.estimates[0][0].replace("\u2212", "-")) == pytest.approx(bias["estimate"], abs=0.05)
    assert one.counts == (str(row["nearer"]), str(row["farther"]))
    assert row["nearer"] + row["farther"] <= 60


def test_the_shift_function_is_one_figure_for_two_painters(places: dict[str, Path]) -> None:
    material = comparison.gather(places["numbers"])
    row = between.of_kind(material, "number")[0]
    model = between.shift(row)
    assert [point.x for point in model.points] == [point["probability"] for point in row["shift"]]
    assert [point.value for point in model.points] == [point["difference"] for point in row["shift"]]
    assert model.goal == (0.0,)
    screen = paint_plotly.paint(model)
    drawn = screen.data[1]
    assert list(drawn.y) == pytest.approx([point["difference"] for point in row["shift"]])
    upper = [a + b for a, b in zip(drawn.y, drawn.error_y.array, strict=True)]
    assert upper == pytest.approx([point["upper"] for point in row["shift"]])
    printed = paint_svg.paint(model)
    assert printed.startswith("<svg")
    assert paint_svg.paint(model) == printed
    assert "no difference" in re.sub(r"<[^>]+>|\s+", " ", printed) or "goal" in printed
    for point in row["shift"]:
        assert f"{point['probability']:.0%}" in model.alt


def test_the_density_holds_every_unit_and_no_row(places: dict[str, Path]) -> None:
    material = comparison.gather(places["numbers"])
    row = between.of_kind(material, "number")[0]
    model = between.density(row)
    assert sum(map(sum, model.counts)) == row["n_units"] == 60
    heat = paint_plotly.paint(model).data[0]
    for x, line in enumerate(model.counts):
        for y, count in enumerate(line):
            shown = heat.z[y][x]
            assert math.isnan(shown) if count == 0 else 10**shown == pytest.approx(count)
            assert heat.customdata[y][x][2] == count
    assert heat.x[0] == pytest.approx((model.edges[0] + model.edges[1]) / 2)
    assert "and more" in heat.customdata[0][-1][0]
    assert f"{row['candidate']} nearer: {row['nearer']}" == model.below
    printed = paint_svg.paint(model)
    assert printed == paint_svg.paint(model)
    cells = sum(count > 0 for line in model.counts for count in line)
    assert printed.count("<path") >= cells


def test_categories_are_crossed_and_moved(places: dict[str, Path], pages: dict[str, str]) -> None:
    material = comparison.gather(places["categories"])
    row = between.of_kind(material, "category")[0]
    (model, moved), _ = between.crosses(material)
    assert model.counts == tuple(map(tuple, row["cross"]))
    assert model.agree[0] == (True, False, False)
    for (level, cells), shares in zip(moved.lines, row["moved"], strict=True):
        assert level in row["levels"]
        for (text, _), share in zip(cells, shares, strict=True):
            assert float(text.replace("\u2212", "-")) == pytest.approx(100 * share, abs=0.051)
    assert moved.title in pages["categories"]
    for one in between.patterns(material):
        told = f"{one.reference} {one.baseline} {one.own} {one.units} {one.outcome}"
        assert told in pages["categories"]


def test_shades_say_whether_a_share_moved_to_where_it_belongs() -> None:
    row = {"value": "x", "candidate": "b", "baseline": "a", "levels": ["p", "q", "r"],
           "moved": [[0.3, -0.3, 0.0], [0.09, -0.05, -0.04], None]}  # fmt: skip
    moved = between.moves(row)
    assert [cell for _, cells in moved.lines for cell in cells] == [
        ("+30.0", "better-3"), ("\u221230.0", "better-3"), ("0.0", ""),
        ("+9.0", "worse-1"), ("\u22125.0", "worse-1"), ("\u22124.0", "better-1"),
        ("\u2013", ""), ("\u2013", ""), ("\u2013", ""),
    ]  # fmt: skip


def test_the_report_shows_units_and_names_nobody(places: dict[str, Path], pages: dict[str, str]) -> None:
    material = comparison.gather(places["numbers"])
    shown = between.units(material)
    assert len(shown) == 2 * between.MOST
    assert {one.candidate for one in shown} == {"v2", "v3"}
    for one in shown:
        assert f"{one.reference} {one.baseline} {one.own} {one.difference} {one.outcome}" in pages["numbers"]
    for name in set(material.disagreements["subject"]):
        assert name not in pages["numbers"]


def test_units_of_a_handful_of_subjects_are_not_shown(tmp_path: Path) -> None:
    material = comparison.gather(compared(study(tmp_path / "few", "numbers", subjects=4)))
    assert material.disagreements.height > 0
    assert between.units(material) == []


def test_of_many_candidates_the_first_value_is_drawn(tmp_path: Path) -> None:
    material = comparison.gather(compared(study(tmp_path / "many", "numbers", candidates=8)))
    assert len(between.numbers(material)) == 8
    assert len(between.figures(material)) == 2 * between.FIGURES
    assert len(between.units(material)) == between.FIGURES * between.MOST


def test_units_do_not_travel_with_the_report(places: dict[str, Path]) -> None:
    from accordance.reports.comparison.write import attached  # noqa: PLC0415

    material = comparison.gather(places["numbers"])
    assert DISAGREEMENTS_FILE in material.hashes
    assert DISAGREEMENTS_FILE not in {one.name for one in attached(material)}
    assert "S003" not in (places["numbers"] / "comparison.json").read_text().partition('"comparability"')[0]


def test_changed_units_are_an_error_of_integrity(tmp_path: Path) -> None:
    place = compared(study(tmp_path / "changed", "numbers"))
    file = place / DISAGREEMENTS_FILE
    pl.read_parquet(file).head(3).write_parquet(file)
    with pytest.raises(IntegrityError, match=re.escape(DISAGREEMENTS_FILE)):
        comparison.gather(place)


def test_older_comparisons_say_that_it_was_not_computed(tmp_path: Path, plain: Plain) -> None:
    place = compared(study(tmp_path / "older", "numbers"))
    document = json.loads((place / "comparison.json").read_text())
    del document["between_versions"]
    (place / "comparison.json").write_text(json.dumps(document))
    (place / "manifest.json").write_text(json.dumps({"inputs": []}))
    (place / DISAGREEMENTS_FILE).unlink()
    report(place, formats=["html"])
    assert "written before versions were held against each other" in plain(
        (place / "report.html").read_text()
    )
    material = comparison.gather(place)
    assert not between.gathered(material).any
    headings = [one.heading for one in methods.write(material, Bibliography())]
    assert "Agreement between versions" not in headings


def test_what_could_not_be_compared_is_said() -> None:
    class Told:
        document: dict[str, Any] = {  # noqa: RUF012 - read only
            "between_versions": [
                {"candidate": "v2", "value": "Rate", "kind": None, "error": "no analysable rows"}
            ]
        }

    assert between.failed(Told()) == ["v2, Rate: no analysable rows."]  # type: ignore[arg-type]


def test_methods_are_cited(places: dict[str, Path]) -> None:
    for kind, sources in (("numbers", ("Wilcox", "Rousselet", "Bland")), ("categories", ("Cohen",))):
        cited = Bibliography()
        written = methods.write(comparison.gather(places[kind]), cited)
        assert any(one.heading == "Agreement between versions" for one in written)
        assert all(any(source in entry for entry in cited.entries) for source in sources)


def test_a_density_is_a_figure() -> None:
    assert figures.Density in paint_svg._PAINTERS
