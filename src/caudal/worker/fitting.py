"""What the user's functions take and give, and Arrow arrays: the one into the other, by declared types.

A type is given as "int64", ["string"] (a list) or {"a": "int64"} (a struct). In arrays timestamps and durations are
int64 milliseconds. What a function returns is fitted value by value: an int is taken for a float, nothing is narrowed
or parsed; what does not fit is a mistake in the program and ends the job. What it raises is the failure of a row.
"""

from __future__ import annotations

import traceback
from array import array
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from numbers import Integral, Real
from typing import Any

import numpy as np
import pyarrow as pa

Failed = tuple[int, str, str, str]
"""A row that a function could not take: its number, reason, message, traceback."""

REASON, MESSAGE, DETAIL = "__reason", "__message", "__detail"
"""Columns beside those of results: null, or why a row has none."""

_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ONE_MS = timedelta(milliseconds=1)
_TRACEBACK_BYTES = 4096
_MESSAGE_CHARACTERS = 1000


class FunctionMistake(Exception):
    """A function returned what its declaration excludes: costs the row; ends the job where no row is to blame."""

    def __init__(self, function: Any, message: str, *more: str) -> None:
        name = getattr(function, "__name__", type(function).__name__)
        self.message = f"{name}() {message}"
        self.detail = "\n".join(part for part in more if part)
        super().__init__("\n".join(part for part in (self.message, self.detail) if part))


class Misfit(Exception):
    """A value that does not fit a type: the value, what is declared, a hint, the key that it stands under."""

    def __init__(self, value: Any, wanted: str, hint: str = "", key: str = "") -> None:
        super().__init__(wanted)
        self.value = value
        self.wanted = wanted
        self.hint = hint
        self.key = key


class UnknownKey(Exception):
    """A dict with a key that is not declared."""


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


# -- Python values


def has_times(spec: Any) -> bool:
    """Whether values of this type hold timestamps or durations."""
    if isinstance(spec, list):
        return has_times(spec[0])
    return any(map(has_times, spec.values())) if isinstance(spec, dict) else spec in ("timestamp", "duration")


def python_values(values: pa.Array, spec: Any) -> list[Any]:
    """Return what a plain function gets; raises `OverflowError` for a time that Python has no datetime for."""
    listed = values.to_pylist()
    return [python_value(v, spec) for v in listed] if has_times(spec) else listed


def python_value(value: Any, spec: Any) -> Any:
    """Return a value with its times as aware datetimes and timedeltas."""
    if value is None:
        return None
    if isinstance(spec, list):
        return [python_value(v, spec[0]) for v in value]
    if isinstance(spec, dict):
        return {name: python_value(value[name], inner) for name, inner in spec.items()}
    if spec == "timestamp":
        return _UNIX_EPOCH + timedelta(0, 0, 0, value)
    return timedelta(0, 0, 0, value) if spec == "duration" else value


def stored(values: list[Any], spec: Any) -> pa.Array:
    """Return an array of values that were fitted."""
    if has_times(spec):
        values = [_stored_value(v, spec) for v in values]
    return pa.array(values, arrow_of(spec))


def _stored_value(value: Any, spec: Any) -> Any:
    if value is None:
        return None
    if isinstance(spec, list):
        return [_stored_value(v, spec[0]) for v in value]
    if isinstance(spec, dict):
        return {name: _stored_value(value[name], inner) for name, inner in spec.items()}
    if spec == "timestamp":
        return (value - _UNIX_EPOCH) // _ONE_MS
    return value // _ONE_MS if spec == "duration" else value


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

    return a_value


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
            raise UnknownKey(f"returned the unknown {what} {short(unknown)}", nearest_name(unknown, names))
        values: list[Any] = []
        for name, fit in fits:
            try:
                values.append(fit(value.get(name)))
            except Misfit as misfit:
                raise Misfit(misfit.value, misfit.wanted, misfit.hint, misfit.key or name) from None
        return values

    return a_record


def mistaken(function: Any, error: Exception, called: str) -> FunctionMistake:
    """Return the mistake that a `Misfit` or an `UnknownKey` comes from; `called`: with what the function was."""
    if isinstance(error, Misfit):
        key = f" for '{error.key}'" if error.key else ""
        message = f"returned {short(error.value)}{key} where {error.wanted} is declared"
        hint = error.hint or "return such a value, or declare another type"
    else:
        message, hint = error.args
    return FunctionMistake(function, clean_text(message), clean_text(f"called with {called}"), clean_text(hint))


def nearest_name(name: Any, known: Iterable[str]) -> str:
    """Return a hint: the known name that is nearest, or all of them."""
    from difflib import get_close_matches

    close = get_close_matches(str(name), sorted(known), n=1)
    return f"did you mean '{close[0]}'?" if close else "declared: " + ", ".join(sorted(known))


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


# -- failures


def raised(row: int, error: BaseException, function: Any) -> Failed:
    """Return the row as failed with the exception: its type and text, and the traceback from the function on.

    Never raises, whatever the exception does when it is looked at.
    """
    if isinstance(error, FunctionMistake):
        return row, "result", clean_text(error.message[:_MESSAGE_CHARACTERS]), error.detail
    try:
        return row, "exception", *_told(error, function)
    except BaseException:
        return row, "exception", type(error).__name__, "the exception cannot be shown"


def _told(error: BaseException, function: Any) -> tuple[str, str]:
    code = getattr(function, "__code__", None)
    at = error.__traceback__
    while at is not None and at.tb_frame.f_code is not code:
        at = at.tb_next
    if at is None:  # not written in Python: behind the frames of this package
        at = error.__traceback__
        while at is not None and at.tb_frame.f_globals.get("__package__") == __package__:
            at = at.tb_next
    report = traceback.TracebackException(type(error), error, at)
    part: Any = report
    while part is not None:
        part.stack = traceback.StackSummary.from_list(
            [(_without_machine(f.filename), f.lineno or 0, f.name, f.line) for f in part.stack]
        )
        part = part.__cause__ or part.__context__
    lines = "".join(report.format()).encode("utf-8", "replace")
    if len(lines) > _TRACEBACK_BYTES:
        lines = b"...\n" + lines[len(lines) - _TRACEBACK_BYTES + 4 :]
    name, text = type(error).__name__, str(report)
    message = clean_text((f"{name}: {text}" if text else name)[:_MESSAGE_CHARACTERS])
    return message, lines.decode("utf-8", "ignore")


def _without_machine(path: str) -> str:
    """Return a file's path from the library on; a path on this machine says nothing elsewhere."""
    parts = path.split("/")
    for number, part in enumerate(parts):
        if part in ("site-packages", "dist-packages"):
            return "/".join(parts[number + 1 :])
    return parts[-1] if path.startswith("/") else path


# -- results


def scalar_outcome(values: pa.Array, failed: list[Failed], rows: int) -> pa.StructArray:
    """Return values with why some are missing: fields value, reason, message, detail."""
    said: list[Any] = [pa.nulls(rows, pa.string())] * 3
    if failed:
        keep = np.ones(rows, np.bool_)
        keep[[f[0] for f in failed]] = False
        values = values.take(pa.array(np.arange(rows), mask=~keep))
        said = [_at_rows(failed, part, rows) for part in (1, 2, 3)]
    return pa.StructArray.from_arrays([values, *said], ["value", "reason", "message", "detail"])


def rows_outcome(
    made: Mapping[str, pa.Array], owner: Any, failed: list[Failed], rows: int
) -> tuple[Any, pa.StructArray]:
    """Return where the results of each input row begin (one more than rows), and all results in a row.

    `owner`: the input row of each result, ascending. A row that failed has one result: why.
    """
    counts = np.bincount(owner, minlength=rows) if len(owner) else np.zeros(rows, np.int64)
    counts[[f[0] for f in failed]] = 1
    starts = np.zeros(rows + 1, np.int64)
    np.cumsum(counts, out=starts[1:])
    total = int(starts[-1])
    places = starts[[f[0] for f in failed]] if failed else np.empty(0, np.int64)
    source = np.zeros(total, np.int64)
    empty = np.zeros(total, np.bool_)
    empty[places] = True
    source[~empty] = np.arange(len(owner))
    index = pa.array(source, mask=empty)
    columns = {name: column.take(index) if failed else column for name, column in made.items()}
    shifted = [(int(at), f[1], f[2], f[3]) for at, f in zip(places, failed)]
    for number, name in enumerate((REASON, MESSAGE, DETAIL), 1):
        columns[name] = _at_rows(shifted, number, total)
    return starts, pa.StructArray.from_arrays(list(columns.values()), list(columns))


def moved_to(failed: list[Failed], numbers: Any) -> list[Failed]:
    """Return failures under the numbers that their rows have among all."""
    return [(int(numbers[row]), reason, message, detail) for row, reason, message, detail in failed]


def _at_rows(failed: list[Failed], part: int, rows: int) -> pa.Array:
    if not failed:
        return pa.nulls(rows, pa.string())
    texts: list[str | None] = [None] * rows
    for failure in failed:
        texts[failure[0]] = str(failure[part])
    return pa.array(texts, pa.string())
