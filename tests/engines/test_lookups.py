"""Lookups in files on the engines: the version of the start on all of them, and none where it cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from engine_scenarios import require

import caudal as cd
from caudal.core.errors import InputError
from caudal.engines.jvm.execution import JvmExecution
from caudal.runner.verify import verify

pytestmark = pytest.mark.engines


def plan(folder: Path) -> Any:
    rows = "".join(f'{{"t": {i}, "ip": "10.0.{i % 300 // 256}.{i % 256}", "name": "n{i % 7}"}}\n' for i in range(2000))
    (folder / "log.jsonl").write_text(rows)
    schema = {"t": "timestamp", "ip": "string", "name": "string"}
    rows_ = cd.source("files", path=str(folder / "log.jsonl"), format="json", schema=schema, event_time="t")
    nets = cd.table(
        "files",
        path=str(folder / "nets.csv"),
        key="net",
        match="cidr",
        schema={"net": "string", "zone": "string"},
        reload="60s",
    )
    names = cd.table("files", path=str(folder / "names.csv"), key="name", schema={"name": "string", "who": "string"})
    return cd.Pipeline("p", rows_.lookup(nets, on="ip").lookup(names, how="inner").to("console"))


def write(folder: Path) -> None:
    (folder / "nets.csv").write_text("net,zone\n10.0.0.0/24,a\n10.0.0.128/25,b\n10.0.1.7,c\n")
    (folder / "names.csv").write_text("name,who\nn1,one\nn2,two\nn2,last\n")


@pytest.mark.parametrize("engine", ["flink", "spark"])
def test_tables_in_files_give_the_rows_that_the_local_engine_gives(engine: str, tmp_path: Path) -> None:
    require(engine)
    write(tmp_path)

    def changed(label: str) -> None:  # the versions of the start are met by all
        (tmp_path / "names.csv").write_text("name,who\nn3,three\n")

    given = plan(tmp_path)
    found = verify(given, ["local", engine], watch=changed)
    assert found.equal, found.to_text()


@pytest.mark.parametrize("engine", ["flink", "spark"])
def test_a_table_that_cannot_be_read_is_an_error_before_the_engine_starts(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require(engine)
    write(tmp_path)
    given = plan(tmp_path)
    (tmp_path / "nets.csv").write_text("net,zone\n10.0.0.0/24,a\n10.0.0.1/25,b\n")
    monkeypatch.setattr(JvmExecution, "_launch", None)
    with pytest.raises(InputError, match="row 2 has no network in 'net'"):
        cd.run(given, engine=engine, dead="discard")
