"""The cases of the WFDB programs in the folder of reference values, with what the programs said."""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from accordance.evaluators.rhythm.annotations import Annotations


@dataclass(frozen=True)
class Case:
    """One comparison and the program's output."""

    name: str
    reference: Annotations
    test: Annotations
    fs: float
    length: int | None
    options: dict[str, Any]
    expected: dict[str, Any]


def oracle(root: Path) -> dict[str, Any]:
    return _json(root / "rhythm" / "oracle.json")


@cache
def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@cache
def annotators(root: Path) -> dict[tuple[str, str], Annotations]:
    """(record, annotator) -> annotations of all records."""
    folder = root / "rhythm" / "data"
    columns = ["record", "annotator", "sample", "symbol", "subtype", "aux"]
    schema = {"record": pl.String, "annotator": pl.String, "sample": pl.Int64, "symbol": pl.String, "subtype":
              pl.Int64, "aux": pl.String}  # fmt: skip
    short = pl.read_csv(folder / "annotations_30min_records.csv.gz", schema=schema, quote_char='"')
    long = pl.read_parquet(folder / "annotations_long_records.parquet").select(columns)
    found = {}
    for frame in (short, long):
        for key, part in frame.partition_by("record", "annotator", as_dict=True).items():
            found[str(key[0]), str(key[1])] = Annotations.of(
                part["sample"].to_numpy(),
                np.array(part["symbol"].to_list()),
                part["subtype"].to_numpy(),
                np.array(part["aux"].fill_null("").to_list()),
                name="/".join(map(str, key)),
            )
    return found


@cache
def records(root: Path) -> dict[str, tuple[float, int]]:
    """Record -> samples a second, samples."""
    with (root / "rhythm" / "data" / "records.csv").open(encoding="utf-8") as file:
        return {row["record"]: (float(row["fs"]), int(row["nsamp"])) for row in csv.DictReader(file)}


def real(root: Path, program: str) -> list[Case]:
    """Real records: `bxb` and `rxr` of each annotator, `epicmp` of the rhythm annotators."""
    cases = []
    for key, expected in oracle(root)[program].items():
        record, _, annotator = key.partition("/")
        pair = (annotator, "atr") if annotator else ("aft", "afr")
        fs, length = records(root)[record]
        found = annotators(root)
        cases.append(Case(key, found[record, pair[1]], found[record, pair[0]], fs, length, {}, expected))
    return cases


def corner(root: Path, program: str) -> list[Case]:
    """Named corner cases, then random cases, of a program."""
    folder = root / "rhythm" / "data"
    listed = _json(folder / ("micro_bxb.json" if program == "bxb" else "micro_rxr_epicmp.json"))
    key = {"bxb": "matrix", "rxr": "VE", "epicmp": "ep_se"}[program]
    with gzip.open(folder / f"fuzz_{program}.jsonl.gz", "rt", encoding="utf-8") as file:
        random = [json.loads(line) for line in file]
    chosen = [one for one in listed if key in one["expected"]] + random
    return [_case(one) for one in chosen]


def _case(one: dict[str, Any]) -> Case:
    options = {"start": 300.0 if one["start_s"] is None else float(one["start_s"])}
    if one["end_arg"] is not None:
        options["end"] = float(one["end_arg"])
    if one.get("window_s") is not None:
        options["window"] = float(one["window_s"])
    for option, name in (("minlen_s", "shortest"), ("I", "ignore_short"), ("x", "exclude_flutter")):
        if option in one and one[option] is not None:
            options[name] = one[option]
    name = one.get("name") or f"random {one['seed']}"
    return Case(
        name, _rows(one["ref"]), _rows(one["test"]), one["fs"], one["nsamp"], options, one["expected"]
    )


def _rows(rows: list[list[Any]]) -> Annotations:
    columns = list(zip(*rows, strict=True)) if rows else [(), (), (), ()]
    return Annotations.of(list(columns[0]), list(columns[1]), list(columns[2]), list(columns[3]))
