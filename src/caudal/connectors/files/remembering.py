"""What a followed source remembers of the files that it has met."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from caudal.connectors.files.beside import Beside
from caudal.connectors.files.gone import Gone
from caudal.connectors.files.growing import Growing
from caudal.connectors.files.lines import LinePartition
from caudal.connectors.files.paths import Found, Identity
from caudal.connectors.files.rotation import Incarnations, bases

_KEPT = 1000
"""How many files are remembered at least, beside those that are there, before those that are gone are forgotten."""


@dataclass(slots=True)
class Settled:
    """A file of which nothing is to be read as long as it stays as it is: a copy, a compressed one, a pipe."""

    stamp: tuple[int, int]


class Remembered:
    """The files that are known by their identity, the incarnations, what stands at which path, and since when."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.incarnations = Incarnations(clock)
        self.known: dict[Identity, Growing | Settled] = {}
        self.at: dict[str, Growing] = {}
        """The last incarnation at each path."""
        self.names: dict[str, str] = {}
        """The partition's name for each path."""
        self.turned: dict[str, float] = {}
        """When a path was last seen to begin a new incarnation, or to be truncated."""
        self.beside = Beside()
        self.gone = Gone(clock)
        self.numbers: dict[str, int] = {}
        self.partitions = WeakKeyDictionary[Growing, str]()
        """What the partitions of incarnations are called."""
        self.packed: dict[str, tuple[Found, LinePartition]] = {}
        """The compressed files that are being read, by their partitions' names."""

    def settle(self, file: Found) -> None:
        """Note that nothing is to be read of a file as long as it stays as it is."""
        self.known[file.identity] = Settled((file.size, file.modified))

    def name(self, file: Found) -> str:
        """Return the name of a file's next partition."""
        number = self.numbers[file.name] = self.numbers.get(file.name, 0) + 1
        return file.name if number == 1 else f"{file.name}#{number}"

    def origins(self, path: str) -> list[str]:
        """Return the followed paths of whose files a rotation may have made the one at `path`."""
        folder, name = os.path.split(path)
        places = [folder, os.path.dirname(folder)]
        paths = {os.path.join(place, base) for base in bases(name) for place in places}
        return sorted(paths & self.names.keys(), key=len)

    def note_turns(self, found: list[Found], nowhere: list[str], now: float, *, starting: bool) -> None:
        """Note which paths begin anew: where another file stands now, or none, or the file that stands there was truncated.

        `nowhere`: followed paths that lead to nothing, and never did perhaps.
        """
        for path in (self.at.keys() | nowhere) - {file.path for file in found}:
            self.turned[path] = now  # whatever it was is beside, and what has come and gone since the last look too
        for file in found:
            self.names[file.path] = file.name
            if not starting and file.identity not in self.known:
                self.turned[file.path] = now
        for growing in self.incarnations.pending:
            self.turned[growing.handle.path] = now

    def forget(self, found: list[Found]) -> None:
        """Forget what is known of files that are gone."""
        self.packed = {name: packed for name, packed in self.packed.items() if not packed[1].exhausted}
        remembered = [self.known.keys(), self.beside.noted, self.incarnations.left.keys()]
        there = {file.identity for file in found} | self.beside.there
        if sum(map(len, remembered)) <= len(remembered) * len(there) + _KEPT:
            return
        paths = {file.path for file in found}
        there |= {growing.handle.identity for growing in self.incarnations.live}
        gone = self.gone.among(itertools.chain(*remembered), there)
        self.known = {identity: known for identity, known in self.known.items() if identity not in gone}
        self.beside.forget(gone)
        self.incarnations.forget(gone)
        self.at = {path: growing for path, growing in self.at.items() if path in paths or not growing.ended}
        self.names = {path: name for path, name in self.names.items() if path in paths or path in self.at}
        self.turned = {path: at for path, at in self.turned.items() if path in self.names}
