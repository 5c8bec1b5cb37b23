"""What the reference programs gave for sleep, and what we give: one generator a table.

Each yields (value's name, ours, theirs, accepted difference). Tolerances are what the programs' printed
digits or, of a bootstrap, the Monte-Carlo errors of both sides allow. `sleep_tables.py` puts them together
and prints the table "oracle -> worst difference".

Reference programs: the SRI pipeline of Menghini et al. (2021), R; yasa 0.8.1; the evaluation of the Dreem
Open Datasets (Guillot et al. 2020).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from accordance.evaluators import (
    EpochAgreement,
    common_window,
    epoch_agreement,
    paired_measures,
    scorer_agreement,
)

Row = tuple[str, float, float, float]
MEASURES = {
    "TST": "tst",
    "SE": "se",
    "SOL": "sol",
    "WASO": "waso",
    "Light": "minutes_light",
    "Deep": "minutes_deep",
    "REM": "minutes_rem",
    "LightPerc": "percent_light",
    "DeepPerc": "percent_deep",
    "REMPerc": "percent_rem",
}
SHORT = {"acc": "accuracy", "sens": "sensitivity", "spec": "specificity", "pindex": "prevalence_index"}
AS_THEY_ARE = ("kappa", "pabak", "pindex", "mcc")
OVERALL = {
    "accuracy": "accuracy",
    "balanced_acc": "balanced_accuracy",
    "kappa": "kappa",
    "mcc": "mcc",
    "precision": "weighted_ppv",
    "f1": "weighted_f1",
}
YASA = {
    "fbeta": "f1",
    "npv": "npv",
    "precision": "ppv",
    "recall": "sensitivity",
    "specificity": "specificity",
}
MONTE_CARLO = 5.0
"""Standard errors of a difference of two bootstraps that are accepted; there are some 700 bounds."""


def scale(name: str) -> float:
    return 1.0 if name in AS_THEY_ARE else 100.0


class Sleep:
    """Reference values and the data they came from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "sleep"
        self.values: dict[str, Any] = json.loads((self.folder / "oracle.json").read_text(encoding="utf-8"))

    @cache  # noqa: B019  (one object a session)
    def columns(self, file: str) -> dict[str, list[str]]:
        with (self.folder / "data" / file).open(encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        return {name: [row[name] for row in rows] for name in rows[0]}

    def codes(self, file: str, column: str) -> np.ndarray:
        return np.array(self.columns(file)[column], dtype=np.int64)

    @cached_property
    def sri(self) -> dict[str, Any]:
        file = "sri_sample_14subj.csv"
        return {
            "reference": self.codes(file, "reference"),
            "device": self.codes(file, "device"),
            "night": self.columns(file)["subject"],
            "staging": "four",
        }

    @cached_property
    def dodh(self) -> dict[str, Any]:
        file = "dodh_consensus_vs_simplenet_4stage.csv"
        return {
            "reference": self.codes(file, "reference"),
            "device": self.codes(file, "device"),
            "night": self.columns(file)["subject"],
            "staging": "four",
        }

    @cache  # noqa: B019
    def agreement(self, data: str, into: str = "four", ci: Any = "t") -> EpochAgreement:
        return epoch_agreement(**getattr(self, data), into=into, ci=ci)

    @cache  # noqa: B019
    def measured(self, data: str, into: str = "four") -> Any:
        return paired_measures(**getattr(self, data), into=into)

    def pair(self, data: str, name: str, digits: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Reference and device of a measure, rounded as the program was given them."""
        first, second = self.measured(data)[MEASURES[name]]
        return (first, second) if digits is None else (np.round(first, digits), np.round(second, digits))


def half(digits: int) -> float:
    """Half a unit of the last printed digit, and a little for what is rounded twice."""
    return 0.5001 * 10.0**-digits + 1e-12


def stage_code(found: EpochAgreement, name: str) -> int:
    return found.stages.index(name.lower())


# measures of the night
def night_measures(sleep: Sleep) -> Iterator[Row]:
    for data, digits, key, into in (
        ("sri", 12, "ebe2sleep_staging_digits12", "four"),
        ("sri", 2, "ebe2sleep_staging_digits2", "four"),
        ("sri", 12, "ebe2sleep_sleepwake_digits12", "two"),
        ("sri", 2, "ebe2sleep_sleepwake_digits2", "two"),
        ("dodh", 10, "dodh_ebe2sleep", "four"),
    ):
        source = sleep.values["menghini_dod" if data == "dodh" else "menghini_sri"]
        found = sleep.measured(data, into)
        for row in source[key]["result"]:
            one = found.nights.index(row["subject"])
            yield f"{key} TIB", found.reference["trt"][one], row["TIB"], half(digits)
            for name, value in row.items():
                short, _, side = name.partition("_")
                if short in MEASURES:
                    ours = (found.reference if side == "ref" else found.device)[MEASURES[short]][one]
                    yield f"{key} {name}", ours, value, half(digits)


def night_differences(sleep: Sleep) -> Iterator[Row]:
    for key, into in (("indDiscr_staging", "four"), ("indDiscr_sleepwake", "two")):
        found = sleep.measured("sri", into)
        for row in sleep.values["menghini_sri"][key]["result"]:
            one = found.nights.index(row["subject"])
            for name, value in row.items():
                if name != "subject":
                    ours = found.difference(MEASURES[name.removesuffix("_diff")])[one]
                    yield f"{key} {name}", ours, value, 0.011  # both sides were rounded before


def yasa_night(sleep: Sleep) -> Iterator[Row]:
    definitions = {"waso": "within_sleep_period", "rem_latency": "from_lights_off", "lps": "start_of_5min"}
    names = {
        "TIB": "trt", "SPT": "spt", "WASO": "waso", "TST": "tst", "SE": "se", "SME": "sme", "SFI": "sfi",
        "SOL": "sol", "SOL_5min": "lps", "Lat_REM": "rem_latency", "WAKE": "minutes_wake",
        "LIGHT": "minutes_light", "DEEP": "minutes_deep", "REM": "minutes_rem", "%REM": "percent_rem",
        "%LIGHT": "percent_light", "%DEEP": "percent_deep",
    }  # fmt: skip
    found = paired_measures(**sleep.sri, definitions=definitions)
    one = found.nights.index("sbj09")
    for side, ours in (("Reference", found.reference), ("Device", found.device)):
        for name, value in sleep.values["yasa"]["sleep_stats_sbj09"][side].items():
            yield f"yasa sbj09 {side} {name}", ours[names[name]][one], value, half(4)


# epoch by epoch
def epochs_by_subject(sleep: Sleep) -> Iterator[Row]:
    for group, data in (("menghini_sri", "sri"), ("menghini_dod", "dodh")):
        for key, entry in sleep.values[group].items():
            if "indEBE" not in key:
                continue
            digits = 10 if data == "dodh" else int(key.rpartition("digits")[2])
            found = sleep.agreement(data, "two" if "_dic_" in key else "four")
            for row in entry["result"]:
                one = found.subjects.index(row["subject"])
                for name, value in row.items():
                    if name != "subject":
                        stage, short = name.split()
                        ours = 100 * found.by_subject[SHORT[short]][one, stage_code(found, stage)]
                        yield f"{key} {short}", ours, number(value), half(digits)


def number(value: Any) -> float:
    return float("nan") if value in (None, "NaN", "NA") else float(value)


def by_bayes(sens: float, spec: float, prevalence: float, digits: int) -> tuple[float, float]:
    """PPV and NPV as the pipeline has them: from rounded shares, the prevalence always to two digits."""
    if np.isnan(sens) or np.isnan(spec):
        return float("nan"), float("nan")
    a, b, p = round(100 * sens, digits), round(100 * spec, digits), round(100 * prevalence, 2)
    with np.errstate(all="ignore"):
        ppv = np.divide(100 * a * p, a * p + (100 - b) * (100 - p))
        npv = np.divide(100 * b * (100 - p), b * (100 - p) + p * (100 - a))
    return float(ppv), float(npv)


def epochs_pooled_and_averaged(sleep: Sleep) -> Iterator[Row]:
    """PPV and NPV also by the program's own rounded way, from our shares."""
    for group, data in (("menghini_sri", "sri"), ("menghini_dod", "dodh")):
        for key, entry in sleep.values[group].items():
            if "groupEBE" not in key or "boot" in key:
                continue
            digits = 8 if data == "dodh" else int(key.rpartition("digits")[2])
            found = sleep.agreement(data, "two" if "_dic_" in key else "four")
            stage = entry["result"][0]["stage"]
            code = stage_code(found, stage)
            if "_sum" in key:
                yield from _pooled(key, entry["result"][0], found, code, digits)
            else:
                yield from _averaged(key, entry["parsed"][0], found, code, digits)


def _pooled(key: str, row: dict[str, Any], found: EpochAgreement, code: int, digits: int) -> Iterator[Row]:
    shares = [float(found.pooled[name][code]) for name in ("sensitivity", "specificity", "prevalence")]
    rounded = dict(zip(("ppv", "npv"), by_bayes(*shares, digits), strict=True))
    for name, value in row.items():
        if name == "stage":
            continue
        ours = scale(name) * float(found.pooled[SHORT.get(name, name)][code])
        yield f"{key} {name}", rounded.get(name, ours), value, half(digits)
        if name in rounded:
            yield f"{key} {name}, unrounded", ours, value, 0.02


def _averaged(key: str, row: dict[str, Any], found: EpochAgreement, code: int, digits: int) -> Iterator[Row]:
    parts = [found.by_subject[name][:, code] for name in ("sensitivity", "specificity", "prevalence")]
    rounded = np.array([by_bayes(*one, digits) for one in zip(*parts, strict=True)])
    for name, value in row.items():
        mean = found.averaged[SHORT.get(name, name)]
        ours = [scale(name) * float(part[code]) for part in (mean.mean, mean.sd, mean.lower, mean.upper)]
        lost = value["ci"][0] is None or np.isnan(number(value["ci"][0]))
        # a subject without the stage takes the program's interval and its NPV away; we leave it out
        theirs = [value["mean"], value["sd"], *([] if lost else value["ci"])]
        if name in ("ppv", "npv"):
            own = rounded[:, ("ppv", "npv").index(name)]
            own = np.round(own[np.isfinite(own)], digits)
            yield f"{key} {name} mean", float(own.mean()), theirs[0], half(digits) * 1.01
            yield f"{key} {name} SD", float(own.std(ddof=1)), theirs[1], half(digits) * 2
            if len(own) < len(parts[0]) and name == "npv":
                continue
        limit = 0.02 if name in ("ppv", "npv") else max(half(digits) * 3, 2e-8)
        for what, mine, other in zip(("mean", "SD", "lower", "upper"), ours, theirs, strict=False):
            clipped = min(
                max(other, -1.0 if name in AS_THEY_ARE else 0.0), 1.0 if name in AS_THEY_ARE else 100.0
            )
            yield f"{key} {name} {what}", mine, clipped if what in ("lower", "upper") else other, limit


def epochs_bootstrap(sleep: Sleep) -> Iterator[Row]:
    """Two bootstraps of 10,000: what is accepted are Monte-Carlo errors, from the spread of the subjects."""
    for key, entry in sleep.values["menghini_sri"].items():
        if "groupEBE" not in key or "boot" not in key:
            continue
        found = sleep.agreement("sri", "two" if "_dic_" in key else "four", "basic")
        code = stage_code(found, entry["result"][0]["stage"])
        for name, value in entry["parsed"][0].items():
            mean = found.averaged[SHORT.get(name, name)]
            limit = MONTE_CARLO * _mean_error(scale(name) * float(mean.sd[code]), len(found.subjects))
            limit += 0.01 if name in ("ppv", "npv") else half(4)
            for what, part, other in zip(
                ("lower", "upper"), (mean.lower, mean.upper), value["ci"], strict=True
            ):
                yield f"{key} {name} {what}", scale(name) * float(part[code]), other, limit


def _mean_error(sd: float, n: int, replicates: int = 10_000) -> float:
    """Monte-Carlo error of the difference of two 2.5% quantiles of a mean, normal density, R's two runs."""
    tail, density = 0.025, 0.05844  # at the 2.5% quantile of a standard normal
    return (
        float(sd / np.sqrt(n) * np.sqrt(2 * tail * (1 - tail) / replicates) / density) * 1.5
    )  # heavier tails


def error_matrices(sleep: Sleep) -> Iterator[Row]:
    for group, data in (("menghini_sri", "sri"), ("menghini_dod", "dodh")):
        for key, entry in sleep.values[group].items():
            if "errorMatrix" not in key or isinstance(entry["result"], str):
                continue  # the program stops where a subject lacks a stage (DOD-H); ours has its own test
            boot = "boot" in key
            found = sleep.agreement(data, "two" if "sleepwake" in key else "four", "basic" if boot else "t")
            if "_sum" in key:
                counts = found.pooled_matrix
                table = np.block(
                    [
                        [counts, counts.sum(axis=1, keepdims=True)],
                        [counts.sum(axis=0, keepdims=True), counts.sum(keepdims=True)],
                    ]
                )
                for i, row in enumerate(entry["result"]):
                    for j, value in enumerate(v for name, v in row.items() if name != "reference"):
                        yield f"{key} {i},{j}", float(table[i, j]), float(value), 0.0
                continue
            digits = 4 if boot else int(key.rpartition("digits")[2])
            matrix = found.error_matrix
            for i, row in enumerate(entry["parsed"]):
                for j, value in enumerate(row.values()):
                    limit = half(digits) + (
                        MONTE_CARLO * _mean_error(float(matrix.sd[i, j]), 14) if boot else 0
                    )
                    yield f"{key} mean", float(matrix.mean[i, j]), value["mean"], half(digits)
                    yield f"{key} SD", float(matrix.sd[i, j]), value["sd"], half(digits)
                    yield f"{key} lower", float(matrix.lower[i, j]), value["ci"][0], limit
                    yield f"{key} upper", float(matrix.upper[i, j]), min(value["ci"][1], 1.0), limit


def yasa_epochs(sleep: Sleep) -> Iterator[Row]:
    yield from _yasa_overall(sleep.values["yasa"], sleep.agreement("sri"))
    yield from _yasa_matrices(sleep.values["yasa"], sleep.agreement("sri"))
    yield from _yasa_summary(sleep)


def _yasa_overall(yasa: dict[str, Any], found: EpochAgreement) -> Iterator[Row]:
    for name, ours in OVERALL.items():
        yield (
            f"pooled {name}",
            scale(name) * found.overall_pooled[ours],
            yasa["get_agreement_pooled"][name],
            1e-9,
        )
        for subject, row in yasa["get_agreement"].items():
            one = found.subjects.index(subject)
            yield f"{name}", scale(name) * float(found.overall_by_subject[ours][one]), row[name], 1e-9
    for key, row in yasa["bystage"].items():
        stage, subject = key.split("|")
        one, code = found.subjects.index(subject), stage_code(found, stage)
        yield "support", float(found.tables[one, code].sum()), row["support"], 0.0
        for name, ours in YASA.items():
            yield f"by stage {name}", 100 * float(found.by_subject[ours][one, code]), number(row[name]), 1e-9
    for stage, row in yasa["bystage_mean"].items():
        for name, ours in YASA.items():
            mean = float(found.averaged[ours].mean[stage_code(found, stage)])
            yield f"mean of {name}", 100 * mean, row[name], 1e-9


def _yasa_matrices(yasa: dict[str, Any], found: EpochAgreement) -> Iterator[Row]:
    for stage, counts in yasa["cm_sum"].items():
        for other, value in counts.items():
            i, j = stage_code(found, stage), stage_code(found, other)
            yield "counts", float(found.pooled_matrix[i, j]), value, 0.0
    for row in yasa["pcm_param"]:
        i, j = stage_code(found, row["Reference"]), stage_code(found, row["Device"])
        matrix = found.error_matrix
        for name, part in (
            ("mean", matrix.mean),
            ("std", matrix.sd),
            ("ci_lower", matrix.lower),
            ("ci_upper", matrix.upper),
        ):
            yield f"proportional matrix {name}", 100 * float(part[i, j]), row[name], 1e-9
        yield "proportional matrix n", float(matrix.n[i, j]), row["n_sessions"], 0.0


def _yasa_summary(sleep: Sleep) -> Iterator[Row]:
    found, boot = sleep.agreement("sri"), sleep.agreement("sri", "four", "basic")
    for row in sleep.values["yasa"]["summary_bystage_basic"]:
        if row["metric"] == "support":
            continue
        name, code = YASA[row["metric"]], stage_code(found, row["stage"])
        values = 100 * found.by_subject[name][:, code]
        values = values[np.isfinite(values)]
        for what, ours in (
            ("mean", values.mean()), ("std", values.std(ddof=1)), ("min", values.min()),
            ("max", values.max()), ("median", np.median(values)),
            ("mad", np.abs(values - values.mean()).mean()),
        ):  # fmt: skip
            yield f"summary {what}", float(ours), row[what], 1e-9
        limit = MONTE_CARLO * _mean_error(float(values.std(ddof=1)), len(values))
        yield "summary lower, bootstrap", 100 * float(boot.averaged[name].lower[code]), row["ci_lower"], limit
        yield "summary upper, bootstrap", 100 * float(boot.averaged[name].upper[code]), row["ci_upper"], limit


# scorers
def several_scorers(sleep: Sleep) -> Iterator[Row]:
    oracle, file = sleep.values["dod_multiscorer"]["dodh"], "dodh_multiscorer_trimmed.csv"
    columns = sleep.columns(file)
    night = columns["subject"]
    humans = {f"scorer_{i}": sleep.codes(file, f"scorer_{i}") for i in range(1, 6)}
    named = [name for name in oracle["metrics_mean_sd_population"] if name in columns and name not in humans]
    devices = {name: sleep.codes(file, name) for name in named}
    found = scorer_agreement(humans, devices, night=night, missing="as_vote", absent="zero")
    inside = found.consensus.codes != -9
    yield "nights", float(len(found.nights)), oracle["n_records"], 0.0
    yield "epochs", float(inside.sum()), oracle["n_epochs"], 0.0
    yield "no consensus", float((found.consensus.codes == -1).sum()), oracle["n_unscored_consensus"], 0.0
    lost = float(np.any(np.stack(list(humans.values())) < 0, axis=0).sum())
    yield "unscored by any", lost, oracle["n_unscored_any_scorer"], 0.0
    for ours, theirs in zip(found.consensus.codes[inside], sleep.codes(file, "consensus"), strict=True):
        if ours != theirs:
            yield "consensus", float(ours), float(theirs), 0.0
    share = np.abs(found.consensus.share[inside] - np.array(columns["consensus_prob"], dtype=float)).max()
    yield "consensus' share, largest difference", float(share), 0.0, 1e-12
    for i, name in enumerate(humans):
        yield (
            f"soft agreement {name}",
            float(found.soft_agreement[:, i].mean()),
            oracle["soft_agreement"][name],
            1e-12,
        )
    names = {"f1_score": "f1", "accuracy_score": "accuracy", "cohen_kappa": "kappa"}
    for who, row in oracle["metrics_mean_sd_population"].items():
        for key, value in row.items():
            base, _, code = key.rpartition("_")
            stage = found.stages[int(code)] if code.isdigit() else None
            measure = names[base if code.isdigit() else key]
            mean, sd, _ = found.average("scorers" if who == "Overall Scorers" else who, measure, stage)
            yield f"{who} {key} mean", mean, value[0], 1e-10
            yield f"{who} {key} SD", sd, value[1], 1e-10
    raw = "dodh_scorers_raw.csv"
    nights = sorted(set(sleep.columns(raw)["subject"]))
    # the lights that the source declares for three records
    off = [60 if name in ("dodh11", "dodh22") else 0 for name in nights]
    on = [620 if name == "dodh10" else 10**6 for name in nights]
    start, end = common_window(
        [sleep.codes(raw, f"scorer_{i}") for i in range(1, 6)], night=sleep.columns(raw)["subject"],
        lights_off=off, lights_on=on,
    )  # fmt: skip
    for i, name in enumerate(nights):
        for ours, theirs in zip((start[i], end[i]), oracle["index"][name], strict=True):
            yield f"window {name}", float(ours), float(theirs), 0.0
