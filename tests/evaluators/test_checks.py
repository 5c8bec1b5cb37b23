"""Input that is not acceptable: one clear message each."""

from __future__ import annotations

import numpy as np
import pytest

from accordance import evaluators
from accordance.evaluators import bland_altman, checks, mae, rmse, share_within
from accordance.evaluators.agreement import bland_altman as agreement
from accordance.evaluators.agreement import measurement_errors
from accordance.evaluators.checks import LengthError, NotFiniteError, NotNumericError, ParameterError
from accordance.evaluators.metric import Columns, Parameter

OFFSETS = np.array([0, 2])


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: mae([1.0, np.nan, 3.0], [1, 2, 3]),
            NotFiniteError,
            "`reference` holds 1 values that are NaN",
        ),
        (lambda: mae([1, 2], [np.inf, -np.inf]), NotFiniteError, "`test` holds 2 values"),
        (lambda: mae(["60", "61"], [1, 2]), NotNumericError, "`reference` must hold numbers; it holds text"),
        (lambda: mae([1, 2], [True, False]), NotNumericError, "true and false"),
        (lambda: mae([1, None], [1, 2]), NotNumericError, "values such as None"),
        (lambda: mae([1, 2], np.array(["2026-01-01"] * 2, dtype="datetime64[D]")), NotNumericError, "times"),
        (lambda: mae([[1, 2]], [1, 2]), NotNumericError, "its shape is (1, 2)"),
        (lambda: mae([1, 2, 3], [1, 2]), LengthError, "`test` has 2 values and `reference` has 3"),
        (lambda: mae([1, 2], [1, 2], subject=["a"]), LengthError, "`subject` has 1 values"),
        (lambda: mae([1, 2], [1, 2], weights=[1.0]), LengthError, "`weights` has 1 values"),
        (lambda: mae([1, 2], [1, 2], weights=[1.0, -1.0]), ValueError, "1 negative values, first at row 1"),
        (lambda: mae([1, 2], [1, 2], subject=["a", None]), ValueError, "1 missing labels, first at row 1"),
        (lambda: mae([1, 2], [1, 2], subject=[1.0, np.nan]), ValueError, "missing labels"),
        (lambda: mae([1, 2], [1, 2], average="mean"), ValueError, "must be one of pooled, subject_mean"),
        (lambda: rmse([1, 2], [1, 2], ci="wilson"), ValueError, "`ci` is 'wilson'; `rmse` offers"),
        (lambda: rmse([1, 2], [1, 2], ci={"bias": "t"}), ValueError, "`ci` names bias; `rmse` has rmse"),
        (lambda: mae([1, 2], [1, 2], level=95), ValueError, "`level` must lie between 0.5 and 1"),
        (lambda: mae([1, 2], [1, 2], ci="bootstrap_bca", replicates=0), ValueError, "`replicates`"),
        (
            lambda: bland_altman([1, 2], [1, 2], truth="fixed"),
            ParameterError,
            "accepted: independent, constant, varying",
        ),
        (
            lambda: bland_altman([1, 2], [1, 2], truth="constant", agreement_level=95),
            ParameterError,
            "at most 0.9999",
        ),
        (
            lambda: bland_altman([1, 2], [1, 2], truth="constant", bias="pairs"),
            ParameterError,
            "only subject_means is defined",
        ),
        (
            lambda: bland_altman([1, 2], [1, 2], truth="varying", weights=[1, 2]),
            ValueError,
            "`truth: independent` only",
        ),
        (
            lambda: share_within([1, 2], [1, 2], tolerance="5 +"),
            ParameterError,
            "`tolerance` is not a tolerance",
        ),
    ],
)
def test_messages(call, error: type[Exception], words: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert words in str(caught.value)


def test_all_parameter_problems_are_listed() -> None:
    with pytest.raises(ParameterError) as caught:
        checks.parameters(agreement.BLAND_ALTMAN, {"agreement_level": "high", "centre": 1})
    for words in (
        "`truth` has to be given: one of independent, constant, varying",
        "`agreement_level` is 'high'; a number is needed",
        "`centre` is not a parameter of `bland_altman`; it has truth, agreement_level, bias",
    ):
        assert words in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("integer", 2.5, "an integer is needed"),
        ("number", True, "a number is needed"),
        ("number", float("inf"), "a number is needed"),
        ("number", 0.5, "at least 1 is needed"),
        ("integer", 11, "at most 10 is accepted"),
        ("text", 5, "text is needed"),
        ("integer", 3, None),
        ("number", 3.5, None),
        ("text", "any", None),
    ],
)
def test_objections(kind, value: object, words: str | None) -> None:
    found = checks.objection(Parameter("p", kind, "For tests.", minimum=1, maximum=10), value)
    assert found is None if words is None else words in (found or "")


@pytest.mark.parametrize("offsets", [[0, 1], [1, 2], [0, 2, 1, 2], []])
def test_offsets_have_to_describe_the_rows(offsets: list[int]) -> None:
    columns = Columns(np.ones(2), np.ones(2), np.array(offsets, dtype=np.int64))
    with pytest.raises(ValueError, match="must start at 0"):
        measurement_errors.MAE.prepare(columns)


def test_prepare_checks_its_rows_too() -> None:
    with pytest.raises(NotFiniteError):
        measurement_errors.MAE.prepare(Columns(np.array([1.0, np.nan]), np.ones(2), OFFSETS))
    with pytest.raises(LengthError):
        agreement.BLAND_ALTMAN.prepare(Columns(np.ones(2), np.ones(3), OFFSETS), truth="constant")
    with pytest.raises(ValueError, match="its parameter `bias`"):
        agreement.BLAND_ALTMAN.prepare(
            Columns(np.ones(2), np.ones(2), OFFSETS), truth="varying", average="subject_mean"
        )


@pytest.mark.parametrize("missing", [float("nan"), None])
def test_a_missing_value_among_words_is_missing_and_no_category(missing):
    truth = ["AF", "SR", "SR"]
    with pytest.raises(ValueError, match="`test` holds 1 missing values, first at row 1"):
        evaluators.specificity(truth, ["AF", missing, "SR"], positive="AF")
    with pytest.raises(ValueError, match="holds 1 missing values"):
        evaluators.cohen_kappa(["AF", missing, "SR"], truth)
    assert evaluators.reported_share(truth, ["AF", missing, "SR"])["yield"].value == pytest.approx(2 / 3)


def test_whole_numbers_are_the_same_categories_however_they_are_stored():
    assert evaluators.cohen_kappa([1, 2, 2, 1], [1.0, 2.0, 2.0, 1.0])["kappa"].value == 1
    mixed = np.array([1, 2.0, 2, 1.0], dtype=object)
    assert evaluators.cohen_kappa([1, 2, 2, 1], mixed)["kappa"].value == 1
