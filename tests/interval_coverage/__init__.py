"""How often intervals cover: simulated studies whose true values are known, evaluated by the product's code.

`make coverage` runs the whole grid and writes docs/coverage/; tests/evaluators/test_coverage_small.py runs a
corner of it. See `designs` for what is drawn, `measurements` and `classifications` for what is computed.
"""
