"""Interval methods of proportions and of what is made of the four cells, as protocols and reports name them.

The computations are in `proportion_intervals` (units taken as independent), `clustered_proportions` (subjects
as clusters) and `table_intervals` (ratios and differences of two proportions).
"""

from __future__ import annotations

from .interval_method import IntervalMethod
from .metric import Citation

NEWCOMBE = Citation(
    "newcombe1998",
    "Newcombe RG. Two-sided confidence intervals for the single proportion: comparison of seven methods. "
    "Stat Med 1998;17:857-872.",
)
BROWN = Citation(
    "brown2001",
    "Brown LD, Cai TT, DasGupta A. Interval estimation for a binomial proportion. Stat Sci 2001;16:101-133.",
)
AGRESTI_COULL = Citation(
    "agresti1998",
    'Agresti A, Coull BA. Approximate is better than "exact" for interval estimation of binomial '
    "proportions. Am Stat 1998;52:119-126.",
)
LANCASTER = Citation(
    "lancaster1961",
    "Lancaster HO. Significance tests in discrete distributions. J Am Stat Assoc 1961;56:223-234.",
)
BLAKER = Citation(
    "blaker2000",
    "Blaker H. Confidence curves and improved exact confidence intervals for discrete distributions. "
    "Can J Stat 2000;28:783-798.",
)

_INDEPENDENT = "units are taken as independent."

METHODS: tuple[IntervalMethod, ...] = (
    IntervalMethod(
        "wilson_cc",
        "Wilson score, continuity-corrected",
        f"Wilson score interval of a proportion with continuity correction (method 4 of Newcombe); "
        f"{_INDEPENDENT}",
        (NEWCOMBE,),
        resampling=False,
    ),
    IntervalMethod(
        "mid_p",
        "Mid-P exact",
        f"Exact binomial interval that counts half the probability of the observed number (mid-P); "
        f"{_INDEPENDENT}",
        (LANCASTER, NEWCOMBE),
        resampling=False,
    ),
    IntervalMethod(
        "agresti_coull",
        "Agresti-Coull",
        f"Agresti-Coull interval: normal, about the centre of the Wilson interval, cut at 0 and 1; "
        f"{_INDEPENDENT}",
        (AGRESTI_COULL, BROWN),
        resampling=False,
    ),
    IntervalMethod(
        "jeffreys",
        "Jeffreys",
        f"Equal-tailed interval of the beta posterior under Jeffreys' prior, with the lower end 0 at no "
        f"events and the upper end 1 at events only; {_INDEPENDENT}",
        (BROWN,),
        resampling=False,
    ),
    IntervalMethod(
        "blaker",
        "Blaker exact",
        f"Exact binomial interval by Blaker's acceptability, contained in that of Clopper and Pearson; "
        f"{_INDEPENDENT}",
        (BLAKER,),
        resampling=False,
        two_sided_only=True,
    ),
    IntervalMethod(
        "logit",
        "Logit",
        f"Normal interval of the log odds of a proportion, transformed back; none where all units are "
        f"events, or none is; {_INDEPENDENT}",
        (BROWN,),
        resampling=False,
    ),
    IntervalMethod(
        "wald",
        "Wald",
        f"Normal interval of a proportion, cut at 0 and 1; its coverage is poor, and it has no width where "
        f"all units are events, or none is; {_INDEPENDENT}",
        (BROWN,),
        resampling=False,
    ),
)
"""Methods in the order the documentation lists them."""
