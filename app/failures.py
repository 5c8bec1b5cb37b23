"""How a command ends when it cannot do what was asked: the exit code, and words that help."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..protocols.errors import AccordanceError, ContractError, Violation
from .console import Output, quiet_pipe

USAGE = 2
INTERNAL = 70
INPUT_OUTPUT = 74
INTERRUPTED = 130

KINDS = {2: "usage", 4: "contract", 5: "integrity", 70: "internal", 74: "input_output", 130: "interrupted"}
"""Word for each exit code, in the JSON form of an error."""


def report(output: Output, error: BaseException) -> int:
    """Say what went wrong, on standard error or as the one JSON object, and give the exit code."""
    if isinstance(error, ContractError):
        return _tell(output, 4, error.summary or _counted(len(error.violations)), error.violations)
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


def _counted(n: int) -> str:
    return f"{n:,} violation{'' if n == 1 else 's'} of the contract; nothing was computed."


def _show(output: Output, violation: Violation) -> None:
    """`file:line:column` alone at the start of a line, so that terminals and editors make it a link."""
    place = ":".join(
        str(part) for part in (violation.file, violation.line, violation.column) if part is not None
    )
    count = f"{violation.count:,} rows" if violation.count is not None and violation.count > 1 else ""
    head = "  ".join(part for part in (place, violation.key or "", count) if part)
    say = output.side.print
    if head:
        say(head, style="bold", markup=False, soft_wrap=True)
    say(f"  {violation.message}", markup=False, soft_wrap=True)
    if violation.found is not None and violation.found not in violation.message:
        say(f"  found: {violation.found}", markup=False, soft_wrap=True)
    if violation.suggestion:
        say(f"  did you mean: {violation.suggestion}", style="green", markup=False, soft_wrap=True)
    for example in violation.examples:
        say(f"    {example}", style="dim", markup=False, soft_wrap=True)
    say()


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
