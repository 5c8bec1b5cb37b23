"""A score against a binary reference: ROC and precision-recall curves."""
