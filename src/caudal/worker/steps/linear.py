"""Searches of all keys at once, where each place of a pattern is one event or one of several, and no condition reads earlier ones.

What such a search takes is told by numbers alone. Each element has a log of the rows that searches at it have taken; what one search
took is a range of it, since all that stand at an element take each row that fits, but for those that have enough and go on. An older search
is never behind a younger one: searches stand in queues by element and phase, and what goes on moves from one to the next, once in each.
So a row costs as much as there are elements, however many searches are open.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from types import FunctionType
from typing import Any

FILLING, READY, FULL = 0, 1, 2
"""Phases of a search at an element: it has too few rows, enough but may have more, or all that it may have."""

MANY = 20_000
"""Rows of a process from which on it pays to compile."""

_OF, _START, _END, _RANGES = 0, 1, 2, 3
"""Columns of what is found: the row that a match is of or -1 - k, first and last time, then ranges of the logs."""

_FITS, _FORBIDS, _STRICT, _LEAST, _MOST = 0, 1, 2, 3, 4
"""Rows of a pattern: events that fit each element, that forbid behind it, whether it begins with the very next row, how often."""


def search(
    starts: Any, olds: Any, first: Any, time: Any, fits: Any, logged: Any, spans: Any, pattern: Any, how: Any, logs: Any,
    sizes: Any, low: Any, queues: Any, ends: Any, found: Any, wake: Any,
) -> int:  # fmt: skip
    """Take the rows of all keys; return how many matches there are.

    `starts`: where the rows of each key begin, of which the first `olds` were kept; `first`: the number of its first new one. Of each
    row: `time`, `fits`, the events that it may be, and of those that were kept `logged`, the elements in whose logs it is, and `spans`, the
    ranges of the search that began with it, -1 for none: both are what is to be kept, afterwards. `how`: within, whether a match ends
    all, whether it waits for what is absent, the watermark. `logs` to `ends`: room to work; `found`, `wake`: see the step.
    """
    count = 0
    for k in range(len(olds)):
        base, stop = starts[k], starts[k + 1]
        _reset(sizes, ends)
        fresh = base + olds[k]
        _load(base, fresh, logged, spans, pattern, logs, sizes, queues, ends)
        for i in range(fresh, stop):
            count = _expired(time[i], k, base, time, spans, pattern, how, logs, sizes, queues, ends, found, count)
            of = first[k] + i - fresh
            before = count
            mine = _moved(i, of, base, time, fits, spans, pattern, how, logs, sizes, queues, ends, found, before)
            count = mine >> 32
            if count == before or not how[1]:
                taken = mine & ((1 << 32) - 1)
                count = _begun(
                    i, of, taken, base, time, fits, spans, pattern, how, logs, sizes, queues, ends, found, count
                )
        count = _expired(how[3], k, base, time, spans, pattern, how, logs, sizes, queues, ends, found, count)
        wake[k] = _keep(base, stop, time, logged, spans, how, logs, sizes, low, queues, ends)
    return count


def _reset(sizes: Any, ends: Any) -> None:
    """Begin with empty logs and queues."""
    for e in range(len(sizes)):
        sizes[e] = 0
        for phase in range(3):
            ends[e, phase, 0] = ends[e, phase, 1] = 0


def _clear(ends: Any) -> None:
    """Let all searches go."""
    for e in range(ends.shape[0]):
        for phase in range(3):
            ends[e, phase, 0] = ends[e, phase, 1]


def _load(
    base: int, fresh: int, logged: Any, spans: Any, pattern: Any, logs: Any, sizes: Any, queues: Any, ends: Any
) -> None:
    """Put kept rows into their logs, and kept searches into their queues."""
    elements = len(sizes)
    for i in range(base, fresh):
        for e in range(elements):
            if logged[i] >> e & 1:
                logs[e, base + sizes[e]] = i
                sizes[e] += 1
    for i in range(base, fresh):
        if spans[i, 0] >= 0:
            e = elements - 1
            while spans[i, 2 * e] < 0:
                e -= 1
            _enter(e, sizes[e] - spans[i, 2 * e], i, pattern, queues, ends)


def _enter(e: int, count: int, i: int, pattern: Any, queues: Any, ends: Any) -> None:
    """Put a search that has so many rows of an element into its queue."""
    phase = FILLING
    if count >= pattern[_LEAST, e]:
        phase = FULL if pattern[_MOST, e] and count >= pattern[_MOST, e] else READY
    queues[e, phase, ends[e, phase, 1]] = i
    ends[e, phase, 1] += 1


def _moved(
    i: int, of: int, base: int, time: Any, fits: Any, spans: Any, pattern: Any, how: Any, logs: Any, sizes: Any,
    queues: Any, ends: Any, found: Any, count: int,
) -> int:  # fmt: skip
    """Move what is open by a row; return the number of matches, shifted, and in whose logs the row is."""
    elements, row, taken = len(sizes), fits[i], 0
    for e in range(elements - 1, -1, -1):
        filling = ends[e, FILLING, 1] > ends[e, FILLING, 0]
        enough = ends[e, READY, 1] > ends[e, READY, 0] or ends[e, FULL, 1] > ends[e, FULL, 0]
        if not (filling or enough):
            continue
        here = row & pattern[_FITS, e] != 0
        if enough:
            strict = e + 1 < elements and pattern[_STRICT, e + 1] != 0
            if row & pattern[_FORBIDS, e]:
                ends[e, READY, 0], ends[e, FULL, 0] = ends[e, READY, 1], ends[e, FULL, 1]
            elif e + 1 < elements and row & pattern[_FITS, e + 1]:
                taken = _log(e + 1, i, taken, base, logs, sizes)
                before = count
                count = _onward(e, of, i, base, time, spans, pattern, how, logs, sizes, queues, ends, found, count)
                if how[1] and count > before:
                    return count << 32
            elif strict:
                ends[e, FULL, 0] = ends[e, FULL, 1]
                if not here:
                    ends[e, READY, 0] = ends[e, READY, 1]
        if here and (filling or ends[e, READY, 1] > ends[e, READY, 0]):
            taken = _log(e, i, taken, base, logs, sizes)
            before = count
            count = _grown(e, of, i, base, time, spans, pattern, how, sizes, queues, ends, found, count)
            if how[1] and count > before:
                return count << 32
    return count << 32 | taken


def _log(e: int, i: int, taken: int, base: int, logs: Any, sizes: Any) -> int:
    """Put a row into the log of an element, once; return in whose logs it is."""
    if not taken >> e & 1:
        logs[e, base + sizes[e]] = i
        sizes[e] += 1
    return taken | 1 << e


def _onward(
    e: int, of: int, i: int, base: int, time: Any, spans: Any, pattern: Any, how: Any, logs: Any, sizes: Any,
    queues: Any, ends: Any, found: Any, count: int,
) -> int:  # fmt: skip
    """Move what has enough of an element to the next, the older first; the row is the last in that one's log."""
    place = sizes[e + 1] - 1
    done = e + 2 == len(sizes) and not how[2] and pattern[_LEAST, e + 1] == 1
    for phase in (FULL, READY):
        for at in range(ends[e, phase, 0], ends[e, phase, 1]):
            s = queues[e, phase, at]
            spans[s, 2 * e + 1] = spans[s, 2 * e] + pattern[_MOST, e] if phase == FULL else sizes[e]
            spans[s, 2 * e + 2] = place
            if done:
                count = _match(of, s, time[i], place + 1, base, time, spans, found, count)
                if how[1]:
                    _clear(ends)
                    return count
            else:
                _enter(e + 1, 1, s, pattern, queues, ends)
        ends[e, phase, 0] = ends[e, phase, 1]
    return count


def _grown(
    e: int, of: int, i: int, base: int, time: Any, spans: Any, pattern: Any, how: Any, sizes: Any, queues: Any,
    ends: Any, found: Any, count: int,
) -> int:  # fmt: skip
    """Let what has now enough of an element, or all, into the next phase, or be a match."""
    done = e + 1 == len(sizes) and not how[2]
    while ends[e, FILLING, 0] < ends[e, FILLING, 1]:
        s = queues[e, FILLING, ends[e, FILLING, 0]]
        if sizes[e] - spans[s, 2 * e] < pattern[_LEAST, e]:
            break
        ends[e, FILLING, 0] += 1
        if done:
            count = _match(of, s, time[i], sizes[e], base, time, spans, found, count)
            if how[1]:
                _clear(ends)
                return count
        else:
            queues[e, READY, ends[e, READY, 1]] = s
            ends[e, READY, 1] += 1
    while pattern[_MOST, e] and ends[e, READY, 0] < ends[e, READY, 1]:
        s = queues[e, READY, ends[e, READY, 0]]
        if sizes[e] - spans[s, 2 * e] < pattern[_MOST, e]:
            break
        ends[e, READY, 0] += 1
        queues[e, FULL, ends[e, FULL, 1]] = s
        ends[e, FULL, 1] += 1
    return count


def _begun(
    i: int, of: int, taken: int, base: int, time: Any, fits: Any, spans: Any, pattern: Any, how: Any, logs: Any,
    sizes: Any, queues: Any, ends: Any, found: Any, count: int,
) -> int:  # fmt: skip
    """Open a search with a row that fits the first element; return the number of matches."""
    if not fits[i] & pattern[_FITS, 0]:
        return count
    _log(0, i, taken, base, logs, sizes)
    spans[i, 0] = sizes[0] - 1
    if pattern[_LEAST, 0] == 1 and len(sizes) == 1 and not how[2]:
        return _match(of, i, time[i], sizes[0], base, time, spans, found, count)
    _enter(0, 1, i, pattern, queues, ends)
    return count


def _match(of: int, s: int, end: int, last: int, base: int, time: Any, spans: Any, found: Any, count: int) -> int:
    """Note a match of the search that began with row s; `last`: where its range in the last log ends."""
    found[count, _OF], found[count, _START], found[count, _END] = of, time[s], end
    spans[s, spans.shape[1] - 1] = last
    for n in range(spans.shape[1]):
        found[count, _RANGES + n] = base + spans[s, n]
    return count + 1


def _oldest(queues: Any, ends: Any) -> int:
    """Return element and phase of the oldest search, as one number; -1 where none is open."""
    for e in range(ends.shape[0] - 1, -1, -1):
        for phase in (FULL, READY, FILLING):
            if ends[e, phase, 0] < ends[e, phase, 1]:
                return 3 * e + phase
    return -1


def _expired(
    now: int, k: int, base: int, time: Any, spans: Any, pattern: Any, how: Any, logs: Any, sizes: Any, queues: Any,
    ends: Any, found: Any, count: int,
) -> int:  # fmt: skip
    """End what is over before a moment; what only waited for what is absent is a match."""
    while how[0]:
        at = _oldest(queues, ends)
        if at < 0:
            break
        e, phase = at // 3, at % 3
        s = queues[e, phase, ends[e, phase, 0]]
        end = time[s] + how[0]
        if end >= now:
            break
        ends[e, phase, 0] += 1
        if not how[2] or e + 1 < len(sizes) or phase == FILLING:
            continue
        last = spans[s, 2 * e] + pattern[_MOST, e] if phase == FULL else sizes[e]
        count = _match(-1 - k, s, end, last, base, time, spans, found, count)
        while how[1]:
            at = _oldest(queues, ends)
            if at < 0 or queues[at // 3, at % 3, ends[at // 3, at % 3, 0]] > logs[e, base + last - 1]:
                break
            ends[at // 3, at % 3, 0] += 1
    return count


def _keep(
    base: int, stop: int, time: Any, logged: Any, spans: Any, how: Any, logs: Any, sizes: Any, low: Any, queues: Any, ends: Any,
) -> int:  # fmt: skip
    """Say what is to be kept of a key; return the watermark at which its oldest search is over, 0 for none."""
    elements = len(sizes)
    at = _oldest(queues, ends)
    wake = 0
    if at >= 0 and how[0]:
        wake = time[queues[at // 3, at % 3, ends[at // 3, at % 3, 0]]] + how[0] + 1
    for i in range(base, stop):
        logged[i] = 0
    for e in range(elements):
        low[e] = sizes[e]
    for e in range(elements):
        for phase in range(3):
            for n in range(ends[e, phase, 0], ends[e, phase, 1]):
                s = queues[e, phase, n]
                logged[s] |= 1 << elements  # it is open
                for f in range(e + 1):
                    low[f] = min(low[f], spans[s, 2 * f])
    for e in range(elements):
        for n in range(low[e], sizes[e]):
            logged[logs[e, base + n]] |= 1 << e
    for i in range(base, stop):
        if logged[i] >> elements & 1:
            logged[i] &= (1 << elements) - 1
            for n in range(2 * elements):
                if spans[i, n] >= 0:
                    spans[i, n] -= low[n // 2]
        elif logged[i]:
            for n in range(2 * elements):
                spans[i, n] = -1
    return wake


_PARTS = (_reset, _clear, _load, _enter, _moved, _log, _onward, _grown, _begun, _match, _oldest, _expired, _keep)
_compiled: list[Callable[..., int]] = []
_seen: list[int] = []
_compiling = Lock()


def searching(rows: int) -> Callable[..., int]:
    """Return `search` for so many rows more: in machine code where there is numba, once there have been many."""
    if not _compiled:
        with _compiling:
            _seen.append(rows + (_seen.pop() if _seen else 0))
            if not _compiled and _seen[0] >= MANY:
                _compiled.append(_machine_code())
    return _compiled[0] if _compiled else search


def _machine_code() -> Callable[..., int]:
    """Return `search` as machine code, which is kept on disk where that can be; as it is where there is no numba."""
    try:
        import numba
        from numba.core import types
        from numba.core.registry import CPUDispatcher
    except ImportError:
        return search

    class Part(CPUDispatcher):
        """What only `search` calls: a constant among the arguments does not make it a function of its own."""

        def get_call_template(self, args: Any, kws: Any) -> Any:
            return super().get_call_template(tuple(types.unliteral(kind) for kind in args), kws)

    bare = {"nopython": True, "nogil": True, "boundscheck": None, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    scope = dict(globals())
    for part in _PARTS:
        scope[part.__name__] = Part(FunctionType(part.__code__, scope, part.__name__), targetoptions=bare)
    whole = FunctionType(search.__code__, scope, search.__name__)
    whole.__module__ = search.__module__
    try:
        return numba.njit(nogil=True, cache=True)(whole)
    except RuntimeError:  # there is nowhere to keep it
        return numba.njit(nogil=True)(whole)
