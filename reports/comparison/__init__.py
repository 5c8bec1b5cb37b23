"""The report of a comparison of versions: decision, improvements, who got worse, and what it rests on.

It shows what the comparison's folder holds, as every report does, and computes no number.
"""

from __future__ import annotations

from .material import Material, gather
from .write import is_comparison, write

__all__ = ["Material", "gather", "is_comparison", "write"]
