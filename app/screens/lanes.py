"""Classes over time on the page of signals: a night's stages, or events that were matched."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import streamlit as st

from ...protocols.context import EVENTS
from ...protocols.model import Endpoint
from ...reports import format as fmt
from ...studies import lanes, signals, slices
from ...studies.results import DOCUMENT_FILE, Results
from .. import lanes as drawing
from .. import state, traces, widgets
from . import timeline as page

KIND = "lanes-kind"
ALL = "all"


def show(results: Results, run: Path, asked: signals.Asked) -> None:
    """The lanes of one session."""
    endpoint = slices.endpoint_of(results.protocol, asked.endpoint)
    pairing = results.protocol.pairings[str(endpoint.pairing)]
    dates = signals.is_datetime(results.protocol, endpoint)
    found = _outcomes((str(run), (run / DOCUMENT_FILE).stat().st_mtime_ns), asked)
    if found.is_empty():
        st.info("This session has nothing in time.", icon=":material/info:")
        return
    first, last = _end(found["start"].min()), _end(found["end"].max())
    ends = first, max(last, first + signals.SECOND)
    between = page.controls(ends, lambda at, span: jumps(found, at, span, events=pairing.method == EVENTS))
    st.markdown(facts(found, events=pairing.method == EVENTS))
    _chart(
        results, endpoint, found, between, dates=dates, place=f"{run.name}-{asked.endpoint}-{asked.version}"
    )
    _listing(found, between, dates)


def _end(value: object) -> int:
    return int(value) if isinstance(value, int) else 0


@st.cache_resource(max_entries=32, show_spinner="Reading the pairs")
def _outcomes(where: tuple[str, int], asked: signals.Asked) -> pl.DataFrame:
    run, _changed_at = where
    return lanes.outcomes(state.results(Path(run)), asked)


def jumps(found: pl.DataFrame, at: float, span: float, *, events: bool) -> None:
    """From disagreement to disagreement in time; of events, those of one kind if asked for."""
    kinds = [ALL, lanes.MISSED, lanes.EXTRA, lanes.OTHER] if events else [ALL]
    kind = ALL
    if events:
        kind = st.selectbox("Next of", kinds, key=KIND, width=160)
    listed = lanes.disagreements(found, None if kind == ALL else kind)
    window = st.session_state.get(page.WINDOW)
    before, after = page.neighbours(listed, at, window, largest_first=False)
    for label, place in (("Previous", before), ("Next", after)):
        target = None if place is None else listed.row(place, named=True)
        middle = 0.0 if target is None else (target["start"] + target["end"]) / 2 / signals.SECOND
        st.button(
            label, key=f"lanes-{label}", disabled=target is None,
            icon=":material/skip_previous:" if label == "Previous" else ":material/skip_next:",
            on_click=page.go,
            kwargs={
                "at": middle, "span": span or (30 if events else page.CLOSE * 6),
                "window": None if target is None else target["start"],
            },
        )  # fmt: skip


def facts(found: pl.DataFrame, *, events: bool) -> str:
    """How many there are of each kind, and what is looked at."""
    what = "events" if events else "units of time"
    told = {
        lanes.AGREE: "of one class", lanes.OTHER: "of another class", lanes.MISSED: "missed",
        lanes.EXTRA: "in excess", lanes.UNUSED: "not used",
    }  # fmt: skip
    known = [f"{fmt.count(n)} {told[status]}" for status, n in lanes.counts(found).items()]
    line = f"{fmt.count(found.height)} {what}: {', '.join(known)}."
    chosen = st.session_state.get(page.WINDOW)
    if chosen is not None:
        for row in found.filter(pl.col("start") == chosen).head(1).iter_rows(named=True):
            line += (
                f" **Looked at**: reference {row['reference'] or 'none'}, device {row['test'] or 'none'}"
                + (f" ({row['why']})." if row["why"] else ".")
            )
    return line


def _chart(
    results: Results,
    endpoint: Endpoint,
    found: pl.DataFrame,
    between: tuple[int, int],
    *,
    dates: bool,
    place: str,
) -> None:
    protocol = results.protocol
    pairing = protocol.pairings[str(endpoint.pairing)]
    reference, test = protocol.tables[pairing.reference], protocol.tables[pairing.test]
    words = traces.Words(
        reference=f"Reference: {reference.device or reference.title or pairing.reference}",
        test=f"Device: {test.device or test.title or pairing.test}",
        unit="",
        clock="Time (UTC)" if dates else f"Time ({reference.columns[str(reference.time)].unit})",
    )
    figure = drawing.drawn(
        found, between, words, lanes.levels(protocol, endpoint), events=pairing.method == EVENTS,
        appearance=widgets.appearance(), dates=dates, chosen=st.session_state.get(page.WINDOW),
    )  # fmt: skip
    key = f"lanes-{place}-{between[0]}-{between[1]}"
    st.plotly_chart(
        figure, on_select=lambda: page.selected(key, found, dates), selection_mode=("points", "box"), key=key,
        theme=None, config={"displaylogo": False, "modeBarButtonsToRemove": ["lasso2d", "autoScale2d"]},
        alt="Classes of the reference and of the device over time, "
        f"{page.moment(between[0], dates)} to {page.moment(between[1], dates)}.",
    )  # fmt: skip
    inside = drawing.within(found, between)
    few = inside.height > drawing.MOST and pairing.method == EVENTS
    st.caption(
        f"{page.moment(between[0], dates)} to {page.moment(between[1], dates)}."
        + (" More events than can be drawn: those that are not one alone." if few else "")
        + " Drag over a stretch to see it closer; click a mark to look at it."
    )


def _listing(found: pl.DataFrame, between: tuple[int, int], dates: bool) -> None:
    """What is shown, as a table."""
    inside = drawing.within(found, between)
    with st.expander(f"The {fmt.count(inside.height)} shown, as a table"):
        at = pl.col("start").cast(pl.Datetime("us")) if dates else pl.col("start") / signals.SECOND
        st.dataframe(
            inside.head(2_000).select(
                at.alias("start"), "reference", "test", "status", pl.col("why").fill_null("").alias("why not")
            ),
            hide_index=True, key="lanes-table",
        )  # fmt: skip
