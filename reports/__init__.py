"""Reports: figures, the PDF and HTML report, and exports. They show what was computed elsewhere."""

from __future__ import annotations

from . import comparison
from .report import report

__all__ = ["comparison", "report"]
