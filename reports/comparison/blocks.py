"""The parts of a comparison report, as records that the template lays out. Absent data make no part."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from ...studies.demographics import SMALL_CELL
from .. import format as fmt
from ..figures.model import Forest
from ..methods import joined
from . import figures, words
from .material import Material
from .words import Text

Row = Mapping[str, Any]
NOT_RECORDED = "not recorded"
INTERIM = (
    "Extending a study after this look at its results is an unplanned interim analysis: it raises the chance "
    "of a wrong decision unless it is accounted for."
)
ALONE = "each by itself, not adjusted for multiplicity"
"""Intervals of subgroups, where the comparison names no method for them."""
ACROSS = 5
"""Candidates that stand beside each other in one table of a page."""


@dataclass(frozen=True)
class Candidate:
    """One candidate with what was decided on it.

    Attributes:
        id: Its version.
        title: Its title in study.yaml, or nothing.
        decision: The decision in a word or two.
        state: For the eye.
        words: The decision in a sentence.
        reasons: What it rests on, a sentence an endpoint.
        identical: The version that it is byte for byte the same as, or nothing.
        lines: Its comparisons, in the protocol's order.
    """

    id: str
    title: str
    decision: str
    state: str
    words: str
    reasons: tuple[str, ...]
    identical: str
    lines: tuple[Text, ...]


def candidates(material: Material) -> list[Candidate]:
    """Every candidate in the order asked for."""
    return [_candidate(material, name) for name in material.candidates]


def _candidate(material: Material, name: str) -> Candidate:
    decided = material.document["decisions"][name]
    return Candidate(
        id=name,
        title=version_title(material, name),
        decision=words.decision(decided),
        state=words.STATES[str(decided["decision"])],
        words=fmt.quoted(str(decided.get("words") or "")),
        reasons=tuple(fmt.quoted(str(one)) for one in decided.get("reasons") or ()),
        identical=_identical(material, name),
        lines=tuple(words.text(row) for row in material.of(candidate=name)),
    )


def version_title(material: Material, name: str) -> str:
    """The title of a version, where study.yaml gives one."""
    version = material.config.algorithm.versions.get(name) if material.config else None
    return (version.title if version else None) or ""


def _identical(material: Material, name: str) -> str:
    """Whose outputs are byte for byte those of this version."""
    for group in material.document.get("identical") or ():
        if name in group:
            others = [one for one in group if one != name]
            return f"Its outputs are byte for byte those of {joined(others)}." if others else ""
    return ""


def panels(material: Material) -> list[Forest]:
    """One forest plot an endpoint, with all candidates."""
    return [
        figures.forest(
            material.of(endpoint=name), baseline=material.baseline, level=float(material.document["level"])
        )
        for name in material.endpoints()
    ]


@dataclass(frozen=True)
class Cell:
    """One candidate in one subgroup.

    Attributes:
        improvement: Its improvement, or how few subjects there are, or a dash.
        interval: Its interval.
        subjects: Number of subjects.
        side: `better` or `worse` where the whole interval lies on that side; else empty.
        shade: `better` or `worse` with a depth from 0 to 3, for the eye: the improvement beside the margin.
    """

    improvement: str
    interval: str = ""
    subjects: str = ""
    side: str = ""
    shade: str = ""


EMPTY = Cell(words.DASH)


@dataclass(frozen=True)
class HeatMap:
    """An endpoint's improvements by subgroup and candidate.

    Attributes:
        endpoint: Identifier of the endpoint.
        title: Its title.
        unit: Unit of the improvements.
        candidates: Heads of the columns.
        groups: (subgroup, lines of level with one cell a candidate).
        method: How its intervals were made.
    """

    endpoint: str
    title: str
    unit: str
    candidates: tuple[str, ...]
    groups: tuple[tuple[str, tuple[tuple[str, tuple[Cell, ...]], ...]], ...]
    method: str = ALONE


def heat_maps(material: Material, *, across: int = ACROSS) -> list[HeatMap]:
    """Subgroups by candidates, one table an endpoint; several where there are many candidates."""
    made = []
    for name in material.endpoints():
        rows = [row for row in material.of(endpoint=name) if row.get("subgroups")]
        each = math.ceil(len(rows) / math.ceil(len(rows) / across)) if rows else 1
        made += [_heat_map(material, rows[at : at + each]) for at in range(0, len(rows), each)]
    return made


def _heat_map(material: Material, rows: Sequence[Row]) -> HeatMap:
    groups: dict[str, dict[str, dict[str, Cell]]] = {}
    reach = _reach(rows)
    methods: dict[str, None] = {}
    for row in rows:
        for part in row["subgroups"]:
            subgroup, level = part_words(material, part)
            groups.setdefault(subgroup, {}).setdefault(level, {})[str(row["candidate"])] = cell(
                row, part, reach
            )
            if part.get("ci_method"):
                methods[str(part["ci_method"])] = None
    names = tuple(str(row["candidate"]) for row in rows)
    return HeatMap(
        endpoint=str(rows[0]["endpoint"]),
        title=words.title(rows[0]),
        unit=words.unit(rows[0]),
        candidates=names,
        groups=tuple(
            (
                subgroup,
                tuple((level, tuple(own.get(one, EMPTY) for one in names)) for level, own in levels.items()),
            )
            for subgroup, levels in groups.items()
        ),
        method=joined(words.method_title(name) for name in methods) or ALONE,
    )


def part_words(material: Material, part: Row) -> tuple[str, str]:
    """Subgroup and level in words, whether they stand apart or as `skin=VI`."""
    name, _, own = str(part["subgroup"]).partition("=")
    level = str(part.get("level") or own or name)
    declared = (material.document.get("protocol") or {}).get("subgroups", {}).get(name) or {}
    return str(declared.get("title") or name.replace("_", " ").capitalize()), level


def cell(row: Row, part: Row, reach: float) -> Cell:
    """One candidate in one subgroup; of a handful of subjects only how few they are."""
    if words.hidden(part):
        return Cell(f"fewer than {SMALL_CELL} subjects")
    numbers = words.found(part)
    estimate = numbers.get("estimate")
    if estimate is None or math.isnan(estimate):
        return Cell(words.DASH, subjects=fmt.count(part.get("n_subjects")))
    lower, upper = numbers.get("lower"), numbers.get("upper")
    side = "better" if lower is not None and lower > 0 else ""
    side = "worse" if upper is not None and upper < 0 else side
    return Cell(
        words.change(row, estimate, part=part, units=False),
        words.bounds(row, numbers, part=part),
        fmt.count(part.get("n_subjects")),
        side,
        shade(abs(estimate), reach, better=estimate >= 0),
    )


def shade(size: float, reach: float, *, better: bool) -> str:
    """How a cell is shaded: its direction, and in three steps how much of the deepest shade it has.

    Example:
        >>> shade(0.5, 1.0, better=True), shade(9.0, 1.0, better=False), shade(0.0, 0.0, better=True)
        ('better-2', 'worse-3', 'better-0')
    """
    depth = min(3, math.ceil(3 * size / reach)) if reach > 0 else 0
    return f"{'better' if better else 'worse'}-{depth}"


def _reach(rows: Sequence[Row]) -> float:
    """The loss or gain at which the shade is deepest: the margin, or the largest that is shown."""
    margin = rows[0].get("margin")
    if margin is not None:
        return math.log(margin) if words.is_ratio(rows[0]) else float(margin)
    shown = [
        abs(estimate)
        for row in rows
        for part in row["subgroups"]
        if (estimate := words.found(part).get("estimate")) is not None and math.isfinite(estimate)
    ]
    return max(shown, default=0.0)


@dataclass(frozen=True)
class WeakSpot:
    """A group of subjects that looked worse in one half of them, held against the other half.

    Attributes:
        candidate: Candidate.
        title: Endpoint.
        name: The group.
        subjects: Its subjects in the half held back.
        improvement: Its improvement there, or that it has too few subjects.
        interval: The interval, adjusted for what was carried over.
        p: Adjusted p value of "not worse".
        confirmed: Whether it is confirmed to be worse.
    """

    candidate: str
    title: str
    name: str
    subjects: str
    improvement: str
    interval: str
    p: str
    confirmed: bool


def weak_spots(material: Material) -> list[WeakSpot]:
    """What the search for weak spots carried to the other half; nothing where it was not made.

    A version that is worse as a whole is left out: it is so for nearly everybody.
    """
    found = []
    for search in (material.document.get("weak_spots") or {}).get("searches", ()):
        rows = material.of(endpoint=search["endpoint"], candidate=search["candidate"])
        found += [_weak_spot(rows[0], spot) for spot in search["carried"] if rows and not rows[0]["worse"]]
    return sorted(found, key=lambda one: not one.confirmed)


def unsearched(material: Material) -> list[str]:
    """Which comparisons were not searched for weak spots, and why, each reason once."""
    found = material.document.get("weak_spots") or {}
    reasons: dict[str, list[str]] = {}
    for search in found.get("searches", ()):
        if search.get("error"):
            rows = material.of(endpoint=search["endpoint"], candidate=search["candidate"])
            name = words.title(rows[0]) if rows else str(search["endpoint"])
            reasons.setdefault(str(search["error"]), []).append(f"{search['candidate']} ({name})")
    told = [f"{', '.join(places)}: {why}" for why, places in reasons.items()]
    return [f"Not searched for weak spots: {one.rstrip('.')}." for one in (*found.get("notes", ()), *told)]


def _weak_spot(row: Row, spot: Row) -> WeakSpot:
    numbers = {name: spot.get(name) for name in ("estimate", "lower", "upper")}
    few, part = words.hidden(spot), {"improvement": numbers}
    return WeakSpot(
        str(row["candidate"]),
        words.title(row),
        str(spot["name"]),
        f"<{SMALL_CELL}" if few else fmt.count(spot.get("n_subjects")),
        words.DASH if few else words.change(row, numbers["estimate"], part=part),
        words.DASH if few else words.bounds(row, numbers, part=part),
        words.DASH if few else fmt.p_value(spot.get("adjusted_p")),
        bool(spot["confirmed"]),
    )


def left_out(material: Material) -> list[tuple[str, str, str, str]]:
    """(endpoint, candidate, units only the baseline has, units only the candidate has), where any are."""
    return [
        (
            words.title(row),
            str(row["candidate"]),
            fmt.count(row["left_out"].get("baseline")),
            fmt.count(row["left_out"].get("candidate")),
        )
        for row in material.comparisons
        if row.get("left_out") and any(row["left_out"].get(side) for side in ("baseline", "candidate"))
    ]


def notes(material: Material) -> list[str]:
    """What the reader has to know of the units that were compared, as sentences."""
    found = material.document.get("comparability") or {}
    told = [fmt.quoted(str(one)) for one in found.get("notes") or ()]
    return [f"{one[0].upper()}{one[1:].rstrip('.')}." for one in told if one]


_COUNTED = re.compile(
    r"\s*Units that only one version has: [\d,]+ of the baseline, [\d,]+ of the candidate\."
)
"""A warning of a comparison whose numbers stand in the table of what was left out."""


def remarks(material: Material) -> list[tuple[str, str, str]]:
    """(candidate, its endpoints, note) of every reason, warning and error, each once a candidate."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for row in material.comparisons:
        text = words.text(row)
        for note in text.notes:
            rest = _COUNTED.sub("", note).strip()
            if rest:
                said = f"{rest[0].upper()}{rest[1:].rstrip('.')}."
                grouped.setdefault((text.candidate, said), []).append(text.title)
    return [(candidate, joined(titles), note) for (candidate, note), titles in grouped.items()]


COVERAGE = ("coverage", "yield")


def coverage(material: Material) -> list[words.Text]:
    """The comparisons of how many units had an output at all."""
    return [
        words.text(row)
        for row in material.comparisons
        if row["endpoint"] in COVERAGE or row["metric"] in COVERAGE
    ]


@dataclass(frozen=True)
class Sensitivity:
    """What the comparison could have seen, and what would settle it.

    Attributes:
        title: Endpoint.
        candidate: Candidate.
        detectable: The smallest regression that could be detected; a dash where it was not computed.
        power: With which power.
        margin: The margin it is to be held against.
        further: The expected number of further subjects with its range; empty where nothing is open.
        words: The same in a sentence, as it was computed.
    """

    title: str
    candidate: str
    detectable: str
    power: str
    margin: str
    further: str
    words: str


def sensitivity(material: Material) -> list[Sensitivity]:
    """The smallest regression that each comparison could detect, and how much more would settle it."""
    found = []
    for row in material.comparisons:
        smallest, more = row.get("detectable") or {}, row.get("further") or {}
        if not smallest and not more:
            continue
        size = smallest.get("regression")
        found.append(
            Sensitivity(
                words.title(row),
                str(row["candidate"]),
                words.loss(row, size),
                "" if smallest.get("power") is None else fmt.level(float(smallest["power"])),
                words.margin(row),
                _further(more),
                fmt.quoted(str(more.get("words") or "")),
            )
        )
    return found


def interim(lines: Sequence[Sensitivity]) -> str:
    """The warning beside numbers of further subjects; empty without any, or where they bring their own."""
    told = [one.words for one in lines if one.further or one.words]
    return INTERIM if told and not any("interim" in one for one in told) else ""


def _further(more: Row) -> str:
    """Expected further subjects with their range."""
    if more.get("subjects") is None:
        return ""
    number = fmt.count(math.ceil(more["subjects"]))
    ends = [end for side in ("lower", "upper") if (end := more.get(side)) is not None and math.isfinite(end)]
    if len(ends) < 2:
        return number
    return f"{number} ({' to '.join(fmt.count(math.ceil(end)) for end in ends)})"


def pre_specified(material: Material) -> bool:
    """Whether every result follows a plan that was locked beforehand."""
    known = _stamps(material)
    return bool(len(known)) and bool(known.all())


def _stamps(material: Material) -> pl.Series:
    """Of every result whether it was specified beforehand; empty while nothing is locked."""
    if "pre_specified" not in material.rows.columns:
        return pl.Series(dtype=pl.Boolean)
    return material.rows["pre_specified"].cast(pl.Boolean).drop_nulls()


def plan(material: Material) -> str:
    """What was fixed beforehand, in one sentence."""
    known = _stamps(material)
    if known.is_empty():
        return "No locked plan: nothing in this comparison can be shown to have been specified beforehand."
    post_hoc = int((~known).sum())
    if not post_hoc:
        return "The plan was locked beforehand, and every result follows it."
    return f"The plan was locked, but {fmt.count(post_hoc)} of {fmt.count(len(known))} results are POST HOC."


def software(material: Material) -> list[tuple[str, str]]:
    """Software, machine and seed, as far as the manifest says."""
    environment = material.manifest.get("environment") or {}
    packages = ", ".join(f"{name} {version}" for name, version in (environment.get("packages") or {}).items())
    facts = [
        ("Software", f"Accordance {material.document['run'].get('accordance', NOT_RECORDED)}"),
        ("Packages", packages),
        ("Python", f"{environment.get('implementation', '')} {environment.get('python', '')}".strip()),
        ("Platform", str(environment.get("platform") or "")),
        ("Seed", str(material.manifest.get("seed") or "")),
        ("Started", str(material.document["run"]["started"])),
        ("Finished", material.finished),
    ]
    return [(term, said) for term, said in facts if said]


def rests_on(material: Material) -> str:
    """Subjects and units behind the primary comparisons; a range where they differ."""
    rows = [row for row in material.comparisons if row["role"] == "primary"] or list(material.comparisons)
    subjects = _range([row.get("n_subjects") for row in rows])
    units = _range([row.get("n_units") for row in rows])
    return f"{subjects} subjects, {units} units" if rows else "nothing"


def _range(counts: Sequence[int | None]) -> str:
    known = sorted({one for one in counts if one is not None})
    if not known:
        return "no"
    return fmt.count(known[0]) if len(known) == 1 else f"{fmt.count(known[0])} to {fmt.count(known[-1])}"
