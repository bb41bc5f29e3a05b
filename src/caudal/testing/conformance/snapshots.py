"""What every execution keeps that exports its state, or does not: see `ports.snapshot`."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from caudal.core.errors import RunError
from caudal.ports.snapshot import OperatorState, Savepoint, Snapshot, State, Unsupported

KEYS = "abcabacbaadeebccca"
"""The keys of the rows, in order; a count of them is what the job is to give."""


class SnapshotCase:
    """How the suite starts a job on one engine that counts rows by the column `key`. Subclass it."""

    def start(self, keys: str) -> Any:
        """Return an execution over one partition whose rows have these keys, with an event time that rises."""
        raise NotImplementedError

    def counted(self, execution: Any) -> dict[str, int]:
        """Return what the execution has written, by key."""
        raise NotImplementedError


def stored(snapshot: Snapshot) -> Any:
    """Return a snapshot as it comes back from a store: plain values as JSON, tables as Arrow's bytes."""
    if not isinstance(snapshot, State):
        return snapshot
    import pyarrow as pa

    def again(table: Any) -> Any:
        out = pa.BufferOutputStream()
        with pa.ipc.new_stream(out, table.schema) as writer:
            writer.write_table(table)
        return pa.ipc.open_stream(out.getvalue()).read_all()

    operators = {
        name: OperatorState(
            o.kind, o.version, json.loads(json.dumps(o.values)), {n: again(o.blocks[n]) for n in o.blocks}
        )
        for name, o in snapshot.operators.items()
    }
    rest = json.loads(json.dumps(snapshot.rest))
    positions = dict(snapshot.positions)
    return State(snapshot.engine, snapshot.version, snapshot.key_hash, snapshot.key_groups, positions, operators, rest)


class SnapshotSuite:
    """The tests. `case` is the case to run them over."""

    case: ClassVar[type[SnapshotCase]]

    def setup_method(self) -> None:
        """Make the case."""
        self._case = self.case()

    def _run(self, execution: Any, stop_at: int = -1) -> Snapshot | None:
        """Run, and take a snapshot at some call of `watch`, then stop there."""
        taken: list[Snapshot] = []
        calls = 0

        def watch() -> None:
            nonlocal calls
            if calls == stop_at:
                execution.stop()
            calls += 1

        execution.run(watch)
        if execution.drained:
            taken.append(execution.snapshot())
        return taken[0] if taken else None

    def _snapshot(self) -> Snapshot:
        execution = self._case.start(KEYS)
        execution.stop()
        execution.run()
        return execution.snapshot()

    def test_the_answer_is_one_of_three(self) -> None:
        snapshot = self._snapshot()
        assert isinstance(snapshot, Unsupported | Savepoint | State)
        if isinstance(snapshot, Unsupported):
            assert snapshot.why
            assert snapshot.status in ("not yet", "never")

    def test_who_exports_nothing_goes_on_from_nothing(self) -> None:
        if isinstance(self._snapshot(), Unsupported):
            self._refuses(self._case.start(KEYS), State("any", 1, "", 1, {}))

    def test_a_state_of_another_engine_or_version_is_refused(self) -> None:
        snapshot = self._snapshot()
        self._refuses(self._case.start(KEYS), Savepoint("another", "somewhere"))
        self._refuses(self._case.start(KEYS), State("another", 1, "", 1, {}))
        if isinstance(snapshot, State):
            s = snapshot
            newer = State(s.engine, s.version + 1, s.key_hash, s.key_groups, s.positions, s.operators, s.rest)
            self._refuses(self._case.start(KEYS), newer)

    def test_a_state_is_by_operator_under_a_named_key_hash(self) -> None:
        for at in range(4):
            snapshot = self._stopped(at)
            if not isinstance(snapshot, State):
                return
            assert snapshot.key_hash
            assert snapshot.key_groups > 0
            assert all(0 <= position <= len(KEYS) for position in snapshot.positions.values())
            held = sum(table.num_rows for each in snapshot.operators.values() for table in each.blocks.values())
            assert (held > 0) == any(snapshot.positions.values())

    def test_a_run_that_goes_on_gives_what_one_run_gives(self) -> None:
        whole = self._case.start(KEYS)
        whole.run()
        wanted = {key: KEYS.count(key) for key in sorted(set(KEYS))}
        assert self._case.counted(whole) == wanted
        for at in range(len(KEYS)):
            snapshot = self._stopped(at)
            if snapshot is None or isinstance(snapshot, Unsupported):
                continue
            second = self._case.start(KEYS)
            second.resume(stored(snapshot))
            second.run()
            assert self._case.counted(second) == wanted, at

    def _stopped(self, at: int) -> Snapshot | None:
        return self._run(self._case.start(KEYS), at)

    def _refuses(self, execution: Any, snapshot: Any) -> None:
        try:
            execution.resume(snapshot)
        except RunError:
            return
        raise AssertionError("it was taken")
