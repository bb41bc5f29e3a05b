"""The pipeline of a trial: loaded as the job loaded it, with sources that are given pieces, and targets that forget."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

from caudal.observe.log import log
from caudal.plan.nodes import Fused, Keyed, Node, Sink, WindowApply
from caudal.plan.plan import Plan
from caudal.ports import registry
from caudal.ports.calls import Calls
from caudal.ports.engine import Bindings, BoundSource, Engine, Tuning
from caudal.ports.records import Block, Decoded
from caudal.ports.sink import Immediate
from caudal.ports.source import End, Nothing, Partition, Remembering, Unchanging
from caudal.rewrite import rewrite
from caudal.runner.binding import following, open_source, shared
from caudal.runner.history import placed
from caudal.runner.load import load
from caudal.runner.poison.narrowing import Key
from caudal.runner.poison.requests import Places, Program
from caudal.runner.sides import with_sides


class Given(Unchanging):
    """A source that has been given what its one partition reads; None: it has no partition."""

    def __init__(self, partition: GivenPartition | None = None) -> None:
        self._partitions: list[Partition] = [] if partition is None else [partition]

    def partitions(self) -> Sequence[Partition]:
        """Return it, if any."""
        return self._partitions

    def close(self) -> None:
        """Nothing is open."""


class GivenPartition:
    """A piece of a partition, as a partition that ends with it."""

    live = False

    def __init__(self, name: str, head: bytes, start: int, got: Block | Decoded) -> None:
        self.name = name
        self.start = start
        self._head = head
        self._got: Block | Decoded | None = got

    def head(self) -> bytes:
        """Return what the partition begins with: its decoder is opened by that."""
        return self._head

    def seek(self, position: int) -> None:
        """What is given stands where it stands."""

    def read(self, size: int) -> Block | Decoded | Nothing | End:
        """Return the piece, once."""
        got, self._got = self._got, None
        return End() if got is None else got

    def close(self) -> None:
        """Nothing is open."""


class Nowhere(Immediate):
    """A target that encodes rows and forgets them."""

    where = "nowhere"

    def __init__(self, node: Sink) -> None:
        self._encoder: Any = None
        if node.format:
            chosen = registry.find("format", node.format)
            options = registry.check_options(
                dict(node.format_options), chosen.writer_options, f"format '{node.format}'"
            )
            self._encoder = chosen.encoder(node.schema, options)

    def encode(self, table: Any) -> Any:
        """Return the rows as its format has them."""
        return None if self._encoder is None else self._encoder.encode(table)

    def write(self, payload: Any) -> None:
        """Forget them."""


class Loaded:
    """The plan of a program, as written and as it runs, and the engine."""

    def __init__(self, program: Program) -> None:
        plan = load(program.file, settings=dict(program.settings))
        plan = placed(plan, *program.between)
        if program.follow:
            plan = following(plan)
        in_group = all(shared(node) for node in plan.sources)
        self.logical: Plan = with_sides(plan, program.late, program.dead, shared=in_group)
        self.physical: Plan = rewrite(self.logical)
        self.engine: Engine = registry.find("engine", program.engine)

    def tuning(self, threads: int) -> Tuning:
        """Return how a trial runs."""
        return Tuning(threads, read_at=time.time_ns() // 1_000_000)


class Pipeline:
    """The pipeline of a program, which runs pieces of records; its sources are open.

    Functions behind windows and state are not called: what these come to with a piece alone is no matter of its records.
    """

    def __init__(self, program: Program) -> None:
        self._loaded = loaded = Loaded(program)
        self._threads = program.threads or os.cpu_count() or 1
        self._calls = Calls(skipped=behind(loaded.physical))
        self.nodes = {node.name: node for node in loaded.physical.sources}
        self.bound = {name: open_source(node) for name, node in self.nodes.items()}

    def run(self, source: str = "", given: GivenPartition | None = None) -> None:
        """Run what is given to its end. What the pipeline says against it is no matter here: the job will say it."""
        sources = {
            name: BoundSource(Given(given if name == source else None), bound.reader)
            for name, bound in self.bound.items()
        }
        plan = self._loaded
        bindings = Bindings(sources, nowhere(plan.physical), self._calls)
        try:
            plan.engine.start(plan.logical, plan.physical, bindings, plan.tuning(self._threads)).run()
        except Exception as error:
            log.info("a piece fails, and does not kill: %s", error)

    def partitions(self, places: Places) -> dict[Key, Partition]:
        """Return the partitions as a run that goes on would have them, at their places; those that have not ended."""
        found: dict[Key, Partition] = {}
        for name, bound in self.bound.items():
            source = bound.source
            if name in places.memories and isinstance(source, Remembering):
                known = {key[1]: at for key, at in places.positions.items() if key[0] == name}
                going = {part: at for part, at in known.items() if (name, part) not in places.ended}
                source.recall(places.memories[name], going)
            for each in source.partitions():
                key = name, each.name
                if key in places.ended or not (places.whole or key in places.positions):
                    continue
                if key in places.positions:
                    each.seek(places.positions[key])
                found[key] = each
        return found


def nowhere(plan: Plan) -> dict[str, Nowhere]:
    """Return targets that forget, for all sinks of a plan."""
    return {node.name: Nowhere(node) for node in plan.sinks}


def behind(plan: Plan) -> frozenset[str]:
    """Return the operators whose functions are called with what windows and state come to."""
    found: set[Node] = set()
    names: set[str] = set()
    for node in plan.nodes:
        if isinstance(node, Keyed) or any(each in found for each in node.inputs):
            found.add(node)
            if not isinstance(node, Keyed) or isinstance(node, WindowApply):
                names |= {each.name for each in (node, *(node.steps if isinstance(node, Fused) else ()))}
    return frozenset(names)
