"""What runs inside an engine's Python workers: functions over Arrow arrays, shipped as source text.

Enters: Arrow arrays of a batch. Leaves: Arrow arrays of the same length. May touch: the standard library, numpy and
pyarrow; polars and numba where a function of the user's does; names of other modules here, which are shipped before
the one that imports them. Must never: import anything else of caudal's; raise for what a row holds.
"""
