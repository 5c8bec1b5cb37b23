"""Which files a program is, so that outputs are made again where it changed, and whether it is there at all.

A program is more than the file that is named: the modules that it imports from the study folder belong to it,
and so do the weights that an ONNX model keeps beside itself. What lies elsewhere, such as an installed
package, is not seen.
"""

from __future__ import annotations

import ast
import importlib.util
import shutil
from collections.abc import Iterable, Iterator, Sequence
from importlib.machinery import EXTENSION_SUFFIXES
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from ..datasets.provenance import sha256_file
from ..protocols.errors import Violation
from . import produce_onnx
from .artefact import readable
from .producing import Produce

if TYPE_CHECKING:
    from .folder import Study

CODE = (".py", ".so", ".pyd")
"""Endings of files that Python runs."""


def fingerprint(study: Study, spec: Produce) -> list[list[str]]:
    """(name, SHA-256) of every file of a program, sorted: another program, another fingerprint."""
    base = study.path.resolve()
    named = {path.resolve() for path in files_of(study, spec)}
    shown = {
        path: path.relative_to(base).as_posix() if path.is_relative_to(base) else str(path) for path in named
    }
    return sorted([shown[path], sha256_file(path)] for path in named)


def files_of(study: Study, spec: Produce) -> set[Path]:
    """Files of the study that a program is: those that are named, and what they import or keep beside them.

    Args:
        study: The study.
        spec: How outputs are produced.
    """
    if spec.onnx is not None:
        path = readable(study, spec.onnx.model)
        return {path, *_weights(path)} if path is not None and path.is_file() else set()
    if spec.python is not None:
        return _closure(_modules(spec.python.partition(":")[0], [study.path]), [study.path])
    return _of_command(study, spec.command or ())


def program_of(study: Study, spec: Produce) -> str:
    """The first word of a command as it can be started: found on the path, or else in the study folder."""
    program = (spec.command or ("",))[0]
    if "/" not in program and shutil.which(program):
        return program
    # a link stays one: the Python of a virtual environment is found by it
    return shutil.which(str((study.path / program).absolute())) or program


def absent(study: Study, version: str, spec: Produce) -> Iterator[Violation]:
    """What is wrong where a program is not there.

    Args:
        study: The study.
        version: The version whose program it is.
        spec: How its outputs are produced.
    """
    place = f"algorithm.versions.{version}.produce"

    def wrong(message: str, key: str, found: str | None = None) -> Violation:
        return Violation(message, file="study.yaml", key=f"{place}.{key}", found=found)

    if spec.onnx is not None:
        path = readable(study, spec.onnx.model)
        if path is None or not path.is_file():
            message = "there is no such file in the study folder or below a declared root"
            yield wrong(message, "onnx.model", spec.onnx.model)
        if importlib.util.find_spec(produce_onnx.RUNTIME) is None:
            yield wrong(f"an ONNX model needs {produce_onnx.RUNTIME}: pip install 'accordance[onnx]'", "onnx")
        if spec.input.from_path is not None:
            message = "an ONNX model takes rows of a table, not files of subjects as they are"
            yield wrong(message, "input.from_path")
    elif spec.python is not None:
        module = spec.python.partition(":")[0]
        top = module.partition(".")[0]
        if not _modules(module, [study.path]) and importlib.util.find_spec(top) is None:
            message = f"there is no module `{top}` in the study folder, nor is one installed"
            yield wrong(message, "python", spec.python)
    elif shutil.which(program_of(study, spec)) is None:
        program = (spec.command or ("",))[0]
        yield wrong(f"there is no program `{program}`, or it may not be executed", "command", program)


def _weights(model: Path) -> list[Path]:
    """Files beside an ONNX model that it names: weights too large for the model's own file."""
    content = model.read_bytes()
    beside = (path for path in model.parent.iterdir() if path != model and path.is_file())
    return [path for path in beside if path.name.encode() in content]


def _of_command(study: Study, command: Sequence[str]) -> set[Path]:
    """Files that a command names, as an argument or after `=`, with the modules that scripts import."""
    found: set[Path] = set()
    for place, part in enumerate(command):
        if "{" in part:
            continue
        named = _modules(part, [study.path]) if place and command[place - 1] == "-m" else []
        for text in (part, part.partition("=")[2]):
            named += _named(study, text)
        for path in named:
            found |= _closure([path], [study.path, path.parent])
    return found


def _named(study: Study, text: str) -> list[Path]:
    """The file of the study that an argument may name; of a folder that Python runs, all of its code."""
    try:
        path = readable(study, text) if text else None
        if path is not None and path.is_file():
            return [path]
        if path is not None and (path / "__main__.py").is_file():
            return _code_below(path)
    except (OSError, ValueError):  # code in a line is no path
        pass
    return []


def _modules(name: str, folders: Iterable[Path]) -> list[Path]:
    """Files of a module and of the packages it lies in, below some folders; of a package all of its code."""
    found: list[Path] = []
    parts = [*takewhile(str.isidentifier, name.split("."))]
    for folder in folders if parts else ():
        if (folder / parts[0] / "__init__.py").is_file():
            found += _code_below(folder / parts[0])
            continue
        for n in range(1, len(parts) + 1):
            place = folder.joinpath(*parts[:n])
            named = [place.with_name(place.name + ending) for ending in (".py", *EXTENSION_SUFFIXES)]
            named += [place / "__init__.py", place / "__main__.py"]
            found += [path for path in named if path.is_file()]
    return found


def _code_below(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.suffix in CODE and path.is_file()]


def _closure(start: Iterable[Path], folders: Sequence[Path]) -> set[Path]:
    """Some files of code, and everything that they import from these folders, whatever imports it."""
    found: set[Path] = set()
    waiting = list(start)
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        if path.suffix == ".py":
            for name, places in _imports(path, folders):
                waiting += _modules(name, places)
    return found


def _imports(path: Path, folders: Sequence[Path]) -> Iterator[tuple[str, Sequence[Path]]]:
    """Names of modules that a file may import, and where they are looked for.

    Texts that read like a module's name count, too, for modules that are imported by their name.
    """
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((one.name, folders) for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            places = [path.parents[node.level - 1]] if node.level else folders
            for one in node.names:
                yield ".".join(filter(None, (node.module, one.name))), places
        elif isinstance(node, ast.Constant) and _is_name(node.value):
            yield str(node.value), folders


def _is_name(value: object) -> bool:
    return isinstance(value, str) and all(part.isidentifier() for part in value.split("."))
