"""The app in a real browser: a click opens the data behind it, and nothing leaves the machine."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from accordance.app.pages import PAGES

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 20_000
"""Milliseconds that one step in the browser may take."""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}"),
    pytest.mark.timeout(240),
]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def address(examples: Path) -> Iterator[str]:
    """The app on both examples; ended whatever happens."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "accordance.app", "app", str(examples), "--port", str(port), "--headless"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def wait_for(url: str, server: subprocess.Popen[bytes], seconds: float = 60) -> None:
    """Until the server answers."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if server.poll() is not None:
            pytest.fail(f"the server ended with code {server.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"the server did not answer within {seconds} s")


@contextmanager
def browser_page(hosts: set[str]) -> Iterator[Page]:
    """A fresh page; every host that it asks is noted."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS, timeout=PATIENCE)
        try:
            page = browser.new_page(viewport={"width": 1280, "height": 1600})
            page.set_default_timeout(PATIENCE)
            page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
            page.on("websocket", lambda socket_: hosts.add(socket_.url.split("/")[2]))
            yield page
        finally:
            browser.close()


def visit(body: Callable[[Page], None]) -> set[str]:
    """Run the steps, once more in a fresh browser if the first one hung; the hosts that were asked."""
    sync_api = pytest.importorskip("playwright.sync_api")
    hosts: set[str] = set()
    try:
        with browser_page(hosts) as page:
            body(page)
    except sync_api.TimeoutError:
        with browser_page(hosts) as page:
            body(page)
    return hosts


def settled(page: Page) -> None:
    """Until the page's script has ended and stayed so."""
    idle = "[data-testid='stApp'][data-test-script-state='notRunning']"
    for _ in range(3):
        page.locator(idle).wait_for(state="attached")
        page.wait_for_timeout(400)


def click_mark(page: Page, number: int) -> None:
    """A real click of the mouse in the middle of a chart's mark, once the chart has stopped moving."""
    mark = page.locator(".js-plotly-plot .scatterlayer .point").nth(number)
    mark.wait_for(state="attached")
    before = None
    while (box := mark.bounding_box()) is None or box != before:
        before = box
        settled(page)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.wait_for_timeout(300)
    page.mouse.click(x, y)


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
