"""A broker at hand: Apache Kafka on this machine's loopback, one node, from jars that a lock names.

Enters: a directory for its data, a port, server properties. Leaves: a process that outlives this one, its address; jars
below `CAUDAL_BROKER`; data, log, settings and the process's number in the directory. May touch: core, environments,
the type of what tells progress, Java as a program, sockets on loopback. Must never: listen on another interface, write into a directory
that holds something else, signal a process that it did not start, know a connector or an engine.

    with Broker(tmp_path, port=0) as broker:
        print(broker.address)
"""

from __future__ import annotations

from caudal.broker.broker import PORT, Broker
from caudal.broker.directory import Status

__all__ = ["PORT", "Broker", "Status"]
