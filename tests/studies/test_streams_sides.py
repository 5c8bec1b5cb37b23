"""References kept as units of time: a version reads its own rows alone, and no number changes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from accordance.datasets import batches
from accordance.datasets.stream import Stream
from accordance.studies import folder as folders
from accordance.studies import stream_sides, streams
from accordance.studies.dry_run import dry_run
from accordance.studies.results import Results
from accordance.studies.run import run

from .test_streams import PROTOCOL, STUDY, SUBJECTS, batches_of, change, people, signals, write_tree

ALIGNED = """\
  rate:
    method: windows
    unit: {length: 30 s}
    alignment: {reference: rate, test: rate, search: 20 s, apply: true, TIPPING}
"""
TIPPING = "tipping: {up_to: 4 s, step: 2 s}"


@pytest.fixture
def wear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study whose tables are streams, in batches of about two subjects."""
    monkeypatch.setattr(batches, "TARGET_ROWS", 1000)
    folder = tmp_path / "wear"
    reference, test = signals(1)
    write_tree(folder / "data" / "reference", reference)
    write_tree(folder / "data" / "v1", test)
    people().write_parquet(folder / "data" / "subjects.parquet")
    (folder / "protocol.yaml").write_text(PROTOCOL)
    (folder / "study.yaml").write_text(STUDY)
    return folder


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, tuple[str, ...]]]]:
    """What is read of streams: table and subjects."""
    found: list[tuple[str, tuple[str, ...]]] = []
    kept = Stream.read

    def noted(stream: Stream, subjects: Any) -> Any:
        found.append((stream.name, tuple(subjects)))
        return kept(stream, subjects)

    monkeypatch.setattr(Stream, "read", noted)
    yield found
    monkeypatch.setattr(Stream, "read", kept)


def add_version(folder: Path, *, fewer: bool = False) -> None:
    """A second version: other values, and other numbers of rows, so that its batches are cut otherwise."""
    _, test = signals(2)
    if fewer:
        test = test.filter(pl.int_range(pl.len()) % 3 != 0)
    write_tree(folder / "data" / "v2", test)
    change(
        folder,
        "    v1: {sources: {test: {folder: data/v1}}}\n",
        "    v1: {sources: {test: {folder: data/v1}}}\n    v2: {sources: {test: {folder: data/v2}}}\n",
        "study.yaml",
    )


def add_clocks(folder: Path, tipping: str = TIPPING) -> None:
    change(
        folder,
        "  rate: {method: windows, unit: {length: 30 s}}\n",
        ALIGNED.replace(", TIPPING", f", {tipping}" if tipping else ""),
    )


def comparable(results: Results) -> list[dict[str, Any]]:
    return results.rows.drop("pre_specified").to_dicts()


def fresh(folder: Path, place: Path) -> Path:
    """The same study with nothing kept."""
    shutil.copytree(folder, place, ignore=shutil.ignore_patterns("runs", ".accordance", "ledger.jsonl"))
    return place


@pytest.mark.parametrize("clocks", [False, True])
@pytest.mark.parametrize("fewer", [False, True])
def test_a_new_version_reads_no_row_of_the_reference(
    wear: Path, read: list[Any], tmp_path: Path, clocks: bool, fewer: bool
) -> None:
    if clocks:
        add_clocks(wear, "")
    run(wear)
    assert {table for table, _ in read} == {"reference", "test"}
    subjects = [subject for table, group in read if table == "reference" for subject in group]
    assert sorted(subjects) == SUBJECTS, "each subject's reference is read once"
    read.clear()
    add_version(wear, fewer=fewer)
    looked = {one["version"]: one for one in dry_run(wear)["pairings"]}
    assert looked["v2"]["reference_rows_to_read"] == 0
    assert looked["v2"]["test_rows_to_read"] == looked["v2"]["rows_to_read"] > 0
    both = run(wear)
    assert {table for table, _ in read} == {"test"}
    first, second = batches_of(both)[:2]
    assert (first["computed"], first["rows_read"], second["reference_rows_read"]) == (0, 0, 0)
    assert second["test_rows_read"] == looked["v2"]["test_rows_to_read"]
    assert comparable(both) == comparable(run(fresh(wear, tmp_path / "fresh")))


def test_two_versions_of_one_run_read_the_reference_once(wear: Path, read: list[Any]) -> None:
    add_version(wear)
    looked = [one["reference_rows_to_read"] for one in dry_run(wear)["pairings"]]
    found = run(wear, workers=3)
    subjects = [subject for table, group in read if table == "reference" for subject in group]
    assert sorted(subjects) == SUBJECTS
    total = sum(pl.read_parquet(file).height for file in (wear / "data" / "reference").glob("*.parquet"))
    assert [one["reference_rows_read"] for one in batches_of(found)] == looked == [total, 0]


@pytest.mark.parametrize("clocks", [False, True])
def test_pairs_are_those_of_both_tables_read_at_once(wear: Path, clocks: bool) -> None:
    if clocks:
        add_clocks(wear)
    found = run(wear)
    study = folders.load(wear)
    (work,) = streams.pairings(study.protocol, folders.tables(study))
    planned = work.plan(streams.Budget())
    assert len(planned) > 2
    whole = [work.pair(batch)[0] for batch in planned]
    counted = ("reference_row", "test_row")  # numbered anew through all batches
    expected = pl.concat([one.frame for one in whole]).drop(counted)
    assert found.pairs("rate", "v1").drop(counted).equals(expected)
    audits = [one.clocks for one in whole if one.clocks is not None]
    audit = found.clocks("rate", "v1")
    assert audit.equals(pl.concat(audits)) if audit is not None else not audits
    assert (audit is not None) == clocks


def test_what_concerns_the_test_table_alone_leaves_the_reference_as_it_was(
    wear: Path, read: list[Any]
) -> None:
    run(wear)
    read.clear()
    change(wear, "unit: {length: 30 s}", "unit: {length: 30 s, test: {min_coverage: 0.9}}")
    run(wear)
    assert {table for table, _ in read} == {"test"}
    read.clear()
    change(wear, "test: {min_coverage: 0.9}", "test: {min_coverage: 0.9}, reference: {numbers: median}")
    run(wear)
    assert {table for table, _ in read} == {"reference", "test"}


def test_a_changed_file_of_the_reference_is_read_anew_and_no_other(wear: Path, read: list[Any]) -> None:
    run(wear)
    read.clear()
    file = wear / "data" / "reference" / "part6.parquet"
    frame = pl.read_parquet(file)
    frame.with_columns(rate=pl.col("rate") + 1.0).write_parquet(file)
    run(wear)
    assert {subject for table, group in read if table == "reference" for subject in group} == {"s06"}


def test_pairs_with_errors_of_the_clock_are_made_while_rows_are_at_hand(
    wear: Path, read: list[Any], tmp_path: Path
) -> None:
    add_clocks(wear)
    add_version(wear)
    change(wear, "  name: v1", "  name: v1\n  decides: v2", "study.yaml")
    found = run(wear)
    log = batches_of(found)
    # v1, v2 with its errors, and then nothing is read for any of them
    assert [one.get("clock_error") for one in log] == [None, None, -2, 2, -4, 4]
    assert [one["moved"] for one in log] == [0, 4 * log[1]["computed"], 0, 0, 0, 0]
    assert [one["rows_read"] for one in log[2:]] == [0] * 4
    test = [subject for table, group in read if table == "test" for subject in group]
    assert sorted(test) == sorted(SUBJECTS * 2), "each version's rows are read once"
    (curve,) = found.document["clock_tipping"]
    assert [one["at"] for one in curve["points"]] == [-4, -2, 0, 2, 4]
    assert len({one["estimate"] for one in curve["points"]}) == 5
    # other errors: pairs without one are there, and those with one that was tried before
    read.clear()
    change(wear, "up_to: 4 s", "up_to: 6 s")
    looked = {one["version"]: one for one in dry_run(wear)["pairings"]}
    assert [looked[version]["to_compute"] for version in ("v1", "v2")] == [0, 0]
    assert looked["v2"]["errors_to_compute"] == looked["v2"]["batches"]
    assert (looked["v1"]["rows_to_read"], looked["v2"]["reference_rows_to_read"]) == (0, 0)
    wider = run(wear)
    assert [subject for table, group in read for subject in group if table == "reference"] == []
    log = batches_of(wider)
    assert (log[0]["rows_read"], log[1]["computed"]) == (0, 0)
    assert log[1]["moved"] == 2 * log[1]["found"]
    (wide,) = wider.document["clock_tipping"]
    assert wide["points"][1:-1] == curve["points"]
    assert wide == run(fresh(wear, tmp_path / "fresh")).document["clock_tipping"][0]


def test_no_error_is_tried_for_a_version_that_does_not_decide(wear: Path) -> None:
    add_clocks(wear)
    study = folders.load(wear)
    (work,) = streams.pairings(study.protocol, folders.tables(study), study.deciding_version)
    assert work.errors == (-2.0, 2.0, -4.0, 4.0)
    (other,) = streams.pairings(study.protocol, folders.tables(study), "another")
    assert other.errors == ()
    names = [{batch.key for batch in one.plan(streams.Budget())} for one in (work, other)]
    assert names[0] == names[1]


KINDS = ("side", "pairs", "paired", "prepared", "facts", "index")


def test_every_entry_may_be_deleted_or_damaged_by_itself(wear: Path) -> None:
    add_clocks(wear)
    expected = run(wear)
    store = wear / ".accordance" / "cache" / "store"
    for kind in KINDS:
        entries = sorted(place for place in (store / kind).glob("*/*") if place.is_dir())
        assert entries, kind
        if len(entries) > 1:
            shutil.rmtree(entries[0])
        for file in (one for one in entries[-1].iterdir() if one.name != "entry.json"):
            file.write_bytes(file.read_bytes()[:-7] + b"nothing")
        assert comparable(run(wear)) == comparable(expected), kind
    shutil.rmtree(store / stream_sides.KIND)
    shutil.rmtree(store / streams.KIND)
    again = run(wear)
    assert comparable(again) == comparable(expected)
    assert again.document["clock_tipping"] == expected.document["clock_tipping"]


def test_what_a_run_used_is_not_trimmed(wear: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(wear)
    store = wear / ".accordance" / "cache" / "store"
    (before,) = {len(list((store / "side").glob("*/*")))}
    made = folders.store_of

    def little(study: Any) -> Any:
        kept = made(study)
        kept.limit = 1
        return kept

    monkeypatch.setattr("accordance.studies.run.store_of", little)
    add_version(wear)
    run(wear)
    # the sides served the second version; the first version's pairs were asked for, too
    assert len(list((store / "side").glob("*/*"))) == before
    assert len(list((store / "pairs").glob("*/*"))) > before / 2


def test_rules_of_reading_are_told_once_whatever_the_batches(
    wear: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(wear, "    interval: 2 s\n", "    interval: 2 s\n    repeated: first\n")
    for number, file in enumerate(sorted((wear / "data" / "reference").glob("*.parquet"))):
        frame = pl.read_parquet(file)
        pl.concat([frame, frame.head(3 + number)]).write_parquet(file)
    first = run(wear)
    (told,) = first.document["handled"]
    assert (told["table"], told["rows"]) == ("reference", 3 + 4 + 5 + 6)
    add_version(wear, fewer=True)
    assert run(wear).document["handled"] == [told]
    monkeypatch.setattr(batches, "TARGET_ROWS", 100_000)
    assert run(wear).document["handled"] == [told]


def test_problems_of_a_reference_are_said_for_all_batches(wear: Path) -> None:
    for name in ("part0", "part4"):
        file = wear / "data" / "reference" / f"{name}.parquet"
        frame = pl.read_parquet(file)
        frame.with_columns(
            rate=pl.when(pl.int_range(pl.len()) == 3).then(900.0).otherwise("rate")
        ).write_parquet(file)
    with pytest.raises(Exception, match="900") as caught:
        run(wear)
    assert {one.file for one in caught.value.violations} == {  # type: ignore[attr-defined]
        "data/reference/part0.parquet",
        "data/reference/part4.parquet",
    }


def test_pairing_by_nearest_takes_the_rows_of_both(wear: Path, read: list[Any]) -> None:
    nearest = "{method: nearest, tolerance: 1 s, lone_test: counted}"
    change(wear, "{method: windows, unit: {length: 30 s}}", nearest)
    run(wear)
    assert not (wear / ".accordance" / "cache" / "store" / "side").exists()
    add_version(wear)
    read.clear()
    found = run(wear)
    assert {table for table, _ in read} == {"reference", "test"}
    assert batches_of(found)[1]["reference_rows_read"] > 0


def test_the_names_of_sides_do_not_depend_on_the_test_table(wear: Path) -> None:
    add_version(wear, fewer=True)
    study = folders.load(wear)
    one, other = streams.pairings(study.protocol, folders.tables(study))
    keys: Callable[[streams.StreamPairing], set[str]] = lambda work: {  # noqa: E731
        group.key for batch in work.plan(streams.Budget()) for group in batch.groups or ()
    }
    assert keys(one) == keys(other)
    cuts = [[batch.subjects for batch in work.plan(streams.Budget())] for work in (one, other)]
    assert cuts[0] != cuts[1]
    assert json.dumps(sorted(keys(one)))
