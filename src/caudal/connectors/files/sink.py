"""Files as targets: what kind of one a path is."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable

from caudal.connectors.files.appended import AppendedFile
from caudal.connectors.files.bounded import BoundedFile
from caudal.connectors.files.committed import CommittedFile
from caudal.connectors.files.parts import Parts, Roll, stem_of
from caudal.connectors.files.sharded import SharedFolder, plain
from caudal.connectors.files.streams import reason_of
from caudal.core.errors import InputError, OptionError
from caudal.ports.format import Encoder
from caudal.ports.sink import Sink


def open_sink(path: object, encoder: Encoder | None, *, live: bool, staged: bool = False, roll: object = None) -> Sink:
    """Open a target; raises `InputError` when it cannot be written, `OptionError` for what is no path, or no such target.

    A target that exists and is no regular file (a device, a named pipe) is written to as it is, whatever else is asked for.
    """
    text = _path(path)
    if encoder is None:
        raise OptionError("files are written in a format", hint='name one: format="json"')
    parts = None if roll is None else Roll.of(roll)
    target = target_of(text)
    try:
        os.makedirs(target if parts else os.path.dirname(target), exist_ok=True)
        if parts is not None:
            return Parts(text, target, encoder, parts, live=live, staged=staged)
        try:
            mode = os.stat(target).st_mode
        except FileNotFoundError:
            mode = None
        if mode is not None and stat.S_ISDIR(mode):
            raise InputError(f"cannot write {text}: it is a directory")
        if mode is not None and not os.access(target, os.W_OK):
            raise InputError(f"cannot write {text}: permission denied")
        if getattr(encoder, "whole", False) and (live or staged):
            raise OptionError(
                f"cannot write {text}: a file of this format ends with its footer, and nothing can be written behind that",
                hint='write it in parts: roll="1h", or roll="64MB"; or as json or csv',
            )
        if mode is not None and not stat.S_ISREG(mode):
            return AppendedFile(text, target, encoder)
        if live:
            return CommittedFile(text, target, encoder) if staged else AppendedFile(text, target, encoder)
        return BoundedFile(text, target, encoder, None if mode is None else stat.S_IMODE(mode), staged=staged)
    except FileExistsError as error:
        raise InputError(f"cannot write parts to {text}: it is a file", hint="choose another folder") from error
    except OSError as error:
        raise InputError(f"cannot write {text}: {reason_of(error)}") from error


def open_folder(path: object, encoder: Callable[[], Encoder], roll: object, name: str) -> SharedFolder:
    """Open a folder of parts that the workers of a group write to; raises as `open_sink`. `name`: of the sink, "" for a sole one."""
    text = _path(path)
    Roll.of(roll)
    folder = target_of(text)
    try:
        os.makedirs(folder, exist_ok=True)
    except FileExistsError as error:
        raise InputError(f"cannot write parts to {text}: it is a file", hint="choose another folder") from error
    except OSError as error:
        raise InputError(f"cannot write {text}: {reason_of(error)}") from error
    stem = stem_of(folder, getattr(encoder(), "suffix", ""))
    return SharedFolder(text, folder, encoder, f"{stem}-{plain(name)}" if name else stem)


def target_of(path: str) -> str:
    """Return the file that a path leads to, there or not: all spellings of one, links included, are the same."""
    given = os.path.expanduser(path)
    target = os.path.realpath(given)
    if os.path.exists(given) and not os.path.exists(target):
        return given  # a link of the process file system, such as /dev/stdout, that only the kernel can follow
    return target


def _path(path: object) -> str:
    text = os.fspath(path) if isinstance(path, str | os.PathLike) else None
    if not isinstance(text, str) or not text or "\0" in text:
        raise OptionError(f"option 'path' of files takes a path to write to, not {path!r}")
    return text
