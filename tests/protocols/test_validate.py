"""From YAML to the typed model: what is accepted, and how each misfit is reported."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from accordance.protocols.errors import ContractError, Violation
from accordance.protocols.model import Condition, Protocol, Quantity
from accordance.protocols.source import read_yaml, validate
from accordance.studies.config import StudyConfig

Spoil = Callable[[str, str], tuple[str, int, int]]


def check(text: str) -> tuple[Violation, ...]:
    with pytest.raises(ContractError) as caught:
        validate(Protocol, read_yaml(text, "protocol.yaml"))
    return caught.value.violations


# old text, new text with a mark, key, part of the message, found, suggestion
CASES = {
    "misspelt key": (
        "metric: sensitivity",
        "¤metrc: sensitivity",
        "endpoints.sens.metrc",
        "unknown key; accepted here: `title`, `role`, `metric`, `parameters`",
        "metrc",
        "metric",
    ),
    "unknown key": (
        "seed: 1\n",
        "seed: 1\n¤colour: red\n",
        "colour",
        "unknown key; accepted here: `schema`, `id`",
        "colour",
        None,
    ),
    "alias is the key's name": (
        "{from: 1/s",
        "{¤from_: 1/s",
        "conversions[0].from_",
        "accepted here: `from`, `to`, `factor`",
        "from_",
        "from",
    ),
    "missing key": (
        "  sens:\n    title: Sensitivity\n",
        "  ¤sens:\n",
        "endpoints.sens.title",
        "this key is missing; expected text",
        None,
        None,
    ),
    "missing at the top": (
        "seed: 1\n",
        "",
        "seed",
        "this key is missing; expected a whole number",
        None,
        None,
    ),
    "choice": (
        "method: nearest",
        "method: ¤neerest",
        "pairings.by_time.method",
        "expected one of `key`, `nearest`",
        "neerest",
        "nearest",
    ),
    "choice in capitals": (
        "compare: lower",
        "compare: ¤LOWER",
        "endpoints.sens.criterion.compare",
        "expected one of `point`, `lower`, `upper`, `both`",
        "LOWER",
        "lower",
    ),
    "version of the language": (
        "accordance/protocol/1",
        "¤accordance/protocol/2",
        "schema",
        "expected `accordance/protocol/1`",
        "accordance/protocol/2",
        "accordance/protocol/1",
    ),
    "quoted number": (
        "limit: 0.9",
        'limit: ¤"0.9"',
        "endpoints.sens.criterion.limit",
        "expected a number",
        '"0.9"',
        "0.9",
    ),
    "decimal comma": (
        "limit: 0.9",
        "limit: ¤0,9",
        "endpoints.sens.criterion.limit",
        "expected a number",
        "0,9",
        "0.9",
    ),
    "infinite": (
        "limit: 0.9",
        "limit: ¤.inf",
        "endpoints.sens.criterion.limit",
        "expected a number",
        ".inf",
        None,
    ),
    "three limits": (
        "limit: 10\n",
        "limit: ¤[1, 2, 3]\n",
        "endpoints.limit.criterion.limit",
        "expected a list of 2 values",
        "a list of 3",
        None,
    ),
    "fraction of a replicate": (
        "replicates: 1000",
        "replicates: ¤1000.0",
        "resampling.replicates",
        "expected a whole number",
        "1000.0",
        "1000",
    ),
    "digit grouping": (
        "replicates: 1000",
        "replicates: ¤10_000",
        "resampling.replicates",
        "expected a whole number",
        "10_000",
        "10000",
    ),
    "too few replicates": (
        "replicates: 1000",
        "replicates: ¤100",
        "resampling.replicates",
        "expected a number of 200 or more",
        "100",
        None,
    ),
    "negative seed": ("seed: 1\n", "seed: ¤-1\n", "seed", "expected a number of 0 or more", "-1", None),
    "level in percent": (
        "method: wilson",
        "level: ¤95",
        "endpoints.sens.interval.level",
        "expected a number below 1",
        "95",
        None,
    ),
    "no is not false": (
        "site: {type: text}",
        "site: {type: text, required: ¤no}",
        "tables.subjects.columns.site.required",
        "expected `true` or `false`",
        "no",
        "false",
    ),
    "text instead of a mapping": (
        "      method: wilson\n",
        "      ¤wilson\n",
        "endpoints.sens.interval",
        "expected a mapping with keys such as `method`",
        "wilson",
        None,
    ),
    "list instead of a mapping": (
        "  sex: {by: sex}",
        "  sex: ¤[sex]",
        "subgroups.sex",
        "expected a mapping with keys such as `title`, `by`, `bands`, `where`",
        "a list of 1",
        None,
    ),
    "mapping instead of text": (
        "title: Base",
        "title: ¤{en: Base}",
        "title",
        "expected text",
        "a mapping with en",
        None,
    ),
    "mapping instead of a list": (
        "strata: [sex]",
        "strata: ¤{sex: 1}",
        "resampling.strata",
        "expected a list (each an identifier)",
        "a mapping with sex",
        None,
    ),
    "nothing": ("title: Base", "¤title:", "title", "expected text", "nothing", None),
    "empty text": ("title: Base", "title: ¤''", "title", "the text must not be empty", '""', None),
    "identifier": (
        "  full:\n",
        "  ¤full set:\n",
        "populations.full set",
        "an identifier holds letters, digits, `_` and `-` only",
        "full set",
        "full_set",
    ),
    "quantity without unit": (
        "tolerance: 5 s",
        "tolerance: ¤5",
        "pairings.by_time.tolerance",
        "expected a number with its unit, such as `5 s`",
        "5",
        None,
    ),
    "condition on a bound that is text": (
        "where: {age: {at_least: 21}}",
        "where: {age: {at_least: ¤adult}}",
        "populations.adults.where.age.at_least",
        "expected a number",
        "adult",
        None,
    ),
    "open end with a word": (
        "range: [18, 100]",
        "range: [18, ¤none]",
        "tables.subjects.columns.age.range[1]",
        "expected a number",
        "none",
        None,
    ),
}


@pytest.mark.parametrize(("old", "new", "key", "message", "found", "suggestion"), CASES.values(), ids=CASES)
def test_misfit(
    spoil: Spoil, old: str, new: str, key: str, message: str, found: str | None, suggestion: str | None
) -> None:
    text, line, column = spoil(old, new)
    if "¤" not in new:
        line, column = 1, 1
    [violation] = check(text)
    assert (violation.file, violation.line, violation.column) == ("protocol.yaml", line, column)
    assert violation.key == key
    assert message in violation.message
    assert violation.found == found
    assert violation.suggestion == suggestion


def test_everything_at_once_in_the_order_of_the_file(spoil: Spoil) -> None:
    text, _, _ = spoil("seed: 1\n", "seed: soon\nfoo: 1\n")
    text = text.replace('version: "1"', "version: ''").replace("role: secondary", "role: tertiary")
    found = check(text)
    assert [one.key for one in found] == [
        "version",
        "endpoints.share.role",
        "endpoints.kappa.role",
        "endpoints.reported.role",
        "seed",
        "foo",
    ]
    assert [one.line for one in found] == sorted(one.line or 0 for one in found)


def test_a_file_of_nothing_but_mistakes(base: str) -> None:
    found = check(base + "".join(f"key{index}: 1\n" for index in range(1000)))
    assert len(found) == 201
    assert found[-1].message == "and 800 more below this line"
    assert found[-1].line == found[-2].line


def test_how_a_violation_reads(spoil: Spoil) -> None:
    text, line, column = spoil("method: nearest", "method: ¤neerest")
    assert str(check(text)[0]) == (
        f"protocol.yaml:{line}:{column}: pairings.by_time.method: expected one of `key`, `nearest`, "
        "`windows`, `epochs`, `sessions`, `events` (found `neerest`). Did you mean `nearest`?"
    )


def test_text_stays_as_written(base: str) -> None:
    text = (
        base.replace('version: "1"', "version: 007")
        .replace("id: base", "id: 007")
        .replace("title: Base", "title: no")
        .replace("levels: [good, bad]", "levels: [007, 1.0, yes, true, 1e3]")
    )
    protocol = validate(Protocol, read_yaml(text))
    assert (protocol.version, protocol.id, protocol.title) == ("007", "007", "no")
    assert protocol.tables["test"].columns["quality"].levels == ("007", "1.0", "yes", "true", "1e3")


def test_shorthands(base: str) -> None:
    text = base.replace("key: [subject]", "key: subject").replace(
        "where: {sex: female}", "where: {sex: female, site: [007, 7, 1.5, true]}"
    )
    protocol = validate(Protocol, read_yaml(text))
    assert protocol.tables["subjects"].key == ("subject",)
    assert protocol.pairings["by_time"].tolerance == Quantity(value=5.0, unit="s")
    assert protocol.endpoints["share"].where == {
        "sex": Condition(**{"is": ("female",)}),
        "site": Condition(**{"is": ("007", 7, 1.5, True)}),
    }
    spelled = base.replace("tolerance: 5 s", "tolerance: {value: 5, unit: s}").replace(
        "where: {sex: female}", "where: {sex: {is: [female]}}"
    )
    assert validate(Protocol, read_yaml(spelled)) == validate(Protocol, read_yaml(base))


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [("5 s", 5.0, "s"), ("2.5min", 2.5, "min"), ("-1e3 beats/min", -1000.0, "beats/min"), (".5 %", 0.5, "%")],
)
def test_quantity(text: str, value: float, unit: str) -> None:
    assert Quantity.from_text(text) == Quantity(value=value, unit=unit)


@pytest.mark.parametrize("text", ["5", "s", "", "five s", "5 5"])
def test_not_a_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="a number with its unit"):
        Quantity.from_text(text)


def test_whole_numbers_serve_as_numbers(base: str) -> None:
    protocol = validate(Protocol, read_yaml(base))
    limit = protocol.endpoints["limit"].criterion
    assert limit is not None
    assert isinstance(limit.limit, float)
    two = validate(Protocol, read_yaml(base.replace("limit: 10\n", "limit: [-10, 10]\n"))).endpoints["limit"]
    assert two.criterion is not None
    assert two.criterion.limit == (-10.0, 10.0)


STUDY = """\
schema: accordance/study/1
id: s
title: S
protocol: protocol.yaml
sources:
  reference: {file: data/reference.csv, columns: {rate: HR}}
algorithm:
  name: A
  versions:
    v1: {build: 0123, sources: {test: {file: data/test.csv}}}
"""


def test_a_study_file_is_read_the_same_way() -> None:
    study = validate(StudyConfig, read_yaml(STUDY, "study.yaml"))
    assert study.algorithm.versions["v1"].build == "0123"
    text = STUDY.replace("file: data/test.csv", "fil: data/test.csv").replace("  name: A\n", "")
    with pytest.raises(ContractError) as caught:
        validate(StudyConfig, read_yaml(text, "study.yaml"))
    assert [(one.file, one.line, one.key) for one in caught.value.violations] == [
        ("study.yaml", 7, "algorithm.name"),
        ("study.yaml", 9, "algorithm.versions.v1.sources.test.fil"),
    ]
    assert caught.value.violations[1].suggestion == "file"
