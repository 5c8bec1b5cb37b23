"""Every table of the sleep reference: measures, epochs, matrices, discrepancies, scorers, repeated nights."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from oracle import compare
from sleep_oracle import Sleep
from sleep_tables import TABLES, worst

from accordance.evaluators import CannotComputeError, epoch_agreement, sleep_discrepancy

NUMBERS = {
    "SRI pipeline and DOD-H: measures of the night": 1365,
    "SRI pipeline: differences of nights": 196,
    "yasa: measures of the night": 34,
    "SRI pipeline and DOD-H: epochs, each subject": 804,
    "SRI pipeline and DOD-H: epochs, pooled and averaged": 846,
    "SRI pipeline: epochs, bootstrap": 160,
    "SRI pipeline and DOD-H: error matrices": 283,
    "yasa: epochs": 702,
    "Dreem: scorers, consensus, devices": 492,
    "SRI pipeline and DOD-H: discrepancies, components": 1680,
    "SRI pipeline and DOD-H: discrepancies, as printed": 1386,
    "R boot: spread, paired": 60,
    "R boot: spread, as the pipeline has it": 30,
    "yasa: discrepancies": 410,
    "yasa: discrepancies, bootstrap": 158,
    "yasa: reports": 258,
    "yasa and lme4: repeated nights": 26,
}
"""How many values each table holds, so that none is lost in silence."""


@pytest.mark.parametrize("title", TABLES)
def test_every_value_of_the_reference_is_met(sleep: Sleep, title: str) -> None:
    rows = list(TABLES[title](sleep))
    assert len(rows) == NUMBERS[title]
    for name, ours, theirs, accepted in rows:
        if not (np.isnan(ours) and np.isnan(theirs)):
            assert abs(ours - theirs) <= accepted, f"{title}, {name}: {ours!r}, reference {theirs!r}"
    exact = [(ours, theirs) for _, ours, theirs, accepted in rows if accepted <= 1e-6 and np.isfinite(theirs)]
    if exact:
        compare(f"sleep, {title.partition(': ')[2]}", *zip(*exact, strict=True), rel=1e-6, abs=1e-6)
    assert worst(rows)[1] <= 1


def test_the_table_of_worst_differences_prints(reference_data: Path) -> None:
    script = Path(__file__).parent / "sleep_tables.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == len(TABLES) + 1
    assert "inf" not in done.stdout


def test_a_stage_that_a_subject_lacks_crashes_the_program_and_not_us(sleep: Sleep) -> None:
    assert str(sleep.values["menghini_dod"]["dodh_errorMatrix_prop_classic"]["result"]).startswith("ERROR")
    found = sleep.agreement("dodh")
    deep = found.stages.index("deep")
    without = np.flatnonzero(found.tables[:, deep].sum(axis=1) == 0)
    assert len(without) == 1
    assert found.error_matrix.n[deep].tolist() == [24] * 4
    assert np.isfinite(found.error_matrix.lower[deep]).all()
    assert found.averaged["sensitivity"].n[deep] == 24
    assert found.averaged["npv"].n[deep] == 25  # which exists for subjects without the stage
    name = found.subjects[without[0]]
    assert found.reason("sensitivity", "deep", name) == "The reference never scores deep."
    assert found.reason("npv", "deep", name) is None


def test_the_pipelines_bootstrap_flags_what_is_not_there(sleep: Sleep) -> None:
    """Its interval is centred at twice the slope; SOL and Deep are flagged by it alone."""
    flags = sleep.values["heteroscedasticity_bootstrap_bug"]
    wrong = {name for name, entry in flags.items() if entry["as_coded_flag"] and not entry["paired_flag"]}
    assert wrong == {"SOL", "Deep"}
    for name in wrong:
        for residuals in ("refitted", "kept"):
            found = sleep_discrepancy(*sleep.pair("sri", name), ci="basic", residuals=residuals)  # type: ignore[arg-type]
            assert found.homoscedastic.holds


def test_both_rules_agree_on_the_sri_sample_but_need_not(sleep: Sleep) -> None:
    for name in ("TST", "SE", "SOL", "Light", "Deep", "REM", "LightPerc", "DeepPerc", "REMPerc"):
        kinds = {
            sleep_discrepancy(*sleep.pair("sri", name), rules=rules).kind for rules in ("interval", "effect")
        }
        assert len(kinds) == 1, name
    x = np.linspace(300, 500, 4000)
    y = x + 0.01 * (x - 400) + np.random.default_rng(2).normal(0, 20, 4000)
    assert sleep_discrepancy(x, y).proportional  # found with many nights, and too small to matter
    assert not sleep_discrepancy(x, y, rules="effect").proportional


def test_zeros_have_no_logarithm_and_an_offset_makes_them_decide(sleep: Sleep) -> None:
    first, second = sleep.pair("sri", "SOL")
    with pytest.raises(CannotComputeError, match="zero"):
        sleep_discrepancy(first, second, log=True)
    found = sleep_discrepancy(first, second, log=True, log_offset=1e-4)
    assert found.ratio is not None
    assert found.ratio.value > 1.99  # of at most 2
    assert any("0.0001" in note for note in found.notes)


def test_wake_specificity_and_sleep_sensitivity_are_one_number(sleep: Sleep) -> None:
    two = sleep.agreement("sri", "two")
    four = epoch_agreement(**sleep.sri)
    np.testing.assert_allclose(two.by_subject["sensitivity"][:, 1], four.by_subject["specificity"][:, 0])
