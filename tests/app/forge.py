"""A build server for tests: the shell steps that `init --ci` wrote, run by bash as the forge runs them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from ruamel.yaml import YAML

PYTHON = """\
#!/usr/bin/env bash
# pip is not asked for anything: what is to be installed is there.
case "$*" in
  "-m pip cache dir") echo "$HOME/pip" ;;
  "-m pip "*) echo "$@" >> "$PIP_LOG" ;;
  *) exec {python} "$@" ;;
esac
"""


@dataclass
class Done:
    """What a job left.

    Attributes:
        code: Its exit code.
        log: What it printed.
        answer: Folder of its artefacts.
        page: What it wrote on the page of the workflow's run.
        outputs: Step -> name -> value.
        pip: What pip was asked for.
    """

    code: int
    log: str
    answer: Path
    page: str = ""
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    pip: str = ""


class Forge:
    """Runs a repository's job.

    Args:
        repository: Checked out.
        temporary: The runner's own folder.
    """

    def __init__(self, repository: Path, temporary: Path) -> None:
        self.repository, self.temporary = repository, temporary
        tools = temporary / "tools"
        tools.mkdir(parents=True)
        (tools / "python").write_text(PYTHON.format(python=sys.executable), encoding="utf-8")
        (tools / "python").chmod(0o755)
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "CI_"))
        }
        self.environment = {
            **environment,
            "PATH": os.pathsep.join([str(tools), str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PIP_LOG": str(temporary / "pip.log"),
        }

    def github(self, **changed: str) -> Done:
        """The composite action as the workflow uses it, with some of its inputs changed."""
        root = self.repository / ".github"
        action = YAML(typ="safe").load(root / "actions" / "accordance" / "action.yml")
        workflow = YAML(typ="safe").load(root / "workflows" / "accordance.yml")
        used = workflow["jobs"]["gate"]["steps"][-1]["with"]
        inputs = {name: str(one.get("default", "")) for name, one in action["inputs"].items()}
        inputs |= {**used, **{name.replace("_", "-"): value for name, value in changed.items()}}
        done = Done(0, "", self.temporary / "accordance")
        for at, step in enumerate(action["runs"]["steps"]):
            always = "always()" in str(step.get("if", ""))
            if "run" in step and (done.code == 0 or always):
                self._step(step, at, inputs, done)
        done.pip = self._text("pip.log")
        done.page = self._text("page.md")
        return done

    def gitlab(self, **changed: str) -> Done:
        """The job, with some of its variables changed."""
        job = YAML(typ="safe").load(self.repository / ".gitlab-ci.yml")["accordance"]
        variables = {
            **job["variables"],
            **{f"ACCORDANCE_{name.upper()}": value for name, value in changed.items()},
        }
        code, log = self._bash("\n".join(job["script"]), variables)
        return Done(code, log, self.repository / "accordance-answer", pip=self._text("pip.log"))

    def _step(self, step: dict, at: int, inputs: dict[str, str], done: Done) -> None:
        output = self.temporary / f"output-{at}"
        output.touch()
        given = {name: self._filled(str(value), inputs, done) for name, value in step.get("env", {}).items()}
        files = {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(self.temporary / "page.md")}
        code, log = self._bash(step["run"], {**given, **files})
        done.code = done.code or code
        done.log += log
        if "id" in step:
            lines = output.read_text(encoding="utf-8").splitlines()
            done.outputs[step["id"]] = dict(line.split("=", 1) for line in lines)

    def _filled(self, text: str, inputs: dict[str, str], done: Done) -> str:
        """A text with its `${{ ... }}` evaluated."""

        def value(match: re.Match[str]) -> str:
            kind, *rest = match[1].split(".")
            if kind == "inputs":
                return inputs[rest[0]]
            if kind == "steps":
                return done.outputs[rest[0]][rest[2]]
            assert match[1] == "runner.temp"
            return str(self.temporary)

        return re.sub(r"\$\{\{ ([\w.-]+) \}\}", value, text)

    def _bash(self, script: str, environment: dict[str, str]) -> tuple[int, str]:
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.repository,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=250,
            check=False,
        )
        return done.returncode, done.stdout

    def _text(self, name: str) -> str:
        file = self.temporary / name
        return file.read_text(encoding="utf-8") if file.is_file() else ""
