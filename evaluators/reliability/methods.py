"""Interval methods of correlation-like coefficients, variance ratios and variances, by name.

The computations are in `reliability.intervals`.
"""

from __future__ import annotations

from ..interval_method import IntervalMethod
from ..metric import Citation

FISHER = Citation(
    "fisher1921",
    'Fisher RA. On the "probable error" of a coefficient of correlation deduced from a small sample. '
    "Metron 1921;1:3-32.",
)
LIN1989 = Citation(
    "lin1989",
    "Lin LI. A concordance correlation coefficient to evaluate reproducibility. Biometrics 1989;45:255-268; "
    "corrected in Biometrics 2000;56:324-325.",
)
LIN2002 = Citation(
    "lin2002",
    "Lin L, Hedayat AS, Sinha B, Yang M. Statistical methods in assessing agreement: models, issues, and "
    "tools. J Am Stat Assoc 2002;97:257-270.",
)
SHROUT = Citation(
    "shrout1979",
    "Shrout PE, Fleiss JL. Intraclass correlations: uses in assessing rater reliability. Psychol Bull "
    "1979;86:420-428.",
)
MCGRAW = Citation(
    "mcgraw1996",
    "McGraw KO, Wong SP. Forming inferences about some intraclass correlation coefficients. Psychol Methods "
    "1996;1:30-46; corrected on p. 390.",
)
CARRASCO = Citation(
    "carrasco2013",
    "Carrasco JL, Phillips BR, Puig-Martinez J, King TS, Chinchilli VM. Estimation of the concordance "
    "correlation coefficient for repeated measures using SAS and R. Comput Methods Programs Biomed "
    "2013;109:293-304.",
)
KING = Citation(
    "king2007",
    "King TS, Chinchilli VM, Carrasco JL. A repeated measures concordance correlation coefficient. Stat Med "
    "2007;26:3095-3113.",
)
GARWOOD = Citation(
    "garwood1936", "Garwood F. Fiducial limits for the Poisson distribution. Biometrika 1936;28:437-442."
)
COHEN_YANG = Citation(
    "cohen1994",
    "Cohen GR, Yang SY. Mid-P confidence intervals for the Poisson expectation. Stat Med 1994;13:2189-2203.",
)
LAWLESS = Citation(
    "lawless1987",
    "Lawless JF. Negative binomial and mixed Poisson regression. Can J Stat 1987;15:209-225.",
)
COCHRAN = Citation(
    "cochran1934",
    "Cochran WG. The distribution of quadratic forms in a normal system. Proc Camb Phil Soc 1934;30:178-191.",
)
BINDER = Citation(
    "binder1983",
    "Binder DA. On the variances of asymptotically normal estimators from complex surveys. Int Stat Rev "
    "1983;51:279-292.",
)

METHODS: tuple[IntervalMethod, ...] = (
    IntervalMethod(
        "fisher_z",
        "Fisher z",
        "Fisher's z transformation of the coefficient with its large-sample standard error and the normal "
        "quantile; rows are taken as independent.",
        (FISHER, LIN1989),
        resampling=False,
    ),
    IntervalMethod(
        "cluster_fisher_z",
        "Fisher z, subjects as clusters",
        "Fisher's z transformation of the coefficient with its linearised standard error, subjects as "
        "clusters, and Student's t with number of subjects - 1 degrees of freedom.",
        (FISHER, BINDER),
        resampling=False,
    ),
    IntervalMethod(
        "cluster_log_t",
        "t of the logarithm, subjects as clusters",
        "Estimate times the exponential of plus and minus Student's t times its relative linearised standard "
        "error with subjects as clusters, number of subjects - 1 degrees of freedom; for what cannot be "
        "negative.",
        (BINDER,),
        resampling=False,
    ),
    IntervalMethod(
        "lin_normal",
        "Lin, normal",
        "Coefficient plus and minus the normal quantile times the large-sample standard error of Lin; rows "
        "are taken as independent.",
        (LIN1989,),
        resampling=False,
    ),
    IntervalMethod(
        "lin_logit",
        "Lin, logit",
        "Logit transformation of the accuracy coefficient with the large-sample standard error of Lin and "
        "others; rows are taken as independent.",
        (LIN2002,),
        resampling=False,
    ),
    IntervalMethod(
        "mcgraw_wong",
        "F, McGraw & Wong",
        "Interval from the F distribution of mean squares; for agreement of a mean of raters, the degrees of "
        "freedom are approximated for that mean itself (McGraw & Wong 1996, Table 7).",
        (MCGRAW,),
        resampling=False,
    ),
    IntervalMethod(
        "shrout_fleiss",
        "F, Shrout & Fleiss",
        "Interval from the F distribution of mean squares; that of a mean of raters is the single-rater "
        "interval stepped up by the Spearman-Brown formula.",
        (SHROUT,),
        resampling=False,
    ),
    IntervalMethod(
        "reml_z",
        "REML, Fisher z",
        "Fisher's z transformation of the coefficient with the delta-method standard error from the observed "
        "information of the restricted likelihood, and the normal quantile.",
        (CARRASCO,),
        resampling=False,
    ),
    IntervalMethod(
        "reml_log",
        "REML, logarithm",
        "Variance component times the exponential of plus and minus the normal quantile times its relative "
        "standard error from the observed information of the restricted likelihood.",
        (CARRASCO,),
        resampling=False,
    ),
    IntervalMethod(
        "king_z",
        "U-statistics, Fisher z",
        "Fisher's z transformation with the standard error of the U-statistics as the R package cccrm "
        "computes it, and the normal quantile; too narrow, for it counts the spread of one of the two by "
        "half.",
        (KING,),
        resampling=False,
    ),
    IntervalMethod(
        "poisson_exact",
        "Poisson exact",
        "Exact interval of a Poisson count over its exposure, half of the error on each side; events are "
        "taken as independent.",
        (GARWOOD,),
        resampling=False,
    ),
    IntervalMethod(
        "poisson_mid_p",
        "Poisson mid-P",
        "Interval of a Poisson count over its exposure that counts half the probability of the observed "
        "count; events are taken as independent.",
        (COHEN_YANG,),
        resampling=False,
    ),
    IntervalMethod(
        "nb_wald",
        "Negative binomial, Wald",
        "Normal interval on the logarithmic scale with the standard error from the observed information of "
        "the negative binomial likelihood.",
        (LAWLESS,),
        resampling=False,
    ),
    IntervalMethod(
        "chi_square",
        "Chi-square",
        "Interval from the chi-square distribution of a sum of squares of normal values.",
        (COCHRAN,),
        resampling=False,
    ),
)
