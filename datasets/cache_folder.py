"""Where a study keeps what can be computed again: hashes of files, prepared statistics."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "ACCORDANCE_CACHE"
"""Environment variable that names another folder, such as one on a local disk for studies on a shared one."""

FOLDER = ".accordance/cache"
"""The default, inside the study folder."""


def cache_folder(study: Path) -> Path:
    """The cache folder of a study. It may not exist yet, and may be deleted at any time.

    Args:
        study: The study folder.

    Example:
        >>> cache_folder(Path("study")).as_posix()
        'study/.accordance/cache'
    """
    elsewhere = os.environ.get(VARIABLE, "").strip()
    return Path(elsewhere).expanduser() if elsewhere else study / FOLDER
