"""What a live job is fed: rows with their W_p, marks behind them, names of partitions; without an engine, in virtual time."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import caudal as cd
from caudal.core.errors import RunError
from caudal.core.naming import natural_key
from caudal.engines.jvm.live_input import LiveInput, Timing
from caudal.engines.jvm.streaming import EPOCH, NEAR_EPOCH, shifted
from caudal.ports import registry
from caudal.ports.engine import BoundSource, Tuning
from caudal.rewrite import rewrite
from caudal.testing.live import Script, ScriptedSource, VirtualClock

PLAIN = "tumbling"


class Fed:
    """A input of one plan over a script, until `until` milliseconds of the clock."""

    def __init__(self, folder: Path, script: Script, *, until: int, operator: str = PLAIN, live: bool = True) -> None:
        events = cd.source("memory", rows=[], schema={"k": "string", "t": "timestamp"}, event_time="t", name="events")
        if operator == PLAIN:
            out = events.group_by("k").window(cd.tumbling("1s")).agg(n=cd.count(), name="counts")
        else:
            out = events.deduplicate("k", within="1s", name="once")
        plan = cd.Pipeline("p", out.to("memory", into=[])).pinned()
        job = registry.find("engine", "spark").lower(plan, rewrite(plan), {}, Tuning(0, live=True))
        (node,) = plan.sources
        self.folder = folder
        self.clock = VirtualClock()
        self.over = False
        source = ScriptedSource(script.steps, node.declared, self.clock, until=until, live=live)
        source.then = self._stop
        for each in ("0/rows", "0/dead"):
            (folder / each).mkdir(parents=True)
        self.pool = ThreadPoolExecutor(1)
        timing = Timing(self.clock, idle_poll=0.0)
        bound = [BoundSource(source, None)]
        self.input = LiveInput(job.plans[0], bound, 0, 0, folder, "parquet", timing, self.pool)
        self.input.open()

    def _stop(self) -> None:
        self.over = True

    def play(self, *, publish: bool = True) -> Fed:
        """Go to the end of the script; what is due is published, and read at once."""
        while not (self.over or self.input.over):
            self.input.step()
            if publish and self.input.due:
                self.input.publish()
                self.input.taken_in(1)
        return self

    @property
    def rows(self) -> list[dict[str, Any]]:
        return read(self.folder / "0" / "rows")

    @property
    def marks(self) -> list[int]:
        return [row["e"] - EPOCH for row in read(self.folder / "marks-0")]


def read(folder: Path) -> list[dict[str, Any]]:
    return [row for path in sorted(folder.glob("[!.]*")) for row in pq.read_table(path).to_pylist()]


def keep_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LiveInput, "_clear", lambda self: None)


def row(t: int, k: str = "a") -> dict[str, Any]:
    return {"k": k, "t": t}


def test_marks_follow_the_slowest_partition_and_then_the_clock(tmp_path, monkeypatch) -> None:
    keep_parts(monkeypatch)
    script = Script().rows(row(1000), row(2500), partition="x").rows(row(1200), partition="y").wait("8s")
    marks = Fed(tmp_path, script, until=8000).play().marks
    assert marks == sorted(marks), "a watermark never falls"
    assert 1200 in marks, "y held it back"
    assert not any(1200 < mark < 2500 for mark in marks), "both become idle in the same moment, 5 s on"
    assert marks[-1] > 2500, "then silence moves it on"
    assert marks[-1] <= 2500 + 3000


def test_rows_behind_a_silence_are_no_older_than_what_it_closed(tmp_path, monkeypatch) -> None:
    keep_parts(monkeypatch)
    script = Script().rows(row(2700)).wait("7s").rows(row(2800), row(6100)).wait("500ms")
    rows = Fed(tmp_path, script, until=7500).play().rows
    assert [r["__t"] for r in rows] == [2700, 2800, 6100]
    before = rows[0]["__w"]
    assert before == 2700
    assert rows[1]["__w"] >= 4000, "2 s of silence"
    assert rows[1]["__w"] == rows[2]["__w"]


def test_a_mark_comes_behind_the_rows_that_it_speaks_of(tmp_path, monkeypatch) -> None:
    keep_parts(monkeypatch)
    fed = Fed(tmp_path, Script().rows(row(0)).wait("1s").rows(row(5000)).wait("1s"), until=2000)
    seen: list[tuple[int, int]] = []
    real = LiveInput.publish

    def publish(self: LiveInput) -> None:
        real(self)
        seen.append((max(r["__t"] for r in fed.rows), fed.marks[-1]))

    monkeypatch.setattr(LiveInput, "publish", publish)
    fed.play()
    assert [newest for newest, _ in seen][:2] == [0, 5000]
    assert all(mark <= newest for newest, mark in seen)


def test_parts_go_when_the_mark_behind_the_next_one_was_read(tmp_path) -> None:
    fed = Fed(tmp_path, Script().wait("1h"), until=10)
    input, parts = fed.input, tmp_path / "marks-0"
    for _ in range(3):
        input.publish()
    names = sorted(p.name for p in parts.iterdir())
    assert len(names) == 3, "none was read"
    input.taken_in(1)
    input.publish()
    assert names[0] in {p.name for p in parts.iterdir()}, "another reader may list it one batch later"
    input.taken_in(1)
    input.publish()
    assert names[0] not in {p.name for p in parts.iterdir()}
    assert names[1] in {p.name for p in parts.iterdir()}


def test_partitions_that_appear_keep_the_natural_order(tmp_path) -> None:
    script = Script().rows(row(1), partition="log.2").rows(row(1), partition="log.10").wait("1s")
    script.rows(row(2), partition="log.3").rows(row(2), partition="log.1").rows(row(2), partition="log.20").wait("1s")
    Fed(tmp_path, script, until=2000).play()
    names = json.loads((tmp_path / "names-0.json").read_text())
    (ranks,) = names.values()
    in_order = [name for _, name in sorted(((int(rank), name) for rank, name in ranks.items()))]
    assert in_order == ["log.1", "log.2", "log.3", "log.10", "log.20"] == sorted(in_order, key=natural_key)


def test_the_end_of_data_closes_all_and_a_stop_does_not(tmp_path) -> None:
    bounded = Fed(tmp_path / "a", Script().rows(row(0), row(500)), until=0, live=False).play(publish=False)
    assert bounded.input.over
    bounded.input.end(whole=True)
    assert bounded.marks[-1] == EPOCH
    assert (tmp_path / "a" / "end-0").exists()
    stopped = Fed(tmp_path / "b", Script().rows(row(0), row(500)).wait("1s"), until=1000).play()
    stopped.input.end(whole=False)
    assert stopped.marks[-1] == 500
    assert (tmp_path / "b" / "end-0").exists()


def test_times_that_state_by_key_has_no_room_for_end_the_run(tmp_path) -> None:
    far = NEAR_EPOCH + 1
    Fed(tmp_path / "a", Script().rows(row(far)).wait("1s"), until=1000).play()
    with pytest.raises(RunError, match="before 1824 or after 2115") as caught:
        Fed(tmp_path / "b", Script().rows(row(far)).wait("1s"), until=1000, operator="once").play()
    assert caught.value.location == "p0"


def test_instants_never_fall_below_where_the_engine_begins() -> None:
    assert shifted(-(1 << 62), EPOCH) == 0
    assert shifted(1 << 62, EPOCH) == 2 * EPOCH
    assert shifted(-5, EPOCH) < shifted(0, EPOCH) < shifted(7, EPOCH)
    assert 2 * EPOCH * 1000 < 2**63, "as microseconds"
    assert 2 * NEAR_EPOCH * 1_000_000 < 2**63, "as nanoseconds"
