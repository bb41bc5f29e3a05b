"""Keyed steps that only tests have, for what no operator does yet: see `caudal.worker.steps`, whose rules hold here too.

Enters: state and rows of keys in order. Leaves: what a step makes of them. May touch: core, worker, numpy, pyarrow. Must never: be used
outside of tests.
"""
