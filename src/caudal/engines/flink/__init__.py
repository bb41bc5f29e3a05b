"""The room of the Flink engine: what makes Flink SQL of a plan. It never imports pyflink, not even lazily.

Enters: plans, expressions and their schemas.
Leaves: text: Flink 2.3 SQL, and the Python source of the functions that are registered beside it.
May touch: the text of the functions that are shipped.
Must never: import pyflink or another engine, or run in the caudal process what is shipped.
"""
