"""The program as a hash: what was kept of an earlier run serves only the code that made it."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import scipy


@cache
def program(*folders: str) -> str:
    """Hash of the code in folders of the package, and of the engines' versions: other code, other numbers."""
    digest = hashlib.sha256(f"{pl.__version__} {np.__version__} {scipy.__version__}".encode())
    root = Path(__file__).resolve().parent.parent
    for folder in folders:
        for file in sorted((root / folder).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()
