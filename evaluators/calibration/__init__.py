"""Predicted probabilities against what happened."""
