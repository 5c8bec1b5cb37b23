"""Interval methods of limits of agreement and of quantiles, as protocols and reports name them."""

from __future__ import annotations

from ..interval_method import IntervalMethod
from ..metric import Citation

CARKEET = Citation(
    "carkeet2015",
    "Carkeet A. Exact parametric confidence intervals for Bland-Altman limits of agreement. "
    "Optom Vis Sci 2015;92:e71-e80.",
)
CARKEET_GOH = Citation(
    "carkeet2018",
    "Carkeet A, Goh YT. Confidence and coverage for Bland-Altman limits of agreement and their approximate "
    "confidence intervals. Stat Methods Med Res 2018;27:1559-1574.",
)
WOODRUFF = Citation(
    "woodruff1952",
    "Woodruff RS. Confidence intervals for medians and other position measures. "
    "J Am Stat Assoc 1952;47:635-646.",
)
SATTERTHWAITE = Citation(
    "satterthwaite1946",
    "Satterthwaite FE. An approximate distribution of estimates of variance components. "
    "Biometrics Bull 1946;2:110-114.",
)
KUZNETSOVA = Citation(
    "kuznetsova2017",
    "Kuznetsova A, Brockhoff PB, Christensen RHB. lmerTest package: tests in linear mixed effects models. "
    "J Stat Softw 2017;82(13):1-26.",
)
KENWARD = Citation(
    "kenward1997",
    "Kenward MG, Roger JH. Small sample inference for fixed effects from restricted maximum likelihood. "
    "Biometrics 1997;53:983-997.",
)
DAVISON = Citation(
    "davison1997",
    "Davison AC, Hinkley DV. Bootstrap Methods and their Application. Cambridge 1997, ch. 2 and 5.",
)
LIN2002 = Citation(
    "lin2002",
    "Lin L, Hedayat AS, Sinha B, Yang M. Statistical methods in assessing agreement: models, issues, and "
    "tools. J Am Stat Assoc 2002;97:257-270.",
)

BLAND_1986 = Citation(
    "bland1986",
    "Bland JM, Altman DG. Statistical methods for assessing agreement between two methods of clinical "
    "measurement. Lancet 1986;327:307-310.",
)
BLAND_1999 = Citation(
    "bland1999",
    "Bland JM, Altman DG. Measuring agreement in method comparison studies. Stat Methods Med Res "
    "1999;8:135-160.",
)

METHODS: tuple[IntervalMethod, ...] = (
    IntervalMethod(
        "z",
        "Normal",
        "Estimate plus and minus the normal quantile times the standard error of its model; for limits of "
        "agreement that of the delta method. Too narrow with few subjects.",
        (BLAND_1999,),
        resampling=False,
    ),
    IntervalMethod(
        "bland_1986",
        "t, Bland & Altman 1986",
        "Limit of agreement at m standard deviations plus and minus Student's t times s sqrt((1 + m^2 / 2) / "
        "n), which at two standard deviations is the square root of 3 s^2 / n; independent pairs.",
        (BLAND_1986,),
        resampling=False,
    ),
    IntervalMethod(
        "noncentral_t",
        "Exact, noncentral t",
        "Exact interval of one limit of agreement of independent normal differences, from quantiles of the "
        "noncentral t distribution.",
        (CARKEET,),
        resampling=False,
    ),
    IntervalMethod(
        "tolerance_pair",
        "Exact, both limits together",
        "Exact interval of both limits of agreement as a pair, symmetric about the bias: two-sided normal "
        "tolerance factors with confidence (1 - level) / 2 and (1 + level) / 2; independent differences.",
        (CARKEET, CARKEET_GOH),
        resampling=False,
        two_sided_only=True,
    ),
    IntervalMethod(
        "woodruff",
        "Woodruff, subjects as clusters",
        "Interval of a quantile: Student's t interval of the share of rows below it, with the linearised "
        "standard error of subjects as clusters, read back as quantiles at its two ends.",
        (WOODRUFF,),
        resampling=False,
    ),
    IntervalMethod(
        "satterthwaite",
        "t, Satterthwaite",
        "Estimate of the mixed model plus and minus Student's t times its model standard error, degrees of "
        "freedom by Satterthwaite from the observed information of the variance components.",
        (SATTERTHWAITE, KUZNETSOVA),
        resampling=False,
    ),
    IntervalMethod(
        "kenward_roger",
        "t, Kenward-Roger",
        "Estimate of the mixed model plus and minus Student's t times a standard error enlarged for the "
        "uncertainty of the variance components, degrees of freedom by Kenward and Roger.",
        (KENWARD,),
        resampling=False,
    ),
    IntervalMethod(
        "parametric_bootstrap",
        "Parametric bootstrap",
        "Percentile interval of 10,000 studies with the same subjects and numbers of pairs, simulated from "
        "the fitted mixed model with a fixed seed, the model fitted again to each.",
        (DAVISON,),
        resampling=False,
    ),
    IntervalMethod(
        "lin_asymptotic",
        "Large sample, Lin",
        "Large-sample normal interval of Lin and colleagues on a transformed scale (logarithm of the mean "
        "squared difference; log odds of a coverage probability); rows are taken as independent.",
        (LIN2002,),
        resampling=False,
    ),
)
