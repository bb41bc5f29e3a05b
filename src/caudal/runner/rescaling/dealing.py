"""Dealing: what the shards of a savepoint hold, as the shards that there are to be, in a savepoint of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from caudal.checkpoint.manifest import Manifest
from caudal.checkpoint.segments import digest
from caudal.checkpoint.snapshots import Snapshots
from caudal.core.errors import OptionError, RunError
from caudal.ports.engine import Tasks
from caudal.ports.snapshot import Dealt, Share
from caudal.runner.group_savepoints import GroupSavepoint, write
from caudal.runner.layout import Layout, Part
from caudal.runner.migration import migration
from caudal.runner.rests import Rest
from caudal.runner.stages import MOST
from caudal.runner.tokens import Token, genesis, parsed

WRITER = "caudal-rescale"
"""Who has written the snapshots, in tokens: nobody whose transaction could be open."""


@dataclass(frozen=True, slots=True)
class Dealing:
    """A savepoint `origin` of shards as `before` has them is dealt to those of `after`.

    `agreed`: what the group that begins from it has agreed on; `begins`: where partitions of sources begin that are new; `place`: what
    gives keys their partition, by the stage that reads a source, where state depends on it.
    """

    origin: GroupSavepoint
    before: Layout
    after: Layout
    agreed: Mapping[str, Any]
    begins: Mapping[str, int]
    tasks: Tasks
    place: Mapping[str, Callable[[Any, int], Sequence[int]]] = field(default_factory=dict[str, Any])
    _kept: list[str] = field(default_factory=list[str])

    def deal(self) -> str:
        """Write the savepoint; return its id. Raises `OptionError` for state of another pipeline, `RunError`, `StoreError`."""
        shards: dict[str, Rest] = {}
        for stage in self.after.stages.names:
            if self._read(stage) and self.before.counts[stage] == self.after.counts[stage]:
                shards |= self._as_they_are(stage)
            else:
                shards |= self._stage(stage)
        return write(self.origin.store, self._kept, self.agreed, shards, self.origin.left or self.origin.shards)

    def _read(self, stage: str) -> bool:
        """Whether a stage reads a source."""
        return stage in self.after.stages.sources

    def _as_they_are(self, stage: str) -> dict[str, Rest]:
        own = self.after.shards(stage)
        part = self.after.part(own[0])
        self._kept.extend(found.id for shard in own if (found := self._manifest(shard, part)) is not None)
        return {shard: self.origin.shards[shard] for shard in own}

    def _stage(self, stage: str) -> dict[str, Rest]:
        shards: dict[str, Rest] = {}
        rows = 0
        for number in range(self.after.counts[stage]):
            name = self.after.stages.shard(stage, number)
            shards[name], held = self._shard(stage, number, name)
            rows += held
        part = self.after.part(self.after.stages.shard(stage, 0))
        there = sum(
            found.rows for shard in self.before.shards(stage) if (found := self._manifest(shard, part)) is not None
        )
        if rows != there:
            raise RunError(
                f"of {there:,} rows of state {rows:,} were dealt", hint="this is a defect of caudal: please report it"
            )
        return shards

    def _shard(self, stage: str, number: int, name: str) -> tuple[Rest, int]:
        """Write the snapshot of a shard; return where it stands, and how many rows of state it has."""
        part = self.after.part(name)
        offsets = {each: self._offset(each) for each in sorted(self.after.partitions(name))}
        parents = self._parents(stage, number)
        found = {
            each: manifest for each in parents if (manifest := self._manifest(self._old(stage, each), part)) is not None
        }
        if not found:
            return Rest("", genesis(WRITER).text(), offsets), 0
        parts = [
            Dealt(self._snapshots(self._old(stage, each)).load(manifest), self._home(stage, each) == number)
            for each, manifest in found.items()
        ]
        keys = self.after.stages.placing(stage)
        share = Share(number, self.after.counts[stage], keys, self.place.get(stage))
        begins = {(self.after.source(each), each): at for each, at in offsets.items()}
        state = self.tasks.dealt(part.plan, parts, share, begins)
        snapshots = self._snapshots(name)
        epoch = max(manifest.epoch for manifest in found.values())
        draft = snapshots.write(epoch, state, part.fits.operators)
        manifest = snapshots.manifest(draft, {}, graph=part.fits.graph)
        self._kept.append(snapshots.keep(manifest))
        token = Token(WRITER, manifest.id, digest(manifest.encoded()), epoch)
        return Rest("", token.text(), offsets), manifest.rows

    # -- who has what was whose ----------------------------------------------------------------------------------------------

    def _parents(self, stage: str, number: int) -> list[int]:
        """Return the numbers of the shards that have had keys of this one, or partitions."""
        old, new = self.before.counts[stage], self.after.counts[stage]
        if self._read(stage):
            return [number] if number < old else [number % old] if stage in self.place else []
        if not self.after.stages.topics[stage].keys:
            return [0]
        return sorted({group * old // MOST for group in range(MOST) if group * new // MOST == number})

    def _home(self, stage: str, number: int) -> int:
        """Return which shard takes over the counts of one: that of its first keys."""
        if self._read(stage):
            return number
        first = -(-number * MOST // self.before.counts[stage])
        return first * self.after.counts[stage] // MOST

    def _old(self, stage: str, number: int) -> str:
        return self.before.stages.shard(stage, number)

    def _offset(self, partition: str) -> int:
        if self.after.between(partition):
            return 0
        for rest in self.origin.shards.values():
            if partition in rest.offsets:
                return rest.offsets[partition]
        return self.begins[partition]

    # -- snapshots -----------------------------------------------------------------------------------------------------------

    def _manifest(self, shard: str, part: Part) -> Manifest | None:
        """Return the snapshot of a shard of before, None where it has none; raises `OptionError` for one of another pipeline."""
        if parsed(self.origin.shards[shard].token, shard).genesis:
            return None
        manifest = self.origin.manifest(shard, self.before.source)
        assert manifest is not None
        found = migration(manifest, part.fits)
        if found.changed:
            raise OptionError(
                "the pipeline has changed since",
                location=f"checkpoint {manifest.id}",
                detail=found.to_text(),
                hint="rescale with the pipeline of then; the changed one may begin from that savepoint",
            )
        return manifest

    def _snapshots(self, shard: str) -> Snapshots:
        return Snapshots(self.origin.store, shard, self.agreed["pipeline"], decides=False)
