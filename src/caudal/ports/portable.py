"""What reads a format where caudal is not: modules that a job's script imports from the package beside it.

Such a module imports the standard library, pyarrow, and other modules that can be shipped: `core.scalars` and
`core.dialects`, and those of its own plugin. Packages go along as stubs, so it takes nothing from an `__init__`.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from caudal.core.types import ANY_JSON, DataType, Field, Schema

Plain = Any
"""A field as plain values: (name, type) or (name, type, path, unit, time_format, local).

A type is a name ("json": any value, as text), [item type] for a list, a tuple of fields for a struct."""


@dataclass(frozen=True, slots=True)
class Portable:
    """A reader for scripts: the module that it is in, and the call that makes it, as text.

    What the call makes keeps one of two contracts. Of lines:

        open(head, name) -> (decode, skip)
        decode(lines, at) -> (kept, columns, dead)

    `head` and `skip` are as in `ports.format.LineReader`. `lines` are without their newlines, `at` where each stands;
    `kept` are the numbers of those that are rows, `columns` the values of each needed column for these rows, by name,
    and `dead` a list of (position, reason, message, detail, payload). `decode` may have a method `told`: what is to be told
    of the file behind it, as (text, count), in which `{count}` stands for the count. Of whole files:

        parts(path) -> an iterator of (positions, columns, dead)

    Values are those that Python's json reads; int for times and durations (milliseconds), bytes for binary, None for
    null. `open` and `parts` raise `core.scalars.Unreadable` for a file that does not fit. `narrow` holds the names of
    needed float32 columns.
    """

    module: str
    call: str

    def make(self) -> Any:
        """Return what the call makes, here: its arguments are constants, so nothing is evaluated."""
        call = ast.parse(self.call, mode="eval").body
        assert isinstance(call, ast.Call)
        assert isinstance(call.func, ast.Name)
        args = [ast.literal_eval(arg) for arg in call.args]
        options = {k.arg: ast.literal_eval(k.value) for k in call.keywords if k.arg is not None}
        return getattr(importlib.import_module(self.module), call.func.id)(*args, **options)


def plain_fields(schema: Schema | Iterable[Field]) -> tuple[Plain, ...]:
    """Return fields as plain values, which `repr` writes as Python reads them."""
    return tuple(_plain_field(field) for field in schema)


def _plain_field(field: Field) -> Plain:
    more = (field.path, field.unit, field.time_format, field.local)
    while more and not more[-1]:
        more = more[:-1]
    return (field.name, ANY_JSON if field.any_json else plain_type(field.dtype), *more)


def plain_type(dtype: DataType) -> Plain:
    """Return a type as plain values."""
    if dtype.item is not None:
        return [plain_type(dtype.item)]
    return plain_fields(dtype.fields) if dtype.name == "struct" else dtype.name
