"""Bland-Altman agreement: bias, standard deviation of differences, limits of agreement.

Which variance the limits rest on depends on what repeated pairs of a subject mean, and the caller says it:

- `independent`: one pair a subject, or pairs taken for independent. SD of the differences, n - 1 in the
  denominator (Bland & Altman 1986).
- `constant`: the subject's true value stays the same over its pairs, which are replicates and not linked.
  Variance of the subjects' mean differences, plus the within-subject variance of each method by the share
  that averaging over replicates has removed (Bland & Altman 1999, section 5.2; Zou 2013).
- `varying`: the true value changes from pair to pair, and the two values of a pair belong together.
  Components of the differences within and between subjects (Bland & Altman 1999, section 5.3, and 2007;
  Zou 2013).

With unequal numbers of pairs a mean over pairs and a mean of subject means are different biases. `bias` says
which; where a subject's mean counts once, the limits are Zou's and have MOVER intervals; where each pair
counts once, they are those of Bland & Altman 2007, from a one-way analysis of variance.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from numpy.typing import ArrayLike
from scipy import special

from .. import checks
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, Method, evaluate, measured
from ..intervals import ZOU
from ..metric import Average, Citation, Columns, Metric, MetricResult, Parameter, Sides, Statistic
from .limits import BlandAltmanPrepared, Truth, prepare_limits

Bias = Literal["by_truth", "pairs", "subject_means"]
Factor = Literal["normal", "rounded", "two"]

_LIMIT_INTERVALS = (
    "mover", "t", "noncentral_t", "tolerance_pair", "cluster_t", "bootstrap_bca", "bootstrap_percentile", "z",
    "bland_1986",
)  # fmt: skip


class BlandAltman(Metric):
    """Bias and limits of agreement; the plain function `bland_altman` explains variants and sources."""

    name: ClassVar[str] = "bland_altman"
    title: ClassVar[str] = "Bland-Altman agreement"
    summary: ClassVar[str] = (
        "Mean difference test - reference, its standard deviation, and the limits between which most "
        "differences lie."
    )
    kind = "measurement"
    route = "additive"
    headline = "bias"
    figure = "bland_altman"
    statistics = (
        Statistic(
            "bias",
            "Bias",
            "Mean difference test - reference: over pairs where pairs are independent, else the mean of the "
            "subjects' "
            "mean differences unless the protocol says `bias: pairs`.",
            "same",
            "near_zero",
            ("cluster_t", "t", "bootstrap_bca", "bootstrap_percentile", "z"),
        ),
        Statistic(
            "sd",
            "Standard deviation of differences",
            "Square root of the variance of a difference: n - 1 in the denominator for independent pairs; "
            "the sum of "
            "between- and within-subject components for repeated pairs.",
            "same",
            "lower",
            ("mover", "t", "cluster_t", "bootstrap_bca", "bootstrap_percentile", "z"),
        ),
        Statistic(
            "loa_lower",
            "Lower limit of agreement",
            "Bias minus the normal quantile (1.959964 for 95%), or the stated `factor`, times the standard "
            "deviation of differences.",
            "same",
            "near_zero",
            _LIMIT_INTERVALS,
        ),
        Statistic(
            "loa_upper",
            "Upper limit of agreement",
            "Bias plus the normal quantile (1.959964 for 95%), or the stated `factor`, times the standard "
            "deviation of differences.",
            "same",
            "near_zero",
            _LIMIT_INTERVALS,
        ),
    )
    parameters = (
        Parameter(
            "truth",
            "choice",
            "What the pairs of one subject are: `independent` (one each, or taken for independent), "
            "replicates of a "
            "`constant` true value, or linked measurements of a `varying` one. No default: the limits "
            "differ.",
            choices=("independent", "constant", "varying"),
        ),
        Parameter(
            "agreement_level",
            "number",
            "Share of differences that lie between the limits if they are normal; 0.95 is the field's "
            "convention.",
            default=0.95,
            minimum=0.5,
            maximum=0.9999,
        ),
        Parameter(
            "bias",
            "choice",
            "`pairs`: each pair counts once; `subject_means`: each subject counts once; `by_truth`: pairs "
            "where they are "
            "independent, else subject means, whose limits have MOVER intervals.",
            default="by_truth",
            choices=("by_truth", "pairs", "subject_means"),
        ),
        Parameter(
            "factor",
            "choice",
            "Standard deviations from the bias to a limit: `normal`, the normal quantile of the agreement "
            "level (1.959964 for 95%); `rounded`, 1.96, as Bland & Altman write it from 1999 on; `two`, as "
            "they did in 1986.",
            default="normal",
            choices=("normal", "rounded", "two"),
        ),
    )
    citations = (
        Citation(
            "bland1986",
            "Bland JM, Altman DG. Statistical methods for assessing agreement between two methods of "
            "clinical "
            "measurement. Lancet 1986;327:307-310.",
        ),
        Citation(
            "bland1999",
            "Bland JM, Altman DG. Measuring agreement in method comparison studies. Stat Methods Med Res "
            "1999;8:135-160.",
        ),
        Citation(
            "bland2007",
            "Bland JM, Altman DG. Agreement between methods of measurement with multiple observations per "
            "individual. "
            "J Biopharm Stat 2007;17:571-582.",
        ),
        ZOU,
    )

    def prepare(
        self, columns: Columns, *, average: Average = "pooled", **parameters: Any
    ) -> BlandAltmanPrepared:
        """Summarise the differences once; see `Metric.prepare`."""
        if average != "pooled":
            raise ValueError("`bland_altman` has no `average`; its parameter `bias` says what counts once.")
        given = checks.parameters(self, parameters)
        columns = checks.measurement_columns(columns)
        truth, bias = given["truth"], natural_bias(given["truth"], given["bias"])
        if columns.weights is not None and truth != "independent":
            raise ValueError("Row weights are defined for `truth: independent` only.")
        multiplier = sd_multiplier(given["agreement_level"], given["factor"])
        return prepare_limits(columns, truth=truth, bias=bias, multiplier=multiplier)


def sd_multiplier(agreement_level: float, factor: Factor = "normal") -> float:
    """Standard deviations from the bias to a limit: 1.959964 for 0.95, unless 1.96 or 2 are asked for.

    Raises:
        ParameterError: `factor` is a number of its own, and another agreement level than 0.95 is asked for.
    """
    if factor == "normal":
        return float(special.ndtri((1 + agreement_level) / 2))
    if agreement_level != 0.95:
        raise checks.ParameterError(
            f"`agreement_level` is {agreement_level!r}; with `factor` {factor!r} it has to be 0.95."
        )
    return {"rounded": 1.96, "two": 2.0}[factor]


def natural_bias(truth: Truth, asked: Bias) -> Literal["pairs", "subject_means"]:
    """What counts once in the bias, given the truth.

    Raises:
        ParameterError: The truth does not allow what is asked.
    """
    natural: Literal["pairs", "subject_means"] = "pairs" if truth == "independent" else "subject_means"
    if asked == "by_truth":
        return natural
    if asked == natural or truth == "varying":
        return asked
    raise checks.ParameterError(f"`bias` is {asked!r}; with `truth` {truth!r} only {natural} is defined.")


BLAND_ALTMAN = BlandAltman()
METRICS: tuple[Metric, ...] = (BLAND_ALTMAN,)


def bland_altman(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    truth: Truth,
    agreement_level: float = 0.95,
    bias: Bias = "by_truth",
    factor: Factor = "normal",
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Bias and limits of agreement of a test device against a reference, by Bland and Altman.

    With d = test - reference, z the normal quantile of the agreement level, S subjects and n_i pairs of
    subject i:

    - `truth="independent"`: bias = mean(d), sd^2 = sum((d - bias)^2) / (n - 1).
    - `truth="constant"`: bias = mean over subjects of their mean difference; sd^2 = variance of those means +
      (1 - mean(1/n_i)) * (within-subject variance of the reference + that of the test).
    - `truth="varying"`: the same bias; sd^2 = variance of those means + (1 - mean(1/n_i)) * within-subject
      variance of the differences. With `bias="pairs"`: bias = mean(d), and sd^2 = between + within component
      of a one-way analysis of variance; a negative between component is set to 0, with a warning.

    The limits are bias - z sd and bias + z sd; `factor` can make z 1.96 or 2. Intervals: `cluster_t`
    (linearised, subjects as clusters; equals the paired t interval where each subject has one pair); `t` (for
    the limits: Bland & Altman 1999); `mover` (limits and sd; asymmetric and nearer to nominal in small
    samples, therefore the default there; the exact chi-square interval for the sd of independent pairs);
    `noncentral_t` (exact for one limit of independent normal differences, Carkeet 2015) and `tolerance_pair`
    (exact for both limits together, by two-sided tolerance factors); `z` (as `t` with the normal quantile, as
    in section 5 of Bland & Altman 1999 and in other software; too narrow with few subjects); `bland_1986` (t
    with the standard error sd sqrt((1 + z^2 / 2) / n), which with `factor="two"` is the sqrt(3 sd^2 / n) of
    1986); subject bootstrap. All but `cluster_t` and the bootstrap take differences for normal where SD and
    limits are concerned, and become no better with more subjects if they are not: such an interval carries a
    warning where the standard error of a 95% limit with subjects as clusters is more than 1.3 times that of
    the normal model (`normal_check` says why 1.3, and how often it warns).

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels. Default: every row is a subject of its own.
        weights: (n,) row weights, only ratios matter; `truth="independent"` only.
        truth: What the pairs of one subject are. No default, because the limits differ.
        agreement_level: Share of differences between the limits if they are normal; 0.95 is the convention.
        bias: What counts once in the bias; see above.
        factor: Standard deviations from the bias to a limit: `normal`, the quantile of the agreement level
            (the default, because no rounding is left in it), or `rounded` to 1.96, or `two`, to repeat what
            others printed.
        ci: Interval method, for all statistics that offer it or by statistic. Default: the first each offers.
        level: Confidence level of the intervals.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Returns:
        `bias`, `sd`, `loa_lower`, `loa_upper`, in the unit of the measurement. A statistic without a value
        says why.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ParameterError: `truth`, `bias` or `agreement_level` is not acceptable.
        ValueError: Any other argument is not acceptable.

    References:
        Bland JM, Altman DG. Lancet 1986;327:307-310. Stat Methods Med Res 1999;8:135-160. J Biopharm Stat
        2007;17:571-582. Zou GY. Stat Methods Med Res 2013;22:630-642. Carkeet A. Optom Vis Sci
        2015;92:e71-e80.

    Example:
        Peak flow, large against mini meter, first readings (Bland & Altman 1986, Table 1); the paper prints a
        mean difference of -2.1 l/min (the other way round) and a standard deviation of 38.8 l/min:

        >>> large = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
        >>> mini = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
        >>> result = bland_altman(large, mini, truth="independent")
        >>> print(f"{result['bias'].value:.4f}, {result['sd'].value:.4f}")
        2.1176, 38.7651
        >>> interval = result["loa_upper"].interval
        >>> print(f"{result['loa_upper'].value:.1f} [{interval.lower:.1f}, {interval.upper:.1f}]")
        78.1 [51.3, 121.8]
    """
    columns, keys = measured(reference, test, subject, weights)
    return evaluate(
        BLAND_ALTMAN,
        columns,
        keys,
        average="pooled",
        parameters={"truth": truth, "agreement_level": agreement_level, "bias": bias, "factor": factor},
        ci=ci,
        level=level,
        sides=sides,
        replicates=replicates,
        seed=seed,
    )
