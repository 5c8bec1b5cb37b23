"""What every test shares: one thread a process, reference data where there are any, no display."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")
REPOSITORY = Path(__file__).resolve().parent.parent
BENCHMARKS = Path(__file__).resolve().parent / "benchmarks"
STATISTICS = Path(__file__).resolve().parent / "evaluators"
LEDGER = pytest.StashKey[Any]()
sys.path.append(
    str(Path(__file__).resolve().parent)
)  # so that tests can say `from comparison_documents import row`


def benchmarks_are_asked_for(config: pytest.Config) -> bool:
    """Whether the command line names tests/benchmarks or something in it."""
    asked = [(config.invocation_params.dir / str(arg).split("::")[0]).resolve() for arg in config.args]
    return any(BENCHMARKS in (path, *path.parents) for path in asked)


LONG = (
    "tests/test_doc_examples.py",
    "tests/studies/test_comparing_kept.py",
    "tests/studies/test_streams_cache.py",
    "tests/app/test_printed.py",
    "tests/evaluators/comparison/test_compare.py",
)
"""Files of tests that take longest."""


def pytest_configure(config: pytest.Config) -> None:
    """Before NumPy and Polars are imported: test processes share the cores; benchmarks have them all.

    Examples of properties have no time limit of their own: on a busy machine it would say nothing.
    """
    settings.register_profile("accordance", deadline=None)
    settings.load_profile("accordance")
    os.environ.setdefault("MPLBACKEND", "Agg")
    if not benchmarks_are_asked_for(config):
        for name in THREADS:
            os.environ.setdefault(name, "1")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Benchmarks run only when they are asked for by path: `pytest tests/benchmarks`."""
    inside = BENCHMARKS in (collection_path, *collection_path.parents)
    return True if inside and not benchmarks_are_asked_for(config) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take minutes come first: one that begins last leaves other processes idle."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


def reference_folder() -> Path | None:
    """Where the values of reference programs are, if anywhere."""
    folder = Path(os.environ.get("ACCORDANCE_REFERENCE") or "/nowhere")
    return folder if folder.is_dir() else None


def all_statistics_are_asked_for(config: pytest.Config) -> bool:
    """Whether the command line names all of tests/evaluators and leaves nothing of it out."""
    asked = [(config.invocation_params.dir / arg).resolve() for arg in config.args]
    option = config.option
    narrowing = ("keyword", "deselect", "ignore", "ignore_glob", "collectonly", "lf", "stepwise")
    narrowed = [getattr(option, name, None) for name in narrowing]
    narrowed.append(option.markexpr not in ("", "not wheel"))
    return any(path in (STATISTICS, *STATISTICS.parents) for path in asked) and not any(narrowed)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a run of all tests of statistics that leaves a reference value neither met nor explained.

    Only where every test passed: what a failing test leaves unmet is that test's to say.
    """
    config, folder = session.config, reference_folder()
    at_home = not hasattr(config, "workerinput")
    if not (at_home and folder and exitstatus == pytest.ExitCode.OK and all_statistics_are_asked_for(config)):
        return
    sys.path.append(str(STATISTICS))
    import ledger  # noqa: PLC0415
    import oracle  # noqa: PLC0415

    passed = config.pluginmanager.get_plugin("terminalreporter").stats.get("passed", [])
    found = ledger.settle(
        ledger.load(folder), ledger.declared(STATISTICS / "unmet.toml"), oracle.compared(passed)
    )
    config.stash[LEDGER] = found
    if not found.holds:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The printed table of proof: method, number of reference values, worst relative error.

    Here and not beside the tests of statistics, because a run on several processes loads only this file in
    the process that prints.
    """
    sys.path.append(str(STATISTICS))
    import oracle  # noqa: PLC0415

    stats = terminalreporter.stats
    file = REPOSITORY / "build" / "oracle.json"
    ledger = terminalreporter.config.stash.get(LEDGER, None)
    lines = oracle.summary(stats.get("passed", []), stats.get("skipped", []), file, ledger)
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
    folder = reference_folder()
    if folder is None:
        pytest.skip("ACCORDANCE_REFERENCE names no folder with reference values")
    return folder
