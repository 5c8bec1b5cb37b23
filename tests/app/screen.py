"""A page of the app as Streamlit's AppTest runs it, and what a reader sees on it."""

from __future__ import annotations

import html
from pathlib import Path

from streamlit.testing.v1 import AppTest


def script(first: str) -> None:
    """What AppTest runs: the app, opening on one page."""
    from accordance.app.pages import main as show  # noqa: PLC0415 - AppTest runs the body alone

    show(first)


def page(root: Path, first: str = "decision", **query: str) -> AppTest:
    """A page of the app on a folder, run once, without an exception."""
    test = AppTest.from_function(script, args=(first,), default_timeout=60)
    test.session_state["root"] = str(root)
    for name, value in query.items():
        test.query_params[name] = value
    test.run()
    assert not test.exception, [element.value for element in test.exception]
    return test


def words(test: AppTest) -> str:
    """All text of a page, on one line, as a reader sees it."""
    kinds = ("title", "subheader", "markdown", "caption", "info", "warning", "success", "error", "code")
    found = [str(element.value) for kind in kinds for element in getattr(test, kind)]
    found += [element.proto.body for element in test.get("html")]
    return html.unescape(" ".join("\n".join(found).split()))
