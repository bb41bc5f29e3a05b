"""What a followed source remembers, as plain values; and how another run takes it up again.

Another run finds its files by inode and content: renamed, copied and truncated, compressed. Nothing more is decided here: what has
become of a file is judged as it is while a run goes on, by the look that follows.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from caudal.connectors.files.compressed import Unpacking
from caudal.connectors.files.decoded import as_utf8
from caudal.connectors.files.growing import FromStart, Growing
from caudal.connectors.files.handle import Handle
from caudal.connectors.files.judging import Judge
from caudal.connectors.files.lines import LinePartition
from caudal.connectors.files.losses import Losses
from caudal.connectors.files.paths import Found, Identity
from caudal.connectors.files.remembering import Remembered, Settled
from caudal.connectors.files.rotation import Incarnations
from caudal.connectors.files.source import Opener
from caudal.connectors.files.streams import Stream
from caudal.connectors.files.traces import Trace
from caudal.core.errors import CaudalError
from caudal.core.unpacking import BrokenStream, encoding_of


def exported(remembered: Remembered, judge: Judge) -> dict[str, Any]:
    """Return what a source remembers, as plain values."""
    incarnations = [*remembered.incarnations.ended(), *remembered.incarnations.live]
    number = {growing: i for i, growing in enumerate(incarnations)}
    return {
        "version": 1,
        "incarnations": [_exported(growing, remembered.partitions[growing]) for growing in incarnations],
        "at": {path: number[growing] for path, growing in remembered.at.items() if growing in number},
        "names": dict(remembered.names),
        "numbers": dict(remembered.numbers),
        "settled": [[*i, *known.stamp] for i, known in remembered.known.items() if isinstance(known, Settled)],
        "beside": remembered.beside.export(),
        "packed": {
            name: [*file.identity, file.size, file.modified]
            for name, (file, partition) in remembered.packed.items()
            if not partition.exhausted
        },
        "copying": sorted(judge.copying),
        "devices": _devices(remembered.names),
    }


def _exported(growing: Growing, partition: str) -> dict[str, Any]:
    return {
        "partition": partition,
        "path": growing.handle.path,
        "names": list(growing.names),
        "identity": list(growing.handle.identity),
        "copied": None if growing.copied is None else list(growing.copied),
        "truncated": growing.truncated_at is not None,
        "seen": growing.offset + growing.unread(),
        "trace": growing.trace.export(),
    }


def _devices(paths: Iterable[str]) -> dict[str, int]:
    devices: dict[str, int] = {}
    for folder in {os.path.dirname(path) for path in paths}:
        try:
            devices[folder] = os.stat(folder).st_dev
        except OSError:
            continue  # gone, with all that is in it
    return devices


class Resumed(Growing):
    """An incarnation that another run began to read: little is remembered of what it read."""

    def resume(self, names: list[str], trace: Trace, seen: int) -> None:
        """Be what the other run has read, as its trace says."""
        self.names, self.trace, self._seen = names, trace, max(seen, trace.end)

    def go_on(self, position: int) -> None:
        """Read on here; what stands before is what was read."""
        self.trace.begin(self.handle.read, position, position)
        self._seen = max(self._seen, position)

    def give_up(self, position: int, *, ended: bool) -> None:
        """What it was is not there any more: wait for a copy, to be read from here on, or take it to have ended."""
        self.trace.back_to(position)
        if ended:
            self._end()
        self.truncated_at = self._clock()

    def seek(self, position: int) -> None:
        if position != self.offset:
            super().seek(position)

    def continue_in(self, fd: int) -> None:
        super().continue_in(fd)
        self.trace.begin(self.handle.read, self.offset, self.offset)


class Recalling:
    """Takes up what another run remembered, into a source that knows nothing yet."""

    def __init__(
        self,
        opener: Opener,
        judge: Judge,
        remembered: Remembered,
        losses: Losses,
        clock: Callable[[], float],
        retire: float,
    ) -> None:
        self._opener = opener
        self._judge = judge
        self._remembered = remembered
        self._losses = losses
        self._clock = clock
        self._retire = retire
        self._device: dict[int, int] = {}
        """What the devices of then are called now."""
        self._there: dict[Identity, Found] = {}
        self._taken: set[Identity] = set()
        """Compressed files in which it is read on."""

    def take_up(
        self, memory: Mapping[str, Any], positions: Mapping[str, int], found: list[Found], patterns: list[str]
    ) -> list[LinePartition]:
        """Return the partitions that go on, each at its position. `found`: the files that the source's paths lead to now."""
        known, now = self._remembered, _devices(memory["names"])
        self._device = {then: now[folder] for folder, then in memory["devices"].items() if folder in now}
        known.names.update(memory["names"])
        known.numbers.update(memory["numbers"])
        self._judge.copying.update(memory["copying"])
        for *identity, size, modified in memory["beside"]:
            known.beside.recall(self._identity(identity), (size, modified))
        for *identity, size, modified in memory["settled"]:
            known.known[self._identity(identity)] = Settled((size, modified))
        known.turned.update(dict.fromkeys(known.names, self._clock()))  # for all that is known of that time
        beside = known.beside.find(known.names.keys() | set(patterns), {file.path for file in found})
        self._there = {file.identity: file for file in [*(file for _, file in beside), *found]}
        partitions: list[LinePartition] = []
        incarnations: list[Growing | None] = []
        for values in memory["incarnations"]:
            position = positions.get(values["partition"])
            growing, partition = self._ended(values) if position is None else self._again(values, position)
            incarnations.append(growing)
            partitions += [] if partition is None else [partition]
        for path, number in memory["at"].items():
            if (last := incarnations[number]) is not None:
                known.at[path] = last
        for growing in known.incarnations.live:
            if growing not in known.at.values():
                growing.superseded()
        for name, stamp in memory["packed"].items():
            if name in positions and name not in known.packed:
                partitions += self._packed(name, stamp, positions[name])
        return partitions

    def _identity(self, values: list[int]) -> Identity:
        device, inode = values
        return self._device.get(device, device), inode

    def _growing(self, values: dict[str, Any], file: Found | None) -> Resumed:
        handle = Handle(values["path"], self._identity(values["identity"])) if file is None else Handle(file.path)
        growing = Resumed(handle, self._judge.descriptors, clock=self._clock, retire=self._retire)
        names = [*values["names"], handle.path, *self._remembered.origins(values["path"])]
        growing.resume(list(dict.fromkeys(names)), Trace.of(values["trace"]), values["seen"])
        self._remembered.partitions[growing] = values["partition"]
        growing.copied = None if values["copied"] is None else self._identity(values["copied"])
        return growing

    def _ended(self, values: dict[str, Any]) -> tuple[Growing, None]:
        """Remember one of which nothing is to be read, but by which others are told."""
        growing = self._growing(values, None)
        growing.ended = True
        growing.truncated_at = self._clock() if values["truncated"] else None
        identity = growing.handle.identity
        was_read = values["partition"] and not values["truncated"]
        if was_read and (identity not in self._there or self._as_it_was(identity, growing.trace)):
            self._remembered.known[identity] = growing  # else its number has been given to another file
        self._remembered.incarnations.recall(growing)
        return growing, None

    def _again(self, values: dict[str, Any], position: int) -> tuple[Growing, LinePartition]:
        """Go on with one: in its file, in a copy, in a compressed file; or wait for a copy to be found."""
        trace = Trace.of(values["trace"])
        file = None if values["truncated"] else self._as_it_was(self._identity(values["identity"]), trace)
        if file is not None:
            growing = self._growing(values, file)
            growing.go_on(position)
            self._note(growing)
            return growing, self._lines(growing, position)
        stands = self._there.get(self._identity(values["identity"]))
        growing = self._growing(values, stands)
        copy = self._as_it_was(growing.copied, trace) if growing.copied is not None else None
        if copy is None and (compressed := self._compressed(growing)) is not None:
            growing.give_up(position, ended=True)
            growing.copied = compressed[0].identity
            self._remembered.incarnations.recall(growing)
            return growing, self._unpacked(values["partition"], *compressed, position)
        growing.give_up(position, ended=False)
        self._note(growing)
        if copy is not None:
            self._remembered.settle(copy)
            growing.continue_in(os.open(copy.path, os.O_RDONLY | os.O_CLOEXEC))
        return growing, self._lines(growing, position)

    def _note(self, growing: Growing) -> None:
        self._remembered.known[growing.handle.identity] = growing
        self._remembered.incarnations.recall(growing)

    def _as_it_was(self, identity: Identity, trace: Trace) -> Found | None:
        """Return the file that is this one, where it begins with what was read."""
        file = self._there.get(identity)
        if file is None or not file.regular:
            return None
        try:
            with open(file.path, "rb", buffering=0) as opened:
                fd = opened.fileno()
                same = trace.goes_on_in(lambda count, offset: os.pread(fd, count, offset), os.fstat(fd).st_size)
        except OSError:
            return None
        return file if same else None

    def _lines(self, growing: Growing, position: int) -> LinePartition:
        head, intact = growing.trace.head, growing.truncated_at is None
        encoding = encoding_of(head)
        partition = LinePartition(
            self._remembered.partitions[growing],
            as_utf8(growing, encoding),
            self._opener.buffers,
            max_record=self._opener.max_record,
            where=growing.handle.path,
            live=True,
            reopened=lambda: as_utf8(FromStart(growing) if intact else _Head(head), encoding),
        )
        partition.start = position
        partition.seek(position)
        return partition

    # -- compressed files --------------------------------------------------------------------------------------------

    def _compressed(self, growing: Growing) -> tuple[Found, str, Stream] | None:
        """Return the compressed file that rotation has made of one since, its kind and what it holds; None without one."""
        for file in self._there.values():
            rotated = Incarnations.rotated(file.path, growing)
            if not rotated or not file.regular or file.identity in self._taken:
                continue
            try:
                kind = self._opener.kind(file.path)
                if kind == "none":
                    continue
                unpacking = Unpacking(self._opener.held(file, kind), [growing])
                while unpacking.undecided():
                    pass
            except (BrokenStream, CaudalError):
                continue
            if unpacking.made_of is growing and unpacking.size >= growing.offset:
                return file, kind, unpacking.stream
            unpacking.close()
        return None

    def _unpacked(self, name: str, file: Found, kind: str, stream: Stream, position: int) -> LinePartition:
        partition = self._opener.unpacked(file, kind, stream, position)
        partition.name = name
        self._remembered.settle(file)
        self._taken.add(file.identity)
        self._remembered.packed[name] = file, partition
        return partition

    def _packed(self, name: str, stamp: list[int], position: int) -> list[LinePartition]:
        """Go on with a compressed file that another run had not read to its end."""
        *identity, size, modified = stamp
        file = self._there.get(self._identity(identity))
        if file is not None and (file.size, file.modified) == (size, modified):
            try:
                kind = self._opener.kind(file.path)
                return [self._unpacked(name, file, kind, self._opener.held(file, kind), position)]
            except (BrokenStream, CaudalError):
                pass
        self._losses.gone(name)
        return []


class _Head(Stream):
    """What is remembered of the beginning of a file that is not there any more."""

    def __init__(self, head: bytes) -> None:
        self._head = head
        self._offset = 0

    def hint(self) -> int:
        return len(self._head) - self._offset

    def readinto(self, view: memoryview) -> int:
        data = self._head[self._offset : self._offset + len(view)]
        view[: len(data)] = data
        self._offset += len(data)
        return len(data)

    def seek(self, position: int) -> None:
        self._offset = position

    def close(self) -> None:
        """Do nothing: it has nothing."""
