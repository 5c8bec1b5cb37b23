"""The table of reference by test."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..codes import check_codes
from ..metric import IntArray


def confusion(reference: ArrayLike, test: ArrayLike, n_levels: int) -> IntArray:
    """Counts of units by reference level (rows) and test level (columns).

    Args:
        reference: (n,) integer codes from 0 to `n_levels` - 1.
        test: (n,) likewise.
        n_levels: Number of levels, those without units included.

    Returns:
        (n_levels, n_levels) counts.

    Raises:
        ValueError: Lengths differ, values are not integer codes, or a code lies outside the levels.

    Example:
        >>> confusion([0, 0, 1, 2], [0, 1, 1, 2], 3)
        array([[1, 1, 0],
               [0, 1, 0],
               [0, 0, 1]])
    """
    rows, columns = np.asarray(reference), np.asarray(test)
    if rows.shape != columns.shape or rows.ndim != 1:
        raise ValueError(f"`reference` {rows.shape} and `test` {columns.shape} must be of one length.")
    check_codes("reference", rows, n_levels)
    check_codes("test", columns, n_levels)
    code: NDArray[Any] = rows.astype(np.int64) * n_levels + columns.astype(np.int64)
    return np.bincount(code, minlength=n_levels * n_levels).reshape(n_levels, n_levels).astype(np.int64)
