"""Interval methods of proportions and of what is made of the four cells, as protocols and reports name them.

The computations are in `intervals` (units taken as independent) and `clustered` (subjects as clusters) beside
this module, and in `classification.table_intervals` (ratios and differences of two proportions).
"""

from __future__ import annotations

from ..interval_method import IntervalMethod
from ..metric import Citation

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

RAO_SCOTT = Citation(
    "rao1992",
    "Rao JNK, Scott AJ. A simple method for the analysis of clustered binary data. "
    "Biometrics 1992;48:577-585.",
)
KORN_GRAUBARD = Citation(
    "korn1998",
    "Korn EL, Graubard BI. Confidence intervals for proportions with small expected number of positive "
    "counts estimated from survey data. Surv Methodol 1998;24:193-201.",
)
KISH = Citation("kish1965", "Kish L. Survey Sampling. Wiley 1965.")
DONNER_KLAR = Citation(
    "donner2000",
    "Donner A, Klar N. Design and Analysis of Cluster Randomization Trials in Health Research. Arnold 2000.",
)
LIANG_ZEGER = Citation(
    "liang1986",
    "Liang KY, Zeger SL. Longitudinal data analysis using generalized linear models. "
    "Biometrika 1986;73:13-22.",
)
BELL_MCCAFFREY = Citation(
    "bell2002",
    "Bell RM, McCaffrey DF. Bias reduction in standard errors for linear regression with multi-stage "
    "samples. Surv Methodol 2002;28:169-181.",
)
LUMLEY = Citation("lumley2004", "Lumley T. Analysis of complex survey samples. J Stat Softw 2004;9(8):1-19.")
SIMEL = Citation(
    "simel1991",
    "Simel DL, Samsa GP, Matchar DB. Likelihood ratios with confidence: sample size estimation for "
    "diagnostic test studies. J Clin Epidemiol 1991;44:763-770.",
)
WOOLF = Citation(
    "woolf1955",
    "Woolf B. On estimating the relation between blood group and disease. Ann Hum Genet 1955;19:251-253.",
)
KOOPMAN = Citation(
    "koopman1984",
    "Koopman PAR. Confidence intervals for the ratio of two binomial proportions. "
    "Biometrics 1984;40:513-517.",
)
MIETTINEN = Citation(
    "miettinen1985",
    "Miettinen O, Nurminen M. Comparative analysis of two rates. Stat Med 1985;4:213-226.",
)
NEWCOMBE_DIFFERENCE = Citation(
    "newcombe1998c",
    "Newcombe RG. Interval estimation for the difference between independent proportions: comparison of "
    "eleven methods. Stat Med 1998;17:873-890.",
)
ZOU_DONNER = Citation(
    "zou2008",
    "Zou GY, Donner A. Construction of confidence limits about effect measures: a general approach. "
    "Stat Med 2008;27:1693-1702.",
)
MERCALDO = Citation(
    "mercaldo2007",
    "Mercaldo ND, Lau KF, Zhou XH. Confidence intervals for predictive values with an emphasis to "
    "case-control studies. Stat Med 2007;26:2170-2183.",
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
    IntervalMethod(
        "korn_graubard",
        "Korn-Graubard",
        "Clopper-Pearson interval at the effective number of units, p (1 - p) / SE^2 with the linearised "
        "standard error of subjects as clusters, corrected by Student's t for few subjects and not above the "
        "number of equal units that would weigh like these; where every unit is an event or none is, units "
        "of one subject are taken for one. With one unit a subject it is Clopper and Pearson's interval.",
        (KORN_GRAUBARD, LUMLEY, KISH),
        resampling=False,
    ),
    IntervalMethod(
        "rao_scott_wilson",
        "Wilson, effective units",
        "Wilson score interval at the effective number of units, p (1 - p) / SE^2 with the linearised "
        "standard error of subjects as clusters.",
        (RAO_SCOTT,),
        resampling=False,
    ),
    IntervalMethod(
        "rao_scott_clopper_pearson",
        "Clopper-Pearson, effective units",
        "Clopper-Pearson interval at the effective number of units, p (1 - p) / SE^2 with the linearised "
        "standard error of subjects as clusters, without correction for few subjects.",
        (RAO_SCOTT,),
        resampling=False,
    ),
    IntervalMethod(
        "cluster_logit",
        "Logit t, subjects as clusters",
        "Log odds plus and minus Student's t times the linearised standard error with subjects as clusters, "
        "number of subjects - 1 degrees of freedom, transformed back.",
        (LUMLEY,),
        resampling=False,
    ),
    IntervalMethod(
        "cluster_logit_cr2",
        "Logit t, bias-reduced error",
        "Log odds plus and minus Student's t times the bias-reduced standard error CR2 with subjects as "
        "clusters, Satterthwaite's degrees of freedom, transformed back; for subjects of very unequal size.",
        (BELL_MCCAFFREY,),
        resampling=False,
    ),
    IntervalMethod(
        "cluster_arcsine",
        "Arcsine t, subjects as clusters",
        "Arcsine of the square root of the proportion plus and minus Student's t times its linearised "
        "standard error with subjects as clusters, number of subjects - 1 degrees of freedom, transformed "
        "back.",
        (LUMLEY,),
        resampling=False,
    ),
    IntervalMethod(
        "donner_klar",
        "Wilson, ANOVA intraclass correlation",
        "Wilson score interval at the number of units divided by the variance inflation of a common "
        "intraclass correlation, estimated by analysis of variance.",
        (DONNER_KLAR,),
        resampling=False,
    ),
    IntervalMethod(
        "gee_independence",
        "GEE, independence",
        "Normal interval of the log odds with the robust standard error of generalised estimating equations "
        "under an independence working model, transformed back.",
        (LIANG_ZEGER,),
        resampling=False,
    ),
    IntervalMethod(
        "gee_exchangeable",
        "GEE, exchangeable",
        "Normal interval of the log odds with the robust standard error of generalised estimating equations "
        "under an exchangeable working correlation, moment estimate over pairs - 1; it lies about the "
        "estimate of that model, which counts large subjects less.",
        (LIANG_ZEGER,),
        resampling=False,
    ),
    IntervalMethod(
        "cluster_log",
        "Log t, subjects as clusters",
        "Logarithm of the estimate plus and minus Student's t times its linearised standard error with "
        "subjects as clusters, number of subjects - 1 degrees of freedom, transformed back.",
        (LUMLEY,),
        resampling=False,
    ),
    IntervalMethod(
        "log",
        "Log, large sample",
        "Normal interval of the logarithm of the ratio with its large-sample standard error, transformed "
        f"back; none where a cell that it divides by is 0; {_INDEPENDENT}",
        (SIMEL, WOOLF),
        resampling=False,
    ),
    IntervalMethod(
        "koopman",
        "Koopman score",
        "All ratios of two proportions that the score statistic does not reject; defined with cells of 0 "
        f"too; {_INDEPENDENT}",
        (KOOPMAN,),
        resampling=False,
    ),
    IntervalMethod(
        "miettinen_nurminen_ratio",
        "Miettinen-Nurminen score",
        "All ratios of two proportions that the score statistic does not reject, its variance multiplied "
        f"with N / (N - 1); {_INDEPENDENT}",
        (MIETTINEN,),
        resampling=False,
    ),
    IntervalMethod(
        "miettinen_nurminen_difference",
        "Miettinen-Nurminen score",
        "All differences of two proportions (for Youden's index sensitivity and 1 - specificity) that the "
        f"score statistic does not reject, its variance multiplied with N / (N - 1); {_INDEPENDENT}",
        (MIETTINEN,),
        resampling=False,
    ),
    IntervalMethod(
        "mover_wilson",
        "MOVER, Wilson",
        "Method of variance estimates recovery: the Wilson intervals of sensitivity and specificity "
        f"combined into one of their weighted sum; {_INDEPENDENT}",
        (NEWCOMBE_DIFFERENCE, ZOU_DONNER),
        resampling=False,
    ),
    IntervalMethod(
        "mercaldo",
        "Mercaldo logit",
        "Normal interval of the log odds of a predictive value at a stated prevalence, transformed back; "
        f"where a cell is 0, z^2 / 2 events and as many other units are added to each class; {_INDEPENDENT}",
        (MERCALDO,),
        resampling=False,
    ),
    IntervalMethod(
        "mercaldo_adjusted",
        "Mercaldo adjusted logit",
        "Normal interval of the log odds of a predictive value at a stated prevalence after adding z^2 / 2 "
        "events and as many other units to each class, transformed back and widened to hold the estimate; "
        f"{_INDEPENDENT}",
        (MERCALDO,),
        resampling=False,
    ),
)
"""Methods in the order the documentation lists them."""
