"""Compare, versions against each other: agreement, how errors moved, and the units where they disagree."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import polars as pl
import streamlit as st

from ...reports import format as fmt
from ...reports.comparison import between
from ...reports.comparison.material import Material
from ...studies import lanes, signals
from ...studies.between_versions import NUMBER
from ...studies.disagreeing import OUTCOMES
from ...studies.results import Results
from .. import charts, state, widgets
from . import signals as signals_page

BETWEEN = "between"
NUMBERS = (
    "Candidate",
    "Output",
    "Units",
    "Equal",
    "Bias",
    "SD",
    "Lower limit",
    "Upper limit",
    "Nearer",
    "Farther",
)
CATEGORIES = ("Candidate", "Output", "Units", "Equal", "Kappa")

Row = Mapping[str, Any]


def show(material: Material, study: Path) -> None:
    """The section."""
    numbers, categories = between.numbers(material), between.categories(material)
    failed = between.failed(material)
    if not (numbers or categories or failed):
        return
    st.subheader("Agreement between versions")
    st.caption(
        f"Outputs against those of {material.baseline} on the same units, each counted once; the reference "
        "says only who was right."
    )
    for reason in failed:
        st.caption(f":material/info: Not compared: {reason}")
    if numbers:
        _table(NUMBERS, numbers)
    if categories:
        right = (f"{material.baseline} right", "Candidate right", "Neither")
        _table((*CATEGORIES, *right), categories)
    row = chosen([one.row for one in (*numbers, *categories)])
    if row is None:
        return
    st.markdown(str(row["words"]))
    for note in dict.fromkeys(
        note for one in (*numbers, *categories) if one.row is row for note in one.notes
    ):
        st.caption(f":material/info: {note}")
    pictures(row)
    units(material, row, study)


def _table(heads: tuple[str, ...], lines: list[between.Agreement]) -> None:
    widgets.table(
        heads,
        [
            (
                *map(escape, (one.candidate, one.value, one.units, one.equal)),
                *(escape(text) + widgets.quiet(interval) for text, interval in one.estimates),
                *one.counts,
            )
            for one in lines
        ],
        right=tuple(range(2, len(heads))),
    )


def chosen(rows: list[Row]) -> Row | None:
    """The candidate and output that the reader looks at."""
    known = {f"{row['candidate']} \u00b7 {row['value']}": row for row in rows}
    if not known:
        return None
    with st.container(width=460):
        return known[state.choice(BETWEEN, "Candidate and output", list(known))]


def pictures(row: Row) -> None:
    """How errors moved: along their quantiles and unit by unit, or between classes."""
    boxes = st.columns(2)
    if row["kind"] == NUMBER:
        if row.get("shift"):
            shift, density = between.shift(row), between.density(row)
            with boxes[0]:
                widgets.figure(shift, shift.name)
            with boxes[1]:
                widgets.figure(density, density.name)
        return
    cross, moved = between.cross(row), between.moves(row)
    with boxes[0]:
        figure = charts.clickable(cross, widgets.appearance()).figure
        st.plotly_chart(figure, key=cross.name, theme=None, alt=cross.alt, config={"displayModeBar": False})
        st.caption(f"{cross.caption} Blue: the versions agree.")
    with boxes[1]:
        widgets.table(
            ("Reference", *moved.levels),
            [(escape(level), *(_heat(*cell) for cell in cells)) for level, cells in moved.lines],
        )
        st.caption(
            f"{moved.title}: change of the share of each output among the units of a class of the reference, "
            "in percentage points. Blue: towards the right class, or away from a wrong one."
        )


def _heat(text: str, shade: str) -> str:
    return f"<div class='ac-heat {escape(shade)}'>{escape(text)}</div>"


def units(material: Material, row: Row, study: Path) -> None:
    """The units on which versions disagree most; choosing one opens its signals."""
    listed = between.listed(material.disagreements, row)
    if listed.is_empty():
        return
    most = f"{fmt.count(listed.height)} of {fmt.count(row['disagreeing'])}"
    st.markdown(f"**Where they disagree** ({most} units). Choose a line to open the signals of that unit.")
    key = f"units-{material.document['run']['id']}-{between.identifier(row)}"
    event = st.dataframe(
        table(listed, row, session=session(material, row), dates=dates(material, row)),
        key=key,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        height=320,
    )
    picked = event["selection"]["rows"]
    if picked:
        opened(study, row, listed.row(picked[0], named=True))


def dates(material: Material, row: Row) -> bool:
    """Whether the units' times are dates and times, not numbers."""
    protocol = material.document["protocol"]
    table_ = protocol["tables"][protocol["pairings"][row["pairing"]]["reference"]]
    time = table_.get("time")
    return time is not None and table_["columns"][time]["type"] == "datetime"


def session(material: Material, row: Row) -> str:
    """The columns that have to be equal in a pair besides the subject, as a head."""
    protocol = material.document["protocol"]
    rule = protocol["pairings"][row["pairing"]]
    subject = protocol["tables"][rule["reference"]].get("subject") or "subject"
    return " \u00b7 ".join(name for name in rule.get("on") or () if name != subject) or "session"


def table(listed: pl.DataFrame, row: Row, *, session: str, dates: bool) -> pl.DataFrame:
    """The listed units under names that a reader knows; columns without any value are left out."""
    start = pl.col("start")
    at = start.cast(pl.Datetime("us")) if dates else start / signals.SECOND
    baseline, candidate = str(row["baseline"]), str(row["candidate"])
    kind = "value" if row["kind"] == NUMBER else "category"
    found = listed.select(
        "subject",
        pl.col("session").alias(session),
        at.alias("start"),
        pl.col(f"reference_{kind}").alias("reference"),
        pl.col(f"baseline_{kind}").alias(baseline),
        pl.col(f"candidate_{kind}").alias(candidate),
        pl.col("difference"),
        pl.col("error_baseline").alias(f"error of {baseline}"),
        pl.col("error_candidate").alias(f"error of {candidate}"),
        pl.col("outcome").replace_strict(OUTCOMES, default=None).alias(f"{candidate} is"),
    )
    return found.select(one for one in found.get_columns() if one.null_count() < found.height)


def opened(study: Path, row: Row, unit: Row) -> None:
    """Turn to the signals of a unit under the candidate; else say why not, and what there is."""
    folder = state.run_folder(study)
    results = None if folder is None else state.results(folder)
    candidate, baseline, name = str(row["candidate"]), str(row["baseline"]), str(unit["subject"])
    if results is None:
        st.info(
            "This study has no finished run, and signals are shown with one: `accordance run`.",
            icon=":material/hourglass_empty:",
        )
        return
    versions = set(results.rows["version"].unique())
    endpoint = _endpoint(results, row)
    if endpoint is None:
        st.info("The chosen run has no endpoint of this output.", icon=":material/info:")
        return
    if endpoint not in lanes.in_time(results) or unit["start"] is None:
        st.info("These outputs are no measurements in time, so they have no signals.", icon=":material/info:")
        for version in (candidate, baseline):
            if version in versions:
                widgets.link(
                    "endpoint",
                    f"Pairs of {name}, {version}",
                    endpoint=endpoint,
                    version=version,
                    subject=name,
                )
        return
    words = name if unit["session"] is None else f"{name} \u00b7 {unit['session']}"
    for version in (candidate, baseline):
        if version not in versions:
            st.info(
                f"The chosen run has no version {version}; its signals cannot be shown.",
                icon=":material/info:",
            )
        elif version == candidate or st.button(f"Signals of {name}, {version}"):
            place = signals_page.look_at(endpoint, version, words, (unit["start"], unit["end"]))
            widgets.go_to("signals", endpoint=endpoint, version=version, subject=words, **place)


def _endpoint(results: Results, row: Row) -> str | None:
    """An endpoint of the run that rests on the same output, one with signals where there is such."""
    known = [name for name in row["endpoints"] if name in results.protocol.endpoints]
    shown = set(lanes.in_time(results))
    return next((name for name in known if name in shown), next(iter(known), None))
