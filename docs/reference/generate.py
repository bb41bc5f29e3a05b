"""Writes the generated reference pages anew: `python docs/reference/generate.py`, or `make docs`."""

from __future__ import annotations

import importlib.util
import inspect
from pathlib import Path
from typing import Any

import caudal as cd
from caudal.lang.dsl import aggregates
from caudal.lang.dsl.grouped import Grouped, Windowed
from caudal.lang.dsl.patterns import Matched, Pattern
from caudal.lang.dsl.stream import Stream

HERE = Path(__file__).resolve().parent

HEAD = """# The pipeline DSL

<!-- Generated from the docstrings by docs/reference/generate.py; edits are lost. -->

```python
import caudal as cd
from caudal import col
```

A pipeline file is plain Python with one top-level `pipeline = cd.Pipeline(...)`. Nothing runs while it is executed:
calls build a plan, which is checked as it is built. Mistakes raise `cd.PlanError` or another kind of `cd.UserError`,
with a message, where it is known the line, and a hint. Every operator takes `name=`, its id in the ledger and in state.

Methods of columns and the functions of SQL text are in [expressions](expressions.md), options of connectors in
[connectors](connectors.md), those of formats in [formats](formats.md).
"""

SECTIONS: dict[str, tuple[str, ...]] = {
    "Pipelines": (
        "settings",
        "source",
        "field",
        "table",
        "Pipeline",
        "run",
        "run_together",
        "load",
        "explain",
        "mermaid",
        "infer",
    ),
    "Functions": ("jit", "batch", "row"),
    "Windows": ("tumbling", "hopping", "cumulative", "session", "rows", "sliding"),
    "Aggregates": aggregates.__all__,
    "Patterns": ("event", "all_of"),
    "Building expressions": (
        *("col", "lit", "when", "coalesce", "concat", "greatest", "least", "int_div", "int_mod", "now"),
    ),
    "Streams": ("Stream",),
    "Types and errors": ("Schema", "CaudalError", "UserError", "PlanError", "RunError", "CaudalWarning"),
}
"""Every public name, by section."""


def _annotation(value: Any) -> str:
    text = value if isinstance(value, str) else getattr(value, "__name__", str(value))
    return text.replace("pyarrow.", "").replace("pandas.", "").replace("polars.", "")


def _signature(function: Any) -> str:
    parts: list[str] = []
    signature = inspect.signature(function)
    star = False
    for parameter in signature.parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.VAR_POSITIONAL:
            star = True
        elif parameter.kind is parameter.KEYWORD_ONLY and not star:
            parts.append("*")
            star = True
        name = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "") + parameter.name
        if parameter.annotation is not parameter.empty:
            name += f": {_annotation(parameter.annotation)}"
        if parameter.default is not parameter.empty:
            name += f" = {parameter.default!r}"
        parts.append(name)
    gives = "" if signature.return_annotation is signature.empty else f" -> {_annotation(signature.return_annotation)}"
    line = f"({', '.join(parts)}){gives}"
    return line if len(line) < 90 else "(\n    " + ",\n    ".join(parts) + f",\n){gives}"


def _doc(value: Any) -> str:
    """Return the docstring without its examples."""
    return (inspect.getdoc(value) or "").partition("\n\n>>>")[0]


def _entry(title: str, shown: str, value: Any, level: str = "###") -> str:
    doc = _doc(value)
    assert doc, f"{title} has no docstring"
    return f"{level} `{title}`\n\n```python\n{shown}{_signature(value)}\n```\n\n{doc}\n"


def _methods(owner: type, shown: str, level: str) -> list[str]:
    out = []
    for name, value in vars(owner).items():
        if name.startswith("_"):
            continue
        if isinstance(value, property):
            out.append(f"{level} `{shown}.{name}`\n\n{_doc(value)}\n")
        elif inspect.isfunction(value):
            out.append(_entry(f"{shown}.{name}", f"{shown}.{name}", value, level))
    return out


def render() -> str:
    """Return the page of the DSL."""
    out = [HEAD]
    for section, names in SECTIONS.items():
        out.append(f"\n## {section}\n")
        for name in names:
            value = getattr(cd, name)
            if name == "Stream":
                out.append(f"{_doc(Stream)}\n")
                out += _methods(Stream, "stream", "###")
                out.append(
                    "`group_by` gives a stream with keys, and `window` one with windows, which wait for `agg` and the like:\n"
                )
                out += _methods(Grouped, "stream.group_by(...)", "###")
                out += _methods(Windowed, "stream.window(...)", "###")
                out += _methods(Matched, "stream.group_by(...).match(...)", "###")
            elif name == "event":
                out += [_entry("cd.event", "cd.event", value), f"{_doc(Pattern)}\n", *_methods(Pattern, "event", "###")]
            elif inspect.isclass(value):
                base = value.__base__.__name__
                kind = f" A kind of `cd.{base}`." if base in cd.__all__ else ""
                out.append(f"### `cd.{name}`\n\n{_doc(value)}{kind}\n")
            else:
                out.append(_entry(f"cd.{name}", f"cd.{name}", value))
    return "\n".join(out).replace("\n\n\n", "\n\n")


def expressions() -> str:
    """Return the page of expressions, by its own generator."""
    spec = importlib.util.spec_from_file_location("generate_expressions", HERE / "generate_expressions.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.render()


ENGINES_HEAD = """# What runs where

<!-- Generated from engines/*/capabilities.py by docs/reference/generate.py; edits are lost. -->

Every operator, window, aggregate and function of expressions runs on the engines `local`, `flink` and `spark`, over bounded
input, with the same rows. Live input (followed files) runs on `local` and `spark`. The tests run each scenario that has an end
on all engines, and those about time and order on Spark as live input too. What follows is what an engine does not do as the
local one does; where it cannot honour something, it refuses the plan before anything starts, with the operator, the
reason and what to do.

"not yet (ours)": caudal could, and does not yet. "not yet (theirs)": the engine cannot. "never": it would not make sense.
"""


def engines() -> str:
    """Return the page of what engines do not do."""
    from caudal.engines.flink.capabilities import CAPABILITIES as FLINK
    from caudal.engines.spark.capabilities import CAPABILITIES as SPARK

    lines = [ENGINES_HEAD, "| | local | flink | spark | why | what happens |", "|---|---|---|---|---|---|"]
    for gap in dict.fromkeys([*FLINK, *SPARK]):
        marks = [gap.whose if gap in has else "yes" for has in (FLINK, SPARK)]
        lines.append(f"| {gap.what} | yes | {' | '.join(marks)} | {gap.why} | {gap.instead} |")
    return "\n".join(lines) + "\n"


PAGES = {"dsl.md": render, "expressions.md": expressions, "engines.md": engines}
"""The generated pages, by file name."""

if __name__ == "__main__":
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8")
