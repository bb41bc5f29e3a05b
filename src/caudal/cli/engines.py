"""`caudal engines`: which engines there are, what each lacks, and their environments made and removed."""

from __future__ import annotations

import json
import platform
import sys
from argparse import Namespace
from importlib.metadata import version

from caudal.core.errors import OptionError, nearest
from caudal.ports import registry
from caudal.ports.environment import Environment, Health


def engines(arguments: Namespace) -> int:
    """`caudal engines`, `caudal engines install NAME`, `caudal engines uninstall NAME`."""
    return {"install": _install, "uninstall": _uninstall}.get(arguments.action, _list)(arguments)


def _list(arguments: Namespace) -> int:
    names = sorted(registry.available("engine").keys() | registry.available("environment").keys())
    found = [_health(name) for name in sorted(names, key=lambda name: name != "local")]
    if arguments.json:
        print(json.dumps({"caudal_engines": 1, "engines": [health.to_json() for health in found]}))
        return 0
    width = max(len(health.engine) for health in found)
    for health in found:
        print(f"{health.engine:{width}}  {health.version or '-':7}  {health.state}")
        for line in _details(health):
            print(f"{'':{width}}  {line}")
    return 0


def _details(health: Health) -> list[str]:
    lines: list[str] = []
    if health.python:
        lines.append(f"python {health.python_version}  {health.python}")
    if health.java:
        lines.append(f"java {health.java_version}  {health.java}")
    for problem in health.problems:
        lines += [problem.message, f"  {problem.hint}"]
    return lines


def _health(name: str) -> Health:
    if name in registry.available("environment"):
        return _environment(name).health()
    # an engine without an environment runs in this process
    return Health(
        engine=name,
        version=version("caudal"),
        installed=True,
        python=sys.executable,
        python_version=".".join(platform.python_version_tuple()[:2]),
    )


def _install(arguments: Namespace) -> int:
    environment = _environment(arguments.engine)

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    made = environment.install(say, into=arguments.into, python=arguments.python)
    return _tell(arguments, environment.health(arguments.into), "installed" if made else "there already")


def _uninstall(arguments: Namespace) -> int:
    environment = _environment(arguments.engine)
    removed = environment.uninstall(arguments.into)
    return _tell(arguments, environment.health(arguments.into), "removed" if removed else "not there")


def _tell(arguments: Namespace, health: Health, outcome: str) -> int:
    if arguments.json:
        print(json.dumps({"caudal_engines": 1, "outcome": outcome, "engine": health.to_json()}))
        return 0
    if arguments.action == "uninstall":
        print(f"{health.engine}: {outcome}")
        return 0
    print(f"{health.engine} {health.version}: {outcome}, in {health.home}")
    for problem in health.problems:
        print(f"but {problem.message}\n  {problem.hint}")
    if arguments.into:
        print(f"it is found by runs that have CAUDAL_ENGINES={arguments.into}")
    return 0


def _environment(name: str) -> Environment:
    known = registry.available("environment")
    if name not in known and name in registry.available("engine"):
        raise OptionError(f"the engine '{name}' needs no environment", hint="it runs in caudal's own process")
    if name not in known:
        raise OptionError(f"unknown engine '{name}'", hint=nearest(name, known))
    return registry.find("environment", name)
