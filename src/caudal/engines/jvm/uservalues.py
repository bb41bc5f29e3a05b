"""Values that the user's functions use, as text of Python that makes equal ones."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import io
import ipaddress
import logging
import math
import pathlib
import re
import socket
import struct
import types
import uuid
import zoneinfo
from collections.abc import Callable
from typing import Any

LARGEST = 1 << 20
"""Characters that a value may have as text."""

Inner = Callable[[Any, str], str]
"""Gives the text of a part of a value, and takes what the part is called in a message."""

Import = Callable[[str], str]
"""Gives the name under which a module of the standard library, or numpy, stands there."""

_PLAIN = (bool, int, str, bytes, type(None), type(Ellipsis), range, bytearray)
_TEXTUAL: tuple[type, ...] = (
    decimal.Decimal,
    fractions.Fraction,
    uuid.UUID,
    zoneinfo.ZoneInfo,
    ipaddress.IPv4Address,
    ipaddress.IPv6Address,
    ipaddress.IPv4Network,
    ipaddress.IPv6Network,
    pathlib.PurePosixPath,
    pathlib.PosixPath,
)
_LITERAL = {list: "[{}]", tuple: "({})", set: "{{{}}}", frozenset: "frozenset(({}))", collections.deque: ""}


def express(value: Any, inner: Inner, module: Import, what: str) -> str | None:
    """Return the text that makes an equal value; None for what it does not know. `what`: its name in messages."""
    kind: Any = type(value)
    if kind in _PLAIN:
        return repr(value)
    if kind in (float, complex):
        return _float(value) if kind is float else f"complex({_float(value.real)}, {_float(value.imag)})"
    if kind in _LITERAL or kind in (dict, collections.OrderedDict, collections.Counter, collections.defaultdict):
        return _container(value, inner, module, what)
    if kind in _TEXTUAL:
        return f"{module(kind.__module__.partition('._')[0])}.{kind.__name__}({str(value)!r})"
    if kind is types.SimpleNamespace:
        return f"{module('types')}.SimpleNamespace({_named(vars(value), inner, what)})"
    if isinstance(value, enum.Enum):
        return f"{inner(kind, f'the type of {what}')}[{value.name!r}]"
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        given = ", ".join(inner(part, f"the field '{n}' of {what}") for n, part in zip(kind._fields, value))
        return f"{inner(kind, f'the type of {what}')}({given})"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.init}
        return f"{inner(kind, f'the type of {what}')}({_named(fields, inner, what)})"
    return _library(value, inner, module, what)


def _library(value: Any, inner: Inner, module: Import, what: str) -> str | None:
    """Return the text for a value of a type of the standard library's, or of numpy's."""
    kind: Any = type(value)
    if kind in (datetime.datetime, datetime.date, datetime.time, datetime.timedelta, datetime.timezone):
        return _time(value, inner, module("datetime"), what)
    if kind is re.Pattern:
        return f"{module('re')}.compile({value.pattern!r}, {int(value.flags)})"
    if kind is struct.Struct:
        return f"{module('struct')}.Struct({value.format!r})"
    if kind is logging.Logger:
        return f"{module('logging')}.getLogger({value.name!r})"
    if kind is functools.partial:
        parts = [value.func, *value.args]
        given = [inner(part, f"a part of {what}") for part in parts]
        named = _named(value.keywords, inner, what)
        return f"{module('functools')}.partial({', '.join([*given, *([named] if named else [])])})"
    if kind.__module__ == "functools" and hasattr(value, "cache_parameters"):
        options = value.cache_parameters()
        raw = inner(value.__wrapped__, f"the function of {what}")
        return f"caudal_cached({raw}, {options['maxsize']}, {options['typed']})"
    if kind.__module__.startswith("numba.") and hasattr(value, "py_func") and hasattr(value, "targetoptions"):
        options = {k: v for k, v in value.targetoptions.items() if v is not None}
        raw = inner(value.py_func, f"the function of {what}")
        return f"{module('numba')}.jit({_named(options, inner, what)})({raw})"
    if kind.__module__ == "numpy" and hasattr(value, "dtype") and hasattr(value, "tobytes"):
        return _numpy(value, module("numpy"))
    if kind.__module__.startswith("numpy") and hasattr(value, "itemsize") and hasattr(value, "newbyteorder"):
        return None if value.hasobject or value.fields else f"{module('numpy')}.dtype({value.str!r})"
    return None


def namedtuple_class(value: type, module: Import) -> str | None:
    """Return the text that makes a class that `collections.namedtuple` made, None for any other."""
    names = getattr(value, "_fields", None)
    if not issubclass(value, tuple) or names is None or value.__bases__ != (tuple,):
        return None
    return f"{module('collections')}.namedtuple({value.__name__!r}, {list(names)!r})"


def _float(value: float) -> str:
    return repr(value) if math.isfinite(value) else f"float({str(value)!r})"


def _named(values: dict[str, Any], inner: Inner, what: str) -> str:
    return ", ".join(f"{name}={inner(part, f'the field {name!r} of {what}')}" for name, part in values.items())


def _container(value: Any, inner: Inner, module: Import, what: str) -> str:
    kind = type(value)
    if isinstance(value, dict):
        items: list[str] = []
        for key, part in value.items():
            text = inner(key, f"a key of {what}")
            items.append(f"{text}: {inner(part, f'the item {text[:60]} of {what}')}")
        text = "{" + ", ".join(items) + "}"
        if kind is dict:
            return text
        if isinstance(value, collections.defaultdict):
            text = f"{inner(value.default_factory, f'the factory of {what}')}, {text}"
        return f"{module('collections')}.{kind.__name__}({text})"
    if not value and kind in (set, frozenset):
        return f"{kind.__name__}()"
    parts = [inner(part, f"an item of {what}") for part in value]
    if kind is set or kind is frozenset:
        parts.sort()  # the same text in every process
    text = ", ".join(parts) + ("," if len(parts) == 1 and kind in (tuple, frozenset) else "")
    if kind is collections.deque:
        return f"{module('collections')}.deque([{text}], {value.maxlen})"
    return _LITERAL[kind].format(text)


def _time(value: Any, inner: Inner, name: str, what: str) -> str:
    if isinstance(value, datetime.timedelta):
        return f"{name}.timedelta({value.days}, {value.seconds}, {value.microseconds})"
    if isinstance(value, datetime.timezone):
        return f"{name}.timezone.utc" if value is datetime.UTC else repr(value).replace("datetime.", f"{name}.")
    if not isinstance(value, datetime.datetime | datetime.time):
        return f"{name}.date({value.year}, {value.month}, {value.day})"
    zone = "" if value.tzinfo is None else f", tzinfo={inner(value.tzinfo, f'the time zone of {what}')}"
    fold = ", fold=1" if value.fold else ""
    clock = f"{value.hour}, {value.minute}, {value.second}, {value.microsecond}{zone}{fold}"
    if isinstance(value, datetime.datetime):
        return f"{name}.datetime({value.year}, {value.month}, {value.day}, {clock})"
    return f"{name}.time({clock})"


def _numpy(value: Any, name: str) -> str | None:
    if value.dtype.hasobject or value.dtype.fields is not None:
        return None
    text = f"{name}.frombuffer({value.tobytes()!r}, {value.dtype.str!r})"
    return f"{text}.reshape({value.shape!r}).copy()" if hasattr(value, "__len__") and value.ndim else f"{text}[0]"


def kind_of(value: Any) -> str:
    """Return what a value is, for a message that refuses it."""
    kind = type(value)
    if isinstance(value, io.IOBase):
        return f"an open file ({getattr(value, 'name', kind.__name__)})"
    if isinstance(value, socket.socket):
        return "a socket"
    if isinstance(value, types.GeneratorType):
        return f"a generator ({value.__name__})"
    if kind.__name__ in ("lock", "RLock", "Condition", "Semaphore", "Event"):
        return f"a lock ({kind.__module__}.{kind.__qualname__})"
    return f"a {kind.__module__}.{kind.__qualname__}"
