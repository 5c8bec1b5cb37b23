"""All tables of the sleep reference, and how far off the worst value of each is.

    ACCORDANCE_REFERENCE=/path/to/values python tests/evaluators/sleep/sleep_tables.py

prints the table "oracle -> worst difference"; the tests assert it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import discrepancy_oracle as of_nights
import numpy as np
import sleep_oracle as of_epochs
from sleep_oracle import Row, Sleep

TABLES: dict[str, Callable[[Sleep], Iterator[Row]]] = {
    "SRI pipeline and DOD-H: measures of the night": of_epochs.night_measures,
    "SRI pipeline: differences of nights": of_epochs.night_differences,
    "yasa: measures of the night": of_epochs.yasa_night,
    "SRI pipeline and DOD-H: epochs, each subject": of_epochs.epochs_by_subject,
    "SRI pipeline and DOD-H: epochs, pooled and averaged": of_epochs.epochs_pooled_and_averaged,
    "SRI pipeline: epochs, bootstrap": of_epochs.epochs_bootstrap,
    "SRI pipeline and DOD-H: error matrices": of_epochs.error_matrices,
    "yasa: epochs": of_epochs.yasa_epochs,
    "Dreem: scorers, consensus, devices": of_epochs.several_scorers,
    "SRI pipeline and DOD-H: discrepancies, components": of_nights.components,
    "SRI pipeline and DOD-H: discrepancies, as printed": of_nights.printed,
    "R boot: spread, paired": of_nights.spread_bootstrap,
    "R boot: spread, as the pipeline has it": of_nights.spread_bootstrap_as_coded,
    "yasa: discrepancies": of_nights.yasa_discrepancies,
    "yasa: discrepancies, bootstrap": of_nights.yasa_bootstrap,
    "yasa: reports": of_nights.yasa_reports,
    "yasa and lme4: repeated nights": of_nights.repeated_nights,
}


def worst(rows: list[Row]) -> tuple[float, float, str]:
    """Largest difference, largest share of what is accepted, and where that is."""
    shares = []
    for name, ours, theirs, accepted in rows:
        if np.isnan(ours) and np.isnan(theirs):
            shares.append((0.0, 0.0, name))
            continue
        apart = abs(ours - theirs)
        apart = float("inf") if np.isnan(apart) else apart
        shares.append((apart, apart / accepted if accepted else (0.0 if apart == 0 else float("inf")), name))
    top = max(shares, key=lambda one: one[1])
    return max(one[0] for one in shares), top[1], top[2]


def print_table(folder: Path) -> None:
    """The table "oracle -> worst difference"."""
    sleep = Sleep(folder)
    print(f"{'oracle':55} {'values':>7} {'worst difference':>17} {'of the accepted':>16}  where")
    for title, table in TABLES.items():
        rows = list(table(sleep))
        apart, share, where = worst(rows)
        print(f"{title:55} {len(rows):7,} {apart:17.2g} {share:16.2f}  {where}")


if __name__ == "__main__":
    try:
        print_table(Path(os.environ["ACCORDANCE_REFERENCE"]))
    except (KeyError, FileNotFoundError) as problem:
        sys.exit(f"ACCORDANCE_REFERENCE names no folder with the values: {problem}")
