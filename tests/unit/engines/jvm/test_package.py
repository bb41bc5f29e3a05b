"""The package that a job brings along: what is in it, that it is enough, and that it comes before what is installed."""

from __future__ import annotations

import ast
import io
import json
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from caudal.engines.jvm.job.results import Results
from caudal.engines.jvm.package import PACKAGE, import_lines, packed
from caudal.lang.dsl import functions as dsl
from caudal.runner import load, looking

SOURCE = Path(dsl.__file__).parents[2]
WORKER = sorted((SOURCE / "worker").glob("*.py"))
JOBS = sorted(SOURCE.glob("engines/*/job/*.py"))
PLUGIN = {
    "acme_logs/__init__.py": "raise ImportError('the plugin itself is not what is shipped')\n",
    "acme_logs/portable.py": """
from __future__ import annotations
from typing import TYPE_CHECKING
from caudal.core.scalars import Refused
from .inner import grammar
from acme_logs.inner.words import WORDS
if TYPE_CHECKING:
    from caudal.plan.plan import Plan
class AcmeLines:
    words = (WORDS, grammar.RULES, Refused.__name__)
""",
    "acme_logs/inner/__init__.py": "",
    "acme_logs/inner/grammar.py": "RULES = 1\n",
    "acme_logs/inner/words.py": "def late():\n    import acme_logs.inner.more\nWORDS = 2\n",
    "acme_logs/inner/more.py": "",
    "acme_logs/inner/not_wanted.py": "",
}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)


def files(package: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def alone(folder: Path, code: str, package: bytes) -> str:
    """Run code in a process that has the package ahead of an installed caudal, and return what it prints."""
    (folder / PACKAGE).write_bytes(package)
    script = folder / "alone.py"
    script.write_text(f"import sys\nsys.path.insert(0, {str(folder / PACKAGE)!r})\n{code}")
    done = subprocess.run([sys.executable, "-I", script], capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_same_modules_give_the_same_bytes() -> None:
    names = ["caudal.worker.calling", "caudal.formats.json.portable"]
    assert packed(names) == packed(reversed(names))


def test_it_holds_modules_with_all_that_they_import_and_stubs_for_packages() -> None:
    found = files(packed(["caudal.worker.steps.running"]))
    modules = {name for name, text in found.items() if len(text) > 100}
    steps = ("steps/running.py", "steps/contract.py", "steps/folding.py")
    worker = ("coercion.py", "failures.py", "ranges.py")
    assert modules == {f"caudal/worker/{name}" for name in (*steps, *worker)}
    stubs = {"caudal/__init__.py", "caudal/worker/__init__.py", "caudal/worker/steps/__init__.py"}
    assert {*found} - modules == stubs
    assert found["caudal/worker/coercion.py"] == (SOURCE / "worker" / "coercion.py").read_text(encoding="utf-8")


def test_all_that_can_be_shipped_imports_nothing_else_of_caudal() -> None:
    shipped = [name_of(path) for path in [*WORKER, *JOBS] if path.name != "__init__.py"]
    formats = [f"caudal.formats.{name}.portable" for name in ("json", "csv", "combined", "parquet")]
    found = {name for name, text in files(packed([*shipped, *formats])).items() if len(text) > 100}
    rooms = ("caudal/core/", "caudal/worker/", "caudal/formats/")
    assert [name for name in found if not name.startswith(rooms) and "/job/" not in name] == []
    assert len(found) > len(shipped)


def test_it_comes_before_an_installed_caudal(tmp_path: Path) -> None:
    code = "import caudal, json, caudal.worker.calling as it\nprint(json.dumps([caudal.__file__, it.__file__]))"
    whole, part = json.loads(alone(tmp_path, code, packed(["caudal.worker.calling"])))
    assert whole == str(tmp_path / PACKAGE / "caudal" / "__init__.py")
    assert part.startswith(str(tmp_path / PACKAGE))


def test_a_plugins_module_goes_along_without_the_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in PLUGIN.items():
        (tmp_path / "installed" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "installed" / name).write_text(text if name != "acme_logs/__init__.py" else "")
    monkeypatch.syspath_prepend(str(tmp_path / "installed"))
    import acme_logs  # noqa: F401 - as the registry has, where its format is named

    for name, text in PLUGIN.items():
        (tmp_path / "installed" / name).write_text(text)
    package = packed(["acme_logs.portable"])
    own = {name for name in files(package) if name.startswith("acme")}
    assert own == {*PLUGIN} - {"acme_logs/inner/not_wanted.py"}
    assert not any("caudal/plan" in name for name in files(package))
    told = alone(tmp_path, "from acme_logs.portable import AcmeLines\nprint(AcmeLines.words)", package)
    assert told == "(2, 1, 'Refused')\n"


def test_a_module_that_is_not_there() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"caudal\.worker\.nothing"):
        packed(["caudal.worker.nothing"])


def test_names_are_imported_from_the_modules_that_define_them() -> None:
    text = "scalar(user_f, 'row', [{'a': 'int64'}])\nrunning([], 0, 0)"
    modules = ["caudal.worker.steps.running", "caudal.worker.calling"]
    wanted = "from caudal.worker.calling import scalar\nfrom caudal.worker.steps.running import running"
    assert import_lines([text], modules) == wanted
    assert import_lines(["in_order()"], modules) == ""


def test_no_two_modules_define_one_name_that_a_script_may_import() -> None:
    counts: Counter[str] = Counter()
    for path in WORKER:
        body = ast.parse(path.read_text(encoding="utf-8")).body
        counts.update(n.name for n in body if isinstance(n, ast.FunctionDef | ast.ClassDef) and n.name[0] != "_")
    assert [name for name, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("engine", ["flink", "spark"])
def test_the_script_of_the_detection_is_short(engine: str, tmp_path: Path) -> None:
    plan = load(
        "dos", settings={"path": str(tmp_path / "log.jsonl"), "format": "json", "out": str(tmp_path / "out.jsonl")}
    )
    (tmp_path / "log.jsonl").write_text("")
    script = looking.script(looking.explained(plan), engine)
    assert script is not None
    assert script.text.count("\n") < 125
    assert [*script.beside] == [PACKAGE]
    script.save(tmp_path / "job.py")
    assert (tmp_path / PACKAGE).read_bytes() == script.beside[PACKAGE]
    assert f"from caudal.engines.{engine}.job.driver import" in (tmp_path / "job.py").read_text(encoding="utf-8")


def test_outputs_of_one_target_share_it(tmp_path: Path) -> None:
    target = tmp_path / "made.dead.jsonl"
    results = Results([("a", str(target), {"n": "int64"}), ("b", str(target), {"n": "int64"}), ("c", "", {})])
    for number in (0, 1, 0):
        results.take(number, pa.RecordBatch.from_arrays([pa.array([number])], ["n"]))
    results.end()
    assert target.read_text() == '{"n": 0}\n{"n": 1}\n{"n": 0}\n'
    assert [*tmp_path.iterdir()] == [target]
