"""The connector `files`: files, globs, directories and standard input as sources, files as sinks.

Enters: paths and options, an encoder or a file reader. Leaves: partitions of blocks of whole lines, or of decoded
rows; files that appear whole. May touch: the file system, core, columnar, ports.
Must never: interpret a record, hold a file in memory, import a format, another connector or the plan.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from caudal.connectors.files.follow import FollowedSource
from caudal.connectors.files.parts import part_like
from caudal.connectors.files.paths import STDIN, Paths
from caudal.connectors.files.sink import open_folder, open_sink, target_of
from caudal.connectors.files.source import FilesSource, Opener
from caudal.core.errors import OptionError, nearest
from caudal.core.types import Schema
from caudal.core.unpacking import COMPRESSIONS
from caudal.ports.format import Encoder, FileReader
from caudal.ports.records import Options
from caudal.ports.sink import ShardedSink, Sink
from caudal.ports.source import Source

_COMPRESSIONS = ("auto", "none", *COMPRESSIONS)
_STARTS = ("beginning", "end")


class FilesConnector:
    """Reads and writes files; the options' meaning is in `source` and `sink`."""

    def __init__(self) -> None:
        self.source_options: Options = {
            "path": None,
            "compression": "auto",
            "max_record": 1024 * 1024,
            "max_decoded": 100 * 10**9,
            "follow": False,
            "start": "beginning",
            "poll": 100,
        }
        self.sink_options: Options = {"path": None, "roll": None}

    def source(self, options: Options, file_reader: FileReader | None, schema: Schema) -> Source:
        """Open files for reading.

        `path`: a file, a glob (`**` too), a directory (all files below it that are not hidden), a list of these, or
        "-" for standard input. `compression`: "auto" (the first bytes decide), "none", "gzip", "zstd",
        "xz" (lzma too) or "bz2"; UTF-16 with a byte order mark is read as UTF-8, wherever it is found.
        `max_record`: bytes of the longest record. `max_decoded`: bytes that one compressed file may become.
        `follow`: read what is appended and what appears, until stopped; `start`: where in the files that are there,
        "beginning" or "end"; `poll`: milliseconds between looks for new files.

        Raises `InputError` for a path without a file, or a file that cannot be read; `OptionError` for a value out
        of range or options that exclude each other.
        """
        _one_of(options, "compression", _COMPRESSIONS)
        _one_of(options, "start", _STARTS)
        for name in ("max_record", "max_decoded"):
            if options[name] < 1:
                raise OptionError(f"option '{name}' of files must be at least 1, not {options[name]}")
        if options["poll"] < 0:
            raise OptionError(f"option 'poll' of files must not be negative, not {options['poll']}")
        paths = Paths(options["path"])
        if file_reader is not None and paths.stdin:
            raise OptionError("this format is read from files, not from standard input")
        opener = Opener(options["compression"], options["max_record"], options["max_decoded"])
        if not options["follow"]:
            if options["start"] != "beginning":
                raise OptionError("option 'start' of files goes with follow=True")
            return FilesSource(paths, opener, file_reader)
        if file_reader is not None:
            raise OptionError(
                "this format cannot be followed", hint="its files are whole when they appear; run without follow"
            )
        if paths.stdin and not paths.patterns:
            return FilesSource(paths, opener, None)  # standard input ends when it ends
        return FollowedSource(paths, opener, at_end=options["start"] == "end", poll=options["poll"])

    def sink(
        self, options: Options, encoder: Encoder | None, schema: Schema, *, live: bool, staged: bool = False
    ) -> Sink:
        """Open the file at `path` for writing, or the folder of parts (`roll`).

        See `bounded.BoundedFile`, `appended.AppendedFile`, `committed.CommittedFile` and `parts.Parts`; for the workers of a group
        `sharded.ShardParts`.
        """
        return open_sink(options["path"], encoder, live=live, staged=staged, roll=options.get("roll"))

    def sharded(
        self, options: Options, encoder: Callable[[], Encoder], schema: Schema, name: str
    ) -> ShardedSink | None:
        """Open the folder of parts (`roll`) for the workers of a group; see `sharded.SharedFolder`."""
        return None if options.get("roll") is None else open_folder(options["path"], encoder, options["roll"], name)

    def targets(self, options: Options, suffix: str, *, live: bool) -> list[str]:
        """Return the files that a sink with these options would write or replace, by the paths that they really have.

        The first stands for the target itself. `suffix`: that of the format's files.
        """
        target = target_of(options["path"])
        if options.get("roll") is not None:
            return [target, os.path.join(target, part_like(target, suffix)), f"{target}.partial"]
        return [target, f"{target}.committed"] if live else [target, f"{target}.partial"]


def _one_of(options: Options, name: str, known: tuple[str, ...]) -> None:
    if options[name] not in known:
        raise OptionError(f"option '{name}' of files cannot be '{options[name]}'", hint=nearest(options[name], known))


CONNECTOR = FilesConnector()

__all__ = ["CONNECTOR", "STDIN", "FilesConnector"]
