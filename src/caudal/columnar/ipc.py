"""Tables as bytes: Arrow's stream format, in messages of bounded size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from caudal.core.errors import RunError

MESSAGE = 512 << 10
"""Bytes of a message, about: half of what brokers take where nobody has said otherwise."""


def slices(table: pa.Table, size: int = MESSAGE) -> Iterator[pa.Table]:
    """Yield a table in parts of about so many bytes, of one row at least."""
    rows = max(1, table.num_rows * size // max(1, table.nbytes))
    for first in range(0, table.num_rows, rows):
        yield table.slice(first, rows)


def to_bytes(table: pa.Table) -> bytes:
    """Return a table as one message."""
    sink = pa.BufferOutputStream()
    whole = table.unify_dictionaries().combine_chunks()
    with pa.ipc.new_stream(sink, whole.schema) as writer:
        writer.write_table(whole)
    return sink.getvalue().to_pybytes()


def from_bytes(data: Any, where: str) -> pa.Table:
    """Return the table of a message, a buffer that it may go on to refer to. `where`: what it is a message of.

    Raises `RunError` for anything else.
    """
    try:
        with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
            table = reader.read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        raise RunError(
            "what is no message of this job stands in its repartition topic", location=where, detail=str(error)
        ) from None
    return table
