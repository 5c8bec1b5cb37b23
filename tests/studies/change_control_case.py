"""A study with versions and permitted modifications, for tests of change control and of the history."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl

PROTOCOL = """\
schema: accordance/protocol/1
id: versions
version: "1"
title: Versions of a heart rate
intended_use: Heart rate.
objective: To control changes.
tables:
  subjects:
    key: [subject]
    columns: {subject: {type: text}, skin: {type: category, levels: [light, dark]}}
  reference:
    key: [subject, epoch]
    columns: {subject: {type: text}, epoch: {type: integer}, rate: {type: number, unit: 1/min}}
  test:
    key: [subject, epoch]
    columns: {subject: {type: text}, epoch: {type: integer}, rate: {type: number, unit: 1/min}}
pairings: {epochs: {on: [subject, epoch]}}
resampling: {replicates: 400}
seed: 11
endpoints:
  mae: {title: Error, role: primary, metric: mae, average: pooled,
        criterion: {compare: upper, operator: "<", limit: 4, unit: 1/min}}
  bias: {title: Bias, role: secondary, metric: bland_altman, parameters: {truth: constant},
         criterion: {statistic: bias, compare: both, operator: within, limit: [-1.5, 1.5], unit: 1/min}}
"""
COMPARISON = """\
comparison:
  multiplicity: none
  endpoints:
    mae: {margin: 1.0}
    bias: {statistic: bias, margin: 1.0, role: secondary}
"""
TEXTS = """\
      title: {title}
      description: More recordings <of the same> devices.
      changes: Weights | only.
      data: Sites 1 to 9; site 10 is sequestered.
      verification: Unit tests.
      rollout: In steps of a tenth.
"""
CONTROL = (
    "change_control:\n  modifications:\n    retrain:\n"
    + TEXTS.format(title="Training on more data")
    + "      endpoints: [mae, bias]\n      comparison: {mae: superior}\n    port:\n"
    + TEXTS.format(title="Another processor")
    + "      comparison: {mae: non_inferior}\n"
)
STUDY = """\
schema: accordance/study/1
id: versions
title: Versions
protocol: protocol.yaml
sources:
  subjects: {file: data/subjects.csv}
  reference: {file: data/reference.csv}
algorithm:
  name: Wrist
  versions:
"""
MODIFICATIONS: Mapping[str, str | None] = {
    "v1": None,
    "v2": "retrain",
    "v3": "retrain",
    "v4": None,
    "v5": "retrian",
}


def outputs(seed: int = 1, n: int = 24, epochs: int = 8) -> dict[str, pl.DataFrame]:
    """Subjects, reference, versions: v2 better than v1, v3 worse, v4 hardly different, v5 the bytes of v1."""
    random = np.random.default_rng(seed)
    names = [f"s{seed}-{i:02}" for i in range(n)]
    subject, epoch = np.repeat(names, epochs), np.tile(np.arange(epochs), n)
    rate = np.repeat(random.uniform(55, 95, n), epochs) + random.normal(0, 4, n * epochs)
    noise = np.repeat(random.normal(0, 1.0, n), epochs) + random.normal(0, 3, n * epochs)
    own = random.normal(0, 0.2, n * epochs)
    keys = {"subject": subject, "epoch": epoch}
    made = {"v1": noise, "v2": 0.6 * noise + own, "v3": 2.5 * noise + own, "v4": noise + own, "v5": noise}
    return {
        "subjects": pl.DataFrame({"subject": names, "skin": ["light", "dark"] * (n // 2)}),
        "reference": pl.DataFrame({**keys, "rate": rate}),
        **{name: pl.DataFrame({**keys, "rate": rate + error}) for name, error in made.items()},
    }


def put(folder: Path, tables: Mapping[str, pl.DataFrame]) -> None:
    """Write the study's data; again for another test set."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    for name, frame in tables.items():
        frame.write_csv(folder / "data" / f"{name}.csv")


def write(
    folder: Path,
    *,
    control: str = CONTROL,
    comparison: str = COMPARISON,
    protocol: str = PROTOCOL,
    tables: Mapping[str, pl.DataFrame] | None = None,
    modifications: Mapping[str, str | None] = MODIFICATIONS,
) -> Path:
    """Write the study."""
    put(folder, tables or outputs())
    listed = "".join(
        f"    {name}: {{{named}sources: {{test: {{file: data/{name}.csv}}}}}}\n"
        for name, one in modifications.items()
        for named in (f"modification: {one}, " if one else "",)
    )
    (folder / "study.yaml").write_text(STUDY + listed, encoding="utf-8")
    (folder / "protocol.yaml").write_text(protocol + comparison + control, encoding="utf-8")
    return folder
