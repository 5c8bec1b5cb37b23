"""The examples of the guide are sources, and their readers know the keys."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from accordance.datasets import naming, reading
from accordance.protocols.source import read_yaml, validate
from accordance.studies.config import StudyConfig

TEXT = (Path(__file__).parents[3] / "docs" / "guide" / "data.md").read_text(encoding="utf-8")
HEAD = """\
schema: accordance/study/1
id: s
title: S
protocol: library:afib-ecg
algorithm: {name: A, versions: {v1: {sources: {}}}}
"""
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
SOURCES = [block for block in BLOCKS if re.match(r"sources:|  \w+:", block)]


@pytest.mark.parametrize("block", SOURCES, ids=range(len(SOURCES)))
def test_examples_are_sources(block: str) -> None:
    block = (
        block
        if block.startswith("sources:")
        else f"sources:\n{textwrap.indent(textwrap.dedent(block), '  ')}"
    )
    config = validate(StudyConfig, read_yaml(HEAD + block))
    assert config.sources
    for name, source in config.sources.items():
        assert reading.reader_of(source, f"sources.{name}") is not None
        if source.from_path:
            naming.pattern(source.from_path)


def test_every_format_has_an_example() -> None:
    assert len(SOURCES) >= 8
    words = " ".join(SOURCES)
    for ending in (".edf", ".hea", ".xpt", ".zip", ".ndjson", "physionet"):
        assert ending in words
