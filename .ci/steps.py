"""Runs the steps of the check one after the other, all of them, and sums up.

    python .ci/steps.py             every step
    python .ci/steps.py lint docs   these

The environment must be ready (.ci/setup test). Exit code 0 when every step passed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
BUILD = ROOT / "build"
WORKERS = str(min(4, os.cpu_count() or 1))


@dataclass(frozen=True)
class Step:
    """One command, with the words for it and, for tests, where pytest counts them."""

    title: str
    command: tuple[str, ...]
    junit: Path | None = None


def pytest(*arguments: str, junit: str) -> Step:
    """A step that runs tests and counts them."""
    path = BUILD / junit
    options = ("-q", "--color=yes" if sys.stdout.isatty() else "--color=no", f"--junitxml={path}")
    return Step("pytest", (str(BIN / "pytest"), *arguments, *options), path)


STEPS: dict[str, Step] = {
    "lint": Step("ruff check", (str(BIN / "ruff"), "check", ".")),
    "format": Step("ruff format --check", (str(BIN / "ruff"), "format", "--check", ".")),
    "types": Step("mypy --strict", (str(BIN / "mypy"), "--strict", "-p", "accordance")),
    "tests": pytest(
        "-n",
        WORKERS,
        "--dist",
        "loadfile",
        "--no-loadscope-reorder",
        "-rs",
        "--durations=15",
        "--durations-min=5",
        junit="tests.xml",
    ),
    "docs": Step("mkdocs build --strict", (str(BIN / "mkdocs"), "build", "--strict", "--quiet")),
    "wheel": pytest("-m", "wheel", "tests/test_wheel.py", junit="wheel.xml"),
}


@dataclass(frozen=True)
class Outcome:
    """What became of a step; for tests, how many."""

    name: str
    seconds: float
    passed: int
    failed: int
    skipped: int


def environment() -> dict[str, str]:
    """One thread a process, for two share the machine; reference values where there are any."""
    values = dict(os.environ)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"):
        values.setdefault(name, "1")
    values["PATH"] = f"{BIN}{os.pathsep}{values.get('PATH', '')}"
    # mkdocs-material's notice about other projects is no warning about these pages.
    values.setdefault("NO_MKDOCS_2_WARNING", "1")
    reference = ROOT.parent / "shared" / "reference"
    if reference.is_dir():
        values.setdefault("ACCORDANCE_REFERENCE", str(reference))
    return values


def count(junit: Path | None, exit_code: int) -> tuple[int, int, int]:
    """Passed, failed and skipped; a step that is no test run counts as one."""
    if junit is None or not junit.is_file():
        return int(exit_code == 0), int(exit_code != 0), 0
    totals = [0, 0, 0]
    for suite in ElementTree.parse(junit).getroot().iter("testsuite"):
        tests, failures, errors, skipped = (
            int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")
        )
        totals[0] += tests - failures - errors - skipped
        totals[1] += failures + errors
        totals[2] += skipped
    if exit_code != 0 and totals[1] == 0:  # interrupted, or no test collected
        totals[1] = 1
    return totals[0], totals[1], totals[2]


def run(name: str, step: Step) -> Outcome:
    """Run one step with its output on the terminal."""
    print(f"\n== {name}: {step.title}", flush=True)
    if step.junit is not None:
        step.junit.unlink(missing_ok=True)
    started = time.monotonic()
    exit_code = subprocess.run(step.command, cwd=ROOT, env=environment(), check=False).returncode
    return Outcome(name, time.monotonic() - started, *count(step.junit, exit_code))


def main(names: list[str]) -> int:
    """Run the named steps, or all; print the table; 1 if any failed."""
    unknown = [name for name in names if name not in STEPS]
    if unknown:
        print(f"unknown step: {', '.join(unknown)}; accepted: {', '.join(STEPS)}", file=sys.stderr)
        return 2
    BUILD.mkdir(exist_ok=True)
    outcomes = [run(name, STEPS[name]) for name in names or STEPS]
    print("\n== summary")
    for outcome in outcomes:
        verdict = "FAILED" if outcome.failed else "ok"
        numbers = f"{outcome.passed} passed, {outcome.failed} failed, {outcome.skipped} skipped"
        title = STEPS[outcome.name].title
        print(f"{verdict:7}{outcome.name:8}{title:24}{outcome.seconds:7.1f} s   {numbers}")
    if "tests" in {outcome.name for outcome in outcomes}:
        print(
            f"Results of the tests: {(BUILD / 'tests.xml').relative_to(ROOT)}; documentation: site/index.html"
        )
    passed, failed, skipped = (
        sum(getattr(outcome, field) for outcome in outcomes) for field in ("passed", "failed", "skipped")
    )
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
