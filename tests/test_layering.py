"""The rules of the house, held by reading the source: who may import whom, how long a module may be.

CONTRIBUTING.md, "Layout", says why.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("evaluators", "protocols", "datasets", "studies", "reports", "app")
ENTRY_SCRIPTS = {"app/entry.py"}
"""Run as a script by Streamlit, without a package around them: they import `accordance` by name."""

# What a folder may import from outside the standard library; None: anything that pyproject.toml declares.
OUTSIDE: dict[str, set[str] | None] = {
    "evaluators": {"numpy", "scipy", "sklearn", "statsmodels"},
    "protocols": {"pydantic", "pydantic_core", "ruamel"},
    "datasets": None,
    "studies": None,
    "reports": None,
    "app": None,
}
STATISTICS = {"scipy", "sklearn", "statsmodels"}
LONG, TOO_LONG = 450, 800


def modules() -> list[Path]:
    """Every product module, relative to the root."""
    found = [path for layer in LAYERS for path in (ROOT / layer).rglob("*.py")]
    return sorted(path.relative_to(ROOT) for path in [*found, ROOT / "__init__.py"])


def tree(module: Path) -> ast.Module:
    """A module, parsed."""
    return ast.parse((ROOT / module).read_text(encoding="utf-8"), str(module))


def imports(module: Path) -> Iterator[tuple[int, str, bool]]:
    """(line, dotted name from the root of the package or outside, whether it is one of ours)."""
    package = module.parent.parts
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, False
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.lineno, node.module or "", False
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1]
            inner = [*base, *(node.module or "").split(".")] if node.module else list(base)
            for alias in node.names:
                yield node.lineno, ".".join([*inner, alias.name]), True


def problems(check: Callable[[Path], Iterator[str]]) -> list[str]:
    """What a rule finds over all modules."""
    return [f"{module}:{problem}" for module in modules() for problem in check(module)]


def test_the_walk_finds_the_house() -> None:
    found = {module.parts[0] for module in modules()}
    assert found == {*LAYERS, "__init__.py"}


def test_a_folder_imports_only_from_folders_above_it() -> None:
    def check(module: Path) -> Iterator[str]:
        if module == Path("__init__.py"):
            return
        allowed = LAYERS[: LAYERS.index(module.parts[0]) + 1]
        for line, name, ours in imports(module):
            top = name.split(".")[0]
            if ours and top in LAYERS and top not in allowed:
                yield f"{line}: {module.parts[0]} must not import {name}"

    assert problems(check) == []


def test_imports_inside_the_package_are_relative() -> None:
    def check(module: Path) -> Iterator[str]:
        if str(module) in ENTRY_SCRIPTS:
            return
        for line, name, ours in imports(module):
            if not ours and name.split(".")[0] in {"accordance", *LAYERS}:
                yield f"{line}: import {name} by a relative import"

    assert problems(check) == []


def test_a_folder_uses_only_the_libraries_of_its_work() -> None:
    def check(module: Path) -> Iterator[str]:
        allowed = OUTSIDE.get(module.parts[0])
        for line, name, ours in imports(module):
            top = name.split(".")[0]
            if ours or top in sys.stdlib_module_names or top in {"accordance", "__future__"}:
                continue
            if allowed is not None and top not in allowed:
                yield f"{line}: {module.parts[0]} must not use {top}"
            if module.parts[0] in {"reports", "app"} and top in STATISTICS:
                yield f"{line}: {module.parts[0]} shows numbers and must not compute them with {top}"

    assert problems(check) == []


def test_every_library_that_is_imported_is_declared() -> None:
    names = {"scikit-learn": "sklearn", "ruamel.yaml": "ruamel", "markdown-it-py": "markdown_it"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[<>=\[; ]", text)[0].lower() for text in project["dependencies"]}
    accepted = {names.get(name, name.replace("-", "_")) for name in declared}

    def check(module: Path) -> Iterator[str]:
        for line, name, ours in imports(module):
            top = name.split(".")[0]
            if not ours and top not in {*sys.stdlib_module_names, *accepted, "accordance"}:
                yield f"{line}: {top} is not among the dependencies of pyproject.toml"

    assert problems(check) == []


def test_datasets_has_no_face() -> None:
    """With an `__init__.py`, `import datasets` from the checkout would shadow the library of that name."""
    assert not (ROOT / "datasets" / "__init__.py").exists()


def test_faces_only_re_export() -> None:
    def check(module: Path) -> Iterator[str]:
        if module.name != "__init__.py" or len(module.parts) != 2:
            return
        for node in tree(module).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                yield f"{node.lineno}: {node.name} belongs into a module; __init__.py only re-exports"

    assert problems(check) == []


@pytest.mark.parametrize("limit", [LONG, TOO_LONG])
def test_modules_stay_rooms(limit: int) -> None:
    """Nothing above 800 lines; above 450, no more than one module in ten."""
    sizes = {str(module): len((ROOT / module).read_text("utf-8").splitlines()) for module in modules()}
    long = {name: size for name, size in sizes.items() if size > limit}
    assert len(long) <= (len(sizes) // 10 if limit == LONG else 0), long


def test_product_code_does_not_assert() -> None:
    """`python -O` removes assertions; what must hold is checked and raised."""

    def check(module: Path) -> Iterator[str]:
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.Assert):
                yield f"{node.lineno}: assert"

    assert problems(check) == []


def test_nothing_is_left_unfinished() -> None:
    words = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|NotImplementedError)\b")

    def check(module: Path) -> Iterator[str]:
        for number, line in enumerate((ROOT / module).read_text(encoding="utf-8").splitlines(), 1):
            if words.search(line):
                yield f"{number}: {line.strip()}"

    assert problems(check) == []


def project_files() -> list[Path]:
    """The files under version control, or what a walk finds where there is no git."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout.split("\0")
        return [ROOT / name for name in listed if name]
    except (OSError, subprocess.CalledProcessError):
        return [ROOT / module for module in modules()]


def test_no_file_names_somebodys_machine() -> None:
    """Paths of one machine make a project that only its author can follow."""
    path = re.compile(r"(?<![\w.}])/(?:work|root|farm|home/[a-z]+|Users/[A-Za-z]+)/")
    found = []
    for file in project_files():
        if not file.is_file() or file.name == "uv.lock":
            continue
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{file.relative_to(ROOT)}: {match[0]}" for match in path.finditer(text)]
    assert found == []


def test_the_wheel_holds_every_folder() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    assert set(included) == {"__init__.py", "py.typed", *LAYERS}


def test_the_checkout_is_importable_through_its_link() -> None:
    link = ROOT / ".links" / "accordance"
    assert link.is_symlink()
    assert link.resolve() == ROOT
