"""What every engine keeps that exports its state, or does not."""

from __future__ import annotations

from typing import Any

import pytest

import caudal as cd
from caudal.engines.jvm.execution import JvmExecution
from caudal.ports import registry
from caudal.ports.engine import Bindings, BoundSource, Execution
from caudal.ports.snapshot import State, Unsupported
from caudal.testing.conformance.snapshots import SnapshotCase, SnapshotSuite
from caudal.testing.fakes.counting import CountingExecution
from caudal.testing.harness import Capture, Started


def rows(keys: str) -> list[dict[str, Any]]:
    return [{"key": key, "t": 1000 * n} for n, key in enumerate(keys)]


class FakeCase(SnapshotCase):
    def start(self, keys: str) -> Any:
        from caudal.core.types import Schema

        memory = registry.find("connector", "memory")
        source = memory.source({"rows": rows(keys)}, None, Schema.of({"key": "string", "t": "timestamp"}))
        self.sink = Capture()
        return CountingExecution(Bindings({"in": BoundSource(source, None)}, {"out": self.sink}), "key")

    def counted(self, execution: Any) -> dict[str, int]:
        return {row["key"]: row["n"] for row in self.sink.rows}


class LocalCase(SnapshotCase):
    def start(self, keys: str) -> Any:
        schema = {"key": "string", "t": "timestamp"}
        source = cd.source("memory", rows=rows(keys), schema=schema, event_time="t", name="in")
        counts = source.group_by("key").window(cd.tumbling("1d")).agg(n=cd.count())
        self.started = Started(cd.Pipeline("p", counts.to("memory", into=[])), morsel_rows=1, read_bytes=1)
        return self.started.execution

    def counted(self, execution: Any) -> dict[str, int]:
        return {row["key"]: row["n"] for sink in self.started.rows.values() for row in sink}


class TestFake(SnapshotSuite):
    case = FakeCase


class TestLocal(SnapshotSuite):
    case = LocalCase


def test_the_local_engine_exports_state_while_it_runs() -> None:
    case = LocalCase()
    execution = case.start("abcab")
    execution.stop()
    execution.run()
    assert isinstance(execution.snapshot(), State)


@pytest.mark.parametrize("name", ["snapshot", "resume"])
def test_jobs_elsewhere_say_that_they_export_nothing(name: str) -> None:
    assert callable(getattr(JvmExecution, name))
    assert name in vars(Execution)
    assert isinstance(JvmExecution.unsupported, Unsupported)
    assert JvmExecution.unsupported.why
