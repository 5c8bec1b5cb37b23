"""Classes over time as pairs hold them: statuses by hand, disagreements joined, levels of hypnograms."""

from __future__ import annotations

import polars as pl
import pytest

from accordance.datasets.simulate import beat_detector, sleep_psg
from accordance.studies import lanes, signals, slices
from accordance.studies.results import Results
from accordance.studies.run import run
from accordance.studies.start import init


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("lanes") / "nights"
    init(folder, example="sleep-psg")
    sleep_psg(n_subjects=12).write(folder / "data")
    return run(folder)


@pytest.fixture(scope="module")
def beats(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("lanes") / "beats"
    init(folder, example="beat-detector")
    beat_detector(n_subjects=12).write(folder / "data")
    return run(folder)


def test_endpoints_of_classes_in_time(nights: Results, beats: Results) -> None:
    assert lanes.shown(nights) == ["kappa", "wake", "n1", "n2", "n3", "rem", "averages"]
    assert lanes.shown(beats) == ["qrs", "qrs_subjects", "classes"]
    assert signals.shown(nights) == signals.shown(beats) == []
    endpoint = slices.endpoint_of(nights.protocol, "kappa")
    assert lanes.levels(nights.protocol, endpoint) == ("wake", "rem", "n1", "n2", "n3")


def test_epochs_of_a_night(nights: Results) -> None:
    """Every epoch once; used ones are of one class or of another; the others say why they are not used."""
    asked = signals.Asked("kappa", "v2", (("subject", "s001"), ("night", "1")))
    found = lanes.outcomes(nights, asked)
    own = nights.pairs("epochs", "v2").filter(pl.col("subject") == "s001", pl.col("night") == 1)
    assert found.height == own.height
    assert (found["end"] - found["start"]).unique().to_list() == [30 * signals.SECOND]
    agree = own.filter(
        pl.col("reasons") == 0, pl.col("reference.stage") == pl.col("test.stage"),
        pl.col("reference.stage") != "unscored",
    ).height  # fmt: skip
    counts = lanes.counts(found)
    assert counts[lanes.AGREE] == agree and sum(counts.values()) == found.height
    unused = found.filter(pl.col("status") == lanes.UNUSED)
    assert unused["why"].null_count() == 0 and not unused["outside"].any()
    apart = lanes.disagreements(found)
    assert apart["n"].sum() == counts[lanes.OTHER] == int(found["outside"].sum())
    joined = apart.filter(pl.col("n") > 1).row(0, named=True)
    inside = found.filter(pl.col("start").is_between(joined["start"], joined["end"] - 1))
    assert inside.height == joined["n"] and inside["reference"].n_unique() == inside["test"].n_unique() == 1


def test_events_of_a_recording(beats: Results) -> None:
    asked = signals.Asked("qrs", "v1", (("subject", "s002"),))
    found = lanes.outcomes(beats, asked)
    own = beats.pairs("beats", "v1").filter(pl.col("subject") == "s002")
    first, second = own["reference.beat"], own["test.beat"]
    assert lanes.counts(found) == {
        status: n
        for status, n in (
            (lanes.AGREE, int((first == second).sum())),
            (lanes.OTHER, int(((first != second) & (first != "O") & (second != "O")).sum())),
            (lanes.MISSED, int((second == "O").sum())),
            (lanes.EXTRA, int((first == "O").sum())),
        )
        if n
    }
    assert found["start"].is_sorted() and (found["start"] == found["end"]).all()
    for status in (lanes.MISSED, lanes.EXTRA):
        listed = lanes.disagreements(found, status)
        assert listed.height == lanes.counts(found)[status] and set(listed["status"]) == {status}
    nobody = lanes.outcomes(beats, signals.Asked("qrs", "v1", (("subject", "nobody"),)))
    assert nobody.is_empty() and lanes.disagreements(nobody).is_empty()
