"""`accordance protocols`: the built-in protocols, and the schema of their language."""

# ruff: noqa: PLC0415 - nothing heavy is imported before a verb needs it
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import Output, shown
from .options import Json, Variant
from .writing import write_new

if TYPE_CHECKING:
    from ..studies.named import Named

LONGEST = 120
"""Characters of a value that a table of differences shows."""
NAMES = "A protocol: library ID, file or study folder; with `@VARIANT` behind it, that variant."

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")


@app.callback()
def _protocols() -> None:
    """List, show and describe the built-in protocols.

    Examples and the schema of the language they are written in:

        accordance protocols list
        accordance protocols show heart-rate > my-study/protocol.yaml
        accordance protocols new my-study/protocol.yaml --from heart-rate
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
    facts = []
    for name in library.names():
        each = library.load(name)
        variants = [
            {"id": variant, "title": one.title, "default": one.default}
            for variant, one in library.variants_of(name).items()
        ]
        head = {"id": each.id, "version": each.version, "title": each.title, "domain": each.domain}
        facts.append({**head, "variants": variants})
    output.answer({"protocols": facts})
    output.show(tables.library_table(facts))


@app.command("show")
def show(
    protocol: Annotated[str, typer.Argument(metavar="ID", help="A protocol of the library.")],
    variant: Variant = None,
    as_json: Json = False,
) -> None:
    """Print a built-in protocol.

    As it was written; a variant with its changes worked in; with --json
    resolved, every default written out, with the hash that a lock would hold.

    Examples:
        accordance protocols show heart-rate
        accordance protocols show heart-rate --json | jq .protocol.endpoints
    """
    from ..protocols import canonical, library

    output = Output(as_json=as_json)
    if as_json:
        loaded = library.load(protocol, variant)
        resolved = loaded.model_dump(mode="json", by_alias=True)
        output.answer({"sha256": canonical.digest(loaded), "protocol": resolved})
    elif variant is None:
        output.text(library.path(protocol).read_text(encoding="utf-8").rstrip())
    else:
        output.text(canonical.canonical_yaml(library.load(protocol, variant)).rstrip())


@app.command("diff")
def diff(
    first: Annotated[str, typer.Argument(metavar="A", help=NAMES)],
    second: Annotated[str, typer.Argument(metavar="B", help="The other one, named likewise.")],
    as_json: Json = False,
) -> None:
    """Show every key in which two protocols differ, with both values.

    Compared is what they mean, every default written out: layout, comments
    and the order of keys do not count. Identifiers, versions and titles are
    their own and not compared. Long values are cut; --json has them whole.

    Examples:
        accordance protocols diff heart-rate my-study/protocol.yaml
        accordance protocols diff my-protocol.yaml@strict my-protocol.yaml@mild
        accordance protocols diff heart-rate my-study --json | jq -r .changes[].key
    """
    from ..protocols import derive
    from ..studies import named
    from . import tables

    output = Output(as_json=as_json)
    one, other = named.find(first), named.find(second)
    found = derive.changes(one.protocol, other.protocol, longest=None if as_json else LONGEST)
    changes = [{"key": change.key, "a": change.parent, "b": change.here} for change in found]
    output.answer({"a": _facts(one), "b": _facts(other), "changes": changes})
    if changes:
        output.show(tables.changes_table(one.words, other.words, changes))
    else:
        output.text(f"{one.words} and {other.words} say the same.")


@app.command("new")
def new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The protocol file to begin.")],
    parent: Annotated[str, typer.Option("--from", metavar="PROTOCOL", help=NAMES)],
    variant: Variant = None,
    as_json: Json = False,
) -> None:
    """Begin a protocol of your own that extends another.

    Writes a small file that changes nothing yet, with a comment for each
    number that you have to set and for each limit that somebody has to read
    in the rule. Nothing that exists is overwritten.

    Examples:
        accordance protocols new my-study/protocol.yaml --from heart-rate
        accordance protocols new strict.yaml --from my-study/protocol.yaml
    """
    from ..protocols import child
    from ..studies import named

    output = Output(as_json=as_json)
    found = named.find(parent, variant)
    text = child.child_text(
        found.protocol, extends=named.reference(found, file), identifier=child.identifier_of(file.stem)
    )
    write_new(file, text)
    output.answer({"file": str(file.resolve()), "extends": _facts(found)})
    output.text(f"Protocol begun in {shown(file)}, from {found.words}.")


def _facts(found: Named) -> dict[str, Any]:
    one = found.protocol
    return {"name": found.words, "id": one.id, "version": one.version, "variant": one.variant}


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
