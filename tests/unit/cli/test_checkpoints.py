"""`caudal checkpoints` and `caudal savepoint`: what they print, and an upgrade of a job that runs."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Caudal = Callable[..., Any]
Start = Callable[..., "subprocess.Popen[bytes]"]

PIPELINE = """
import caudal as cd

settings = cd.settings(more=False, every="2s")
rows = cd.source("files", path="log.jsonl", format="json", schema={"t": "int64", "k": "string", "n": "int64"},
                 event_time="t", name="rows")
more = {"sum": cd.sum("n")} if settings.more else {}
counts = rows.group_by("k").window(cd.tumbling(settings.every)).agg(total=cd.count(), **more, name="counts")
pipeline = cd.Pipeline("counts", counts.to("files", path="out.jsonl", name="out"))
"""


def append(here: Path, start: int, stop: int) -> None:
    with (here / "log.jsonl").open("a") as log:
        log.writelines(json.dumps({"t": i * 100, "k": "ab"[i % 2], "n": i}) + "\n" for i in range(start, stop))


@pytest.fixture
def state(here: Path, caudal: Caudal) -> Path:
    """Checkpoints of a run that has come to its end, and a savepoint."""
    (here / "p.py").write_text(PIPELINE)
    append(here, 0, 100)
    assert caudal("run", "p.py", "--checkpoint", "state", "--quiet").code == 0
    return here / "state"


def taken(here: Path, store: str) -> int:
    """Return how far the last checkpoint in a store has read, -1 where there is none."""
    manifests = sorted((here / store / "job").glob("*.json")) if (here / store / "job").is_dir() else []
    try:
        return json.loads(manifests[-1].read_bytes().split(b"\n")[0])["positions"][0][2] if manifests else -1
    except FileNotFoundError:
        return -1


def wait(until: Callable[[], bool], process: Any) -> None:
    give_up = time.monotonic() + 120
    while not until():
        assert time.monotonic() < give_up
        with pytest.raises(subprocess.TimeoutExpired):  # it runs
            process.wait(0.05)


def test_ls_show_and_verify(state: Path, caudal: Caudal) -> None:
    listed = caudal("checkpoints", "ls", "state", "--json").summary["checkpoints"]
    last = listed[-1]
    assert (last["last"], last["complete"], last["savepoint"], last["pipeline"]) == (True, True, False, "counts")
    assert "last, end of data" in caudal("checkpoints", "ls", "state").out
    shown = caudal("checkpoints", "show", f"state@{last['id']}", "--json").summary
    assert shown["id"] == last["id"]
    assert [(o["operator"], o["kind"]) for o in shown["operators"]] == [("counts", "panes")]
    assert shown["positions"] == [
        {
            "source": "rows",
            "partition": "log.jsonl",
            "position": (state.parent / "log.jsonl").stat().st_size,
            "watermark": 2**62,
        }
    ]
    text = caudal("checkpoints", "show", "state").out
    assert f"checkpoint {last['id']} of counts" in text
    assert "counts: panes" in text
    verified = caudal("checkpoints", "verify", "state", "--json")
    assert (verified.code, verified.summary["damaged"]) == (0, [])


def test_verify_names_what_is_damaged(state: Path, caudal: Caudal) -> None:
    path = max((state / "job").glob("*.json"))
    whole = path.read_bytes()
    path.write_bytes(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])
    ended = caudal("checkpoints", "verify", "state")
    assert ended.code == 1
    assert f"damaged: job/{path.name}: its hash is not that of its text" in ended.out
    assert caudal("checkpoints", "verify", "state", "--json").summary["damaged"][0]["file"] == f"job/{path.name}"
    assert f"job/{path.name}" in caudal("checkpoints", "ls", "state").out
    refused = caudal("checkpoints", "gc", "state")
    assert refused.code == 1
    assert "what it names is not known" in refused.err


def test_a_damaged_checkpoint_stays_the_last_one(here: Path, caudal: Caudal) -> None:
    """What a run refuses to go on from is not passed over in the list."""
    (here / "p.py").write_text(PIPELINE)
    append(here, 0, 3000)
    assert caudal("run", "p.py", "--checkpoint", "state", "--every", "10ms", "--quiet").code == 0
    *_, last = sorted((here / "state" / "job").glob("*.json"))
    whole = last.read_bytes()
    last.write_bytes(whole[:-9])
    ended = caudal("checkpoints", "ls", "state", "--json")
    rows = ended.summary["checkpoints"]
    assert ended.code == 1
    assert [row.get("name") for row in rows if row["last"]] == [f"job/{last.name}"]
    assert caudal("run", "p.py", "--checkpoint", "state").code == 1
    last.write_bytes(whole)
    assert caudal("checkpoints", "ls", "state").code == 0


def test_gc(state: Path, caudal: Caudal) -> None:
    (state / "job" / "000000000009-abcdef01.state").write_bytes(b"left by a crash")
    assert "1 more belong to none" in caudal("checkpoints", "verify", "state").out
    ended = caudal("checkpoints", "gc", "state")
    assert ended.out == "removed job/000000000009-abcdef01.state\n1 files removed, 15 bytes\n"
    assert caudal("checkpoints", "gc", "state", "--json").summary["removed"] == []


@pytest.mark.parametrize("action", ["ls", "show", "verify", "gc"])
def test_where_there_are_none(here: Path, caudal: Caudal, action: str) -> None:
    for url in (".", "nowhere"):
        ended = caudal("checkpoints", action, url)
        assert ended.code == 2
        assert "there is no directory nowhere" in ended.err or "checkpoint" in ended.err
    assert json.loads(caudal("checkpoints", action, "nowhere", "--json").out)["error"]["message"]


def test_windows_are_kept_or_closed(here: Path, caudal: Caudal) -> None:
    (here / "p.py").write_text(PIPELINE)
    append(here, 0, 5)
    ended = caudal("run", "p.py", "--checkpoint", "state", "--flush")
    assert (ended.code, (here / "out.jsonl").exists(), (here / "state").exists()) == (2, False, False)
    assert "--flush closes windows for good" in ended.err


def test_plan(state: Path, caudal: Caudal) -> None:
    same = caudal("checkpoints", "plan", "p.py", "state")
    assert same.code == 0
    assert "nothing has changed" in same.out
    more = caudal("checkpoints", "plan", "p.py", "state", "--set", "more=true")
    assert "migrated  counts" in more.out
    assert "the aggregate sum is new, and begins with no rows" in more.out
    other = caudal("checkpoints", "plan", "p.py", "state", "--set", "every=3s")
    assert "refused   counts" in other.out
    assert "--allow-dropped-state" in other.out
    assert caudal("checkpoints", "plan", "p.py", "state", "--set", "every=3s", "--json").summary["loses"]


def test_the_state_of_a_job_by_itself_is_not_divided(state: Path, caudal: Caudal) -> None:
    ended = caudal("rescale", "p.py", "state", "--partitions", "4")
    assert ended.code == 2
    assert "state holds no checkpoints of a group of workers" in ended.err
    assert caudal("rescale", "p.py", "nowhere", "--partitions", "4").code == 2
    assert caudal("rescale", "p.py", "state").code == 2


def test_a_savepoint_where_no_job_runs(state: Path, caudal: Caudal) -> None:
    ended = caudal("savepoint", "state")
    last = caudal("checkpoints", "show", "state", "--json").summary["id"]
    assert (ended.code, ended.out) == (0, f"state@{last}\n")
    assert "no job runs there" in ended.err
    assert caudal("savepoint", "state").out == ended.out
    listed = caudal("checkpoints", "ls", "state", "--json").summary["checkpoints"]
    assert [each["id"] for each in listed if each["savepoint"]] == [last]
    removed = caudal("checkpoints", "gc", "state", "--savepoints", "--json").summary["removed"]
    assert removed == [f"savepoints/{last}.json"]
    assert caudal("savepoint", ".").code == 2


def test_an_upgrade_has_no_gap_and_no_double(here: Path, start: Start, caudal: Caudal) -> None:
    """v1 runs over a log that is written, v2 takes over from its savepoint, twice; the target has each window once."""
    (here / "p.py").write_text(PIPELINE)
    append(here, 0, 90)
    running = ("run", "p.py", "--follow", "--every", "100ms", "--quiet")
    first = start(*running, "--checkpoint", "one")
    wait(lambda: taken(here, "one") == (here / "log.jsonl").stat().st_size, first)
    append(here, 90, 105)
    going = caudal("savepoint", "one", "--keep-running")
    assert going.code == 0
    assert first.poll() is None
    append(here, 105, 115)
    ended = caudal("savepoint", "one", "--json")
    assert (ended.code, ended.summary["asked"], ended.summary["stopped"]) == (0, True, True)
    assert first.wait(60) == 0
    assert (
        "migrated  counts"
        in caudal("checkpoints", "plan", "p.py", ended.summary["where"], "--set", "more=true", "--follow").out
    )
    for until in (160, 215):
        append(here, 115 if until == 160 else 160, until)
        second = start(*running, "--set", "more=true", "--checkpoint", "two", "--restore", ended.summary["where"])
        wait(lambda: taken(here, "two") == (here / "log.jsonl").stat().st_size, second)
        assert caudal("savepoint", "two").code == 0
        assert second.wait(60) == 0, second.communicate()
    rows = [json.loads(line) for line in (here / "out.jsonl").read_text().splitlines()]
    windows = sorted((row["window_start"], row["k"]) for row in rows)
    assert len(windows) == len(set(windows)) == 20  # ten windows of two keys have closed
    assert all(row["total"] == 10 for row in rows)
    assert [row["sum"] for row in rows if "sum" in row][-2:] == [sum(range(180 + k, 200, 2)) for k in (0, 1)]
    assert caudal("checkpoints", "verify", "one").code == caudal("checkpoints", "verify", "two").code == 0
    refused = caudal("run", "p.py", "--follow", "--checkpoint", "two", "--restore", going.out.strip())
    assert refused.code == 2
    assert "which do not come from" in refused.err


def test_a_followed_run_with_checkpoints_does_not_tell_that_it_repeats_itself(here: Path, start: Start) -> None:
    (here / "p.py").write_text(PIPELINE)
    append(here, 0, 50)
    running = start("run", "p.py", "--follow", "--every", "100ms", "--checkpoint", "state", "--json")
    wait(lambda: taken(here, "state") == (here / "log.jsonl").stat().st_size, running)
    running.terminate()
    out, err = running.communicate(timeout=60)
    assert json.loads(out)["state"] == "drained"
    assert b"repeats its alerts" not in out + err


def test_a_request_that_nobody_waits_for_stops_no_job(here: Path, start: Start) -> None:
    (here / "p.py").write_text(PIPELINE)
    append(here, 0, 50)
    (here / "state" / "requests").mkdir(parents=True)
    for name, until in (("old", time.time() - 5), ("odd", "soon")):
        request = {"caudal_request": 1, "stop": True, "until": until}
        (here / "state" / "requests" / f"{name}.ask").write_text(json.dumps(request))
    (here / "state" / "requests" / "broken.ask").write_text("{")
    job = start("run", "p.py", "--follow", "--checkpoint", "state", "--every", "100ms", "--quiet")
    wait(lambda: taken(here, "state") == (here / "log.jsonl").stat().st_size, job)
    wait(lambda: not list((here / "state" / "requests").iterdir()), job)
    job.terminate()
    assert job.wait(60) == 0


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a bucket of a server that speaks S3, whose address and keys are in the environment."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        address = f"http://{host}:{port}"
        for name, value in (
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", address),
            ("AWS_ALLOW_HTTP", "true"),
        ):
            monkeypatch.setenv(name, value)
        boto3.client("s3", endpoint_url=address).create_bucket(Bucket="states")
        yield "s3://states/jobs"
    finally:
        server.stop()


@pytest.mark.slow
def test_a_job_in_an_object_store_is_killed_goes_on_and_is_upgraded(
    here: Path, start: Start, caudal: Caudal, bucket: str
) -> None:
    (here / "p.py").write_text(PIPELINE)
    append(here, 0, 55)
    running = ("run", "p.py", "--follow", "--every", "100ms", "--quiet")

    def read() -> bool:
        shown = caudal("checkpoints", "show", f"{bucket}/{place}", "--json")
        return shown.code == 0 and shown.summary["positions"][0]["position"] == (here / "log.jsonl").stat().st_size

    place = "one"
    killed = start(*running, "--checkpoint", f"{bucket}/one")
    wait(read, killed)
    killed.kill()
    killed.wait()
    append(here, 55, 105)
    second = start(*running, "--checkpoint", f"{bucket}/one")
    wait(read, second)
    ended = caudal("savepoint", f"{bucket}/one")
    assert (ended.code, second.wait(60)) == (0, 0)
    append(here, 105, 165)
    place = "two"
    more = ("--set", "more=true", "--restore", ended.out.strip())
    third = start(*running, *more, "--checkpoint", f"{bucket}/two")
    wait(read, third)
    third.terminate()
    assert third.wait(60) == 0
    rows = [json.loads(line) for line in (here / "out.jsonl").read_text().splitlines()]
    windows = sorted((row["window_start"], row["k"]) for row in rows)
    assert len(windows) == len(set(windows)) == 16
    assert all(row["total"] == 10 for row in rows)
    assert caudal("checkpoints", "verify", f"{bucket}/one").code == 0
    assert caudal("checkpoints", "gc", f"{bucket}/one").code == 0
    nobody = caudal("savepoint", f"{bucket}/two", "--timeout", "100ms")
    assert nobody.code == 1
    assert "no job has answered" in nobody.err
