"""Calls that do not fit a signature: what Python says of them does not say what to write, so these are answered.

`answered` decorates a public function or class. A call that fits costs nothing more than a frame.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, NoReturn, ParamSpec, TypeVar

from caudal.core.errors import Misuse, NoSuchName, nearest

Given = ParamSpec("Given")
Result = TypeVar("Result")
Class = TypeVar("Class", bound=type)

_EXAMPLES = {
    "source": 'cd.source("files", path="access.log", format="combined")',
    "to": '.to("files", path="alerts.jsonl")',
    "rename": '.rename({"ip": "client"}): the old name, then the new one',
    "deduplicate": '.deduplicate("ip", within="10m"); several keys in a list: .deduplicate(["ip", "path"], within="10m")',
    "count": 'cd.count(); cd.count_if("code = 401") and cd.count_distinct("ip") take what they count',
    "count_if": 'cd.count_if("code = 401")',
    "split": '.split(refused=col("code") == 403)["refused"]',
    "head": ".head(10)",
    "join": '.join(other, on="ip", within="60s"): pairs of rows that are near in event time',
    "table": 'cd.table("files", path="feed.csv", key="ip", schema={"ip": "string", "threat": "string"})',
    "lookup": '.lookup(table, on="ip"), where table is cd.table("files", path=..., key="ip", schema={...})',
    "filter": '.filter(col("code") == 401), or as text: .filter("code = 401")',
    "running": ".running(total=cd.count())",
    "then": "cd.when(c).then(x).otherwise(y)",
    "otherwise": "cd.when(c).then(x).otherwise(y)",
}
"""What to write where the signature alone does not tell."""


def answered(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Return the function; a call with too many, too few or unknown arguments raises `Misuse` with what to write."""

    @functools.wraps(function)
    def call(*args: Given.args, **named: Given.kwargs) -> Result:
        try:
            return function(*args, **named)
        except TypeError as error:
            if not isinstance(error, Misuse):
                _refuse_misfit(function, args, named)
            raise

    return call


def answered_methods(kind: Class) -> Class:
    """Return the class, whose public methods are `answered`."""
    for name, value in list(vars(kind).items()):
        if inspect.isfunction(value) and not name.startswith("_"):
            setattr(kind, name, answered(value))
    return kind


class Instead:
    """A protocol of Python's that a class has not, such as `__len__`: to ask for it says what to write instead.

    To `hasattr` it is not there. A class with `__len__` needs a `__bool__` of its own.
    """

    def __init__(self, called: str, written: str) -> None:
        self.called = called
        self.written = written

    def __get__(self, instance: Any, owner: type | None = None) -> Instead:
        if instance is None:
            return self
        raise NoSuchName(f"{self.called} takes a value, not what stands for many", hint=f"write {self.written}")


def _refuse_misfit(function: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> None:
    signature = inspect.signature(function)
    try:
        signature.bind(*args, **named)
    except TypeError as error:
        _refuse(function.__name__, signature, args, named, str(error))


def _refuse(
    name: str, signature: inspect.Signature, args: tuple[Any, ...], named: dict[str, Any], said: str
) -> NoReturn:
    method = next(iter(signature.parameters), "") == "self"
    dot = "." if method else ""
    parameters = list(signature.parameters.values())[method:]
    args = args[method:]
    keywords = [p for p in parameters if p.kind == p.KEYWORD_ONLY]
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    unknown = [key for key in named if key not in signature.parameters]
    message = f"{dot}{name}() cannot be called so: {said}"
    hint = nearest(unknown[0], [p.name for p in parameters]) if unknown and parameters else ""
    if name in _EXAMPLES and not hint.startswith("did you mean"):
        hint = f"write {_EXAMPLES[name]}"
    elif not hint:
        free = (p.name for p in keywords if p.name not in named)
        shown = [_shown(a) for a in args[: len(places)]]
        shown += [f"{p.name}=..." for p in places[len(args) :] if p.default is p.empty and p.name not in named]
        shown += [f"{key}={_shown(value)}" for key, value in zip(free, args[len(places) :])]
        shown += [f"{key}={_shown(value)}" for key, value in named.items()]
        met = {*named, *(p.name for p, _ in zip((p for p in keywords if p.name not in named), args[len(places) :]))}
        shown += [f"{p.name}=..." for p in keywords if p.default is p.empty and p.name not in met]
        hint = f"write {dot}{name}({', '.join(shown)})"
    raise Misuse(message, hint=hint) from None


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return repr(value) if isinstance(value, int | float) or type(value).__module__.startswith("caudal") else "..."
