"""What a running job can hand out of its state, so that another run goes on from there.

An engine answers in one of three ways: it exports nothing, and says why; it makes a savepoint that it alone can read; or it
exports its state by operator and key group, which may be stored, moved and split among workers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from caudal.core.errors import RunError

if TYPE_CHECKING:
    import pyarrow as pa

Place = tuple[str, str]
"""(source's operator id, partition name)."""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Nothing can be exported. `why`: in a line, for people; `status`: whether that may change."""

    why: str
    status: Literal["not yet", "never"] = "not yet"


@dataclass(frozen=True, slots=True)
class Savepoint:
    """State that stays with the engine that wrote it: `where` it lies, as that engine names it."""

    engine: str
    where: str


@dataclass(frozen=True, slots=True)
class OperatorState:
    """The state of one operator: `kind` and `version` of its layout, plain `values`, and rows in blocks.

    The rows of a key are all in one key group, which their key columns tell (see `State.key_hash`). Plain values are
    numbers, texts, None, and lists, and mappings of those by text.
    `blocks`: tables by number, which never change; a table may be made when it is asked for, by any thread, whatever the job does
    meanwhile. `whole`: they are all there is; else those that have come since the state before, and `removed` the numbers of
    those that have gone.
    """

    kind: str
    version: int
    values: Mapping[str, Any]
    blocks: Mapping[int, pa.Table] = field(default_factory=dict[int, Any])
    removed: Sequence[int] = ()
    whole: bool = True


@dataclass(frozen=True, slots=True)
class State:
    """One consistent point of a job: where its sources stand, and the state of each operator behind just those rows.

    `key_hash`: the name and version of what gives a key its group. `rest`: plain values of the engine's own. `changed`: it is of
    another plan: operators that it lacks begin empty, sources that it lacks at their start, and counts anew.
    """

    engine: str
    version: int
    key_hash: str
    key_groups: int
    positions: Mapping[Place, int]
    operators: Mapping[str, OperatorState] = field(default_factory=dict[str, OperatorState])
    rest: Mapping[str, Any] = field(default_factory=dict[str, Any])
    changed: bool = False


Snapshot = Unsupported | Savepoint | State


@dataclass(frozen=True, slots=True)
class Dealt:
    """The state of a shard, of which another takes over what is its own. `counts`: the ledger's counts too."""

    state: State
    counts: bool


@dataclass(frozen=True, slots=True)
class Share:
    """Which keys a shard has: those of `number`, of `shards`.

    `keys`: by operator, which of its keys tell; none: all rows belong to one shard. `place`: what gives each value of the one key its
    number, None: the key's group.
    """

    number: int
    shards: int
    keys: Mapping[str, Sequence[int]]
    place: Callable[[pa.Array, int], Sequence[int]] | None = None


class NoSnapshots:
    """An execution that exports nothing: to inherit from. `unsupported` says why."""

    unsupported = Unsupported("this engine exports no state yet")

    def snapshot(self, *, whole: bool = True, at: Callable[[], None] | None = None) -> Snapshot:
        """Say why not."""
        return self.unsupported

    def resume(self, snapshot: Savepoint | State) -> None:
        """Refuse; raises `RunError`."""
        raise RunError(
            f"the run cannot go on from a state of the engine '{snapshot.engine}'", detail=self.unsupported.why
        )
