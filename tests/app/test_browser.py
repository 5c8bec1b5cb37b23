"""The app in a real browser: a click opens the data behind it, and nothing leaves the machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from browser import MARKS, click_mark, serving, visit

from accordance.app.pages import PAGES

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = MARKS


@pytest.fixture(scope="module")
def address(examples: Path) -> Iterator[str]:
    """The app on both examples."""
    with serving(examples) as where:
        yield where


def test_a_click_on_a_point_opens_its_subject(address: str) -> None:
    def body(page: Page) -> None:
        page.goto(f"{address}/endpoint?study=pefr-1986&endpoint=bias")
        click_mark(page, 0)
        page.get_by_text("2 rows, 1 analysed here").wait_for()
        assert "Subject 1:" in page.get_by_text("2 rows, 1 analysed here").inner_text()
        page.wait_for_url("**subject=1*")
        click_mark(page, 6)  # keys are text: 1, 10, 11, 12, 13, 14, 15
        page.wait_for_url("**subject=15*")

    assert visit(body) == {address.removeprefix("http://")}, "nothing leaves the machine"


def test_a_click_on_a_cell_opens_its_rows_and_a_row_its_subject(address: str) -> None:
    def body(page: Page) -> None:
        page.goto(f"{address}/endpoint?study=spa-afib-ecg&endpoint=sensitivity")
        click_mark(page, 1)
        page.get_by_role("heading", name="Reference AF, output SR: 6 pairs of 6 subjects").wait_for()
        table = page.get_by_test_id("stDataFrame").first
        table.wait_for()
        page.wait_for_timeout(1_000)
        box = table.bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + 15, box["y"] + 52)  # the box that chooses the first row
        page.get_by_text("1 row, 1 analysed here").wait_for()
        page.wait_for_url("**subject=*")

    visit(body)


def test_a_click_on_a_line_of_a_forest_opens_that_part(address: str) -> None:
    def body(page: Page) -> None:
        page.goto(f"{address}/subgroups?study=spa-afib-ecg")
        click_mark(page, 2)  # after all analysed and women: men
        page.wait_for_url("**/endpoint?**part=sex*male*")
        page.get_by_role("heading", name="Sensitivity for AF").wait_for()
        page.get_by_role("link", name="Subgroups").click()  # the click is over: the page stays
        page.get_by_role("heading", name="One endpoint, subgroup by subgroup").wait_for()
        page.wait_for_timeout(2_000)
        assert "/subgroups" in page.url

    visit(body)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_a_narrow_window(scheme: Literal["light", "dark"], address: str) -> None:
    def body(page: Page) -> None:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": 1024, "height": 900})
        for name in PAGES:
            place = "" if name == "decision" else name
            page.goto(f"{address}/{place}?study=spa-afib-ecg")
            page.get_by_role("heading", level=1).first.wait_for()
            wide = page.evaluate(
                "() => [...document.querySelectorAll('.stMainBlockContainer')]"
                ".some(one => one.scrollWidth > one.clientWidth + 1)"
            )
            assert not wide, name

    visit(body)


def test_a_link_leads_from_the_decision_to_the_endpoint(address: str) -> None:
    def body(page: Page) -> None:
        page.goto(f"{address}/?study=spa-afib-ecg")
        page.get_by_text("Success criterion demonstrated: yes").wait_for()
        page.get_by_role("link", name="Specificity (SR recognised as SR)").click()
        page.get_by_role("heading", name="Specificity (SR recognised as SR)").wait_for()
        assert "study=spa-afib-ecg" in page.url

    visit(body)
