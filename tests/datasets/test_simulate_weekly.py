"""Eight versions of one algorithm, simulated: what the simulator says of them in truth is what it draws."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scipy import stats

from accordance.datasets.simulate import SIMULATORS, hr_weekly
from accordance.datasets.simulate.weekly import DISPLAY
from accordance.datasets.simulate.weekly_versions import (
    ACTIVITIES,
    TONE_SHARES,
    TONES,
    VERSIONS,
    Version,
)

MANY = 2_500
COPIES = {"v1": Version("one"), "v2": Version("two", same_as="v1"), "v3": Version("three", same_as="v2")}
ENDPOINTS = ("mape", "mae", "within", "coverage")
DRAWN = [name for name in VERSIONS if VERSIONS[name].same_as is None]


def arrays(study):
    """Reference, tone by subject, activity and whether the reference counts, as (n, windows)."""
    n = study.subjects.height
    reference = study.reference
    return (
        reference["heart_rate"].to_numpy().reshape(n, -1),
        study.subjects["skin_tone"].to_numpy(),
        reference["activity"].to_numpy().reshape(n, -1),
        reference["exclusion"].is_null().to_numpy().reshape(n, -1),
    )


def errors(study, version):
    """What each window counts for in each endpoint; NaN where it does not count."""
    reference, _, _, kept = arrays(study)
    shown = study.test(version)["heart_rate"].to_numpy().reshape(reference.shape)
    shown = np.where(kept, shown, np.nan)
    off = np.abs(shown - reference)
    within = np.where(np.isnan(off), np.nan, off <= np.maximum(5.0, 0.1 * reference) + 1e-9)
    covered = np.where(kept, ~np.isnan(shown), np.nan)
    return {"mape": 100.0 * off / reference, "mae": off, "within": within, "coverage": covered}


def subject_means(values, where=None):
    """Mean of each subject's windows, of those that count; NaN without any."""
    used = ~np.isnan(values) if where is None else ~np.isnan(values) & where
    number = used.sum(axis=1)
    total = np.where(used, values, 0.0).sum(axis=1)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def z_score(means, truth):
    """How many standard errors the mean over subjects lies from the truth."""
    means = means[~np.isnan(means)]
    return float((means.mean() - truth) / (means.std(ddof=1) / np.sqrt(means.size)))


@pytest.fixture(scope="module")
def many():
    return hr_weekly(seed=77, n_subjects=MANY)


@pytest.fixture(scope="module")
def counted(many):
    return {name: errors(many, name) for name in DRAWN}


def test_a_subject_is_the_same_however_many_there_are():
    few, more = hr_weekly(n_subjects=5), hr_weekly(n_subjects=40)
    names = few.subjects["subject"]
    assert_frame_equal(more.subjects.head(5), few.subjects)
    for table in (more.reference, *(more.test(name) for name in more.versions)):
        assert table.height == 40 * 80
    assert_frame_equal(more.reference.filter(pl.col("subject").is_in(names.implode())), few.reference)
    for name in few.versions:
        assert_frame_equal(more.test(name).head(5 * 80), few.test(name))


def test_a_version_is_the_same_whichever_others_there_are():
    alone = hr_weekly(n_subjects=5, versions={name: VERSIONS[name] for name in ("v1", "v5")})
    assert list(alone.versions) == ["v1", "v5"]
    assert_frame_equal(alone.test("v5"), hr_weekly(n_subjects=5).test("v5"))


def test_another_seed_is_another_study():
    first, other = hr_weekly(n_subjects=5), hr_weekly(seed=1, n_subjects=5)
    assert not first.reference.equals(other.reference)
    assert not first.test("v1").equals(other.test("v1"))
    assert first.truth == other.truth


def test_the_copy_has_the_same_bytes_and_no_other_version_has(tmp_path):
    hr_weekly(n_subjects=10).write(tmp_path)
    bytes_of = {name: (tmp_path / f"test_{name}.csv").read_bytes() for name in VERSIONS}
    assert bytes_of["v6"] == bytes_of["v1"]
    assert len(set(bytes_of.values())) == len(VERSIONS) - 1
    keys = [line.rsplit(b",", 1)[0] for line in bytes_of["v1"].splitlines()]
    for content in bytes_of.values():
        assert [line.rsplit(b",", 1)[0] for line in content.splitlines()] == keys


def test_the_default_study_is_a_few_megabytes(tmp_path):
    written = SIMULATORS["hr_weekly"](seed=1).write(tmp_path)
    assert {path.name for path in written} == {
        "subjects.csv", "reference.csv", "truth.json", *(f"test_{name}.csv" for name in VERSIONS),
    }  # fmt: skip
    assert sum(path.stat().st_size for path in written) < 5e6


def test_windows_make_a_week(many):
    days = many.reference.group_by("day").len().sort("day")
    assert days["day"].to_list() == list(range(1, 8))
    assert days["len"].max() - days["len"].min() <= MANY
    assert many.reference.select("subject", "window").is_unique().all()


def test_people_and_windows_have_the_shares_they_are_drawn_with(many):
    for column, levels, shares in (
        (many.subjects["skin_tone"], TONES, TONE_SHARES),
        (many.reference["activity"], ACTIVITIES, list(many.truth["shares"]["activity"].values())),
    ):
        counts = [int((column == level).sum()) for level in levels]
        assert sum(counts) == column.len()
        assert stats.chisquare(counts, np.array(shares) * column.len()).pvalue > 1e-4


@pytest.mark.parametrize("version", DRAWN)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_what_is_true_is_what_is_drawn(many, counted, version, endpoint):
    """Closed forms and quadrature against 200,000 windows: no level beyond 4.5 standard errors."""
    truth = many.truth["versions"][version][endpoint]
    values = counted[version][endpoint]
    _, tone, activity, _ = arrays(many)
    means = subject_means(values)
    found = {"overall": z_score(means, truth["overall"])}
    found |= {level: z_score(means[tone == level], truth["skin_tone"][level]) for level in TONES}
    dark = np.isin(tone, ["V", "VI"])
    found |= {
        "I-IV": z_score(means[~dark], truth["dark"]["I-IV"]),
        "V-VI": z_score(means[dark], truth["dark"]["V-VI"]),
    }
    for level in ACTIVITIES:
        found[level] = z_score(subject_means(values, activity == level), truth["activity"][level])
    assert max(abs(score) for score in found.values()) < 4.5, found


@pytest.mark.parametrize("version", [name for name in VERSIONS if name != "v1"])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_differences_are_those_of_shared_windows_too(many, counted, version, endpoint):
    """Paired differences are known far better than either side, so this is the sharper test."""
    truth = many.truth
    base, other = counted["v1"][endpoint], counted.get(version, counted["v1"])[endpoint]
    apart = subject_means(other) - subject_means(base)
    expected = truth["differences"][version][endpoint]["overall"]
    assert expected == pytest.approx(
        truth["versions"][version][endpoint]["overall"] - truth["versions"]["v1"][endpoint]["overall"]
    )
    if version == "v6":
        assert expected == 0
        assert not apart.any()
        return
    assert abs(z_score(apart, expected)) < 4.5
    if endpoint != "coverage":
        both = ~np.isnan(base) & ~np.isnan(other)
        shared = subject_means(other, both) - subject_means(base, both)
        assert abs(z_score(shared, truth["on_shared_windows"][version][endpoint]["overall"])) < 4.5


def test_errors_of_a_subject_have_the_intraclass_correlation_that_is_said(counted, many):
    """The one-way analysis of variance estimates it from absolute percentage errors."""
    values = counted["v1"]["mape"]
    used = ~np.isnan(values)
    number, means = used.sum(axis=1), subject_means(values)
    grand = values[used].mean()
    within = np.where(used, (values - means[:, None]) ** 2, 0.0).sum() / (number - 1).sum()
    between = (number * (means - grand) ** 2).sum() / (number.size - 1)
    size = (number.sum() - (number**2).sum() / number.sum()) / (number.size - 1)
    found = (between - within) / (between + (size - 1) * within)
    truth = many.truth["versions"]["v1"]["icc"]
    assert 0.27 < truth < 0.33
    assert found == pytest.approx(truth, abs=0.03)


def test_versions_share_their_subjects(counted):
    """Subjects that are hard for one are hard for the other, most of all where little was changed."""
    means = {name: subject_means(counted[name]["mape"]) for name in DRAWN}
    correlation = {name: np.corrcoef(means["v1"], means[name])[0, 1] for name in DRAWN if name != "v1"}
    assert min(correlation.values()) > 0.75
    assert min(correlation["v7"], correlation["v8"]) > max(correlation["v2"], correlation["v3"]) > 0.85


def test_the_versions_are_what_they_are_meant_to_be(many):
    """By the margins of the example study: half a point of error, one point of coverage."""
    true = many.truth["differences"]
    error = {name: true[name]["mape"]["overall"] for name in true}
    answers = {name: true[name]["coverage"]["overall"] for name in true}
    assert error["v2"] < 0 < true["v2"]["mape"]["dark"]["V-VI"]
    assert error["v3"] == 0
    assert error["v4"] > 0.5
    assert error["v5"] < 0
    assert many.truth["on_shared_windows"]["v5"]["mape"]["overall"] < 0
    assert answers["v5"] < -0.01
    assert -0.5 < error["v7"] < 0 < error["v8"] < 0.5
    assert {name for name in answers if answers[name] != 0} == {"v5"}


def test_intervals_hold_the_truth_as_often_as_they_say():
    """Paired 95% t intervals over 60 studies of 60 subjects; 99.9% band of each number of hits."""
    seeds = range(60)
    hits = dict.fromkeys(["v2", "v3", "v5", "v8"], 0)
    for seed in seeds:
        versions = {name: VERSIONS[name] for name in ("v1", *hits)}
        study = hr_weekly(seed=seed, n_subjects=60, versions=versions)
        base = subject_means(errors(study, "v1")["mape"])
        for name in hits:
            apart = subject_means(errors(study, name)["mape"]) - base
            half = stats.t.ppf(0.975, 59) * apart.std(ddof=1) / np.sqrt(60)
            hits[name] += abs(apart.mean() - study.truth["differences"][name]["mape"]["overall"]) <= half
    low, high = stats.binom.interval(0.999, len(seeds), 0.95)
    assert all(low - 2 <= count <= high for count in hits.values()), hits


def test_outputs_beyond_what_a_device_shows_are_rare(many):
    shown = many.test("v4")["heart_rate"].drop_nulls()
    assert shown.is_in([DISPLAY[0], DISPLAY[1]]).mean() < 5e-5


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"n_subjects": 0}, "at least one subject"),
        ({"n_windows": 6}, "seven days"),
        ({"versions": {"v2": Version("alone")}}, "must hold v1"),
        ({"versions": {"v1": Version("a copy", same_as="v1")}}, "must hold v1"),
        ({"versions": COPIES}, "no copy itself: v3"),
    ],
)
def test_what_cannot_be_drawn_is_refused(asked, message):
    with pytest.raises(ValueError, match=message):
        hr_weekly(**asked)
