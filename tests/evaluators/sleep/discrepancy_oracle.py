"""What the reference programs gave for discrepancies of nights, and what we give; see `sleep_oracle.py`.

Besides the programs there: R's boot for the spread's slope, and R's lme4 for repeated nights.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from sleep_oracle import MONTE_CARLO, Row, Sleep, half

from accordance.evaluators import paired_measures, repeated_sleep_discrepancy, sleep_discrepancy


def components(sleep: Sleep) -> Iterator[Row]:
    for data in ("sri", "dodh"):
        for name, entry in sleep.values["components"][data].items():
            first, second = sleep.pair(data, name)
            for ours, theirs in ((first, entry["reference"]), (second, entry["device"])):
                yield (
                    f"{data} {name}, largest difference of a night",
                    float(np.abs(ours - theirs).max()),
                    0.0,
                    1e-9,
                )
            for size in ("reference", "mean"):
                found = sleep_discrepancy(first, second, size=size)
                log = sleep_discrepancy(first, second, size=size, log=True, log_offset=1e-4)
                line = entry[f"size_{size}"]
                yield from _components(f"{data} {name} {size}", entry, line, found, log)
                yield from _mixed_scales(f"{data} {name} {size}", first, second, line["log"], size)


def _mixed_scales(key: str, x: Any, y: Any, log: dict[str, Any], size: str) -> Iterator[Row]:
    """The program asks of raw residuals whether they grow with the logarithm of the size; we do not."""
    at = x if size == "reference" else (x + y) / 2
    slope, level = np.polyfit(at, y - x, 1)
    logs = [np.log(side + 1e-4) for side in (x, y)]
    log_size = logs[0] if size == "reference" else (logs[0] + logs[1]) / 2
    mixed = np.polyfit(log_size, np.abs(y - x - level - slope * at), 1)[0]
    theirs = log["c1_absresid_vs_logsize"]
    yield f"{key} raw residuals on log size", float(mixed), theirs, 1e-8 * max(1.0, abs(theirs))
    ratios = logs[1] - logs[0]
    yield f"{key} mean log ratio", float(ratios.mean()), log["mean_logdiff"], 1e-8
    yield f"{key} SD of log ratios", float(ratios.std(ddof=1)), log["sd_logdiff"], 1e-8


def _components(key: str, entry: dict[str, Any], line: dict[str, Any], found: Any, log: Any) -> Iterator[Row]:
    ends, logs = entry["CI_lines"], line["log"]
    pairs = [
        (found.n, entry["n"]), (found.bias.value, entry["bias"]), (found.sd, entry["sd_diff"]),
        (found.device[0], entry["mean_device"]), (found.device[1], entry["sd_device"]),
        (found.reference[0], entry["mean_reference"]), (found.reference[1], entry["sd_reference"]),
        (found.loa_lower.value, entry["loa"][0]), (found.loa_upper.value, entry["loa"][1]),
        (found.bias.lower, ends["bias_lo"]), (found.bias.upper, ends["bias_hi"]),
        (found.loa_lower.lower, ends["lower_lo"]), (found.loa_lower.upper, ends["lower_hi"]),
        (found.loa_upper.lower, ends["upper_lo"]), (found.loa_upper.upper, ends["upper_hi"]),
        (found.normal.effects["w"], entry["shapiro_diffs"]["W"]),
        (found.normal.p_value, entry["shapiro_diffs"]["p"]),
        (found.half_width.value, line["half_width_1.96sd_resid"]),
        (found.half_width.value / 1.96, line["sd_resid"]),
        (float(found.proportional), float(line["prop_bias"])),
        (float(not found.homoscedastic.holds), float(line["heterosced"])),
        (log.ratio.value, logs["slope"]), (log.ratio.lower, logs["slope_CI"][0]),
        (log.ratio.upper, logs["slope_CI"][1]), (log.normal.effects["w"], logs["shapiro_W"]),
        (log.normal.p_value, logs["shapiro_p"]),
    ]  # fmt: skip
    for name, part in (
        ("b0", found.intercept),
        ("b1", found.slope),
        ("c0", found.spread_intercept),
        ("c1", found.spread_slope),
    ):
        pairs += [
            (part.value, line[name]),
            (part.lower, line[f"{name}_CI"][0]),
            (part.upper, line[f"{name}_CI"][1]),
        ]
    for i, (ours, theirs) in enumerate(pairs):
        yield f"{key} [{i}]", float(ours), float(theirs), 2e-8 * max(1.0, abs(theirs))


def numbers(text: str) -> list[float]:
    return [
        float(one) for one in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", re.sub(r"\b[bc][01] = ", "", str(text)))
    ]


def printed(sleep: Sleep) -> Iterator[Row]:
    """The pipeline's printed tables of discrepancies, number by number."""
    for group, data in (("menghini_sri", "sri"), ("menghini_dod", "dodh")):
        for key, entry in sleep.values[group].items():
            if "groupDiscr" in key or "rmd_dic" in key:
                if isinstance(entry["result"], str):
                    raise AssertionError(f"{key}: {entry['result']}")
                yield from _printed(sleep, data, key, entry)


def _printed(sleep: Sleep, data: str, key: str, entry: dict[str, Any]) -> Iterator[Row]:
    row, call = entry["result"][0], entry["call"]
    name = re.search(r'measures = c\("(\w+)_device"', call)[1]  # type: ignore[index]
    digits = int(re.search(r"digits = (\d+)", call)[1])  # type: ignore[index]
    rounded = 2 if "rounded_input" in key or key.startswith("rmd") else None
    pair = sleep.pair(data, name, rounded)
    options: dict[str, Any] = {"size": "mean" if 'size = "mean"' in call else "reference"}
    log = "logTransf = TRUE" in call
    boot = row["CI.type"] == "boot"
    resampled = sleep_discrepancy(*pair, ci="basic", **options)
    found = resampled if boot else sleep_discrepancy(*pair, **options)
    limit, one = half(digits), f"{key} "
    yield f"{one}prop.bias", float(found.proportional), float(row["prop.bias"]), 0.0
    for side, ours in (("device", found.device), ("reference", found.reference)):
        for mine, theirs in zip(ours, numbers(row[side]), strict=True):
            yield f"{one}{side}", mine, theirs, limit
    parts = (found.intercept, found.slope) if found.proportional else (found.bias,)
    values = [part.value for part in parts] + ([] if found.proportional else [found.sd])
    for mine, theirs in zip(values, numbers(row["bias"]), strict=True):
        yield f"{one}bias", mine, theirs, limit
    yield from _ends(f"{one}bias CI", parts, row["bias_CI"], limit)
    if log:
        yield from _log_limits(one, row, pair, options, boot=boot, limit=limit)
    elif row["heterosced"]:
        yield from _changing(one, row, found, limit, boot=boot)
    elif found.proportional:
        yield f"{one}LoA", found.half_width.value, numbers(row["LOA.lower"])[0], limit
        yield f"{one}LoA", found.half_width.value, numbers(row["LOA.upper"])[0], limit
        yield from _ends(f"{one}LoA CI, bootstrap", (resampled.half_width,), row["LOA.lower_CI"], limit)
    else:
        yield from _constant(one, row, found, limit, boot=boot)


def _ends(what: str, parts: tuple[Any, ...], text: str, limit: float) -> Iterator[Row]:
    theirs = iter(numbers(text))
    for part in parts:
        error = part.mc_error or (0.0, 0.0)
        for end, mine in enumerate((part.lower, part.upper)):
            yield what, mine, next(theirs), limit + MONTE_CARLO * np.sqrt(2) * error[end]


def _constant(one: str, row: dict[str, Any], found: Any, limit: float, *, boot: bool) -> Iterator[Row]:
    """With a bootstrap the program keeps the SD fixed: its limits' interval is that of the bias, moved."""
    for name, part in (("lower", found.loa_lower), ("upper", found.loa_upper)):
        yield f"{one}LoA", part.value, numbers(row[f"LOA.{name}"])[0], limit
        if boot:
            moved = part.value - found.bias.value
            error = MONTE_CARLO * np.sqrt(2) * max(found.bias.mc_error)
            for mine, theirs in zip(
                (found.bias.lower, found.bias.upper), numbers(row[f"LOA.{name}_CI"]), strict=True
            ):
                yield f"{one}LoA CI, SD kept", mine + moved, theirs, limit + error
        else:  # the program rounds the first end to two digits, whatever is asked for
            first, second = numbers(row[f"LOA.{name}_CI"])
            yield f"{one}LoA CI", part.lower, first, max(limit, half(2))
            yield f"{one}LoA CI", part.upper, second, limit


def _changing(one: str, row: dict[str, Any], found: Any, limit: float, *, boot: bool) -> Iterator[Row]:
    """With a bootstrap the program's intervals of this line are wrong, and so may be its flag."""
    parts = (found.spread_intercept, found.spread_slope)
    for name in ("lower", "upper"):
        factor, *values = numbers(row[f"LOA.{name}"])
        yield f"{one}factor", 1.96 * np.sqrt(np.pi / 2), factor, half(2)
        for mine, theirs in zip(parts, values, strict=True):
            yield f"{one}spread", mine.value, theirs, limit
        if not boot:
            yield from _ends(f"{one}spread CI", parts, row[f"LOA.{name}_CI"], limit)


def _log_limits(
    one: str, row: dict[str, Any], pair: Any, options: dict[str, Any], *, boot: bool, limit: float
) -> Iterator[Row]:
    ci: Any = "basic" if boot else "classic"
    found = sleep_discrepancy(*pair, **options, log=True, log_offset=1e-4, ci=ci)
    yield f"{one}log normality", float(found.normal.holds), float(row["normality"]), 0.0
    for name in ("lower", "upper"):
        yield f"{one}log LoA", found.ratio.value, numbers(row[f"LOA.{name}"])[0], limit
        yield from _ends(f"{one}log LoA CI", (found.ratio,), row[f"LOA.{name}_CI"], limit)


def spread_bootstrap(sleep: Sleep) -> Iterator[Row]:
    """The paired bootstrap of the spread's slope, with the data's own residuals; and the classic interval."""
    for name, entry in sleep.values["heteroscedasticity_bootstrap_bug"].items():
        pair = sleep.pair("sri", name, 2)  # as the pipeline rounds
        kept = sleep_discrepancy(*pair, ci="basic", residuals="kept").spread_slope
        classic = sleep_discrepancy(*pair).spread_slope
        yield f"{name} slope", kept.value, entry["t0"], 1e-9
        for end in (0, 1):
            error = MONTE_CARLO * np.sqrt(2) * kept.mc_error[end]  # type: ignore[index]
            yield f"{name} paired", (kept.lower, kept.upper)[end], entry["paired_CI"][end], error
            yield f"{name} classic", (classic.lower, classic.upper)[end], entry["classic_CI"][end], 1e-9
        yield f"{name} flag", float(kept.leaves_out_zero), float(entry["paired_flag"]), 0.0


def spread_bootstrap_as_coded(sleep: Sleep) -> Iterator[Row]:
    """What the pipeline does: sizes resampled, residuals left where they are. Repeated here to explain it."""
    random = np.random.default_rng(20)
    for name, entry in sleep.values["heteroscedasticity_bootstrap_bug"].items():
        x, y = sleep.pair("sri", name, 2)
        d = y - x
        slope, level = np.polyfit(x, d, 1)
        left = np.abs(d - level - slope * x)
        drawn = x[random.integers(0, len(x), (40_000, len(x)))]
        about = drawn - drawn.mean(axis=1, keepdims=True)
        slopes = (about * left).sum(axis=1) / (about**2).sum(axis=1)
        scale_ = float(slopes.std())
        yield (
            f"{name} mean of the replicates",
            float(slopes.mean()),
            entry["as_coded_boot_mean"],
            0.05 * scale_,
        )
        low, high = np.quantile(slopes, [0.025, 0.975])
        for mine, theirs in zip(
            (2 * entry["t0"] - high, 2 * entry["t0"] - low), entry["as_coded_CI"], strict=True
        ):
            yield f"{name} interval", float(mine), theirs, 0.15 * scale_


_YASA_STATS = {
    "TST": "TST", "SE": "SE", "SOL": "SOL", "LIGHT": "Light", "DEEP": "Deep", "REM": "REM",
    "%LIGHT": "LightPerc", "%DEEP": "DeepPerc", "%REM": "REMPerc",
}  # fmt: skip


def _yasa_pairs(sleep: Sleep) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Rounded to four decimals, as yasa rounds its measures before it compares them."""
    inside = paired_measures(**sleep.sri, definitions={"waso": "within_sleep_period"})
    for name in sleep.values["yasa"]["ssa_summary_param"]:
        first, second = inside["waso"] if name == "WASO" else sleep.pair("sri", _YASA_STATS[name])
        yield name, np.round(first, 4), np.round(second, 4)


def _parts(found: Any) -> dict[str, Any]:
    return {
        "bias_mean": found.bias, "bias_intercept": found.intercept, "bias_slope": found.slope,
        "loa_halfwidth": found.half_width, "loa_lower": found.loa_lower, "loa_upper": found.loa_upper,
        "loa_intercept": found.spread_intercept, "loa_slope": found.spread_slope,
    }  # fmt: skip


def yasa_discrepancies(sleep: Sleep) -> Iterator[Row]:
    yasa = sleep.values["yasa"]
    for name, first, second in _yasa_pairs(sleep):
        found = sleep_discrepancy(first, second, rules="effect")
        for key, part in _parts(found).items():
            for what, mine in (("center", part.value), ("lower", part.lower), ("upper", part.upper)):
                theirs = yasa["ssa_summary_param"][name][f"{key}|{what}"]
                yield f"{name} {key} {what}", mine, theirs, 1e-9 * max(1.0, abs(theirs))
        gates = yasa["ssa_assumptions"][name]
        bias, spread, normal = found.constant_bias, found.homoscedastic, found.normal
        t = found.bias.value / found.sd * np.sqrt(found.n)
        yield f"{name} cohen_d", found.bias.value / found.sd, gates["unbiased|cohen_d"], 1e-9
        yield f"{name} t", t, gates["unbiased|t"], 1e-9
        yield f"{name} unbiased", float(not found.bias.leaves_out_zero), float(gates["unbiased|passed"]), 0.0
        for key, mine in {
            "normal|W": normal.effects["w"], "normal|pvalue": normal.p_value,
            "normal|skew": normal.effects["skew"],
            "normal|kurtosis": normal.effects["kurtosis"], "normal|passed": normal.holds,
            "constant_bias|slope": found.slope.value, "constant_bias|pvalue": bias.p_value,
            "constant_bias|r2": bias.effects["r2"], "constant_bias|passed": bias.holds,
            "homoscedastic|slope": found.spread_slope.value, "homoscedastic|pvalue": spread.p_value,
            "homoscedastic|r2": spread.effects["r2"], "homoscedastic|sd_ratio": spread.effects["sd_ratio"],
            "homoscedastic|passed": spread.holds,
        }.items():  # fmt: skip
            theirs = float(gates[key])
            yield f"{name} {key}", float(mine), theirs, 1e-9 * max(1.0, abs(theirs))


def yasa_bootstrap(sleep: Sleep) -> Iterator[Row]:
    """BCa of 1,000 replicates against ours of 10,000.

    Where BCa asks for a quantile beyond all replicates, yasa takes the outermost one, and we have a reason
    instead of an interval.
    """
    for name, first, second in _yasa_pairs(sleep):
        found = sleep_discrepancy(first, second, ci="bca", residuals="kept")
        row = sleep.values["yasa"]["ssa_summary_boot"][name]
        for key, part in _parts(found).items():
            if part.mc_error is None:
                assert part.reason is not None and "too few" in part.reason
                continue
            for end, (what, mine) in enumerate((("lower", part.lower), ("upper", part.upper))):
                error = MONTE_CARLO * np.sqrt(11) * part.mc_error[end]
                yield f"{name} {key} {what}", mine, row[f"{key}|{what}"], error


def yasa_reports(sleep: Sleep) -> Iterator[Row]:
    """The printed reports, number by number."""
    yasa = sleep.values["yasa"]
    for kind in ("ssa_report", "ssa_log_report"):
        for name, first, second in _yasa_pairs(sleep):
            title = f"{name} ({'%' if name.startswith('%') or name in ('SE', 'SME') else 'min'})"
            row = yasa[kind].get(title)
            if row is None:
                raise AssertionError(f"{kind} has no {title}; it has {', '.join(yasa[kind])}")
            log = kind == "ssa_log_report" and "ref [" in row["LoA [95% CI]"]
            found = sleep_discrepancy(first, second, rules="effect", log=log)
            yield from _report(f"{kind} {name}", row, found)


def _report(key: str, row: dict[str, str], found: Any) -> Iterator[Row]:
    bias = [found.bias.value, found.bias.lower, found.bias.upper]
    if found.proportional:
        line = (found.intercept, found.slope)
        bias = [part.value for part in line] + [end for part in line for end in (part.lower, part.upper)]
    spread = (found.spread_intercept, found.spread_slope)
    limits = {
        "constant": [
            found.loa_lower.value, found.loa_upper.value, found.loa_lower.lower, found.loa_lower.upper,
            found.loa_upper.lower, found.loa_upper.upper,
        ],
        "around_line": [found.half_width.value, found.half_width.lower, found.half_width.upper],
        "changing": [
            1.96 * np.sqrt(np.pi / 2), *(part.value for part in spread),
            *(end for part in spread for end in (part.lower, part.upper)),
        ],
        "ratio": [] if found.ratio is None else [found.ratio.value, found.ratio.lower, found.ratio.upper],
    }[found.kind]  # fmt: skip
    for field, mine in (
        ("Reference mean (SD)", list(found.reference)),
        ("Device mean (SD)", list(found.device)),
        ("Bias [95% CI]", bias),
        ("LoA [95% CI]", limits),
    ):
        text = re.sub(r"\b[bc][01]: |95%", "", row[field]).replace("\u00b1", " ").replace("x [", " [")
        for ours, theirs in zip(mine, numbers(text), strict=True):
            yield f"{key} {field}", float(ours), theirs, half(2)


def repeated_nights(sleep: Sleep) -> Iterator[Row]:
    columns = sleep.columns("synthetic_repeated_nights_TST.csv")
    first, second = (np.array(columns[name], dtype=float) for name in ("TST_ref", "TST_device"))
    found = repeated_sleep_discrepancy(first, second, subject=columns["subject"])
    oracle = sleep.values["repeated_nights_synthetic"]
    yasa, r = oracle["yasa"], oracle["R"]
    for name, mine in (
        ("bias_mean", found.bias),
        ("loa_lower", found.loa_lower),
        ("loa_upper", found.loa_upper),
    ):
        for what, value in (("center", mine.value), ("lower", mine.lower), ("upper", mine.upper)):
            yield f"yasa {name} {what}", value, yasa["summary_param"][f"{name}|{what}"], 1e-9
    about = found.half_width
    for what, value in (("center", about.value), ("lower", about.lower), ("upper", about.upper)):
        yield f"yasa half-width {what}", value, yasa["summary_param"][f"loa_halfwidth|{what}"], 1e-4
    parts = yasa["variance_components"]["TST"]
    for name, value in (
        ("between", found.sd_between),
        ("within", found.sd_within),
        ("total", found.sd_total.value),
    ):
        yield f"yasa SD {name}", value, parts[f"sd_{name}"], 1e-9
    error = (found.slope.upper - found.slope.value) / 2.048407141795244  # t(28), 97.5%
    for name, value, limit in (
        ("n_subjects", found.n_subjects, 0.0), ("N", found.n_nights, 0.0), ("bias", found.bias.value, 1e-10),
        ("var_between", found.sd_between**2, 1e-9), ("var_within", found.sd_within**2, 1e-9),
        ("sd_total", found.sd_total.value, 1e-10), ("lmer_slope", found.slope.value, 1e-8),
        ("lmer_intercept", found.intercept.value, 5e-6), ("lmer_se_slope", error, 1e-8),
    ):  # fmt: skip
        yield f"R {name}", float(value), r[name], limit
    for end, value in enumerate((found.loa_lower.value, found.loa_upper.value)):
        yield "R limits", value, r["loa"][end], 1e-9
