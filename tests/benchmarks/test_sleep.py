"""500 nights of 960 epochs: all measures, all agreement tables, bootstraps of 10,000, ours and yasa.

yasa is in no dependency group: with what it needs (MNE, LightGBM, numba, pandas) it takes three quarters of a
gigabyte. `ACCORDANCE_BENCH_YASA=/path/to/python` names an interpreter that has it (`pip install yasa==0.8.1`
in an environment of its own); without it our times stand alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from accordance.evaluators import epoch_agreement, paired_measures, sleep_discrepancy

NIGHTS, EPOCHS, REPLICATES = 500, 960, 10_000
STATS = ("tst", "se", "sol", "waso", "spt", "sme", "minutes_n2", "minutes_n3", "minutes_rem", "percent_rem")
TARGET = 2.0

YASA = """
import json, sys, time, warnings
import numpy as np
warnings.simplefilter("ignore")
import yasa
codes = np.load(sys.argv[1])
names = np.array(["WAKE", "N1", "N2", "N3", "REM"])
begun = time.perf_counter()
sides = [[yasa.Hypnogram(list(names[night]), n_stages=5, freq="30s", scorer=who) for night in codes[key]]
         for key, who in (("reference", "Reference"), ("device", "Device"))]
built = time.perf_counter()
agreement = yasa.EpochByEpochAgreement(*sides)
kappa = float(agreement.get_agreement()["kappa"].mean())
agreement.get_agreement_bystage()
agreement.summary(by_stage=True, ci_method="boot", bootstrap_kwargs={"n_resamples": 10000, "method": "basic"})
agreement.get_confusion_matrix()
tables = time.perf_counter()
stats = agreement.get_sleep_stats()
measured = time.perf_counter()
bias = {"kappa": kappa, "built": built - begun, "tables": tables - built, "measures": measured - tables}
print(json.dumps(bias))
"""


def nights() -> tuple[np.ndarray, np.ndarray]:
    """Nights that begin awake, and a device that is right in 75% of the epochs."""
    random = np.random.default_rng(11)
    truth = np.repeat(random.choice(5, (NIGHTS, EPOCHS // 10), p=[0.1, 0.1, 0.45, 0.15, 0.2]), 10, axis=1)
    truth[:, :20] = 0
    other = random.choice(5, truth.shape, p=[0.1, 0.1, 0.45, 0.15, 0.2])
    return truth, np.where(random.random(truth.shape) < 0.75, truth, other)


def fastest(call: Callable[[], Any], repeats: int = 3) -> tuple[float, Any]:
    best, result = float("inf"), None
    for _ in range(repeats):
        start = time.perf_counter()
        result = call()
        best = min(best, time.perf_counter() - start)
    return best, result


def theirs(folder: Path, truth: np.ndarray, device: np.ndarray) -> dict[str, float] | None:
    """Seconds of yasa, each step once, or None where no interpreter with it is named."""
    python = os.environ.get("ACCORDANCE_BENCH_YASA")
    if not python:
        return None
    np.savez(folder / "codes.npz", reference=truth, device=device)
    done = subprocess.run(
        [python, "-c", YASA, str(folder / "codes.npz")],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_nights_of_a_large_study(tmp_path: Path, bench_row: Callable[..., dict[str, Any]]) -> None:
    truth, device = nights()
    measures, both = fastest(lambda: paired_measures(truth, device))
    tables, found = fastest(lambda: epoch_agreement(truth, device, ci="basic", replicates=REPLICATES))
    peer = theirs(tmp_path, truth, device)
    ours = measures + tables
    bench_row("sleep, 500 nights: measures + tables + bootstrap of 10,000", ours, target=f"< {TARGET:g}")
    if peer is not None:
        assert float(found.overall_averaged["kappa"].mean[0]) == pytest.approx(peer["kappa"], abs=1e-9)
        whole = peer["built"] + peer["measures"] + peer["tables"]
        bench_row("sleep, all of it (yasa)", ours, whole, whole / ours, ">= 5")
        bench_row(
            "sleep, measures of both sides (yasa)", measures, peer["measures"], peer["measures"] / measures
        )
        bench_row(
            "sleep, tables and bootstrap (yasa)", tables, peer["tables"], peer["tables"] / tables, ">= 5"
        )
        assert whole / ours >= 5
    assert ours < TARGET
    start = time.perf_counter()
    for name in STATS:
        sleep_discrepancy(*both[name], ci="basic", replicates=REPLICATES)
    bench_row("sleep, discrepancies of 10 measures, bootstrap of 10,000", time.perf_counter() - start)
