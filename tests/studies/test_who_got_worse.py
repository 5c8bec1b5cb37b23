"""Subjects of a comparison ranked by harm: variances from blocks of time, and every reason why there is none.

Oracles: the subjects' improvements without each block worked out from the tables by hand, and the proven
functions on them.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import accordance as ac
from accordance.app.cli import main
from accordance.datasets.store import Store
from accordance.evaluators import rank_by_harm
from accordance.evaluators.comparison.harm import HarmRanking
from accordance.evaluators.comparison.time_blocks import cut, delete_a_block
from accordance.protocols.comparison import ComparedEndpoint
from accordance.protocols.load import parse
from accordance.studies.coding import coding
from accordance.studies.comparison_folder import SUBJECT_COLUMNS, Comparison
from accordance.studies.kept_contrasts import KeptContrasts, Place
from accordance.studies.kept_numbers import KeptNumbers
from accordance.studies.subject_numbers import NO_VALUE, NO_VARIANCE, SubjectNumbers
from accordance.studies.who_got_worse import SINGLE
from accordance.studies.within_subjects import REFIT, Matched, Within, WithinSubjects

sys.path.append(str(Path(__file__).parent))
from test_comparing import PROTOCOL, outputs, write

SECTION = """\
comparison:
  multiplicity: none
  endpoints:
    mae: {margin: 1.0}
    median: {margin: 1.0, role: secondary}
    coverage: {margin: 0.05, role: secondary}
"""
ADDED = ("shrunk", "shrunk_lower", "shrunk_upper", "p_worse", "p_worse_than_margin", "expected_rank")


def own(found: Comparison, endpoint: str, candidate: str) -> pl.DataFrame:
    return found.subjects.filter(pl.col("endpoint") == endpoint, pl.col("candidate") == candidate).sort(
        "subject"
    )


def entry(found: Comparison, endpoint: str, candidate: str) -> dict[str, Any]:
    (one,) = [e for e in found.who if (e["endpoint"], e["candidate"]) == (endpoint, candidate)]
    return one


def by_hand(
    tables: dict[str, pl.DataFrame], candidate: str, number: Callable[[np.ndarray], float]
) -> tuple[list[float], list[float], list[int]]:
    """Improvement of each subject in a number of its absolute errors, its variance, and its blocks.

    Blocks are of consecutive epochs, floor(sqrt(n)) of them, as equal as can be.
    """
    names = ("reference", "v1", candidate)
    rows = tables["reference"].select("subject", "epoch").sort("subject", "epoch")
    for name in names:
        value = tables[name].rename({"rate": name}).select("subject", "epoch", name)
        rows = rows.join(value, on=["subject", "epoch"], how="left")
    rows = rows.drop_nulls().sort("subject", "epoch")
    improvement, variances, counts = [], [], []
    for _, part in rows.group_by("subject", maintain_order=True):
        first, second = (np.abs(part[name] - part["reference"]).to_numpy() for name in names[1:])
        g = int(np.sqrt(len(first)))
        blocks = [np.arange(len(first) * j // g, len(first) * (j + 1) // g) for j in range(g)]
        whole = number(first) - number(second)
        n = len(first)
        left = [] if g == 1 else [number(np.delete(first, b)) - number(np.delete(second, b)) for b in blocks]
        improvement.append(whole)
        counts.append(g)
        if g == 1:
            variances.append(float("nan"))
            continue
        estimate = g * whole - sum((1 - len(b) / n) * t for b, t in zip(blocks, left, strict=True))
        total = sum(
            (n / len(b) * whole - (n / len(b) - 1) * t - estimate) ** 2 / (n / len(b) - 1)
            for b, t in zip(blocks, left, strict=True)
        )
        variances.append(total / g)
    return improvement, variances, counts


@pytest.fixture(scope="module")
def tables() -> dict[str, pl.DataFrame]:
    """Epochs of 24 subjects, 30 each; a subject of 5, one of 2."""
    made = outputs(n=24, epochs=30)
    few = ((pl.col("subject") == "s03") & (pl.col("epoch") >= 5)) | (
        (pl.col("subject") == "s04") & (pl.col("epoch") >= 2)
    )
    return {name: one if name == "subjects" else one.filter(~few) for name, one in made.items()}


@pytest.fixture(scope="module")
def found(tables: dict[str, pl.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return ac.compare(
        write(tmp_path_factory.mktemp("who") / "s", tables=tables, section=SECTION), baseline="v1"
    )


@pytest.mark.parametrize(
    ("endpoint", "number"), [("mae", np.mean), ("median", np.median)]
)  # sums, and rows read in order of size
def test_variances_are_those_of_subjects_without_each_block(
    found: Comparison,
    tables: dict[str, pl.DataFrame],
    endpoint: str,
    number: Callable[[np.ndarray], float],
) -> None:
    improvement, variance, blocks = by_hand(tables, "v3", number)
    part = own(found, endpoint, "v3")
    np.testing.assert_allclose(part["improvement"], improvement, rtol=1e-12)
    np.testing.assert_allclose(part["variance"].fill_null(np.nan), variance, rtol=1e-8)
    assert part["blocks"].to_list() == blocks
    assert sorted(set(blocks)) == [1, 2, 5]
    oracle = rank_by_harm(
        improvement, variance, n_units=part["n_units"], blocks=blocks, subject=part["subject"].to_list(),
        margin=1.0,
    )  # fmt: skip
    for name, values in zip(
        ADDED,
        (
            oracle.shrunk, oracle.lower, oracle.upper, oracle.p_worse, oracle.p_worse_than_margin,
            oracle.expected_rank,
        ),
        strict=True,
    ):  # fmt: skip
        np.testing.assert_allclose(part[name], values, rtol=1e-8, err_msg=name)
    assert part["rank"].to_list() == oracle.rank.tolist()
    assert part["reason"].null_count() == part.height
    told = entry(found, endpoint, "v3")
    assert told["mean"] == pytest.approx(oracle.mean, rel=1e-9)
    assert told["between_sd"] == pytest.approx(oracle.between_sd, rel=1e-6)
    assert (told["n_subjects"], told["ranked"], told["reason"]) == (24, 24, None)
    assert told["blocks"] == {"fewest": 1, "median": 5.0, "most": 5}
    assert told["worse"] == int((oracle.p_worse > 0.95).sum()) > 10
    assert f"{told['worse']} of 24 subjects" in told["words"]
    assert "s03" not in json.dumps(found.who), "who is attached to reports, and names nobody"


def test_another_order_of_rows_changes_nothing(
    found: Comparison, tables: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    place = write(tmp_path / "s", tables=tables, section=SECTION, shuffle=3)
    other = ac.compare(place, baseline="v1", workers=1)
    assert other.subjects.equals(found.subjects, null_equal=True)
    assert other.who == found.who


def test_versions_are_ranked_on_the_units_that_both_have(
    tables: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    lacking = {**tables, "v3": tables["v3"].filter(pl.col("epoch") % 7 != 1)}
    both = ac.compare(
        write(tmp_path / "s", tables=lacking, section=SECTION),
        baseline="v1",
        candidates=["v2", "v3"],
        overlap=True,
    )
    improvement, variance, blocks = by_hand(lacking, "v3", np.mean)
    part = own(both, "mae", "v3")
    np.testing.assert_allclose(part["improvement"], improvement, rtol=1e-12)
    np.testing.assert_allclose(part["variance"].fill_null(np.nan), variance, rtol=1e-8)
    assert part["blocks"].to_list() == blocks
    _, whole, _ = by_hand(tables, "v2", np.mean)
    np.testing.assert_allclose(own(both, "mae", "v2")["variance"].fill_null(np.nan), whole, rtol=1e-8)
    covered = own(both, "coverage", "v3")
    expected = [-sum(e % 7 == 1 for e in range(n)) / n for n in covered["n_units"]]
    np.testing.assert_allclose(covered["improvement"], expected, atol=1e-12)
    # all epochs of the reference, those without an output of v3 among them, in blocks of 6
    offsets = np.array([0, 30])
    lost = np.array([epoch % 7 == 1 for epoch in range(30)], dtype=float)
    blocked = cut(offsets)
    without = -(lost.sum() - np.add.reduceat(lost, blocked.offsets[:-1])) / (30 - blocked.units)
    ones = np.ones(len(without), dtype=bool)
    (v,), _ = delete_a_block(np.array([-lost.mean()]), without, ones, blocked)
    assert covered.filter(pl.col("n_units") == 30)["variance"].to_list() == pytest.approx([v] * 22)


def test_identical_versions_are_not_ranked_and_say_so(found: Comparison) -> None:
    told, part = entry(found, "mae", "v4"), own(found, "mae", "v4")
    assert told["ranked"] == 0 and told["worse"] is None and told["mean"] is None
    assert "identical" in told["reason"] and "identical" in told["words"]
    assert part["shrunk"].null_count() == part.height == 24
    assert all("identical" in one for one in part["reason"])


def test_improvements_that_never_vary_are_not_ranked(found: Comparison) -> None:
    told = entry(found, "coverage", "v2")
    assert told["ranked"] == 0 and "do not vary" in told["reason"]
    assert own(found, "coverage", "v2")["improvement"].to_list() == [0.0] * 24


def test_single_units_are_blocks_where_nobody_has_more_than_a_few(tmp_path: Path) -> None:
    tables = outputs(n=24, epochs=3)
    found = ac.compare(write(tmp_path / "s", tables=tables, section=SECTION), baseline="v1", candidates="v3")
    told, part = entry(found, "mae", "v3"), own(found, "mae", "v3")
    assert told["warning"] == SINGLE and told["ranked"] == 24
    reference = tables["reference"]["rate"]
    better = (tables["v1"]["rate"] - reference).abs() - (tables["v3"]["rate"] - reference).abs()
    values = better.to_numpy().reshape(24, 3)
    np.testing.assert_allclose(part["variance"], values.var(axis=1, ddof=1) / 3, rtol=1e-9)
    assert part["blocks"].to_list() == [3] * 24


def test_one_unit_each_says_nothing(tmp_path: Path) -> None:
    tables = outputs(n=24, epochs=1)
    found = ac.compare(write(tmp_path / "s", tables=tables, section=SECTION), baseline="v1", candidates="v3")
    told = entry(found, "mae", "v3")
    assert told["reason"] == NO_VARIANCE and told["ranked"] == 0
    assert own(found, "mae", "v3")["improvement"].null_count() == 0


@pytest.mark.parametrize(
    ("metric", "reason"),
    [("bland_altman_mixed", NO_VALUE), ("regression_limits, parameters: {at: 70}", REFIT)],
)
def test_statistics_that_cannot_be_ranked_say_so(metric: str, reason: str, tmp_path: Path) -> None:
    protocol = PROTOCOL.replace("metric: median_absolute_error, average: pooled", f"metric: {metric}")
    section = SECTION.replace("median: {margin", "median: {statistic: bias, margin")
    place = write(tmp_path / "s", protocol=protocol, section=section)
    found = ac.compare(place, baseline="v1", candidates="v3")
    told = entry(found, "median", "v3")
    assert (told["reason"], told["ranked"]) == (reason, 0)
    assert told["words"] == f"Subjects are not ranked: {reason}."
    part = own(found, "median", "v3")
    assert part.height == 24 and set(part["reason"]) == {f"Not ranked: {reason}."}
    assert entry(found, "mae", "v3")["ranked"] == 24


def nights(folder: Path, protocol: str) -> Comparison:
    """Six nights of ten epochs; the error of v2 differs from night to night and hardly within them."""
    random = np.random.default_rng(5)
    keys = (
        pl.DataFrame({"subject": [f"s{i:02}" for i in range(12)]})
        .join(pl.DataFrame({"night": range(6)}), how="cross")
        .join(pl.DataFrame({"epoch": range(10)}), how="cross")
    )
    night = np.repeat(random.uniform(1, 9, 12 * 6), 10) + random.uniform(0, 0.1, keys.height)
    made = {
        "subjects": pl.DataFrame({"subject": [f"s{i:02}" for i in range(12)], "skin": ["light"] * 12}),
        "reference": keys.with_columns(rate=pl.lit(60.0)),
        "v1": keys.with_columns(rate=pl.lit(65.0)),
        "v2": keys.with_columns(rate=60 + pl.Series(night)),
    }
    place = write(folder, tables=made, protocol=protocol, section=SECTION, versions=("v1", "v2"))
    return ac.compare(place, baseline="v1")


def test_nights_are_blocks_where_there_are_enough_of_them(tmp_path: Path) -> None:
    changed = (
        PROTOCOL.replace("key: [subject, epoch]", "key: [subject, night, epoch]")
        .replace("epoch: {type: integer}", "night: {type: integer}, epoch: {type: integer}")
        .replace("      night: {type: integer}, epoch", "      night: {type: integer}\n      epoch")
    )
    changed = changed.replace("on: [subject, epoch]", "on: [subject, night, epoch]")
    found = nights(tmp_path / "s", changed)
    part = own(found, "mae", "v2")
    assert part["blocks"].to_list() == [6] * 12
    value = pl.read_csv(tmp_path / "s" / "data" / "v2.csv")
    means = value.group_by("subject", "night").agg(pl.col("rate").mean()).sort("subject", "night")["rate"]
    np.testing.assert_allclose(
        part["variance"], means.to_numpy().reshape(12, 6).var(axis=1, ddof=1) / 6, rtol=1e-9
    )


def test_comparisons_without_these_columns_still_open(found: Comparison, tmp_path: Path) -> None:
    assert found.folder is not None
    for file in found.folder.iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    document = {key: value for key, value in found.document.items() if key != "who"}
    (tmp_path / "comparison.json").write_text(json.dumps(document), encoding="utf-8")
    found.subjects.select(list(SUBJECT_COLUMNS)[:7]).write_parquet(tmp_path / "subjects.parquet")
    old = Comparison.open(tmp_path)
    assert old.who == []
    assert dict(old.subjects.schema) == SUBJECT_COLUMNS
    assert old.subjects["shrunk"].null_count() == old.subjects.height == found.subjects.height
    assert old.subjects["improvement"].equals(found.subjects["improvement"])


def test_what_is_kept_is_what_was_made(tmp_path: Path) -> None:
    """Of rows without a name nothing is kept; an entry is read back as it was put, ranked or not."""

    class Named:
        def identity(self, endpoint: Any, version: str) -> str | None:
            return None if version == "nameless" else version

    contrasts = KeptContrasts(Store(tmp_path / "store"), Named(), None)  # type: ignore[arg-type]
    kept, plan = KeptNumbers(contrasts), ComparedEndpoint(statistic="mae")
    place, nameless, ratio = (
        Place(None, "v1", version, one)  # type: ignore[arg-type]
        for version, one in (
            ("v2", plan),
            ("nameless", plan),
            ("v2", plan.model_copy(update={"scale": "ratio"})),
        )
    )
    values = np.array([0.5, -1.0, 0.25, 2.0, np.nan])
    within = Within(np.array([0.1, 0.2, 0.1, np.nan, 0.1]), np.array([3, 4, 5, 1, 2]), single=True)
    ranking = rank_by_harm(values, within.variance, subject=list("abcde"), most=2)
    ranked = SubjectNumbers(
        tuple("abcde"), np.arange(5), values + 1, values * 2, values,
        within=within, ranking=ranking, reason=None,
    )  # fmt: skip
    kept.put(place, ranked)
    kept.put(nameless, ranked)
    back = kept.get(place)
    assert back is not None and back.ranking is not None and back.within is not None
    assert kept.get(nameless) is None and kept.get(ratio) is None
    for name in ("units", "baseline", "candidate", "improvement"):
        np.testing.assert_array_equal(getattr(back, name), getattr(ranked, name))
    np.testing.assert_array_equal(back.within.variance, within.variance)
    np.testing.assert_array_equal(back.within.blocks, within.blocks)
    first, second = ranking.at(0.9, 1.0), back.ranking.at(0.9, 1.0)
    for one in dataclasses.fields(HarmRanking):
        np.testing.assert_array_equal(getattr(first, one.name), getattr(second, one.name), err_msg=one.name)
    none = dataclasses.replace(ranked, within=Within.none("so it is"), ranking=None, reason="so it is")
    kept.put(ratio, none)
    back = kept.get(ratio)
    assert back is not None and back.within is not None
    assert (back.reason, back.ranking, back.within.problem) == ("so it is", None, "so it is")


def test_the_command_names_them_where_there_are_any(
    tables: dict[str, pl.DataFrame], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = write(tmp_path / "s", tables=tables, section=SECTION)
    assert main(["compare", str(place), "--baseline", "v1"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    found = Comparison.latest(place)
    told = entry(found, "mae", "v3")
    first = own(found, "mae", "v3").sort("rank")["subject"][0]
    assert (
        f"mae, v3: {told['worse']} of 24 subjects are worse with a probability above 95%: {first}," in shown
    )
    assert entry(found, "mae", "v2")["worse"] == 0 and "mae, v2:" not in shown
    assert main(["compare", str(place), "--baseline", "v1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["who"] == found.who


def test_versions_with_other_units_or_in_another_order_have_the_same_blocks() -> None:
    """Units of the baseline in its order; a unit that only the candidate has follows the one before it."""
    protocol = parse(PROTOCOL + SECTION)
    group = {"mae": protocol.endpoints["mae"]}
    plans = protocol.comparison.endpoints if protocol.comparison else {}
    with ThreadPoolExecutor(1) as pool:
        work = WithinSubjects(protocol, plans, group, ("_subject", "reference_row"), pool)
    first = pl.DataFrame(
        {"_subject": [0] * 9 + [1] * 4, "reference_row": [8, 7, 6, 5, 4, 3, 2, 1, 0, 20, 21, 22, 23]}
    ).with_columns(
        pl.col("_subject").cast(pl.UInt32),
        reference=pl.lit(60.0),
        test=pl.col("reference_row").cast(pl.Float64),
    )
    second = first.sort("_subject", "reference_row")
    lone = first.head(1).with_columns(reference_row=pl.lit(30, dtype=pl.Int64), test=pl.lit(30.0))
    more = pl.concat([first.head(4), lone, first.tail(9)])
    how = coding(protocol, group["mae"])
    turned = work._cut(how, "v2", lambda: Matched(first, second, all_of_baseline=True))
    assert turned.blocks.offsets.tolist() == [0, 3, 6, 9, 11, 13] and not turned.shared
    for side in turned.sides:
        assert side.offsets.tolist() == [0, 3, 6, 9, 11, 13]
        assert [sorted(side.test[a:b]) for a, b in pairwise(side.offsets)] == [
            [6, 7, 8], [3, 4, 5], [0, 1, 2], [20, 21], [22, 23],
        ]  # fmt: skip
    other = work._cut(how, "v3", lambda: Matched(first, more, all_of_baseline=True))
    assert other.blocks.offsets.tolist() == [0, 3, 6, 10, 12, 14]
    assert [sorted(other.sides[1].test[a:b]) for a, b in pairwise(other.sides[1].offsets)] == [
        [6, 7, 8], [4, 5, 30], [0, 1, 2, 3], [20, 21], [22, 23],
    ]  # fmt: skip
    assert np.diff(other.sides[0].offsets).tolist() == [3, 2, 4, 2, 2]
