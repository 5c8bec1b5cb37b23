"""study.yaml as a typed model: which protocol, which data, which algorithm versions, which people."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from ..datasets.sources import Source
from ..datasets.stores import StoreOptions
from ..protocols.model import Identifier, Model, Text
from .artefact import Artefact, checked_date
from .producing import Produce

SCHEMA = "accordance/study/1"


class Version(Model):
    """One version of the algorithm under validation, and its outputs."""

    title: Text | None = None
    """Words for the report."""
    build: Text | None = Field(default=None, description="Hash or tag of the evaluated build.")
    release_build: Text | None = Field(default=None, description="Hash or tag of the build to be released.")
    hardware: Text | None = None
    """Hardware the outputs come from."""
    firmware: Text | None = None
    """Firmware the outputs come from."""
    artefact: Artefact | None = Field(
        default=None, description="Code, model files, training data and model card of the version."
    )
    produce: Produce | None = Field(
        default=None, description="The program that makes a test table's rows, where they are not there yet."
    )
    modification: Identifier | None = Field(
        default=None, description="Permitted modification (`change_control`) that the version implements."
    )
    sources: dict[Identifier, Source] = Field(
        default_factory=dict, description="Test table -> source, but for the one that is produced."
    )


class Algorithm(Model):
    """The algorithm under validation."""

    name: Text
    """Name of the algorithm or device."""
    description: Text | None = None
    """What it does, for the report."""
    versions: dict[Identifier, Version]
    """Versions under validation, in order."""
    decides: Identifier | None = Field(
        default=None, description="Version that decides. Default: the last one listed."
    )


class Freeze(Model):
    """The dates on which things were fixed, in the order in which they have to be."""

    algorithm: Text | None = None
    """The evaluated build."""
    protocol: Text | None = None
    """The protocol."""
    reference_reading: Text | None = None
    """The reference, read and adjudicated."""
    database: Text | None = None
    """The database."""
    unblinding: Text | None = None
    """The first look at results."""

    @field_validator("*")
    @classmethod
    def _is_a_date(cls, value: str | None) -> str | None:
        return checked_date(value)


class Person(Model):
    """Somebody with a part in the study."""

    name: Text
    """Name."""
    role: Text
    """Part in the study."""
    affiliation: Text | None = None
    """Site or institution."""


class ReportSpec(Model):
    """What the report's first page says of itself."""

    title: Text | None = None
    """Title. Default: that of the study."""
    version: Text = "1.0"
    """Version of the report."""
    status: Literal["draft", "final"] = "draft"
    """Printed on every page."""
    registry: Text | None = None
    """Registry and number of the study."""
    sponsor: Text | None = None
    """Who is responsible for the study."""
    template: Literal["spa", "iso14155", "ich-e3"] = "spa"
    """Order of the sections: the default one, that of ISO 14155 Annex D, or that of ICH E3."""


class StudyConfig(Model):
    """A whole study.yaml."""

    schema_: Literal["accordance/study/1"] = Field(alias="schema")
    """Which version of this file's language this is."""
    id: Identifier
    """Identifier of the study."""
    title: Text
    """One line for the report's first page."""
    protocol: Text = Field(description="Path of a protocol file, or `library:ID`.")
    variant: Identifier | None = Field(
        default=None, description="Which of the protocol's variants. Default: the one the protocol says."
    )
    roots: dict[Identifier, Text] = Field(default_factory=lambda: {"data": "data"})
    """Folders below which data may lie, by name; relative to the study folder, absolute, or addresses in an
    object store (`s3://bucket/prefix`, `gs://bucket/prefix`) or in an experiment tracker (`mlflow://RUN_ID`,
    `wandb://entity/project`)."""
    stores: dict[Identifier, StoreOptions] = Field(
        default_factory=dict, description="Roots in object stores or trackers, by name: how to reach them."
    )
    spellings: Literal["checked", "distinct"] = Field(
        default="checked",
        description="`checked`: subjects whose names differ in case, blanks, hyphens or zeros before a "
        "number are refused as one subject spelt twice. `distinct`: they are different people.",
    )
    sources: dict[Identifier, Source]
    """Where the rows of each table are. Those of test tables stand with the algorithm's versions."""
    algorithm: Algorithm
    """The algorithm under validation."""
    freeze: Freeze = Freeze()
    """Freeze dates, for the report."""
    people: tuple[Person, ...] = ()
    """People with a part in the study, for the report."""
    report: ReportSpec = ReportSpec()
    """What the report says of itself."""
