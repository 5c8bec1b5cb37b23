"""TP, FP, FN and TN of each subject: the table that every metric of a binary test rests on, counted once."""

from __future__ import annotations

from ..codes import check_codes
from ..metric import Columns
from ..proportions.proportion import Weighed, weighed

CELLS = ("tp", "fp", "fn", "tn")


def cell_counts(columns: Columns) -> Weighed:
    """The four cells of each subject, counted once however many metrics ask for the cells of these rows.

    Args:
        columns: Binary rows: reference and test hold codes 0 and 1.

    Raises:
        ValueError: Codes other than 0 and 1.

    Example:
        >>> import numpy as np
        >>> columns = Columns(np.array([1, 1, 0]), np.array([1, 0, 0]), np.array([0, 2, 3]))
        >>> cell_counts(columns).counted
        array([[1., 0., 1., 0.],
               [0., 0., 0., 1.]])
    """
    if "cells" not in columns.shared:
        columns.shared["cells"] = _count(columns)
    found: Weighed = columns.shared["cells"]
    return found


def _count(columns: Columns) -> Weighed:
    check_codes("reference", columns.reference, 2)
    check_codes("test", columns.test, 2)
    truth, call = columns.reference == 1, columns.test == 1
    found = weighed(columns, (truth & call, ~truth & call, truth & ~call, ~(truth | call)))
    for table in found:
        table.flags.writeable = False  # many hold it
    return found
