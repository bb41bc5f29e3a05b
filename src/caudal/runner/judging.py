"""Judging a run by what its sources gave: a detection that saw nothing must not pass as a quiet night.

A run is *blind* where every record of a source was dead, or where no record names a field that a filter or a key hangs
on. A field that is null in every record is named: that is a
quiet night, and so is one of a filter whose other conditions left no row to decide.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from caudal.core import duration
from caudal.core.types import Place
from caudal.observe.ledger import Ledger
from caudal.observe.notices import Level, Notice, summed
from caudal.observe.sources import SourceReport, show_share
from caudal.plan.deciding import Decides, deciding
from caudal.plan.nodes import Node, Union
from caudal.plan.nodes.join import LEFT, RIGHT, TwoSided
from caudal.plan.plan import Plan

LATE = 0.01
"""The share of late rows from which on the disorder is said to be too small."""

DEAD = 0.01
"""The share of dead letters from which on a run warns of them: whoever writes such records is not counted."""

FEW = 3
"""Records of a partition from which on it is told that all of them are dead letters: a line or two may be cut."""

BLIND = "blind"
"""The code of the notices that say so."""


def judge(
    plan: Plan,
    reports: Sequence[SourceReport],
    ledger: Ledger,
    *,
    failing: Mapping[str, str] | None = None,
    late_of: Mapping[str, Mapping[str, int]] | None = None,
    allow_blind: bool = False,
    goes_on: bool = False,
) -> list[Notice]:
    """Return what is to be told of the sources and functions of a run, by its logical plan.

    Blindness is a failure, a warning where it is allowed. `failing`: why a function failed first, by operator. `late_of`: of operators
    over two streams how many rows of each side were late. `goes_on`: the next run goes on from a checkpoint.
    """
    told: list[Notice] = []
    level: Level = "warning" if allow_blind else "failure"
    decides = deciding(plan)
    for report in reports:
        fields = decides.get(report.source, {})
        told += blindness(report, {place for place, by in fields.items() if _decided(by, ledger)}, level)
        told += _dead(report, DEAD)
        told += _times(report)
        entry = ledger.entries.get(report.source)
        if entry is not None and not entry.taken:
            told.append(Notice("empty", report.source, "there was no record to read"))
    told += _functions(ledger, failing or {})
    told += _lateness(plan, reports, ledger, late_of or {})
    told += [] if goes_on else _restarts(plan, ledger)
    known = {report.source for report in reports}
    for source in plan.sources:
        if source.name not in known:
            text = "read by the engine itself: which fields its records name cannot be told"
            told.append(Notice("not_watched", source.name, text))
    return told


def _decided(by: Decides, ledger: Ledger) -> bool:
    """Whether a field that is always null decided anything: by a key of rows that there were, by a condition that was null.

    `a = 1 AND b = 2` is null just on rows on which nothing else decided: over logs without `b` it is a quiet night where
    `a` is never 1.
    """
    entries = ledger.entries
    reached = [entries[name] for name in by.reached if name in entries]
    filters = [entries[name] for name in by.filters if name in entries]
    if by.always or len(reached) + len(filters) < len(by.reached) + len(by.filters):
        return True
    return any(entry.taken or not entry.whole for entry in reached) or any(
        entry.undecided or not entry.whole for entry in filters
    )


def _dead(report: SourceReport, share: float) -> list[Notice]:
    """Return warnings of a source where more than a share of all records, or all of a partition's, are no rows."""
    if report.all_dead:
        return []
    told: list[Notice] = []
    if report.dead > share * report.records:
        told.append(Notice("dead", report.source, report.dead_text(), report.dead, "warning"))
    whole = {name: (count, why) for name, (count, why) in report.dead_partitions.items() if count >= FEW}
    if whole:
        text = replace(report, dead_partitions=whole).partitions_text()
        told.append(Notice("dead_partition", report.source, text, len(whole), "warning"))
    return told


def _functions(ledger: Ledger, failing: Mapping[str, str]) -> list[Notice]:
    """Return a warning for each function that failed on more than `DEAD` of what it was called with."""
    told: list[Notice] = []
    for entry in ledger.entries.values():
        if entry.kind == "source" or not (entry.dead or entry.operator in failing):
            continue
        failed, of, what = entry.dead, entry.taken, "rows"
        if entry.windows:
            failed, of, what = entry.emitted.get("dead", 0), entry.windows, "windows"
        why = f": {failing[entry.operator]}" if entry.operator in failing else ""
        if failed and not entry.whole:  # how many rows there were is not counted
            told.append(Notice("dead", entry.operator, f"{{count}} {what} are dead letters{why}", failed, "warning"))
        elif failed > DEAD * of:
            share = "all {count}" if failed >= of else f"{{count}} of {of:,}"
            told.append(Notice("dead", entry.operator, f"{share} {what} are dead letters{why}", failed, "warning"))
    return told


def blindness(
    report: SourceReport, decide: Collection[Place], level: Level, perhaps: Collection[Place] = ()
) -> list[Notice]:
    """Return notices of a source of which nothing was seen, or not what the detection depends on.

    `perhaps`: what it depends on only where something else leaves it anything to decide: a warning.
    """
    missing = [p for p in report.unnamed if p[:-1] not in report.unnamed]
    hangs = {p for p in missing if _touches(p, decide)}
    may = {p for p in missing if p not in hangs and _touches(p, perhaps)}
    told: list[Notice] = []
    if report.all_dead:
        told.append(Notice(BLIND, report.source, report.dead_text(), report.records, level))
        missing = [p for p in missing if p in hangs and report.names]
    if not report.records:
        return told
    kinds: list[tuple[list[Place], str, str, Level]] = [
        ([p for p in missing if p in hangs], ", which filters or keys depend on", BLIND, level),
        ([p for p in missing if p in may], ", which a filter may depend on", "unnamed", "warning"),
        ([p for p in missing if p not in hangs | may], "", "unnamed", "note"),
    ]
    for places, said, code, at in kinds:
        if places:
            told.append(Notice(code, report.source, f"{report.unnamed_text(places)}{said}", report.records, at))
    return told


def _touches(place: Place, others: Collection[Place]) -> bool:
    """Whether a place is one of others, or within one, or around one."""
    return any(other[: len(place)] == place or place[: len(other)] == other for other in others)


def judge_sample(plan: Plan, reports: Iterable[SourceReport], *, allow_blind: bool = False) -> list[Notice]:
    """Return what a sample of the sources tells.

    A sample without a row is blind; a field that it does not name may come later, unless it is all there is.
    """
    told: list[Notice] = []
    decides = deciding(plan)
    for report in reports:
        certain = (report.all_dead or report.whole) and not allow_blind
        fields = decides.get(report.source, {})
        perhaps = {place for place, by in fields.items() if not (by.always or by.reached) and by.filters <= by.parts}
        told += blindness(report, fields.keys() - perhaps, "failure" if certain else "warning", perhaps)
        told += _dead(report, 0.0)
        told += _times(report)
        told += report.notices
        if report.behind > LATE * report.rows:
            wanted, has = duration.show(report.proposed()), duration.show(report.disorder)
            share = show_share(report.behind, report.rows)
            text = f'{{count}} rows ({share}) come later than disorder="{has}" allows: disorder="{wanted}" keeps 99.9 %'
            told.append(Notice("late", report.source, text, report.behind, "warning"))
    return summed(told)


def _times(report: SourceReport) -> list[Notice]:
    # times long ago that no unit explains are those of a test, or of stamps that are not set
    if report.likely_unit is None and not report.ahead:
        return []
    return [Notice("implausible_time", report.source, report.time_text(), report.early + report.ahead, "warning")]


def _restarts(plan: Plan, ledger: Ledger) -> list[Notice]:
    """Return a note for each followed source that was read from its beginning."""
    told: list[Notice] = []
    for source in plan.sources:
        options = dict(source.options)
        entry = ledger.entries.get(source.name)
        if (
            options.get("follow")
            and options.get("start", "beginning") == "beginning"
            and entry is not None
            and entry.taken
        ):
            count = len(entry.partitions)
            text = (
                f"it was read from the beginning ({count:,} file{'' if count == 1 else 's'}): a restart reads it again and"
                ' repeats its alerts; start="end" reads what is new alone'
            )
            told.append(Notice("restart", source.name, text))
    return told


def _lateness(
    plan: Plan, reports: Sequence[SourceReport], ledger: Ledger, late_of: Mapping[str, Mapping[str, int]]
) -> list[Notice]:
    """Return warnings of more than `LATE` late rows, with the disorder that they need.

    Of each source, of the operator that lost the largest share of its rows; of an operator, where its late rows may be of several.
    """
    above = _sources_above(plan)
    lost: dict[frozenset[str], tuple[float, int, int, str]] = {}
    for node in plan.nodes:
        entry = ledger.entries.get(plan.ids[node])
        if entry is None or not entry.late:
            continue
        sides = _by_side(node, plan, ledger, late_of.get(entry.operator, {}))
        if any(len(above[name]) != 1 for name, _, _ in sides):
            sides = []
        for name, late, taken in sides or [(entry.operator, entry.late, entry.taken)]:
            taken = taken or sum(report.rows for report in reports if report.source in above[name])
            if taken:
                share = (late / taken, late, taken, entry.operator)
                lost[above[name]] = max(lost.get(above[name], (0.0, 0, 0, "")), share, key=lambda each: each[0])
    told: list[Notice] = []
    for sources, (share, late, taken, operator) in lost.items():
        of = [r for r in reports if r.source in sources and (len(sources) == 1 or r.behind > LATE * r.rows)]
        if share <= LATE or not of:
            continue
        text = f"{{count}} of {taken:,} rows ({show_share(late, taken)}) came too late and were not counted:"
        wanted = [(f'disorder="{duration.show(r.proposed())}"', f'"{duration.show(r.disorder)}"', r.source) for r in of]
        if len(sources) == 1:
            ((most, has, where),) = wanted
            text = f"{text} {most} would have kept 99.9 % of them (it is {has})"
        else:
            where = operator
            each = ", ".join(f"{most} of {source} (it is {has})" for most, has, source in wanted)
            text = f"{text} {each} would have kept 99.9 % of them"
        told.append(Notice("late", where, text, late, "warning"))
    return told


def _by_side(node: Node, plan: Plan, ledger: Ledger, late: Mapping[str, int]) -> list[tuple[str, int, int]]:
    """Return what each side of an operator comes from, how many of its rows were late, and of how many; [] where it is not known."""
    entry = ledger.entries[plan.ids[node]]
    if not isinstance(node, TwoSided) or not isinstance(node.input, Union) or sum(late.values()) != entry.late:
        return []
    names = [plan.ids[up] for up in node.input.inputs]
    taken = [ledger.entries[name].passed for name in names if name in ledger.entries]
    if len(taken) != 2 or sum(taken) != entry.taken:
        return []
    return [(name, late[side], of) for name, side, of in zip(names, (LEFT, RIGHT), taken) if late[side]]


def _sources_above(plan: Plan) -> dict[str, frozenset[str]]:
    """Return, by operator, the sources that its rows come from."""
    found: dict[str, frozenset[str]] = {}
    for node in plan.nodes:
        own = frozenset() if node.inputs else frozenset({node.name})
        found[plan.ids[node]] = own.union(*(found[plan.ids[up]] for up in node.inputs))
    return found
