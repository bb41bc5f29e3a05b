"""Checkpoints: how the state of a job and all that it writes are committed at one point, and found again.

Enters: frozen state by operator, receipts of sinks, what a group of workers and a store answer. Leaves: effects to be carried
out, snapshots in a store, the state of a snapshot that was verified.
May touch: core, ports (types), pyarrow for what is stored. Must never: know an engine or a connector, unpickle, or, in the protocol, have
a clock or do anything itself.
"""
