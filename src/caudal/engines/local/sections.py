"""Sections: the parts of a plan of several pipelines, so that what fails in one is no end of the others.

An operator and all that is behind it belong to the pipelines whose sinks read them. What raises there fails these pipelines, and nothing
is done for them any more; what is read by others too goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from caudal.core.errors import in_a_line
from caudal.observe.log import log
from caudal.plan.nodes import Node, Sink
from caudal.plan.plan import Plan


class Sections:
    """The pipelines of a plan, and those of them that have failed. Used by any thread."""

    def __init__(self, plan: Plan, apart: bool) -> None:
        """`apart`: whether the others are to go on."""
        self._apart = apart
        self.failed: dict[str, Exception] = {}
        """Why, by pipeline."""
        self._lock = threading.Lock()
        self._users: dict[Node, frozenset[str]] = dict.fromkeys(plan.nodes, frozenset())
        for node in reversed(plan.nodes):
            if isinstance(node, Sink):
                self._users[node] = frozenset(node.pipelines)
            for above in node.inputs:
                self._users[above] |= self._users[node]
        self._all = frozenset().union(*self._users.values())
        self._sections: dict[frozenset[str], Section] = {}

    def of(self, node: Node) -> Section | None:
        """Return the section that a node is in; None where that is the whole plan."""
        users = self._users[node]
        if len(self._all) < 2 or users == self._all:
            return None
        return self._sections.setdefault(users, Section(self, users))

    def fail(self, pipelines: frozenset[str], error: Exception) -> None:
        """Take note that these pipelines have failed; raises the error where none goes on."""
        with self._lock:
            new = sorted(pipelines - self.failed.keys())
            self.failed.update(dict.fromkeys(new, error))
            go_on = self._apart and self._all - self.failed.keys()
        if not go_on:
            raise error
        for pipeline in new:
            log.error("the pipeline %s has failed, the others go on: %s", pipeline, in_a_line(error))


class Section:
    """Some pipelines of a plan: what is in it is of no use once all of them have failed."""

    def __init__(self, sections: Sections, pipelines: frozenset[str]) -> None:
        self._sections, self._pipelines = sections, pipelines

    @property
    def over(self) -> bool:
        """Whether all of them have failed."""
        return self._pipelines <= self._sections.failed.keys()

    def fail(self, error: Exception) -> None:
        """Take note that they have failed; raises the error where none goes on."""
        self._sections.fail(self._pipelines, error)


def guarded(section: Section | None, call: Callable[..., Any], *given: Any) -> Any:
    """Return what a call gives; None where it raises, which fails the pipelines of its section, or nobody wants it any more.

    What is in no section is of all pipelines, and raises.
    """
    if section is None:
        return call(*given)
    if section.over:
        return None
    try:
        return call(*given)
    except MemoryError:  # of all there are
        raise
    except Exception as error:
        section.fail(error)
        return None
