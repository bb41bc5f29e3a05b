"""Which row of a table a row meets: by an index that the runner wrote beside the job, read once in each worker process."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.core.addresses import address_of
from caudal.worker.outcomes import scalar_outcome

_SIGN = 1 << 63


def found(path: str, spans: bool, as_of: bool) -> Callable[..., Any]:
    """Return the function that gives the number of the table's row for each row of key columns, null for none.

    `path`: the index. `spans`: it is of networks or ranges, else of equal keys. `as_of`: rows hold for a time; behind the keys
    stands the event time. Results are those of `calling.scalar`, without failures.
    """

    def run(*columns: Any) -> Any:
        index = _index(path, spans)
        keys = columns[:-1] if as_of else columns
        numbers = index.find(*keys)
        if as_of:
            times = columns[-1].to_pylist()
            numbers = [index.holding(g, t) if g >= 0 and t is not None else -1 for g, t in zip(numbers, times)]
        rows = np.array(numbers, np.int64)
        return scalar_outcome(pa.array(rows, mask=rows < 0), [], len(rows))

    return run


@lru_cache(maxsize=16)
def _index(path: str, spans: bool) -> _Equal | _Spans:
    with pa.OSFile(path, "rb") as file, pa.ipc.open_file(file) as reader:
        table = reader.read_all()
    arrays = {name: table.column(name).combine_chunks().flatten() for name in table.column_names}
    return (_Spans if spans else _Equal)(arrays)


class _Holding:
    """Rows of a key that hold for a time stand behind one another, from `offsets` on, by when they begin."""

    def __init__(self, arrays: dict[str, Any]) -> None:
        names = ("offsets", "begin", "end", "latest", "parents") if "offsets" in arrays else ()
        held = {name: arrays[name].to_pylist() for name in names if name in arrays}
        self._offsets, self._begin = held.get("offsets", []), held.get("begin", [])
        self._end, self._latest, self._parents = held.get("end", []), held.get("latest", []), held.get("parents", [])

    def holding(self, key: int, time: int) -> int:
        """Return the latest row of the key, else of the one around it, that holds at the time, -1 for none."""
        while key >= 0:
            first = self._offsets[key]
            row = bisect_right(self._begin, time, first, self._offsets[key + 1]) - 1
            while row >= first and self._latest[row] > time:
                if self._end[row] > time:
                    return row
                row -= 1
            key = self._parents[key] if self._parents else -1
        return -1


class _Equal(_Holding):
    """Keys that are equal as values are: NaN equals NaN, null equals nothing."""

    def __init__(self, arrays: dict[str, Any]) -> None:
        super().__init__(arrays)
        keys = [arrays[name] for name in arrays if name.startswith("key")]
        self._numbers = {key: number for number, key in enumerate(_keys(keys))}

    def find(self, *columns: Any) -> list[int]:
        """Return the number of each key, -1 for none."""
        return [self._numbers.get(key, -1) for key in _keys(columns)]


def _keys(columns: Iterable[Any]) -> Iterable[Any]:
    return zip(*([v if v == v else "NaN" for v in column.to_pylist()] for column in columns))


class _Spans(_Holding):
    """Networks or ranges of addresses: the bounds at which another is the narrowest, and which."""

    def __init__(self, arrays: dict[str, Any]) -> None:
        super().__init__(arrays)
        self._low4, self._owner4, self._owner6 = (arrays[name].to_numpy() for name in ("low4", "owner4", "owner6"))
        high, low = arrays["high6"].to_pylist(), arrays["low6"].to_pylist()
        self._bounds6 = [(h + _SIGN) << 64 | (l + _SIGN) for h, l in zip(high, low)]  # noqa: E741

    def find(self, text: Any) -> list[int]:
        """Return the number of the narrowest one around each address, -1 for none; each distinct text is looked at once."""
        coded = text.dictionary_encode()
        texts = coded.dictionary.to_pylist()
        numbers = np.full(len(texts) + 1, -1, np.int64)
        fours: list[int] = []
        values: list[int] = []
        for at, each in enumerate(texts):
            address = address_of(each)
            if address is None:
                continue
            if address.version == 6:
                numbers[at] = self._owner6[bisect_right(self._bounds6, int(address)) - 1]
            else:
                fours.append(at)
                values.append(int(address))
        numbers[fours] = self._owner4[np.searchsorted(self._low4, np.array(values, np.int64), "right") - 1]
        codes = coded.indices.fill_null(len(texts)).to_numpy()
        return numbers[codes].tolist()
