"""`accordance demo`: two example studies, from empty folder to reports."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from .. import reports
from ..studies import check, lock, run, start
from ..studies.folder import CONFIG_FILE
from . import tables
from .console import Output, shown, typed

SHOWN = ("pefr-1986", "spa-afib-ecg")
"""The examples it runs: measurements and classes; the others are there for `init --example`."""

LOCKED = ("spa-afib-ecg",)
"""Examples whose plan is locked before the run. Published data cannot be pre-specified any more."""

WHO = "Accordance demo"


def demonstrate(folder: Path, output: Output) -> dict[str, Any]:
    """Run each of the two; a study that is already there is kept and run again.

    Returns:
        For each example: run folder, decision, files of the report, seconds.
    """
    began = time.perf_counter()
    done = {example: _study(folder / example, example, output) for example in SHOWN}
    output.text(f"\nBoth studies took {time.perf_counter() - began:.0f} s. Their results:")
    for example, facts in done.items():
        output.text(f"\n  {example}: {facts['decision_words']}")
        for path in facts["report"]:
            output.text(f"    {shown(Path(path))}")
    output.text(f"\nLook at them in the browser: accordance app {typed(folder)}")
    return done


def _study(study: Path, example: str, output: Output) -> dict[str, Any]:
    began = time.perf_counter()
    output.text(f"\n{example}")
    if (study / CONFIG_FILE).is_file():
        output.text(f"  {shown(study)} is there already: kept as it is, run again")
    else:
        start.init(study, example=example)
        output.text(f"  init    {shown(study)}")
    check.check(study)
    output.text("  check   protocol and data satisfy their contract")
    if example in LOCKED and not (study / "study.lock").exists():
        lock.lock(study, who=WHO)
        output.text(f"  lock    by {WHO}")
    with output.progress(lines=False) as progress:
        results = run.run(study, progress=progress)
        folder = results.folder
        if folder is None:
            raise RuntimeError("a run of a study folder has to have a folder")
        output.text(f"  run     {shown(folder)}")
        progress("rendering the report", 0.9)
        written = sorted(reports.report(folder), key=lambda path: path.suffix, reverse=True)
    seconds = time.perf_counter() - began
    output.text(f"  report  {', '.join(path.name for path in written)} ({seconds:.1f} s in all)")
    return {
        "folder": str(folder.resolve()),
        "decision": results.decision,
        "decision_words": results.document["decision_words"],
        "report": [str(path.resolve()) for path in written],
        "seconds": round(seconds, 2),
        "endpoints": tables.run_facts(results)["endpoints"],
    }
