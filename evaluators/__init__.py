"""Statistics that know which rows belong to one subject: metrics, intervals, resampling. NumPy in and out."""
