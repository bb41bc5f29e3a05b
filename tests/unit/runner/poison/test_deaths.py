"""Records that really kill: they become dead letters, all others are processed once, and kills from outside convict nobody."""

from __future__ import annotations

import os
import random
import signal
import threading
from pathlib import Path

import pytest
from tests.unit.runner.poison.deadly import Deadly, line, oracle, positions

pytestmark = pytest.mark.slow

SIGNS = {"segv": "SIGSEGV", "abort": "SIGABRT", "ill": "SIGILL", "exit": "ended with the status 3"}


def test_records_that_kill_are_dead_letters_and_no_others(tmp_path: Path) -> None:
    job = Deadly(tmp_path)
    deaths = {0: "segv", 20_000: "abort", 20_001: "ill", 29_999: "exit"}
    lines = [line(n, f"die-{deaths[n]}" if n in deaths else "fine") for n in range(30_000)]
    (tmp_path / "in.deadly").write_text("".join(lines))
    codes = job.until_done()
    assert -signal.SIGSEGV in codes
    good = [n for n in range(30_000) if n not in deaths]
    assert job.rows() == good
    assert job.counts() == oracle((n, "fine") for n in good)
    at = positions(lines)
    assert [(each["position"], each["reason"], each["payload"]) for each in job.letters()] == [
        (at[n], "poison", lines[n].rstrip()) for n in sorted(deaths)
    ]
    assert [each["message"].rpartition(": ")[2] for each in job.letters()] == [SIGNS[how] for how in deaths.values()]
    assert [each["position"] for each in job.convicted()] == [at[n] for n in sorted(deaths)]
    assert not list((tmp_path / "state" / "attempts").glob("*"))


@pytest.mark.parametrize("how", ["hang", "stuck"])
def test_a_record_that_hangs_is_one_of_them(tmp_path: Path, how: str) -> None:
    job = Deadly(tmp_path, "--hang", "3s")
    lines = [line(n, f"die-{how}" if n == 700 else "fine") for n in range(1000)]
    (tmp_path / "in.deadly").write_text("".join(lines))
    assert job.until_done() == [1, 0]
    assert job.rows() == [n for n in range(1000) if n != 700]
    (letter,) = job.letters()
    assert (letter["position"], letter["reason"]) == (positions(lines)[700], "poison")
    assert "hangs" in letter["message"]


def test_a_record_that_takes_all_memory_is_one_of_them(tmp_path: Path) -> None:
    job = Deadly(tmp_path, "--memory", "200MB")
    lines = [line(n, "die-memory" if n == 700 else "fine") for n in range(1000)]
    (tmp_path / "in.deadly").write_text("".join(lines))
    assert job.until_done() == [-signal.SIGABRT, 0]
    assert job.rows() == [n for n in range(1000) if n != 700]
    (letter,) = job.letters()
    assert letter["position"] == positions(lines)[700]
    assert "memory" in letter["message"]


def test_a_job_that_follows_goes_on_behind_the_record_that_killed_it(tmp_path: Path) -> None:
    job = Deadly(tmp_path, "--follow")
    path = tmp_path / "in.deadly"
    lines = [line(n) for n in range(500)]
    path.write_text("".join(lines))
    pause = threading.Event()
    with job.start() as process:
        while len(job.rows()) < 500:
            assert process.poll() is None
            pause.wait(0.05)
        lines += [line(500, "die-segv"), *(line(n) for n in range(501, 600))]
        with path.open("a") as file:
            file.writelines(lines[500:])
        assert job.ended(process) == -signal.SIGSEGV
    with job.start() as process:
        while len(job.rows()) < 599:
            assert process.poll() is None
            pause.wait(0.05)
        process.send_signal(signal.SIGTERM)
        assert job.ended(process) == 0
    assert job.rows() == [n for n in range(600) if n != 500]
    assert [each["position"] for each in job.convicted()] == [positions(lines)[500]]


def test_deaths_that_no_record_causes_by_itself_end_the_job(tmp_path: Path) -> None:
    """The format kills over a block of two certain records, and over neither of them alone."""
    job = Deadly(tmp_path)
    text = (tmp_path / "deadly.py").read_text()
    text = text.replace("at = data.find(b'\"die-')", "at = data.find(b'\"die-') if data.count(b'\"die-') > 1 else -1")
    (tmp_path / "deadly.py").write_text(text)
    lines = [line(n, "die-segv" if n in (3, 4) else "fine") for n in range(100)]
    (tmp_path / "in.deadly").write_text("".join(lines))
    codes = [job.run() for _ in range(5)]
    assert codes == [-signal.SIGSEGV] * 4 + [1], job.said
    assert "no record does it by itself" in job.said
    assert not job.convicted()


def killed(tmp_path: Path, kills: int, seed: int, poison: bool) -> None:
    """Kill a job that follows a growing file again and again; nobody but the poison, if there is any, is convicted."""
    draw = random.Random(seed)
    job = Deadly(tmp_path, "--follow")
    path = tmp_path / "in.deadly"
    lines: list[str] = []

    def grow(count: int) -> None:
        more = [line(n) for n in range(len(lines), len(lines) + count)]
        lines.extend(more)
        with path.open("a") as file:
            file.writelines(more)

    grow(1000)
    guilty: set[int] = set()
    pause = threading.Event()
    done = 0
    while done < kills:
        grow(draw.randrange(500))
        if poison and done == kills // 2 and not guilty:
            guilty.add(len(lines))
            lines.append(line(len(lines), "die-segv"))
            with path.open("a") as file:
                file.write(lines[-1])
        with job.start() as process:
            pause.wait(draw.choice([0.3, 1.0, 2.0, 4.0]) * draw.random())
            grow(draw.randrange(500))
            done += process.poll() is None
            process.send_signal(draw.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))
            assert job.ended(process) in (-signal.SIGKILL, 0, 128 + signal.SIGTERM, -signal.SIGTERM, -signal.SIGSEGV), (
                job.said
            )
    good = [n for n in range(len(lines)) if n not in guilty]
    for _ in range(3):
        with job.start() as process:
            while len(job.rows()) < len(good) and process.poll() is None:
                pause.wait(0.05)
            process.send_signal(signal.SIGTERM)
            if job.ended(process) == 0:
                break
    assert job.rows() == good
    assert [each["position"] for each in job.convicted()] == [positions(lines)[n] for n in sorted(guilty)]


@pytest.mark.parametrize("poison", [False, True])
def test_a_few_random_kills_convict_nobody(tmp_path: Path, poison: bool) -> None:
    killed(tmp_path, 8, 5 + poison, poison)


@pytest.mark.nightly
@pytest.mark.parametrize("poison", [False, True])
def test_three_hundred_random_kills_convict_nobody(tmp_path: Path, poison: bool) -> None:
    killed(tmp_path, 300, int(os.environ.get("SEED", "1")), poison)
