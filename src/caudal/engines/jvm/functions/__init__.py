"""What runs inside an engine's Python workers: functions over Arrow arrays, shipped as source text.

Enters: Arrow arrays of a batch. Leaves: Arrow arrays of the same length. May touch: the standard library, numpy and
pyarrow. Must never: import caudal, an engine or another module of this room; raise for what a row holds; keep anything
between two calls.
"""
