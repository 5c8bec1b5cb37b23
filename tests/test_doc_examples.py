"""Every example in docstrings, README and tutorials is run as it stands, so that none can rot.

Docstrings: doctest, one case a module. Pages: README.md, tutorials and a guide, each from top to bottom in an
empty folder of its own, as a reader would follow it:

- ```` ```console ````: each line that starts with `$ ` is run by bash in the page's folder and must succeed;
  the lines below it are what it prints (`...` stands for anything; white space is not compared).
- ```` ```python ````: run in one namespace a page; with `>>>` prompts the output is compared.
- ```` ```LANGUAGE title="path" ````: the reader saves this text under that path.
- a block below the comment `<!-- not run: reason -->` is left alone.
"""

from __future__ import annotations

import doctest
import importlib
import os
import re
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("evaluators", "protocols", "datasets", "studies", "reports", "app")
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs" / "tutorial").glob("*.md")),
    ROOT / "docs" / "guide" / "new-measure.md",
    ROOT / "docs" / "guide" / "sleep.md",
]
FENCE = re.compile(
    r"(?P<skip><!-- not run: [^>]+ -->\s*\n)?"
    r"^(?P<indent> *)```(?P<language>\w+)(?P<options>[^\n]*)\n(?P<body>.*?)^(?P=indent)```\s*$",
    re.DOTALL | re.MULTILINE,
)
TITLE = re.compile(r'title="([^"]+)"')


def modules_with_examples() -> list[str]:
    """Dotted names of the modules whose docstrings hold an example."""
    paths = [path for layer in LAYERS for path in (ROOT / layer).rglob("*.py")]
    found = []
    for path in sorted([*paths, ROOT / "__init__.py"]):
        if ">>> " in path.read_text(encoding="utf-8"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found.append(".".join(["accordance", *parts]).removesuffix(".__init__"))
    return found


@pytest.mark.parametrize("name", modules_with_examples())
def test_docstring_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    module = importlib.import_module(name)
    results = doctest.testmod(module, optionflags=OPTIONS)
    assert results.attempted > 0
    assert results.failed == 0, "the differences are in the captured output"


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    title: str | None
    body: str
    line: int


def blocks(page: Path) -> list[Block]:
    """The blocks of a page that a reader acts upon, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in FENCE.finditer(text):
        if match["skip"]:
            continue
        title = TITLE.search(match["options"])
        indent = match["indent"]
        body = "\n".join(line.removeprefix(indent) for line in match["body"].split("\n"))
        line = text[: match.start("language")].count("\n") + 1
        found.append(Block(match["language"], title[1] if title else None, body, line))
    return found


def commands(body: str) -> list[tuple[str, str]]:
    """(command, expected output) pairs of a console block."""
    found: list[tuple[str, str]] = []
    continued = False
    for line in body.rstrip("\n").split("\n"):
        if continued:
            found[-1] = (f"{found[-1][0]}\n{line}", "")
        elif line.startswith("$ "):
            found.append((line[2:], ""))
        else:
            found[-1] = (found[-1][0], f"{found[-1][1]}{line}\n")
        continued = line.endswith("\\") and (continued or line.startswith("$ "))
    return found


def tidy(text: str) -> str:
    """Lines without white space at their ends, and none empty."""
    return "".join(f"{line.strip()}\n" for line in text.split("\n") if line.strip())


def pattern(expected: str) -> re.Pattern[str]:
    """What the page prints: `...` alone on a line is any number of lines, inside a line any text."""
    parts = []
    for line in tidy(expected).splitlines():
        if line == "...":
            parts.append(r"(?:.*\n)*?")
        else:
            words = [
                r"[^\n]*?".join(re.escape(piece) for piece in word.split("...")) for word in line.split()
            ]
            parts.append(r"[ \t]+".join(words) + r"\n")
    return re.compile("".join(parts))


class Reader:
    """Somebody who follows a page in an empty folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[str, Any] = {"__name__": "__page__"}
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "COLUMNS": "100",
            "NO_COLOR": "1",
            "TERM": "dumb",
        }

    def act(self, block: Block, where: str) -> None:
        """Save, type or run what the block says."""
        if block.title:
            path = self.folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.body, encoding="utf-8")
        elif block.language == "console":
            for command, expected in commands(block.body):
                self.type(command, expected, where)
        elif block.language == "python" and ">>> " in block.body:
            test = doctest.DocTestParser().get_doctest(block.body, self.names, where, where, block.line)
            runner = doctest.DocTestRunner(optionflags=OPTIONS)
            runner.run(test, clear_globs=False)
            self.names.update(test.globs)
            assert runner.summarize(verbose=False).failed == 0, f"{where}: see the captured output"
        elif block.language == "python":
            exec(compile(block.body, where, "exec"), self.names)

    def type(self, command: str, expected: str, where: str) -> None:
        """One command at the prompt; `cd` lasts."""
        marker = "@@folder@@"
        done = subprocess.run(
            ["bash", "-c", f"set -e -o pipefail\n{command}\necho {marker}$PWD"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        said = f"{where}: $ {command}\n{done.stdout}\n{done.stderr}"
        assert done.returncode == 0, f"exit code {done.returncode}\n{said}"
        output, _, folder = done.stdout.rpartition(marker)
        self.folder = Path(folder.strip())
        if expected.strip():
            assert pattern(expected).fullmatch(tidy(output)), f"expected:\n{expected}\n{said}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_works_as_written(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader(tmp_path)
    found = blocks(page)
    assert any(block.language in {"console", "python"} for block in found), "a page to follow, without a step"
    for block in found:
        monkeypatch.chdir(reader.folder)
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            reader.act(block, f"{page.relative_to(ROOT)}:{block.line}")


def test_a_page_that_does_not_hold_is_noticed(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    right = Block("console", None, "$ mkdir a && cd a\n$ echo one two; \\\n  echo three\none ...\nthree\n", 1)
    reader.act(right, "page:1")
    assert reader.folder == tmp_path / "a"
    for body in ("$ echo one\ntwo\n", "$ false\n"):
        with pytest.raises(AssertionError, match="page:1"):
            reader.act(Block("console", None, body, 1), "page:1")
    with pytest.raises(AssertionError, match="page:1"):
        reader.act(Block("python", None, ">>> 1 + 1\n3\n", 1), "page:1")


def test_blocks_are_found_with_their_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        '```yaml title="study.yaml"\na: 1\n```\n\n<!-- not run: it serves until stopped -->\n'
        "```console\n$ accordance app\n```\n\n1. step\n\n    ```python\n    x = 1\n    ```\n",
        encoding="utf-8",
    )
    found = blocks(page)
    assert [(block.language, block.title, block.body) for block in found] == [
        ("yaml", "study.yaml", "a: 1\n"),
        ("python", None, "x = 1\n"),
    ]
