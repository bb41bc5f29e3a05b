# pyright: reportPrivateUsage=false
"""Bugs of the protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from caudal.checkpoint import events
from caudal.checkpoint.events import Effect
from caudal.checkpoint.protocol import Step, Worker
from caudal.checkpoint.shards import Phase, Shard
from caudal.checkpoint.simulator.bug import Bug

_handle, _step, _leave, _found = Worker._handle, Worker._step, Shard.leave, Shard._found


def _released_at_once(worker: Worker, event: events.Event) -> list[Effect]:
    if isinstance(event, events.Revoked) and worker.shards[event.shard].phase is Phase.RUNNING:
        return [events.Release(event.shard)]
    return _handle(worker, event)


def _released_before_commit(shard: Shard, final: int) -> list[Effect]:
    running = shard.phase is Phase.RUNNING
    effects = _leave(shard, final)
    return [*effects, events.Release(shard.name)] if running else effects


def _not_lost(shard: Shard) -> list[Effect]:
    return []


def _gone_before_the_answer(shard: Shard, final: int) -> list[Effect]:
    if shard.phase in (Phase.RUNNING, Phase.LEAVING, Phase.DROPPING):
        return _leave(shard, final)
    shard.phase = Phase.GONE
    return [events.Release(shard.name)]


def start_again(shard: Shard, event: events.Found) -> list[Effect]:
    """Take a commit that is missing for a start."""
    return _found(shard, replace(event, begun=False))


def _on(kind: type, then: Callable[[Worker], list[Effect]]) -> Callable[[Worker, Any], list[Effect]]:
    """Do something else when a commit is answered by such an event."""

    def step(worker: Worker, event: Any) -> list[Effect]:
        if worker.step is Step.COMMITTING and isinstance(event, kind):
            return then(worker)
        return _step(worker, event)

    return step


def _never_committed(worker: Worker, tokens: Mapping[str, str]) -> list[Effect]:
    return worker._commit()


def _always_committed(worker: Worker, tokens: Mapping[str, str]) -> list[Effect]:
    return worker._publish()


def _members_are_not_looked_at(worker: Worker) -> list[Effect]:
    worker.step = Step.COMMITTING
    return [events.Commit(worker.epoch, worker._tokens)]


def _same_name_is_the_same(worker: Worker, name: str) -> bool:
    shard = worker.shards.get(name)
    return shard is not None and shard.owned


PROTOCOL: tuple[Bug, ...] = (
    Bug(
        "a partition that was revoked is kept",
        "two owners of a partition in one group; brokers do not fence them (measured)",
        ((Worker, "_handle", _released_at_once),),
    ),
    Bug(
        "a shard is released before its commit",
        "a revocation's callback returns before what was read is committed",
        ((Shard, "leave", _released_before_commit),),
    ),
    Bug(
        "a partition that was lost is kept",
        "a worker wakes from a long pause and goes on as if nothing were; brokers do not fence it (measured)",
        ((Shard, "lost", _not_lost),),
    ),
    Bug(
        "a revocation does not wait for what recovers",
        "a rebalance during recovery: an answer to the old turn is taken for one to the new",
        ((Shard, "leave", _gone_before_the_answer),),
    ),
    Bug(
        "a shard that came again is taken for the one that was cut",
        "this protocol's first version: an epoch committed what it had cut of an earlier turn",
        ((Worker, "_holds", _same_name_is_the_same),),
    ),
    Bug(
        "a commit that is missing is taken for a start",
        "offsets expire, or a coordinator that loads answers that there are none: all is read again",
        ((Shard, "_found", start_again),),
    ),
    Bug(
        "unknown is taken for aborted",
        "an EndTxn that timed out had committed: outputs are sent again",
        ((Worker, "_step", _on(events.Unknown, Worker._commit)),),
    ),
    Bug(
        "unknown is taken for committed",
        "an EndTxn that timed out never came: outputs are lost",
        ((Worker, "_step", _on(events.Unknown, Worker._publish)),),
    ),
    Bug(
        "tokens are not compared after an unknown commit",
        "the id was opened anew, and all is sent again all the same",
        ((Worker, "_recalled", _never_committed),),
    ),
    Bug(
        "a commit that was read back is taken for done",
        "the id was opened anew, which aborted the transaction",
        ((Worker, "_recalled", _always_committed),),
    ),
    Bug(
        "fenced is taken for committed",
        "another worker's opening of the id aborted the transaction",
        ((Worker, "_step", _on(events.Fenced, Worker._publish)),),
    ),
    Bug(
        "an epoch that was aborted is skipped",
        "epoch N fails, N + 1 is committed: outputs of N are lost, its state is kept",
        ((Worker, "_step", _on(events.Aborted, Worker._finished)),),
    ),
    Bug(
        "a shard that was lost is committed with the rest",
        "the set of shards is decided at the barrier, not at the commit",
        ((Worker, "_commit", _members_are_not_looked_at),),
    ),
)
"""All of them."""
