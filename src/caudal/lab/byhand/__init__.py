"""The DoS query as people write it for an engine by hand, without caudal: programs for the engine's own interpreter.

    python flink.py EVENTS ALERTS PARALLELISM [streaming|batch]
    python spark.py EVENTS ALERTS PARALLELISM

They give the rows of `caudal.lab.denial` as JSON lines, with times in milliseconds. Nothing in caudal imports them.
"""
