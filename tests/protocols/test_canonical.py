"""The canonical form: what moves the hash, what does not, and that it reads back."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from accordance.protocols import library
from accordance.protocols.canonical import canonical, canonical_yaml, differences, digest, endpoint_digest
from accordance.protocols.load import parse
from accordance.protocols.model import Protocol
from accordance.protocols.source import read_yaml, validate

GOLDEN = Path(__file__).with_name("golden")


@pytest.fixture(scope="module")
def resolved(base: str) -> Protocol:
    return parse(base)


@pytest.mark.parametrize("name", library.names())
def test_golden(name: str) -> None:
    """Each built-in protocol, fully written out: no default moves unseen.

    After an intended change, run once with ACCORDANCE_UPDATE_GOLDEN=1 and read the difference.
    """
    file = GOLDEN / f"{name}.json"
    text = json.dumps(json.loads(canonical(library.load(name))), indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("ACCORDANCE_UPDATE_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def test_form(resolved: Protocol) -> None:
    text = canonical(resolved)
    data = json.loads(text)
    assert json.dumps(data, ensure_ascii=False, separators=(",", ":")) == text
    assert list(data) == sorted(data)
    assert list(data["endpoints"]["sens"]) == sorted(data["endpoints"]["sens"])
    assert "null" in text
    assert digest(resolved) == digest(parse(canonical_yaml(resolved)))
    assert len(digest(resolved)) == 64


def test_reads_back(resolved: Protocol) -> None:
    again = Protocol.model_validate_json(canonical(resolved))
    assert digest(again) == digest(resolved)
    assert differences(again, resolved) == []
    written = Protocol.model_validate_json(json.dumps(resolved.model_dump(mode="json", by_alias=True)))
    assert written == resolved
    assert list(written.endpoints) == list(resolved.endpoints)


def test_yaml_for_people_reads_back(base: str) -> None:
    text = base.replace(
        "levels: [good, bad]", 'levels: ["007", "1.0", "true", "no", "null", "~", "a: b", "#x", ""]'
    )
    text = text.replace("title: Base", 'title: "5"').replace(
        "where: {sex: female}", 'where: {site: ["1e3", "+1", "0x1"]}'
    )
    protocol = parse(text)
    again = parse(canonical_yaml(protocol))
    assert again == protocol
    silent = parse(
        base.replace("exclude: [withdrawn]", "exclude: []").replace(
            "    by: [ref", "    subgroups: []\n    by: [ref"
        )
    )
    assert silent.populations["adults"].exclude == silent.endpoints["sens"].subgroups == ()
    assert parse(canonical_yaml(silent)) == silent
    assert list(again.endpoints) == list(protocol.endpoints)


@settings(deadline=None, max_examples=30)
@given(
    text=st.text(
        st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\ufeff\ufffe\uffff"),
        min_size=1,
    )
)
def test_any_text_survives_the_yaml(base: str, text: str) -> None:
    protocol = validate(Protocol, read_yaml(base)).model_copy(update={"title": text})
    assert validate(Protocol, read_yaml(canonical_yaml(protocol))).title == text


def load_plain(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def shuffled(data: Any, rng: random.Random, path: tuple[str, ...] = ()) -> Any:
    """The same mappings with their keys in another order; `exclusions` keep theirs."""
    if isinstance(data, dict):
        names = list(data)
        if path != ("exclusions",):
            rng.shuffle(names)
        return {name: shuffled(data[name], rng, (*path, name)) for name in names}
    return [shuffled(item, rng, (*path, "[]")) for item in data] if isinstance(data, list) else data


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32))
def test_the_order_of_keys_does_not_move_the_hash(base: str, seed: int) -> None:
    text = json.dumps(shuffled(load_plain(base), random.Random(seed)), indent=1)
    assert digest(parse(text)) == digest(parse(base))


def test_comments_and_layout_do_not_move_the_hash(base: str) -> None:
    edits = [
        ("title: Base\n", "title: 'Base'   # a comment\n\n"),
        ("objective: To use every key once.\n", "objective: >\n  To use every\n  key once.\n"),
        ("limit: 10\n", "limit: 10.0\n"),
        ("limit: 0.9\n", "limit: 9e-1\n"),
        ("key: [subject]", "key: subject"),
        ("where: {sex: female}", "where:\n      sex:\n        is: [female]"),
        ("tolerance: 5 s", "tolerance: {value: 5.0, unit: s}"),
        ('"max(5, 10%)"', "'max( 5,10% )'"),
        ("{age: {at_least: 21}}", "{age: {at_least: 21.0}}"),
        ("{by: sex}", "{by: sex, where: null}"),
    ]
    for old, new in edits:
        assert base.count(old) == 1, old
        assert digest(parse(base.replace(old, new))) == digest(parse(base)), old


def test_saying_a_default_does_not_move_the_hash(base: str) -> None:
    edits = [
        ("  by_key:\n    method: key\n", "  by_key:\n    method: key\n    on: [subject, epoch]\n"),
        ("    title: All\n", "    title: All\n    exclude: [artefact, withdrawn]\n"),
        ("    parameters: {truth: varying}\n", "    parameters: {truth: varying, agreement_level: 0.95}\n"),
        ("    reference: rate\n", "    reference: rate\n    test: heart_rate\n"),
        (
            "      compare: lower\n",
            "      compare: lower\n      statistic: sensitivity\n      unit: proportion\n",
        ),
        (
            "      method: wilson\n",
            "      method: wilson\n      level: 0.95\n      sides: two\n      cluster: subject\n",
        ),
        ("replicates: 1000", "replicates: 1000 "),
    ]
    for old, new in edits:
        assert base.count(old) == 1, old
        assert digest(parse(base.replace(old, new))) == digest(parse(base)), old


MOVES = [
    ("seed: 1\n", "seed: 2\n", "seed"),
    ("replicates: 1000", "replicates: 1001", "resampling.replicates"),
    (", strata: [sex]", "", "resampling.strata"),
    ("limit: 0.9", "limit: 0.91", "endpoints.sens.criterion.limit"),
    ('operator: ">"', 'operator: ">="', "endpoints.sens.criterion.operator"),
    ("method: wilson", "method: clopper_pearson", "endpoints.sens.interval.method"),
    ("method: wilson", "level: 0.9", "endpoints.sens.interval.level"),
    ("tolerance: 5 s", "tolerance: 6 s", "pairings.by_time.tolerance.value"),
    ("max(5, 10%)", "max(5, 11%)", "endpoints.share.parameters.tolerance"),
    ("truth: varying", "truth: constant", "endpoints.limit.parameters.truth"),
    ("at_least: 21", "above: 21", "populations.adults.where.age.above"),
    ("exclude: [withdrawn]", "exclude: []", "populations.adults.exclude"),
    ("{above: 220}", "{above: 221}", "exclusions.artefact.where.rate.above"),
    ("factor: 60", "factor: 60, offset: 1", "conversions[0].offset"),
    ("classifiable_only", "as_positive", "indeterminate.primary_view"),
    ("bands: [18, 65, 101]", "bands: [18, 66, 101]", "subgroups.age.bands[1]"),
    (
        "range: [20, 250]}\n      rhythm",
        "range: [20, 251]}\n      rhythm",
        "tables.reference.columns.rate.range[1]",
    ),
    ("where: {sex: female}", "where: {sex: male}", "endpoints.share.where.sex.is[0]"),
]


@pytest.mark.parametrize(("old", "new", "key"), MOVES, ids=[move[2] for move in MOVES])
def test_what_moves_a_number_moves_the_hash(
    base: str, resolved: Protocol, old: str, new: str, key: str
) -> None:
    assert base.count(old) == 1
    other = parse(base.replace(old, new))
    assert digest(other) != digest(resolved)
    assert key in differences(resolved, other)
    assert differences(resolved, other) == differences(other, resolved)
    assert differences(other, other) == []


@settings(deadline=None, max_examples=30)
@given(limit=st.floats(0, 1), other=st.floats(0, 1))
def test_equal_numbers_equal_hashes(base: str, limit: float, other: float) -> None:
    texts = [base.replace("limit: 0.9", f"limit: {value!r}") for value in (limit, other)]
    first, second = (digest(parse(text)) for text in texts)
    assert (first == second) == (limit == other)


def test_zero_has_no_sign(base: str) -> None:
    texts = [base.replace("range: [10, 80]", f"range: [{zero}, 80]") for zero in ("0", "-0.0", "0.0")]
    assert len({digest(parse(text)) for text in texts}) == 1


def test_the_order_of_exclusions_is_precedence(base: str, resolved: Protocol) -> None:
    withdrawn = "  withdrawn:\n    title: Withdrew\n    table: subjects\n"
    text = base.replace(withdrawn, "").replace("populations:\n", f"{withdrawn}populations:\n")
    other = parse(text)
    assert digest(other) != digest(resolved)
    assert "exclusions (order)" in differences(resolved, other)
    assert list(json.loads(canonical(other))["exclusions"]) == ["artefact", "withdrawn"]


# edit, endpoints whose rows it touches
TOUCHES = [
    ("seed: 1\n", "seed: 2\n", {"sens", "limit", "share", "kappa", "reported"}),
    ("limit: 0.9", "limit: 0.91", {"sens"}),
    ("tolerance: 5 s", "tolerance: 6 s", {"limit"}),
    ("at_least: 21", "at_least: 22", {"limit"}),
    ("title: Artefact", "title: Noise", set()),
    ("{above: 220}", "{above: 221}", {"sens", "share", "kappa", "reported"}),
    ("bands: [18, 65, 101]", "bands: [18, 66, 101]", {"sens", "limit", "share"}),
    ("{by: sex}", "{by: sex, title: Sex at birth}", set()),
    ("quality: {type: category", "quality: {title: Signal, type: category", set()),
    ("title: Base\n", "title: Another\n", set()),
    ("title: Kappa\n", "title: Agreement\n", {"kappa"}),
]


@pytest.mark.parametrize(("old", "new", "touched"), TOUCHES)
def test_what_an_endpoint_depends_on(
    base: str, resolved: Protocol, old: str, new: str, touched: set[str]
) -> None:
    other = parse(base.replace(old, new))
    moved = {
        name for name in resolved.endpoints if endpoint_digest(resolved, name) != endpoint_digest(other, name)
    }
    assert moved == touched


def test_an_endpoint_that_was_added_changes_no_other(base: str, resolved: Protocol) -> None:
    extra = "  extra:\n    title: E\n    role: exploratory\n    metric: mae\n    average: pooled\n"
    extra += "    pairing: by_key\n    population: full\n"
    other = parse(base.replace("endpoints:\n", f"endpoints:\n{extra}"))
    assert differences(resolved, other) == ["endpoints.extra"]
    for name in resolved.endpoints:
        assert endpoint_digest(resolved, name) == endpoint_digest(other, name)
    with pytest.raises(KeyError):
        endpoint_digest(resolved, "extra")
