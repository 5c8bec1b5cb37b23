"""Options that every verb has."""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[
    bool, typer.Option("--json", help="Answer with one JSON object on standard output, nothing else.")
]

Variant = Annotated[
    str | None,
    typer.Option("--variant", metavar="NAME", help="Which variant of it. Default: its own default."),
]
