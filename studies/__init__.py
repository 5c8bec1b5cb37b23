"""One study from its folder to a decision: check, lock, run, judge, explain."""
