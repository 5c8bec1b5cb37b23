"""Agreement of two measurements: limits of agreement, errors, and what they assume."""
