"""Accordance: clinical validation studies of wearable algorithms, from protocol to report."""

__version__ = "0.1.0"
