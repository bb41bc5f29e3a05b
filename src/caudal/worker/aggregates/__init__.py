"""Aggregates over all values of a group, gathered; one file each. What engines run that have no such aggregate of their own.

The function of a module's name gets the types of argument and result, and the aggregate's options by name. It returns the
fold: from values (without nulls, in no order) and int64 `starts` (values `starts[g]` to `starts[g + 1]` are of group g) to
an Arrow array with a result, or null, for each group.

Enters: Arrow arrays. Leaves: Arrow arrays. May touch: numpy, pyarrow, `worker`. Must never: depend on the order of values.
"""
