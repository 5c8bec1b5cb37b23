"""Predetermined change control: which modifications of the algorithm are permitted, and what each must show.

The three parts that FDA expects of such a plan ("Marketing Submission Recommendations for a Predetermined
Change Control Plan for Artificial Intelligence-Enabled Device Software Functions", December 2024): the
description of modifications, the modification protocol (data management, re-training, performance evaluation
with acceptance criteria fixed beforehand, update procedures) and the impact assessment. The texts are a
manufacturer's; what a modification must reach names endpoints and compared endpoints of the same protocol, so
that it can be held against results.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .base import Identifier, Model, Text

RequiredDecision = Literal["non_inferior", "superior"]


class Modification(Model):
    """One permitted modification, and what a version that implements it must show."""

    title: Text
    """The modification in a few words."""
    description: Text
    """The modification, and why it is foreseen."""
    changes: Text
    """What may change, and within which bounds; what is not named here stays as it is."""
    data: Text
    """Data the change is trained on, and how test data are kept sequestered from it."""
    verification: Text
    """How the changed version is verified and validated, beside what is computed here."""
    rollout: Text
    """How it is rolled out and monitored, and what happens where it fails."""
    impact: Text | None = None
    """Benefits and risks of the modification, and how the plan mitigates them (impact assessment)."""
    endpoints: tuple[Identifier, ...] = Field(
        default=(), description="Acceptance: endpoints whose criterion the version must meet by itself."
    )
    comparison: dict[Identifier, RequiredDecision] = Field(
        default_factory=dict,
        description="Compared endpoint -> the decision that it must reach against the baseline: "
        "`non_inferior` (superior will do) or `superior`.",
    )


class ChangeControl(Model):
    """The modifications that are permitted beforehand. Anything else is another device."""

    title: Text | None = None
    """Words for the report."""
    baseline: Identifier | None = Field(
        default=None,
        description="Version that modifications are compared with, as a rule the authorised one. Default: "
        "the one asked for.",
    )
    modifications: dict[Identifier, Modification]
    """Identifier -> permitted modification. A version of study.yaml names it with `modification`."""
