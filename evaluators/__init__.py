"""Statistics that know which rows belong to one subject: metrics, intervals, resampling. NumPy in and out."""

from .agreement.bias_slope import bias_slope
from .agreement.bland_altman import bland_altman
from .agreement.deviation_index import coverage_probability, total_deviation_index
from .agreement.difference_checks import difference_trend
from .agreement.iso81060 import iso81060_3, sd_of_subject_means
from .agreement.limits_by_regression import regression_limits
from .agreement.mean_differences import mean_difference
from .agreement.mean_tests import equivalence_test, non_inferiority_test
from .agreement.measurement_errors import mae, mape, rmse, share_within
from .agreement.mixed_conditions import bland_altman_mixed_by_condition
from .agreement.mixed_limits import bland_altman_mixed
from .agreement.normality import normality_of_differences
from .agreement.quantile_errors import median_absolute_error, nonparametric_limits, percentile_absolute_error
from .agreement.scaled_limits import bland_altman_percent, bland_altman_ratio
from .agreement.tolerance_intervals import tolerance_limits
from .calibration.functions import (
    brier_decomposition,
    brier_score,
    calibration_index,
    calibration_slope,
    decision_curve,
    log_loss,
    net_benefit,
    reliability_curve,
)
from .calibration.goodness import (
    CalibrationTest,
    HosmerLemeshow,
    hosmer_lemeshow,
    recalibration_test,
    spiegelhalter_test,
)
from .checks import LengthError, NotFiniteError, NotNumericError, ParameterError
from .classification.binary import accuracy, prevalence, sensitivity, specificity
from .classification.class_averages import class_averages
from .classification.confusion import confusion
from .classification.counts import from_counts
from .classification.f_scores import f1, f_beta
from .classification.likelihood_ratios import diagnostic_odds_ratio, lr_negative, lr_positive
from .classification.one_vs_rest import one_vs_rest
from .classification.overall_accuracy import balanced_accuracy, mcc, youden
from .classification.predictive_values import npv, ppv
from .classification.reporting import coverage, reported_share
from .classification.stated_prevalence import accuracy_at_prevalence, npv_at_prevalence, ppv_at_prevalence
from .comparison.clustered_homogeneity import homogeneity_of_clustered_proportions
from .comparison.error_shift import error_density, error_shift
from .comparison.further import Further, further_subjects, smallest_detectable
from .comparison.graphs import (
    Graph,
    closed_graphical,
    fallback_graph,
    fixed_sequence_graph,
    graphical,
    holm_graph,
)
from .comparison.group_improvements import (
    GroupImprovement,
    improvement_of_prepared,
    improvement_of_sums,
)
from .comparison.harm import HarmRanking, between_variance, rank_by_harm
from .comparison.heterogeneity import (
    cochran_q,
    homogeneity_of_means,
    homogeneity_of_proportions,
    interaction_of_means,
)
from .comparison.independent_proportions import (
    proportion_difference,
    proportion_non_inferiority,
    proportion_odds_ratio,
    proportion_ratio,
)
from .comparison.joint_diagnosis import joint_diagnosis_test
from .comparison.label_swap import label_swap_test
from .comparison.mcnemar import clustered_mcnemar, mcnemar
from .comparison.mixed_interaction import slope_interaction
from .comparison.multiplicity import Adjusted, adjust
from .comparison.odds_ratios import homogeneity_of_odds_ratios, mantel_haenszel
from .comparison.paired_counts import (
    ClusteredPairs,
    PairedCounts,
    clustered_cells,
    clustered_pairs,
    paired_counts,
)
from .comparison.paired_odds_ratio import paired_odds_ratio
from .comparison.paired_predictive_values import (
    PairedDiagnosis,
    paired_diagnosis,
    predictive_value_test,
    relative_likelihood_ratio,
    relative_predictive_value,
)
from .comparison.paired_proportions import (
    paired_non_inferiority,
    paired_proportion_difference,
    paired_proportion_ratio,
)
from .comparison.poolability import poolability
from .comparison.simultaneous import SimultaneousIntervals, simultaneous_intervals
from .comparison.subgroups import Subgroups, subgroup_difference, subgroup_heterogeneity, subgroups
from .comparison.verdict import Verdict, equivalence_p, equivalent, non_inferiority_p, verdict
from .comparison.versions import Comparison, compare_prepared, compare_versions
from .comparison.weak_spots import WeakSpot, WeakSpots, weak_spots
from .correlation.correlations import correlation_p, kendall, pearson, rmcorr, spearman
from .events.burden import Burden, episode_burden
from .events.false_alarms import false_alarm_rate
from .events.matching import EventMatches, match_intervals, match_points
from .metric import CannotComputeError, Estimate, Interval, Metric, MetricResult
from .raters.kappa import cohen_kappa
from .raters.kendall_w import Concordance, kendall_w
from .raters.krippendorff import krippendorff_alpha
from .raters.many_raters import fleiss_kappa, gwet_ac_raters
from .raters.own_margins import conger_kappa, light_kappa
from .raters.pabak import pabak
from .raters.two_raters import brennan_prediger, gwet_ac
from .raters.uniform_chance import brennan_prediger_raters, rater_agreement
from .rates.event_rates import event_rate
from .rates.negative_binomial import event_rate_negative_binomial
from .regression.least_squares import deming, ordinary_least_squares, weighted_least_squares
from .regression.ranks import passing_bablok, passing_bablok_equivariant, theil_sen
from .regression.weighted import weighted_deming
from .reliability.concordance import ccc
from .reliability.concordance_repeated import ccc_longitudinal, ccc_replicates
from .reliability.concordance_u import ccc_u_statistics
from .reliability.icc import icc, icc_raters
from .reliability.repeatability import repeatability
from .reliability.retest import test_retest
from .rhythm.annotations import Annotations
from .rhythm.beat_metrics import beat_classes, beat_detection
from .rhythm.beats import BeatCounts, compare_beats
from .rhythm.episode_metrics import episode_detection
from .rhythm.episodes import EpisodeCounts, compare_episodes
from .rhythm.labels import LabelMap
from .rhythm.measurements import MeasurementError, compare_measurements
from .rhythm.runs import RunCounts, compare_runs
from .rhythm.summaries import (
    Summary,
    summarise_beats,
    summarise_episodes,
    summarise_measurements,
    summarise_runs,
    summarise_shutdowns,
)
from .roc.area import auc
from .roc.compare_areas import AreaDifference, compare_auc, compare_auc_unpaired
from .roc.curves import (
    Curve,
    average_precision,
    optimal_threshold,
    partial_auc,
    pr_auc,
    roc_curve,
    sensitivity_at_specificity,
    specificity_at_sensitivity,
)
from .roc.multi_reader import MultiReader, ReaderMean, multi_reader_auc
from .roc.multiclass import hand_till_auc
from .sample_size.accuracy import precision_sensitivity_specificity
from .sample_size.areas import power_auc, power_auc_difference, precision_auc
from .sample_size.design import design_effect, inflate_sample_size
from .sample_size.differences import precision_mean_difference, precision_rmse
from .sample_size.goal import observed_share_for_goal, power_performance_goal
from .sample_size.kappa import power_kappa, precision_kappa
from .sample_size.limits import power_limits_of_agreement, precision_limits_of_agreement
from .sample_size.means import power_equivalence, power_mean_difference
from .sample_size.proportions import precision_likelihood_ratio, precision_proportion
from .sample_size.reliability import power_correlation, precision_ccc, precision_correlation, precision_icc
from .sample_size.results import PowerCurve, SampleSize, Step
from .sample_size.two_proportions import power_mcnemar, power_proportion_difference
from .sleep.derived import DefinitionDiff, DefinitionEffect, PairedMeasures, definition_diff, paired_measures
from .sleep.discrepancy import SleepDiscrepancy, sleep_discrepancy
from .sleep.epochs import EpochAgreement, epoch_agreement
from .sleep.hypnogram import HypnogramMeasures, hypnogram_measures
from .sleep.nights import merge_stages
from .sleep.pairing import PairedNights, common_window, paired_nights
from .sleep.repeated import RepeatedSleepDiscrepancy, repeated_sleep_discrepancy
from .sleep.scorers import Consensus, ScorerAgreement, scorer_agreement
from .tolerance import ToleranceError
from .weights import ResamplingWeights

__all__ = [
    "Adjusted",
    "Annotations",
    "AreaDifference",
    "BeatCounts",
    "Burden",
    "CalibrationTest",
    "CannotComputeError",
    "ClusteredPairs",
    "Comparison",
    "Concordance",
    "Consensus",
    "Curve",
    "DefinitionDiff",
    "DefinitionEffect",
    "EpisodeCounts",
    "EpochAgreement",
    "Estimate",
    "EventMatches",
    "Further",
    "Graph",
    "GroupImprovement",
    "HarmRanking",
    "HosmerLemeshow",
    "HypnogramMeasures",
    "Interval",
    "LabelMap",
    "LengthError",
    "MeasurementError",
    "Metric",
    "MetricResult",
    "MultiReader",
    "NotFiniteError",
    "NotNumericError",
    "PairedCounts",
    "PairedDiagnosis",
    "PairedMeasures",
    "PairedNights",
    "ParameterError",
    "PowerCurve",
    "ReaderMean",
    "RepeatedSleepDiscrepancy",
    "ResamplingWeights",
    "RunCounts",
    "SampleSize",
    "ScorerAgreement",
    "SimultaneousIntervals",
    "SleepDiscrepancy",
    "Step",
    "Subgroups",
    "Summary",
    "ToleranceError",
    "Verdict",
    "WeakSpot",
    "WeakSpots",
    "accuracy",
    "accuracy_at_prevalence",
    "adjust",
    "auc",
    "average_precision",
    "balanced_accuracy",
    "beat_classes",
    "beat_detection",
    "between_variance",
    "bias_slope",
    "bland_altman",
    "bland_altman_mixed",
    "bland_altman_mixed_by_condition",
    "bland_altman_percent",
    "bland_altman_ratio",
    "brennan_prediger",
    "brennan_prediger_raters",
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
    "common_window",
    "compare_auc",
    "compare_auc_unpaired",
    "compare_beats",
    "compare_episodes",
    "compare_measurements",
    "compare_prepared",
    "compare_runs",
    "compare_versions",
    "confusion",
    "conger_kappa",
    "correlation_p",
    "coverage",
    "coverage_probability",
    "decision_curve",
    "definition_diff",
    "deming",
    "design_effect",
    "diagnostic_odds_ratio",
    "difference_trend",
    "episode_burden",
    "episode_detection",
    "epoch_agreement",
    "equivalence_p",
    "equivalence_test",
    "equivalent",
    "error_density",
    "error_shift",
    "event_rate",
    "event_rate_negative_binomial",
    "f1",
    "f_beta",
    "fallback_graph",
    "false_alarm_rate",
    "fixed_sequence_graph",
    "fleiss_kappa",
    "from_counts",
    "further_subjects",
    "graphical",
    "gwet_ac",
    "gwet_ac_raters",
    "hand_till_auc",
    "holm_graph",
    "homogeneity_of_clustered_proportions",
    "homogeneity_of_means",
    "homogeneity_of_odds_ratios",
    "homogeneity_of_proportions",
    "hosmer_lemeshow",
    "hypnogram_measures",
    "icc",
    "icc_raters",
    "improvement_of_prepared",
    "improvement_of_sums",
    "inflate_sample_size",
    "interaction_of_means",
    "iso81060_3",
    "joint_diagnosis_test",
    "kendall",
    "kendall_w",
    "krippendorff_alpha",
    "label_swap_test",
    "light_kappa",
    "log_loss",
    "lr_negative",
    "lr_positive",
    "mae",
    "mantel_haenszel",
    "mape",
    "match_intervals",
    "match_points",
    "mcc",
    "mcnemar",
    "mean_difference",
    "median_absolute_error",
    "merge_stages",
    "multi_reader_auc",
    "net_benefit",
    "non_inferiority_p",
    "non_inferiority_test",
    "nonparametric_limits",
    "normality_of_differences",
    "npv",
    "npv_at_prevalence",
    "observed_share_for_goal",
    "one_vs_rest",
    "optimal_threshold",
    "ordinary_least_squares",
    "pabak",
    "paired_counts",
    "paired_diagnosis",
    "paired_measures",
    "paired_nights",
    "paired_non_inferiority",
    "paired_odds_ratio",
    "paired_proportion_difference",
    "paired_proportion_ratio",
    "partial_auc",
    "passing_bablok",
    "passing_bablok_equivariant",
    "pearson",
    "percentile_absolute_error",
    "poolability",
    "power_auc",
    "power_auc_difference",
    "power_correlation",
    "power_equivalence",
    "power_kappa",
    "power_limits_of_agreement",
    "power_mcnemar",
    "power_mean_difference",
    "power_performance_goal",
    "power_proportion_difference",
    "ppv",
    "ppv_at_prevalence",
    "pr_auc",
    "precision_auc",
    "precision_ccc",
    "precision_correlation",
    "precision_icc",
    "precision_kappa",
    "precision_likelihood_ratio",
    "precision_limits_of_agreement",
    "precision_mean_difference",
    "precision_proportion",
    "precision_rmse",
    "precision_sensitivity_specificity",
    "predictive_value_test",
    "prevalence",
    "proportion_difference",
    "proportion_non_inferiority",
    "proportion_odds_ratio",
    "proportion_ratio",
    "rank_by_harm",
    "rater_agreement",
    "recalibration_test",
    "regression_limits",
    "relative_likelihood_ratio",
    "relative_predictive_value",
    "reliability_curve",
    "repeatability",
    "repeated_sleep_discrepancy",
    "reported_share",
    "rmcorr",
    "rmse",
    "roc_curve",
    "scorer_agreement",
    "sd_of_subject_means",
    "sensitivity",
    "sensitivity_at_specificity",
    "share_within",
    "simultaneous_intervals",
    "sleep_discrepancy",
    "slope_interaction",
    "smallest_detectable",
    "spearman",
    "specificity",
    "specificity_at_sensitivity",
    "spiegelhalter_test",
    "subgroup_difference",
    "subgroup_heterogeneity",
    "subgroups",
    "summarise_beats",
    "summarise_episodes",
    "summarise_measurements",
    "summarise_runs",
    "summarise_shutdowns",
    "test_retest",
    "theil_sen",
    "tolerance_limits",
    "total_deviation_index",
    "verdict",
    "weak_spots",
    "weighted_deming",
    "weighted_least_squares",
    "youden",
]
