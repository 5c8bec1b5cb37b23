"""Reason codes that speak of a value: an empty cell, or an output that is no result."""

from __future__ import annotations

import polars as pl

from accordance.datasets.pairing import pair
from accordance.protocols.model import Column, Endpoint, Exclusion, Pairing, Protocol, Table


def test_values_that_are_no_result_carry_their_code_and_give_way_to_other_reasons() -> None:
    rhythm = Column(type="category", levels=("af", "sr", "poor"), indeterminate=("poor",), missing="allowed")
    table = Table(key=("subject",), columns={"subject": Column(type="text"), "rhythm": rhythm})
    flagged = Table(
        key=("subject",),
        exclusion="note",
        columns={**table.columns, "note": Column(type="text", missing="allowed")},
    )
    endpoint = Endpoint(
        title="Sensitivity",
        role="primary",
        metric="sensitivity",
        pairing="main",
        reference="rhythm",
        test="rhythm",
    )
    protocol = Protocol(
        schema="accordance/protocol/1", id="af", version="1", title="AF", seed=1,
        intended_use="x", objective="y",
        tables={"reference": flagged, "test": table}, pairings={"main": Pairing()},
        exclusions={"withdrawn": Exclusion(title="Withdrew consent")}, endpoints={"se": endpoint},
    )  # fmt: skip
    reference = pl.DataFrame(
        {"subject": ["1", "2", "3", "4"], "rhythm": ["af"] * 4, "note": [None, None, "withdrawn", None]}
    )
    test = pl.DataFrame({"subject": ["1", "2", "3"], "rhythm": ["poor", None, "poor"]})
    pairs = pair(protocol, "main", reference=reference, test=test, version="1")
    assert pairs.frame["reason"].to_list() == ["indeterminate", "missing_value", "withdrawn", "no_test"]
    assert pairs.frame["reasons"].to_list()[2] == pairs.bits(("withdrawn", "indeterminate"))
