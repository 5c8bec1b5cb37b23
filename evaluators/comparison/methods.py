"""Interval methods of comparisons, as protocols and reports name them."""

from __future__ import annotations

from ..interval_method import IntervalMethod
from ..metric import Citation
from ..proportions.methods import MIETTINEN

MILLER = Citation("miller1974", "Miller RG. The jackknife: a review. Biometrika 1974;61:1-15.")

NEWCOMBE_PAIRED = Citation(
    "newcombe1998b",
    "Newcombe RG. Improved confidence intervals for the difference between binomial proportions based on "
    "paired data. Stat Med 1998;17:2635-2650.",
)
TANGO = Citation(
    "tango1998",
    "Tango T. Equivalence test and confidence interval for the difference in proportions for the "
    "paired-sample design. Stat Med 1998;17:891-908.",
)
BONETT_PRICE = Citation(
    "bonett2012",
    "Bonett DG, Price RM. Adjusted Wald confidence interval for a difference of binomial proportions based "
    "on paired data. J Educ Behav Stat 2012;37:479-488.",
)
BONETT_PRICE_RATIO = Citation(
    "bonett2006",
    "Bonett DG, Price RM. Confidence intervals for a ratio of binomial proportions based on paired data. "
    "Stat Med 2006;25:3039-3047.",
)
AGRESTI_MIN = Citation(
    "agresti2005",
    "Agresti A, Min Y. Simple improved confidence intervals for comparing matched proportions. "
    "Stat Med 2005;24:729-740.",
)
TANG = Citation(
    "tang2003",
    "Tang NS, Tang ML, Chan ISF. On tests of equivalence via non-unity relative risk for matched-pair "
    "design. Stat Med 2003;22:1217-1233.",
)
FAGERLAND_PAIRED = Citation(
    "fagerland2014",
    "Fagerland MW, Lydersen S, Laake P. Recommended tests and confidence intervals for paired binomial "
    "proportions. Stat Med 2014;33:2850-2875.",
)

MOSKOWITZ_PEPE = Citation(
    "moskowitz2006",
    "Moskowitz CS, Pepe MS. Comparing the predictive values of diagnostic tests: sample size and analysis "
    "for paired study designs. Clin Trials 2006;3:272-279.",
)
PEPE = Citation(
    "pepe2003",
    "Pepe MS. The Statistical Evaluation of Medical Tests for Classification and Prediction. Oxford 2003, "
    "ch. 3.",
)

NEWCOMBE_INDEPENDENT = Citation(
    "newcombe1998c",
    "Newcombe RG. Interval estimation for the difference between independent proportions: comparison of "
    "eleven methods. Stat Med 1998;17:873-890.",
)
MEE = Citation(
    "mee1984",
    "Mee RW. Confidence bounds for the difference between two probabilities. Biometrics 1984;40:1175-1176.",
)
FARRINGTON = Citation(
    "farrington1990",
    "Farrington CP, Manning G. Test statistics and sample size formulae for comparative binomial trials with "
    "null hypothesis of non-zero risk difference or non-unity relative risk. Stat Med 1990;9:1447-1454.",
)
LIU = Citation(
    "liu2002",
    "Liu JP, Hsueh HM, Hsieh E, Chen JJ. Tests for equivalence or non-inferiority for paired binary data. "
    "Stat Med 2002;21:231-245.",
)
AGRESTI_CAFFO = Citation(
    "agresti2000",
    "Agresti A, Caffo B. Simple and effective confidence intervals for proportions and differences of "
    "proportions result from adding two successes and two failures. Am Stat 2000;54:280-288.",
)

LAUD = Citation(
    "laud2017",
    "Laud PJ. Equal-tailed confidence intervals for comparison of rates. Pharm Stat 2017;16:334-348; "
    "corrigendum 2018;17:290-293.",
)

WESTFALL = Citation(
    "westfall1993",
    "Westfall PH, Young SS. Resampling-Based Multiple Testing: Examples and Methods for p-Value Adjustment. "
    "Wiley 1993.",
)
ROMANO = Citation(
    "romano2005",
    "Romano JP, Wolf M. Exact and approximate stepdown methods for multiple hypothesis testing. "
    "J Am Stat Assoc 2005;100:94-108.",
)
DUNN = Citation("dunn1961", "Dunn OJ. Multiple comparisons among means. J Am Stat Assoc 1961;56:52-64.")

METHODS: tuple[IntervalMethod, ...] = (
    IntervalMethod(
        "jackknife_t",
        "t, jackknife over subjects",
        "Estimate plus and minus Student's t times the standard error of leaving out one subject at a time, "
        "number of subjects - 1 degrees of freedom.",
        (MILLER,),
        resampling=False,
    ),
    IntervalMethod(
        "bootstrap_max_t",
        "Subject bootstrap, maximal t, simultaneous",
        "Estimates plus and minus one multiple of their standard errors, the quantile of the largest "
        "studentised deviation over all of them in the subject bootstrap: all hold together.",
        (WESTFALL, ROMANO),
        resampling=True,
    ),
    IntervalMethod(
        "bootstrap_bonferroni",
        "Subject bootstrap, Bonferroni, simultaneous",
        "Estimates plus and minus one multiple of their bootstrap standard errors, the normal or Student "
        "quantile with the error shared equally between them: all hold together.",
        (DUNN,),
        resampling=True,
    ),
    IntervalMethod(
        "newcombe_paired",
        "Newcombe, paired",
        "Square-and-add of the Wilson intervals of both proportions with Newcombe's estimate of their "
        "correlation (his method 10); units are taken as independent.",
        (NEWCOMBE_PAIRED,),
        resampling=False,
    ),
    IntervalMethod(
        "newcombe_paired_8",
        "Newcombe, paired, method 8",
        "Square-and-add of the Wilson intervals of both proportions with their plain correlation (Newcombe's "
        "method 8); units are taken as independent.",
        (NEWCOMBE_PAIRED,),
        resampling=False,
    ),
    IntervalMethod(
        "tango",
        "Tango score, paired",
        "Score interval of a difference of paired proportions; units are taken as independent.",
        (TANGO,),
        resampling=False,
    ),
    IntervalMethod(
        "bonett_price",
        "Bonett-Price, paired",
        "Of a difference, Wald with one unit added to each discordant cell; of a ratio, the hybrid of Wilson "
        "intervals; units are taken as independent.",
        (BONETT_PRICE, BONETT_PRICE_RATIO),
        resampling=False,
    ),
    IntervalMethod(
        "agresti_min",
        "Agresti-Min, paired",
        "Wald interval of a difference of paired proportions with half a unit added to each cell; units are "
        "taken as independent.",
        (AGRESTI_MIN,),
        resampling=False,
    ),
    IntervalMethod(
        "wald_paired",
        "Wald, paired",
        "Large-sample interval of a difference of paired proportions; units are taken as independent.",
        (FAGERLAND_PAIRED,),
        resampling=False,
    ),
    IntervalMethod(
        "tang",
        "Tang score, paired ratio",
        "Score interval of a ratio of paired proportions; units are taken as independent.",
        (TANG,),
        resampling=False,
    ),
    IntervalMethod(
        "wald_log_paired",
        "Wald of the logarithm, paired ratio",
        "Large-sample interval of the logarithm of a ratio of paired proportions, transformed back; units "
        "are taken as independent.",
        (FAGERLAND_PAIRED,),
        resampling=False,
    ),
    IntervalMethod(
        "moskowitz_pepe",
        "Moskowitz-Pepe, relative predictive value",
        "Large-sample interval of the logarithm of a ratio of predictive values on the same units, variance "
        "by the multinomial delta method; units are taken as independent.",
        (MOSKOWITZ_PEPE,),
        resampling=False,
    ),
    IntervalMethod(
        "log_delta_paired",
        "Wald of the logarithm, relative likelihood ratio",
        "Large-sample interval of the logarithm of a ratio of likelihood ratios on the same units; units are "
        "taken as independent.",
        (PEPE,),
        resampling=False,
    ),
    IntervalMethod(
        "newcombe_independent",
        "Newcombe, independent",
        "Square-and-add of the Wilson intervals of two independent proportions (his method 10); units are "
        "taken as independent.",
        (NEWCOMBE_INDEPENDENT,),
        resampling=False,
    ),
    IntervalMethod(
        "mee",
        "Mee score",
        "Score interval of a difference of independent proportions, without the factor N / (N - 1); units "
        "are taken as independent.",
        (MEE,),
        resampling=False,
    ),
    IntervalMethod(
        "miettinen_nurminen_odds_ratio",
        "Miettinen-Nurminen score",
        "All odds ratios of two proportions that the score statistic does not reject, its variance times "
        "N / (N - 1); units are taken as independent.",
        (MIETTINEN,),
        resampling=False,
    ),
    IntervalMethod(
        "scas",
        "Score, corrected for skewness",
        "All values that the score statistic, corrected for its skewness, does not reject: both sides miss "
        "equally often (SCAS); units are taken as independent.",
        (LAUD,),
        resampling=False,
    ),
    IntervalMethod(
        "agresti_caffo",
        "Agresti-Caffo",
        "Wald interval of a difference of independent proportions with one event and one other unit added to "
        "each group; units are taken as independent.",
        (AGRESTI_CAFFO,),
        resampling=False,
    ),
    IntervalMethod(
        "wald_independent",
        "Wald, independent",
        "Large-sample interval of a difference of independent proportions; units are taken as independent.",
        (NEWCOMBE_INDEPENDENT,),
        resampling=False,
    ),
)
