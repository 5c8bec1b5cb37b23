"""A file of 10 GB where 10 MB are meant: noticed before it is read, not when memory is full."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..protocols.errors import ContractError, Violation

SHOWN = 5
"""How many of the largest files are named."""

_MEMINFO = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")


def available() -> int | None:
    """Bytes of memory that can be had, as far as the system tells: free, and within a container's limit."""
    found = []
    try:
        lines = _MEMINFO.read_text(encoding="ascii").splitlines()
        found += [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    except (OSError, ValueError, IndexError):
        pass
    try:
        most = int((_GROUP / "memory.max").read_text(encoding="ascii"))
        found.append(most - int((_GROUP / "memory.current").read_text(encoding="ascii")))
    except (OSError, ValueError):  # no container, or no limit (`max`)
        pass
    if not found and hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return max(min(found), 0) if found else None


def check_size(
    files: Sequence[tuple[str, int]], limit: int | None, *, takes: int | None = None, key: str | None = None
) -> None:
    """Refuse files that cannot be held in memory.

    Args:
        files: Each file as the study knows it, with its bytes.
        limit: Bytes that may be taken; None: nothing is refused.
        takes: Bytes that reading takes at least, where it is not what the files hold: a compressed file
            takes more, one of which few columns are read takes less.
        key: Dotted path of the source, for messages.

    Raises:
        ContractError: They take more; the largest are named.

    Example:
        >>> check_size([("data/hr.csv", 12_000_000)], 4_000_000_000)
        >>> check_size([("data/hr.csv", 10_000_000_000)], 4_000_000_000)
        Traceback (most recent call last):
        accordance.protocols.errors.ContractError: data/hr.csv: ...
    """
    total = sum(size for _, size in files)
    needed = total if takes is None else takes
    if limit is None or needed <= limit:
        return
    largest = sorted(files, key=lambda one: (-one[1], one[0]))
    examples = [f"{name}: {_words(size)}" for name, size in largest[:SHOWN]]
    if len(files) > SHOWN:
        examples.append(f"and {len(files) - SHOWN:,} more")
    message = (
        f"too large to be read whole: {_words(total)} in {len(files):,} file{'' if len(files) == 1 else 's'} "
        f"take at least {_words(needed)} of memory, and {_words(limit)} may be taken. Is it the right file? "
        "Accepted: fewer rows; Parquet, of which only the columns of the contract are read, and streams some "
        "subjects at a time; or more memory (`--memory`)."
    )
    violation = Violation(
        message, file=largest[0][0], key=key, found=_words(largest[0][1]), examples=tuple(examples)
    )
    raise ContractError([violation])


def _words(size: int) -> str:
    """A size for people.

    Example:
        >>> _words(10_000_000_000), _words(999)
        ('9.31 GB', '999 B')
    """
    number, unit = float(size), "B"
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if number < 1024 or unit == "TB":
            break
        number /= 1024
    return f"{number:.3g} {unit}" if unit != "B" else f"{size} B"
