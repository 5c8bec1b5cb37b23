"""Arguments and options that several verbs have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..datasets.batches import bytes_from_text
from ..protocols.errors import UsageError

Json = Annotated[
    bool, typer.Option("--json", help="Answer with one JSON object on standard output, nothing else.")
]

Variant = Annotated[
    str | None,
    typer.Option("--variant", metavar="NAME", help="Which variant of it. Default: its own default."),
]

Memory = Annotated[
    str | None,
    typer.Option(
        "--memory",
        metavar="SIZE",
        help="Memory for reading and pairing streams, such as 4GB; estimating has its own.",
    ),
]

Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="Threads. The numbers do not depend on it.")
]


Study = Annotated[Path, typer.Argument(metavar="STUDY", help="Study folder: the one that holds study.yaml.")]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="Run folder, or study folder for its latest run.")]
Shown = Annotated[
    Path,
    typer.Argument(
        metavar="RUN|COMPARISON", help="Run or comparison folder, or study folder for its latest run."
    ),
]


def size(text: str | None) -> int | None:
    """Bytes that an option such as `--memory 4GB` names.

    Raises:
        UsageError: It is no size.
    """
    if text is None:
        return None
    try:
        return bytes_from_text(text)
    except ValueError as error:
        raise UsageError(f"--memory: {error}") from None
