"""Batches of subjects: how long tables are cut so that each piece fits in memory and can be kept."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

TARGET_ROWS = 2_500_000
"""Rows of a batch unless memory asks for fewer: enough that cutting costs little, half a gigabyte at most."""

UNDER, OVER = 0.75, 1.2
"""Times the rows of a batch that a file has at least and at most to be one by itself."""

SMALLEST_ROWS = 50_000
"""Rows below which a batch is not cut any further for memory's sake."""

BYTES_A_ROW = 200
"""Memory that a row of a batch takes at most while it is read, aligned and paired, as measured: beats with an
activity beside seconds of a wrist, clocks aligned."""

BYTES_AT_REST = 400 * 2**20
"""Memory of the program itself, whatever the batches."""


def cut(
    counts: Sequence[Mapping[str, int]],
    target: int = TARGET_ROWS,
    files: Iterable[Collection[str]] = (),
    ends: Collection[str] = (),
) -> list[tuple[str, ...]]:
    """Subjects in order, in batches of about so many rows: whole subjects, at least one each.

    The cuts depend on the subjects, their rows and files alone, so that a batch that was computed before is
    found again. A file that holds several subjects is not cut through where that can be helped, so that it is
    read once. A file that fills batches of its own is cut into equal ones, so that none needs a second
    file for its last few rows; one that nearly fills a batch is one.

    Args:
        counts: For each table, subject -> rows.
        target: Rows at which a batch is full; with files that are not to be cut through, at most twice that.
        files: The subjects of each file in which several lie among each other.
        ends: The last subject of each file in which subjects stand one after the other.

    Returns:
        Batches of subjects; each subject of any table is in exactly one.

    Example:
        >>> cut([{"001": 3, "002": 2, "003": 4}, {"001": 1, "004": 9}], target=6)
        [('001', '002'), ('003', '004')]
        >>> cut([{"001": 3, "002": 3, "003": 3}], target=5, files=[["001", "002", "003"]])
        [('001', '002', '003')]
        >>> cut([{"001": 3, "002": 3, "003": 3, "004": 3, "005": 3}], target=5, ends=["004", "005"])
        [('001', '002'), ('003', '004'), ('005',)]
    """
    rows: dict[str, int] = {}
    for table in counts:
        for subject, count in table.items():
            rows[subject] = rows.get(subject, 0) + count
    inside, last = _inside(files), set(ends)
    batches: list[tuple[str, ...]] = []
    batch: list[str] = []
    full = 0
    for stretch in _stretches(sorted(rows), last):
        own = sum(rows[subject] for subject in stretch)
        alone = own > UNDER * target and len(stretch) > 1 and stretch[-1] in last
        enough = own / math.ceil(own / (OVER * target)) if alone else target
        if alone and batch:
            batches.append(tuple(batch))
            batch, full = [], 0
        for subject in stretch:
            # where a file is cut into equal batches, each ends at the subject nearest to its share
            over = full + rows[subject] / 2 > enough if alone else full >= enough
            if batch and over and (subject not in inside or full + rows[subject] > 2 * target):
                batches.append(tuple(batch))
                batch, full = [], 0
            batch.append(subject)
            full += rows[subject]
        if alone:
            batches.append(tuple(batch))
            batch, full = [], 0
    return [*batches, tuple(batch)] if batch else batches


def _stretches(subjects: Sequence[str], ends: Collection[str]) -> list[list[str]]:
    """Subjects in order, cut behind those at the end of a file."""
    found: list[list[str]] = [[]]
    for subject in subjects:
        found[-1].append(subject)
        if subject in ends:
            found.append([])
    return found if found[-1] else found[:-1]


def _inside(files: Iterable[Collection[str]]) -> set[str]:
    """Subjects before whom a cut goes through a file: all of a file's but the first."""
    return {subject for file in files if len(file) > 1 for subject in file if subject != min(file)}


def target_rows(memory: int | None, workers: int) -> int:
    """Rows of a batch so that all workers together stay within a memory budget.

    Halved from `TARGET_ROWS` until it fits, so that few sizes occur and batches are found again.

    Args:
        memory: Bytes for the whole program; None: no limit.
        workers: Batches at work at the same time.

    Example:
        >>> target_rows(None, 8), target_rows(2**30, 2)
        (2500000, 1250000)
    """
    target = TARGET_ROWS
    room = None if memory is None else memory - BYTES_AT_REST
    while room is not None and target * BYTES_A_ROW * workers > room and target > SMALLEST_ROWS:
        target //= 2
    return target


def bytes_from_text(text: str) -> int:
    """A size such as `4GB` or `500 MB` in bytes (powers of 1024).

    Raises:
        ValueError: It is not a number with one of the units.

    Example:
        >>> bytes_from_text("1.5 GB"), bytes_from_text("2048")
        (1610612736, 2048)
    """
    units = {"": 1, "B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30, "TB": 2**40}
    compact = text.strip().upper().replace(" ", "").replace("IB", "B")
    number = compact.rstrip("BKMGT")
    unit = compact[len(number) :]
    if unit in {"K", "M", "G", "T"}:
        unit += "B"
    try:
        size = float(number) * units[unit]
    except (ValueError, KeyError):
        size = -1.0
    if not size > 0:
        raise ValueError(f"expected a size such as 4GB or 500MB, found {text!r}")
    return int(size)
