"""An execution that counts rows by a key, and exports its state: the least that keeps `ports.engine.Execution`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from caudal.core.errors import RunError
from caudal.observe.ledger import Ledger
from caudal.observe.summary import Progress
from caudal.ports.snapshot import OperatorState, Savepoint, Snapshot, State
from caudal.ports.source import End, Nothing

if TYPE_CHECKING:
    from caudal.ports.engine import Bindings

GROUPS = 8
HASH = "crc32/1"


class CountingExecution:
    """Counts the rows of its only source by the column `key`; at the end of data its only sink gets (key, n)."""

    def __init__(self, bindings: Bindings, key: str) -> None:
        ((self._name, bound),) = bindings.sources.items()
        ((_, self._sink),) = bindings.sinks.items()
        self._key = key
        self._partitions = {partition.name: partition for partition in bound.source.partitions()}
        self._positions = dict.fromkeys(self._partitions, 0)
        self._counts = Counter[str]()
        self._stopping = False
        self._error: BaseException | None = None
        self.drained = False

    def run(self, watch: Callable[[], None] | None = None, *, flush: bool = False) -> None:
        """Count; see `ports.engine.Execution.run`."""
        for name, partition in self._partitions.items():
            while not self._stopping and not isinstance(part := partition.read(1), End | Nothing):
                self._counts.update(part.columns[self._key].to_list())  # type: ignore[union-attr]
                self._positions[name] += part.rows  # type: ignore[union-attr]
                if watch is not None:
                    watch()
                if self._error is not None:
                    raise self._error
        self.drained = self._stopping
        if not self._stopping or flush:
            import pyarrow as pa

            rows = [{"key": key, "n": n} for key, n in sorted(self._counts.items())]
            self._sink.write(self._sink.encode(pa.Table.from_pylist(rows)))

    def stop(self) -> None:
        """Read no more."""
        self._stopping = True

    def kill(self, error: BaseException) -> None:
        """End with this error."""
        self._error = error

    def snapshot(self, *, whole: bool = True, at: Callable[[], None] | None = None) -> Snapshot:
        """Return the counts by key group, always all of them."""
        import pyarrow as pa

        if at is not None:
            at()

        rows = [{"key": k, "n": n} for k, n in self._counts.items()]
        schema = pa.schema([("key", pa.large_string()), ("n", pa.int64())])
        counts = OperatorState("counts", 1, {}, {0: pa.Table.from_pylist(rows, schema=schema)})
        positions = {(self._name, name): position for name, position in self._positions.items()}
        return State("counting", 1, HASH, GROUPS, positions, {"counts": counts})

    def resume(self, snapshot: Savepoint | State) -> None:
        """Go on with these counts."""
        if not isinstance(snapshot, State) or (snapshot.engine, snapshot.version) != ("counting", 1):
            raise RunError(f"the run cannot go on from a state of the engine '{snapshot.engine}'")
        for table in snapshot.operators["counts"].blocks.values():
            self._counts.update({row["key"]: row["n"] for row in table.to_pylist()})
        for (_, name), position in snapshot.positions.items():
            self._positions[name] = position
            self._partitions[name].seek(position)

    def progress(self) -> Progress:
        """Nothing is measured."""
        raise NotImplementedError

    def ledger(self) -> Ledger:
        """There is none."""
        return Ledger({})

    def figures(self) -> dict[str, Any]:
        """There are none."""
        return {}
