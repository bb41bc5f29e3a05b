"""Expressions on the local engine: bound to a schema once, then evaluated on each morsel.

Enters: an expression and a schema; morsels. Leaves: columns, masks. May touch: plan (expressions), columnar, pyarrow.
Must never: raise while evaluating, keep anything between two calls, compile a kernel for a pipeline.
"""

from caudal.engines.local.expressions.bound import Bound, bind

__all__ = ["Bound", "bind"]
