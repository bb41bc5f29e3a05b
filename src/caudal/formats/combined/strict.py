"""The strict reader has the last word on what a record holds: see `portable`, which other readers share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from caudal.core.scalars import Refused
from caudal.formats.combined.portable import log_record, log_start

Bad = Refused


def read(raw: bytes, *, escape: bool, layout: str = "client", trusted: Sequence[Any] = ()) -> dict[str, Any]:
    """Return the values of a line, without its carriage return; see `portable.log_record`."""
    return log_record(log_start(raw), escape=escape, layout=layout, trusted=trusted)
