"""The Spark engine: a plan as a script for Spark 4, run by an environment of its own.

Enters: expressions with their schema. Leaves: Spark SQL text, and the text of what must be registered for it.
May touch: core, plan, ports, observe; pyarrow, to check patterns. Must never: import pyspark, run what it writes in
this process, give an expression another meaning than docs/reference/expressions.md.
"""
