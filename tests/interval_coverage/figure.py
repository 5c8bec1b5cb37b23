"""The figures: coverage by method and number of subjects, one panel a statistic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.patches import Patch

from .designs import SUBJECTS
from .table import STATISTICS, Row, methods, summary

GROUPS = {
    "coverage-measurements.svg": (
        "bias", "loa_lower", "loa_upper", "rmse", "rmse_mean", "mae", "mape", "mape_mean", "share_within",
        "rmse_difference", "slope_least_squares", "slope_deming",
    ),
    "coverage-classification.svg": (
        "sensitivity", "sensitivity_mean", "sensitivity_difference", "kappa", "auc",
    ),
}  # fmt: skip

# ColorBrewer PuOr, told apart by the colour-blind; the numbers are printed in the cells besides
EDGES = (0.0, 0.8, 0.9, 0.93, 0.97, 1.0001)
COLORS = ("#b35806", "#f1a340", "#fee0b6", "#f7f7f7", "#998ec3")
WORDS = ("below 80%", "80 to 90%", "90 to 93%", "93 to 97%", "above 97%")
_DARK = (0, 4)  # light text on these


def draw(rows: list[Row], folder: Path) -> list[Path]:
    """Write the figures; text stays text, and the same numbers give the same bytes."""
    written = []
    settings = {
        "svg.fonttype": "none",
        "svg.hashsalt": "accordance",
        "font.family": "sans-serif",
        "font.size": 9,
    }
    for name, statistics in GROUPS.items():
        with mpl.rc_context(settings):
            chosen = [one for one in statistics if any(row.statistic == one for row in rows)]
            if not chosen:
                continue
            plot = _figure(rows, chosen)
            plot.savefig(folder / name, metadata={"Date": None, "Creator": "Accordance"})
            plt.close(plot)
        path = folder / name
        lines = path.read_text(encoding="utf-8").splitlines()
        path.write_text("\n".join(line.rstrip() for line in lines) + "\n", encoding="utf-8")
        written.append(path)
    return written


def _figure(rows: list[Row], statistics: list[str]) -> Any:
    counts = [len(methods(rows, one)) for one in statistics]
    height = 0.27 * sum(counts) + 0.72 * len(counts) + 1.0
    plot, axes = plt.subplots(
        len(counts), 1, figsize=(10.5, height), height_ratios=counts, squeeze=False, layout="constrained"
    )
    for axis, statistic in zip(axes[:, 0], statistics, strict=True):
        _panel(axis, rows, statistic)
    handles = [
        Patch(facecolor=color, edgecolor="#666666", label=word)
        for color, word in zip(COLORS, WORDS, strict=True)
    ]
    plot.legend(
        handles=handles, loc="outside lower center", ncols=5, frameon=False,
        title="Mean coverage of 95% intervals over all designs; in brackets the worst design",
    )  # fmt: skip
    return plot


def _panel(axis: Any, rows: list[Row], statistic: str) -> None:
    names, norm = methods(rows, statistic), BoundaryNorm(EDGES, len(COLORS))
    groups = [(several, n) for several in (True, False) for n in SUBJECTS]
    gap = 0.25
    for y, name in enumerate(names):
        for x, (several, n) in enumerate(groups):
            left = x + (0 if several else gap)
            found = summary(rows, statistic, name, n, several=several)
            if found is None:
                continue
            kind = int(norm(found.mean))
            color = ListedColormap(COLORS)(kind)
            axis.add_patch(
                plt.Rectangle((left, y), 1, 1, facecolor=color, edgecolor="white", linewidth=1, clip_on=False)
            )
            words = f"{100 * found.mean:.0f} ({100 * found.worst:.0f})"
            axis.text(
                left + 0.5, y + 0.52, words, ha="center", va="center", fontsize=8,
                color="white" if kind in _DARK else "#222222",
            )  # fmt: skip
    axis.set_xlim(0, len(groups) + gap)
    axis.set_ylim(len(names), 0)
    axis.set_yticks([y + 0.5 for y in range(len(names))], names)
    centers = [x + 0.5 + (0 if several else gap) for x, (several, _) in enumerate(groups)]
    axis.set_xticks(centers, [str(n) for _, n in groups])
    axis.tick_params(length=0)
    axis.set_title(STATISTICS[statistic], loc="left", fontsize=10, fontweight="bold")
    for right, words in (
        (5.0, "subjects, with several rows each"),
        (10.0 + gap, "subjects, with one row each"),
    ):
        axis.text(right, -0.15, words, ha="right", va="bottom", fontsize=8)
    for spine in axis.spines.values():
        spine.set_visible(False)
