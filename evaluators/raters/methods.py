"""Interval methods of agreement beyond chance and of scores, as protocols and reports name them."""

from __future__ import annotations

from ..interval_method import IntervalMethod
from ..metric import Citation

GWET_BOOK = Citation(
    "gwet2014",
    "Gwet KL. Handbook of Inter-Rater Reliability. 4th ed. Advanced Analytics 2014 (AC2, weights, missing "
    "ratings, variances).",
)

DELONG = Citation(
    "delong1988",
    "DeLong ER, DeLong DM, Clarke-Pearson DL. Comparing the areas under two or more correlated receiver "
    "operating characteristic curves: a nonparametric approach. Biometrics 1988;44:837-845.",
)
OBUCHOWSKI = Citation(
    "obuchowski1997",
    "Obuchowski NA. Nonparametric analysis of clustered ROC curve data. Biometrics 1997;53:567-578.",
)
MCCULLAGH = Citation(
    "mccullagh1989",
    "McCullagh P, Nelder JA. Generalized Linear Models. 2nd ed. Chapman & Hall 1989, s. 4.4.",
)
PEPE = Citation(
    "pepe2003",
    "Pepe MS. The Statistical Evaluation of Medical Tests for Classification and Prediction. Oxford 2003, "
    "ch. 4-5.",
)

ROCKETTE = Citation(
    "obuchowski1995",
    "Obuchowski NA, Rockette HE. Hypothesis testing of diagnostic accuracy for multiple readers and multiple "
    "tests: an ANOVA approach with dependent observations. Commun Stat Simul Comput 1995;24:285-308.",
)
HILLIS = Citation(
    "hillis2007",
    "Hillis SL. A comparison of denominator degrees of freedom methods for multiple observer ROC analysis. "
    "Stat Med 2007;26:596-619.",
)

METHODS: tuple[IntervalMethod, ...] = (
    IntervalMethod(
        "gwet_t",
        "t, Gwet's variance",
        "Estimate plus and minus Student's t times the standard error of Gwet, which takes the share of "
        "units with two ratings as fixed; subjects as clusters, number of subjects - 1 degrees of freedom.",
        (GWET_BOOK,),
        resampling=False,
    ),
    IntervalMethod(
        "delong",
        "DeLong",
        "Normal interval of the area under the ROC curve with DeLong's variance; units are taken as "
        "independent.",
        (DELONG,),
        resampling=False,
    ),
    IntervalMethod(
        "delong_logit",
        "DeLong, logit",
        "Normal interval of the logit of the area under the ROC curve, DeLong's variance by the delta "
        "method, transformed back; units are taken as independent.",
        (DELONG, PEPE),
        resampling=False,
    ),
    IntervalMethod(
        "glm_wald",
        "Wald, logistic model",
        "Normal interval of a coefficient of a logistic regression with the model's own standard error "
        "(inverse information); units are taken as independent.",
        (MCCULLAGH,),
        resampling=False,
    ),
    IntervalMethod(
        "obuchowski",
        "Obuchowski, subjects as clusters",
        "Normal interval of the area under the ROC curve with Obuchowski's variance, subjects as clusters; "
        "DeLong's where every subject has one unit.",
        (OBUCHOWSKI,),
        resampling=False,
    ),
    IntervalMethod(
        "obuchowski_logit",
        "Obuchowski, logit",
        "Normal interval of the logit of the area under the ROC curve, Obuchowski's variance by the delta "
        "method, transformed back; subjects as clusters.",
        (OBUCHOWSKI, PEPE),
        resampling=False,
    ),
    IntervalMethod(
        "obuchowski_rockette",
        "Obuchowski-Rockette",
        "Student's t interval of a mean of readers' areas or of a difference of two, readers and cases "
        "random, with the degrees of freedom of Hillis.",
        (ROCKETTE, HILLIS),
        resampling=False,
    ),
)
