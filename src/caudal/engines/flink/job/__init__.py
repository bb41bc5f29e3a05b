"""What the process of a job on Flink runs, and its Python workers beside `worker`: the environment, tables, forked workers.

Enters: what a script says of its job. Leaves: rows to the results; processes; requests to a cluster.
May touch: engines.jvm.job; pyflink, pandas and pyarrow. Must never: be imported by the caudal process, which has no pyflink.
"""
