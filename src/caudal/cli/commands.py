"""What each command does: from parsed arguments to an exit code."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caudal.core.errors import OptionError
from caudal.core.shown import shown

if TYPE_CHECKING:
    from caudal.ports.engine import Script
    from caudal.runner.poison.requests import Program

LOGS = {
    "combined": ("nginx_loopback_access.log.gz", {"format": "combined"}),
    "json": ("nginx_loopback_access.jsonl.gz", {"format": "json", "key": "remote_addr", "time": "msec"}),
}
"""The bundled log in its two forms: file, and the settings of `dos` that fit it."""


def run(arguments: Namespace) -> int:
    """`caudal run FILE...`."""
    from caudal.cli.driving import Options, drive, drive_several
    from caudal.runner import load, load_all
    from caudal.runner.history import placed

    options = Options(**{name: getattr(arguments, name) for name in Options.__dataclass_fields__})
    files, settings, places = arguments.files, dict(arguments.settings), (arguments.start, arguments.until)
    if _several(files):
        folder = Path(files[0]).resolve().name if len(files) == 1 else ""
        loaded = load_all(files, settings=settings)
        loaded = replace(loaded, plans=tuple(placed(plan, *places) for plan in loaded.plans))
        return drive_several(loaded, folder, options)
    (arguments.file,) = files
    return drive(placed(load(arguments.file, settings=settings), *places), options, _program(arguments))[1]


def _several(files: Sequence[str]) -> bool:
    """Whether these are pipelines to run together: several files, or a folder of them."""
    return len(files) > 1 or os.path.isdir(files[0])


def replay(arguments: Namespace) -> int:
    """`caudal replay FILE`."""
    from caudal.cli.driving import Options, drive
    from caudal.runner import load
    from caudal.runner.history import placed

    plan = placed(load(arguments.file, settings=dict(arguments.settings)), arguments.start, arguments.until)
    known = {name: value for name, value in vars(arguments).items() if name in Options.__dataclass_fields__}
    return drive(plan, Options(**known), _program(arguments))[1]


def _program(arguments: Namespace) -> Program:
    """Return how another process is given the pipeline of a run."""
    from caudal.runner.poison.requests import Program

    return Program(
        arguments.file,
        dict(arguments.settings),
        (arguments.start, arguments.until),
        follow=getattr(arguments, "follow", False),
        late=arguments.late,
        dead=arguments.dead,
        engine=getattr(arguments, "engine", "local"),
        threads=arguments.threads,
    )


def check(arguments: Namespace) -> int:
    """`caudal check FILE`."""
    from caudal.runner import load, looking

    plan = load(arguments.file, settings=dict(arguments.settings))
    found = looking.check(
        plan,
        follow=arguments.follow,
        late=arguments.late,
        dead=arguments.dead,
        engine=arguments.engine,
        allow_blind=arguments.allow_blind,
    )
    told = {level: [n.to_text() for n in found.notices if n.level == level] for level in ("failure", "warning", "note")}
    code = 1 if told["failure"] else 0
    if arguments.json:
        lists = {f"{level}s": texts for level, texts in told.items()}
        print(
            json.dumps({"pipeline": plan.name, "operators": len(plan.nodes), "partitions": found.partitions, **lists})
        )
        return code
    complaints = len(told["failure"]) + len(told["warning"])
    verdict = "nothing to complain about" if not complaints else f"{complaints} to look at"
    print(f"{plan.name}: {len(plan.nodes)} operators, {verdict}")
    for name, partitions in found.partitions.items():
        print(f"  {name}: {partitions:,} partition{'' if partitions == 1 else 's'} to read")
    for level, texts in told.items():
        for text in texts:
            print(f"{'error' if level == 'failure' else level}: {text}")
    return code


def explain(arguments: Namespace) -> int:
    """`caudal explain FILE...`."""
    from caudal.plan.together import together
    from caudal.runner import load, load_all, looking
    from caudal.runner.history import placed

    files, settings = arguments.files, dict(arguments.settings)
    if arguments.alert:
        from caudal.cli import alerts

        return alerts.explain(arguments)
    if _several(files):
        loaded = load_all(files, settings=settings)
        for _, error in loaded.failed:
            raise error
        plan = together([plan.pinned() for plan in loaded.plans]).plan
    else:
        plan = load(files[0], settings=settings)
    plan = placed(plan, arguments.start, arguments.until)
    found = looking.explained(plan, follow=arguments.follow, late=arguments.late, dead=arguments.dead)
    script = looking.script(
        found, arguments.engine, arguments.cluster, arguments.exchange, native=arguments.dead == "discard"
    )
    if arguments.output:
        if script is None:
            raise OptionError("-o writes the script of a job", hint="name the engine: --engine flink or --engine spark")
        _save(script, Path(arguments.output), files[0])
        return 0
    if script is not None and (arguments.mermaid or arguments.json):
        form = "--mermaid" if arguments.mermaid else "--json"
        raise OptionError(
            f"{form} shows the plan, and --engine {arguments.engine} the script of its job",
            hint="leave one of them out",
        )
    if script is not None:
        print(script.text, end="")
        return 0
    print(found.to_mermaid() if arguments.mermaid else found.to_json() if arguments.json else found.to_text())
    return 0


def _save(script: Script, path: Path, pipeline: str) -> None:
    if os.path.exists(path) and os.path.exists(pipeline) and os.path.samefile(path, pipeline):
        raise OptionError(f"-o {path} is the pipeline itself", hint="name another file")
    try:
        script.save(path)
    except OSError as error:
        raise OptionError(f"cannot write {error.filename}: {error.strerror}") from error


def demo(arguments: Namespace) -> int:
    """`caudal demo`: the detection `dos` over the bundled log."""
    if arguments.kafka:
        return _demo_over_kafka(arguments)
    from caudal.cli.driving import Options, drive
    from caudal.runner import load

    name, fitting = LOGS[arguments.format]
    out = Path(arguments.out) / "alerts.jsonl"
    with as_file(files("caudal.detect") / "data") as data:
        settings = {"path": str(data / name), "out": str(out), **fitting, **dict(arguments.settings)}
        plan = load("dos", settings=settings)
        options = Options(
            threads=arguments.threads, max_state=arguments.max_state, json=arguments.json, quiet=arguments.quiet
        )
        if not options.json and not options.quiet:
            print("dos over 40 s of a real nginx log: 24 benign clients and 8 attackers on 127.0.0.x", flush=True)
        _, code = drive(plan, options)
        if not options.json and not options.quiet:
            _print_alerts(settings)
            truth = data / "nginx_loopback_truth.json"
            print(f"\nlog     {settings['path']}\ntruth   {truth}\nalerts  {settings['out']}")
    return code


def _demo_over_kafka(arguments: Namespace) -> int:
    """`caudal demo --kafka`: exit code 0 where each alert is there once, 1 where not."""
    usual = {"out": "caudal-demo", "format": "combined", "settings": [], "threads": 0, "max_state": 0}
    for name, default in usual.items():
        if getattr(arguments, name) != default:
            option = "set" if name == "settings" else name.replace("_", "-")
            raise OptionError(f"--{option} means nothing to demo --kafka", hint="leave one of them out")
    from caudal.cli.signals import Signals
    from caudal.lab.kafka import cluster

    cluster.check()
    from caudal.lab.kafka.takeover import takeover

    quiet = arguments.json or arguments.quiet
    with Signals():
        outcome = takeover((lambda _: None) if quiet else (lambda text: print(text, file=sys.stderr, flush=True)))
    if arguments.json:
        print(json.dumps(outcome.to_json()))
    elif not arguments.quiet:
        print(f"alerts {outcome.alerts}, lost {outcome.lost}, doubled {outcome.doubled}")
    return 0 if outcome.exact else 1


def _print_alerts(settings: dict[str, str]) -> None:
    if not settings["out"].endswith(".jsonl") or not os.path.exists(settings["out"]):
        return
    with open(settings["out"], encoding="utf-8") as lines:
        alerts: list[dict[str, Any]] = [json.loads(line) for line in lines]
    print(f"\n{len(alerts)} alerts")
    key = settings.get("key", "ip")
    for alert in alerts:
        start, end = alert["window_start"], alert["window_end"]
        counts = f"{alert['total']:4} requests, {alert['refused']:4} refused"
        print(f"  {shown(str(alert[key])):15}  {start[:10]} {start[11:19]} to {end[11:19]}  {counts}")


def infer(arguments: Namespace) -> int:
    """`caudal infer PATH`."""
    from caudal.runner.infer import look

    found = look(arguments.path, arguments.format, dict(arguments.options))
    print(json.dumps(found.to_json()) if arguments.json else found.to_text())
    return 0


def detections(arguments: Namespace) -> int:
    """`caudal detections [NAME]`."""
    from caudal.runner.shipped import describe, names

    if arguments.name:
        shipped = describe(arguments.name)
        print(shipped.text)
        print("\nDefaults:\n")
        for setting, default in shipped.settings.items():
            print(f"  {setting}={default if isinstance(default, str) else json.dumps(default)}")
        return 0
    for name in names():
        print(f"{name}  {describe(name).text.splitlines()[0]}")
    print("\ncaudal detections NAME tells a detection's settings; caudal run NAME --set KEY=VALUE runs it.")
    return 0


def test(arguments: Namespace) -> int:
    """`caudal test PATH...`."""
    from caudal.cli import testing

    return testing.test(arguments)


def lab(arguments: Namespace) -> int:
    """`caudal lab EXPERIMENT`."""
    from caudal.cli import lab

    return lab.lab(arguments)


def checkpoints(arguments: Namespace) -> int:
    """`caudal checkpoints`, and its actions."""
    from caudal.cli import checkpoints

    return checkpoints.checkpoints(arguments)


def savepoint(arguments: Namespace) -> int:
    """`caudal savepoint URL`."""
    from caudal.cli import checkpoints

    return checkpoints.savepoint(arguments)


def rescale(arguments: Namespace) -> int:
    """`caudal rescale FILE URL`."""
    from caudal.cli import checkpoints

    return checkpoints.rescale(arguments)


def engines(arguments: Namespace) -> int:
    """`caudal engines`, and its actions."""
    from caudal.cli import engines

    return engines.engines(arguments)


def broker(arguments: Namespace) -> int:
    """`caudal broker`, and its actions."""
    from caudal.cli import broker

    return broker.broker(arguments)


def backtest(arguments: Namespace) -> int:
    """`caudal backtest OLD NEW`."""
    from caudal.cli import comparing

    return comparing.backtest(arguments)


def verify(arguments: Namespace) -> int:
    """`caudal verify FILE`."""
    from caudal.cli import comparing

    return comparing.verify(arguments)


COMMANDS: dict[str, Callable[[Namespace], int]] = {
    "run": run,
    "replay": replay,
    "check": check,
    "explain": explain,
    "demo": demo,
    "infer": infer,
    "test": test,
    "checkpoints": checkpoints,
    "savepoint": savepoint,
    "rescale": rescale,
    "engines": engines,
    "broker": broker,
    "backtest": backtest,
    "verify": verify,
    "lab": lab,
    "detections": detections,
}
