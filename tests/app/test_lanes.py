"""The page of signals for classes in time: nights and beats, from disagreement to disagreement."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from browser import MARKS, serving, settled, visit
from playwright.sync_api import Page
from screen import page, words

from accordance.app import lanes as drawing
from accordance.app.cli import main
from accordance.datasets.simulate import beat_detector, sleep_psg
from accordance.studies import lanes
from accordance.studies.start import init


@pytest.fixture(scope="module")
def beats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("lanes") / "beats"
    init(place, example="beat-detector")
    beat_detector(n_subjects=12).write(place / "data")
    assert main(["run", str(place)]) == 0
    return place


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("lanes") / "nights"
    init(place, example="sleep-psg")
    sleep_psg(n_subjects=6).write(place / "data")
    assert main(["run", str(place)]) == 0
    return place


def button(test, label):
    (found,) = [one for one in test.button if one.label == label]
    return found


def test_from_one_missed_beat_to_the_next(beats: Path) -> None:
    test = page(beats, "signals", endpoint="qrs", version="v2", subject="s002")
    text = words(test)
    assert "events:" in text and "in excess" in text and "Looked at" not in text
    test.selectbox(key="lanes-kind").set_value(lanes.MISSED).run()
    button(test, "Next").click().run()
    assert not test.exception
    assert "device O" in words(test)
    places = [test.query_params["at"]]
    button(test, "Next").click().run()
    places.append(test.query_params["at"])
    button(test, "Previous").click().run()
    places.append(test.query_params["at"])
    assert places[0] == places[2] != places[1]


def test_a_night_and_the_links_that_lead_to_it(nights: Path) -> None:
    test = page(nights, "signals", endpoint="kappa", version="v2", subject="s001 · 2")
    text = words(test)
    assert "units of time:" in text and "of another class" in text
    before = words(test)
    button(test, "Next").click().run()
    assert "Looked at" in words(test) != before
    found = page(nights, "endpoint", endpoint="kappa", subject="s001")
    assert any("Signals" in str(link.proto.label) for link in found.get("page_link"))


def test_more_events_than_can_be_drawn() -> None:
    """Those that are of one class go first; every status has a shape of its own."""
    n = 3 * drawing.MOST
    found = pl.DataFrame({"start": range(n), "end": range(n), "outside": [k % 2 == 0 for k in range(n)]})
    few = drawing.thinned(found)
    assert 0 < few.height <= drawing.MOST and few["outside"].all()
    assert drawing.thinned(found.head(10)).height == 10
    assert drawing.within(found, (5, 9))["start"].to_list() == [5, 6, 7, 8, 9]
    shapes = [shape for _, shape, _, _ in drawing.LOOKS.values()]
    assert len(set(shapes)) == len(shapes) == len(lanes.STATUS)


class TestBrowser:
    pytestmark = MARKS

    def test_the_lanes_are_drawn_and_a_jump_shows_what_is_looked_at(self, beats: Path) -> None:
        def steps(browser: Page) -> None:
            browser.goto(f"{address}/signals?endpoint=qrs&version=v2&subject=s002")
            settled(browser)
            marks = browser.locator(".js-plotly-plot .scatterlayer .point")
            marks.first.wait_for(state="attached")
            whole = marks.count()
            browser.get_by_role("button", name="Next", exact=True).click()
            settled(browser)
            browser.get_by_text("Looked at").wait_for()
            assert 0 < marks.count() < whole

        with serving(beats) as address:
            visit(steps)
