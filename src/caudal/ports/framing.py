"""Records over several lines: who knows where they end tells who cuts the blocks.

The decoder of a format whose records may hold newlines has a `framer`; a partition that cuts its bytes at newlines
takes it by `frame`, and from then on its blocks end where records end. A partition without `frame` hands out whole
records anyway (rows, messages).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from caudal.columnar.column import Bytes


class Framer(Protocol):
    """Tells where records end. Stateless: the same data are always cut alike."""

    mark: bytes
    """A byte without which every line is a record: lines that do not hold it need not be asked about."""

    def cut(self, data: Bytes, start: int, stop: int, size: int, limit: int, *, final: bool) -> tuple[int, int]:
        """Look for the end of records in data[start:stop], which begins with one, and may end within one.

        Return (end, behind): data[start:end] are whole records, about `size` bytes of them; data[end:behind] is one
        over several lines and longer than `limit` bytes (empty where there is none). Both are `start` when more data
        is needed to tell, never when `final` says that there is none.
        """
        ...


@runtime_checkable
class FramedPartition(Protocol):
    """A partition that can cut at the ends of records."""

    def frame(self, framer: Framer) -> None:
        """End all blocks from now on where records end."""
        ...

    def settle(self) -> bool:
        """Decide what has come of a record that waits for its rest; return whether there was any, to be read now."""
        ...


def frame(partition: Any, decoder: Any) -> None:
    """Let a partition end its blocks as its decoder wants it."""
    framer: Framer | None = getattr(decoder, "framer", None)
    if framer is not None and isinstance(partition, FramedPartition):
        partition.frame(framer)


def settle(partition: Any) -> bool:
    """Decide what waits in a partition; return whether there was anything."""
    return isinstance(partition, FramedPartition) and partition.settle()
