"""Expressions over morsels: bound to a schema once, then evaluated on each morsel, by any engine or before it.

Enters: an expression and a schema; morsels. Leaves: columns, masks. May touch: plan (expressions), columnar, pyarrow.
Must never: raise while evaluating, keep anything between two calls, compile a kernel for a pipeline. The user's own
functions are in `functions`.
"""

from caudal.expressions.bound import Bound, bind

__all__ = ["Bound", "bind"]
