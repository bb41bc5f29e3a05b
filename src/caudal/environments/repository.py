"""Jars from a Maven repository, each checked against the lock's hash before anybody can use it.

Where they come from is for the machine to say: a mirror in `CAUDAL_MAVEN_MIRROR`, else Maven itself, else the mirror in
the user's settings.xml. No registry stands in the code.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from caudal.core.errors import OptionError, RunError
from caudal.environments.jars import Jar
from caudal.ports.environment import Say

MIRROR = "CAUDAL_MAVEN_MIRROR"
"""The environment variable with the root of a repository: https://, http:// or file://; hashes are checked anyway."""

_SCHEMES = ("https://", "http://", "file://")
_SILENCE = 120
"""Seconds without a byte after which a download is given up."""

_POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>caudal</groupId>
  <artifactId>jars</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
{}  </dependencies>
</project>
"""
_DEPENDENCY = """\
    <dependency>
      <groupId>{}</groupId>
      <artifactId>{}</artifactId>
      <version>{}</version>
      <exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>
    </dependency>
"""


def fetch(jars: Sequence[Jar], folder: Path, say: Say) -> None:
    """Put the jars into an empty folder. Raises `RunError` where one cannot be had or is not what the lock says."""
    if not jars:
        return
    mirror, maven = os.environ.get(MIRROR, ""), shutil.which("mvn")
    if mirror:
        _download(jars, folder, _checked(mirror, MIRROR), say)
    elif maven is not None:
        _by_maven(maven, jars, folder, say)
    elif configured := settings_mirror(Path.home() / ".m2" / "settings.xml"):
        _download(jars, folder, configured, say)
    else:
        raise OptionError(
            "nothing says where jars come from",
            detail="there is no mvn on the PATH, and no mirror in ~/.m2/settings.xml",
            hint=f"install Maven, or set {MIRROR} to the root of a Maven repository",
        )
    for jar in jars:
        verify(jar, folder)


def verify(jar: Jar, folder: Path) -> None:
    """Raise `RunError` unless the jar is there with the lock's hash."""
    path = folder / jar.name
    try:
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RunError("a jar is missing", location=jar.coordinate, detail=str(error)) from error
    if found != jar.sha256:
        raise RunError(
            "the jar is not the one that the lock names",
            location=jar.coordinate,
            detail=f"sha256 is {found}, not {jar.sha256}",
            hint="what the repository (or Maven's local copy in ~/.m2/repository) holds is another file: nothing is installed",
        )


def settings_mirror(path: Path) -> str:
    """Return the URL of the mirror of the central repository in a Maven settings file, "" where it names none."""
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError):
        return ""
    for mirror in root.iterfind("{*}mirrors/{*}mirror"):
        of = {part.strip() for part in (mirror.findtext("{*}mirrorOf") or "").split(",")}
        if of & {"*", "central", "external:*"} and "!central" not in of:
            return _checked((mirror.findtext("{*}url") or "").strip(), str(path))
    return ""


def _checked(url: str, where: str) -> str:
    if not url.startswith(_SCHEMES):
        raise OptionError(f"{url!r} is no address of a repository", location=where, hint="it begins with https://")
    return url.rstrip("/")


def _download(jars: Sequence[Jar], folder: Path, root: str, say: Say) -> None:
    for jar in jars:
        say(f"fetching {jar.name}")
        try:
            with (
                urllib.request.urlopen(f"{root}/{jar.path}", timeout=_SILENCE) as answer,
                open(folder / jar.name, "wb") as out,
            ):
                shutil.copyfileobj(answer, out)
        except (urllib.error.URLError, OSError) as error:
            raise RunError(
                "a jar cannot be fetched",
                location=jar.coordinate,
                detail=f"{root}/{jar.path}: {error}",
                hint="is the repository within reach?",
            ) from error


def _by_maven(maven: str, jars: Sequence[Jar], folder: Path, say: Say) -> None:
    say(f"fetching {len(jars)} jar{'' if len(jars) == 1 else 's'} with Maven")
    pom = folder / "pom.xml"
    pom.write_text(_POM.format("".join(_DEPENDENCY.format(*jar.parts) for jar in jars)), encoding="utf-8")
    command = [maven, "-B", "-q", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    pom.unlink()
    if done.returncode != 0:
        said = [line for line in (done.stdout + done.stderr).splitlines() if "ERROR" in line] or ["Maven said nothing"]
        raise RunError(
            "Maven cannot fetch the jars",
            detail=said[0].strip(),
            hint=f"is its repository within reach? {MIRROR} names another",
        )
