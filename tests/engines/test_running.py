"""Flink and Spark on this machine, as a user runs them: odd input, failures, signals, scripts that stand alone."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from engine_scenarios import require
from running import DEADLINE, DOS, FUNCTION, Place, end, until

from caudal.cli.commands import LOGS
from caudal.engines import environments

pytestmark = pytest.mark.engines
LOG = Path(__file__).parents[2] / "src" / "caudal" / "detect" / "data" / LOGS["json"][0]


@pytest.fixture(params=["flink", "spark"])
def engine(request: pytest.FixtureRequest) -> str:
    require(request.param)
    return request.param


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    (made.folder / "log.jsonl").write_bytes(gzip.decompress(LOG.read_bytes()))
    (made.folder / "dos.py").write_text(DOS)
    return made


def test_odd_places_broken_files_and_several_sinks(engine: str, place: Place) -> None:
    """One run over all that is odd and must not matter, or must matter as it does locally."""
    folder = place.folder / "in put ü"
    folder.mkdir()
    (place.folder / "log.jsonl").rename(folder / "a lög.jsonl")
    lines = "".join(json.dumps({"remote_addr": "x", "msec": 1.5, "status": i}) + "\n" for i in range(20_000))
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(lines.encode())[:-2000])
    (folder / "c.jsonl").write_text("")
    (folder / "d.jsonl").write_text('{"remote_addr": "y", "msec": 2.5, "status": 401}\nno JSON\n{"msec": "x"}\n')
    more = (
        'name="alerts"), requests.filter(col("status") == 401).to("console", name="shown"),\n'
        '    requests.filter(col("remote_addr") == "y").to("files", path=settings.out, format="json", name="more"))'
    )
    (place.folder / "dos it.py").write_text(DOS.replace('name="alerts"))', more))
    ended = {}
    for name in ("local", engine):
        settings = ["--set", "path=in put ü/*", "--set", f"out=out/ä {name}.jsonl", "--set", "threshold=40"]
        ended[name] = place.run("run", "dos it.py", "--engine", name, "--threads", "3", *settings)
    here, there = ended["local"], ended[engine]
    assert (here.code, there.code) == (1, 1), there.err
    for kind in ("", ".dead", ".late"):
        assert place.rows(f"out/ä {engine}{kind}.jsonl") == place.rows(f"out/ä local{kind}.jsonl")
    assert len(place.rows(f"out/ä {engine}.jsonl")) > 1
    assert len(place.rows(f"out/ä {engine}.dead.jsonl")) >= 3
    shown, expected = (sorted(line.split() for line in each.out.splitlines()) for each in (there, here))
    assert shown == expected, "but for how wide columns are: that depends on what is written at once"
    assert len(shown) > 400
    assert "b.jsonl.gz" in there.err, "the broken file is named"
    assert f"running on {engine}: " in there.err
    assert "watermark" not in there.err
    assert place.left() == []


@pytest.mark.parametrize(
    ("body", "firsts", "then"),
    [
        (
            "import os; os._exit(7)",  # of the job's own process where functions run in it, of a worker elsewhere
            ["its process ended (exit code 7) and said nothing of why", "a Python worker of the job died"],
            "a function that ends its process",
        ),
    ],
    ids=["death"],
)
def test_a_job_that_fails(engine: str, place: Place, body: str, firsts: list[str], then: str) -> None:
    (place.folder / "p.py").write_text(FUNCTION.replace("BODY", body))
    ended = place.run("run", "p.py", "--quiet", "--engine", engine)
    assert (ended.code, ended.out) == (1, "")
    head, first, second, where = ended.err.splitlines()
    assert head == f"error: the job on {engine} failed"
    assert any(text in first for text in firsts), first
    assert then in second
    assert place.left() == [Path(where.partition("all of it: ")[2]).name]
    assert sorted(os.listdir(place.folder)) == ["dos.py", "log.jsonl", "p.py"]


def test_functions_that_cannot_run_are_refused_before_anything_starts(engine: str, place: Place) -> None:
    """A module that only caudal's own interpreter has, and a function that numba cannot compile."""
    for body, what in (
        ("import pytest; return pytest.approx(status)", "given() imports pytest, which the engine's interpreter"),
        ("return status[0]", "numba cannot compile given()"),
    ):
        text = FUNCTION.replace("BODY", body)
        (place.folder / "p.py").write_text(text.replace("@cd.row", "@cd.jit") if "pytest" not in body else text)
        for command in ("run", "check"):
            ended = place.run(command, "p.py", "--engine", engine)
            assert (ended.code, ended.out) == (2, ""), ended.err
            assert what in ended.err
            assert "running on" not in ended.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 1)])
def test_a_signal_cancels_the_job(engine: str, place: Place, number: int, code: int) -> None:
    mark = place.folder / "began"
    body = f"import pathlib, time; pathlib.Path({str(mark)!r}).touch(); time.sleep(0.5); return status"
    (place.folder / "p.py").write_text(FUNCTION.replace("BODY", body))
    process = place.start("run", "p.py", "--engine", engine)
    until(lambda: mark.exists() or process.poll() is not None, "the function is not called")
    process.send_signal(number)
    ended = end(process)
    assert ended.code == code, ended.err
    assert f"{signal.Signals(number).name}: cancelling the job; once more ends at once" in ended.err
    assert f"error: the job on {engine} was cancelled; nothing was written" in ended.err
    assert "Traceback" not in ended.err
    assert place.left() == []
    assert sorted(os.listdir(place.folder)) == ["began", "dos.py", "log.jsonl", "p.py"]


def test_a_second_signal_ends_at_once(engine: str, place: Place) -> None:
    (place.folder / "p.py").write_text(FUNCTION.replace("BODY", "return status"))
    process = place.start("run", "p.py", "--engine", engine)
    assert process.stderr is not None
    for line in process.stderr:  # its own process is only starting
        if line.startswith("running on"):
            break
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    ended = end(process)
    assert ended.code in (1, 128 + signal.SIGINT, 128 + signal.SIGTERM), ended.err
    assert "Traceback" not in ended.err
    until(lambda: place.left() == [], f"there is left: {place.left()}")
    assert not (place.folder / "made.jsonl").exists()


def test_the_shipped_detection_by_its_name(engine: str, place: Place) -> None:
    about = ["--set", "path=log.jsonl", "--set", "key=remote_addr", "--set", "time=msec"]
    for name in ("local", engine):
        ended = place.run("run", "dos", "--quiet", "--engine", name, *about, "--set", f"out={name}.jsonl")
        assert ended.code == 0, ended.err
    assert place.rows(f"{engine}.jsonl") == place.rows("local.jsonl")
    assert len(place.rows("local.jsonl")) == 6


def test_the_script_stands_alone(engine: str, place: Place) -> None:
    with (place.folder / "log.jsonl").open("a") as log:
        log.write("no JSON\n")
    assert place.run("run", "dos.py", "--quiet", "--set", "out=here.jsonl").code == 0
    explained = place.run("explain", "dos.py", "--engine", engine, "--set", "out=there.jsonl", "-o", "job.py")
    assert (explained.code, explained.out) == (0, ""), explained.err
    kept = {name: os.environ[name] for name in ("PATH", "JAVA_HOME", "HOME") if name in os.environ}
    done = subprocess.run(
        [str(environments.python(engine)), "-I", "job.py"],
        cwd=place.folder,
        env={**kept, "TMPDIR": str(place.aside)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "1 dead letter of the reason syntax: not valid JSON" in done.stderr
    assert place.rows("there.jsonl") == place.rows("here.jsonl")
    assert len(place.rows("there.jsonl")) == 6
    assert place.rows("there.dead.jsonl") == place.rows("here.dead.jsonl")
    assert len(place.rows("there.dead.jsonl")) == 1
    assert [name for name in os.listdir(place.aside) if name.startswith("rows-")] == []


def test_without_dead_letters_the_engine_reads_by_itself(engine: str, place: Place) -> None:
    assert place.run("run", "dos.py", "--quiet", "--set", "out=here.jsonl").code == 0
    ended = place.run("run", "dos.py", "--json", "--engine", engine, "--dead", "discard", "--threads", "1")
    assert (ended.code, ended.err) == (0, "")
    summary = json.loads(ended.out)
    assert (summary["engine"], summary["state"], summary["rows"]) == (engine, "done", 5217)
    assert any("the engine's own reader took the place of caudal's" in note for note in summary["notes"])
    assert place.rows("alerts.jsonl") == place.rows("here.jsonl")
    assert place.left() == []
