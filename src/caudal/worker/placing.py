"""The user's functions in a job's script: where they were written, and what of theirs must be made in a worker."""

from __future__ import annotations

import functools
from types import CodeType
from typing import Any


def caudal_placed(function: Any, file: str, line: int, name: str, jit: bool = False) -> None:
    """Let tracebacks show where the function was written; mark what other compiled functions may call."""

    def moved(code: CodeType, by: int) -> CodeType:
        parts = tuple(moved(part, by) if isinstance(part, CodeType) else part for part in code.co_consts)
        return code.replace(co_filename=file, co_firstlineno=max(code.co_firstlineno + by, 1), co_consts=parts)

    code = moved(function.__code__, line - function.__code__.co_firstlineno)
    function.__code__ = code.replace(co_name=name)
    function.__name__ = name
    if jit:
        function.caudal_jit = True


def caudal_cached(function: Any, maxsize: int | None, typed: bool) -> Any:
    """Return the function with functools.lru_cache, made where it is called: a cache cannot be sent to a worker."""
    made: list[Any] = []

    def cached(*given: Any, **named: Any) -> Any:
        if not made:
            made.append(functools.lru_cache(maxsize, typed)(function))
        return made[0](*given, **named)

    return cached
