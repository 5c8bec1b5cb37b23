"""Which protocol a text means: folder, file, library, variant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from accordance.protocols.errors import UsageError
from accordance.studies import named

MakeStudy = Callable[..., Path]
VARIANTS = """\
variants:
  mild: {title: Mild, default: true}
  hard: {title: Hard, changes: {seed: 8}}
"""


@pytest.fixture
def study(make_study: MakeStudy) -> Path:
    """A study whose protocol has two variants."""
    folder = make_study()
    with (folder / "protocol.yaml").open("a", encoding="utf-8") as file:
        file.write(VARIANTS)
    return folder


def test_folder_file_and_library_are_found(study: Path) -> None:
    by_folder, by_file = named.find(str(study)), named.find(str(study / "protocol.yaml"))
    assert by_folder.protocol == by_file.protocol
    assert (by_folder.study, by_file.study) == (study, None)
    assert named.find(str(study / "study.yaml")).protocol == by_folder.protocol
    assert named.find("library:heart-rate").protocol == named.find("heart-rate").protocol


def test_a_variant_is_named_either_way(study: Path) -> None:
    assert named.find(f"{study}").protocol.seed == 7
    for found in (named.find(f"{study}@hard"), named.find(str(study / "protocol.yaml"), "hard")):
        assert (found.protocol.seed, found.protocol.variant) == (8, "hard")
        assert found.words.endswith("@hard")
    with pytest.raises(UsageError, match="name one"):
        named.find(f"{study}@hard", "mild")
    with pytest.raises(UsageError, match="no variant `soft`; it has: mild, hard"):
        named.find(f"{study}@soft")


def test_a_file_whose_name_has_the_sign_is_a_file(study: Path) -> None:
    odd = study / "protocol@2.yaml"
    odd.write_bytes((study / "protocol.yaml").read_bytes())
    assert named.find(str(odd)).protocol.id == "made"
    assert named.find(f"{odd}@hard").protocol.seed == 8


@pytest.mark.parametrize("text", ["nowhere.yaml", "heartrate", "library:nothing", "heart-rate@fast", "@", ""])
def test_what_is_not_there_is_a_usage_error(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"no built-in protocol|no variants|not a study folder"):
        named.find(text)


def test_how_a_child_names_its_parent(study: Path, tmp_path: Path) -> None:
    found = named.find(str(study / "protocol.yaml"))
    assert named.reference(found, tmp_path / "child.yaml") == "made/protocol.yaml"
    assert named.reference(found, tmp_path / "other" / "child.yaml") == "../made/protocol.yaml"
    assert named.reference(named.find("heart-rate"), tmp_path / "child.yaml") == "library:heart-rate"
