"""Proportions of units, independent or clustered in subjects, and their intervals."""
