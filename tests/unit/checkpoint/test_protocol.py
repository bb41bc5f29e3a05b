"""The protocol, rule by rule: what happens, and what is then to be done."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from caudal.checkpoint.events import (
    Aborted,
    Assigned,
    Commit,
    Committed,
    Cut,
    Discard,
    Drop,
    Dropped,
    Due,
    Effect,
    End,
    Event,
    Expel,
    Expelled,
    Failed,
    Fenced,
    Find,
    Found,
    Freeze,
    Halt,
    Load,
    Loaded,
    Lost,
    Mark,
    Marked,
    Pause,
    Prepare,
    Prepared,
    Publish,
    Published,
    Recall,
    Recalled,
    Release,
    Revoked,
    Run,
    Start,
    Started,
    Stop,
    Store,
    Stored,
    Unknown,
    Unstable,
    Waited,
)
from caudal.checkpoint.protocol import Step, Worker


def names(*shards: str) -> frozenset[str]:
    return frozenset(shards)


Line = tuple[Event, list[Effect]]


def acquired(shard: str, token: str = "t0", epoch: int = 0) -> list[Line]:
    """A shard that has been committed before, found and run."""
    return [
        (Assigned(shard), [Find(shard)]),
        (Found(shard, token, begun=True), [Mark(shard)]),
        (Marked(shard), [Load(shard, token)]),
        (Loaded(shard, epoch), [Run(shard)]),
    ]


def cut(epoch: int, *shards: str) -> list[Line]:
    """An epoch of these shards, up to the snapshots that are to be stored."""
    return [
        (Due(), [Freeze(epoch, names(*shards))]),
        (Cut(epoch, names(*shards)), [Prepare(epoch, names(*shards))]),
        (Prepared(epoch), [Store(epoch, names(*shards))]),
    ]


def stored(epoch: int, *shards: str) -> list[Line]:
    """The same, up to its commit; the tokens are the shards' names with the epoch."""
    tokens = {shard: f"{shard}{epoch}" for shard in shards}
    return [*cut(epoch, *shards), (Stored(epoch, tokens), [Commit(epoch, tokens)])]


COMMIT = Commit(1, {"a": "a1"})
BOTH = Commit(1, {"a": "a1", "b": "b1"})
RECALL = Recall(1, names("a"))
DONE = [Discard("a", ("a1", "t0")), Publish(1)]


@dataclass(frozen=True)
class Case:
    rule: str
    lines: list[Line]


CASES = [
    # -- a shard is read only once its last commit is known for certain, and stands exactly there
    Case(
        "a start is committed and marked before its first row is read",
        [
            (Assigned("a"), [Find("a")]),
            (Found("a", "", begun=False), [Start("a")]),
            (Started("a", "g"), [Mark("a")]),
            (Marked("a"), [Load("a", "g")]),
            (Loaded("a"), [Run("a")]),
        ],
    ),
    Case("what was committed is marked anew by whoever reads it now", acquired("a")),
    Case(
        "a commit that has disappeared is not taken for a start",
        [
            (Assigned("a"), [Find("a")]),
            (
                Found("a", "", begun=True),
                [End("the shard a has been read before, and where it stood is not known any more")],
            ),
            (Due(), []),
        ],
    ),
    Case(
        "a writer with an open transaction is expelled, then the commit is read again",
        [
            (Assigned("a"), [Find("a")]),
            (Unstable("a", "w"), [Expel("a", "w")]),
            (Expelled("a"), [Find("a")]),
            (Found("a", "t0", begun=True), [Mark("a")]),
        ],
    ),
    Case(
        "what fails is tried again after a pause, the longer the more often",
        [
            (Assigned("a"), [Find("a")]),
            (Failed(Find("a"), "no"), [Pause(Find("a"), 1)]),
            (Waited(Find("a")), [Find("a")]),
            (Failed(Find("a"), "no"), [Pause(Find("a"), 2)]),
            (Waited(Find("a")), [Find("a")]),
            (Found("a", "t0", begun=True), [Mark("a")]),
            (Failed(Mark("a"), "no"), [Pause(Mark("a"), 1)]),
        ],
    ),
    Case(
        "what cannot be done ends the worker",
        [
            *acquired("a")[:3],
            (
                Failed(Load("a", "t0"), "it is not what was committed", fatal=True),
                [End("it is not what was committed")],
            ),
        ],
    ),
    Case(
        "an answer that nobody waits for is ignored", [*acquired("a"), (Marked("a"), []), (Found("b", "t", True), [])]
    ),
    Case("an epoch begins above the one that was loaded", [*acquired("a", epoch=7), *stored(8, "a")]),
    # -- one epoch at a time, snapshots durable before the commit
    Case(
        "an epoch is cut, prepared, stored, committed, published",
        [*acquired("a"), *stored(1, "a"), (Committed(1), DONE), (Published(1), [])],
    ),
    Case(
        "an epoch that is due while another is under way begins behind it",
        [
            *acquired("a"),
            *stored(1, "a"),
            (Due(), []),
            (Committed(1), DONE),
            (Published(1), [Freeze(2, names("a"))]),
        ],
    ),
    Case(
        "shards without anything new are left out; with none there is no commit",
        [
            *acquired("a"),
            *acquired("b"),
            (Due(), [Freeze(1, names("a", "b"))]),
            (Cut(1, names("b")), [Prepare(1, names("b"))]),
            (Prepared(1), [Store(1, names("b"))]),
            (Stored(1, {"b": "b1"}), [Commit(1, {"b": "b1"})]),
            (Committed(1), [Discard("b", ("b1", "t0")), Publish(1)]),
            (Published(1), []),
            (Due(), [Freeze(2, names("a", "b"))]),
            (Cut(2, names()), []),
        ],
    ),
    Case(
        "three commits are kept",
        [
            *acquired("a"),
            *(
                line
                for n, kept in ((1, ("a1", "t0")), (2, ("a2", "a1", "t0")), (3, ("a3", "a2", "a1")))
                for line in [
                    *stored(n, "a"),
                    (Committed(n), [Discard("a", kept), Publish(n)]),
                    (Published(n), []),
                ]
            ),
        ],
    ),
    Case(
        "a snapshot that cannot be stored is stored again, not committed",
        [
            *acquired("a"),
            *cut(1, "a"),
            (Failed(Store(1, names("a")), "down"), [Pause(Store(1, names("a")), 1)]),
            (Waited(Store(1, names("a"))), [Store(1, names("a"))]),
            (Stored(1, {"a": "a1"}), [COMMIT]),
        ],
    ),
    Case(
        "an aborted epoch is committed by another attempt: at once, then after pauses",
        [
            *acquired("a"),
            *stored(1, "a"),
            (Aborted(1), [COMMIT]),
            (Aborted(1), [Pause(COMMIT, 2)]),
            (Due(), []),
            (Waited(COMMIT), [COMMIT]),
            (Committed(1), DONE),
        ],
    ),
    Case(
        "showing is tried again, and the epoch waits for it",
        [
            *acquired("a"),
            *stored(1, "a"),
            (Committed(1), DONE),
            (Failed(Publish(1), "down"), [Pause(Publish(1), 1)]),
            (Due(), []),
            (Waited(Publish(1)), [Publish(1)]),
            (Published(1), [Freeze(2, names("a"))]),
        ],
    ),
    Case(
        "answers of another epoch are ignored",
        [*acquired("a"), *stored(1, "a"), (Committed(2), []), (Cut(0, names()), [])],
    ),
    # -- after an answer that is not definite
    Case(
        "unknown, and it was committed",
        [*acquired("a"), *stored(1, "a"), (Unknown(1), [RECALL]), (Recalled(1, {"a": "a1"}), DONE)],
    ),
    Case(
        "unknown, and it was not",
        [*acquired("a"), *stored(1, "a"), (Unknown(1), [RECALL]), (Recalled(1, {"a": "t0"}), [COMMIT])],
    ),
    Case("fenced is not definite either", [*acquired("a"), *stored(1, "a"), (Fenced(1), [RECALL])]),
    Case("nor is a commit that broke", [*acquired("a"), *stored(1, "a"), (Failed(COMMIT, "?"), [RECALL])]),
    Case(
        "reading back is tried again; nothing else is done meanwhile",
        [
            *acquired("a"),
            *stored(1, "a"),
            (Unknown(1), [RECALL]),
            (Failed(RECALL, "no"), [Pause(RECALL, 1)]),
            (Due(), []),
            (Waited(RECALL), [RECALL]),
        ],
    ),
    Case(
        "one token tells of all: they were committed in one transaction",
        [
            *acquired("a"),
            *acquired("b"),
            *stored(1, "a", "b"),
            (Unknown(1), [Recall(1, names("a", "b"))]),
            (
                Recalled(1, {"a": "of another", "b": "b1"}),
                [Discard("a", ("a1", "t0")), Discard("b", ("b1", "t0")), Publish(1)],
            ),
        ],
    ),
    Case(
        "a shard that another has moved on is dropped and acquired anew; the rest is committed",
        [
            *acquired("a"),
            *acquired("b"),
            *stored(1, "a", "b"),
            (Unknown(1), [Recall(1, names("a", "b"))]),
            (Recalled(1, {"a": "of another", "b": "t0"}), [Drop("a"), Prepare(1, names("b"))]),
            (Dropped("a"), [Find("a")]),
            (Prepared(1), [Store(1, names("b"))]),
        ],
    ),
    Case(
        "one that is to be given up is not",
        [
            *acquired("a"),
            *stored(1, "a"),
            (Revoked("a"), [Halt("a")]),
            (Unknown(1), [RECALL]),
            (Recalled(1, {"a": "of another"}), [Drop("a")]),
            (Dropped("a"), [Release("a")]),
        ],
    ),
    # -- a shard that is given up
    Case(
        "a shard that is given up is committed up to its last row, then released",
        [
            *acquired("a"),
            (Revoked("a"), [Halt("a"), Freeze(1, names("a"))]),
            (Cut(1, names("a")), [Prepare(1, names("a"))]),
            (Prepared(1), [Store(1, names("a"))]),
            (Stored(1, {"a": "a1"}), [COMMIT]),
            (Committed(1), DONE),
            (Published(1), [Drop("a")]),
            (Dropped("a"), [Release("a")]),
        ],
    ),
    Case(
        "an epoch that was cut before does not hold all of it: another follows",
        [
            *acquired("a"),
            *stored(1, "a"),
            (Revoked("a"), [Halt("a")]),
            (Committed(1), DONE),
            (Published(1), [Freeze(2, names("a"))]),
            (Cut(2, names()), [Drop("a")]),
            (Dropped("a"), [Release("a")]),
        ],
    ),
    Case(
        "one that is to go before it runs waits for its answer, then is released",
        [*acquired("a")[:2], (Revoked("a"), []), (Marked("a"), [Release("a")])],
    ),
    Case(
        "what was loaded for nothing is dropped",
        [*acquired("a")[:3], (Revoked("a"), []), (Loaded("a"), [Drop("a")]), (Dropped("a"), [Release("a")])],
    ),
    Case(
        "so is what a load that broke may have left",
        [*acquired("a")[:3], (Revoked("a"), []), (Failed(Load("a", "t0"), "no"), [Drop("a")])],
    ),
    Case(
        "a shard that comes again while its last turn ends begins behind it",
        [
            *acquired("a"),
            (Lost("a"), [Drop("a")]),
            (Assigned("a"), []),
            (Dropped("a"), [Find("a")]),
        ],
    ),
    Case(
        "and an answer to the last turn is not one to the next",
        [
            (Assigned("a"), [Find("a")]),
            (Lost("a"), []),
            (Assigned("a"), []),
            (Found("a", "old", begun=True), [Find("a")]),
            (Found("a", "new", begun=True), [Mark("a")]),
        ],
    ),
    # -- a shard that was lost
    Case(
        "a shard that was lost leaves nothing, and is not released",
        [*acquired("a"), (Lost("a"), [Drop("a")]), (Dropped("a"), [])],
    ),
    Case(
        "it takes nothing of other shards with it: they are staged and stored without it",
        [
            *acquired("a"),
            *acquired("b"),
            *cut(1, "a", "b"),
            (Lost("b"), [Drop("b")]),
            (Stored(1, {"a": "x", "b": "y"}), [Prepare(1, names("a"))]),
            (Prepared(1), [Store(1, names("a"))]),
            (Stored(1, {"a": "a1"}), [COMMIT]),
            (Committed(1), DONE),
        ],
    ),
    Case(
        "lost while the commit is under way, and aborted: the rest is staged anew",
        [
            *acquired("a"),
            *acquired("b"),
            *stored(1, "a", "b"),
            (Lost("b"), [Drop("b")]),
            (Aborted(1), [Prepare(1, names("a"))]),
        ],
    ),
    Case(
        "lost while the commit is under way, and committed: nothing of it is discarded",
        [
            *acquired("a"),
            *acquired("b"),
            *stored(1, "a", "b"),
            (Lost("b"), [Drop("b")]),
            (Committed(1), DONE),
        ],
    ),
    Case(
        "a shard that was lost and came again is not the one that was cut",
        [
            *acquired("a"),
            *stored(1, "a"),
            (Lost("a"), [Drop("a")]),
            (Dropped("a"), []),
            *acquired("a", "t9", epoch=9),
            (Aborted(1), []),
            *stored(10, "a"),
        ],
    ),
    # -- the end
    Case(
        "a worker that stops commits what it has, releases all, and ends",
        [
            *acquired("a"),
            (Stop(last=True), [Halt("a"), Freeze(1, names("a"), last=True)]),
            (Cut(1, names("a")), [Prepare(1, names("a"), last=True)]),
            (Prepared(1), [Store(1, names("a"))]),
            (Stored(1, {"a": "a1"}), [COMMIT]),
            (Committed(1), DONE),
            (Published(1), [Drop("a")]),
            (Dropped("a"), [Release("a"), End()]),
        ],
    ),
    Case("one that has nothing ends at once", [(Stop(), [End()])]),
    Case(
        "one that stops ends though an epoch is due",
        [
            *acquired("a"),
            *stored(1, "a"),
            (Lost("a"), [Drop("a")]),
            (Dropped("a"), []),
            (Due(), []),
            (Stop(), []),
            (Aborted(1), [End()]),
        ],
    ),
    Case(
        "what is assigned to a worker that stops is given back",
        [
            *acquired("a"),
            *stored(1, "a"),
            (Stop(), [Halt("a")]),
            (Assigned("b"), [Find("b")]),
            (Found("b", "t0", begun=True), [Release("b")]),
        ],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_rule(case: Case) -> None:
    worker = Worker()
    for number, (event, effects) in enumerate(case.lines):
        assert worker.handle(event) == effects, (number, event)


def test_an_ended_worker_does_nothing() -> None:
    worker = Worker()
    assert worker.handle(Stop()) == [End()]
    assert worker.ended
    assert worker.handle(Assigned("a")) == []
    assert worker.step is Step.IDLE
