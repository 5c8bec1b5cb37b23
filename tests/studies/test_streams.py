"""Streams: the same numbers in batches as at once; nothing computed twice; killed and gone on with."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import accordance as ac
from accordance.datasets import batches
from accordance.datasets.stream import Stream
from accordance.protocols.errors import ContractError, UsageError
from accordance.studies.dry_run import dry_run
from accordance.studies.results import Results
from accordance.studies.run import run

PROTOCOL = """\
schema: accordance/protocol/1
id: wear
version: "1"
title: Heart rate in windows
intended_use: Heart rate.
objective: To estimate the error of the rate.
tables:
  subjects:
    key: [subject]
    columns: {subject: {type: text}, sex: {type: category, levels: [f, m]}, age: {type: integer, unit: years}}
  reference:
    key: [subject, time]
    time: time
    interval: 2 s
    columns:
      subject: {type: text}
      time: {type: datetime}
      rate: {type: number, unit: 1/min, range: [20, 250]}
      activity: {type: category, levels: [rest, walk]}
  test:
    key: [subject, time]
    time: time
    interval: 1 s
    columns:
      subject: {type: text}
      time: {type: datetime}
      rate: {type: number, unit: 1/min, range: [20, 250], missing: allowed}
pairings:
  rate: {method: windows, unit: {length: 30 s}}
endpoints:
  bias:
    title: Bias
    role: primary
    metric: bland_altman
    parameters: {truth: varying}
    reference: rate
    test: rate
    by: [reference.activity]
    subgroups: [sex]
    criterion: {compare: both, operator: within, limit: [-5, 5], unit: 1/min}
  arms: {title: Arms, role: secondary, metric: rmse, average: pooled, reference: rate, test: rate,
         interval: {method: bootstrap_percentile}}
  median: {title: Median error, role: secondary, metric: median_absolute_error, average: pooled,
           reference: rate, test: rate}
subgroups:
  sex: {by: sex}
resampling: {replicates: 200}
seed: 7
"""
STUDY = """\
schema: accordance/study/1
id: wear
title: Heart rate in windows
protocol: protocol.yaml
sources:
  subjects: {file: data/subjects.parquet}
  reference: {folder: data/reference}
algorithm:
  name: v1
  versions:
    v1: {sources: {test: {folder: data/v1}}}
"""
SUBJECTS = [f"s{number:02d}" for number in range(7)]


def signals(seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Reference and test rows of all subjects: gaps, empty seconds, another number of rows each."""
    random = np.random.default_rng(seed)
    reference, test = [], []
    for place, subject in enumerate(SUBJECTS):
        n = 300 + 40 * place
        start = np.datetime64("2026-03-01T08:00:00", "us") + np.timedelta64(int(random.integers(0, 9)), "s")
        truth = 70 + 10 * np.sin(np.arange(n) / 40) + random.normal(0, 2)
        times = start + np.arange(n) * np.timedelta64(1, "s")
        even = np.arange(0, n, 2)
        reference.append(
            pl.DataFrame(
                {
                    "subject": subject,
                    "time": pl.Series(times[even]).cast(pl.Datetime("us", "UTC")),
                    "rate": np.round(truth[even], 2),
                    "activity": np.where(even < n // 2, "rest", "walk"),
                }
            )
        )
        shown = np.round(truth + random.normal(0.5, 2, n), 1)
        kept = (np.arange(n) % 97 > 20) | (random.random(n) < 0.5)
        test.append(
            pl.DataFrame(
                {
                    "subject": subject,
                    "time": pl.Series(times[kept]).cast(pl.Datetime("us", "UTC")),
                    "rate": pl.Series([None if x > 84 else float(x) for x in shown[kept]], dtype=pl.Float64),
                }
            )
        )
    return pl.concat(reference), pl.concat(test)


def people() -> pl.DataFrame:
    sexes = ["f", "m", "f", "m", "f", "m", "f"]
    return pl.DataFrame({"subject": SUBJECTS, "sex": sexes, "age": [30, 41, 52, 63, 35, 47, 58]})


def write_tree(folder: Path, frame: pl.DataFrame) -> None:
    """Two subjects a file, so that batches share files."""
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(SUBJECTS), 2):
        own = frame.filter(pl.col("subject").is_in(SUBJECTS[start : start + 2]))
        own.write_parquet(folder / f"part{start}.parquet")


@pytest.fixture
def wear(tmp_path: Path) -> Path:
    """A study whose tables are streams."""
    folder = tmp_path / "wear"
    reference, test = signals(1)
    write_tree(folder / "data" / "reference", reference)
    write_tree(folder / "data" / "v1", test)
    people().write_parquet(folder / "data" / "subjects.parquet")
    (folder / "protocol.yaml").write_text(PROTOCOL)
    (folder / "study.yaml").write_text(STUDY)
    return folder


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of about two subjects."""
    monkeypatch.setattr(batches, "TARGET_ROWS", 1000)


def change(folder: Path, before: str, after: str, file: str = "protocol.yaml") -> None:
    text = (folder / file).read_text()
    assert before in text
    (folder / file).write_text(text.replace(before, after))


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """After it is called, reading a row of a stream fails the test."""

    def from_now_on() -> None:
        monkeypatch.setattr(Stream, "read", lambda *_: pytest.fail("rows of a stream were read"))

    return from_now_on


def comparable(results: Results) -> list[dict[str, Any]]:
    return results.rows.drop("pre_specified").to_dicts()


def batches_of(results: Results) -> list[dict[str, Any]]:
    assert results.folder is not None
    lines = (results.folder / "log.jsonl").read_text().splitlines()
    return [entry for entry in map(json.loads, lines) if entry["event"] == "batches"]


def test_batches_give_the_numbers_of_tables_read_at_once(wear: Path, small: None) -> None:
    reference, test = signals(1)
    whole = ac.evaluate(reference, test, subjects=people(), protocol=wear / "protocol.yaml", version="v1")
    streamed = run(wear, workers=2)
    assert len(json.loads((streamed.folder / "manifest.json").read_text())["inputs"]) == 3  # type: ignore[operator]
    (entry,) = batches_of(streamed)
    assert entry["computed"] > 2
    assert comparable(streamed) == comparable(whole)
    mine, theirs = streamed.pairs("rate", "v1"), whole.pairs("rate", "v1")
    assert mine.equals(theirs)
    for part in ("accounting", "flow", "demographics", "requirements", "missing"):
        assert streamed.document[part] == whole.document[part], part


def test_neither_batches_nor_workers_nor_the_order_of_rows_change_a_number(
    wear: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    expected = comparable(run(wear, workers=1))
    monkeypatch.setattr(batches, "TARGET_ROWS", 500)
    assert comparable(run(wear, workers=3)) == expected
    shuffled = tmp_path / "shuffled"
    shutil.copytree(wear, shuffled, ignore=shutil.ignore_patterns("runs", ".accordance", "ledger.jsonl"))
    for file in (shuffled / "data").glob("*/*.parquet"):
        pl.read_parquet(file).sample(fraction=1, shuffle=True, seed=3).write_parquet(file)
    again = run(shuffled, workers=2)
    assert comparable(again) == expected


def test_a_second_run_reads_no_row(wear: Path, small: None, unread: Callable[[], None]) -> None:
    first = run(wear)
    unread()
    second = run(wear)
    (entry,) = batches_of(second)
    assert (entry["computed"], entry["rows_read"]) == (0, 0)
    assert comparable(second) == comparable(first)
    assert second.pairs("rate", "v1").equals(first.pairs("rate", "v1"))
    changing = ("run",)
    documents = [{k: v for k, v in one.document.items() if k not in changing} for one in (first, second)]
    assert documents[0] == documents[1]


CHANGES = {
    "level": ("    criterion: {compare: both", "    interval: {level: 0.9}\n    criterion: {compare: both"),
    "criterion": ("limit: [-5, 5]", "limit: [-0.1, 0.1]"),
    "subgroup": ("  sex: {by: sex}", "  sex: {by: sex}\n  age: {by: age, bands: [0, 45, 100]}"),
    "method": ("interval: {method: bootstrap_percentile}", "interval: {method: bootstrap_bca}"),
    "endpoint": ("subgroups:\n  sex", "  mae: {title: MAE, role: secondary, metric: mae, average: pooled,\n"
                 "        reference: rate, test: rate}\nsubgroups:\n  sex"),
    "seed": ("seed: 7", "seed: 8"),
    "strata": ("resampling: {replicates: 200}", "resampling: {replicates: 200, strata: [sex]}"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_what_does_not_concern_pairs_reads_no_row(
    wear: Path, small: None, unread: Callable[[], None], name: str, tmp_path: Path
) -> None:
    before = comparable(run(wear))
    change(wear, *CHANGES[name])
    if name == "subgroup":
        change(wear, "subgroups: [sex]", "subgroups: [sex, age]")
    fresh = tmp_path / "fresh"
    shutil.copytree(wear, fresh, ignore=shutil.ignore_patterns("runs", ".accordance", "ledger.jsonl"))
    expected = run(fresh)
    unread()
    again = run(wear)
    found = comparable(again)
    assert found == comparable(expected)
    assert again.document | {"run": None} == expected.document | {"run": None}
    assert found != before


FAST, SLOW = (
    "  fast: {title: Fast, where: {reference.rate: {above: 74}}}\n",
    "  odd: {title: Odd, where: {test.rate: {above: 73}}}\n",
)


def test_another_order_of_reason_codes_makes_pairs_anew(wear: Path, small: None, tmp_path: Path) -> None:
    change(wear, "endpoints:\n  bias", f"exclusions:\n{FAST}{SLOW}endpoints:\n  bias")
    run(wear)
    change(wear, FAST + SLOW, SLOW + FAST)
    fresh = tmp_path / "fresh"
    shutil.copytree(wear, fresh, ignore=shutil.ignore_patterns("runs", ".accordance", "ledger.jsonl"))
    again, expected = run(wear), run(fresh)
    assert again.pairs("rate", "v1").equals(expected.pairs("rate", "v1"))
    assert again.document["accounting"] == expected.document["accounting"]
    assert comparable(again) == comparable(expected)


def test_sites_by_another_column_are_other_parts_though_their_levels_have_the_same_names(
    wear: Path, small: None, tmp_path: Path
) -> None:
    table = people().with_columns(site=pl.Series(list("ABABABA")), center=pl.Series(list("AABBAAB")))
    table.write_parquet(wear / "data" / "subjects.parquet")
    more = "unit: years}, site: {type: text}, center: {type: text}"
    change(wear, "unit: years}", more)
    change(wear, "subgroups:\n  sex", "sites: {by: site}\nsubgroups:\n  sex")
    first = run(wear)
    change(wear, "by: site}", "by: center}")
    fresh = tmp_path / "fresh"
    shutil.copytree(wear, fresh, ignore=shutil.ignore_patterns("runs", ".accordance", "ledger.jsonl"))
    found, expected = comparable(run(wear)), comparable(run(fresh))
    assert found == expected
    assert found != comparable(first)


def test_another_length_of_window_makes_pairs_anew(wear: Path, small: None) -> None:
    first = run(wear)
    change(wear, "length: 30 s", "length: 60 s")
    second = run(wear)
    assert batches_of(second)[0]["found"] == 0
    assert second.pairs("rate", "v1").height < first.pairs("rate", "v1").height


def test_a_changed_file_makes_its_batches_anew_and_no_others(wear: Path, small: None) -> None:
    total = batches_of(run(wear))[0]["computed"]
    file = wear / "data" / "v1" / "part6.parquet"
    frame = pl.read_parquet(file)
    frame.with_columns(rate=pl.col("rate") + 1.0).write_parquet(file)
    (entry,) = batches_of(run(wear))
    assert 0 < entry["computed"] < total
    assert entry["computed"] + entry["found"] == total


def test_deleting_or_damaging_the_cache_changes_no_number(wear: Path, small: None) -> None:
    expected = comparable(run(wear))
    store = wear / ".accordance" / "cache" / "store"
    for file in sorted(store.rglob("*.parquet"))[::2]:
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 255
        file.write_bytes(data)
    for file in sorted(store.rglob("prepared"))[::2]:
        if file.is_file():
            file.write_bytes(b"nonsense")
    assert comparable(run(wear)) == expected
    shutil.rmtree(store)
    assert comparable(run(wear)) == expected


def test_less_memory_makes_smaller_batches_and_the_same_numbers(
    wear: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = run(wear, workers=1)
    monkeypatch.setattr(batches, "SMALLEST_ROWS", 10)
    monkeypatch.setattr(batches, "TARGET_ROWS", 4000)
    monkeypatch.setattr(batches, "BYTES_AT_REST", 0)
    less = run(wear, workers=2, memory=200_000)
    assert batches_of(less)[0]["computed"] > batches_of(expected)[0]["computed"]
    assert comparable(less) == comparable(expected)


def test_memory_that_holds_neither_the_program_nor_a_subject(
    wear: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match=r"--memory: the program itself needs some 410 MB"):
        run(wear, memory=2**20)
    monkeypatch.setattr(batches, "BYTES_AT_REST", 0)
    monkeypatch.setattr(batches, "SMALLEST_ROWS", 10)
    with pytest.raises(ContractError, match=r"subject `s06` alone has \d+ rows") as caught:
        run(wear, memory=120_000)
    assert len(caught.value.violations) < len(SUBJECTS)
    assert not (wear / "runs").exists() or not list((wear / "runs").iterdir())


def test_what_is_wrong_in_several_batches_is_said_at_once(wear: Path, small: None) -> None:
    for name in ("part0", "part4"):
        file = wear / "data" / "v1" / f"{name}.parquet"
        frame = pl.read_parquet(file)
        frame.with_columns(
            rate=pl.when(pl.int_range(pl.len()) == 3).then(900.0).otherwise("rate")
        ).write_parquet(file)
    with pytest.raises(ContractError) as caught:
        run(wear)
    assert {one.file for one in caught.value.violations} == {"data/v1/part0.parquet", "data/v1/part4.parquet"}
    assert not (wear / "runs").exists() or not list((wear / "runs").iterdir())


def test_a_dry_run_says_what_would_be_computed_and_why(wear: Path, small: None) -> None:
    def looked() -> dict[str, Any]:
        (found,) = dry_run(wear)["pairings"]
        return found

    before = looked()
    assert before["to_compute"] == before["batches"] > 1
    assert before["why"] == {"not computed yet": before["batches"]}
    assert not (wear / "runs").exists()
    run(wear)
    after = looked()
    assert (after["to_compute"], after["rows_to_read"], after["why"]) == (0, 0, {})
    assert set(after["endpoints"]["kept"]) >= {"bias", "arms", "median"}
    change(wear, "limit: [-5, 5]", "limit: [-6, 6]")
    assert looked() == after
    change(wear, "metric: rmse", "metric: mae")
    assert "arms" in looked()["endpoints"]["to_compute"]
    file = wear / "data" / "v1" / "part6.parquet"
    pl.read_parquet(file).head(-1).write_parquet(file)
    changed = looked()
    assert list(changed["why"]) == ["files of the test table are new"]
    change(wear, "length: 30 s", "length: 60 s")
    assert all("the protocol" in words for words in looked()["why"])


NEAREST = PROTOCOL.replace(
    "{method: windows, unit: {length: 30 s}}", "{method: nearest, tolerance: 2 s, lone_test: counted}"
)


def test_further_rows_of_a_device_are_counted_and_the_numbers_are_those_of_listing_them(
    wear: Path, small: None, tmp_path: Path
) -> None:
    (wear / "protocol.yaml").write_text(NEAREST)
    counted = run(wear, workers=2)
    listed = ac.evaluate(
        *signals(1),
        subjects=people(),
        protocol=NEAREST.replace("lone_test: counted", "lone_test: listed"),
        version="v1",
    )
    assert batches_of(counted)[0]["computed"] > 2
    assert comparable(counted) == comparable(listed)
    assert counted.document["accounting"] == listed.document["accounting"]
    assert counted.folder is not None
    lone = pl.read_parquet(counted.folder / "pairs" / "rate@v1.lone.parquet")
    alone = listed.pairs("rate", "v1").filter(pl.col("status") == "test_only")
    assert lone["n_rows"].sum() == alone.height > 0
    assert counted.pairs("rate", "v1").height == listed.pairs("rate", "v1").height - alone.height


KILLED = """
import sys
import time
from accordance.datasets import batches
from accordance.studies import run, stream_batches
batches.TARGET_ROWS = 300
kept = stream_batches._keep
def slowly(*parts, **more):
    entry = kept(*parts, **more)
    print("kept", flush=True)
    time.sleep(0.5)
    return entry
stream_batches._keep = slowly
run.run(sys.argv[1], workers=1)
"""


@pytest.mark.parametrize("after", [1, 3])
def test_a_killed_run_is_gone_on_with(wear: Path, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(wear)], stdout=subprocess.PIPE, text=True, env={**os.environ}
    ) as process:
        assert process.stdout is not None
        for _ in range(after):
            assert process.stdout.readline() == "kept\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not [place for place in (wear / "runs").iterdir() if not place.name.startswith(".")]
    monkeypatch.setattr(batches, "TARGET_ROWS", 300)
    gone_on = run(wear, workers=2)
    (entry,) = batches_of(gone_on)
    assert entry["found"] >= after
    assert entry["computed"] > 0
    assert [place.name for place in (wear / "runs").iterdir()] == [gone_on.run_id]
    shutil.rmtree(wear / ".accordance")
    assert comparable(run(wear)) == comparable(gone_on)


COMPARISON = """\
comparison:
  endpoints:
    bias: {margin: 2}
    arms: {margin: 2}
    median: {margin: 2}
    coverage: {margin: 0.1, role: secondary}
"""


def read_by(found: ac.Comparison) -> int:
    """Rows of pairs that a comparison read."""
    assert found.folder is not None
    lines = map(json.loads, (found.folder / "log.jsonl").read_text().splitlines())
    return int(next(entry["read"] for entry in lines if entry["event"] == "compared"))


def test_a_second_comparison_reads_no_row(wear: Path, small: None, unread: Callable[[], None]) -> None:
    """Another level and another margin: what was prepared is there, and the numbers are the same."""
    _, test = signals(1)
    write_tree(wear / "data" / "v2", test.with_columns(pl.col("rate") * 0.98 + 0.5))
    change(wear, "    v1: {", "    v2: {sources: {test: {folder: data/v2}}}\n    v1: {", "study.yaml")
    (wear / "protocol.yaml").write_text(PROTOCOL + COMPARISON)
    first = ac.compare(wear, baseline="v1", candidates="v2")
    assert read_by(first) > 0
    unread()
    same = ac.compare(wear, baseline="v1", candidates="v2", workers=2)
    assert read_by(same) == 0
    assert same.document["comparisons"] == first.document["comparisons"]
    assert same.between_versions == first.between_versions
    assert same.disagreements.equals(first.disagreements)
    assert first.disagreements["start"].null_count() == 0 < first.disagreements.height
    assert same.who == first.who
    assert same.subjects.equals(first.subjects, null_equal=True)
    assert first.subjects["variance"].count() > 0
    change(wear, "arms: {margin: 2}", "arms: {margin: 0.5}")
    other = ac.compare(wear, baseline="v1", candidates="v2", level=0.9)
    assert read_by(other) == 0
    assert other.of("arms")["margin"] == 0.5
    assert other.between_versions[0]["words"] == first.between_versions[0]["words"]
    wide, narrow = (one.between_versions[0]["shift"][4] for one in (first, other))
    assert wide["difference"] == narrow["difference"]
    assert wide["lower"] < narrow["lower"]
    assert other.of("median")["improvement"]["lower"] > first.of("median")["improvement"]["lower"]
    assert [one["label"] for one in other.of("bias")["subgroups"]] == ["sex=f", "sex=m"]


def test_different_units_of_streams_are_found_again_unread(
    wear: Path, small: None, unread: Callable[[], None]
) -> None:
    _, test = signals(1)
    lost = (pl.col("subject") == SUBJECTS[0]) & (pl.col("time").dt.minute() == 2)
    write_tree(wear / "data" / "v2", test.with_columns(rate=pl.when(~lost).then(pl.col("rate") + 1)))
    change(wear, "    v1: {", "    v2: {sources: {test: {folder: data/v2}}}\n    v1: {", "study.yaml")
    (wear / "protocol.yaml").write_text(PROTOCOL + COMPARISON)
    with pytest.raises(ContractError, match=r"`v2` lacks 2 units that `v1` has.*s00"):
        ac.compare(wear, baseline="v1", candidates="v2")
    first = ac.compare(wear, baseline="v1", candidates="v2", overlap=True)
    unread()
    again = ac.compare(wear, baseline="v1", candidates="v2", overlap=True)
    assert read_by(again) == 0
    assert again.document["comparisons"] == first.document["comparisons"]
    assert again.subjects.equals(first.subjects, null_equal=True)
    assert again.of("arms")["left_out"]["baseline"] == 2
    assert again.of("coverage")["improvement"]["estimate"] < 0
