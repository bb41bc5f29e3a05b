"""A jar as a lock names it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Jar:
    """A jar by its Maven coordinate "group:artifact:version", and the SHA-256 of its bytes in hexadecimal."""

    coordinate: str
    sha256: str

    @property
    def parts(self) -> tuple[str, str, str]:
        """Group, artifact and version."""
        group, artifact, version = self.coordinate.split(":")
        return group, artifact, version

    @property
    def name(self) -> str:
        """The file's name."""
        _, artifact, version = self.parts
        return f"{artifact}-{version}.jar"

    @property
    def path(self) -> str:
        """Where a repository keeps it, below its root."""
        group, artifact, version = self.parts
        return f"{group.replace('.', '/')}/{artifact}/{version}/{self.name}"


def named(given: Iterable[Mapping[str, str]]) -> tuple[Jar, ...]:
    """Return the jars of a lock's entries, each with `coordinate` and `sha256`."""
    return tuple(Jar(jar["coordinate"], jar["sha256"]) for jar in given)
