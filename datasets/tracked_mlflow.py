"""Files of an MLflow run, through MLflow's own library."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from .trackers import MLFLOW

PARTS = 1
"""Parts of an address that name a run: its id."""
NOT_THERE = "RESOURCE_DOES_NOT_EXIST"


class MlflowRun:
    """A run of MLflow.

    Args:
        name: Its id.
        server: The tracking server; None: the one that MLFLOW_TRACKING_URI or MLflow's default names.
    """

    def __init__(self, name: str, server: str | None) -> None:
        self.name, self.server = name, server

    @cached_property
    def _client(self) -> Any:
        return MLFLOW.load().MlflowClient(tracking_uri=self.server)

    @cached_property
    def _run(self) -> Any:
        return self._client.get_run(self.name)

    def files(self, below: str) -> Iterator[tuple[str, int, int, str]]:
        """Path, bytes, time in nanoseconds and identity of every file at a path or below it."""
        ended = self._run.info.end_time  # milliseconds; None while it runs, and its files may change
        written = time.time_ns() if ended is None else int(ended) * 1_000_000
        folders = [str(PurePosixPath(below).parent).removeprefix(".") if below else ""]
        while folders:
            for one in self._client.list_artifacts(self.name, folders.pop() or None):
                inside = not below or one.path == below or one.path.startswith(f"{below}/")
                if one.is_dir and (inside or below.startswith(f"{one.path}/")):
                    folders.append(one.path)
                elif inside and not one.is_dir:
                    yield one.path, int(one.file_size or 0), written, ""

    def fetch(self, path: str, folder: Path) -> Path:
        """Download a file below a folder."""
        return Path(self._client.download_artifacts(self.name, path, str(folder)))

    def origin(self) -> dict[str, Any]:
        """What the run says of itself: id, name, commit and parameters."""
        info, data = self._run.info, self._run.data
        return {
            "tracker": MLFLOW.name,
            "run": info.run_id,
            "name": info.run_name,
            "repository": data.tags.get("mlflow.source.git.repoURL"),
            "commit": data.tags.get("mlflow.source.git.commit"),
            "parameters": dict(sorted(data.params.items())),
        }

    @staticmethod
    def absent(error: Exception) -> bool:
        """Whether an error says that there is no such run."""
        return getattr(error, "error_code", None) == NOT_THERE
