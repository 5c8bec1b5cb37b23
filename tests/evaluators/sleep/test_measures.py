"""Sleep measures of stretches of time: the same as of hypnograms, with gaps as unscored epochs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from accordance.evaluators import hypnogram_measures, measures
from accordance.evaluators.measures import Stretches
from accordance.evaluators.sleep.definitions import DEFINITIONS
from accordance.evaluators.sleep.measures import CLASSES, MEASURES, PARTS, SleepMeasure
from accordance.evaluators.sleep.nights import STAGES

NIGHTS = 25
BASE = [measure for measure in MEASURES if measure.name in DEFINITIONS]


def stretches(nights, staging, *, seconds=30.0, late=0.0, kept=None) -> Stretches:
    """Rows of nights (lists of stage codes, -1 without a stage); `kept` leaves rows out."""
    stages = STAGES[staging]
    place = np.array([*(CLASSES.index(one) for one in stages), -1])
    values, start, sizes = [], [], []
    for number, night in enumerate(nights):
        use = np.ones(len(night), bool) if kept is None else kept[number]
        values.append(place[np.asarray(night)[use]])
        start.append((np.arange(len(night)) * seconds + late)[use])
        sizes.append(int(use.sum()))
    heads = np.cumsum([0, *sizes[:-1]])
    rows = sum(sizes)
    length = np.array([len(night) * seconds for night in nights])
    return Stretches(
        np.concatenate(values).astype(float), heads, np.concatenate(start), np.full(rows, seconds), length,
        tuple(stages),
    )  # fmt: skip


def drawn(staging, seed, unscored=0.03):
    """Nights with runs of stages, a few unscored epochs, and some without sleep or without REM."""
    rng = np.random.default_rng(seed)
    count = len(STAGES[staging])
    nights = []
    for number in range(NIGHTS):
        night = np.repeat(rng.integers(0, count, 60), rng.integers(1, 12, 60))
        night[: rng.integers(0, 30)] = 0
        if number == 0:
            night[:] = 0
        if number == 1:
            night[night == count - 1] = 0
        night[rng.random(len(night)) < unscored] = -1
        nights.append(night)
    return nights


def same(found, expected, name):
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12, err_msg=name, equal_nan=True)


@pytest.mark.parametrize("measure", BASE, ids=lambda one: one.name)
@pytest.mark.parametrize("staging", list(STAGES))
def test_every_definition_is_that_of_the_hypnogram(measure: SleepMeasure, staging):
    """All definitions with all of sleep onset and of the sleep period; epochs without a row are unscored."""
    nights = drawn(staging, seed=len(measure.name))
    kept = [night >= 0 for night in nights]
    options = {one.name: one.choices for one in measure.parameters if one.kind == "choice"}
    for chosen in itertools.product(*options.values()):
        given = dict(zip(options, chosen, strict=True))
        refusal = measure.refusal(STAGES[staging], given)
        names = {measure.name: given["definition"]}
        names |= {"sol": given["onset"]} if "onset" in given else {}
        names |= {"spt": given["period"]} if "period" in given else {}
        asked = {"staging": staging, "definitions": names, "unscored": given["unscored"]}
        if refusal is not None:
            with pytest.raises((ValueError, KeyError)):
                hypnogram_measures(nights, **asked)[measure.name]
            continue
        expected = hypnogram_measures(nights, **asked)
        for rows in (stretches(nights, staging), stretches(nights, staging, kept=kept)):
            found = measure.found(rows, **given)
            same(found.values, expected[measure.name], f"{measure.name} {given}")
            for night, code in enumerate(found.codes):
                said = None if code == 0 else found.reasons[code - 1]
                assert said == expected.reason(measure.name, night)


@pytest.mark.parametrize("entry", ["minutes", "percent"])
def test_stages_are_counted_and_put_together(entry):
    nights = drawn("five", seed=3)
    rows = stretches(nights, "five")
    expected = hypnogram_measures(nights)
    for stage, parts in {"rem": ("rem",), "n2": ("n2",), **PARTS}.items():
        own = [part for part in parts if part in STAGES["five"]]
        total = np.sum([expected[f"{entry}_{part}"] for part in own], axis=0)
        same(measures.get(f"{entry}_{stage}").values(rows), total, stage)
    four = [np.array([0, 1, 1, 2, 3, -1])[night] for night in nights]
    coarse = stretches(four, "four")
    for stage in ("light", "deep", "nrem", "rem"):
        measure = measures.get(f"{entry}_{stage}")
        same(measure.values(coarse), measure.values(rows), stage)
    if entry == "minutes":
        same(measures.get("minutes_wake").values(rows), expected["minutes_wake"], "wake")


def test_shares_of_the_total_say_which_total():
    night = [[0, 0, 1, 2, 2, 0, 4, 0, 0, 0]]
    rows = stretches(night, "five")
    rem = measures.get("percent_rem")
    assert rem.values(rows).tolist() == [25.0]
    assert rem.values(rows, definition="of_trt").tolist() == [10.0]
    assert rem.values(rows, definition="of_spt").tolist() == [20.0]
    assert rem.values(rows, definition="of_spt", period="onset_to_lights_on").tolist() == [12.5]
    assert rem.said({"definition": "of_trt"}) == "Minutes of the stage in percent of TRT."


def test_time_without_rows_at_both_ends_is_unscored():
    rows = stretches([[0] * 4 + [2] * 8], "five")
    inside = Stretches(
        rows.values, rows.heads, rows.start + 90, rows.duration, np.array([12 * 30.0 + 90 + 60]), rows.classes
    )
    none = {"most_unscored": 1.0}
    assert measures.get("trt").values(inside, **none).tolist() == [17 * 0.5]
    assert measures.get("sol").values(inside, **none).tolist() == [7 * 0.5]
    assert measures.get("sol").values(inside, unscored="dropped", **none).tolist() == [2.0]
    found = measures.get("tst").found(inside)  # 5 of 17 epochs
    assert np.isnan(found.values[0])
    assert found.reasons[found.codes[0] - 1] == "More epochs than accepted are unscored."


def test_epochs_may_begin_beside_the_night_and_jitter():
    nights = drawn("five", seed=5, unscored=0)
    expected = hypnogram_measures(nights)
    late = stretches(nights, "five", late=12.0)
    same(measures.get("waso").values(late), expected["waso"], "late")
    shaken = Stretches(
        late.values, late.heads, late.start + np.random.default_rng(1).uniform(-1, 1, len(late.start)),
        late.duration, late.length, late.classes,
    )  # fmt: skip
    same(measures.get("waso").values(shaken), expected["waso"], "jitter")


def test_nights_may_differ_in_the_length_of_their_epochs():
    nights = drawn("five", seed=6)
    one, two = stretches(nights, "five"), stretches(nights, "five", seconds=20.0)
    both = Stretches(
        *(np.concatenate([getattr(each, name) for each in (one, two)]) for name in ("values",)),
        np.concatenate([one.heads, two.heads + len(one.values)]),
        *(
            np.concatenate([getattr(each, name) for each in (one, two)])
            for name in ("start", "duration", "length")
        ),
        one.classes,
    )
    found = measures.get("waso").values(both)
    same(found[:NIGHTS], hypnogram_measures(nights)["waso"], "30 s")
    same(found[NIGHTS:], hypnogram_measures(nights, epoch_seconds=20)["waso"], "20 s")


def test_rows_that_are_no_grid_of_epochs_have_a_reason():
    night = [[0, 1, 2, 2, 2, 2, 2, 2, 2, 2]]
    rows = stretches(night, "five")

    def reason(start=rows.start, duration=rows.duration):
        found = measures.get("tst").found(
            Stretches(rows.values, rows.heads, start, duration, rows.length, rows.classes)
        )
        assert np.isnan(found.values[0])
        return found.reasons[found.codes[0] - 1]

    longer = rows.duration.copy()
    longer[3] = 60
    assert reason(duration=longer) == "The rows of the night are not all of one length."
    assert reason(duration=0 * rows.duration) == "The rows of the night are not all of one length."
    moved = rows.start.copy()
    moved[4:] += 7
    assert reason(start=moved) == "The rows of the night do not follow one grid of epochs."
    twice = rows.start.copy()
    twice[4] = twice[3]
    assert reason(start=twice) == "The rows of the night do not follow one grid of epochs."


def test_no_stretches_have_no_measures():
    none = np.zeros(0)
    rows = Stretches(none, np.zeros(0, np.int64), none, none, none, STAGES["five"])
    assert measures.get("tst").found(rows).values.shape == (0,)


@pytest.mark.parametrize(
    ("name", "classes", "options", "words"),
    [
        ("tst", ("n1", "n2"), {}, "wake among them"),
        ("tst", ("wake", "n1", "light"), {}, "of one staging"),
        ("minutes_n1", STAGES["four"], {}, "tell n1 apart"),
        ("minutes_deep", STAGES["three"], {}, "tell deep apart"),
        ("rem_latency", STAGES["two"], {}, "tell rem apart"),
        ("sol", STAGES["four"], {"definition": "n2_or_deeper"}, "tell n1 apart"),
        ("waso", STAGES["three"], {"onset": "n1_or_n2"}, "tell light apart"),
    ],
)
def test_stages_that_do_not_serve_are_refused(name, classes, options, words):
    measure = measures.get(name)
    assert words in str(measure.refusal(classes, options))
    one = np.array([0.0])
    rows = Stretches(one, np.array([0]), one, np.array([30.0]), np.array([30.0]), tuple(classes))
    with pytest.raises(ValueError, match=words):
        measure.found(rows, **options)


def test_every_entry_of_the_registry_is_a_measure():
    names = {measure.name for measure in MEASURES}
    assert set(DEFINITIONS) - {"minutes", "percent"} <= names
    for measure in MEASURES:
        parameter = next(one for one in measure.parameters if one.name == "definition")
        assert parameter.choices == tuple(one.id for one in DEFINITIONS[measure.entry])
        assert parameter.default == parameter.choices[0]
        assert measures.get(measure.name) is measure
