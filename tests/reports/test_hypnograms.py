"""Hypnograms: the nights that the rule names, drawn as they were scored, by both painters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from accordance.datasets.simulate import sleep_psg
from accordance.reports import figures
from accordance.reports.figures import theme
from accordance.studies.results import Results
from accordance.studies.run import run
from accordance.studies.start import init

LEVELS = ("wake", "rem", "n1", "n2", "n3")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("hypnograms") / "nights"
    init(folder, example="sleep-psg")
    sleep_psg(n_subjects=7).write(folder / "data")
    return run(folder)


def nights(results: Results) -> list[tuple[float, str, int]]:
    """Share of agreement, subject and night, the least first, worked out row by row."""
    found = []
    pairs = results.pairs("epochs", "v2").filter(pl.col("reasons") == 0)
    for (subject, night), own in pairs.partition_by("subject", "night", as_dict=True).items():
        both = [
            (a, b)
            for a, b in own.select("reference.stage", "test.stage").iter_rows()
            if a is not None and b is not None and a != "unscored"
        ]
        found.append((sum(a == b for a, b in both) / len(both), str(subject), int(str(night))))
    return sorted(found)


def test_the_median_night_and_the_one_with_the_least_agreement(results: Results) -> None:
    usual, least = figures.hypnograms(results)
    ranked = nights(results)
    middle = ranked[(len(ranked) - 1) // 2]
    assert f"({middle[1]}, {middle[2]})" in usual.caption and "the median agreement" in usual.caption
    assert f"{middle[0]:.1%}" in usual.caption
    assert f"({ranked[0][1]}, {ranked[0][2]})" in least.caption and "the least agreement" in least.caption
    assert usual.levels == LEVELS
    other = figures.hypnograms(results, "v1")
    assert all("version v1" in one.caption for one in other)


def test_what_is_drawn_is_what_was_scored(results: Results) -> None:
    """At the middle of every epoch the lanes are at the stage that was written, or nowhere; spans fit."""
    (model, _), ranked = figures.hypnograms(results), nights(results)
    share, subject, night = ranked[(len(ranked) - 1) // 2]
    own = results.pairs("epochs", "v2").filter(pl.col("subject") == subject, pl.col("night") == night)
    assert f"({subject}, {night})" in model.caption and f"{share:.1%}" in model.caption
    middles = (np.arange(own.height) + 0.5) * 30 / 3600
    for lane, column in zip(model.lanes, ("reference.stage", "test.stage"), strict=True):
        at = np.searchsorted(lane.start, middles, side="right") - 1
        inside = middles < lane.end[at]
        drawn = [LEVELS[lane.places[k]] if lane.places[k] >= 0 else None for k in at]
        written = [one if one in LEVELS else None for one in own[column].to_list()]
        assert inside.all() and drawn == written
    apart = sum(high - low for low, high in model.apart) * 120
    known = own.filter(pl.col("reasons") == 0, pl.col("reference.stage") != pl.col("test.stage"))
    assert round(apart) == known.filter(pl.col("reference.stage") != "unscored").height


def test_both_painters_draw_it(results: Results) -> None:
    model = figures.hypnograms(results)[0]
    picture = figures.svg(model)
    assert picture.startswith("<svg") and picture == figures.svg(model)
    assert all(level in picture for level in LEVELS) and "Polysomnography" in picture
    for appearance in ("light", "dark"):
        screen = figures.plotly(model, appearance=appearance)
        assert [trace.name for trace in screen.data[:2]] == ["Polysomnography", "Wrist-worn device"]
        colours = theme.DARK if appearance == "dark" else theme.LIGHT
        assert screen.data[0].line.color == colours.ink


def test_a_study_without_stages_has_none(tmp_path: Path) -> None:
    init(tmp_path / "study", example="pefr-1986")
    assert figures.hypnograms(run(tmp_path / "study")) == []
