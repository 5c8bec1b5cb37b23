"""What the run rests on: plan, inputs with their hashes, software, machine."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import streamlit as st

from ...studies.results import Results
from .. import state, widgets


def show(results: Results, folder: Path) -> None:
    """The page."""
    st.title("Provenance")
    manifest = state.manifest(folder)
    plan(results)
    st.subheader("Run")
    facts = {**{f"run {key}": value for key, value in results.document["run"].items()}, "folder": str(folder)}
    facts["protocol SHA-256"] = results.document["protocol_sha256"]
    key_values(facts)
    for name, value in manifest.items():
        if name not in ("schema", "run") and isinstance(value, list | dict) and value:
            st.subheader(name.replace("_", " ").capitalize())
            block(value)
    with st.expander("The whole manifest"):
        st.json(manifest, expanded=False)
    with st.expander("The resolved protocol, every default written out"):
        st.json(results.document["protocol"], expanded=1)


def plan(results: Results) -> None:
    """What was locked, and what differs from it."""
    lock = results.document["lock"]
    message = widgets.stamp(results)
    if lock is None:
        st.warning(message, icon=":material/lock_open:")
        return
    st.success(message, icon=":material/lock:")
    differences = results.document["post_hoc"]
    if differences:
        st.markdown("**Differs from the locked plan**")
        block(differences)


def block(value: Any) -> None:
    """A list of records as a table; a mapping as names and values."""
    if isinstance(value, dict):
        key_values(value)
        return
    if not all(isinstance(item, dict) for item in value):
        st.json(value)
        return
    heads = list(dict.fromkeys(key for item in value for key in item))
    rows = [[cell(item.get(head)) for head in heads] for item in value]
    widgets.table([head.replace("_", " ") for head in heads], rows)


def key_values(facts: dict[str, Any]) -> None:
    """Names and values; what lies deeper is in the whole manifest below."""
    flat = {name: value for name, value in facts.items() if not isinstance(value, list | dict)}
    nested = {name: value for name, value in facts.items() if isinstance(value, list | dict) and value}
    widgets.table(("What", "Value"), [(label(name), cell(value)) for name, value in flat.items()], named=True)
    for name, value in nested.items():
        st.markdown(f"**{name.replace('_', ' ')}**")
        block(value)


def label(name: str) -> str:
    """A name as words; the name of a file as it is."""
    return escape(name if "." in name else name.replace("_", " "))


def cell(value: Any) -> str:
    """A value as HTML; hashes and paths in a fixed-width face."""
    if value is None:
        return "–"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return "<br>".join("<br>".join(cell(part) for part in item.values()) for item in value)
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"<code>{escape(text)}</code>" if len(text) == 64 or "/" in text else escape(text)
