"""The flow of participants (STARD): from those enrolled to those analysed, each loss with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .. import format as fmt
from .model import Flow, FlowStep


def participants(stages: Sequence[Mapping[str, Any]], *, name: str, title: str) -> Flow:
    """The stages of one deciding endpoint as boxes, and what was lost between two of them to the side.

    Args:
        stages: Stages of one entry of `flow` in results.json.
        name: Identifier of the figure.
        title: Its title.
    """
    steps: list[FlowStep] = []
    for stage in stages:
        steps += [FlowStep(str(loss["title"]), (_sizes(loss),), leaves=True) for loss in stage["losses"]]
        steps.append(FlowStep(str(stage["title"]), (_sizes(stage),)))
    spoken = "; ".join(
        f"{'lost, ' if step.leaves else ''}{step.title}: {', '.join(step.lines)}" for step in steps
    )
    return Flow(
        name=name,
        title=title,
        caption=f"{title}. Dashed boxes leave the flow; a unit is lost to the first reason that applies, and "
        "a subject with the last of its units.",
        alt=f"Flow of participants. {title}. {spoken}.",
        steps=tuple(steps),
    )


def _sizes(of: Mapping[str, Any]) -> str:
    subjects, units = of["n_subjects"], of["n_units"]
    return (
        f"{fmt.count(subjects)} subject{'s' if subjects != 1 else ''}, "
        f"{fmt.count(units)} unit{'s' if units != 1 else ''}"
    )
