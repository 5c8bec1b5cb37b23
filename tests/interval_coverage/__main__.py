"""Run the whole grid: `make coverage`.

    python -m interval_coverage                         1,000 studies a design, seed 20261120
    python -m interval_coverage --studies 100 --output build/coverage-try
    python -m interval_coverage --only sensitivity      one family; the others stay as they are in the output
    python -m interval_coverage --tables                figures and page anew, from the table there is

Numbers depend on the seed, the studies and the replicates, and not on the number of processes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from pathlib import Path

from . import figure, grid, page, table


def show(folder: Path) -> None:
    """Figures of a table; for the committed one, the page too."""
    rows = table.read(folder)
    figure.draw(rows, folder)
    if folder.resolve() == table.FOLDER:
        page.write(rows, folder)


def main(arguments: list[str]) -> int:
    """Simulate, then write the table, the figure and the page's tables."""
    parser = argparse.ArgumentParser(
        prog="python -m interval_coverage", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--studies", type=int, default=1000, help="simulated studies a design (1000)")
    parser.add_argument("--replicates", type=int, default=1999, help="bootstrap replicates a study (1999)")
    parser.add_argument("--seed", type=int, default=20261120)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", choices=grid.FAMILIES, action="append", help="this family (all)")
    parser.add_argument("--output", type=Path, default=table.FOLDER)
    parser.add_argument(
        "--tables",
        action="store_true",
        help="simulate nothing: figures and page from the table of the output",
    )
    given = parser.parse_args(arguments)
    if given.tables:
        show(given.output)
        return 0
    options = {"studies": given.studies, "replicates": given.replicates, "seed": given.seed}
    todo = grid.tasks(tuple(given.only or grid.FAMILIES))
    given.output.mkdir(parents=True, exist_ok=True)
    before, rows = table.read(given.output), []
    started = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(given.processes) as pool:
        jobs = [(task, options) for task in todo]
        for done, found in enumerate(pool.imap_unordered(grid.work, jobs), start=1):
            rows += found
            if done % 20 == 0 or done == len(todo):
                print(f"{done:,} of {len(todo):,} designs, {time.monotonic() - started:,.0f} s", flush=True)
                table.write(rows, given.output, options, before)  # also half-way: a stop loses little
    show(given.output)
    print(table.note(rows, options))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
