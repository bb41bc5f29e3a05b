"""The Python front end: streams as in Flink and Spark, expressions as in polars, settings of a pipeline.

Enters: calls. Leaves: plan nodes. May touch: plan, ports, lang.sql (expressions written as text).
Must never: read data, keep global state.
"""
