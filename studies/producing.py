"""How a version's outputs are produced now: which program, over which input, subject by subject."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from ..protocols.model import Identifier, Model, Quantity, Text

PLACEHOLDERS = ("subject", "input", "output")
FOLDER = "produced"
"""Folder of a study that produced outputs are written to, and the root they are read from."""
SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}


class Input(Model):
    """The signals that a program reads. A text alone is a `file`."""

    shorthand: ClassVar[str | None] = "file"

    file: Text | None = None
    """One CSV or Parquet file with the rows of all subjects; each subject gets its own rows."""
    glob: Text | None = None
    """Several of them, by a pattern, read as one table."""
    subject: Identifier = "subject"
    """Column that names the subject."""
    from_path: Text | None = Field(
        default=None,
        description="Where each file holds one subject: pattern of the files' names, such as "
        "`{subject}.edf`. The program gets the file itself, whatever its format.",
    )

    @field_validator("from_path")
    @classmethod
    def _names_the_subject(cls, value: str | None) -> str | None:
        if value is not None and value.count("{subject}") != 1:
            raise ValueError("expected a pattern with `{subject}` in it once, such as `{subject}.edf`")
        return value

    @model_validator(mode="after")
    def _one_of(self) -> Input:
        if (self.file is None) == (self.glob is None):
            raise ValueError("expected exactly one of `file`, `glob`")
        return self


class Onnx(Model):
    """An ONNX model (the optional extra `onnx`): one row of the input, one row of the outputs."""

    model: Text
    """The model's file, relative to the study folder."""
    features: tuple[Identifier, ...] = Field(
        min_length=1, description="Columns of the input that its first input takes, in order, as float32."
    )
    results: dict[Identifier, Text] = Field(
        min_length=1, description="Column of the outputs -> name of the model's output, one value a row."
    )
    carry: tuple[Identifier, ...] = ()
    """Columns of the input that the outputs keep, such as those of the key."""
    labels: tuple[Text, ...] = ()
    """Texts in place of whole numbers 0, 1, ..., where the results are classes."""

    @model_validator(mode="after")
    def _once(self) -> Onnx:
        twice = [name for name in self.carry if name in self.results]
        if twice:
            raise ValueError(
                f"`{twice[0]}` is carried and a result, too; the outputs have one column of a name"
            )
        return self


class Produce(Model):
    """A program that makes the outputs of a version. Exactly one of `command`, `python`, `onnx`."""

    table: Identifier | None = Field(
        default=None, description="Test table that is made. Default: the protocol's only one."
    )
    input: Input
    """What it reads."""
    command: tuple[Text, ...] | None = Field(
        default=None,
        description="Program and arguments, run without a shell in the study folder, once a subject; "
        "`{subject}`, `{input}`, `{output}` stand for the subject's key and for the files to read and write.",
    )
    python: Text | None = Field(
        default=None,
        description="Python entry point, such as `wrist.model:predict`, found from the study folder: a "
        "function of the subject's rows (Polars; with `from_path` the path) and key that returns a data "
        "frame. Each subject has a process of its own.",
    )
    onnx: Onnx | None = None
    """ONNX model, run over the rows of each subject in a process of its own."""
    output: Literal["csv", "parquet"] = "csv"
    """Format of the outputs."""
    timeout: Quantity = Quantity(value=10, unit="min")
    """Time that one subject may take; then its process and all it started are ended."""

    @field_validator("python")
    @classmethod
    def _is_an_entry_point(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", value):
            raise ValueError("expected a module and a function, such as `wrist.model:predict`")
        return value

    @field_validator("command")
    @classmethod
    def _has_known_placeholders(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is None:
            return value
        used = {name for part in value for name in re.findall(r"\{(\w+)\}", part)}
        unknown = sorted(used - set(PLACEHOLDERS))
        if unknown:
            listed = ", ".join(f"`{{{name}}}`" for name in PLACEHOLDERS)
            raise ValueError(f"there is no `{{{unknown[0]}}}`; accepted: {listed}")
        if "output" not in used:
            raise ValueError("the command has to name the file it writes, as `{output}`")
        return value

    @field_validator("timeout")
    @classmethod
    def _is_a_time(cls, value: Quantity) -> Quantity:
        if value.unit not in SECONDS or value.value <= 0:
            raise ValueError(f"expected a time above 0 in {', '.join(SECONDS)}, such as `10 min`")
        return value

    @model_validator(mode="after")
    def _one_of(self) -> Produce:
        if sum(one is not None for one in (self.command, self.python, self.onnx)) != 1:
            raise ValueError("expected exactly one of `command`, `python`, `onnx`")
        return self

    @property
    def seconds(self) -> float:
        """The time limit in seconds."""
        return self.timeout.value * SECONDS[self.timeout.unit]
