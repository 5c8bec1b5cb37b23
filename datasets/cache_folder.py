"""Where a study keeps what can be computed again: hashes of files, prepared statistics."""

from __future__ import annotations

import os
from pathlib import Path

from ..protocols.errors import UsageError
from .batches import bytes_from_text

VARIABLE = "ACCORDANCE_CACHE"
"""Environment variable that names another folder, such as one on a local disk for studies on a shared one."""

LIMIT_VARIABLE = "ACCORDANCE_CACHE_LIMIT"
"""Environment variable with the most that a study's kept results may take, such as `20GB`."""

FOLDER = ".accordance/cache"
"""The default, inside the study folder."""

LIMIT = 50 * 2**30
"""Bytes that are kept unless told otherwise; what was not used for longest goes first."""


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


def cache_limit() -> int:
    """Bytes that kept results may take.

    Raises:
        UsageError: The environment names no size.

    Example:
        >>> cache_limit() == LIMIT
        True
    """
    written = os.environ.get(LIMIT_VARIABLE, "").strip()
    if not written:
        return LIMIT
    try:
        return bytes_from_text(written)
    except ValueError as error:
        raise UsageError(f"{LIMIT_VARIABLE}: {error}") from None
