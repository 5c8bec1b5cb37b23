"""A first study.yaml and protocol.yaml, drafted from the tables somebody already has."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ..protocols.errors import UsageError
from .folder import CONFIG_FILE

PROTOCOL_FILE = "protocol.yaml"
ENDINGS = (".csv", ".parquet")
REFERENCE_WORDS = ("reference", "ref", "truth", "gold", "criterion", "standard")
SUBJECT_WORDS = ("subjects", "participants", "patients", "demographics")
SUBJECT_COLUMNS = (
    "subject",
    "subject_id",
    "participant",
    "participant_id",
    "patient",
    "patient_id",
    "id",
    "pid",
)
FEW_LEVELS = 12
"""A text column with at most so many values is drafted as a category."""
LOOKED_AT = 100_000
"""Rows of a table that the draft looks at."""


@dataclass(frozen=True)
class Found:
    """The tables of a folder by the part they play.

    Attributes:
        reference: File of the reference, relative to the study.
        tests: Version -> file.
        subjects: File of the subjects, or None.
    """

    reference: str
    tests: dict[str, str]
    subjects: str | None


def files(folder: Path) -> list[Path]:
    """Table files in the folder and in its `data` folder, sorted."""
    places = [folder, folder / "data"]
    return sorted(
        file
        for place in places
        if place.is_dir()
        for file in place.iterdir()
        if file.suffix.lower() in ENDINGS
    )


def found(folder: Path) -> bool:
    """Whether there are tables to draft for."""
    return bool(files(folder))


def draft(folder: Path) -> dict[str, str]:
    """Texts of study.yaml and protocol.yaml.

    Raises:
        UsageError: There are tables whose parts cannot be told from their names, or that cannot be read.
    """
    tables = files(folder)
    if not tables:
        return {CONFIG_FILE: study_yaml(folder), PROTOCOL_FILE: _protocol_without_data(folder)}
    roles = sort_out(folder, tables)
    shared = {"reference": roles.reference}
    if roles.subjects:
        shared = {"subjects": roles.subjects, **shared}
    return {
        CONFIG_FILE: study_yaml(
            folder,
            shared=shared,
            tests={version: {"test": file} for version, file in roles.tests.items()},
        ),
        PROTOCOL_FILE: _Drafter(folder, roles).text(),
    }


def sort_out(folder: Path, tables: Sequence[Path]) -> Found:
    """By their names: which file is the reference, which the subjects, which the outputs of a version."""
    names = {file: file.relative_to(folder).as_posix() for file in tables}
    references = [file for file in tables if _speaks_of(file, REFERENCE_WORDS)]
    subjects = [file for file in tables if _speaks_of(file, SUBJECT_WORDS)]
    tests = [file for file in tables if file not in references and file not in subjects]
    if len(references) != 1 or not tests or len(subjects) > 1:
        raise UsageError(
            f"found {', '.join(names.values())}, but not which is which: call one file reference.csv, at "
            "most one subjects.csv, and name the others after the algorithm's versions, such as test_v1.csv"
        )
    versions = {
        _identifier(re.sub(r"(?i)^(test|device|output)[_-]?", "", file.stem)): names[file] for file in tests
    }
    if len(versions) != len(tests):
        raise UsageError(
            f"files of two versions have names too alike: {', '.join(names[file] for file in tests)}"
        )
    return Found(names[references[0]], versions, names[subjects[0]] if subjects else None)


def _speaks_of(file: Path, words: tuple[str, ...]) -> bool:
    return any(part in words for part in re.split(r"[^a-z]+", file.stem.lower()))


def _identifier(name: str) -> str:
    """A name as the language accepts it.

    Example:
        >>> _identifier("1.2 beta"), _identifier("")
        ('v1_2_beta', 'v1')
    """
    cleaned = re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_")
    if not cleaned:
        return "v1"
    return (cleaned if cleaned[0].isalpha() else f"v{cleaned}")[:64]


def study_yaml(
    folder: Path,
    *,
    protocol: str = PROTOCOL_FILE,
    shared: Mapping[str, str] | None = None,
    tests: Mapping[str, Mapping[str, str]] | None = None,
    notes: str = "",
) -> str:
    """Text of a study.yaml with comments."""
    shared = {"reference": "data/reference.csv"} if shared is None else shared
    tests = {"v1": {"test": "data/test.csv"}} if tests is None else tests
    every = [*shared.values(), *(file for own in tests.values() for file in own.values())]
    roots = "{data: data}" if all(file.startswith("data/") for file in every) else "{here: .}"
    name = _identifier(folder.resolve().name)
    lines = [
        "schema: accordance/study/1",
        f"id: {name}",
        f"title: {name}  # the study's title, as reports print it",
        "",
        f"protocol: {protocol}",
        "",
        "# Folders that data may be read from; paths start at this file.",
        f"roots: {roots}",
        "",
        *notes.splitlines(),
        "# Tables that all versions share. Where names differ: `columns: {name in protocol: name in file}`.",
        f"sources:{'' if shared else ' {}'}",
        *(f"  {table}: {{file: {_quoted(file)}}}" for table, file in shared.items()),
        "",
        "algorithm:",
        "  name: Algorithm  # as reports print it",
        "  # decides: v1   # the version that decides; default: the last one listed",
        "  versions:",
    ]
    for version, own in tests.items():
        lines += [f"    {version}:", "      # build: hash or tag of the evaluated build", "      sources:"]
        lines += [f"        {table}: {{file: {_quoted(file)}}}" for table, file in own.items()]
    lines += [
        "",
        "people: []  # - {name: A. Author, role: Principal investigator}",
        "",
        'report: {version: "1.0", status: draft}',
        "",
    ]
    return "\n".join(lines)


def _quoted(text: str) -> str:
    """Text as YAML, in quotes where it needs them."""
    return text if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_./-]*", text) else json.dumps(text, ensure_ascii=False)


HEAD = """\
schema: accordance/protocol/1
id: {name}
version: "0.1"
title: {name}  # the protocol's title
intended_use: State who uses the device, for what, and under which conditions.
objective: State what the study is to show.

# Every table is long: one row an observation, `key` names a row. Units, ranges and levels are checked before
# anything is computed; say as much as you know.
"""

TAIL = """
# How a reference row and a test row become a pair. By time instead: method: nearest, tolerance: 5 s.
pairings:
  pairs: {{reference: reference, test: test, method: key, on: [{on}]}}

endpoints:
{endpoints}
resampling: {{replicates: 10000}}
seed: {seed}
"""

MEASUREMENT = """\
  agreement:
    title: Bias and limits of agreement
    role: exploratory  # primary or co_primary endpoints decide; they need a criterion
    metric: bland_altman
    parameters: {{truth: {truth}}}  # independent: one pair a subject; constant or varying: several
    reference: {reference}
    test: {test}
    # criterion:
    #   statistic: bias
    #   compare: both        # point, lower, upper, or both bounds of the interval
    #   operator: within
    #   limit: [-5, 5]
    #   source: where the limit comes from
  error:
    title: Root mean square error
    role: exploratory
    metric: rmse
    average: pooled  # over rows; subject_mean: every subject counts once
    reference: {reference}
    test: {test}
"""

CLASSES = """\
  sensitivity:
    title: Sensitivity for {positive}
    role: exploratory  # primary or co_primary endpoints decide; they need a criterion
    metric: sensitivity
    average: pooled  # over rows; subject_mean: every subject counts once
    reference: {reference}
    test: {test}
    positive: [{positive}]  # check: the level that the algorithm is to find
    # criterion: {{compare: lower, operator: ">", limit: 0.9, source: where the limit comes from}}
  specificity:
    title: Specificity
    role: exploratory
    metric: specificity
    average: pooled
    reference: {reference}
    test: {test}
    positive: [{positive}]
"""

SEED = 20260101


def _protocol_without_data(folder: Path) -> str:
    """A draft for one number measured by two devices, to be edited."""
    columns = "{subject: {type: text}, value: {type: number, unit: 1/min, range: [0, 300]}}"
    tables = "tables:\n" + "".join(
        f"  {name}:\n    key: [subject]\n    columns: {columns}\n" for name in ("reference", "test")
    )
    endpoints = MEASUREMENT.format(truth="independent", reference="value", test="value")
    head = HEAD.format(name=_identifier(folder.resolve().name))
    return head + tables + TAIL.format(on="subject", endpoints=endpoints, seed=SEED)


class _Drafter:
    """Drafts a protocol for the tables found."""

    def __init__(self, folder: Path, roles: Found) -> None:
        self.name = _identifier(folder.resolve().name)
        self.reference = _look(folder / roles.reference)
        self.tests = [_look(folder / file) for file in roles.tests.values()]
        self.subjects = _look(folder / roles.subjects) if roles.subjects else None
        common = set(self.reference.columns).intersection(*(test.columns for test in self.tests))
        self.common = [column for column in self.reference.columns if column in common]
        self.subject = next((name for name in SUBJECT_COLUMNS if name in self.common), None)
        if self.subject is None:
            raise UsageError(
                "the reference and the test tables share no column that names the subject; call it one of "
                + ", ".join(SUBJECT_COLUMNS)
            )

    def text(self) -> str:
        """The protocol."""
        key = self._key()
        reference, test = self._values(key)
        tables = ["tables:"]
        if self.subjects is not None:
            tables += self._table("subjects", [self.subjects], [self.subject or ""])
        tables += self._table("reference", [self.reference], key)
        tables += self._table("test", self.tests, key)
        if self.reference.schema[reference].is_numeric():
            truth = "independent" if self.reference[str(self.subject)].is_unique().all() else "varying"
            endpoints = MEASUREMENT.format(truth=truth, reference=_quoted(reference), test=_quoted(test))
        else:
            positive = _levels([self.reference], reference)[0]
            endpoints = CLASSES.format(
                positive=_level(positive), reference=_quoted(reference), test=_quoted(test)
            )
        on = ", ".join(_quoted(name) for name in key)
        head = HEAD.format(name=self.name)
        return head + "\n".join(tables) + "\n" + TAIL.format(on=on, endpoints=endpoints, seed=SEED)

    def _key(self) -> list[str]:
        """Shared columns that name a row: the subject, and as many more as it takes."""
        key = [str(self.subject)]
        rest = [name for name in self.common if name not in key]
        # what names rows is text, a whole number or a time; what was measured rarely is
        rest.sort(key=lambda name: self.reference.schema[name].is_float())
        for name in rest:
            if all(table.select(key).is_unique().all() for table in (self.reference, *self.tests)):
                break
            key.append(name)
        return key

    def _values(self, key: Sequence[str]) -> tuple[str, str]:
        """The columns to compare: a shared one, else the first of each; numbers before categories."""
        ours = [name for name in self.reference.columns if name not in key]
        theirs = [name for name in self.tests[0].columns if name not in key]
        numbers = [name for name in ours if self.reference.schema[name].is_numeric()]
        their_numbers = [name for name in theirs if self.tests[0].schema[name].is_numeric()]
        classes = [name for name in ours if _is_category(self.reference, name)]
        their_classes = [name for name in theirs if _is_category(self.tests[0], name)]
        for left, right in ((numbers, their_numbers), (classes, their_classes)):
            shared = [name for name in left if name in right]
            if shared:
                return shared[0], shared[0]
            if left and right:
                return left[0], right[0]
        raise UsageError(
            "the reference and the test table hold no two columns to compare (numbers, or text with at most "
            f"{FEW_LEVELS} values) beside the key {', '.join(key)}"
        )

    def _table(self, name: str, tables: Sequence[pl.DataFrame], key: Sequence[str]) -> list[str]:
        lines = [f"  {name}:", f"    subject: {_quoted(str(self.subject))}"]
        lines += [f"    key: [{', '.join(_quoted(part) for part in key)}]"]
        lines += ["    extra_columns: ignored", "    columns:"]
        for column in tables[0].columns:
            if re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,63}", column):
                own = [table for table in tables if column in table.columns]
                lines.append(f"      {column}: {self._column(own, column, in_key=column in key)}")
            else:
                lines.append(
                    f"      # {json.dumps(column)}: rename it in study.yaml, `columns: {{name: ...}}`"
                )
        return lines

    def _column(self, tables: Sequence[pl.DataFrame], column: str, *, in_key: bool) -> str:
        dtype = tables[0].schema[column]
        missing = (
            "" if in_key or not any(table[column].null_count() for table in tables) else ", missing: allowed"
        )
        if column == self.subject:
            return "{type: text}"
        if dtype.is_integer() or dtype.is_float():
            kind = "integer" if all(table.schema[column].is_integer() for table in tables) else "number"
            return f"{{type: {kind}{missing}}}  # unit: ..., range: [smallest, largest]"
        if not in_key and all(_is_category(table, column) for table in tables):
            levels = ", ".join(_level(level) for level in _levels(tables, column))
            note = "# indeterminate: [levels that are no result]"
            return f"{{type: category, levels: [{levels}]{missing}}}  {note}"
        kinds = {pl.Boolean: "boolean", pl.Date: "date", pl.Datetime: "datetime"}
        kind = next((word for polars, word in kinds.items() if isinstance(dtype, polars)), "text")
        return f"{{type: {kind}{missing}}}"


def _is_category(table: pl.DataFrame, column: str) -> bool:
    return table.schema[column] == pl.String and 1 < table[column].n_unique() <= FEW_LEVELS


def _levels(tables: Sequence[pl.DataFrame], column: str) -> list[str]:
    found_ = {level for table in tables for level in table[column].drop_nulls().to_list()}
    return sorted(found_)


def _level(text: str) -> str:
    """A level as YAML inside a list."""
    return text if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", text) else json.dumps(text, ensure_ascii=False)


def _look(file: Path) -> pl.DataFrame:
    """The first rows of a table."""
    try:
        if file.suffix.lower() == ".parquet":
            return pl.read_parquet(file, n_rows=LOOKED_AT)
        return pl.read_csv(file, n_rows=LOOKED_AT, infer_schema_length=LOOKED_AT, try_parse_dates=True)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UsageError(f"{file} cannot be read as a table: {str(error).splitlines()[0]}") from error
