"""`accordance protocols`: the built-in protocols, and the schema of their language."""

# ruff: noqa: PLC0415 - nothing heavy is imported before a verb needs it
from __future__ import annotations

from typing import Annotated

import typer

from .console import Output
from .options import Json

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")


@app.callback()
def _protocols() -> None:
    """List, show and describe the built-in protocols.

    Examples and the schema of the language they are written in:

        accordance protocols list
        accordance protocols show heart-rate > my-study/protocol.yaml
        accordance protocols schema > protocol.schema.json
    """


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the built-in protocols.

    Any of them can begin a study: `accordance init FOLDER --protocol ID`.

    Examples:
        accordance protocols list
        accordance protocols list --json | jq -r '.protocols[].id'
    """
    from ..protocols import library
    from . import tables

    output = Output(as_json=as_json)
    found = [library.load(name) for name in library.names()]
    facts = [
        {"id": each.id, "version": each.version, "title": each.title, "domain": each.domain} for each in found
    ]
    output.answer({"protocols": facts})
    output.show(tables.library_table(facts))


@app.command("show")
def show(
    protocol: Annotated[str, typer.Argument(metavar="ID", help="A protocol of the library.")],
    as_json: Json = False,
) -> None:
    """Print a built-in protocol.

    As it was written; with --json resolved, every default written out, with
    the hash that a lock would hold.

    Examples:
        accordance protocols show heart-rate
        accordance protocols show heart-rate --json | jq .protocol.endpoints
    """
    from ..protocols import canonical, library

    output = Output(as_json=as_json)
    if as_json:
        loaded = library.load(protocol)
        resolved = loaded.model_dump(mode="json", by_alias=True)
        output.answer({"sha256": canonical.digest(loaded), "protocol": resolved})
    else:
        output.text(library.path(protocol).read_text(encoding="utf-8").rstrip())


@app.command("schema")
def schema_(as_json: Json = False) -> None:
    """Print the JSON Schema of the protocol language.

    An editor that knows it completes keys and marks mistakes as you type.

    Examples:
        accordance protocols schema > protocol.schema.json
    """
    from ..protocols import schema

    del as_json  # JSON either way
    Output(as_json=True).answer(schema.json_schema())
