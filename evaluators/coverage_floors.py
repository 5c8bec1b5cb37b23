"""How many subjects each interval needs, from its simulated coverage; `few_subjects` warns of fewer.

A test derives these numbers from docs/coverage/coverage.csv, the table that `make coverage` makes.
"""

from __future__ import annotations

from collections.abc import Mapping

METHOD_FLOORS: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "bias": {
        "bootstrap_bca": (85, 40),
        "bootstrap_percentile": (40, 40),
        "cluster_t": (10, 10),
        "t": (10, 10),
        "z": (20, 20),
    },
    "loa_lower": {
        "bland_1986": (10, 0),
        "bootstrap_bca": (40, 85),
        "bootstrap_percentile": (200, 85),
        "cluster_t": (40, 20),
        "mover": (10, 10),
        "noncentral_t": (10, 0),
        "t": (10, 10),
        "z": (20, 20),
    },
    "loa_upper": {
        "bland_1986": (20, 0),
        "bootstrap_bca": (85, 40),
        "bootstrap_percentile": (200, 85),
        "cluster_t": (20, 40),
        "mover": (10, 10),
        "noncentral_t": (10, 0),
        "t": (10, 10),
        "z": (20, 20),
    },
    "rmse": {
        "bootstrap_bca": (40, 85),
        "bootstrap_percentile": (200, 85),
        "chi_square": (10, 0),
        "cluster_log_t": (20, 40),
        "cluster_t": (40, 85),
    },
    "rmse_mean": {
        "bootstrap_bca": (20, 40),
        "bootstrap_percentile": (40, 40),
        "cluster_log_t": (10, 10),
        "cluster_t": (10, 20),
    },
    "mae": {
        "bootstrap_bca": (20, 40),
        "bootstrap_percentile": (40, 85),
        "cluster_log_t": (10, 40),
        "cluster_t": (10, 40),
    },
    "mape": {
        "bootstrap_bca": (40, 85),
        "bootstrap_percentile": (40, 85),
        "cluster_log_t": (10, 40),
        "cluster_t": (10, 40),
    },
    "mape_mean": {
        "bootstrap_bca": (40, 40),
        "bootstrap_percentile": (40, 40),
        "cluster_log_t": (10, 10),
        "cluster_t": (10, 20),
    },
    "share_within": {
        "bootstrap_bca": (40, 85),
        "bootstrap_percentile": (40, 85),
        "clopper_pearson": (10, 201),
        "cluster_logit": (10, 40),
        "cluster_logit_cr2": (10, 40),
        "cluster_t": (40, 85),
        "donner_klar": (10, 40),
        "korn_graubard": (10, 40),
        "rao_scott_wilson": (10, 85),
        "wilson": (10, 201),
    },
    "rmse_difference": {
        "bootstrap_bca": (85, 200),
        "bootstrap_percentile": (40, 40),
        "cluster_t": (10, 40),
        "jackknife_t": (10, 10),
    },
    "slope_least_squares": {
        "bootstrap_bca": (40, 200),
        "bootstrap_percentile": (20, 20),
        "cluster_t": (40, 85),
        "jackknife": (10, 10),
        "model_t": (10, 201),
    },
    "slope_deming": {
        "bootstrap_bca": (20, 200),
        "bootstrap_percentile": (20, 40),
        "cluster_t": (20, 40),
        "jackknife": (10, 10),
        "model_t": (10, 201),
    },
    "sensitivity": {
        "agresti_coull": (10, 201),
        "blaker": (10, 201),
        "bootstrap_bca": (85, 85),
        "bootstrap_percentile": (200, 200),
        "clopper_pearson": (10, 201),
        "cluster_arcsine": (10, 200),
        "cluster_logit": (10, 85),
        "cluster_logit_cr2": (10, 85),
        "cluster_t": (85, 200),
        "donner_klar": (10, 85),
        "gee_exchangeable": (10, 85),
        "gee_independence": (10, 200),
        "jeffreys": (10, 201),
        "korn_graubard": (10, 85),
        "logit": (10, 201),
        "mid_p": (10, 201),
        "rao_scott_clopper_pearson": (10, 85),
        "rao_scott_wilson": (10, 85),
        "wald": (200, 201),
        "wilson": (10, 201),
        "wilson_cc": (10, 201),
    },
    "sensitivity_mean": {
        "bootstrap_bca": (85, 85),
        "bootstrap_percentile": (200, 85),
        "cluster_logit": (10, 40),
        "cluster_t": (85, 85),
        "korn_graubard": (10, 10),
        "rao_scott_wilson": (10, 85),
    },
    "sensitivity_difference": {
        "bootstrap_bca": (200, 201),
        "bootstrap_percentile": (200, 200),
        "cluster_t": (85, 85),
        "jackknife_t": (85, 85),
    },
    "kappa": {
        "asymptotic": (200, 201),
        "bootstrap_bca": (40, 85),
        "bootstrap_percentile": (85, 85),
        "cluster_t": (200, 200),
    },
    "auc": {
        "bootstrap_bca": (40, 85),
        "bootstrap_percentile": (200, 85),
        "cluster_t": (200, 85),
        "delong": (200, 201),
        "delong_logit": (10, 201),
        "obuchowski": (200, 85),
        "obuchowski_logit": (10, 85),
    },
}
"""Statistic as simulated -> method -> smallest number of subjects with one unit each, and with several.

Of 10, 20, 40, 85 and 200, the number with which the method's interval of nominally 95% covered at least 93%:
of measurements with normal errors, of others over their simulated values; on average over likenesses and
numbers of a subject's units. 201 where it never did, 0 where it was not simulated. With one unit a subject, a
mean over subjects is an average over rows and has its numbers. The difference of two sensitivities is that of
`compare_versions`, from subject weights; intervals of the four counts of independent pairs hold with 10. The
documentation has the tables, "How often intervals cover".
"""
