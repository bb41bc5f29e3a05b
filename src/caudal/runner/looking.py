"""Looking at a plan without running it: what is checked before a run, what the rewrites make of it."""

from __future__ import annotations

from dataclasses import dataclass

from caudal.core.errors import CaudalError, InputError
from caudal.observe.notices import Notice
from caudal.plan.explain import explain, mermaid
from caudal.plan.plan import Plan
from caudal.plan.wire import dumps
from caudal.ports import registry
from caudal.ports.engine import BoundSource, Script, Tuning
from caudal.ports.format import LineReader
from caudal.rewrite import rewrite
from caudal.runner.binding import apart, following, lookups_of, no_input_overwritten, open_source, shared
from caudal.runner.judging import judge_sample
from caudal.runner.sides import with_sides
from caudal.runner.stages import Stages


@dataclass(frozen=True, slots=True)
class Explained:
    """A plan as it was written, and as it runs: with its side outputs (`logical`), rewritten."""

    written: Plan
    running: Plan
    logical: Plan

    def to_text(self) -> str:
        """Return both as text, and what a group of workers would make of it where a source is one to share."""
        text = f"as written\n\n{explain(self.written)}\n\nas it runs\n\n{explain(self.running)}"
        if any(shared(source) for source in self.running.sources):
            text += (
                f"\n\nin a group of workers, with --checkpoint\n\n{Stages(self.running, apart(self.running)).to_text()}"
            )
        return text

    def to_mermaid(self) -> str:
        """Return the plan as written as a Mermaid flowchart."""
        return mermaid(self.written)

    def to_json(self) -> str:
        """Return the plan as written in its JSON form."""
        return dumps(self.written)


def explained(plan: Plan, *, follow: bool = False, late: str = "file", dead: str = "file") -> Explained:
    """Return the plan before and after the rewrites; raises `UserError` kin."""
    if follow:
        plan = following(plan)
    whole = with_sides(plan, late, dead)
    return Explained(plan, rewrite(whole), whole)


def script(
    found: Explained, engine: str, cluster: str = "", exchange: str = "", *, native: bool = False
) -> Script | None:
    """Return the script that an engine would run, None for one that runs plans as they are; raises `UserError` kin."""
    tuning = Tuning(0, cluster=cluster, exchange=exchange, native=native)
    opened: dict[str, BoundSource] = {}
    try:
        for node in found.running.sources:
            try:
                opened[node.name] = open_source(node)
            except InputError:
                continue  # a script can be looked at without its input
        return registry.find("engine", engine).explain(found.logical, found.running, opened, tuning)
    finally:
        for bound in opened.values():
            bound.source.close()


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found: the number of partitions by source, what a sample of their records tells."""

    partitions: dict[str, int]
    notices: list[Notice]


def check(
    plan: Plan,
    *,
    follow: bool = False,
    late: str = "file",
    dead: str = "file",
    engine: str = "local",
    allow_blind: bool = False,
) -> Checked:
    """Check what can be checked without running: plan, options, functions, and that inputs are as declared.

    The first records of each source are decoded (about 1,000, or 1 MiB), save of pipes and of objects in memory; tables
    are read as a whole. Targets are not touched. Raises `UserError` kin.
    """
    found = explained(plan, follow=follow, late=late, dead=dead)
    running = found.running
    opened: dict[str, BoundSource] = {}
    try:
        for node in running.sources:
            opened[node.name] = open_source(node)
        no_input_overwritten(running, opened)
        partitions = {name: _partitions(bound) for name, bound in opened.items()}
        chosen = registry.find("engine", engine)
        chosen.check(found.logical, running, opened)
        reports = chosen.sample(running, opened)
        notices = judge_sample(found.logical, reports, allow_blind=allow_blind)
        return Checked(partitions, [*notices, *_tables(found.logical)])
    finally:
        for bound in opened.values():
            bound.source.close()


def _tables(plan: Plan) -> list[Notice]:
    """Read the tables of a plan; return what each is. Raises `InputError`."""
    from caudal.ingest import tables

    lookups = {tables.key_of(node): node for node in lookups_of(plan)}
    return [Notice("table", n.table.label, tables.read(n.table, n.as_of).told()) for n in lookups.values()]


def _partitions(bound: BoundSource) -> int:
    partitions = bound.source.partitions()
    for partition in partitions:
        if isinstance(bound.reader, LineReader) and not partition.live:
            try:
                bound.reader.open(partition.head(), partition.name)
            except CaudalError as error:
                raise error.at(partition.name) from None
    return len(partitions)
