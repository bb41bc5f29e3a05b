"""Runs what a pipeline calls in Python away from an engine's threads: the user's functions, keyed steps, missing builtins.

Enters: Arrow arrays of a batch. Leaves: Arrow arrays of the same length; why a row has no result, beside it.
May touch: the standard library, numpy and pyarrow; polars and numba where a function of the user's does; of caudal, core.
Must never: import anything else of caudal's, or what only one engine has; raise for what a row holds.
"""
