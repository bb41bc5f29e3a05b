"""Keyed steps: what an operator does with the rows of each key, in pinned order; one file an operator, and what they share.

A step is pure: rows and what was kept of their keys in, rows and what is to be kept out. Every engine has one adapter for
all of them, so a new operator is a file here beside its node. The local engine runs a compiled kernel where that pays, and
the step where not.

Enters: Arrow arrays of the rows of several keys. Leaves: Arrow arrays. May touch: numpy, pyarrow, `worker`. Must never: know
an engine, a clock or a file; keep anything between two calls; depend on how rows are cut into calls.
"""
