"""The ledger of the reference values: each is met by a test, or declared with a reason, or the run fails.

A reference value is any finite number below `values` of an entry of agreement/oracle.json whose `trust` is
`reference`, or below `outputs` of a case of diagnostic/oracle.json. It is *met* when a test that passed gave
`compare` the same number as expected value: to 9 digits, so that two programs that agree are met together,
and whatever its sign, for differences run both ways. Numbers with few digits, such as 0, 1 or 0.05, would be
met by chance: they count only from a file of tests that met a telling number of the same entry too, where the
entry has any.

Whatever is not met needs a reason in `unmet.toml`; a reason, or a pattern of one, that catches nothing fails
as well.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

TELLING = 5
"""Significant digits from which a number is taken to name its source."""

Compared = Mapping[str, Iterable[float]]
"""File of tests -> the expected values they compared with."""


@dataclass(frozen=True)
class Leaf:
    """One number of an oracle: where it stands and what it is."""

    oracle: str
    entry: str
    output: str
    value: float

    def __str__(self) -> str:
        return f"{self.oracle} {self.entry}: {self.output} = {self.value!r}"


@dataclass(frozen=True)
class Reason:
    """Why some values are not met: patterns of entries and outputs, as in file names."""

    why: str
    oracle: str
    entries: tuple[str, ...]
    outputs: tuple[str, ...]

    def catches(self, leaf: Leaf) -> list[str]:
        """The patterns that catch the leaf; none unless both its entry and its output are caught."""
        if leaf.oracle != self.oracle:
            return []
        entries = [pattern for pattern in self.entries if fnmatchcase(leaf.entry, pattern)]
        outputs = [pattern for pattern in self.outputs if fnmatchcase(leaf.output, pattern)]
        return [*entries, *outputs] if entries and outputs else []


@dataclass
class Account:
    """What became of the values of one oracle."""

    entries: int = 0
    met: int = 0
    declared: Counter[str] = field(default_factory=Counter)
    neither: list[str] = field(default_factory=list)


@dataclass
class Ledger:
    """The accounts of all oracles, and reasons that catch nothing."""

    accounts: dict[str, Account]
    stale: list[str]

    @property
    def holds(self) -> bool:
        """Whether every value is met or declared, and every reason needed."""
        return not self.stale and not any(account.neither for account in self.accounts.values())

    def lines(self) -> list[str]:
        """The short account for the end of a run."""
        found: list[str] = []
        for oracle, account in self.accounts.items():
            declared, neither = account.declared.total(), len(account.neither)
            found.append(
                f"{oracle}: {account.entries} entries, {account.met + declared + neither:,} values: "
                f"{account.met:,} met, {declared:,} not met for a declared reason, {neither:,} neither"
            )
            found += [f"  {count:>5}  {why}" for why, count in account.declared.most_common()]
            found += [f"  NEITHER MET NOR DECLARED  {leaf}" for leaf in account.neither]
        return [*found, *(f"  NO LONGER NEEDED  {patterns}" for patterns in self.stale)]

    def document(self) -> dict[str, Any]:
        """The same for build/oracle.json."""
        accounts = {
            oracle: {
                "entries": account.entries,
                "met": account.met,
                "declared": dict(account.declared.most_common()),
                "neither": account.neither,
            }
            for oracle, account in self.accounts.items()
        }
        return {"oracles": accounts, "no_longer_needed": self.stale}


def settle(leaves: Iterable[Leaf], reasons: Iterable[Reason], compared: Compared) -> Ledger:
    """Every leaf is met, declared or neither; every pattern of a reason catches something or is stale."""
    reasons = list(reasons)
    files = _files_by_value(compared)
    accounts: dict[str, Account] = defaultdict(Account)
    needed: set[tuple[int, str]] = set()
    for entry in _by_entry(leaves):
        account = accounts[entry[0].oracle]
        account.entries += 1
        for leaf in _not_met(entry, files):
            caught = {index: found for index, reason in enumerate(reasons) if (found := reason.catches(leaf))}
            needed |= {(index, pattern) for index, found in caught.items() for pattern in found}
            if caught:
                account.declared[reasons[min(caught)].why] += 1
            else:
                account.neither.append(str(leaf))
        account.met += len(entry)
    for account in accounts.values():
        account.met -= account.declared.total() + len(account.neither)
    stale = [
        f"{', '.join(unused)}: {reason.why}"
        for index, reason in enumerate(reasons)
        if (unused := [one for one in (*reason.entries, *reason.outputs) if (index, one) not in needed])
    ]
    return Ledger(dict(accounts), stale)


def _by_entry(leaves: Iterable[Leaf]) -> list[list[Leaf]]:
    entries: dict[tuple[str, str], list[Leaf]] = defaultdict(list)
    for leaf in leaves:
        entries[leaf.oracle, leaf.entry].append(leaf)
    return list(entries.values())


def _not_met(entry: list[Leaf], files: Mapping[str, set[str]]) -> Iterator[Leaf]:
    """Leaves of one entry that no test met."""
    met_by = {leaf: _of(leaf.value, files) for leaf in entry}
    telling = [leaf for leaf in entry if _digits(leaf.value) >= TELLING]
    ours = set().union(*(met_by[leaf] for leaf in telling)) if telling else None
    for leaf, found in met_by.items():
        if not (found if ours is None or _digits(leaf.value) >= TELLING else found & ours):
            yield leaf


def _files_by_value(compared: Compared) -> dict[str, set[str]]:
    files: dict[str, set[str]] = defaultdict(set)
    for file, values in compared.items():
        for value in values:
            files[_key(value)].add(file)
    return files


def _of(value: float, files: Mapping[str, set[str]]) -> set[str]:
    """Files that compared the number; just beside it as well, for rounding to a key has an edge."""
    keys = {_key(value * (1 + shift)) for shift in (-1e-9, 0.0, 1e-9)}
    return set().union(*(files.get(key, set()) for key in keys))


def _key(value: float) -> str:
    return f"{abs(value):.8e}"


def _digits(value: float) -> int:
    """Significant digits of a number as it is written."""
    return len(f"{abs(value):.16g}".split("e")[0].replace(".", "").strip("0"))


def load(folder: Path) -> list[Leaf]:
    """The values that have to be met, of both oracles below the folder."""
    agreement = json.loads((folder / "agreement" / "oracle.json").read_text(encoding="utf-8"))
    diagnostic = json.loads((folder / "diagnostic" / "oracle.json").read_text(encoding="utf-8"))
    entries = [("agreement", e["id"], e["values"]) for e in agreement["entries"] if e["trust"] == "reference"]
    entries += [("diagnostic", case["id"], case["outputs"]) for case in diagnostic["cases"]]
    return [
        Leaf(oracle, entry, output, value)
        for oracle, entry, values in entries
        for output, value in _numbers(values)
    ]


def _numbers(value: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """Finite numbers below a value, with their paths; text, gaps and truth values are none."""
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, below in pairs:
            yield from _numbers(below, f"{path}.{key}" if path else str(key))
    elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        yield path, float(value)


def declared(file: Path) -> list[Reason]:
    """The reasons of `unmet.toml`."""
    document = tomllib.loads(file.read_text(encoding="utf-8"))
    return [
        Reason(reason["why"], where["oracle"], tuple(where["entries"]), tuple(where["outputs"]))
        for reason in document["reason"]
        for where in reason["where"]
    ]
