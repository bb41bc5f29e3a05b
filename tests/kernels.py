"""Compiles the kernels of packages that say with which arguments they are called, onto the disk."""

import importlib
import pkgutil
import sys
from collections.abc import Iterator

from caudal.columnar.compiled import Kernel


def kernels(package: str) -> Iterator[Kernel]:
    """Yield those kernels of a package's modules."""
    found = importlib.import_module(package)
    for info in pkgutil.iter_modules(found.__path__, f"{package}."):
        for value in vars(importlib.import_module(info.name)).values():
            if isinstance(value, Kernel) and value.arguments and value.py_func.__module__ == info.name:
                yield value


if __name__ == "__main__":
    for package in sys.argv[1:]:
        for kernel in kernels(package):
            kernel.compile(kernel.signature)  # what is on the disk is loaded
