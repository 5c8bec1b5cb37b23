"""Passing-Bablok of 5,000 pairs: 12.5 million slopes ranked exactly, with its intervals."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

_PROGRAM = """
import resource, time
import numpy as np
from accordance.evaluators import passing_bablok
random = np.random.default_rng(5)
x = random.uniform(40, 200, size=5000).round(1)
y = (1.02 * x + random.normal(0, 5, size=5000)).round(1)
times = []
for _ in range(3):
    start = time.perf_counter()
    passing_bablok(x, y)
    times.append(time.perf_counter() - start)
try:  # the other number would hold what the process that started this one had taken
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
except OSError:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(min(times), float(peak) / 1e6)
"""


def test_five_thousand_pairs(bench_row: Callable[..., dict[str, Any]]) -> None:
    """In a process of its own, whose largest memory is that of the fit."""
    run = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    seconds, gigabytes = np.array(run.stdout.split(), dtype=float)
    bench_row("Passing-Bablok, 5,000 pairs", ours=float(seconds), target="< 2")
    bench_row("Passing-Bablok, 5,000 pairs, memory", ours=float(gigabytes), target="< 1", unit="GB")
    assert seconds < 2
    assert gigabytes < 1
