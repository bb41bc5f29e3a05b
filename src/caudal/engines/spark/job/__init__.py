"""What the process of a job on Spark runs, and its Python workers beside `worker`: the session, tables, views, the stream.

Enters: what a script says of its job. Leaves: rows to the results. May touch: engines.jvm.job; pyspark and pyarrow.
Must never: be imported by the caudal process, which has no pyspark.
"""
