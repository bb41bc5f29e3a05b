"""The files beside followed ones that no path leads to: what rotations make of a log that is followed by its name."""

from __future__ import annotations

import os
from collections.abc import Collection, Container, Iterator

from caudal.connectors.files.paths import Found, Identity, settled
from caudal.connectors.files.rotation import bases

Stamp = tuple[int, int]
"""Size and time of the last change."""


class Beside:
    """Finds the files whose names are what rotations make of followed ones, and remembers how they were."""

    def __init__(self) -> None:
        self._names: dict[str, tuple[int, int, list[tuple[str, str]]]] = {}
        self._stamps: dict[Identity, Stamp] = {}
        self._since: dict[Identity, float] = {}
        self.there: set[Identity] = set()
        """The files that the last `find` found."""

    def changed(self, file: Found) -> bool:
        """Return whether a file has appeared or changed since it was last noted."""
        return self._stamps.get(file.identity) != (file.size, file.modified)

    def since(self, file: Found, now: float) -> float:
        """Return when a file that has appeared or changed was first met."""
        return self._since.setdefault(file.identity, now)

    @property
    def noted(self) -> Collection[Identity]:
        """The files that are remembered."""
        return self._stamps.keys()

    def forget(self, gone: Container[Identity]) -> None:
        """Forget files."""
        self._stamps = {identity: stamp for identity, stamp in self._stamps.items() if identity not in gone}

    def export(self) -> list[list[int]]:
        """Return what is remembered, as plain values."""
        return [[*identity, *stamp] for identity, stamp in self._stamps.items()]

    def recall(self, identity: Identity, stamp: Stamp) -> None:
        """Remember what another run has noted."""
        self._stamps[identity] = stamp

    def note(self, file: Found) -> None:
        """Note how a file is: it has been judged."""
        self._stamps[file.identity] = file.size, file.modified
        self._since.pop(file.identity, None)

    def find(self, watched: Collection[str], known: Container[str]) -> Iterator[tuple[str, Found]]:
        """Yield the files beside the `watched` paths, each with its watched path; not those at `known` paths."""
        self._since = {identity: since for identity, since in self._since.items() if identity in self.there}
        self.there = set()
        for folder in {os.path.dirname(path) for path in watched}:
            for path, original in self._listed(folder, watched):
                if path in known:
                    continue
                try:
                    file = Found.of(path, "", os.stat(path))
                except OSError:
                    continue  # it has just gone
                if file.regular:
                    self.there.add(file.identity)
                    yield original, file

    def _listed(self, folder: str, watched: Collection[str]) -> list[tuple[str, str]]:
        """Return the paths in a folder with those they belong to; it is listed again only when it has changed."""
        try:
            changed = os.stat(folder).st_mtime_ns
            listed = self._names.get(folder)
            if listed is None or listed[:2] != (changed, len(watched)):
                with os.scandir(folder) as entries:
                    pairs = [(entry.path, _original(folder, entry.name, watched)) for entry in entries]
                stamp = changed if settled(changed) else 0
                listed = stamp, len(watched), [(path, original) for path, original in pairs if original]
                self._names[folder] = listed
            return listed[2]
        except OSError:
            return []


def _original(folder: str, name: str, watched: Container[str]) -> str:
    paths = (os.path.join(folder, base) for base in bases(name))
    return next((path for path in paths if path in watched), "")
