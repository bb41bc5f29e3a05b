"""The examples, unchanged, over real and made logs: the same rows on the local engine, on Flink and on Spark."""

from __future__ import annotations

import gzip
import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import cases
import engine_scenarios
import pytest
from running import QUICK

from caudal.runner.lineage import lineages
from caudal.runner.load import load
from caudal.testing.elsewhere import run_on
from caudal.testing.harness import difference
from caudal.testing.running import Case, Result

pytestmark = pytest.mark.engines
ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
netflow = cases.module(ROOT / "tests" / "unit" / "detect" / "test_netflow.py")


def _made(name: str, rows: list[Any]) -> str:
    path = Path(mkdtemp()) / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def _nginx() -> str:
    packed = files("caudal.detect").joinpath("data/nginx_loopback_access.jsonl.gz").read_bytes()
    rows = [json.loads(line) for line in gzip.decompress(packed).splitlines()]
    wanted = [{"ip": r["remote_addr"], "timestamp": round(r["msec"] * 1000), "code": r["status"]} for r in rows]
    return _made(
        "access.jsonl", [*wanted[:99], {"ip": 7, "timestamp": 1}, {"ip": "late", "timestamp": 1}, *wanted[99:]]
    )


def _messages() -> str:
    stages = dict(zip(("stage1", "stage2", "stage3", "stage4", "stage5"), (5, 8, 11, 8, 5), strict=True))
    return _made("messages.jsonl", [{"id": i, **stages, "timestamp": i} for i in range(40)])


EXAMPLES: dict[str, Any] = {
    "dos": lambda: {"path": _nginx()},
    "burst": lambda: {"path": _messages()},
    "netflow": lambda: {"path": _made("flows.jsonl", [*netflow.events(150, seed=3)])},
}
REAL = {
    "not_found_floods": ("path", "weblogs/elastic_apache_logs.log.gz"),
    "port_scan": ("path", "zeek/002_nmap_portscan_conn.json.gz"),
    "suricata_signatures": ("path", "suricata/eve_alerts_wrccdc-2018.jsonl.gz"),
}


@cache
def prepared() -> dict[str, Case]:
    """Return the examples over their input; those over shared logs only where these are."""
    settings = {name: make() for name, make in EXAMPLES.items()}
    settings |= {name: {key: str(SHARED / log)} for name, (key, log) in REAL.items() if (SHARED / log).exists()}
    return {name: Case(load(ROOT / "examples" / f"{name}.py", settings=given)) for name, given in settings.items()}


@cache
def results(engine: str) -> dict[str, Result]:
    """Return what an engine makes of all of them, in one process."""
    found = prepared()
    if engine == "local":
        return {name: case.run() for name, case in found.items()}
    return dict(zip(found, run_on(engine, [*found.values()], QUICK), strict=True))


@pytest.mark.parametrize("engine", ["flink", "spark"])
@pytest.mark.parametrize("name", [*EXAMPLES, *REAL])
def test_the_same_rows(engine: str, name: str) -> None:
    engine_scenarios.require(engine)
    if name not in prepared():
        pytest.skip(f"{REAL[name][1]} is not among the shared data here")
    local, there = results("local")[name], results(engine)[name]
    assert any(local.outputs.values()), "an example without a row proves nothing"
    taken = lineages(prepared()[name].plan)
    for output, rows in local.outputs.items():
        columns = [column for column in rows[0] if column not in taken[output].volatile] if rows else None
        assert not difference(rows, there.outputs[output], columns)
    for wanted, got in ((local.late, there.late), (local.dead, there.dead)):
        for operator, rows in wanted.items():
            assert not difference(rows, got[operator])
