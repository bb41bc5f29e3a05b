"""What the tasks of a job run where they read: messages that the engine has taken from topics become checked, timed rows.

Enters: Arrow columns of messages, in order of their offsets; a source as JSON. Leaves: record batches of rows, dead letters and
what is told of both. May touch: ingest, ports, columnar, plan, and plugins by name: a job that reads so brings all of
caudal along. Must never: import an engine, connect to anything.
"""
