"""What each command prints."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import caudal as cd
from caudal.cli.arguments import parser
from caudal.plan import wire

DATA = Path(str(files("caudal.detect") / "data"))
HEAVY = {"numpy", "numba", "pyarrow", "polars", "pandas", "rich", "sqlglot", "msgspec", "zstandard"}


@pytest.mark.parametrize("code", ["import caudal", "import caudal.cli; caudal.cli.parser().format_help()"])
def test_start_imports_nothing_heavy(code: str) -> None:
    printed = subprocess.run(
        [sys.executable, "-c", f"import sys; {code}; print(*sys.modules)"], capture_output=True, check=True, text=True
    )
    assert not HEAVY & set(printed.stdout.split())


def test_help_names_every_command(caudal) -> None:
    ended = caudal("--help")
    assert ended.code == 0
    names = ["run", "check", "explain", "demo", "infer", "detections"]
    assert [name for name in names if f"    {name}" not in ended.out] == []
    for name in names:
        assert caudal(name, "--help").code == 0


def test_version(caudal) -> None:
    ended = caudal("--version")
    assert (ended.code, ended.out) == (0, f"caudal {cd.__version__}\n")


def test_run_with_json_prints_the_summary_and_nothing_else(caudal, write) -> None:
    write("log.jsonl", [{"ip": "a", "t": 1000 + i} for i in range(3)])
    ended = caudal("run", "p.py", "--json", "--threads", "1")
    assert (ended.code, ended.err) == (0, "")
    summary = ended.summary
    assert (summary["pipeline"], summary["state"], summary["rows"], summary["threads"]) == ("many", "done", 3, 1)
    assert set(summary["latency_ms"]) == {"p50", "p99", "max"}
    places = {t["role"]: (t["where"], t["rows"]) for t in summary["targets"]}
    assert places == {"out": ("alerts.jsonl", 1), "late": ("alerts.late.jsonl", 0), "dead": ("alerts.dead.jsonl", 0)}
    assert [e["operator"] for e in summary["ledger"]][:2] == ["rows", "counts"]


SEVERAL = """
import caudal as cd
s = cd.settings(path="log.jsonl", {setting}=1)
rows = cd.source("files", path=s.path, format="json", schema={{"ip": "string", "t": "int64"}}, event_time="t")
counts = rows.group_by("ip").window(cd.tumbling("1s")).agg(n=cd.count()).filter(cd.col("n") >= s.{setting})
pipeline = cd.Pipeline("{name}", counts.to("files", path="{name}.jsonl"))
"""


@pytest.fixture
def several(here: Path, write) -> Path:
    """A folder of two pipelines, beside what is no pipeline."""
    write("log.jsonl", [{"ip": "a", "t": 1000 + i} for i in range(3)])
    folder = here / "nets"
    folder.mkdir()
    for name, setting in {"one": "least", "two": "fewest"}.items():
        (folder / f"{name}.py").write_text(SEVERAL.format(name=name, setting=setting))
    for name in ("_shared.py", "test_one.py", "notes.txt"):
        (folder / name).write_text("raise SystemExit")
    return folder


def test_a_folder_of_pipelines_runs_together(caudal, several: Path, here: Path) -> None:
    ended = caudal("run", "nets", "--json", "--set", "fewest=4")
    assert (ended.code, ended.err) == (0, "")
    summaries = [json.loads(line) for line in ended.out.splitlines()]
    assert [(each["pipeline"], each["rows"], each["targets"][0]["rows"]) for each in summaries] == [
        ("one", 3, 1),
        ("two", 3, 0),
    ]
    assert (here / "one.jsonl").read_text().count("\n") == 1
    ended = caudal("run", "nets/one.py", "nets/two.py")
    assert ended.code == 0
    assert "one: done after" in ended.err
    assert "two: done after" in ended.err


def test_a_pipeline_that_does_not_load_is_left_out(caudal, several: Path, here: Path) -> None:
    (several / "three.py").write_text("import caudal as cd\npipeline = cd.Pipeline('x', cd.sauce())\n")
    ended = caudal("run", "nets", "--json")
    assert ended.code == 1
    assert "nets/three.py:2: module 'caudal' has no attribute 'sauce'" in ended.err
    assert [json.loads(line)["state"] for line in ended.out.splitlines()] == ["done", "done", "failed"]
    assert (here / "two.jsonl").exists()
    for path in several.glob("[ot]*.py"):
        path.unlink()
    (several / "four.py").write_text("pipeline = None\n")
    ended = caudal("run", "nets")
    assert (ended.code, "the file has no pipeline" in ended.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nets", "--set", "lest=4"], "unknown setting 'lest'"),
        (["nets/one.py", "nets/nine.py"], "there is no such file"),
        (["nets/one.py", "nets/one.py"], "two pipelines are named 'one'"),
        (["nets", "empty"], "no pipeline file in this directory"),
    ],
)
def test_what_ends_before_any_pipeline_runs(caudal, several: Path, here: Path, arguments: list[str], told: str) -> None:
    (here / "empty").mkdir()
    ended = caudal("run", *arguments)
    assert (ended.code, told in ended.err) == (2, True), ended.err
    assert not (here / "one.jsonl").exists()


def test_explain_tells_the_rows_of_an_alert(caudal, several: Path, here: Path) -> None:
    alert = '{"ip": "a", "n": 3}'
    ended = caudal("explain", "nets/one.py", "--alert", alert)
    assert ended.code == 0
    assert ended.out.splitlines()[-4].split() == ["ip", "t"]
    assert "rows: 3 rows" in ended.out
    ended = caudal("explain", "nets/one.py", "--alert", alert, "--json")
    lines = [json.loads(line) for line in ended.out.splitlines()]
    assert [line["part"] for line in lines] == ["alert", "rows", "rows", "rows"]
    assert [line["row"]["t"] for line in lines[1:]] == [1000, 1001, 1002]
    assert not (here / "one.jsonl").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--alert", "x"], "no such alert"),
        (["--alert", "{"], "no JSON object"),
        (["--alert", "x", "--mermaid"], "--mermaid means nothing"),
        (["--alert", "x", "--engine", "flink"], "the local engine"),
        (["nets/two.py", "--alert", "x"], "of one pipeline"),
    ],
)
def test_alerts_that_are_not_explained(caudal, several: Path, arguments: list[str], told: str) -> None:
    ended = caudal("explain", "nets/one.py", *arguments)
    assert (ended.code, told in ended.err) == (2, True), ended.err


def test_explain_shows_what_pipelines_share(caudal, several: Path) -> None:
    ended = caudal("explain", "nets", "--set", "fewest=4")
    written = ended.out.partition("as it runs")[0]
    assert written.count(" source\n") == written.count("window <- ") == 1
    assert written.count("filter <- ") == 2


def test_run_tells_people_on_standard_error(caudal, write) -> None:
    write("log.jsonl", [{"ip": "a", "t": 1000 + i} for i in range(3)])
    ended = caudal("run", "p.py")
    assert (ended.code, ended.out) == (0, "")
    told = ["many: done after", "3 rows in", "counts", "absorbed 3", "1 row ", "alerts.jsonl"]
    assert [part for part in [*told, "0 late rows", "0 dead letters"] if part not in ended.err] == [], ended.err


def test_quiet_tells_nothing(caudal, write, here: Path) -> None:
    write("log.jsonl", [{"ip": "a", "t": 1000 + i} for i in range(3)])
    ended = caudal("run", "p.py", "--quiet")
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert (here / "alerts.jsonl").exists()


def test_check(caudal, write, here: Path) -> None:
    write("log.jsonl", [{"ip": "a", "t": 1}])
    before = sorted(os.listdir(here))
    ended = caudal("check", "p.py")
    assert (ended.code, ended.err) == (0, "")
    assert "many: 4 operators" in ended.out
    assert "rows: 1 partition to read" in ended.out
    assert json.loads(caudal("check", "p.py", "--json").out)["partitions"] == {"rows": 1}
    assert sorted(os.listdir(here)) == before


def test_explain_shows_the_plan_before_and_after(caudal) -> None:
    ended = caudal("explain", "p.py", "--set", "threshold=77")
    assert (ended.code, ended.err) == (0, "")
    written, running = ended.out.split("as it runs")
    assert "n > 77" in written
    assert "reads 1 of 3 columns: ip" in running
    assert "reads 1 of 3" not in written
    assert "alerts.late.jsonl" in running
    assert "alerts.late.jsonl" not in written
    assert "alerts.late.jsonl" not in caudal("explain", "p.py", "--late", "discard").out


def test_explain_as_mermaid_and_as_json(caudal) -> None:
    both = caudal("explain", "p.py", "--mermaid", "--engine", "spark")
    assert both.code == 2
    assert "--mermaid shows the plan" in both.err
    drawn = caudal("explain", "p.py", "--mermaid").out.splitlines()
    assert drawn[0] == "flowchart LR"
    assert sum("-->" in line for line in drawn) == 3
    told = caudal("explain", "p.py", "--json").out
    plan = wire.loads(told)
    assert plan.name == "many"
    assert json.loads(wire.dumps(plan)) == json.loads(told)


def test_explain_follow(caudal) -> None:
    assert "follow=True" in caudal("explain", "p.py", "--follow").out
    assert "follow=True" not in caudal("explain", "p.py").out


@pytest.mark.parametrize(
    ("form", "name", "key"),
    [("combined", "nginx_loopback_access.log.gz", "ip"), ("json", "nginx_loopback_access.jsonl.gz", "remote_addr")],
)
def test_demo(caudal, here: Path, form: str, name: str, key: str) -> None:
    ended = caudal("demo", "--format", form, "--out", "where")
    assert ended.code == 0
    alerts = [json.loads(line) for line in (here / "where" / "alerts.jsonl").read_text().splitlines()]
    assert f"\n{len(alerts)} alerts\n" in ended.out
    for alert in alerts:
        (line,) = [
            line
            for line in ended.out.splitlines()
            if alert[key] in line and alert["window_start"][11:19] + " to" in line
        ]
        assert alert["window_end"][11:19] in line
        assert f"{alert['total']} requests" in line
        assert f"{alert['refused']} refused" in line
    for place in (str(DATA / name), "where/alerts.jsonl", "nginx_loopback_truth.json"):
        assert place in ended.out
    assert "5,217 rows in" in ended.err


def test_demo_as_json_with_another_threshold(caudal, here: Path) -> None:
    six = caudal("demo", "--json")
    more = caudal("demo", "--json", "--set", "threshold=5", "--threads", "1")
    assert six.summary["targets"][0] == {
        "operator": "alerts", "where": "caudal-demo/alerts.jsonl", "rows": 6, "role": "out", "drained": False
    }  # fmt: skip
    assert more.summary["targets"][0]["rows"] > 6
    assert more.summary["threads"] == 1


def test_detections_tell_their_settings(caudal) -> None:
    assert caudal("detections").out.startswith("dos  Denial of service")
    told = caudal("detections", "dos").out
    assert "  threshold=30\n" in told
    assert "  codes=[401, 403]\n" in told
    assert "Settings:" in told


def pasted(text: str, path: Path, **more: Any) -> cd.Stream:
    """A source made of what `infer` printed."""
    arguments = eval(f"dict(\n{text}\n)")
    return cd.source("files", path=str(path), **{**arguments, **more})


def test_infer_prints_what_can_be_pasted(caudal) -> None:
    for name, columns in (("nginx_loopback_access.jsonl.gz", 9), ("nginx_loopback_access.log.gz", 12)):
        ended = caudal("infer", str(DATA / name))
        assert (ended.code, ended.err) == (0, "")
        frame = pasted(ended.out, DATA / name).collect()
        assert frame.shape == (5217, columns)
        assert frame.null_count()["status"][0] == 0


def test_infer_from_code(here: Path, write, capsys: pytest.CaptureFixture[str]) -> None:
    rows = b'{"a": {"b.c": [1, 2], "t": "2024-01-01T00:00:00Z"}, "quote\\"d": true}\n'
    path = write("nested.jsonl", rows)
    schema = cd.infer(path)
    assert str(schema) == 'a: struct<b.c: list<int64>, t: timestamp>, quote"d: bool'
    assert pasted(capsys.readouterr().out, path, event_time=None).schema == schema


def test_infer_csv_by_name_and_by_format(caudal, write, here: Path) -> None:
    write("log.csv", "ip,n,when\na,1,2024-01-01T00:00:00Z\nb,2,2024-01-01T00:00:01Z\n")
    write("log.tsv.gz", gzip.compress(b"ip\tn\na\t1.5\n"))
    write("log.txt", "ip,n\na,x\n")
    told = json.loads(caudal("infer", "log.csv", "--json").out)
    assert told == {
        "path": "log.csv", "format": "csv", "options": {}, "lines": 3,
        "event_time": [{"column": "when", "event_time": '"when"'}],
        "schema": {"ip": "string", "n": "int64", "when": "timestamp"},
    }  # fmt: skip
    tabs = caudal("infer", "log.tsv.gz", "--format", "csv", "--option", "delimiter=\t")
    assert str(pasted(tabs.out, here / "log.tsv.gz", event_time=None).schema) == "ip: string, n: float64"
    assert json.loads(caudal("infer", "log.txt", "--format", "csv", "--json").out)["schema"]["n"] == "string"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("log.txt", b"hello\n", "cannot tell the format"),
        ("log.jsonl", b"hello\n", "no record of format 'json'"),
        ("log.jsonl", b"", "it has no lines"),
        ("log.csv", b"a,a\n1,2\n", "twice"),
        ("log.parquet", b"PAR1", "Parquet"),
        ("log.jsonl.gz", b"no gzip", "no record of format 'json'"),
    ],
)
def test_infer_what_cannot_be_told(caudal, write, name: str, content: bytes, told: str) -> None:
    write(name, content)
    ended = caudal("infer", name)
    assert ended.code == 2
    assert told in ended.err
    assert name in ended.err


@pytest.mark.parametrize(
    ("text", "size"), [("2GB", 2 * 10**9), ("1.5 MiB", 3 << 19), ("500k", 500_000), ("17", 17), ("3Ti", 3 << 40)]
)
def test_sizes(text: str, size: int) -> None:
    assert parser().parse_args(["run", "p.py", "--max-state", text]).max_state == size
