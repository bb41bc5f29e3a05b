"""Whether all workers of a group reach one and the same target: the first leaves a mark there, which the others must see."""

from __future__ import annotations

from caudal.checkpoint.segments import digest
from caudal.checkpoint.store import Absent, Exists, Store
from caudal.core.errors import OptionError
from caudal.ports.sink import ShardedSink

TARGETS = "targets"
"""The folder of the store with the mark of each target, by the hash of its sink's operator id."""


def meet(store: Store, name: str, sink: ShardedSink) -> None:
    """See that a target is that of the others. Raises `OptionError` where it is not, `StoreError`, `RunError`."""
    place = f"{TARGETS}/{digest(name.encode())[:16]}"
    known = _known(store, place)
    if not known:
        mark = sink.mark()  # there before others are told of it
        try:
            store.create(place, mark.encode())
            return
        except Exists:
            sink.unmark(mark)
            known = _known(store, place)
    if not sink.sees(known):
        raise OptionError(
            f"{sink.where} is not the folder that the other workers of this group write to",
            location=name,
            detail=f"the mark .group-{known} is not there",
            hint="all workers write to one folder, of a file system that they share: name one that each reaches by this path",
        )


def _known(store: Store, place: str) -> str:
    try:
        return store.read(place).decode("ascii", "replace")
    except Absent:
        return ""
