"""The user's Python functions as source text for an engine's workers, which cannot import the file they stand in.

What a function uses goes along: other functions and classes of the user's as source, modules as imports, values as
text that makes equal ones. All that comes from one file stands in one function of the script, so that names of
different files, and those of the script, are kept apart. What cannot be written as text is refused by its name.
"""

from __future__ import annotations

import builtins
import os
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from caudal.engines.jvm import usersource, uservalues
from caudal.engines.jvm.usersource import NoSource, Snippet
from caudal.plan.python import JIT, PythonFunction

_HINT = "create it inside the function, or at its first use there"
_NOT_THERE = "the engine's workers do not have caudal"
_DEPTH = 100


@dataclass(slots=True)
class _Made:
    """A function or class that is there: in which space, under what local name.

    `open`: it is being defined; `jit`: compiled functions may call it.
    """

    space: _Space
    local: str
    open: bool = True
    jit: bool = False


@dataclass(eq=False, slots=True)
class _Space:
    """What is taken from one module: `scope`, its globals. Its statements become the body of one function.

    `bound`: names that are there; `given`: what other spaces and the script use of it, local name to name in the
    script; `uses`: the spaces that must stand before it; `modules`: the local names of what is imported.
    """

    scope: Mapping[str, Any]
    title: str
    lines: list[str] = field(default_factory=list)
    bound: set[str] = field(default_factory=set)
    given: dict[str, str] = field(default_factory=dict)
    uses: set[_Space] = field(default_factory=set)
    modules: dict[str, str] = field(default_factory=dict)

    def fresh(self, name: str) -> str:
        """Return a name that stands for nothing here yet."""
        base = re.sub(r"\W", "_", name).strip("_") or "value"
        found, number = base, 1
        while found in self.scope or found in self.bound or hasattr(builtins, found):
            number += 1
            found = f"{base}_{number}"
        self.bound.add(found)
        return found


class UserCode:
    """Source text of the user's functions, as it stands in a generated script.

    After `add` has raised, the object is of no further use.
    """

    def __init__(self) -> None:
        self._spaces: dict[int, _Space] = {}
        self._names: dict[int, tuple[PythonFunction, str]] = {}
        self._made: dict[int, _Made] = {}  # by identity
        self._makers: dict[int, tuple[_Space, str]] = {}  # by code: what makes a function with a closure
        self._taken: set[str] = set()
        self._imports: set[str] = set()
        self._kept: list[Any] = []  # identities are those of living objects
        self._root: PythonFunction | None = None
        self._depth = 0

    def add(self, function: PythonFunction) -> str:
        """Return the name under which the bare function stands at the top level of the script.

        Raises `PlanError`, located at the function, that names what it uses and that cannot be written as source.
        """
        known = self._names.get(id(function))
        if known is not None:
            return known[1]
        self._root, self._depth = function, 0
        call: Any = function.call
        own = isinstance(call, FunctionType) and _by_name(call) is None
        space = self._space(call.__globals__ if own else {})
        local = self._text(space, function, f"{function.name}()")
        if not local.isidentifier() or local not in space.bound:
            name = space.fresh(function.name)
            space.lines.append(f"{name} = {local}")
            local = name
        name = self._export(space, local)
        self._in_order()
        self._names[id(function)] = (function, name)
        if function.kind == JIT:
            self._imports.add("numba")
        return name

    @property
    def imports(self) -> tuple[str, ...]:
        """The modules, by their top-level names, that the functions need and the standard library does not have."""
        return tuple(sorted(self._imports))

    def source(self) -> str:
        """Return the text of all functions with what they need, for the top level of a script; "" for none.

        It uses what `worker.placing` has.
        """
        if not self._names:
            return ""
        spaces = self._in_order()
        parts: list[str] = []
        for number, space in enumerate(spaces, 1):
            given, end = space.given, "," if len(space.given) == 1 else ""
            parts += [
                f"\ndef user_code_{number}():",
                f'    """Return functions of {space.title}."""',
                *_spaced(space.lines),
                f"    return {', '.join(given)}{end}",
                f"\n\n{', '.join(given.values())}{end} = user_code_{number}()\n",
            ]
        return "\n".join(parts)

    def check(self, python_version: str, lacking: Collection[str] = (), hint: str = "") -> None:
        """Raise `PlanError` where a function is written in newer Python than that of the engine ("3.11").

        `lacking`: those of `imports` that the engine's interpreter does not find: their functions are refused too, with
        the hint.
        """
        version = [int(part) for part in python_version.split(".")[:2]]
        for function, _ in self._names.values():
            alone = UserCode()
            alone.add(function)
            found = usersource.newest_syntax(alone.source(), version)
            if found:
                raise function.error(
                    f"{function.name}() is written in newer Python than the engine's {python_version}", detail=found
                )
            missing = [module for module in alone.imports if module in lacking]
            if missing:
                raise function.error(
                    f"{function.name}() imports {', '.join(missing)}, which the engine's interpreter does not find",
                    hint=hint,
                )

    # -- spaces

    def _space(self, scope: Mapping[str, Any]) -> _Space:
        space = self._spaces.get(id(scope))
        if space is None:
            file = str(scope.get("__file__") or "")
            title = _shown(file) if file else str(scope.get("__name__") or "several modules")
            space = self._spaces[id(scope)] = _Space(scope, title.replace("\\", "/").replace('"', ""))
            self._kept.append(scope)
        return space

    def _in_order(self) -> list[_Space]:
        done: list[_Space] = []
        under_way: set[_Space] = set()

        def visit(space: _Space) -> None:
            if space in done:
                return
            if space in under_way:
                assert self._root is not None
                raise self._root.error(f"{space.title} and a module that it uses use each other")
            under_way.add(space)
            for used in sorted(space.uses, key=lambda s: s.title):
                visit(used)
            done.append(space)

        for space in self._spaces.values():
            visit(space)
        return [space for space in done if space.lines]

    def _export(self, space: _Space, local: str) -> str:
        if local not in space.given:
            name, number = f"user_{local}", 1
            while name in self._taken or any(name in other.scope for other in self._spaces.values()):
                number += 1
                name = f"user_{local}_{number}"
            self._taken.add(name)
            space.given[local] = name
        return space.given[local]

    # -- values as text

    def _text(self, space: _Space, value: Any, what: str, jit: bool = False) -> str:
        """Return an expression that gives the value in a space; `what`: its name in messages."""
        self._depth += 1
        if self._depth > _DEPTH:
            raise self._refusal(f"{what} is nested too deeply, or holds itself", "", "")
        try:
            text = self._known(space, value, what, jit)
        finally:
            self._depth -= 1
        if len(text) > uservalues.LARGEST:
            hint = "read it from a file inside the function, at its first use"
            raise self._refusal(f"{what} has {len(text):,} characters as text", "", hint)
        return text

    def _known(self, space: _Space, value: Any, what: str, jit: bool) -> str:
        if isinstance(value, PythonFunction):
            return self._text(space, value.call, what, value.kind == JIT)
        if isinstance(value, ModuleType):
            return self._module(space, value, what, frozenset())
        if isinstance(value, FunctionType | BuiltinFunctionType | type) or _by_name(value) or _constant(value):
            text = self._callable(space, value, what, jit)
            if text is not None:
                return text
        if isinstance(value, MethodType) or (isinstance(value, BuiltinFunctionType) and value.__self__ is not None):
            inner = self._text(space, value.__self__, f"the object that {what} is bound to")
            return f"{inner}.{value.__name__}"
        if _is_settings(value):
            given = ", ".join(f"{k}={self._text(space, v, f'the setting {k!r}')}" for k, v in vars(value).items())
            return f"{self._library(space, 'types')}.SimpleNamespace({given})"
        if (type(value).__module__ or "").partition(".")[0] == "caudal":
            raise self._refusal(f"{what} is {uservalues.kind_of(value)}", _NOT_THERE, "leave it out of the function")
        text = uservalues.express(
            value,
            lambda part, name: self._text(space, part, name),
            lambda name: self._library(space, name),
            what,
        )
        if text is None:
            raise self._refusal(f"{what} is {uservalues.kind_of(value)}", "", _HINT)
        return text

    def _callable(self, space: _Space, value: Any, what: str, jit: bool) -> str | None:
        """Return the text for a function or class: a name, or where it can be imported from."""
        named = _by_name(value) or _constant(value)
        if named is not None:
            module, name = named
            if module == "builtins":
                return name if name not in space.scope else f"{self._library(space, 'builtins')}.{name}"
            return f"{self._library(space, module)}.{name}"
        if isinstance(value, FunctionType):
            made = self._function(space, value, what, jit)
        elif isinstance(value, type):
            _refuse_caudal(self, value.__module__, what)
            text = uservalues.namedtuple_class(value, lambda name: self._library(space, name))
            if text is not None:
                return text
            made = self._class(self._space(_scope_of(value, space.scope)), value, what)
        else:
            return None
        return self._seen(space, made.space, made.local)

    def _seen(self, space: _Space, home: _Space, local: str) -> str:
        """Return the name that what stands in one space has in another."""
        if home is space:
            return local
        space.uses.add(home)
        return self._export(home, local)

    def _library(self, space: _Space, name: str) -> str:
        """Return the name under which an importable module stands in a space."""
        if name not in space.modules:
            self._imported(name)
            module = sys.modules.get(name)
            own = [n for n, v in space.scope.items() if v is module and module is not None]
            if own:
                space.modules[name] = own[0]
                self._global(space, own[0], f"the global '{own[0]}'", frozenset())
            else:
                space.modules[name] = local = space.fresh(name)
                space.lines.append(f"import {name} as {local}" if local != name else f"import {name}")
        return space.modules[name]

    def _imported(self, name: str) -> None:
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names:
            self._imports.add(top)

    # -- what a function looks up

    def _global(self, space: _Space, name: str, what: str, chains: frozenset[tuple[str, ...]]) -> None:
        """Bind a global of the space's module under its own name."""
        value = space.scope[name]
        if isinstance(value, ModuleType):
            self._module(space, value, what, frozenset(c for c in chains if c[0] == name), name)
            return
        if name in space.bound:
            return
        space.bound.add(name)
        text = self._text(space, value, what)
        if text != name:
            space.lines.append(f"{name} = {text}")

    def _module(
        self, space: _Space, module: ModuleType, what: str, chains: frozenset[tuple[str, ...]], name: str = ""
    ) -> str:
        full = module.__name__
        _refuse_caudal(self, full, what)
        if not _is_own(full):
            if not name:
                return self._library(space, full)
            if name not in space.bound:
                space.bound.add(name)
                self._imported(full)
                space.modules.setdefault(full, name)
                space.lines.append(f"import {full}" if name == full else f"import {full} as {name}")
            for chain in sorted(chains):  # a submodule that somebody has imported: `import a` alone does not
                for stop in range(2, len(chain) + 1):
                    inner = ".".join((full, *chain[1:stop]))
                    line = f'__import__("{inner}")'
                    if inner in sys.modules and line not in space.lines:
                        space.lines.append(line)
            return name
        if not name or any(len(chain) < 2 for chain in chains):
            raise self._refusal(
                f"{what} is the module {full}", "it is not installed", "import what the function uses from it by name"
            )
        if name not in space.bound:
            space.bound.add(name)
            space.lines.append(f"{name} = {self._library(space, 'types')}.ModuleType({full!r})")
        for attribute in sorted({chain[1] for chain in chains}):
            held = f"{name}.{attribute}"
            if held not in space.bound and hasattr(module, attribute):
                space.bound.add(held)
                home = self._space(vars(module))
                self._global(home, attribute, f"'{held}'", _shifted(chains, attribute))
                space.uses.add(home)
                space.lines.append(f"{held} = {self._export(home, attribute)}")
        return name

    def _needs(self, space: _Space, snippet: Snippet, owner: str, held: frozenset[str]) -> None:
        """Bind all globals that a definition looks up, but for names that it holds in a closure."""
        changed = snippet.changes - held
        if changed:
            name = min(changed)
            raise self._refusal(
                f"it changes the global '{name}'",
                "each worker would have its own",
                "keep state in reduce(), or in an object that the function changes",
            )
        for module in sorted(snippet.modules):
            self._inner_import(module, owner)
        for name in sorted(snippet.needs - held):
            if name in space.scope:
                self._global(space, name, f"the global '{name}'{owner}", snippet.chains)

    def _inner_import(self, name: str, owner: str) -> None:
        _refuse_caudal(self, name, f"what it imports{owner}")
        if name.startswith(".") or (name in sys.modules and _is_own(name)):
            raise self._refusal(
                f"it imports the module {name}", "it is not installed", "import it at the top of the file"
            )
        top = name.partition(".")[0]
        if top in sys.stdlib_module_names or top in sys.modules or find_spec(top) is not None:
            self._imported(name)

    # -- definitions

    def _function(self, near: _Space, function: FunctionType, what: str, jit: bool) -> _Made:
        """Define a function, with what it needs, in the space of its module; one with a closure where it is used."""
        made = self._made.get(id(function))
        if made is not None:
            if jit and not made.jit:
                made.jit = True
                if not made.open:
                    made.space.lines.append(f"{made.local}.caudal_jit = True")
            return made
        home = self._space(function.__globals__)
        _refuse_caudal(self, str(home.scope.get("__name__")), what)
        self._kept.append(function)
        name = function.__code__.co_name
        own = f" of {name}()" if self._root is None or name != self._root.name else ""
        cells = _cells(function)
        held = home.scope.get(name)
        space = near if cells else home
        if not cells and (held.call if isinstance(held, PythonFunction) else held) is function:
            local = name
            space.bound.add(name)
        else:
            local = space.fresh("function" if name == "<lambda>" else name)
        made = self._made[id(function)] = _Made(space, local, jit=jit)
        inside = name if _is_it(cells.get(name), function) else local
        given = {n: v for n, v in cells.items() if not _is_it(v, function)}

        def default(parameter: str, value: Any) -> str:
            if not cells:
                return self._text(home, value, f"the default value of '{parameter}'{own}")
            given[f"default_of_{parameter}"] = value
            return f"default_of_{parameter}"

        try:
            snippet = usersource.of_function(function, inside, default)
        except NoSource as error:
            raise self._refusal(f"{what} has no source", str(error), "define it in a file") from error
        self._needs(home, snippet, own, frozenset((*cells, *given)))
        if cells:
            texts = [self._held(space, name, value, own) for name, value in given.items()]
            maker = self._maker(home, snippet, function, inside, list(given))
            space.lines.append(f"{local} = {self._seen(space, home, maker)}({', '.join(texts)})")
        else:
            home.lines.append(snippet.text("    "))
        place = f"{_shown(function.__code__.co_filename)!r}, {snippet.line}, {name!r}{', True' if made.jit else ''}"
        space.lines.append(f"caudal_placed({local}, {place})")
        made.open = False
        return made

    def _held(self, space: _Space, name: str, value: Any, own: str) -> str:
        what = f"'{name}' (of its closure){own}"
        if name.startswith("default_of_"):
            what = f"the default value of '{name.removeprefix('default_of_')}'{own}"
        made = self._made.get(id(value.call if isinstance(value, PythonFunction) else value))
        if made is not None and made.open:
            raise self._refusal(f"{what} is a function that uses this one", "", "define both at the top of the file")
        return self._text(space, value, what)

    def _maker(self, home: _Space, snippet: Snippet, function: FunctionType, inside: str, parameters: list[str]) -> str:
        """Return the local name of what makes functions of one code with different closures."""
        known = self._makers.get(id(function.__code__))
        if known is not None and known[0] is home:
            return known[1]
        maker = home.fresh(f"make_{inside}")
        home.lines.append(f"def {maker}({', '.join(parameters)}):")
        home.lines.append(f"    {snippet.text('        ')}\n        return {inside}")
        self._makers[id(function.__code__)] = (home, maker)
        return maker

    def _class(self, space: _Space, value: type, what: str) -> _Made:
        """Define a class, with what it needs, in the space of its module."""
        made = self._made.get(id(value))
        if made is not None:
            return made
        name = value.__name__
        if space.scope.get(name) is not value:
            raise self._refusal(f"{what} is a class inside of a function", "", "define it at the top of the file")
        self._kept.append(value)
        made = self._made[id(value)] = _Made(space, name)
        space.bound.add(name)
        try:
            snippet = usersource.of_class(name, _file_of(value, space.scope), space.scope)
        except NoSource as error:
            raise self._refusal(f"the class {name} has no source", str(error), "define it in a file") from error
        self._needs(space, snippet, f" of {name}", frozenset((name,)))
        space.lines.append(snippet.text("    "))
        space.lines.append(f"{name}.__qualname__ = {name!r}")
        made.open = False
        return made

    def _refusal(self, message: str, detail: str, hint: str) -> Exception:
        function = self._root
        assert function is not None
        return function.error(
            f"{function.name}() cannot be sent to the engine's workers: {message}", detail=detail, hint=hint
        )


def _refuse_caudal(code: UserCode, module: str, what: str) -> None:
    if module.partition(".")[0] == "caudal":
        raise code._refusal(  # pyright: ignore[reportPrivateUsage]
            f"{what} is part of caudal", _NOT_THERE, "leave it out of the function"
        )


def _is_settings(value: Any) -> bool:
    return type(value).__name__ == "Settings" and type(value).__module__ == "caudal.lang.dsl.settings"


def _is_own(name: str) -> bool:
    """Whether a module is the user's: neither of the standard library nor installed."""
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names and top != "__main__":
        return False
    module = sys.modules.get(name) or sys.modules.get(top)
    file = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), None)
    if file is None:
        return name == "__main__" or top not in sys.modules
    return not {"site-packages", "dist-packages"} & set(Path(file).parts)


def _by_name(value: Any) -> tuple[str, str] | None:
    """Return the module and the name in it by which a value can be imported, the shortest; None for what is the user's."""
    if isinstance(value, ModuleType | PythonFunction):
        return None
    owner = getattr(value, "__self__", None)
    home = owner.__name__ if isinstance(owner, ModuleType) else getattr(value, "__module__", None)
    home = home if isinstance(home, str) else type(value).__module__
    names = [getattr(value, "__qualname__", None), getattr(value, "__name__", None)]
    name = next((n for n in names if isinstance(n, str)), None)
    if name is None or "<" in name or home.partition(".")[0] == "caudal":
        return None
    parts = home.split(".")
    for stop in range(1, len(parts) + 1):
        module = ".".join(parts[:stop])
        if module not in sys.modules or _is_own(module):
            continue
        try:
            if attrgetter(name)(sys.modules[module]) is value:
                return module, name
        except AttributeError:
            continue
    return None


def _constant(value: Any) -> tuple[str, str] | None:
    """Return the module and the name of an object that a library holds, as polars does `col`."""
    top = type(value).__module__.partition(".")[0]
    if top == "builtins" or top not in sys.modules or _is_own(top):
        return None
    found = [name for name, held in vars(sys.modules[top]).items() if held is value and not name.startswith("_")]
    return (top, found[0]) if found else None


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


def _shifted(chains: frozenset[tuple[str, ...]], attribute: str) -> frozenset[tuple[str, ...]]:
    return frozenset(chain[1:] for chain in chains if len(chain) > 1 and chain[1] == attribute)


def _scope_of(value: type, near: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the globals of the module that a class was defined in."""
    for part in vars(value).values():
        scope = getattr(getattr(part, "__func__", part), "__globals__", None)
        if scope is not None and scope.get("__name__") == value.__module__:
            return scope
    if near.get("__name__") == value.__module__ or value.__module__ not in sys.modules:
        return near
    return vars(sys.modules[value.__module__])


def _file_of(value: type, scope: Mapping[str, Any]) -> str:
    codes = [getattr(part, "__code__", None) for part in vars(value).values()]
    files = [code.co_filename for code in codes if code is not None and not code.co_filename.startswith("<")]
    return str(scope.get("__file__") or next(iter(files), ""))


def _spaced(lines: list[str]) -> Iterator[str]:
    """Yield the statements of a function's body, definitions apart from the rest."""
    for number, line in enumerate(lines):
        if line.startswith(("def ", "class ", "@", "async def ")) and number:
            yield ""
        yield f"    {line}"


def _shown(file: str) -> str:
    """Return a file as messages name it: by its way from the working directory, or its name alone."""
    near = os.path.relpath(file) if os.path.isabs(file) else file
    return os.path.basename(file) if near.startswith("..") else near
