"""Sample size, power and precision: how many subjects a study needs, step by step."""
