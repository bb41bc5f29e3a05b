"""Resources: loaded once, replaced whole, closed once, whatever happens; and a table that functions look things up in."""

from __future__ import annotations

import pickle
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import caudal as cd
from caudal import col
from caudal.connectors.files.table import RESOURCE as TABLE
from caudal.core.errors import InputError, OptionError, RunError
from caudal.ports import registry, resource
from caudal.ports.resource import Held, Holding, Resource
from caudal.testing.fakes.resources import FakeKind


def held(kind: Any) -> Held:
    return Held(kind, {"name": ""}, "resource 'fake'")


def test_it_is_loaded_once_by_the_first_of_many_threads_and_warm_before_anybody_has_it() -> None:
    kind = FakeKind()
    gate = threading.Barrier(8)
    made, seen = held(kind), []

    def work() -> None:
        gate.wait()
        with made.use() as value:
            seen.append((value, [*kind.events]))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [(1, ["load 1", "warm 1"])] * 8
    made.close()
    made.close()
    assert kind.events == ["load 1", "warm 1", "close 1"]
    with pytest.raises(RunError, match="was closed"), made.use():
        pass


def test_who_uses_a_version_keeps_it_while_another_takes_its_place() -> None:
    kind = FakeKind()
    made = held(kind)
    with made.use() as first:
        assert made.reload()
        with made.use() as second:
            assert (first, second) == (1, 2)
        assert "close 1" not in kind.events
    assert kind.events == ["load 1", "warm 1", "load 2", "warm 2", "close 1"]
    with made.use() as value:
        made.close()
        assert value == 2
        assert "close 2" not in kind.events
    assert kind.events[-1] == "close 2"


def test_users_go_on_while_a_version_is_loaded() -> None:
    kind = FakeKind()
    made = held(kind)
    with made.use():
        pass
    kind.during = lambda: pytest.fail("it waits") if not _used(made) else None
    assert made.reload()


def _used(made: Held) -> bool:
    with made.use() as value:
        return value == 1


@pytest.mark.parametrize("where", ["fails", "fails_warming"])
def test_what_cannot_be_loaded_leaves_the_version_that_is_there(where: str) -> None:
    kind = FakeKind()
    made = held(kind)
    setattr(kind, where, True)
    with pytest.raises(InputError), made.use():
        pass
    setattr(kind, where, False)
    with made.use() as value:
        first = value
    setattr(kind, where, True)
    assert not made.reload()
    with made.use() as value:
        assert value == first
    made.close()
    loads = [event for event in kind.events if event.startswith("load")]
    closes = [event for event in kind.events if event.startswith("close")]
    assert loads
    assert sorted(e.split()[1] for e in loads) == sorted(e.split()[1] for e in closes)


def test_a_user_that_fails_gives_it_back() -> None:
    kind = FakeKind()
    made = held(kind)
    with pytest.raises(KeyError), made.use():
        raise KeyError
    made.close()
    assert kind.events[-1] == "close 1"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeKind:
    kind = FakeKind()
    before = registry.available
    found = {"fake": SimpleNamespace(load=lambda: kind)}
    monkeypatch.setattr(registry, "available", lambda name: found if name == "resource" else before(name))
    monkeypatch.setattr(resource, "holding", Holding())
    monkeypatch.setattr("caudal.runner.drive.holding", resource.holding)
    return kind


def test_equal_resources_are_one_in_a_process(fake: FakeKind) -> None:
    with Resource("fake", name="a").use() as a, pickle.loads(pickle.dumps(Resource("fake", name="a"))).use() as b:
        assert a == b == 1
    with Resource("fake", name="b").use() as other:
        assert other == 2
    with pytest.raises(OptionError, match="did you mean 'name'"):
        Resource("fake", nmae="a")
    with pytest.raises(OptionError, match="unknown resource"):
        Resource("fakes")


@pytest.mark.parametrize("fails", [False, True])
def test_a_run_closes_what_its_functions_have_loaded_once_even_where_it_fails(fake: FakeKind, fails: bool) -> None:
    number = Resource("fake", name="n")

    @cd.batch(returns="int64")
    def added(a: Any) -> Any:
        with number.use() as value:
            return a + value

    def rows() -> Any:
        yield {"a": 1}
        if fails:
            raise ValueError("no more")

    source = cd.source("memory", rows=rows, schema={"a": "int64"})
    into: list[pa.Table] = []
    plan = cd.Pipeline("p", source.with_columns(b=added(col("a"))).to("memory", into=into))
    if fails:
        with pytest.raises(RunError):
            cd.run(plan, late="discard", dead="discard")
    else:
        cd.run(plan, late="discard", dead="discard")
        assert [row["b"] for table in into for row in table.to_pylist()] == [2]
    assert fake.events in (["load 1", "warm 1", "close 1"], []), "a run that fails may not have come to it"
    assert fails or fake.events


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    if path.suffix == ".csv":
        lines = [",".join(rows[0]), *(",".join(str(value) for value in row.values()) for row in rows)]
        path.write_text("\n".join(lines) + "\n")
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        import json

        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


HOSTS = [{"ip": "192.0.2.1", "owner": "web"}, {"ip": "192.0.2.2", "owner": "mail"}]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_row_function_looks_up_a_table_in_its_own_process(tmp_path: Path, suffix: str) -> None:
    hosts = Resource("table", path=write(tmp_path / f"hosts{suffix}", HOSTS), key="ip")

    @cd.row(returns="string")
    def owner(ip: str) -> str | None:
        with hosts.use() as table:
            return table[ip]["owner"] if ip in table else None

    rows = [{"ip": ip} for ip in ("192.0.2.2", "192.0.2.9", "192.0.2.1")]
    source = cd.source("memory", rows=rows, schema={"ip": "string"})
    found = source.with_columns(owner=owner(col("ip"))).collect("arrow").to_pylist()
    assert [row["owner"] for row in found] == ["mail", None, "web"]


def test_a_table_is_refused_that_cannot_be_looked_up_in_and_a_reload_keeps_the_old_one(tmp_path: Path) -> None:
    def load(path: str, key: str = "ip") -> Any:
        return TABLE.load({"path": path, "key": key}).value

    path = write(tmp_path / "hosts.csv", HOSTS)
    assert dict(load(path)) == {row["ip"]: row for row in HOSTS}
    with pytest.raises(InputError, match=r"has no column 'ipp'(.|\n)*did you mean 'ip'"):
        load(path, "ipp")
    with pytest.raises(InputError, match="does not tell rows apart"):
        load(write(tmp_path / "twice.csv", [*HOSTS, HOSTS[0]]))
    (tmp_path / "empty.csv").write_text("ip,owner\n")
    with pytest.raises(InputError, match="has no row"):
        load(str(tmp_path / "empty.csv"))
    with pytest.raises(InputError, match="cannot read"):
        load(str(tmp_path / "none.csv"))
    (tmp_path / "bad.jsonl").write_text("{")
    with pytest.raises(InputError, match="cannot read"):
        load(str(tmp_path / "bad.jsonl"))
    with pytest.raises(OptionError, match="read from a"):
        load(write(tmp_path / "hosts.txt", HOSTS))
    made = Held(TABLE, {"path": path, "key": "ip"}, "hosts")
    with made.use() as before:
        (tmp_path / "hosts.csv").write_text("")
        assert not made.reload()
        write(tmp_path / "hosts.csv", HOSTS[:1])
        assert made.reload()
        with made.use() as after:
            assert (len(before), len(after)) == (2, 1)
    made.close()
