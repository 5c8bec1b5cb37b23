"""study.yaml as a typed model: which protocol, which data, which algorithm versions, which people."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..datasets.sources import Source
from ..protocols.model import Identifier, Model, Text

SCHEMA = "accordance/study/1"


class Version(Model):
    """One version of the algorithm under validation, and its outputs."""

    title: Text | None = None
    build: Text | None = Field(default=None, description="Hash or tag of the evaluated build.")
    release_build: Text | None = Field(default=None, description="Hash or tag of the build to be released.")
    hardware: Text | None = None
    firmware: Text | None = None
    sources: dict[Identifier, Source] = Field(description="Test table -> source.")


class Algorithm(Model):
    """The algorithm under validation."""

    name: Text
    description: Text | None = None
    versions: dict[Identifier, Version]
    decides: Identifier | None = Field(default=None, description="Version that decides. Default: the last one listed.")


class Person(Model):
    """Somebody with a part in the study."""

    name: Text
    role: Text
    affiliation: Text | None = None


class ReportSpec(Model):
    """What the report's first page says of itself."""

    title: Text | None = None
    version: Text = "1.0"
    status: Literal["draft", "final"] = "draft"
    registry: Text | None = None
    sponsor: Text | None = None


class StudyConfig(Model):
    """A whole study.yaml."""

    schema_: Literal["accordance/study/1"] = Field(alias="schema")
    id: Identifier
    title: Text
    protocol: Text = Field(description="Path of a protocol file, or `library:ID`.")
    roots: dict[Identifier, Text] = Field(default_factory=lambda: {"data": "data"})
    sources: dict[Identifier, Source]
    algorithm: Algorithm
    people: tuple[Person, ...] = ()
    report: ReportSpec = ReportSpec()
