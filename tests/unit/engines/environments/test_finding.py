"""What the machine has: Java, interpreters, directories, repositories; and what the locks say."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from caudal.core.errors import OptionError, RunError
from caudal.engines import environments
from caudal.engines.environments import interpreters, lock
from caudal.engines.environments.environment import home
from caudal.environments import jdk, repository
from caudal.environments.jars import Jar

JAR = Jar("org.example:tiny-connector:3.0", "0" * 64)


def _says(version: str) -> str:
    return f"echo 'openjdk version \"{version}\" 2025-04-15' >&2"


@pytest.mark.parametrize(
    ("version", "major"),
    [("17.0.15", 17), ("1.8.0_392", 8), ("11.0.2", 11), ("21", 21), ("24-ea", 24), ("9", 9)],
)
def test_the_version_of_java(
    version: str, major: int, program: Callable[..., Path], only: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    path = program("java", _says(version))
    only(path.parent)
    assert environments.java() == jdk.Java(str(path), version, major)


@pytest.mark.parametrize("text", ["exit 1", "echo nothing of use", _says("unknown")])
def test_a_java_that_says_nothing_is_none(
    text: str, program: Callable[..., Path], only: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    only(program("java", text).parent)
    assert environments.java() is None


def test_java_home_decides(
    program: Callable[..., Path], only: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    only(program("java", _says("11.0.1")).parent)
    program("java", _says("21.0.1"), folder="jdk/bin")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    found = environments.java()
    assert found is not None
    assert (found.major, found.path) == (21, str(tmp_path / "jdk" / "bin" / "java"))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "gone"))
    assert environments.java() is None


@pytest.mark.parametrize(("engine", "least"), [("flink", 11), ("spark", 17)])
def test_what_a_job_needs_is_asked_for_in_turn(
    engine: str,
    least: int,
    program: Callable[..., Path],
    only: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("CAUDAL_ENGINES", str(tmp_path / "none"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    variable = f"CAUDAL_{engine.upper()}_PYTHON"
    monkeypatch.delenv(variable, raising=False)
    with pytest.raises(OptionError, match=f"{engine} is not installed") as caught:
        environments.require(engine)
    assert caught.value.hint == f"run: caudal engines install {engine}"
    assert caught.value.exit_code == 2
    monkeypatch.setenv(variable, sys.executable)
    folder = program("nothing", "").parent
    only(folder)
    with pytest.raises(OptionError, match=f"{engine} needs Java: there is no Java on the PATH") as caught:
        environments.require(engine)
    assert f"version {least} or later" in caught.value.hint
    program("java", _says(f"{least - 1}.0.1"))
    with pytest.raises(OptionError, match=f"{engine} needs Java {least} or later; .* is {least - 1}.0.1"):
        environments.require(engine)
    program("java", _says(f"{least}.0.1"))
    python, java = environments.require(engine)
    assert (python, java.major) == (Path(sys.executable), least)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "gone"))
    with pytest.raises(OptionError, match=r"JAVA_HOME is .*gone, where no bin/java runs"):
        environments.require(engine)


def test_an_engine_without_an_environment_is_told() -> None:
    with pytest.raises(OptionError, match="'flonk' has no environment") as caught:
        environments.python("flonk")
    assert caught.value.hint == "did you mean 'flink'?"


def test_where_environments_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CAUDAL_ENGINES", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert home() == tmp_path / ".cache" / "caudal" / "engines"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert home() == tmp_path / "xdg" / "caudal" / "engines"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert home() == tmp_path / ".cache" / "caudal" / "engines"
    monkeypatch.setenv("CAUDAL_ENGINES", str(tmp_path / "own"))
    assert home() == tmp_path / "own"


HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"


def test_this_interpreter_is_taken_where_it_fits() -> None:
    assert interpreters.choose("flink", ["2.7", HERE]) == (sys.executable, HERE)


def test_else_one_of_the_path(program: Callable[..., Path], only: Callable[..., None]) -> None:
    old = program("python3.98", "echo cpython 3.98")
    new = program("python3.99", "echo cpython 3.99")
    program("python3.97", "echo pypy 3.97")
    only(new.parent)
    assert interpreters.choose("flink", ["3.97", "3.98", "3.99"]) == (str(new), "3.99")
    new.unlink()
    assert interpreters.choose("flink", ["3.97", "3.98", "3.99"]) == (str(old), "3.98")
    with pytest.raises(OptionError, match="no Python that flink supports") as caught:
        interpreters.choose("flink", ["3.97"])
    assert "CPython 3.97" in caught.value.detail


def test_uv_finds_one_that_is_not_on_the_path(program: Callable[..., Path], only: Callable[..., None]) -> None:
    managed = program("python", "echo cpython 3.99", folder="managed")
    only(program("uv", f'[ "$5" = 3.99 ] && echo {managed}').parent)
    assert interpreters.choose("flink", ["3.98", "3.99"]) == (str(managed), "3.99")


def test_an_interpreter_that_is_named_must_fit(program: Callable[..., Path]) -> None:
    with pytest.raises(OptionError, match="no CPython interpreter that runs"):
        interpreters.choose("flink", [HERE], "/there/is/no/such")
    with pytest.raises(OptionError, match="no CPython interpreter that runs"):
        interpreters.choose("flink", [HERE], str(program("liar", "echo hello")))
    with pytest.raises(OptionError, match=f"flink does not run on Python {HERE}") as caught:
        interpreters.choose("flink", ["3.98", "3.99"], sys.executable)
    assert caught.value.location == sys.executable
    assert "3.98 or 3.99" in caught.value.hint


SETTINGS = """<settings{}>
  <mirrors>
    <mirror><id>other</id><mirrorOf>corporate</mirrorOf><url>https://wrong.example</url></mirror>
    <mirror><id>it</id><mirrorOf>{}</mirrorOf><url> https://right.example/maven/ </url></mirror>
  </mirrors>
</settings>
"""


@pytest.mark.parametrize("space", ["", ' xmlns="http://maven.apache.org/SETTINGS/1.0.0"'])
@pytest.mark.parametrize(
    ("of", "found"),
    [("central", True), ("*", True), ("x, external:*", True), ("*,!central", False), ("centrals", False)],
)
def test_the_mirror_in_the_settings_of_maven(tmp_path: Path, space: str, of: str, found: bool) -> None:
    path = tmp_path / "settings.xml"
    path.write_text(SETTINGS.format(space, of))
    assert repository.settings_mirror(path) == ("https://right.example/maven" if found else "")


def test_no_settings_or_broken_ones_name_no_mirror(tmp_path: Path) -> None:
    path = tmp_path / "settings.xml"
    assert repository.settings_mirror(path) == ""
    path.write_text("<settings>")
    assert repository.settings_mirror(path) == ""
    path.write_text(SETTINGS.format("", "*").replace("https://right", "gopher://right"))
    with pytest.raises(OptionError, match="no address of a repository"):
        repository.settings_mirror(path)


def test_maven_is_asked_for_the_very_jars(
    program: Callable[..., Path], only: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CAUDAL_MAVEN_MIRROR", raising=False)
    text = (
        f'cp pom.xml {tmp_path}/asked.xml; for a in "$@"; do case $a in -DoutputDirectory=*) out=${{a#*=}};; esac; done'
    )
    only(program("mvn", f'PATH=/usr/bin:/bin; {text}; printf jar > "$out/tiny-connector-3.0.jar"').parent)
    good = JAR
    folder = tmp_path / "jars"
    folder.mkdir()
    with pytest.raises(RunError, match="not the one that the lock names") as caught:
        repository.fetch([good], folder, lambda _: None)
    found = re.search(r"sha256 is ([0-9a-f]{64}),", caught.value.detail)
    assert found is not None
    repository.fetch([Jar(JAR.coordinate, found[1])], folder, lambda _: None)
    asked = (tmp_path / "asked.xml").read_text()
    parts = re.findall(r"<(groupId|artifactId|version)>([^<]*)</", asked)
    assert [p for _, p in parts] == ["caudal", "jars", "1", "org.example", "tiny-connector", "3.0", "*", "*"]
    assert [p.name for p in folder.iterdir()] == ["tiny-connector-3.0.jar"]


def test_maven_that_fails_is_told(
    program: Callable[..., Path], only: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CAUDAL_MAVEN_MIRROR", raising=False)
    only(program("mvn", "echo '[INFO] so far'; echo '[ERROR] no way to the repository'; exit 1").parent)
    with pytest.raises(RunError, match="Maven cannot fetch the jars") as caught:
        repository.fetch([JAR], tmp_path, lambda _: None)
    assert caught.value.detail == "[ERROR] no way to the repository"


def test_without_maven_and_a_mirror_it_says_what_to_do(
    program: Callable[..., Path], only: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CAUDAL_MAVEN_MIRROR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    only(program("nothing", "").parent)
    with pytest.raises(OptionError, match="nothing says where jars come from") as caught:
        repository.fetch([JAR], tmp_path, lambda _: None)
    assert "CAUDAL_MAVEN_MIRROR" in caught.value.hint
    repository.fetch([], tmp_path, lambda _: None)


@pytest.mark.parametrize("engine", ["flink", "spark"])
def test_a_lock_pins_everything(engine: str) -> None:
    locked = lock.read(engine)
    for text in (locked.requirements, locked.build):
        blocks = [block for block in re.split(r"\n(?=\S)", text.strip()) if block]
        assert len(blocks) > 2
        for block in blocks:
            assert re.match(r"[a-z0-9.-]+==[^\s;]+( ; [^\\]+)? \\\n", block), block
            hashes = block.splitlines()[1:]
            assert hashes
            assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in hashes), block
        assert "://" not in text
    assert f"{locked.distribution}=={locked.version} \\\n" in locked.requirements
    assert all(re.fullmatch(r"[0-9a-f]{64}", jar.sha256) for jar in locked.jars)
    assert locked.jars
    assert "3.11" in locked.pythons


def test_locks_are_told_apart() -> None:
    assert lock.read("flink").digest != lock.read("spark").digest
    assert JAR.path == "org/example/tiny-connector/3.0/tiny-connector-3.0.jar"
