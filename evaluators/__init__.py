"""Statistics: metrics, intervals and resampling that know which rows belong to one subject. NumPy in and out."""
