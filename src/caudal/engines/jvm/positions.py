"""Positions of rows over unbounded input: what is compared of rows of one source, or of one operator; and their origin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from caudal.core.types import BOOL, INT32, INT64, STRING, DataType, Field, Schema, struct_of
from caudal.engines.jvm.hidden_columns import PARTITION, PLACE, POSITION, SOURCE, TIME
from caudal.engines.jvm.relation import Relation, quoted
from caudal.engines.jvm.shape import END, START, Windowed, hidden
from caudal.plan.nodes import DeadLetters, Keyed, Late, Node

if TYPE_CHECKING:
    from caudal.engines.jvm.lowering import Lowering


def traced(lo: Lowering, rows: Relation, of: str, part: str, made: str) -> Relation:
    """Return rows with where each came from, in these columns; partitions may appear, so there is no table of them."""
    operators = {rank: name for name, rank in lo.ranks.items()}
    own = sorted(lo.ranks[node.name] for node in lo.plan.nodes if isinstance(node, Keyed))
    path = f"os.path.join(given.rows, {f'names-{lo.number}.json'!r})"
    call = f"origins({path}, {operators!r}, {own!r})"
    origin = struct_of([Field("source", STRING), Field("partition", STRING), Field("made", BOOL)])
    arguments = [(quoted(SOURCE), INT32), (quoted(PARTITION), INT64)]
    told = rows.plus(("__hh", lo.functions.struct(call, ("origins",), arguments, origin)))
    return told.plus((of, "x.`__hh`.`source`"), (part, "x.`__hh`.`partition`"), (made, "x.`__hh`.`made`"))


def position_type(lo: Lowering, node: Node) -> DataType:
    """Return the type of the positions of a node's rows; compared are those of one source, or one operator, only."""
    if isinstance(node, Keyed):
        return _position_of(lo, node)
    if isinstance(node, DeadLetters):
        return INT64
    above = node.input.inputs if isinstance(node, Late) else node.inputs
    kinds = list(dict.fromkeys(lo.positions[one] for one in above)) or [INT64]
    return kinds[0] if len(kinds) == 1 else struct_of(Field(f"p{i}", dtype) for i, dtype in enumerate(kinds))


def position_in(lo: Lowering, union: Node, stream: Node) -> str:
    """Return the position of a stream's rows as a union has it."""
    own, whole = lo.positions[stream], lo.positions[union]
    if own == whole:
        return quoted(POSITION)
    parts = [
        quoted(POSITION) if f.dtype == own else f"CAST(NULL AS {lo.dialect.type_of(f.dtype)})" for f in whole.fields
    ]
    return f"struct({', '.join(f'{text} AS {f.name}' for text, f in zip(parts, whole.fields, strict=True))})"


def position_text(lo: Lowering, node: Node) -> str:
    """Return the text of the position of rows in a source; null for what operators make."""
    found = _of_source(quoted(POSITION), lo.positions[node])
    return f"COALESCE({', '.join([*found, 'CAST(NULL AS BIGINT)'])})"


def _of_source(text: str, dtype: DataType) -> list[str]:
    if dtype == INT64:
        return [text]
    return [part for f in dtype.fields if f.name.startswith("p") for part in _of_source(f"{text}.{f.name}", f.dtype)]


def _position_of(lo: Lowering, node: Keyed) -> DataType:
    """Return the type of the positions of an operator's rows: windows are ordered by what they are, others as they were."""
    schema = node.input.schema
    step = node.step
    keys = [Field(f"__k{i}", expr.dtype(schema)) for i, (_, expr) in enumerate(node.keys)]
    if isinstance(node, Windowed) and step is None:
        return struct_of([Field(END, INT64), *keys, Field(START, INT64)])
    if node not in lo.ordered:  # nobody compares them
        return INT64
    order = node.ordering
    assert order is not None
    place = Schema(hidden(node.input, True)).dtype
    before = (
        []
        if order.arrival
        else [Field(TIME, INT64), *(Field(f"__y{i}", e.dtype(schema)) for i, e in enumerate(order.by))]
    )
    of_rows = [*before, *(Field(n, lo.positions[node.input] if n == POSITION else place(n)) for n in PLACE)]
    if step is None or not step.alone:
        return struct_of(of_rows)
    # behind rows stands what is made of none: by its time and key, as it was made
    return struct_of([Field("__u", INT64), *of_rows, Field("__at", INT64), *keys, Field("__q", INT64)])
