"""Credit: how much data may be in flight, counted in bytes of blocks from their reading until their last effect is done."""

from __future__ import annotations

READ_AHEAD = 4
"""How many times the credit may be admitted behind a block that has not landed."""


class Credit:
    """What is in flight of a limited number of bytes. Not thread-safe: the job's lock guards it."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.in_flight = 0
        self.admitted = 0
        self._landing: dict[int, int] = {}
        """For each entry in flight, oldest first: bytes admitted up to it -> its pieces that have not landed."""

    def left(self) -> bool:
        """Whether new data may be admitted.

        Not too much in flight, and not too far ahead of the oldest in flight: while one thread is held up with a block, the
        others could read on and on into the state, since no window closes before that block's rows are counted.
        """
        oldest = next(iter(self._landing), self.admitted)
        ahead = self.admitted - oldest
        return self.in_flight < self.limit and ahead < READ_AHEAD * self.limit

    def enter(self, size: int) -> int:
        """Count data of so many bytes in, one piece of it; return the mark with which its pieces leave."""
        self.in_flight += size
        self.admitted += size
        self._landing[self.admitted] = 1
        return self.admitted

    def part(self, mark: int) -> None:
        """Expect one more piece of what has this mark."""
        self._landing[mark] += 1

    def leave(self, mark: int, size: int) -> None:
        """Count a piece of so many bytes out."""
        self.in_flight -= size
        self._landing[mark] -= 1
        if not self._landing[mark]:
            del self._landing[mark]
