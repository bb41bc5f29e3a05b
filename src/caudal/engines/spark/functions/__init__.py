"""What runs inside Spark's Python workers: vectorised functions, shipped as source text.

Enters: Arrow arrays of a batch. Leaves: Arrow arrays of the same length. May touch: the standard library, numpy and
pyarrow. Must never: import caudal, another module of this room or pyspark; raise for what a row holds; keep anything
between two calls.
"""
