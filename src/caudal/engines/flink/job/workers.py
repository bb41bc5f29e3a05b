"""Python workers that are forked rather than started: an interpreter with all that they import takes seconds to start.

Flink starts a Python process for every operator that calls functions, and for each of its subtasks. Here the program that
Flink takes for the interpreter asks a process that has imported everything already to fork one, and stands for it
until it ends. Spark's own daemon does the same.
"""

from __future__ import annotations

import array
import json
import os
import runpy
import select
import shlex
import signal
import socket
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Any

_WORKER = ["-m", "pyflink.fn_execution.beam.beam_boot"]
_MAIN = "pyflink.fn_execution.beam.beam_sdk_worker_main"
_IMPORTED = [
    "pandas",
    "pyarrow",
    "pyflink.fn_execution.beam.beam_operations",
    _MAIN,
]
"""What every worker imports."""

_ASKS = """import array, json, os, socket, sys
given = sys.argv[1:]
if given[:2] != {worker!r}:
    os.execv({python!r}, [{python!r}, *given])
asked = json.dumps([given[2:], dict(os.environ), os.getcwd()]).encode("utf-8", "surrogateescape")
with socket.socket(socket.AF_UNIX) as server:
    os.chdir({folder!r})  # an address may not be long
    server.connect("workers")
    server.sendmsg([b"%16d" % len(asked)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [1, 2]))])
    server.sendall(asked)
    told = server.recv(16)
os._exit(int(told) if told else 1)
"""


def forked_workers(folder: str, modules: Sequence[str] = ()) -> str:
    """Start the process that forks workers; return the program that Flink is to take for the interpreter.

    `modules`: what it imports beforehand, beside what all workers import: nothing that starts threads. Call it before any
    thread runs. Its files go into `folder`. The process, and all that it forked, end with this one.
    """
    asks, program = os.path.join(folder, "asks.py"), os.path.join(folder, "python")
    with open(asks, "w", encoding="utf-8") as file:
        file.write(_ASKS.format(worker=_WORKER, python=sys.executable, folder=folder))
    with open(program, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -IS {shlex.quote(asks)} "$@"\n')
    os.chmod(program, 0o700)
    server = socket.socket(socket.AF_UNIX)
    before = os.getcwd()
    os.chdir(folder)
    server.bind("workers")
    os.chdir(before)
    server.listen(64)
    gone, kept = os.pipe()
    if os.fork() == 0:
        os.close(kept)
        try:
            _serve(server, gone, modules)
        finally:
            os._exit(0)
    os.close(gone)
    server.close()
    # `kept` stays open as long as this process lives: that is how the other one knows
    return program


def _serve(server: Any, gone: int, modules: Sequence[str]) -> None:
    """Fork a process for each that asks, until the pipe `gone` ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that watch over workers
    for module in [*_IMPORTED, *modules]:
        import_module(module)
    _name_print(sys.modules[_MAIN])

    while True:
        ready, _, _ = select.select([server, gone], [], [])
        if gone in ready:
            return
        asking, _ = server.accept()
        if os.fork() == 0:
            server.close()
            try:
                _watch(asking, gone)
            finally:
                os._exit(1)
        asking.close()


def _name_print(main: Any) -> None:
    """Let the print that a worker gets be found where its module and name say, or numba cannot be imported there."""
    make = main.CustomPrint

    def named(print_: Any) -> Any:
        made = make(print_)
        made.print = main.print = made.print  # from now on one and the same object
        return made

    main.CustomPrint = named


def _watch(asking: Any, gone: int) -> None:
    """Run a worker for the one that asks, tell its exit code; end it where nobody waits for it any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, rights, _, _ = asking.recvmsg(16, socket.CMSG_SPACE(8))
    outputs = array.array("i", rights[0][2])
    text = asking.makefile("rb").read(int(size))
    arguments, environment, folder = json.loads(text.decode("utf-8", "surrogateescape"))
    ended, alive = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ended)
        asking.close()
        for number, output in enumerate(outputs, 1):
            os.dup2(output, number)
            os.close(output)
        _work(arguments, environment, folder)
    os.close(alive)
    for output in outputs:
        os.close(output)
    ready, _, _ = select.select([asking, ended, gone], [], [])
    if ended not in ready:
        os.kill(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if ended in ready and code not in (0, 1):
        # Flink says only that a connection ended; 1 is an exception, which is told
        sys.stderr.write(f"A forked Python worker died (exit code {code})\n")
        sys.stderr.flush()
    if asking not in ready:
        asking.sendall(b"%d" % (code if code >= 0 else 128 - code))
    os._exit(0)


def _work(arguments: list[str], environment: dict[str, str], folder: str) -> None:
    """Be the worker, as the interpreter would be that was started with these; never returns."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        sys.path[:0] = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
        sys.argv = ["beam_boot", *arguments]
        runpy.run_module(_WORKER[1], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
