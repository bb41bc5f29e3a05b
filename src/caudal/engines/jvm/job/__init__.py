"""What the process of a job runs, on every engine: rows read and handed over, results taken, what is told of both.

Enters: sources as the script describes them, files; batches of a job's result. Leaves: rows as parts that an engine reads;
Arrow files or lines of JSON. May touch: core; the standard library and pyarrow. Must never: import an engine, or what
an installation of caudal has and a job has not.
"""
