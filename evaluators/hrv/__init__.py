"""Heart rate variability of stretches of time, from the intervals between beats."""
