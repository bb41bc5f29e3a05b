"""Dead letters stand in the order of their records, whatever made them."""

from __future__ import annotations

import numpy as np
import pytest

import caudal as cd
from caudal.columnar.column import from_list
from caudal.core.types import INT64
from caudal.ingest.accepting import Acceptor
from caudal.ports.engine import ALWAYS
from caudal.ports.records import Dead, Decoded


@pytest.mark.parametrize("times", [[None], [None, 5], [5, None], [None, None]])
def test_dead_letters_are_in_order_even_where_no_row_is_left(times: list[int | None]) -> None:
    source = cd.source("memory", rows=[], schema={"t": "int64"}, event_time="t").node
    positions = np.arange(len(times), dtype=np.int64) * 2
    decoded = Decoded({"t": from_list(times, INT64)}, len(times), positions, [Dead.of(3, "type", "no", b"")])
    made = Acceptor(source, live=False, read_at=ALWAYS).accept(decoded, None)  # type: ignore[arg-type]
    wanted = sorted([3, *(position for position, t in zip(positions.tolist(), times, strict=True) if t is None)])
    assert [letter.position for letter in made.dead] == wanted
    assert made.morsel.rows == sum(t is not None for t in times)
