"""The simulator: reproducible, true to its stated values, and a default study that shows what it should."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scipy.stats import binomtest

from accordance.datasets.simulate import SIMULATORS, spa_afib_ecg
from accordance.datasets.simulate.afib import VERSIONS
from accordance.datasets.simulate.draws import pick, probabilities, stream, truncated_normal

CLASSIFIABLE = ["AF", "SR"]


def analysed(study, version):
    """Recordings with a reference and an output, of subjects who did not withdraw."""
    kept = study.subjects.filter(pl.col("exclusion").is_null()).select("subject", "cohort", "site")
    reference = study.reference.filter(pl.col("exclusion").is_null())
    return reference.join(study.test(version), on=["subject", "recording"], suffix="_test").join(
        kept, on="subject"
    )


def share(frame, truth, view):
    """(correct, all) among one reference class, with indeterminate outputs as the view says."""
    rows = frame.filter(pl.col("truth") == truth)
    output = pl.col("rhythm")
    if view == "classifiable_only":
        rows = rows.filter(output.is_in(CLASSIFIABLE))
    else:
        counted_as = "AF" if view == "as_positive" else "SR"
        kept = pl.when(output.is_in(CLASSIFIABLE)).then(output).otherwise(pl.lit(counted_as))
        rows = rows.with_columns(kept.alias("rhythm"))
    return rows.filter(output == truth).height, rows.height


def bounds(frame, truth, view):
    return binomtest(*share(frame, truth, view)).proportion_ci(0.95, method="exact")


@pytest.fixture(scope="module")
def study():
    return spa_afib_ecg()


def test_default_meets_both_goals_on_classifiable_recordings(study):
    frame = analysed(study, "v1_1")
    assert bounds(frame, "AF", "classifiable_only").low > 0.90 + 0.02
    assert bounds(frame, "SR", "classifiable_only").low > 0.92 + 0.02


def test_default_misses_specificity_when_indeterminate_counts_as_positive(study):
    interval = bounds(analysed(study, "v1_1"), "SR", "as_positive")
    assert interval.low < 0.92 - 0.05
    assert interval.high < 0.92  # shown, not open


def test_earlier_version_misses_sensitivity(study):
    assert bounds(analysed(study, "v1_0"), "AF", "classifiable_only").low < 0.90


def test_design(study):
    subjects = study.subjects
    assert subjects.height == subjects["subject"].n_unique() == 540
    assert sorted(subjects["cohort"].value_counts().rows()) == [("AF", 270), ("SR", 270)]
    assert sorted(subjects["site"].unique()) == ["101", "102", "103", "104", "105", "106"]
    assert subjects["age"].min() >= 22
    assert subjects["skin_tone"].is_between(1, 10).all()
    ages = dict(subjects.group_by("cohort").agg(pl.col("age").mean()).iter_rows())
    assert ages["AF"] > ages["SR"] + 10
    assert study.reference["recording"].unique().to_list() == ["1"]


def test_losses_are_accounted_for(study):
    subjects, reference, test = study.subjects, study.reference, study.test("v1_1")
    assert subjects["exclusion"].drop_nulls().to_list() == ["withdrawn"] * 2
    assert reference.height == 539  # one subject withdrew before any recording
    unreadable = reference.filter(pl.col("exclusion") == "unreadable_reference")
    assert unreadable.height == 5
    assert unreadable["truth"].null_count() == 5
    assert test.height == 535  # and four recordings have no output
    assert test.join(reference, on=["subject", "recording"], how="anti").height == 0
    assert test.filter(pl.col("rhythm") == "poor")["heart_rate"].null_count() == test.filter(
        pl.col("heart_rate").is_null()
    ).height > 0  # fmt: skip


def test_truth_is_the_majority_of_three_readers(study):
    for row in study.reference.iter_rows(named=True):
        calls = [row[f"reader_{i}"] for i in (1, 2, 3)]
        majority = next((rhythm for rhythm in CLASSIFIABLE if calls.count(rhythm) >= 2), None)
        assert row["truth"] == majority
        assert (row["exclusion"] == "unreadable_reference") == (majority is None)


def test_plausible_indeterminate_shares(study):
    frame = analysed(study, "v1_1")
    by_truth = dict(frame.group_by("truth").agg((~pl.col("rhythm").is_in(CLASSIFIABLE)).mean()).iter_rows())
    assert 0.05 <= by_truth["AF"] <= 0.09
    assert 0.08 <= by_truth["SR"] <= 0.13


def test_same_seed_same_tables_another_seed_others(study):
    again = spa_afib_ecg()
    for name, frame in study.files().items():
        assert_frame_equal(frame, again.files()[name])
    assert not study.subjects.equals(spa_afib_ecg(seed=1).subjects)


def test_versions_run_on_the_same_recordings_and_do_not_disturb_each_other(study):
    alone = spa_afib_ecg(versions={"v1_1": VERSIONS["v1_1"]})
    assert_frame_equal(alone.test("v1_1"), study.test("v1_1"))
    keys = ["subject", "recording", "signal_quality"]
    assert_frame_equal(study.test("v1_0").select(keys), study.test("v1_1").select(keys))


def test_recovers_the_true_values_in_a_large_study():
    # 40,000 a cohort: three binomial standard errors of a share near 0.95 are 0.0033.
    study = spa_afib_ecg(seed=7, n_af=40_000, n_sr=40_000, n_unreadable=0, n_withdrawn=0, n_no_output=0,
                         reader_error=(1e-9, 1e-9, 1e-9))  # fmt: skip
    for version, true in study.truth["versions"].items():
        frame = analysed(study, version)
        for rhythm, value, indeterminate in (
            ("AF", true["sensitivity"], true["indeterminate_af"]),
            ("SR", true["specificity"], true["indeterminate_sr"]),
        ):
            correct, n = share(frame, rhythm, "classifiable_only")
            assert correct / n == pytest.approx(value, abs=3.5 * np.sqrt(value * (1 - value) / n))
            total = share(frame, rhythm, "as_positive")[1]
            # Subjects differ, so the variance is at most the binomial one.
            limit = 3.5 * np.sqrt(indeterminate * (1 - indeterminate) / total)
            assert 1 - n / total == pytest.approx(indeterminate, abs=limit)
        both = frame.filter(pl.col("heart_rate_test").is_not_null())
        sinus = both.filter(pl.col("truth") == "SR")
        difference = sinus["heart_rate_test"] - sinus["heart_rate"]
        assert difference.mean() == pytest.approx(true["heart_rate_bias"], abs=0.05)
        # Rounding to whole beats adds 1/12 to the variance.
        assert difference.std() == pytest.approx(np.sqrt(true["heart_rate_sd_sr"] ** 2 + 1 / 12), rel=0.02)


def test_sites_differ_in_yield():
    study = spa_afib_ecg(seed=3, n_af=10_000, n_sr=10_000)
    frame = analysed(study, "v1_1")
    rates = dict(frame.group_by("site").agg((~pl.col("rhythm").is_in(CLASSIFIABLE)).mean()).iter_rows())
    effects = study.truth["site_effect_on_logit_signal_quality"]
    ordered = sorted(effects, key=effects.get, reverse=True)
    assert rates[ordered[0]] < rates[ordered[-1]]
    assert sorted(rates, key=rates.get)[0] in ordered[:2]


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_write(tmp_path: Path, study, file_format):
    folder = tmp_path / "with space" / "data"
    written = study.write(folder, file_format)
    assert [path.name for path in written] == [
        f"subjects.{file_format}", f"reference.{file_format}", f"test_v1_0.{file_format}",
        f"test_v1_1.{file_format}", "truth.json",
    ]  # fmt: skip
    read = pl.read_parquet if file_format == "parquet" else lambda path: pl.read_csv(path, infer_schema=False)
    back = read(folder / f"reference.{file_format}")
    assert back["subject"].to_list() == study.reference["subject"].to_list()
    document = json.loads((folder / "truth.json").read_text())
    assert document["truth"]["versions"]["v1_1"]["specificity"] == 0.99
    first = [path.read_bytes() for path in written]
    assert first == [path.read_bytes() for path in study.write(folder, file_format)]


def test_registry_makes_the_example():
    assert SIMULATORS["spa_afib_ecg"](seed=5).seed == 5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"n_af": 0}, "n_af must be at least 1, not 0"),
        ({"reader_error": (0.1, 0.1, 1.0)}, r"reader_error\[2\] must lie inside \(0, 1\), not 1.0"),
        ({"reader_error": (0.1, 0.1)}, "three readers, not 2"),
        ({"sites": {"1": (0.5, 0.0)}}, "site shares must add up to 1, not 0.5"),
        ({"version_correlation": 1.5}, "version_correlation must lie in"),
        ({"versions": {}}, "at least one algorithm version"),
        ({"n_withdrawn": 1000}, "losses must be"),
    ],
)
def test_refuses(arguments, said):
    with pytest.raises(ValueError, match=said):
        spa_afib_ecg(**arguments)


def test_all_complaints_at_once():
    with pytest.raises(ValueError, match=r"n_af.*n_sr.*reader_unreadable"):
        spa_afib_ecg(n_af=0, n_sr=-1, reader_unreadable=0.0)


def test_draws():
    rng = stream(1, "x")
    values = truncated_normal(rng, 1000, mean=0.0, sd=5.0, low=-1.0, high=2.0)
    assert values.min() >= -1.0
    assert values.max() <= 2.0
    assert set(pick(rng, [("a", 1.0)], 5)) == {"a"}
    assert probabilities(0.3, np.empty(0)).size == 0
    assert probabilities(0.3, np.linspace(-9, 9, 50)).mean() == pytest.approx(0.3, rel=1e-10)


LIBRARY = ("afib_cohorts", "afib_database", "bp_cuff", "spo2_desaturation")


@pytest.mark.parametrize("name", LIBRARY)
def test_simulators_of_the_library_are_reproducible_and_named(name):
    one, same, other = (SIMULATORS[name](seed=seed) for seed in (1, 1, 2))
    assert (one.name, one.seed) == (name, 1)
    for file, frame in one.files().items():
        assert_frame_equal(frame, same.files()[file])
    assert not one.reference.equals(other.reference) or not one.versions["v1_1"]["test"].equals(
        other.versions["v1_1"]["test"]
    )


def test_the_effect_of_tone_is_the_stated_one():
    """Without deviations, Monk 10 and Monk 1 differ by it, but for rounding and the display's end at 100%."""
    study = SIMULATORS["spo2_desaturation"](seed=3, sd_between=0.0, sd_within=0.0, tone_effect=2.0, bias=0.0)
    pairs = study.reference.join(study.test("v1"), on=["subject", "sample"], suffix="_test")
    tones = study.subjects.select("subject", "monk")
    error = pairs.filter(pl.col("sao2") < 95).join(tones, on="subject").group_by("monk")
    error = error.agg((pl.col("spo2") - pl.col("sao2")).mean())
    found = dict(error.iter_rows())
    assert found[10] - found[1] == pytest.approx(2.0, abs=0.05)


def test_the_spread_of_the_cuffs_errors_is_the_stated_one():
    study = SIMULATORS["bp_cuff"](seed=4, n_subjects=4000, bias=2.0, sd_between=3.0, sd_within=4.0)
    pairs = study.reference.join(study.test("v1"), on=["subject", "reading"], suffix="_test")
    error = (pairs["sbp_test"] - pairs["sbp"]).to_numpy()
    assert error.mean() == pytest.approx(2.0, abs=0.2)
    assert error.std() == pytest.approx(5.0, abs=0.15)


@pytest.mark.parametrize(
    ("name", "asked", "message"),
    [
        ("afib_cohorts", {"acceptable": 1.0}, "acceptable must lie inside"),
        ("afib_database", {"n_records": 1}, "at least two records"),
        ("afib_database", {"correlation": 2.0}, "correlation must lie in"),
        ("bp_cuff", {"n_subjects": 7}, "n_subjects must be at least 8"),
        ("bp_cuff", {"female_share": 1.5}, "female_share must lie in"),
        ("spo2_desaturation", {"n_draws": 3}, "four draws"),
        ("spo2_desaturation", {"dark_share": 0.7}, "dark_share must lie in"),
        ("spo2_desaturation", {"n_sensor_off": -1}, "n_sensor_off must lie between"),
    ],
)
def test_what_the_simulators_of_the_library_refuse(name, asked, message):
    with pytest.raises(ValueError, match=message):
        SIMULATORS[name](**asked)
