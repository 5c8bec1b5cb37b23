"""Protocols that extend others, and variants of one file."""

from __future__ import annotations

from pathlib import Path

import pytest

from accordance.protocols import library
from accordance.protocols.base import Condition
from accordance.protocols.canonical import canonical_yaml, digest
from accordance.protocols.derive import changes
from accordance.protocols.errors import ContractError, UsageError
from accordance.protocols.load import load, parse

CHILD = """\
extends: library:method-comparison
id: mine
version: "2"
title: Ours
seed: 5
"""

VARIANTS = """\
variants:
  strict:
    title: The stricter one
    default: true
    changes:
      endpoints: {sens: {criterion: {limit: 0.95}}}
  loose:
    title: The looser one
    changes:
      endpoints:
        sens: {criterion: {limit: 0.85}}
        kappa: null
"""


def test_a_child_says_only_what_differs() -> None:
    child, parent = parse(CHILD), library.load("method-comparison")
    assert child.id == "mine" and child.seed == 5
    assert child.endpoints == parent.endpoints
    derived = child.derived_from
    assert derived is not None
    assert (derived.protocol, derived.version, derived.variant) == (parent.id, parent.version, None)
    assert derived.sha256 == digest(parent)
    assert [(one.key, one.parent, one.here) for one in derived.changes] == [
        ("seed", str(parent.seed), "5"),
    ]


def test_mappings_merge_and_lists_and_values_replace() -> None:
    endpoint = "endpoints:\n  agreement:\n    parameters: {truth: varying}\n    title: Replaced\n"
    child, parent = parse(CHILD + endpoint), library.load("method-comparison")
    found = child.endpoints["agreement"]
    assert found.title == "Replaced" and found.parameters["truth"] == "varying"
    assert found.metric == parent.endpoints["agreement"].metric
    changes = {one.key: (one.parent, one.here) for one in child.derived_from.changes}
    assert changes["endpoints.agreement.title"] == (parent.endpoints["agreement"].title, "Replaced")


def test_a_key_without_a_value_removes() -> None:
    name = next(iter(library.load("method-comparison").endpoints))
    others = len(library.load("method-comparison").endpoints) - 1
    if others:
        assert len(parse(CHILD + f"endpoints:\n  {name}:\n").endpoints) == others
    with pytest.raises(ContractError, match="removes what the parent says, and it says nothing") as caught:
        parse(CHILD + "endpoints:\n  nothing: null\n")
    assert caught.value.violations[0].line == 7


def test_messages_name_the_file_in_which_the_value_stands(tmp_path: Path, base: str) -> None:
    (tmp_path / "parent.yaml").write_text(base.replace("limit: 0.9\n", "limit: high\n", 1))
    child = tmp_path / "child.yaml"
    child.write_text("extends: parent.yaml\nid: child\nversion: '1'\nseed: soon\n")
    with pytest.raises(ContractError) as caught:
        load(child)
    files = {Path(str(one.file)).name: one.key for one in caught.value.violations}
    assert files == {"parent.yaml": "endpoints.sens.criterion.limit", "child.yaml": "seed"}


def test_a_resolved_child_reads_back_as_itself() -> None:
    child = parse(CHILD)
    again = parse(canonical_yaml(child))
    assert digest(again) == digest(child)
    assert again.derived_from == child.derived_from


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("extends: nowhere.yaml\n", "there is no protocol file nowhere.yaml"),
        ("extends: library:afib\n", "there is no built-in protocol `afib`"),
        ("extends: library:heart-rate\nvariant: x\n", "the parent has no such variant; it has none"),
        ("extends: library:afib-ecg\nvariant: x\n", "no such variant; it has: `clinical`, `database`"),
        ("extends: [a]\n", "extends"),
        ("variants: {a: {title: A}}\n", "one of the variants must be `default: true`"),
        ("variants: {a: {title: A, default: true, change: {}}}\n", "variants.a.change: unknown key"),
        ("variants: {a: {title: A, default: true, changes: 3}}\n", "expected a part of a protocol"),
    ],
)
def test_what_is_wrong_with_the_head_is_said_with_its_place(text: str, words: str) -> None:
    with pytest.raises(ContractError) as caught:
        parse(text + "id: a\n")
    assert words in str(caught.value)
    assert caught.value.violations[0].line is not None


def test_protocols_do_not_extend_one_another_in_a_ring(tmp_path: Path) -> None:
    for name, other in (("a", "b"), ("b", "c"), ("c", "a")):
        (tmp_path / f"{name}.yaml").write_text(f"extends: {other}.yaml\nid: {name}\n")
    with pytest.raises(ContractError, match="in a ring"):
        load(tmp_path / "a.yaml")


def test_variants(base: str, tmp_path: Path) -> None:
    whole = base + VARIANTS
    default, strict, loose = parse(whole), parse(whole, variant="strict"), parse(whole, variant="loose")
    assert default == strict and strict.variant == "strict"
    assert (strict.endpoints["sens"].criterion.limit, loose.endpoints["sens"].criterion.limit) == (0.95, 0.85)
    assert "kappa" in strict.endpoints and "kappa" not in loose.endpoints
    assert digest(strict) != digest(loose)
    with pytest.raises(UsageError, match=r"no variant `lose`; it has: strict, loose. Did you mean `loose`\?"):
        parse(whole, variant="lose")
    with pytest.raises(UsageError, match="has no variants"):
        parse(base, variant="strict")
    (tmp_path / "parent.yaml").write_text(whole)
    child = tmp_path / "child.yaml"
    child.write_text("extends: parent.yaml\nvariant: loose\nid: child\nversion: '1'\n")
    found = load(child)
    assert found.endpoints["sens"].criterion.limit == 0.85
    assert found.derived_from.variant == "loose" and found.variant is None
    child.write_text("extends: parent.yaml\nid: child\nversion: '1'\n")
    assert load(child).derived_from.variant == "strict"


def test_a_variant_of_a_child(base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "parent.yaml").write_text(base)
    monkeypatch.chdir(tmp_path)
    child = "extends: parent.yaml\nid: child\nversion: '1'\n" + VARIANTS
    assert parse(child, variant="loose").endpoints["sens"].criterion.limit == 0.85
    assert "limit" in [one.key.rsplit(".")[-1] for one in parse(child).derived_from.changes]


def test_what_differs_below_a_key_with_a_dot_and_in_order_is_told(base: str) -> None:
    """Columns of the pairs have a dot in their name; the order of exclusions counts by itself."""
    old = parse(base)
    sens = old.endpoints["sens"]
    condition = {"test.quality": Condition(**{"is": ("good",)})}
    new = old.model_copy(
        update={
            "endpoints": {**old.endpoints, "sens": sens.model_copy(update={"where": condition})},
            "exclusions": dict(reversed(old.exclusions.items())),
        }
    )
    newer = new.model_copy(
        update={
            "endpoints": {
                **new.endpoints,
                "sens": sens.model_copy(
                    update={"where": {"test.quality": Condition(**{"is": ("bad",)})}},
                ),
            }
        }
    )
    (change,) = changes(new, newer)
    assert (change.key, change.parent, change.here) == (
        "endpoints.sens.where.test.quality.is[0]", "good", "bad",
    )  # fmt: skip
    ordered = next(one for one in changes(old, new) if one.key.startswith("exclusions"))
    assert ordered.parent == ", ".join(old.exclusions)
    assert ordered.here == ", ".join(new.exclusions) != ordered.parent
    long = parse(base.replace("objective: To use every key once.", f"objective: {'a' * 400}"))
    assert changes(old, long)[0].here == "a" * 300 + " ..."
    assert changes(old, long, longest=None)[0].here == "a" * 400
