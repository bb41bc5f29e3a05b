"""Signals and pipes, on processes of their own. Every wait is for an event, with a deadline."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from caudal.cli import commands, main
from caudal.cli.signals import Interrupted
from caudal.core.errors import RunError

pytestmark = pytest.mark.slow

DEADLINE = 100.0
Start = Callable[..., "subprocess.Popen[bytes]"]


class Pipe:
    """The reading end of a named pipe that a sink writes to."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._rest = b""

    def wait(self) -> None:
        """Wait until something can be read."""
        ready, _, _ = select.select([self._fd], [], [], DEADLINE)
        assert ready, "nothing came before the deadline"

    def row(self) -> dict[str, Any]:
        """Wait for a line and return it as a row."""
        while b"\n" not in self._rest:
            self.wait()
            more = os.read(self._fd, 1 << 16)
            assert more, "the writer has gone"
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        return json.loads(line)

    def close(self) -> None:
        os.close(self._fd)


@pytest.fixture
def pipe(here: Path) -> Iterator[Pipe]:
    pipe = Pipe(here / "pipe")
    yield pipe
    pipe.close()


def end(process: subprocess.Popen[bytes]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=DEADLINE)
    return process.returncode, (out or b"").decode(), err.decode()


def append(path: Path, *rows: dict[str, Any]) -> None:
    with open(path, "ab") as file:
        file.write(b"".join(json.dumps(row).encode() + b"\n" for row in rows))


def row(t: int, ip: str = "a") -> dict[str, Any]:
    return {"ip": ip, "t": t, "code": 401}


@pytest.mark.parametrize(
    ("number", "flush", "code"),
    [(signal.SIGTERM, False, 0), (signal.SIGINT, False, 130), (signal.SIGINT, True, 130)],
)
def test_follow_gives_an_alert_for_appended_lines_and_a_signal_drains(
    start: Start, here: Path, pipe: Pipe, number: int, flush: bool, code: int
) -> None:
    log = here / "log.jsonl"
    append(log, row(1000), row(1001))
    arguments = ["run", "p.py", "--follow", "--json", "--set", "out=pipe", *(["--flush"] if flush else [])]
    process = start(*arguments)
    append(log, row(1002), row(2500))
    assert pipe.row()["n"] == 3
    append(log, row(2600), row(2601), row(3001))
    alert = pipe.row()
    assert (alert["window_start"], alert["n"]) == ("1970-01-01T00:00:02.000Z", 3)
    process.send_signal(number)
    returned, out, err = end(process)
    assert (returned, err) == (code, "")
    summary = json.loads(out)
    assert summary["state"] == "drained"
    assert summary["rows"] == 7
    (counts,) = [e for e in summary["ledger"] if e["operator"] == "counts"]
    assert (counts["absorbed"], counts["buffered"]) == ((7, 0) if flush else (6, 1))


def test_a_drained_bounded_run_leaves_the_target_and_a_partial_file(start: Start, here: Path, pipe: Pipe) -> None:
    text = (here / "p.py").read_text()
    second = 'name="alerts"), rows.to("files", path="pipe", format="json")'
    (here / "two.py").write_text(text.replace('name="alerts")', second))
    (here / "alerts.jsonl").write_text("of the last run\n")
    process = start("run", "two.py", "--set", "path=-", "--set", "threshold=0", stdin=subprocess.PIPE)
    assert process.stdin is not None
    for t in (100, 1200, 2300):
        process.stdin.write(json.dumps(row(t)).encode() + b"\n")
    process.stdin.flush()
    assert [pipe.row()["t"] for _ in range(3)] == [100, 1200, 2300]
    process.send_signal(signal.SIGTERM)
    process.wait(DEADLINE)  # before its standard input is closed, which would end it as well
    returned, out, err = end(process)
    assert (returned, out) == (0, "")
    assert "drained" in err
    assert "alerts.jsonl.partial (the run was stopped" in err
    assert (here / "alerts.jsonl").read_text() == "of the last run\n"
    assert [json.loads(line)["n"] for line in (here / "alerts.jsonl.partial").read_text().splitlines()] == [1, 1]


def test_a_second_signal_ends_at_once_and_leaves_nothing_unfinished(start: Start, here: Path, pipe: Pipe) -> None:
    text = (here / "p.py").read_text()
    second = 'name="alerts"), rows.to("files", path="pipe", format="json")'
    (here / "two.py").write_text(text.replace('name="alerts")', second))
    append(here / "log.jsonl", *(row(t) for t in range(20_000)))
    process = start("run", "two.py")
    pipe.wait()  # it runs, and writes more than the pipe takes: without a reader it cannot end by itself
    assert [name for name in os.listdir(here) if name.endswith(".tmp")]
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    returned, _, err = end(process)
    assert returned == 128 + signal.SIGTERM
    assert "Traceback" not in err
    assert [name for name in os.listdir(here) if name.endswith((".tmp", ".partial", "alerts.jsonl"))] == []


def test_a_signal_before_there_is_a_job(start: Start, here: Path, pipe: Pipe) -> None:
    os.mkfifo(here / "log.jsonl")  # without a writer: opening it waits
    text = (here / "p.py").read_text()
    said = 'import os; os.write(os.open("pipe", os.O_WRONLY), b"{}\\n")\nrows ='
    (here / "said.py").write_text(text.replace("rows =", said))
    process = start("run", "said.py")
    pipe.row()
    process.send_signal(signal.SIGINT)
    returned, out, err = end(process)
    assert (returned, out) == (130, "")
    assert "Traceback" not in err
    assert not (here / "alerts.jsonl").exists()


def _in_a_client() -> None:
    try:
        raise Interrupted(signal.SIGTERM)
    except Interrupted as interrupted:
        raise SystemError("returned a result with an exception set") from interrupted


def _caught_in_a_client() -> None:
    try:
        _in_a_client()
    except SystemError as error:
        raise RunError("a topic cannot be made") from error


def _in_a_function() -> None:
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt as interrupt:
        raise RunError("a function failed") from interrupt


@pytest.mark.parametrize(("fails", "code"), [(_in_a_client, 143), (_caught_in_a_client, 143), (_in_a_function, 1)])
def test_a_signal_while_a_client_in_c_works(
    fails: Callable[[], None], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(commands.COMMANDS, "engines", lambda _: fails())
    assert main(["engines"]) == code
    assert bool(capsys.readouterr().err) == (code == 1)


def test_a_signal_inside_a_callback_that_drops_exceptions(start: Start, here: Path) -> None:
    """As those of importing do: the interrupt comes again, while the opening of a log waits."""
    os.mkfifo(here / "log.jsonl")
    told = "os.kill(os.getpid(), signal.SIGINT), sum(1 for _ in range(1000))"
    dropped = (
        f"import os, signal, weakref\nthing = set()\nseen = weakref.ref(thing, lambda _: ({told}))\ndel thing\nrows ="
    )
    (here / "said.py").write_text((here / "p.py").read_text().replace("rows =", dropped))
    returned, out, err = end(start("run", "said.py"))
    assert (returned, out, err) == (130, "", "")


def test_standard_input(start: Start, here: Path) -> None:
    process = start("run", "p.py", "--json", "--set", "path=-", stdin=subprocess.PIPE)
    out, err = process.communicate(b"".join(json.dumps(row(t)).encode() + b"\n" for t in range(5)), timeout=DEADLINE)
    assert (process.returncode, err) == (0, b"")
    assert json.loads(out)["rows"] == 5
    assert json.loads((here / "alerts.jsonl").read_text())["n"] == 5


CONSOLE = ('alerts.to("files", path=settings.out, format="json", name="alerts")', 'alerts.to("console", name="alerts")')


def closed_pipe() -> int:
    """Return the writing end of a pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def test_rows_into_a_pipe_without_a_reader(start: Start, here: Path, pipeline) -> None:
    append(here / "log.jsonl", *(row(t) for t in range(5)))
    pipeline(CONSOLE)
    writer = closed_pipe()
    returned, _, err = end(start("run", "p.py", stdout=writer))
    os.close(writer)
    assert returned == 1
    assert "error: cannot write to the console: its reader has gone" in err
    assert "Traceback" not in err
    assert "Exception ignored" not in err


@pytest.mark.parametrize("arguments", [["explain", "p.py"], ["detections"], ["run", "p.py", "--json"]])
def test_results_into_a_pipe_without_a_reader(start: Start, here: Path, arguments: list[str]) -> None:
    append(here / "log.jsonl", *(row(t) for t in range(5)))
    writer = closed_pipe()
    returned, _, err = end(start(*arguments, stdout=writer))
    os.close(writer)
    assert (returned, err) == (1, "")


def test_with_json_the_console_writes_to_standard_error(start: Start, here: Path, pipeline) -> None:
    append(here / "log.jsonl", *(row(t) for t in range(5)))
    pipeline(CONSOLE)
    returned, out, err = end(start("run", "p.py", "--json"))
    assert returned == 0
    assert json.loads(out)["state"] == "done"
    assert err.split() == [
        "ip=a",
        "window_start=1970-01-01T00:00:00.000Z",
        "window_end=1970-01-01T00:00:01.000Z",
        "n=5",
    ]


def test_live_display_on_a_terminal(start: Start, here: Path, pipeline) -> None:
    append(here / "log.jsonl", *(row(t) for t in range(5)))
    pipeline(CONSOLE)
    ours, theirs = os.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "160"}
    process = start("run", "p.py", stderr=theirs, env=environment)
    os.close(theirs)
    shown = b""
    while True:
        ready, _, _ = select.select([ours], [], [], DEADLINE)
        assert ready
        try:
            more = os.read(ours, 1 << 16)
        except OSError:  # the other end is closed
            break
        if not more:
            break
        shown += more
    os.close(ours)
    out, _ = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0
    text = shown.decode()
    assert [name for name in ("elapsed", "watermark", "in flight", "alerts", "dead") if name not in text] == []
    assert "\x1b[" in text
    assert b"n=5" in out, "rows go to standard output though the display is on standard error"
    assert b"\x1b" not in out
