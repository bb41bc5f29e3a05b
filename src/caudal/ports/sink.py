"""The contract of a sink connector: where rows go, and when they become visible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from caudal.core.types import Schema
from caudal.ports.format import Encoder
from caudal.ports.records import Options

if TYPE_CHECKING:
    import pyarrow as pa


class Sink(Protocol):
    """An opened target. `encode` may be called by any thread; `write` and the ends are called in order, by one."""

    where: str
    """What the summary names: a path, "console", "memory"."""

    def encode(self, table: pa.Table) -> Any:
        """Return rows in the form that `write` takes."""
        ...

    def write(self, payload: Any) -> None:
        """Write rows; raises `RunError` (disk full, broken pipe) with the target's name."""
        ...

    def flush(self) -> None:
        """Make what was written visible to readers of a live target."""
        ...

    def commit(self) -> None:
        """End of data: the target appears whole, under its name."""
        ...

    def drain(self) -> str:
        """A clean stop before end of data: keep what was written aside and return where; the target is untouched."""
        ...

    def abort(self) -> None:
        """A failure: leave nothing behind. Idempotent, never raises."""
        ...


class SinkConnector(Protocol):
    """A connector's sink side. Options are checked against `sink_options` (name -> default)."""

    sink_options: Options

    def sink(self, options: Options, encoder: Encoder | None, schema: Schema, *, live: bool) -> Sink:
        """Open the target. `live`: the job follows its source, so whole lines are appended instead of a rename at the end.

        Raises `InputError` when the target cannot be written, before anything is read.
        """
        ...
