"""Errors that say where, what, why and what to do about it.

Every error a user can meet is a `CaudalError`. The class decides the exit code of the command line:
`UserError` and its kin are mistakes found before anything runs (2), `RunError` a failure while running (1).
"""

from __future__ import annotations

import difflib
import linecache
import os
import sys
import traceback
from collections.abc import Iterable

from caudal.core.shown import shown, shown_lines


class CaudalError(Exception):
    """An error with a location, a message, a detail and a hint; all but the message are optional.

    They are as they came; as text nothing in them steers a terminal, and only a detail has several lines.
    """

    exit_code = 1

    def __init__(self, message: str, *, location: str = "", detail: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.location = location
        self.detail = detail
        self.hint = hint

    def __str__(self) -> str:
        lines = [shown(f"{self.location}: {self.message}" if self.location else self.message)]
        if self.detail:
            lines += [line if line.startswith("  ") else f"  {line}" for line in shown_lines(self.detail).split("\n")]
        if self.hint:
            lines.append(f"  hint: {shown(self.hint)}")
        return "\n".join(lines)

    def _render_traceback_(self) -> list[str]:
        """Return the lines that a notebook shows: the user's own line and the error, without the frames in between.

        With `CAUDAL_DEBUG` set, all of them.
        """
        if os.environ.get("CAUDAL_DEBUG"):
            return "".join(traceback.format_exception(self)).splitlines()
        own = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        lines: list[str] = []
        for frame, line in traceback.walk_tb(self.__traceback__):
            name = frame.f_code.co_filename
            made = name.startswith("<") and not name.startswith(("<ipython", "<stdin", "<console"))
            if not made and not name.startswith((own, sys.prefix)):
                code = linecache.getline(name, line, frame.f_globals).strip()
                lines = [f"{_shown(name)}, line {line}: {code}" if code else f"{_shown(name)}, line {line}"]
        return [*lines, *f"{type(self).__name__}: {self}".splitlines()]

    def at(self, location: str) -> CaudalError:
        """Return self with `location` set, unless it already has one."""
        if not self.location:
            self.location = location
        return self


def in_a_line(error: BaseException) -> str:
    """Return what an error says as one line, for a log or a list.

    >>> in_a_line(CaudalError("no such file", location="p.py", hint="name another"))
    'p.py: no such file; hint: name another'
    """
    return "; ".join(line.strip() for line in str(error).splitlines())


class CaudalWarning(UserWarning):
    """What `collect()` warns of: a run that ended, but may not have seen what it was to see."""


class UserError(CaudalError):
    """A mistake of the user's, found before anything starts."""

    exit_code = 2


class PlanError(UserError):
    """The pipeline does not hang together: unknown column, mismatched type, missing event time ..."""


class NoSuchName(PlanError, AttributeError):
    """A method or attribute that is not there: the hint says what to write instead."""


class Misuse(PlanError, TypeError):
    """Something of Python's that cannot be done with an expression or a stream: the hint says what to write instead."""


class SettingsError(UserError):
    """A setting that does not exist or does not have the type of its default."""


class OptionError(UserError):
    """An unknown connector, format, engine or option, or a bad value for one."""


class InputError(UserError):
    """An input that cannot be opened: missing, unreadable, with a header that does not fit."""


class NotThere(InputError):
    """A file that is to be read, and is not there."""


class RunError(CaudalError):
    """The job failed while it ran: disk full, memory limit, a source that broke."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint that names the closest known name, or lists the known ones.

    >>> nearest("cont", ["count", "sum"])
    "did you mean 'count'?"
    """
    options = sorted(known)
    close = difflib.get_close_matches(name, options, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    if not options:
        return "there are none"
    return f"known: {', '.join(options[:20])}" + (" ..." if len(options) > 20 else "")


def _shown(filename: str) -> str:
    """Return a file's name for people: notebooks name their cells by a path that says nothing."""
    return "in this cell" if "ipykernel" in filename or filename.startswith("<ipython") else filename
