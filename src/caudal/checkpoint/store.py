"""Where snapshots are kept: a directory, or an object store.

What is written is durable, and visible whole or not at all, once a call returns. Names are paths with `/` that caudal makes itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from caudal.core.errors import OptionError, RunError

PIP = "pip install 'caudal[objects]'"


class StoreError(RunError):
    """The store could not do what was asked, now; whether that was done is not known."""


class Absent(StoreError):
    """There is nothing of this name."""


class Exists(StoreError):
    """There is something of this name already."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that is stored: its name, its size in bytes, and when it was written in seconds since the epoch."""

    name: str
    size: int
    modified: float


class Store(Protocol):
    """A place for snapshots. Used by any thread. All methods raise `StoreError`."""

    url: str
    """As the user named it."""
    exclusive: bool
    """Whether `hold` keeps all others out, so that what no manifest names is nobody's."""

    def create(self, name: str, data: bytes | memoryview) -> None:
        """Write something new; raises `Exists` where there is something of this name, which is then as it was."""
        ...

    def replace(self, name: str, data: bytes) -> None:
        """Write something, or write it anew."""
        ...

    def read(self, name: str, start: int = 0, length: int = -1) -> bytes:
        """Return `length` bytes from `start` (-1: all); fewer where it ends before. Raises `Absent`."""
        ...

    def list(self, prefix: str) -> list[Entry]:
        """Return what is stored in the folder of this name and below it, by name; "" for all."""
        ...

    def delete(self, names: Iterable[str]) -> None:
        """Remove; what is not there is no failure."""
        ...

    def hold(self) -> None:
        """Keep other jobs out as long as this process lives, where that can be; raises `OptionError` when one is there."""
        ...

    def close(self) -> None:
        """Let others in; idempotent."""
        ...


@runtime_checkable
class OnDisk(Protocol):
    """A store whose files a process can write to as it dies."""

    def path(self, name: str) -> str:
        """Return the path of what has this name."""
        ...


def open_store(url: str, *, create: bool = True, shared: bool = False) -> Store:
    """Return the store at a URL: a directory (a path, or file://), or what `obstore` reaches (s3://, gs://, az:// ...).

    `create`: a directory that is not there is made; `shared`: other workers write to it too. Raises `OptionError` for what is
    none or cannot be written.
    """
    if not url:
        raise OptionError(
            "a checkpoint needs a place", hint="--checkpoint ./state, or an object store: s3://bucket/path"
        )
    scheme, colon, rest = url.partition("://")
    if not colon or scheme == "file":
        from caudal.checkpoint.directory import DirectoryStore

        return DirectoryStore(rest if colon else url, url, create=create, shared=shared)
    from caudal.checkpoint.objects import ObjectStore

    return ObjectStore(url)
