"""A job as a Python script beside a package of what it imports: what both engines' scripts have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from caudal.core.errors import PlanError
from caudal.core.types import DataType, Schema
from caudal.engines.jvm.lowering import Lowered, Lowering, unfused
from caudal.engines.jvm.package import PACKAGE, import_lines, packed, whole
from caudal.engines.jvm.reading import Files, Native, scripted
from caudal.engines.jvm.relation import LiveStep, View, own, printed, quoted
from caudal.engines.jvm.shipping import called
from caudal.engines.jvm.topics import ByTasks
from caudal.engines.jvm.usercode import UserCode
from caudal.plan.nodes import DEAD_FIELDS
from caudal.plan.plan import Plan
from caudal.ports.engine import Script

_WIDTH = 118
"""Characters of a line of several arguments."""

NativeTables = Callable[[Native, Sequence[str]], list[str]]
"""Writes the statements that let an engine's own reader make the tables of these names."""


@dataclass(slots=True)
class Job:
    """Plans that one script runs, lowered together: they share the functions.

    `threads`: the job's parallelism, 0 for the engine's choice; `cluster`: where it runs, "" for this machine; `live`:
    the input goes on.
    """

    plans: list[Lowered]
    dialect: Any
    functions: Any
    code: UserCode
    threads: int = 0
    cluster: str = ""
    live: bool = False
    notes: list[str] = field(default_factory=list[str])
    topics: dict[int, ByTasks] = field(default_factory=dict[int, ByTasks])
    """The inputs that tasks read, by their numbers."""

    @property
    def inputs(self) -> list[Any]:
        """The sources of all plans, in order: their numbers name the directories that rows are handed over in."""
        return [i for plan in self.plans for i in plan.inputs]

    @property
    def handed(self) -> bool:
        """Whether caudal hands anything over to it."""
        return len(self.inputs) > len(self.topics) or any(plan.tables for plan in self.plans)

    @property
    def outputs(self) -> list[Any]:
        """The outputs of all plans, in order: their numbers name the results."""
        return [o for plan in self.plans for o in plan.outputs]

    @property
    def counts(self) -> list[Any]:
        """What is counted, of all plans."""
        return [c for plan in self.plans for c in plan.counts]


def lower_all(
    plans: Sequence[Plan],
    dialect: Any,
    *,
    native: Mapping[str, Native] | None = None,
    threads: int = 0,
    cluster: str = "",
    live: bool = False,
) -> Job:
    """Lower plans, rewritten, for one script; raises `PlanError`.

    `native`: the sources that the engine reads by itself, all or none.
    """
    functions, code = dialect.functions(), UserCode()
    lowered: list[Lowered] = []
    for number, plan in enumerate(plans):
        prefix = f"{number}: " if len(plans) > 1 else ""
        lowering = Lowering(
            unfused(plan), dialect, functions, code, native=native, prefix=prefix, number=number, live=live
        )
        lowered.append(lowering.lowered())
    notes = [*dict.fromkeys(line for way in (native or {}).values() for line in way.deviations)]
    return Job(lowered, dialect, functions, code, threads, cluster, live, notes)


@dataclass(frozen=True, slots=True)
class Style:
    """What one engine's scripts have of their own; all else is the same.

    `name` and `needs`: the engine's, and what its interpreter must have; `driver`: the class in
    `engines.<name>.job.driver` that the script calls; `handle`: what of it functions are registered on.
    `shared`: whether a view is told that several read it. `taken`: whether rows that the engine reads by itself are
    counted by a query; where that would be a second scan, the driver finds them out.
    """

    name: str
    needs: str
    driver: str
    handle: str
    type_of: Callable[[DataType], str]
    natives: NativeTables
    settings: Mapping[str, str]
    shared: bool = False
    taken: bool = True


_TASKS = ["caudal.engines.jvm.job.messages", "caudal.engines.jvm.tasks.topics", "caudal.ports.remote"]
"""What a script names whose tasks read topics."""

_HEAD = '''"""{title}

A job for {needs}, written by caudal {version}. Run it with an interpreter that has this:

    python {file} [--cluster ADDRESS] [--parallelism N]

What it imports of caudal lies beside it, in {package}: caudal explain FILE --engine {engine} -o {file} writes both.
"""

import os
import sys

PACKAGE = os.environ.get("CAUDAL_PACKAGE") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "{package}")
if not os.path.exists(PACKAGE):
    sys.exit("{package} is missing: it must lie beside this script")
sys.path.insert(0, PACKAGE)

'''


def write(style: Style, job: Job, title: str, files: Mapping[str, Files] | None = None) -> Script:
    """Return the script of a job, and the package beside it; see `_reads` for `files`."""
    reads, readers = _reads(job, files)
    functions = job.functions.source()
    views = _views(job, shared=style.shared)
    modules = [f"caudal.engines.{style.name}.job.driver", *job.functions.modules, *readers]
    code = job.code.source()
    placed = ["caudal.worker.placing"] if code else []
    modules += _TASKS if job.topics else []
    body = [
        code,
        f"{style.handle} = job.{style.handle}" if functions or "spark." in views else "",
        "given = job.given" if "given." in functions else "",
        functions,
        reads,
        _inputs(job, style),
        views,
        _outputs(job),
        queries(job, style.type_of, taken=style.taken),
        _ends(job, style),
    ]
    texts = [
        style.driver,
        functions,
        reads,
        *_live_steps(job),
        *(["Messages(TopicTask, Received)"] if job.topics else []),
    ]
    imports = [import_lines(texts, modules), import_lines([code], placed)]
    head = _HEAD.format(
        title=title, engine=style.name, needs=style.needs, version=version("caudal"), file="job.py", package=PACKAGE
    )
    start = [head + "\n".join(filter(None, imports)), _settings(style), _made(style, job, title)]
    text = "\n\n".join(part.strip("\n") for part in [*start, *body] if part.strip()) + "\n"
    return Script(text, {PACKAGE: whole() if job.topics else packed([*modules, *placed])})


def _settings(style: Style) -> str:
    return "SETTINGS = {\n" + "".join(f"    {k!r}: {v!r},\n" for k, v in style.settings.items()) + "}"


def _made(style: Style, job: Job, title: str) -> str:
    """Return the statement that makes the job."""
    # it takes long, and starts no threads
    first = ["numba"] if job.topics else [module for module in job.code.imports if module == "numba"]
    told: dict[str, object] = {"cluster": job.cluster, "parallelism": job.threads}
    told |= {"functions": True} if job.functions.modules else {}
    told |= {"live": True} if job.live else {}
    told |= {"topics": True} if job.topics else {}
    told |= {"first": first} if first and style.name == "flink" else {}
    given = [repr(title), "PACKAGE", "SETTINGS", *(f"{name}={value!r}" for name, value in told.items())]
    return "job = " + called(style.driver, given)


def _ends(job: Job, style: Style) -> str:
    """Return the statement that runs the job."""
    if job.live:
        return f"job.follow(OUTPUTS, SLOTS, QUERIES, {_of_plans(job)!r})"
    taken = {} if style.taken else _taken(job)
    more = [repr(taken)] if taken else []
    more += ["told=TOLD"] if job.topics else []
    return f"job.run({', '.join(['OUTPUTS', 'SLOTS', 'QUERIES', *more])})"


def _live_steps(job: Job) -> Iterable[str]:
    return (v.relation.function for plan in job.plans for v in plan.views if isinstance(v.relation, LiveStep))


def _of_plans(job: Job) -> list[list[int]]:
    """Return the numbers of each plan's queries among all: outputs come first, then counts."""
    found: list[list[int]] = []
    outputs, counts = 0, len(job.outputs)
    for plan in job.plans:
        numbers = [*range(outputs, outputs + len(plan.outputs)), *range(counts, counts + len(plan.counts))]
        outputs, counts = outputs + len(plan.outputs), counts + len(plan.counts)
        found.append(numbers)
    return found


def _inputs(job: Job, style: Style) -> str:
    """Return the statements that make the tables of the sources, and of their partitions' names."""
    lines: list[str] = []
    number = 0
    for plan in job.plans:
        names: list[tuple[int, str, int]] = []
        for way, tables in plan.natives:
            lines += style.natives(way, tables)
        for held in plan.tables:
            given = [repr(held.name), repr(columns_of(held.columns, style.type_of)), f"job.part({held.part!r}, 'rows')"]
            lines.append(called("job.lookup_table", given))
        for each in plan.inputs:
            if number in job.topics:
                lines.append(_topics(job.topics[number], number, each, style))
            else:
                for table, columns, what in (
                    (each.rows, each.columns, "rows"),
                    (each.dead, Schema(DEAD_FIELDS), "dead"),
                ):
                    given = [
                        repr(table),
                        repr(columns_of(columns, style.type_of)),
                        f"job.part({number}, {what!r})",
                    ]
                    lines.append(called("job.table", given))
            names.append((each.rank, each.node.name, number))
            number += 1
        if job.live:
            lines.append(f"job.marks({plan.prefix + 'marks'!r}, {job.plans.index(plan)})")
        if not plan.names_used:
            continue
        made = [(rank, name) for name, rank in plan.made]
        lines.append(called("job.partitions", [repr(plan.prefix + "partitions"), repr(names), repr(made)]))
    return "\n".join(lines)


def _topics(way: ByTasks, number: int, each: Any, style: Style) -> str:
    """Return the statement that makes the tables of a source whose messages tasks read."""
    from caudal.engines.jvm.tasks.topics import task_columns

    topics = way.topics
    spans = [(span.name, span.topic, span.number, span.start, span.end) for span in topics.spans]
    task = called("TopicTask", [repr(way.source), repr(way.ranks), repr(dict(topics.counts)), "job.given.read_at"])
    messages = [
        f"columns={columns_of(task_columns(each.node), style.type_of)!r}",
        f"properties={dict(topics.properties)!r}",
        f"spans={spans!r}",
        f"key={topics.key}",
        f"headers={topics.headers}",
        f"task={task}",
        "received=Received",
    ]
    views = [each.rows, each.dead, _telling(each)]
    return called("job.topics", [repr(number), repr(each.node.name), *map(repr, views), called("Messages", messages)])


def _taken(job: Job) -> dict[int, str]:
    """Return the tables whose rows are counted as taken, by the counts' numbers."""
    tables = (names[0] for plan in job.plans for _, names in plan.natives)
    return {number: next(tables) for number, count in enumerate(job.counts) if count.fate == "taken"}


def columns_of(schema: Schema, type_of: Callable[[DataType], str]) -> dict[str, str]:
    """Return the columns' types as the engine spells them."""
    return {f.name: type_of(f.dtype) for f in schema}


def literal(sql: str) -> str:
    """Return SQL as the text of a Python string that is read over several lines."""
    escaped = sql.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    if escaped.endswith('"'):
        escaped = escaped[:-1] + '\\"'
    return f'"""{escaped}"""'


def _views(job: Job, *, shared: bool) -> str:
    """Return the statements that make the views; `shared`: say which are read by several."""
    lines: list[str] = []
    for plan in job.plans:
        for view in plan.views:
            made = view.relation
            if isinstance(made, LiveStep):
                query = literal(printed(made.source, job.dialect))
                lines.append(f"job.live_step({view.name!r}, {query}, {[*made.keys]!r}, {made.function})")
                continue
            tail = ", shared=True" if shared and view.shared else ""
            lines.append(f"job.view({view.name!r}, {literal(printed(made, job.dialect))}{tail})")
    return "\n\n".join(lines)


def kinds(schema: Schema) -> dict[str, Any]:
    """Return the columns' types as shipped functions take them."""
    return {f.name: f.dtype.spec for f in schema}


def _outputs(job: Job) -> str:
    """Return the list of outputs as Python text: name, target, types of the columns."""
    rows: list[str] = []
    for out in job.outputs:
        path = dict(out.sink.options).get("path")
        rows.append(f"    ({out.sink.name!r}, {path if isinstance(path, str) else ''!r}, {kinds(out.columns)!r}),")
    return "OUTPUTS = [\n" + "\n".join(rows) + "\n]"


def _reads(job: Job, files: Mapping[str, Files] | None) -> tuple[str, list[str]]:
    """Return the statement that brings a script to its rows, and the modules that its readers are in.

    `files`: what the script reads by itself where nothing is handed over; None: it is only run with rows at hand.
    """
    if any(plan.tables for plan in job.plans):
        return _fed("tables are read by caudal, which hands them over to this job: caudal run (--rows)"), []
    if not job.inputs:
        return "", []
    if len(job.topics) == len(job.inputs):
        return "", []
    if job.topics:
        return _fed("caudal hands the rows of some sources over to this job: caudal run (--rows)"), []
    if job.live:
        return _fed("this job is fed while it runs: caudal run hands the rows over (--rows)"), []
    if files is None:
        return _fed("rows are handed over to this job: --rows is missing"), []
    try:
        ways = [scripted(i.node, i.columns, files.get(i.node.name)) for i in job.inputs]
    except PlanError as error:
        return _fed(f"{error.message}: caudal run hands the rows over (--rows)"), []
    listed = [f"    dict(\n{_filled(way.lines)}    )," for way in ways]
    return "job.read([\n" + "\n".join(listed) + "\n])", [way.module for way in ways]


def _filled(entries: Iterable[str]) -> str:
    """Return arguments of a call, several on a line where they are short."""
    lines: list[str] = []
    for entry in entries:
        if lines and len(lines[-1]) + len(entry) < _WIDTH:
            lines[-1] += f" {entry},"
        else:
            lines.append(f"        {entry},")
    return "".join(f"{line}\n" for line in lines)


def _fed(otherwise: str) -> str:
    return f"job.fed({otherwise!r})"


def queries(job: Job, type_of: Callable[[DataType], str], *, taken: bool = True) -> str:
    """Return the queries that are united to one job: each output, its columns in slots by their types, and counts.

    `taken`: see `Style`.
    """
    widths: dict[str, int] = {"BIGINT": 1} if job.counts else {}
    if job.topics:
        widths[_TOLD] = 1
    placed: list[list[str]] = []
    for out in job.outputs:
        used: dict[str, int] = {}
        slots: list[str] = []
        for f in out.columns:
            kind = type_of(f.dtype)
            slots.append(f"{kind} {used.get(kind, 0)}")
            used[kind] = used.get(kind, 0) + 1
        placed.append(slots)
        widths = {k: max(widths.get(k, 0), used.get(k, 0)) for k in {**widths, **used}}
    order = [f"{kind} {i}" for kind, count in widths.items() for i in range(count)]
    order.sort(key=lambda slot: slot != "BIGINT 0")
    queries: list[str] = []
    for number, out in enumerate(job.outputs):
        at = dict(zip(placed[number], out.columns, strict=True))
        queries.append(_query(number, order, {slot: own(f.name) for slot, f in at.items()}, out.view))
    for number, count in enumerate(job.counts):
        if count.fate == "taken" and not taken:
            continue
        one = "1L" if job.live else "COUNT(*)"  # a stream has no end to count to: whoever reads adds up
        queries.append(_query(len(job.outputs) + number, order, {"BIGINT 0": one}, count.view))
    port = len(job.outputs) + len(job.counts)
    told = {port + i: (number, order.index(f"{_TOLD} 0") + 1) for i, number in enumerate(job.topics)}
    for each, (number, _) in told.items():
        queries.append(_query(each, order, {f"{_TOLD} 0": "`told`"}, View(_telling(job.inputs[number]))))
    listed = ",\n".join(f"    {literal(q)}" for q in queries)
    numbers = [[order.index(slot) + 1 for slot in slots] for slots in placed]
    telling = f"TOLD = {told!r}\n" if told else ""
    return f"SLOTS = {numbers!r}\n{telling}QUERIES = [\n{listed},\n]"


_TOLD = "STRING"
"""The type of what tasks tell, as both engines spell it."""


def _telling(each: Any) -> str:
    return f"{each.rows} told"


def _query(number: int, order: list[str], given: dict[str, str], source: View) -> str:
    texts = [f"{number} AS `port`"]
    for i, slot in enumerate(order):
        kind = slot.rpartition(" ")[0]
        texts.append(f"{given.get(slot, f'CAST(NULL AS {kind})')} AS `c{i}`")
    return f"SELECT {', '.join(texts)} FROM {quoted(source.name)}"
