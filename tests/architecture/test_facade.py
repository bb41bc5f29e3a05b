"""The facade: every public name is there, documented, typed for checkers, and clashes with no module."""

from __future__ import annotations

import ast
import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import caudal as cd
from caudal.core.errors import CaudalError
from caudal.lang.dsl.grouped import Grouped, Windowed
from caudal.lang.dsl.stream import Stream
from caudal.plan.expr import Expr

FACADE = Path(cd.__file__)
NAMES: list[str] = cd.__all__


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_has_a_docstring_of_its_own(name: str) -> None:
    value = getattr(cd, name)
    assert callable(value)
    inherited = [inspect.getdoc(base) for base in getattr(value, "__mro__", ())[1:]]
    doc = inspect.getdoc(value) or ""
    assert doc.rstrip().endswith((".", "`", "'")), doc
    assert doc not in inherited


@pytest.mark.parametrize("owner", [Stream, Grouped, Windowed, Expr], ids=lambda owner: owner.__name__)
def test_public_methods_have_docstrings(owner: type) -> None:
    members = {name: value for name, value in vars(owner).items() if not name.startswith("_")}
    bare = [
        n for n, v in members.items() if (inspect.isfunction(v) or isinstance(v, property)) and not inspect.getdoc(v)
    ]
    assert members
    assert bare == []


def test_type_checkers_see_the_names_that_there_are() -> None:
    (guarded,) = (node for node in ast.parse(FACADE.read_text()).body if isinstance(node, ast.If))
    seen: dict[str, tuple[str | None, str]] = {}
    for node in guarded.body:
        if isinstance(node, ast.Assign):
            continue  # of __all__, by which checkers know that imports are public
        assert isinstance(node, ast.ImportFrom)
        names = [alias.asname or alias.name for alias in node.names]
        if names == ["*"]:
            names = [*import_module(str(node.module)).__all__]
            seen |= {name: (node.module, name) for name in names}
            continue
        seen |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}
    assert set(seen) == set(NAMES)
    for name, (module, original) in seen.items():
        value: Any = __import__(str(module), fromlist=[original])
        assert getattr(value, original) is getattr(cd, name), name


def test_no_module_takes_the_place_of_a_public_name() -> None:
    modules = {path.stem for path in FACADE.parent.iterdir() if not path.name.startswith("_")}
    assert modules & set(NAMES) == set()


def test_there_are_the_names_that_the_contract_asks_for() -> None:
    contract = "settings source col count count_if tumbling hopping session Pipeline run infer load"
    assert set(contract.split()) <= set(NAMES)
    contract = "jit batch row rows sliding cumulative"
    assert set(contract.split()) <= set(NAMES)
    streams = "filter select with_columns drop union group_by window late dead_letters to collect"
    streams += " map flat_map split reduce running deduplicate shuffle all"
    assert set(streams.split()) <= set(vars(Stream))
    assert {"running", "reduce", "window"} <= set(vars(Grouped))
    assert {"agg", "apply", "top", "sort"} <= set(vars(Windowed))


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'cuont'"):
        cd.cuont  # noqa: B018


def test_every_error_says_how_the_command_line_ends() -> None:
    def kin(error: type[CaudalError]) -> list[type[CaudalError]]:
        return [error, *(e for sub in error.__subclasses__() for e in kin(sub))]

    own = [error for error in kin(CaudalError) if error.__module__ == CaudalError.__module__]
    codes = {error.__name__: error.exit_code for error in own}
    assert {name for name, code in codes.items() if code == 1} == {"CaudalError", "RunError"}
    assert set(codes.values()) == {1, 2}
