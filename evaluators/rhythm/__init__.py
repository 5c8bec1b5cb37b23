"""Heart rhythm: beats, runs, episodes and measurements of a test annotator against a reference.

The counts are those of the programs of the WFDB Software Package that ANSI/AAMI EC57 and IEC 60601-2-47 name:
`bxb` (beats), `rxr` (runs), `epicmp` (episodes), `mxm` (measurements) and `sumstats` (summaries).
"""
