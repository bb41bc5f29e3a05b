"""The protocol of checkpoints under faults, in virtual time: real state machines over simulated brokers, groups and stores.

Enters: seeds. Leaves: whether all guarantees held, how often each event met each state, the trace of a schedule.
May touch: the protocol of checkpoints. Must never: have a clock, a thread or a file of its own, or be used by a job.
"""
