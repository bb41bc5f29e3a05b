"""The command line: `caudal run FILE` and its like.

Enters: arguments, signals. Leaves: text for people on standard error, results on standard output, an exit code.
May touch: runner, testing, observe, checkpoint (to look at), rich. Must never: run anything itself, know an engine, a connector or
a format, print a traceback unless `--debug` asks for one; import what a command does not need.

Exit codes: 0 done, or drained on SIGTERM; 1 failed while running; 2 a mistake of the user's found before start;
3 a comparison found a difference; 130 on SIGINT (a clean drain too); 128 + n where signal n ended it at once.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from argparse import Namespace
from collections.abc import Sequence

from caudal.cli.arguments import parser
from caudal.cli.signals import Interrupted, interrupting, kept
from caudal.core.errors import CaudalError
from caudal.core.shown import shown, shown_lines

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name and return the exit code; raises `SystemExit` for wrong usage."""
    arguments = parser().parse_args(argv)
    try:
        with kept():
            from caudal.cli import commands

            code = commands.COMMANDS[arguments.command](arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # Whoever read standard output has gone; nothing that is still buffered may fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (Exception, Interrupted, KeyboardInterrupt) as error:
        if number := interrupting(error):
            return 128 + number
        return _failed(error, arguments)


def _failed(error: BaseException, arguments: Namespace) -> int:
    if isinstance(error, CaudalError):
        _report(str(error), arguments.debug)
        _report_json(error, arguments)
        return error.exit_code
    hint = "this looks like a defect of caudal: run again with --debug, and report what it prints"
    _report(f"unexpected {shown(f'{type(error).__name__}: {error}')}\n  hint: {hint}", arguments.debug)
    return 1


def _report(text: str, debug: bool) -> None:
    if debug:
        print(shown_lines(traceback.format_exc()), file=sys.stderr, end="")
    print(f"error: {text}", file=sys.stderr)


def _report_json(error: CaudalError, arguments: object) -> None:
    """With --json a mistake or a failure is said as JSON too; that of a run in the form of a summary."""
    if getattr(arguments, "json", False) and getattr(arguments, "command", "") in (
        "run",
        "demo",
        "check",
        "explain",
        "infer",
        "checkpoints",
        "savepoint",
        "rescale",
    ):
        parts = {name: getattr(error, name) for name in ("location", "message", "detail", "hint")}
        print(json.dumps({"caudal_summary": 1, "state": "failed", "error": parts}))
