"""The files of a source, wherever they lie: on disks (`roots`), in object stores or in trackers."""

from __future__ import annotations

from glob import has_magic
from pathlib import PurePath, PurePosixPath

from ..protocols.errors import ContractError, Violation
from .located import LocalFile, Located
from .roots import ENDINGS, Format, Roots, anchor, files
from .sources import Source
from .stores import Store, is_address, matches
from .tracked_files import TrackedRoot


def found(source: Source, roots: Roots, *, key: str) -> list[tuple[Located, Format]]:
    """The files of a `file`, `glob` or `folder` source with their formats, sorted by path.

    Args:
        source: The source.
        roots: What may be read.
        key: Dotted path of the source, for messages.

    Raises:
        ContractError: Missing, empty, outside the roots, or of no known format; every file concerned is
            named.
        OutputError: A store cannot be reached, or refuses.
    """
    written = source.file or source.glob or source.folder
    if written is not None and is_address(written):
        return _stored(source, written, roots, key)
    return [(LocalFile(path, roots.name(path)), form) for path, form in files(source, roots, key=key)]


def folder_of(source: Source, roots: Roots) -> PurePath | None:
    """The folder below which a source's files lie; None for a single file."""
    written = source.glob or source.folder
    if not is_address(written):
        return anchor(source, roots)
    return _place(_fixed(str(written)) if source.glob is not None else str(written))


def _stored(source: Source, written: str, roots: Roots, key: str) -> list[tuple[Located, Format]]:
    roots.check_written(written, key=key)
    store = _root(_fixed(written) if source.glob is not None else written, written, roots, key)
    if source.file is not None:
        one = store.stat(written)
        if one is None:
            raise _problem("there is no such object.", written, key)
        return [(one, _format(one.name, source, key))]
    if source.glob is not None:
        listed = store.listed(_fixed(written))
        pattern = _place(written).parts
        chosen = [one for one in listed if matches(one.place.parts, pattern)]
        nothing = "no object matches this pattern."
    else:
        accepted = [ending for ending, kind in ENDINGS.items() if source.format in (None, kind)]
        chosen = [one for one in store.listed(written) if one.place.suffix.lower() in accepted]
        nothing = f"the folder holds no object ending in {', '.join(accepted)}."
    if not chosen:
        raise _problem(nothing, written, key)
    formats: list[tuple[Located, Format]] = [(one, _format(one.name, source, key)) for one in chosen]
    if len({form for _, form in formats}) > 1:
        raise _problem(
            "CSV and Parquet files are mixed in one source; choose one with `format`.", written, key
        )
    return formats


def _root(below: str, written: str, roots: Roots, key: str) -> Store | TrackedRoot:
    """The declared root that an address lies under."""
    for store in roots.stores.values():
        if store.contains(below):
            return store
    raise ContractError([roots.outside(written, key=key)])


def _place(address: str) -> PurePosixPath:
    """Bucket and key of an address."""
    return PurePosixPath(address.partition("://")[2])


def _fixed(pattern: str) -> str:
    """The part of an address before its first wildcard."""
    scheme, separator, rest = pattern.partition("://")
    fixed: list[str] = []
    for part in rest.split("/"):
        if has_magic(part):
            break
        fixed.append(part)
    return scheme + separator + "/".join(fixed)


def _format(name: str, source: Source, key: str) -> Format:
    form = source.format or ENDINGS.get(PurePosixPath(name).suffix.lower())
    if form not in ("csv", "parquet"):
        accepted = ", ".join(ENDINGS)
        message = f"an object in a store is CSV or Parquet ({accepted}); say which with `format`."
        raise _problem(message, name, key)
    return form


def _problem(message: str, written: str, key: str) -> ContractError:
    return ContractError([Violation(message, file=written, key=key, found=written)])
