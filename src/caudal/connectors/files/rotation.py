"""Which followed file a new one is a copy of: what rotation by copying leaves beside a log.

A file is an original's copy as far as its bytes are those that were read there (see `traces`). While the original goes
on, and is longer, that cannot be told from a log of its own that says the same: it waits. It is a copy once the
original is truncated. It is a file of its own once it differs, or has not changed for some time: longer where its name
is what rotations make of the original's, and for good where the original grows on and it does not.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from caudal.connectors.files.growing import Growing
from caudal.connectors.files.paths import Found, Identity
from caudal.connectors.files.traces import HEAD, Read

COPY_WAIT = 2.0
"""Seconds after a truncation in which its copy is looked for."""

TWIN_WAIT = 1.0
"""Seconds after which a file that says what another one says, and does not change, is a file of its own."""

TWIN_WAIT_BESIDE = 5.0
"""The same where its name is what rotations make of the other's."""

_REMEMBERED = 8
"""How many ended incarnations of one path are remembered that left no file."""
_PREFIXES = (1, 4, 16, 64, 256, HEAD)
_ALIKE = 64
"""With how many files that begin alike a new one is compared."""
_STEP = 16 << 20
"""Bytes that are compared in one look."""
_ROTATED = re.compile(r"[-._][0-9][0-9TZ:._+-]*")
_COMPRESSED = re.compile(r"\.(gz|gzip|zst|zstd)$", re.IGNORECASE)


def derived(name: str, original: str) -> bool:
    """Return whether a file's name is what a rotation or a backup makes of another's.

    >>> [derived(n, "web.log") for n in ("web.log.1", "web-20261129.log.gz", "web.log~", "web.log", "web2.log", "webs")]
    [True, True, True, False, False, False]
    """
    if name.startswith(original):
        return name[len(original) : len(original) + 1] not in ("", " ") and not name[len(original)].isalnum()
    stem, suffix = os.path.splitext(original)
    name = _COMPRESSED.sub("", name)
    if not name.startswith(stem) or not name.endswith(suffix):
        return False
    return bool(_ROTATED.fullmatch(name[len(stem) : len(name) - len(suffix)]))


def bases(name: str) -> Iterator[str]:
    """Yield the names of files of which a rotation or a backup may have made one of this name."""
    ends = {os.path.splitext(_COMPRESSED.sub("", name))[1], ""}
    for base in {name[:stop] + end for stop in range(1, len(name) + 1) for end in ends}:
        if derived(name, base):
            yield base


@dataclass(slots=True)
class _Twin:
    """A file that says what another one says so far; the first `verified` bytes have been compared."""

    original: Growing
    since: float
    stamp: tuple[int, int]
    verified: int = 0


class Incarnations:
    """The incarnations of followed files: those that go on, those that were truncated, and what is known of ended ones."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.live: list[Growing] = []
        self.pending: list[Growing] = []
        """Truncated ones, whose copies are looked for."""
        self._recent: list[tuple[float, Growing]] = []
        self._without: dict[str, deque[Growing]] = {}
        """Ended ones that left no file, or one that another has taken the place of, the last of each path."""
        self._left: dict[Identity, Growing] = {}
        """Ended ones by the file that they have become, or were copied to: as long as that is there it may be compressed."""
        self._by_name: dict[tuple[str, str], list[Growing]] = {}
        self._by_head: dict[bytes, list[Growing]] = {}
        self._heads: dict[Growing, int] = {}
        self._twins: dict[Identity, _Twin] = {}

    def add(self, growing: Growing) -> None:
        """Take an incarnation in that is read from now on."""
        self.live.append(growing)
        self._written_over(growing.handle.identity)
        for path in growing.names:
            self._name(growing, path)

    def ended(self) -> list[Growing]:
        """Return what is remembered of ended ones."""
        return list(dict.fromkeys(g for named in self._by_name.values() for g in named if g.ended))

    def recall(self, growing: Growing) -> None:
        """Take in one that another run has read."""
        for path in growing.names:
            self._name(growing, path)
        if growing.ended:
            self._let_go([growing])
        else:
            self.live.append(growing)
            self._index(growing)

    def moved(self, growing: Growing, path: str) -> None:
        """Note that an incarnation has been found at a path."""
        if path != growing.handle.path:
            growing.handle.path = path
            if path not in growing.names:
                growing.names.append(path)
            self._name(growing, path)

    def look(self) -> list[Growing]:
        """See what has become of each; return those that have ended."""
        ended: list[Growing] = []
        for growing in self.live:
            growing.look()
            if growing.ended:
                ended.append(growing)
            else:
                self._index(growing)
        self._let_go(ended)
        self.pending = [growing for growing in self.live if growing.truncated]
        self._recent = [(at, g) for at, g in self._recent if self._clock() - at < COPY_WAIT]
        return ended

    def original(self, file: Found, read: Read, size: int) -> Growing | None:
        """Return the incarnation that a file is a copy of, or may be: the one with which it has the most in common."""
        first = read(HEAD, 0)
        best: tuple[int, bool, bool, int] | None = None
        found: Growing | None = None
        for number, growing in enumerate(self._candidates(file, first)):
            trace = growing.trace
            if growing.handle.identity == file.identity or not trace.head or growing is found:
                continue
            if trace.head[: len(first)] != first[: len(trace.head)] or not trace.agrees(read, size):
                continue
            common = min(size, max(trace.end, len(trace.head)))
            rank = (common, growing.copied is None, growing.truncated, -number)
            if best is None or rank > best:
                best, found = rank, growing
        return found

    def waits(self, file: Found, read: Read, size: int, original: Growing) -> bool:
        """Return whether a file that may be a copy of a live original is to wait before it is read."""
        now = self._clock()
        twin = self._twins.get(file.identity)
        if twin is None or twin.original is not original:
            twin = self._twins[file.identity] = _Twin(original, now, (size, file.modified))
        if twin.stamp != (size, file.modified):
            twin.stamp, twin.since = (size, file.modified), now
            twin.verified = min(twin.verified, size)
        if not self._compare(twin, read, size):
            original.look()
            if original.truncated or original.ended or original.handle.waits:
                return True  # now it is known whose copy this is, or soon will be: at the next look
            del self._twins[file.identity]
            return False
        grown = original.size() > size
        beside = self.rotated(file.path, original)
        if beside and grown:
            return True
        if now - twin.since < (TWIN_WAIT_BESIDE if beside else TWIN_WAIT):
            return True
        del self._twins[file.identity]
        return False

    def found_copy(self, growing: Growing, copy: Identity) -> None:
        """Note that an ended incarnation, of which no copy was known, has one."""
        if growing.truncated_at is not None and growing.copied is None:
            growing.copied = copy
            self._leave(growing, copy)

    @property
    def left(self) -> Mapping[Identity, Growing]:
        """The ended incarnations by the files that they have left."""
        return self._left

    def forget(self, gone: Collection[Identity]) -> None:
        """Forget what is known of files that are gone."""
        for identity in gone:
            self._twins.pop(identity, None)
            if (left := self._left.pop(identity, None)) is not None:
                self._forget(left)

    @staticmethod
    def rotated(path: str, original: Growing) -> bool:
        """Return whether a path is what a rotation makes of one of the original's, there or in a folder below."""
        folder, name = os.path.split(path)
        return any(
            os.path.dirname(known) in (folder, os.path.dirname(folder)) and derived(name, os.path.basename(known))
            for known in original.names
        )

    def kin(self, path: str) -> Iterator[Growing]:
        """Yield the incarnations, ended ones too, of which the file at `path` may have been made by rotation."""
        folder, name = os.path.split(path)
        for base in bases(name):
            for place in {folder, os.path.dirname(folder)}:
                yield from self._by_name.get((place, base), ())

    # -- inside ------------------------------------------------------------------------------------------------------

    def _candidates(self, file: Found, first: bytes) -> Iterator[Growing]:
        yield from self.pending
        yield from (growing for _, growing in self._recent)
        yield from self.kin(file.path)
        length = max((n for n in _PREFIXES if n <= len(first)), default=0)
        yield from self._by_head.get(first[:length], ())[-_ALIKE:] if length else ()

    def _compare(self, twin: _Twin, read: Read, size: int) -> bool:
        """Compare some more of a file with what it may be a copy of; return whether it is the same so far."""
        stop = min(size, twin.verified + _STEP)
        while twin.verified < stop:
            theirs = read(min(1 << 20, stop - twin.verified), twin.verified)
            if not theirs or twin.original.read_at(len(theirs), twin.verified) != theirs:
                return False
            twin.verified += len(theirs)
        return True

    def _name(self, growing: Growing, path: str) -> None:
        named = self._by_name.setdefault(os.path.split(path), [])
        if growing not in named:
            named.append(growing)

    def _index(self, growing: Growing) -> None:
        head = growing.trace.head
        before = self._heads.get(growing, 0)
        if len(head) != before:
            for length in _PREFIXES:
                if before < length <= len(head):
                    self._by_head.setdefault(head[:length], []).append(growing)
            self._heads[growing] = len(head)

    def _let_go(self, ended: list[Growing]) -> None:
        for growing in ended:
            known = self._heads.pop(growing, 0)
            for length in _PREFIXES:
                if length <= known:
                    alike = self._by_head[growing.trace.head[:length]]
                    alike.remove(growing)
                    if not alike:
                        del self._by_head[growing.trace.head[:length]]
            growing.trace.shrink()
            if growing.truncated_at is not None:
                self._recent.append((self._clock(), growing))
            left = growing.handle.identity if growing.truncated_at is None else growing.copied
            if left is not None:
                self._leave(growing, left)
                continue
            self._keep(growing)
        if ended:
            gone = set(ended)
            self.live = [growing for growing in self.live if growing not in gone]

    def _leave(self, growing: Growing, left: Identity) -> None:
        if self._left.get(left) is not growing:
            self._written_over(left)
            self._left[left] = growing

    def _written_over(self, left: Identity) -> None:
        """What an ended incarnation left is another file by now: that has the number of one that was compressed, perhaps."""
        before = self._left.pop(left, None)
        if before is not None:
            self._keep(before)

    def _keep(self, growing: Growing) -> None:
        """Remember an ended incarnation that left no file."""
        of_path = self._without.setdefault(growing.names[0], deque())
        of_path.append(growing)
        if len(of_path) > _REMEMBERED:
            oldest = of_path.popleft()
            if oldest.copied not in self._left or self._left[oldest.copied] is not oldest:
                self._forget(oldest)

    def _forget(self, growing: Growing) -> None:
        for path in growing.names:
            named = self._by_name.get(os.path.split(path), [])
            if growing in named:
                named.remove(growing)
                if not named:
                    del self._by_name[os.path.split(path)]
