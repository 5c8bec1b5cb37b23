"""Accordance: clinical validation studies of wearable algorithms, from protocol to report.

    import accordance as ac

    results = ac.run("my-study")                                # a study folder
    results = ac.evaluate(reference, test, protocol="p.yaml")   # two data frames
    ac.plot(results, results.overview()[0]["row_id"])
    ac.compare("my-study", baseline="v1", candidates="v2")      # versions of its algorithm
    ac.calibrate("my-study")                                    # how often its rules decide what

Everything is imported when it is first used, so that `import accordance` costs nothing.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

# Polars gives memory that it has done with back to the system after half a second, and a run that takes batch
# after batch takes the same memory again. Kept for ten seconds, the default of the allocator, it saves
# a tenth of a run's time. Heeded where Polars was not imported before.
os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:10000,muzzy_decay_ms:10000")

__version__ = "0.1.0"
__all__ = [
    "Calibration",
    "Comparison",
    "Results",
    "__version__",
    "calibrate",
    "compare",
    "evaluate",
    "plot",
    "run",
    "training_manifest",
]

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from .studies.calibrating import calibrate
    from .studies.calibration_folder import Calibration
    from .studies.comparing import compare
    from .studies.comparison_folder import Comparison
    from .studies.evaluate import evaluate
    from .studies.results import Results
    from .studies.run import run
    from .studies.training_manifest import training_manifest

_HOMES = {
    "run": "studies.run",
    "calibrate": "studies.calibrating",
    "compare": "studies.comparing",
    "evaluate": "studies.evaluate",
    "Results": "studies.results",
    "Calibration": "studies.calibration_folder",
    "Comparison": "studies.comparison_folder",
    "training_manifest": "studies.training_manifest",
}


def plot(results: Results, row_id: str) -> go.Figure:
    """The figure behind one row of results, for a notebook.

    Args:
        results: What `run` or `evaluate` returned.
        row_id: `row_id` of the row, or enough of its first digits.

    Raises:
        UsageError: There is no such row.
    """
    from .reports import figures  # noqa: PLC0415 - see the module's first words

    return figures.plotly(figures.build(results, row_id))


def __getattr__(name: str) -> Any:
    """The names of the face, from the rooms they live in."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib  # noqa: PLC0415

    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    """The names of the face."""
    return sorted(__all__)
