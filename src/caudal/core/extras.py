"""Libraries that are extras: found when they are needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from caudal.core.errors import OptionError


def library(who: str, package: str, extra: str, *modules: str) -> Any:
    """Return the first of these modules, all of them imported; raises `OptionError` where the package is not installed.

    `who`: what needs it, in words; `extra`: caudal's, which brings it.
    """
    try:
        found, *_ = [import_module(module) for module in modules]
        return found
    except ImportError as error:
        hint = f"pip install 'caudal[{extra}]'"
        raise OptionError(f"{who} needs the package {package}", detail=str(error), hint=hint) from None
