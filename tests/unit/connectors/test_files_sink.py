"""Files as targets: whole or not at all, and by whole lines."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from caudal.connectors.files import CONNECTOR
from caudal.core.errors import InputError, OptionError, RunError
from caudal.core.types import Schema
from caudal.testing.conformance.sinks import end

SCHEMA = Schema.of({"n": "int64"})


class Lines:
    def __init__(self) -> None:
        self.appended: bool | None = None

    def begin(self, out: Any, *, append: bool) -> None:
        self.out = out
        self.appended = append

    def encode(self, table: pa.Table) -> bytes:
        return b"".join(json.dumps(row).encode() + b"\n" for row in table.to_pylist())

    def write(self, payload: Any) -> None:
        self.out.write(payload)

    def end(self) -> None:
        self.out.write(b"end\n")


def open_sink(path: Any, *, live: bool = False, encoder: Any = None) -> Any:
    sink = CONNECTOR.sink({"path": path}, encoder or Lines(), SCHEMA, live=live)
    sink.recover(0, None)
    return sink


def test_the_target_is_as_it_was_until_the_end(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "out.jsonl"
    sink = open_sink(str(target))
    sink.write(b"1\n")
    assert not target.exists()
    assert all(name.startswith(".out.jsonl.") and name.endswith(".tmp") for name in os.listdir(target.parent))
    end(sink)
    assert target.read_bytes() == b"1\nend\n"
    assert os.listdir(target.parent) == ["out.jsonl"]
    again = open_sink(str(target))
    again.write(b"2\n")
    assert target.read_bytes() == b"1\nend\n"
    end(again)
    assert target.read_bytes() == b"2\nend\n"


def test_a_drain_leaves_a_partial_file(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_bytes(b"before\n")
    sink = open_sink(str(target))
    sink.write(b"1\n")
    assert sink.drain() == f"{target}.partial"
    sink.abort()
    assert target.read_bytes() == b"before\n"
    assert (tmp_path / "out.partial").read_bytes() == b"1\nend\n"
    assert sorted(os.listdir(tmp_path)) == ["out", "out.partial"]


def test_an_abort_leaves_nothing(tmp_path: Path) -> None:
    sink = open_sink(str(tmp_path / "out"))
    sink.write(b"1\n" * 1_000_000)
    sink.abort()
    assert os.listdir(tmp_path) == []


def test_what_a_killed_run_has_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path: Path) -> None:
    living = open_sink(str(tmp_path / "out"))
    living.write(b"living\n")
    killed = f"""
import os, signal
from caudal.connectors.files.staging import Staged
kept = Staged.new({str(tmp_path)!r}, "out")
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", killed], check=False).returncode == -9
    kept = [".out.jsonl.0123abcd.tmp", ".out.0123abcd.tmp.bak", ".out.draft001.tmp", ".out.0123abcd9.tmp"]
    for name in kept:
        (tmp_path / name).touch()
    (tmp_path / ".out.aaaaaaaa.tmp").mkdir()
    os.mkfifo(tmp_path / ".out.bbbbbbbb.tmp")
    (tmp_path / "elsewhere").touch()
    os.symlink("elsewhere", tmp_path / ".out.cccccccc.tmp")
    kept += [".out.aaaaaaaa.tmp", ".out.bbbbbbbb.tmp", ".out.cccccccc.tmp", "elsewhere"]
    assert len(os.listdir(tmp_path)) == 2 + len(kept)
    second = open_sink(str(tmp_path / "out"))
    assert len(os.listdir(tmp_path)) == 2 + len(kept), "that of the killed run is gone, that of the living one is there"
    second.write(b"second\n")
    end(second)
    end(living)
    assert (tmp_path / "out").read_bytes() == b"living\nend\n"
    assert sorted(os.listdir(tmp_path)) == sorted(["out", *kept])


def test_a_link_stays_a_link_and_modes_stay(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"")
    os.chmod(tmp_path / "real", 0o640)
    os.symlink("real", tmp_path / "link")
    sink = open_sink(str(tmp_path / "link"))
    end(sink)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"end\n"
    assert stat.S_IMODE(os.stat(tmp_path / "real").st_mode) == 0o640


class Full(Lines):
    """A format whose target has room for so many bytes."""

    def write(self, payload: Any) -> None:
        self.out.write(payload[:3])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_a_failure_that_leaves_nothing(tmp_path: Path) -> None:
    sink = open_sink(str(tmp_path / "out"), encoder=Full())
    with pytest.raises(RunError, match=r"cannot write .*out: No space left on device") as caught:
        sink.write(b"123456\n")
    assert "room" in caught.value.hint
    sink.abort()
    assert os.listdir(tmp_path) == []


def test_a_disk_that_is_full_at_the_end_is_a_failure_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = open_sink(str(tmp_path / "out"))
    sink.write(b"1\n")

    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="No space left"):
        end(sink)
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("live", [True, False])
def test_a_device_is_written_to_as_it_is(live: bool) -> None:
    sink = open_sink("/dev/full", live=live)
    with pytest.raises(RunError, match="cannot write /dev/full: No space left on device"):
        sink.write(b"1\n")
    sink.abort()
    null = open_sink("/dev/null", live=live)
    null.write(b"1\n")
    end(null)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.parametrize("live", [True, False])
def test_what_cannot_be_a_target_is_refused_at_once(
    tmp_path: Path, live: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="it is a directory"):
        open_sink(str(tmp_path), live=live)
    with pytest.raises(InputError, match=r"cannot write .*below"):
        open_sink(str(tmp_path / "file" / "below"), live=live)
    with pytest.raises(OptionError, match="takes a path to write to, not None"):
        open_sink(None, live=live)
    with pytest.raises(OptionError, match="written in a format"):
        CONNECTOR.sink({"path": str(tmp_path / "x")}, None, SCHEMA, live=live)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(InputError, match="permission denied"):
        open_sink(str(tmp_path / "file"), live=live)
    assert os.listdir(tmp_path) == ["file"]


class TestLive:
    def test_every_write_is_visible_and_appended(self, tmp_path: Path) -> None:
        target = tmp_path / "new" / "out"
        for number, before in ((1, b""), (2, b"1\nend\n")):
            encoder = Lines()
            sink = open_sink(str(target), live=True, encoder=encoder)
            assert encoder.appended == (number == 2)
            assert target.read_bytes() == before
            sink.write(b"%d\n" % number)
            assert target.read_bytes() == before + b"%d\n" % number
            end(sink)
        assert target.read_bytes() == b"1\nend\n2\nend\n"

    def test_half_a_line_of_an_earlier_run_is_ended(self, tmp_path: Path) -> None:
        (tmp_path / "out").write_bytes(b"whole\nhal")
        sink = open_sink(str(tmp_path / "out"), live=True)
        assert (tmp_path / "out").read_bytes() == b"whole\nhal"
        sink.write(b"1\n")
        assert (tmp_path / "out").read_bytes() == b"whole\nhal\n1\n"
        sink.abort()
        assert (tmp_path / "out").read_bytes() == b"whole\nhal\n1\n"

    def test_an_append_that_fails_half_way_is_taken_back(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        sink = open_sink(str(tmp_path / "out"), live=True)
        sink.write(b"whole\n")
        real = os.write

        def short(fd: int, data: Any) -> int:
            if len(data) == 8:
                return real(fd, bytes(data[:5]))
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", short)
            with pytest.raises(RunError, match="No space left"):
                sink.write(b"1234567\n")
        assert (tmp_path / "out").read_bytes() == b"whole\n"
        sink.abort()


def test_a_header_is_not_written_again_by_a_run_that_appends(tmp_path: Path) -> None:
    from caudal.formats.csv import FORMAT

    for number in (1, 2):
        sink = open_sink(str(tmp_path / "out.csv"), live=True, encoder=FORMAT.encoder(SCHEMA, FORMAT.writer_options))
        sink.write(sink.encode(pa.table({"n": [number]})))
        end(sink)
    assert (tmp_path / "out.csv").read_bytes() == b"n\n1\n2\n"
