"""Runs of the example studies and their reports, made once for all tests of this folder."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from accordance.reports import report
from accordance.studies import run as runs
from accordance.studies import start
from accordance.studies.results import Results

sys.path.append(str(Path(__file__).parent))  # so that tests can import `comparison_case`

Edit = Callable[[str], str]


def study(folder: Path, example: str, edit: Edit | None = None) -> Path:
    """An example study in a folder of its own, its protocol edited."""
    start.init(folder, example=example)
    if edit is not None:
        protocol = folder / "protocol.yaml"
        before = protocol.read_text(encoding="utf-8")
        after = edit(before)
        assert after != before, "the edit changed nothing"
        protocol.write_text(after, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def pefr(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """A run of the published peak flow study."""
    return runs.run(study(tmp_path_factory.mktemp("studies") / "pefr", "pefr-1986"), workers=1)


@pytest.fixture(scope="session")
def spa(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """A run of the simulated software performance assessment."""
    return runs.run(study(tmp_path_factory.mktemp("studies") / "spa", "spa-afib-ecg"), workers=1)


@pytest.fixture(scope="session")
def spa_files(spa: Results, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Its report in every format."""
    output = tmp_path_factory.mktemp("reports")
    return {path.name: path for path in report(spa.folder, output=output)}


@pytest.fixture(scope="session")
def pefr_files(pefr: Results, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The peak flow report in every format."""
    output = tmp_path_factory.mktemp("reports")
    return {path.name: path for path in report(pefr.folder, output=output)}


def plain_text(html: str) -> str:
    """The words of a page, without its style, figures and markup."""
    bare = re.sub(r"<(style|svg)\b.*?</\1>", " ", html, flags=re.DOTALL)
    bare = re.sub(r"<wbr>", "", bare)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", bare))


@pytest.fixture(scope="session")
def plain() -> Callable[[str], str]:
    """The words of a page, without its style, figures and markup."""
    return plain_text


@pytest.fixture(scope="session")
def make_study() -> Callable[..., Path]:
    """An example study in a folder of its own, its protocol edited."""
    return study
