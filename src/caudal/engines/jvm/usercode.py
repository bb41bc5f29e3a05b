"""The user's Python functions as source text for an engine's workers, which cannot import the file they stand in.

What a function uses goes along: other functions and classes of the user's as source, modules as imports, values as
text that makes equal ones. All that comes from one file stands in one function of the script, so that names of
different files, and those of the script, are kept apart. What cannot be written as text is refused by its name.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from caudal.engines.jvm import usersource, uservalues
from caudal.engines.jvm.userdefinitions import Definitions
from caudal.engines.jvm.usersource import Snippet
from caudal.engines.jvm.userspaces import Space, Spaces
from caudal.plan.python import JIT, PythonFunction

_HINT = "create it inside the function, or at its first use there"
_NOT_THERE = "the engine's workers do not have caudal"
_DEPTH = 100


class UserCode:
    """Source text of the user's functions, as it stands in a generated script.

    After `add` has raised, the object is of no further use.
    """

    def __init__(self) -> None:
        self.spaces = Spaces()
        self._names: dict[int, tuple[PythonFunction, str]] = {}
        self._definitions = Definitions(self)
        self._imports: set[str] = set()
        self.root: PythonFunction | None = None
        self._depth = 0

    def add(self, function: PythonFunction) -> str:
        """Return the name under which the bare function stands at the top level of the script.

        Raises `PlanError`, located at the function, that names what it uses and that cannot be written as source.
        """
        known = self._names.get(id(function))
        if known is not None:
            return known[1]
        self.root, self._depth = function, 0
        call: Any = function.call
        own = isinstance(call, FunctionType) and _by_name(call) is None
        space = self.spaces.of(call.__globals__ if own else {})
        local = self.text(space, function, f"{function.name}()")
        if not local.isidentifier() or local not in space.bound:
            name = space.fresh(function.name)
            space.lines.append(f"{name} = {local}")
            local = name
        name = self.spaces.export(space, local)
        self.spaces.in_order(self.refusal_of)
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
        spaces = self.spaces.in_order(self.refusal_of)
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
        for function, _ in self._names.values():
            _check_alone(function, python_version, lacking, hint)

    # -- values as text

    def text(self, space: Space, value: Any, what: str, jit: bool = False) -> str:
        """Return an expression that gives the value in a space; `what`: its name in messages."""
        self._depth += 1
        if self._depth > _DEPTH:
            raise self.refusal(f"{what} is nested too deeply, or holds itself", "", "")
        try:
            text = self._known(space, value, what, jit)
        finally:
            self._depth -= 1
        if len(text) > uservalues.LARGEST:
            hint = "read it from a file inside the function, at its first use"
            raise self.refusal(f"{what} has {len(text):,} characters as text", "", hint)
        return text

    def _known(self, space: Space, value: Any, what: str, jit: bool) -> str:
        if isinstance(value, PythonFunction):
            return self.text(space, value.call, what, value.kind == JIT)
        if isinstance(value, ModuleType):
            return self._module(space, value, what, frozenset())
        if isinstance(value, FunctionType | BuiltinFunctionType | type) or _by_name(value) or _constant(value):
            text = self._callable(space, value, what, jit)
            if text is not None:
                return text
        if isinstance(value, MethodType) or (isinstance(value, BuiltinFunctionType) and value.__self__ is not None):
            inner = self.text(space, value.__self__, f"the object that {what} is bound to")
            return f"{inner}.{value.__name__}"
        if _is_settings(value):
            given = ", ".join(f"{k}={self.text(space, v, f'the setting {k!r}')}" for k, v in vars(value).items())
            return f"{self._library(space, 'types')}.SimpleNamespace({given})"
        if (type(value).__module__ or "").partition(".")[0] == "caudal":
            raise self.refusal(f"{what} is {uservalues.kind_of(value)}", _NOT_THERE, "leave it out of the function")
        text = uservalues.express(
            value,
            lambda part, name: self.text(space, part, name),
            lambda name: self._library(space, name),
            what,
        )
        if text is None:
            raise self.refusal(f"{what} is {uservalues.kind_of(value)}", "", _HINT)
        return text

    def _callable(self, space: Space, value: Any, what: str, jit: bool) -> str | None:
        """Return the text for a function or class: a name, or where it can be imported from."""
        named = _by_name(value) or _constant(value)
        if named is not None:
            module, name = named
            if module == "builtins":
                return name if name not in space.scope else f"{self._library(space, 'builtins')}.{name}"
            return f"{self._library(space, module)}.{name}"
        if isinstance(value, FunctionType):
            made = self._definitions.function(space, value, what, jit)
        elif isinstance(value, type):
            self.refuse_caudal(value.__module__, what)
            text = uservalues.namedtuple_class(value, lambda name: self._library(space, name))
            if text is not None:
                return text
            made = self._definitions.of_class(self.spaces.of(_scope_of(value, space.scope)), value, what)
        else:
            return None
        return self.spaces.seen(space, made.space, made.local)

    def _library(self, space: Space, name: str) -> str:
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

    def _global(self, space: Space, name: str, what: str, chains: frozenset[tuple[str, ...]]) -> None:
        """Bind a global of the space's module under its own name."""
        value = space.scope[name]
        if isinstance(value, ModuleType):
            self._module(space, value, what, frozenset(c for c in chains if c[0] == name), name)
            return
        if name in space.bound:
            return
        space.bound.add(name)
        text = self.text(space, value, what)
        if text != name:
            space.lines.append(f"{name} = {text}")

    def _module(
        self, space: Space, module: ModuleType, what: str, chains: frozenset[tuple[str, ...]], name: str = ""
    ) -> str:
        full = module.__name__
        self.refuse_caudal(full, what)
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
            raise self.refusal(
                f"{what} is the module {full}", "it is not installed", "import what the function uses from it by name"
            )
        if name not in space.bound:
            space.bound.add(name)
            space.lines.append(f"{name} = {self._library(space, 'types')}.ModuleType({full!r})")
        for attribute in sorted({chain[1] for chain in chains}):
            held = f"{name}.{attribute}"
            if held not in space.bound and hasattr(module, attribute):
                space.bound.add(held)
                home = self.spaces.of(vars(module))
                self._global(home, attribute, f"'{held}'", _shifted(chains, attribute))
                space.uses.add(home)
                space.lines.append(f"{held} = {self.spaces.export(home, attribute)}")
        return name

    def needs(self, space: Space, snippet: Snippet, owner: str, held: frozenset[str]) -> None:
        """Bind all globals that a definition looks up, but for names that it holds in a closure."""
        changed = snippet.changes - held
        if changed:
            name = min(changed)
            raise self.refusal(
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
        self.refuse_caudal(name, f"what it imports{owner}")
        if name.startswith(".") or (name in sys.modules and _is_own(name)):
            raise self.refusal(
                f"it imports the module {name}", "it is not installed", "import it at the top of the file"
            )
        top = name.partition(".")[0]
        if top in sys.stdlib_module_names or top in sys.modules or find_spec(top) is not None:
            self._imported(name)

    def refuse_caudal(self, module: str, what: str) -> None:
        """Raise `PlanError` for a module of caudal's, which the workers have not."""
        if module.partition(".")[0] == "caudal":
            raise self.refusal(f"{what} is part of caudal", _NOT_THERE, "leave it out of the function")

    def refusal_of(self, message: str) -> Exception:
        """Return the error, located at the function that is being added."""
        assert self.root is not None
        return self.root.error(message)

    def refusal(self, message: str, detail: str, hint: str) -> Exception:
        """Return the error for a function that cannot be sent, and why."""
        function = self.root
        assert function is not None
        return function.error(
            f"{function.name}() cannot be sent to the engine's workers: {message}", detail=detail, hint=hint
        )


def _check_alone(function: PythonFunction, python_version: str, lacking: Collection[str], hint: str) -> None:
    alone = UserCode()
    alone.add(function)
    found = usersource.newest_syntax(alone.source(), [int(part) for part in python_version.split(".")[:2]])
    if found:
        message = f"{function.name}() is written in newer Python than the engine's {python_version}"
        raise function.error(message, detail=found)
    missing = [module for module in alone.imports if module in lacking]
    if missing:
        message = f"{function.name}() imports {', '.join(missing)}, which the engine's interpreter does not find"
        raise function.error(message, hint=hint)


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


def _spaced(lines: list[str]) -> Iterator[str]:
    """Yield the statements of a function's body, definitions apart from the rest."""
    for number, line in enumerate(lines):
        if line.startswith(("def ", "class ", "@", "async def ")) and number:
            yield ""
        yield f"    {line}"
