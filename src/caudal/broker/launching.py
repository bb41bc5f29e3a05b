"""Starts the broker's process: its storage made once, its properties written, and waited for until it answers."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from caudal.broker import asking, processes, properties
from caudal.broker.directory import Directory, Receipt, address, end
from caudal.core.errors import OptionError, RunError
from caudal.ports.environment import Say

_OPTIONS = ("-Xmx1g", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true")
_PATIENCE = 60.0
"""Seconds that a broker may take to answer after its start."""
_ANSWER = 2.0
"""Seconds for an answer to the question who is there."""
_TRIES = 3
"""Starts on a free port, which somebody else may take before the broker does."""

_RUN = '"$@" &'
_NUMBERED = 'echo $$ > "$0" && exec "$@"'


@dataclass(frozen=True, slots=True)
class Launch:
    """What a start needs: the broker's directory, Java, the directory of the jars, and who is told of it."""

    found: Directory
    java: str
    jars: Path
    say: Say

    def on(self, before: Receipt, port: int) -> int:
        """Start it on a port, which is returned when it answers there; where it does not, nothing of it stays."""
        _check_free(port)
        receipt = replace(before, port=port)
        self.found.write(receipt)
        self._format(receipt)
        self.say(f"starting Kafka {receipt.version} on {address(port)}")
        try:
            self._spawn(receipt)
            wait(self.found, receipt)
        except BaseException:
            processes.end(self.found, signal.SIGKILL)
            raise
        return port

    def anywhere(self, receipt: Receipt) -> int:
        """Start it on a free port, and again on another where somebody took the first one before the broker did."""
        for _ in range(_TRIES - 1):
            try:
                return self.on(receipt, _free(0))
            except RunError:
                if "Address already in use" not in self.found.tail(200):
                    raise
        return self.on(receipt, _free(0))

    def _format(self, receipt: Receipt) -> None:
        """Make the storage, once: beside its place, and moved there when it is whole."""
        found = self.found
        if found.topics.exists():
            return
        self.say(f"making a broker's storage in {found.path}")
        new = found.path / "topics.new"
        shutil.rmtree(new, ignore_errors=True)
        given = properties.text(receipt.port, _free(receipt.port), new, receipt.settings, receipt.behind)
        found.properties.write_text(given, encoding="ascii")
        tool = ["kafka.tools.StorageTool", "format", "--standalone", "-t", receipt.cluster, "-c", str(found.properties)]
        command = [self.java, "-XX:TieredStopAtLevel=1", "-cp", str(self.jars / "*"), *tool]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            stdin=subprocess.DEVNULL,
            cwd=found.path,
            env=_environment(),
        )
        if done.returncode != 0:
            detail = end(done.stderr or done.stdout)
            raise RunError("the broker's storage cannot be made", location=str(found.path), detail=detail)
        new.rename(found.topics)

    def _spawn(self, receipt: Receipt) -> None:
        """Start the process: it holds the directory's lock, writes down its own number, and is nobody's child."""
        found = self.found
        given = properties.text(receipt.port, _free(receipt.port), found.topics, receipt.settings, receipt.behind)
        found.properties.write_text(given, encoding="ascii")
        found.logging.write_text(properties.LOGGING, encoding="utf-8")
        held = found.hold()
        command = [self.java, *_OPTIONS, f"-Dlog4j2.configurationFile={found.logging}", "-cp", str(self.jars / "*")]
        command += ["kafka.Kafka", str(found.properties)]
        try:
            found.pid_file.unlink(missing_ok=True)
            if found.log.exists():
                found.log.replace(found.log.with_suffix(".log.before"))
            with open(found.log, "wb") as log:
                subprocess.run(
                    ["/bin/sh", "-c", _RUN, "sh", "/bin/sh", "-c", _NUMBERED, str(found.pid_file), *command],
                    check=True,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=found.path,
                    env=_environment(),
                    pass_fds=[held],
                    start_new_session=True,
                )
        finally:
            os.close(held)


def wait(found: Directory, receipt: Receipt) -> None:
    """Return when the broker answers. Raises `RunError` where it ends, or takes too long, with the end of its log."""
    ended = False

    def settled() -> bool:
        nonlocal ended
        if answers(receipt):
            return True
        ended = not found.held()
        return ended

    if not processes.within(_PATIENCE, settled):
        raise RunError(
            f"the broker does not answer on {address(receipt.port)} after {_PATIENCE:g} s",
            location=str(found.path),
            detail=found.tail(),
            hint=f"its log is {found.log}",
        )
    if ended:
        raise RunError(
            "the broker ended while it started",
            location=str(found.path),
            detail=found.tail(),
            hint=f"its log is {found.log}",
        )


def answers(receipt: Receipt) -> bool:
    """Return whether the broker answers, and takes part in its cluster; one of another cluster is another broker."""
    return asking.cluster(properties.HOST, receipt.port, _ANSWER) == receipt.cluster


def _environment() -> dict[str, str]:
    """Return the environment of Java's processes: this one's, where names of files may be any text."""
    return {**os.environ, "LC_ALL": "C.UTF-8"}


def _free(taken: int) -> int:
    """Return a port that nobody listens on, other than `taken`."""
    while True:
        with socket.socket() as probe:
            probe.bind((properties.HOST, 0))
            port = probe.getsockname()[1]
        if port != taken:
            return port


def _check_free(port: int) -> None:
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Java does: no waiting for old connections
            probe.bind((properties.HOST, port))
    except OSError as error:
        raise OptionError(
            f"the port {port} cannot be had",
            detail=error.strerror or str(error),
            hint="is another broker there? --port takes another, --port 0 a free one",
        ) from error
