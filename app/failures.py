"""How a command ends when it cannot do what was asked: the exit code, and words that help."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..protocols.errors import AccordanceError, ContractError, Violation
from .console import Output, quiet_pipe, shown

USAGE = 2
CONTRACT = 4
SOME_FAILED = 6
"""Some subjects failed to execute, and everything else was done."""
INTERNAL = 70
INPUT_OUTPUT = 74
INTERRUPTED = 130

KINDS = {2: "usage", 4: "contract", 5: "integrity", 70: "internal", 74: "input_output", 130: "interrupted"}
"""Word for each exit code, in the JSON form of an error."""


def report(output: Output, error: BaseException, folders: Sequence[Path] = ()) -> int:
    """Say what went wrong, on standard error or as the one JSON object, and give the exit code.

    Args:
        output: Where the command writes to.
        error: What ended the command.
        folders: What the command line named; files of a study are shown below it, so that one can open them.
    """
    if isinstance(error, ContractError):
        violations = tuple(_located(violation, folders) for violation in error.violations)
        return _tell(output, 4, error.summary or _counted(len(violations)), violations)
    if isinstance(error, AccordanceError):
        return _tell(output, error.exit_code, str(error))
    if isinstance(error, KeyboardInterrupt):
        return _tell(output, INTERRUPTED, "Interrupted. Nothing half-written counts as a run.")
    if isinstance(error, OSError):
        return _tell(output, INPUT_OUTPUT, _system(error))
    return _tell(output, INTERNAL, _internal(error))


def usage(output: Output, message: str, verb: str = "") -> int:
    """A command line that cannot be understood. Without words it asked for help, and got it."""
    if not message:
        return USAGE
    command = f"accordance {verb}".strip()
    return _tell(output, USAGE, f"{message}\nTry `{command} --help`.")


def _tell(output: Output, code: int, message: str, violations: tuple[Violation, ...] = ()) -> int:
    if output.as_json:
        body: dict[str, Any] = {"kind": KINDS[code], "exit_code": code, "message": message}
        if code == 4:
            body["violations"] = [asdict(violation) for violation in violations]
        output.answer({"error": body})
        return code
    with quiet_pipe():
        for violation in violations:
            _show(output, violation)
        output.side.print(f"error: {message}", style="bold red", markup=False, soft_wrap=True)
    return code


def _located(violation: Violation, folders: Sequence[Path]) -> Violation:
    """A file that is named from its study, named from where the reader stands."""
    if violation.file is None or Path(violation.file).is_absolute():
        return violation
    found = next((folder / violation.file for folder in folders if (folder / violation.file).is_file()), None)
    return violation if found is None else replace(violation, file=shown(found))


def _counted(n: int) -> str:
    return f"{n:,} violation{'' if n == 1 else 's'} of the contract; nothing was computed."


def _show(output: Output, violation: Violation) -> None:
    """`file:line:column` alone at the start of a line, so that terminals and editors make it a link."""
    place = ":".join(
        str(part) for part in (violation.file, violation.line, violation.column) if part is not None
    )
    count = f"{violation.count:,} rows" if violation.count is not None and violation.count > 1 else ""
    head = "  ".join(part for part in (place, violation.key or "", count) if part)
    if head:
        output.side.print(head, style="bold", markup=False, soft_wrap=True)
    _indented(output, violation.message)
    if violation.found is not None and violation.found not in violation.message:
        _indented(output, f"found: {violation.found}")
    if violation.suggestion:
        _indented(output, f"did you mean: {violation.suggestion}", style="green")
    for example in violation.examples if count or violation.found is None else ():
        _indented(output, f"  {example}", style="dim")
    output.side.print()


def _indented(output: Output, text: str, style: str = "") -> None:
    """Set in; broken between words on a terminal, one line anywhere else (for grep and logs)."""
    from rich.padding import Padding  # noqa: PLC0415 - rich only where something is printed
    from rich.text import Text  # noqa: PLC0415

    if output.side.is_terminal:
        output.side.print(Padding(Text(text, style=style), (0, 0, 0, 2)))
    else:
        output.side.print(f"  {text}", style=style, markup=False, soft_wrap=True)


def _system(error: OSError) -> str:
    reason = error.strerror or type(error).__name__
    return f"{error.filename}: {reason}" if error.filename else reason


def _internal(error: BaseException) -> str:
    """The message of an unforeseen error stays out: it may quote the data it stumbled over."""
    name = type(error).__name__
    if os.environ.get("ACCORDANCE_DEBUG"):
        traceback.print_exception(error, file=sys.stderr)
        return f"Internal error ({name}). This is a fault of Accordance, not of the study."
    try:
        where = f"Where it happened is written in {write_trace(error)}"
    except OSError:
        where = "Where it happened could not be written to a file"
    return (
        f"Internal error ({name}). This is a fault of Accordance, not of the study.\n"
        f"{where} (no study data in it); ACCORDANCE_DEBUG=1 shows everything here."
    )


def write_trace(error: BaseException) -> Path:
    """Write the chain of calls without messages and values, which could hold measurements."""
    handle, path = tempfile.mkstemp(prefix=f"accordance-{datetime.now(UTC):%Y%m%dT%H%M%S}-", suffix=".trace")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write("\n".join(_frames(error)) + "\n")
    return Path(path)


def _frames(error: BaseException) -> list[str]:
    lines: list[str] = []
    link: BaseException | None = error
    while link is not None:
        lines.append(type(link).__qualname__)
        frames = traceback.extract_tb(link.__traceback__)
        lines.extend(f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)
        link = link.__cause__ or link.__context__
    return lines
