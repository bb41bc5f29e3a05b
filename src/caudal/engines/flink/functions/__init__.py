"""What only Flink needs in its Python workers: operations on numbers that its SQL does not have.

Enters: Arrow arrays of a batch. Leaves: Arrow arrays of the same length. May touch: numpy and pyarrow. Must never:
import caudal, pyflink or another module of this room; raise for what a row holds; keep anything between two calls.
"""
