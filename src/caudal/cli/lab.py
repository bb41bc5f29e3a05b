"""`caudal lab`: the experiments, a line on standard error for each round, a table or JSON on standard output."""

from __future__ import annotations

import json
import os
import platform
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from caudal.cli.signals import Signals
from caudal.core.errors import OptionError

_OWN = {
    "messages": ("burst",),
    "functions": ("burst",),
    "stages": ("burst",),
    "file": ("burst",),
    "out": ("burst", "failure", "throughput", "windows"),
    "no_plots": ("burst", "failure", "throughput", "windows"),
    "scale": ("functions",),
    "engines": ("throughput", "windows", "burst"),
    "events": ("throughput", "windows", "dos"),
    "local_events": ("throughput",),
    "by_hand": ("throughput",),
    "data": ("throughput",),
    "windows": ("windows",),
    "kafka": ("burst", "dos"),
    "servers": ("failure", "burst", "dos"),
    "every": ("failure", "burst", "dos"),
    "replicas": ("burst",),
    "by": ("failure",),
    "at": ("failure",),
    "duration": ("failure",),
    "rate": ("failure", "dos"),
    "workers": ("failure",),
    "delivery": ("failure",),
    "duckdb": ("dos",),
}
"""Options that some experiments take, and which."""


def lab(arguments: Namespace) -> int:
    """`caudal lab EXPERIMENT`."""
    for name, experiments in _OWN.items():
        if arguments.experiment not in experiments and getattr(arguments, name) not in (None, False):
            message = f"--{name.replace('_', '-')} means nothing to lab {arguments.experiment}"
            raise OptionError(message, hint=f"caudal lab {experiments[0]} takes it")
    if arguments.experiment == "failure" and arguments.threads:
        raise OptionError("--threads means nothing to lab failure", hint="its workers have one thread each")
    with Signals():
        return _EXPERIMENTS[arguments.experiment](arguments)


def _failure(arguments: Namespace) -> int:
    from caudal.lab import plots
    from caudal.lab.kafka import pictures
    from caudal.lab.kafka.failure import Settings, failure

    names = ("by", "at", "duration", "rate", "workers", "delivery", "every", "repeat", "servers")
    settings = Settings(**_given(arguments, names)).checked()
    if not arguments.no_plots:
        plots.check()
    outcome = failure(settings, _say(arguments))
    draw = partial(pictures.draw_failure, outcome)
    return _tell(arguments, outcome.to_json(), pictures.failure_table(outcome), draw)


def _burst_over_kafka(arguments: Namespace) -> int:
    from caudal.lab import plots
    from caudal.lab.kafka import pictures
    from caudal.lab.kafka.burst import Settings, burst

    if arguments.file:
        raise OptionError("--file and --kafka are two ways", hint="leave one of them out")
    names = ("messages", "threads", "functions", "stages", "repeat", "replicas", "engines", "every", "servers")
    settings = Settings(**_given(arguments, names))
    settings.experiments()
    if not arguments.no_plots:
        plots.check()
    outcome = burst(settings, _say(arguments))
    return _tell(arguments, outcome.to_json(), pictures.burst_table(outcome), partial(pictures.draw_burst, outcome))


def _dos(arguments: Namespace) -> int:
    if not arguments.kafka:
        raise OptionError("lab dos takes --kafka", hint="over files: caudal lab throughput")
    from caudal.lab.kafka import pictures
    from caudal.lab.kafka.denial import Settings, denial

    names = ("events", "threads", "rate", "every", "repeat", "servers", "duckdb")
    outcome = denial(Settings(**_given(arguments, names)).checked(), _say(arguments))
    if arguments.json:
        _print_json("dos", outcome.to_json())
    else:
        print(pictures.denial_table(outcome))
    return 0


def _burst(arguments: Namespace) -> int:
    if arguments.kafka:
        return _burst_over_kafka(arguments)
    for name in ("servers", "every", "replicas", "engines"):
        if getattr(arguments, name) is not None:
            raise OptionError(f"--{name} goes with a burst over Kafka", hint="add --kafka")
    from caudal.lab import plots
    from caudal.lab.burst import Settings, burst, files
    from caudal.lab.figures import burst_table, file_table

    settings = Settings(**_given(arguments, ("messages", "threads", "functions", "stages", "repeat")))
    settings.experiments()
    drawn = not (arguments.no_plots or arguments.file)
    if drawn:
        plots.check()
    outcome = (files if arguments.file else burst)(settings, _say(arguments))
    written = plots.draw(outcome.last, Path(arguments.out or "caudal-lab")) if drawn else []
    if arguments.json:
        experiments = [experiment.to_json() for experiment in outcome.experiments]
        _print_json(
            "file" if arguments.file else "burst", {"experiments": experiments, "plots": list(map(str, written))}
        )
        return 0
    print((file_table if arguments.file else burst_table)(outcome.experiments))
    if written:
        print("\n" + "\n".join(map(str, written)))
    return 0


def _functions(arguments: Namespace) -> int:
    from caudal.lab.figures import call_table
    from caudal.lab.functions import Settings, functions

    settings = Settings(**_given(arguments, ("threads", "repeat", "scale")))
    outcome = functions(settings, _say(arguments))
    if arguments.json:
        _print_json("functions", outcome.to_json())
    else:
        print(call_table(outcome.costs, outcome.loads))
    return 0


def _throughput(arguments: Namespace) -> int:
    from caudal.lab import curves, plots
    from caudal.lab.tables import throughput_table
    from caudal.lab.throughput import Settings, throughput

    names = ("engines", "threads", "events", "local_events", "repeat", "by_hand", "data")
    settings = Settings(**_given(arguments, names)).checked()
    if not arguments.no_plots:
        plots.check()
    outcome = throughput(settings, _say(arguments))
    return _tell(arguments, outcome.to_json(), throughput_table(outcome), partial(curves.draw_throughput, outcome))


def _windows(arguments: Namespace) -> int:
    from caudal.lab import curves, plots
    from caudal.lab.tables import windows_table
    from caudal.lab.windows import Settings, windows

    if arguments.threads is not None and len(arguments.threads) != 1:
        raise OptionError("lab windows takes one number of threads", hint="such as --threads 2")
    given = _given(arguments, ("engines", "events", "windows", "repeat"))
    settings = Settings(**given, threads=arguments.threads[0] if arguments.threads else 0).checked()
    if not arguments.no_plots:
        plots.check()
    outcome = windows(settings, _say(arguments))
    return _tell(arguments, outcome.to_json(), windows_table(outcome), partial(curves.draw_windows, outcome))


_EXPERIMENTS: dict[str, Callable[[Namespace], int]] = {
    "burst": _burst,
    "dos": _dos,
    "failure": _failure,
    "functions": _functions,
    "throughput": _throughput,
    "windows": _windows,
}


def _given(arguments: Namespace, names: Sequence[str]) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(arguments, name)) is not None}


def _tell(arguments: Namespace, figures: dict[str, Any], table: str, draw: Callable[[Path], list[Path]]) -> int:
    """Draw, keep the figures beside the plots, and print them; the plots are named in both."""
    if not arguments.no_plots:
        folder = Path(arguments.out or "caudal-lab")
        written = draw(folder)
        figures = {**figures, "plots": [*map(str, written)]}
        kept = folder / f"{arguments.experiment}.json"
        kept.write_text(_json(arguments.experiment, figures) + "\n", encoding="utf-8")
        table += "\n\n" + "\n".join(map(str, [*written, kept]))
    else:
        figures = {**figures, "plots": []}
    print(_json(arguments.experiment, figures) if arguments.json else table)
    return 0


def _say(arguments: Namespace) -> Any:
    def say(line: str) -> None:
        if not arguments.json:
            print(line, file=sys.stderr, flush=True)

    return say


def _print_json(experiment: str, figures: dict[str, Any]) -> None:
    print(_json(experiment, figures))


def _json(experiment: str, figures: dict[str, Any]) -> str:
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "load": load}
    return json.dumps({"caudal_lab": 1, "experiment": experiment, **machine, **figures})
