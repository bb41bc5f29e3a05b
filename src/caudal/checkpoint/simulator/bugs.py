"""Bugs that are put into the protocol and its driver on purpose, one at a time: the simulator is to find each.

Each is known from incidents: of brokers and their clients, of other engines, of an early version here.
"""

from __future__ import annotations

from caudal.checkpoint.simulator.bug import Bug
from caudal.checkpoint.simulator.driver_bugs import DRIVER
from caudal.checkpoint.simulator.protocol_bugs import PROTOCOL

BUGS: tuple[Bug, ...] = (*PROTOCOL, *DRIVER)
"""All of them."""
