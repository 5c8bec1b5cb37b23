"""Files of an artifact of Weights & Biases, through its own library."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from .trackers import WANDB

PARTS = 3
"""Parts of an address that name an artifact: entity, project, and name with its version."""


class WandbArtifact:
    """One version of an artifact.

    Args:
        name: `entity/project/name:version`; an alias such as `latest` in place of the version is looked up.
        server: The server; None: the one that the user's configuration names.
    """

    def __init__(self, name: str, server: str | None) -> None:
        self.name, self.server = name, server

    @cached_property
    def _artifact(self) -> Any:
        overrides = {"base_url": self.server} if self.server else None
        return WANDB.load().Api(overrides=overrides).artifact(self.name)

    def files(self, below: str) -> Iterator[tuple[str, int, int, str]]:
        """Path, bytes, time (unknown, 0) and digest of every file at a path or below it."""
        for path, entry in self._artifact.manifest.entries.items():
            inside = not below or path == below or path.startswith(f"{below}/")
            if inside and entry.ref is None:  # a reference is a file elsewhere, and read from there
                yield path, int(entry.size or 0), 0, str(entry.digest)

    def fetch(self, path: str, folder: Path) -> Path:
        """Download a file below a folder."""
        return Path(self._artifact.get_entry(path).download(root=str(folder), skip_cache=True))

    def origin(self) -> dict[str, Any]:
        """What the artifact says of itself, and the run that logged it: id, commit and configuration."""
        run = self._artifact.logged_by()
        return {
            "tracker": WANDB.name,
            "artifact": self._artifact.qualified_name,
            "version": self._artifact.version,
            "run": None if run is None else run.id,
            "name": None if run is None else run.name,
            "repository": None,
            "commit": None if run is None else run.commit,
            "parameters": {} if run is None else dict(sorted(run.config.items())),
        }

    @staticmethod
    def absent(error: Exception) -> bool:
        """Whether an error says that there is no such artifact."""
        return "not found" in str(error)
