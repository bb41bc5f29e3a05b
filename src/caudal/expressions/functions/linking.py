"""A compiled loop of the user's functions as one object: all that it calls is inside, nothing is looked up by name.

numba's own code generator leaves calls to other functions to the run-time linker, by name, and calls them through a
register, as they may lie anywhere (the large code model). So a function that calls itself by way of another signature
or another function is a name in the cache that nobody defines, and how fast a call is depends on where code comes to
lie. Here the whole program of a loop is linked while it is still intermediate code; only its entry keeps a name. The
object is position independent and of the small code model, and its sections lie in one block of memory: calls inside
are direct, calls out of it (the C library, numba's runtime) go through a table of its own, however far they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from types import FunctionType
from typing import Any, cast

import llvmlite.binding as llvm
from numba.core.codegen import JITCodeLibrary, JITCPUCodegen, RuntimeLinker
from numba.core.environment import lookup_environment
from numba.core.registry import CPUDispatcher, CPUTarget
from numba.core.registry import cpu_target as _cpu_target

_CPU: Any = _cpu_target  # numba has no types
_PREFIX: str = RuntimeLinker.PREFIX  # of a global that holds the address of a function not known yet


class _Whole(JITCodeLibrary):
    """A library that takes in all that it calls, and lets only its own functions be seen from outside."""

    def finalize(self) -> None:
        own = {f.name for f in self._final_module.functions if not f.is_declaration}
        self._own: set[str] = own
        super().finalize()

    def _optimize_final_module(self) -> None:
        # everything is linked and nothing optimized yet: direct calls can be inlined
        self._resolve()
        for function in self._final_module.functions:
            if not function.is_declaration and function.name not in self._own:
                function.linkage = "internal"
        super()._optimize_final_module()

    def _resolve(self) -> None:
        """Give what is called through an address, to be known at run time, its definition in this module."""
        open_ends = {g.name for g in self._final_module.global_variables if g.name.startswith(_PREFIX)}
        done = set[str]()
        while open_ends:
            for name in sorted(open_ends):
                self._define(name.removeprefix(_PREFIX))
            done |= open_ends
            found = (g.name for g in self._final_module.global_variables if g.name.startswith(_PREFIX))
            open_ends = {name for name in found if name not in done}

    def _define(self, name: str) -> None:
        whole, generator = self._final_module, cast(Any, self._codegen)
        header = f'target triple = "{whole.triple}"\ntarget datalayout = "{whole.data_layout}"'
        pointer = f'@"{_PREFIX}{name}" = linkonce_odr constant ptr @"{name}"\ndeclare void @"{name}"()'
        whole.link_in(llvm.parse_assembly(f"{header}\n{pointer}\n"))
        # only now: of what may be defined more than once, the linker takes in what is asked for
        modules = (library._get_module_for_linking() for library in generator.libraries())
        found = whole if _defines(whole, name) else next((m for m in modules if _defines(m, name)), None)
        if found is None:
            raise RuntimeError(f"no code for {name}")
        if found is not whole:
            whole.link_in(found, preserve=True)


def _defines(module: Any, name: str) -> bool:
    try:
        return not module.get_function(name).is_declaration
    except NameError:
        return False


class _Generator(JITCPUCodegen):
    """numba's code generator for this machine, but for what the docstring of the module says."""

    _library_class = _Whole
    dispatchers: Iterable[Any] = ()
    """Those of the compilation under way: what a call through an address may mean."""

    def libraries(self) -> list[Any]:
        return [result.library for d in self.dispatchers for result in d.overloads.values()]

    def _customize_tm_options(self, options: dict[str, Any]) -> None:
        super()._customize_tm_options(options)
        options["reloc"], options["codemodel"] = "pic", "small"

    def _init(self, llvm_module: Any) -> None:
        original = llvm.create_mcjit_compiler
        # llvmlite's memory manager puts all sections of an object into one block: they reach each other by 32 bits
        llvm.create_mcjit_compiler = lambda module, machine, **_: original(module, machine, use_lmm=True)
        try:
            super()._init(llvm_module)
        finally:
            llvm.create_mcjit_compiler = original


class _Target(CPUTarget):
    """numba's CPU in all but its code generator: what is known of types and functions is shared."""

    @cached_property
    def target_context(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return _CPU.target_context.subtarget(_internal_codegen=_Generator("caudal"))

    @property
    def typing_context(self) -> Any:
        return _CPU.typing_context


target = _Target("cpu")


class _Entry(CPUDispatcher):
    targetdescr = target


def entry(function: FunctionType, **options: Any) -> Any:
    """Return a dispatcher whose code is one object; it is not for other functions to call."""
    return _Entry(function, targetoptions={"nopython": True, "nogil": True, **options})


def compiled(dispatcher: Any, signature: tuple[Any, ...], others: Iterable[Any]) -> Any:
    """Return numba's compile result of an entry; `others`: the dispatchers of the functions that it may call."""
    generator = target.target_context.codegen()
    generator.dispatchers = others
    try:
        dispatcher.compile(signature)
    finally:
        generator.dispatchers = ()
    result = dispatcher.overloads[signature]
    for name in [g.name for g in result.library._final_module.global_variables]:
        # numba has set these in its own generator's memory
        environment = lookup_environment(name) if name.startswith("_ZN08NumbaEnv") else None
        if environment is not None:
            generator.set_env(name, environment)
    return result
