"""Several pipelines with one checkpoint, of which some come, go, or stand in another order: state is found again, or its loss is told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import caudal as cd
from caudal import col
from caudal.checkpoint.directory import DirectoryStore
from caudal.checkpoint.snapshots import find
from caudal.core.errors import OptionError
from caudal.plan.plan import Plan
from caudal.runner import Several
from caudal.runner.checkpoints import checkpointing

SCHEMA = {"t": "int64", "ip": "string", "code": "int64"}
HALF, ALL = 500, 1000


def append(path: Path, start: int, stop: int) -> None:
    with path.open("a") as log:
        log.writelines(
            json.dumps({"t": i * 10, "ip": f"10.0.0.{i % 7}", "code": 200 + i % 3}) + "\n" for i in range(start, stop)
        )


def counted(name: str, folder: Path, *, window: str = "3s", called: str = "", log: str = "log.jsonl") -> Plan:
    """Return a pipeline of one window; without `called` its operators have the ids that they get by what they are."""
    rows = cd.source("files", path=str(folder / log), format="json", schema=SCHEMA, event_time="t")
    made = rows.group_by("ip").window(cd.tumbling(window)).agg(n=cd.count(), **({"name": called} if called else {}))
    return cd.Pipeline(name, made.to("files", path=str(folder / f"{name}.jsonl")))


def passed(name: str, folder: Path, log: str) -> Plan:
    """Return a pipeline without state."""
    rows = cd.source("files", path=str(folder / log), format="json", schema=SCHEMA, event_time="t")
    return cd.Pipeline(name, rows.filter(col("code") == 200).to("files", path=str(folder / f"{name}.jsonl")))


def run(folder: Path, plans: Sequence[Plan], *, flush: bool = False, dropped: bool = False, name: str = "nets") -> None:
    """Run over what the logs hold, then stop."""
    how = checkpointing(str(folder / "state"), "100ms", allow_dropped=dropped)
    job = Several(plans, name=name, follow=True, threads=2, late="discard", dead="discard", checkpoint=how)
    assert not job.failed
    thread = threading.Thread(target=lambda: job.run(flush=flush))
    thread.start()
    intakes = job.job.execution.job.reading.intakes  # type: ignore[attr-defined]
    paths = {dict(source.options)["path"]: None for source in job.job.physical.sources}
    size = sum(Path(path).stat().st_size for path in paths)
    give_up = time.monotonic() + 60
    while thread.is_alive() and time.monotonic() < give_up:
        if sum(channel.position for intake in intakes for channel in intake.channels) >= size:
            break
        thread.join(0.02)
    job.stop()
    thread.join(60)


def both(folder: Path, before: Sequence[Plan], after: Sequence[Plan], **how: Any) -> None:
    """Run some over half of the rows, and others over all of them."""
    for log in ("log.jsonl", "more.jsonl"):
        append(folder / log, 0, HALF)
    run(folder, before, **{k: v for k, v in how.items() if k == "name"})
    for log in ("log.jsonl", "more.jsonl"):
        append(folder / log, HALF, ALL)
    run(folder, after, flush=True, **how)


def rows(folder: Path, name: str) -> list[str]:
    return sorted((folder / f"{name}.jsonl").read_text().splitlines())


def wanted(folder: Path, plan: Plan) -> list[str]:
    """Return the rows of a pipeline that runs alone over all."""
    target = folder / f"{plan.name}.jsonl"
    kept = target.read_bytes()
    target.unlink()
    cd.run(plan, late="discard", dead="discard")
    made = rows(folder, plan.name)
    target.write_bytes(kept)
    return made


CASES: dict[str, tuple[list[tuple[str, dict[str, Any]]], list[tuple[str, dict[str, Any]]]]] = {
    "another order": (
        [("a", {"called": "x"}), ("b", {"called": "y"})],
        [("b", {"called": "y"}), ("a", {"called": "x"})],
    ),
    "the first is left out, which had named what both share": (
        [("a", {"called": "x"}), ("b", {"called": "y"}), ("c", {"called": "z"})],
        [("b", {"called": "y"}), ("c", {"called": "z"})],
    ),
    "one is left out whose operators were called alike": (
        [("a", {"window": "5s"}), ("b", {"log": "more.jsonl"}), ("c", {})],
        [("b", {"log": "more.jsonl"}), ("c", {})],
    ),
    "one comes whose operators are called alike": (
        [("b", {"log": "more.jsonl"}), ("d", {"window": "7s"})],
        [("a", {}), ("b", {"log": "more.jsonl"}), ("d", {"window": "7s"})],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_goes_on_with_its_own_state(case: str, tmp_path: Path) -> None:
    before, after = ([counted(name, tmp_path, **how) for name, how in plans] for plans in CASES[case])
    dropped = case == "one is left out whose operators were called alike"
    both(tmp_path, before, after, dropped=dropped)
    known = {plan.name for plan in before}
    for plan in after:
        if plan.name in known:
            assert rows(tmp_path, plan.name) == wanted(tmp_path, plan), plan.name


def test_their_order_does_not_matter_to_what_they_are_called_together(tmp_path: Path) -> None:
    plans = [counted("a", tmp_path), counted("b", tmp_path, window="5s")]
    both(tmp_path, plans, plans[::-1], name="")
    assert find(DirectoryStore(str(tmp_path / "state")), "job").pipeline == "a + b"
    for plan in plans:
        assert rows(tmp_path, plan.name) == wanted(tmp_path, plan)


def test_state_is_not_taken_for_that_of_another_that_is_called_alike_now(tmp_path: Path) -> None:
    """One of two shares nothing with the other, and alone it is called what the other was called alone."""
    first, other = counted("a", tmp_path), counted("b", tmp_path, log="more.jsonl")
    with pytest.raises(OptionError, match="state would be left behind") as caught:
        both(tmp_path, [first, passed("z", tmp_path, "log.jsonl")], [other, passed("z", tmp_path, "log.jsonl")])
    assert "(of a)" in str(caught.value.detail)


def test_what_was_shared_and_is_not_any_more_is_told(tmp_path: Path) -> None:
    plans = [counted("a", tmp_path), counted("b", tmp_path)]
    parted = [counted("a", tmp_path, window="5s"), counted("b", tmp_path)]
    with pytest.raises(OptionError, match="state would be left behind") as caught:
        both(tmp_path, plans, parted)
    assert "(of a, b)" in str(caught.value.detail) or "any more" in str(caught.value.detail)


def test_a_source_that_others_share_is_not_read_anew_in_silence(tmp_path: Path) -> None:
    plans = [passed("a", tmp_path, "log.jsonl"), passed("b", tmp_path, "log.jsonl")]
    parted = [passed("a", tmp_path, "log.jsonl"), passed("b", tmp_path, "more.jsonl")]
    with pytest.raises(OptionError, match="would be read from its start") as caught:
        both(tmp_path, plans, parted)
    assert "a, b" in caught.value.detail
    run(tmp_path, parted, dropped=True)


def test_positions_of_sources_that_were_called_alike_are_each_their_own(tmp_path: Path) -> None:
    plans = [passed("a", tmp_path, "log.jsonl"), passed("b", tmp_path, "more.jsonl")]
    both(tmp_path, [*plans, passed("c", tmp_path, "more.jsonl")], [*plans[1:], passed("c", tmp_path, "more.jsonl")])
    for plan in (plans[1], passed("c", tmp_path, "more.jsonl")):
        assert rows(tmp_path, plan.name) == wanted(tmp_path, plan)
