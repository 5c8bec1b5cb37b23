"""Reliability: concordance, intraclass correlation, repeatability."""
