"""`caudal lab`: the experiments, a line on standard error for each round, a table or JSON on standard output."""

from __future__ import annotations

import json
import os
import platform
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from caudal.core.errors import OptionError

_OWN = {"burst": ("messages", "functions", "stages", "file", "out", "no_plots"), "functions": ("scale",)}
"""Options that mean nothing to the other experiment."""


def lab(arguments: Namespace) -> int:
    """`caudal lab EXPERIMENT`."""
    for experiment, own in _OWN.items():
        for name in own:
            if experiment != arguments.experiment and getattr(arguments, name) not in (None, False):
                message = f"--{name.replace('_', '-')} means nothing to lab {arguments.experiment}"
                raise OptionError(message, hint=f"caudal lab {experiment} takes it")
    return {"burst": _burst, "functions": _functions}[arguments.experiment](arguments)


def _burst(arguments: Namespace) -> int:
    from caudal.lab import plots
    from caudal.lab.burst import Settings, burst, files
    from caudal.lab.figures import burst_table, file_table

    names = ("messages", "threads", "functions", "stages", "repeat")
    settings = Settings(**{name: value for name in names if (value := getattr(arguments, name)) is not None})
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

    names = ("threads", "repeat", "scale")
    settings = Settings(**{name: value for name in names if (value := getattr(arguments, name)) is not None})
    outcome = functions(settings, _say(arguments))
    if arguments.json:
        _print_json("functions", outcome.to_json())
    else:
        print(call_table(outcome.costs, outcome.loads))
    return 0


def _say(arguments: Namespace) -> Any:
    def say(line: str) -> None:
        if not arguments.json:
            print(line, file=sys.stderr, flush=True)

    return say


def _print_json(experiment: str, figures: dict[str, Any]) -> None:
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    print(json.dumps({"caudal_lab": 1, "experiment": experiment, **machine, **figures}))
