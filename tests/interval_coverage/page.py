"""The tables of docs/coverage.md, written between its marks."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from .designs import SHAPES, SUBJECTS
from .table import SETTINGS, STATISTICS, Row, floors, methods, summary

PAGE = Path(__file__).resolve().parents[2] / "docs" / "coverage.md"
CLAIM = 0.93
"""Below this an interval called 95% does not hold its word."""

USABLE = 0.05
"""Largest share of studies without an interval in any design, for a method to be recommended."""


def write(rows: list[Row], folder: Path, page: Path = PAGE) -> None:
    """Fill every mark of the page."""
    settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    parts = {
        "run": run_words(rows, settings),
        "best": best(rows),
        "floors": floors_table(rows),
        "shapes": shapes(rows),
        "tables": tables(rows),
    }
    text = page.read_text(encoding="utf-8")
    for name, words in parts.items():
        mark = re.compile(rf"(<!-- {name}: start -->\n).*?(<!-- {name}: end -->)", re.DOTALL)
        text = mark.sub(lambda match, words=words: f"{match[1]}{words}\n{match[2]}", text)
    page.write_text(text, encoding="utf-8")


def run_words(rows: list[Row], settings: dict[str, dict[str, object]]) -> str:
    """Date, seed, size and Monte-Carlo error."""
    groups: dict[str, list[str]] = {}
    for statistic in STATISTICS:
        if statistic in settings:
            groups.setdefault(json.dumps(settings[statistic], sort_keys=True), []).append(statistic)
    lines = []
    for key, statistics in groups.items():
        given = json.loads(key)
        chosen = [row for row in rows if row.statistic in statistics]
        near = max(row.error for row in chosen if row.coverage >= CLAIM and row.no_interval <= USABLE)
        nominal = float(np.sqrt(0.95 * 0.05 / given["studies"]))
        names = "; ".join(STATISTICS[one] for one in statistics)
        anywhere = max(row.error for row in chosen if row.given > 0)
        lines.append(
            f"- {names}: run on {given['date']}, seed {given['seed']}, {given['studies']:,} studies of each "
            f"design, {given['replicates']:,} bootstrap replicates a study, {len(chosen):,} lines. "
            f"Monte-Carlo standard error of a coverage: {100 * nominal:.2f} percentage points at 95%, "
            f"at most {100 * near:.2f} where the coverage is 93% or more, and {100 * anywhere:.2f} anywhere."
        )
    return "\n".join(lines)


def floors_table(rows: list[Row]) -> str:
    """The smallest number of subjects with which some method reaches the claim."""
    one, several = (floors(rows, several=which) for which in (False, True))

    def words(n: int | None) -> str:
        return "" if n is None else str(n) if n <= SUBJECTS[-1] else f"more than {SUBJECTS[-1]}"

    lines = ["| | one row a subject | several rows |", "|---|--:|--:|"]
    lines += [
        f"| {title} | {words(one.get(name))} | {words(several.get(name))} |"
        for name, title in STATISTICS.items()
        if name in several
    ]
    return "\n".join(lines)


def cell(rows: list[Row], statistic: str, method: str, n: int, *, several: bool) -> str:
    """Mean and worst coverage in percent; a star where some design leaves over 5% without an interval."""
    found = summary(rows, statistic, method, n, several=several)
    if found is None:
        return ""
    star = r"\*" if found.worst_no_interval > USABLE else ""
    words = f"{100 * found.mean:.1f} ({100 * found.worst:.0f}){star}"
    return f"**{words}**" if found.worst >= CLAIM and not star else words


def tables(rows: list[Row]) -> str:
    """One table a statistic and kind of rows."""
    parts = []
    for statistic, title in STATISTICS.items():
        names = methods(rows, statistic)
        if not names:
            continue
        parts.append(f"### {title}\n")
        for several, words in ((True, "Several rows a subject"), (False, "One row a subject")):
            head = f"| {words} | " + " | ".join(f"{n} subjects" for n in SUBJECTS) + " |"
            lines = [
                f"| {'rows taken for independent' if name == 'naive_rows' else f'`{name}`'} | "
                + " | ".join(cell(rows, statistic, name, n, several=several) for n in SUBJECTS) + " |"
                for name in names if summary(rows, statistic, name, SUBJECTS[0], several=several) is not None
            ]  # fmt: skip
            parts.append("\n".join([head, "|---|" + "--:|" * len(SUBJECTS), *lines]) + "\n")
    return "\n".join(parts).rstrip()


def shapes(rows: list[Row], subjects: int = 40) -> str:
    """Mean coverage by shape of the errors, several rows a subject."""
    lines = [f"| {subjects} subjects, several rows | normal | skewed | heavy tails |", "|---|--:|--:|--:|"]
    for statistic, title in STATISTICS.items():
        for method in methods(rows, statistic):
            cells = []
            for shape in SHAPES:
                chosen = [
                    row.coverage for row in rows
                    if (row.statistic, row.method, row.subjects, row.case)
                    == (statistic, method, subjects, shape) and row.rows != "1"
                ]  # fmt: skip
                cells.append(f"{100 * float(np.mean(chosen)):.1f}" if chosen else "")
            if any(cells) and method != "naive_rows":
                lines.append(f"| {title}, `{method}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def best(rows: list[Row]) -> str:
    """For each statistic and number of subjects the method whose coverage falls short the least."""
    head = "| | " + " | ".join(f"{n} subjects" for n in SUBJECTS) + " |"
    lines = [head, "|---|" + "---|" * len(SUBJECTS)]
    for statistic, title in STATISTICS.items():
        for several, words in ((True, "several rows"), (False, "one row")):
            cells = [_best_cell(rows, statistic, n, several=several) for n in SUBJECTS]
            if any(cells):
                lines.append(f"| {title}, {words} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _best_cell(rows: list[Row], statistic: str, n: int, *, several: bool) -> str:
    ranked = ranking(rows, statistic, n, several=several)
    if not ranked:
        return ""
    name, mean, worst = ranked[0]
    words = f"`{name}` {100 * mean:.0f} ({100 * worst:.0f})"
    return words if mean >= CLAIM else f"{words} †"


def ranking(rows: list[Row], statistic: str, n: int, *, several: bool) -> list[tuple[str, float, float]]:
    """Methods by mean shortfall below 95%, then width; without those that often have no interval.

    Returns:
        (method, mean coverage, worst coverage).
    """
    found = []
    for name in methods(rows, statistic):
        one = summary(rows, statistic, name, n, several=several)
        if one is None or name == "naive_rows" or one.worst_no_interval > USABLE:
            continue
        chosen = [
            row for row in rows
            if (row.statistic, row.method, row.subjects) == (statistic, name, n)
            and (row.rows != "1") == several
        ]  # fmt: skip
        shortfall = float(np.mean([max(0.95 - row.coverage, 0.0) for row in chosen]))
        width = float(np.mean([row.median_width for row in chosen]))
        found.append((round(shortfall, 3), width, name, one.mean, one.worst))
    return [(name, mean, worst) for _, _, name, mean, worst in sorted(found)]
