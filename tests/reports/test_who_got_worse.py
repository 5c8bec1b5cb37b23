"""Who got worse in the comparison's report: what is believed of subjects, in pictures, tables and words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import comparison_case as case
import numpy as np
import polars as pl
import pytest

from accordance.evaluators import rank_by_harm
from accordance.reports import comparison, figures
from accordance.reports.comparison import figures as pictures
from accordance.reports.comparison import harmed
from accordance.studies.results import Results

Plain = Callable[[str], str]
NAMES = [f"S{at:03}" for at in range(40)]
WARNING = "1 of 40 subjects have no posterior; their reasons say why."
REASON = "the outputs of both versions are identical, byte for byte"


def ranked(folder: Path) -> Path:
    """The comparison with its subjects ranked: mape of v2 and v4; v3 is not, and coverage neither."""
    subjects = pl.read_parquet(folder / "subjects.parquet")
    told, parts = [], []
    for (candidate, endpoint), own in subjects.group_by("candidate", "endpoint", maintain_order=True):
        entry: dict[str, Any] = {"candidate": candidate, "endpoint": endpoint, "ranked": 0, "worse": None}
        entry |= {"warning": None, "reason": REASON, "words": f"Subjects are not ranked: {REASON}."}
        part = own
        if endpoint == "mape" and candidate in {"v2", "v4"}:
            values = own["improvement"].to_numpy()
            variance = np.where(np.arange(len(values)) == 3, np.nan, np.linspace(0.2, 4, len(values)))
            found = rank_by_harm(values, variance, margin=1.0)
            numbers = {"shrunk": found.shrunk, "shrunk_lower": found.lower, "shrunk_upper": found.upper,
                       "p_worse": found.p_worse, "p_worse_than_margin": found.p_worse_than_margin,
                       "expected_rank": found.expected_rank}  # fmt: skip
            part = own.with_columns(pl.Series(k, v).fill_nan(None) for k, v in numbers.items()).with_columns(
                pl.Series("rank", found.rank), pl.Series("reason", found.reasons, dtype=pl.String)
            )
            worse = int((found.p_worse > 0.95).sum())
            entry |= {"ranked": len(values) - 1, "worse": worse, "reason": None, "warning": WARNING}
            entry |= {"words": f"Worse with {candidate}: {worse} subjects.", "sure": 0.95}
            entry |= {"citations": [one.text for one in found.citations]}
        told.append(entry)
        parts.append(part)
    pl.concat(parts, how="diagonal").write_parquet(folder / "subjects.parquet")
    document = json.loads((folder / "comparison.json").read_text())
    (folder / "comparison.json").write_text(json.dumps({**document, "who": told}))
    manifest = json.loads((folder / "manifest.json").read_text())
    for name in manifest["results"]:
        manifest["results"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture(scope="module")
def folder(pefr: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ranked(case.of(pefr, tmp_path_factory.mktemp("who") / "20260301T101500Z_1a2b3c4d", names=NAMES))


@pytest.fixture(scope="module")
def material(folder: Path) -> comparison.Material:
    return comparison.gather(folder)


@pytest.fixture(scope="module")
def page(folder: Path, plain: Plain) -> str:
    return plain(comparison.write(folder, formats=["html"])["report.html"].decode())


def test_what_is_believed_is_drawn_with_its_interval_and_what_was_measured(
    material: comparison.Material,
) -> None:
    (row,) = material.of(endpoint="mape", candidate="v4")
    drawn = pictures.caterpillar(material.subjects, row, baseline="v1")
    own = material.subjects.filter(
        pl.col("endpoint") == "mape", pl.col("candidate") == "v4", pl.col("shrunk").is_not_null()
    ).sort("shrunk")
    assert drawn is not None and drawn.ranges is not None
    assert own.height == 39
    assert list(drawn.points.subjects) == own["subject"].to_list()
    for values, name in (
        (drawn.points.y, "shrunk"),
        (drawn.ranges.lower, "shrunk_lower"),
        (drawn.ranges.upper, "shrunk_upper"),
        (drawn.ranges.beside, "improvement"),
    ):
        np.testing.assert_array_equal(values, own[name])
    assert "39 subjects" in drawn.caption and "posterior interval" in drawn.caption
    (_, (low, high)) = figures.layout.scatter_ranges(drawn)
    assert low < own["shrunk_lower"].min() and high > own["shrunk_upper"].max()
    assert low < own["improvement"].min() and high > own["improvement"].max()


def test_both_painters_show_them(material: comparison.Material) -> None:
    (row,) = material.of(endpoint="mape", candidate="v4")
    drawn = pictures.caterpillar(material.subjects, row, baseline="v1")
    assert drawn is not None and drawn.ranges is not None
    screen = figures.plotly(drawn)
    believed, measured = screen.data[0], screen.data[1]
    np.testing.assert_allclose(believed.y + believed.error_y.array, drawn.ranges.upper)
    np.testing.assert_allclose(believed.y - believed.error_y.arrayminus, drawn.ranges.lower)
    np.testing.assert_array_equal(measured.y, drawn.ranges.beside)
    assert measured.customdata[5][0] == drawn.points.subjects[5], "a click on either opens the subject"
    with_, without = (
        figures.svg(one) for one in (drawn, pictures.caterpillar(material.subjects.drop(
            "shrunk").with_columns(shrunk=pl.lit(None, dtype=pl.Float64)), row, baseline="v1"))
    )  # fmt: skip
    assert with_.count("<use ") + with_.count("<path") > without.count("<use ") + without.count("<path")


def test_the_most_harmed_stand_in_a_table_without_names(material: comparison.Material, page: str) -> None:
    (row,) = material.of(endpoint="mape", candidate="v4")
    panel = harmed.panel(material, row)
    own = material.subjects.filter(pl.col("endpoint") == "mape", pl.col("candidate") == "v4").sort("rank")
    assert [one.subject for one in panel.lines] == own["subject"][:5].to_list()
    first, most = panel.lines[0], own.row(0, named=True)
    assert (first.place, first.units) == ("1", "120")
    assert first.measured.startswith("\u2212") and first.believed.startswith("\u2212")
    assert first.expected_rank == f"{most['expected_rank']:.1f}"
    assert float(first.believed.strip("\u2212\u00a0p")) == pytest.approx(-most["shrunk"], abs=0.06)
    assert first.p_worse.removeprefix("> ") in page and first.interval in page
    assert panel.words in page and WARNING in page
    assert not set(NAMES) & set(page.split())
    assert "Laird NM, Louis TA" in page and "Morris CN" in page


def test_who_is_not_ranked_is_said_and_drawn_as_measured(material: comparison.Material, page: str) -> None:
    (row,) = material.of(endpoint="mape", candidate="v3")
    panel = harmed.panel(material, row)
    assert panel.words == f"Subjects are not ranked: {REASON}." and not panel.lines
    assert panel.words in page
    assert panel.figure is not None and panel.figure.ranges is None
    assert "posterior" not in panel.figure.caption


def test_few_subjects_have_no_table(pefr: Results, tmp_path: Path) -> None:
    few = case.of(pefr, tmp_path / "20260301T101500Z_1a2b3c4d", names=NAMES[:5])
    material = comparison.gather(ranked(few))
    (row,) = material.of(endpoint="mape", candidate="v4")
    assert len(pictures.believed(material.subjects, row)) == 4
    panel = harmed.panel(material, row)
    assert not panel.lines
    assert panel.figure is not None and panel.figure.ranges is None, "five were measured, four are believed"


def test_older_comparisons_are_reported_as_before(pefr: Results, tmp_path: Path, plain: Plain) -> None:
    old = case.of(pefr, tmp_path / "20260301T101500Z_1a2b3c4d", names=NAMES)
    material = comparison.gather(old)
    first_only, panels = harmed.panels(material)
    assert not first_only and len(panels) == 6
    assert all(one.figure is not None and one.figure.ranges is None and not one.words for one in panels)
    page = plain(comparison.write(old, formats=["html"])["report.html"].decode())
    assert "Subjects are not ranked" not in page and "The most harmed;" not in page
