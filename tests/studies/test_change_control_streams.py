"""Change control over streams: the same result as a run of that version, whatever its tipping points."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl

import accordance as ac
from accordance.studies.comparing import compare

sys.path.append(str(Path(__file__).parent))

import change_control_case as case
import test_streams as streams

SECTION = (
    "comparison: {multiplicity: none, endpoints: {arms: {margin: 1.0}}}\n"
    "change_control:\n  modifications:\n    retrain:\n"
    + case.TEXTS.format(title="Training on more data")
    + "      endpoints: [bias]\n      comparison: {arms: non_inferior}\n"
)


def test_a_candidate_in_streams(tmp_path: Path) -> None:
    folder = tmp_path / "wear"
    reference, test = streams.signals(1)
    moved = pl.Series(np.random.default_rng(0).normal(0, 0.1, test.height))
    for name, frame in {
        "reference": reference,
        "v1": test,
        "v2": test.with_columns(pl.col("rate") + moved),
    }.items():
        streams.write_tree(folder / "data" / name, frame)
    streams.people().write_parquet(folder / "data" / "subjects.parquet")
    protocol = streams.PROTOCOL.replace(
        "length: 30 s}}",
        "length: 30 s}, alignment: {reference: rate, test: rate, search: 20 s, tipping: "
        "{up_to: 1 s, step: 1 s}}}",
    )
    (folder / "protocol.yaml").write_text(protocol + SECTION, encoding="utf-8")
    second = "    v2: {modification: retrain, sources: {test: {folder: data/v2}}}\n"
    (folder / "study.yaml").write_text(streams.STUDY + second, encoding="utf-8")
    found = compare(folder, baseline="v1", candidates="v2", pccp=True).document["change_control"]
    one = found["candidates"]["v2"]
    assert one["result"] == "within", one["reasons"]
    ran = ac.run(folder)  # the last version decides
    line = one["lines"][0]
    endpoint = next(entry for entry in ran.document["endpoints"] if entry["id"] == "bias")
    assert line["decision"] == endpoint["decision"] == "met"
    own = ran.rows.filter(pl.col("row_id") == line["rows"][0]["row_id"]).row(0, named=True)
    for name in ("estimate", "ci_lower", "ci_upper", "n_subjects"):
        assert line["rows"][0][name] == own[name]
