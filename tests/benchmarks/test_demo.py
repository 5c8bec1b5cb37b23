"""`make demo` with the environment ready: both example studies from folder to PDF and HTML in under 45 s."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LIMIT = 45.0


def test_demo_is_quick(tmp_path: Path, bench_row: Callable[..., dict[str, Any]]) -> None:
    command = [str(Path(sys.executable).parent / "accordance"), "demo", "demo"]
    began = time.perf_counter()
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    assert done.returncode == 0, done.stderr
    reports = sorted(path.relative_to(tmp_path / "demo").parts[0] for path in tmp_path.rglob("report.pdf"))
    assert reports == ["pefr-1986", "spa-afib-ecg"]
    bench_row("`make demo`, environment ready", ours=seconds, target="<= 45", unit="s")
    assert seconds < LIMIT
