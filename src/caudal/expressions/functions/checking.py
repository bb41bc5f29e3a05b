"""Whether the compiled functions of a plan compile, found before anything starts: on every engine by the same compiler."""

from __future__ import annotations

from caudal.core.types import Schema
from caudal.plan.expr import Expr
from caudal.plan.nodes import Computed, Node, WindowApply
from caudal.plan.plan import Plan
from caudal.plan.python import JIT, PythonCall, calls


def check_compiled(plan: Plan) -> None:
    """Raise `PlanError`, located at the function, for one that does not compile with the types it is called with."""
    for node in plan.nodes:
        if not any(function.kind == JIT for function in node.functions):
            continue
        if isinstance(node, WindowApply):
            from caudal.expressions.functions.jit import compile_window

            compile_window(node.function, {n: node.input.schema.dtype(n) for n in node.takes}, node.output)
            continue
        for expr in _expressions(node):
            for made in calls(expr):
                _check(made, node.inputs[0].schema)


def _expressions(node: Node) -> list[Expr]:
    made = [result.expr for result in node.results().values() if isinstance(result, Computed)]
    return [*(expr for _, expr in node.roles()), *made]


def _check(made: PythonCall, schema: Schema) -> None:
    function = made.function
    if function.kind != JIT or function.returns is None:
        return
    from caudal.expressions.functions.jit import compile_scalar

    declared = [parameter.dtype for parameter in function.parameters]
    wanted = [*declared, *(None for _ in made.args)]
    types = [arg.dtype(schema) if dtype is None else dtype for arg, dtype in zip(made.args, wanted)]
    compile_scalar(function, types, function.returns)
