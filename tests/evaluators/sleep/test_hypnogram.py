"""Measures of the night: by hand, at the edges, and what must hold of any night."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accordance.evaluators import (
    definition_diff,
    hypnogram_measures,
    merge_stages,
    paired_measures,
    paired_nights,
)
from accordance.evaluators.sleep.definitions import DEFINITIONS, chosen, defaults
from accordance.evaluators.sleep.nights import STAGES

# minutes: 2 of wake, 1 of N1, 0.5 of wake, 11 of N2, 1 of wake, 2 of REM, 1.5 of N3, 1 of wake
NIGHT = [0] * 4 + [1] * 2 + [0] + [2] * 22 + [0] * 2 + [4] * 4 + [3] * 3 + [0] * 2
epochs = st.lists(st.integers(-2, 4), min_size=1, max_size=80)
scored = st.lists(st.integers(0, 4), min_size=1, max_size=80)


def one(stages: Any, measure: str, **options: Any) -> float:
    return float(hypnogram_measures(stages, **options)[measure][0])


@pytest.mark.parametrize(
    ("measure", "definition", "value"),
    [
        ("trt", "lights_off_to_on", 20.0),
        ("tst", "all_sleep", 15.5),
        ("sol", "any_sleep", 2.0),
        ("sol", "n1_or_n2", 2.0),
        ("sol", "n2_or_deeper", 3.5),
        ("sol", "persistent_5min", 3.5),
        ("sol", "persistent_10min", 3.5),
        ("sol", "third_epoch", 4.5),
        ("lps", "start_of_10min", 3.5),
        ("lps", "start_of_5min", 3.5),
        ("lps", "tenth_epoch", 8.0),
        ("spt", "onset_to_last_sleep", 17.0),
        ("spt", "onset_to_lights_on", 18.0),
        ("waso", "to_lights_on", 2.5),
        ("waso", "within_sleep_period", 1.5),
        ("se", "tst_of_trt", 77.5),
        ("se", "tst_of_spt", 100 * 15.5 / 17),
        ("sme", "tst_of_spt", 100 * 15.5 / 17),
        ("rem_latency", "from_sleep_onset", 13.5),
        ("rem_latency", "from_lights_off", 15.5),
        ("rem_latency", "sleep_only", 12.0),
        ("awakenings", "within_sleep_period", 2),
        ("awakenings", "with_final", 3),
        ("transitions", "sleep_period", 5),
        ("transitions", "recording", 7),
        ("sfi", "to_wake", 3 / (15.5 / 60)),
        ("sfi", "to_wake_and_shifts", 4 / (15.5 / 60)),
    ],
)
def test_every_definition_by_hand(measure: str, definition: str, value: float) -> None:
    found = hypnogram_measures(NIGHT, definitions={measure: definition})
    assert found[measure][0] == pytest.approx(value, rel=1e-12)
    assert found.definitions[measure] == definition
    assert found.reason(measure, 0) is None


@pytest.mark.parametrize(("definition", "whole"), [("of_tst", 15.5), ("of_spt", 17.0), ("of_trt", 20.0)])
def test_percentages_name_what_they_are_of(definition: str, whole: float) -> None:
    found = hypnogram_measures(NIGHT, definitions={"percent": definition})
    assert found["percent_rem"][0] == pytest.approx(100 * 2 / whole)
    assert found["percent_n2"][0] == pytest.approx(100 * 11 / whole)
    assert found.definitions["percent_rem"] == definition


def test_every_definition_of_the_registry_has_words_and_a_source_and_the_default_a_reason() -> None:
    for measure, group in DEFINITIONS.items():
        assert len({one.id for one in group}) == len(group), measure
        assert group[0].why and not any(one.why for one in group[1:]), measure
        assert all(one.measure == measure and one.words.endswith(".") and one.source for one in group)
    assert defaults()["waso"] == "to_lights_on"


def test_unknown_measures_and_definitions_are_all_named() -> None:
    with pytest.raises(
        ValueError, match=r"`nap` is no measure.*`waso` has no definition 'aasm'; it has to_lights_on"
    ):
        chosen({"nap": "x", "waso": "aasm"})


def test_a_night_without_sleep_has_reasons_and_no_latency() -> None:
    found = hypnogram_measures([0] * 20)
    assert found["trt"][0] == 10 and found["tst"][0] == 0 and found["se"][0] == 0
    for measure in ("sol", "waso", "spt", "sme", "rem_latency", "lps", "sfi", "awakenings", "percent_rem"):
        assert np.isnan(found[measure][0])
        assert found.reason(measure, 0) == "No sleep was scored."


def test_latencies_that_are_not_reached_say_so() -> None:
    found = hypnogram_measures([0, 1, 1, 0, 2])
    assert found["sol"][0] == 0.5
    assert found.reason("lps", 0) == "Sleep onset as defined was not reached."
    assert found.reason("rem_latency", 0) == "No REM was scored after sleep onset."
    late = hypnogram_measures([0, 1, 1, 0, 2], definitions={"sol": "persistent_10min"})
    assert late.reason("waso", 0) == "Sleep onset as defined was not reached."
    assert late["tst"][0] == 1.5


def test_a_night_without_epochs_has_a_reason() -> None:
    found = hypnogram_measures([[], [0, 1]])
    assert found.reason("trt", 0) == "The night has no epochs."
    assert np.isnan(found["trt"][0]) and found["trt"][1] == 1


def test_unscored_epochs_are_handled_as_declared() -> None:
    night = [0, -1, 1, 1, -2, 0, 2, 2, 2, 2, 2, 2]
    kept = hypnogram_measures(night)
    assert (kept["trt"][0], kept["tst"][0], kept["sol"][0], kept["waso"][0]) == (6.0, 4.0, 1.0, 0.5)
    dropped = hypnogram_measures(night, unscored="dropped")
    assert (dropped["trt"][0], dropped["tst"][0], dropped["sol"][0]) == (5.0, 4.0, 0.5)
    awake = hypnogram_measures(night, unscored="as_wake")
    assert (awake["trt"][0], awake["waso"][0], awake["minutes_wake"][0]) == (6.0, 1.0, 2.0)
    with pytest.raises(ValueError, match="2 epochs of 1 nights are unscored, first in night '1'"):
        hypnogram_measures(night, unscored="refused")
    assert kept.unscored.tolist() == [2] and kept.handling == "kept"
    with pytest.raises(ValueError, match="kept, dropped, as_wake or refused"):
        hypnogram_measures(night, unscored="ignored")  # type: ignore[arg-type]


def test_a_scorer_who_left_half_a_night_unscored_gives_no_measures() -> None:
    night = [0] * 20 + [2] * 100 + [-1] * 120
    found = hypnogram_measures([night, NIGHT])
    words = "120 of 240 epochs (50%) are unscored, more than the accepted 20%."
    assert all(found.reason(measure, 0) == words for measure in found.values)
    assert all(np.isnan(values[0]) for values in found.values.values())
    assert found["tst"][1] == 15.5
    assert one(night, "tst", most_unscored=0.5) == 50


def test_unequal_lengths_are_refused_unless_truncation_is_asked_for_and_counted() -> None:
    with pytest.raises(ValueError, match=r"1 of 2 nights have unequal.*'1': 40 by the reference and 39"):
        paired_measures([NIGHT, NIGHT], [NIGHT[:-1], NIGHT])
    found = paired_measures([NIGHT, NIGHT], [NIGHT[:-1], NIGHT], truncate=True)
    assert found.cut.tolist() == [[1, 0], [0, 0]]
    assert found.reference["trt"].tolist() == found.device["trt"].tolist() == [19.5, 20.0]


def test_lights_off_and_on_bound_the_analysis() -> None:
    found = hypnogram_measures(NIGHT, lights_off=4, lights_on=38)
    assert (found["trt"][0], found["sol"][0], found["waso"][0]) == (17.0, 0.0, 1.5)
    both = hypnogram_measures([NIGHT, NIGHT], lights_off=[0, 4], lights_on=[40, 38])
    assert both["trt"].tolist() == [20.0, 17.0]
    with pytest.raises(ValueError, match="first in night '1': epochs 4 to 99 of 40"):
        hypnogram_measures(NIGHT, lights_off=4, lights_on=99)
    with pytest.raises(ValueError, match="`lights_off` must be a whole number of epochs"):
        hypnogram_measures(NIGHT, lights_off=2.5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"stages": [0, 5]}, "codes that staging 'five' does not have, such as 5; it has 0 wake, 1 n1"),
        ({"stages": [0, -9]}, "such as -9"),
        ({"stages": [0.5]}, "must hold whole-number stage codes"),
        ({"stages": ["wake"]}, "must hold whole-number stage codes"),
        ({"stages": [0, 1], "staging": "six"}, "`staging` must be one of five, four, three, two"),
        ({"stages": [0, 1], "epoch_seconds": 0}, "`epoch_seconds` must be above 0"),
        ({"stages": [0, 1], "most_unscored": 2}, "`most_unscored` must lie between 0 and 1"),
        ({"stages": [0, 1], "night": ["a"]}, "must be as many"),
        ({"stages": np.zeros((1, 1, 1), int)}, "its shape is"),
        (
            {"stages": [0, 1], "staging": "two", "definitions": {"sol": "n2_or_deeper"}},
            "needs stages that tell N1",
        ),
    ],
)
def test_what_is_not_accepted_is_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        hypnogram_measures(options.pop("stages"), **options)


def test_other_epoch_lengths() -> None:
    assert one([0, 0, 1], "sol", epoch_seconds=60, staging="two") == 2
    # ten minutes of 45 s epochs are 14 of them
    assert one([0] + [1] * 14, "lps", epoch_seconds=45) == 0.75
    assert np.isnan(one([0] + [1] * 13, "lps", epoch_seconds=45))


@given(scored, st.sampled_from(["any_sleep", "persistent_5min"]))
def test_the_parts_of_a_night_add_up(night: list[int], onset: str) -> None:
    found = hypnogram_measures(night, definitions={"sol": onset})
    if np.isfinite(found["sol"][0]) and onset == "any_sleep":
        assert found["trt"][0] == found["sol"][0] + found["waso"][0] + found["tst"][0]
    assert found["trt"][0] == found["tst"][0] + found["minutes_wake"][0]
    stages = [found[f"minutes_{stage}"][0] for stage in STAGES["five"][1:]]
    assert sum(stages) == found["tst"][0]
    if found["tst"][0] > 0:
        assert sum(found[f"percent_{stage}"][0] for stage in STAGES["five"][1:]) == pytest.approx(100)


@given(scored)
def test_definitions_are_in_order(night: list[int]) -> None:
    outer, inner = (
        one(night, "waso", definitions={"waso": name}) for name in ("to_lights_on", "within_sleep_period")
    )
    assert np.isnan(outer) or outer >= inner
    first, five, ten = (
        one(night, "sol", definitions={"sol": x})
        for x in ("any_sleep", "persistent_5min", "persistent_10min")
    )
    assert np.isnan(five) or first <= five
    assert np.isnan(ten) or five <= ten
    inside, final = (
        one(night, "awakenings", definitions={"awakenings": x}) for x in ("within_sleep_period", "with_final")
    )
    assert np.isnan(inside) or 0 <= final - inside <= 1


@given(epochs)
def test_merged_stages_have_the_same_measures(night: list[int]) -> None:
    whole = hypnogram_measures(night, most_unscored=1)
    fewer = {into: merge_stages(night, staging="five", into=into) for into in ("four", "three", "two")}  # type: ignore[arg-type]
    for into, stages in fewer.items():
        found = hypnogram_measures(stages, staging=into, most_unscored=1)  # type: ignore[arg-type]
        for measure in ("trt", "tst", "sol", "waso", "spt", "se", "sme", "lps", "awakenings", "sfi"):
            np.testing.assert_equal(found[measure], whole[measure])
        if into != "two":
            np.testing.assert_equal(found["rem_latency"], whole["rem_latency"])
    four = hypnogram_measures(fewer["four"], staging="four", most_unscored=1)
    np.testing.assert_equal(four["minutes_light"], whole["minutes_n1"] + whole["minutes_n2"])


@given(st.lists(epochs, min_size=1, max_size=5))
def test_nights_side_by_side_are_as_alone_in_every_shape(nights: list[list[int]]) -> None:
    together = hypnogram_measures(nights, most_unscored=1)
    labels = [f"{i:02}" for i, night in enumerate(nights) for _ in night]
    flat = hypnogram_measures([code for night in nights for code in night], night=labels, most_unscored=1)
    for i, night in enumerate(nights):
        alone = hypnogram_measures(night, most_unscored=1)
        for measure in alone.values:
            np.testing.assert_equal(together[measure][i], alone[measure][0])
            np.testing.assert_equal(flat[measure][i], alone[measure][0])


def independent(night: list[int]) -> dict[str, float]:
    """WASO, REM latency, awakenings and transitions by walking through the night."""
    asleep = [i for i, code in enumerate(night) if code > 0]
    first, last = asleep[0], asleep[-1]
    waso = sum(code == 0 for code in night[first:]) / 2
    rem = [i for i, code in enumerate(night) if code == 4]
    woken = sum(night[i] > 0 and night[i + 1] == 0 for i in range(first, last))
    changes = sum(night[i] != night[i + 1] and min(night[i : i + 2]) >= 0 for i in range(first, last))
    latency = (rem[0] - first) / 2 if rem else float("nan")
    return {"waso": waso, "rem_latency": latency, "awakenings": woken, "transitions": changes}


@given(epochs.filter(lambda night: max(night) > 0))
def test_as_somebody_who_walks_through_the_night_counts(night: list[int]) -> None:
    found = hypnogram_measures(night, most_unscored=1)
    for measure, value in independent(night).items():
        np.testing.assert_equal(float(found[measure][0]), float(value))


def test_the_definition_diff_says_what_moves() -> None:
    early = [*NIGHT[:-2], *[0] * 2]
    device = [*NIGHT[:-6], *[0] * 6]  # wakes two minutes before
    found = definition_diff([early], [device], "waso")
    by = {(effect.of, effect.definition): effect for effect in found.effects}
    assert by["waso", "to_lights_on"].used and by["waso", "to_lights_on"].bias == 2.0
    inside = by["waso", "within_sleep_period"]
    assert (inside.bias, inside.moved, inside.changed) == (0.0, -2.0, 1)
    assert by["sol", "persistent_10min"].moved == 0.0
    assert {effect.of for effect in found.effects} == {"waso", "sol"}
    assert "(declared)" in str(found)


def test_the_definition_diff_has_reasons() -> None:
    stages = merge_stages(NIGHT, staging="five", into="two").tolist()
    found = definition_diff([stages], [stages], "sol", staging="two")
    by = {effect.definition: effect for effect in found.effects}
    assert by["n1_or_n2"].reason is not None and "needs stages" in by["n1_or_n2"].reason
    assert by["persistent_5min"].bias == 0
    assert (
        definition_diff([[0, 0]], [[0, 0]], "sol").effects[0].reason == "No night has a value on both sides."
    )
    with pytest.raises(ValueError, match="`measure` is 'rem_latency'; these nights have"):
        definition_diff([stages], [stages], "rem_latency", staging="two")


def test_two_stagings_meet_at_the_coarser_one() -> None:
    device = merge_stages(NIGHT, staging="five", into="four").tolist()
    found = paired_measures([NIGHT], [device], device_staging="four")
    assert found.difference("minutes_light").tolist() == [0.0]
    with pytest.raises(ValueError, match="`into` is 'five'; one side has only the stages of 'four'"):
        paired_nights([NIGHT], [device], device_staging="four", into="five")
    with pytest.raises(ValueError, match="stages can be merged only"):
        merge_stages([0, 1], staging="two", into="five")


def test_nights_keep_their_subjects_and_reasons_name_the_side() -> None:
    rows = {"night": ["n1", "n1", "n2", "n2"], "subject": ["b", "b", "a", "a"]}
    found = paired_measures([0, 1, 0, 0], [0, 1, 1, 1], **rows)
    assert found.subjects == ("b", "a")
    assert found.reason("sol", 1) == "reference: No sleep was scored."
    assert found.reason("sol", 0) is None
    with pytest.raises(ValueError, match="Night 'n1' has rows of more than one `subject`"):
        paired_measures([0, 1, 0, 0], [0, 1, 1, 1], night=rows["night"], subject=["a", "b", "a", "a"])
    with pytest.raises(ValueError, match="2 nights and `device` 1"):
        paired_measures([[0], [0]], [[0]])
