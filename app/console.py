"""What a command says, and where: text for people, one JSON object for programs, progress beside both.

Standard output carries the answer, standard error everything else, so that `accordance run > result.txt` and
`accordance run --json | jq` both work while progress stays visible.
"""

# ruff: noqa: PLC0415 - rich is imported where something is printed, so that --help starts at once

from __future__ import annotations

import json
import math
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

Progress = Callable[[str, float], None]
"""Told what is being done and how much of the whole is done, from 0 to 1."""

PLAIN_WIDTH = 110
"""Columns of tables that go to a file or a pipe, where there is no terminal to ask."""


def jsonable(value: object) -> Any:
    """A value as JSON holds it: paths as text, times as ISO 8601, numbers that are not finite as null.

    JSON has no infinity; an open end of a one-sided interval and a missing bound are both null, and
    `ci_sides` says which it is.

    Example:
        >>> jsonable({"folder": Path("runs"), "bounds": (0.5, float("inf"))})
        {'folder': 'runs', 'bounds': [0.5, None]}
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str | int | bool) or value is None:
        return value
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return [jsonable(item) for item in items]
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)


class Output:
    """Where one command writes to.

    Attributes:
        as_json: The answer is one JSON object and nothing else.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json

    @cached_property
    def console(self) -> Console:
        """Rich console on standard output."""
        return _console(sys.stdout)

    @cached_property
    def side(self) -> Console:
        """Rich console on standard error."""
        return _console(sys.stderr)

    def show(self, *renderables: RenderableType) -> None:
        """Print for people; silent when the answer is JSON."""
        if not self.as_json:
            with quiet_pipe():
                for renderable in renderables:
                    self.console.print(renderable)

    def text(self, text: str = "") -> None:
        """Print plain text as it is: no markup, no highlighting, no wrapping."""
        if not self.as_json:
            with quiet_pipe():
                self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def answer(self, document: Mapping[str, Any]) -> None:
        """Print the one JSON object; silent when the answer is for people."""
        if self.as_json:
            with quiet_pipe():
                sys.stdout.write(json.dumps(jsonable(document), ensure_ascii=False, indent=2) + "\n")

    @contextmanager
    def progress(self, *, lines: bool = True) -> Iterator[Progress]:
        """A bar on a terminal, a line for each step otherwise (unless not wanted), nothing beside JSON."""
        if self.as_json or not (lines or self.side.is_terminal):
            yield lambda _step, _share: None
        elif self.side.is_terminal:
            yield from _bar(self.side)
        else:
            yield _lines(sys.stderr)


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    return Console(file=stream, width=None if _has_width(stream) else PLAIN_WIDTH, highlight=False)


def _has_width(stream: TextIO) -> bool:
    return stream.isatty() or "COLUMNS" in os.environ


def _bar(console: Console) -> Iterator[Progress]:
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=1.0)
        yield lambda step, share: bar.update(task, description=step, completed=share)


def _lines(stream: TextIO) -> Progress:
    said: list[str] = []

    def tell(step: str, _share: float) -> None:
        if not said or said[-1] != step:
            said.append(step)
            with quiet_pipe():
                stream.write(f"{step}\n")
                stream.flush()

    return tell


@contextmanager
def quiet_pipe() -> Iterator[None]:
    """A reader that has seen enough (`accordance explain ... | head`) ends the output, not the command.

    The command keeps its own exit code: `gate | head` still fails a build.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        silence(sys.stdout)


def silence(stream: TextIO) -> None:
    """Send what still comes to this stream nowhere, the interpreter's flush at exit included."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, stream.fileno())
    os.close(sink)


MANY = 8
"""More files than this below one folder are told by their number."""


def folded(files: Sequence[str]) -> list[str]:
    """Files by name; where a folder of the second level holds many, how many there are.

    Example:
        >>> folded(["study.yaml", *(f"data/reference/subject={n}/part.parquet" for n in range(40))])
        ['study.yaml', 'data/reference (40 files)']
    """
    tops = ["/".join(name.split("/")[:2]) if name.count("/") > 1 else "" for name in files]
    many = {top for top in tops if top and tops.count(top) > MANY}
    lines = [
        f"{top} ({tops.count(top)} files)" if top in many else name
        for name, top in zip(files, tops, strict=True)
    ]
    return list(dict.fromkeys(lines))


def shown(path: Path) -> str:
    """A path as one would type it: relative below the working folder, else absolute."""
    resolved = path.resolve()
    here = Path.cwd().resolve()
    return str(resolved.relative_to(here)) if resolved.is_relative_to(here) else str(resolved)


def typed(path: Path) -> str:
    """A path as one has to type it in a shell, spaces and all."""
    return shlex.quote(shown(path))
