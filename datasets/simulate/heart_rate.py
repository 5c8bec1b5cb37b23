"""A day's wear, simulated: heart rate of a wrist once a second against an ECG beat by beat.

The numbers are invented; only their order of magnitude is meant to be plausible. Subjects are simulated one
by one and depend on the seed and their own number alone, so that a cohort of any size is written in the
memory of one day: `HeartRateWear.days` yields them, `write` makes a Parquet tree, one file a subject.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from . import heart_rate_body as body
from . import heart_rate_wrist as wrist
from .draws import FloatArray, stream

NAME = "heart_rate_wear"
FIRST_DAY = datetime(2026, 5, 4, tzinfo=UTC)
A_DAY = 4
"""Sessions that start on the same day."""

TIME = pl.Datetime("us", "UTC")


@dataclass(frozen=True)
class WearDay:
    """One subject's session.

    Attributes:
        subject: The row of the subjects' table: subject, sex, age [years], bmi [kg/m2], monk (1 to 10),
            wrist, exclusion.
        reference: A row a beat: subject, time of the R peak, rr [s] (the interval that ends there),
            heart_rate [1/min], activity, exclusion (`reference_artefact` where the ECG is noisy).
        tests: Version -> a row a second, where the device wrote: subject, time, heart_rate [1/min], empty
            where it showed none.
        clock: What nobody but the simulator knows of the wrist's clock: `offset_s`, `drift_ppm` (wrist minus
            reference: offset at the first moment of the session, `start`, and what it gains), `lag_s` (from
            the middle of what the device averages to its stamp) and `apparent_offset_s`, their sum, which is
            what signals show; half a second more where a row stands for the second after its stamp.
    """

    subject: Mapping[str, Any]
    reference: pl.DataFrame
    tests: Mapping[str, pl.DataFrame]
    clock: Mapping[str, Any]


@dataclass(frozen=True)
class HeartRateWear:
    """A simulated study of a day's wear; nothing is drawn before it is asked for.

    Attributes:
        seed: Reproduces everything.
        n_subjects: Subjects.
        hours: Length of every session.
        versions: The algorithm versions.
        algorithms: What is known of them.
        name: Name of the simulator.
    """

    seed: int
    n_subjects: int
    hours: float
    versions: tuple[str, ...]
    algorithms: Mapping[str, wrist.Algorithm]
    name: str = NAME

    def day(self, number: int) -> WearDay:
        """The session of one subject, from 1."""
        return _day(self, number)

    def days(self) -> Iterator[WearDay]:
        """The sessions in order, one in memory at a time."""
        return (self.day(number) for number in range(1, self.n_subjects + 1))

    def write(self, folder: Path) -> list[Path]:
        """Write `subjects.parquet`, and below `reference` and `test_VERSION` one Parquet file a subject.

        The files lie in `subject=NAME` folders, so that readers that know such trees find a subject's rows by
        the path alone; the column is in the files as well. True values stand in `truth.json`.

        Args:
            folder: Where to; made if it does not exist. Files of the same name are replaced.

        Returns:
            The files written, in order.

        Raises:
            OSError: The folder cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        subjects: list[Mapping[str, Any]] = []
        clocks: dict[str, Mapping[str, Any]] = {}
        written: list[Path] = []
        for day in self.days():
            name = day.subject["subject"]
            subjects.append(day.subject)
            clocks[name] = day.clock
            tables = {
                "reference": day.reference,
                **{f"test_{key}": frame for key, frame in day.tests.items()},
            }
            for table, frame in tables.items():
                path = folder / table / f"subject={name}" / "part.parquet"
                path.parent.mkdir(parents=True, exist_ok=True)
                frame.write_parquet(path, compression="zstd")
                written.append(path)
        path = folder / "subjects.parquet"
        _subjects(subjects).write_parquet(path, compression="zstd")
        truth = folder / "truth.json"
        document = {"simulator": self.name, "seed": self.seed, "truth": self._truth(clocks)}
        truth.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        return [path, *written, truth]

    def _truth(self, clocks: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        return {
            "n_subjects": self.n_subjects,
            "hours": self.hours,
            "averaged_s": wrist.AVERAGED,
            "algorithms": {name: vars(self.algorithms[name]) for name in self.versions},
            "clocks": dict(clocks),
        }


def heart_rate_wear(
    *,
    seed: int = 20260504,
    n_subjects: int = 40,
    hours: float = 24.0,
    versions: Sequence[str] | None = None,
    algorithms: Mapping[str, wrist.Algorithm] = wrist.ALGORITHMS,
) -> HeartRateWear:
    """Simulate wrist heart rate over a day: beats of an ECG, and 1 Hz of a wearable by its own clock.

    Each session begins with 80 supervised minutes (sitting, walking, cycling and running in three intensities
    each); daily life and a night follow, scaled to the hours. The rate follows what is demanded in about half
    a minute, and falls in about a minute; breathing, a wave near 0.1 Hz and slower ones vary it; a fifth of
    the subjects have premature beats. The device shows the mean rate of the 8 s before, in whole beats, with
    an error that grows with motion, darkness of the skin (Monk 1 to 10) and body mass index. In exercise it
    may show steps in place of the pulse; it may show nothing, was charged for a while and taken off at times.

    Args:
        seed: Reproduces everything. The default is the one of the example study.
        n_subjects: Subjects; each is the same however many there are.
        hours: Length of every session, at least 2.
        versions: Versions to draw, of those in `algorithms`. Default: all.
        algorithms: Version -> how it errs.

    Returns:
        The study; nothing is drawn before a day is asked for.

    Raises:
        ValueError: No subjects, fewer than 2 hours, or a version that `algorithms` does not have.

    Example:
        >>> study = heart_rate_wear(n_subjects=2, hours=2)
        >>> day = study.day(1)
        >>> day.subject["monk"], sorted(day.tests), day.reference["activity"][0]
        (2, ['v1', 'v2'], 'sitting')
    """
    names = tuple(algorithms) if versions is None else tuple(versions)
    unknown = [name for name in names if name not in algorithms]
    if n_subjects < 1:
        raise ValueError("a study needs at least one subject")
    if not hours >= body.SHORTEST:
        raise ValueError(f"hours must be at least {body.SHORTEST:g}, not {hours:g}")
    if unknown or not names:
        raise ValueError(f"versions must be of {', '.join(algorithms)}, not {', '.join(unknown) or 'none'}")
    return HeartRateWear(seed, n_subjects, hours, names, algorithms)


def _day(study: HeartRateWear, number: int) -> WearDay:
    seed, hours = study.seed, study.hours
    who = body.person(seed, number)
    start = FIRST_DAY + timedelta(days=(number - 1) // A_DAY, hours=7)
    start += timedelta(minutes=5 * int(stream(seed, who.name, "start").integers(0, 24)))
    doing = body.segments(seed, who, hours)
    per_minute = body.rate(seed, who, doing, hours, start.hour + start.minute / 60.0)
    beats = body.beats(seed, who, doing, per_minute)
    by = wrist.clock(seed, who)
    session = wrist.worn(seed, who, doing, 3600.0 * hours, by)
    tests = {}
    for version in study.versions:
        value, shown = wrist.output(seed, who, doing, beats, session, algorithm=study.algorithms[version])
        tests[version] = _test(who.name, start, session, value, shown)
    clock = {
        "start": start.isoformat(),
        "offset_s": by.offset,
        "drift_ppm": by.drift,
        "lag_s": wrist.LAG,
        "apparent_offset_s": round(by.offset + wrist.LAG, 3),
    }
    return WearDay({**who.row, "exclusion": None}, _reference(who.name, start, doing, beats), tests, clock)


def _moments(start: datetime, milliseconds: body.IntArray) -> pl.Series:
    """Milliseconds since the start as moments."""
    first = int(start.timestamp()) * 1_000_000
    return pl.Series("time", first + 1000 * milliseconds, dtype=pl.Int64).cast(TIME)


def _named(name: str, size: int) -> pl.Series:
    return pl.Series("subject", [name], dtype=pl.String).new_from_index(0, size)


def _reference(name: str, start: datetime, doing: body.Segments, beats: body.Beats) -> pl.DataFrame:
    activity = pl.Series(doing.activity[doing.at(beats.time)], dtype=pl.UInt32)
    exclusion = pl.DataFrame({"noisy": beats.noisy}).select(
        pl.when("noisy").then(pl.lit("reference_artefact")).alias("exclusion")
    )
    return pl.DataFrame(
        [
            _named(name, beats.time.size),
            _moments(start, np.rint(1000.0 * beats.time).astype(np.int64)),
            pl.Series("rr", beats.rr),
            pl.Series("heart_rate", np.round(60.0 / beats.rr, 2)),
            pl.Series(body.ACTIVITIES).gather(activity).alias("activity"),
            exclusion["exclusion"],
        ]
    )


def _test(
    name: str, start: datetime, session: wrist.Worn, value: FloatArray, shown: body.BoolArray
) -> pl.DataFrame:
    rate = pl.DataFrame({"value": value.astype(np.int16), "shown": shown}).select(
        pl.when("shown").then("value").alias("heart_rate")
    )
    return pl.DataFrame([_named(name, value.size), _moments(start, 1000 * session.shown), rate["heart_rate"]])


def _subjects(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(
        rows,
        schema={
            "subject": pl.String,
            "sex": pl.String,
            "age": pl.Int64,
            "bmi": pl.Float64,
            "monk": pl.Int64,
            "wrist": pl.String,
            "exclusion": pl.String,
        },
    )
