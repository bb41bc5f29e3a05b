"""Rescaling: a group's job at rest is dealt anew, among more partitions of its source, or more or fewer of its repartition topics.

Enters: a pipeline, the store of its group, numbers of partitions. Leaves: a savepoint of the shards that there are to be.
May touch: the runner's stages, layouts and groups, checkpoint, ports, plan. Must never: change what the store's job goes on from, or divide
what cannot be divided exactly.
"""
