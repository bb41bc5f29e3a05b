"""A job as a Python script that stands alone: what both engines' scripts have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from caudal.core.errors import PlanError
from caudal.core.types import DataType, Schema
from caudal.engines.jvm.lowering import Lowered, Lowering
from caudal.engines.jvm.pasting import pasted
from caudal.engines.jvm.printer import name_of
from caudal.engines.jvm.reading import Files, Native, scripted
from caudal.engines.jvm.shape import spec
from caudal.engines.jvm.usercode import UserCode
from caudal.plan.nodes import DEAD_FIELDS
from caudal.plan.plan import Plan

_TOGETHER = 40
"""Queries that are united to one: planners recurse."""


NativeTables = Callable[[Native, Sequence[str]], list[str]]
"""Writes the statements that let an engine's own reader make the tables of these names."""


@dataclass(slots=True)
class Job:
    """Plans that one script runs, lowered together: they share the functions.

    `threads`: the job's parallelism, 0 for the engine's choice; `cluster`: where it runs, "" for this machine; `live`:
    the input goes on.
    """

    plans: list[Lowered]
    functions: Any
    code: UserCode
    threads: int = 0
    cluster: str = ""
    live: bool = False
    notes: list[str] = field(default_factory=list[str])

    @property
    def inputs(self) -> list[Any]:
        """The sources of all plans, in order: their numbers name the directories that rows are handed over in."""
        return [i for plan in self.plans for i in plan.inputs]

    @property
    def outputs(self) -> list[Any]:
        """The outputs of all plans, in order: their numbers name the results."""
        return [o for plan in self.plans for o in plan.outputs]

    @property
    def counts(self) -> list[Any]:
        """What is counted, of all plans."""
        return [c for plan in self.plans for c in plan.counts]


def lower_all(
    plans: Sequence[tuple[Plan, Plan | None]],
    dialect: Any,
    *,
    native: Mapping[str, Native] | None = None,
    threads: int = 0,
    cluster: str = "",
    live: bool = False,
) -> Job:
    """Lower plans (each with its rewritten form, if there is one) for one script; raises `PlanError`.

    `native`: the sources that the engine reads by itself, all or none.
    """
    functions, code = dialect.functions(), UserCode()
    lowered: list[Lowered] = []
    for number, (plan, physical) in enumerate(plans):
        prefix = f"{number}: " if len(plans) > 1 else ""
        lowering = Lowering(
            plan, dialect, functions, code, physical=physical, native=native, prefix=prefix, number=number, live=live
        )
        lowering.lowered()
        lowering.count_sides()
        if live:
            lowering.count_steps()
        lowered.append(lowering.out)
    notes = [*dict.fromkeys(line for way in (native or {}).values() for line in way.deviations)]
    return Job(lowered, functions, code, threads, cluster, live, notes)


@dataclass(frozen=True, slots=True)
class Style:
    """What one engine's scripts have of their own; all else is the same.

    `head` (a template) defines `table(name, columns, path, form, options)`, `view(name, query, shared)` and
    `partitions(name, sources, operators)`; `tail` runs OUTPUTS, QUERIES and SLOTS. `form`: how rows are handed over.
    `live` is the tail over input that goes on, where PLANS has the numbers of each plan's queries.
    `workers` writes what the head has for jobs that call functions, which import these modules.
    `shared`: whether a view is told that several read it. `taken`: whether rows that the engine reads by itself are
    counted by a query; where that would be a second scan, the tail finds them out: TAKEN has the tables, by the
    counts' numbers.
    """

    head: str
    tail: str
    form: str
    type_of: Callable[[DataType], str]
    natives: NativeTables
    settings: Mapping[str, object]
    modules: Sequence[str] = ()
    live: str = ""
    workers: Callable[[Sequence[str]], str] = lambda imports: ""
    shared: bool = False
    taken: bool = True


def write(style: Style, job: Job, title: str, files: Mapping[str, Files] | None = None) -> str:
    """Return the script of a job; see `_reads` for `files`."""
    calls = [job.code.source(), job.functions.source()]
    head = style.head.format(
        title=title,
        version=version("caudal"),
        file="job.py",
        cluster=job.cluster,
        threads=job.threads,
        live=job.live,
        workers=style.workers(job.code.imports) if any(calls) else "",
        **style.settings,
    )
    body = [
        head + pasted(["caudal.engines.jvm.job.results", *style.modules]),
        *calls,
        _reads(job, style.form, files),
        "" if style.taken else f"TAKEN = {_taken(job)!r}",
        _inputs(job, style),
        _views(job, shared=style.shared),
        _outputs(job),
        queries(job, style.type_of, taken=style.taken),
    ]
    if job.live:
        body.append(f"PLANS = {_of_plans(job)!r}")
    tail = style.live if job.live else style.tail
    tail += _FAILS if job.inputs and not job.live else ""
    return "\n\n".join(part.strip("\n") for part in body if part.strip()) + "\n" + tail


_FAILS = """if FAILED:
    raise SystemExit(1)  # a file broke: what came before it has been counted
"""


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
        names: list[str] = []
        for way, tables in plan.natives:
            lines += style.natives(way, tables)
        for each in plan.inputs:
            for table, columns, what in ((each.rows, each.columns, "rows"), (each.dead, Schema(DEAD_FIELDS), "dead")):
                path = f"os.path.join(given.rows, {str(number)!r}, {what!r})"
                lines.append(f"table({table!r}, {columns_of(columns, style.type_of)!r}, {path})")
            names.append(f"({each.rank}, {plan.plan.ids[each.node]!r}, HANDED[{number}]['partitions'])")
            number += 1
        if job.live:
            path = f"os.path.join(given.rows, {f'marks-{job.plans.index(plan)}'!r})"
            lines.append(f"marks({plan.prefix + 'marks'!r}, {path})")
        if not plan.names_used:
            continue
        made = [f"({rank}, {name!r})" for name, rank in plan.made]
        lines.append(f"partitions({plan.prefix + 'partitions'!r}, [{', '.join(names)}], [{', '.join(made)}])")
    return "\n".join(lines)


def _taken(job: Job) -> dict[int, str]:
    """Return the tables whose rows are counted as taken, by the counts' numbers."""
    tables = (names[0] for plan in job.plans for _, names in plan.natives)
    return {number: next(tables) for number, count in enumerate(job.counts) if count.fate == "taken"}


def columns_of(schema: Schema, type_of: Callable[[DataType], str]) -> dict[str, str]:
    """Return the columns' types as the engine spells them."""
    return {f.name: type_of(f.dtype) for f in schema}


def quoted(sql: str) -> str:
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
            if view.walk:
                lines.append(f"walk({view.name!r}, {quoted(view.sql)}, {[*view.keys]!r}, {view.walk})")
                continue
            tail = ", shared=True" if shared and view.shared else ""
            lines.append(f"view({view.name!r}, {quoted(view.sql)}{tail})")
    return "\n\n".join(lines)


def kinds(schema: Schema) -> dict[str, Any]:
    """Return the columns' types as shipped functions take them."""
    return {f.name: spec(f.dtype) for f in schema}


def _outputs(job: Job) -> str:
    """Return the list of outputs as Python text: name, target, types of the columns."""
    rows: list[str] = []
    for out in job.outputs:
        path = dict(out.sink.options).get("path")
        rows.append(f"    ({out.sink.name!r}, {path if isinstance(path, str) else ''!r}, {kinds(out.columns)!r}),")
    return "OUTPUTS = [\n" + "\n".join(rows) + "\n]"


def _reads(job: Job, form: str, files: Mapping[str, Files] | None) -> str:
    """Return the statements that bring a script to its rows: HANDED, what was handed over of each source, in order.

    `files`: what the script reads by itself where nothing is handed over; None: it is only run with rows at hand.
    """
    if not job.inputs:
        return ""
    alone: list[str] = []
    if job.live:
        alone.append('raise SystemExit("this job is fed while it runs: caudal run hands the rows over (--rows)")')
    elif files is None:
        alone.append('raise SystemExit("rows are handed over to this job: --rows is missing")')
    else:
        try:
            ways = [scripted(i.node, i.columns, files.get(i.node.name)) for i in job.inputs]
        except PlanError as error:
            alone.append(f"raise SystemExit({f'{error.message}: caudal run hands the rows over (--rows)'!r})")
        else:
            text = pasted(["caudal.engines.jvm.job.handover", *(m for way in ways for m in way.modules)])
            listed = "\n".join(f"    {way.text}," for way in ways)
            head = f"# --- how records are read and checked ---\n\n{text}\n\nSOURCES = [\n{listed}\n]\n\n"
            return head + _HANDED.format(
                alone="\n    ".join(
                    [
                        "given.rows = tempfile.mkdtemp(prefix='rows-')",
                        "atexit.register(shutil.rmtree, given.rows, ignore_errors=True)",
                        f"told = hand_over(SOURCES, given.rows, {form!r}, given.read_at)",
                        "HANDED = [told[source['id']] for source in SOURCES]",
                        "for source, counts in zip(SOURCES, HANDED):",
                        "    print(source['id'], 'rows', counts['rows'], 'dead letters', counts['dead'], file=sys.stderr)",
                        "    atexit.register(tell, counts['told'])  # behind what the engine logs",
                        "FAILED = any(counts['failures'] for counts in HANDED)",
                    ]
                )
            )
    return _HANDED.format(alone="\n    ".join(alone))


_HANDED = """import atexit
import json
import shutil
import sys
import tempfile

FAILED = False

if given.rows:
    with open(os.path.join(given.rows, "counts.json"), encoding="utf-8") as file:
        HANDED = json.load(file)
else:
    {alone}
"""


def queries(job: Job, type_of: Callable[[DataType], str], *, taken: bool = True) -> str:
    """Return the queries that are united to one job: each output, its columns in slots by their types, and counts.

    `taken`: see `Style`.
    """
    widths: dict[str, int] = {"BIGINT": 1} if job.counts else {}
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
        queries.append(_query(number, order, {slot: name_of(f.name) for slot, f in at.items()}, out.view))
    for number, count in enumerate(job.counts):
        if count.fate == "taken" and not taken:
            continue
        one = "1L" if job.live else "COUNT(*)"  # a stream has no end to count to: whoever reads adds up
        queries.append(_query(len(job.outputs) + number, order, {"BIGINT 0": one}, count.view))
    listed = ",\n".join(f"    {quoted(q)}" for q in queries)
    numbers = [[order.index(slot) + 1 for slot in slots] for slots in placed]
    return f"TOGETHER = {_TOGETHER}\nSLOTS = {numbers!r}\nQUERIES = [\n{listed},\n]"


def _query(number: int, order: list[str], given: dict[str, str], source: str) -> str:
    texts = [f"{number} AS `port`"]
    for i, slot in enumerate(order):
        kind = slot.rpartition(" ")[0]
        texts.append(f"{given.get(slot, f'CAST(NULL AS {kind})')} AS `c{i}`")
    return f"SELECT {', '.join(texts)} FROM {source}"
