"""Statistics that know which rows belong to one subject: metrics, intervals, resampling. NumPy in and out."""

from .agreement import bland_altman
from .calibration import (
    brier_decomposition,
    brier_score,
    calibration_index,
    calibration_slope,
    decision_curve,
    net_benefit,
    reliability_curve,
)
from .checks import LengthError, NotFiniteError, NotNumericError, ParameterError
from .class_averages import class_averages
from .classification import accuracy, prevalence, sensitivity, specificity
from .compare import Comparison, compare_prepared, compare_versions
from .concordance import ccc
from .concordance_repeated import ccc_longitudinal, ccc_replicates
from .concordance_u import ccc_u_statistics
from .confusion import confusion
from .correlation import correlation_p, kendall, pearson, rmcorr, spearman
from .counts import from_counts
from .deviation_index import coverage_probability, total_deviation_index
from .difference_checks import difference_trend
from .event_rate_models import event_rate_negative_binomial
from .event_rates import event_rate
from .f_scores import f1, f_beta
from .graphs import Graph, closed_graphical, fallback_graph, fixed_sequence_graph, graphical, holm_graph
from .heterogeneity import cochran_q, homogeneity_of_means, homogeneity_of_proportions, interaction_of_means
from .icc import icc, icc_raters
from .independent_proportions import proportion_difference, proportion_non_inferiority, proportion_ratio
from .iso81060 import iso81060_3, sd_of_subject_means
from .kappa import cohen_kappa
from .label_swap import label_swap_test
from .likelihood_ratios import diagnostic_odds_ratio, lr_negative, lr_positive
from .limits_by_regression import regression_limits
from .many_raters import fleiss_kappa, gwet_ac_raters
from .mcnemar import clustered_mcnemar, mcnemar
from .mean_differences import mean_difference
from .mean_tests import equivalence_test, non_inferiority_test
from .measurement_errors import mae, mape, rmse, share_within
from .metric import CannotComputeError, Estimate, Interval, Metric, MetricResult
from .mixed_conditions import bland_altman_mixed_by_condition
from .mixed_interaction import slope_interaction
from .mixed_limits import bland_altman_mixed
from .multiplicity import Adjusted, adjust
from .normality import normality_of_differences
from .odds_ratios import homogeneity_of_odds_ratios, mantel_haenszel
from .one_vs_rest import one_vs_rest
from .overall_accuracy import balanced_accuracy, mcc, youden
from .pabak import pabak
from .paired_counts import ClusteredPairs, PairedCounts, clustered_cells, clustered_pairs, paired_counts
from .paired_predictive_values import (
    PairedDiagnosis,
    paired_diagnosis,
    predictive_value_test,
    relative_likelihood_ratio,
    relative_predictive_value,
)
from .paired_proportions import (
    paired_non_inferiority,
    paired_proportion_difference,
    paired_proportion_ratio,
)
from .predictive_values import npv, ppv
from .quantile_errors import median_absolute_error, nonparametric_limits, percentile_absolute_error
from .regression import deming, ordinary_least_squares, weighted_least_squares
from .regression_ranks import passing_bablok, passing_bablok_equivariant, theil_sen
from .regression_weighted import weighted_deming
from .repeatability import repeatability
from .reporting import reported_share
from .retest import test_retest
from .roc import auc
from .roc_compare import AreaDifference, compare_auc, compare_auc_unpaired
from .roc_curves import (
    Curve,
    average_precision,
    optimal_threshold,
    partial_auc,
    roc_curve,
    sensitivity_at_specificity,
    specificity_at_sensitivity,
)
from .scaled_limits import bland_altman_percent, bland_altman_ratio
from .stated_prevalence import accuracy_at_prevalence, npv_at_prevalence, ppv_at_prevalence
from .subgroups import Subgroups, subgroup_difference, subgroup_heterogeneity, subgroups
from .tolerance import ToleranceError
from .tolerance_intervals import tolerance_limits
from .two_raters import brennan_prediger, gwet_ac
from .verdict import Verdict, equivalence_p, equivalent, non_inferiority_p, verdict
from .weights import ResamplingWeights

__all__ = [
    "Adjusted",
    "AreaDifference",
    "CannotComputeError",
    "ClusteredPairs",
    "Comparison",
    "Curve",
    "Estimate",
    "Graph",
    "Interval",
    "LengthError",
    "Metric",
    "MetricResult",
    "NotFiniteError",
    "NotNumericError",
    "PairedCounts",
    "PairedDiagnosis",
    "ParameterError",
    "ResamplingWeights",
    "Subgroups",
    "ToleranceError",
    "Verdict",
    "accuracy",
    "accuracy_at_prevalence",
    "adjust",
    "auc",
    "average_precision",
    "balanced_accuracy",
    "bland_altman",
    "bland_altman_mixed",
    "bland_altman_mixed_by_condition",
    "bland_altman_percent",
    "bland_altman_ratio",
    "brennan_prediger",
    "brier_decomposition",
    "brier_score",
    "calibration_index",
    "calibration_slope",
    "ccc",
    "ccc_longitudinal",
    "ccc_replicates",
    "ccc_u_statistics",
    "class_averages",
    "closed_graphical",
    "clustered_cells",
    "clustered_mcnemar",
    "clustered_pairs",
    "cochran_q",
    "cohen_kappa",
    "compare_auc",
    "compare_auc_unpaired",
    "compare_prepared",
    "compare_versions",
    "confusion",
    "correlation_p",
    "coverage_probability",
    "decision_curve",
    "deming",
    "diagnostic_odds_ratio",
    "difference_trend",
    "equivalence_p",
    "equivalence_test",
    "equivalent",
    "event_rate",
    "event_rate_negative_binomial",
    "f1",
    "f_beta",
    "fallback_graph",
    "fixed_sequence_graph",
    "fleiss_kappa",
    "from_counts",
    "graphical",
    "gwet_ac",
    "gwet_ac_raters",
    "holm_graph",
    "homogeneity_of_means",
    "homogeneity_of_odds_ratios",
    "homogeneity_of_proportions",
    "icc",
    "icc_raters",
    "interaction_of_means",
    "iso81060_3",
    "kendall",
    "label_swap_test",
    "lr_negative",
    "lr_positive",
    "mae",
    "mantel_haenszel",
    "mape",
    "mcc",
    "mcnemar",
    "mean_difference",
    "median_absolute_error",
    "net_benefit",
    "non_inferiority_p",
    "non_inferiority_test",
    "nonparametric_limits",
    "normality_of_differences",
    "npv",
    "npv_at_prevalence",
    "one_vs_rest",
    "optimal_threshold",
    "ordinary_least_squares",
    "pabak",
    "paired_counts",
    "paired_diagnosis",
    "paired_non_inferiority",
    "paired_proportion_difference",
    "paired_proportion_ratio",
    "partial_auc",
    "passing_bablok",
    "passing_bablok_equivariant",
    "pearson",
    "percentile_absolute_error",
    "ppv",
    "ppv_at_prevalence",
    "predictive_value_test",
    "prevalence",
    "proportion_difference",
    "proportion_non_inferiority",
    "proportion_ratio",
    "regression_limits",
    "relative_likelihood_ratio",
    "relative_predictive_value",
    "reliability_curve",
    "repeatability",
    "reported_share",
    "rmcorr",
    "rmse",
    "roc_curve",
    "sd_of_subject_means",
    "sensitivity",
    "sensitivity_at_specificity",
    "share_within",
    "slope_interaction",
    "spearman",
    "specificity",
    "specificity_at_sensitivity",
    "subgroup_difference",
    "subgroup_heterogeneity",
    "subgroups",
    "test_retest",
    "theil_sen",
    "tolerance_limits",
    "total_deviation_index",
    "verdict",
    "weighted_deming",
    "weighted_least_squares",
    "youden",
]
