"""The signals behind the pairs: both devices in time, at any zoom, from disagreement to disagreement."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl
import streamlit as st

from ...protocols.errors import AccordanceError
from ...protocols.model import Endpoint
from ...reports import format as fmt
from ...studies import folder, lanes, signals, slices
from ...studies.results import DOCUMENT_FILE, Results
from .. import state, traces, widgets
from . import lanes as classes_page
from . import timeline

ORDER = "order"
BY_TIME, BY_SIZE = "beyond, in time", "largest first"


def show(results: Results, run: Path) -> None:
    """The page."""
    st.title("Signals")
    names, classes = signals.shown(results), lanes.shown(results)
    if not names and not classes:
        widgets.nothing("No endpoint of this study compares anything in time, so there are no signals.")
        return
    asked = chosen(results, [*names, *classes])
    if asked.endpoint in classes:
        classes_page.show(results, run, asked)
        return
    endpoint = slices.endpoint_of(results.protocol, asked.endpoint)
    dates = signals.is_datetime(results.protocol, endpoint)
    found = _windows((str(run), _changed(run)), asked)
    sides = raw(run, asked)
    clock = signals.clock(results, asked)
    corrected = by_clock(clock)
    ends = extent(found, sides)
    if ends is None:
        st.info("This session has neither windows nor rows.", icon=":material/info:")
        return
    between = timeline.controls(ends, lambda at, span: jumps(found, at, span))
    facts(found, endpoint, results)
    chart(
        results,
        endpoint,
        found,
        sides,
        between,
        clock=corrected,
        dates=dates,
        place=f"{run.name}-{asked.endpoint}-{asked.version}",
    )
    listing(found, between, dates)


def chosen(results: Results, names: list[str]) -> signals.Asked:
    """Endpoint, version and session."""
    titles = {entry["id"]: str(entry["title"]) for entry in results.document["endpoints"]}
    boxes = st.columns([5, 2, 3])
    with boxes[0]:
        endpoint_id = state.choice("endpoint", "Endpoint", names, words=lambda name: titles[name])
    endpoint = slices.endpoint_of(results.protocol, endpoint_id)
    rows = results.endpoint(endpoint_id)
    versions = list(dict.fromkeys([results.deciding_version, *rows["version"].to_list()]))
    with boxes[1]:
        version = state.choice("version", "Version", versions)
    known = {session_words(one): one for one in signals.sessions(results, endpoint, version)}
    with boxes[2]:
        subject = state.choice("subject", "Subject" if single(known) else "Session", list(known))
    if st.session_state.get("signals-of") != (endpoint_id, version, subject):
        st.session_state["signals-of"] = (endpoint_id, version, subject)
        st.session_state.pop(timeline.WINDOW, None)
    return signals.Asked(endpoint_id, version, tuple(known[subject].items()))


def session_words(session: Mapping[str, str]) -> str:
    """A session as it is called."""
    return " · ".join(str(value) for value in session.values())


def single(known: Mapping[str, Mapping[str, str]]) -> bool:
    """Whether subjects have one session each, as far as the pairing knows."""
    return all(len(one) == 1 for one in known.values())


def raw(run: Path, asked: signals.Asked) -> dict[signals.Side, signals.Trace]:
    """The rows of both devices; where they cannot be had, the page says so and goes on without."""
    study = state.study()
    if study is None:
        return {}
    found: dict[signals.Side, signals.Trace] = {}
    try:
        for side in signals.SIDES:
            found[side] = _trace((str(study), str(run), _changed(run)), asked, side)
    except AccordanceError as error:
        st.warning(
            "The rows of the devices cannot be read any more, so only the pairs of the run are shown.",
            icon=":material/folder_off:",
        )
        with st.expander("Why"):
            widgets.show_error(error)
        return {}
    changed = [name for trace in found.values() for name in trace.changed]
    if changed:
        st.warning(
            "These files are not what the run has read; windows and signals may not fit: "
            f"{', '.join(changed)}.",
            icon=":material/history:",
        )
    return found


CLOCK = "clock"
CORRECTED, WRITTEN = "corrected", "as written"


def by_clock(clock: signals.Clock | None) -> signals.Clock | None:
    """Ask whether the device's times are shown corrected; the clock where they are."""
    if clock is None:
        return None
    if clock.offset is None:
        st.caption(f":material/schedule: The clock of this session is not known: {clock.reason}")
        return None
    how = "corrected times" if clock.applied else "times as written"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.session_state.setdefault(CLOCK, CORRECTED if clock.applied else WRITTEN)
        shown_ = st.segmented_control(
            "Device's time", [CORRECTED, WRITTEN], key=CLOCK, required=True, width="content"
        )
        st.caption(f":material/schedule: {clock_words(clock)} The run paired by {how}.", width="stretch")
    return clock if shown_ == CORRECTED else None


def clock_words(clock: signals.Clock) -> str:
    """Offset and drift with their intervals, in words.

    Example:
        >>> print(clock_words(signals.Clock("resolved", "", 0, (1.25, 1.1, 1.4), None, applied=True)))
        To the device's time +1.2 s are added (95% +1.1 to +1.4).
    """

    def said(value: float | None) -> str:
        return "?" if value is None else f"{value:+.1f}".replace("-", "−")

    offset = clock.offset or (0.0, None, None)
    words = f"To the device's time {said(offset[0])} s are added (95% {said(offset[1])} to {said(offset[2])})"
    if clock.drift is None:
        return f"{words}."
    drift, low, high = (said(one) for one in clock.drift)
    return f"{words}, and {drift} ppm ({low} to {high}) of what has passed."


def _changed(run: Path) -> int:
    return (run / DOCUMENT_FILE).stat().st_mtime_ns


@st.cache_resource(max_entries=16, show_spinner="Reading the signals")
def _trace(where: tuple[str, str, int], asked: signals.Asked, side: signals.Side) -> signals.Trace:
    study, run, _changed_at = where
    return signals.trace(state.results(Path(run)), folder.load(study), asked, side)


@st.cache_resource(max_entries=32, show_spinner="Reading the pairs")
def _windows(where: tuple[str, int], asked: signals.Asked) -> pl.DataFrame:
    run, _changed_at = where
    return signals.windows(state.results(Path(run)), asked)


def extent(found: pl.DataFrame, sides: Mapping[signals.Side, signals.Trace]) -> tuple[int, int] | None:
    """First and last moment of the session, in ticks."""
    frames = [found.select("start"), found.select("end")]
    frames += [trace.rows.select("time") for trace in sides.values()]
    times = [series for frame in frames for series in frame.get_columns() if len(series)]
    if not times:
        return None
    low, high = (min(int(one.min()) for one in times), max(int(one.max()) for one in times))  # type: ignore[arg-type]
    return low, max(high, low + signals.SECOND)


def look_at(endpoint: str, version: str, subject: str, window: tuple[int, int]) -> dict[str, str]:
    """What the page shows when it opens next: the surroundings of a window, and that window looked at.

    Args:
        endpoint: Identifier of the endpoint.
        version: The version.
        subject: Subject or session, as the page calls it.
        window: Start and end of the window, in ticks.

    Returns:
        What the address bar says of it.
    """
    middle = sum(window) / 2 / signals.SECOND
    st.session_state["signals-of"] = (endpoint, version, subject)
    st.session_state[timeline.WINDOW] = window[0]
    st.session_state[f"place-{timeline.AT}"] = middle
    st.session_state[f"place-{timeline.SPAN}"] = float(timeline.CLOSE)
    return {timeline.AT: f"{middle:.3f}".rstrip("0").rstrip("."), timeline.SPAN: str(timeline.CLOSE)}


def jumps(found: pl.DataFrame, at: float, span: float) -> None:
    """From disagreement to disagreement, in time or by size."""
    order = st.selectbox("Disagreements", [BY_TIME, BY_SIZE], key=ORDER, width=190)
    listed = signals.disagreements(found, largest_first=order == BY_SIZE)
    before, after = timeline.neighbours(
        listed, at, st.session_state.get(timeline.WINDOW), largest_first=order == BY_SIZE
    )
    for label, place in (("Previous", before), ("Next", after)):
        target = None if place is None else listed.row(place, named=True)
        middle = 0.0 if target is None else (target["start"] + target["end"]) / 2 / signals.SECOND
        st.button(
            label, key=f"signals-{label}", disabled=target is None,
            icon=":material/skip_previous:" if label == "Previous" else ":material/skip_next:",
            on_click=timeline.go,
            kwargs={
                "at": middle, "span": span or timeline.CLOSE,
                "window": None if target is None else target["start"],
            },
        )  # fmt: skip


def facts(found: pl.DataFrame, endpoint: Endpoint, results: Results) -> None:
    """How many windows, how many used, how many beyond what is tolerated, and by what."""
    used, outside = int(found["used"].sum()), int(found["outside"].sum())
    words = signals.allowed_words(results.protocol, endpoint)
    judged = f"{fmt.count(outside)} beyond {words}" if words else "no tolerance is declared"
    chosen_ = st.session_state.get(timeline.WINDOW)
    line = f"{fmt.count(found.height)} windows, {fmt.count(used)} used, {judged}."
    looked_at = found.head(0) if chosen_ is None else found.filter(pl.col("start") == chosen_)
    for row in looked_at.head(1).iter_rows(named=True):
        line += (
            f" **Looked at**: reference {row['reference']:.1f}, test {row['test']:.1f}, "
            f"difference {row['difference']:+.1f}."
        )
    st.markdown(line)


def chart(
    results: Results,
    endpoint: Endpoint,
    found: pl.DataFrame,
    sides: Mapping[signals.Side, signals.Trace],
    between: tuple[int, int],
    *,
    clock: signals.Clock | None,
    dates: bool,
    place: str,
) -> None:
    """The strips; a stretch that is dragged over is shown closer, a mark that is clicked is looked at."""
    protocol = results.protocol
    pairing = protocol.pairings[str(endpoint.pairing)]
    reference, test = protocol.tables[pairing.reference], protocol.tables[pairing.test]
    column = reference.columns[str(endpoint.reference)]
    words = traces.Words(
        reference=f"Reference: {reference.device or reference.title or pairing.reference}",
        test=f"Device: {test.device or test.title or pairing.test}"
        + (", by the reference's clock" if clock is not None else ""),
        unit=column.unit or "",
        clock="Time (UTC)" if dates else f"Time ({reference.columns[str(reference.time)].unit})",
    )
    shift = None if clock is None else clock.corrected
    lines = {
        side: traces.visible(trace, between, shift=shift if side == "test" else None)
        for side, trace in sides.items()
    }
    figure = traces.drawn(
        lines, found, between, words, appearance=widgets.appearance(), dates=dates,
        chosen=st.session_state.get(timeline.WINDOW),
    )  # fmt: skip
    key = f"signals-{place}-{between[0]}-{between[1]}"
    st.plotly_chart(
        figure, on_select=lambda: timeline.selected(key, found, dates),
        selection_mode=("points", "box"), key=key,
        theme=None, config={"displaylogo": False, "modeBarButtonsToRemove": ["lasso2d", "autoScale2d"]},
        alt="Reference and device over time, the windows made of them, and the differences, "
        f"{timeline.moment(between[0], dates)} to {timeline.moment(between[1], dates)}.",
    )  # fmt: skip
    rows = " and ".join(
        f"{fmt.count(line.n_rows)} rows of the {'reference' if side == 'reference' else 'device'}"
        for side, line in lines.items()
    )
    thinned = (
        " Thinned to what a screen can show; peaks and gaps are kept."
        if any(line.n_rows > traces.POINTS for line in lines.values())
        else ""
    )
    st.caption(
        f"{timeline.moment(between[0], dates)} to {timeline.moment(between[1], dates)}"
        + (f": {rows}." if rows else ": values of the windows.")
        + thinned
        + (" The reference stands faint behind the device." if lines else "")
        + (" Bars: the value of each window." if traces.are_marked(found, between) else "")
        + " Drag over a stretch to see it closer; click a difference to look at its window."
    )


def listing(found: pl.DataFrame, between: tuple[int, int], dates: bool) -> None:
    """The windows shown, as a table."""
    inside = traces.within(found, between)
    many = "window" if inside.height == 1 else f"{fmt.count(inside.height)} windows"
    with st.expander(f"The {many} shown, as a table"):
        at = pl.col("start").cast(pl.Datetime("us")) if dates else pl.col("start") / signals.SECOND
        st.dataframe(
            inside.head(2_000).select(
                at.alias("start"), "reference", "test", "difference", "allowed", "used",
                pl.col("why").fill_null("").alias("why not"),
            ),
            hide_index=True, key="signals-windows",
        )  # fmt: skip
