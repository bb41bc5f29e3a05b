"""What is done for a shard: found, started, marked, loaded, dropped."""

from __future__ import annotations

from functools import partial

from caudal.checkpoint.events import (
    Discard,
    Drop,
    Dropped,
    Expel,
    Expelled,
    Failed,
    Find,
    Found,
    Load,
    Loaded,
    Mark,
    Marked,
    Start,
    Started,
    Token,
    Unstable,
)
from caudal.checkpoint.simulator.clock import ABSENT, UNSTABLE, NoAnswer, Refused, Routine
from caudal.checkpoint.simulator.engine import Task
from caudal.checkpoint.simulator.hand import GENESIS, Hand
from caudal.checkpoint.simulator.producer import Producer
from caudal.checkpoint.simulator.store import Snapshot


def find(hand: Hand, effect: Find) -> Routine:
    """The mark is read before the offsets: a shard that has begun has committed its start before."""
    writer = yield from read_writer(hand, effect.shard)
    for _ in range(4):
        try:
            token = yield from read_token(hand, effect.shard)
        except Refused as refused:
            if refused.reason != UNSTABLE:
                raise
            yield 0.25
        else:
            return Found(effect.shard, token, begun=bool(writer))
    if not writer:
        raise Refused(UNSTABLE)  # its start is being committed: it ends by itself, or by its time-out
    return Unstable(effect.shard, writer)


def read_token(hand: Hand, shard: str) -> Routine:
    """Read the token of a shard, of committed offsets only; "" where the partitions of a shard do not agree on one."""
    partitions = hand.parts.shards[shard]
    found = yield partial(hand.parts.broker.offsets.read, partitions)
    tokens = {found[partition][1] if partition in found else "" for partition in partitions}
    return tokens.pop() if len(tokens) == 1 else ""


def read_writer(hand: Hand, shard: str) -> Routine:
    """Read who says in the store that the shard is its own, "" for nobody ever."""
    try:
        return (yield partial(hand.parts.store.read, f"mark/{shard}"))
    except Refused as refused:
        if refused.reason != ABSENT:
            raise
        return ""


def expel(hand: Hand, effect: Expel) -> Routine:
    """Open the writer's transactional id. This worker's own is opened by its own producer, which were fenced else."""
    yield 0.05 + hand.parts.slow  # a producer of its own is made first
    if effect.writer != hand.producer.name:
        yield from Producer(hand.parts.broker, hand.parts.group, effect.writer).open()
        return Expelled(effect.shard)
    yield from hand.producer.enter()
    try:
        yield from hand.producer.open()
    finally:
        hand.producer.leave()
    return Expelled(effect.shard)


def start(hand: Hand, effect: Start) -> Routine:
    """An attempt before this one may have been committed, though its answer was lost: then that is the start."""
    metadata = hand.metadata
    yield from hand.producer.enter()
    try:
        yield from hand.producer.settle()
        token = yield from read_token(hand, effect.shard)
        if not token:
            positions = [hand.parts.beginning(partition) for partition in hand.parts.shards[effect.shard]]
            token = GENESIS + ",".join(map(str, positions))
            offsets = {p: (at, token) for p, at in zip(hand.parts.shards[effect.shard], positions)}
            yield from hand.producer.add_offsets(offsets, metadata)
            yield from hand.producer.commit()
        return Started(effect.shard, token)
    except Refused:
        yield from hand.producer.abort()
        raise
    finally:
        hand.producer.leave()


def mark(hand: Hand, effect: Mark) -> Routine:
    """From now on this worker's transaction is the one that can be open on the shard."""
    yield from hand.write({f"mark/{effect.shard}": hand.producer.name})
    return Marked(effect.shard)


def load(hand: Hand, effect: Load) -> Routine:
    """What does not match the token is never used. What its epoch had staged is shown, should its writer not have come to it."""
    shard, token = effect.shard, effect.token
    yield 0.01 + hand.parts.slow
    operator = hand.parts.operator(shard)
    if token.startswith(GENESIS):
        positions = dict(zip(hand.parts.shards[shard], map(int, token.removeprefix(GENESIS).split(","))))
        hand.tasks[shard] = Task(hand.process, hand.parts.broker.logs, operator, positions)
        return Loaded(shard)
    snapshot: Snapshot = yield partial(hand.parts.store.read, token)
    if snapshot.digest != number_of(token):
        return Failed(effect, f"{token} is not what was committed", fatal=True)
    yield from hand.show(snapshot.staged)
    operator.restore(snapshot.state)
    hand.tasks[shard] = Task(hand.process, hand.parts.broker.logs, operator, snapshot.positions)
    return Loaded(shard, snapshot.epoch)


def drop(hand: Hand, effect: Drop) -> Routine:
    """State, rows that were fetched, and outboxes go together."""
    task = hand.tasks.pop(effect.shard, None)
    if task is not None:
        task.running = False
    yield 0.01 + hand.parts.slow
    return Dropped(effect.shard)


def discard(hand: Hand, effect: Discard) -> Routine:
    """Only what is older than all that is kept: what is newer, and not known here, may be another's whose commit is under way."""
    oldest = min(epoch_of(token) for token in effect.keep if not token.startswith(GENESIS))
    try:
        names = yield partial(hand.parts.store.list, f"{effect.shard}/")
        old = [name for name in names if epoch_of(name) < oldest]
        if old:
            yield partial(hand.parts.store.delete, old)
    except (NoAnswer, Refused):
        pass  # the next one sees to it


def epoch_of(token: Token) -> int:
    """Return the epoch that a snapshot is of."""
    return int(token.split("/")[1])


def number_of(token: Token) -> int:
    """Return what stands for the hash of a snapshot."""
    return int(token.rpartition("/")[2])
