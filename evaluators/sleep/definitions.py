"""The registry of definitions: what a sleep measure is, and what else goes by the same name.

A measure without its definition is not a number one can compare: one of the 14 nights of the SRI sample has
36 minutes of wake after sleep onset to the end of the recording, and 10 minutes within the sleep period.
Every measure therefore has all its definitions here, one of them the default with the reason why, and every
result names the one it used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SRI = "SRI pipeline (Menghini et al. 2021), function ebe2sleep"
YASA = "yasa 0.8.1, Hypnogram.sleep_statistics"
DOD = "Dreem Open Datasets evaluation (Guillot et al. 2020)"
COMMON = "Common use; see BMC Psychol 2016, doi:10.1186/s40359-016-0107-6, Table 1"
DREEM = "Dreem, sleep endpoint definitions (support pages)"
HABA = "Haba-Rubio, Ibanez & Sforza, Sleep Med 2004;5:577-581"

UNITS = {
    "trt": "min",
    "tst": "min",
    "spt": "min",
    "sol": "min",
    "lps": "min",
    "waso": "min",
    "rem_latency": "min",
    "se": "percent",
    "sme": "percent",
    "awakenings": "count",
    "transitions": "count",
    "sfi": "per hour",
    "minutes": "min",
    "percent": "percent",
}
"""Unit of each measure; `minutes` and `percent` stand for those of every stage."""


@dataclass(frozen=True)
class Definition:
    """One way to compute a measure.

    Attributes:
        measure: The measure, such as `waso`; `minutes` and `percent` are those of every stage.
        id: Name of the definition, unique within the measure.
        words: What is computed.
        source: Who computes it so.
        why: Of the default, why it is.
    """

    measure: str
    id: str
    words: str
    source: str
    why: str = ""


def _of(measure: str, *alternatives: tuple[str, str, str], why: str) -> tuple[Definition, ...]:
    """The first is the default."""
    return tuple(
        Definition(measure, name, words, source, "" if i else why)
        for i, (name, words, source) in enumerate(alternatives)
    )


_ALL: tuple[tuple[Definition, ...], ...] = (
    _of(
        "trt",
        ("lights_off_to_on", "Epochs from lights off to lights on, whatever was scored in them.", COMMON),
        why="There is no other; without lights off and on it is the length of the recording.",
    ),
    _of(
        "tst",
        ("all_sleep", "Epochs of any sleep stage between lights off and lights on.", COMMON),
        why="There is no other.",
    ),
    _of(
        "sol",
        ("any_sleep", "From lights off to the first epoch of any sleep stage.", f"{SRI}; {YASA}"),
        ("n1_or_n2", "From lights off to the first epoch of N1 or N2 (light sleep).", "Variant of any_sleep"),
        ("n2_or_deeper", "From lights off to the first epoch of N2, N3 or REM.", "Variant of any_sleep"),
        ("persistent_5min", "From lights off to the start of the first 5 minutes of unbroken sleep.", YASA),
        (
            "persistent_10min",
            "From lights off to the start of the first 10 minutes of unbroken sleep.",
            DREEM,
        ),
        (
            "third_epoch",
            "From lights off to the third epoch of the first three of sleep in a row, so two epochs late.",
            DOD,
        ),
        why="Both reference programs, and it needs no length of a run. Sleep onset of every other measure "
        "(SPT, WASO, REM latency, transitions) is the one declared here.",
    ),
    _of(
        "lps",
        ("start_of_10min", "From lights off to the start of the first 10 minutes of unbroken sleep.", DREEM),
        ("start_of_5min", "From lights off to the start of the first 5 minutes of unbroken sleep.", YASA),
        (
            "tenth_epoch",
            "From lights off to the tenth epoch of the first ten sleep epochs in a row, so nine epochs late.",
            DOD,
        ),
        why="Latency to persistent sleep in pharmacological trials.",
    ),
    _of(
        "spt",
        ("onset_to_last_sleep", "From sleep onset to the end of the last sleep epoch.", YASA),
        ("onset_to_lights_on", "From sleep onset to lights on.", "Variant of onset_to_last_sleep"),
        why="Time in bed after the final awakening is no sleep period.",
    ),
    _of(
        "waso",
        ("to_lights_on", "Wake epochs from sleep onset to lights on.", f"{SRI}; {COMMON}"),
        (
            "within_sleep_period",
            "Wake epochs between sleep onset and the last sleep epoch.",
            f"{YASA}; {DREEM}",
        ),
        why="It takes in early final awakenings, and TRT = SOL + WASO + TST holds where all is scored.",
    ),
    _of(
        "se",
        ("tst_of_trt", "TST in percent of TRT.", f"{SRI}; {YASA}"),
        ("tst_of_spt", "TST in percent of the sleep period (sleep maintenance efficiency).", YASA),
        why="Both reference programs call this sleep efficiency.",
    ),
    _of(
        "sme",
        ("tst_of_spt", "TST in percent of the sleep period.", YASA),
        why="There is no other; the sleep period is the one declared under `spt`.",
    ),
    _of(
        "rem_latency",
        ("from_sleep_onset", "From sleep onset to the first epoch of REM after it.", DREEM),
        ("from_lights_off", "From lights off to the first epoch of REM.", f"{YASA}; {COMMON}"),
        (
            "sleep_only",
            "Sleep epochs from sleep onset to the first REM epoch, wake left out.",
            "Variant of from_sleep_onset",
        ),
        why="It does not depend on how long falling asleep took, which has its own measure.",
    ),
    _of(
        "awakenings",
        (
            "within_sleep_period",
            "Runs of wake after sleep onset that sleep follows again.",
            "Runs of wake epochs of the WASO within the sleep period",
        ),
        ("with_final", "Changes from sleep to wake after sleep onset, the final awakening included.", YASA),
        why="The final awakening is one for everybody who wakes before lights on.",
    ),
    _of(
        "transitions",
        (
            "sleep_period",
            "Changes of stage from one epoch to the next, sleep onset to last sleep epoch.",
            YASA,
        ),
        ("recording", "Changes of stage from one epoch to the next, lights off to lights on.", YASA),
        why="Changes before sleep onset say little about sleep.",
    ),
    _of(
        "sfi",
        ("to_wake", "Changes from sleep to wake an hour of TST, anywhere between lights off and on.", YASA),
        ("to_wake_and_shifts", "Changes from sleep to wake or between sleep stages, an hour of TST.", HABA),
        why="It is the one that does not depend on how many stages are told apart.",
    ),
    _of(
        "minutes",
        ("all_epochs", "Epochs of the stage between lights off and lights on.", f"{SRI}; {YASA}"),
        why="There is no other.",
    ),
    _of(
        "percent",
        ("of_tst", "Minutes of the stage in percent of TST.", f"{SRI}; {YASA}"),
        ("of_spt", "Minutes of the stage in percent of the sleep period.", "Variant of of_tst"),
        ("of_trt", "Minutes of the stage in percent of TRT.", DOD),
        why="Both reference programs; it is about sleep's make-up, not its length.",
    ),
)

DEFINITIONS: dict[str, tuple[Definition, ...]] = {group[0].measure: group for group in _ALL}
"""Measure -> its definitions, the default first."""


def defaults() -> dict[str, str]:
    """Measure -> id of its default definition."""
    return {measure: group[0].id for measure, group in DEFINITIONS.items()}


def chosen(asked: Mapping[str, str] | None) -> dict[str, str]:
    """Every measure's definition: the one asked for, else the default.

    Raises:
        ValueError: A measure or a definition is unknown; all are listed.

    Example:
        >>> chosen({"waso": "within_sleep_period"})["waso"]
        'within_sleep_period'
    """
    problems = []
    for measure, name in (asked or {}).items():
        if measure not in DEFINITIONS:
            problems.append(f"`{measure}` is no measure; there are {', '.join(DEFINITIONS)}.")
        elif name not in (known := [one.id for one in DEFINITIONS[measure]]):
            problems.append(f"`{measure}` has no definition {name!r}; it has {', '.join(known)}.")
    if problems:
        raise ValueError("`definitions`: " + " ".join(problems))
    return defaults() | dict(asked or {})


def definition(measure: str, name: str) -> Definition:
    """The entry of the registry.

    Raises:
        ValueError: There is none.
    """
    return next(one for one in DEFINITIONS[measure] if one.id == chosen({measure: name})[measure])
