"""Late rows and dead letters: where they come from, what of them is told, and how many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from caudal.core.types import INT32, STRING
from caudal.engines.jvm import positions
from caudal.engines.jvm.hidden_columns import NUMBER, PARTITION, PLACE, POSITION, SOURCE, TIME, WATERMARK
from caudal.engines.jvm.relation import Filter, Join, Named, Relation, Union, View, column, kept, own, quoted
from caudal.engines.jvm.shape import DETAIL, MESSAGE, REASON
from caudal.plan.nodes import DEAD_FIELDS, LATE_FIELDS, DeadLetters, Keyed, Late, Node, Source

if TYPE_CHECKING:
    from caudal.engines.jvm.lowering import Lowering

OF, PART, MADE = "__hs", "__hp", "__hm"
"""Hidden columns that say where a row comes from: source and partition by name, and whether an operator made it."""

_NOTHING = "CAST(NULL AS BIGINT)"


def traced(lo: Lowering, rows: Relation) -> Relation:
    """Return rows with where each comes from."""
    if lo.live:
        return positions.traced(lo, rows, OF, PART, MADE)
    lo.out.names_used = True
    names = View(f"{lo.prefix}partitions")
    return Join(rows, names, ((SOURCE, "s"), (PARTITION, "p")), ((OF, "source"), (PART, "partition"), (MADE, "made")))


def _position(lo: Lowering, node: Node) -> str:
    """Return the text of the position of a node's rows, for people; of what operators make it may say nothing."""
    return positions.position_text(lo, node) if lo.live else quoted(POSITION)


def add_late(lo: Lowering, node: Keyed, condition: str) -> None:
    """Make known which rows are late for a node; a condition of "" says that none is."""
    lo.sides[node, "late"] = lo.of(node.inputs[0]).where(condition or "1 = 0")


def add_dead(
    lo: Lowering,
    node: Node,
    rows: Relation,
    reason: str = quoted(REASON),
    message: str = quoted(MESSAGE),
    detail: str = quoted(DETAIL),
    *,
    whole: bool = False,
) -> None:
    """Make known the dead letters of a node: the rows of a view that have a reason. `whole`: they stand for windows."""
    lo.sides[node, "dead"] = _letters(lo, node, rows, reason, message, detail, whole)


def add_dead_of_some(lo: Lowering, node: Node, rows: View) -> None:
    """Make known the dead letters of a node of which some are of no row, which has no source then."""
    of_rows, alone = (rows.where(f"{quoted(SOURCE)} IS {test}") for test in ("NOT NULL", "NULL"))
    parts = [
        _letters(lo, node, part, quoted(REASON), quoted(MESSAGE), quoted(DETAIL), whole)
        for part, whole in ((of_rows, False), (alone, True))
    ]
    lo.sides[node, "dead"] = Union(tuple(parts))


def _letters(lo: Lowering, node: Node, rows: Relation, reason: str, message: str, detail: str, whole: bool) -> Relation:
    above = node.inputs[0]
    name = lo.dialect.literal(node.name, STRING)
    texts = {
        "source": name,
        "partition": lo.dialect.literal("", STRING),
        "position": _NOTHING,
        "operator": name,
        "reason": reason,
        "message": message,
        "detail": detail,
        "payload": lo.dialect.literal("", STRING),
        "truncated": "FALSE",
        "event_time": quoted(TIME) if node.timed or above.timed else _NOTHING,
    }
    failed: Relation = Filter(rows, (f"{reason} IS NOT NULL",))
    if not whole and above in lo.placed:
        failed = traced(lo, failed)
        texts |= {
            "source": quoted(OF),
            "partition": quoted(PART),
            "position": f"CASE WHEN {quoted(MADE)} THEN {_NOTHING} ELSE {_position(lo, above)} END",
        }
    columns: list[Named] = [(column(f.name), texts[f.name]) for f in DEAD_FIELDS]
    return failed.project([*columns, *_no_place(lo)])


def _no_place(lo: Lowering) -> list[Named]:
    """Return time and place for letters, which have no order: they are not timed."""
    whole = lo.whole
    return [
        (WATERMARK, _NOTHING),
        (SOURCE, whole(0, INT32)),
        (PARTITION, whole(0)),
        (POSITION, whole(0)),
        (NUMBER, whole(0)),
    ]


def late(lo: Lowering, node: Late) -> View | None:
    """Lower a stream of late rows."""
    if lo.native:
        return None
    keyed = node.input
    assert isinstance(keyed, Keyed)
    above = keyed.inputs[0]
    rows = traced(lo, lo.view(keyed, "late rows", lo.sides[keyed, "late"]))
    time = quoted(TIME) if above.timed else _NOTHING
    texts = {
        "late_time": time,
        "late_source": quoted(OF),
        "late_partition": quoted(PART),
        "late_position": _position(lo, above),
        "late_operator": lo.dialect.literal(keyed.name, STRING),
        "late_watermark": quoted(WATERMARK),
    }
    known = {f.name for f in LATE_FIELDS}
    picked: list[Named] = [(column(f.name), texts[f.name] if f.name in known else own(f.name)) for f in node.schema]
    return lo.view(node, "", rows.project([*picked, (TIME, time), *kept([WATERMARK, *PLACE])]))


def dead(lo: Lowering, node: DeadLetters) -> View | None:
    """Lower a stream of dead letters."""
    if lo.native:
        return None
    above = node.input
    if isinstance(above, Source):
        letters: list[Named] = [(column(f.name), quoted(f.name)) for f in DEAD_FIELDS]
        return lo.view(node, "", View(f"{lo.prefix}{above.name} letters").project([*letters, *_no_place(lo)]))
    return lo.view(node, "", lo.sides[above, "dead"])


def count(lo: Lowering) -> None:
    """Count the late rows and dead letters of operators that nobody reads."""
    read = {(n.port, i) for n in lo.plan.nodes if isinstance(n, Late | DeadLetters) for i in n.inputs}
    for (node, fate), relation in lo.sides.items():
        if (fate, node) not in read and not (fate == "late" and lo.native):
            lo.count(lo.view(node, f"{fate} uncounted", relation), node.name, fate)
