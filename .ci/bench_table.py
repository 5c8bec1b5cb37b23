"""Prints the table of the latest `make bench`; with `--docs`, writes it into docs/benchmarks.md too."""

from __future__ import annotations

import datetime
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ROWS = ROOT / "build" / "bench.jsonl"
PAGE = ROOT / "docs" / "benchmarks.md"
START, END = "<!-- measured: start -->", "<!-- measured: end -->"


def number(value: float | None, unit: str = "") -> str:
    """Three significant digits, with the unit."""
    if value is None:
        return ""
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{text} {unit}".strip()


def machine() -> str:
    """Cores and memory, in words."""
    cores = os.cpu_count() or 1
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{cores} core{'s' if cores > 1 else ''}, {gib:.0f} GiB"


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    lines = ["| measured | Accordance | peer | ratio | target | |", "|---|--:|--:|--:|--:|---|"]
    for row in rows:
        held = {True: "held", False: "**missed**", None: ""}[row["held"]]
        cells = (
            row["name"],
            number(row["ours"], row["unit"]),
            number(row["peer"], row["unit"]),
            number(row["ratio"]),
            row["target"],
            held,
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(write_page: bool) -> int:
    """Print, and write where asked."""
    if not ROWS.is_file():
        print("no benchmark has noted a measurement", file=sys.stderr)
        return 1
    rows = [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()]
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    text = f"Measured on {today}, {machine()}.\n\n{table(rows)}"
    print(text)
    if write_page:
        page = PAGE.read_text(encoding="utf-8")
        pattern = re.compile(re.escape(START) + ".*?" + re.escape(END), re.DOTALL)
        PAGE.write_text(pattern.sub(lambda _: f"{START}\n{text}\n{END}", page), encoding="utf-8")
        print(f"\nwritten into {PAGE.relative_to(ROOT)}")
    print(f"\nmeasurements: {ROWS.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main("--docs" in sys.argv[1:]))
