"""One subject through a Python entry point, in a process of its own: `python -m` this module.

What the function raises ends this process and no other. Its name is left for who started it; the rest goes to
standard error.
"""

from __future__ import annotations

import importlib
import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

_NAME = r"^[+-]?0[0-9]"
ERROR = ".error"
"""Ending of the file, beside the output, with the name of what was raised."""


def read_input(path: Path, subject: str) -> pl.DataFrame:
    """A subject's rows from CSV or Parquet.

    Of CSV, columns of numbers become numbers. The column that names the subject stays text, and so do others
    that a number would not give back: `01` is a name, such as of a night, which pairing by key has to find.
    """
    if path.suffix != ".csv":
        return pl.read_parquet(path, hive_partitioning=False)
    texts = pl.read_csv(path, infer_schema=False)
    named = [one for one in texts.columns if one == subject or texts[one].str.contains(_NAME).any()]
    return pl.read_csv(path, infer_schema_length=None, schema_overrides=dict.fromkeys(named, pl.String))


def write_output(made: Any, path: Path) -> None:
    """Write what a function returned: a Polars, pandas or PyArrow frame, or a mapping of columns."""
    frame = made if isinstance(made, pl.DataFrame) else pl.DataFrame(made)
    if path.suffix == ".csv":
        frame.write_csv(path)
    else:
        frame.write_parquet(path)


def function_of(entry: str) -> Callable[..., Any]:
    """The function of an entry point `module:function`."""
    module, _, name = entry.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def main(arguments: list[str]) -> int:
    """Run one subject.

    Args:
        arguments: Entry point, input, output, key of the subject, column that names it (empty: the function
            gets the input's path), and further keyword arguments as JSON.

    Returns:
        The exit code.
    """
    entry, source, target, subject, column, options = arguments
    path, output = Path(source), Path(target)
    try:
        data = read_input(path, column) if column else path
        write_output(function_of(entry)(data, subject, **json.loads(options)), output)
    except Exception as error:
        traceback.print_exc()
        output.with_name(output.name + ERROR).write_text(type(error).__name__, encoding="utf-8")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
