"""What the protocol asks for of a worker in a group: its shards are found, loaded, run and given up, its epochs committed.

A shard is what is behind the partitions of one number, of all topics of a source; where it stands is kept by the group, beside
a token that names the snapshot that goes with it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from caudal.checkpoint import events as p
from caudal.checkpoint.manifest import Manifest
from caudal.checkpoint.segments import digest
from caudal.checkpoint.snapshots import Snapshots
from caudal.checkpoint.store import Store
from caudal.core.errors import RunError
from caudal.ports.calls import Calls
from caudal.ports.engine import Bindings, Tasks
from caudal.ports.group import Group, GroupTransaction, Stand, Unstable
from caudal.ports.records import Decoded
from caudal.ports.sink import Receipt, Sink
from caudal.ports.source import Partition, Unchanging
from caudal.runner.conducting import came_to
from caudal.runner.group_savepoints import GroupSavepoint
from caudal.runner.layout import Layout
from caudal.runner.outbox import Outbox, Room
from caudal.runner.poison.attempts import Begun
from caudal.runner.poison.calls import calls_here
from caudal.runner.poison.looking import Poison, Suspect, convicted, marked, standing, withheld
from caudal.runner.poison.requests import Places
from caudal.runner.rests import Rest, leave, mark_of, stays
from caudal.runner.shard import Shard
from caudal.runner.staging import Staging, staging
from caudal.runner.tokens import Token, genesis, parsed

_AT_ONCE = 8
"""Shards whose snapshots are written at once."""


class Parts(Unchanging):
    """The partitions of one shard, as the source of its task."""

    def __init__(self, group: Group, partitions: list[Partition]) -> None:
        self._group = group
        self._partitions = partitions

    def check(self, partition: str, rows: Decoded) -> None:
        """Hold rows to what the group's source relies on."""
        self._group.check(partition, rows)

    def ends(self) -> Mapping[str, int]:
        """Return where its partitions end."""
        own = {partition.name for partition in self._partitions}
        return {name: end for name, end in self._group.ends().items() if name in own}

    def partitions(self) -> list[Partition]:
        """Return them."""
        return self._partitions

    def close(self) -> None:
        """Release them."""
        for partition in self._partitions:
            partition.close()


@dataclass(slots=True)
class Held:
    """A shard that this worker holds, or is acquiring. `stands`: where its partitions stood when it was found; `begun`: who had it;
    `rest`: what is known of it once it is given up.
    """

    partitions: tuple[str, ...]
    stands: dict[str, Stand] = field(default_factory=dict[str, Stand])
    begun: Begun = field(default_factory=Begun)
    rest: Rest | None = None
    shard: Shard | None = None
    sources: list[Parts] = field(default_factory=list["Parts"])
    staging: Staging = field(default_factory=lambda: Staging({}))


@dataclass(frozen=True, slots=True)
class Place:
    """What all shards of a worker share.

    `layout`: what they are; `writer`: the name of the worker's transaction; `origin`: the savepoint that the group has begun from.
    """

    pipeline: str
    layout: Layout
    writer: str
    origin: GroupSavepoint | None = None


class GroupSteps:
    """Does what the protocol asks for, one effect at a time."""

    def __init__(
        self,
        place: Place,
        group: Group,
        transaction: GroupTransaction,
        store: Store,
        tasks: Tasks,
        sinks: Mapping[str, Sink],
        poison: Poison,
    ) -> None:
        self.committed = 0
        self.room = Room()
        self.held: dict[str, Held] = {}
        self.member: Any = None
        """What the worker commits as."""
        self._place = place
        self._group = group
        self._transaction = transaction
        self._store = store
        self._tasks = tasks
        self._sinks = sinks
        self._poison = poison

    def do(self, effect: p.Effect) -> p.Event | None:
        """Do what an effect says; return the answer. Raises `StoreError`, `Fenced`, `RunError`."""
        return _STEPS[type(effect)](self, effect)

    # -- shards --------------------------------------------------------------------------------------------------------

    def find(self, effect: p.Find) -> p.Event:
        """See where the group says that the shard stands."""
        held = self.held[effect.shard]
        found = self._group.found(held.partitions)
        writer = marked(self._store, mark_of(effect.shard)).get("writer", "")  # who had it last
        if isinstance(found, Unstable):
            if not writer:
                return p.Failed(effect, f"somebody is moving {', '.join(held.partitions)}, and nobody has marked them")
            return p.Unstable(effect.shard, writer)
        stands = {name: stand for name, stand in found.items() if stand is not None}
        if not stands:
            return p.Found(effect.shard, "", bool(writer))
        token = _one_token(effect.shard, held.partitions, stands)
        held.stands = stands
        if not writer and self._place.origin is not None and self._place.origin.elsewhere(token, effect.shard):
            return p.Found(effect.shard, "", False)
        return p.Found(effect.shard, token.text(), bool(writer))

    def expel(self, effect: p.Expel) -> p.Event:
        """End a transaction that is in the way."""
        if effect.writer == self._place.writer:
            self._transaction.renew()
        else:
            self._group.expel(effect.writer)
        return p.Expelled(effect.shard)

    def start(self, effect: p.Start) -> p.Event:
        """Commit where the shard begins."""
        held = self.held[effect.shard]
        origin = self._place.origin
        token = genesis(self._place.writer, origin.id if origin is not None else "").text()
        begins = self._group.start(held.partitions) if origin is None else origin.offsets(effect.shard)
        held.stands = {name: Stand(at, token) for name, at in begins.items()}
        self._transaction.begin(0)
        self._transaction.stands(held.stands, self.member)
        outcome = self._transaction.commit()
        if outcome == "unknown":
            self._transaction.renew()
        if outcome != "committed":
            return p.Failed(effect, f"where shard {effect.shard} begins could not be committed")
        return p.Started(effect.shard, token)

    def mark(self, effect: p.Mark) -> p.Event:
        """Note in the store that the shard has begun, and whose transaction may be open on it."""
        held = self.held[effect.shard]
        token = next(iter(held.stands.values())).token
        held.begun = self._poison.taken(effect.shard, marked(self._store, mark_of(effect.shard)), token)
        self._marked(effect.shard)
        if self._place.layout.topics:
            stays(self._store)  # looked at behind the mark, so that who takes the job over sees this one or is seen
        return p.Marked(effect.shard)

    def _marked(self, shard: str) -> None:
        held = self.held[shard]
        at = time.time_ns() // 1_000_000
        text = json.dumps({"writer": self._place.writer, "at": at, **held.begun.told()}).encode()
        offsets = {name: stand.offset for name, stand in held.stands.items()}
        held.rest = Rest(digest(text), next(iter(held.stands.values())).token, offsets)
        self._store.replace(mark_of(shard), text)

    def load(self, effect: p.Load) -> p.Event:
        """Let the shard stand where its last commit says."""
        held, place = self.held[effect.shard], self._place
        token = parsed(effect.token, held.partitions[0])
        snapshots = Snapshots(self._store, effect.shard, place.pipeline, decides=False)
        snapshots.take_stock(time.time())
        part, origin, held_by = place.layout.part(effect.shard), place.origin, snapshots
        if token.genesis and origin is not None:
            manifest = origin.manifest(effect.shard, place.layout.source)
            held_by = Snapshots(origin.store, effect.shard, place.pipeline, decides=False)
        else:
            manifest = None if token.genesis else snapshots.read(token.snapshot, token.hash)
        if manifest is None and not token.genesis:
            raise RunError(
                f"the snapshot {token.snapshot} of shard {effect.shard} is not in {self._store.url}",
                hint="do all workers use the same --checkpoint? was it cleaned up by hand?",
            )
        if not self._looked(effect.shard, manifest, held_by):
            return p.Failed(effect, "a record is looked for that kills the process")
        sources = _parts(self._group, place.layout, held, fresh=manifest is None)
        sinks = {name: self._sinks[name] for name in part.sinks}
        held.staging = staging(sinks, effect.shard, place.writer)
        outboxes = {name: Outbox(sink, self.room) for name, sink in {**sinks, **held.staging.sinks}.items()}
        convicts = {name: several for (_, name), several in convicted(self._store, effect.shard).items()}
        calls = Calls(withheld(self._store, effect.shard))
        bindings = Bindings(part.sources(sources, convicts), outboxes, calls)
        execution = self._tasks.open(effect.shard, part.plan, bindings)
        held.shard = Shard(effect.shard, snapshots, outboxes, part.fits, origin.id if origin is not None else "")
        if manifest is not None:
            _same_place(effect.shard, manifest, held.stands)
        held.shard.begin(execution, manifest, held_by)
        held.staging.recover(token.epoch, {} if manifest is None else manifest.receipts)
        return p.Loaded(effect.shard, token.epoch)

    def _looked(self, shard: str, manifest: Manifest | None, held_by: Snapshots) -> bool:
        """Whether nothing has killed who had the shard before, or it is known by now what that was; see `Poison.look`."""
        held = self.held[shard]
        begun = held.begun
        layout = self._place.layout
        if not begun.cause:
            return True
        places = Places({(layout.source(name), name): at.offset for name, at in held.stands.items()}, whole=False)
        suspect = Suspect(
            shard,
            places,
            0.0 if manifest is None else manifest.written / 1000,
            standing(manifest, held_by, layout, shard),
            layout.reads(shard),
            calls_here(layout.part(shard).plan),
        )
        found = self._poison.looking(shard, begun.token, lambda: self._poison.look(suspect, begun))
        if found is None:
            return False
        held.begun = found
        self._marked(shard)
        return True

    def run(self, effect: p.Run) -> None:
        """Read it."""
        self._tasks.begin(effect.shard)

    def halt(self, effect: p.Halt) -> None:
        """Read it no more."""
        self._tasks.halt(effect.shard)

    def drop(self, effect: p.Drop) -> p.Event:
        """Forget it."""
        self._tasks.drop(effect.shard)
        held = self.held[effect.shard]
        if held.shard is not None:
            held.shard.forget()
        for source in held.sources:
            source.close()
        held.staging.close()
        held.shard, held.sources = None, []
        held.staging = Staging({})
        return p.Dropped(effect.shard)

    def release(self, effect: p.Release) -> None:
        """Let others have it, and note where it stands."""
        held = self.held[effect.shard]
        if held.rest is not None:
            leave(self._store, effect.shard, held.rest)
        for name in self.held[effect.shard].partitions:
            self._group.release(name)

    # -- epochs --------------------------------------------------------------------------------------------------------

    def freeze(self, effect: p.Freeze) -> p.Event:
        """Cut all shards at one point of the worker."""
        self.room.under_way(False)
        with self._tasks.paused():
            changed = {name for name in effect.shards if self._shard(name).freeze(anyhow=False)}
        self.room.under_way(bool(changed))
        return p.Cut(effect.epoch, frozenset(changed))

    def prepare(self, effect: p.Prepare) -> p.Event:
        """Let the sinks stage that are not the transaction's."""
        for name in effect.shards:
            self.held[name].staging.stage(effect.epoch, self._shard(name).outboxes)
        return p.Prepared(effect.epoch)

    def store(self, effect: p.Store) -> p.Event:
        """Write the snapshots, each under a name of its own."""
        several = {self._shard(name): self.held[name].staging.receipts for name in sorted(effect.shards)}
        return p.Stored(effect.epoch, _stored(several, self._place.writer, effect.epoch))

    def commit(self, effect: p.Commit) -> p.Event:
        """Send outputs, places and tokens in one transaction."""
        self._transaction.begin(effect.epoch)
        stands: dict[str, Stand] = {}
        for name, token in effect.tokens.items():
            shard = self._shard(name)
            shard.pour(but=self.held[name].staging.sinks)
            assert shard.manifest is not None
            stands |= {partition: Stand(at, token) for (_, partition), at in shard.manifest.positions.items()}
        for sink in self._sinks.values():
            sink.prepare(effect.epoch, last=False)
        self._transaction.stands(stands, self.member)
        return came_to(self._transaction.commit(), effect.epoch)

    def recall(self, effect: p.Recall) -> p.Event:
        """Open the transaction anew and read what was committed last."""
        self._transaction.renew()
        names = [partition for name in effect.shards for partition in self.held[name].partitions]
        found = self._group.found(names)
        if isinstance(found, Unstable):  # another has taken a shard over in the meantime
            return p.Failed(effect, f"somebody is moving one of {', '.join(names)}")
        stands = {name: found[self.held[name].partitions[0]] for name in effect.shards}
        return p.Recalled(effect.epoch, {name: "" if s is None else s.token for name, s in stands.items()})

    def discard(self, effect: p.Discard) -> None:
        """What the commit supersedes may go."""
        kept = [parsed(token, effect.shard) for token in effect.keep]
        shard, held = self._shard(effect.shard), self.held[effect.shard]
        shard.committed([token.snapshot for token in kept if not token.genesis])
        if shard.last is not None and held.rest is not None:
            offsets = {name: at for (_, name), at in shard.last.positions.items()}
            held.rest = Rest(held.rest.mark, effect.keep[0], offsets)

    def publish(self, effect: p.Publish) -> p.Event:
        """Show what was staged; the transaction has shown all other rows."""
        read: dict[str, int] = {}
        for held in self.held.values():
            if held.shard is not None:
                held.staging.show(effect.epoch)
                held.shard.done()
                if held.shard.last is not None:
                    read |= {name: at for (_, name), at in held.shard.last.positions.items()}
        self._group.trim({name: at for name, at in read.items() if self._place.layout.between(name)})
        self.committed += 1
        self.room.under_way(False)
        return p.Published(effect.epoch)

    def _shard(self, name: str) -> Shard:
        shard = self.held[name].shard
        assert shard is not None
        return shard


def _stored(shards: Mapping[Shard, Mapping[str, Receipt]], writer: str, epoch: int) -> dict[str, str]:
    """Store the snapshots of shards, with what their sinks have staged; return their tokens.

    Several at once, since a store takes its time to answer.
    """

    def token(shard: Shard) -> str:
        id = shard.write(epoch, shards[shard], last=False)
        return Token(writer, id, shard.seal(), epoch).text()

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return {shard.name: text for shard, text in zip(shards, pool.map(token, shards), strict=True)}


def _parts(group: Group, layout: Layout, held: Held, *, fresh: bool) -> dict[str, Parts]:
    """Return the partitions of a shard, by the operator ids of their sources. `fresh`: it has no snapshot that says where it stands."""
    found: dict[str, Parts] = {}
    for source, names in layout.by_source(held.partitions).items():
        partitions = [group.partition(name) for name in names]
        if fresh:
            for partition in partitions:  # before it is opened, so that it stands there though nothing was read
                partition.seek(held.stands[partition.name].offset)
        found[source] = Parts(group, partitions)
    held.sources = [*found.values()]
    return found


def _one_token(shard: str, partitions: Sequence[str], stands: Mapping[str, Stand]) -> Token:
    """Return the token that all partitions of a shard stand at; raises `RunError` where there is no such."""
    missing = sorted(set(partitions) - set(stands))
    if missing:
        raise RunError(
            f"nothing says where {missing[0]} stands, but that of {next(iter(stands))} is known",
            hint="was a topic added, or did an offset expire? begin anew under another --group",
        )
    tokens = {parsed(stand.token, name) for name, stand in stands.items()}
    if len(tokens) > 1:
        raise RunError(
            f"the partitions of shard {shard} do not stand at one commit", detail=str(sorted(map(str, tokens)))
        )
    (token,) = tokens
    return token


def _same_place(shard: str, manifest: Manifest, stands: Mapping[str, Stand]) -> None:
    """Raise `RunError` for a snapshot that does not stand where the group does."""
    wanted = {name: stand.offset for name, stand in stands.items()}
    found = {name: at for (_, name), at in manifest.positions.items()}
    if found != wanted:
        raise RunError(
            f"the snapshot of shard {shard} is of another place than the group's", detail=f"{found}, {wanted}"
        )


_STEPS: Mapping[type, Any] = {
    p.Find: GroupSteps.find,
    p.Expel: GroupSteps.expel,
    p.Start: GroupSteps.start,
    p.Mark: GroupSteps.mark,
    p.Load: GroupSteps.load,
    p.Run: GroupSteps.run,
    p.Halt: GroupSteps.halt,
    p.Drop: GroupSteps.drop,
    p.Release: GroupSteps.release,
    p.Freeze: GroupSteps.freeze,
    p.Prepare: GroupSteps.prepare,
    p.Store: GroupSteps.store,
    p.Commit: GroupSteps.commit,
    p.Recall: GroupSteps.recall,
    p.Discard: GroupSteps.discard,
    p.Publish: GroupSteps.publish,
}
