"""What every test shares: one thread a process, reference data where there are any, no display."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")
REPOSITORY = Path(__file__).resolve().parent.parent
BENCHMARKS = Path(__file__).resolve().parent / "benchmarks"


def benchmarks_are_asked_for(config: pytest.Config) -> bool:
    """Whether the command line names tests/benchmarks or something in it."""
    asked = [(config.invocation_params.dir / str(arg).split("::")[0]).resolve() for arg in config.args]
    return any(BENCHMARKS in (path, *path.parents) for path in asked)


def pytest_configure(config: pytest.Config) -> None:
    """Before NumPy and Polars are imported: test processes share the cores; benchmarks have them all."""
    os.environ.setdefault("MPLBACKEND", "Agg")
    if not benchmarks_are_asked_for(config):
        for name in THREADS:
            os.environ.setdefault(name, "1")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Benchmarks run only when they are asked for by path: `pytest tests/benchmarks`."""
    inside = BENCHMARKS in (collection_path, *collection_path.parents)
    return True if inside and not benchmarks_are_asked_for(config) else None


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The printed table of proof: method, number of reference values, worst relative error.

    Here and not beside the tests of statistics, because a run on several processes loads only this file in
    the process that prints.
    """
    sys.path.append(str(Path(__file__).parent / "evaluators"))
    import oracle  # noqa: PLC0415

    stats = terminalreporter.stats
    file = REPOSITORY / "build" / "oracle.json"
    lines = oracle.summary(stats.get("passed", []), stats.get("skipped", []), file)
    if lines:
        terminalreporter.section("values matched against references")
        terminalreporter.write_line("\n".join(lines))


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """Folder with the values of reference programs; tests that need it skip where it is not there."""
    folder = os.environ.get("ACCORDANCE_REFERENCE")
    if not folder or not Path(folder).is_dir():
        pytest.skip("ACCORDANCE_REFERENCE names no folder with reference values")
    return Path(folder)
