"""The first files of a study: from an example, from a protocol of the library, or from one's own tables."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..datasets.simulate import SIMULATORS
from ..protocols import library
from ..protocols.errors import ContractError, OutputError, UsageError, Violation, nearest
from ..protocols.model import Protocol
from ..protocols.nodes import ScalarNode
from ..protocols.source import read_yaml
from . import continuous, starter
from .folder import CONFIG_FILE, SECTIONS_FOLDER, shared_tables, test_tables

EXAMPLES = Path(__file__).parent / "examples"
SIMULATE_FILE = "simulate.yaml"
THERE = "the study there"
"""What files were written for, where a study was there already."""
IGNORE_FILE = ".gitignore"
IGNORED = (
    "# Subjects' data, outputs, runs, comparisons and the cache stay out of version control.\n"
    "data/\nproduced/\nruns/\ncomparisons/\n.accordance/\n.partial-*\n"
)
SECTIONS = {
    "background.md": "Why the study was done, and what was known before.",
    "adverse_events.md": "Adverse events and device deficiencies, or that there were none.",
    "discussion.md": "What the results mean for the intended use.",
    "limitations.md": "What the study cannot show.",
}


def examples() -> tuple[str, ...]:
    """Identifiers of the example studies.

    Example:
        >>> examples()[:4]
        ('beat-detector', 'bp-iso81060', 'hr-wear', 'hr-weekly')
    """
    return tuple(sorted(place.name for place in EXAMPLES.iterdir() if (place / CONFIG_FILE).is_file()))


def init(
    path: Path | str, *, example: str | None = None, protocol: str | None = None, ci: str | None = None
) -> dict[str, Any]:
    """Begin a study in a folder, which may hold data already. Nothing that exists is overwritten.

    Without `example` and `protocol`, tables found in the folder or its `data` folder (CSV, Parquet) are
    looked at, and study.yaml and protocol.yaml are drafted for them, with comments on what to decide; without
    tables, the draft names files that are still to come.

    Args:
        path: The study folder; made where it does not exist.
        example: Identifier of an example study to copy; simulated data are drawn.
        protocol: Identifier of a library protocol, with or without `library:`.
        ci: `github` or `gitlab`: besides, files that let this forge ask the gate on every change. In a folder
            that holds a study already, only these are written.

    Returns:
        `path`, `from` (what it was begun from) and `files` (what was written, relative to `path`); with `ci`,
        `note`: what to do where the forge does not look for files there.

    Raises:
        UsageError: No such example, protocol or forge, both of the first were given, files are in the way, or
            tables whose roles cannot be told from their names.
        OutputError: The folder cannot be written.
    """
    folder = Path(path)
    if example is not None and protocol is not None:
        raise UsageError("begin from an example or from a protocol, not from both")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file, not a folder")
    source = None
    there = ci is not None and example is None and protocol is None and (folder / CONFIG_FILE).is_file()
    if there:
        texts, origin = {}, THERE
    elif example is not None:
        texts, origin = _example(example), f"example {example}"
        source = EXAMPLES / example
    elif protocol is not None:
        texts, origin = _from_library(folder, protocol), f"library:{_bare(protocol)}"
    else:
        texts = {**starter.draft(folder), **sections()}
        origin = "the tables found" if starter.found(folder) else "a draft"
    if not there:
        texts = {IGNORE_FILE: IGNORED, **texts}
    if ci is not None:
        texts |= continuous.files(ci, folder, texts.get(CONFIG_FILE, folder / CONFIG_FILE))
    in_the_way = [name for name in texts if (folder / name).exists()]
    if source is not None and (folder / "data").exists():
        in_the_way.append("data")
    if in_the_way:
        raise UsageError(f"{folder} has these already, and nothing is overwritten: {', '.join(in_the_way)}")
    try:
        written = _write(folder, texts)
        if source is not None:
            written += _data(folder, source)
    except OSError as error:
        raise OutputError(
            f"{error.filename or folder} cannot be written: {error.strerror or error}"
        ) from error
    made = {"path": str(folder), "from": origin, "files": written}
    return made if ci is None else {**made, "note": continuous.note(ci, folder)}


def _write(folder: Path, texts: Mapping[str, str]) -> list[str]:
    for name, text in texts.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return list(texts)


def _example(name: str) -> dict[str, str]:
    """The files of an example but its data."""
    if name not in examples():
        hint = nearest(name, examples())
        tail = f" Did you mean `{hint}`?" if hint else ""
        raise UsageError(f"there is no example `{name}`; there are: {', '.join(examples())}.{tail}")
    source = EXAMPLES / name
    kept = [source / CONFIG_FILE, source / "protocol.yaml", source / "README.md", source / SIMULATE_FILE]
    kept += sorted((source / SECTIONS_FOLDER).glob("*.md"))
    return {
        file.relative_to(source).as_posix(): file.read_text(encoding="utf-8")
        for file in kept
        if file.is_file()
    }


def _data(folder: Path, source: Path) -> list[str]:
    """Copy an example's data, or draw them."""
    target = folder / "data"
    if (source / SIMULATE_FILE).is_file():
        simulate(source / SIMULATE_FILE, target)
    else:
        shutil.copytree(source / "data", target)
    return sorted(file.relative_to(folder).as_posix() for file in target.rglob("*") if file.is_file())


def simulate(recipe: Path, target: Path) -> None:
    """Draw the data that a simulate.yaml describes: a simulator of `datasets.simulate` and its seed.

    Raises:
        ContractError: The recipe names no known simulator, or no seed.
    """
    document = read_yaml(recipe)
    values = {key.text: node.text for key, node in document.root.entries if isinstance(node, ScalarNode)}
    name, seed = values.get("simulator", ""), values.get("seed", "")
    if name not in SIMULATORS:
        message = f"names no simulator; there are: {', '.join(sorted(SIMULATORS))}"
        raise ContractError([Violation(message, file=str(recipe), key="simulator", found=name)])
    if not re.fullmatch(r"[0-9]+", seed):
        raise ContractError([Violation("is a whole number", file=str(recipe), key="seed", found=seed)])
    SIMULATORS[name](seed=int(seed)).write(target)


def _from_library(folder: Path, name: str) -> dict[str, str]:
    """study.yaml for a library protocol, with one data file a table."""
    identifier = _bare(name)
    if identifier not in library.names():
        hint = nearest(identifier, library.names())
        tail = f" Did you mean `{hint}`?" if hint else ""
        raise UsageError(
            f"the library has no protocol `{identifier}`; it has: {', '.join(library.names())}.{tail}"
        )
    found = library.load(identifier)
    return {
        CONFIG_FILE: starter.study_yaml(
            folder,
            protocol=f"library:{identifier}",
            shared={table: f"data/{table}.csv" for table in shared_tables(found)},
            tests={"v1": {table: f"data/{table}.csv" for table in test_tables(found)}},
            notes=_columns_note(found),
        ),
        **sections(),
    }


def _bare(name: str) -> str:
    """A library protocol's identifier without the prefix."""
    return name.removeprefix(library.LIBRARY)


def _columns_note(protocol: Protocol) -> str:
    """What each table has to hold, as comments."""
    lines = ["# The protocol asks for these columns:"]
    for name, table in protocol.tables.items():
        lines.append(f"#   {name}: " + ", ".join(table.read))
    return "\n".join(lines) + "\n"


def sections() -> dict[str, str]:
    """Empty sections for people to write, each with what belongs there as an HTML comment."""
    return {f"{SECTIONS_FOLDER}/{name}": f"<!-- {hint} -->\n" for name, hint in SECTIONS.items()}
