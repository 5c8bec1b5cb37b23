"""Programs that the benchmarks of streams run, each in a process of its own, so that its memory is its own.

Every one prints a JSON object with `s` (the fastest of its rounds) and `gb` (peak memory), and what the
benchmark compares. Peers do what one would write with the library, partition by partition where that is
faster.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

# A bare scan of the columns that pairing needs, partition by partition and in a stream; the faster counts.
SCAN = """
import json, resource, sys, time
from pathlib import Path
import polars as pl

folder, rounds = Path(sys.argv[1]), int(sys.argv[2])

def partitions():
    for file in sorted(folder.glob("*/*.parquet")):
        pl.read_parquet(file, columns=["subject", "time", "rate"])

def streamed():
    columns = pl.col("subject").count(), pl.col("time").max(), pl.col("rate").sum()
    for table in ("reference", "test"):
        pl.scan_parquet(folder / table / "*.parquet").select(columns).collect(engine="streaming")

def timed(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start

times = [timed(run) for _ in range(rounds) for run in (partitions, streamed)]
print(json.dumps({"s": min(times), "gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6}))
"""

# Nearest in time with pandas, partition by partition.
PANDAS_NEAREST = """
import json, resource, sys, time
from pathlib import Path
import pandas as pd

folder, rounds = Path(sys.argv[1]), int(sys.argv[2])

def run():
    found = 0
    for file in sorted((folder / "reference").glob("*.parquet")):
        reference = pd.read_parquet(file).sort_values("time")
        test = pd.read_parquet(folder / "test" / file.name).sort_values("time")
        pairs = pd.merge_asof(
            reference, test, on="time", by="subject", direction="nearest", tolerance=pd.Timedelta("1s")
        )
        found += int(pairs["rate_y"].notna().sum())
    return found

times = []
for _ in range(rounds):
    start = time.perf_counter()
    pairs = run()
    times.append(time.perf_counter() - start)
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print(json.dumps({"s": min(times), "gb": memory, "pairs": pairs}))
"""

# What a run does to a stream before anything is written: read, hold against the contract, pair, account.
PAIRS = """
import json, resource, sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from accordance.studies import folder, streams

study = folder.load(Path(sys.argv[1]))
data = folder.tables(study)
work = streams.pairings(study.protocol, data)[0]
budget = streams.Budget.of(None, None)
planned = work.plan(budget)

def one(batch):
    pairs = work.pair(batch)
    pairs = pairs[0] if isinstance(pairs, tuple) else pairs
    return (pairs.frame["status"] == "paired").sum(), pairs.n_reference_rows, pairs.n_test_rows

times = []
for _ in range(int(sys.argv[2])):
    start = time.perf_counter()
    with ThreadPoolExecutor(budget.workers) as pool:
        counts = list(pool.map(one, planned))
    times.append(time.perf_counter() - start)
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
totals = [int(sum(count[place] for count in counts)) for place in range(3)]
print(json.dumps({"s": min(times), "gb": memory, "pairs": totals[0], "rows": totals[1:]}))
"""

# A whole run, as `accordance run` makes it; killed after so many seconds where the third argument says so.
RUN = """
import json, os, resource, signal, sys, threading, time
from pathlib import Path
from accordance.datasets.batches import bytes_from_text
from accordance.studies.run import run

memory = bytes_from_text(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2] else None
if len(sys.argv) > 3:
    killer = threading.Timer(float(sys.argv[3]), os.kill, (os.getpid(), signal.SIGKILL))
    killer.daemon = True
    killer.start()
start = time.perf_counter()
results = run(Path(sys.argv[1]), memory=memory)
taken = time.perf_counter() - start
log = [json.loads(line) for line in (results.folder / "log.jsonl").read_text().splitlines()]
found = [entry for entry in log if entry["event"] == "batches"]
moments = {entry["event"]: entry["time"] for entry in log}
rows = results.rows.select("row_id", "estimate", "ci_lower", "ci_upper").to_dicts()
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print(json.dumps({
    "s": taken, "gb": memory, "computed": sum(entry["computed"] for entry in found),
    "rows_read": sum(entry["rows_read"] for entry in found), "rows": rows, "moments": moments,
}))
"""


def measured(program: str, *arguments: object) -> dict[str, Any]:
    """Run a program and give what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-4000:])
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def killed(program: str, *arguments: object) -> bool:
    """Run a program that kills itself; whether it did."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return done.returncode == -signal.SIGKILL


def study(folder: Path, protocol: str, sources: str) -> Path:
    """A study folder with this protocol, its tables below `data`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "protocol.yaml").write_text(protocol)
    (folder / "study.yaml").write_text(sources)
    return folder
