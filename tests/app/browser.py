"""A real browser on a running app, for tests: bounded, and tried twice, because one run in a while hangs."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

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

MARKS = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}"),
    pytest.mark.timeout(240),
]
"""Of every module with such tests."""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address of the app on a folder; ended whatever happens."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "accordance.app", "app", str(folder), "--port", str(port), "--headless"],
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
