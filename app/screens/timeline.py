"""Moving about in a session: how much of its time is shown, where, and what is looked at next."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import polars as pl
import streamlit as st

from ...studies import signals
from .. import state, traces

AT, SPAN, WINDOW = "at", "span", "window"
"""Middle of the stretch shown (s), its length (s; 0: all), and the start of the window looked at (ticks)."""

SPANS: dict[int, str] = {0: "All", 86_400: "24 h", 3_600: "1 h", 600: "10 min", 30: "30 s"}


CLOSE = 600
"""From the whole session, a jump to a disagreement shows so many seconds around it."""


def controls(ends: tuple[int, int], further: Callable[[float, float], None]) -> tuple[int, int]:
    """How much is shown, and where; steps in time, and further ones (`jumps`) beside them."""
    length = (ends[1] - ends[0]) / signals.SECOND
    spans = [span for span in SPANS if span < 0.9 * length]
    span, at = _place(ends)
    # A row that wraps: nothing is cut off in a narrow window.
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.session_state["signals-span"] = span if span in spans else None
        st.segmented_control(
            "Shown", spans, key="signals-span", format_func=SPANS.__getitem__, width="content",
            on_change=lambda: go(span=st.session_state["signals-span"] or 0),
        )  # fmt: skip
        for label, step, help_ in (("Earlier", -1, "one length back"), ("Later", 1, "one length on")):
            st.button(
                label, key=f"signals-{label}", help=help_, disabled=span == 0,
                icon=":material/chevron_left:" if step < 0 else ":material/chevron_right:",
                on_click=go, kwargs={"at": at + step * span, "window": None},
            )  # fmt: skip
        further(at, span)
    if span == 0:
        return ends
    first, last = (end / signals.SECOND for end in ends)
    at = min(max(at, first + min(span, length) / 2), last - min(span, length) / 2)
    half = span / 2
    return round((at - half) * signals.SECOND), round((at + half) * signals.SECOND)


def _place(ends: tuple[int, int]) -> tuple[float, float]:
    """Length and middle of what is shown, in seconds, from the session or the address bar."""

    def number(key: str, default: float) -> float:
        try:
            return float(st.session_state.get(f"place-{key}", st.query_params.get(key, default)))
        except ValueError:
            return default

    span = max(0.0, number(SPAN, 0.0))
    return span, number(AT, (ends[0] + ends[1]) / 2 / signals.SECOND)


def go(*, at: float | None = None, span: float | None = None, window: int | None = -1) -> None:
    """Show another place; `window`: the one looked at, None for none, -1 as it is."""
    for key, value in ((AT, at), (SPAN, span)):
        if value is not None:
            st.session_state[f"place-{key}"] = value
            state.remember(key, f"{value:.3f}".rstrip("0").rstrip(".") if value else None)
    if window != -1:
        st.session_state[WINDOW] = window


def neighbours(
    listed: pl.DataFrame, at: float, window: int | None, *, largest_first: bool
) -> tuple[int | None, int | None]:
    """Places in the list before and after the window looked at; without one, around the middle shown."""
    starts = listed["start"].to_list()
    if window in starts:
        place = starts.index(window)
        return (place - 1 if place else None), (place + 1 if place + 1 < len(starts) else None)
    if largest_first:
        return None, 0 if starts else None
    tick = at * signals.SECOND
    later = next((place for place, start in enumerate(starts) if start > tick), None)
    earlier = next((place for place in reversed(range(len(starts))) if starts[place] <= tick), None)
    return earlier, later


def selected(key: str, found: pl.DataFrame, dates: bool) -> None:
    """Take over what was dragged over or clicked."""
    wanted = traces.asked(st.session_state.get(key), dates)
    if wanted is None:
        return
    kind, value = wanted
    if kind == "range":
        low, high = (tick / signals.SECOND for tick in value)
        go(at=(low + high) / 2, span=max(high - low, 1.0), window=None)
        return
    for row in found.filter(pl.col("start") == value).head(1).iter_rows(named=True):
        middle = (row["start"] + row["end"]) / 2 / signals.SECOND
        span = float(st.session_state.get(f"place-{SPAN}", 0.0)) or CLOSE
        go(at=middle, span=min(span, CLOSE), window=row["start"])


def moment(tick: int, dates: bool) -> str:
    """A moment as it is read.

    Example:
        >>> moment(1_000_000, dates=False), moment(1_777_881_600_000_000, dates=True)
        ('1', '2026-05-04 08:00:00')
    """
    if not dates:
        return f"{tick / signals.SECOND:g}"
    return datetime.fromtimestamp(tick / signals.SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S")
