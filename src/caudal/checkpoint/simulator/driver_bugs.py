# pyright: reportPrivateUsage=false
"""Bugs of the driver and of the operators."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from functools import partial
from typing import Any

from caudal.checkpoint import events
from caudal.checkpoint.shards import Shard
from caudal.checkpoint.simulator import acquiring, epochs
from caudal.checkpoint.simulator.assignment import Assignment
from caudal.checkpoint.simulator.broker import Between, Offered, Written
from caudal.checkpoint.simulator.bug import Bug
from caudal.checkpoint.simulator.clock import FENCED, NoAnswer, Refused, Routine
from caudal.checkpoint.simulator.driver import ROUTINES
from caudal.checkpoint.simulator.engine import Count, Cut, Route, Task, Windows
from caudal.checkpoint.simulator.groups import Change, Consumer
from caudal.checkpoint.simulator.hand import GENESIS, Hand
from caudal.checkpoint.simulator.producer import Producer
from caudal.checkpoint.simulator.protocol_bugs import start_again
from caudal.checkpoint.simulator.store import Shown, Store

_load, _hear = acquiring.load, Consumer.hear


def _uncommitted_start(hand: Hand, effect: events.Start) -> Routine:
    yield 0.01
    positions = [hand.parts.beginning(partition) for partition in hand.parts.shards[effect.shard]]
    return events.Started(effect.shard, GENESIS + ",".join(map(str, positions)))


def _unmarked(hand: Hand, effect: events.Mark) -> Routine:
    yield 0.01
    return events.Marked(effect.shard)


def _mark_read_last(hand: Hand, effect: events.Find) -> Routine:
    token = yield from acquiring.read_token(hand, effect.shard)
    yield 0.3
    writer = yield from acquiring.read_writer(hand, effect.shard)
    return events.Found(effect.shard, token, begun=bool(writer))


def _unverified(hand: Hand, effect: events.Load) -> Routine:
    shard = effect.shard
    if effect.token.startswith(GENESIS):
        return (yield from _load(hand, effect))
    snapshot = yield partial(hand.parts.store.read, effect.token)
    yield from hand.show(snapshot.staged)
    operator = hand.parts.operator(shard)
    operator.restore(snapshot.state)
    hand.tasks[shard] = Task(hand.process, hand.parts.broker.logs, operator, snapshot.positions)
    return events.Loaded(shard, snapshot.epoch)


def _not_shown(hand: Hand, effect: events.Load) -> Routine:
    return (yield from _load(_changed_hand(hand, show=lambda names: iter(())), effect))


def _changed_hand(hand: Hand, **attributes: Any) -> Hand:
    changed = copy(hand)
    for name, value in attributes.items():
        setattr(changed, name, value)
    return changed


def _kept(hand: Hand, effect: events.Drop) -> Routine:
    if effect.shard in hand.tasks:
        hand.tasks[effect.shard].running = False
    yield 0.01
    return events.Dropped(effect.shard)


def _loaded_from_memory(hand: Hand, effect: events.Load) -> Routine:
    if effect.shard in hand.tasks:
        yield 0.01
        return events.Loaded(effect.shard, acquiring.epoch_of(effect.token) if GENESIS not in effect.token else 0)
    return (yield from _load(hand, effect))


def _by_one_offset(hand: Hand, shard: str) -> Routine:
    partitions = hand.parts.shards[shard]
    found = yield partial(hand.parts.broker.offsets.read, partitions)
    return max((token for _, token in found.values()), default="")


def _from_offsets(hand: Hand, effect: events.Load) -> Routine:
    loaded = yield from _load(hand, effect)
    if isinstance(loaded, events.Loaded):
        task, parts = hand.tasks[effect.shard], hand.parts
        found = yield partial(parts.broker.offsets.read, list(task.positions), False)
        positions = {name: at if name in found else parts.beginning(name) for name, at in task.positions.items()}
        hand.tasks[effect.shard] = Task(hand.process, parts.broker.logs, task.operator, positions)
    return loaded


def _all_but_kept(hand: Hand, effect: events.Discard) -> Routine:
    try:
        names = yield partial(hand.parts.store.list, f"{effect.shard}/")
        yield partial(hand.parts.store.delete, [name for name in names if name not in effect.keep])
    except (NoAnswer, Refused):
        pass


def _whole_with_one(assignment: Assignment, change: Change) -> list[events.Event]:
    for partition in change.assigned:
        assignment._held.update(assignment._shards[assignment._shard[partition]])
    return _changed(assignment, change)


_changed = Assignment.changed


def _fresh_metadata(consumer: Consumer, change: Change) -> None:
    _hear(consumer, change)
    driver = getattr(consumer._polled, "__self__", None)
    if driver is not None:
        driver.hand.metadata = change.metadata


def _unstable(offered: Offered, partitions: Any, stable: bool = True) -> Any:
    return _offsets(offered, partitions, False)


_offsets = Offered.read


# -- the driver: epochs --------------------------------------------------------------------------------------------------

_store, _prepare, _commit, _cut, _fetch = epochs.store, epochs.prepare, epochs.commit, Task.cut, Task._fetch


def _not_awaited(hand: Hand, effect: events.Store) -> Routine:
    def start(objects: Mapping[str, Any]) -> Routine:
        hand.process.start(_in_the_background(hand, objects))
        yield from ()

    return (yield from _store(_changed_hand(hand, write=start), effect))


def _in_the_background(hand: Hand, objects: Mapping[str, Any]) -> Routine:
    try:
        yield from Hand.write(hand, objects)
    except (NoAnswer, Refused):
        pass


def _unsynced(hand: Hand, objects: Mapping[str, Any]) -> Routine:
    yield partial(hand.parts.store.write, objects)


def _names_by_epoch(hand: Hand, effect: events.Store) -> Routine:
    return (yield from _store(_changed_hand(hand, parts=_Numbered(hand.parts)), effect))


class _Numbered:
    def __init__(self, parts: Any) -> None:
        self._parts = parts

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parts, name)

    def fresh(self) -> int:
        return 0


def _discarded_when_stored(hand: Hand, effect: events.Store) -> Routine:
    stored = yield from _store(hand, effect)
    for shard, token in stored.tokens.items():
        yield from acquiring.discard(hand, events.Discard(shard, (token,)))
    return stored


def _shown_when_staged(hand: Hand, effect: events.Prepare) -> Routine:
    prepared = yield from _prepare(hand, effect)
    yield from hand.show([name for names in hand.staged.values() for name in names])
    return prepared


def _outputs_of_all(hand: Hand, effect: events.Commit) -> Routine:
    named = hand.outboxes
    others = [outbox for shard, outbox in named.items() if shard not in effect.tokens]
    first = next(iter(effect.tokens))
    rows = [*named[first].out, *(row for outbox in others for row in outbox.out)]
    outboxes = {**named, first: replace(named[first], out=rows)}
    return (yield from _commit(_changed_hand(hand, outboxes=outboxes), effect))


def _offsets_apart(hand: Hand, effect: events.Commit) -> Routine:
    yield from hand.producer.enter()
    try:
        yield from hand.producer.settle()
        for shard in effect.tokens:
            yield from hand.producer.write(hand.outboxes[shard].out, hand.outboxes[shard].sent)
        yield from hand.producer.commit()
    except (NoAnswer, Refused):
        return events.Unknown(effect.epoch)
    finally:
        hand.producer.leave()
    outboxes = {shard: replace(outbox, out=[], sent={}) for shard, outbox in hand.outboxes.items()}
    return (yield from _commit(_changed_hand(hand, outboxes=outboxes), effect))


def _same_producer(producer: Producer) -> Routine:
    if not producer._epoch:
        yield from producer.open()


def _recalled_without_opening(hand: Hand, effect: events.Recall) -> Routine:
    tokens: dict[str, str] = {}
    for shard in sorted(effect.shards):
        tokens[shard] = yield from acquiring.read_token(hand, shard)
    return events.Recalled(effect.epoch, tokens)


def _opened_when_fenced(producer: Producer, act: Any) -> Routine:
    try:
        return (yield from _ask(producer, act))
    except Refused as refused:
        if refused.reason == FENCED:
            yield from producer.open()
        raise


_ask = Producer._ask


def _not_alone(producer: Producer) -> Routine:
    yield from ()


def _overtaking(task: Task) -> Cut:
    operator, positions = task.operator, dict(task.fetched)
    cut = Cut(positions, operator.export(), operator.out, operator.sent, positions != task._cut)
    operator.out, operator.sent, task._cut = [], {}, positions
    return cut


def _behind_the_last_record(task: Task, partition: str) -> None:
    _fetch(task, partition)
    if task._landing and task._landing[-1][0] == partition:
        _, rows, behind = task._landing[-1]
        log: Any = task._logs[partition]
        while behind and _is_control(log, behind - 1):
            behind -= 1
        if rows:
            task._landing[-1] = (partition, rows, behind)
        else:
            task._landing.pop()


def _is_control(log: Any, offset: int) -> bool:
    if isinstance(log, Written):
        return log.values[offset] is None
    transaction, value = log._entries[offset]
    return value is None or not transaction.decided


def _only_records_count(read: Any) -> Any:
    def stuck(log: Any, position: int, limit: int) -> tuple[list[Any], int]:
        rows, behind = read(log, position, limit)
        return rows, behind if rows else position

    return stuck


def _shown_again(shown: Shown, store: Store, names: Any, committed: Any) -> None:
    shown.published.difference_update(names)
    _publish(shown, store, names, committed)


_publish = Shown.publish


def _shared_state(operator: Count) -> Any:
    return operator.counts


def _no_watermark(operator: Route, state: Any) -> None:
    operator.counts = dict(state[0])


def _no_marks(operator: Windows, state: Any) -> None:
    operator.open = dict(state[0])


DRIVER: tuple[Bug, ...] = (
    Bug(
        "commit before the upload is durable",
        "a worker dies between its commit and the end of the upload: the committed token names nothing",
        ((ROUTINES, events.Store, _not_awaited),),
    ),
    Bug(
        "files are not synced",
        "a machine loses power after a rename that was not synced: an empty file of the right name",
        ((Hand, "write", _unsynced),),
    ),
    Bug(
        "snapshots are named by their epoch",
        "a worker that was thought dead writes over the snapshot that its successor has committed",
        ((ROUTINES, events.Store, _names_by_epoch),),
    ),
    Bug(
        "superseded snapshots go when the next is stored",
        "the next commit is aborted, and what it was to supersede is gone",
        ((ROUTINES, events.Store, _discarded_when_stored),),
    ),
    Bug(
        "all snapshots go that this worker does not know",
        "the old owner cleans up behind the new one",
        ((acquiring, "discard", _all_but_kept),),
    ),
    Bug(
        "a snapshot is not verified",
        "a disk returns other bytes than were written, and the job goes on with them",
        ((ROUTINES, events.Load, _unverified),),
    ),
    Bug(
        "state is kept though the shard was lost and came again",
        "state in memory from before others had the partition",
        (
            (ROUTINES, events.Drop, _kept),
            (ROUTINES, events.Load, _loaded_from_memory),
        ),
    ),
    Bug(
        "metadata is fresh, not that of the assignment",
        "a commit for a partition that was lost is accepted where its metadata is new (measured)",
        ((Consumer, "hear", _fresh_metadata),),
    ),
    Bug(
        "a shard of two topics starts with one partition",
        "partitions of one number come one by one, and may be with two workers meanwhile",
        ((Assignment, "changed", _whole_with_one),),
    ),
    Bug(
        "a shard of two topics is found by one offset",
        "one of two offsets expires",
        (
            (acquiring, "read_token", _by_one_offset),
            (ROUTINES, events.Load, _from_offsets),
        ),
    ),
    Bug(
        "last commits are read while a transaction is open",
        "KIP-447: the offset that is read is moved on by a transaction that was open",
        ((Offered, "read", _unstable),),
    ),
    Bug(
        "the start is not committed before the first row",
        "a crash in the first epoch of a job that begins at the end: rows in between are skipped",
        (
            (ROUTINES, events.Start, _uncommitted_start),
            (Shard, "_found", start_again),
        ),
    ),
    Bug(
        "a shard is not marked before it is read",
        "the same, with nothing left that could tell",
        ((ROUTINES, events.Mark, _unmarked),),
    ),
    Bug(
        "the mark is read after the offsets",
        "a start in between: the job ends, for a commit that seems to be missing",
        ((ROUTINES, events.Find, _mark_read_last),),
    ),
    Bug(
        "a delayed end hits the next transaction",
        "KIP-890: a late EndTxn commits a part of the next transaction of the same producer epoch",
        (
            (Producer, "settle", _same_producer),
            (Producer, "_ask", _opened_when_fenced),
            (ROUTINES, events.Recall, _recalled_without_opening),
        ),
    ),
    Bug(
        "a start and a commit share a transaction",
        "one producer, two users: the end of the one commits half of the other",
        ((Producer, "enter", _not_alone),),
    ),
    Bug(
        "outputs of a lost shard are sent by its old owner",
        "one outbox for a worker: rows of a shard that was lost go out with the rest",
        ((ROUTINES, events.Commit, _outputs_of_all),),
    ),
    Bug(
        "offsets are committed apart from outputs",
        "a crash between two commits: at least once, not exactly once",
        ((ROUTINES, events.Commit, _offsets_apart),),
    ),
    Bug(
        "staged files are shown before the commit",
        "files renamed at the end of a task, and the job fails after",
        ((ROUTINES, events.Prepare, _shown_when_staged),),
    ),
    Bug(
        "staged files are shown again by the next owner",
        "showing is not idempotent",
        ((Shown, "publish", _shown_again),),
    ),
    Bug(
        "staged files are not shown by the next owner",
        "a crash between the commit and the renaming: files that are committed and never seen",
        ((ROUTINES, events.Load, _not_shown),),
    ),
    Bug(
        "the barrier overtakes rows on their way",
        "positions of what was fetched with the state of what was worked on",
        ((Task, "cut", _overtaking),),
    ),
    Bug(
        "what is frozen is the state itself",
        "rows behind the barrier change a snapshot that is being written",
        ((Count, "export", _shared_state),),
    ),
    Bug(
        "the last offset and one is committed, not the position",
        "a control record at the end: lag that never goes to zero",
        ((Task, "_fetch", _behind_the_last_record),),
    ),
    Bug(
        "a trailing control record is never passed",
        "the same while reading: a bounded job that does not end",
        (
            (Written, "read", _only_records_count(Written.read)),
            (Between, "read", _only_records_count(Between.read)),
        ),
    ),
    Bug(
        "the watermark is not restored",
        "rows that were late are on time after a restart",
        ((Route, "restore", _no_watermark),),
    ),
    Bug(
        "marks of the sources are not restored",
        "windows stay open for good after a restart",
        ((Windows, "restore", _no_marks),),
    ),
)
"""All of them."""
