"""Secrets: read from a variable or a file when they are needed, and shown nowhere."""

from __future__ import annotations

import os
from pathlib import Path

from caudal.core.errors import InputError


def of_variable(name: str, what: str) -> str:
    """Return the secret in a variable of the environment; raises `InputError` where there is none. `what`: what it is, in words."""
    value = os.environ.get(name)
    if value is None:
        raise InputError(f"the environment has no {name}", hint=f"it is to hold {what}")
    return value


def of_file(path: str, what: str) -> str:
    """Return the secret in a file, without the end of its line; raises `InputError` for one that cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InputError(f"cannot read {what}: {why}", location=path) from None
