"""Events in the protocol language: what a row of a table of events is, and which of two sides are one."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .base import Identifier, Model, Quantity, Text
from .streams import Within


class Event(Model):
    """A category that the data do not have: the class of each event, or that a side has none.

    It is there once events are matched (`method: events`). A row is an outcome then: an event that both
    sides have, one that the test missed, or one that it has in excess.
    """

    of: Identifier
    """Column of the same table that labels each row, such as the symbol of an annotation."""
    map: Literal["wfdb", "de_chazal"] | None = Field(
        default=None,
        description="Labels are symbols of WFDB annotations, and classes those of EC57. `wfdb`: the table of "
        "`bxb`. `de_chazal`: as there, but escape beats (`e`, `j`) are N.",
    )
    classes: dict[Text, Text] = Field(
        default_factory=dict,
        description="Label -> class, one of the levels. Default: labels that are called like a level are it.",
    )
    ignored: tuple[Text, ...] = Field(
        default=(), description="Labels of rows that are no events, such as a change of rhythm."
    )
    none: Text = Field(default="O", description="Level of outcomes that this side has no event of.")
    unreadable: Text | None = Field(
        default=None,
        description="`map`: level of outcomes that this side has no beat of because it says it cannot read. "
        "Default: as `none`.",
    )
    subtype: Identifier | None = Field(
        default=None,
        description="`map`: column with the subtypes of annotations; those of `~` say what can be read.",
    )


class Matching(Model):
    """Which events of the two sides belong together."""

    by: Literal["points", "beats", "intervals"] = Field(
        default="points",
        description="`points`: one-to-one within the tolerance, most pairs first, then least distance. "
        "`beats`: the rule of EC57 as `bxb` of WFDB has it. `intervals`: events that last (`duration`) and "
        "overlap, one-to-one, most pairs first, then largest overlap.",
    )
    reference: Identifier | None = Field(
        default=None, description="The reference's `event` column. Default: its only one."
    )
    test: Identifier | None = Field(
        default=None, description="The test's `event` column. Default: its only one."
    )
    tolerance: Quantity | None = Field(
        default=None, description="points, beats: largest accepted distance. Default of beats: 150 ms."
    )
    same_class: bool = Field(
        default=False,
        description="points, intervals: only events of one class match. Default: classes are compared "
        "afterwards.",
    )
    least_overlap: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.0,
        description="intervals: least share of what either covers that both cover (intersection over "
        "union). 0: any overlap.",
    )
    learning: Quantity | None = Field(
        default=None,
        description="Beginning of a session that is not compared. Default: none; of beats the 5 min of EC57.",
    )
    rate: Quantity | None = Field(
        default=None,
        description="beats: samples a second of the recording, such as `360 Hz`; the rule counts in samples.",
    )
    mode: Literal["corrected", "wfdb_compat"] = Field(
        default="corrected",
        description="beats: `wfdb_compat` counts as WFDB 10.7.0 does, its defects included.",
    )
    within: Within | None = Field(
        default=None,
        description="Stretches that count, one row a session: from the first moment of the recording to its "
        "end. Sessions without events of the reference need it; without it test events have no reference.",
    )
