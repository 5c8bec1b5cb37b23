"""Every reference value is met, declared with a reason, or named and the run fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ledger import Leaf, Reason, declared, load, settle

BIAS = Leaf("agreement", "ba.x", "bias", -1.23456789)
LOWER = Leaf("agreement", "ba.x", "loa.0", 2.5)
COUNT = Leaf("agreement", "ba.x", "n", 12.0)
ROWS = Reason("a count", "agreement", ("ba.*",), ("n",))


def accounts(leaves, reasons, compared):
    found = settle(leaves, reasons, compared)
    return found, found.accounts["agreement"]


@pytest.mark.parametrize("value", [-1.23456789, 1.23456789, 1.234567890000004])
def test_a_value_is_met_to_9_digits_and_whatever_its_sign(value: float) -> None:
    ledger, account = accounts([BIAS], [], {"test_a.py": [value]})
    assert (account.met, account.neither, ledger.holds) == (1, [], True)


@pytest.mark.parametrize("value", [1.2345679, 1.234567, 0.123456789])
def test_another_value_is_not(value: float) -> None:
    ledger, account = accounts([BIAS], [], {"test_a.py": [value]})
    assert account.neither == ["agreement ba.x: bias = -1.23456789"]
    assert not ledger.holds
    assert "NEITHER MET NOR DECLARED  agreement ba.x: bias = -1.23456789" in ledger.lines()[-1]


def test_a_plain_number_counts_only_where_a_telling_one_of_its_entry_is_met() -> None:
    elsewhere = {"test_a.py": [1.23456789], "test_b.py": [2.5]}
    assert accounts([BIAS, LOWER], [], elsewhere)[1].neither == ["agreement ba.x: loa.0 = 2.5"]
    beside = {"test_a.py": [1.23456789, 2.5]}
    assert accounts([BIAS, LOWER], [], beside)[1].met == 2
    # An entry that has plain numbers only is met wherever they are compared.
    assert accounts([LOWER, COUNT], [], {"test_b.py": [2.5], "test_c.py": [12.0]})[1].met == 2


def test_what_is_declared_is_counted_by_its_first_reason() -> None:
    other = Reason("a row", "agreement", ("*",), ("n",))
    ledger, account = accounts([BIAS, COUNT], [ROWS, other], {"test_a.py": [1.23456789]})
    assert (account.entries, account.met, dict(account.declared)) == (1, 1, {"a count": 1})
    assert ledger.holds
    assert ledger.lines()[0] == (
        "agreement: 1 entries, 2 values: 1 met, 1 not met for a declared reason, 0 neither"
    )


@pytest.mark.parametrize(("entries", "outputs"), [(("ba.*", "rm.*"), ("n",)), (("ba.*",), ("n", "k"))])
def test_a_pattern_that_catches_nothing_fails(entries: tuple[str, ...], outputs: tuple[str, ...]) -> None:
    ledger, account = accounts([COUNT], [Reason("a count", "agreement", entries, outputs)], {})
    assert account.neither == []
    assert len(ledger.stale) == 1
    assert not ledger.holds
    assert "NO LONGER NEEDED" in ledger.lines()[-1]


def test_a_reason_whose_values_are_met_fails() -> None:
    ledger, _ = accounts([BIAS, COUNT], [ROWS], {"test_a.py": [1.23456789, 12.0]})
    assert ledger.stale == ["ba.*, n: a count"]


def test_reasons_are_those_of_one_oracle() -> None:
    ledger, account = accounts([COUNT], [Reason("a count", "diagnostic", ("*",), ("*",))], {})
    assert len(account.neither) == 1
    assert ledger.stale == ["*, *: a count"]


def oracles(folder: Path) -> Path:
    """One entry that has to be met and one that must not be, in each oracle's own form."""
    entries = [
        {
            "id": "ba.x",
            "trust": "reference",
            "values": {"bias": -1.23456789, "loa": [0.5, None], "note": "R"},
        },
        {"id": "ba.y", "trust": "known_deviant", "values": {"bias": 9.87654321}},
    ]
    case = {"id": "roc.x", "outputs": {"auc": 0.87654321, "exact": True, "lower": "NaN"}}
    for name, document in (("agreement", {"entries": entries}), ("diagnostic", {"cases": [case]})):
        (folder / name).mkdir(parents=True)
        (folder / name / "oracle.json").write_text(json.dumps(document))
    return folder


def test_numbers_of_entries_that_have_to_be_met_are_the_values(tmp_path: Path) -> None:
    assert [(leaf.entry, leaf.output, leaf.value) for leaf in load(oracles(tmp_path))] == [
        ("ba.x", "bias", -1.23456789),
        ("ba.x", "loa.0", 0.5),
        ("roc.x", "auc", 0.87654321),
    ]


def test_the_reasons_of_this_project_say_something() -> None:
    reasons = declared(Path(__file__).parent / "unmet.toml")
    assert reasons
    assert all(len(reason.why.split()) >= 4 and reason.entries and reason.outputs for reason in reasons)


@pytest.mark.parametrize(
    ("arguments", "reason", "code", "says"),
    [
        (["tests"], "", 1, "NEITHER MET NOR DECLARED  diagnostic roc.x: auc = 0.87654321"),
        (["tests/evaluators", "-n2"], "roc.*", 0, "diagnostic: 1 entries, 1 values: 0 met, 1 not met"),
        (["tests/evaluators"], "rm.*", 1, "NO LONGER NEEDED  rm.*, auc: not offered"),
        (["tests/evaluators/test_one.py"], "", 0, "1 passed"),
        (["tests", "-k", "one"], "", 0, "1 passed"),
    ],
)
def test_a_whole_run_fails_for_what_is_neither_and_a_part_of_it_does_not(
    tmp_path: Path, repository: Path, arguments: list[str], reason: str, code: int, says: str
) -> None:
    folder = tmp_path / "tests" / "evaluators"
    folder.mkdir(parents=True)
    for name in ("conftest.py", "evaluators/conftest.py", "evaluators/oracle.py", "evaluators/ledger.py"):
        (tmp_path / "tests" / name).write_text((repository / "tests" / name).read_text())
    where = f'{{ oracle = "diagnostic", entries = ["{reason}"], outputs = ["auc"] }}' if reason else ""
    (folder / "unmet.toml").write_text(f'[[reason]]\nwhy = "not offered"\nwhere = [{where}]\n')
    (folder / "test_one.py").write_text(
        "from oracle import compare\n\n"
        "def test_one():\n"
        "    compare('bias', [1.23456789, 0.5], [1.23456789, 0.5])\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\ntestpaths = tests\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--import-mode=importlib", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"ACCORDANCE_REFERENCE": str(oracles(tmp_path / "reference"))},
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert says in done.stdout
    ledger = json.loads((tmp_path / "build" / "oracle.json").read_text()).get("ledger")
    assert (ledger is None) == (says == "1 passed")
