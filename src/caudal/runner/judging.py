"""Judging a run by what its sources gave: a detection that saw nothing must not pass as a quiet night.

A run is *blind* where every record of a source was dead, or where no record names a field that a filter or a key hangs
on. A field that is null in every record is named: that is a quiet night.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from caudal.core import duration
from caudal.core.types import Place
from caudal.observe.ledger import Ledger
from caudal.observe.notices import Level, Notice, summed
from caudal.observe.sources import SourceReport, show_share
from caudal.plan.deciding import deciding
from caudal.plan.plan import Plan

LATE = 0.01
"""The share of late rows from which on the disorder is said to be too small."""

DEAD = 0.01
"""The share of dead letters from which on a run warns of them: whoever writes such records is not counted."""

BLIND = "blind"
"""The code of the notices that say so."""


def judge(plan: Plan, reports: Sequence[SourceReport], ledger: Ledger, *, allow_blind: bool = False) -> list[Notice]:
    """Return what is to be told of the sources of a run, by its logical plan.

    Blindness is a failure, a warning where it is allowed.
    """
    told: list[Notice] = []
    for report in reports:
        told += blindness(
            report, deciding(plan).get(report.source, frozenset()), "warning" if allow_blind else "failure"
        )
        if not report.all_dead and report.dead > DEAD * report.records:
            told.append(Notice("dead", report.source, report.dead_text(), report.dead, "warning"))
        told += _times(report)
        entry = ledger.entries.get(report.source)
        if entry is not None and not entry.taken:
            told.append(Notice("empty", report.source, "there was no record to read"))
    told += _lateness(plan, reports, ledger)
    told += _restarts(plan, ledger)
    known = {report.source for report in reports}
    for source in plan.sources:
        if source.name not in known:
            text = "read by the engine itself: which fields its records name cannot be told"
            told.append(Notice("not_watched", source.name, text))
    return told


def blindness(report: SourceReport, decide: frozenset[Place], level: Level) -> list[Notice]:
    """Return notices of a source of which nothing was seen, or not what the detection hangs on."""
    missing = [p for p in report.unnamed if p[:-1] not in report.unnamed]
    hangs = {p for p in missing if any(d[: len(p)] == p or p[: len(d)] == d for d in decide)}
    told: list[Notice] = []
    if report.all_dead:
        told.append(Notice(BLIND, report.source, report.dead_text(), report.records, level))
        missing = [p for p in missing if p in hangs and report.names]
    deciding_ones = [p for p in missing if p in hangs]
    others = [p for p in missing if p not in hangs]
    if deciding_ones and report.records:
        text = f"{report.unnamed_text(deciding_ones)}, which filters or keys hang on"
        told.append(Notice(BLIND, report.source, text, report.records, level))
    if others and report.records:
        told.append(Notice("unnamed", report.source, report.unnamed_text(others), report.records))
    return told


def judge_sample(plan: Plan, reports: Iterable[SourceReport], *, allow_blind: bool = False) -> list[Notice]:
    """Return what a sample of the sources tells.

    A sample without a row is blind; a field that it does not name may come later, unless it is all there is.
    """
    told: list[Notice] = []
    for report in reports:
        certain = (report.all_dead or report.whole) and not allow_blind
        decide = deciding(plan).get(report.source, frozenset())
        told += blindness(report, decide, "failure" if certain else "warning")
        if report.dead and not report.all_dead:
            told.append(Notice("dead", report.source, report.dead_text(), report.dead, "warning"))
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


def _lateness(plan: Plan, reports: Sequence[SourceReport], ledger: Ledger) -> list[Notice]:
    """Return a warning for each source that lost more than `LATE` of what an operator took, with the disorder it needs."""
    told: list[Notice] = []
    above = _sources_above(plan)
    for report in reports:
        lost = [
            (e.late / taken, e.late, taken)
            for e in ledger.entries.values()
            if e.late
            and report.source in above[e.operator]
            and (taken := e.taken or report.rows)
            # of several sources those that have such rows
            and (above[e.operator] == {report.source} or report.behind > LATE * report.rows)
        ]
        share, late, taken = max(lost, default=(0.0, 0, 0))
        if share > LATE:
            wanted, has = duration.show(report.proposed()), duration.show(report.disorder)
            text = (
                f"{{count}} of {taken:,} rows ({show_share(late, taken)}) came too late and were not counted:"
                f' disorder="{wanted}" would have kept 99.9 % of them (it is "{has}")'
            )
            told.append(Notice("late", report.source, text, late, "warning"))
    return told


def _sources_above(plan: Plan) -> dict[str, frozenset[str]]:
    """Return, by operator, the sources that its rows come from."""
    found: dict[str, frozenset[str]] = {}
    for node in plan.nodes:
        own = frozenset() if node.inputs else frozenset({node.name})
        found[node.name] = own.union(*(found[up.name] for up in node.inputs))
    return found
