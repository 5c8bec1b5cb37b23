"""What every test shares: one thread a process, reference data where there are any, no display."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Before NumPy and Polars are imported: two test processes share two cores, and the numbers are to be the same
# on any machine.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("MPLBACKEND", "Agg")

REPOSITORY = Path(__file__).resolve().parent.parent
BENCHMARKS = Path(__file__).resolve().parent / "benchmarks"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Benchmarks run only when they are asked for by path: `pytest tests/benchmarks`."""
    if BENCHMARKS not in (collection_path, *collection_path.parents):
        return None
    asked = [(config.invocation_params.dir / str(arg).split("::")[0]).resolve() for arg in config.args]
    return None if any(BENCHMARKS in (path, *path.parents) for path in asked) else True


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
