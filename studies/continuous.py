"""Files that let a forge ask the gate on every change: an action and a workflow, or a job."""

from __future__ import annotations

import os
from pathlib import Path

from ..protocols.errors import AccordanceError, UsageError, nearest
from ..protocols.nodes import MapNode, Node, ScalarNode
from ..protocols.source import read_yaml
from .manifest import tool_version

TEMPLATES = Path(__file__).parent / "ci"
FILES: dict[str, dict[str, str]] = {
    "github": {
        ".github/actions/accordance/action.yml": "github-action.yml",
        ".github/workflows/accordance.yml": "github-workflow.yml",
    },
    "gitlab": {".gitlab-ci.yml": "gitlab-ci.yml"},
}
"""Forge -> file in the study folder -> template of it."""
PLACEHOLDERS = ("v1", "v2")
"""Baseline and candidate of a study that does not list two versions yet."""


def files(forge: str, folder: Path, config: str | Path) -> dict[str, str]:
    """The files for a forge, ready to be written.

    Args:
        forge: `github` or `gitlab`.
        folder: The study folder.
        config: Its study.yaml: the file, or the text that is about to be written.

    Returns:
        Path in the study folder -> text.

    Raises:
        UsageError: There is no template for such a forge.
    """
    if forge not in FILES:
        hint = nearest(forge, FILES)
        tail = f" Did you mean `{hint}`?" if hint else ""
        raise UsageError(f"--ci: there is no template for `{forge}`; there are: {', '.join(FILES)}.{tail}")
    baseline, candidate = _versions(config)
    values = {
        "@REQUIREMENT@": f"accordance=={tool_version()}",
        "@STUDY@": _place(folder),
        "@BASELINE@": baseline,
        "@CANDIDATE@": candidate,
    }
    return {target: _filled(TEMPLATES / name, values) for target, name in FILES[forge].items()}


def note(forge: str, folder: Path) -> str | None:
    """What to do with the files where the forge does not look for them; None where it does, or may."""
    root = repository(folder)
    if root is None or root == folder.resolve():
        return None
    names = " and ".join(dict.fromkeys(name.partition("/")[0] for name in FILES[forge]))
    looks = {"github": "GitHub", "gitlab": "GitLab"}[forge]
    return f"{looks} looks for {names} at the root of the repository only: move it to {root}"


def repository(folder: Path) -> Path | None:
    """The root of the git repository that a folder lies in, or will lie in; None where there is none."""
    place = folder.resolve()
    return next((above for above in (place, *place.parents) if (above / ".git").exists()), None)


def _filled(template: Path, values: dict[str, str]) -> str:
    text = template.read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(name, value.replace("\\", "\\\\").replace('"', '\\"'))
    return text


def _place(folder: Path) -> str:
    """The study folder as a job sees it, which starts at the root of the repository."""
    root = repository(folder)
    return "." if root is None else Path(os.path.relpath(folder.resolve(), root)).as_posix()


def _versions(config: str | Path) -> tuple[str, str]:
    """Baseline and candidate to begin with: the version that decides, and the one listed before it.

    Example:
        >>> _versions("algorithm: {decides: b, versions: {a: {}, b: {}, c: {}}}")
        ('a', 'b')
        >>> _versions("algorithm: {versions: {a: {}}}")
        ('v1', 'v2')
    """
    try:
        algorithm = _entry(read_yaml(config).root, "algorithm")
    except AccordanceError:  # a study.yaml that cannot be read is for `check` to complain about
        return PLACEHOLDERS
    versions, decides = _entry(algorithm, "versions"), _entry(algorithm, "decides")
    names = [key.text for key, _ in versions.entries] if isinstance(versions, MapNode) else []
    candidate = decides.text if isinstance(decides, ScalarNode) else (names or [""])[-1]
    if candidate not in names or len(names) < 2:
        return PLACEHOLDERS
    at = names.index(candidate)
    return names[at - 1 if at else 1], candidate


def _entry(node: Node | None, name: str) -> Node | None:
    """The value below a key of a mapping."""
    entry = node.entry(name) if isinstance(node, MapNode) else None
    return None if entry is None else entry[1]
