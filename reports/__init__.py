"""Reports: figures, the PDF and HTML report, and exports. They show what was computed elsewhere."""

from __future__ import annotations

from .report import report

__all__ = ["report"]
