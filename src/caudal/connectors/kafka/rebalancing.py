"""How a group shares partitions: by the protocol of KIP-848 where the brokers know it, else by the classic one.

Both share by ranges, so that joined topics with as many partitions and one partitioner go together. The first moves single partitions,
and the brokers say how long a member may be silent; in the classic one every turn takes all partitions from all members first,
and each member says itself how long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from caudal.connectors.kafka.client import Access
from caudal.core.errors import OptionError
from caudal.ports.group import Membership

SESSION = 10_000
"""Milliseconds without a heartbeat after which the classic protocol gives a member up, unless the user says otherwise."""
OPEN = 6_000
"""Milliseconds after which the cluster aborts the open transaction of a worker that is gone: not above a session."""

_PROTOCOL, _SESSION, _HEARTBEAT, _OPEN = (
    "group.protocol",
    "session.timeout.ms",
    "heartbeat.interval.ms",
    "transaction.timeout.ms",
)


@dataclass(frozen=True, slots=True)
class Rebalancing:
    """One of the two protocols."""

    classic: bool

    def settings(self, access: Access, membership: Membership) -> dict[str, Any]:
        """Return the settings of a member."""
        made: dict[str, Any] = {"group.instance.id": membership.worker} if membership.static else {}
        if not self.classic:
            return {**made, _PROTOCOL: "consumer", "group.remote.assignor": "range"}
        session = _milliseconds(access, _SESSION, SESSION)
        return {
            **made,
            _PROTOCOL: "classic",
            "partition.assignment.strategy": "range",
            _SESSION: session,
            _HEARTBEAT: min(3000, session // 3),
            **{name: access.settings[name] for name in (_HEARTBEAT,) if name in access.settings},
        }

    def take(self, consumer: Any, given: Sequence[Any]) -> None:
        """Take on partitions that the group has given."""
        if self.classic:
            consumer.assign([*given])
        else:
            consumer.incremental_assign([*given])

    def give_up(self, consumer: Any, taken: Sequence[Any]) -> None:
        """Let go of partitions that the group takes."""
        if self.classic:
            consumer.unassign()
        else:
            consumer.incremental_unassign([*taken])


CLASSIC, NEWER = Rebalancing(classic=True), Rebalancing(classic=False)


def first(access: Access) -> Rebalancing:
    """Return the protocol that is tried first: the newer one, unless the user's settings name the classic one."""
    return CLASSIC if access.settings.get(_PROTOCOL) == "classic" else NEWER


def falls_back(access: Access) -> bool:
    """Whether the classic protocol may be spoken where the brokers do not know the newer one."""
    return access.settings.get(_PROTOCOL) != "consumer"


def shared(access: Access) -> Access:
    """Return an access without the settings of groups, which `Rebalancing.settings` says."""
    return access.without(_PROTOCOL, _SESSION, _HEARTBEAT)


def open_seconds(access: Access) -> float:
    """Return after how many seconds a transaction that is left open is aborted; raises `OptionError` for more than a session.

    Else what a dead worker had could be another's while its last commit still hides where that stands.
    """
    session = _milliseconds(access, _SESSION, SESSION)
    asked = _milliseconds(access, _OPEN, min(OPEN, session))
    if asked > session:
        raise OptionError(
            f"a transaction may not stay open for longer ({asked} ms) than a worker may be silent ({session} ms)",
            hint=f"config= sets {_OPEN} and {_SESSION}: leave the first out",
        )
    return asked / 1000


def _milliseconds(access: Access, name: str, default: int) -> int:
    given: Mapping[str, Any] = access.settings
    try:
        return int(given.get(name, default))
    except ValueError:
        raise OptionError(f"'{name}' of config= is no number of milliseconds, but {given[name]!r}") from None
