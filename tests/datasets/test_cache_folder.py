"""The cache lies in the study unless the environment says otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from accordance.datasets.cache_folder import LIMIT, LIMIT_VARIABLE, VARIABLE, cache_folder, cache_limit
from accordance.protocols.errors import UsageError


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


def test_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(LIMIT_VARIABLE, raising=False)
    assert cache_limit() == LIMIT
    monkeypatch.setenv(LIMIT_VARIABLE, "1.5 GB")
    assert cache_limit() == 3 * 2**29


@pytest.mark.parametrize("wrong", ["much", "-1 GB", "0", "5 apples"])
def test_a_limit_that_is_none(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv(LIMIT_VARIABLE, wrong)
    with pytest.raises(UsageError, match=f"{LIMIT_VARIABLE}: expected a size"):
        cache_limit()
