"""What the batches of a pairing were made from the last time, so that one can say what is new."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..datasets.store import Store


def remember(store: Store, pairing: str, version: str, inputs: Mapping[str, Mapping[str, str]]) -> None:
    """Note what each batch was made from.

    Args:
        store: Where.
        pairing: Whose batches.
        version: Likewise.
        inputs: Subjects of a batch, joined by commas -> kind of input -> hash.
    """
    file = _file(store, pairing, version)
    partial = file.with_suffix(f".{os.getpid()}")
    with contextlib.suppress(OSError):  # a convenience: without the note it is said that batches are new
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(inputs), encoding="utf-8")
        partial.replace(file)


def remembered(store: Store, pairing: str, version: str) -> Mapping[str, Any]:
    """What was noted last; nothing where there is no such note or it cannot be read."""
    try:
        found = json.loads(_file(store, pairing, version).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _file(store: Store, pairing: str, version: str) -> Path:
    return store.folder / "last" / f"{pairing}@{version}.json"
