"""The cache lies in the study unless the environment says otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from accordance.datasets.cache_folder import VARIABLE, cache_folder


def test_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert cache_folder(tmp_path) == tmp_path / ".accordance" / "cache"


@pytest.mark.parametrize("blank", ["", "  "])
def test_blank_means_the_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, blank: str) -> None:
    monkeypatch.setenv(VARIABLE, blank)
    assert cache_folder(tmp_path) == tmp_path / ".accordance" / "cache"


def test_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "fast"))
    assert cache_folder(Path("study")) == tmp_path / "fast"


def test_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(VARIABLE, "~/cache")
    assert cache_folder(Path("study")) == tmp_path / "cache"
