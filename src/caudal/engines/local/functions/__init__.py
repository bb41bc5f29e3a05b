"""Python functions of the user's at run time: compiled loops, calls with columns, calls in worker processes.

Enters: declared functions (plan.python) and columns. Leaves: columns of the declared types, and the rows that failed,
each with a reason and the traceback. May touch: columnar, numba, polars, processes of its own. Must never: let one
function's failure, death or silence end the job, change what another row gives, or run a function that was not declared.
"""
