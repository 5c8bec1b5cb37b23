"""How often comparisons of versions claim what is not so, and what is: simulated studies with known truth.

`make coverage` runs all of it and writes docs/version-proofs.md;
tests/evaluators/comparison/test_version_proofs.py runs a small part. Each module simulates one kind of claim
with the product's code: `paired` (level, power, margin), `families` (several hypotheses), `subjects` (who got
worse), `spots` (weak spots), `extension` (how much more).
"""
