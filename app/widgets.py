"""What the pages share: colours of decisions, tables, and clear words where there is nothing to show."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import streamlit as st

from ..protocols.errors import AccordanceError, ContractError
from ..reports import format as fmt
from ..reports.figures import AnyFigure, FlowStep, Forest
from ..studies.results import Results
from . import charts, forests, state

GOOD, BAD, OPEN, QUIET = "#1a7f4b", "#b3261e", "#9a6200", "#6b7683"
COLOURS = {"met": GOOD, "not_met": BAD, "not_evaluable": OPEN, "informative": QUIET}
SIGNS = {"met": "✓", "not_met": "✕", "not_evaluable": "?", "informative": "·"}
"""A sign beside every colour: nobody has to tell red from green."""

SHORT = 34
"""A label of so few characters stays on one line."""

STYLE = """
<style>
  .ac-banner { border-left: .45rem solid var(--ac); padding: .7rem 1.1rem; border-radius: .35rem;
    background: color-mix(in srgb, var(--ac) 13%, transparent); }
  .ac-banner .words { font-size: 1.55rem; font-weight: 650; line-height: 1.25; }
  .ac-banner .more { opacity: .82; margin-top: .2rem; }
  .ac-chip { display: inline-block; padding: .1rem .55rem; border-radius: 1rem;
    font-weight: 600; font-size: .86rem;
    background: color-mix(in srgb, var(--ac) 16%, transparent); border: 1px solid var(--ac); }
  .ac-chip.short { white-space: nowrap; }
  .ac-table { border-collapse: collapse; width: 100%; font-size: .93rem; }
  .ac-table th { text-align: left; font-weight: 600; opacity: .75; padding: .35rem .8rem .35rem 0;
    border-bottom: 2px solid rgba(128, 128, 128, .45); white-space: nowrap; }
  .ac-table td { padding: .42rem .8rem .42rem 0; border-bottom: 1px solid rgba(128, 128, 128, .22);
    vertical-align: top; font-variant-numeric: tabular-nums; }
  .ac-table .num { text-align: right; white-space: nowrap; }
  .ac-table code { overflow-wrap: anywhere; background: none; padding: 0; color: inherit; }
  .ac-table tr.group td { font-weight: 600; padding-top: .8rem; }
  .ac-table tr.in td:first-child { padding-left: 1rem; }
  .ac-table .num + :not(.num) { padding-left: 1rem; }
  .ac-table tr.group .ac-quiet { font-weight: 400; }
  .ac-table td.name { white-space: nowrap; width: 1%; padding-right: 1.6rem; }
  .stMainBlockContainer { padding: 3.6rem 3rem 4rem; max-width: 1500px; }
  .stMainBlockContainer h1 { font-size: 1.9rem; padding-top: .3rem; }
  .stMainBlockContainer h3 { font-size: 1.25rem; }
  [class*='st-key-endpoints'] .stPageLink a { padding-left: 0; }
  [class*='st-key-endpoints'] .stPageLink p { white-space: normal; }
  [class*='st-key-endpoints'] hr { margin: 0; }
  .ac-heat { padding: .25rem .5rem; border-radius: .25rem; white-space: nowrap;
    background: color-mix(in srgb, var(--ac, transparent) var(--ac-deep, 0%), transparent); }
  .ac-heat[class*='better'] { --ac: #2f7fc1; }
  .ac-heat[class*='worse'] { --ac: #d9701f; }
  .ac-heat[class*='-1'] { --ac-deep: 10%; }
  .ac-heat[class*='-2'] { --ac-deep: 24%; }
  .ac-heat[class*='-3'] { --ac-deep: 42%; }
  .ac-scroll { overflow-x: auto; }
  .ac-kept { white-space: nowrap; }
  .ac-quiet { opacity: .78; font-size: .86rem; }
  .ac-strip { display: flex; flex-wrap: wrap; gap: .55rem; align-items: stretch; }
  .ac-step { flex: 1 1 8rem; border: 1px solid rgba(128, 128, 128, .35); border-radius: .35rem;
    padding: .5rem .8rem; }
  .ac-step { font-weight: 600; font-variant-numeric: tabular-nums; }
  .ac-step.leaves { border-style: dashed; opacity: .85; }
  .ac-step span { opacity: .78; font-size: .86rem; font-weight: 400; }
</style>
"""


def style() -> None:
    """The few rules that the pages' own elements need; they inherit type and colours from either theme."""
    st.html(STYLE)


def link(page: str, label: str, **choices: str) -> None:
    """A link to another page of the app that keeps study and run, and makes further choices there."""
    st.page_link(
        st.session_state[state.PAGES][page],
        label=label,
        icon=":material/chevron_right:",
        icon_position="right",
        query_params={**state.kept(), **choices},
    )


def run_page(body: Callable[[Results, Path], None], title: str) -> None:
    """Show a page of the chosen run; where there is no study, no run or an unreadable one, say what to do."""
    study = state.study()
    if study is None:
        _no_study()
        return
    folder = state.run_folder(study)
    if folder is None:
        st.title(title)
        st.info("This study has no finished run yet.", icon=":material/hourglass_empty:")
        st.markdown("Start one in a terminal, then reload this page:")
        place = shlex.quote(str(study.resolve()))
        st.code(f"accordance check {place}\naccordance run {place}", language="shell")
        return
    try:
        body(state.results(folder), folder)
    except AccordanceError as error:
        show_error(error)


def study_page(body: Callable[[Path], None]) -> None:
    """Show a page of the chosen study, whether it has a run or not."""
    study = state.study()
    if study is None:
        _no_study()
        return
    try:
        body(study)
    except AccordanceError as error:
        show_error(error)


def _no_study() -> None:
    st.title("Accordance")
    st.info(f"There is no study in {state.root().resolve()}.", icon=":material/folder_off:")
    st.markdown("A study is a folder with a `study.yaml`. Begin one, or look at the two finished examples:")
    st.code(
        "accordance init my-study\naccordance app my-study\n\naccordance demo\naccordance app demo",
        language="shell",
    )


def show_error(error: AccordanceError) -> None:
    """An error as the command line would say it."""
    if isinstance(error, ContractError):
        st.error(error.summary or "These results do not satisfy their contract.", icon=":material/error:")
        for violation in error.violations:
            st.code(str(violation), language=None, wrap_lines=True)
    else:
        st.error(str(error), icon=":material/error:")


def banner(decision: str, words: str, more: Sequence[str]) -> None:
    """The decision in words, in its colour, with its sign."""
    lines = "".join(f"<div class='more'>{escape(line)}</div>" for line in more)
    colour = COLOURS[decision]
    st.html(
        f"<div class='ac-banner' style='--ac: {colour}' role='status'>"
        f"<div class='words'>{SIGNS[decision]} {escape(words)}</div>{lines}</div>"
    )


def plain(text: str) -> str:
    """Text as an HTML cell."""
    return escape(text)


def chip(decision: str, words: str) -> str:
    """A decision as a small label, as HTML."""
    kind = "ac-chip short" if len(words) <= SHORT else "ac-chip"
    return f"<span class='{kind}' style='--ac: {COLOURS[decision]}'>{SIGNS[decision]} {escape(words)}</span>"


def table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[int] = (), named: bool = False
) -> None:
    """A table of ready HTML cells. `right`: columns with numbers; `named`: the first column stays narrow."""
    css = ["num" if number in right else "" for number in range(len(heads))]
    if named:
        css[0] = "name"
    head = "".join(f"<th class='{kind}'>{escape(text)}</th>" for kind, text in zip(css, heads, strict=True))
    body = "".join(
        "<tr>"
        + "".join(f"<td class='{kind}'>{cell}</td>" for kind, cell in zip(css, row, strict=True))
        + "</tr>"
        for row in rows
    )
    top = f"<thead><tr>{head}</tr></thead>" if any(heads) else ""
    inner = f"{top}<tbody>{body}</tbody>"
    st.html(f"<div class='ac-scroll'><table class='ac-table'>{inner}</table></div>")


def grouped(
    heads: Sequence[str],
    groups: Iterable[tuple[str, Iterable[Sequence[str]]]],
    *,
    right: Sequence[int] = (),
) -> None:
    """A table of ready HTML cells under headings: (heading, its rows) for every group."""
    css = ["num" if number in right else "" for number in range(len(heads))]
    head = "".join(f"<th class='{kind}'>{escape(text)}</th>" for kind, text in zip(css, heads, strict=True))
    body = "".join(
        f"<tr class='group'><td colspan='{len(heads)}'>{heading}</td></tr>"
        + "".join(
            "<tr class='in'>"
            + "".join(f"<td class='{kind}'>{cell}</td>" for kind, cell in zip(css, row, strict=True))
            + "</tr>"
            for row in rows
        )
        for heading, rows in groups
    )
    top = f"<thead><tr>{head}</tr></thead>" if any(heads) else ""
    inner = f"{top}<tbody>{body}</tbody>"
    st.html(f"<div class='ac-scroll'><table class='ac-table'>{inner}</table></div>")


def quiet(*texts: str) -> str:
    """Texts as small lines of an HTML cell; empty ones are left out."""
    return "".join(f"<div class='ac-quiet'>{escape(text)}</div>" for text in texts if text)


def nothing(what: str, declare: str = "") -> None:
    """A part that this run has nothing for: why, and what the protocol would have to declare."""
    st.info(what, icon=":material/info:")
    if declare:
        with st.expander("What the protocol would declare, for example"):
            st.code(declare, language="yaml")


def appearance() -> charts.Appearance:
    """The reader's theme."""
    return "dark" if is_dark() else "light"


def figure(model: AnyFigure, key: str) -> None:
    """A figure to look at, with its caption."""
    chart = charts.clickable(model, appearance())
    st.plotly_chart(chart.figure, key=key, theme=None, alt=model.alt, config={"displayModeBar": False})
    st.caption(model.caption)


def forest(results: Results, model: Forest, key: str) -> None:
    """A forest plot; a click on a line leads to the endpoint's page, at the part of the data it speaks of."""
    chart = charts.clickable(model, appearance())
    event = st.plotly_chart(
        chart.figure,
        on_select="rerun",
        selection_mode="points",
        key=key,
        theme=None,
        alt=model.alt,
        config={"displayModeBar": False},
    )
    st.caption(f"{model.caption} Click a mark to open its figure and data.")
    _, mark = charts.picked(event)
    if mark in chart.rows:
        go_to("endpoint", **place(results.row(mark)))


def version(names: Iterable[str]) -> str:
    """The version to look at; nothing to choose where there is one."""
    found = list(names)
    if len(found) == 1:
        return found[0]
    with st.container(width=320):
        return state.choice("version", "Version", found)


def place(row: Mapping[str, Any]) -> dict[str, str]:
    """Where the endpoint page shows a results row."""
    return {
        "endpoint": str(row["endpoint"]),
        "version": str(row["version"]),
        "part": forests.part_words(row),
    }


def go_to(page: str, **choices: str) -> None:
    """Turn to another page of the app, as its link would."""
    st.switch_page(st.session_state[state.PAGES][page], query_params={**state.kept(), **choices})


def strip(steps: Iterable[FlowStep]) -> None:
    """Boxes beside each other, from what was read to what was analysed; dashed ones leave."""
    boxes = "".join(
        f"<div class='ac-step{' leaves' if step.leaves else ''}'>{escape(step.title)}"
        + "".join(f"<br><span>{escape(line)}</span>" for line in step.lines)
        + "</div>"
        for step in steps
    )
    st.html(f"<div class='ac-strip'>{boxes}</div>")


def stamp(results: Results) -> str:
    """Whether there was a plan before the results, and whether the decision is the one it asked for."""
    lock = results.document["lock"]
    if lock is None:
        return "No locked plan: nothing here is pre-specified."
    post_hoc = results.rows.filter(~results.rows["pre_specified"].fill_null(value=False)).height
    decision = "pre-specified" if results.document["decision_pre_specified"] else "post hoc"
    rest = (
        f"{fmt.count(post_hoc)} of {fmt.count(results.rows.height)} results are post hoc" if post_hoc else ""
    )
    words = f"Plan locked {str(lock['when'])[:10]} by {lock['who']}; the decision is {decision}"
    return f"{words}; {rest}." if rest else f"{words}, as is every result."


def is_dark() -> bool:
    """Whether the reader's theme is dark."""
    return st.context.theme.type == "dark"
