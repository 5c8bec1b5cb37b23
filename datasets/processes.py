"""Processes of this machine: whether one that left something behind is still at work."""

from __future__ import annotations

import os


def alive(process: int) -> bool:
    """Whether a process of this machine is running; one that may not be looked at counts as running.

    Example:
        >>> alive(os.getpid())
        True
    """
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
