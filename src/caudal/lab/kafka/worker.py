"""Processes of an experiment: a child that can be killed, frozen and stopped, and the one that is `caudal run`."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from caudal.core.errors import RunError

_PATIENCE = 60.0
"""Seconds that a worker has to drain."""


class Child:
    """A process in a directory, which is killed at the end: a context manager. `name`: of the file that it writes errors to."""

    def __init__(self, command: Sequence[str], folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._said = folder / f"{name}.err"
        with self._said.open("ab") as said:
            self.process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def check(self) -> None:
        """Raise `RunError` where it has ended."""
        ended = self.process.poll()
        if ended is not None:
            raise RunError(f"a worker ended with exit code {ended}", detail=self.said())

    def said(self) -> str:
        """Return the end of what it has said."""
        return "\n".join(self._said.read_text(errors="replace").splitlines()[-8:])

    def freeze(self) -> None:
        """SIGSTOP: it keeps its connections, and does nothing until `thaw`."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL, and wait for its end; idempotent."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def stop(self, patience: float = _PATIENCE) -> str:
        """SIGTERM: it drains, or is killed when `patience` (seconds) is over. Return how it ended; "drained" is well."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()
            return f"did not end within {patience:g} s of SIGTERM"
        return "drained" if code == 0 else f"ended with exit code {code}"


class Worker(Child):
    """`caudal run` of a pipeline of this package; `name`: the worker's own in its group, "" for none; `program`:
    the module that is run as `caudal`."""

    def __init__(
        self,
        pipeline: str,
        folder: Path,
        settings: Mapping[str, Any],
        *,
        every: str,
        name: str = "",
        threads: int = 1,
        more: Sequence[str] = (),
        program: str = "caudal",
    ) -> None:
        self.name = name
        command = [sys.executable, "-m", program, "run", str(Path(__file__).with_name(f"{pipeline}.py"))]
        command += ["--checkpoint", "state", "--every", every, "--threads", str(threads), *more]
        command += ["--worker", name] if name else []
        for key, value in settings.items():
            command += ["--set", f"{key}={value}"]
        super().__init__(command, folder, name or "worker")
