"""What an EDF file holds, for `accordance sniff`: signals by rate, annotations by text, stages as epochs."""

from __future__ import annotations

import math
import re
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from ...protocols.errors import ContractError
from . import edf_annotations
from .base import signals
from .edf import channels, decoded, start_us
from .edf_annotations import Annotation
from .edf_header import Header

_STAGE = re.compile(r"(?i)^(sleep[ _]?stage|stage)[ _-]?\S{1,6}$|^(W|N1|N2|N3|N4|R|REM|WAKE)$")
_LENGTHS = (30, 20, 10, 5, 4, 2, 1)
"""Epoch lengths that are in use, in seconds, the longest first."""


def describe(head: Header) -> dict[str, Any]:
    """See `Reader.describe`."""
    recording = decoded(head)
    start = start_us(head, recording)
    seconds = head.record_us / 1e6
    kind = f"{'BDF' if head.width == 3 else 'EDF'}{f'+{head.plus}' if head.plus else ''}"
    time = "seconds" if start is None else "time"
    facts: dict[str, Any] = {
        "format": kind,
        "start": "removed" if start is None else recording_start(start),
        "duration": str(timedelta(seconds=round(head.n_records * seconds))),
    }
    tables: list[dict[str, Any]] = []
    rates: dict[float, list[str]] = {}
    for one in channels(head, recording):
        if seconds and one.samples:
            rates.setdefault(one.samples / seconds, []).append(one.name)
    tables.extend(signals(names, rate, time, alone=len(rates) == 1) for rate, names in rates.items())
    if any(head.is_annotation):
        found, encoding = _annotations(head)
        gaps = int((np.diff(found.record_onsets) > head.record_us + 1).sum())
        facts |= {"gaps": gaps, "annotations": len(found.rows)}
        if found.rows:
            facts["annotation texts"] = _counted(found.rows)
            more = {"encoding": encoding} if encoding != "utf-8" else {}
            tables += _stages(found.rows, time, more)
            tables.append(
                {
                    "title": f"{len(found.rows):,} annotations",
                    "reader": {"rows": "annotations", **more},
                    "columns": [time, "duration", "text"],
                }
            )
    return {"facts": facts, "tables": tables}


def recording_start(start: int) -> str:
    """The start on the recorder's clock, as text."""
    return (datetime(1970, 1, 1) + timedelta(microseconds=start)).isoformat(sep=" ")


def _annotations(head: Header) -> tuple[edf_annotations.Annotations, str]:
    try:
        return edf_annotations.read(head), "utf-8"
    except ContractError as error:
        if not any("not UTF-8" in one.message for one in error.violations):
            raise
        return edf_annotations.read(head, "latin-1"), "latin-1"


def _counted(rows: tuple[Annotation, ...]) -> dict[str, int]:
    return dict(Counter(one.text for one in rows).most_common(20))


def _stages(rows: tuple[Annotation, ...], time: str, more: dict[str, str]) -> list[dict[str, Any]]:
    """Annotations that read like sleep stages, as epochs of the length that fits all of them."""
    stages = [one for one in rows if _STAGE.match(one.text.strip())]
    if not stages:
        return []
    first = stages[0].onset_us
    measures = [one.duration_us or 0 for one in stages] + [one.onset_us - first for one in stages]
    common = math.gcd(*measures)
    length = next((s for s in _LENGTHS if common and common % (s * 1_000_000) == 0), None)
    if length is None:
        length = 30 if common == 0 else None
    if length is None:
        return []
    texts = list(dict.fromkeys(one.text for one in stages))
    others = {"other_texts": "left_out"} if len(stages) < len(rows) else {}
    reader = {
        "rows": "epochs",
        "epoch": {"value": float(length), "unit": "s"},
        "labels": {text: text for text in texts},
        **others,
        **more,
    }
    title = f"{len(stages):,} annotations that read like sleep stages, as epochs of {length} s"
    return [{"title": title, "reader": reader, "columns": ["epoch", time, "label"]}]
