"""The ECG study that the library's protocol `afib-ecg` asks for, and a test on adjudicated records.

The first builds on the simulated software performance assessment: its subjects, readers and classifier, with
the readings in a table of their own, the experts' judgement of the waveforms, and the events of a study.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from .afib import AF, SR, UNREADABLE, VERSIONS, VersionTruth, spa_afib_ecg
from .draws import correlated_uniform, stream
from .study import SimulatedStudy

VERSION = "v1_1"
OTHER = "other"
OUTPUTS_IN_OTHER = {AF: 0.08, SR: 0.47, "inconclusive": 0.45}
"""What the classifier shows in a rhythm that is neither, and how often."""
ACCEPTABLE, UNACCEPTABLE = "acceptable", "unacceptable"
READERS = ("reader_1", "reader_2", "reader_3")
KEY = ["subject", "recording"]


def afib_cohorts(
    *,
    seed: int = 20260403,
    n_af: int = 270,
    n_sr: int = 270,
    n_other: int = 24,
    version: VersionTruth = VERSIONS[VERSION],
    acceptable: float = 0.985,
) -> SimulatedStudy:
    """Simulate the clinical study of `library:afib-ecg`: one version, two cohorts, one recording a subject.

    Args:
        seed: Reproduces everything.
        n_af: Subjects enrolled in AF.
        n_sr: Subjects enrolled in SR.
        n_other: Subjects enrolled in another rhythm, which is never pooled with the others.
        version: True behaviour of the classifier.
        acceptable: Probability that experts accept the waveform of a single-lead ECG.

    Returns:
        `subjects`, `reference`, `reads`, `deviations`, `adverse_events`, and the outputs of `v1_1`.

    Raises:
        ValueError: As `spa_afib_ecg`, `acceptable` outside (0, 1), or `n_other` below 0.

    Example:
        >>> study = afib_cohorts()
        >>> study.test("v1_1").columns
        ['subject', 'recording', 'rhythm', 'waveform']
    """
    if not 0 < acceptable < 1:
        raise ValueError(f"acceptable must lie inside (0, 1), not {acceptable}")
    if n_other < 0:
        raise ValueError(f"n_other must not be negative, not {n_other}")
    base = spa_afib_ecg(seed=seed, n_af=n_af, n_sr=n_sr, versions={VERSION: version})
    others = _others(seed, n_other, base)
    found = pl.concat([base.reference, others.reference])
    reference = found.select(*KEY, rhythm="truth", waveform=pl.lit(ACCEPTABLE), exclusion="exclusion")
    reads = (
        found.unpivot(on=list(READERS), index=KEY, variable_name="reader", value_name="rhythm")
        .with_columns(pl.col("rhythm").fill_null(UNREADABLE))
        .sort(*KEY, "reader")
    )
    output = pl.concat([base.test(VERSION), others.test(VERSION)])
    accepted = stream(seed, "waveform").uniform(size=output.height) < acceptable
    test = output.select(
        *KEY, "rhythm", waveform=pl.Series([ACCEPTABLE if yes else UNACCEPTABLE for yes in accepted])
    )
    names = base.subjects["subject"].to_list()
    shared = {
        "subjects": pl.concat([base.subjects, others.subjects]),
        "reference": reference,
        "reads": reads,
        "deviations": pl.DataFrame(
            {
                "deviation": ["1", "2"],
                "subject": [names[3], names[11]],
                "category": ["time window", "procedure"],
                "importance": ["minor", "minor"],
            }
        ),
        "adverse_events": pl.DataFrame(
            {
                "event": ["1"],
                "subject": [names[7]],
                "kind": ["adverse event"],
                "term": ["skin irritation"],
                "severity": ["mild"],
                "related": [True],
            }
        ),
    }
    truth: Mapping[str, Any] = {**base.truth, "acceptable": acceptable, "outputs_in_other": OUTPUTS_IN_OTHER}
    return SimulatedStudy("afib_cohorts", seed, shared, {VERSION: {"test": test}}, truth)


def _others(seed: int, n: int, base: SimulatedStudy) -> SimulatedStudy:
    """Subjects in another rhythm: drawn like those in SR, read as `other`, with outputs of their own."""
    drawn = spa_afib_ecg(
        seed=seed + 1,
        n_af=1,
        n_sr=max(1, n),
        versions={VERSION: VERSIONS[VERSION]},
        n_no_output=0,
        n_unreadable=0,
        n_withdrawn=0,
    )
    chosen = drawn.subjects.filter(pl.col("cohort") == SR).head(n)
    names = {name: f"other-{place:03d}" for place, name in enumerate(chosen["subject"], start=1)}

    def mine(table: pl.DataFrame) -> pl.DataFrame:
        kept = table.filter(pl.col("subject").is_in(list(names)))
        return kept.with_columns(pl.col("subject").replace(names))

    read = [pl.lit(OTHER).alias(name) for name in (*READERS, "truth")]
    test = mine(drawn.test(VERSION))
    shown = stream(seed, "other").choice(
        list(OUTPUTS_IN_OTHER), size=test.height, p=list(OUTPUTS_IN_OTHER.values())
    )
    return SimulatedStudy(
        base.name,
        seed,
        {
            "subjects": mine(chosen).with_columns(pl.lit(OTHER).alias("cohort")),
            "reference": mine(drawn.reference).with_columns(
                *read, pl.lit(None, pl.String).alias("exclusion")
            ),
        },
        {VERSION: {"test": test.with_columns(pl.Series("rhythm", shown, dtype=pl.String))}},
        {},
    )


def afib_database(
    *,
    seed: int = 20260404,
    n_records: int = 120,
    n_segments: int = 10,
    version: VersionTruth = VERSIONS[VERSION],
    correlation: float = 0.2,
) -> SimulatedStudy:
    """Simulate the outputs of a classifier on a data set of adjudicated records, half of them in AF.

    Segments of one record share part of what makes the classifier err on them.

    Args:
        seed: Reproduces everything.
        n_records: Records; the first half is in AF.
        n_segments: 30-second segments of each.
        version: True behaviour of the classifier; its heart rate is not used.
        correlation: How alike the segments of one record are, from 0 to 1.

    Returns:
        `reference` and the outputs of `v1_1`; records stand in the column `subject`.

    Raises:
        ValueError: Fewer than two records, no segments, or a correlation outside [0, 1].

    Example:
        >>> afib_database().reference.height
        1200
    """
    if n_records < 2 or n_segments < 1:
        raise ValueError("a data set needs at least two records and one segment of each")
    if not 0 <= correlation <= 1:
        raise ValueError(f"correlation must lie in [0, 1], not {correlation}")
    size = n_records * n_segments
    is_af = np.repeat(np.arange(n_records) < n_records // 2, n_segments)

    def uniform(purpose: str) -> Any:
        common = np.repeat(stream(seed, purpose, "record").standard_normal(n_records), n_segments)
        return correlated_uniform(common, stream(seed, purpose).standard_normal(size), correlation)

    unclear = uniform("unclear") < np.where(is_af, version.indeterminate_af, version.indeterminate_sr)
    correct = uniform("correct") < np.where(is_af, version.sensitivity, version.specificity)
    rhythm = np.where(unclear, "inconclusive", np.where(is_af == correct, AF, SR))
    place = {
        "subject": np.repeat([f"r{number:03d}" for number in range(1, n_records + 1)], n_segments),
        "recording": np.tile([str(number) for number in range(1, n_segments + 1)], n_records),
    }
    reference = pl.DataFrame({**place, "rhythm": np.where(is_af, AF, SR)})
    truth = {
        "n_records": n_records,
        "n_segments": n_segments,
        "sensitivity": version.sensitivity,
        "specificity": version.specificity,
        "correlation": correlation,
    }
    return SimulatedStudy(
        "afib_database",
        seed,
        {"reference": reference.with_columns(pl.lit(None, dtype=pl.String).alias("exclusion"))},
        {VERSION: {"test": pl.DataFrame({**place, "rhythm": rhythm})}},
        truth,
    )
