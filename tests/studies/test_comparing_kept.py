"""What a comparison keeps of tables read whole is never taken for something else, and spares reading rows.

Every key of a protocol is changed in turn, and so are data, sources and study.yaml. All comparisons share one
store, so that each has what the others left there to mistake; each is held against one with an empty store.
Every twelfth change of the protocol is tried, and all of them where `ACCORDANCE_ALL_CHANGES` is set.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from ruamel.yaml import YAML

import accordance as ac
from accordance.datasets import provenance
from accordance.evaluators import registry
from accordance.evaluators.metric import Columns
from accordance.protocols.errors import ContractError, OutputError, UsageError
from accordance.studies.comparison_folder import Comparison

PROTOCOL = """\
schema: accordance/protocol/1
id: kept
version: "1"
title: Versions of a heart rate
intended_use: Heart rate.
objective: To compare versions.
tables:
  subjects:
    key: [subject]
    exclusion: left
    columns:
      subject: {type: text}
      sex: {type: category, levels: [f, m]}
      age: {type: integer, unit: years}
      left: {type: text, missing: allowed}
  reference:
    key: [subject, epoch]
    columns:
      subject: {type: text}
      epoch: {type: integer}
      rate: {type: number, unit: 1/min, range: [20, 250]}
      fast: {type: category, levels: ["yes", "no"]}
      activity: {type: category, levels: [rest, walk]}
  test:
    key: [subject, epoch]
    repeated: first
    columns:
      subject: {type: text}
      epoch: {type: integer}
      rate: {type: number, unit: 1/min, missing: allowed}
      fast: {type: category, levels: ["yes", "no", unclear], indeterminate: [unclear]}
pairings: {epochs: {on: [subject, epoch]}}
exclusions:
  withdrew: {title: Withdrew}
  high: {title: High, table: reference, where: {rate: {above: 92}}}
  far: {title: Far apart, where: {test.rate: {above: 96}}}
populations:
  everyone: {title: All, exclude: []}
  low: {title: Low, where: {reference.rate: {below: 90}}, exclude: [high, far, withdrew]}
requirements:
  enough: {title: Subjects, count: subjects, at_least: 3}
indeterminate: {primary_view: classifiable_only}
subgroups:
  sex: {by: sex}
  age: {by: age, bands: [40, 60]}
  activity: {by: reference.activity}
resampling: {replicates: 200, strata: [sex]}
seed: 11
endpoints:
  mae: {title: Error, role: primary, metric: mae, average: pooled, population: low,
        subgroups: [sex, activity], reference: rate, test: rate, criterion: {compare: upper, operator: "<",
        limit: 10, unit: 1/min}}
  bias: {title: Bias, role: secondary, metric: bland_altman, parameters: {truth: varying}, population: low,
         reference: rate, test: rate, subgroups: [age, sex]}
  near: {title: Near, role: secondary, metric: share_within, parameters: {tolerance: "max(2, 3%)"},
         average: subject_mean, population: everyone, where: {reference.rate: {above: 50}}, subgroups: [age],
         reference: rate, test: rate}
  found: {title: Found, role: secondary, metric: sensitivity, average: pooled, population: everyone,
          reference: fast, test: fast, positive: ["yes"]}
comparison:
  multiplicity: max_t
  endpoints:
    mae: {margin: 1.0}
    bias: {statistic: bias, margin: 1.0, role: secondary}
    near: {margin: 0.1, role: secondary}
    found: {margin: 0.2, role: secondary}
    coverage_epochs_rate: {margin: 0.05, role: secondary}
"""
STUDY = """\
schema: accordance/study/1
id: kept
title: Versions
protocol: protocol.yaml
sources:
  subjects: {file: data/subjects.csv}
  reference: {folder: data/reference}
algorithm:
  name: Wrist
  versions:
    v1: {sources: {test: {file: data/v1.parquet}}}
    v2: {sources: {test: {glob: "data/v2*.csv"}}}
"""
OTHERS = {
    "everyone": ("low",), "low": ("everyone",), "sex": ("age",), "age": ("sex",), "pooled": ("subject_mean",),
    "subject_mean": ("pooled",), "varying": ("constant",), "primary": ("secondary",), "upper": ("estimate",),
    "secondary": ("primary",), "max_t": ("bonferroni", "none"), "first": ("last", "refused"),
    "classifiable_only": ("as_positive", "as_negative"), "yes": ("no",), "no": ("yes",),
    "allowed": ("refused",), "high": ("far",), "far": ("high",), "max(2, 3%)": ("4", "10%"),
    "mae": ("rmse", "mape"), "walk": ("run",), "withdrew": ("far",), "bias": ("mean_difference",),
    "unclear": ("yes",), "activity": ("sex",),
}  # fmt: skip
"""Words of the language -> others that may stand in their place."""
EVERY = 1 if os.environ.get("ACCORDANCE_ALL_CHANGES") else 12


def changes(part: Any) -> Iterator[Any]:
    """A part of a protocol, changed in each of the ways that a key may be."""
    if isinstance(part, Mapping):
        for key in part:
            for changed in changes(part[key]):
                yield {**part, key: changed}
            yield {other: value for other, value in part.items() if other != key}
        if len(part) > 1:
            yield dict(reversed(list(part.items())))
    elif isinstance(part, list):
        for place, item in enumerate(part):
            for changed in changes(item):
                yield [*part[:place], changed, *part[place + 1 :]]
            yield [*part[:place], *part[place + 1 :]]
        if len(part) > 1:
            yield part[::-1]
    elif isinstance(part, (int, float)):
        yield part + 1
        yield part * 0.9
    elif part in OTHERS:
        yield from OTHERS[part]
    elif isinstance(part, str):
        yield f"{part} of late"


def tables(n: int = 10, epochs: int = 6) -> dict[str, pl.DataFrame]:
    """Subjects, reference and the outputs of two versions that lack a few units, each others."""
    random = np.random.default_rng(5)
    names = [f"s{i:02}" for i in range(n)]
    keys = {"subject": np.repeat(names, epochs), "epoch": np.tile(np.arange(epochs), n)}
    rate = np.repeat(random.uniform(55, 95, n), epochs) + random.normal(0, 4, n * epochs)
    fast = random.random(n * epochs) < 0.5
    activity = np.where(np.tile(np.arange(epochs), n) < epochs // 2, "rest", "walk")

    def test(error: float, silent: float) -> pl.DataFrame:
        said = np.where(random.random(n * epochs) < 0.8, fast, ~fast)
        values = pl.Series(np.round(rate + random.normal(0.5, error, n * epochs), 2))
        lacking = pl.Series(random.random(n * epochs) < silent)
        words = np.where(random.random(n * epochs) < 0.1, "unclear", np.where(said, "yes", "no"))
        return pl.DataFrame({**keys, "rate": values, "fast": words}).with_columns(
            pl.when(~lacking).then(pl.col("rate")).alias("rate")
        )

    first = test(3.0, 0.05)
    return {
        "subjects": pl.DataFrame(
            {
                "subject": names,
                "sex": ["f", "m"] * (n // 2),
                "age": [30 + 5 * place for place in range(n)],
                "left": [None] * (n - 1) + ["withdrew"],
            }
        ),
        "reference": pl.DataFrame(
            {
                **keys,
                "rate": np.round(rate, 2),
                "fast": np.where(fast, "yes", "no"),
                "activity": activity,
            }
        ),
        "v1": pl.concat([first, first.head(1)]),  # a repeated key, which the contract has a rule for
        "v2": test(2.0, 0.05),
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "kept"
    found = tables()
    (place / "data" / "reference").mkdir(parents=True)
    found["subjects"].write_csv(place / "data" / "subjects.csv")
    half = found["reference"].height // 2
    found["reference"].head(half).write_csv(place / "data" / "reference" / "a.csv")
    found["reference"].tail(-half).write_csv(place / "data" / "reference" / "b.csv")
    found["v1"].write_parquet(place / "data" / "v1.parquet")
    found["v2"].write_csv(place / "data" / "v2.csv")
    (place / "study.yaml").write_text(STUDY)
    write_protocol(place, protocol())
    return place


def protocol() -> Any:
    return YAML(typ="safe").load(PROTOCOL)


def write_protocol(folder: Path, content: Any) -> None:
    with (folder / "protocol.yaml").open("w") as file:
        YAML().dump(content, file)


def compared(folder: Path, **further: Any) -> Comparison:
    return ac.compare(folder, baseline="v1", overlap=True, **further)


def told(found: Comparison) -> tuple[Any, ...]:
    """All that a comparison says and notes, but for its own identity and what it had to read for it."""
    document, manifest = (
        json.loads((found.folder / name).read_text()) for name in ("comparison.json", "manifest.json")
    )
    frames = [pl.read_parquet(found.folder / name).rows() for name in ("results.parquet", "subjects.parquet")]
    noted = [
        {key: value for key, value in entry.items() if key not in {"time", "comparison", "read", "removed"}}
        for entry in log(found)
    ]
    return (
        {**document, "run": None},
        frames,
        noted,
        [manifest[name] for name in ("inputs", "versions", "protocol_sha256", "study_files", "arguments")],
    )


def log(found: Comparison) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (found.folder / "log.jsonl").read_text().splitlines()]


def rows_read(found: Comparison) -> tuple[int, int]:
    """Rows of tables and of pairs."""
    read = {entry["event"]: entry["read"] for entry in log(found) if "read" in entry}
    return read["rows"], read["compared"]


def anew(folder: Path, **further: Any) -> tuple[Any, ...]:
    """What the same study gives where nothing is kept."""
    fresh = folder.parent / "fresh" / folder.name
    shutil.rmtree(fresh, ignore_errors=True)
    without = shutil.ignore_patterns("comparisons", ".accordance", "ledger.jsonl")
    shutil.copytree(folder, fresh, ignore=without)
    return told(compared(fresh, **further))


def test_no_change_of_a_protocol_finds_what_another_left(folder: Path) -> None:
    compared(folder)
    accepted = 0
    for changed in islice(changes(protocol()), 0, None, EVERY):
        write_protocol(folder, deepcopy(changed))
        try:
            kept = told(compared(folder))
        except (ContractError, UsageError) as error:
            with pytest.raises(type(error)) as again:
                anew(folder)
            assert str(again.value).replace("fresh/", "") == str(error), changed
            continue
        accepted += 1
        assert kept == anew(folder), changed
    assert accepted > 8


def edited(name: str, change: Callable[[str], str]) -> Callable[[Path], None]:
    """What changes a text file of the study."""

    def apply(folder: Path) -> None:
        place = folder / name
        place.write_text(change(place.read_text()))

    return apply


def replaced(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return edited(name, change)


def lines_turned(name: str) -> Callable[[Path], None]:
    return edited(
        name, lambda text: "\n".join([text.split("\n")[0], *text.split("\n")[:0:-1]]).strip() + "\n"
    )


def another_file(folder: Path) -> None:
    """A file more that a pattern matches."""
    (folder / "data" / "v2.csv").rename(folder / "data" / "v2_b.csv")
    text = (folder / "data" / "v2_b.csv").read_text().splitlines()
    (folder / "data" / "v2_a.csv").write_text("\n".join([text[0], *text[1:9]]) + "\n")
    (folder / "data" / "v2_b.csv").write_text("\n".join([text[0], *text[9:]]) + "\n")


def one_value(folder: Path) -> None:
    """A byte of a Parquet file's content."""
    frame = pl.read_parquet(folder / "data" / "v1.parquet")
    moved = pl.when(pl.int_range(pl.len()) == 7).then(pl.col("rate") + 9).otherwise(pl.col("rate"))
    frame.with_columns(moved.alias("rate")).write_parquet(folder / "data" / "v1.parquet")


CHANGED: dict[str, Callable[[Path], None]] = {
    "a digit": replaced("data/v2.csv", "s03,2,", "s03,2,1"),
    "a value in Parquet": one_value,
    "a digit of the reference": edited("data/reference/b.csv", lambda text: text.replace("walk", "rest", 5)),
    "a subject's sex": edited("data/subjects.csv", lambda text: text.replace("s00,f", "s00,m")),
    "the order of rows": lines_turned("data/reference/a.csv"),
    "which repeated row is first": lines_turned("data/v2.csv"),
    "a row less": edited("data/v2.csv", lambda text: text.rsplit("\n", 2)[0] + "\n"),
    "another file": another_file,
    "versions exchanged": edited(
        "study.yaml",
        lambda text: text.replace("v1.parquet", "x").replace('glob: "data/v2*.csv"', "file: data/v1.parquet")
        .replace("file: data/x", "file: data/v2.csv"),
    ),
    "a unit of the source": replaced(
        "study.yaml", "{file: data/v1.parquet}", "{file: data/v1.parquet, units: {rate: 1/s}}"
    ),
    "a column of another name": replaced(
        "study.yaml", "{file: data/v1.parquet}", "{file: data/v1.parquet, columns: {rate: epoch}}"
    ),
    "the title of the study": replaced("study.yaml", "title: Versions", "title: Others"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGED)
def test_no_change_of_data_or_study_finds_what_was_kept_before(folder: Path, name: str) -> None:
    before = told(compared(folder))
    CHANGED[name](folder)
    try:
        kept = told(compared(folder))
    except ContractError as error:
        with pytest.raises(ContractError) as again:
            anew(folder)
        assert str(again.value) == str(error)
        return
    assert kept == anew(folder)
    assert kept != before


def changed_by(path: str, value: Any) -> Any:
    """The protocol with one value changed; `a.b` is a key within a key."""
    found = protocol()
    *outer, last = path.split(".")
    part = found
    for key in outer:
        part = part[key]
    part[last] = value
    return found


AGAIN: dict[str, tuple[Any, dict[str, Any]]] = {
    "nothing else": (protocol(), {}),
    "another level": (protocol(), {"level": 0.9}),
    "another margin": (changed_by("comparison.endpoints.mae.margin", 0.5), {}),
    "another way to share the error": (changed_by("comparison.multiplicity", "bonferroni"), {}),
    "a subgroup less": (changed_by("endpoints.mae.subgroups", ["activity"]), {}),
    "subgroups in another order": (changed_by("endpoints.mae.subgroups", ["activity", "sex"]), {}),
    "a subgroup of subjects more": (changed_by("endpoints.mae.subgroups", ["age", "sex", "activity"]), {}),
    "other bands": (changed_by("subgroups.age.bands", [45, 70]), {}),
}


@pytest.mark.parametrize("name", AGAIN)
def test_what_was_kept_serves_without_a_row(folder: Path, name: str) -> None:
    changed, further = AGAIN[name]
    if name in {"a subgroup of subjects more", "other bands"}:  # of metrics that sum up what subjects bring
        for one in (start := protocol(), changed):
            del one["endpoints"]["bias"], one["comparison"]["endpoints"]["bias"]
        write_protocol(folder, start)
    first = compared(folder)
    n_rows = sum(tables()[name].height for name in ("reference", "v2")) + tables()["v1"].height - 1
    assert rows_read(first)[0] == n_rows
    assert rows_read(first)[1] > 0

    write_protocol(folder, changed)
    found = compared(folder, **further)

    assert rows_read(found) == (0, 0)
    assert told(found) == anew(folder, **further)


def test_another_seed_reads_the_pairs_alone(folder: Path) -> None:
    """The shift of errors is read off the rows at every replicate; all else is kept."""
    compared(folder)
    write_protocol(folder, changed_by("seed", 12))
    found = compared(folder)
    assert rows_read(found)[0] == 0
    assert told(found) == anew(folder)


def test_replicates_are_drawn_once_for_every_level(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compared(folder)
    expected, again = anew(folder, level=0.8), anew_after(folder, changed_by("seed", 12))

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("drawn again")

    monkeypatch.setattr("accordance.studies.compared.at_together", refuse)
    assert told(compared(folder, level=0.8)) == expected
    write_protocol(folder, changed_by("seed", 12))
    with pytest.raises(AssertionError, match="drawn again"):
        compared(folder)
    monkeypatch.undo()
    assert told(compared(folder)) == again


def anew_after(folder: Path, changed: Any) -> tuple[Any, ...]:
    """What the study gives anew with another protocol; the study's own stays."""
    write_protocol(folder, changed)
    found = anew(folder)
    write_protocol(folder, protocol())
    return found


def test_a_subgroup_of_rows_is_read_from_the_pairs_alone(folder: Path) -> None:
    compared(folder)
    write_protocol(folder, changed_by("endpoints.near.subgroups", ["age", "activity"]))
    found = compared(folder)
    assert rows_read(found)[0] == 0
    assert rows_read(found)[1] > 0
    assert told(found) == anew(folder)


def test_what_was_removed_or_damaged_is_made_again(folder: Path) -> None:
    first = told(compared(folder))
    store = folder / ".accordance" / "cache" / "store"
    assert rows_read(compared(folder)) == (0, 0)
    for kind in sorted(place.name for place in store.iterdir()):
        for file in (store / kind).rglob("*.*"):
            file.write_bytes(file.read_bytes()[:-3])
        assert told(compared(folder)) == first, kind
        shutil.rmtree(store / kind)
        assert told(compared(folder)) == first, kind
    assert rows_read(compared(folder)) == (0, 0)
    write_protocol(folder, changed_by("populations.low.where", {"reference.rate": {"below": 80}}))
    assert told(compared(folder)) == anew(folder)


def test_files_that_change_while_they_are_at_work_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared(folder)
    shutil.rmtree(folder / ".accordance" / "cache" / "store" / "pairs of tables")
    shutil.rmtree(folder / ".accordance" / "cache" / "store" / "paired tables")
    place, real = folder / "data" / "v2.csv", provenance.sha256_file
    seen: list[Path] = []

    def hashed(path: Path) -> str:
        """Changes the file after it was hashed for the first time."""
        found = real(path)
        if path.name == "v2.csv" and path not in seen:
            seen.append(path)
            place.write_text(re.sub(r"s03,2,(\d)(\d)", r"s03,2,\2\1", place.read_text()))
        return found

    monkeypatch.setattr("accordance.datasets.located.sha256_file", hashed)
    place.touch()
    with pytest.raises(ContractError, match="changed while they were at work") as refused:
        compared(folder)
    assert "data/v2.csv" in str(refused.value)


def test_a_cache_that_cannot_be_written_keeps_nothing_and_fails_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = anew(folder)

    def refuse(*_: Any, **__: Any) -> None:
        raise OutputError("full")

    monkeypatch.setattr("accordance.datasets.store.Store.put", refuse)
    assert told(compared(folder)) == expected
    assert told(compared(folder)) == expected


@pytest.mark.parametrize("average", ["pooled", "subject_mean"])
@pytest.mark.parametrize("name", ["mae", "rmse", "mape", "share_within", "coverage"])
def test_some_subjects_of_a_summary_are_what_their_rows_give(name: str, average: str) -> None:
    random, metric = np.random.default_rng(3), registry.get(name)
    offsets = np.cumsum([0, *random.integers(1, 9, 20)])
    n, chosen = int(offsets[-1]), random.random(20) < 0.4
    reference, test = np.round(random.uniform(50, 90, n), 1), np.round(random.uniform(50, 90, n), 1)
    if name == "coverage":
        reference, test = np.ones(n, dtype=np.int64), (random.random(n) < 0.8).astype(np.int64)
    parameters = {"tolerance": "max(5, 10%)"} if name == "share_within" else {}
    rows = np.repeat(chosen, np.diff(offsets))
    own = np.concatenate([[0], np.cumsum(np.diff(offsets)[chosen])])

    whole = metric.prepare(Columns(reference, test, offsets), average=average, **parameters)  # type: ignore[arg-type]
    found = metric.restricted(whole, chosen)
    alone = metric.prepare(Columns(reference[rows], test[rows], own), average=average, **parameters)  # type: ignore[arg-type]

    assert found is not None
    assert vars(found).keys() == vars(alone).keys()
    for key, value in vars(found).items():
        assert (
            np.array_equal(value, vars(alone)[key])
            if isinstance(value, np.ndarray)
            else value == vars(alone)[key]
        )


def test_subjects_that_agree_to_rounding_ask_for_their_rows() -> None:
    """90.5 - 90.4 and 30.2 - 30.1 are equal on paper only, which the rows show and sums do not."""
    reference, test = np.array([90.4, 30.1, 50.0, 60.0]), np.array([90.5, 30.2, 58.0, 61.0])
    metric = registry.get("mae")
    whole = metric.prepare(Columns(reference, test, np.arange(5)))
    assert metric.restricted(whole, np.array([True, True, False, False])) is None
    assert metric.restricted(whole, np.array([True, True, True, False])) is not None
    weighted = metric.prepare(Columns(reference, test, np.arange(5), weights=np.array([1.0, 2.0, 1.0, 1.0])))
    assert metric.restricted(weighted, np.array([True, True, True, False])) is None
    assert registry.get("bland_altman").restricted(whole, np.ones(4, dtype=bool)) is None
