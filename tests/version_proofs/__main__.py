"""Simulate everything and write docs/version-proofs.md: a part of `make coverage`.

python -m version_proofs                   2,000 studies a design, seed 20261127
python -m version_proofs --studies 100 --page build/version-proofs.md
python -m version_proofs --tables          the page anew, from the table there is
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from . import grid, tally

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE, TABLE = DOCS / "version-proofs.md", DOCS / "coverage" / "version-proofs.csv"


def fill(page: Path, rows: list[tally.Row], run: str | None) -> None:
    """Every table between its marks."""
    parts = {name: tally.markdown([row for row in rows if row.table == name]) for name in TABLES}
    if run is not None:
        parts["run"] = run
    text = PAGE.read_text(encoding="utf-8")
    for name, words in parts.items():
        mark = re.compile(rf"(<!-- {name}: start -->\n).*?(<!-- {name}: end -->)", re.DOTALL)
        text = mark.sub(lambda match, words=words: f"{match[1]}{words}\n{match[2]}", text)
    page.write_text(text, encoding="utf-8")


TABLES = ("level", "power", "margin", "families", "subjects", "spots", "extension")


def main(arguments: list[str]) -> int:
    """Simulate, then write the table and the page."""
    parser = argparse.ArgumentParser(
        prog="python -m version_proofs", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--studies", type=int, default=2000, help="simulated studies a design (2000)")
    parser.add_argument("--seed", type=int, default=20261127)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument(
        "--tables", action="store_true", help="simulate nothing: the page from the table there is"
    )
    given = parser.parse_args(arguments)
    if given.tables:
        fill(given.page, tally.read(TABLE), None)
        return 0
    todo = list(enumerate(grid.tasks(given.studies, given.seed)))
    found: dict[int, list[tally.Row]] = {}
    started = time.monotonic()
    table = TABLE if given.page == PAGE else given.page.with_suffix(".csv")
    rows: list[tally.Row] = []
    with multiprocessing.get_context("spawn").Pool(given.processes) as pool:
        for place, part in pool.imap_unordered(grid.work, todo):
            found[place] = part
            rows = [row for one in sorted(found) for row in found[one]]
            tally.write(rows, table)  # also half-way: a stop loses little
            print(f"{len(found)} of {len(todo)} designs, {time.monotonic() - started:,.0f} s", flush=True)
    errors = [100 * (share * (1 - share) / given.studies) ** 0.5 for share in (0.05, 0.5)]
    run = (
        f"Run on {datetime.now(UTC):%Y-%m-%d}, seed {given.seed}, {given.studies:,} studies of each design "
        f"({grid.CHEAP * given.studies:,} for families of hypotheses), 999 bootstrap replicates. The "
        f"Monte-Carlo standard error of 5% is {errors[0]:.2f} percentage points, that of 50% {errors[1]:.2f}."
    )
    fill(given.page, rows, run)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
