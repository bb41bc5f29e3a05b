"""The steps of an epoch: cut, staged, stored, committed, recalled, published."""

from __future__ import annotations

from collections.abc import Sequence

from caudal.checkpoint.events import (
    Aborted,
    Commit,
    Committed,
    Cut,
    Fenced,
    Freeze,
    Prepare,
    Prepared,
    Publish,
    Published,
    Recall,
    Recalled,
    Store,
    Stored,
    Token,
    Unknown,
)
from caudal.checkpoint.simulator.acquiring import read_token
from caudal.checkpoint.simulator.clock import FENCED, NoAnswer, Refused, Routine
from caudal.checkpoint.simulator.engine import Row
from caudal.checkpoint.simulator.hand import Hand
from caudal.checkpoint.simulator.store import Snapshot


def freeze(hand: Hand, effect: Freeze) -> Routine:
    """A shard that is lost, and comes again, while the barrier passes is not cut: it is another."""
    tasks = {shard: hand.tasks[shard] for shard in sorted(effect.shards)}
    yield 0.03
    hand.outboxes = {shard: task.cut() for shard, task in tasks.items() if hand.tasks.get(shard) is task}
    return Cut(effect.epoch, frozenset(shard for shard, outbox in hand.outboxes.items() if outbox.changed))


def prepare(hand: Hand, effect: Prepare) -> Routine:
    """Files of each shard by itself: whoever has the shard next shows them, or never does."""
    hand.staged = {}
    files: dict[str, Sequence[Row]] = {}
    for shard in sorted(effect.shards) if hand.parts.staging else ():
        if hand.outboxes[shard].out:
            name = f"staged/{shard}/{effect.epoch}/{hand.parts.fresh()}"
            files[name] = hand.outboxes[shard].out
            hand.staged[shard] = (name,)
    if files:
        yield from hand.write(files)
    return Prepared(effect.epoch)


def store(hand: Hand, effect: Store) -> Routine:
    """Fresh names, durable before they are told."""
    tokens: dict[str, Token] = {}
    snapshots: dict[str, Snapshot] = {}
    for shard in sorted(effect.shards):
        outbox, number = hand.outboxes[shard], hand.parts.fresh()
        token = tokens[shard] = f"{shard}/{effect.epoch}/{number}"
        staged = hand.staged.get(shard, ())
        snapshots[token] = Snapshot(number, effect.epoch, outbox.positions, outbox.state, staged)
    yield from hand.write(snapshots)
    return Stored(effect.epoch, tokens)


def commit(hand: Hand, effect: Commit) -> Routine:
    """What fails before the end of the transaction was asked for is aborted for certain; what fails after is not known."""
    metadata, outboxes = hand.metadata, hand.outboxes
    offsets = {
        partition: (position, token)
        for shard, token in effect.tokens.items()
        for partition, position in outboxes[shard].positions.items()
    }
    asked = False
    yield from hand.producer.enter()
    try:
        yield from hand.producer.settle()
        for shard in effect.tokens:
            yield from hand.producer.write(outboxes[shard].out, outboxes[shard].sent)
        yield from hand.producer.add_offsets(offsets, metadata)
        asked = True
        yield from hand.producer.commit()
    except NoAnswer:
        return Unknown(effect.epoch) if asked else Aborted(effect.epoch)
    except Refused as refused:
        if refused.reason == FENCED:
            return Fenced(effect.epoch)
        yield from hand.producer.abort()
        return Aborted(effect.epoch)
    finally:
        hand.producer.leave()
    return Committed(effect.epoch)


def recall(hand: Hand, effect: Recall) -> Routine:
    """Nothing that was asked before can be done any more once the id is open anew: what is committed then stays."""
    yield from hand.producer.enter()
    try:
        yield from hand.producer.open()
        tokens: dict[str, Token] = {}
        for shard in sorted(effect.shards):
            tokens[shard] = yield from read_token(hand, shard)
    finally:
        hand.producer.leave()
    return Recalled(effect.epoch, tokens)


def publish(hand: Hand, effect: Publish) -> Routine:
    """Showing what is shown already does nothing."""
    yield from hand.show([name for names in hand.staged.values() for name in names])
    return Published(effect.epoch)
