"""Sensitivity and specificity together, in a population with a prevalence."""

from __future__ import annotations

from dataclasses import replace

from ..metric import Citation
from .asked import Asked
from .design import BUDERER, Ceilings, inflate_sample_size
from .proportions import PLANNED, precision_proportion
from .results import SampleSize, Step

HAJIAN = Citation(
    "hajian2014",
    "Hajian-Tilaki K. Sample size estimation in diagnostic test studies of biomedical informatics. "
    "J Biomed Inform 2014;48:193-204.",
)


def precision_sensitivity_specificity(
    sensitivity: float | None,
    specificity: float | None,
    prevalence: float,
    *,
    half_width: float,
    ci: str = "wald",
    level: float = 0.95,
    rows_per_subject: int = 1,
    icc: float = 0.0,
    inconclusive: float = 0.0,
    drop_out: float = 0.0,
    assurance: float | None = None,
    ceilings: Ceilings = "end",
) -> SampleSize:
    """Subjects to enrol for intervals of sensitivity and specificity that are narrow enough (Buderer 1996).

    Sensitivity needs n1 subjects with the condition, specificity n2 without; of those enrolled the larger of
    n1 / prevalence and n2 / (1 - prevalence) is taken. Half-widths are those were the expected proportion
    observed. Nothing is rounded before the end by default; `ceilings="each"` rounds n1 and n2 up first, as
    hand calculations do, and can give more.

    Args:
        sensitivity: Expected sensitivity; None where it is not planned.
        specificity: Expected specificity; None where it is not planned.
        prevalence: Share of the enrolled with the condition.
        half_width: The half-width wanted of both.
        ci: `wald` (default: Buderer's formula z^2 p (1 - p) / d^2), or the interval that will be reported,
            as for `precision_proportion`; near 1 `wilson` and `clopper_pearson` need more, and are right.
        level: Confidence level, two-sided.
        rows_per_subject: Rows of each subject.
        icc: Intraclass correlation of a subject's rows.
        inconclusive: Share of subjects whose result can not be used.
        drop_out: Share of subjects who are lost before there is a result.
        assurance: Probability wanted of enough with and without the condition; None (default): on average.
        ceilings: `end` or `each`, as for `inflate_sample_size`.

    Raises:
        ParameterError: A parameter is not acceptable.
        CannotComputeError: More than 1,000,000 subjects would be needed.

    Example:
        Hajian-Tilaki 2014, p. 195: sensitivity 0.8 within 0.07 at prevalence 0.1:

        >>> precision_sensitivity_specificity(0.8, None, 0.1, half_width=0.07).n
        1255
        >>> precision_sensitivity_specificity(0.8, None, 0.1, half_width=0.07, ceilings="each").n
        1260
    """
    asked = Asked()
    for name, value in (("sensitivity", sensitivity), ("specificity", specificity)):
        if value is not None:
            asked.share(name, value)
    asked.that(
        sensitivity is not None or specificity is not None, "Give `sensitivity`, `specificity`, or both."
    )
    asked.share("prevalence", prevalence)
    asked.number("half_width", half_width, above=0)
    asked.one_of("ci", ci, PLANNED)
    asked.settle()

    def needed(expected: float | None) -> float:
        if expected is None:
            return 0.0
        found = precision_proportion(
            expected, half_width=half_width, ci=ci, level=level, width_at="expected",
            rows_per_subject=rows_per_subject, icc=icc,
        )  # fmt: skip
        return float(found.n if found.unrounded is None else found.unrounded)

    n1, n2 = needed(sensitivity), needed(specificity)
    enrolled = inflate_sample_size(
        n1, n2, prevalence=prevalence, inconclusive=inconclusive, drop_out=drop_out, assurance=assurance,
        ceilings=ceilings,
    )  # fmt: skip
    reasons = {
        "evaluable with the condition": "sensitivity",
        "evaluable without the condition": "specificity",
    }
    steps = tuple(
        Step(step.name, step.value, f"half-width {half_width:g} of {reasons[step.name]}, by {ci}")
        if step.name in reasons
        else step
        for step in enrolled.steps
    )
    return replace(
        enrolled,
        title="Precision of sensitivity and specificity in a population with a prevalence",
        parameters={
            "sensitivity": sensitivity, "specificity": specificity, "prevalence": prevalence,
            "half_width": half_width, "ci": ci, "level": level, "rows_per_subject": rows_per_subject,
            "icc": icc, "inconclusive": inconclusive, "drop_out": drop_out, "assurance": assurance,
            "ceilings": ceilings,
        },
        half_width=half_width,
        details={"with_condition": n1, "without_condition": n2, **enrolled.details},
        steps=steps,
        citations=(BUDERER, HAJIAN),
    )  # fmt: skip
