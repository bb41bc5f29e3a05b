"""Settings of a pipeline: plain values, typed by their defaults, overridden by whoever loads the file."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from caudal.core.errors import SettingsError, nearest


class Overrides:
    """What a loader passes to `settings` while it executes a file, and what the file declared."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = dict(given)
        self.declared: dict[str, Any] = {}

    def unknown(self, names: Iterable[str] | None = None) -> None:
        """Raise `SettingsError` for an override that the file did not declare; `names`: only for one of these."""
        for name in self.given if names is None else names:
            if name not in self.declared:
                raise SettingsError(f"unknown setting '{name}'", hint=nearest(name, self.declared))


_overrides: ContextVar[Overrides | None] = ContextVar("caudal_settings", default=None)


@contextmanager
def overriding(given: Mapping[str, Any]) -> Generator[Overrides]:
    """Pass overrides to the settings declared in the block, in this thread and context only."""
    overrides = Overrides(given)
    token = _overrides.set(overrides)
    try:
        yield overrides
    finally:
        _overrides.reset(token)


class Settings:
    """Declared settings as attributes."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # a protocol is asked for, by copy among others: not a setting
            raise AttributeError(name)
        raise SettingsError(f"unknown setting '{name}'", hint=nearest(name, self.__dict__))

    def __repr__(self) -> str:
        return "settings(" + ", ".join(f"{k}={v!r}" for k, v in self.__dict__.items()) + ")"


def settings(**defaults: Any) -> Settings:
    """Declare settings and return their values.

    The type of a default is the type of the setting: bool, int, float (takes an int), str, list. Overrides from the
    command line are text and are read as that type. Raises `SettingsError` for a default of None or of another type,
    for a value that does not fit, and (from the loader) for an override that nobody declared.
    """
    overrides = _overrides.get()
    values: dict[str, Any] = {}
    for name, default in defaults.items():
        if not isinstance(default, bool | int | float | str | list):
            kind = "None" if default is None else type(default).__name__
            raise SettingsError(
                f"the default of setting '{name}' is {kind}",
                hint="use a bool, int, float, str or list; it gives the setting its type",
            )
        values[name] = default
        if overrides is not None:
            overrides.declared[name] = default
            if name in overrides.given:
                values[name] = convert(name, overrides.given[name], default)
    return Settings(values)


def convert(name: str, value: Any, default: Any) -> Any:
    """Return an override as the type of its default; raises `SettingsError`."""
    kind = type(default)
    if isinstance(value, str) and kind is not str:
        return _read(name, value, kind)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind:
        raise SettingsError(
            f"setting '{name}' takes {kind.__name__}, not {value!r}", hint=f"its default is {default!r}"
        )
    return value


def _read(name: str, text: str, kind: type) -> Any:
    try:
        if kind is bool:
            return {"true": True, "1": True, "false": False, "0": False}[text.strip().lower()]
        if kind is list:
            value = json.loads(text)
            if not isinstance(value, list):
                raise ValueError
            return value
        return kind(text)
    except (KeyError, ValueError):
        forms = {
            bool: "true, false, 1 or 0",
            list: 'a JSON list such as ["a", "b"]',
            int: "a whole number",
            float: "a number",
        }
        raise SettingsError(f"setting '{name}' cannot be {text!r}", hint=f"write {forms[kind]}") from None
