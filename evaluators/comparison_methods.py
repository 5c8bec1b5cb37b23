"""Interval methods of comparisons, as protocols and reports name them."""

from __future__ import annotations

from .interval_method import IntervalMethod
from .metric import Citation

MILLER = Citation("miller1974", "Miller RG. The jackknife: a review. Biometrika 1974;61:1-15.")

METHODS: tuple[IntervalMethod, ...] = (
    IntervalMethod(
        "jackknife_t",
        "t, jackknife over subjects",
        "Estimate plus and minus Student's t times the standard error of leaving out one subject at a time, "
        "number of subjects - 1 degrees of freedom.",
        (MILLER,),
        resampling=False,
    ),
)
