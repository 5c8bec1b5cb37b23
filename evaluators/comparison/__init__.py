"""Versions, groups and hypotheses compared."""
