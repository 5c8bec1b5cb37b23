"""Outputs that are no result, and units that lack a value: each counted every way, and the tipping point."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

import streamlit as st

from ...protocols.model import DECIDING
from ...reports import blocks
from ...reports import format as fmt
from ...reports import missing as missing_blocks
from ...reports import rows as words
from ...studies.coding import HANDLINGS, VIEWS
from ...studies.judge import headline
from ...studies.results import Results
from .. import widgets

DECLARE_INDETERMINATE = """\
tables:
  test:
    columns:
      rhythm: {type: category, levels: [AF, SR, inconclusive], indeterminate: [inconclusive]}
indeterminate:
  primary_view: as_negative        # or as_positive, classifiable_only
  rationale: Why this view decides."""
DECLARE_MISSING = """\
missing:
  primary: complete_case
  sensitivity: [worst_case, best_case, tipping_point]
  rationale: Why units are missing, and why this is how they count."""
HEADS = ("", "n/N", "Estimate", "Interval", "Decision")


def show(results: Results, _folder: Path) -> None:
    """The page."""
    st.title("Indeterminate and missing results")
    indeterminate(results)
    missing(results)


def indeterminate(results: Results) -> None:
    """The yield, and the endpoints with indeterminate outputs counted each way."""
    st.subheader("Outputs that are no result")
    lines = blocks.yields(results)
    if not lines:
        widgets.nothing(
            "No output of this study can be indeterminate: every output counts as it is.",
            DECLARE_INDETERMINATE,
        )
        return
    widgets.table(
        ("Version", "Outputs", "Yield", "Interval", ""),
        [
            (
                escape(line.version),
                line.text.count,
                widgets.plain(line.text.estimate),
                widgets.plain(line.text.interval),
                widgets.quiet(line.text.interval_note),
            )
            for line in lines
        ],
        right=(1, 2, 3),
    )
    st.caption("Yield: the share of outputs that are a result.")
    tables = blocks.views(results)
    if not tables:
        return
    versions = [results.deciding_version, *results.document["versions"]]
    present = {table.version for table in tables}
    version = widgets.version(name for name in dict.fromkeys(versions) if name in present)
    widgets.grouped(
        HEADS,
        [
            (escape(table.title), [_cells(view, text) for view, text in table.lines])
            for table in tables
            if table.version == version
        ],
        right=(1, 2, 3),
    )
    st.caption("The primary view decides; the others show what it would be worth if they counted so.")


def missing(results: Results) -> None:
    """Units without an output or a reference, what they would decide, and the tipping points."""
    st.subheader("Units that lack a value")
    found = missing_blocks.missing(results)
    if not found:
        widgets.nothing("No endpoint of this study decides, so nothing is counted here.", DECLARE_MISSING)
        return
    widgets.table(
        ("Endpoint", "Units", "Without output", "Without reference", "Without both", "Subjects concerned"),
        [(escape(one.title), *one.counts) for one in found],
        right=(1, 2, 3, 4, 5),
    )
    st.caption(
        f"Version {results.deciding_version}. Units that an exclusion code removed are in the accounting."
    )
    ways = [one for one in found if len(one.lines) > 1]
    if ways:
        st.subheader("Missing units counted each way")
        widgets.grouped(
            HEADS,
            [(escape(one.title), [_cells(way, text) for way, text in one.lines]) for one in ways],
            right=(1, 2, 3),
        )
    tipping(found)
    if not ways and not any(one.tipping for one in found):
        widgets.nothing("The protocol declares no analysis of missing units beside this.", DECLARE_MISSING)


def tipping(found: Sequence[missing_blocks.MissingBlock]) -> None:
    """How many, or how bad, the missing units would have to be to change the decision."""
    asked = [one for one in found if one.tipping]
    if not asked:
        return
    st.subheader("Tipping point")
    for titles, sentence in same_words(asked):
        which = "Every endpoint that decides" if len(titles) == len(found) > 1 else "; ".join(titles)
        st.markdown(f"**{which}.** {sentence}")
    for number, one in enumerate(asked):
        if one.figure is not None:
            widgets.figure(one.figure, f"tipping-{number}")


def same_words(found: Sequence[missing_blocks.MissingBlock]) -> list[tuple[list[str], str]]:
    """Sentences on tipping points, each once, with the endpoints that it speaks of."""
    sentences: dict[str, list[str]] = {}
    for one in found:
        if one.tipping:
            sentences.setdefault(one.tipping, []).append(one.title)
    return [(titles, sentence) for sentence, titles in sentences.items()]


def _cells(way: str, text: words.RowText) -> tuple[str, ...]:
    return (
        escape(way),
        text.count,
        widgets.plain(text.estimate),
        widgets.plain(text.interval),
        widgets.chip(text.state, text.brief) if text.brief else "",
    )


def counted_each_way(results: Results, title: str, views: Sequence[str]) -> bool:
    """The deciding endpoints of the deciding version in each of some views, which decide nothing.

    Returns:
        Whether there was anything to show.
    """
    version = results.deciding_version
    groups: dict[str, list[tuple[str, ...]]] = {}
    for row in results.rows.iter_rows(named=True):
        same = row["role"] in DECIDING and row["view"] in views and row["criterion"]
        if same and headline({**row, "view": "primary"}, version):
            cells = _cells(words.VIEW_WORDS[row["view"]], words.text(row))
            groups.setdefault(str(row["endpoint"]), []).append(cells)
    if not groups:
        return False
    titles = {entry["id"]: str(entry["title"]) for entry in results.document["endpoints"]}
    st.subheader(title)
    widgets.grouped(
        ("", "n/N", "Estimate", "Interval", "Would be"),
        [(escape(titles[name]), rows) for name, rows in groups.items()],
        right=(1, 2, 3),
    )
    return True


def summary(results: Results) -> None:
    """Both tables for the first page, and in one sentence what is missing."""
    shown = counted_each_way(results, "Indeterminate outputs counted each way", VIEWS)
    shown = counted_each_way(results, "Missing units counted each way", HANDLINGS) or shown
    found = missing_blocks.missing(results)
    lacking = [entry for entry in results.document.get("missing") or [] if entry["subjects_concerned"]]
    if not lacking:
        st.caption("No unit of an endpoint that decides lacks an output or a reference." if found else "")
    for titles, sentence in same_words(found) if lacking else ():
        st.caption(f"{'; '.join(titles)}: {sentence}")
    if shown or lacking:
        most = max(entry["subjects_concerned"] for entry in lacking) if lacking else 0
        label = (
            f"Missing results of {fmt.count(most)} subjects" if most else "Indeterminate and missing results"
        )
        widgets.link("missing", label)
