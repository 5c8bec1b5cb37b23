"""How versions were compared, in sentences with numbered sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...evaluators.agreement.bland_altman import BLAND_ALTMAN
from ...evaluators.comparison import methods as sources
from ...evaluators.comparison.error_shift import ROUSSELET, WILCOX
from ...evaluators.comparison.family import SOURCES
from ...evaluators.intervals import METHODS
from ...evaluators.raters.kappa import COHEN
from ...studies.between_versions import CATEGORY, NUMBER
from .. import format as fmt
from .. import rows as printed
from ..methods import Bibliography, Paragraph
from . import between, words
from .material import Material

Row = Mapping[str, Any]

ROUNDING = (
    "Numbers are rounded for print only; the attached results keep full precision. Estimate and bounds of an "
    "improvement share as many decimals as give the half-width of the interval two significant digits; where "
    "rounding would carry a number onto or across 0 or the margin, decimals are added until the order shows. "
    "Differences of percentages are percentage points (pp). Decisions are always taken on unrounded numbers."
)


def write(material: Material, cited: Bibliography) -> list[Paragraph]:
    """The methods, paragraph by paragraph."""
    return [
        Paragraph("What is compared", tuple(_compared(material))),
        Paragraph("Intervals", tuple(_intervals(material, cited))),
        Paragraph("Rules of decision", (), _rules(material)),
        Paragraph("Multiplicity", (_multiplicity(material, cited),)),
        *_who(material, cited),
        *_searches(material),
        *_between(material, cited),
        Paragraph("Rounding", (ROUNDING,)),
    ]


def _who(material: Material, cited: Bibliography) -> list[Paragraph]:
    """How subjects were ranked, where they were."""
    ranked = [one for one in material.document.get("who") or () if one["ranked"]]
    if not ranked:
        return []
    sources = [text for one in ranked for text in one["citations"]]
    text = (
        "Each subject\u2019s improvement is drawn towards the mean of all subjects, the more so the less its "
        "own units say (empirical Bayes). What is chance in it comes from blocks of consecutive units, for "
        "neighbours in time resemble each other: it is worked out again without each block (jackknife). A "
        "subject whose own blocks say little takes its variance from the others. Posterior intervals are "
        "those of a normal model and hold for subjects on average; they are not adjusted for multiplicity "
        f"and decide nothing{cited.cite(*dict.fromkeys(sources))}."
    )
    return [Paragraph("Who got worse", (text,))]


def _searches(material: Material) -> list[Paragraph]:
    """How weak spots were searched for, where they were."""
    every = (material.document.get("weak_spots") or {}).get("searches", ())
    searches = [one for one in every if not one.get("error")]
    if not searches:
        return []
    n = fmt.count(len(searches))
    text = (
        "Categories of the subjects, bands of declared subgroups and their pairs were looked at in one half "
        "of the subjects, drawn by the protocol's seed. Those that looked worst there, three at most a "
        "comparison, were tested in the other half, one-sided, adjusted by Holm's procedure; together the "
        f"searches ({n}) confirm what is not there in one study of twenty. Intervals are those of the other "
        "half, each for itself."
    )
    return [Paragraph("Weak spots", (text,))]


def _between(material: Material, cited: Bibliography) -> list[Paragraph]:
    """How versions were held against each other, where they were."""
    origin = tuple(one.text for one in BLAND_ALTMAN.citations[:3])
    numbers = between.of_kind(material, NUMBER)
    categories = between.of_kind(material, CATEGORY)
    found = []
    if numbers:
        found.append(
            "Measurements of two versions: bias and limits of agreement over units, each counted once, with "
            "components within and between subjects where subjects have several units, and intervals "
            f"linearised with subjects as clusters{cited.cite(*origin)}."
        )
    shifts = [row for row in numbers if row.get("shift")]
    if shifts:
        found.append(
            "How errors moved: quantiles of the absolute error over all units, candidate less baseline, with "
            f"percentile intervals from {fmt.count(shifts[0]['replicates'])} resamples of subjects that draw "
            f"both versions together{cited.cite(WILCOX.text, ROUSSELET.text)}."
        )
    if categories:
        found.append(
            "Categories of two versions: Cohen\u2019s kappa with its interval from resampled subjects"
            f"{cited.cite(COHEN.text)}."
        )
    return [Paragraph("Agreement between versions", tuple(found))] if found else []


def _compared(material: Material) -> list[str]:
    overlap = (
        "Units that only one version could analyse were left out, as was asked for (--overlap); they are "
        "counted in this report."
        if material.document.get("overlap")
        else "Versions were compared on the same analysable units, under the same protocol and definitions."
    )
    return [
        f"Each candidate is compared with {material.baseline} on the same recordings of the same subjects.",
        "Subjects are the independent units: both versions are evaluated with the same subject weights, so "
        "that what a subject does to both cancels, and rows of one subject are not taken for independent.",
        "An improvement is the difference of candidate and baseline (or their ratio, where the protocol says "
        "so), turned so that positive (above 1 for a ratio) is better for the candidate.",
        overlap,
        "A missing output is no score: how many units had one is compared as an endpoint of its own.",
    ]


def _intervals(material: Material, cited: Bibliography) -> list[str]:
    level = fmt.level(float(material.document["level"]))
    found = [f"Intervals are two-sided with a confidence of {level} each."]
    names = dict.fromkeys(str(row["ci_method"]) for row in material.comparisons if row.get("ci_method"))
    for name in names:
        if name in METHODS:
            method = METHODS[name]
            found.append(f"{method.title}: {method.words}{cited.cite(*(c.text for c in method.citations))}")
        else:
            found.append(f"{printed.method_title(name).capitalize()}.")
    errors = [row["mc_error"] for row in material.comparisons if row.get("mc_error") is not None]
    if errors:
        found.append("Each resampled bound carries a Monte-Carlo error, which is in the results.")
    return found


def _rules(material: Material) -> tuple[tuple[str, str], ...]:
    judged = (
        "The interval of each endpoint decides"
        if material.document["multiplicity"] == "none"
        else "Of primary endpoints the interval adjusted for multiplicity decides, of secondary ones their "
        "own"
    )
    nothing = "0 (of ratios 1)"
    return (
        ("Interval", f"{judged}, on unrounded numbers"),
        ("Superior", f"The whole interval lies above {nothing}"),
        ("Non-inferior", "Else: the whole interval lies above the loss that the margin tolerates"),
        ("Inferior", "Else: the whole interval lies below that loss"),
        ("Inconclusive", "Else. Without a margin only superiority can be shown"),
        ("Not evaluable", "There is no valid interval, or the study lacks what the protocol demands of it"),
        ("Worse", f"Said beside the decision where the whole interval lies below {nothing}"),
        (
            "A candidate",
            "Has the worst decision among its primary endpoints, in the order inferior, not evaluable, "
            "inconclusive, non-inferior, superior. Secondary endpoints inform and decide nothing",
        ),
    )


def _multiplicity(material: Material, cited: Bibliography) -> str:
    name = str(material.document["multiplicity"])
    primary = [row for row in material.comparisons if row["role"] == "primary"]
    n = f"{fmt.count(len(primary))} primary comparison{'' if len(primary) == 1 else 's'}"
    if name == "none":
        return f"The protocol declares no adjustment: each of the {n} is judged by its own interval."
    told = {
        "max_t": "by the largest studentised deviation over all of them in the same resamples of subjects, "
        "so that all intervals hold together",
        "bonferroni": "by sharing the error equally between them, so that all intervals hold together",
        "holm": "by a graph: each begins with an equal share of the error for its first claim (non-inferior, "
        "or without a margin superior), and what a claim that is shown has used passes to the next of the "
        "same comparison and from there to the others; bounds are those compatible with the claims",
    }[name]
    origin = [citation.text for citation in SOURCES[name] or (sources.DUNN,)]
    return (
        f"The {n} (every primary endpoint of every candidate) are adjusted together, {told} "
        f"({words.MULTIPLICITY[name]}){cited.cite(*origin)}."
    )
