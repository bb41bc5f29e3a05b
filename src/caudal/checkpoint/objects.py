"""Snapshots in an object store, by obstore."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from caudal.checkpoint.store import PIP, Absent, Entry, Exists, StoreError
from caudal.core.errors import OptionError


class ObjectStore:
    """A bucket, or a path in one; keeps `store.Store`.

    Credentials come from where the store's own tools look for them (environment, profile, instance). One put shows an object
    whole; what is there already is refused by the store itself, so that two jobs meet at the next commit at the latest.
    """

    exclusive = False

    def __init__(self, url: str, store: Any = None) -> None:
        try:
            self._api: Any = import_module("obstore")
            self._errors: Any = import_module("obstore.exceptions")
            opened: Any = import_module("obstore.store").from_url
        except ImportError as error:
            raise OptionError(f"{url} needs the extra 'objects'", hint=PIP) from error
        self.url = url
        try:
            self._store: Any = store if store is not None else opened(url)
        except Exception as error:
            raise OptionError(f"{url} is no object store that can be reached", detail=_line(error)) from error

    def create(self, name: str, data: bytes | memoryview) -> None:
        with self._failing(name):
            self._api.put(self._store, name, data, mode="create")

    def replace(self, name: str, data: bytes) -> None:
        with self._failing(name):
            self._api.put(self._store, name, data)

    def read(self, name: str, start: int = 0, length: int = -1) -> bytes:
        with self._failing(name):
            if length < 0 and not start:
                return bytes(self._api.get(self._store, name).bytes())
            if length < 0:
                return bytes(self._api.get(self._store, name, options={"range": {"offset": start}}).bytes())
            return bytes(self._api.get_range(self._store, name, start=start, length=length)) if length else b""

    def list(self, prefix: str) -> list[Entry]:
        with self._failing(prefix or "."):
            found = [each for page in self._api.list(self._store, prefix.rstrip("/") or None) for each in page]
        entries = [Entry(each["path"], each["size"], each["last_modified"].timestamp()) for each in found]
        return sorted(entries, key=lambda entry: entry.name)

    def delete(self, names: Iterable[str]) -> None:
        for name in names:
            with self._failing(name):
                try:
                    self._api.delete(self._store, name)
                except (self._errors.NotFoundError, FileNotFoundError):
                    pass

    def hold(self) -> None:
        """Objects cannot be held: two jobs meet at the next commit."""

    def close(self) -> None:
        """Nothing is held."""

    @contextmanager
    def _failing(self, name: str) -> Generator[None]:
        try:
            yield
        except (self._errors.NotFoundError, FileNotFoundError) as error:
            raise Absent(f"there is no {name} in {self.url}") from error
        except self._errors.AlreadyExistsError as error:
            raise Exists(f"{name} is in {self.url} already") from error
        except (self._errors.BaseError, OSError, ValueError) as error:
            raise StoreError(f"cannot use {name} in {self.url}", detail=_line(error)) from error


def _line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0][:300]
