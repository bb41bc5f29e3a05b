"""What the user's functions return, fitted to the types that are declared; Arrow's types for these.

A type is given as "int64", ["string"] (a list) or {"a": "int64"} (a struct). What a function returns is fitted value by
value: an int is taken for a float, nothing is narrowed or parsed. So a mistake is found at the row that made it, and a
fold sees the same state whether or not it was written in between.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import repeat
from numbers import Integral, Real
from typing import Any

import numpy as np
import pyarrow as pa

_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ONE_MS = timedelta(milliseconds=1)


class Misfit(Exception):
    """A value that does not fit a type: the value, what is declared, a hint, the key that it stands under."""

    def __init__(self, value: Any, wanted: str, hint: str = "", key: str = "") -> None:
        super().__init__(wanted)
        self.value = value
        self.wanted = wanted
        self.hint = hint
        self.key = key


class Misshapen(Exception):
    """What a function returned has another form than its declaration: a message, a hint."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


# -- types


def type_text(spec: Any) -> str:
    """Return a type as messages name it."""
    if isinstance(spec, list):
        return f"list<{type_text(spec[0])}>"
    if isinstance(spec, dict):
        return "struct<" + ", ".join(f"{name}: {type_text(inner)}" for name, inner in spec.items()) + ">"
    return spec


def arrow_of(spec: Any, times: bool = False) -> pa.DataType:
    """Return the Arrow type of a type; `times`: with timestamps and durations as such, not as integers."""
    if isinstance(spec, list):
        return pa.list_(arrow_of(spec[0], times))
    if isinstance(spec, dict):
        return pa.struct([pa.field(name, arrow_of(inner, times)) for name, inner in spec.items()])
    if spec == "timestamp":
        return pa.timestamp("ms", "UTC") if times else pa.int64()
    if spec == "duration":
        return pa.duration("ms") if times else pa.int64()
    return getattr(pa, "bool_" if spec == "bool" else str(spec))()


def as_array(given: Any, spec: Any, times: bool = False) -> pa.Array:
    """Return an array, of whatever layout, as one of this type; ints widen to floats."""
    if isinstance(given, pa.ChunkedArray):
        given = given.combine_chunks()
        if isinstance(given, pa.ChunkedArray):
            given = pa.concat_arrays(given.chunks) if given.num_chunks else pa.array([], given.type)
    wanted = arrow_of(spec, times)
    return given if given.type == wanted else given.cast(wanted, safe=False)


def columns_of(rows: pa.StructArray, given: Mapping[str, Any], times: bool = False) -> dict[str, pa.Array]:
    """Return the columns of rows that are structs."""
    parts = dict(zip([field.name for field in rows.type], rows.flatten()))
    return {name: as_array(parts[name], spec, times) for name, spec in given.items()}


def has_times(spec: Any) -> bool:
    """Whether values of this type hold timestamps or durations."""
    if isinstance(spec, list):
        return has_times(spec[0])
    return any(map(has_times, spec.values())) if isinstance(spec, dict) else spec in ("timestamp", "duration")


# -- fitting


def fitter(spec: Any) -> Callable[[Any], Any]:
    """Return what makes a value one of this type, or raises `Misfit`; None stays None."""
    name = type_text(spec)
    if isinstance(spec, list):
        return _list_fitter(name, fitter(spec[0]))
    if isinstance(spec, dict):
        record = recorder(spec, "field")
        return lambda value: None if value is None else dict(zip(spec, record(value)))
    if spec in ("int32", "int64"):
        return _integer_fitter(name, 1 << (int(spec[3:]) - 1))
    known: dict[str, Callable[[Any], Any]] = {
        "float32": lambda v: array("f", [float(v)])[0] if _is_real(v) else None,
        "float64": lambda v: float(v) if _is_real(v) else None,
        "bool": lambda v: bool(v) if isinstance(v, np.bool_) else None,
        "string": _fit_text,
        "binary": lambda v: bytes(v) if isinstance(v, bytes | bytearray | memoryview) else None,
        "timestamp": _fit_timestamp,
        "duration": lambda v: v // _ONE_MS * _ONE_MS if isinstance(v, timedelta) else None,
    }
    exact = {"float64": float, "bool": bool, "binary": bytes}.get(name)
    change = known[name]

    def a_value(value: Any) -> Any:
        if value is None or type(value) is exact:
            return value
        try:
            changed = change(value)
        except (OverflowError, ValueError, TypeError):
            changed = None
        if changed is None:
            hint = "return a datetime, for example datetime.fromtimestamp(seconds, UTC)" if name == "timestamp" else ""
            raise Misfit(value, name, hint)
        return changed

    def a_text(value: Any) -> Any:
        return value if type(value) is str and value.isascii() else a_value(value)

    return a_text if name == "string" else a_value


def _list_fitter(name: str, item: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def a_list(value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if not isinstance(value, list | tuple):
            raise Misfit(value, name)
        return [item(v) for v in value]

    return a_list


def _integer_fitter(name: str, bound: int) -> Callable[[Any], Any]:
    def an_integer(value: Any) -> Any:
        if type(value) is not int:
            if value is None:
                return None
            if not isinstance(value, Integral) or isinstance(value, bool):
                raise Misfit(value, name)
            value = int(value)
        if not -bound <= value < bound:
            raise Misfit(value, name, f"an {name} is at least -{bound} and less than {bound}")
        return value

    return an_integer


def _is_real(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _fit_text(value: Any) -> Any:
    if not isinstance(value, str):
        return None
    value = str.__str__(value)
    value.encode()  # raises for a lone surrogate, a ValueError
    return value


def _fit_timestamp(value: Any) -> Any:
    if not isinstance(value, datetime):
        return None
    moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value
    return _UNIX_EPOCH + (moment - _UNIX_EPOCH) // _ONE_MS * _ONE_MS


def recorder(fields: Mapping[str, Any], what: str) -> Callable[[Any], list[Any]]:
    """Return what makes a mapping the values of these fields, or raises `Misfit`; missing keys give None."""
    fits = [(name, fitter(spec)) for name, spec in fields.items()]
    names = set(fields)

    def a_record(value: Any) -> list[Any]:
        if not isinstance(value, Mapping):
            raise Misfit(value, "a dict")
        if not value.keys() <= names:
            unknown = next(key for key in value if key not in names)
            raise Misshapen(f"returned the unknown {what} {short(unknown)}", nearest_name(unknown, names))
        get = value.get
        values: list[Any] = []
        for name, fit in fits:
            try:
                values.append(fit(get(name)))
            except Misfit as misfit:
                raise Misfit(misfit.value, misfit.wanted, misfit.hint, misfit.key or name) from None
        return values

    return a_record


def several(fit: Callable[[Any], Any], result: Any) -> list[Any]:
    """Return the rows that a flat map gave, fitted; raises `Misfit` for what is no rows."""
    if result is None:
        return []
    if isinstance(result, Mapping | str | bytes) or not isinstance(result, Iterable):
        raise Misfit(result, "an iterable of dicts (or None)", "return [row] for a single row")
    return [fit(one) for one in result]


# -- texts


def shown_call(names: Sequence[str], values: Sequence[Any]) -> str:
    """Return with what a function was called; of what is beyond the names, the values alone."""
    named = zip([*names, *repeat("", len(values))], values)
    return ", ".join(f"{n}={short(v)}" if n else short(v) for n, v in named) or "nothing"


def nearest_name(name: Any, known: Iterable[str], what: str = "declared") -> str:
    """Return a hint: the known name that is nearest, or all of them, which are `what`."""
    from difflib import get_close_matches

    close = get_close_matches(str(name), sorted(known), n=1)
    return f"did you mean '{close[0]}'?" if close else f"{what}: {', '.join(sorted(known))}"


def short(value: Any, most: int = 60) -> str:
    """Return a value as text of at most `most` characters."""
    try:
        text = repr(value)
    except BaseException:  # also SystemExit: it is the user's code that runs here
        text = f"<{type(value).__name__}>"
    return clean_text(text if len(text) <= most else text[: most - 3] + "...")


def clean_text(text: str) -> str:
    """Return the text with lone surrogates written out, so that it can be encoded."""
    return text.encode("utf-8", "backslashreplace").decode()
