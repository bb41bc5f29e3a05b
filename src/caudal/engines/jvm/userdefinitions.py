"""The user's functions and classes as definitions in a script, each once, in the space of its module."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

from caudal.engines.jvm import usersource
from caudal.engines.jvm.usersource import NoSource, Snippet
from caudal.engines.jvm.userspaces import Made, Space, shown_file
from caudal.plan.python import PythonFunction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from caudal.engines.jvm.usercode import UserCode


class Definitions:
    """What is defined: by identity, and by code what makes functions of one code with different closures."""

    def __init__(self, code: UserCode) -> None:
        self._code = code
        self._made: dict[int, Made] = {}
        self._makers: dict[int, tuple[Space, str]] = {}
        self._kept: list[Any] = []  # identities are those of living objects

    def function(self, near: Space, function: FunctionType, what: str, jit: bool) -> Made:
        """Define a function, with what it needs, in the space of its module; one with a closure where it is used."""
        made = self._made.get(id(function))
        if made is not None:
            if jit and not made.jit:
                made.jit = True
                if not made.open:
                    made.space.lines.append(f"{made.local}.caudal_jit = True")
            return made
        home = self._code.spaces.of(function.__globals__)
        self._code.refuse_caudal(str(home.scope.get("__name__")), what)
        self._kept.append(function)
        name = function.__code__.co_name
        own = f" of {name}()" if self._code.root is None or name != self._code.root.name else ""
        cells = _cells(function)
        held = home.scope.get(name)
        space = near if cells else home
        if not cells and (held.call if isinstance(held, PythonFunction) else held) is function:
            local = name
            space.bound.add(name)
        else:
            local = space.fresh("function" if name == "<lambda>" else name)
        made = self._made[id(function)] = Made(space, local, jit=jit)
        inside = name if _is_it(cells.get(name), function) else local
        given = {n: v for n, v in cells.items() if not _is_it(v, function)}

        def default(parameter: str, value: Any) -> str:
            if not cells:
                return self._code.text(home, value, f"the default value of '{parameter}'{own}")
            given[f"default_of_{parameter}"] = value
            return f"default_of_{parameter}"

        try:
            snippet = usersource.of_function(function, inside, default)
        except NoSource as error:
            raise self._code.refusal(f"{what} has no source", str(error), "define it in a file") from error
        self._code.needs(home, snippet, own, frozenset((*cells, *given)))
        if cells:
            texts = [self._held(space, name, value, own) for name, value in given.items()]
            maker = self._maker(home, snippet, function, inside, list(given))
            space.lines.append(f"{local} = {self._code.spaces.seen(space, home, maker)}({', '.join(texts)})")
        else:
            home.lines.append(snippet.text("    "))
        place = f"{shown_file(function.__code__.co_filename)!r}, {snippet.line}, {name!r}{', True' if made.jit else ''}"
        space.lines.append(f"caudal_placed({local}, {place})")
        made.open = False
        return made

    def _held(self, space: Space, name: str, value: Any, own: str) -> str:
        what = f"'{name}' (of its closure){own}"
        if name.startswith("default_of_"):
            what = f"the default value of '{name.removeprefix('default_of_')}'{own}"
        made = self._made.get(id(value.call if isinstance(value, PythonFunction) else value))
        if made is not None and made.open:
            raise self._code.refusal(
                f"{what} is a function that uses this one", "", "define both at the top of the file"
            )
        return self._code.text(space, value, what)

    def _maker(self, home: Space, snippet: Snippet, function: FunctionType, inside: str, parameters: list[str]) -> str:
        """Return the local name of what makes functions of one code with different closures."""
        known = self._makers.get(id(function.__code__))
        if known is not None and known[0] is home:
            return known[1]
        maker = home.fresh(f"make_{inside}")
        home.lines.append(f"def {maker}({', '.join(parameters)}):")
        home.lines.append(f"    {snippet.text('        ')}\n        return {inside}")
        self._makers[id(function.__code__)] = (home, maker)
        return maker

    def of_class(self, space: Space, value: type, what: str) -> Made:
        """Define a class, with what it needs, in the space of its module."""
        made = self._made.get(id(value))
        if made is not None:
            return made
        name = value.__name__
        if space.scope.get(name) is not value:
            raise self._code.refusal(f"{what} is a class inside of a function", "", "define it at the top of the file")
        self._kept.append(value)
        made = self._made[id(value)] = Made(space, name)
        space.bound.add(name)
        try:
            snippet = usersource.of_class(name, _file_of(value, space.scope), space.scope)
        except NoSource as error:
            raise self._code.refusal(f"the class {name} has no source", str(error), "define it in a file") from error
        self._code.needs(space, snippet, f" of {name}", frozenset((name,)))
        space.lines.append(snippet.text("    "))
        space.lines.append(f"{name}.__qualname__ = {name!r}")
        made.open = False
        return made


def _cells(function: FunctionType) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    return found


def _is_it(value: Any, function: FunctionType) -> bool:
    return value is function or (isinstance(value, PythonFunction) and value.call is function)


def _file_of(value: type, scope: Mapping[str, Any]) -> str:
    codes = [getattr(part, "__code__", None) for part in vars(value).values()]
    files = [code.co_filename for code in codes if code is not None and not code.co_filename.startswith("<")]
    return str(scope.get("__file__") or next(iter(files), ""))
