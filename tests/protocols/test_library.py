"""The built-in protocols, and finding protocols by name or path."""

from __future__ import annotations

from pathlib import Path

import pytest

from accordance.protocols import library
from accordance.protocols.errors import ContractError, UsageError
from accordance.protocols.load import find, load, parse
from accordance.protocols.resolve import resolve


@pytest.mark.parametrize("name", library.names())
def test_each_is_complete(name: str) -> None:
    protocol = library.load(name)
    assert protocol.id == name
    assert protocol == load(library.path(name))
    assert resolve(protocol) == protocol
    text = library.path(name).read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert "(*)" in text, "marks what a user changes"
    assert "(*)" not in protocol.intended_use + protocol.objective
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("name", library.names())
def test_each_is_honest_about_its_limits(name: str) -> None:
    """No text of a rule was read for these, so no limit may claim to be one."""
    for endpoint in library.load(name).endpoints.values():
        if endpoint.criterion is not None:
            assert endpoint.criterion.tier in {"secondary", "unverified"}
            assert endpoint.criterion.source


def test_names() -> None:
    assert {"heart-rate", "afib-ecg", "method-comparison"} <= set(library.names())
    assert list(library.names()) == sorted(library.names())


def test_unknown_name() -> None:
    with pytest.raises(UsageError, match=r"no built-in protocol `heart-rat`.*Did you mean `heart-rate`\?"):
        library.path("heart-rat")
    with pytest.raises(UsageError, match="no built-in protocol"):
        library.load("../model")


def test_find(tmp_path: Path, base: str) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(base, encoding="utf-8")
    assert find("own.yaml", tmp_path) == file
    assert find("library:afib-ecg", tmp_path) == library.path("afib-ecg")
    assert load(find("own.yaml", tmp_path)) == parse(base)
    with pytest.raises(UsageError, match=r"no protocol file .*absent\.yaml; give a path"):
        find("absent.yaml", tmp_path)
    with pytest.raises(UsageError, match="no built-in protocol `ecg`"):
        find("library:ecg", tmp_path)


def test_messages_name_the_file(tmp_path: Path, base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "a study"
    folder.mkdir()
    file = folder / "protocol.yaml"
    file.write_text(base.replace("limit: 0.9", "limit: 90"), encoding="utf-8")
    with pytest.raises(
        ContractError, match=r"^a study/protocol\.yaml:\d+:14: endpoints\.sens\.criterion\.limit: "
    ):
        load(file)
