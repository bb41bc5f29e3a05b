"""What the process of a job on Flink runs: it forks the engine's Python workers, and cancels what a cluster still runs.

Enters: what a script says of its job. Leaves: processes; requests to a cluster. May touch: the standard library; pyflink,
once it runs. Must never: be imported by the caudal process.
"""
