"""What a run rests on: inputs with their hashes, the protocol, the versions of everything, the machine."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SCHEMA = "accordance/manifest/1"
PACKAGES = (
    "accordance",
    "numpy",
    "scipy",
    "polars",
    "duckdb",
    "pyarrow",
    "pydantic",
    "ruamel.yaml",
    "threadpoolctl",
)


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, as hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def sha256_text(text: str) -> str:
    """SHA-256 of a text in UTF-8, as hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def tool_version() -> str:
    """The version of Accordance that runs."""
    from .. import __version__  # noqa: PLC0415 - the root imports this package lazily, and so does this

    return __version__


def packages() -> dict[str, str]:
    """Versions of the packages that take part in a number."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    found["accordance"] = tool_version()
    return found


def environment() -> dict[str, Any]:
    """Interpreter, platform, processor and linear algebra. Nothing that names the machine or its user."""
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpu": cpu_name(),
        "cpu_count": os.cpu_count(),
        "byte_order": sys.byteorder,
        "linear_algebra": linear_algebra(),
        "packages": packages(),
    }


def cpu_name() -> str:
    """The processor's name, as far as the system tells."""
    info = Path("/proc/cpuinfo")
    try:
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.lower().startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def linear_algebra() -> list[dict[str, str]]:
    """The linear algebra libraries loaded, which last digits can depend on."""
    import numpy as np  # noqa: F401, PLC0415 - loads the library that is asked about
    from threadpoolctl import threadpool_info  # type: ignore[import-untyped]  # noqa: PLC0415

    keys = ("internal_api", "version", "architecture")
    found = [{key: str(entry[key]) for key in keys if entry.get(key)} for entry in threadpool_info()]
    return sorted(found, key=str)


def manifest(
    *,
    run: Mapping[str, Any],
    inputs: list[dict[str, Any]],
    protocol_sha256: str,
    study_files: Mapping[str, str],
    seed: int,
    arguments: Mapping[str, Any],
    versions: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The content of manifest.json.

    Args:
        run: Id and times of the run.
        inputs: One entry a table and version: files with SHA-256 and size, rows, content hash.
        protocol_sha256: Hash of the canonical protocol.
        study_files: study.yaml, protocol, lock and sections with their SHA-256, by path in the study.
        seed: The protocol's seed.
        arguments: What the run was asked for.
        versions: One entry a version: `algorithm@version`, hash of its outputs, its artefact.
    """
    return {
        "schema": SCHEMA,
        "run": dict(run),
        "protocol_sha256": protocol_sha256,
        "seed": seed,
        "arguments": dict(arguments),
        "study_files": dict(sorted(study_files.items())),
        "inputs": inputs,
        "versions": [dict(one) for one in versions],
        "environment": environment(),
    }
