"""Correlations, of rows and within subjects."""
