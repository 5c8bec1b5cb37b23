"""A tour of the statistics: every public function, called on three published data sets, and what it prints.

    ACCORDANCE_REFERENCE=/path/to/values python docs/tour/statistics.py           all of it
    ACCORDANCE_REFERENCE=/path/to/values python docs/tour/statistics.py mae auc   these functions

- `sbp`: systolic blood pressure of 85 subjects, three readings each by a device (test) and by an observer
  (reference), with a second observer besides (Bland & Altman 1999, Table 1).
- `ox`: oxygen saturation of 61 children, up to three readings each by pulse oximetry (test) and in blood
  (reference) (the data `ox` of R's MethComp).
- `aSAH`: outcome of 113 patients after a subarachnoid haemorrhage, with two blood markers and a clinical
  grade (the data `aSAH` of R's pROC). Calls are markers above a threshold; the categories are thirds of each.
- Sample sizes are asked for with assumptions instead of data (`PLANS`).

Functions are found in `accordance.evaluators` and get the arguments they ask for by name, so that a new one
joins the tour by itself, or the test of the tour says what it still needs. Lines that start with `# %%` are
cells for editors that know them.
"""

# %% What is needed
from __future__ import annotations

import csv
import inspect
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from accordance import evaluators
from accordance.evaluators import registry
from accordance.evaluators.metric import Columns

FUNCTION = {"yield": "reported_share"}
"""Metric -> its function, where the metric's name is a word of Python."""
NOT_CALLED: dict[str, str] = {
    **dict.fromkeys(
        ("rank_by_harm", "between_variance", "weak_spots", "improvement_of_sums"),
        "takes each subject's improvement of one version over another, and the data have one version",
    ),
    **dict.fromkeys(
        ("further_subjects", "smallest_detectable"),
        "takes the estimate and standard error of a comparison of versions, and the data have one version",
    ),
    **dict.fromkeys(
        ("error_shift", "error_density"), "takes the outputs of two versions, and the data have one version"
    ),
    **dict.fromkeys(
        (
            "beat_classes",
            "beat_detection",
            "compare_beats",
            "compare_runs",
            "summarise_beats",
            "summarise_runs",
            "summarise_shutdowns",
        ),
        "takes beats of an electrocardiogram, which none of the data sets has",
    ),
    **dict.fromkeys(
        (
            "compare_episodes",
            "compare_measurements",
            "episode_burden",
            "episode_detection",
            "false_alarm_rate",
            "match_intervals",
            "match_points",
            "summarise_episodes",
            "summarise_measurements",
        ),
        "takes events or episodes in time, which none of the data sets has",
    ),
    **dict.fromkeys(
        (
            "definition_diff",
            "paired_measures",
            "sleep_discrepancy",
            "epoch_agreement",
            "hypnogram_measures",
            "common_window",
            "merge_stages",
            "paired_nights",
            "repeated_sleep_discrepancy",
            "scorer_agreement",
        ),
        "takes hypnograms or measures of nights, and the data have none; docs/guide/sleep.md calls them",
    ),
    "improvement_of_prepared": "takes what a metric prepared of either version, and no columns of values",
}
"""Functions that the tour leaves out, and why."""
MEASURED = {
    "tolerance": 5,
    "truth": "varying",
    "of": "mean",
    "share": 0.9,
    "percentile": 90,
    "model": "mixed",
}
"""Arguments of functions that compare measurements, on both data sets."""
PREFERRED = {"compare_auc": "aSAH, scores"}
"""Functions that other data would fit as well, but worse."""
CELLS = ((1, 1), (0, 1), (1, 0), (0, 0))
"""Call and truth of TP, FN, FP, TN."""
NAN_BECAUSE = {
    "roc_curve": "no call is positive at the first threshold, so precision has no value there",
}
"""Results with an undefined number among others, and why."""
OPTIONAL = ("subject", "level_at", "levels")
"""Arguments that are given although they may be left out; tables of ratings have a subject a row anyway."""


@dataclass(frozen=True)
class Data:
    """Columns, and what functions ask for besides, by the name of the argument or of its type."""

    name: str
    kinds: tuple[str, ...]
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Shown:
    """A function that was called, and what came back."""

    function: str
    data: str
    result: Any


# %% The data
def table(path: Path) -> dict[str, list[str]]:
    """The columns of a CSV file, rows with missing values left out."""
    with path.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if "NA" not in row.values()]
    return {name: [row[name] for row in rows] for name in rows[0]}


def numbers(values: list[str]) -> Any:
    """A column of numbers."""
    return np.array([float(value) for value in values])


def pressure(folder: Path) -> Data:
    """Blood pressure in mmHg."""
    columns = table(folder / "agreement" / "data" / "sbp_1999.csv")
    reference, test, subject = numbers(columns["reference"]), numbers(columns["test"]), columns["subject"]
    bias = evaluators.mean_difference(reference, test, subject=subject)["mean_difference"]
    return Data("sbp", ("measurement",), {
        **MEASURED, "reference": reference, "test": test, "subject": subject,
        "condition": columns["replicate"], "time": columns["replicate"],
        "ratings": np.column_stack([numbers(columns[name]) for name in ("J", "R", "S")]),
        "level_at": [120, 160], "at": 140, "allowance": 15, "lower": -5, "upper": 20, "margin": 20,
        "difference": bias.value, "improvement": -bias.value, "standard_error": bias.standard_error, "df": 84,
        "interval": bias.interval, "events": (np.abs(test - reference) > 20).astype(int),
        "exposure": np.ones(len(test)), "slope_interaction.values": test - reference,
        "covariate": numbers(columns["replicate"]), "contrast": 2,
        "slope_interaction.group": np.where(numbers(columns["subject"]) <= 42, "first half", "second half"),
        "r": evaluators.pearson(reference, test)["pearson"].value,
    })  # fmt: skip


def saturation(folder: Path) -> Data:
    """Oxygen saturation in percent."""
    columns = table(folder / "agreement" / "data" / "ox.csv")
    return Data("ox", ("measurement",), {
        **MEASURED, "reference": numbers(columns["reference"]), "test": numbers(columns["test"]),
        "subject": columns["subject"], "condition": columns["replicate"],
        "covariate": numbers(columns["replicate"]), "contrast": 2,
        "level_at": [70, 90], "at": 80, "allowance": 5, "lower": -5, "upper": 5, "margin": 5,
    })  # fmt: skip


def haemorrhage(folder: Path) -> list[Data]:
    """Poor outcome, with calls by each of two markers; and thirds of three markers."""
    columns = table(folder / "diagnostic" / "data" / "aSAH.csv")
    poor = (np.array(columns["outcome"]) == "Poor").astype(int)
    protein, kinase = numbers(columns["s100b"]), numbers(columns["ndka"])
    grade, woman = numbers(columns["wfns"]), np.array(columns["gender"]) == "Female"
    call, other = (protein > 0.205).astype(int), (kinase > 11).astype(int)
    tp, fp = int(call[poor == 1].sum()), int(call[poor == 0].sum())
    binary = {
        "reference": poor, "test": call, "score": protein, "beta": 2, "prevalence": 0.2, "n_levels": 2,
        "tp": tp, "fp": fp, "fn": int(poor.sum()) - tp, "tn": int((1 - poor).sum()) - fp,
        "x1": int(call[woman].sum()), "n1": int(woman.sum()), "margin": 0.1,
        "x2": int(call[~woman].sum()), "n2": int((~woman).sum()),
        "Metric | str": "sensitivity", "baseline": other, "candidate": call,
        "PairedCounts": evaluators.paired_counts(other, call),
        "PairedDiagnosis": evaluators.paired_diagnosis(poor, other, call),
        "ClusteredPairs": evaluators.clustered_pairs(other, call, subject=columns["age"]),
        "cells": [[3, 1, 0, 2], [1, 0, 2, 0], [2, 2, 0, 1]],
    }  # fmt: skip
    accuracy = registry.get("accuracy")
    for name, calls in (("candidate", call), ("baseline", other)):
        rows = Columns(poor, calls, np.arange(len(poor) + 1), ("negative", "positive"))
        for function in ("compare_prepared", "label_swap_test"):
            binary[f"{function}.{name}"] = accuracy.prepare(rows)
    binary |= {"Metric": accuracy, "keys": [f"{i:03d}" for i in range(len(poor))]}
    scores = {
        "reference": poor, "score": protein, "baseline": kinase, "candidate": protein,
        "specificity": 0.9, "sensitivity": 0.9, "low": 0.9,
        "probability": protein / (protein + 0.4), "threshold": 0.3, "thresholds": [0.1, 0.2, 0.3, 0.5],
    }  # fmt: skip
    groups = {
        "reference_baseline": poor[woman], "baseline": protein[woman],
        "reference_candidate": poor[~woman], "candidate": protein[~woman],
    }  # fmt: skip
    tables = [
        [int(np.sum((call == called) & (poor == truth) & chosen)) for called, truth in CELLS]
        for chosen in (woman, ~woman)
    ]
    by_group = {
        "metric": "sensitivity", "Metric | str": "sensitivity", "reference": poor, "test": call,
        "group": columns["gender"], "tables": tables, "values": protein, "first": columns["gender"],
        "second": columns["outcome"], "x": [sum(row[:1]) for row in tables],
        "n": [sum(row[:2]) for row in tables], "Subgroups": None,
        "subgroup_difference.first": "Female", "subgroup_difference.second": "Male",
        "estimates": [protein[woman].mean(), protein[~woman].mean()],
        "standard_errors": [
            group.std(ddof=1) / np.sqrt(len(group)) for group in (protein[woman], protein[~woman])
        ],
    }  # fmt: skip
    # two estimates at shared weights: the mean of the marker among women and among men, resampled 2,000 times
    draws = np.random.default_rng(1).multinomial(len(protein), np.full(len(protein), 1 / len(protein)), 2000)
    by_group["replicates"] = np.column_stack(
        [draws[:, one] @ protein[one] / draws[:, one].sum(axis=1) for one in (woman, ~woman)]
    )
    by_group |= {"events": call, "units": np.ones(len(call), dtype=int)}
    by_group["Subgroups"] = evaluators.subgroups("sensitivity", poor, call, columns["gender"])
    thirds = {
        name: np.digitize(values, np.quantile(values, [1 / 3, 2 / 3], method="higher"), right=False)
        for name, values in (("protein", protein), ("kinase", kinase), ("grade", grade))
    }
    words = {name: np.array(["low", "middle", "high"])[index] for name, index in thirds.items()}
    categories = {
        "reference": words["protein"], "test": words["kinase"], "category": "high",
        "levels": ["low", "middle", "high"], "ratings": np.column_stack(list(words.values())),
        "hand_till_auc.scores": kinase,
    }  # fmt: skip
    return [
        Data("aSAH, calls", ("binary",), binary),
        Data("aSAH, scores", ("score",), scores),
        Data("aSAH, women and men", ("score",), groups),
        Data("aSAH by gender", ("groups",), by_group),
        Data("aSAH, thirds", ("categorical",), categories),
    ]


def readings(folder: Path) -> Data:
    """Five radiologists, two ways of imaging, 114 patients (Van Dyke 1993)."""
    columns = table(folder / "diagnostic" / "data" / "mrmc_VanDyke.csv")
    return Data("VanDyke, five readers", ("readers",), {
        "reference": numbers(columns["truth"]).astype(int), "score": numbers(columns["rating"]),
        "version": columns["treatment"], "reader": columns["reader"], "case": columns["case"],
    })  # fmt: skip


def family(pressures: Data) -> Data:
    """Three questions at once: is the mean difference within 20 mmHg, reading by reading?"""
    reference, test, time = (pressures.arguments[name] for name in ("reference", "test", "time"))
    readings = [np.array(time) == reading for reading in sorted(set(time))]
    tests = [
        evaluators.equivalence_test(reference[chosen], test[chosen], lower=-20, upper=20)
        for chosen in readings
    ]
    return Data("sbp, three readings", ("family",), {
        "p": [one.p for one in tests], "m": 3, "fallback_graph.weights": [0.5, 0.3, 0.2],
        "Graph": evaluators.holm_graph(3),
    })  # fmt: skip


PLANS = {
    "design_effect": {"rows_per_subject": 20, "icc": 0.05},
    "inflate_sample_size": {
        "positives": 231, "negatives": 107, "prevalence": 0.2, "inconclusive": 0.17, "drop_out": 0.1,
        "assurance": 0.9,
    },
    "observed_share_for_goal": {"goal": 0.85, "observed": 0.92},
    "power_auc": {"area": 0.8},
    "power_auc_difference": {
        "difference": 0.05, "variance_first": 0.0015, "variance_second": 0.002, "covariance": 0.001,
        "cases": 41,
    },
    "power_correlation": {"correlation": 0.95, "null": 0.9},
    "power_equivalence": {"difference": 0.0, "sd": 8.0, "margin": 5.0},
    "power_kappa": {"kappa": 0.6, "null": 0.4, "prevalence": 0.3},
    "power_limits_of_agreement": {"bias": 1.0, "sd": 4.0, "allowance": 10.0},
    "power_mcnemar": {"p01": 0.15, "p10": 0.05},
    "power_mean_difference": {"difference": 0.0, "sd": 8.0, "margin": 5.0, "sides": "one"},
    "power_performance_goal": {"goal": 0.9, "expected": 0.95},
    "power_proportion_difference": {"p1": 0.9, "p2": 0.9, "margin": 0.1, "sides": "one"},
    "precision_auc": {"area": 0.85, "prevalence": 0.3, "half_width": 0.05},
    "precision_ccc": {"concordance": 0.9, "half_width": 0.05},
    "precision_correlation": {"correlation": 0.9, "half_width": 0.05},
    "precision_icc": {"correlation": 0.85, "ratings": 4, "half_width": 0.1},
    "precision_kappa": {"kappa": 0.4, "prevalence": 0.3, "half_width": 0.1},
    "precision_likelihood_ratio": {
        "sensitivity": 0.9, "specificity": 0.9, "prevalence": 0.3, "half_width": 2.0,
    },
    "precision_limits_of_agreement": {"sd": 8.0, "half_width": 2.0},
    "precision_mean_difference": {"between_sd": 8.0, "half_width": 1.5},
    "precision_proportion": {"expected": 0.9, "half_width": 0.05},
    "precision_rmse": {
        "rmse": 2.5, "bias": 0.5, "rows_per_subject": 20, "icc": 0.5, "half_width": 0.3,
    },
    "precision_sensitivity_specificity": {
        "sensitivity": 0.9, "specificity": 0.85, "prevalence": 0.2, "half_width": 0.05,
    },
}  # fmt: skip
"""Sample sizes are planned before there are data: every function and what it is asked."""


def plans() -> Data:
    """The questions of `PLANS`, each argument under the name of its function."""
    asked = {f"{name}.{key}": value for name, given in PLANS.items() for key, value in given.items()}
    return Data("plans, no data yet", ("plan",), asked)


def all_data(folder: Path) -> list[Data]:
    """The data sets, those of measurements first."""
    pressures = pressure(folder)
    return [pressures, saturation(folder), *haemorrhage(folder), readings(folder), family(pressures), plans()]


# %% Calling what is there
def functions() -> dict[str, Any]:
    """Every public function, in alphabetical order."""
    found = {name: getattr(evaluators, name) for name in evaluators.__all__}
    return {name: thing for name, thing in sorted(found.items()) if not inspect.isclass(thing)}


def kinds() -> dict[str, str]:
    """Function -> the kind of values its metric takes."""
    return {FUNCTION.get(metric.name, metric.name): metric.kind for metric in registry.all_metrics()}


def arguments(function: Any, data: Data) -> dict[str, Any] | None:
    """What a function gets of a data set; None where it asks for something that is not there."""
    chosen: dict[str, Any] = {}
    for one in inspect.signature(function).parameters.values():
        optional = one.default is not one.empty
        keys = (f"{function.__name__}.{one.name}", str(one.annotation), one.name)
        source = next((key for key in keys if key in data.arguments), None)
        if source is None and not optional:
            return None
        if (
            source is not None
            and (not optional or one.name in OPTIONAL or source == keys[0])
            and not (one.name == "subject" and "ratings" in chosen)
        ):
            chosen[one.name] = data.arguments[source]
    return chosen


def tour(folder: Path, only: tuple[str, ...] = ()) -> Iterator[Shown]:
    """Call every function on the data of its metric's kind, or else on the first that has what it asks."""
    data, kind_of = all_data(folder), kinds()
    for name, function in functions().items():
        if name in NOT_CALLED or (only and name not in only):
            continue
        fitting = [one for one in data if kind_of.get(name, one.kinds[0]) in one.kinds]
        fitting = [one for one in fitting if one.name == PREFERRED.get(name, one.name)]
        given = [(one, arguments(function, one)) for one in fitting]
        usable = [(one, values) for one, values in given if values is not None]
        kept = [one for one in usable if one[0].kinds == usable[0][0].kinds]
        for one, values in kept:
            yield Shown(name, one.name, function(**values))


def printed(shown: Shown) -> str:
    """The result in its own words; of a record without any, its fields."""
    result = shown.result
    if is_dataclass(result) and type(result).__str__ is object.__str__:
        lines = [f"{one.name}: {getattr(result, one.name)}" for one in fields(result)]
        text = "\n".join([type(result).__name__, *lines])
    else:
        text = f"{result:.6g}" if isinstance(result, float) else str(result)
    reason = NAN_BECAUSE.get(shown.function)
    return text if reason is None else f"{text}\nnan: {reason}"


def heading(shown: Shown) -> str:
    """A line above a result."""
    line = f"{shown.function} on {shown.data}"
    return f"\n{line}\n{'-' * len(line)}"


# %% The tour
def main(only: tuple[str, ...]) -> int:
    """Print every result; 0 also where there are no data, with the reason."""
    folder = Path(os.environ.get("ACCORDANCE_REFERENCE", ""))
    if not (folder / "agreement" / "data").is_dir():
        print("Skipped: ACCORDANCE_REFERENCE names no folder with the data sets.")
        return 0
    np.set_printoptions(precision=4, threshold=12, edgeitems=4, suppress=True)
    for shown in tour(folder, only):
        print(f"{heading(shown)}\n{printed(shown)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(tuple(sys.argv[1:])))
