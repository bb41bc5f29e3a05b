"""Poison records: which record killed the process is found by trials in processes apart, and becomes a dead letter.

Enters: how the last run over a shard ended, where it is to go on. Leaves: convicts, which sources hand out as dead letters.
May touch: checkpoint (the store), ports, plan, ingest. Must never: convict a record that was not alone in work twice when the
process died of its own; write to a target, or commit anything.
"""
