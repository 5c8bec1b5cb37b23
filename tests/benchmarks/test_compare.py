"""Comparing ten versions: 40 endpoints, 10 levels of subgroups, 10,000 replicates, 1,000 subjects, 1e7 rows.

The study is the example `hr-weekly` with two more versions and more windows: 1,000 of each of 1,000 subjects
make 1e7 rows of ten versions. Reading and pairing them, once, is measured beside a bare scan of the same
files; what follows has the target. Every version answers in every window; the same where each is silent in
windows of its own, so that every candidate is compared on other units, is measured besides. Another level,
another margin and another declared subgroup of subjects read no row. Besides the time on the clock, that of
the processors is noted, which other work on the machine changes less.

`ACCORDANCE_BENCH_COMPARE` says how many windows a subject has, where 1,000 are too many.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from stream_programs import measured

from accordance.datasets.simulate import hr_weekly
from accordance.datasets.simulate.weekly_versions import VERSIONS, Version
from accordance.studies.start import EXAMPLES

SUBJECTS, REPLICATES = 1_000, 10_000
WINDOWS = int(os.environ.get("ACCORDANCE_BENCH_COMPARE", "1000"))
SILENT: Mapping[str, Version] = {
    **{name: replace(version, same_as=None) for name, version in VERSIONS.items()},
    "v9": Version("pruned a little", 1.1, 1.1),
    "v10": Version("for dark skin", 1.0, 0.8),
}
TOLERANCES = (2, 3, 4, 5, 6, 8, 10, 12, 15, 20)
SHARES = (0.02, 0.03, 0.05, 0.08, 0.1, 0.12, 0.15)
KINDS = ("subject_mean", "pooled")
Note = Callable[..., dict[str, Any]]

# A whole comparison, in a process of its own: every candidate against v1.
COMPARE = """
import json, resource, sys, time
from pathlib import Path
from accordance.studies.comparing import compare

used = resource.getrusage(resource.RUSAGE_SELF)
started, before = time.perf_counter(), used.ru_utime + used.ru_stime
found = compare(Path(sys.argv[1]), baseline="v1", overlap=True, level=float(sys.argv[2]))
taken = time.perf_counter() - started
log = [json.loads(line) for line in (found.folder / "log.jsonl").read_text().splitlines()]
used = resource.getrusage(resource.RUSAGE_SELF)
read = sum(entry["read"] for entry in log if entry["event"] in ("rows", "compared"))
print(json.dumps({
    "s": taken, "cpu": used.ru_utime + used.ru_stime - before, "read": read,
    "gb": used.ru_maxrss / 1e6,
    "moments": {entry["event"]: entry["time"] for entry in log},
    "paired": sum(entry["rows"] for entry in log if entry["event"] == "paired"),
    "rows": [
        {**{key: one[key] for key in ("row_id", "ci_level", "decision")}, **one["improvement"],
         "levels": len(one["subgroups"]), "errors": [part["error"] for part in (one, *one["subgroups"])]}
        for one in found.comparisons
    ],
}))
"""

# The floor: Polars reading the same files.
SCAN = """
import json, sys, time
from pathlib import Path
import polars as pl

started = time.perf_counter()
for file in sorted(Path(sys.argv[1]).glob("*.parquet")):
    pl.read_parquet(file)
print(json.dumps({"s": time.perf_counter() - started}))
"""


def forty() -> dict[str, str]:
    """Endpoints: name -> what the protocol says of each."""
    found = {"arms": "metric: rmse, average: pooled", "coverage": "metric: coverage, average: subject_mean"}
    within = [str(one) for one in TOLERANCES] + [f"{one}*ref" for one in SHARES]
    for kind in KINDS:
        found |= {f"{metric}_{kind}": f"metric: {metric}, average: {kind}" for metric in ("mape", "mae")}
        for place, tolerance in enumerate(within):
            words = f'metric: share_within, parameters: {{tolerance: "{tolerance}"}}, average: {kind}'
            found[f"within_{place}_{kind}"] = words
    return found


def protocol(*, margin: float = 0.5, subgroups: str = "skin_tone, activity") -> str:
    """The example's tables with forty endpoints, all of which decide, and two splits into ten levels."""
    text = (EXAMPLES / "hr-weekly" / "protocol.yaml").read_text(encoding="utf-8")
    said = f"reference: heart_rate, test: heart_rate, subgroups: [{subgroups}]"
    endpoints = "".join(
        f"  {name}: {{title: {name}, role: secondary, {words}, {said}}}\n" for name, words in forty().items()
    )
    margins = "".join(f"    {name}: {{margin: {margin}}}\n" for name in forty())
    return (
        text[: text.index("endpoints:\n  mape:")]
        + f"endpoints:\n{endpoints}subgroups:\n  skin_tone: {{by: skin_tone}}\n"
        + f"  activity: {{by: reference.activity}}\n  sex: {{by: sex}}\ncomparison:\n  endpoints:\n{margins}"
        + f"resampling: {{replicates: {REPLICATES}}}\nseed: 1\n"
    )


def made(folder: Path, versions: Mapping[str, Version]) -> Path:
    """The study in a folder, its tables as Parquet."""
    hr_weekly(n_subjects=SUBJECTS, n_windows=WINDOWS, versions=versions).write(folder / "data", "parquet")
    (folder / "protocol.yaml").write_text(protocol(), encoding="utf-8")
    sources = "".join(
        f"    {name}: {{sources: {{test: {{file: data/test_{name}.parquet}}}}}}\n" for name in versions
    )
    (folder / "study.yaml").write_text(
        "schema: accordance/study/1\nid: bench\ntitle: Benchmark\nprotocol: protocol.yaml\nsources:\n"
        "  subjects: {file: data/subjects.parquet}\n  reference: {file: data/reference.parquet}\n"
        f"algorithm:\n  name: bench\n  versions:\n{sources}",
        encoding="utf-8",
    )
    return folder


@pytest.fixture
def study(tmp_path: Path) -> Iterator[Path]:
    """Ten versions that answer in every window."""
    complete = {name: replace(version, answers=(1.0, 1.0)) for name, version in SILENT.items()}
    yield made(tmp_path / "study", complete)
    shutil.rmtree(tmp_path / "study")


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[Path]:
    """Ten versions, each silent in windows of its own."""
    yield made(tmp_path / "silent", SILENT)
    shutil.rmtree(tmp_path / "silent")


def test_ten_versions(study: Path, bench_row: Note) -> None:
    first = measured(COMPARE, study, 0.95)
    floor = measured(SCAN, study / "data")
    again = measured(COMPARE, study, 0.9)
    (study / "protocol.yaml").write_text(protocol(margin=0.4), encoding="utf-8")
    margin = measured(COMPARE, study, 0.95)
    (study / "protocol.yaml").write_text(protocol(subgroups="skin_tone, activity, sex"), encoding="utf-8")
    subgroup = measured(COMPARE, study, 0.95)

    name = f"10 versions x 40 endpoints x 10 subgroups, {10 * SUBJECTS * WINDOWS:.0e} rows"
    after = seconds(first["moments"], "paired", "written")
    read = first["s"] - after
    bench_row(f"{name}: rows read and paired, to a bare scan", read, floor["s"], read / floor["s"])
    bench_row(f"{name}: what follows, {REPLICATES:,} replicates", after, target="< 10")
    bench_row(f"{name}: memory", first["gb"], target="< 2", unit="GB")
    bench_row(f"{name}: processors, all of it", first["cpu"])
    bench_row(f"{name}: another level", again["s"], target="< 1")
    for what, one in (("level", again), ("margin", margin), ("subgroup of subjects", subgroup)):
        bench_row(f"{name}: another {what}, processors", one["cpu"])
        bench_row(f"{name}: another {what}, rows read", one["read"], unit="rows")
        assert one["read"] == 0
    bench_row(f"{name}: another margin", margin["s"], target="< 1")
    bench_row(f"{name}: another subgroup of subjects", subgroup["s"], target="< 1")

    assert first["paired"] == 10 * SUBJECTS * WINDOWS
    assert len(first["rows"]) == 9 * len(forty()) == 9 * 40
    for one, other in zip(first["rows"], again["rows"], strict=True):
        assert one["levels"] == 10
        assert not any(one["errors"])
        assert (one["row_id"], one["estimate"]) == (other["row_id"], other["estimate"])
        assert one["lower"] < other["lower"] < other["upper"] < one["upper"] or one["lower"] == one["upper"]
        assert (one["ci_level"], other["ci_level"]) == (0.95, 0.9)


def test_ten_versions_on_units_of_their_own(silent: Path, bench_row: Note) -> None:
    found = measured(COMPARE, silent, 0.95)
    name = "the same, each silent in windows of its own"
    bench_row(name, seconds(found["moments"], "paired", "written"))
    bench_row(f"{name}: memory", found["gb"], unit="GB")
    assert all(len(one["errors"]) == one["levels"] + 1 for one in found["rows"])


def seconds(moments: Mapping[str, str], first: str, last: str) -> float:
    """Seconds between two events of a log."""
    start, end = (datetime.fromisoformat(moments[name]) for name in (first, last))
    return (end - start).total_seconds()
