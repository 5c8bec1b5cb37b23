"""From epochs to measures of the night on both sides, and how far a result moves with the definition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..metric import FloatArray
from ..result import number
from .definitions import DEFINITIONS, chosen, definition
from .hypnogram import MOST_UNSCORED, HypnogramMeasures, Unscored, measured
from .nights import Staging
from .pairing import PairedNights, paired_nights

RESTS_ON: dict[str, tuple[str, ...]] = {
    "spt": ("spt", "sol"),
    "waso": ("waso", "sol"),
    "se": ("se", "spt", "sol"),
    "sme": ("spt", "sol"),
    "rem_latency": ("rem_latency", "sol"),
    "awakenings": ("awakenings", "sol"),
    "transitions": ("transitions", "sol"),
    "percent": ("percent", "spt", "sol"),
}
"""Measure -> the measures whose definitions it rests on, where that is not itself alone."""


@dataclass(frozen=True)
class PairedMeasures:
    """Measures of the same nights by reference and device, a row a night.

    Attributes:
        nights: Name of each night.
        subjects: Subject of each night.
        reference: Measures by the reference.
        device: Measures by the device.
        cut: (N, 2) epochs that truncation took from reference and device.
    """

    nights: tuple[str, ...]
    subjects: tuple[str, ...]
    reference: HypnogramMeasures
    device: HypnogramMeasures
    cut: Any

    def __getitem__(self, measure: str) -> tuple[FloatArray, FloatArray]:
        return self.reference[measure], self.device[measure]

    def difference(self, measure: str) -> FloatArray:
        """(N,) device less reference; NaN where either has no value."""
        return self.device[measure] - self.reference[measure]

    def reason(self, measure: str, night: int) -> str | None:
        """Why a night has no difference; None where it has one."""
        sides = (("reference", self.reference), ("device", self.device))
        found = [f"{name}: {why}" for name, side in sides if (why := side.reason(measure, night))]
        return " ".join(found) or None

    def __str__(self) -> str:
        lines = [f"{len(self.nights):,} nights of {len(set(self.subjects)):,} subjects"]
        for name in self.reference.values:
            both = self.difference(name)
            known = both[np.isfinite(both)]
            words = number(float(known.mean())) if len(known) else "no value"
            lines.append(
                f"{name} ({self.reference.definitions[name]}): mean difference {words} "
                f"{self.reference.units[name]}, n = {len(known)}"
            )
        return "\n".join(lines)


def paired_measures(
    reference: Any,
    device: Any,
    *,
    night: Any = None,
    subject: Any = None,
    staging: Staging = "five",
    device_staging: Staging | None = None,
    into: Staging | None = None,
    epoch_seconds: float = 30.0,
    definitions: Mapping[str, str] | None = None,
    lights_off: Any = None,
    lights_on: Any = None,
    unscored: Unscored = "kept",
    most_unscored: float = MOST_UNSCORED,
    truncate: bool = False,
) -> PairedMeasures:
    """Measures of every night by reference and device, from their epochs, under the same definitions.

    Args:
        reference: Stage codes; see `hypnogram_measures`.
        device: Stage codes of the device, in the same shape.
        night: Label of each row, where both are columns.
        subject: Subject of each night, or of each row where `night` is given.
        staging: What the codes of the reference mean.
        device_staging: What those of the device mean. Default: the same. Both are merged to the coarser one.
        into: Fewer stages to merge both to.
        epoch_seconds: Length of an epoch in seconds.
        definitions: Measure -> id of the definition, where it is not the default.
        lights_off: First epoch of the analysis, the same for both sides.
        lights_on: First epoch after it.
        unscored: Unscored epochs; see `hypnogram_measures`.
        most_unscored: Share of unscored epochs above which a night of a side has no measures.
        truncate: Whether nights of unequal length are cut to the shorter side; else they are refused.

    Raises:
        ValueError: See `paired_nights` and `hypnogram_measures`.

    Example:
        >>> psg, watch = [0, 1, 1, 0, 0, 0, 1, 1], [0, 0, 1, 1, 0, 1, 1, 1]
        >>> found = paired_measures(psg, watch, night=["a"] * 4 + ["b"] * 4, staging="two")
        >>> found.difference("tst").tolist(), found.difference("sol").tolist()
        ([0.0, 0.5], [0.5, -0.5])
    """
    pairs = paired_nights(
        reference, device, night=night, subject=subject, staging=staging, device_staging=device_staging,
        into=into, lights_off=lights_off, lights_on=lights_on, truncate=truncate,
    )  # fmt: skip
    return _measures(pairs, epoch_seconds, definitions, unscored, most_unscored)


def _measures(
    pairs: PairedNights,
    seconds: float,
    definitions: Mapping[str, str] | None,
    unscored: Unscored,
    most: float,
) -> PairedMeasures:
    sides = [measured(side, seconds, definitions, unscored, most) for side in (pairs.reference, pairs.device)]
    return PairedMeasures(pairs.reference.names, pairs.subjects, sides[0], sides[1], pairs.cut)


@dataclass(frozen=True)
class DefinitionEffect:
    """A measure under one definition.

    Attributes:
        of: The measure whose definition it is.
        definition: Its id.
        used: Whether it is the one declared.
        n: Nights with a value on both sides.
        reference: Mean by the reference.
        device: Mean by the device.
        bias: Mean difference.
        sd: SD of the differences.
        moved: Bias less that under the declared definitions.
        changed: Nights whose reference or device value is another one than under the declared definitions.
        reason: Why it could not be computed.
    """

    of: str
    definition: str
    used: bool
    n: int = 0
    reference: float = float("nan")
    device: float = float("nan")
    bias: float = float("nan")
    sd: float = float("nan")
    moved: float = float("nan")
    changed: int = 0
    reason: str | None = None


@dataclass(frozen=True)
class DefinitionDiff:
    """How a measure and its bias move under every other definition, one changed at a time.

    Attributes:
        measure: The measure.
        unit: Its unit.
        effects: The declared definition first.
    """

    measure: str
    unit: str
    effects: tuple[DefinitionEffect, ...]

    def __str__(self) -> str:
        lines = [f"{self.measure} ({self.unit}) under each definition"]
        for one in self.effects:
            name = f"{one.of}: {one.definition}{' (declared)' if one.used else ''}"
            lines.append(
                f"{name}: {one.reason}"
                if one.reason
                else f"{name}: reference {number(one.reference)}, device {number(one.device)}, bias "
                f"{number(one.bias)} (SD {number(one.sd)}, n = {one.n}), moved {number(one.moved)}, "
                f"{one.changed} nights changed"
            )
        return "\n".join(lines)


def definition_diff(
    reference: Any,
    device: Any,
    measure: str,
    *,
    night: Any = None,
    staging: Staging = "five",
    device_staging: Staging | None = None,
    into: Staging | None = None,
    epoch_seconds: float = 30.0,
    definitions: Mapping[str, str] | None = None,
    lights_off: Any = None,
    lights_on: Any = None,
    unscored: Unscored = "kept",
    most_unscored: float = MOST_UNSCORED,
    truncate: bool = False,
) -> DefinitionDiff:
    """How a measure of the night and its bias move under each other definition that it rests on.

    Args:
        reference: Stage codes; see `hypnogram_measures`.
        device: Stage codes of the device, in the same shape.
        measure: Which measure, such as `waso` or `percent_rem`.
        night: Label of each row, where both are columns.
        staging: What the codes of the reference mean.
        device_staging: What those of the device mean.
        into: Fewer stages to merge both to.
        epoch_seconds: Length of an epoch in seconds.
        definitions: What is declared, where it is not the default.
        lights_off: First epoch of the analysis.
        lights_on: First epoch after it.
        unscored: Unscored epochs; see `hypnogram_measures`.
        most_unscored: Share of unscored epochs above which a night has no measures.
        truncate: Whether nights of unequal length are cut to the shorter side.

    Raises:
        ValueError: The measure is unknown or these stages do not have it, or what `paired_measures` refuses.

    Example:
        A device that wakes its wearer half a minute before the end:

        >>> found = definition_diff([[0, 1, 0, 1, 1, 1]], [[0, 1, 0, 1, 1, 0]], "waso", staging="two")
        >>> [(one.definition, one.bias) for one in found.effects[:2]]
        [('to_lights_on', 0.5), ('within_sleep_period', 0.0)]
    """
    pairs = paired_nights(
        reference, device, night=night, staging=staging, device_staging=device_staging, into=into,
        lights_off=lights_off, lights_on=lights_on, truncate=truncate,
    )  # fmt: skip
    declared = chosen(definitions)
    usual = _measures(pairs, epoch_seconds, declared, unscored, most_unscored)
    if measure not in usual.reference.values:
        raise ValueError(f"`measure` is {measure!r}; these nights have {', '.join(usual.reference.values)}.")
    base = measure.partition("_")[0] if measure.startswith(("minutes_", "percent_")) else measure
    parts = RESTS_ON.get(base, (base,))
    start = float(np.mean(_both(usual, measure)[1])) if len(_both(usual, measure)[1]) else float("nan")
    first = parts[0] if measure != "sme" else "sme"
    effects = [_effect(usual, usual, measure, first, declared[first], start=start, used=True)]
    for of in parts:
        for name in (one.id for one in DEFINITIONS[of] if one.id != declared[of]):
            try:
                other = _measures(pairs, epoch_seconds, declared | {of: name}, unscored, most_unscored)
            except ValueError as problem:
                effects.append(DefinitionEffect(of, name, used=False, reason=str(problem)))
                continue
            effects.append(_effect(other, usual, measure, of, name, start=start, used=False))
    return DefinitionDiff(measure, usual.reference.units[measure], tuple(effects))


def _both(found: PairedMeasures, measure: str) -> tuple[Any, FloatArray]:
    difference = found.difference(measure)
    known = np.isfinite(difference)
    return known, difference[known]


def _effect(
    found: PairedMeasures,
    usual: PairedMeasures,
    measure: str,
    of: str,
    name: str,
    *,
    start: float,
    used: bool,
) -> DefinitionEffect:
    definition(of, name)  # that it exists
    known, difference = _both(found, measure)
    same = [
        np.isclose(now[measure], then[measure], rtol=1e-12, atol=1e-12, equal_nan=True)
        for now, then in ((found.reference, usual.reference), (found.device, usual.device))
    ]
    if not len(difference):
        return DefinitionEffect(of, name, used, reason="No night has a value on both sides.")
    bias = float(difference.mean())
    return DefinitionEffect(
        of=of,
        definition=name,
        used=used,
        n=len(difference),
        reference=float(found.reference[measure][known].mean()),
        device=float(found.device[measure][known].mean()),
        bias=bias,
        sd=float(difference.std(ddof=1)) if len(difference) > 1 else float("nan"),
        moved=bias - start,
        changed=int((~(same[0] & same[1])).sum()),
    )
