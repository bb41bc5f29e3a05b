"""A job whose sinks have a transaction: its rows appear with its commit, whatever becomes of the answer."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import caudal as cd
from caudal.core.errors import OptionError, RunError
from caudal.ports import registry
from caudal.ports.sink import TransactionalSink
from caudal.ports.transaction import Fenced
from caudal.runner import Job
from caudal.runner.epochs import Epochs
from caudal.testing.fakes.broker import Broker, BrokerSink, BrokerTransaction

ROWS = [{"n": n} for n in range(5)]


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    made = Broker()

    class Connector:
        sink_options = {"topic": ""}  # noqa: RUF012

        def sink(self, options: Any, encoder: Any, schema: Any, *, live: bool, staged: bool = False) -> BrokerSink:
            return BrokerSink(made, options["topic"])

    before = registry.available
    found = {**before("connector"), "fake": SimpleNamespace(load=Connector)}
    monkeypatch.setattr(registry, "available", lambda kind: found if kind == "connector" else before(kind))
    return made


def plan(tmp_path: Path) -> Any:
    source = cd.source("memory", rows=ROWS, schema={"n": "int64"})
    small, large = source.filter(cd.col("n") < 2), source.filter(cd.col("n") >= 2)
    out = str(tmp_path / "out.jsonl")
    return cd.Pipeline(
        "p",
        small.to("fake", topic="small"),
        large.to("fake", topic="large"),
        source.to("files", path=out, format="json"),
    )


def run(tmp_path: Path) -> Job:
    return Job(plan(tmp_path), late="discard", dead="discard")


def test_all_topics_appear_with_one_commit_and_files_behind_it(broker: Broker, tmp_path: Path) -> None:
    job = run(tmp_path)
    assert all(isinstance(sink, TransactionalSink) == hasattr(sink, "domain") for sink in job.bindings.sinks.values())
    assert len(broker.holders) == 1
    commit = BrokerTransaction.commit
    seen: list[Any] = []

    def watched(self: BrokerTransaction) -> Any:
        seen.append((dict(broker.rows), (tmp_path / "out.jsonl").exists()))
        return commit(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BrokerTransaction, "commit", watched)
        job.run()
    assert seen == [({}, False)]
    assert broker.rows == {"small": ROWS[:2], "large": ROWS[2:]}
    assert (tmp_path / "out.jsonl").read_text().count("\n") == 5


@pytest.mark.parametrize("lose", ["before", "after"])
def test_an_answer_that_is_lost_is_read_back(broker: Broker, tmp_path: Path, lose: str) -> None:
    broker.lose = lose
    job = run(tmp_path)
    if lose == "after":
        job.run()
    else:
        with pytest.raises(RunError, match="could not be committed"):
            job.run()
    broker.arrive()  # what was under way must not count once the run has said that it failed
    assert broker.rows == ({"small": ROWS[:2], "large": ROWS[2:]} if lose == "after" else {})
    assert (tmp_path / "out.jsonl").exists() == (lose == "after")


def test_one_that_fails_shows_nothing(broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise RunError("no room")

    monkeypatch.setattr(BrokerSink, "prepare", full)
    with pytest.raises(RunError, match="no room"):
        run(tmp_path).run()
    assert broker.rows == {}
    assert list(tmp_path.iterdir()) == []


def test_who_is_fenced_off_ends_and_shows_nothing(broker: Broker, tmp_path: Path) -> None:
    first = run(tmp_path)
    second = run(tmp_path)
    with pytest.raises(Fenced):
        first._epochs._transaction.begin(2)  # type: ignore[union-attr]
    with pytest.raises((RunError, Fenced)):
        first.run()
    assert broker.rows == {}
    second.run()
    assert broker.rows == {"small": ROWS[:2], "large": ROWS[2:]}


def test_two_systems_cannot_be_committed_at_once() -> None:
    one, other = BrokerSink(Broker(), "a"), BrokerSink(Broker(), "b")
    other.domain = "fake://another"
    with pytest.raises(OptionError, match="cannot be committed at once"):
        Epochs({"a": one, "b": other}, "p")
