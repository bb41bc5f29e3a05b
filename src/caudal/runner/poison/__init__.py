"""Poison: which record, or which call of a function, killed the process is found by trials in processes apart, and becomes a dead letter.

Enters: how the last run over a shard ended, where it is to go on. Leaves: convicts, which sources hand out as dead letters, and calls,
which are dead letters of the operators that would make them. May touch: checkpoint (the store), ports, plan, ingest. Must never: convict
what was not alone in work twice when the process died of its own; write to a target, or commit anything.
"""
