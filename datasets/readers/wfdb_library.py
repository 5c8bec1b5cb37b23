"""The wfdb package, imported when the first record is read: it takes more than a second."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def library() -> Iterator[Any]:
    """The wfdb package, without what it says of its own dependencies while it is imported and used."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import wfdb  # noqa: PLC0415

        yield wfdb
