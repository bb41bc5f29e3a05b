"""A job that writes epochs to a file through a sink and keeps their receipts, as plainly as can be; and what may go wrong in it."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from caudal.connectors.files.sink import open_sink

KINDS = ("committed", "bounded", "parts", "small parts", "footers")


class Lines:
    """Lines with a header, and a footer where files are `whole`."""

    suffix = ".txt"

    def __init__(self, *, whole: bool = False) -> None:
        self.whole = whole

    def begin(self, out: Any, *, append: bool) -> None:
        self.out = out
        if not append:
            out.write(b"header\n")

    def encode(self, table: Any) -> bytes:
        return table

    def write(self, payload: bytes) -> None:
        self.out.write(payload)

    def end(self) -> None:
        if self.whole:
            self.out.write(b"footer\n")


class Job:
    """`rows(epoch)`: those of each of its epochs. Its store is a file beside the target's folder, replaced by rename."""

    def __init__(self, folder: Path, kind: str, rows: list[list[bytes]]) -> None:
        self.kind = kind
        self.rows = rows
        self.folder = folder / "out"
        self.target = self.folder / "alerts.txt"
        self._store = folder / "store.json"

    def open(self) -> Any:
        roll = {"parts": "1h", "small parts": "20B", "footers": "1h"}.get(self.kind)
        encoder: Any = Lines(whole=self.kind == "footers")
        return open_sink(str(self.target), encoder, live=self.kind != "bounded", staged=True, roll=roll)

    @property
    def last(self) -> tuple[int, Any]:
        """The last epoch that was committed, and its receipt."""
        try:
            epoch, receipt = json.loads(self._store.read_text())
        except FileNotFoundError:
            return 0, None
        return epoch, receipt

    def commit(self, epoch: int, receipt: Any) -> None:
        temporary = self._store.with_suffix(".new")
        temporary.write_text(json.dumps([epoch, receipt]))
        temporary.rename(self._store)

    def run(self, step: Callable[[], None] = lambda: None) -> None:
        """Go on behind the last epoch to the end; `step` is called between any two calls."""
        epoch, receipt = self.last
        sink = self.open()
        try:
            step()
            sink.recover(epoch, receipt)
            while epoch < len(self.rows):
                step()
                for data in self.rows[epoch]:
                    sink.write(data)
                    step()
                epoch += 1
                receipt = json.loads(json.dumps(sink.prepare(epoch, last=epoch == len(self.rows))))
                step()
                self.commit(epoch, receipt)
                step()
                sink.publish(epoch, receipt)
            step()
            sink.finish()
        except Exception:
            sink.abort()
            raise

    def written(self) -> list[bytes]:
        """The rows that stand in the target, as far as the names of its files say that it is whole."""
        if self.kind in ("committed", "bounded"):
            lines = self.target.read_bytes().splitlines()
            assert lines[0] == b"header"
            assert b"header" not in lines[1:]
            return lines[1:]
        found = []
        for path in sorted(p for p in self.target.iterdir() if not p.name.startswith(".")):
            lines = path.read_bytes().splitlines()
            assert lines[0] == b"header", path
            assert (lines[-1] == b"footer") == (self.kind == "footers"), path
            found += [line for line in lines if line not in (b"header", b"footer")]
        return found

    def check(self) -> None:
        """All rows of all epochs stand in the target, once and in order; nothing else is left."""
        assert self.written() == b"".join(data for rows in self.rows for data in rows).splitlines()
        folder = self.folder if self.kind in ("committed", "bounded") else self.target
        left = {p.name for p in folder.iterdir() if p.name.startswith(".") or p.suffix != ".txt"}
        expected = {"committed": {"alerts.txt.committed"}, "bounded": set()}.get(self.kind, {".manifest.jsonl"})
        assert left == expected
        if self.kind == "committed":
            assert int((folder / "alerts.txt.committed").read_text()) == self.target.stat().st_size
        elif self.kind != "bounded":
            entries = [json.loads(line) for line in (folder / ".manifest.jsonl").read_text().splitlines()]
            parts = {p.name: p.stat().st_size for p in folder.iterdir() if not p.name.startswith(".")}
            assert [entry["part"] for entry in entries] == sorted(parts)
            assert {entry["part"]: entry["bytes"] for entry in entries} == parts


class Killed(BaseException):
    """The process is dead: from then on nothing that it asks of the system happens."""


class Faults:
    """Lets the system's calls fail. `at`: the number of the first that does; `how`: an error's number, "short" or "kill"."""

    def __init__(self, at: int, how: int | str) -> None:
        self.calls = 0
        self.dead = False
        self._at = at
        self._how = how
        self._opened: list[int] = []

    @contextmanager
    def injected(self) -> Iterator[None]:
        real = {name: getattr(os, name) for name in ("write", "fsync", "replace", "open", "unlink", "ftruncate")}
        with pytest.MonkeyPatch.context() as patch:
            for name, call in real.items():
                patch.setattr(os, name, self._faulty(name, call))
            try:
                yield
            finally:
                if self.dead:
                    for fd in self._opened:
                        try:
                            os.close(fd)
                        except OSError:
                            pass

    def _faulty(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def faulty(*args: Any, **options: Any) -> Any:
            self.calls += 1
            if self.dead or (self.calls == self._at and self._how == "kill"):
                self.dead = True
                raise Killed
            if self.calls == self._at and isinstance(self._how, int):
                raise OSError(self._how, os.strerror(self._how))
            if name == "write" and self._how == "short" and self.calls >= self._at and len(args[1]) > 1:
                if self.calls > self._at:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                return call(args[0], bytes(args[1][: len(args[1]) // 2]))
            made = call(*args, **options)
            if name == "open":
                self._opened.append(made)
            return made

        return faulty
