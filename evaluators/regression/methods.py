"""Interval methods of regression lines and correlations, as the table of methods lists them."""

from __future__ import annotations

from ..interval_method import IntervalMethod
from ..metric import Citation

LINNET1993 = Citation(
    "linnet1993",
    "Linnet K. Evaluation of regression procedures for methods comparison studies. Clin Chem "
    "1993;39:424-432.",
)
PASSING1983 = Citation(
    "passing1983",
    "Passing H, Bablok W. A new biometrical procedure for testing the equality of measurements from two "
    "different analytical methods. J Clin Chem Clin Biochem 1983;21:709-720.",
)
DUFEY2020 = Citation(
    "dufey2020",
    "Dufey F. Derivation of Passing-Bablok regression from Kendall's tau. Int J Biostat 2020;16(2):20190157.",
)
MILLER1974 = Citation("miller1974", "Miller RG. The jackknife - a review. Biometrika 1974;61:1-15.")
FISHER1921 = Citation(
    "fisher1921",
    "Fisher RA. On the 'probable error' of a coefficient of correlation deduced from a small sample. Metron "
    "1921;1(4):3-32.",
)
FIELLER1957 = Citation(
    "fieller1957",
    "Fieller EC, Hartley HO, Pearson ES. Tests for rank correlation coefficients. I. Biometrika "
    "1957;44:470-481.",
)
BONETT2000 = Citation(
    "bonett2000",
    "Bonett DG, Wright TA. Sample size requirements for estimating Pearson, Kendall and Spearman "
    "correlations. Psychometrika 2000;65:23-28.",
)
DRAPER1998 = Citation(
    "draper1998", "Draper NR, Smith H. Applied Regression Analysis. 3rd ed. Wiley 1998, ch. 1 and 9."
)
CORNBLEET1979 = Citation(
    "cornbleet1979",
    "Cornbleet PJ, Gochman N. Incorrect least-squares regression coefficients in method-comparison analysis. "
    "Clin Chem 1979;25:432-438.",
)
BINDER1983 = Citation(
    "binder1983",
    "Binder DA. On the variances of asymptotically normal estimators from complex surveys. "
    "Int Stat Rev 1983;51:279-292.",
)

METHODS: tuple[IntervalMethod, ...] = (
    IntervalMethod(
        "jackknife",
        "Jackknife over subjects",
        "Estimate plus and minus Student's t times the jackknife standard error, leaving out one subject at "
        "a time, number of subjects - 2 degrees of freedom; where each pair is a subject of its own, the "
        "jackknife over pairs of Linnet.",
        (LINNET1993,),
        resampling=False,
    ),
    IntervalMethod(
        "model_t",
        "t of the regression model",
        "Estimate plus and minus Student's t times the textbook standard error of the regression, pairs - 2 "
        "degrees of freedom; pairs are taken as independent.",
        (DRAPER1998, CORNBLEET1979),
        resampling=False,
    ),
    IntervalMethod(
        "passing_bablok",
        "Ranks of Passing and Bablok",
        "Ranked slopes at distance C / 2 from the shifted median, C = z sqrt(n (n - 1) (2n + 5) / 18) with n "
        "pairs; pairs are taken as independent.",
        (PASSING1983,),
        resampling=False,
    ),
    IntervalMethod(
        "kendall_t",
        "t from the variance of Kendall's tau",
        "Estimate plus and minus Student's t times a standard error from the slopes between which Kendall's "
        "tau is compatible with zero, its variance estimated from the data; pairs - 2 degrees of freedom, "
        "pairs are taken as independent.",
        (DUFEY2020,),
        resampling=False,
    ),
    IntervalMethod(
        "jackknife_fisher_z",
        "Fisher z, jackknife over subjects",
        "Student's t interval of artanh(r) with the jackknife standard error, leaving out one subject at a "
        "time, number of subjects - 1 degrees of freedom, transformed back.",
        (FISHER1921, MILLER1974),
        resampling=False,
    ),
    IntervalMethod(
        "cluster_fisher_z",
        "Fisher z, subjects as clusters",
        "Student's t interval of artanh(r) with the linearised standard error with subjects as clusters, "
        "number of subjects - 1 degrees of freedom, transformed back.",
        (FISHER1921, BINDER1983),
        resampling=False,
    ),
    IntervalMethod(
        "fisher_z",
        "Fisher z",
        "Normal interval of artanh(r) with standard error 1 / sqrt(n - 3), transformed back; for a "
        "repeated-measures correlation n - 3 is its degrees of freedom - 1; rows are taken as independent.",
        (FISHER1921,),
        resampling=False,
    ),
    IntervalMethod(
        "fieller_z",
        "Fisher z, Fieller's variance",
        "Normal interval of artanh(rho) with standard error sqrt(1.06 / (n - 3)), transformed back; rows are "
        "taken as independent.",
        (FIELLER1957,),
        resampling=False,
    ),
    IntervalMethod(
        "bonett_wright",
        "Fisher z, Bonett and Wright's variance",
        "Normal interval of artanh(rho) with standard error sqrt((1 + rho^2 / 2) / (n - 3)), transformed "
        "back; rows are taken as independent.",
        (BONETT2000,),
        resampling=False,
    ),
)
