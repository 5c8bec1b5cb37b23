"""A reference brought to units of time beforehand: kept, cut and joined, it gives the pairs of its rows.

Oracle: pairing both tables at once, which other tests hold against plain loops and other engines.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from accordance.datasets import reference_side
from accordance.datasets.pairing import pair
from accordance.datasets.pairing import reference_side as made_of
from accordance.datasets.pairs import Pairs
from accordance.datasets.reference_side import ReferenceSide
from accordance.datasets.store import Store
from accordance.protocols.base import Quantity
from accordance.protocols.errors import ContractError
from accordance.protocols.model import Alignment, Protocol

from .clock_sessions import session
from .streams_cases import LEVELS, SCHEMA, protocol, table

SUBJECTS = ("a", "b", "c", "d", "e")


def frame(seed: int, subjects: tuple[str, ...], *, span: bool = False, ends: float = 240.0) -> pl.DataFrame:
    """Rows in no order, with gaps, codes, rows without a time and, asked for, of any length."""
    random = np.random.default_rng(seed)
    parts = []
    for place, subject in enumerate(subjects):
        n = 90 + 10 * place
        time = np.sort(random.choice(np.arange(0, ends, 0.5), n, replace=False)) + 7 * place
        lengths = random.choice([0.5, 1.0, 9.0, 45.0, np.nan], n, p=[0.4, 0.4, 0.1, 0.05, 0.05])
        parts.append(
            pl.DataFrame(
                {
                    "subject": subject,
                    "time": pl.Series(time).set(pl.Series(random.random(n) < 0.03), None),
                    "rate": pl.Series(random.normal(70, 9, n).round(1)).set(
                        pl.Series(random.random(n) < 0.1), None
                    ),
                    "stage": random.choice(np.array(LEVELS), n),
                    "site": np.where(time < 100, "left", "right"),
                    "span": pl.Series(lengths if span else np.ones(n)).fill_nan(None),
                    "code": pl.Series(random.choice(np.array(["", "artefact"]), n, p=[0.95, 0.05])).replace(
                        "", None
                    ),
                },
                schema=SCHEMA,
            )
        )
    return pl.concat(parts).sample(fraction=1, shuffle=True, seed=seed)


def kept(
    rules: Protocol, reference: pl.DataFrame, lights: pl.DataFrame | None, folder: Path, cuts: list[str]
) -> ReferenceSide:
    """The side of each group of subjects, through a store; of each of them a part, and all together."""
    store = Store(folder)
    parts = []
    for key in cuts:
        own = reference.filter(pl.col("subject").is_in(list(key)))
        stretches = None if lights is None else {"lights": lights.filter(pl.col("subject").is_in(list(key)))}
        side = made_of(rules, "main", own, tables=stretches)
        store.put("side", key, frames=side.frames(), facts=side.facts())
        entry = store.get("side", key)
        assert entry is not None
        found = ReferenceSide.of(entry)
        # cut in two and joined again, it is the same
        halves = [found.of_subjects(key[:1]), found.of_subjects(key[1:])]
        parts.append(reference_side.joined(halves))
    return reference_side.joined(parts)


def equal(one: Pairs, other: Pairs) -> None:
    assert_frame_equal(one.frame, other.frame, check_exact=True)
    for name in ("regrid", "clocks", "lone_test"):
        left, right = getattr(one, name), getattr(other, name)
        assert (left is None) == (right is None), name
        if left is not None:
            assert_frame_equal(left, right, check_exact=True)
    assert (one.n_reference_rows, one.n_test_rows, one.without_rows) == (
        other.n_reference_rows,
        other.n_test_rows,
        other.without_rows,
    )


LIGHTS = pl.DataFrame(
    {
        "subject": ["a", "a", "b", "c", "e", "f"],
        "off": [10.0, 120.0, 0.0, 33.0, 0.0, 5.0],
        "on": [95.5, 200.0, 150.0, 34.0, 400.0, 100.0],
    }
)
HELD: dict[str, Any] = {"reference": table(duration="span")}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "clock": ({"length": "30 s"}, {}),
    "session": ({"length": "30 s", "origin": "session"}, {}),
    "epochs": ({"length": "20 s"}, {"method": "epochs"}),
    "sessions": ({}, {"method": "sessions"}),
    "within": ({"length": "30 s", "within": {"table": "lights", "start": "off", "end": "on"}}, {}),
    "within by stretch": (
        {
            "length": "30 s",
            "origin": "session",
            "partial": "kept",
            "within": {"table": "lights", "start": "off", "end": "on"},
        },
        {},
    ),
    "sessions within": (
        {"within": {"table": "lights", "start": "off", "end": "on"}},
        {"method": "sessions"},
    ),
    "held": ({"length": "5 s"}, HELD),
    "held within": (
        {"length": "5 s", "within": {"table": "lights", "start": "off", "end": "on"}},
        HELD,
    ),
    "weighted": (
        {"length": "30 s", "reference": {"numbers": "time_weighted", "min_coverage": 0.2}},
        HELD | {"method": "windows"},
    ),
    "median": ({"length": "30 s", "reference": {"numbers": "median", "categories": "uniform"}}, {}),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("cuts", [["abcde"], ["ab", "cde"], ["a", "bcd", "e"]])
def test_a_kept_side_gives_the_pairs_of_its_rows(name: str, cuts: list[str], tmp_path: Path) -> None:
    unit, more = dict(CASES[name][0]), CASES[name][1]
    if "length" in unit:
        unit["length"] = Quantity.from_text(unit["length"])
    rules = protocol(unit, **more)
    lights = LIGHTS if "within" in unit else None
    reference = frame(1, SUBJECTS, span="reference" in more)
    # a session that only the reference has (a), and one that only the test table has (f)
    test = frame(2, ("b", "c", "d", "e", "f"), ends=300.0)
    tables = None if lights is None else {"lights": lights}
    given: dict[str, Any] = {"test": test, "version": "1", "tables": tables}
    whole = pair(rules, "main", reference=reference, **given)
    side = kept(rules, reference, lights, tmp_path, cuts)
    equal(pair(rules, "main", reference=side, **given), whole)
    assert whole.frame["status"].n_unique() > 1
    # some subjects of it, for another version
    few = given | {"test": test.filter(pl.col("subject").is_in(["c", "d"]))}
    own = reference.filter(pl.col("subject").is_in(["c", "d"]))
    part = side.of_subjects(["c", "d"])
    equal(pair(rules, "main", reference=part, **few), pair(rules, "main", reference=own, **few))


def test_no_subject_of_it_is_a_reference_without_rows(tmp_path: Path) -> None:
    rules = protocol({"length": Quantity.from_text("30 s")})
    reference, test = frame(1, SUBJECTS), frame(2, ("f", "g"))
    side = kept(rules, reference, None, tmp_path, ["ab", "cde"]).of_subjects(["f", "g"])
    given: dict[str, Any] = {"test": test, "version": "1"}
    equal(
        pair(rules, "main", reference=side, **given),
        pair(rules, "main", reference=reference.head(0), **given),
    )


def aligned(rules: Protocol, **how: Any) -> Protocol:
    """The same with clocks."""
    rule = Alignment(reference="rate", test="rate", search=Quantity.from_text("40 s"), **how)
    pairing = rules.pairings["main"].model_copy(update={"alignment": rule})
    return rules.model_copy(update={"pairings": {"main": pairing}})


def wear() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Three sessions by signals: beats, and seconds of a wrist; the last without a common time."""
    sides: tuple[list[pl.DataFrame], list[pl.DataFrame]] = ([], [])
    for place, subject in enumerate("abc"):
        known = session(20 + place, seconds=3600, offset=4.0 + 9 * place)
        for rows, found, late in (
            (known.reference, sides[0], 0.0),
            (known.test, sides[1], 9e6 * (place > 1)),
        ):
            found.append(
                pl.DataFrame(
                    {"time": rows.time + late, "rate": rows.value, "span": rows.length}
                    if rows.length is not None
                    else {"time": rows.time + late, "rate": rows.value}
                ).with_columns(pl.lit(subject).alias("subject"))
            )
    frames = [pl.concat(side, how="diagonal") for side in sides]
    return tuple(
        one.select(
            (pl.col(name) if name in one.columns else pl.lit(None)).cast(dtype).alias(name)
            for name, dtype in SCHEMA.items()
        )
        for one in frames
    )  # type: ignore[return-value]


@pytest.mark.parametrize("apply", [True, False])
@pytest.mark.parametrize("cuts", [["abc"], ["a", "bc"]])
def test_clocks_by_signals(apply: bool, cuts: list[str], tmp_path: Path) -> None:
    rules = aligned(
        protocol({"length": Quantity.from_text("10 s")}, reference=table(duration="span")),
        apply=apply,
        drift="linear",
    )
    reference, test = wear()
    given: dict[str, Any] = {"test": test, "version": "1"}
    whole = pair(rules, "main", reference=reference, **given)
    assert whole.clocks is not None
    assert set(whole.clocks["status"]) > {"resolved"}
    side = kept(rules, reference, None, tmp_path, cuts)
    equal(pair(rules, "main", reference=side, **given), whole)
    # with clocks that are known, and an error, the clock of the reference is not needed
    bare = ReferenceSide(side.units, None)
    again = {"clocks": whole.clocks, "clock_error": -3.0}
    moved = pair(rules, "main", reference=bare, **given, **again)
    equal(moved, pair(rules, "main", reference=reference, **given, **again))
    assert not moved.frame.equals(whole.frame)


@pytest.mark.parametrize("cuts", [["abcde"], ["ab", "cde"]])
def test_clocks_by_events(cuts: list[str], tmp_path: Path) -> None:
    rules = protocol({"length": Quantity.from_text("30 s")})
    rule = Alignment(
        by="events",
        reference="stage",
        test="stage",
        events=("rem", "deep"),
        search=Quantity.from_text("20 s"),
        apply=True,
    )
    pairing = rules.pairings["main"].model_copy(update={"alignment": rule})
    rules = rules.model_copy(update={"pairings": {"main": pairing}})
    reference = frame(1, SUBJECTS)
    test = reference.with_columns(time=pl.col("time") + 3.5).filter(pl.col("subject") != "b")
    given: dict[str, Any] = {"test": test, "version": "1"}
    whole = pair(rules, "main", reference=reference, **given)
    assert whole.clocks is not None and "resolved" in whole.clocks["status"].to_list()
    equal(pair(rules, "main", reference=kept(rules, reference, None, tmp_path, cuts), **given), whole)


def test_what_is_kept_is_much_less_than_the_rows(tmp_path: Path) -> None:
    rules = aligned(protocol({"length": Quantity.from_text("10 s")}, reference=table(duration="span")))
    reference, _ = wear()
    side = made_of(rules, "main", reference)
    frames = {name: one.lazy().collect() for name, one in side.frames().items()}
    assert frames["units"].height < reference.height / 8
    assert set(frames["signal"].columns) == {"step", "value", "length"}
    halves = reference.with_columns(rate=pl.col("rate").round(0))
    packed = made_of(rules, "main", halves).frames()["signal"].lazy().collect_schema()
    assert packed["value"] == pl.Float32  # no digit is lost


def test_what_is_wrong_with_the_reference_is_said_without_a_test_row() -> None:
    rules = protocol({"length": Quantity.from_text("10 s")}, reference=table(duration="span"))
    wrong = frame(1, ("a",)).with_columns(span=pl.lit(-1.0))
    with pytest.raises(ContractError, match="above zero"):
        made_of(rules, "main", wrong)
    with pytest.raises(ContractError, match="no column `subject`"):
        made_of(protocol({"length": Quantity.from_text("10 s")}), "main", frame(1, ("a",)).drop("subject"))
    with pytest.raises(ContractError, match="no column `rate`"):
        made_of(
            aligned(protocol({"length": Quantity.from_text("10 s")})), "main", frame(1, ("a",)).drop("rate")
        )
