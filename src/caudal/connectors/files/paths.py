"""What the option `path` names: files, with the names that their partitions have."""

from __future__ import annotations

import os
import re
import stat
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from caudal.core.errors import InputError, OptionError
from caudal.core.naming import natural_key

STDIN = "-"
_MAGIC = re.compile(r"[*?\[]")

_TICK = 100_000_000
"""Nanoseconds, more than a file system's clock takes from one tick to the next."""

Identity = tuple[int, int]
"""Device and inode number."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file that a path leads to: where it lies, its partition's name, and who it is."""

    path: str
    name: str
    identity: Identity
    size: int
    modified: int
    """Nanoseconds since the epoch."""
    regular: bool

    @classmethod
    def of(cls, path: str, name: str, status: os.stat_result) -> Found:
        """Return what there is to know of a file, from its status."""
        identity = (status.st_dev, status.st_ino)
        return cls(path, name, identity, status.st_size, status.st_mtime_ns, stat.S_ISREG(status.st_mode))


class Paths:
    """The paths of a source: files, directories, globs, in any mixture; `-` is kept apart as `stdin`.

    The root that names are relative to is the directory, a glob's fixed prefix, or the directory of a single file;
    of several paths it is what their roots have in common. Hidden files and directories (`.name`) are found only by
    a path or pattern that says so. Links are followed, but never into a directory that is being walked already.
    """

    def __init__(self, option: object) -> None:
        given = [option] if isinstance(option, str | os.PathLike) else option
        if not isinstance(given, Sequence) or isinstance(given, bytes) or not given:
            raise OptionError(
                f"option 'path' of files takes a path or a list of paths, not {option!r}",
                hint="a file, a directory, a glob such as 'logs/**/*.jsonl', or '-' for standard input",
            )
        texts = []
        for item in given:
            text = os.fspath(item) if isinstance(item, str | os.PathLike) else None
            if not isinstance(text, str) or not text or "\0" in text:
                raise OptionError(f"option 'path' of files takes paths, not {item!r}")
            texts.append(text)
        self.stdin = STDIN in texts
        self.patterns = [os.path.abspath(os.path.expanduser(text)) for text in texts if text != STDIN]
        self._folders: dict[str, int] = {}
        """When each folder that the last `find` listed had last changed."""
        self.shown = dict(zip(self.patterns, (text for text in texts if text != STDIN)))

    def find(self) -> tuple[list[Found], list[str]]:
        """Return the files there are now, each once, in natural order of their names, and the paths that lead to none.

        Raises `InputError` for a directory that may not be read.
        """
        missing = []
        self._folders = {}
        paths: dict[Identity, tuple[str, os.stat_result]] = {}
        for pattern in self.patterns:
            known = False
            for path in _files(pattern, self._folders):
                try:
                    status = os.stat(path)
                except OSError:
                    continue
                known = True
                paths.setdefault((status.st_dev, status.st_ino), (path, status))
            if not known:
                missing.append(self.shown[pattern])
        root = self._root()
        found = [Found.of(path, _name(path, root), status) for path, status in paths.values()]
        return sorted(found, key=lambda f: natural_key(f.name)), missing

    def name(self, path: str) -> str:
        """Return the name that a file at a path has."""
        return _name(path, self._root())

    def steady(self) -> bool:
        """Return whether every folder that `find` listed is as it was: quick, and nearly always right.

        What it cannot see: a link whose file is replaced elsewhere.
        """
        return all(_changed(folder) == stamp for folder, stamp in self._folders.items())

    def cover(self, path: str) -> bool:
        """Return whether a file at `path`, there or not, is one that `find` would return."""
        path = os.path.realpath(path)
        for pattern in self.patterns:
            if path == os.path.realpath(pattern):
                return True
            root, parts = _fixed(pattern)
            root = os.path.realpath(root)
            if os.path.commonpath([root, path]) == root and _match(parts, os.path.relpath(path, root).split(os.sep)):
                return True
        return False

    def _root(self) -> str:
        roots = [_fixed(pattern)[0] for pattern in self.patterns]
        return os.path.commonpath(roots) if roots else "/"


def identity_of(path: str) -> Identity | None:
    """Return who the file at a path is, None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def identities_of_stdin() -> set[Identity]:
    """Return the file that standard input comes from, where it is one."""
    try:
        status = os.fstat(sys.stdin.fileno())
    except (AttributeError, OSError, ValueError):
        return set()
    return {(status.st_dev, status.st_ino)} if stat.S_ISREG(status.st_mode) else set()


def _name(path: str, root: str) -> str:
    """Return the path below the root, in text that can be written as UTF-8."""
    below = os.path.join(root, "")
    name = path[len(below) :] if path.startswith(below) else os.path.relpath(path, root)
    return name if name.isascii() else os.fsencode(name).decode("utf-8", "backslashreplace")


def _fixed(pattern: str) -> tuple[str, list[str]]:
    """Return the directory that a path or glob starts from, and the parts below it."""
    if os.path.isdir(pattern):
        return pattern, ["**"]
    if os.path.lexists(pattern) or not _MAGIC.search(pattern):
        return os.path.split(pattern)[0], [os.path.basename(pattern)]
    parts = pattern.split(os.sep)
    first = next(i for i, part in enumerate(parts) if _MAGIC.search(part))
    return os.sep.join(parts[:first]) or "/", parts[first:]


def _match(parts: list[str], names: list[str]) -> bool:
    if not parts or not names:
        return not parts and not names
    part, below = parts[0], parts[1:]
    if part == "**":
        if names[0].startswith("."):
            return False
        return (bool(below) and _match(below, names)) or (len(names) == 1 and not below) or _match(parts, names[1:])
    if names[0].startswith(".") and not part.startswith("."):
        return False
    return fnmatchcase(names[0], part) and _match(below, names[1:])


def _changed(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return -1


def settled(changed: int) -> bool:
    """Return whether a folder that last changed then shows each further change by another time."""
    return time.time_ns() - changed > _TICK


def _note(folder: str, listed: dict[str, int]) -> None:
    """Note when a folder that is about to be listed had last changed: 0 where it may change within the same tick."""
    changed = _changed(folder)
    listed[folder] = changed if settled(changed) else 0


def _files(pattern: str, listed: dict[str, int]) -> Iterator[str]:
    _note(os.path.dirname(pattern), listed)
    if os.path.lexists(pattern) and not os.path.isdir(pattern):
        if os.path.exists(pattern):
            yield pattern
        return
    folder, parts = _fixed(pattern)
    if parts != ["**"] and not _MAGIC.search(pattern):
        return
    yield from _walk(folder, parts, frozenset(), listed)


def _walk(folder: str, parts: list[str], above: frozenset[Identity], listed: dict[str, int]) -> Iterator[str]:
    part, below = parts[0], parts[1:]
    if part == "**":
        here = _enter(folder, above)
        if not here:
            return
        if below:
            yield from _walk(folder, below, above, listed)
        for entry in _entries(folder, listed):
            if entry.name.startswith("."):
                continue
            if _is(entry.is_dir):
                yield from _walk(entry.path, parts, here, listed)
            elif not below and _is(entry.is_file):
                yield entry.path
        return
    if not _MAGIC.search(part):
        path = os.path.join(folder, part)
        if below:
            yield from _walk(path, below, above, listed)
        elif os.path.isfile(path):
            yield path
        return
    for entry in _entries(folder, listed):
        if (entry.name.startswith(".") and not part.startswith(".")) or not fnmatchcase(entry.name, part):
            continue
        if below:
            if _is(entry.is_dir):
                yield from _walk(entry.path, below, above, listed)
        elif _is(entry.is_file):
            yield entry.path


def _is(test: Callable[[], bool]) -> bool:
    try:
        return test()
    except OSError:  # a link to itself
        return False


def _enter(folder: str, above: frozenset[Identity]) -> frozenset[Identity]:
    """Return the directories being walked, this one among them; none when it is one of them already, or gone."""
    try:
        status = os.stat(folder)
    except OSError:
        return frozenset()
    identity = (status.st_dev, status.st_ino)
    return frozenset() if identity in above else above | {identity}


def _entries(folder: str, listed: dict[str, int]) -> list[os.DirEntry[str]]:
    _note(folder, listed)
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: os.fsencode(entry.name))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise InputError(f"cannot read the directory {folder}: {error.strerror}") from error
