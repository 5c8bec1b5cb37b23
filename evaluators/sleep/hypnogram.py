"""A night's sleep measures from its epochs, for many nights at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..metric import FloatArray
from ..result import number
from .definitions import UNITS, chosen
from .nights import OUTSIDE, Codes, Nights, Staging, compressed, nights_of, windowed

Unscored = Literal["kept", "dropped", "as_wake", "refused"]

MOST_UNSCORED = 0.2
"""Share of unscored epochs above which a night has no measures, where nothing else is declared."""

EMPTY, NO_SLEEP, NO_REM, NO_RUN, LOST = range(1, 6)
_FINE = 0
WORDS: dict[int, str] = {
    EMPTY: "The night has no epochs.",
    NO_SLEEP: "No sleep was scored.",
    NO_REM: "No REM was scored after sleep onset.",
    NO_RUN: "Sleep onset as defined was not reached.",
    LOST: "More epochs than accepted are unscored.",
}
"""Reason why a night has no value, by code."""


@dataclass(frozen=True)
class HypnogramMeasures:
    """Measures of nights, each under the definition it names.

    Attributes:
        values: Measure -> (N,) values; NaN where a night has none.
        units: Measure -> min, percent, count or per hour.
        definitions: Measure -> id of the definition used (`evaluators.sleep.definitions`).
        nights: Name of each night.
        epochs: (N,) epochs from lights off to lights on.
        unscored: (N,) unscored or artefact epochs among them.
        handling: What was done with these.
        codes: Measure -> (N,) code of the reason why there is no value; 0 where there is one.
        most_unscored: Share of unscored epochs above which a night has no measures.
    """

    values: Mapping[str, FloatArray]
    units: Mapping[str, str]
    definitions: Mapping[str, str]
    nights: tuple[str, ...]
    epochs: NDArray[np.int64]
    unscored: NDArray[np.int64]
    handling: Unscored
    codes: Mapping[str, NDArray[np.int8]]
    most_unscored: float

    def __getitem__(self, measure: str) -> FloatArray:
        return self.values[measure]

    def reason(self, measure: str, night: int) -> str | None:
        """Why a night, by position, has no value; None where it has one."""
        code = int(self.codes[measure][night])
        if code == LOST:
            share = self.unscored[night] / self.epochs[night]
            return (
                f"{self.unscored[night]:,} of {self.epochs[night]:,} epochs ({share:.0%}) are unscored, more "
                f"than the accepted {self.most_unscored:.0%}."
            )
        return WORDS.get(code)

    def __str__(self) -> str:
        lines = [f"Sleep measures of {len(self.nights):,} nights, unscored epochs {self.handling}"]
        for name, values in self.values.items():
            known = values[np.isfinite(values)]
            middle = number(float(known.mean())) if len(known) else "no value"
            missing = f", {len(values) - len(known)} nights without" if len(known) < len(values) else ""
            lines.append(f"{name}: mean {middle} {self.units[name]} ({self.definitions[name]}){missing}")
        return "\n".join(lines)


def hypnogram_measures(
    stages: Any,
    *,
    night: Any = None,
    staging: Staging = "five",
    epoch_seconds: float = 30.0,
    definitions: Mapping[str, str] | None = None,
    lights_off: Any = None,
    lights_on: Any = None,
    unscored: Unscored = "kept",
    most_unscored: float = MOST_UNSCORED,
) -> HypnogramMeasures:
    """Sleep measures of every night: TRT, SPT, TST, efficiency, latencies, WASO, stages, fragmentation.

    Which definition of each measure is used, is said in the result; all are in the registry
    (`evaluators.sleep.definitions.DEFINITIONS`). A measure that a night does not have, such as the latency of
    a sleep that never came, is NaN and has a reason; it is not 0 and not the length of the night.

    Args:
        stages: Stage codes, 0 wake, -1 unscored, -2 artefact: a column with `night`, a (nights x epochs)
            table, or a sequence of columns, one a night.
        night: Label of each row of a column; its rows are in the order of time.
        staging: What the codes mean: `five` (wake, N1, N2, N3, REM), `four` (wake, light, deep, REM), `three`
            (wake, NREM, REM), `two` (wake, sleep).
        epoch_seconds: Length of an epoch in seconds.
        definitions: Measure -> id of the definition, where it is not the default. `minutes` and `percent`
            stand for those of all stages. Sleep onset is declared under `sol` and is the same for all.
        lights_off: First epoch of the analysis (0 is the first recorded), one for all or one a night.
            Default: the first. Times found by a device are no lights off.
        lights_on: First epoch after the analysis, likewise. Default: the end of the night.
        unscored: Unscored and artefact epochs: `kept` in TRT and in the length of latencies, as neither wake
            nor sleep (as yasa does); `dropped`, as if time had stood still; `as_wake`; or `refused`.
        most_unscored: Share of unscored epochs above which a night has no measures. A convention of ours:
            what is missing may be anything.

    Raises:
        ValueError: Codes, labels, lights, definitions or the length of an epoch are not acceptable, or there
            are unscored epochs that were to be refused.

    References:
        Menghini L, Cellini N, Goldstone A, Baker FC, de Zambotti M. A standardized framework for testing the
        performance of sleep-tracking technology. Sleep 2021;44:zsaa170.

    Example:
        Two wake epochs, three of sleep, one of wake, one of REM and two of wake:

        >>> found = hypnogram_measures([0, 0, 1, 2, 2, 0, 4, 0, 0])
        >>> [float(found[name][0]) for name in ("trt", "tst", "sol", "waso", "rem_latency")]
        [4.5, 2.0, 1.0, 1.5, 2.0]
        >>> inside = {"waso": "within_sleep_period"}
        >>> float(hypnogram_measures([0, 0, 1, 2, 2, 0, 4, 0, 0], definitions=inside)["waso"][0])
        0.5
        >>> hypnogram_measures([0, 0, 0]).reason("sol", 0)
        'No sleep was scored.'
    """
    table = windowed(nights_of("stages", stages, staging=staging, night=night), lights_off, lights_on)
    return measured(table, epoch_seconds, definitions, unscored, most_unscored)


def measured(
    table: Nights,
    epoch_seconds: float,
    definitions: Mapping[str, str] | None = None,
    unscored: Unscored = "kept",
    most_unscored: float = MOST_UNSCORED,
) -> HypnogramMeasures:
    """Measures of nights that are already a table; see `hypnogram_measures`."""
    if not (np.isfinite(epoch_seconds) and epoch_seconds > 0):
        raise ValueError(f"`epoch_seconds` must be above 0, not {epoch_seconds!r}.")
    if not 0 <= most_unscored <= 1:
        raise ValueError(f"`most_unscored` must lie between 0 and 1, not {most_unscored!r}.")
    names = chosen(definitions)
    one = _Night(_handled(table, unscored), table.stages, epoch_seconds, names)
    values = one.measures()
    used, units, codes = {}, {}, {}
    with np.errstate(all="ignore"):
        lost = (table.unscored / table.lengths > most_unscored) & (unscored != "refused")
    for name in values:
        base = name.partition("_")[0] if name.startswith(("minutes_", "percent_")) else name
        used[name], units[name] = names[base], UNITS[base]
        code = np.where(np.isnan(values[name]), one.why(name), _FINE)
        code = np.where(lost, LOST, code)
        codes[name] = np.where(one.empty, EMPTY, code).astype(np.int8)
        values[name] = np.where(codes[name] == _FINE, values[name], np.nan)
    return HypnogramMeasures(
        values, units, used, table.names, table.lengths, table.unscored, unscored, codes, most_unscored
    )


def _handled(table: Nights, unscored: Unscored) -> Codes:
    codes = table.codes
    if unscored == "kept":
        return codes
    if unscored == "dropped":
        return compressed(codes)
    if unscored == "as_wake":
        return np.where((codes < 0) & (codes != OUTSIDE), 0, codes).astype(np.int8)
    if unscored != "refused":
        raise ValueError(f"`unscored` must be kept, dropped, as_wake or refused, not {unscored!r}.")
    bad = np.flatnonzero(table.unscored)
    if len(bad):
        raise ValueError(
            f"{int(table.unscored.sum()):,} epochs of {len(bad):,} nights are unscored, first in night "
            f"{table.names[bad[0]]!r}; `unscored` says they are refused."
        )
    return codes


class _Night:
    """What the measures of all nights are made from: (N, E) tables and (N,) places.

    Places are epochs from lights off; where a night has no such place the number means nothing, and what is
    made of it is set to NaN.
    """

    def __init__(
        self, codes: Codes, stages: tuple[str, ...], epoch_seconds: float, definitions: Mapping[str, str]
    ) -> None:
        self.codes, self.stages, self.definitions = codes, stages, definitions
        self.minutes, self.epoch_seconds = epoch_seconds / 60, epoch_seconds
        self.sleep, self.wake = codes > 0, codes == 0
        self.length = (codes != OUTSIDE).sum(axis=1)
        self.empty = self.length == 0
        self.asleep = self.sleep.sum(axis=1)
        self.slept = self.asleep > 0
        self.place = np.arange(codes.shape[1])[None, :]
        self.onset = self._onset(definitions["sol"])
        self.started = self.onset >= 0
        last = codes.shape[1] - _first(self.sleep[:, ::-1])
        self.end = np.where(self.slept, last, 0)  # the epoch after the last of sleep
        self.after = self.place >= self.onset[:, None]
        self.within = self.after & (self.place < self.end[:, None])

    def _onset(self, name: str) -> NDArray[np.int64]:
        """(N,) epoch of sleep onset; -1 where it is not reached."""
        seconds = {
            "persistent_5min": 300,
            "start_of_5min": 300,
            "persistent_10min": 600,
            "start_of_10min": 600,
        }
        if name in seconds:
            return _run(self.sleep, int(np.ceil(seconds[name] / self.epoch_seconds)))
        if name in ("third_epoch", "tenth_epoch"):
            count = 3 if name == "third_epoch" else 10
            start = _run(self.sleep, count)
            return np.where(start >= 0, start + count - 1, -1)
        light = [i for i, stage in enumerate(self.stages) if stage in ("n1", "n2", "light")]
        chosen_epochs = self.sleep
        if name in ("n1_or_n2", "n2_or_deeper"):
            if not light or (name == "n2_or_deeper" and "n1" not in self.stages):
                raise ValueError(
                    f"`definitions`: `sol` {name!r} needs stages that tell "
                    f"{'N1' if name == 'n2_or_deeper' else 'light sleep'} apart; these are "
                    f"{', '.join(self.stages)}."
                )
            n1 = self.codes == 1
            chosen_epochs = np.isin(self.codes, light) if name == "n1_or_n2" else self.sleep & ~n1
        return _run(chosen_epochs, 1)

    def measures(self) -> dict[str, FloatArray]:
        """Every measure that these stages allow."""
        how, per = self.definitions, self.minutes
        trt, tst = self.length * per, self.asleep * per
        ends = self.end if how["spt"] == "onset_to_last_sleep" else self.length
        spt = self._known((ends - self.onset) * per)
        counted = self.after if how["waso"] == "to_lights_on" else self.within
        persistent = self._onset(how["lps"])
        with np.errstate(all="ignore"):
            efficiency = 100 * tst / (trt if how["se"] == "tst_of_trt" else spt)
            found = {
                "trt": trt.astype(np.float64),
                "tst": tst.astype(np.float64),
                "spt": spt,
                "sol": self._known(self.onset * per),
                "lps": np.where(persistent >= 0, persistent * per, np.nan),
                "waso": self._known((self.wake & counted).sum(axis=1) * per),
                "se": efficiency,
                "sme": 100 * tst / spt,
                **self._changes(tst),
            }
            if "rem" in self.stages:
                found["rem_latency"] = self._rem_latency(how["rem_latency"])
            whole = {"of_tst": np.where(self.slept, tst, np.nan), "of_spt": spt, "of_trt": trt}[
                how["percent"]
            ]
            for code, stage in enumerate(self.stages):
                minutes = (self.codes == code).sum(axis=1) * per
                found[f"minutes_{stage}"] = minutes
                if stage not in ("wake", "sleep"):
                    found[f"percent_{stage}"] = 100 * minutes / whole
        return found

    def why(self, name: str) -> NDArray[np.int8]:
        """(N,) reason that a measure without a value has."""
        if name == "lps" or not np.all(self.started | ~self.slept):
            general = np.where(self.slept, NO_RUN, NO_SLEEP)
        else:
            general = np.full(len(self.slept), NO_SLEEP)
        if name == "rem_latency":
            general = np.where(self.started, NO_REM, general)
        return general.astype(np.int8)

    def _known(self, values: NDArray[Any]) -> FloatArray:
        """NaN where there is no sleep onset."""
        return np.where(self.started, values, np.nan)

    def _changes(self, tst: NDArray[Any]) -> dict[str, FloatArray]:
        """Awakenings, transitions and the fragmentation index, from pairs of neighbouring epochs."""
        how, before, after = self.definitions, self.codes[:, :-1], self.codes[:, 1:]
        scored = (before >= 0) & (after >= 0)
        different = scored & (before != after)
        waking = different & (after == 0)
        since, inside = self.after[:, :-1], self.within[:, 1:] & self.after[:, :-1]
        awakened = (waking & (inside if how["awakenings"] == "within_sleep_period" else since)).sum(axis=1)
        changed = (different & inside if how["transitions"] == "sleep_period" else different).sum(axis=1)
        broken = waking if how["sfi"] == "to_wake" else different & (before > 0)
        whole_night = how["transitions"] == "recording"
        with np.errstate(all="ignore"):
            index = np.where(self.slept, broken.sum(axis=1) / (tst / 60), np.nan)
        return {
            "awakenings": self._known(awakened.astype(np.float64)),
            "transitions": changed.astype(np.float64) if whole_night else self._known(changed),
            "sfi": index,
        }

    def _rem_latency(self, how: str) -> FloatArray:
        rem = self.codes == self.stages.index("rem")
        if how == "from_lights_off":
            first = _run(rem, 1)
            return np.where(first >= 0, first * self.minutes, np.nan)
        first = _run(rem & self.after, 1)
        spent = first - self.onset
        if how == "sleep_only":
            spent = (self.sleep & self.after & (self.place < first[:, None])).sum(axis=1)
        return np.where(self.started & (first >= 0), spent * self.minutes, np.nan)


def _first(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(N,) first true column; 0 where there is none."""
    return np.asarray(flags.argmax(axis=1) if flags.shape[1] else np.zeros(len(flags)), dtype=np.int64)


def _run(flags: NDArray[np.bool_], length: int) -> NDArray[np.int64]:
    """(N,) start of the first run of so many true columns; -1 where there is none."""
    if flags.shape[1] < length:
        return np.full(len(flags), -1, dtype=np.int64)
    if length > 1:
        total = np.concatenate(
            [np.zeros((len(flags), 1), np.int32), np.cumsum(flags, axis=1, dtype=np.int32)], axis=1
        )
        flags = total[:, length:] - total[:, :-length] == length
    return np.where(flags.any(axis=1), _first(flags), -1)
