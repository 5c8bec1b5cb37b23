"""What a result says of itself, as text and as HTML."""

from __future__ import annotations

import re

import numpy as np
import pytest

from accordance.evaluators import MetricResult, bland_altman, share_within
from accordance.evaluators.metric import Citation, Counts, Estimate, Interval, Statistic

# Bland & Altman 1986, Table 1, first readings
LARGE = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]


def test_text_names_values_method_counts_and_source() -> None:
    text = str(bland_altman(LARGE, MINI, truth="independent"))
    lines = text.splitlines()
    assert lines[0].startswith(
        "Bland-Altman agreement (average=pooled, truth=independent, agreement_level=0.95"
    )
    assert lines[2].split()[:4] == ["bias", "2.118", "[-17.814,", "22.049]"]
    assert "95% MOVER" in lines[4]
    assert lines[4].split()[-2:] == ["17", "17"]
    assert any(line.startswith("Source: Bland JM, Altman DG") for line in lines)


def test_fractions_and_reasons_are_shown() -> None:
    result = share_within([1, 2, 3], [1, 2, 9], tolerance=1, ci="wilson", sides="lower")
    text = str(result)
    assert "2/3" in text
    assert "Wilson score lower bound" in text
    alone = str(bland_altman([100], [103], truth="independent"))
    assert "no value" in alone
    assert "sd, loa_lower, loa_upper: A standard deviation needs at least two pairs; there is 1." in alone


def test_monte_carlo_error_is_shown_for_the_bounds_there_are() -> None:
    both = str(bland_altman(LARGE, MINI, truth="independent", ci="bootstrap_bca"))
    assert "Monte-Carlo error" in both.splitlines()[1]
    one = str(bland_altman(LARGE, MINI, truth="independent", ci={"bias": "bootstrap_bca"}, sides="lower"))
    assert "nan" not in one
    assert re.search(
        r"bias +2\.118 +\[-1\d\.\d{3}, inf\] +0\.\d\d? +95% Subject bootstrap, BCa lower bound", one
    )
    assert "Monte-Carlo" not in str(bland_altman(LARGE, MINI, truth="independent"))


def test_an_estimate_and_its_bounds_have_the_same_decimals_and_line_up() -> None:
    lines = str(bland_altman(LARGE, MINI, truth="independent")).splitlines()[1:6]
    assert lines[1].split()[1:4] == ["2.118", "[-17.814,", "22.049]"]
    assert len({line.index("95%") for line in lines[1:]}) == 1
    assert len({re.search(r"\]", line).start() for line in lines[1:]}) == 1


@pytest.mark.parametrize(
    ("value", "lower", "upper", "expected"),
    [
        (2.5, 1.0, 4.0, "2.5000 [1.0000, 4.0000]"),
        (0.0003, -1.25, 1.25, "0.0003 [-1.2500, 1.2500]"),  # the distance to the bounds sets the size
        (5.0, 0.00001, 2000.0, "5.0000 [1e-05, 2000.0000]"),  # a bound is never rounded to zero
        (0.0, 0.0, 0.0, "0 [0, 0]"),
        (1e9 + 0.25, 1e9, 1e9 + 0.5, "1000000000 [1000000000, 1000000000]"),
        (2.0, -np.inf, 3.0, "2.0000 [-inf, 3.0000]"),
    ],
)
def test_digits(value: float, lower: float, upper: float, expected: str) -> None:
    statistic = Statistic("s", "S", "For tests.", "same", "none", ("t",))
    interval = Interval(lower, upper, 0.95, "two", "t")
    one = Estimate(statistic, value, 0.1, interval, Counts(3, 3))
    line = str(MetricResult("m", "M", "pooled", {}, {"s": one})).splitlines()[2]
    assert " ".join(line.split()[1:4]) == expected


def test_the_same_reason_is_given_once_and_long_lines_are_folded() -> None:
    alone = str(bland_altman([100], [103], truth="independent"))
    assert "sd, loa_lower, loa_upper: A standard deviation needs" in alone
    assert max(len(line) for line in alone.splitlines()) <= 110


def test_html_is_a_table_and_escapes() -> None:
    html = bland_altman(LARGE, MINI, truth="independent")._repr_html_()
    assert html.startswith("<table><caption>Bland-Altman agreement")
    assert html.count("<tr>") == 5
    statistic = Statistic("s", "S", "For tests.", "same", "none", ())
    estimate = Estimate(statistic, 1.0, 0.1, None, Counts(1, 1), warning="a < b & c")
    shown = MetricResult(
        "m", "<M>", "pooled", {}, {"s": estimate}, (Citation("k", "Who & whom."),)
    )._repr_html_()
    assert "&lt;M&gt;" in shown
    assert "a &lt; b &amp; c" in shown
    assert "Who &amp; whom." in shown


def test_result_is_a_mapping_with_every_digit() -> None:
    result = bland_altman(LARGE, MINI, truth="independent")
    assert list(result) == ["bias", "sd", "loa_lower", "loa_upper"]
    assert len(result) == 4
    assert result["bias"].value == pytest.approx(np.mean(np.subtract(MINI, LARGE)), rel=1e-14)
    assert result.parameters["truth"] == "independent"
    assert isinstance(result["bias"].interval, Interval)


def test_one_estimate_prints_on_its_own() -> None:
    text = str(bland_altman(LARGE, MINI, truth="independent")["bias"])
    assert text == "Bias: 2.118 [-17.814, 22.049] (95% t, subjects as clusters); 17 subjects, 17 units"
    alone = str(bland_altman([100], [103], truth="independent")["sd"])
    assert "no value no interval; 1 subjects, 1 units\nA standard deviation needs" in alone
