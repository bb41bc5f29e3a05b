"""Random pipelines that are cut, abandoned and restored: the rows are the oracle's all the same."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pipelines import SHAPES, STAGES, Values, cases, ways

from caudal.core.errors import RunError
from caudal.engines.local.cut import Cut
from caudal.engines.local.state import Blob
from caudal.plan.plan import Plan
from caudal.testing.harness import CountedSource, Started, differences

pytestmark = pytest.mark.slow
KINDS = [*(k for k in SHAPES if k != "stateless"), *(k for k in STAGES if k != "functions"), "joins"]


def stored(cut: Cut) -> Cut:
    """Return the cut after a round trip through Arrow IPC and JSON: what no pickle could hide in."""
    tables: dict[str, dict[str, bytes]] = {}
    operators: dict[str, Values] = {}
    for operator, blob in cut.operators.items():
        tables[operator] = {}
        for number, table in blob.added.items():
            out = io.BytesIO()
            with pa.ipc.new_stream(out, table.schema) as writer:
                writer.write_table(table)
            tables[operator][str(number)] = out.getvalue()
        operators[operator] = {
            "kind": blob.kind,
            "version": blob.version,
            "whole": blob.whole,
            "values": blob.values,
            "removed": blob.removed,
        }
    plain = {name: getattr(cut, name) for name in cut.__slots__ if name != "operators"}
    text = json.dumps({"plain": plain, "operators": operators}, allow_nan=False)
    read = json.loads(text)
    blobs = {
        operator: Blob(
            operator,
            added={int(i): pa.ipc.open_stream(raw).read_all() for i, raw in tables[operator].items()},
            **values,
        )
        for operator, values in read["operators"].items()
    }
    return Cut(operators=blobs, **read["plain"])


class Abandoned(RunError):
    """Raised to end the first run."""


def run_with_cuts(plan: Plan, at: Sequence[int], way: Values, *, abandon: bool) -> tuple[Started, list[Cut]]:
    """Run, cut whole at the first of these read numbers and as deltas behind; end with the last cut, or go on."""
    wanted = threading.Semaphore(0)
    pending = sorted(at)
    over = threading.Event()

    def on_read(number: int) -> None:
        if pending and number >= pending[0]:
            pending.pop(0)
            with job.scheduler.lock:
                job.scheduler.pauses += 1  # as the cut itself is about to do: nothing more is admitted from here on
            wanted.release()

    def go() -> None:
        try:
            run.run()
        except Abandoned:
            pass
        finally:
            over.set()
            wanted.release()

    run = Started(plan, wrap=lambda _, source: CountedSource(source, on_read), **way)
    job = run.execution.job
    thread = threading.Thread(target=go)
    cuts: list[Cut] = []
    thread.start()
    for _ in at:
        wanted.acquire()
        if over.is_set():
            break
        cuts.append(stored(run.execution.cut(whole=not cuts)))
        with job.scheduler.lock:
            job.scheduler.pauses -= 1
            job.scheduler.wake(all_of_them=True)
    if abandon:
        run.execution.kill(Abandoned("abandoned"))
    thread.join()
    return run, cuts


@settings(max_examples=settings.default.max_examples * 2)
@given(data=st.data(), first=ways(), second=ways(), abandon=st.booleans())
def test_a_cut_is_restored(data: Any, first: Values, second: Values, abandon: bool) -> None:
    case = data.draw(cases(kinds=KINDS))
    at = data.draw(st.lists(st.integers(1, 30), min_size=1, max_size=3, unique=True))
    first["read_bytes"] = 256
    begun, cuts = run_with_cuts(case.plan, at, first, abandon=abandon)
    if not abandon:
        case.check(begun)
    if not cuts:
        return
    used = cuts[: data.draw(st.integers(1, len(cuts)))]
    rest = Started(case.plan, **{**second, "rewrites": first["rewrites"]})
    rest.execution.restore(used)
    rest.run()
    rows = {name: begun.rows[name][: used[-1].written[name]] + rows for name, rows in rest.rows.items()}
    assert differences(case.wanted, case.placed(rows), rest.ledger) == []
