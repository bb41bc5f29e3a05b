"""A shard that this process runs: its execution, its outboxes, its snapshots, and what of them was committed last."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from caudal.checkpoint.events import Token
from caudal.checkpoint.manifest import Manifest
from caudal.checkpoint.segments import digest
from caudal.checkpoint.snapshots import Snapshots
from caudal.checkpoint.store import StoreError
from caudal.core.errors import OptionError
from caudal.observe.log import log
from caudal.ports.engine import Execution
from caudal.ports.sink import Receipt
from caudal.ports.snapshot import State, Unsupported
from caudal.runner.migration import Fits, migration
from caudal.runner.outbox import Outbox
from caudal.runner.recalling import recalled, restated
from caudal.runner.resuming import GENESIS


class Shard:
    """One shard. Used by the thread that makes checkpoints.

    `fits`: what state and counts depend on in the plan; `origin`: see `Manifest`; `last`: what was committed last, None for nothing;
    `manifest`: the snapshot of the epoch that is under way.
    """

    def __init__(
        self, name: str, snapshots: Snapshots, outboxes: Mapping[str, Outbox], fits: Fits, origin: str = ""
    ) -> None:
        self.name = name
        self.outboxes = outboxes
        self.last: Manifest | None = None
        self.manifest: Manifest | None = None
        self._snapshots = snapshots
        self._fits = fits
        self._origin = origin
        self._execution: Execution | None = None
        self._state: State | None = None
        self._whole = True

    @property
    def token(self) -> Token:
        """The token of what was committed last."""
        return GENESIS if self.last is None else self.last.id

    def begin(self, execution: Execution, manifest: Manifest | None, held_by: Snapshots) -> None:
        """Stand where a snapshot says, None: at the beginning. `held_by`: who has it, of another store for a savepoint.

        Raises `OptionError` where state would be left behind, `RunError`.
        """
        self._execution = execution
        self._whole = manifest is None or held_by is not self._snapshots
        if manifest is not None:
            fits = self._fits
            found = migration(recalled(manifest, fits.users, allow_dropped=fits.allow_dropped), fits)
            found.check(allow_dropped=fits.allow_dropped)
            self._whole |= found.changed
            execution.resume(found.applied(restated(held_by.load(manifest), manifest.users, fits.users)))
        self.last = manifest

    def freeze(self, *, anyhow: bool) -> bool:
        """Take what is new in the state, and the rows so far for the sinks; return whether there is anything (`anyhow`: yes).

        Raises `OptionError` where the engine has no way to.
        """
        assert self._execution is not None
        snapshot = self._execution.snapshot(whole=self._whole, at=self._cut)
        if not isinstance(snapshot, State):
            why = snapshot.why if isinstance(snapshot, Unsupported) else "it keeps its savepoints itself"
            raise OptionError("this engine's jobs cannot be checkpointed here", detail=why)
        if not (anyhow or self._whole or self._differs(snapshot)):
            return False
        self._state, self._whole = snapshot, False
        return True

    def write(self, epoch: int, receipts: Mapping[str, Receipt], *, last: bool) -> Token:
        """Store what was frozen; return the token of the snapshot. Raises `StoreError`; it may be repeated."""
        assert self._state is not None
        draft = self._snapshots.write(epoch, self._state, self._fits.operators)
        self.manifest = self._snapshots.manifest(
            draft, receipts, last=last, origin=self._origin, graph=self._fits.graph, users=self._fits.users
        )
        return self.manifest.id

    def seal(self) -> str:
        """Store the manifest of the epoch, which something else will commit; return the hash of its bytes. Raises `StoreError`."""
        assert self.manifest is not None
        self._snapshots.commit(self.manifest)
        return digest(self.manifest.encoded())

    def committed(self, keep: Iterable[Token]) -> None:
        """The epoch was committed: it is what the next one is a delta to, and what it supersedes may go, but for these."""
        assert self.manifest is not None
        self._snapshots.adopt(self.manifest)
        self.last, self._state = self.manifest, None
        try:
            self._snapshots.discard(self.last.epoch, [token for token in keep if token != GENESIS])
        except StoreError as error:  # what stays is found by the next run
            log.warning("superseded snapshots stay for now: %s", error)

    def pour(self, but: Collection[str] = ()) -> None:
        """Write the epoch's rows to the sinks, but for these; they are kept, in case they must be written again."""
        for name, outbox in self.outboxes.items():
            if name not in but:
                outbox.pour()

    def done(self) -> None:
        """The epoch's rows are shown: forget them."""
        for outbox in self.outboxes.values():
            outbox.done()

    def forget(self) -> None:
        """Nothing of what waits for the sinks will be written."""
        for outbox in self.outboxes.values():
            outbox.forget()

    def _cut(self) -> None:
        for outbox in self.outboxes.values():
            outbox.cut()

    def _differs(self, state: State) -> bool:
        """Whether anything has happened since the last epoch that was committed."""
        before = self.last
        if before is None or state.positions != before.positions or state.rest != before.rest:
            return True
        if any(not outbox.empty for outbox in self.outboxes.values()):
            return True
        # a watermark that the clock alone has moved is no news: the rows that come next move it too
        return any(each.blocks or each.removed for each in state.operators.values())
