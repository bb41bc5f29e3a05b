"""The contract of a resource: something large that functions need and that outlives a call: a model, a lookup table.

A *kind* of resource is a plugin, found by name in the group `caudal.resources`. A pipeline names a resource by a `Resource`,
which is its kind and its options and nothing else: it is compared, hashed and shipped to other processes as that. Each
process loads it once, at its first use, whoever uses it; `runner.Job` closes what its process has loaded when its run ends.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Protocol

from caudal.core.errors import CaudalError, RunError
from caudal.observe.log import log
from caudal.ports import registry
from caudal.ports.records import Options


class Loaded(Protocol):
    """One version of a resource. `value` may be used by several threads at once."""

    value: Any
    version: str
    """What tells it from other versions, for people and logs."""

    def warm(self) -> None:
        """Do once what the first use would do, so that no row waits for it; called before anybody uses it."""
        ...

    def close(self) -> None:
        """Release it; called once, when nobody uses it any more."""
        ...


class ResourceKind(Protocol):
    """A kind of resource. Options are checked against `resource_options` (name -> default)."""

    resource_options: Options

    def load(self, options: Options) -> Loaded:
        """Load the newest version. Raises `InputError` where there is none, or it is none; releases what it has then."""
        ...


class _Version:
    """A loaded version and how many use it."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.users = 0
        self.replaced = False


class Held:
    """A resource in one process: loaded once, replaced whole, closed once. Thread-safe."""

    def __init__(self, kind: ResourceKind, options: Options, name: str) -> None:
        self.name = name
        self._kind = kind
        self._options = options
        self._current: _Version | None = None
        self._closed = False
        self._loading = threading.Lock()
        """Held while a version is loaded."""
        self._lock = threading.Lock()
        """Guards which version is the current one, and who uses which."""

    @contextmanager
    def use(self) -> Generator[Any]:
        """Give the value of the current version, which stays as it is until this ends, whatever is loaded meanwhile.

        Loads it where nobody has. Raises what `ResourceKind.load` raises, `RunError` once it is closed.
        """
        version = self._taken()
        try:
            yield version.loaded.value
        finally:
            self._given_back(version)

    def reload(self) -> bool:
        """Load the newest version, and let it take the place of the current one; return whether it did.

        A version that cannot be loaded is a warning, and the current one stays. What nobody uses is not loaded.
        """
        with self._loading:
            before = self._current
            if before is None or self._closed:
                return False
            try:
                version = self._loaded()
            except CaudalError as error:
                log.warning("%s stays as it is, version %s: %s", self.name, before.loaded.version, error)
                return False
            with self._lock:
                self._current = version
            self._replace(before)
            log.info("%s: version %s in the place of %s", self.name, version.loaded.version, before.loaded.version)
            return True

    def close(self) -> None:
        """Release it as soon as nobody uses it; idempotent. It cannot be used again."""
        with self._loading:
            self._closed = True
            with self._lock:
                current, self._current = self._current, None
            if current is not None:
                self._replace(current)

    def _taken(self) -> _Version:
        while True:
            with self._lock:
                if self._current is not None:
                    self._current.users += 1
                    return self._current
            with self._loading:
                if self._closed:
                    raise RunError(f"{self.name} was closed")
                if self._current is None:
                    version = self._loaded()
                    with self._lock:
                        self._current = version

    def _loaded(self) -> _Version:
        loaded = self._kind.load(self._options)
        try:
            loaded.warm()
        except BaseException:
            loaded.close()
            raise
        return _Version(loaded)

    def _given_back(self, version: _Version) -> None:
        with self._lock:
            version.users -= 1
            last = version.replaced and not version.users
        if last:
            version.loaded.close()

    def _replace(self, version: _Version) -> None:
        with self._lock:
            version.replaced = True
            unused = not version.users
        if unused:
            version.loaded.close()


class Resource:
    """A resource by name: its kind and its options, plain values. Raises `OptionError` for a kind or option that is not known.

    `with resource.use() as value` gives its value in whatever process it is called.
    """

    def __init__(self, kind: str, **options: Any) -> None:
        plugin: ResourceKind = registry.find("resource", kind)
        registry.check_options(options, plugin.resource_options, f"resource '{kind}'")
        self.kind = kind
        self.options = options

    def __reduce__(self) -> tuple[Any, ...]:
        return _made, (self.kind, self.options)

    @contextmanager
    def use(self) -> Generator[Any]:
        """Give its value; see `Held.use`."""
        with holding.held(self).use() as value:
            yield value


def _made(kind: str, options: dict[str, Any]) -> Resource:
    return Resource(kind, **options)


class Holding:
    """What one process holds. Thread-safe. `begin` and `end` count the jobs: the last one to end closes everything."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], Held] = {}
        self._jobs = 0
        self._lock = threading.Lock()

    def held(self, resource: Resource) -> Held:
        """Return the resource as this process holds it, the same for all that are equal."""
        key = (resource.kind, repr(sorted(resource.options.items())))
        with self._lock:
            if key not in self._held:
                plugin: ResourceKind = registry.find("resource", resource.kind)
                options = registry.check_options(
                    resource.options, plugin.resource_options, f"resource '{resource.kind}'"
                )
                self._held[key] = Held(plugin, options, f"resource '{resource.kind}'")
            return self._held[key]

    def begin(self) -> None:
        """A job begins."""
        with self._lock:
            self._jobs += 1

    def end(self) -> None:
        """A job has ended, in whatever way."""
        with self._lock:
            self._jobs -= 1
            if self._jobs:
                return
        self.close()

    def reload(self) -> None:
        """Load the newest versions of all that is loaded."""
        with self._lock:
            held = [*self._held.values()]
        for each in held:
            each.reload()

    def close(self) -> None:
        """Close all; what is used afterwards is loaded anew."""
        with self._lock:
            held, self._held = [*self._held.values()], {}
        for each in held:
            each.close()


holding = Holding()
"""What this process holds."""
atexit.register(holding.close)
