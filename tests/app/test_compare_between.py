"""The Compare page, versions against each other: what it shows, and the way from a unit to its signals."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from browser import MARKS, serving, settled, visit
from screen import page, words
from streamlit.testing.v1 import AppTest

from accordance.app.cli import main
from accordance.app.screens import between as screen
from accordance.reports import comparison
from accordance.reports.comparison import between

if TYPE_CHECKING:
    from playwright.sync_api import Page

PROTOCOL = """\
schema: accordance/protocol/1
id: wear
version: "1"
title: Heart rate in windows
intended_use: Heart rate.
objective: To estimate the error of the rate.
tables:
  reference:
    key: [subject, time]
    time: time
    interval: 2 s
    columns: {subject: {type: text}, time: {type: datetime}, rate: {type: number, unit: 1/min}}
  test:
    key: [subject, time]
    time: time
    interval: 2 s
    columns: {subject: {type: text}, time: {type: datetime}, rate: {type: number, unit: 1/min}}
pairings: {rate: {method: windows, unit: {length: 30 s}}}
endpoints:
  arms: {title: Arms, role: secondary, metric: rmse, average: pooled, reference: rate, test: rate}
comparison: {endpoints: {arms: {margin: 1}}}
resampling: {replicates: 200}
seed: 7
"""
STUDY = """\
schema: accordance/study/1
id: wear
title: Heart rate in windows
protocol: protocol.yaml
sources: {reference: {file: data/reference.parquet}}
algorithm:
  name: Wrist
  versions:
    v1: {sources: {test: {file: data/v1.parquet}}}
    v2: {sources: {test: {file: data/v2.parquet}}}
"""
SUBJECTS = [f"S{number:02}" for number in range(6)]
ODD = ("S03", 12)
"""Subject and window in which v2 is far off, and v1 is not."""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six subjects, twenty minutes each, in windows of half a minute; compared, and run."""
    folder = tmp_path_factory.mktemp("between") / "wear"
    (folder / "data").mkdir(parents=True)
    (folder / "protocol.yaml").write_text(PROTOCOL, encoding="utf-8")
    (folder / "study.yaml").write_text(STUDY, encoding="utf-8")
    random, n = np.random.default_rng(2), 600
    start = np.datetime64("2026-03-01T08:00:00", "us")
    times = pl.Series(start + 2 * np.arange(n) * np.timedelta64(1, "s")).cast(pl.Datetime("us", "UTC"))
    frames: dict[str, list[pl.DataFrame]] = {"reference": [], "v1": [], "v2": []}
    for subject in SUBJECTS:
        truth = 70 + 10 * np.sin(np.arange(n) / 40) + random.normal(0, 2)
        noise = random.normal(0, 2, (2, n))
        if subject == ODD[0]:
            noise[1, ODD[1] * 15 : (ODD[1] + 1) * 15] += 40
        for name, values in (("reference", truth), ("v1", truth + noise[0]), ("v2", truth + noise[1])):
            frames[name].append(pl.DataFrame({"subject": [subject] * n, "time": times, "rate": values}))
    for name, own in frames.items():
        pl.concat(own).write_parquet(folder / "data" / f"{name}.parquet")
    assert main(["compare", str(folder), "--baseline", "v1"]) == 0
    assert main(["run", str(folder)]) == 0
    return folder


def material_of(study: Path) -> comparison.Material:
    (place,) = (study / "comparisons").iterdir()
    return comparison.gather(place)


def test_agreement_is_shown_with_its_figures(study: Path) -> None:
    test = page(study, "compare")
    shown = words(test)
    material = material_of(study)
    (one,) = between.numbers(material)
    assert "Agreement between versions" in [element.value for element in test.subheader]
    for text, interval in one.estimates:
        assert text in shown
        assert interval in shown
    assert str(one.row["words"]) in shown
    assert between.shift(one.row).caption in shown
    assert between.density(one.row).caption in shown


def test_the_units_are_listed_the_largest_first(study: Path) -> None:
    (frame,) = [one.value for one in page(study, "compare").dataframe if "v2 is" in one.value.columns]
    assert frame["subject"][0] == ODD[0]
    assert frame["v2 is"][0] == "worse"
    assert str(frame["start"][0]).startswith("2026-03-01 08:06:00")
    assert abs(frame["difference"][0]) > 30
    assert "session" not in frame.columns, "columns without any value are left out"
    assert len(frame) == material_of(study).disagreements.height


def opening(study: str, changes: dict) -> None:
    """What AppTest runs: one unit chosen. It runs the body alone."""
    from pathlib import Path as Folder  # noqa: PLC0415

    import streamlit as st  # noqa: PLC0415

    from accordance.app import widgets  # noqa: PLC0415
    from accordance.app.screens import between as own  # noqa: PLC0415
    from accordance.reports import comparison as comparisons  # noqa: PLC0415
    from accordance.reports.comparison import between as blocks  # noqa: PLC0415

    st.session_state["root"] = study
    widgets.go_to = lambda target, **choices: st.write(f"went to {target}: {choices}")  # type: ignore[assignment]
    widgets.link = lambda target, label, **choices: st.write(f"link {target}: {label}")  # type: ignore[assignment]
    (place,) = (Folder(study) / "comparisons").iterdir()
    material = comparisons.gather(place)
    (one,) = blocks.numbers(material)
    unit = material.disagreements.row(0, named=True)
    row = {**one.row, **changes.get("row", {})}
    own.opened(Folder(study), row, {**unit, **changes.get("unit", {})})


def opened(study: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> str:
    from accordance.app import widgets  # noqa: PLC0415

    # what the script replaces is put back
    monkeypatch.setattr(widgets, "go_to", widgets.go_to)
    monkeypatch.setattr(widgets, "link", widgets.link)
    test = AppTest.from_function(opening, args=(str(study), changes), default_timeout=60)
    test.run()
    assert not test.exception, [element.value for element in test.exception]
    return words(test) + " ".join(button.label for button in test.button)


def test_a_unit_leads_to_its_signals(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = opened(study, monkeypatch)
    assert "went to signals" in told
    assert "'subject': 'S03'" in told
    assert "'version': 'v2'" in told
    middle = pl.Series(["2026-03-01T08:06:15"]).str.to_datetime().dt.epoch("s")[0]
    assert f"'at': '{middle}'" in told


def test_without_a_run_it_is_said(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own"
    shutil.copytree(study, own, ignore=shutil.ignore_patterns("runs"))
    told = opened(own, monkeypatch)
    assert "no finished run" in told
    assert "went to" not in told


def test_a_version_that_the_run_lacks_leaves_the_other(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = opened(study, monkeypatch, row={"candidate": "v9"})
    assert "The chosen run has no version v9" in told
    assert "Signals of S03, v1" in told
    assert "went to" not in told


def test_an_output_that_the_run_lacks_is_said(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no endpoint of this output" in opened(study, monkeypatch, row={"endpoints": ["gone"]})


def test_units_without_time_lead_to_their_pairs(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = opened(study, monkeypatch, unit={"start": None})
    assert "no measurements in time" in told
    assert "link endpoint: Pairs of S03, v2" in told
    assert "link endpoint: Pairs of S03, v1" in told


def test_sessions_are_called_by_their_columns(study: Path) -> None:
    material = material_of(study)
    (one,) = between.numbers(material)
    assert screen.session(material, one.row) == "session"
    assert screen.dates(material, one.row)


def test_a_comparison_of_before_has_no_such_section(study: Path, tmp_path: Path) -> None:
    import json  # noqa: PLC0415

    own = tmp_path / "own"
    shutil.copytree(study, own)
    (place,) = (own / "comparisons").iterdir()
    document = json.loads((place / "comparison.json").read_text())
    del document["between_versions"]
    (place / "comparison.json").write_text(json.dumps(document))
    (place / "manifest.json").write_text(json.dumps({"inputs": []}))
    (place / "disagreements.parquet").unlink()
    test = page(own, "compare")
    assert "Agreement between versions" not in [element.value for element in test.subheader]


@pytest.fixture(scope="module")
def address(study: Path) -> Iterator[str]:
    with serving(study) as where:
        yield where


class TestInABrowser:
    """A real choice in the table."""

    pytestmark = MARKS

    def test_choosing_a_unit_opens_its_window(self, address: str) -> None:
        def body(page: Page) -> None:
            page.set_viewport_size({"width": 1280, "height": 1400})
            page.goto(f"{address}/compare")
            page.get_by_text("Where they disagree").wait_for()
            table = page.locator("[data-testid='stDataFrame']").first
            table.scroll_into_view_if_needed()
            settled(page)
            box = table.bounding_box()
            assert box is not None
            page.mouse.click(box["x"] + 12, box["y"] + 55)  # the first line, below the heads
            page.wait_for_url("**/signals?**subject=S03*")
            page.get_by_text("Looked at").wait_for()
            settled(page)
            shown = page.locator(".stMainBlockContainer").inner_text()
            assert "2026-03-01 08:01:15 to 2026-03-01 08:11:15" in shown

        visit(body)
