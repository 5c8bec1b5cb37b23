"""What a WFDB record holds, for `accordance sniff`: signals by rate, annotation files by symbol."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ...protocols.errors import ContractError
from .base import signals
from .wfdb_records import BEATS, Head, annotation_file, annotators, header


def describe(path: Path, name: str) -> dict[str, Any]:
    """See `Reader.describe`."""
    alone = path.suffix.lower() != ".hea"
    head = header(path, name) if path.with_suffix(".hea").is_file() else None
    facts: dict[str, Any] = {} if head is None else _facts(head)
    tables: list[dict[str, Any]] = []
    time = "time" if head is not None and head.start_us is not None else "seconds"
    if head is not None and not alone:
        rates: dict[float, list[str]] = {}
        for signal, samples in zip(head.names, head.samples, strict=True):
            rates.setdefault(head.rate * samples, []).append(signal)
        tables += [signals(names, rate, time, alone=len(rates) == 1) for rate, names in rates.items()]
    for annotator in [path.suffix[1:]] if alone else annotators(path):
        place = path.with_suffix(f".{annotator}")
        try:
            found = annotation_file(place, f"{name.removesuffix(path.suffix)}.{annotator}")
        except ContractError as error:
            if alone:
                raise
            facts[f"annotations {annotator}"] = str(error.violations[0].message)
            continue
        counts = Counter(found.symbol)
        facts[f"annotations {annotator}"] = dict(counts.most_common())
        known = bool(found.fs or (head is not None and head.rate))
        when = time if known else "sample"
        named = {} if alone else {"annotator": annotator}
        beats = sum(n for symbol, n in counts.items() if symbol in BEATS)
        if beats:
            columns = [when, "symbol", *(("rr", "hr") if known else ())]
            title = f"{beats:,} beats of `{annotator}`"
            tables.append({"title": title, "reader": {"rows": "beats", **named}, "columns": columns})
        title = f"{len(found.sample):,} annotations of `{annotator}`"
        columns = [when, "symbol", "aux_note"]
        tables.append({"title": title, "reader": {"rows": "annotations", **named}, "columns": columns})
    return {"facts": facts, "tables": tables}


def _facts(head: Head) -> dict[str, Any]:
    facts: dict[str, Any] = {"rate": f"{head.rate:g} Hz", "signals": len(head.names)}
    if head.start_us is not None:
        facts["start"] = (datetime(1970, 1, 1) + timedelta(microseconds=head.start_us)).isoformat(sep=" ")
    if head.n_frames and head.rate:
        facts["duration"] = str(timedelta(seconds=round(head.n_frames / head.rate)))
    return facts
