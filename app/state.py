"""Which study, run, endpoint and subject the reader looks at: kept in the session and in the address bar.

The address bar is read when a page opens, so that a link to `endpoint?endpoint=bias&subject=7` shows that,
and written when a choice is made, so that what is seen can be passed on.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from ..reports import figures
from ..studies.folder import CONFIG_FILE
from ..studies.results import DOCUMENT_FILE, MANIFEST_FILE, Results, finished_runs

ROOT = "root"
STUDY = "study"
RUN = "run"
PAGES = "pages"


def root() -> Path:
    """The folder the app was opened on: a study, or a folder of studies."""
    given = st.session_state.get(ROOT) or (sys.argv[1] if len(sys.argv) > 1 else ".")
    return Path(given)


def studies(folder: Path) -> list[Path]:
    """The folder itself where it is a study, else the studies directly in it, by name."""
    if (folder / CONFIG_FILE).is_file():
        return [folder]
    if not folder.is_dir():
        return []
    return sorted(place for place in folder.iterdir() if (place / CONFIG_FILE).is_file())


def choose() -> None:
    """The sidebar's two choices, study and run; each only where there is something to choose."""
    found = {place.resolve().name: place for place in studies(root())}
    if not found:
        return
    name = choice(STUDY, "Study", list(found)) if len(found) > 1 else next(iter(found))
    runs = [place.name for place in reversed(finished_runs(found[name]))]
    if len(runs) > 1:
        choice(RUN, "Run (UTC)", runs, words=run_words)
    elif runs:
        st.caption(f"Run {run_words(runs[0])}")


def choice(key: str, label: str, options: Sequence[str], *, words: Callable[[str], str] = str) -> str:
    """A select box whose choice stands in the address bar; it begins at what the address bar says."""
    wanted = st.session_state.get(key, st.query_params.get(key))
    st.session_state[key] = wanted if wanted in options else options[0]
    chosen: str = st.selectbox(label, options, key=key, format_func=words)
    remember(key, chosen if chosen != options[0] else None)
    return chosen


def remember(key: str, value: str | None) -> None:
    """Write a choice to the address bar, or take it away."""
    if value is None:
        st.query_params.pop(key, None)
    elif st.query_params.get(key) != value:
        st.query_params[key] = value


def kept() -> dict[str, str]:
    """What a link to another page has to carry: study and run, where they were chosen."""
    return {key: st.query_params[key] for key in (STUDY, RUN) if key in st.query_params}


def study() -> Path | None:
    """The chosen study folder."""
    found = {place.resolve().name: place for place in studies(root())}
    return found.get(str(st.session_state.get(STUDY)), next(iter(found.values()), None))


def run_folder(chosen: Path) -> Path | None:
    """The chosen finished run of a study; its latest where none was chosen."""
    runs = {place.name: place for place in finished_runs(chosen)}
    if not runs:
        return None
    return runs.get(str(st.session_state.get(RUN)), list(runs.values())[-1])


def results(folder: Path) -> Results:
    """The results of a run, read once and again when the run folder changes."""
    return _opened(str(folder), (folder / DOCUMENT_FILE).stat().st_mtime_ns)


@st.cache_resource(max_entries=8, show_spinner="Reading the run")
def _opened(folder: str, changed: int) -> Results:
    del changed  # part of the cache's key
    return Results.open(folder)


def figure(shown: Results, row_id: str) -> figures.AnyFigure:
    """The figure model of a results row, built once."""
    return _figure(str(shown.folder), (Path(str(shown.folder)) / DOCUMENT_FILE).stat().st_mtime_ns, row_id)


@st.cache_resource(max_entries=32, show_spinner="Drawing")
def _figure(folder: str, changed: int, row_id: str) -> figures.AnyFigure:
    return figures.build(_opened(folder, changed), row_id)


def manifest(folder: Path) -> dict[str, Any]:
    """What the run rests on, as its manifest says."""
    found: dict[str, Any] = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
    return found


def run_words(name: str) -> str:
    """The name of a run folder as a reader says it.

    Example:
        >>> run_words("20260301T101500Z_1a2b3c4d")
        '2026-03-01 10:15:00 · 1a2b3c4d'
    """
    stamp, _, digits = name.partition("_")
    if len(stamp) < 15 or not (stamp[:8] + stamp[9:15]).isdigit():
        return name
    return f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]} {stamp[9:11]}:{stamp[11:13]}:{stamp[13:15]} · {digits}"
