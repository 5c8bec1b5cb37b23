"""Readers of what devices write: one module a format."""
