"""A night's sleep measures as protocols see them: one for each entry of the registry of definitions.

The rows of a stretch of time are the epochs of a night. Time that no row stands for, and rows without a
stage, are unscored epochs; the night lasts as long as the stretch does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, get_args

import numpy as np

from ..measures import Found, Measure, Stretches
from ..metric import Citation, FloatArray, IntArray, Parameter
from .definitions import DEFINITIONS, UNITS, definition
from .hypnogram import MOST_UNSCORED, WORDS, HypnogramMeasures, Unscored, measured
from .nights import OUTSIDE, STAGES, UNSCORED, Codes, Nights, Staging

CLASSES = ("wake", "n1", "n2", "n3", "rem", "light", "deep", "nrem", "sleep")
"""What a level can be to a sleep measure; together the levels have to be the stages of one staging."""

PARTS: dict[str, tuple[str, ...]] = {
    "light": ("light", "n1", "n2"),
    "deep": ("deep", "n3"),
    "nrem": ("nrem", "light", "deep", "n1", "n2", "n3"),
}
"""Stages that are put together from finer ones."""

MENGHINI = Citation(
    "menghini2021",
    "Menghini L, Cellini N, Goldstone A, Baker FC, de Zambotti M. A standardized framework for testing the "
    "performance of sleep-tracking technology. Sleep 2021;44:zsaa170.",
)

_OFF_GRID = 0.1
"""Share of an epoch that a row may lie beside the grid of the night's first row."""
UNEQUAL, NO_GRID = len(WORDS) + 1, len(WORDS) + 2
REASONS = (
    *(WORDS[code] for code in sorted(WORDS)),
    "The rows of the night are not all of one length.",
    "The rows of the night do not follow one grid of epochs.",
)
"""Why a night has no measure, in the order of their codes, from 1."""

_UNITS = {"percent": "%", "per hour": "1/h"}

_ONSET = Parameter(
    "onset",
    "choice",
    "Sleep onset that the measure rests on: the definitions of `sol`.",
    default=DEFINITIONS["sol"][0].id,
    choices=tuple(one.id for one in DEFINITIONS["sol"]),
)
_PERIOD = Parameter(
    "period",
    "choice",
    "Sleep period that the measure rests on, where it rests on one: the definitions of `spt`.",
    default=DEFINITIONS["spt"][0].id,
    choices=tuple(one.id for one in DEFINITIONS["spt"]),
)
_EPOCHS = (
    Parameter(
        "unscored",
        "choice",
        "Epochs without a stage: `kept` in the length of the night and of latencies, as neither wake nor "
        "sleep; `dropped`, as if time had stood still; or `as_wake`.",
        default="kept",
        choices=tuple(one for one in get_args(Unscored) if one != "refused"),
    ),
    Parameter(
        "most_unscored",
        "number",
        "Share of epochs without a stage above which the night has no measure. A convention of ours: what is "
        "missing may be anything.",
        default=MOST_UNSCORED,
        minimum=0.0,
        maximum=1.0,
    ),
)


def staging_of(classes: Collection[str]) -> Staging | None:
    """The staging whose stages these are, the one with more stages where two fit; None where none is.

    Example:
        >>> staging_of({"wake", "light", "deep", "rem"}), staging_of({"wake", "n1", "light"})
        ('four', None)
    """
    if "wake" not in classes or len(set(classes)) < 2:
        return None
    names: tuple[Staging, ...] = get_args(Staging)
    return next((one for one in names if set(classes) <= set(STAGES[one])), None)


class SleepMeasure(Measure):
    """One measure of the registry.

    Attributes:
        entry: Its entry: the measure, or `minutes` or `percent` of a stage.
        stage: That stage; None of other measures.
        needs: Stage without which there is no such measure; None: any staging does.
    """

    kind = "category"
    classes = CLASSES
    citations = (MENGHINI,)
    entry: ClassVar[str]
    stage: ClassVar[str | None]
    needs: ClassVar[str | None]

    def values(self, rows: Stretches, **parameters: Any) -> FloatArray:
        """(U,) the measure of each night; NaN where it has none."""
        return self.found(rows, **parameters).values

    def found(self, rows: Stretches, **parameters: Any) -> Found:
        """The measure of each night, and why some have none.

        Raises:
            ValueError: The classes are no staging, or not one that the measure can be made of.
        """
        options = {one.name: one.default for one in self.parameters} | parameters
        classes = rows.classes or _present(rows)
        problem = self.refusal(classes, options)
        if problem is not None:
            raise ValueError(f"`{self.name}`: {problem}.")
        # checked above; a night without any stage at all has no wake either, and no measure
        staging = staging_of(classes) or "two"
        return self._of(rows, staging, options)

    def said(self, parameters: Mapping[str, Any]) -> str:
        """The definition that was chosen, in the words of the registry."""
        return definition(self.entry, parameters.get("definition", DEFINITIONS[self.entry][0].id)).words

    def refusal(self, classes: Collection[str], parameters: Mapping[str, Any]) -> str | None:
        """Why there is no such measure of these stages; None where there is."""
        if not classes:
            return None
        staging = staging_of(classes)
        if staging is None:
            accepted = "; ".join(", ".join(stages) for stages in STAGES.values())
            return f"its classes have to be of one staging, wake among them ({accepted}), not {_and(classes)}"
        if self.needs is not None and not set(PARTS.get(self.needs, (self.needs,))) & set(STAGES[staging]):
            return f"it needs stages that tell {self.needs} apart, not {_and(classes)}"
        asked = parameters.get("definition" if self.entry == "sol" else "onset")
        lacking = {"n1_or_n2": ("n1", "light"), "n2_or_deeper": ("n1",)}.get(str(asked), ())
        if lacking and not set(lacking) & set(STAGES[staging]):
            return f"sleep onset `{asked}` needs stages that tell {lacking[-1]} apart, not {_and(classes)}"
        return None

    def _of(self, rows: Stretches, staging: Staging, options: Mapping[str, Any]) -> Found:
        names = {self.entry: options["definition"]}
        for option, measure in (("onset", "sol"), ("period", "spt")):
            if option in options:
                names[measure] = options[option]
        grid = _Grid.of(rows)
        values = np.full(len(rows.heads), np.nan)
        codes = grid.codes.copy()
        for seconds in np.unique(grid.seconds[codes == 0]):
            own = np.flatnonzero((codes == 0) & (grid.seconds == seconds))
            table = Nights(grid.table(rows, own, STAGES[staging]), ("",) * len(own), staging)
            found = measured(table, float(seconds), names, options["unscored"], options["most_unscored"])
            values[own], codes[own] = self._value(found, staging)
        return Found(values, codes, REASONS)

    def _value(self, found: HypnogramMeasures, staging: Staging) -> tuple[FloatArray, IntArray]:
        if self.stage is None:
            return found[self.name], found.codes[self.name].astype(np.int64)
        parts = [
            f"{self.entry}_{stage}"
            for stage in PARTS.get(self.stage, (self.stage,))
            if stage in STAGES[staging]
        ]
        values = np.sum([found[part] for part in parts], axis=0)
        return values, found.codes[parts[0]].astype(np.int64)


@dataclass(frozen=True, eq=False)
class _Grid:
    """Where the rows of each night lie on a grid of epochs.

    Attributes:
        seconds: (U,) length of an epoch.
        place: (n,) epoch of each row.
        epochs: (U,) epochs of each night.
        codes: (U,) why a night has no measure; 0 where it can have one.
    """

    seconds: FloatArray
    place: IntArray
    epochs: IntArray
    codes: IntArray

    @classmethod
    def of(cls, rows: Stretches) -> _Grid:
        """Each night's own grid starts at its first row, moved back by whole epochs to its beginning."""
        if not len(rows.heads):
            none = np.zeros(0, dtype=np.int64)
            return cls(np.zeros(0), none, none, none)
        night = rows.stretch
        seconds = rows.duration[rows.heads]
        unequal = rows.total((np.abs(rows.duration - seconds[night]) > 1e-6).astype(np.float64)) > 0
        unequal |= ~(seconds > 0)
        step = np.where(unequal, 1.0, seconds)
        first = rows.start[rows.heads]
        # a first row that lies a rounding before a whole epoch does not begin a grid of its own
        phase = first - np.floor(first / step + _OFF_GRID) * step
        exact = (rows.start - phase[night]) / step[night]
        place = np.rint(exact).astype(np.int64)
        crooked = np.abs(exact - place) > _OFF_GRID
        crooked[1:] |= (np.diff(place) < 1) & (np.diff(night) == 0)
        off = rows.total(crooked.astype(np.float64)) > 0
        last = place[rows.heads + rows.count - 1] + 1
        epochs = np.maximum(last, np.floor((rows.length - phase) / step + 0.5).astype(np.int64))
        codes = np.where(unequal, UNEQUAL, np.where(off, NO_GRID, 0))
        return cls(seconds, place, epochs, codes.astype(np.int64))

    def table(self, rows: Stretches, own: IntArray, stages: tuple[str, ...]) -> Codes:
        """(N, E) stage codes of some nights."""
        night = np.full(len(rows.heads), -1, dtype=np.int64)
        night[own] = np.arange(len(own))
        width = int(self.epochs[own].max(initial=0))
        table = np.where(np.arange(width) < self.epochs[own][:, None], UNSCORED, OUTSIDE).astype(np.int8)
        lookup = np.array([*(stages.index(one) if one in stages else UNSCORED for one in CLASSES), UNSCORED])
        of_row = night[rows.stretch]
        used = of_row >= 0
        table[of_row[used], self.place[used]] = lookup[rows.values[used].astype(np.int64)]
        return table


def _present(rows: Stretches) -> tuple[str, ...]:
    found = np.unique(rows.values[rows.values >= 0]).astype(np.int64)
    return tuple(CLASSES[one] for one in found)


def _and(names: Collection[str]) -> str:
    return ", ".join(one for one in CLASSES if one in names)


def _measure(
    entry: str, title: str, *, stage: str | None = None, onset: bool = False, period: bool = False
) -> SleepMeasure:
    """The measure of an entry of the registry."""
    group = DEFINITIONS[entry]
    name = entry if stage is None else f"{entry}_{stage}"
    chosen = Parameter(
        "definition",
        "choice",
        " ".join(f"`{one.id}`: {one.words}" for one in group) + f" Default: {group[0].why}",
        default=group[0].id,
        choices=tuple(one.id for one in group),
    )
    rests = ((_ONSET,) if onset else ()) + ((_PERIOD,) if period else ())
    made = type(
        f"Sleep_{name}",
        (SleepMeasure,),
        {
            "name": name,
            "title": title,
            "definition": group[0].words,
            "unit": _UNITS.get(UNITS[entry], UNITS[entry]),
            "parameters": (chosen, *rests, *_EPOCHS),
            "entry": entry,
            "stage": stage,
            "needs": "rem" if entry == "rem_latency" else None if stage == "wake" else stage,
            "__doc__": f"{title}.",
        },
    )
    return made()  # type: ignore[no-any-return]


_STAGE_TITLES = {
    "wake": "wake",
    "n1": "N1",
    "n2": "N2",
    "n3": "N3",
    "light": "light sleep (N1 and N2)",
    "deep": "deep sleep (N3)",
    "nrem": "non-REM sleep",
    "rem": "REM sleep",
}

MEASURES: tuple[Measure, ...] = (
    _measure("trt", "Total recording time"),
    _measure("tst", "Total sleep time"),
    _measure("sol", "Sleep onset latency"),
    _measure("lps", "Latency to persistent sleep"),
    _measure("spt", "Sleep period time", onset=True),
    _measure("waso", "Wake after sleep onset", onset=True),
    _measure("se", "Sleep efficiency", onset=True, period=True),
    _measure("sme", "Sleep maintenance efficiency", onset=True, period=True),
    _measure("rem_latency", "REM latency", onset=True),
    _measure("awakenings", "Awakenings", onset=True),
    _measure("transitions", "Transitions between stages", onset=True),
    _measure("sfi", "Sleep fragmentation index"),
    *(_measure("minutes", f"Minutes of {words}", stage=stage) for stage, words in _STAGE_TITLES.items()),
    *(
        _measure("percent", f"Percentage of {words}", stage=stage, onset=True, period=True)
        for stage, words in _STAGE_TITLES.items()
        if stage != "wake"
    ),
)
