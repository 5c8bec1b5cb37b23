"""Rows to units of time, against plain loops in exact arithmetic."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accordance.datasets.pairs import Pairs
from accordance.protocols.base import Quantity
from accordance.protocols.model import Protocol, Table
from accordance.protocols.model import Unit as UnitOf

from .streams_cases import LEVELS, made, protocol, rows, table

# --- the oracle: one unit after the other, in exact arithmetic


def expected(  # noqa: PLR0912 - one rule after the other, as the documentation tells them
    frame: pl.DataFrame,
    contract: Table,
    unit: UnitOf,
    how: Any,
    spans: dict[str, list[tuple[Fraction, Fraction]]] | None,
    origins: dict[str, Fraction],
) -> tuple[dict[tuple[str, Fraction], dict[str, Any]], dict[str, int]]:
    """Units of one side by subject and start, and what became of the rows."""
    length = Fraction(unit.length.value) if unit.length else None
    found: dict[tuple[str, Fraction, Fraction], list[dict[str, Any]]] = defaultdict(list)
    fate: dict[int, str] = {}
    for number, row in enumerate(frame.iter_rows(named=True)):
        if row["time"] is None:
            fate[number] = "no_time"
            continue
        lasts = row["span"] if contract.duration else contract.interval.value
        if lasts is None:
            fate[number] = "no_duration"
            continue
        lasts = Fraction(lasts)
        begin = Fraction(row["time"]) - (lasts if contract.stamp == "end" else 0)
        end = begin + lasts
        place = begin if unit.place == "start" else begin + lasts / 2
        held = lasts > length
        hits = []
        for low, high in (spans or {}).get(row["subject"], []) if spans is not None else [(None, None)]:
            if low is not None and not held and not low <= place < high:
                continue
            origin = low if unit.origin == "session" and low is not None else origins[row["subject"]]
            first, last = math.floor((begin - origin) / length) - 1, math.ceil((end - origin) / length) + 1
            for k in range(first, last + 1):
                start, stop = origin + k * length, origin + (k + 1) * length
                point = start if unit.place == "start" else (start + stop) / 2
                inside = begin <= point < end if held else start <= place < stop
                if low is not None:
                    start, stop = max(start, low), min(stop, high)
                if inside and start < stop:
                    time = min(end, stop) - max(begin, start) if held else lasts
                    if time > 0:
                        hits.append((start, stop, time))
        if not hits:
            fate[number] = "outside_within"
        for start, stop, time in hits:
            entry = {**row, "number": number, "lasts": time}
            found[row["subject"], start, stop].append(entry)
    if spans is not None and how is not None and how[1] == "reference":
        for subject, stretches in spans.items():
            if subject not in origins:
                continue
            for low, high in stretches:
                origin = low if unit.origin == "session" else Fraction(0)
                k = math.floor((low - origin) / length)
                while origin + k * length < high:
                    found[subject, max(origin + k * length, low), min(origin + (k + 1) * length, high)] += []
                    k += 1
    units = {}
    for (subject, start, stop), entries in found.items():
        units[subject, start] = one_unit(entries, stop - start, how[0], length, unit)
    for (subject, start, _), entries in found.items():
        state = units[subject, start]["state"]
        for entry in entries:
            if entry["code"]:
                fate[entry["number"]] = entry["code"]
            elif entry["number"] not in units[subject, start]["entered"]:
                fate[entry["number"]] = "missing_value"
            else:
                order = ["used", "partial_unit", "low_coverage"]
                fate[entry["number"]] = min(state, fate.get(entry["number"], state), key=order.index)
    counts: dict[str, int] = defaultdict(int)
    for word in fate.values():
        counts[word] += 1
    return units, dict(counts)


def one_unit(
    entries: list[dict[str, Any]], size: Fraction, how: Any, length: Fraction, unit: UnitOf
) -> dict[str, Any]:
    """The value of one unit."""
    usable = [entry for entry in entries if not entry["code"]]
    out: dict[str, Any] = {"n_rows": 0, "coverage": Fraction(0), "entered": set()}
    kept: dict[str, list[dict[str, Any]]] = {}
    for name in ("rate", "span", "stage"):
        kept[name] = [entry for entry in usable if entry[name] is not None]
        if name == "stage" and how.unscored == "ignored":
            kept[name] = [entry for entry in kept[name] if entry["stage"] != "unscored"]
        covered = min(sum((entry["lasts"] for entry in kept[name]), Fraction(0)) / size, Fraction(1))
        enough = covered > 0 and float(covered) >= how.min_coverage
        out[name] = value_of(name, kept[name], how) if enough else None
        out["coverage"] = max(out["coverage"], covered)
        out["entered"] |= {entry["number"] for entry in kept[name]}
    out["n_rows"] = len(out["entered"])
    out["short"] = all(out[name] is None for name in ("rate", "span", "stage"))
    out["partial"] = size < length and unit.partial == "counted"
    out["codes"] = {entry["code"] for entry in entries if entry["code"]} if out["short"] else set()
    out["state"] = "partial_unit" if out["partial"] else "low_coverage" if out["short"] else "used"
    sites = {entry["site"] for entry in usable if entry["site"] is not None}
    out["site"] = next(iter(sites)) if len(sites) == 1 else None
    return out


def value_of(name: str, kept: list[dict[str, Any]], how: Any) -> Any:
    """The value of rows that cover enough."""
    if name == "stage":
        time: dict[str, Fraction] = defaultdict(Fraction)
        for entry in kept:
            time[entry["stage"]] += entry["lasts"]
        if how.categories == "uniform":
            return next(iter(time)) if len(time) == 1 else None
        most = max(time.values())
        return next(level for level in LEVELS if level in time and time[level] == most) if most else None
    values = [Fraction(entry[name]) for entry in kept]
    if how.numbers == "median":
        return float(statistics.median(values))
    weights = [Fraction(1)] * len(values)
    if how.numbers != "mean":
        weights = [entry["lasts"] for entry in kept]
    if how.numbers == "beat_weighted":
        weights = [w * x for w, x in zip(weights, values, strict=True)]
    total = sum(weights)
    return float(sum(w * x for w, x in zip(weights, values, strict=True)) / total) if total else None


def check(  # noqa: PLR0912 - one statement after the other
    rules: Protocol, frames: dict[str, pl.DataFrame], lights: pl.DataFrame | None = None
) -> Pairs:
    """Pairs, held against the oracle unit by unit and row by row."""
    spec = rules.pairings["main"]
    unit = spec.unit
    assert unit is not None
    spans: dict[str, list[tuple[Fraction, Fraction]]] | None = None
    if lights is not None:
        spans = defaultdict(list)
        for subject, off, on in lights.iter_rows():
            spans[subject].append((Fraction(off), Fraction(on)))
    subjects = {name for frame in frames.values() for name in frame["subject"]}
    origins = {subject: Fraction(0) for subject in subjects}
    cuts: dict[str, Fraction] = {}
    if unit.origin == "session" and spans is None:
        for side in ("test", "reference"):
            contract = rules.tables[side]
            for subject in subjects:
                bounds = []
                for row in frames[side].filter(pl.col("subject") == subject).iter_rows(named=True):
                    lasts = row["span"] if contract.duration else contract.interval.value
                    if row["time"] is not None and lasts is not None:
                        begin = Fraction(row["time"]) - (Fraction(lasts) if contract.stamp == "end" else 0)
                        bounds.append((begin, begin + Fraction(lasts)))
                if bounds:
                    origins[subject] = min(low for low, _ in bounds)
                    cuts[subject] = max(high for _, high in bounds)
    pairs = made(rules, frames["reference"], frames["test"], lights)
    length = Fraction(unit.length.value)
    assert pairs.regrid is not None
    for side in ("reference", "test"):
        how = getattr(unit, side)
        units, fate = expected(frames[side], rules.tables[side], unit, (how, side), spans, origins)
        ours = pairs.frame.filter(pl.col(f"{side}_row").is_not_null())
        assert ours.height == len(units)
        for row in ours.iter_rows(named=True):
            one = units[row["subject"], Fraction(row["time"])]
            codes = {code for place, code in enumerate(pairs.codes) if row["reasons"] >> place & 1}
            cut = cuts.get(row["subject"])
            if cut is not None and Fraction(row["time"]) < cut < Fraction(row["time"]) + length:
                continue  # the last unit of a recording: see `test_last_epoch`
            for name in ("rate", "span", "coverage"):
                theirs = None if one[name] is None else float(one[name])
                assert row[f"{side}.{name}"] == (
                    None if theirs is None else pytest.approx(theirs, rel=1e-12)
                ), (side, name, row)
            for name in ("stage", "site", "n_rows"):
                assert row[f"{side}.{name}"] == one[name], (side, name, row)
            assert (f"low_coverage_{side}" in codes) == one["short"]
            assert one["codes"] <= codes
            assert not one["partial"] or "partial_unit" in codes
        if cuts:
            continue
        audit = pairs.regrid.filter(pl.col("side") == side)
        told = {
            row["reason"].removesuffix(f"_{side}"): row["n_rows"]
            for row in audit.group_by("reason").agg(pl.col("n_rows").sum()).iter_rows(named=True)
        }
        assert told.pop("read", 0) == frames[side].height
        assert told == fate
    return pairs


# --- random streams


@st.composite
def stream(draw: st.DrawFn, *, spans: bool = False, codes: bool = True) -> pl.DataFrame:
    """Rows of up to three subjects at multiples of half a second, in any order."""
    count = draw(st.integers(1, 40))
    keys = draw(
        st.lists(
            st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(-20, 120)),
            min_size=count,
            max_size=count,
            unique=True,
        )
    )
    found = []
    for subject, time in keys:
        rate = draw(st.none() | st.integers(0, 240).map(float))
        stage = draw(st.none() | st.sampled_from(LEVELS))
        site = draw(st.sampled_from([None, "wrist", "wrist", "arm"]))
        span = draw(st.sampled_from([0.5, 1.0, 1.5, 7.0, 25.0])) if spans else None
        if spans and draw(st.integers(0, 19)) == 0:
            span = None
        code = draw(st.sampled_from([None] * 8 + ["artefact", "moved"])) if codes else None
        found.append((subject, time / 2, rate, stage, site, span, code))
    return rows(*found)


reductions = st.fixed_dictionaries(
    {
        "numbers": st.sampled_from(["mean", "median", "time_weighted", "beat_weighted"]),
        "categories": st.sampled_from(["majority", "uniform"]),
        "min_coverage": st.sampled_from([0.0, 0.1, 0.25, 0.5]),
        "unscored": st.sampled_from(["counts", "ignored"]),
    }
)


def unchecked(unit: dict[str, Any], **sides: Table) -> Protocol:
    """A protocol as above, but for what the language refuses to weight by beats."""
    plain = {**unit}
    weights = {side: plain[side]["numbers"] for side in ("reference", "test") if side in plain}
    for side in weights:
        plain[side] = {**plain[side], "numbers": "mean"}
    rules = protocol(plain, **sides)
    spec = rules.pairings["main"]
    assert spec.unit is not None
    changed = {
        side: getattr(spec.unit, side).model_copy(update={"numbers": how}) for side, how in weights.items()
    }
    spec = spec.model_copy(update={"unit": spec.unit.model_copy(update=changed)})
    return rules.model_copy(update={"pairings": {"main": spec}})


units = st.fixed_dictionaries(
    {
        "length": st.sampled_from(["2 s", "3 s", "5 s", "10 s"]),
        "origin": st.sampled_from(["clock", "session"]),
        "place": st.sampled_from(["start", "middle"]),
        "partial": st.sampled_from(["counted", "kept"]),
        "reference": reductions,
        "test": reductions,
    }
)


@settings(max_examples=120, deadline=None)
@given(unit=units, reference=stream(), test=stream(), stamp=st.sampled_from(["start", "end"]))
def test_rows_of_one_length(
    unit: dict[str, Any], reference: pl.DataFrame, test: pl.DataFrame, stamp: str
) -> None:
    rules = unchecked(parsed(unit), reference=table(stamp=stamp))
    check(rules, {"reference": reference, "test": test})


@settings(max_examples=120, deadline=None)
@given(unit=units, reference=stream(spans=True), test=stream(), stamp=st.sampled_from(["start", "end"]))
def test_rows_of_their_own_length(
    unit: dict[str, Any], reference: pl.DataFrame, test: pl.DataFrame, stamp: str
) -> None:
    """Among them rows that last longer than a unit, which are held."""
    rules = unchecked(parsed(unit), reference=table(duration="span", stamp=stamp))
    check(rules, {"reference": reference, "test": test})


@st.composite
def lights_table(draw: st.DrawFn) -> pl.DataFrame:
    """Stretches that do not overlap."""
    found = []
    for subject in ("a", "b", "c"):
        edges = sorted(draw(st.lists(st.integers(-20, 120), unique=True, max_size=6)))
        found += [(subject, low / 2, high / 2) for low, high in zip(edges[::2], edges[1::2], strict=False)]
    schema = {"subject": pl.String, "off": pl.Float64, "on": pl.Float64}
    return pl.DataFrame(found, schema=schema, orient="row")


@settings(max_examples=150, deadline=None)
@given(unit=units, reference=stream(spans=True), test=stream(), lights=lights_table(), own=st.booleans())
def test_within_stretches(
    unit: dict[str, Any],
    reference: pl.DataFrame,
    test: pl.DataFrame,
    lights: pl.DataFrame,
    own: bool,
) -> None:
    within = {"table": "lights", "start": "off", "end": "on"}
    contract = table(duration="span") if own else table()
    rules = unchecked({**parsed(unit), "within": within}, reference=contract)
    check(rules, {"reference": reference, "test": test}, lights)


def parsed(unit: dict[str, Any]) -> dict[str, Any]:
    """A unit with its length as a quantity."""
    return {**unit, "length": Quantity.from_text(unit["length"])}
