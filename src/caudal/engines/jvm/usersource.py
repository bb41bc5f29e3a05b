"""The source text of the user's functions and classes: found, cut out, and made to stand on its own.

Decorators are left out, since a function object is what stands under them; annotations too, so that the names in
them need not be there. What is left keeps its lines, comments included.
"""

from __future__ import annotations

import ast
import linecache
import symtable
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class NoSource(Exception):
    """There is no source text, or it is no longer what was executed."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """A statement that defines a function or class, or the expression of a lambda.

    `lines`: its text, and for each line whether it may be indented (inside of text it may not). `needs`: the names that
    it looks up outside itself; `changes`: globals that it assigns; `chains`: what stands behind names with dots, for
    example ("np", "linalg", "norm"); `modules`: what it imports by itself; `line`: where its text begins in its file.
    """

    lines: tuple[tuple[str, bool], ...]
    needs: frozenset[str]
    changes: frozenset[str]
    chains: frozenset[tuple[str, ...]]
    modules: frozenset[str]
    line: int

    def text(self, indent: str) -> str:
        """Return the text, indented by so much behind its first line."""
        first, *others = self.lines
        shown = [first[0], *(indent + line if free and line.strip() else line for line, free in others)]
        return "\n".join(shown)


Express = Callable[[str, Any], str]
"""Gives the text of a default value, by the name of its parameter."""


def of_function(function: FunctionType, name: str, express: Express) -> Snippet:
    """Return the definition of a function, under another name if `name` is not its own; raises `NoSource`.

    Default values that are no literals are written as what they came to, by `express`.
    """
    code = function.__code__
    file = _file(code.co_filename, function.__globals__)
    node = _defined(file, code)
    edits = _Edits(file)
    if isinstance(node, ast.Lambda):
        _defaults(node, function, edits, express)
        return _snippet(file, edits, node, f"{name} = (", ")")
    start = file.at(node.lineno, node.col_offset)
    if name != node.name:
        at = file.data.index(node.name.encode(), start + len("def"))
        edits.add(at, at + len(node.name.encode()), name)
    _defaults(node, function, edits, express)
    return _snippet(file, edits, node)


def of_class(qualified_name: str, path: str, scope: Mapping[str, Any]) -> Snippet:
    """Return the definition of a class of a module's top level, with its decorators; raises `NoSource`."""
    file = _file(path, scope)
    found = [n for n in file.tree.body if isinstance(n, ast.ClassDef) and n.name == qualified_name]
    if not found:
        raise NoSource("it is not defined at the top level of its file")
    return _snippet(file, _Edits(file), found[-1])


# -- files


@dataclass(frozen=True, slots=True)
class _File:
    """A file as bytes, since positions of the syntax tree count bytes."""

    data: bytes
    starts: tuple[int, ...]
    tree: ast.Module

    def at(self, line: int, column: int) -> int:
        return self.starts[line - 1] + column


def _file(path: str, scope: Mapping[str, Any]) -> _File:
    linecache.checkcache(path)
    text = "".join(linecache.getlines(path, dict(scope)))
    if not text:
        raise NoSource("its source text is not there")
    try:
        return _parsed(text)
    except SyntaxError as error:
        raise NoSource("its file has changed since it was executed") from error


@lru_cache(maxsize=32)
def _parsed(text: str) -> _File:
    data = text.encode()
    starts, at = [0], data.find(b"\n")
    while at >= 0:
        starts.append(at + 1)
        at = data.find(b"\n", at + 1)
    return _File(data, tuple(starts), ast.parse(text))


def _defined(file: _File, code: CodeType) -> _Function | ast.Lambda:
    """Return the node that a function's code was compiled from."""
    if code.co_name == "<lambda>":
        nodes = [n for n in ast.walk(file.tree) if isinstance(n, ast.Lambda) and n.lineno == code.co_firstlineno]
        nodes = [n for n in nodes if _holds(n, code)] if len(nodes) > 1 else nodes
        if len(nodes) == 1:
            return nodes[0]
    for node in ast.walk(file.tree):
        if isinstance(node, _FUNCTIONS) and node.name == code.co_name:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            if first == code.co_firstlineno:
                return node
    raise NoSource("its file has changed since it was executed")


def _holds(node: ast.Lambda, code: CodeType) -> bool:
    """Whether the code's instructions lie where the lambda's body does, and not only in a lambda around or inside it."""
    body = node.body
    begin, end = (body.lineno, body.col_offset), (body.end_lineno or 0, body.end_col_offset or 0)
    known = [(a, c, b, d) for a, b, c, d in code.co_positions() if a and b and c is not None and d is not None]
    places = [((a, c), (b, d)) for a, c, b, d in known if (a, c) != (b, d)]
    inside = all(begin <= first and last <= end for first, last in places)
    return inside and (begin, end) in places


# -- edits


@dataclass(slots=True)
class _Edits:
    file: _File
    made: list[tuple[int, int, str]] = field(default_factory=list)

    def add(self, start: int, stop: int, text: str) -> None:
        """Put text in the place of bytes, and keep the lines that were there."""
        self.made.append((start, stop, text))

    def replace(self, node: Any, text: str) -> None:
        """Put text in the place of a node."""
        self.add(self.file.at(node.lineno, node.col_offset), self.file.at(node.end_lineno, node.end_col_offset), text)


def _defaults(node: _Function | ast.Lambda, function: FunctionType, edits: _Edits, express: Express) -> None:
    """Write default values as what they are: they were computed when the function was defined."""
    args = node.args
    positional = [*args.posonlyargs, *args.args]
    values = function.__defaults__ or ()
    for arg, default, value in zip(positional[len(positional) - len(values) :], args.defaults, values):
        if not isinstance(default, ast.Constant):
            edits.replace(default, express(arg.arg, value))
    named = function.__kwdefaults__ or {}
    for arg, default in zip(args.kwonlyargs, args.kw_defaults):
        if default is not None and not isinstance(default, ast.Constant):
            edits.replace(default, express(arg.arg, named[arg.arg]))


def _unannotated(node: ast.AST, edits: _Edits) -> None:
    """Leave out the annotations of functions; those of a class are part of what it is, and stay as text."""
    file = edits.file
    for inner in ast.walk(node):
        if isinstance(inner, _FUNCTIONS):
            args = inner.args
            for arg in (*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg):
                if arg is not None and arg.annotation is not None:
                    start = file.at(arg.lineno, arg.col_offset) + len(arg.arg.encode())
                    stop = file.at(arg.end_lineno or 0, arg.end_col_offset or 0)
                    edits.add(start, stop, "\n" * file.data.count(b"\n", start, stop))
            if inner.returns is not None:
                start = file.at(inner.returns.lineno, inner.returns.col_offset)
                stop = file.at(inner.returns.end_lineno or 0, inner.returns.end_col_offset or 0)
                start = len(file.data[: file.data.rindex(b"->", 0, start)].rstrip())
                edits.add(start, file.data.index(b":", stop), "")
        if isinstance(inner, ast.ClassDef):
            for statement in inner.body:
                if isinstance(statement, ast.AnnAssign):
                    edits.replace(statement.annotation, repr(ast.unparse(statement.annotation)))


def _snippet(file: _File, edits: _Edits, node: Any, before: str = "", behind: str = "") -> Snippet:
    _unannotated(node, edits)
    line: int = node.lineno
    column: int = node.col_offset
    if isinstance(node, ast.ClassDef) and node.decorator_list:
        line = node.decorator_list[0].lineno
    start, stop = file.at(line, column), file.at(node.end_lineno or 0, node.end_col_offset or 0)
    margin = file.data[file.starts[line - 1] : start] if not before else b""
    fixed = _inside_text(node, line)
    # edits from the last to the first, so that places before them stay where they are
    data = file.data[start:stop]
    for begin, end, text in sorted(edits.made, reverse=True):
        data = data[: begin - start] + text.encode() + data[end - start :]
        if b"\n" in file.data[begin:end] and "\n" not in text:
            row = file.data.count(b"\n", start, begin)
            gone = file.data.count(b"\n", begin, end)
            fixed = {r if r <= row else r - gone for r in fixed if r <= row or r > row + gone}
    lines = [
        (raw.removeprefix(margin).decode() if row and row not in fixed else raw.decode(), row not in fixed)
        for row, raw in enumerate(data.split(b"\n"))
    ]
    lines[0] = (before + lines[0][0], True)
    lines[-1] = (lines[-1][0] + behind, lines[-1][1])
    needs, changes = _looked_up("\n".join(text for text, _ in lines))
    return Snippet(tuple(lines), needs, changes, frozenset(_chains(node)), frozenset(_imported(node)), line)


def _inside_text(node: ast.AST, first: int) -> set[int]:
    """Return the lines (from 0, the node's first) that begin inside of text."""
    found: set[int] = set()
    for inner in ast.walk(node):
        text = isinstance(inner, ast.JoinedStr) or (
            isinstance(inner, ast.Constant) and isinstance(inner.value, str | bytes)
        )
        if text and isinstance(inner, ast.expr):
            found |= set(range(inner.lineno + 1 - first, (inner.end_lineno or 0) + 1 - first))
    return found


# -- names


def _looked_up(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that a statement looks up outside itself, and those that it assigns there."""
    needs: set[str] = set()
    changes: set[str] = set()
    tables = [symtable.symtable(text, "<function>", "exec")]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        top = table.get_type() == "module"
        for symbol in table.get_symbols():
            name = symbol.get_name()
            if top:
                needs |= {name} if symbol.is_referenced() and not symbol.is_assigned() else set()
                continue
            if symbol.is_global():
                needs.add(name)
                if symbol.is_declared_global() and symbol.is_assigned():
                    changes.add(name)
    return frozenset(needs), frozenset(changes)


def _chains(node: ast.AST) -> Iterator[tuple[str, ...]]:
    parts_of_others: set[ast.AST] = set()
    for inner in ast.walk(node):  # parents come first
        if inner in parts_of_others:
            continue
        parts: list[str] = []
        while isinstance(inner, ast.Attribute):
            parts.insert(0, inner.attr)
            inner = inner.value
            parts_of_others.add(inner)
        if isinstance(inner, ast.Name):
            yield (inner.id, *parts)


def _imported(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Import):
            yield from (alias.name for alias in inner.names)
        elif isinstance(inner, ast.ImportFrom):
            yield "." * inner.level + (inner.module or "")


def newest_syntax(text: str, version: Sequence[int]) -> str:
    """Return "" if a Python of this version (3, 11) reads the text, else what it stumbles over."""
    try:
        ast.parse(text, feature_version=(version[0], version[1]))
    except SyntaxError as error:
        return f"{error.msg} (line {error.lineno}: {(error.text or '').strip()})"
    return ""
