"""The router: carries rows down the routes of a plan to its tasks, on the channels of the partitions that they are of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from caudal.columnar.column import Fixed, constant, from_list
from caudal.columnar.morsel import Morsel
from caudal.core.types import INT64, STRING, TIMESTAMP
from caudal.engines.local.operator_tasks import ChannelKey, StateTask, Ticket, Way
from caudal.engines.local.origins import Origins
from caudal.engines.local.routes import Branch, Edge
from caudal.engines.local.stateful import OPEN


class Router:
    """The routes from each source and stateful operator, by its output ports. Used by any thread."""

    def __init__(self, origins: Origins) -> None:
        self.out: dict[str, Branch] = {}
        self.dead: dict[str, Branch] = {}
        self.late: dict[str, Branch] = {}
        self._origins = origins
        self._ways: dict[str, list[tuple[Edge, ChannelKey]]] = {}
        """For each operator, the edges to the tasks below it with the keys of their channels, but for the ordinal."""

    def channels(self, operator: str, ordinal: int) -> Iterator[tuple[Edge, ChannelKey]]:
        """Yield the edges to all tasks that rows of this origin may come to, with the key of its channel there."""
        ways = self._ways.get(operator)
        if ways is None:
            ways = [*self._below(self.out[operator], ())]
            if operator in self.dead:
                ways += self._below(self.dead[operator], ())
            self._ways[operator] = ways
        for edge, key in ways:
            yield edge, (ordinal, *key)

    def resume(self, operator: str, ordinal: int, mark: int) -> int:
        """Let a partition hold watermarks back again behind its idle mark of this number; return the one that they have come to."""
        return max((edge.task.resume(key, mark) for edge, key in self.channels(operator, ordinal)), default=-OPEN)

    def _below(self, route: Branch, prefix: ChannelKey) -> Iterator[tuple[Edge, ChannelKey]]:
        for edge in route.all_edges():
            key = (*prefix, edge.number)
            yield edge, key
            if isinstance(edge.task, StateTask):
                yield from self._below(self.late[edge.task.operator], key)

    def send(self, route: Branch, ways: Sequence[Way], morsel: Morsel | None, ticket: Ticket | None) -> None:
        """Carry a morsel (None: no rows) down a route, and what each task gets of it, on the channels it stands for."""
        self.deliver(route.run(morsel), ways, ticket)

    def deliver(self, run: Iterable[tuple[Edge, Morsel | None]], ways: Sequence[Way], ticket: Ticket | None) -> None:
        """Hand over what each edge receives of rows that have been carried down a route."""
        for edge, rows in run:
            channels = [way.into(edge.number) for way in ways]
            if rows is not None and edge.branch is not None:
                rows.branch = edge.branch
            payload = edge.task.prepared(rows)
            if isinstance(edge.task, StateTask):
                late_route = self.late[edge.task.operator]
                if not late_route.empty:
                    late = None if payload is None or payload.late is None else self._late(edge.task, payload.late)
                    self.send(late_route, channels, late, ticket)
            if ticket is not None:
                ticket.hold(len(channels))
            edge.task.deliver(channels, payload, ticket)

    def _late(self, task: StateTask, morsel: Morsel) -> Morsel:
        """Return late rows with what is known about each."""
        rows = morsel.rows
        places = [self._origins.names[ordinal] for ordinal in np.full(rows, morsel.partition, np.int64).tolist()]
        assert morsel.time is not None
        assert morsel.watermark is not None
        position = np.full(rows, -1, np.int64) if morsel.position is None else morsel.position
        return morsel.with_columns(
            {
                **morsel.columns,
                "late_time": Fixed(TIMESTAMP, morsel.time),
                "late_source": from_list([source for source, _ in places], STRING),
                "late_partition": from_list([partition for _, partition in places], STRING),
                "late_position": Fixed(INT64, position),
                "late_operator": constant(task.operator, STRING, rows),
                "late_watermark": Fixed(TIMESTAMP, morsel.watermark),
            }
        )
