"""Kernels can be compiled with the arguments that they say: another process compiles them so, unasked for anything else."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import caudal
from caudal.columnar.compiled import Kernel

SOURCES = Path(caudal.__file__).parent
DECLARED = re.compile(r"^@kernel\(arguments=", re.MULTILINE)


def test_every_kernel_takes_the_arguments_that_it_says() -> None:
    spec = importlib.util.spec_from_file_location("kernels", Path(__file__).parents[1] / "kernels.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    texts = {path: len(DECLARED.findall(path.read_text(encoding="utf-8"))) for path in SOURCES.rglob("*.py")}
    packages = {path.parent.relative_to(SOURCES.parent) for path, count in texts.items() if count}
    found: list[Kernel] = [kernel for package in packages for kernel in script.kernels(".".join(package.parts))]
    assert len(found) == sum(texts.values()) > 15
    for kernel in found:
        assert len(kernel.signature) == kernel.py_func.__code__.co_argcount, kernel
        kernel.compile(kernel.signature)
