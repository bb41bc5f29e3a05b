"""What happens to a worker (events), and what it is to do about it (effects): the words of the protocol.

A *shard* is what is committed, moved and restored as one: the state behind one source partition (or behind the partitions of
one number, where topics are joined), or a whole job that shares nothing. A shard's *token* names the snapshot that its last
commit belongs to. Every effect is answered by one event, or by `Failed`; an answer that is no longer waited for is ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Token = str
"""Names a snapshot: ASCII, under 3,000 characters, "" for none. What is in it is the driver's; the protocol compares it."""

Shards = frozenset[str]


# -- events: of the group ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Assigned:
    """The shard is this worker's from now on."""

    shard: str


@dataclass(frozen=True, slots=True)
class Revoked:
    """The shard is to be given up; whoever wants it waits until it is released."""

    shard: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The shard is another's already, who did not wait."""

    shard: str


# -- events: of the clock and the user -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Due:
    """It is time for an epoch."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The worker is to end: what it has is committed first. `last`: it has come to the end of data."""

    last: bool = False


@dataclass(frozen=True, slots=True)
class Waited:
    """The pause before another attempt at this effect is over."""

    effect: Effect


# -- events: answers to what is done for a shard -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """The shard's last commit, once and for all: no transaction is open that could still move it.

    `token` "": there is none, or the partitions of the shard do not name one and the same. `begun`: whether the store says that it
    has ever been read.
    """

    shard: str
    token: Token
    begun: bool


@dataclass(frozen=True, slots=True)
class Unstable:
    """The shard's last commit cannot be told: a transaction of this writer is open, who seems dead."""

    shard: str
    writer: str


@dataclass(frozen=True, slots=True)
class Expelled:
    """The writer that was in the way is fenced off, and its transaction aborted (or it had been committed)."""

    shard: str


@dataclass(frozen=True, slots=True)
class Started:
    """The shard's start is committed, with this genesis token."""

    shard: str
    token: Token


@dataclass(frozen=True, slots=True)
class Marked:
    """The store says from now on that the shard has begun, and that this worker's transaction is the one to be open on it."""

    shard: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """The shard stands where the snapshot says, which was verified, and what that epoch was to show is shown.

    `epoch`: that epoch's number, 0 for a start; this worker's next one is above it.
    """

    shard: str
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Dropped:
    """Of the shard nothing is left: no state, no rows on their way, no outputs that wait."""

    shard: str


# -- events: answers to the steps of an epoch ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cut:
    """The barrier has passed: the state of these shards is frozen, and their outputs up to there are apart from later ones.

    `changed`: those with anything new since their last cut; the others need no commit.
    """

    epoch: int
    changed: Shards


@dataclass(frozen=True, slots=True)
class Prepared:
    """The sinks that stage have made the epoch's rows durable."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Stored:
    """The snapshots are durable, and readable by every worker, under these fresh tokens."""

    epoch: int
    tokens: Mapping[str, Token]


@dataclass(frozen=True, slots=True)
class Committed:
    """The epoch's one commit has been done."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Aborted:
    """Nothing of the epoch was committed, nor will be: also where the group refused this member, or its generation."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Unknown:
    """The commit's answer was lost, or did not come in time: it may have been done, or be done later."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Fenced:
    """Another has opened this worker's transaction: the epoch may be committed or not."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Recalled:
    """The last commits of these shards, once and for all: nothing of this worker's is under way any more."""

    epoch: int
    tokens: Mapping[str, Token]


@dataclass(frozen=True, slots=True)
class Published:
    """What the sinks had staged for the epoch is shown."""

    epoch: int


# -- an answer to any effect ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Failed:
    """The effect could not be done. `fatal`: nor will it be; else it is tried again. `why`: for people."""

    effect: Effect
    why: str
    fatal: bool = False


Event = (
    Assigned
    | Revoked
    | Lost
    | Due
    | Stop
    | Waited
    | Found
    | Unstable
    | Expelled
    | Started
    | Marked
    | Loaded
    | Dropped
    | Cut
    | Prepared
    | Stored
    | Committed
    | Aborted
    | Unknown
    | Fenced
    | Recalled
    | Published
    | Failed
)


# -- effects: for a shard ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Find:
    """Read the shard's last commit, waiting for open transactions for a second: `Found` or `Unstable`."""

    shard: str


@dataclass(frozen=True, slots=True)
class Expel:
    """Open the writer's transaction under its name, which fences it off and aborts what it has open: `Expelled`."""

    shard: str
    writer: str


@dataclass(frozen=True, slots=True)
class Start:
    """Resolve where the shard is to begin, and commit that with a genesis token: `Started`."""

    shard: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Let the store say that the shard has begun, and who writes it from now on, for `Unstable` to tell: `Marked`."""

    shard: str


@dataclass(frozen=True, slots=True)
class Load:
    """Load and verify the snapshot, show what its epoch was to show, seek: `Loaded`. Of a genesis token only the last."""

    shard: str
    token: Token


@dataclass(frozen=True, slots=True)
class Run:
    """Read the shard from where it stands; not answered."""

    shard: str


@dataclass(frozen=True, slots=True)
class Halt:
    """Read no more of the shard, and let what was read of it land; not answered."""

    shard: str


@dataclass(frozen=True, slots=True)
class Drop:
    """Forget the shard: state, rows on their way, outputs that wait: `Dropped`."""

    shard: str


@dataclass(frozen=True, slots=True)
class Release:
    """The shard may be another's: all that was read of it is committed, or was dropped; not answered."""

    shard: str


# -- effects: the steps of an epoch --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Freeze:
    """Let a barrier pass through these shards: `Cut`. `last`: they are at the end of data, so there is something to commit anyhow."""

    epoch: int
    shards: Shards
    last: bool = False


@dataclass(frozen=True, slots=True)
class Prepare:
    """Let the sinks that stage write and make durable what these shards have for the epoch: `Prepared`."""

    epoch: int
    shards: Shards
    last: bool = False


@dataclass(frozen=True, slots=True)
class Store:
    """Write the frozen state of these shards under fresh names, durably, with what the sinks have staged: `Stored`."""

    epoch: int
    shards: Shards


@dataclass(frozen=True, slots=True)
class Commit:
    """In one transaction: the outputs of these shards for the epoch, where they stand, their tokens.

    Answered by `Committed`, `Aborted`, `Unknown` (also where no answer comes in time) or `Fenced`.
    """

    epoch: int
    tokens: Mapping[str, Token]

    @property
    def shards(self) -> Shards:
        """The shards that are committed."""
        return frozenset(self.tokens)


@dataclass(frozen=True, slots=True)
class Recall:
    """Open this worker's transaction anew, so that nothing under way can happen, then read the last commits: `Recalled`."""

    epoch: int
    shards: Shards


@dataclass(frozen=True, slots=True)
class Publish:
    """Show what the sinks have staged for the epoch: `Published`."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Discard:
    """The snapshots of the shard but for the newest three that were committed are of no use any more; not answered."""

    shard: str
    keep: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait before this effect is tried again, the longer the more attempts there were: `Waited`."""

    effect: Effect
    attempt: int


@dataclass(frozen=True, slots=True)
class End:
    """The worker is done. `why`: what broke, "" for nothing; then what is not committed is left as it is."""

    why: str = ""


Effect = (
    Find
    | Expel
    | Start
    | Mark
    | Load
    | Run
    | Halt
    | Drop
    | Release
    | Freeze
    | Prepare
    | Store
    | Commit
    | Recall
    | Publish
    | Discard
    | Pause
    | End
)
