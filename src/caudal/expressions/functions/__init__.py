"""The user's compiled functions over columns: by numba, kept on disk; and what calling any function over rows comes to.

Enters: a declared function and the types of its columns. Leaves: callables over columns, that give values and the rows that
failed. May touch: plan (functions), columnar, worker, numba. Must never: raise for what a row holds, or know an engine.
"""
