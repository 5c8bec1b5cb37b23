"""Events of two sides as outcomes: real records as `bxb` counts them, every row accounted for, clear refusals."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from accordance.datasets.pairing import pair
from accordance.datasets.pairs import Pairs
from accordance.evaluators.rhythm.beats import ROWS
from accordance.protocols.errors import ContractError
from accordance.protocols.load import parse

sys.path.append(str(Path(__file__).parents[1] / "evaluators" / "rhythm"))

TABLE = """
    key: [subject, time, n]
    time: time
    columns:
      subject: {type: text}
      time: {type: number, unit: s}
      n: {type: integer}
      symbol: {type: text}
      subtype: {type: integer}
      beat: {type: category, levels: [N, S, V, F, Q, O, X],
             event: {of: symbol, map: wfdb, unreadable: X, subtype: subtype}}
"""
BEATS = f"""
schema: accordance/protocol/1
id: beats
version: "1.0"
title: Beats
intended_use: Adults
objective: Detection of beats
tables:
  reference: {TABLE}
  test: {TABLE}
  records:
    key: [subject]
    columns:
      subject: {{type: text}}
      begin: {{type: number, unit: s}}
      end: {{type: number, unit: s}}
pairings:
  beats:
    method: events
    on: [subject]
    match: {{by: beats, rate: RATE Hz, mode: wfdb_compat, within: {{table: records, start: begin, end: end}}}}
endpoints:
  qrs: {{title: QRS, role: secondary, metric: beat_detection, average: pooled, reference: beat, test: beat}}
seed: 1
"""


def of_record(name: str, found: Any, rate: float) -> pl.DataFrame:
    n = len(found.sample)
    return pl.DataFrame(
        {
            "subject": [name] * n, "time": found.sample / rate, "n": np.arange(n),
            "symbol": found.symbol.tolist(), "subtype": found.subtype,
        }
    )  # fmt: skip


def matrix(pairs: Pairs, subject: str | None = None) -> np.ndarray:
    frame = pairs.frame if subject is None else pairs.frame.filter(pl.col("subject") == subject)
    found = np.zeros((7, 7), dtype=np.int64)
    for row in frame.group_by("reference.beat", "test.beat").len().iter_rows():
        found[ROWS.index(row[0]), ROWS.index(row[1])] = row[2]
    return found


def test_records_are_counted_as_by_the_program(reference_data: Path) -> None:
    """Every pair of annotators of every record: the matrix of `bxb`, and an audit that adds up."""
    from reference_cases import real, records  # noqa: PLC0415

    from accordance.evaluators.rhythm.beats import compare_beats  # noqa: PLC0415

    lengths = records(reference_data)
    cases = [case for case in real(reference_data, "bxb") if not case.options]
    assert len(cases) > 50
    for rate in sorted({case.fs for case in cases}):
        own = [case for case in cases if case.fs == rate]
        names = [case.name for case in own]
        protocol = parse(BEATS.replace("RATE", f"{rate:g}"), file="beats.yaml")
        spans = pl.DataFrame(
            {"subject": names, "begin": [0.0] * len(own), "end": [(case.length or 0) / rate for case in own]}
        )
        pairs = pair(
            protocol, "beats", version="v1", tables={"records": spans},
            reference=pl.concat(of_record(case.name, case.reference, rate) for case in own),
            test=pl.concat(of_record(case.name, case.test, rate) for case in own),
        )  # fmt: skip
        for case in own:
            expected = compare_beats(case.reference, case.test, case.fs, case.length).matrix
            np.testing.assert_array_equal(matrix(pairs, case.name), expected, err_msg=case.name)
        audit = pairs.regrid
        assert audit is not None
        told = audit.group_by("side", pl.col("reason") == "read").agg(pl.col("n_rows").sum())
        totals = {(side, read): n for side, read, n in told.iter_rows()}
        assert totals["reference", True] == totals["reference", False]
        assert totals["test", True] == sum(len(case.test.sample) for case in own)
    assert lengths
