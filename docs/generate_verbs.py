"""The command line, from its own help."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer.main

from accordance.app.cli import app


def commands(group: Any = None, prefix: str = "accordance") -> Iterator[tuple[str, Any]]:
    """(what one types, command) of every verb, those of groups included."""
    group = group or typer.main.get_command(app)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{prefix} {name}")
        elif not command.hidden:
            yield f"{prefix} {name}", command


def options(command: Any) -> list[str]:
    """Arguments and options of a verb, as table rows."""
    rows = []
    for parameter in command.params:
        argument = parameter.param_type_name == "argument"
        name = parameter.metavar or parameter.name.upper() if argument else ", ".join(parameter.opts)
        words = (getattr(parameter, "help", "") or "").replace("|", "\\|")
        rows.append(f"| `{name}` | {words}{' **Mandatory.**' if parameter.required else ''} |")
    return rows


def as_markdown(help_text: str) -> str:
    """Help as Markdown: indented lines are what one types."""
    lines: list[str] = []
    typed = False
    for line in help_text.replace("\b\n", "").split("\n"):
        if line.startswith("    ") != typed and line.strip():
            typed = not typed
            lines += ["", "```sh"] if typed else ["```", ""]
        lines.append(line.removeprefix("    "))
    return "\n".join([*lines, "```"] if typed else lines)


def verbs() -> str:
    """A section a verb: its help, and its options."""
    parts = []
    for name, command in commands():
        parts.append(f"## `{name}` {{ #{name.removeprefix('accordance ').replace(' ', '-')} }}\n")
        parts.append(as_markdown(command.help or "") + "\n")
        parts.append("\n".join(["| argument | meaning |", "|---|---|", *options(command)]) + "\n")
    return "\n".join(parts)
